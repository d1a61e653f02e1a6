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
    pytest.mark.extended,
    pytest.mark.skipif(not (COLLECTION / "MANIFEST.tsv").is_file(), reason="no capture collection: set OTWATCH_CAPTURES"),
]

# Our packets where the manifest has another number, and why.
PACKETS: dict[str, tuple[int, str]] = {}
# Seen by us where the manifest lists none of our protocols, and why.
SPOKEN: dict[str, tuple[str, str]] = {
    "derived-slices/QUT_DNP3_attacks_training_0750-0955Z.pcap": ("dnp3", "it is DNP3; the manifest leaves the column empty"),
    "zeek-zeek/testing/btest/Traces/dnp3/dnp3_read_p20001.pcap": ("dnp3", "DNP3 on port 20001 is real"),
}
# Listed as one of our protocols, but without a message that could be an operation.
SILENT: dict[str, str] = {
    "ITI-ICS-Security-Tools/pcaps/dnp3/opendnp3-3/conformance/6.6.2.3/dump.pcap": "link frames with an empty transport segment",
    "OISF-suricata-verify/tests/dnp3/dnp3-too-long-reassembly-request/input.pcap": "one fragment that never ends",
    "zeek-zeek/testing/btest/Traces/dnp3/dnp3-flowbuffer-overflow-assert.pcap": "segments out of sequence, none of them a whole fragment",
}
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
    """Numbers below zero anywhere in a record that are no values of a process."""
    if isinstance(record, dict):
        for name, value in record.items():
            if f"{place}.{name}".endswith((".value.value", ".before.value")):  # what was written or measured
                continue
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
        found[str(Path(path).relative_to(COLLECTION))] = (result.packets, result.unreadable, result.protocols, below)
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
        if row["path"] not in outcomes or set(row["ics"].split(",")) & set(OURS):
            continue
        for name, counts in outcomes[row["path"]][2].items():
            cotp_only = name == "s7comm" and set(counts["actions"]) == {"CONNECT"}  # an ISO transport connection, before its content says for whom
            if name in OURS and not cotp_only and name != SPOKEN.get(row["path"], ("",))[0]:
                false[row["path"]] = (name, counts)
    assert false == {}


def test_what_is_listed_is_seen(outcomes: dict[str, Any]) -> None:
    """A capture of a protocol in which none of its messages was found would be a blind spot."""
    missed = {}
    for row in manifest():
        listed = {name for name in row["ics"].split(",") if name in OURS}
        if row["path"] in outcomes and outcomes[row["path"]][0] and listed - set(outcomes[row["path"]][2]) and row["path"] not in SILENT:
            missed[row["path"]] = (sorted(listed), sorted(outcomes[row["path"]][2]))
    assert missed == {}


def test_exceptions_are_still_needed(outcomes: dict[str, Any]) -> None:
    assert [path for path, (name, _) in SPOKEN.items() if path in outcomes and name not in outcomes[path][2]] == []
    assert [path for path in SILENT if path in outcomes and outcomes[path][2]] == []


def test_a_capture_error_is_not_an_exception() -> None:
    result, _ = analysed(str(COLLECTION / "MANIFEST.tsv"))
    assert len(result.unreadable) == 1
    assert isinstance(CaptureError(result.unreadable[0]), OSError)
