"""What ten times the rules cost: python tests/benchmarks/bench_rules.py [operations]

Polling traffic of a plant (25 masters, 40 controllers, 4 000 behaviours, 1 % writes by the masters) as ready-made tables, fed to the rule engine
with no rules, with the shipped rules, with nine times as many for other hosts beside them, and with nine copies of each (each copy alerts).
Prints ns per operation; also with fresh behaviours in every batch.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import numpy as np

from otwatch.addresses import Addresses
from otwatch.baseline.behaviours import BehaviourIndex
from otwatch.batch import Batch
from otwatch.engine.detector import rules_of
from otwatch.engine.kinds import anomaly_kinds
from otwatch.limits import Limits
from otwatch.protocols import protocol_id, protocols
from otwatch.rules.engine import RuleEngine
from otwatch.rules.rule import AllOf, Rule, Term
from otwatch.tables import Anomalies, FlowEvents, Flows, Octets, Operations, Packets

BATCH = 8192


def batches(addresses: Addresses, total: int, fresh: bool) -> list[tuple[Operations, int]]:
    """Operations by column, request and response in turn."""
    random = np.random.default_rng(1)
    masters = np.array([addresses.intern_text(f"10.0.1.{n}") for n in range(1, 26)], np.int32)
    controllers = np.array([addresses.intern_text(f"10.0.1.{n}") for n in range(100, 140)], np.int32)
    made = []
    for number in range(max(1, total // BATCH)):
        pairs = random.integers(0, 40, BATCH // 2)
        starts = random.integers(0, 50, BATCH // 2)
        writes = random.random(BATCH // 2) < 0.01
        operations = Operations(BATCH)
        for _ in range(BATCH):
            operations.new_row()
        twice = {name: np.repeat(values, 2) for name, values in (("pairs", pairs), ("starts", starts), ("writes", writes))}
        response = np.tile([0, 1], BATCH // 2)
        master, controller = masters[twice["pairs"] % 25], controllers[twice["pairs"]]
        columns = {
            "timestamp_ns": (number * BATCH + np.arange(BATCH)) * 50_000 + 10**18,
            "frame": number * BATCH + np.arange(BATCH) + 1,
            "flow": 0,
            "direction": response,
            "source": np.where(response, controller, master),
            "destination": np.where(response, master, controller),
            "role": response,
            "protocol": protocol_id("modbus"),
            "function": np.where(twice["writes"], 6, 3),
            "subfunction": -1,
            "action": np.where(twice["writes"], 2, 1),
            "unit": 1,
            "area": 4,
            "object": -1,
            "start": np.where(twice["writes"], 5, twice["starts"] * 10),
            "count": np.where(twice["writes"], 1, 10),
            "status": 0,
            "transaction": -1,
            "item": 0,
            "value_kind": 0,
            "value_at": 0,
            "value_length": 0,
            "request_frame": np.where(response, number * BATCH + np.arange(BATCH), -1),
            "latency_ns": -1,
            "behaviour": -1,
            "packet": 0,
        }
        for name, values in columns.items():
            operations.array(name)[:] = values
        if fresh:
            operations.array("start")[:20] = 10_000 + number * 20 + np.arange(20)
        made.append((operations, BATCH))
    return made


def cost(rules: list[Rule], total: int, *, fresh: bool = False) -> float:
    """ns per operation of the engine alone."""
    addresses, index = Addresses(), BehaviourIndex(Limits())
    engine = RuleEngine(
        rules, site=None, baseline=None, addresses=addresses, protocols=protocols(), limits=Limits(), layers=anomaly_kinds(protocols())
    )
    spent, count, early = 0.0, 0, 0.0
    for operations, rows in batches(addresses, total, fresh):
        known = index.feed(operations)
        batch = Batch(
            file="",
            now_ns=int(operations.array("timestamp_ns")[-1]),
            packets=Packets(1),
            flows=Flows(),
            flow_events=FlowEvents(),
            octets=Octets(),
            operations=operations,
            anomalies=Anomalies(),
            behaviours=index.behaviours,
            known_behaviours=known,
            facts=[],
            closed=[],
            unanswered={},
        )
        begin = time.perf_counter()
        engine.feed(batch)
        spent += time.perf_counter() - begin
        count += rows
        if count <= total // 2:
            early = spent
    begin = time.perf_counter()
    engine.finish(engine.now_ns)
    alerts = engine.alerts()
    print(
        f"{len(rules):5} rules{' (20 fresh behaviours a batch)' if fresh else '':32} {spent / count * 1e9:8.1f} ns/operation, second half "
        f"{(spent - early) / (count - total // 2) * 1e9:8.1f}, alerts() {1e3 * (time.perf_counter() - begin):.0f} ms, {len(alerts)} alerts"
    )
    return spent / count


def elsewhere(rule: Rule, copy: int) -> Rule:
    """The same rule for a host that is not here: what most rules of a large set are to most traffic."""
    nowhere = Term("src", "in", (f"10.99.0.{copy}",))
    sequence = rule.sequence
    if sequence is not None:
        sequence = replace(sequence, steps=tuple(replace(step, where=AllOf((nowhere, step.where))) for step in sequence.steps))
    return replace(rule, id=f"{rule.id}-elsewhere-{copy}", where=AllOf((nowhere, rule.where)), sequence=sequence)


def main() -> None:
    """Prints the table."""
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    shipped = rules_of()
    others = [elsewhere(rule, copy) for copy in range(9) for rule in shipped]
    copies = [replace(rule, id=f"{rule.id}-{copy}") for copy in range(9) for rule in shipped]
    for fresh in (False, True):
        for rules in ([], shipped, shipped + others, shipped + copies):
            cost(rules, total, fresh=fresh)


if __name__ == "__main__":
    main()
