"""The engine: findings, evidence, and that nothing depends on how the packets were cut into batches."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from hypothesis import HealthCheck, given, settings

from otwatch.alerts.alert import Severity
from otwatch.engine.detector import rules_of
from otwatch.engine.kinds import anomaly_kinds
from otwatch.limits import Limits
from otwatch.protocols import protocols
from otwatch.rules.engine import RuleEngine
from otwatch.rules.prove import HandMade
from otwatch.rules.rule import AllOf
from otwatch.site.load import parse_site
from tests.rules.hand import PROVER, ROWS, alerts_of, rules_from

SHIPPED = rules_of()
POLL = {"src": "10.0.0.5", "dst": "10.0.0.9", "protocol": "modbus", "function": 3, "action": "READ", "area": 4, "start": 0, "count": 10, "repeat": 20}
WRITE = {"src": "10.0.0.77", "dst": "10.0.0.9", "protocol": "modbus", "function": 6, "action": "WRITE", "area": 4, "start": 1, "count": 1, "at": 15}


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS)
def test_any_cut_into_batches_gives_the_same_alerts(rows):
    whole = [asdict(alert) for alert in alerts_of(SHIPPED, rows)]
    for size in (1, 7):
        assert [asdict(alert) for alert in alerts_of(SHIPPED, rows, batch_rows=size)] == whole


def test_one_incident_however_many_messages(tmp_path):
    rules = rules_from(tmp_path, "where: {action: WRITE}\n")
    rows = [{**WRITE, "start": start, "repeat": 100, "every": 0.01} for start in range(3)]
    (alert,) = alerts_of(rules, rows)
    assert (alert.count, len(alert.frames)) == (300, 16)
    assert alert.evidence.per_second == pytest.approx(300 / 0.99, rel=0.01)
    assert len(alert.evidence.objects) == 3


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ([], "not_observed"),
        ([{"role": "response"}], "confirmed"),
        ([{"role": "response", "status": 2}], "refused"),
        ([{"role": "response", "unit": 9, "at": 14}], "unanswered"),
    ],
)
@pytest.mark.parametrize("size", [1, 100])
def test_the_outcome_is_that_of_the_answers(tmp_path, answers, outcome, size):
    rules = rules_from(tmp_path, "where: {action: WRITE, role: request}\n")
    (alert,) = alerts_of(rules, [WRITE, *({**WRITE, "at": 15.01, **answer} for answer in answers)], batch_rows=size)
    assert alert.outcome == outcome
    assert ("no response" in alert.evaluable) == (outcome == "not_observed")


def test_values_are_decoded_as_evidence_and_for_conditions(tmp_path):
    rules = rules_from(tmp_path, "where: {action: WRITE, value|gt: 800}\n", "where: {action: WRITE}\n")
    rows = [{**WRITE, "value_kind": 4, "value_hex": f"{value:04x}", "at": at} for at, value in enumerate((100, 900, 901))]
    high, every = alerts_of(rules, rows)
    assert (high.count, high.value, list(high.evidence.values), high.frames) == (2, 901, [900, 901], (2, 3))
    assert (every.count, list(every.evidence.values)) == (3, [100, 900, 901])


def test_a_sweep_is_one_incident_with_its_targets(tmp_path):
    rules = rules_from(tmp_path, "table: flows\nwhere: {event: opened}\nwindow: {by: [src], for: 10s, at_least: 3, distinct: dst}\ngroup: [src]\n")
    rows = [{"table": "flows", "src": "10.0.0.77", "dst": f"10.0.0.{n}", "port": 502, "event": "opened", "at": n} for n in range(1, 6)]
    (alert,) = alerts_of(rules, rows)
    assert (alert.count, alert.src, alert.dst, alert.dst_port) == (5, "10.0.0.77", "10.0.0.1", 502)
    assert alert.evidence.targets == tuple(f"10.0.0.{n}" for n in range(1, 6))


def test_a_sequence_needs_its_order_its_key_and_its_time(tmp_path):
    rules = rules_from(
        tmp_path,
        "sequence:\n  within: 10s\n  steps:\n    - {table: flows, key: dst, where: {port: 22, event: answered}}\n"
        "    - {table: operations, key: src, where: {action: WRITE}}\n",
    )
    entry = {"table": "flows", "src": "172.16.5.66", "dst": "10.0.0.77", "port": 22}
    (alert,) = alerts_of(rules, [{**entry, "at": 10}, WRITE])
    assert [(link.src, link.dst, link.what) for link in alert.evidence.chain] == [
        ("172.16.5.66", "10.0.0.77", "tcp/22"),
        ("10.0.0.77", "10.0.0.9", "write_single_register"),
    ]
    for rows in ([{**entry, "at": 16}, WRITE], [{**entry, "at": 4}, WRITE], [{**entry, "at": 10, "dst": "10.0.0.78"}, WRITE]):
        assert alerts_of(rules, rows) == []


def test_severity_rises_outside_and_falls_for_announced_work(tmp_path):
    rules = rules_from(tmp_path, "where: {action: [STOP, READ], function: 41}\n")
    stop = {"src": "10.0.0.77", "dst": "10.0.0.9", "protocol": "s7comm", "function": 41, "action": "STOP", "at": 15}
    assert [alert.severity for alert in alerts_of(rules, [stop])] == [Severity.HIGH]
    assert [alert.severity for alert in alerts_of(rules, [{**stop, "src": "172.16.5.66"}])] == [Severity.CRITICAL]
    site = parse_site("version: 1\nengineering: [10.0.0.77]\n", "s")
    assert [alert.severity for alert in alerts_of(rules, [stop], site=site)] == [Severity.MEDIUM]
    ticket = "version: 1\ntickets: [{id: CHG-1, from: %s, until: 2023-11-15, who: any}]\n"
    (alert,) = alerts_of(rules, [stop], site=parse_site(ticket % "2023-11-14", "s"))
    assert (alert.severity, alert.evidence.ticket) == (Severity.MEDIUM, "CHG-1")
    (alert,) = alerts_of(rules, [stop], site=parse_site(ticket % "2023-11-15", "s"))
    assert alert.severity == Severity.HIGH
    accepted = parse_site("version: 1\naccepted: [{rule: test.rule-0, reason: known}]\n", "s")
    (alert,) = alerts_of(rules, [stop], site=accepted)
    assert (alert.severity, alert.evidence.accepted) == (Severity.INFO, "known")


def engine_of(rules, limits=None):
    known = protocols()
    made = HandMade(known, anomaly_kinds(known), PROVER.index())
    return made, RuleEngine(rules, site=None, baseline=None, addresses=made.addresses, protocols=known, limits=limits or Limits())


def test_the_gravest_incidents_stay_when_there_are_too_many(tmp_path):
    rules = rules_from(tmp_path, "where: {action: WRITE}\n", "where: {action: STOP}\n")
    rules[0] = replace(rules[0], severity=Severity.LOW)
    made, engine = engine_of(rules, Limits(alerts=5))
    rows = [{**WRITE, "action": "STOP", "at": 0}] + [{**WRITE, "src": f"10.0.1.{n}", "at": n} for n in range(1, 20)]
    for batch in made.batches(rows, 4):
        engine.feed(batch)
    alerts = engine.alerts()
    assert len(alerts) == 5
    assert alerts[0].rule == "test.rule-1"
    assert engine.counters["findings_closed"] == 15


def test_changes_are_told_once_then_once_a_minute_of_packet_time(tmp_path):
    rules = rules_from(tmp_path, "where: {action: WRITE, role: request}\n")
    made, engine = engine_of(rules)
    told = []
    for batch in made.batches([{**WRITE, "at": 0, "repeat": 200}, {**WRITE, "role": "response", "at": 0.5}], 10):
        engine.feed(batch)
        told.append([(alert.count, alert.outcome) for alert in engine.take_changes()])
    engine.finish(batch.now_ns)
    last = engine.take_changes()
    assert told[0] == [(9, "confirmed")]
    assert len([changes for changes in told if changes]) == 4
    assert [alert.count for alert in last] == [200]
    assert engine.take_changes() == []


def test_most_rows_are_not_looked_at_once_their_evidence_is_kept(tmp_path):
    rules = rules_from(tmp_path, "where: {action: WRITE}\n")
    made, engine = engine_of(rules)
    for batch in made.batches([{**WRITE, "repeat": 40}], 20):
        engine.feed(batch)
    assert not (engine._wanted & 3).any()
    assert engine.alerts()[0].count == 40


def test_no_rules_no_rows_no_alerts():
    assert alerts_of([], [WRITE]) == []
    assert alerts_of([replace(SHIPPED[0], where=AllOf(()), table="facts", sequence=None, window=None)], []) == []


def test_what_more_sources_than_can_be_told_apart_do_is_one_incident(tmp_path):
    rules = rules_from(tmp_path, "where: {action: WRITE}\n")
    made, engine = engine_of(rules, Limits(alerts_per_rule=5))
    for batch in made.batches([{**WRITE, "src": f"10.0.1.{n}", "at": n} for n in range(1, 41)], 7):
        engine.feed(batch)
    alerts = engine.alerts()
    assert [alert.count for alert in alerts] == [1] * 10 + [30]  # of pairs that are answered, as these by hand are, twice the limit
    assert alerts[-1].evidence.sources_count == 30
    assert alerts[-1].evidence.sources[:2] == ("10.0.1.11", "10.0.1.12")


def test_an_alert_that_takes_in_another_is_told_again(tmp_path):
    rules = rules_from(tmp_path, "where: {action: [STOP, WRITE]}\n", "window: {for: 10s, at_least: 2}\nwhere: {action: WRITE}\n")
    made, engine = engine_of(rules)
    told = []
    for batch in made.batches([{**WRITE, "action": "STOP", "at": 0}, {**WRITE, "at": 1}, {**WRITE, "at": 2}], 1):
        engine.feed(batch)
        told.append([(alert.rule, [also.rule for also in alert.evidence.also]) for alert in engine.take_changes()])
    assert told == [[("test.rule-0", [])], [], [("test.rule-0", ["test.rule-1"])]]


def test_rules_that_ask_the_baseline_cost_nothing_without_one(tmp_path):
    rules = rules_from(tmp_path, "table: flows\nwhere: {event: opened, src_known: false}\n", "table: flows\nwhere: {event: opened}\n")
    _, engine = engine_of(rules)
    assert [clause.index for clause in engine.flows.matcher.clauses] == [1]
