"""COTP, the S7 header, pairing; and every anomaly of the closed list reached."""

from __future__ import annotations

import dataclasses
import struct

import pytest

from otwatch.actions import Action
from otwatch.limits import Limits
from otwatch.protocols.s7comm.spec import ANOMALIES
from otwatch.tables import Packets
from otwatch.vocabulary import PduFlag
from tests.protocols.s7comm.wire import PLUS, S7, Wire, answer, any_item, connect, data, header, item_data, job, userdata, variables

READ = variables(4, any_item(count=4))
STOP = b"\x29\0\0\0\0\0\x09P_PROGRAM"
SMALL = dataclasses.replace(Limits(), outstanding_requests=2, application_fragment_bytes=64, program_blocks_bytes=16)


def read_answer(reference: int = 1) -> bytes:
    return answer(b"\x04\x01", item_data((0xFF, 4, b"\1\2\3\4")), reference=reference)


def test_a_connection_gives_rack_slot_and_type() -> None:
    wire = Wire().ask(connect(called=b"\x02\x23")).say(connect(0xD0, called=b"\x02\x23", destination=1, source=9)).run()
    asked, confirmed = wire.rows
    assert (asked["name"], asked["unit"], asked["object"], asked["start"], asked["count"]) == ("cotp_connect_request", 0x23, 0x0223, 0x0100, 1024)
    assert asked["value"]["destination"] == {"tsap": "0223", "connection": "OP", "rack": 1, "slot": 3}
    assert (confirmed["name"], confirmed["request_frame"], confirmed["latency_ns"]) == ("cotp_connect_confirm", 1, 1000)
    assert wire.names() == []


def test_a_refused_connection_has_its_reason() -> None:
    wire = Wire().ask(connect()).say(b"\x03\0\0\x0b\x06\x80\0\1\0\0\x03").run()
    assert (wire.rows[1]["role"], wire.rows[1]["said"], wire.rows[1]["request_frame"]) == (1, "disconnected:address_unknown", 1)
    ended = Wire().ask(connect()).say(connect(0xD0, destination=1)).ask(b"\x03\0\0\x0b\x06\x80\0\1\0\1\0").last()
    assert (ended["name"], ended["role"], ended["said"]) == ("cotp_disconnect_request", 0, "ok")


def test_the_answer_knows_its_request() -> None:
    wire = Wire().ask(connect()).ask(job(READ, reference=7)).say(read_answer(7)).run()
    assert wire.rows[2]["of"] == "DB1.DBX0.0 BYTE 4"
    assert (wire.rows[2]["request_frame"], wire.rows[2]["latency_ns"], wire.rows[2]["value"]) == (2, 1000, "01020304")
    assert wire.dissector.forget(0) == 0


def test_what_was_not_answered_is_counted() -> None:
    wire = Wire().ask(job(READ, reference=1)).ask(job(READ, reference=2)).say(read_answer(2)).run()
    assert wire.dissector.forget(0) == 1
    assert wire.dissector.forget(0) == 0


def test_flows_do_not_mix() -> None:
    wire = Wire().ask(job(READ, reference=1), flow=3).say(read_answer(1), flow=4).run()
    assert wire.rows[1]["request_frame"] == -1
    assert wire.rows[1]["area"] == -1


def test_cotp_fragments_are_joined_per_direction() -> None:
    body = job(READ)[7:]
    wire = Wire().ask(data(body[:5], last=False)).say(read_answer(9)).ask(data(body[5:20], last=False)).ask(data(body[20:])).run()
    assert [(row["frame"], row["name"], row["role"]) for row in wire.rows] == [(2, "read_var", 1), (4, "read_var", 0)]
    assert wire.rows[1]["of"] == "DB1.DBX0.0 BYTE 4"
    assert wire.names() == []


def test_a_second_pdu_in_a_message_does_not_hide() -> None:
    wire = Wire().ask(data(header(1, READ) + header(1, STOP, reference=2))).run()
    assert [row["name"] for row in wire.rows] == ["read_var", "plc_stop"]
    assert wire.names() == ["length-mismatch"]


def test_bad_pdu_then_good_one() -> None:
    wire = Wire().ask(data(b"\x32\x09" + bytes(10))).ask(job(STOP)).run()
    assert wire.rows[-1]["action"] == Action.STOP


def test_the_plc_asks_for_the_block() -> None:
    """In a download role is of the PDU and not of the connection."""
    name = b"_0800001P"
    wire = Wire().say(job(struct.pack(">BBHIB", 0x1B, 0, 0, 0, 9) + name, reference=0x6500)).run()
    assert (wire.rows[0]["role"], wire.rows[0]["direction"], wire.rows[0]["of"]) == (0, 1, "OB1")


