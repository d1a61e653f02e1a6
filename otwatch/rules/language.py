"""The rule language described: its keys, operators and statuses in words, and the JSON Schema that editors check rule files with.

docs/reference/rule-language.md and docs/reference/rule.schema.json are written from here and from fields.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from otwatch.alerts.alert import Severity
from otwatch.rules.fields import OPERATORS, TABLES, Field

STATUSES: Final = {
    "draft": "not loaded; its tests can be run",
    "test": "loaded; proven by rows that fire and rows that stay silent",
    "stable": "loaded; proven by rows, and where it can be by captures of real traffic",
    "deprecated": "not loaded; kept so that its id keeps its meaning",
}
RULE_KEYS: Final = {
    "id": "topic.what-happened in lower case; never changes",
    "title": "what was detected, as a noun phrase",
    "status": "draft, test, stable or deprecated",
    "severity": "info, low, medium, high or critical, when nothing else is known of source and target",
    "attack": "techniques of ATT&CK for ICS",
    "table": "the table whose rows it looks at: operations (default), behaviours, flows, anomalies, facts, …",
    "where": "the conditions",
    "window": "how many rows make a finding, in which time",
    "sequence": "steps that must follow one another, instead of where",
    "group": "what makes one alert: [src, dst] (default), [src] or [dst]",
    "why": "what was observed, why it matters, what to check first",
    "false_positives": "what looks the same and is no attack",
    "references": "links",
    "catalogue": "rows of the detection catalogue that it covers",
    "tests": "its proofs",
}
WINDOW_KEYS: Final = {
    "by": "fields whose values are counted apart; src and dst where nothing is said",
    "for": "the time, as 500ms, 10s, 5m, 1h or 2d",
    "at_least": "so many rows",
    "times_habit": "fire only when there are also more than so many times the most rows that these values of `by` had in any earlier piece of this "
    "time; silent before three such pieces have passed",
    "distinct": "count different values of this field instead of rows; a value that is not known counts for nothing",
}
SEQUENCE_KEYS: Final = {"within": "the time from one step to the next", "steps": "at least two, in order"}
STEP_KEYS: Final = {"table": "as of a rule", "where": "as of a rule", "key": "the field whose value ties the steps together"}
TEST_KEYS: Final = {
    "rows": "rows written by hand",
    "capture": "or a capture file, from the rule's folder",
    "site": "text of a site file",
    "learn": "rows that a baseline is learned from before",
    "intel": "text of a list of indicators: threat intelligence as --intel reads it",
    "expect": "what must come out",
}
EXPECT_KEYS: Final = {
    "alerts": "how many alerts",
    "count": "how many rows all of them hold",
    "frames": "frames that are among theirs",
}
CONDITION_KEYS: Final = {
    "any": "one of several conditions must hold",
    "all": "each of several conditions must hold",
    "not": "the condition must not hold; where it cannot be seen, neither does this",
    "unless": "an exception that a site file or a baseline gives: the rest holds unless it is known that this does",
    "match": "the conditions of another rule on the same table, without window and sequence, or of one of several",
}
OPERATOR_WORDS: Final = {
    "in": "equal to one of the values (the default: `unit: 3` is `unit|in: [3]`)",
    "not": "there is a value, and it is none of these",
    "ge": "at least",
    "gt": "more than",
    "le": "at most",
    "lt": "less than",
    "cidr": "within one of these networks",
    "contains": "holds one of these texts",
    "startswith": "begins with one of these texts",
    "known": "true: it is known; false: this tap, or a missing site file, baseline or list of indicators, does not show it",
}
NAMED_NUMBERS: Final = ("area", "function", "status")  # numbers that may be written by name
STAGES: Final = {
    "SIGNATURE": "once for each kind of message or event",
    "PAIR": "once for each pair of addresses",
    "REST": "once for each behaviour",
    "ROW": "of every message whose behaviour passed the others",
    "OUTCOME": "three seconds of packet time after the connection opened",
    "LATE": "as it was known at the row's packet time",
}


def rule_schema(*, protocols: Iterable[str], anomalies: Iterable[str], areas: Iterable[str], functions: Iterable[str]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a rule file."""
    words = {"protocol": sorted(protocols), "anomaly": sorted(anomalies), "area": sorted(areas), "function": sorted(functions)}
    definitions = _operands(words)
    for table, fields in TABLES.items():
        definitions[f"where-{table}"] = _some(f"condition-{table}")
        definitions[f"condition-{table}"] = _condition(table, fields)
    strings = _listed({"type": "string"})
    every_field = sorted({name for fields in TABLES.values() for name in fields})
    where = [
        {
            "if": {"properties": {"table": {"const": table}}, **({} if table == "operations" else {"required": ["table"]})},
            "then": {"properties": {"where": {"$ref": f"#/$defs/where-{table}"}}},
        }
        for table in TABLES
    ]
    window = {
        "by": _listed({"enum": every_field}),
        "for": {"type": "string", "pattern": r"^\d+(\.\d+)?\s*(ms|s|m|h|d)$"},
        "at_least": {"type": "integer", "minimum": 1, "maximum": 100_000},
        "distinct": {"enum": every_field},
        "times_habit": {"type": "integer", "minimum": 1, "maximum": 1000},
    }
    step = {"table": {"enum": list(TABLES)}, "where": {"type": ["object", "array"]}, "key": {"enum": every_field}}
    number = {"type": "integer", "minimum": 0}
    expect = _object({"alerts": number, "count": number, "frames": _listed({"type": ["integer", "string"]})}, EXPECT_KEYS, ["alerts"])
    test = {
        "rows": {"type": "array", "items": {"type": "object"}},
        "capture": {"type": "string"},
        "site": {"type": "string"},
        "learn": {"type": "array", "items": {"type": "object"}},
        "intel": {"type": "string"},
        "expect": expect,
    }
    rule = {
        "id": {"type": "string", "pattern": r"^[a-z0-9]+(?:[-_][a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)+$"},
        "title": {"type": "string"},
        "status": {"enum": list(STATUSES)},
        "severity": {"enum": [step.label for step in Severity]},
        "attack": _listed({"type": "string", "pattern": r"^T\d{4}(?:\.\d{3})?$"}),
        "table": {"enum": list(TABLES)},
        "where": {"type": ["object", "array"]},
        "window": _object(window, WINDOW_KEYS, ["for", "at_least"]),
        "sequence": _object(
            {"within": window["for"], "steps": {"type": "array", "minItems": 2, "items": _object(step, STEP_KEYS, ["where", "key"])}},
            SEQUENCE_KEYS,
            ["within", "steps"],
        ),
        "group": _listed({"enum": ["src", "dst"]}),
            "why": {"type": "string"},
        "false_positives": strings,
        "references": strings,
        "catalogue": strings,
        "tests": {"type": "array", "items": _object(test, TEST_KEYS, ["expect"])},
    }
    definitions["rule"] = {**_object(rule, RULE_KEYS, ["id", "title", "status", "severity", "why"]), "allOf": where}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "otwatch rule file",
        "anyOf": [{"$ref": "#/$defs/rule"}, {"type": "array", "items": {"$ref": "#/$defs/rule"}}],
        "$defs": definitions,
    }


