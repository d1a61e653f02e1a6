"""Framing of streams: identification, wrong bytes, and the way back."""

from __future__ import annotations

import pytest

from otwatch.limits import Limits
from otwatch.vocabulary import PduFlag, ProtocolHow
from tests.oracle.streams import dnp3_frame
from tests.streams import specs
from tests.streams.specs import modbus_request, modbus_response
from tests.streams.test_streams import handshake, said
from tests.streams.wire import MS, P, Run

WRITE = modbus_request(7, 5, 1, function=6)
BAD = b"\0\1\xff\xff\0\6\1\3\0\0\0\1"  # protocol id 0xFFFF
HTTP = b"GET / HTTP/1.1\r\nHost: plc\r\nUser-Agent: something rather long so that it matters\r\nAccept: */*\r\n\r\n" * 4


def test_two_pdus_in_one_segment_and_one_over_three() -> None:
    data = modbus_request(1) + WRITE
    assert Run(handshake() + said(data, 100)).data(0) == [modbus_request(1), WRITE]
    assert Run(handshake() + said(data, 100, 13, 17)).data(0) == [modbus_request(1), WRITE]


def test_a_good_pdu_after_a_bad_one() -> None:
    run = Run(handshake() + said(modbus_request(1) + BAD + WRITE + modbus_request(2), 100))
    assert run.data(0) == [modbus_request(1), WRITE, modbus_request(2)]
    assert [pdu.flags for pdu in run.pdus] == [0, PduFlag.RESYNCHRONISED, 0]
    assert run.rows == [("WRONG_BYTES", 8, 36), ("RESYNCHRONISED", 0, 12)]
    assert (run.flows[0]["violations"], run.flows[0]["skipped_bytes"]) == (1, 12)


def test_a_good_pdu_after_a_bad_one_on_another_port_and_as_the_first_bytes() -> None:
    assert Run(handshake() + said(BAD + WRITE, 100)).data(0) == [WRITE]
    assert Run([*handshake(server_port=9999), *said(modbus_request(1) + BAD + WRITE, 100, server_port=9999)]).data(0) == [modbus_request(1), WRITE]


def test_a_hundred_bad_pdus_detach_and_the_write_is_still_seen() -> None:
    run = Run(handshake() + said(modbus_request(1) + b"".join(BAD + b"\xee" * n for n in range(100)) + WRITE, 100, 500, 1000))
    assert run.data(0) == [modbus_request(1), WRITE]


def test_violations_in_a_row_detach_the_flow() -> None:
    run = Run([*handshake(), P(modbus_request(1), 100, 200),
               *[P(BAD, 112 + 12 * n, 200, at=300 * MS * n) for n in range(9)]], limits=Limits(protocol_violations=1))
    assert run.events.count(("DETACHED", 1)) == 1
    assert run.flows[0]["protocol_how"] == ProtocolHow.DETACHED
    assert "DETACHED" in run.anomalies


def test_endless_wrong_bytes_are_given_up_and_a_later_write_is_still_seen() -> None:
    noise = b"\xee" * 1400
    segments = [P(noise, 112 + 1400 * n, 200, at=n * MS) for n in range(50)]
    run = Run([*handshake(), P(modbus_request(1), 100, 200), *segments, P(WRITE, 112 + 1400 * 50, 200, at=60 * MS)])
    assert run.data(0) == [modbus_request(1), WRITE]
    assert [kind for kind, _ in run.events] == ["OPENED", "ANSWERED", "IDENTIFIED", "DETACHED", "IDENTIFIED", "CLOSED"]


def test_something_else_on_port_502_is_not_modbus() -> None:
    run = Run([*handshake(), *said(HTTP, 100, 50, 100), *said(HTTP[::-1], 200, 90, back=True)])
    assert run.pdus == []
    assert run.anomalies == ["UNIDENTIFIED"]
    assert (run.flows[0]["protocol"], run.flows[0]["protocol_how"]) == (0, ProtocolHow.NONE)
    assert ("IDENTIFIED", 1) not in run.events


def test_a_protocol_is_told_on_any_port() -> None:
    frame = dnp3_frame(b"\xc0\xc1\x01\x3c\x02\x06")
    run = Run([*handshake(server_port=502), P(frame, 100, 200), *handshake(server_port=4444), P(modbus_request(3), 100, 200, server_port=4444)])
    assert {(pdu.flow, pdu.protocol, pdu.data) for pdu in run.pdus} == {(1, 3, frame), (2, 1, modbus_request(3))}


