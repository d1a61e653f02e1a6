"""Streams' state by itself is reached through the rooms above it; here: what a small history can and cannot compare."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.vocabulary import PduFlag
from tests.streams.specs import modbus_request
from tests.streams.test_streams import handshake
from tests.streams.wire import P, Run

REQUESTS = [modbus_request(n, n) for n in range(40)]


def run(other: bytes, place: int, history: int) -> Run:
    packets = [P(data, 100 + 12 * n, 200) for n, data in enumerate(REQUESTS)]
    return Run([*handshake(), *packets, P(other, 100 + 12 * place, 200)], limits=Limits(stream_history_bytes=history))


def test_a_conflict_within_the_history_is_seen_at_any_size_of_it() -> None:
    write = modbus_request(38, 5, 1, function=6)
    for history in (64, 100, 256, 2048):
        found = run(write, 38, history)
        assert [pdu.data for pdu in found.pdus if pdu.flags & PduFlag.CONFLICT] == [write], history
        assert found.data(0, without=PduFlag.CONFLICT) == REQUESTS


def test_what_the_history_has_lost_cannot_be_compared() -> None:
    write = modbus_request(1, 5, 1, function=6)
    assert run(write, 1, 64).anomalies == []
    assert run(write, 1, 2048).anomalies == ["CONFLICT"]
    assert run(write, 1, 0).flows[0]["retransmissions"] == 1
