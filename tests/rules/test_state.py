"""What rules remember survives being written down, whatever came before."""

from __future__ import annotations

import json
from dataclasses import asdict

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from otwatch.engine.detector import rules_of
from otwatch.engine.kinds import anomaly_kinds
from otwatch.limits import Limits
from otwatch.protocols import protocols
from otwatch.rules.engine import RuleEngine
from otwatch.rules.prove import HandMade
from otwatch.rules.state import digest, resumed, saved
from tests.rules.hand import PROVER, ROWS, rules_from

SHIPPED = rules_of()
KNOWN = protocols()


_ASKED = {"protocol": "modbus", "function": 1, "action": "READ", "unit": 0, "start": 0, "count": 1, "at": 0.0} | {
    "src": "172.16.5.66",
    "dst": "10.0.0.10",
}
ANSWERED_AFTERWARDS = [_ASKED | {"src": "10.0.0.5", "dst": "10.0.0.5"}, _ASKED, _ASKED | {"role": "response"}]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS, st.integers(1, 9), st.sampled_from((1, 90, 900)))
@example(ANSWERED_AFTERWARDS, 1, 1)
def test_alerts_are_the_same_when_every_batch_is_followed_by_a_restart(rows, size, slower):
    rows = [{**row, "at": slower * row["at"]} for row in rows]  # with quiet gaps: alerts have bursts then
    made = HandMade(KNOWN, anomaly_kinds(KNOWN), PROVER.index())

    def fresh() -> RuleEngine:
        return RuleEngine(SHIPPED, site=None, baseline=None, addresses=made.addresses, protocols=KNOWN, limits=Limits(), layers=anomaly_kinds(KNOWN))

    engine, batch = fresh(), None
    for batch in made.batches(rows, size):
        engine.feed(batch)
        document = json.loads(json.dumps(saved(engine, made.flows, ()), default=int))
        engine = fresh()
        going_on = resumed(engine, document, made.flows, made.index.behaviours)
        for table in (batch.operations, batch.anomalies, batch.flow_events):
            table.clear()
        batch.known_behaviours, batch.facts, batch.closed = 0, [], []
        engine.feed_known(batch, going_on)
        engine.take_incidents()
    engine.finish(batch.now_ns)
    assert [asdict(alert) for alert in engine.alerts()] == [asdict(alert) for alert in PROVER.alerts_of(rows, SHIPPED)]


def test_a_message_that_two_rules_keep_is_one_sample_and_answered_for_both_after_a_restart(tmp_path):
    rules = rules_from(tmp_path, "where: {action: READ}\n", "where: {function: 1}\n")
    made = HandMade(KNOWN, anomaly_kinds(KNOWN), PROVER.index())

    def fresh() -> RuleEngine:
        return RuleEngine(rules, site=None, baseline=None, addresses=made.addresses, protocols=KNOWN, limits=Limits(), layers=anomaly_kinds(KNOWN))

    asked, answered = ANSWERED_AFTERWARDS[1:]
    engine = fresh()
    batches = iter(made.batches([asked | {"unit": 1}, answered | {"unit": 1}], 1))
    batch = next(batches)
    engine.feed(batch)
    kept = [sample for finding in engine.findings for sample in finding.samples]
    first, second = kept
    assert first is second
    assert [len(samples) for samples in engine.evidence.watched.values()] == [1]
    document = json.loads(json.dumps(saved(engine, made.flows, ()), default=int))
    engine = fresh()
    resumed(engine, document, made.flows, made.index.behaviours)
    engine.feed(next(batches))
    assert [finding.samples[0].answers for finding in engine.findings] == [1, 1]


def test_the_digest_is_of_what_a_rule_looks_for_not_of_its_words(tmp_path):
    one, other = rules_from(tmp_path, "where: {action: WRITE}\n", "where: {action: STOP}\n")
    again, _ = rules_from(tmp_path, "where: {action: WRITE}\nreferences: [here]\n", "where: {action: STOP}\n")
    assert digest(one) == digest(again) != digest(other)
