"""Flows judged by column are judged as the naive walk judges them one by one; connections are known again after a restart."""

from __future__ import annotations

import ipaddress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otwatch.engine.kinds import anomaly_kinds
from otwatch.limits import Limits
from otwatch.protocols import protocols
from otwatch.rules.engine import RuleEngine
from otwatch.rules.prove import HandMade
from otwatch.rules.state import resumed, saved
from tests.rules.hand import FLOW, PROVER, alerts_of, rules_from
from tests.rules.naive import holds

WHERE = (
    "event: opened",
    "event: answered, port: [22, 502]",
    "port|ge: 443, src_internet: false",
    "src: 10.0.0.77, event: opened",
    "any: [{port: 22, dst_internet: true}, {src|cidr: 172.16.0.0/12, event: answered}]",
    "same_network: true, not: {port: 502}",
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.lists(FLOW, min_size=1, max_size=40))
def test_columns_say_what_the_naive_walk_says(tmp_path, rows):
    rules = rules_from(tmp_path, *(f"table: flows\nwhere: {{{text}}}\ngroup: [src]\n" for text in WHERE))
    found: dict[tuple[str, str], int] = {}
    for alert in alerts_of(rules, rows):
        found[alert.rule, alert.src] = alert.count
    expected: dict[tuple[str, str], int] = {}
    for row in rows:
        src, dst = ipaddress.ip_address(row["src"]), ipaddress.ip_address(row["dst"])
        same = int(src) >> 8 == int(dst) >> 8
        record = {**row, "same_network": same, "src_internet": src.is_global and not same, "dst_internet": dst.is_global and not same}
        for rule in rules:
            if holds(rule.where, record):
                expected[rule.id, row["src"]] = expected.get((rule.id, row["src"]), 0) + 1
    assert found == expected


RULE = """table: flows
where: {event: [opened, answered], carried_data: false}
window: {by: [src], for: 60s, at_least: 2, distinct: dst}
group: [src]
"""
KNOWN = protocols()


def engine_of(rules, made):
    return RuleEngine(rules, site=None, baseline=None, addresses=made.addresses, protocols=KNOWN, limits=Limits(), layers=anomaly_kinds(KNOWN))


def made_of(addresses=None):
    made = HandMade(KNOWN, anomaly_kinds(KNOWN), PROVER.index())
    if addresses is not None:
        made.addresses = addresses
    return made


def restarted(rules, turned: bool):
    """Three connections without data so far; a new process sees data on one of them, from whatever side it takes for the client."""
    before = made_of()
    engine = engine_of(rules, before)
    tried = {"table": "flows", "src": "10.0.0.77", "port": 502, "event": "opened", "outcome": "silent"}
    rows = [{**tried, "dst": f"10.0.0.{n}", "at": n} for n in (1, 2, 3)]
    engine.flows.outcomes.assume_both_directions()
    for batch in before.batches(rows, 10):
        engine.feed(batch)
    after = made_of(before.addresses)
    later = engine_of(rules, after)
    resumed(later, saved(engine, before.flows, [0, 1, 2]), after.flows, after.index.behaviours)
    (batch,) = after.batches([{**rows[0], "outcome": "carried", "at": 3.5}], 10)
    after.flows.array("client_port")[0] = before.flows.client_port[0]
    if turned:
        for one, other in (("client", "server"), ("client_port", "server_port"), ("data_to_client_ns", "data_to_server_ns")):
            values = after.flows.array(one)[0], after.flows.array(other)[0]
            after.flows.array(other)[0], after.flows.array(one)[0] = values
    later.feed(batch)
    later.finish(batch.now_ns + 60 * 10**9)
    return later.alerts()


def test_a_connection_that_carries_data_after_a_restart_was_no_scan(tmp_path):
    rules = rules_from(tmp_path, RULE)
    for turned in (False, True):
        (alert,) = restarted(rules, turned)
        assert (alert.count, alert.dst) == (2, "10.0.0.2")
