"""The dissector: roles, pairing, what stays visible when things go wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from otwatch.actions import Action, Role
from otwatch.limits import Limits
from otwatch.protocols.modbus import PROTOCOL
from otwatch.protocols.modbus.spec import Area
from otwatch.tables import Packets
from otwatch.vocabulary import PduFlag
from tests.oracle.modbus import crc16
from tests.protocols.modbus.wire import CLIENT, SERVER, Wire, adu, pdu

READ = pdu(3, 100, 2)
READ_ANSWER = pdu(3, data=b"\x04\x00\x01\x00\x02")


def rtu(unit: int, body: bytes) -> bytes:
    frame = bytes([unit]) + body
    return frame + crc16(frame).to_bytes(2, "little")


# ---- pairing

def test_a_response_has_the_place_of_its_request() -> None:
    asked, answered = Wire().ask(READ, transaction=7, unit=9).answer(READ_ANSWER, transaction=7, unit=9).run().rows
    assert (asked["role"], asked["source"], asked["value_length"], asked["request_frame"]) == (Role.REQUEST, CLIENT, 0, -1)
    assert (answered["role"], answered["source"], answered["request_frame"], answered["latency_ns"]) == (Role.RESPONSE, SERVER, 1, 1_000)
    assert answered["value"] == b"\x00\x01\x00\x02"
    for row in (asked, answered):
        assert (row["protocol"], row["function"], row["action"], row["unit"], row["area"], row["start"], row["count"], row["transaction"],
                row["status"], row["object"]) == (3, 3, Action.READ, 9, Area.HOLDING_REGISTER, 100, 2, 7, 0, -1)


def test_responses_out_of_order_find_their_requests() -> None:
    wire = Wire()
    for transaction in (1, 2, 3):
        wire.ask(pdu(3, 10 * transaction, 2), transaction=transaction)
    for transaction in (2, 3, 1):
        wire.answer(READ_ANSWER, transaction=transaction)
    assert [row["start"] for row in wire.run().rows[3:]] == [20, 30, 10]
    assert wire.bad == []
    assert wire.dissector.forget(0) == 0


def test_one_transaction_id_for_everything_pairs_in_order() -> None:
    wire = Wire().ask(pdu(3, 10, 2), transaction=0).ask(pdu(3, 20, 2), transaction=0)
    wire.answer(READ_ANSWER, transaction=0).answer(READ_ANSWER, transaction=0)
    assert [row["start"] for row in wire.run().rows[2:]] == [10, 20]


def test_after_a_gap_the_newest_request_is_the_one_answered() -> None:
    wire = Wire().ask(pdu(3, 10, 2), transaction=0).ask(pdu(3, 20, 2), transaction=0)
    assert wire.answer(READ_ANSWER, transaction=0, flags=PduFlag.AFTER_GAP).run().rows[2]["start"] == 20


def test_an_exception_has_the_address_of_its_request() -> None:
    row = Wire().ask(pdu(16, 4000, 1, data=b"\x02\x00\x07")).answer(b"\x90\x02").run().rows[1]
    assert (row["function"], row["status"], row["start"], row["count"], row["action"]) == (16, 2, 4000, 1, Action.WRITE)
    assert PROTOCOL.status_name(row["status"]) == "exception:2"


def test_flows_are_apart() -> None:
    wire = Wire().ask(pdu(3, 10, 2), flow=4).ask(pdu(3, 20, 2), flow=300).answer(READ_ANSWER, flow=300).answer(READ_ANSWER, flow=4)
    assert [row["start"] for row in wire.run().rows[2:]] == [20, 10]


def test_pairing_reaches_over_batches() -> None:
    wire = Wire().ask(READ).run().answer(READ_ANSWER).run()
    assert wire.rows[1]["start"] == 100
    assert wire.rows[1]["request_frame"] == 1


def test_forget_counts_the_unanswered_and_frees_them() -> None:
    wire = Wire().ask(READ, transaction=1).ask(READ, transaction=2).answer(READ_ANSWER, transaction=1).run()
    assert wire.dissector.forget(0) == 1
    assert wire.dissector.forget(0) == 0
    assert wire.answer(READ_ANSWER, transaction=2).run().rows[-1]["request_frame"] == -1
    assert wire.dissector.forget(-1) == 0
    assert wire.dissector.forget(10 ** 6) == 0


def test_outstanding_requests_are_capped_oldest_first_and_counted() -> None:
    wire = Wire(Limits(outstanding_requests=4)).ask(READ, transaction=99).answer(READ_ANSWER, transaction=99)
    for transaction in range(10):
        wire.ask(pdu(3, transaction, 2), transaction=transaction)
    assert wire.names() == ["request-flood"]
    assert wire.dissector.dropped == 6  # type: ignore[attr-defined]
    wire.answer(READ_ANSWER, transaction=9).answer(READ_ANSWER, transaction=0)
    assert wire.run().rows[-2]["start"] == 9
    assert wire.rows[-1]["start"] == -1
    assert wire.dissector.forget(0) == 3


def test_read_and_write_in_one_gives_two_rows_each_way() -> None:
    body = pdu(23, 0, 2, 20, 1, data=b"\x02\x00\x09")
    rows = Wire().ask(body).answer(pdu(23, data=b"\x04\x00\x01\x00\x02")).run().rows
    assert [(r["item"], r["action"], r["start"], r["count"]) for r in rows] == [
        (0, Action.READ, 0, 2), (1, Action.WRITE, 20, 1), (0, Action.READ, 0, 2), (1, Action.WRITE, 20, 1)]
    assert [r["value"] for r in rows] == [b"", b"\x00\x09", b"\x00\x01\x00\x02", b""]
    refused = Wire().ask(body).answer(b"\x97\x01").run().rows[2:]
    assert [(r["item"], r["status"], r["start"]) for r in refused] == [(0, 1, 0), (1, 1, 20)]


def test_a_record_to_write_behind_a_lying_byte_count_is_a_row() -> None:
    write = b"\x15\x09\x06\x00\x04\x00\x07\x00\x01\xaf\x04\x06\x00\x05\x00\x08\x00\x01\xbe\x10"
    wire = Wire().ask(write)
    assert wire.names() == ["trailing-bytes"]
    assert [(r["object"], r["start"], r["count"], r["value"]) for r in wire.rows] == [(4, 7, 1, b"\xaf\x04"), (5, 8, 1, b"\xbe\x10")]
    assert len(Wire().ask(write[:11] + b"\x05" + write[12:]).run().rows) == 1  # no record: its reference type is not 6
    assert len(Wire().ask(b"\x14\x07" + write[2:9] * 2).run().rows) == 1


def test_file_records_give_a_row_per_item() -> None:
    body = b"\x14\x0e\x06\x00\x04\x00\x01\x00\x02\x06\x00\x03\x00\x09\x00\x01"
    rows = Wire().ask(body).answer(b"\x14\x0a\x05\x06\x0d\xfe\x00\x20\x03\x06\x33\xcd").run().rows
    assert [(r["object"], r["start"], r["count"], r["item"]) for r in rows] == [(4, 1, 2, 0), (3, 9, 1, 1)] * 2
    assert [r["value"] for r in rows[2:]] == [b"\x0d\xfe\x00\x20", b"\x33\xcd"]
    write = b"\x15\x0d\x06\x00\x04\x00\x07\x00\x03\x06\xaf\x04\xbe\x10\x0d"
    rows = Wire().ask(write).answer(write).run().rows
    assert [(r["area"], r["object"], r["start"], r["count"], r["action"], r["value"].hex()) for r in rows] == [
        (Area.FILE, 4, 7, 3, Action.WRITE, "06af04be100d")] * 2


# ---- which side asks

def test_a_flow_whose_sides_were_swapped() -> None:
    wire = Wire().add(adu(READ), 1).add(adu(READ_ANSWER), 0)
    write = adu(pdu(6, 1, 2), transaction=2)
    rows = wire.add(write, 1).add(write, 0).run().rows
    assert [r["role"] for r in rows] == [0, 1, 0, 1]
    assert rows[3]["request_frame"] == 3
    assert wire.bad == []


def test_only_the_server_is_heard() -> None:
    rows = Wire().add(adu(READ_ANSWER), 0).add(adu(b"\x83\x02", transaction=2), 0).run().rows
    assert [(r["role"], r["status"], r["count"]) for r in rows] == [(1, 0, 2), (1, 2, -1)]


def test_a_capture_that_starts_with_a_response_is_no_attack() -> None:
    assert Wire().answer(READ_ANSWER).ask(READ, transaction=2).answer(READ_ANSWER, transaction=2).names() == []


def test_a_malformed_request_on_a_known_flow_stays_a_request() -> None:
    wire = Wire()
    for transaction in range(3):
        wire.ask(READ, transaction=transaction).answer(READ_ANSWER, transaction=transaction)
    row = wire.ask(pdu(3, data=b"\x04\x00\x01\x00\x02"), transaction=9).run().rows[-1]  # has the shape of a response
    assert row["role"] == Role.REQUEST
    assert "trailing-bytes" in wire.names()


def test_a_malformed_response_to_a_request_stays_a_response() -> None:
    wire = Wire().ask(READ).answer(pdu(3, 7, 7))  # four bytes: the shape of a request
    assert wire.run().rows[1]["role"] == Role.RESPONSE
    assert "role-reversed" not in wire.names()


# ---- rows that must never be lost

@pytest.mark.parametrize("function", [0, 9, 25, 41, 65, 91, 100, 125, 127, 128, 131, 200, 255])
def test_every_function_code_is_kept(function: int) -> None:
    row = Wire().ask(READ).answer(READ_ANSWER).ask(READ).answer(READ_ANSWER).ask(bytes([function, 0xAB, 0xCD, 0xEF]), transaction=5).run().rows[4]
    assert (row["function"], row["role"], row["action"], row["value"]) == (function, Role.REQUEST, Action.OTHER, b"\xab\xcd\xef")
    assert PROTOCOL.function_name(function, -1)


def test_a_lying_length_does_not_hide_the_next_message() -> None:
    hidden = adu(pdu(5, 3, 0xFF00), transaction=2)
    wire = Wire().add(adu(READ, length=6 + len(hidden)) + hidden)
    assert wire.names() == ["trailing-bytes", "hidden-adu"]
    assert [(r["function"], r["start"], r["transaction"]) for r in wire.rows] == [(3, 100, 1), (5, 3, 2)]
    both = Wire().add(adu(READ, length=6 + 2 * len(hidden)) + 2 * hidden).run()
    assert [r["function"] for r in both.rows] == [3, 5, 5]


def test_bytes_that_differ_in_a_retransmission_are_rows_of_their_own() -> None:
    wire = Wire().ask(pdu(6, 1, 2)).ask(pdu(6, 1, 666), flags=PduFlag.CONFLICT).answer(pdu(6, 1, 2))
    assert [r["value"].hex() for r in wire.run().rows] == ["0002", "029a", "0002"]
    assert wire.bad == []
    assert wire.dissector.forget(0) == 1  # either reading may be the one that is answered: the other waits on
    wire = Wire().ask(READ).answer(READ_ANSWER).answer(pdu(3, data=b"\x04\x00\x09\x00\x09"), flags=PduFlag.CONFLICT).run()
    assert wire.rows[2]["start"] == 100
    assert wire.bad == []


def test_what_the_snap_length_cut_off_is_not_malformed() -> None:
    write = adu(pdu(16, 10, 5, data=b"\x0a" + bytes(10)))
    for length in range(8, len(write)):
        wire = Wire().cut(write, length).run()
        assert ([row["function"] for row in wire.rows], wire.bad) == ([16], []), length
    row = Wire().cut(write, 16).run().rows[0]
    assert (row["start"], row["count"], row["value_length"]) == (10, 5, 3)
    assert Wire().cut(write, 5).run().rows == []


# ---- RTU

def test_rtu_pairs_in_order() -> None:
    wire = Wire()
    for start in (10, 20):
        wire.add(rtu(5, pdu(3, start, 2)), 0, framing=1).add(rtu(5, READ_ANSWER), 1, framing=1)
    rows = wire.run().rows
    assert [(r["unit"], r["start"], r["transaction"], r["value"].hex()) for r in rows[1::2]] == [(5, 10, -1, "00010002"), (5, 20, -1, "00010002")]
    assert wire.bad == []


# ---- the closed list

def _flood() -> Wire:
    wire = Wire(Limits(outstanding_requests=2)).ask(READ).answer(READ_ANSWER)
    for transaction in range(3):
        wire.ask(READ, transaction=transaction)
    return wire


def _reversed() -> Wire:
    wire = Wire()
    for transaction in range(3):
        wire.ask(READ, transaction=transaction).answer(READ_ANSWER, transaction=transaction)
    return wire.answer(READ, transaction=70)


def _polled(times: int) -> Wire:
    wire = Wire()
    for transaction in range(1, times + 1):
        wire.ask(READ, transaction=transaction).answer(READ_ANSWER, transaction=transaction)
    return wire


def _elsewhere() -> Wire:
    """The device's answers come from one card, then one without its identifier from another."""
    packets = Packets(64)
    for _ in range(64):
        packets.new_row()
    np.asarray(packets.mac_source)[:] = 0xAA
    np.asarray(packets.ttl)[:] = 64
    wire = Wire()
    wire.pdus.packets = packets
    for transaction in range(1, 21):
        wire.ask(READ, transaction=transaction).answer(READ_ANSWER, transaction=transaction)
    packets.mac_source[wire.frame + 2] = 0xBB
    return wire.ask(READ, transaction=21).answer(READ_ANSWER, transaction=0)


