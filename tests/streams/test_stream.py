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


def test_what_the_receiver_lacks_stays_in_the_history_beyond_its_size() -> None:
    write = modbus_request(1, 5, 1, function=6)
    assert run(write, 1, 64).anomalies == ["CONFLICT", "CONTRADICTION"]
    assert run(write, 1, 2048).anomalies == ["CONFLICT", "CONTRADICTION"]
    assert run(write, 1, 0).flows[0]["retransmissions"] == 1


def test_what_the_history_has_lost_is_read_for_itself_and_reported() -> None:
    write = modbus_request(1, 5, 1, function=6)
    packets = [P(data, 100 + 12 * n, 200) for n, data in enumerate(REQUESTS)]
    found = Run([*handshake(), *packets, P(write, 112, 200)], limits=Limits(stream_history_bytes=64, stream_history_total_bytes=0))
    assert found.anomalies == ["HISTORY_CAP"]
    assert [pdu.data for pdu in found.pdus if pdu.flags & PduFlag.CONFLICT] == [write]


def test_what_the_receiver_has_is_not_read_again_when_it_is_too_old_to_compare() -> None:
    packets = [P(data, 100 + 12 * n, 200) for n, data in enumerate(REQUESTS)]
    found = Run([*handshake(), *packets, P(b"", 200, 100 + 12 * len(REQUESTS), back=True), P(REQUESTS[1], 112, 200)],
                limits=Limits(stream_history_bytes=64, stream_history_total_bytes=0))
    assert found.anomalies == []
    assert found.data(0) == REQUESTS


def test_the_room_of_all_histories_is_given_back() -> None:
    packets = [P(data, 100 + 12 * n, 200) for n, data in enumerate(REQUESTS)]
    found = Run([*handshake(), *packets], limits=Limits(stream_history_bytes=64, stream_history_total_bytes=448))
    assert found.streams.counters["history_room"] == 448
