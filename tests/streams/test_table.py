"""The flow table by itself is reached through Streams; here: floods, eviction order, reuse of slots."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from otwatch.addresses import Addresses
from otwatch.limits import Limits
from otwatch.streams.streams import Streams
from otwatch.tables import Anomalies
from tests.streams import specs
from tests.streams.wire import ACK, FIN, MS, RST, SYN, P, Run, table

SECOND = 1000 * MS


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.sampled_from([6, 17])), max_size=80))
def test_flows_are_told_apart_as_a_dict_would(keys: list[tuple[int, int, int, int, int]]) -> None:
    run = Run([P(source=a, destination=b, client_port=c, server_port=d, proto=e) for a, b, c, d, e in keys])
    numbers: dict[object, int] = {}
    expected = [numbers.setdefault((frozenset([(a, c), (b, d)]), e), len(numbers) + 1) for a, b, c, d, e in keys]
    assert [number for number, _ in run.places] == expected


def test_a_hundred_thousand_flows_in_a_small_table() -> None:
    limits = Limits(flows=500)
    batch = table([P(flags=SYN, seq=7)] * 1000)
    streams = Streams(Addresses(), limits, specs.SPECS)
    ports, sources, times = batch.array("source_port"), batch.array("source"), batch.array("timestamp_ns")
    for first in range(0, 100_000, 1000):
        ports[:] = np.arange(1, 1001)
        sources[:] = first
        times[:] = np.arange(first, first + 1000)
        streams.feed(batch, Anomalies())
    assert streams.counters["flows_live"] == 500
    assert streams.counters["flows_evicted"] == 99_500
    assert streams.flows.capacity <= 2048


def test_the_longest_idle_makes_room_and_its_slot_is_not_used_in_the_same_batch() -> None:
    packets = [P(proto=17, client_port=port, server_port=53, at=port) for port in (1, 2, 3, 1, 4, 5)]
    run = Run(packets, limits=Limits(flows=3), finish=False)
    assert [flow["client_port"] if flow["server_port"] == 53 else flow["server_port"] for flow in run.flows] == [2, 3]
    assert [number for number, _ in run.places] == [1, 2, 3, 1, 4, 5]
    assert len(set(run.streams.closed)) == 2


def test_finished_flows_go_first_and_soon() -> None:
    over = [P(flags=SYN, seq=1), P(flags=RST | ACK, seq=1, ack=2, back=True, at=MS)]
    others = [P(flags=SYN, seq=1, client_port=7, at=2 * MS), P(flags=SYN, seq=1, client_port=8, at=3 * MS)]
    run = Run([*over, *others], limits=Limits(flows=2), finish=False)
    assert [flow["number"] for flow in run.flows] == [1]
    late = Run([*over, P(flags=SYN, seq=1, client_port=7, at=11 * SECOND)], finish=False)
    assert [flow["number"] for flow in late.flows] == [1]
    assert ("ANSWERED", 1) not in late.events


def test_a_clock_that_jumps_back_is_survived() -> None:
    run = Run([P(proto=17, client_port=1, server_port=53, at=10**18), P(proto=17, client_port=2, server_port=53, at=0),
               P(proto=17, client_port=2, server_port=53, at=400 * SECOND), P(flags=FIN, at=-5)])
    assert len(run.flows) == 3


def test_mac_changes_are_counted() -> None:
    batch = table([P(), P(), P()])
    batch.mac_source[1] = 99
    streams = Streams(Addresses(), Limits(), specs.SPECS)
    streams.feed(batch, Anomalies())
    assert streams.flows.mac_changes[batch.flow[0]] == 2
    assert streams.flows.mac_client[batch.flow[0]] == 0x020000000001
