"""Every capture of the collection through the whole analysis, with all rules."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from otwatch.capture.files import expand
from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import Policy, RuleDetector
from otwatch.errors import CaptureError
from otwatch.limits import Limits
from otwatch.outputs.jsonl import line, records
from otwatch.outputs.result import Result
from tests.engine.analysing import COLLECTION, shipped

pytestmark = [
    pytest.mark.captures,
    pytest.mark.slow,
    pytest.mark.skipif(not (COLLECTION / "MANIFEST.tsv").is_file(), reason="no capture collection: set OTWATCH_CAPTURES"),
]

# Our packets where the manifest has another number, and why.
PACKETS: dict[str, tuple[int, str]] = {}
# Not listed as one of our protocols, and yet it is spoken there.
SPOKEN: dict[str, dict[str, str]] = {}
OURS = ("modbus", "dnp3", "s7comm")


def manifest() -> Iterator[dict[str, str]]:
    with (COLLECTION / "MANIFEST.tsv").open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)


def analysed(path: str) -> tuple[Result, Analysis]:
    analysis = Analysis(Limits())
    analysis.detector = RuleDetector(analysis.pipeline, Policy(rules=list(shipped())))
    analysis.run([path])
    return analysis.finish(), analysis


def negative(record: Any, place: str = "") -> Iterator[str]:
    """Numbers below zero anywhere in a record."""
    if isinstance(record, dict):
        for name, value in record.items():
            yield from negative(value, f"{place}.{name}")
    elif isinstance(record, list):
        for value in record:
            yield from negative(value, place)
    elif isinstance(record, int | float) and record < 0:
        yield f"{place} {record}"


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Any]:
    """Path in the collection -> what its analysis gave, in a few numbers. An exception in any of them is the test's failure."""
    found = {}
    for path in expand([str(COLLECTION)]):
        result, analysis = analysed(path)
        below = [text for record in records(result) if record["type"] != "alert" for text in negative(record) if ".level" not in text]
        assert all(line(record) for record in analysis.anomaly_records())
        found[str(Path(path).relative_to(COLLECTION))] = (result.packets, result.unreadable, sorted(result.protocols), below)
    return found


def test_every_capture_is_there(outcomes: dict[str, Any]) -> None:
    assert len(outcomes) > 600


def test_packets_are_those_of_the_manifest(outcomes: dict[str, Any]) -> None:
    wrong = {}
    for row in manifest():
        if row["packets"] and row["path"] in outcomes:
            packets = outcomes[row["path"]][0]
            if packets != PACKETS.get(row["path"], (int(row["packets"]), ""))[0]:
                wrong[row["path"]] = (packets, row["packets"])
    assert wrong == {}


def test_nothing_is_unreadable(outcomes: dict[str, Any]) -> None:
    assert {path: told for path, (_, told, _, _) in outcomes.items() if told} == {}


def test_no_counter_is_negative(outcomes: dict[str, Any]) -> None:
    assert {path: below for path, (_, _, _, below) in outcomes.items() if below} == {}


def test_no_protocol_is_seen_where_it_is_not_spoken(outcomes: dict[str, Any]) -> None:
    false = {}
    for row in manifest():
        if row["path"] not in outcomes:
            continue
        listed = set(row["ics"].split(","))
        for name in outcomes[row["path"]][2]:
            if name in OURS and not listed & set(OURS) and name not in SPOKEN.get(row["path"], {}):
                false.setdefault(row["path"], []).append(name)
    assert false == {}


def test_what_is_listed_is_seen(outcomes: dict[str, Any]) -> None:
    """A capture of a protocol in which none of its messages was found would be a blind spot."""
    missed = []
    for row in manifest():
        listed = {name for name in row["ics"].split(",") if name in OURS}
        if row["path"] in outcomes and outcomes[row["path"]][0] and listed - set(outcomes[row["path"]][2]):
            missed.append((row["path"], sorted(listed), outcomes[row["path"]][2]))
    assert missed == []


def test_a_capture_error_is_not_an_exception() -> None:
    result, _ = analysed(str(COLLECTION / "MANIFEST.tsv"))
    assert len(result.unreadable) == 1
    assert isinstance(CaptureError(result.unreadable[0]), OSError)