def _object(properties: dict[str, Any], words: dict[str, str], required: list[str]) -> dict[str, Any]:
    described = {name: {**schema, "description": words[name]} if name in words else schema for name, schema in properties.items()}
    return {"type": "object", "properties": described, "required": required, "additionalProperties": False}


def _listed(one: dict[str, Any]) -> dict[str, Any]:
    """One, or a list of them."""
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


def _some(definition: str) -> dict[str, Any]:
    return _listed({"$ref": f"#/$defs/{definition}"})


def _condition(table: str, fields: dict[str, Field]) -> dict[str, Any]:
    itself = _some(f"condition-{table}")
    properties: dict[str, Any] = {
        **{key: {**itself, "description": CONDITION_KEYS[key]} for key in ("any", "all", "not", "unless")},
        "match": {**_ref("strings"), "description": CONDITION_KEYS["match"]},
    }
    for name, field in fields.items():
        properties[name] = {**_ref(_operand(field, "in")), "description": field.doc}
        for operator in OPERATORS[field.kind]:
            properties[f"{name}|{operator}"] = _ref(_operand(field, operator))
    return {"type": "object", "properties": properties, "additionalProperties": False, "minProperties": 1}


def _operands(words: dict[str, list[str]]) -> dict[str, Any]:
    """What values are compared with, by name: one of them, or a list."""
    number: dict[str, Any] = {"type": "number"}
    found = {
        "truths": {"type": "boolean"},
        "numbers": number,
        "strings": {"type": "string"},
        "texts": {"type": ["string", "integer"]},
        "values": {"type": ["number", "string", "boolean"]},
        **{f"{name}s-or-numbers": {"anyOf": [number, {"enum": words[name]}]} for name in ("area", "function") if words[name]},
        "status-or-numbers": {"type": ["number", "string"]},
        **{f"words-{name}": {"enum": words[name]} for name in ("protocol", "anomaly") if words[name]},
    }
    for fields in TABLES.values():
        found.update({f"words-{field.name}": {"enum": list(field.words)} for field in fields.values() if field.words})
    return {name: _listed(schema) for name, schema in found.items()}


def _operand(field: Field, operator: str) -> str:
    """The name of what a field is compared with."""
    if operator == "known" or field.kind == "truth":
        return "truths"
    if field.kind == "number" or operator in ("ge", "gt", "le", "lt"):
        if operator in ("in", "not") and field.name in NAMED_NUMBERS:
            return "status-or-numbers" if field.name == "status" else f"{field.name}s-or-numbers"
        return "numbers"
    if field.kind == "address":
        return "strings"
    if field.kind == "any":
        return "values"
    return f"words-{field.name}" if operator in ("in", "not") and (field.words or field.name in ("protocol", "anomaly")) else "texts"


def _ref(definition: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{definition}"}