def test_a_stream_picked_up_in_the_middle_of_a_pdu() -> None:
    data = modbus_response(1, bytes(range(60))) + modbus_response(2, b"ab") + modbus_response(3, b"cd")
    run = Run(said(data[30:], 500, back=True))
    assert run.data(1) == [modbus_response(2, b"ab"), modbus_response(3, b"cd")]
    assert run.pdus[0].flags == PduFlag.RESYNCHRONISED | PduFlag.UNHEARD
    away = Run([P(b"\xee" * 300, 1, 1, server_port=7777), *[P(modbus_request(n), 301 + 12 * n, 1, server_port=7777) for n in range(3)]])
    assert away.data(0) == [modbus_request(n) for n in range(3)]


@pytest.mark.parametrize(("times", "read"), [(10, True), (40, True), (1100, False)])
def test_a_given_up_flow_is_looked_at_again_until_a_limit_that_is_reported(times: int, read: bool) -> None:
    almost = b"\0\1\0\0\0\x3c\1\x7f" + bytes(58)  # function 127: the probe says no
    run = Run([P(almost, 100 + 66 * n, 1, server_port=7777) for n in range(times)] + [P(WRITE, 100 + 66 * times, 1, server_port=7777)])
    assert run.data(0) == ([WRITE] if read else [])
    assert run.anomalies.count("LOOKS_CAP") == (not read)


def test_a_pdu_cut_by_the_end() -> None:
    run = Run([*handshake(), P(modbus_request(1), 100, 200), P(WRITE[:10], 112, 200)])
    assert [(pdu.data, pdu.flags) for pdu in run.pdus] == [(modbus_request(1), 0), (WRITE[:10], PduFlag.CUT)]
    assert run.rows == [("CUT", 12, 10)]
    assert run.flows[0]["pdus"] == 1


def test_too_large_an_unfinished_pdu_is_handed_on_cut() -> None:
    big = b"\3\0\x10\0" + b"\2\xf0\x80" + bytes(4089)
    run = Run([*handshake(server_port=102), *said(big + b"\3\0\0\7\2\xf0\x80", 100, 600, 4096, server_port=102)],
              limits=Limits(stream_pending_bytes=1000))
    assert [(pdu.data, pdu.flags) for pdu in run.pdus] == [(big[:600], PduFlag.CUT), (b"\3\0\0\7\2\xf0\x80", 0)]
    assert run.anomalies == ["PENDING_CAP", "CUT"]


def test_all_that_waits_is_capped_together() -> None:
    flows = [P(b"\3\0\x10\0\2\xf0\x80" + bytes(300), 100, 1, server_port=102, client_port=port) for port in range(1000, 1020)]
    run = Run(flows, limits=Limits(stream_pending_total_bytes=3000), finish=False)
    assert run.streams.counters["pending_bytes"] <= 3000
    assert run.streams.counters["pending_caps"] == 11


def test_a_pdu_of_thousands_of_segments_costs_linear_time() -> None:
    big = b"\3\0\x20\0" + b"\2\xf0\x80" + bytes(8185)
    run = Run([*handshake(server_port=102), *said(big, 100, *range(1, len(big)), server_port=102)])
    assert run.data(0) == [big]


def test_two_protocols_share_a_port() -> None:
    def second(first: bytes, direction: int) -> specs.Verdict:
        return specs.Verdict.YES if b"MMS" in first else specs.Verdict.UNSURE

    mms = specs._spec("mms", (specs.Port(transport=6, number=102),), specs.Framing(
        name="tpkt", header_bytes=4, magic=((0, 0xFF, 3), (1, 0xFF, 0)), length_at=2, min_bytes=7, probe=second))
    opening, talk = b"\3\0\0\x08\2\x11\x80\0", b"\3\0\0\x0aMMS\0\0\0"
    run = Run([*handshake(server_port=102), P(opening, 100, 200, server_port=102), P(talk, 108, 200, server_port=102)],
              protocols=(specs.MODBUS, specs.TPKT, specs.DNP3, mms))
    assert [(pdu.protocol, pdu.data, pdu.frame) for pdu in run.pdus] == [(4, opening, 4), (4, talk, 5)]


def test_the_search_takes_an_unsure_pdu_after_a_pause() -> None:
    unsure = specs._spec("modbus", (specs.Port(transport=6, number=502),), specs.Framing(
        name="tcp", header_bytes=8, magic=((2, 0xFF, 0), (3, 0xFF, 0)), length_at=4, length_add=6, min_bytes=8, max_bytes=260))
    run = Run([*handshake(), P(modbus_request(1), 100, 200), P(BAD + WRITE, 112, 200, at=MS), P(b"", 200, 136, back=True, at=300 * MS)],
              protocols=(unsure,), finish=False)
    assert run.data(0) == [modbus_request(1), WRITE]
    assert [pdu.frame for pdu in run.pdus] == [4, 5]
    pair = Run([*handshake(), P(modbus_request(1), 100, 200), P(BAD + WRITE, 112, 200, at=MS), P(modbus_request(2), 136, 200, at=2 * MS)],
               protocols=(unsure,), finish=False)
    assert pair.data(0) == [modbus_request(1), WRITE, modbus_request(2)]
