"""The view: verdict lines, coverage, incidents in words."""

from __future__ import annotations

from typing import Any

import pytest

from otwatch.alerts.alert import Severity
from otwatch.alerts.coverage import Coverage, Reason, Why
from otwatch.alerts.evidence import Evidence
from otwatch.alerts.incidents import gather
from otwatch.alerts.outcome import Outcome
from otwatch.outputs.result import BlindSpot, Check, Result
from otwatch.outputs.view.build import coverage_of, verdict_of, view_of
from otwatch.outputs.view.model import Level
from tests.alerts.making import act, alert, hop

SPOT = BlindSpot(kind="no-ot-traffic", count=1, text="no message of a decoded OT protocol", incomplete=True)
HALF = Coverage(
    judged=18,
    not_judged=83,
    reasons=((Reason(Why.UNDECODED, "362 of 363 packets are IEC 104, which this version does not decode"), 83),),
    packets=363,
    undecoded=(("IEC 104", 362),),
)


def result(*alerts: Any, **more: Any) -> Result:
    given: dict[str, Any] = {
        "captures": [],
        "unreadable": [],
        "packets": 2000,
        "wire_bytes": 1,
        "first_ns": 0,
        "last_ns": 60 * 10**9,
        "operations": 5,
        "protocols": {},
        "assets": [],
        "talks": [],
        "alerts": list(alerts),
        "incidents": gather(alerts),
        "anomalies": {},
        "blind_spots": [],
        "coverage": Coverage(judged=90, not_judged=11),
        **more,
    }
    return Result(**given)


def verdict(found: Result) -> Any:
    return verdict_of(found, coverage_of(found))


@pytest.mark.parametrize(
    ("found", "level", "start"),
    [
        (result(), Level.CLEAN, "No incident and no note in 2,000 packets over 60 s: clean as far as it was judged."),
        (result(packets=0), Level.CANNOT_JUDGE, "Cannot judge: nothing was read."),
        (result(alert(severity=Severity.LOW)), Level.NOTES_ONLY, "No incident, 1 note of low severity in 2,000 packets over 60 s."),
        (
            result(alert(severity=Severity.INFO), alert(src="10.0.0.7", severity=Severity.LOW)),
            Level.NOTES_ONLY,
            "No incident, 2 notes (1 low, 1 info) in",
        ),
        (result(alert()), Level.LOOK_TODAY, "1 incident (high): title of test.rule at 10.0.0.9 by 10.0.0.66 in 2,000 packets over 60 s."),
        (
            result(alert(severity=Severity.CRITICAL, acts=(act("STOP"), act("PROGRAM_DOWNLOAD")))),
            Level.ACT_NOW,
            "1 incident (critical): 10.0.0.9 was stopped and reprogrammed by 10.0.0.66 in",
        ),
        (
            result(alert(severity=Severity.CRITICAL, acts=(act("STOP", Outcome.REFUSED),))),
            Level.LOOK_TODAY,
            "1 incident (critical): title of test.rule",
        ),
        (
            result(operations=0, coverage=HALF, packets=363),
            Level.CANNOT_JUDGE,
            "Cannot judge 363 packets over 60 s: 362 packets of IEC 104, which this version does not decode.",
        ),
        (result(operations=0, blind_spots=[SPOT]), Level.CANNOT_JUDGE, "Cannot judge 2,000 packets over 60 s: no message of a decoded OT protocol."),
    ],
)
def test_the_first_line(found, level, start):
    said = verdict(found)
    assert said.level is level
    assert said.sentence.startswith(start)


def test_incidents_are_those_of_medium_and_above_and_the_rest_are_notes():
    found = result(alert(), alert(src="10.0.0.7", severity=Severity.CRITICAL), alert(src="10.0.0.8", severity=Severity.LOW))
    said = verdict(found)
    assert (said.incidents, said.notes) == (2, 1)
    assert said.sentence.startswith("2 incidents (1 critical, 1 high): ")
    assert "; others by 10.0.0.66" in said.sentence
    assert said.sentence.endswith("; 1 note beside.")