def _reversed_rtu() -> Wire:
    return Wire().add(rtu(1, READ), framing=1).add(rtu(1, pdu(1, 0, 8)), framing=1).add(rtu(1, b"\x01\x01\xff"), 1, framing=1)


REACHED: dict[str, Callable[[], Wire]] = {
    "truncated": lambda: Wire().ask(pdu(3, 100)),
    "trailing-bytes": lambda: Wire().ask(pdu(6, 1, 2, 3)),
    "length-field": lambda: Wire().add(adu(READ, length=9), flags=PduFlag.DATAGRAM),
    "protocol-id": lambda: Wire().ask(READ, protocol=1),
    "pdu-too-long": lambda: Wire().ask(pdu(16, 0, 124, data=b"\xf8" + bytes(248))),
    "function-zero": lambda: Wire().ask(b"\x00\x01"),
    "function-out-of-range": lambda: Wire().ask(b"\x83\x00\x01\x02"),
    "quantity": lambda: Wire().ask(pdu(3, 0, 126)),
    "byte-count": lambda: Wire().ask(pdu(16, 0, 2, data=b"\x02\x00\x01")),
    "coil-value": lambda: Wire().ask(pdu(5, 0, 1)),
    "address-overflow": lambda: Wire().ask(pdu(3, 0xFFFF, 2)),
    "unasked-response": lambda: Wire().ask(READ, transaction=1).answer(READ_ANSWER, transaction=1).answer(READ_ANSWER, transaction=2),
    "conflicting-response": lambda: Wire().ask(READ).answer(READ_ANSWER).answer(pdu(3, data=b"\x04\x00\x01\x00\x03")),
    "duplicate-response": lambda: Wire().ask(READ).answer(READ_ANSWER).answer(READ_ANSWER),
    "function-mismatch": lambda: Wire().ask(READ).answer(pdu(4, data=b"\x04\x00\x01\x00\x02")),
    "unit-mismatch": lambda: _polled(1).ask(READ, unit=1).answer(READ_ANSWER, unit=2),
    "echo-mismatch": lambda: Wire().ask(pdu(6, 1, 2)).answer(pdu(6, 1, 3)),
    "request-flood": _flood,
    "unanswered-request": _reversed_rtu,
    "role-reversed": _reversed,
    "exception-code": lambda: Wire().ask(READ).answer(b"\x83\x20"),
    "file-reference": lambda: Wire().ask(b"\x14\x07\x05\x00\x01\x00\x00\x00\x01"),
    "subfunction": lambda: Wire().ask(pdu(8, 99, 0)),
    "diagnostic-data": lambda: Wire().ask(pdu(8, 1, 0x1234)),
    "identification": lambda: Wire().ask(b"\x2b\x0e\x05\x00"),
    "too-many-items": lambda: Wire(Limits(items_per_pdu=1)).ask(b"\x14\x0e" + 2 * b"\x06\x00\x04\x00\x01\x00\x02"),
    "device-quirk": lambda: Wire().ask(READ, transaction=1).answer(READ_ANSWER, transaction=0),
    "deviating-response": lambda: _polled(20).ask(READ, transaction=30).answer(READ_ANSWER, transaction=0),
    "foreign-response": _elsewhere,
    "hidden-adu": lambda: Wire().add(adu(READ, length=18) + adu(pdu(6, 1, 2))),
}