def test_s7_and_s7_plus_on_one_connection() -> None:
    wire = Wire().ask(job(READ)).ask(data(b"\x72\x01\x00\x0e\x31\0\0\x04\xbb\0\0\0\6\0\0\0\1\x34\x72\x01\0\0")).ask(job(STOP, reference=2)).run()
    assert [row["protocol"] for row in wire.rows] == [S7, PLUS, S7]


def filled(function: int, count: int) -> bytes:
    return job(variables(function, *[any_item()] * count))


ITEM_OF_13 = b"\x13" + any_item()[1:]
MANY = [job(READ, reference=reference) for reference in range(3)]
BLOCK = struct.pack(">BBHIB", 0x1A, 0, 0, 0, 9)
UPLOADED = struct.pack(">BBHI", 0x1D, 0, 0, 5)
POLLED = [packet for reference in range(1, 21) for packet in ((0, job(READ, reference=reference)), (1, read_answer(reference)))]
PASSED = {
    "header-short": [(0, data(b"\x32\x01\0"))],
    "rosctr": [(0, data(b"\x32\x09" + bytes(10)))],
    "length-mismatch": [(0, data(header(1, READ) + b"\0"))],
    "function-unknown": [(0, job(b"\x77")), (0, userdata(1, 0x15, 1))],
    "parameter-short": [(0, job(b"\xf0\0")), (0, job(READ[:-2]))],
    "data-short": [(0, job(variables(5, any_item()), b"\0\4\0")), (1, answer(b"\x1e\0", b"\0\x20\0\xfb12"))],
    "item-count": [(0, filled(4, 21))],
    "item-specification": [(0, job(variables(4, ITEM_OF_13)))],
    "item-mismatch": [(0, job(READ)), (1, answer(b"\x04\x02", item_data((0xFF, 4, b"1"), (0xFF, 4, b"1"))))],
    "value-length": [(0, job(variables(5, any_item(count=4)), item_data((0, 4, b"12"))))],
    "answer-unasked": [(0, connect()), (1, connect(0xD0)), (1, read_answer(3))],
    "answer-mismatch": [(0, job(READ)), (1, answer(b"\x05\x01", b"\xff"))],
    "reference-reused": [(0, job(READ)), (0, job(READ))],
    "requests-forgotten": [(0, packet) for packet in MANY],
    "pdu-size": [(0, job(b"\xf0\0\0\1\0\1\0\x20")), (1, answer(b"\xf0\0\0\1\0\1\0\x20")), (0, filled(4, 9))],
    "userdata-parameter": [(0, data(header(7, b"\7\1\x12\4\x11\x44\1\0")))],
    "block-name": [(0, job(BLOCK + b"_0800X01P")), (0, job(b"\x28" + bytes(6) + b"\xfd\0\x0a\1\0" + b"0X00001P" + b"\x05_DELE"))],
    "block-size": [(0, job(BLOCK + b"_0800001P")), (1, job(b"\x1b" + BLOCK[1:] + b"_0800001P")), (0, answer(b"\x1b\0", b"\0\x14\0\xfb" + bytes(20)))],
    "szl": [(0, userdata(1, 4, 1, b"\0\x11\0\0")), (1, userdata(2, 4, 1, b"\0\x11\0\0\0\x1c\0\2" + bytes(28)))],
    "transfers-forgotten": [(0, job(BLOCK + b"_080000%dP" % number, reference=number)) for number in range(3)],
    "answer-size": [(0, job(b"\xf0\0\0\1\0\1\0\xf0")), (1, answer(b"\xf0\0\0\1\0\1\0\xf0")), (0, job(variables(4, any_item(count=227))))],
    "parts": [(1, userdata(2, 4, 1, bytes(50), unit=3, more=1)), (1, userdata(2, 4, 1, bytes(50), unit=3, more=1))],
    "device-quirk": [(0, job(READ)), (1, read_answer(0))],
    "deviating-answer": [*POLLED, (0, job(READ, reference=30)), (1, read_answer(0))],
    "foreign-answer": [*POLLED, (0, job(READ, reference=30)), (1, read_answer(0))],
}


@pytest.mark.parametrize("kind", [kind.name for kind in ANOMALIES])
def test_every_anomaly_is_reached(kind: str) -> None:
    wire = Wire(SMALL)
    for direction, packet in PASSED[kind]:
        wire.add(packet, direction)
    if kind == "foreign-answer":
        wire.pdus.packets = packets = Packets(64)
        for number in range(64):
            packets.new_row()
            packets.mac_source[number], packets.ttl[number] = 0xBB if number >= wire.frame else 0xAA, 64
    assert kind in wire.names()


