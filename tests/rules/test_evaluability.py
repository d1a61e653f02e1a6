"""Whether a rule could be judged follows from what its conditions need."""

from __future__ import annotations

from typing import Any

import pytest

from otwatch.alerts.coverage import How, Why, coverage
from otwatch.engine.detector import rules_of
from otwatch.engine.kinds import anomaly_kinds
from otwatch.limits import Limits
from otwatch.protocols import protocols
from otwatch.rules.engine import RuleEngine
from otwatch.rules.prove import HandMade
from otwatch.site.load import parse_site
from tests.rules.hand import PROVER, rules_from

SHIPPED = rules_of()
POLL = {"src": "10.0.0.5", "dst": "10.0.0.9", "protocol": "modbus", "function": 3, "action": "READ", "area": 4, "start": 0, "count": 10, "repeat": 20}
POLLING = [POLL, {**POLL, "role": "response", "at": 0.01}]
SESSION = {"table": "flows", "src": "10.0.0.5", "dst": "10.0.0.9", "port": 502, "event": "opened"}


def verdicts(rules: Any, rows: list[dict[str, Any]], packets: int = 100, site: str = "", **seen: Any) -> Any:
    known = protocols()
    made = HandMade(known, anomaly_kinds(known), PROVER.index())
    policy = parse_site(site, "s") if site else None
    engine = RuleEngine(rules, site=policy, baseline=None, addresses=made.addresses, protocols=known, limits=Limits())
    for batch in made.batches(rows, 10):
        engine.feed(batch)
    engine.finish(engine.now_ns)
    return engine.verdicts(packets, **seen)


def of(tmp_path: Any, text: str, rows: list[dict[str, Any]], **seen: Any) -> tuple[How, Why | None]:
    (verdict,) = verdicts(rules_from(tmp_path, text), rows, **seen).values()
    return verdict.how, verdict.reason.why if verdict.reason else None


@pytest.mark.parametrize(
    ("text", "rows", "seen", "expected"),
    [
        ("where: {action: STOP}\n", POLLING, {}, (How.YES, None)),
        ("where: {action: STOP}\n", POLLING, {"packets": 0}, (How.NO, Why.NOTHING_READ)),
        ("where: {action: STOP}\n", [], {}, (How.NO, Why.NO_OT_TRAFFIC)),
        ("where: {action: STOP}\n", [], {"undecoded": (("IEC 104", 99),)}, (How.NO, Why.UNDECODED)),
        ("where: {protocol: modbus, action: STOP}\n", [], {"unrecognised": frozenset({"modbus"})}, (How.NO, Why.UNRECOGNISED)),
        ("where: {protocol: dnp3, action: STOP}\n", POLLING, {}, (How.NOT_APPLICABLE, Why.PROTOCOL_ABSENT)),
        ("where: {protocol: dnp3, action: STOP}\n", POLLING, {"unrecognised": frozenset({"dnp3"})}, (How.NO, Why.UNRECOGNISED)),
        ("where: [{protocol: dnp3, action: STOP}, {protocol: modbus, action: READ}]\n", POLLING, {}, (How.YES, None)),
        ("table: anomalies\nwhere: {anomaly: dnp3.block-crc}\n", POLLING, {}, (How.NOT_APPLICABLE, Why.PROTOCOL_ABSENT)),
        ("table: anomalies\nwhere: {anomaly: stream.gap}\n", [], {}, (How.YES, None)),
        ("where: {action: WRITE, in_baseline: false}\n", POLLING, {}, (How.NO, Why.NO_BASELINE)),
        ("where: {action: WRITE, permitted: denied}\n", POLLING, {}, (How.NO, Why.NO_SITE_FILE)),
        ("where: {any: [{permitted: denied}, {action: STOP}]}\n", POLLING, {}, (How.YES, None)),
        ("where: {role: response, failed: true}\n", [POLL], {}, (How.NO, Why.ONE_DIRECTION)),
        ("where: {role: response, failed: true}\n", POLLING, {}, (How.YES, None)),
        ("where: {role: request, action: STOP}\n", [POLLING[1]], {}, (How.NO, Why.ONE_DIRECTION)),
        ("where: {new_talker: true}\n", [{**POLL, "repeat": 3}], {}, (How.NO, Why.TOO_SHORT)),
        ("where: {new_talker: true}\n", [{**POLL, "repeat": 1}, {**POLL, "repeat": 1, "at": 60, "start": 9}], {}, (How.NO, Why.NOT_POLLED)),
        ("where: {new_talker: true}\n", POLLING, {}, (How.PARTLY, Why.LEARNED_HERE)),
        ("table: flows\nwhere: {event: opened, port: 22}\n", [SESSION], {}, (How.NOT_APPLICABLE, Why.SERVICE_ABSENT)),
        ("table: flows\nwhere: {event: opened, port: 502}\n", [SESSION], {}, (How.YES, None)),
        ("table: flows\nwhere: {event: opened, dst_in_ot: true}\n", [SESSION], {}, (How.NO, Why.NO_OT_NETWORK)),
        ("table: flows\nwhere: {event: opened, dst_in_ot: true}\n", [SESSION, *POLLING], {}, (How.YES, None)),
        ("table: flows\nwhere: {event: opened, dst_in_ot: true}\n", [SESSION], {"places_ot": True}, (How.YES, None)),
        (
            "where: {action: STOP}\nwindow: {by: [src], for: 60s, at_least: 3}\n",
            POLLING,
            {},
            (How.PARTLY, Why.TOO_SHORT),
        ),
    ],
)
def test_what_a_rule_needs(tmp_path, text, rows, seen, expected):
    assert of(tmp_path, text, rows, **seen) == expected


def test_nothing_is_clean_that_could_not_be_judged():
    found = verdicts(SHIPPED, [], undecoded=(("IEC 104", 362),), packets=363)
    counted = coverage(found.values(), packets=363, undecoded=(("IEC 104", 362),))
    assert counted.judged + counted.not_judged + counted.not_applicable == len(SHIPPED)
    assert counted.share < 0.25
    assert counted.reasons[0][0].text == "362 of 363 packets are IEC 104, which this version does not decode"


def test_a_rule_that_the_site_file_only_narrows_is_judged_without_one():
    assert verdicts(SHIPPED, POLLING)["lateral.remote-access"].how is not How.NO


def test_of_rules_that_do_not_apply_the_share_says_nothing(tmp_path):
    rules = rules_from(tmp_path, "where: {protocol: modbus, action: STOP}\n", "where: {protocol: dnp3, action: STOP}\n")
    counted = coverage(verdicts(rules, POLLING).values())
    assert (counted.judged, counted.applicable, counted.not_applicable, counted.share) == (1, 1, 1, 1.0)
