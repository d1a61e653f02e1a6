"""Findings as sentences."""

from __future__ import annotations

from typing import Any

import pytest

from otwatch.alerts.alert import Alert, Severity
from otwatch.alerts.outcome import Outcome
from otwatch.alerts.story import value_text
from otwatch.outputs.story import between, clock, plural, span, time_of_day, what_happened


def alert(**more: Any) -> Alert:
    given: dict[str, Any] = {"id": "x", "rule": "a.b", "title": "t", "severity": Severity.HIGH, "confidence": 0.9, "first_seen_ns": 10**18,
                             "last_seen_ns": 10**18, "count": 1, "src": "10.0.0.5", "dst": "10.0.0.9", **more}
    return Alert(**given)


def test_nobody_is_not_told_as_who_did_it() -> None:
    assert not what_happened(alert(src="-", dst="-")).startswith("-")
    assert what_happened(alert(src="10.0.0.5", dst="-")).startswith("10.0.0.5 → -")


def test_who_did_what_to_whom() -> None:
    text = what_happened(alert(src_name="hmi", dst_zone="cell", protocol="modbus", action="WRITE", function_name="write_single_register",
                               object="40101", value=900, count=4, last_seen_ns=10**18 + 2 * 10**9, outcome=Outcome.CONFIRMED))
    for part in ("10.0.0.5 (hmi)", "10.0.0.9 (cell)", "modbus write_single_register 40101 = 900", "4 times, 2/s", "2001-09-09 01:46:40",
                 "confirmed by the device"):
        assert part in text


@pytest.mark.parametrize(("value", "text"), [
    (7, "7"), ([1, 2, 3], "1, 2, 3"), (list(range(20)), "0, 1, 2, 3, 4, 5, 6, 7 …"), ({"state": "on", "count": 0, "flags": None}, "state on"),
    ("x" * 200, "x" * 90 + "…"), (True, "true"), ([False] * 8, "8 × false"),
])
def test_values_in_a_few_words(value: Any, text: str) -> None:
    assert value_text(value) == text


def test_a_time_says_nothing_twice() -> None:
    noon = 1_795_348_800 * 10**9
    assert between(noon, noon + 10**8) == "2026-11-22 12:00:00"
    assert between(noon, noon + 9 * 10**9) == "2026-11-22 12:00:00 to 12:00:09"
    assert between(noon, noon + 86_400 * 10**9) == "2026-11-22 12:00:00 to 2026-11-23 12:00:00"
    assert time_of_day(noon + 10**9, noon) == "12:00:01"
    assert time_of_day(noon + 86_400 * 10**9, noon) == "11-23 12:00:00"


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (12.5, "12.5 s"), (300, "5 min"), (9000, "2.5 h")])
def test_spans(seconds: float, text: str) -> None:
    assert span(0, int(seconds * 10**9)) == text


def test_no_time_is_a_dash() -> None:
    assert (clock(None), span(None, 5)) == ("-", "-")
    assert clock(2**63 - 1).startswith("2262-04-11")


def test_plural() -> None:
    assert (plural(1, "packet"), plural(2000, "packet")) == ("1 packet", "2,000 packets")
