"""The description of the rule language is that of the language that is read; rule files keep to its schema."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from otwatch import documents
from otwatch.engine.detector import rules_of
from otwatch.rules import language
from otwatch.rules.fields import OPERATORS, Stage
from otwatch.rules.load import STATUSES
from tests.rules.test_load import mistakes

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs" / "reference" / "rule.schema.json").read_text())
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}


def wrong(value: Any, schema: dict[str, Any], place: str = "") -> list[str]:
    """What of a value breaks a schema: as much of JSON Schema as this one uses."""
    if "$ref" in schema:
        return wrong(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], place)
    found = []
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool)) for name in types):
        return [f"{place}: {value!r} is no {types}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{place}: {value!r} is none of {schema['enum'][:9]}")
    if "const" in schema and value != schema["const"]:
        found.append(f"{place}: {value!r} is not {schema['const']}")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{place}: {value!r} does not fit {schema['pattern']}")
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        found += [f"{place}: no {name}" for name in schema.get("required", ()) if name not in value]
        for name, item in value.items():
            if name in properties:
                found += wrong(item, properties[name], f"{place}.{name}")
            elif schema.get("additionalProperties", True) is False:
                found.append(f"{place}: {name} is unknown")
    if isinstance(value, list) and "items" in schema:
        found += [text for number, item in enumerate(value) for text in wrong(item, schema["items"], f"{place}[{number}]")]
    if "anyOf" in schema:
        tried = [wrong(value, one, place) for one in schema["anyOf"]]
        found += [] if [] in tried else [text for texts in tried for text in texts]
    for one in schema.get("allOf", ()):
        if not wrong(value, one["if"], place):
            found += wrong(value, one["then"], place)
    return found


@pytest.mark.parametrize("path", sorted((ROOT / "rules").rglob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_rules_keep_to_the_schema(path):
    assert wrong(yaml.safe_load(path.read_text()), SCHEMA) == []


HEAD = {"id": "a.b", "title": "t", "status": "test", "severity": "low", "why": "w"}


@pytest.mark.parametrize(
    ("more", "part"),
    [
        ({"where": {"acton": "WRITE"}}, "acton is unknown"),
        ({"where": {"action": "WRTE"}}, "'WRTE' is none of"),
        ({"table": "flows", "where": {"action": "WRITE"}}, "action is unknown"),
        ({"where": {"any": [{"unit": 1}, {"unit|contains": "1"}]}}, "unit|contains is unknown"),
        ({"where": {"unit": "one"}}, "'one' is no"),
        ({"where": {"area": "holding_registre"}}, "'holding_registre' is none of"),
        ({"where": {"unit": 1}, "window": {"for": "soon", "at_least": 2}}, "'soon' does not fit"),
        ({"where": {"unit": 1}, "severity": "grave"}, "'grave' is none of"),
        ({"where": {"unit": 1}, "whi": "x"}, "whi is unknown"),
    ],
)
def test_the_schema_finds_mistakes(more, part):
    assert any(part in text for text in wrong({**HEAD, **more}, SCHEMA)), wrong({**HEAD, **more}, SCHEMA)


def test_keys_are_those_that_the_loader_asks_for(tmp_path, monkeypatch):
    asked: dict[str, set[str]] = {}
    done = documents.Mapping.done

    def noted(self: Any) -> None:
        asked.setdefault(self.what, set()).update(self.asked)
        done(self)

    monkeypatch.setattr(documents.Mapping, "done", noted)
    rules_of()
    expected = {
        "a rule": language.RULE_KEYS,
        '"window"': language.WINDOW_KEYS,
        '"sequence"': language.SEQUENCE_KEYS,
        "a step": language.STEP_KEYS,
        "a test": language.TEST_KEYS,
        '"expect"': language.EXPECT_KEYS,
    }
    assert {what: asked[what] for what in expected} == {what: set(keys) for what, keys in expected.items()}


def test_every_word_of_the_language_is_described(tmp_path):
    assert set(language.OPERATOR_WORDS) == {operator for operators in OPERATORS.values() for operator in operators}
    assert tuple(language.STATUSES) == STATUSES
    assert list(language.STAGES) == [stage.name for stage in Stage]
    head = "id: a.b\ntitle: t\nstatus: draft\nseverity: low\nwhy: w\n"
    assert "operations has no field" in mistakes(tmp_path, f"{head}where: {{nobody: 1}}\n")[0]
    for key in set(language.CONDITION_KEYS) - {"match"}:
        (tmp_path / "r.yaml").write_text(f"{head}where: {{{key}: {{unit: 1}}}}\n")