@pytest.mark.parametrize("kind", [kind.name for kind in PROTOCOL.anomalies])
def test_every_anomaly_is_reached(kind: str) -> None:
    assert kind in REACHED[kind]().names()


def test_the_closed_list_is_whole() -> None:
    assert set(REACHED) == {kind.name for kind in PROTOCOL.anomalies}
    assert all(kind.clause and kind.doc for kind in PROTOCOL.anomalies)


SOUND = [
    (pdu(1, 19, 19), b"\x01\x03\xcd\x6b\x05"), (pdu(2, 196, 22), b"\x02\x03\xac\xdb\x35"), (READ, READ_ANSWER),
    (pdu(4, 8, 1), b"\x04\x02\x00\x0a"), (pdu(5, 172, 0xFF00), pdu(5, 172, 0xFF00)), (pdu(6, 1, 3), pdu(6, 1, 3)), (b"\x07", b"\x07\x6d"),
    (pdu(8, 0, 0xA537), pdu(8, 0, 0xA537)), (pdu(8, 0, data=b"hello world"), pdu(8, 0, data=b"hello world")), (pdu(8, 11, 0), pdu(8, 11, 77)),
    (b"\x0b", pdu(11, 0xFFFF, 0x108)), (b"\x0c", b"\x0c\x08\x00\x00\x01\x08\x01\x21\x20\x00"),
    (b"\x0f\x00\x13\x00\x0a\x02\xcd\x01", pdu(15, 19, 10)), (b"\x10\x00\x01\x00\x02\x04\x00\x0a\x01\x02", pdu(16, 1, 2)),
    (b"\x11", b"\x11\x05abcd\xff"), (b"\x14\x07\x06\x00\x04\x00\x01\x00\x02", b"\x14\x06\x05\x06\x0d\xfe\x00\x20"),
    (b"\x16\x00\x04\x00\xf2\x00\x25", b"\x16\x00\x04\x00\xf2\x00\x25"), (b"\x18\x04\xde", b"\x18\x00\x06\x00\x02\x01\xb8\x12\x84"),
    (b"\x2b\x0e\x01\x00", b"\x2b\x0e\x01\x01\x00\x00\x01\x00\x03abc"), (b"\x2b\x0d\x01\x02", b"\x2b\x0d\x05"),
    (b"\x5a\x00\x02", b"\x5a\x00\xfe\x00"), (pdu(3, 0xFFFF, 1), b"\x03\x02\x00\x00"), (pdu(1, 0, 2000), b"\x01\xfa" + bytes(250)),
]


