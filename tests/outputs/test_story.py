"""Findings as sentences."""

from __future__ import annotations

from typing import Any

import pytest

from otwatch.alerts.alert import Alert, Severity
from otwatch.alerts.evidence import Evidence
from otwatch.outputs.result import BlindSpot, Result
from otwatch.outputs.story import LOOK_FIRST, clock, look_first, plural, span, value_text, verdict, what_happened


def alert(**more: Any) -> Alert:
    given: dict[str, Any] = {"id": "x", "rule": "a.b", "title": "t", "severity": Severity.HIGH, "confidence": 0.9, "first_seen_ns": 10**18,
                             "last_seen_ns": 10**18, "count": 1, "src": "10.0.0.5", "dst": "10.0.0.9", **more}
    return Alert(**given)


def result(alerts: list[Alert] | None = None, **more: Any) -> Result:
    given: dict[str, Any] = {"captures": [], "unreadable": [], "packets": 2000, "wire_bytes": 1, "first_ns": 0, "last_ns": 60 * 10**9,
                             "operations": 5, "protocols": {}, "assets": [], "talks": [],
                             "alerts": alerts or [], "anomalies": {}, "blind_spots": [], **more}
    return Result(**given)


def test_nothing_found_says_what_was_observed() -> None:
    assert verdict(result()) == "Nothing of what is looked for was found in 2,000 packets over 60 s."


def test_nothing_read_is_no_verdict() -> None:
    assert verdict(result(packets=0)) == "Nothing was read: there is no verdict."


def test_only_notes_are_nothing_grave() -> None:
    assert verdict(result([alert(severity=Severity.LOW)])).startswith("Nothing grave in 2,000 packets over 60 s: 1 note of low severity")


def test_what_is_for_information_is_not_called_of_low_severity() -> None:
    info = alert(severity=Severity.INFO)
    assert "s: 1 note for information." in verdict(result([info]))
    assert "s: 2 notes (1 low, 1 info)." in verdict(result([info, alert(severity=Severity.LOW)]))


def test_nobody_is_not_told_as_who_did_it() -> None:
    assert not what_happened(alert(src="-", dst="-")).startswith("-")
    assert what_happened(alert(src="10.0.0.5", dst="-")).startswith("10.0.0.5 → -")


def test_commands_that_are_taken_for_the_operators_are_said_first() -> None:
    note = alert(severity=Severity.INFO, count=60, evidence=Evidence(matched={"writer": "polls"}))
    assert "Commands were given: 10.0.0.5 → 10.0.0.9 (60 times). They are taken for the operator's" in verdict(result([note]))
    assert "Commands were given" not in verdict(result([alert(severity=Severity.INFO, evidence=Evidence(matched={"writer": "permitted"}))]))


def test_incidents_are_counted_by_severity() -> None:
    text = verdict(result([alert(), alert(severity=Severity.CRITICAL), alert(severity=Severity.LOW)]))
    assert "2 incidents to look at (1 critical, 1 high)" in text


def test_too_little_seen_is_said() -> None:
    spot = BlindSpot(kind="no-ot-traffic", count=1, text="no message of a protocol was seen", incomplete=True)
    assert "Observation incomplete: no message of a protocol was seen." in verdict(result(blind_spots=[spot]))


def test_look_first_takes_the_gravest_and_at_most_five() -> None:
    many = [alert(rule=f"a.{number}", dst=f"10.0.1.{number}", severity=Severity(number % 5)) for number in range(30)]
    chosen = look_first(many)
    assert len(chosen) == LOOK_FIRST
    assert {one.severity for one in chosen} == {Severity.CRITICAL}


def test_look_first_prefers_another_story_to_the_same_again() -> None:
    same = [alert(first_seen_ns=10**18 + number) for number in range(9)]
    other = alert(rule="c.d", src="10.0.0.7", first_seen_ns=2 * 10**18)
    assert other in look_first([*same, other])


def test_look_first_leaves_out_notes() -> None:
    assert look_first([alert(severity=Severity.LOW), alert(severity=Severity.INFO)]) == []


def test_who_did_what_to_whom() -> None:
    text = what_happened(alert(src_name="hmi", dst_zone="cell", protocol="modbus", action="WRITE", function_name="write_single_register",
                               object="40101", value=900, count=4, last_seen_ns=10**18 + 2 * 10**9, outcome="confirmed"))
    for part in ("10.0.0.5 (hmi)", "10.0.0.9 (cell)", "modbus write_single_register 40101 = 900", "4 times, 2/s", "2001-09-09 01:46:40",
                 "confirmed by the device"):
        assert part in text


@pytest.mark.parametrize(("value", "text"), [
    (7, "7"), ([1, 2, 3], "1, 2, 3"), (list(range(20)), "0, 1, 2, 3, 4, 5, 6, 7 …"), ({"state": "on", "count": 0, "flags": None}, "state on"),
    ("x" * 200, "x" * 90 + "…"),
])
def test_values_in_a_few_words(value: Any, text: str) -> None:
    assert value_text(value) == text


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (12.5, "12.5 s"), (300, "5 min"), (9000, "2.5 h")])
def test_spans(seconds: float, text: str) -> None:
    assert span(0, int(seconds * 10**9)) == text


def test_no_time_is_a_dash() -> None:
    assert (clock(None), span(None, 5)) == ("-", "-")
    assert clock(2**63 - 1).startswith("2262-04-11")


def test_plural() -> None:
    assert (plural(1, "packet"), plural(2000, "packet")) == ("1 packet", "2,000 packets")
