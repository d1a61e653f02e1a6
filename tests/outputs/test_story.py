"""Findings as sentences: numbers a person reads without counting digits, and what a device said before and after."""

from __future__ import annotations

import pytest

from otwatch.alerts.alert import Alert, Severity
from otwatch.outputs.result import BlindSpot, Result
from otwatch.outputs.story import details, span, verdict, what_happened

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.000025, "under 1 ms"),
        (0.0356, "35.6 ms"),
        (12.25, "12.2 s"),
        (119.99, "120 s"),
        (465, "7.75 min"),
        (11_246, "3.12 h"),
        (88_447, "24.6 h"),
        (342_438, "3.96 days"),
        (80_704_107, "934 days"),
        (402_530_410, "4,659 days"),
    ],
)
def test_lengths_of_time_are_written_out(seconds, text):
    assert span(0, round(seconds * SECOND)) == text


def alert(**more) -> Alert:
    known = {"id": "1", "rule": "a.b", "title": "T", "severity": Severity.HIGH, "confidence": 0.9, "src": "10.0.0.5", "dst": "10.0.0.9"}
    return Alert(**{**known, "first_seen_ns": 0, "last_seen_ns": SECOND, "count": 1, **more})


@pytest.mark.parametrize(
    ("count", "seconds", "rate"),
    [
        (131, 1.09, ", 120/s;"),
        (4603, 60, ", 77/s;"),
        (12, 2, ", 6/s;"),
        (9, 465, ", 1.2/min;"),
        (9, 46_500, ", 0.7/h;"),
        (20, 0.5, "20 times;"),  # too short to tell a rate
    ],
)
def test_rates_are_told_in_a_unit_that_fits(count, seconds, rate):
    assert rate in what_happened(alert(count=count, last_seen_ns=round(seconds * SECOND)))


def test_what_a_device_said_before_and_now():
    assert details(alert(evidence={"kind": "firmware", "before": "V2.1", "value": "V2.2"})) == ["firmware: V2.1 before, now V2.2"]


def test_a_verdict_ends_with_one_mark():
    spot = BlindSpot(kind="no-ot-traffic", count=1, text="nothing was seen: is this tap right?", incomplete=True)
    empty = {"captures": [], "unreadable": [], "protocols": {}, "assets": [], "talks": [], "alerts": [], "anomalies": {}}
    result = Result(packets=3, wire_bytes=180, first_ns=0, last_ns=SECOND, operations=0, blind_spots=[spot], **empty)
    assert verdict(result).endswith("Observation incomplete: nothing was seen: is this tap right?")
