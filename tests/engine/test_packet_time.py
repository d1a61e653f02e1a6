"""A verdict is a function of packet time alone: the same packets give the same alerts however they are cut, delivered or interrupted."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from otwatch.alerts.alert import Alert, Severity
from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import Policy, RuleDetector, policy_of
from otwatch.limits import Limits
from otwatch.sensor.replay import replay_batches
from tests.engine.analysing import PLANT
from tests.rules.hand import alerts_of, rules_from

CAPTURES = ("plant-attack", "plant-learn", "lateral-direct", "modbus-write-stranger", "s7comm-write-operator", "dnp3-operate-stranger")


@cache
def policy() -> Policy:
    return policy_of()


def told(alerts: list[Alert]) -> dict[str, tuple[Any, ...]]:
    return {alert.id: (alert.rule, alert.src, alert.dst, alert.severity, alert.count, alert.first_seen_ns, alert.last_seen_ns) for alert in alerts}


def live(name: str, size: int, asked: int, restarted: int) -> tuple[list[Alert], list[Alert]]:
    """(what was sent while it went on and at its end, what stands at the end): batches of `size`, asked after every `asked`, restarted at one."""
    limits = Limits(batch_packets=size)
    analysis = Analysis(limits)
    detector = RuleDetector(analysis.pipeline, policy())
    sent: list[Alert] = []
    for number, (_, packets) in enumerate(replay_batches([str(PLANT / f"{name}.pcap")], limits)):
        if number == restarted:
            state = json.loads(json.dumps(detector.state(), default=int))
            detector = RuleDetector(analysis.pipeline, policy())
            detector.resume(state)
        analysis.detector = detector
        analysis.take(analysis.pipeline.feed(packets, file=name))
        if number % asked == 0:
            sent += detector.engine.take_changes()
    result = analysis.finish()
    return sent + detector.engine.take_changes(), result.alerts


@cache
def analysed(name: str) -> dict[str, tuple[Any, ...]]:
    analysis = Analysis(Limits())
    analysis.detector = RuleDetector(analysis.pipeline, policy())
    analysis.run([str(PLANT / f"{name}.pcap")])
    return told(analysis.finish().alerts)


@settings(max_examples=20, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(CAPTURES), st.integers(3, 300), st.integers(1, 8), st.integers(-1, 12))
def test_live_ends_where_analyze_ends(name: str, size: int, asked: int, restarted: int) -> None:
    sent, standing = live(name, size, asked, restarted)
    assert told(standing) == analysed(name)
    last: dict[str, Alert] = {}
    for alert in sent:
        assert alert.id not in last or alert.severity >= last[alert.id].severity, f"{alert.rule} was lowered"
        last[alert.id] = alert
    assert analysed(name).keys() <= last.keys()
    gathered = {also.rule for alert in standing for also in alert.evidence.also}
    assert {alert.rule for alert in last.values() if alert.id not in analysed(name)} <= gathered


POLL = {"src": "10.0.0.5", "dst": "10.0.0.9", "protocol": "modbus", "function": 3, "action": "READ", "area": 4, "start": 0, "count": 10}
WRITE = {**POLL, "function": 6, "action": "WRITE", "start": 1, "count": 1}
REPORT = {"src": "10.0.0.9", "dst": "10.0.0.5", "protocol": "dnp3", "function": 130, "action": "REPORT", "role": "event", "area": 2, "start": 3,
          "at": 1, "repeat": 30, "every": 2}
STOP = {**WRITE, "protocol": "s7comm", "function": 0x29, "action": "STOP"}


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize(
    ("rows", "severity"),
    [
        ([{**POLL, "at": 1, "repeat": 30}, {**WRITE, "at": 0}], None),  # it writes first and polls afterwards, in the cold start
        ([{**POLL, "src": "10.0.0.6", "repeat": 60}, {**POLL, "at": 31, "repeat": 20}, {**WRITE, "at": 30}], Severity.HIGH),  # later: unknown
        ([{**POLL, "src": "10.0.0.6", "repeat": 60}, {**WRITE, "at": 4}], Severity.HIGH),  # somebody else polls
        ([{**POLL, "src": "10.0.0.6", "repeat": 6}, {**WRITE, "at": 4}], Severity.MEDIUM),  # too short to tell
        ([{**WRITE, "at": 4}, {**WRITE, "at": 40, "function": 16}], Severity.MEDIUM),  # nobody polls
        ([REPORT, {**WRITE, "protocol": "dnp3", "function": 5, "action": "CONTROL", "at": 50}], None),  # it is reported to
        ([{**POLL, "role": "response", "repeat": 30}, {**WRITE, "at": 25}], None),  # the questions are not seen, or went to a group
    ],
)
def test_who_writes_is_judged_by_what_held_then(tmp_path, rows, severity, size):
    rules = rules_from(tmp_path, "where: {action: [WRITE, CONTROL], writer: [unknown, denied]}\n")
    found = {alert.severity for alert in alerts_of(rules, rows, batch_rows=size)}
    assert found == (set() if severity is None else {severity})


def test_a_cyclic_writer_is_known_by_its_rate(tmp_path):
    rules = rules_from(tmp_path, "where: {writer: cyclic}\n", "where: {action: WRITE, steady: false}\n")
    cycle = {**WRITE, "repeat": 60, "every": 0.5}
    assert [alert.rule for alert in alerts_of(rules, [cycle])] == ["test.rule-0"]
    assert [alert.rule for alert in alerts_of(rules, [{**POLL, "repeat": 60}, {**cycle, "at": 20}])] == ["test.rule-1"]
    begun = {**WRITE, "src": "10.0.0.77", "repeat": 30, "every": 0.2, "at": 5}  # in the cold start, though who sends it all the time came before
    assert [alert.rule for alert in alerts_of(rules, [{**POLL, "repeat": 60}, begun])] == ["test.rule-1"]
    uneven = [{**WRITE, "at": at} for at in (0, 0.1, 3, 3.2, 9)]
    assert [alert.rule for alert in alerts_of(rules, uneven)] == ["test.rule-1"]


def test_what_is_dangerous_by_nature_does_not_wait(tmp_path):
    policy_rules = policy().rules
    assert Severity.CRITICAL in {alert.severity for alert in alerts_of(policy_rules, [{**STOP, "at": 0.5}]) if alert.action == "STOP"}



@pytest.mark.parametrize("src", ["10.0.0.5", "172.16.5.7"])
@pytest.mark.parametrize("points", [1, 60])
@pytest.mark.parametrize("role", ["request", "response"])
def test_no_slice_of_polling_is_more_than_a_note(src, points, role):
    turns = [{**POLL, "src": src, "role": role, "start": 10 * point, "at": 10 * turn + point / 10} for turn in range(3) for point in range(points)]
    for begin, end in ((0, 2), (30, 70), (points // 2, len(turns))):
        found = [alert for alert in alerts_of(policy().rules, turns[begin:end]) if alert.severity > Severity.LOW]
        assert [(alert.rule, alert.severity) for alert in found] == []


def test_a_slice_with_the_operators_own_write_is_at_most_medium():
    turns = [{**POLL, "start": 10 * point, "at": point / 10} for point in range(60)]
    for at in (0.05, 3.02, 5.99):
        assert max(alert.severity for alert in alerts_of(policy().rules, [*turns, {**WRITE, "at": at}])) <= Severity.MEDIUM
