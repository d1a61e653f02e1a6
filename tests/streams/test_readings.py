"""What one side sends moves nothing until the other side's packets show that it took it: forged SYNs, decoys, jumps, the urgent byte."""

from __future__ import annotations

import pytest

from otwatch.limits import Limits
from otwatch.vocabulary import PduFlag
from tests.streams.specs import modbus_request, modbus_response
from tests.streams.test_streams import handshake
from tests.streams.wire import ACK, FIN, MS, RST, SYN, URG, P, Run

REQUESTS = [modbus_request(n, n) for n in range(400)]
WRITES = [modbus_request(n, 7, 1, function=6) for n in range(400)]
RESPONSE = 11


def talk(first: int, count: int, *, seq: int = 100, ack: int = 200, at: int = 0, requests: list[bytes] = REQUESTS) -> list[P]:
    """Requests and answers one after the other, each acknowledging all before it."""
    packets = []
    for n in range(count):
        here, there = seq + 12 * n, ack + RESPONSE * n
        packets += [P(requests[first + n], here, there, at=at + n * MS),
                    P(modbus_response(first + n), there, here + 12, back=True, at=at + n * MS + MS // 2)]
    return packets


@pytest.mark.parametrize("forged", [
    [P(flags=SYN, seq=100 + 36 + 500_000, at=10 * MS)],
    [P(flags=SYN, seq=100 + 36, at=10 * MS)],
    [P(flags=SYN, seq=100 + 36 + 6, at=10 * MS)],
    [P(flags=SYN, seq=20, at=10 * MS)],
    [P(flags=SYN, seq=900_000_000, at=10 * MS)],
    [P(flags=SYN, seq=100 + 36 + 900, at=10 * MS), P(b"", 233, 136, back=True, at=10 * MS)],  # the challenge acknowledgement
    [P(flags=RST, seq=136, at=10 * MS), P(flags=SYN, seq=300_000, at=11 * MS)],
    [P(flags=SYN | ACK, seq=5_000_000, ack=136, back=True, at=10 * MS)],
    [P(flags=RST, seq=136, at=10 * MS)],
    [P(flags=FIN | ACK, seq=136, ack=233, at=10 * MS)],
    [*handshake(300_000, 400_000)],
])
def test_nothing_that_is_forged_within_a_connection_hides_what_follows(forged: list[P]) -> None:
    run = Run([*handshake(), *talk(0, 3), *forged, *talk(3, 20, seq=136, ack=233, at=20 * MS)])
    assert run.data(0) == REQUESTS[:23]
    assert len(run.data(1)) == 23
    assert not any(pdu.flags for pdu in run.pdus)


def test_a_forged_handshake_in_the_middle_of_a_message_does_not_tear_it() -> None:
    write = WRITES[3]
    run = Run([*handshake(), *talk(0, 3), P(write[:5], 136, 233), *handshake(300_000, 400_000), P(b"x", 300_001, 400_001), P(write[5:], 141, 233)])
    assert write in run.data(0)
    assert "SYN_INSIDE" in run.anomalies


def test_a_syn_is_believed_when_the_other_side_answers_it_or_acknowledges_its_data() -> None:
    again = talk(0, 3, seq=5001, ack=6001, at=20 * MS)
    for packets in ([*handshake(5000, 6000)], [P(flags=SYN, seq=5000)], [P(flags=SYN | ACK, seq=6000, ack=5001, back=True), P(seq=5001, ack=6001)]):
        run = Run([*handshake(), *talk(0, 3), *packets, *again])
        assert [flow["pdus"] for flow in sorted(run.flows, key=lambda flow: flow["number"])] == [6, 6], packets
        assert run.data(0) == REQUESTS[:3] * 2
        assert [flow["client_port"] for flow in run.flows] == [40000, 40000]


def test_ports_used_again_with_lower_numbers_where_the_handshake_was_lost() -> None:
    run = Run([*handshake(1_000_000, 3_000_000), *talk(0, 3, seq=1_000_001, ack=3_000_001),
               *talk(0, 60, seq=995_001, ack=2_995_001, at=1000 * MS, requests=WRITES)])
    assert run.data(0) == REQUESTS[:3] + WRITES[:60]
    assert len(run.data(1)) == 63
    assert not any(pdu.flags & PduFlag.CONFLICT for pdu in run.pdus)


@pytest.mark.parametrize("size", [31, 330, 4123])
def test_what_follows_decoys_on_the_same_numbers_is_read(size: int) -> None:
    decoys = b"".join(modbus_request(n, n) + modbus_response(n, bytes(8)) for n in range(size // 29 + 1))[:size]
    real = talk(0, size // 12 + 10, seq=136, ack=233, at=10 * MS, requests=WRITES)
    run = Run([*handshake(), *talk(0, 3), *[P(decoys[at:at + 1400], 136 + at, 233, at=5 * MS) for at in range(0, size, 1400)], *real])
    assert [data for data in run.data(0) if data in WRITES] == WRITES[:size // 12 + 10]
    assert run.anomalies.count("CONFLICT") >= 1


def test_decoys_beyond_what_can_be_compared_are_reported_and_the_rest_is_read() -> None:
    limits = Limits(stream_history_bytes=64, stream_history_total_bytes=0)
    decoys = b"".join(REQUESTS[:100])
    real = talk(0, 110, seq=136, ack=233, at=10 * MS, requests=WRITES)
    run = Run([*handshake(), *talk(0, 3), P(decoys, 136, 233, at=5 * MS), *real], limits=limits)
    assert [data for data in run.data(0) if data in WRITES] == WRITES[:110]
    assert "HISTORY_CAP" in run.anomalies


def test_data_ahead_that_nobody_acknowledges_does_not_pull_the_stream_along() -> None:
    ahead = [P(modbus_request(9, 9), 136 + place, 233, at=5 * MS) for place in (500,)]
    later = talk(3, 40, seq=136, ack=233, at=2000 * MS)
    run = Run([*handshake(), *talk(0, 3), *ahead, *later])
    assert [data for data in run.data(0) if data != modbus_request(9, 9)] == [data for data in REQUESTS[:43] if data != modbus_request(9, 9)]
    assert run.data(0).count(modbus_request(9, 9)) == 2
    assert "GAP" not in run.anomalies


def test_a_third_reading_is_read_once_and_reported() -> None:
    third = modbus_request(1, 1, 1, function=5)
    run = Run([*handshake(), P(REQUESTS[0] + REQUESTS[1], 100, 200), P(WRITES[1][:9], 112, 200), P(third, 112, 200), P(REQUESTS[2], 124, 200)])
    assert third in run.data(0)
    assert "READINGS_CAP" in run.anomalies


def test_a_third_connection_on_the_same_ports_is_reported() -> None:
    packets = [*handshake(), *talk(0, 3)]
    for turn in range(1, 4):
        packets += [*handshake(turn * 1_000_000, turn * 2_000_000), *talk(0, 2, seq=turn * 1_000_000 + 1, ack=turn * 2_000_000 + 1)]
    run = Run(packets)
    assert run.anomalies.count("CONNECTIONS_CAP") == 2
    assert len(run.data(0)) == 3 + 3 * 2


@pytest.mark.parametrize("pointer", range(1, 13))
def test_a_byte_that_some_receivers_take_out_hides_nothing(pointer: int) -> None:
    write = WRITES[5]
    inside = write[:pointer - 1] + b"\xee" + write[pointer - 1:]
    packets = [*handshake(), *talk(0, 3), P(inside, 136, 233, flags=ACK | URG, urgent=pointer),
               P(modbus_response(5, function=6), 233, 149, back=True), *talk(6, 3, seq=149, ack=244)]
    run = Run(packets)
    assert run.data(0).count(write) == 1
    assert REQUESTS[6:9] == [data for data in run.data(0) if data in REQUESTS[6:9]]
    assert "URGENT" in run.anomalies


def test_an_urgent_pointer_at_bytes_that_belong_there_changes_nothing() -> None:
    packets = [*handshake(), *talk(0, 3), P(WRITES[5], 136, 233, flags=ACK | URG, urgent=12),
               P(modbus_response(5, function=6), 233, 148, back=True), *talk(6, 3, seq=148, ack=244)]
    run = Run(packets)
    assert run.data(0) == [*REQUESTS[:3], WRITES[5], *REQUESTS[6:9]]


def test_a_decoy_after_the_first_byte_of_a_connection_takes_nothing_away() -> None:
    first, second = modbus_request(1), modbus_request(2)
    run = Run([*handshake(), P(first[:1], 100, 200), P(b"\xa5" * 23, 101, 200), P(first[1:], 101, 200), P(second, 112, 200)])
    assert run.data(0)[:2] == [first, second]


def test_bytes_before_the_syn_are_no_start_of_the_stream() -> None:
    decoy, first = modbus_request(9, 900), modbus_request(1)
    run = Run([*handshake(), P(decoy, 99, 200), P(first, 100, 200), P(modbus_response(1), 200, 112, back=True)])
    assert run.data(0) == [decoy, first]
    assert [pdu.flags & PduFlag.CONFLICT for pdu in run.pdus if pdu.data == first] == [0]


def test_a_message_cut_after_its_first_byte_is_read_beside_a_decoy_of_the_rest() -> None:
    first, second, decoy = modbus_request(1), modbus_request(2), modbus_request(4000, 900)
    run = Run([*handshake(), P(first, 100, 200), P(second[:1], 112, 200), P(decoy, 113, 200), P(second[1:], 113, 200)])
    assert run.data(0) == [first, decoy, second]
