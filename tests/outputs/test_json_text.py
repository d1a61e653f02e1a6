"""What is written as JSON is JSON for everybody, whatever came from the wire."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otwatch.outputs.json_text import json_text
from otwatch.outputs.jsonl import line
from otwatch.outputs.rotating import RotatingLines
from otwatch.outputs.siem.bodies import BODIES
from otwatch.outputs.siem.event import Event
from otwatch.outputs.siem.reading import stored_events
from otwatch.outputs.siem.spool import Spool
from otwatch.outputs.store import Store, StoreReader
from otwatch.outputs.tables import TableWriter
from tests.outputs.siem.receivers import SENSOR, alert


def strict(text: str) -> Any:
    """As a reader in another language has it: no NaN, and text that can be UTF-8."""

    def refused(name: str) -> Any:
        raise AssertionError(f"{name} is not JSON")

    document = json.loads(text, parse_constant=refused)
    json.dumps(document, ensure_ascii=False).encode("utf-8")
    return document


@pytest.mark.parametrize(("value", "said"), [
    (math.nan, "nan"), (-math.inf, "-inf"), ([1, math.inf], [1, "inf"]), ({"a": (math.nan,)}, {"a": ["nan"]}), ({math.nan: 1}, {"nan": 1}),
    ({("a", 1): 2}, {"('a', 1)": 2}), ("caf\udce9.pcap", "caf\ufffd.pcap"), ("\U0001f600", "\U0001f600"), ("\\ud83d", "\\ud83d"), (True, True),
    ("\ud83dx", "\ufffdx"), ({"a\udc00": None}, {"a\ufffd": None}), (1.5, 1.5), (2**70, 2**70)])
def test_what_json_cannot_say_is_text(value: Any, said: Any) -> None:
    text = json_text(value)
    assert strict(text) == said
    assert text.isascii()


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)) | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec=None)) | st.floats() | st.integers(), inner, max_size=3),
    max_leaves=8)


@given(ANYTHING)
def test_anything_is_one_line_of_json(value: Any) -> None:
    text = json_text(value)
    strict(text)
    assert text.isascii()
    assert text.isprintable()


NOT_FINITE = {"value": math.nan, "evidence": {"rate": math.inf, "list": [math.nan, {"deep": -math.inf}]}, "confidence": math.nan, "unit": math.inf}


@pytest.mark.parametrize("form", ["ecs", "json"])
def test_bodies(form: str) -> None:
    document = strict(BODIES[form](Event(sequence=1, record=alert(**NOT_FINITE)), SENSOR))
    assert document["otwatch" if form == "ecs" else "evidence"]


def test_every_file(tmp_path: Path) -> None:
    record = alert(**NOT_FINITE)
    assert strict(line(record))["value"] == "nan"
    lines = RotatingLines(tmp_path / "x.jsonl")
    lines.write(record)
    lines.close()
    assert strict((tmp_path / "x.jsonl").read_text())["evidence"]["rate"] == "inf"
    with TableWriter(str(tmp_path / "t.jsonl")) as writer:
        writer.write([record])
    assert strict((tmp_path / "t.jsonl").read_text())["evidence"]["list"] == ["nan", {"deep": "-inf"}]
    with TableWriter(str(tmp_path / "t.csv")) as writer:
        writer.write([record])
    assert "NaN" not in (tmp_path / "t.csv").read_text()
    store = Store(tmp_path / "x.sqlite")
    store.alert(record, 1)
    store.close()
    assert next(StoreReader(tmp_path / "x.sqlite").alerts(severities=["high"]))["confidence"] == "nan"
    spool = Spool(tmp_path / "spool")
    spool.append(record)
    spool.close()
    assert next(stored_events(tmp_path / "spool")).record["value"] == "nan"
