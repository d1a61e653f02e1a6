"""Rules on values: what a behaviour said before is judged once, what it says anew each time."""

from __future__ import annotations

from otwatch.engine.kinds import anomaly_kinds
from otwatch.limits import Limits
from otwatch.protocols import protocols
from otwatch.rules.engine import RuleEngine
from otwatch.rules.prove import HandMade
from tests.rules.hand import PROVER, rules_from

POINT = {"src": "10.0.0.5", "dst": "10.0.0.9", "protocol": "dnp3", "role": "response", "function": 129, "action": "OTHER", "value_kind": 2}
TROUBLE = "where: {protocol: dnp3, role: response, value: [device_trouble]}\n"


def alerts_of(rules, rows):
    """In batches of five, so that later ones meet what earlier ones refused."""
    known = protocols()
    made = HandMade(known, anomaly_kinds(known), PROVER.index())
    engine = RuleEngine(rules, site=None, baseline=None, addresses=made.addresses, protocols=known, limits=Limits(), layers=anomaly_kinds(known))
    for batch in made.batches(rows, 5):
        engine.feed(batch)
    engine.finish(batch.now_ns)
    return engine.alerts(), len(engine._refusals.known)


def said(value: str, at: int, **more: object) -> dict[str, object]:
    return {**POINT, "value_hex": value, "at": at, **more}


def test_a_value_that_was_refused_before_hides_no_other(tmp_path):
    rules = rules_from(tmp_path, TROUBLE)
    quiet = [said("0000", at) for at in range(30)]
    assert alerts_of(rules, quiet) == ([], 1)
    (alert,), _ = alerts_of(rules, [*quiet, said("4000", 31), said("0000", 32), said("4000", 33)])
    assert alert.count == 2


def test_one_clause_that_refuses_does_not_speak_for_another(tmp_path):
    rules = rules_from(tmp_path, TROUBLE, "where: {protocol: dnp3, role: response, value: [need_time]}\n")
    (alert,), refused = alerts_of(rules, [said("1000", at) for at in range(30)])
    assert (alert.rule[-1], alert.count, refused) == ("1", 30, 0)