def test_the_second_line_says_how_much_was_judged():
    assert verdict(result()).judged.startswith("Judged: 90 of 101 rules; no OT traffic seen")
    judged = verdict(result(coverage=HALF)).judged
    assert "18 of 101 rules (362 of 363 packets are IEC 104, which this version does not decode)" in judged
    assert "0 % of OT packets decoded" in judged
    assert "not decoded: IEC 104 (362 packets)" in judged


def test_clean_never_stands_without_what_was_judged():
    assert "Judged:" in verdict(result()).line


def test_commands_that_are_taken_for_the_operators_are_said():
    polls = alert(severity=Severity.INFO, evidence=Evidence(matched={"writer": "polls"}))
    assert "Commands were given: 10.0.0.66 → 10.0.0.9 (1 time). They are taken for the operator's" in verdict(result(polls)).line
    assert "Commands were given" not in verdict(result(alert(severity=Severity.INFO, evidence=Evidence(matched={"writer": "permitted"})))).line


def test_an_incident_in_the_order_of_reading():
    chain = (hop(10, "172.16.5.66", "10.0.0.30"), hop(20, "10.0.0.30", "10.0.0.9", "write"))
    acts = (act("STOP", at_s=21), act("WRITE", Outcome.REFUSED, 20, value=900))
    view = view_of(result(alert("lateral.pivot", src="10.0.0.30", at_s=20, chain=chain, acts=acts, attack=("T1692.001",))))
    (incident,) = view.incidents
    assert incident.path == "172.16.5.66 → 10.0.0.30 → 10.0.0.9"
    assert incident.succeeded == ("stop 40001 on 10.0.0.9",)
    assert incident.failed == ("write 40001 = 900 on 10.0.0.9",)
    assert [(row.what.words, row.value, row.outcome.words) for row in incident.steps] == [
        ("write 40001", "900", "refused by the device"),
        ("stop 40001", "", "confirmed by the device"),
    ]
    assert [(text.words, text.ref) for text in incident.techniques] == [("T1692.001 Unauthorized Message: Command Message", "T0855")]
    assert incident.next[0] == "Is 10.0.0.9 in RUN again, and is the process safe? It was stopped (frame 1)."


def test_rules_that_were_not_judged_stand_by_reason():
    checks = [
        Check(rule=f"a.{number}", title="t", alerts=0, evaluable=how, reason=reason)
        for number, (how, reason) in enumerate([("yes", ""), ("no", "x"), ("no", "y"), ("partly", "x"), ("n/a", "z")])
    ]
    view = view_of(result(checks=checks))
    found = [(one.reason, one.rules, one.partly) for one in view.not_judged]
    assert found == [("x", ("a.1",), False), ("y", ("a.2",), False), ("x", ("a.3",), True)]
    assert view.clean == ("t",)


def test_a_rule_that_reported_something_is_not_among_those_not_judged():
    checks = [Check(rule="a.1", title="t", alerts=2, evaluable="partly", reason="x")]
    assert view_of(result(checks=checks)).not_judged == ()


def test_a_sentence_ends_once():
    asks = BlindSpot(kind="no-protocol", count=1, text="no message was seen: is this tap in the right place?", incomplete=True)
    verdict = view_of(result(operations=0, blind_spots=[asks], last_ns=100, first_ns=100)).verdict
    assert verdict.sentence == "Cannot judge 2,000 packets: no message was seen: is this tap in the right place?"


def test_least_hides_but_the_verdict_counts_all():
    view = view_of(result(alert(), alert(src="10.0.0.7", severity=Severity.LOW)), least=Severity.HIGH)
    assert (len(view.incidents), len(view.notes), view.verdict.notes) == (1, 0, 1)
