"""UDP: each datagram stands alone."""

from __future__ import annotations

from otwatch.vocabulary import PacketFlag, PduFlag, ProtocolHow
from tests.oracle.streams import dnp3_frame
from tests.streams.specs import modbus_request, modbus_response
from tests.streams.wire import P, Run, table

FRAME = dnp3_frame(b"\xc0\xc1\x01\x3c\x02\x06", control=0xC4)
BAD = FRAME[:8] + b"\0\0" + FRAME[10:]


def udp(payload: bytes, **more: int) -> P:
    return P(payload, proto=17, **{"server_port": 20000, **more})  # type: ignore[arg-type]


def test_one_and_several_pdus_in_a_datagram() -> None:
    run = Run([udp(FRAME), udp(FRAME + FRAME)])
    assert [(pdu.protocol, pdu.data, pdu.flags, pdu.frame) for pdu in run.pdus] == [
        (3, FRAME, PduFlag.DATAGRAM, 1), (3, FRAME, PduFlag.DATAGRAM, 2), (3, FRAME, PduFlag.DATAGRAM, 2)]
    assert (run.flows[0]["protocol_how"], run.flows[0]["pdus"]) == (ProtocolHow.CONTENT, 3)
    assert run.events == [("OPENED", 1), ("IDENTIFIED", 1), ("CLOSED", 1)]


def test_a_control_after_a_bad_crc_in_one_datagram() -> None:
    run = Run([udp(FRAME), udp(BAD + FRAME)])
    assert [pdu.flags for pdu in run.pdus] == [PduFlag.DATAGRAM, PduFlag.DATAGRAM | PduFlag.RESYNCHRONISED]
    assert run.anomalies == ["WRONG_BYTES", "RESYNCHRONISED"]


def test_a_cut_datagram() -> None:
    run = Run([udp(FRAME), udp(FRAME[:12], missing=len(FRAME) - 12), udp(FRAME)])
    assert [(pdu.data, pdu.flags) for pdu in run.pdus[1:]] == [(FRAME[:12], PduFlag.DATAGRAM | PduFlag.CUT), (FRAME, PduFlag.DATAGRAM)]
    assert run.anomalies == ["CUT"]


def test_something_else_on_the_port() -> None:
    run = Run([udp(b"hello world" * 5)] * 5)
    assert run.pdus == []
    assert run.anomalies == ["UNIDENTIFIED"]


def test_another_port_is_found_by_content() -> None:
    run = Run([udp(modbus_request(1), server_port=7000, client_port=7001), udp(modbus_response(1), server_port=7000, client_port=7001, back=True)])
    assert [(pdu.protocol, pdu.direction) for pdu in run.pdus] in ([(1, 0), (1, 1)], [(1, 1), (1, 0)])


def test_violations_in_a_row_detach_and_good_ones_attach_again() -> None:
    run = Run([udp(FRAME), *[udp(BAD)] * 8, udp(FRAME)])
    assert [pdu.frame for pdu in run.pdus] == [1, 10]
    assert [kind for kind, _ in run.events] == ["OPENED", "IDENTIFIED", "DETACHED", "IDENTIFIED", "CLOSED"]


def test_a_reassembled_datagram_is_read_from_the_side() -> None:
    run = Run([], finish=False)
    batch = table([udp(FRAME, bits=PacketFlag.REASSEMBLED)])
    batch.data = memoryview(b"")
    batch.payload_at[0] = batch.side.append(memoryview(FRAME), 0, len(FRAME))
    from otwatch.tables import Anomalies
    run.streams.feed(batch, Anomalies())
    run._collect(Anomalies())
    assert run.data(0) == [FRAME]