def test_a_message_that_was_cut_is_no_anomaly() -> None:
    for packet in (job(READ), job(STOP), read_answer(), userdata(1, 4, 1, b"\0\x11\0\0"), job(b"\x28" + bytes(6) + b"\xfd\0\0\x05_MODU")):
        for length in range(len(packet)):
            assert Wire().cut(packet, length).names() == [], (packet, length)


def test_bytes_that_are_missing_drop_a_message_in_parts() -> None:
    wire = Wire().ask(data(header(1, READ)[:12], last=False)).add(job(STOP), 0, flags=PduFlag.AFTER_GAP).run()
    assert [row["name"] for row in wire.rows] == ["plc_stop"]
    assert wire.names() == ["cotp-fragment"]


def test_what_does_not_fit_is_no_surprise_where_the_capture_lost_packets() -> None:
    def lossy(*after: tuple[int, bytes], flags: int) -> list[str]:
        wire = Wire().ask(connect()).say(connect(0xD0)).ask(job(READ, reference=1))
        for index, (direction, packet) in enumerate(after):
            wire.add(packet, direction, flags=0 if index else flags)
        return wire.names()

    two = answer(b"\x04\x02", item_data((0xFF, 4, b"1"), (0xFF, 4, b"1")))
    clock = userdata(2, 7, 1, bytes(10), reference=9)
    for told, packets in {
        "answer-unasked": [(1, answer(b"\x29", reference=3))], "answer-mismatch": [(1, answer(b"\x05\x01", b"\xff"))], "item-mismatch": [(1, two)],
        "reference-reused": [(0, job(READ))],
    }.items():
        assert lossy(*packets, flags=0) == [told]
        assert lossy(*packets, flags=PduFlag.UNHEARD) == []
        assert lossy(*packets, flags=PduFlag.AFTER_GAP) == []
    assert lossy((1, clock), flags=0) == ["answer-unasked"]
    assert lossy((1, clock), flags=PduFlag.UNHEARD) == []
    assert lossy((1, read_answer(3)), (1, clock), (1, read_answer()), (1, read_answer(3)), flags=PduFlag.UNHEARD) == ["answer-unasked"]


@pytest.mark.parametrize("late", [answer(b"\x29", reference=3), userdata(2, 7, 1, bytes(10), reference=9)], ids=["stop", "clock"])
def test_an_answer_that_waited_in_vain_for_its_lost_request_is_no_surprise_whatever_was_answered_since(late: bytes) -> None:
    wire = Wire().ask(connect()).say(connect(0xD0)).ask(job(READ, reference=1)).say(read_answer(1))
    wire.add(late, 1, flags=PduFlag.UNHEARD).ask(job(READ, reference=4)).say(read_answer(4))
    assert wire.add(b"", 0, flags=PduFlag.ENDED).names() == []
    assert [row["request_frame"] for row in wire.rows if row["frame"] == 5] == [-1]


def test_an_answer_is_unasked_only_where_both_directions_are_seen() -> None:
    assert Wire().ask(connect()).say(read_answer(3)).names() == []  # the client's half: it answers what the controller asked of it
    assert Wire().say(connect(0xD0)).say(read_answer(3)).names() == []


def test_empty_packets_say_nothing() -> None:
    assert Wire().say(b"\x03\0\0\x07\x02\xf0\0").say(b"\x03\0\0\x07\x02\xf0\x80").run().rows == []


def test_all_conversations_together_keep_a_bounded_number_of_bytes() -> None:
    wire = Wire(dataclasses.replace(Limits(), stream_pending_total_bytes=10_000))
    for flow in range(60):
        wire.ask(data(bytes(900), last=False), flow=100 + flow)
        wire.ask(job(BLOCK + b"_0800001P"), flow=flow).say(job(b"\x1b" + BLOCK[1:] + b"_0800001P"), flow=flow)
        wire.ask(answer(b"\x1b\0", b"\x02\0\0\xfb" + bytes(512)), flow=flow)
        wire.ask(filled(4, 15), flow=flow).say(userdata(2, 4, 1, bytes(800), unit=1, more=1), flow=flow)
    assert {"cotp-fragment", "block-size", "requests-forgotten"} <= set(wire.names())
    assert 0 < wire.dissector.message.held <= 10_000
    for flow in range(160):
        wire.dissector.forget(flow)
    assert wire.dissector.message.held == 0
