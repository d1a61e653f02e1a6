"""Messages made by hand: what each becomes, and what is said of those that are wrong."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from otwatch.actions import Action
from otwatch.protocols.enip.framing import probe
from otwatch.protocols.spec import Verdict
from otwatch.vocabulary import PduFlag
from tests.protocols.cip.wire import (
    Wire,
    connected,
    enip,
    forward_open,
    io,
    items,
    logical,
    opened,
    packed,
    request,
    response,
    routed,
    tag,
    unconnected,
)


def told(message: bytes, *more: bytes) -> tuple[list[dict[str, Any]], list[str]]:
    """The rows of an unconnected request, and of what answers it."""
    wire = Wire().add(unconnected(message))
    for answer in more:
        wire.add(unconnected(answer), 1)
    return wire.run()


def test_a_tag_is_named_and_its_last_index_is_the_element() -> None:
    rows, anomalies = told(request(0x4C, tag("Program:Main", "Pumps", 2, "Speed", 7), struct.pack("<H", 3)),
                           response(0x4C, struct.pack("<Hiii", 0xC4, 1, 2, 3)))
    assert anomalies == []
    assert [(row["words"], row["tag"], row["start"], row["count"], row["place"]) for row in rows] == [
        ("read_tag", "Program:Main.Pumps[2].Speed", 7, 3, "Program:Main.Pumps[2].Speed[7-9]")] * 2
    assert rows[1]["request_frame"] == 1
    assert rows[1]["latency_ns"] == 1_000_000


@pytest.mark.parametrize(("service", "class_", "action", "words"), [
    (0x07, 0x8E, Action.STOP, "stop"), (0x06, 0x8E, Action.START, "start"), (0x05, 0x01, Action.RESTART, "reset"), (0x01, 0x01, Action.IDENTIFY, ""),
    (0x0E, 0x04, Action.READ, ""), (0x10, 0x04, Action.WRITE, ""), (0x10, 0xF5, Action.CONFIGURE, ""), (0x04, 0x8B, Action.TIME_SET, ""),
    (0x4B, 0x8E, Action.CONFIGURE, "lock"), (0x4C, 0x74, Action.CONFIGURE, "unlock"), (0x4B, 0xA1, Action.FIRMWARE, "nvs_update"),
    (0x4D, 0xA1, Action.FIRMWARE, "nvs_transfer"), (0x4C, 0x37, Action.FILE, "file_initiate_download"),
    (0x08, 0xAC, Action.PROGRAM_DOWNLOAD, "create"), (0x09, 0x68, Action.PROGRAM_DELETE, "delete"),
    (0x08, 0x04, Action.CONFIGURE, "create"), (0x4D, 0x69, Action.FORCE, "force"),
    (0x55, 0x6B, Action.BROWSE, "get_instance_attribute_list"), (0x4C, 0x6C, Action.BROWSE, "read_template"),
    (0x4C, 0x72, Action.READ, "read_data_view"),
    (0x4D, 0x6B, Action.WRITE, "write_tag"), (0x4E, 0x06, Action.CONNECT, "forward_close"), (0x4B, 0x5D, Action.CONFIGURE, "begin_config"),
    (0x4C, 0xB2, Action.OTHER, "service_4c"), (0x4C, 0x300, Action.OTHER, "service_4c"),
])
def test_a_service_means_what_its_class_makes_it(service: int, class_: int, action: Action, words: str) -> None:
    rows, _ = told(request(service, logical(class_, 1), b"\1\0\1\0\1\0\1\0\1\0\1\0"))
    assert (rows[0]["action"], rows[0]["area"], rows[0]["object"]) == (action, class_, 1)
    if words and service != 0x05:
        assert rows[0]["words"] == words


def test_a_reset_says_its_type() -> None:
    assert told(request(5, logical(1, 1)))[0][0]["words"] == "reset"
    rows, _ = told(request(5, logical(1, 1), b"\1"), response(5, b"", 0))
    assert [(row["words"], row["status"]) for row in rows] == [("reset_to_factory", 0)] * 2


def test_a_refusal_has_its_general_and_extended_status() -> None:
    rows, _ = told(request(0x54, logical(6, 1)), response(0x54, b"", 1, 0x106))
    assert rows[1]["status"] == 1 | 0x106 << 8
    rows, _ = told(request(0x4C, tag("Big"), b"\x90\1"), response(0x4C, b"\xc4\0", 6))
    assert rows[1]["status"] == 0


def test_what_is_sent_through_the_backplane_is_the_inner_service_of_a_slot() -> None:
    rows, anomalies = told(routed(request(0x07, logical(0x64, 1)), b"\1\3"), response(7))
    assert anomalies == []
    assert [(row["words"], row["unit"], row["module"]) for row in rows] == [("stop", 3, "slot 3")] * 2
    rows, _ = told(routed(request(0x07, logical(0x64, 1)), b"\1\3"), response(0x52, b"", 1, 0x204))
    assert (rows[1]["words"], rows[1]["status"]) == ("stop", 1 | 0x204 << 8)


def test_a_longer_route_has_a_name() -> None:
    rows, _ = told(routed(request(0x01, logical(1, 1)), b"\1\2\x12\x0a10.0.0.17\0\1\0"[:14] + b"\1\0"))
    assert rows[0]["module"] == "path 1,2,2,10.0.0.17,1,0"
    assert rows[0]["unit"] > 1 << 61


def test_each_packed_service_is_a_row_and_answered_by_its_place() -> None:
    parts = [request(0x4C, tag("a"), b"\1\0"), request(0x07, logical(0x8E, 1)), request(0x0E, logical(1, 1, 6))]
    answers = [response(0x4C, b"\xc3\0\7\0"), response(7, b"", 0x0F), response(0x0E, b"\1\2\3\4")]
    rows, anomalies = told(request(0x0A, logical(2, 1), packed(*parts)), response(0x0A, packed(*answers), 0x1E))
    assert anomalies == []
    assert [(row["role"], row["item"], row["words"], row["status"]) for row in rows] == [
        (0, 0, "read_tag", 0), (0, 1, "stop", 0), (0, 2, "get_attribute_single", 0),
        (1, 0, "read_tag", 0), (1, 1, "stop", 0x0F), (1, 2, "get_attribute_single", 0)]
    assert {row["request_frame"] for row in rows if row["role"]} == {1}


def test_packed_services_that_are_refused_as_a_whole_are_refused_each() -> None:
    parts = [request(0x4C, tag("a"), b"\1\0"), request(0x07, logical(0x8E, 1))]
    rows, _ = told(request(0x0A, logical(2, 1), packed(*parts)), response(0x0A, b"", 8))
    assert [(row["words"], row["status"]) for row in rows if row["role"]] == [("read_tag", 8), ("stop", 8)]


def test_offsets_that_lie_are_said_and_the_others_are_read() -> None:
    body = bytearray(packed(request(0x07, logical(0x8E, 1)), request(0x06, logical(0x8E, 1))))
    body[2:4] = b"\xff\0"
    rows, anomalies = told(request(0x0A, logical(2, 1), bytes(body)))
    assert [row["words"] for row in rows] == ["start"]
    assert anomalies == ["item-offsets"]
    rows, anomalies = told(request(0x0A, logical(2, 1), b"\xff\xff\0\0"))
    assert anomalies == ["item-offsets"]


def test_services_in_services_in_services_end_somewhere() -> None:
    message = request(0x07, logical(0x8E, 1))
    for _ in range(6):
        message = routed(message)
    rows, anomalies = told(message)
    assert anomalies == ["nested-too-deep"]
    assert len(rows) == 1
    inner = request(0x07, logical(0x8E, 1))
    for _ in range(4):
        inner = request(0x0A, logical(2, 1), packed(inner, inner))
    rows, anomalies = told(inner)
    assert anomalies == ["nested-too-deep"] * 8


def test_packets_of_services_in_packets_of_services_are_read_and_answered_in_order() -> None:
    stop, read, reset = request(0x07, logical(0x8E, 1)), request(0x4C, tag("a"), b"\1\0"), request(0x05, logical(1, 1))
    inner = request(0x0A, logical(2, 1), packed(read, request(0x0A, logical(2, 1), packed(reset))))
    answers = response(0x0A, packed(response(0x4C, b"\xc3\0\7\0"), response(0x0A, packed(response(5)))))
    outer = request(0x0A, logical(2, 1), packed(stop, inner, stop))
    rows, anomalies = told(outer, response(0x0A, packed(response(7), answers, response(7, b"", 0x0F))))
    assert anomalies == []
    said = [("stop", 0), ("read_tag", 2), ("reset", 4), ("stop", 5)]
    assert [(row["words"], row["item"]) for row in rows if not row["role"]] == said
    assert [(row["words"], row["item"], row["status"], row["request_frame"]) for row in rows if row["role"]] == [
        (words, item, 0x0F if item == 5 else 0, 1) for words, item in said]
    rows, anomalies = told(outer, response(0x0A, packed(response(7), response(0x0A, b"", 8), response(7))))
    assert anomalies == []
    assert [(row["words"], row["status"]) for row in rows if row["role"]] == [("stop", 0), ("read_tag", 8), ("reset", 8), ("stop", 0)]


@pytest.mark.parametrize("second", [request(0x05, logical(1, 1)), request(0x10, logical(1, 1, 7), b"\1")], ids=["reset", "set"])
def test_of_two_readings_of_the_stream_the_one_that_is_answered_has_the_answer(second: bytes) -> None:
    wire = Wire().add(unconnected(request(0x0E, logical(1, 1, 1)))).add(unconnected(second), flags=PduFlag.CONFLICT)
    wire.add(unconnected(response(second[0])), 1)
    wire.add(unconnected(second)).add(unconnected(response(second[0])), 1)  # one context for all: what is left of a reading answers nothing
    rows, anomalies = wire.run()
    assert anomalies == []
    assert [row["request_frame"] for row in rows if row["role"] == 1] == [2, 4]


def test_one_context_for_all_is_answered_in_order() -> None:
    wire = Wire()
    for number in range(4):
        wire.add(unconnected(request(0x0E, logical(4, 100 + number, 3)), context=bytes(8)))
    for _ in range(4):
        wire.add(unconnected(response(0x0E, b"x"), context=bytes(8)), 1)
    rows, anomalies = wire.run()
    assert anomalies == []
    assert [row["object"] for row in rows if row["role"]] == [100, 101, 102, 103]


def test_a_response_without_request_and_one_of_another_service() -> None:
    wire = Wire().add(unconnected(request(0x07, logical(0x8E, 1)))).add(unconnected(response(7)), 1)
    wire.add(unconnected(response(6), context=b"another."), 1)
    wire.add(unconnected(request(0x07, logical(0x8E, 1)), context=b"third..."))
    wire.add(unconnected(response(6), context=b"third..."), 1)
    assert wire.run()[1] == ["unasked-response", "different-response"]


def test_a_second_answer_that_differs_is_said() -> None:
    wire = Wire().add(unconnected(request(0x0E, logical(1, 1, 6)))).add(unconnected(response(0x0E, b"1234")), 1)
    wire.add(unconnected(response(0x0E, b"1234")), 1).add(unconnected(response(0x0E, b"9999")), 1)
    assert wire.run()[1] == ["conflicting-response"]


def test_what_the_encapsulation_refuses_is_refused() -> None:
    wire = Wire().add(unconnected(request(0x07, logical(0x8E, 1)))).add(enip(0x6F, status=0x64), 1)
    rows, anomalies = wire.run()
    assert anomalies == []
    assert [(row["words"], row["status"], row["request_frame"]) for row in rows] == [("stop", 0, -1), ("stop", 0x10_000_000 + 0x64, 1)]


def test_a_connection_carries_its_route_and_pairs_by_sequence() -> None:
    wire = Wire().add(unconnected(forward_open(path=b"\1\5\x20\2\x24\1"))).add(unconnected(opened(0xAA, 0xBB)), 1)
    wire.add(connected(request(0x4C, tag("x"), b"\1\0"), 0xAA, 1)).add(connected(response(0x4C, b"\xc4\0\1\0\0\0"), 0xBB, 1), 1)
    wire.add(connected(request(0x4C, tag("y"), b"\1\0"), 0xAA, 2)).add(connected(response(0x4C, b"\xc4\0\1\0\0\0"), 0xBB, 2), 1)
    rows, anomalies = wire.run()
    assert anomalies == []
    assert [row["unit"] for row in rows] == [5] * 6
    assert [row["tag"] for row in rows[2:]] == ["x", "x", "y", "y"]
    assert rows[5]["request_frame"] == 5


def io_wire() -> Wire:
    """An I/O connection that is open."""
    wire = Wire().add(unconnected(forward_open(transport=1, path=b"\x20\4\x24\x97\x2c\x65\x2c\x64"))).add(unconnected(opened(0xAA, 0xBB)), 1)
    wire.run()
    return wire


def test_io_is_one_row_a_direction_however_much_there_is() -> None:
    wire = io_wire()
    for number in range(1, 100):
        wire.add(io(0xAA, number), 0, flow=2, framing=1, ms=10).add(io(0xBB, number), 1, flow=2, framing=1, ms=0)
    rows, anomalies = wire.run()
    assert anomalies == []
    assert [(row["words"], row["role"], row["object"], row["count"]) for row in rows] == [("io_data", 0, 0x65, 6), ("io_data", 2, 0x64, 6)]


def test_lost_cycles_are_counted_and_said_at_each_doubling() -> None:
    wire = io_wire()
    for number in range(1, 200, 2):
        wire.add(io(0xBB, number), 1, flow=2, framing=1, ms=10)
    _, anomalies = wire.run()
    assert anomalies == ["io-lost"] * 7


def test_data_of_a_connection_from_somebody_else_are_said() -> None:
    wire = io_wire().add(io(0xBB, 1), 1, flow=2, framing=1).add(io(0xBB, 2), 1, flow=3, framing=1, source=99)
    assert wire.run()[1] == ["io-foreign-producer"]


def test_a_sequence_that_goes_back_and_silence_are_said() -> None:
    wire = io_wire()
    for number in (1000, 1001, 500, 501):
        wire.add(io(0xBB, number), 1, flow=2, framing=1, ms=10)
    wire.add(io(0xBB, 502), 1, flow=2, framing=1, ms=5000)
    assert wire.run()[1] == ["io-sequence", "io-interrupted"]


def test_a_closed_connection_is_forgotten() -> None:
    wire = io_wire()
    close = request(0x4E, logical(6, 1), struct.pack("<BBHHIBB", 10, 14, 7, 0x1337, 0xCAFE, 0, 0))
    wire.add(unconnected(close)).add(unconnected(response(0x4E, struct.pack("<HHIBB", 7, 0x1337, 0xCAFE, 0, 0))), 1)
    assert wire.run()[1] == []
    assert not wire.above.connections.closing((7, 0x1337, 0xCAFE), 6)


def test_identity_becomes_facts_once() -> None:
    identity = struct.pack("<HHHBBHI", 1, 14, 0x5C, 20, 55, 0x3160, 0xC0FFEE42) + b"\x0b1756-L71/B X"[:12]
    wire = Wire()
    for _ in range(3):
        wire.add(unconnected(request(1, logical(1, 1)))).add(unconnected(response(1, identity)), 1)
    wire.run()
    assert {fact.kind: fact.value for fact in wire.facts} == {
        "vendor": "Rockwell Automation/Allen-Bradley", "device_type": "programmable logic controller", "model": "1756-L71/B ", "firmware": "20.055",
        "serial": "C0FFEE42", "product_code": "92"}
    assert len(wire.facts) == 6


def test_a_path_that_is_longer_than_the_message_is_said_and_the_service_is_kept() -> None:
    rows, anomalies = told(b"\x07\x20\x20\x8e\x24\x01")
    assert [row["words"] for row in rows] == ["stop"]
    assert anomalies == ["path-size"]
    rows, anomalies = told(request(0x07, b"\x20\x8e\xe3\x00"))
    assert (rows[0]["area"], anomalies) == (0x8E, ["unknown-path"])


@pytest.mark.parametrize("message", [
    request(0x4D, tag("Setpoint"), struct.pack("<HHf", 0xCA, 1, 7.5)), forward_open(), routed(request(0x07, logical(0x64, 1))),
    request(0x0A, logical(2, 1), packed(request(0x4C, tag("a"), b"\1\0"), request(0x07, logical(0x8E, 1)))), opened(1, 2),
    response(0x0A, packed(response(0x4C, b"\xc3\0\7\0"), response(7, b"", 0x0F))), request(0x04, logical(0x8B, 1), b"\1\0\6\0" + bytes(8)),
])
def test_every_prefix_is_read_as_far_as_it_goes(message: bytes) -> None:
    wire = Wire()
    for end in range(len(message)):
        wire.add(unconnected(request(0x0A, logical(2, 1), packed(message[:end], message)))).add(unconnected(message[:end]), 1)
        whole = unconnected(message[:end])
        for cut in range(0, len(whole), 3):
            wire.add(whole[:cut], flags=int(PduFlag.CUT)).add(whole[:cut]).add(whole[:cut], 1)
    wire.run()


def test_sessions_and_lists() -> None:
    wire = Wire().add(enip(0x65, b"\1\0\0\0", session=0)).add(enip(0x65, b"\1\0\0\0"), 1)
    identity = struct.pack("<H", 1) + b"\x02\0\xaf\x12\x0a\x01\x16\x05" + bytes(8) + struct.pack("<HHHBBHI", 1, 14, 166, 32, 11, 0x60, 0xC0FFEE42)
    wire.add(enip(0x63, session=0)).add(enip(0x63, items((0x0C, identity + b"\x041769\x03"))), 1)
    wire.add(enip(0x66)).add(enip(0x00, b"keep alive"))
    rows, anomalies = wire.run()
    assert anomalies == []
    assert [(row["function"], row["role"], row["request_frame"]) for row in rows] == [
        (0x65, 0, -1), (0x65, 1, 1), (0x63, 0, -1), (0x63, 1, 3), (0x66, 0, -1), (0, 0, -1)]
    assert {fact.kind: fact.value for fact in wire.facts}["model"] == "1769"


def test_a_connection_that_begins_with_a_legacy_command_is_recognised() -> None:
    """RSLinx sends command 0x01 before anything else: the messages behind it were taken for something that is no EtherNet/IP."""
    listing = enip(0x01, items((1, bytes(36))), session=0)
    assert probe(enip(0x01, session=0), 0) == Verdict.UNSURE  # on the port
    rows, anomalies = Wire().add(enip(0x01, session=0)).add(listing, 1).run()
    assert anomalies == []
    assert [(row["function"], row["role"], row["request_frame"]) for row in rows] == [(1, 0, -1), (1, 1, 1)]


def test_what_is_wrong_below_cip_is_said() -> None:
    wire = Wire().add(enip(0x65, b"\1\0\0\0", session=0)).add(enip(0x65, b"\1\0\0\0"), 1)
    wire.add(unconnected(request(1, logical(1, 1)), session=5)).add(enip(0x4242 & 0xFF, b"what"))
    wire.add(enip(0x6F, struct.pack("<IH", 0, 5) + struct.pack("<H", 2) + struct.pack("<HHHH", 0, 0, 0xB2, 99)))
    wire.add(enip(0x6F, struct.pack("<IH", 9, 5) + items((0xB2, b"\1\2"))))
    wire.add(enip(0x70, struct.pack("<IH", 0, 5) + items((0x42, b"\1\2"))))
    assert wire.run()[1] == ["unknown-session", "unknown-command", "item-length", "interface", "unknown-item", "item-missing"]