@pytest.mark.parametrize(("request_pdu", "response_pdu"), SOUND)
def test_what_is_right_makes_no_anomaly(request_pdu: bytes, response_pdu: bytes) -> None:
    wire = Wire().ask(request_pdu).answer(response_pdu)
    assert wire.names() == []
    assert wire.rows[-1]["request_frame"] == 1
    assert wire.rows[-1]["role"] == Role.RESPONSE


def test_a_server_that_refuses_with_function_zero_is_paired() -> None:
    wire = Wire().ask(b"\x41\x00").answer(b"\x80\x01")
    assert wire.names() == ["function-zero"]
    assert (wire.rows[1]["status"], wire.rows[1]["request_frame"]) == (1, 1)


def test_a_response_whose_request_the_capture_lost_is_no_surprise() -> None:
    ask, answer = pdu(3, 0, 1), pdu(3, data=b"\x02\x00\x01")
    wire = Wire().ask(ask, transaction=1).answer(answer, transaction=1)
    wire.answer(answer, transaction=2, flags=PduFlag.UNHEARD).answer(answer, transaction=3)
    wire.ask(ask, transaction=4).answer(answer, transaction=4).answer(answer, transaction=9)
    assert wire.names() == ["unasked-response"]
    assert [bad["frame"] for bad in wire.bad] == [7]


