"""All rules over all benign captures of the project, without site file and baseline: nothing grave, and little else."""

from __future__ import annotations

import json
import statistics
from functools import cache
from pathlib import Path

import pytest

from otwatch.alerts.alert import Severity
from otwatch.engine.detector import rules_of
from otwatch.engine.proving import alerts_of_capture

PLANT = Path(__file__).parents[2] / "pcaps" / "plant"
# Reported whoever gives them, until a site file or a ticket names them.
DANGEROUS = {"STOP", "START", "RESTART", "PROGRAM_DOWNLOAD", "PROGRAM_DELETE", "FIRMWARE", "FORCE", "TIME_SET"}


def is_benign(capture: Path) -> bool:
    lines = capture.with_suffix(".operations.jsonl").read_text().splitlines()
    return all(json.loads(line)["expected"] == "benign" for line in lines)


BENIGN = [capture for capture in sorted(PLANT.glob("*.pcap")) if is_benign(capture)]


@cache
def found(capture: Path) -> tuple[tuple[str, Severity, str | None], ...]:
    return tuple((alert.rule, alert.severity, alert.action) for alert in alerts_of_capture(capture, rules_of()))


def test_there_are_benign_captures_of_each_kind():
    assert len(BENIGN) >= 10
    assert {capture.name.split("-")[0] for capture in BENIGN} >= {"modbus", "dnp3", "s7comm", "lateral"}


@pytest.mark.parametrize("capture", BENIGN, ids=lambda path: path.stem)
def test_nothing_grave_is_found_in_a_benign_capture(capture):
    assert [one for one in found(capture) if one[1] >= Severity.HIGH and one[2] not in DANGEROUS] == []
    assert sum(one[1] >= Severity.MEDIUM for one in found(capture)) <= 5


def test_most_benign_captures_are_quiet():
    assert statistics.median(sum(one[1] >= Severity.MEDIUM for one in found(capture)) for capture in BENIGN) == 0
