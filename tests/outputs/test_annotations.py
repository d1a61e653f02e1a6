"""Acks, notes and snoozes: nothing is deleted, and a snooze ends by itself when there is more to see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from otwatch.errors import CaptureError
from otwatch.limits import Limits
from otwatch.outputs.annotations import FILE, Annotations, annotate, annotation_of
from otwatch.outputs.siem.spool import Spool
from otwatch.outputs.store import Store
from otwatch.sensor.config import read_config
from otwatch.sensor.replay import replay_batches
from otwatch.sensor.sensor import Sensor
from tests.cli.calling import otwatch
from tests.outputs.siem.receivers import alert

PLANT = Path(__file__).parents[2] / "pcaps" / "plant"
NOW, LATER = "2026-11-22T03:00:00.000000000Z", "2026-12-01T00:00:00.000000000Z"


def snoozed(folder: Path, **changes: Any) -> str:
    """Whether a record is still snoozed, after a snooze of what it was."""
    before = alert(incident="feed", outcome="refused", evidence={"targets": ["10.0.1.11"]})
    annotate(folder, annotation_of(before, "snooze", name="kim", reason="planned", time=NOW, until=LATER))
    return Annotations(folder).snoozed_until({**before, **changes}, changes.pop("now", NOW))


@pytest.mark.parametrize(("changes", "holds"), [
    ({}, True), ({"count": 99, "occurrence": 4}, True), ({"severity": "medium"}, True), ({"severity": "critical"}, False),
    ({"dst": "10.0.1.12"}, False), ({"dst": "10.0.1.11"}, True), ({"evidence": {"targets": ["10.0.1.11", "10.0.1.13"]}}, False),
    ({"outcome": "confirmed"}, False), ({"outcome": "partly_refused"}, False), ({"outcome": "unanswered"}, True), ({"id": "another"}, False),
])
def test_a_snooze_holds_until_there_is_more_to_see(tmp_path: Path, changes: dict[str, Any], holds: bool) -> None:
    assert snoozed(tmp_path, **changes) == (LATER if holds else "")


def test_a_snooze_ends_at_its_time(tmp_path: Path) -> None:
    assert snoozed(tmp_path, now=LATER) == ""


def test_an_alert_is_snoozed_with_its_incident(tmp_path: Path) -> None:
    incident = {**alert(id="feed", incident="feed"), "type": "incident", "targets": ["10.0.1.10"]}
    annotate(tmp_path, annotation_of(incident, "snooze", name="kim", reason="planned", time=NOW, until=LATER))
    assert Annotations(tmp_path).snoozed_until(alert(incident="feed"), NOW) == LATER


def test_damaged_lines_and_a_missing_file_are_nothing(tmp_path: Path) -> None:
    known = Annotations(tmp_path)
    assert known.of(alert()) == []
    annotate(tmp_path, annotation_of(alert(), "ack", name="kim", reason="seen\nforged", time=NOW))
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"id": 7}\n\xff\xfe\n{"id": "0123456789abcdef", "kind": "note"')
    assert [(one.kind, one.reason) for one in known.of(alert())] == [("ack", "seen\nforged")]


def test_the_commands_find_an_alert_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    database = tmp_path / "s.sqlite"
    store = Store(database)
    store.alert(alert(), 1)
    store.alert(alert(id="0123ffffffffffff"), 2)
    store.close()
    places = ("--state", str(tmp_path), "--db", str(database))
    assert "2 alerts and incidents begin with '0123'" in otwatch("alerts", "ack", "0123", "--reason", "x", *places).stderr
    assert "nothing in the store" in otwatch("alerts", "ack", "9999", "--reason", "x", *places).stderr
    assert "is over already" in otwatch("alerts", "snooze", "01234", "--until", "2020-01-01", "--reason", "x", *places).stderr
    assert otwatch("alerts", "ack", "01234", "--name", "kim", "--reason", "planned\x1b[31m", *places).returncode == 0
    assert otwatch("alerts", "snooze", "01234", "--until", "2100-01-01", "--name", "kim", "--reason", "commissioning", *places).returncode == 0
    listed = otwatch("alerts", *places)
    assert listed.returncode == 0
    assert "\x1b" not in listed.stdout
    records = [json.loads(line) for line in otwatch("alerts", *places, "--format", "jsonl").stdout.splitlines()]
    said = {record["id"]: [(one["kind"], one["name"]) for one in record.get("annotations", [])] for record in records}
    assert said == {"0123456789abcdef": [("ack", "kim"), ("snooze", "kim")], "0123ffffffffffff": []}


def test_a_snoozed_alert_still_leaves_and_says_so(tmp_path: Path) -> None:
    """The same attack before and after a snooze of all that it raised."""

    def reported(folder: Path) -> list[dict[str, Any]]:
        config = read_config(None, {"sensor.state": str(folder), "sensor.name": "sensor-7", "outputs.heartbeat_seconds": 0})
        running = Sensor(config, (), packet_time=True)
        running.replay(replay_batches([str(PLANT / "s7comm-stop.pcap")], Limits()))
        running.close()
        spool = Spool(folder / "spool")
        records = [event.record for event in spool.reader(0).read(1000) if event.record["type"] in ("alert", "incident")]
        spool.close()
        return records

    first = reported(tmp_path / "one")
    assert first
    assert all("snoozed_until" not in record for record in first)
    (tmp_path / "two").mkdir()
    for record in first:
        annotate(tmp_path / "two", annotation_of(record, "snooze", name="kim", reason="planned", time=NOW, until=LATER))
    second = reported(tmp_path / "two")
    assert [record["id"] for record in second] == [record["id"] for record in first], "nothing is held back"
    assert any(record.get("snoozed_until") == LATER for record in second)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="--state"):
        annotate(tmp_path / "none", annotation_of(alert(), "ack", name="kim", reason="x", time=NOW))