def test_one_transaction_identifier_for_all_and_a_lost_request_are_no_forgery() -> None:
    wire = Wire().ask(pdu(3, 0, 1), transaction=0).answer(pdu(3, data=b"\x02\x00\x01"), transaction=0)
    wire.answer(pdu(3, data=b"\x04\x00\x01\x00\x02"), transaction=0, flags=PduFlag.UNHEARD)
    assert wire.names() == []


def test_a_request_of_several_items_that_is_answered_twice_places_both_answers() -> None:
    ask = pdu(20, data=b"\x0e" + b"\x06\x00\x04\x00\x01\x00\x01" + b"\x06\x00\x03\x00\x09\x00\x01")

    def answer(value: bytes) -> bytes:
        return pdu(20, data=b"\x08" + b"\x03\x06" + value + b"\x03\x06" + value)

    wire = Wire().ask(ask).answer(answer(b"\0\1")).answer(answer(b"\0\2")).answer(answer(b"\0\3")).run()
    places = [(row["object"], row["start"], row["item"]) for row in wire.rows]
    assert places == [(4, 1, 0), (3, 9, 1)] * 4
    assert [bad["name"] for bad in wire.bad] == ["conflicting-response"] * 2
    for transaction in range(2, 6):
        wire.ask(ask, transaction=transaction).answer(answer(b"\0\1"), transaction=transaction)
    wire.answer(answer(b"\0\4")).answer(answer(b"\0\5"), transaction=2).run()  # the last four are kept, whole
    assert [bad["name"] for bad in wire.bad[2:]] == ["unasked-response", "conflicting-response"]
    assert [(row["object"], row["start"]) for row in wire.rows[-4:]] == [(-1, -1), (-1, -1), (4, 1), (3, 9)]


def test_a_write_that_answers_a_read_is_placed_by_its_own_address() -> None:
    wire = Wire().ask(pdu(3, 0, 10)).answer(pdu(6, 7, 666))
    assert wire.names() == ["function-mismatch"]
    assert [(row["action"], row["start"]) for row in wire.rows] == [(Action.READ, 0), (Action.WRITE, 7)]
