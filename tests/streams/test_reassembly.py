"""TCP's disorder: holes, overlaps, wraps, probes."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.vocabulary import PduFlag
from tests.oracle import streams as oracle
from tests.streams.specs import modbus_request, modbus_response
from tests.streams.test_streams import handshake, said
from tests.streams.wire import MS, SYN, P, Run

REQUESTS = [modbus_request(n, n) for n in range(8)]


def at(n: int, **more: int) -> P:
    return P(REQUESTS[n], 100 + 12 * n, 200, **more)


def test_a_late_segment_is_waited_for() -> None:
    run = Run([*handshake(), at(0), at(2, at=1 * MS), P(b"", 200, 136, back=True, at=2 * MS), at(1, at=30 * MS), at(3, at=31 * MS)])
    assert run.data(0) == REQUESTS[:4]
    assert run.anomalies == []
    assert [pdu.frame for pdu in run.pdus] == [4, 7, 5, 8]


def test_an_acknowledged_hole_is_given_up_after_the_grace() -> None:
    packets = [*handshake(), at(0), at(2, at=1 * MS), P(b"", 200, 136, back=True, at=2 * MS), P(b"x", proto=17, server_port=9, at=60 * MS),
               at(3, at=61 * MS)]
    run = Run(packets, batch=1)
    assert run.data(0) == [REQUESTS[0], REQUESTS[2], REQUESTS[3]]
    assert [pdu.flags for pdu in run.pdus] == [0, PduFlag.AFTER_GAP, 0]
    assert [pdu.frame for pdu in run.pdus] == [4, 5, 8]
    assert run.rows == [("GAP", 12, 12)]
    (flow,) = [flow for flow in run.flows if flow["ip_protocol"] == 6]
    assert (flow["gaps"], flow["gap_bytes"]) == (1, 12)


def test_what_lies_behind_a_lost_request_is_read_before_its_answer() -> None:
    answer = P(modbus_response(2), 200, 136, back=True, at=5 * MS)
    run = Run([*handshake(), at(0), at(2, at=1 * MS), answer, at(3, at=6 * MS)])
    assert [pdu.frame for pdu in run.pdus] == [4, 5, 6, 7]
    assert run.anomalies == ["GAP"]


def test_an_unacknowledged_hole_is_given_up_after_its_own_time_and_at_the_end() -> None:
    waits = [*handshake(), at(0), at(2, at=1 * MS), at(3, at=900 * MS), at(5, at=1002 * MS)]
    run = Run(waits)
    assert run.data(0) == [REQUESTS[0], REQUESTS[2], REQUESTS[3], REQUESTS[5]]
    assert run.anomalies == ["GAP", "GAP_AT_END"]
    ticked = Run(waits[:-1], finish=False)
    assert len(ticked.pdus) == 1
    ticked.tick(1001 * MS)
    assert ticked.data(0) == [REQUESTS[0], REQUESTS[2], REQUESTS[3]]


def test_what_fills_a_hole_too_late_is_still_read() -> None:
    run = Run([*handshake(), at(0), at(2, at=1 * MS), at(3, at=1100 * MS), at(1, at=1200 * MS)])
    assert run.data(0) == [REQUESTS[0], REQUESTS[2], REQUESTS[3], REQUESTS[1]]
    assert run.anomalies == ["GAP"]


def test_a_hole_inside_a_pdu_of_known_length_keeps_the_place() -> None:
    long = modbus_response(7, bytes(100))
    data = long + modbus_response(8)
    packets = [*handshake(), P(data[:20], 200, 100, back=True), P(data[90:], 290, 100, back=True, at=MS), P(b"", 200 + len(data), 1, at=2 * MS)]
    run = Run(packets)
    assert [(pdu.data, pdu.flags) for pdu in run.pdus] == [(long[:20], PduFlag.CUT), (modbus_response(8), PduFlag.AFTER_GAP)]
    assert run.anomalies == ["GAP_AT_END", "CUT"]


def test_the_snap_length_is_a_gap_of_known_size() -> None:
    long = modbus_response(7, bytes(100))
    run = Run([*handshake(), P(long[:46], 200, 100, back=True, missing=len(long) - 46), P(modbus_response(8), 200 + len(long), 100, back=True),
               P(long[:4], 211 + len(long), 100, back=True, missing=len(long) - 4), P(modbus_response(9), 211 + 2 * len(long), 100, back=True)])
    assert run.data(1) == [long[:46], modbus_response(8), modbus_response(9)]
    assert [pdu.flags for pdu in run.pdus] == [PduFlag.CUT, PduFlag.AFTER_GAP, PduFlag.AFTER_GAP]


def test_sequence_numbers_wrap() -> None:
    isn = 0xFFFFFFF0
    data = b"".join(REQUESTS)
    run = Run(handshake(isn) + said(data, isn + 1, 7, 14, 15, 16, 40))
    assert run.data(0) == REQUESTS
    reordered = said(data, isn + 1, 7, 14, 15, 16, 40)
    assert Run(handshake(isn) + reordered[::-1]).data(0) == REQUESTS


def test_retransmissions_are_counted_and_trimmed() -> None:
    run = Run([*handshake(), at(0), at(0), P(REQUESTS[0] + REQUESTS[1], 100, 200), P(REQUESTS[0][6:], 106, 200)])
    assert run.data(0) == REQUESTS[:2]
    assert (run.flows[0]["retransmissions"], run.flows[0]["conflicts"]) == (2, 0)
    assert run.anomalies == []


def test_keep_alive_and_zero_window_probes() -> None:
    run = Run([*handshake(), at(0), P(b"\0", 111, 200), P(b"", 111, 200), P(REQUESTS[1][:1], 112, 200), P(REQUESTS[1], 112, 200)])
    assert run.data(0) == REQUESTS[:2]
    assert (run.flows[0]["retransmissions"], run.flows[0]["conflicts"], run.anomalies) == (0, 0, [])


def test_evasion_a_write_hidden_in_an_overlapping_retransmission() -> None:
    write = modbus_request(0, 5, 1, function=6)
    run = Run([*handshake(), at(0), P(write, 100, 200), at(1)])
    assert run.data(0, without=PduFlag.CONFLICT) == REQUESTS[:2]
    assert [pdu.data for pdu in run.pdus if pdu.flags & PduFlag.CONFLICT] == [write]
    assert run.anomalies == ["CONFLICT", "CONTRADICTION"]
    assert run.flows[0]["conflicts"] == 1


def test_the_same_conflict_again_is_not_read_again() -> None:
    write = modbus_request(0, 5, 1, function=6)
    run = Run([*handshake(), at(0), P(write, 100, 200), P(write, 100, 200), at(1)])
    assert [pdu.data for pdu in run.pdus if pdu.flags & PduFlag.CONFLICT] == [write]


def test_a_conflict_in_half_a_pdu_is_read_when_the_pdu_is_whole() -> None:
    write = modbus_request(0, 0, 1, function=6)
    run = Run([*handshake(), P(REQUESTS[0][:9], 100, 200), P(write[:9], 100, 200), P(REQUESTS[0][9:], 109, 200)])
    assert [(pdu.data, bool(pdu.flags & PduFlag.CONFLICT)) for pdu in run.pdus] == [(REQUESTS[0], False), (write, True)]


def test_a_conflict_in_five_byte_pieces() -> None:
    write = modbus_request(3, 9, 1, function=6)
    run = Run([*handshake(), *[at(n) for n in range(5)], *said(write, 136, 5, 10)])
    assert run.data(0, without=PduFlag.CONFLICT) == REQUESTS[:5]
    assert write in [pdu.data for pdu in run.pdus if pdu.flags & PduFlag.CONFLICT]


def test_a_conflict_between_held_segments() -> None:
    write = modbus_request(1, 5, 1, function=6)
    run = Run([*handshake(), at(1), P(write, 112, 200), at(0)])
    assert run.data(0, without=PduFlag.CONFLICT) == REQUESTS[:2]
    assert [pdu.data for pdu in run.pdus if pdu.flags & PduFlag.CONFLICT] == [write]
    assert run.streams.counters["held_bytes"] == 0


def test_the_conflict_of_a_retransmission_that_also_brings_new_bytes() -> None:
    write = modbus_request(0, 5, 1, function=6)
    run = Run([*handshake(), at(0), P(write + REQUESTS[1], 100, 200), at(2), at(3)])
    assert run.data(0) == [REQUESTS[0], write, *REQUESTS[1:4]]
    assert [pdu.data for pdu in run.pdus if pdu.flags & PduFlag.CONFLICT] == [write, *REQUESTS[1:3]]


def test_a_segment_far_outside_the_window_does_not_move_the_stream() -> None:
    write = modbus_request(9, 5, 1, function=6)
    run = Run([*handshake(), at(0), P(b"", 200, 112, back=True), P(write, 100 + 2**30, 200), at(1)])
    assert run.data(0) == [REQUESTS[0], write, REQUESTS[1]]
    assert run.anomalies == ["OUT_OF_WINDOW"]


def test_numbers_that_start_anew_without_a_handshake_are_followed() -> None:
    run = Run([at(0), at(1), P(REQUESTS[2], 100 - 2**24, 200), P(REQUESTS[3], 112 - 2**24, 200)])
    assert run.data(0) == REQUESTS[:4]


def test_a_forged_syn_does_not_blind() -> None:
    run = Run([*handshake(), at(0), P(b"", 200, 112, back=True), P(flags=SYN, seq=900_000_000), at(1), P(b"", 200, 124, back=True), at(2),
               P(b"", 200, 136, back=True), at(3, at=200 * MS)])
    assert run.data(0) == REQUESTS[:4]


def test_nothing_but_keep_alive_probes_is_no_stream() -> None:
    run = Run([P(b"\0", 100, 200, at=second * 1000 * MS) for second in range(5)])
    assert not run.anomalies
    assert not run.pdus


def test_midway_pick_up_after_a_keep_alive_probe() -> None:
    run = Run([P(b"\0", 99, 200), P(b"", 200, 100, back=True), at(0), at(1)])
    assert run.data(0) == REQUESTS[:2]
    assert run.anomalies == ["ONE_WAY"] or run.anomalies == []


def test_bytes_before_the_pick_up_are_read_apart() -> None:
    run = Run([at(1), at(0), at(2)])
    assert run.data(0) == [REQUESTS[1], REQUESTS[0], REQUESTS[2]]
    assert run.pdus[1].flags == PduFlag.AFTER_GAP


def test_held_bytes_are_capped() -> None:
    limits = Limits(stream_pending_bytes=1000)
    far = [P(modbus_request(n, n), 112 + 12 * n, 200, at=n) for n in range(200)]
    run = Run([*handshake(), *far], limits=limits, finish=False)
    assert run.anomalies[:2] == ["PENDING_CAP", "GAP"]
    assert run.streams.counters["held_bytes"] <= 1000
    assert len(run.data(0)) == 200
    assert run.streams.counters["pending_caps"] == 1


def test_alarms_do_not_pile_up_while_time_stands_still() -> None:
    run = Run([P(REQUESTS[0][:9], 100 + 12 * (n % 2), 200, client_port=1 + n // 2 % 60000, source=10 + n // 120000) for n in range(30_000)],
              limits=Limits(flows=64, streams=32), finish=False)
    assert run.streams.counters["alarms"] <= 2 * 64 + 4097


def test_what_comes_before_the_syn_is_read_for_itself() -> None:
    run = Run([*handshake(), P(REQUESTS[5], 50, 200), at(0), at(1)])
    assert run.data(0) == [REQUESTS[5], *REQUESTS[:2]]
    assert run.anomalies == ["LATE"]
    assert [pdu.flags for pdu in run.pdus] == [PduFlag.AFTER_GAP, 0, 0]


def test_many_streams_out_of_order_at_once_match_the_oracle() -> None:
    packets = []
    for port in range(40000, 40020):
        packets += handshake(client_port=port)
        segments = said(b"".join(REQUESTS), 100, 3, 17, 20, 44, 60, client_port=port)
        packets += [segments[index] for index in (3, 1, 5, 0, 4, 2, 3, 1)]
    run = Run(packets, batch=13)
    expected = oracle.cut_modbus(oracle.reassemble(100, [(100, b"".join(REQUESTS))]))
    for number in range(1, 21):
        assert [pdu.data for pdu in run.pdus if pdu.flow == number] == expected
