"""The public records: their keys are a contract with everybody who reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from otwatch.alerts.alert import Alert, Severity
from otwatch.inventory.asset import Asset, Child, KnownFact
from otwatch.inventory.inventory import Talk
from otwatch.outputs.alert_records import alert_record, incident_record
from otwatch.outputs.headers import HEADERS
from otwatch.outputs.jsonl import line, summary_record
from otwatch.outputs.records import SCHEMA_VERSION, asset_record, talk_record
from otwatch.outputs.times import time_text
from tests.engine.analysing import PLANT, analyse

GOLDEN = Path(__file__).parents[1] / "golden" / "records.json"
ADVICE = (
    "the keys of a public record changed. A new key is fine: add it to tests/golden/records.json and to docs/reference/records.md. "
    "A key that went or changed its meaning breaks whoever reads it: raise SCHEMA_VERSION in otwatch/outputs/records.py, say so in CHANGELOG.md, "
    "then change the golden file."
)


def exported(kind: str) -> dict[str, Any]:
    from tests.cli.calling import otwatch

    told = otwatch("export", kind, PLANT / ("modbus-identify.pcap" if kind == "facts" else "plant-learn.pcap"))
    return json.loads(told.stdout.splitlines()[0])  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def samples() -> dict[str, dict[str, Any]]:
    """One record of every type."""
    result = analyse(PLANT / "plant-attack.pcap").result
    return {
        "summary": summary_record(result),
        "asset": asset_record(result.assets[0]),
        "conversation": talk_record(result.talks[0]),
        "alert": alert_record(result.alerts[0]),
        "incident": incident_record(result.incidents[0]),
        "operation": exported("operations"),
        "flow": exported("flows"),
        "fact": exported("facts"),
        "anomaly": exported("anomalies"),
    }


KINDS = ("summary", "asset", "conversation", "alert", "incident", "operation", "flow", "fact", "anomaly")


@pytest.mark.parametrize("kind", KINDS)
def test_the_keys_are_those_of_the_contract(kind: str, samples: dict[str, dict[str, Any]]) -> None:
    assert samples[kind]["type"] == kind
    assert sorted(samples[kind]) == sorted(json.loads(GOLDEN.read_text(encoding="utf-8"))[kind]), f"{kind}: {ADVICE}"


def test_every_record_type_is_golden() -> None:
    assert set(json.loads(GOLDEN.read_text(encoding="utf-8"))) == {*KINDS, "schema"}
    assert json.loads(GOLDEN.read_text(encoding="utf-8"))["schema"] == SCHEMA_VERSION, ADVICE


@pytest.mark.parametrize("table", HEADERS)
def test_the_header_of_an_empty_table_is_that_of_its_records(table: str, samples: dict[str, dict[str, Any]]) -> None:
    kind = {"facts": "fact", "anomalies": "anomaly"}.get(table, table.removesuffix("s"))
    assert list(HEADERS[table]) == list(samples[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_is_one_line_of_ascii_json(kind: str, samples: dict[str, dict[str, Any]]) -> None:
    text = line(samples[kind])
    assert text.isascii()
    assert "\n" not in text
    assert json.loads(text) == json.loads(json.dumps(samples[kind]))


@pytest.mark.parametrize(("timestamp_ns", "text"), [
    (0, "1970-01-01T00:00:00.000000000Z"),
    (1_795_314_960_123_456_789, "2026-11-22T02:36:00.123456789Z"),
    (253_402_300_799 * 10**9, "9999-12-31T23:59:59.000000000Z"),
    (2**63 - 1, "2262-04-11T23:47:16.854775807Z"),
    (-1, "1970-01-01T00:00:00.999999999Z"),
])
def test_time_as_text(timestamp_ns: int, text: str) -> None:
    assert time_text(timestamp_ns) == text


def test_an_alert_names_its_severity_and_its_times() -> None:
    alert = Alert(id="x", rule="a.b", title="t", severity=Severity.HIGH, confidence=0.5, first_seen_ns=0, last_seen_ns=10**9, count=2, src="a",
                  dst="b", attack=("T0855",), frames=(1, 2))
    record = alert_record(alert)
    assert (record["severity"], record["attack"], record["frames"]) == ("high", ["T0855"], [1, 2])
    assert (record["time"], record["last_seen"]) == ("1970-01-01T00:00:00.000000000Z", "1970-01-01T00:00:01.000000000Z")
    assert "first_seen_ns" not in record


def test_an_asset_holds_plain_values() -> None:
    fact = KnownFact(kind="vendor", value="ACME", source="s", confidence=1.0, frame=1, file="f")
    record = asset_record(Asset(id="10.0.0.1", addresses=["10.0.0.1"], macs=[], facts=[fact],
                                children=[Child(name="unit 1", protocol="modbus", unit=1, messages=2, answered=True)]))
    assert record["facts"][0]["value"] == "ACME"
    assert record["children"][0]["name"] == "unit 1"
    assert json.loads(json.dumps(record)) == record


def test_a_conversation_holds_plain_values() -> None:
    talk = Talk(client="a", server="b", service="modbus", protocol="modbus", server_port=502, first_seen_ns=0, last_seen_ns=0, flows=1,
                counts={"pdus": 3})
    assert talk_record(talk)["counts"] == {"pdus": 3}
