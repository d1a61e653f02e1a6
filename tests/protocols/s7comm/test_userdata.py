"""Userdata: group and type from the right byte, pairing, parts, and each group's fields."""

from __future__ import annotations

import struct

import pytest

from otwatch.actions import Action
from otwatch.protocols.s7comm.spec import SUBFUNCTIONS
from tests.protocols.s7comm.wire import Wire, any_item, data, header, item_data, userdata


@pytest.mark.parametrize("key", sorted(key for key in SUBFUNCTIONS if key[0] not in (0, 6)))
def test_every_subfunction_is_named_and_has_its_action(key: tuple[int, int]) -> None:
    group, subfunction = key
    row = Wire().ask(userdata(1, group, subfunction, None)).last()
    known = SUBFUNCTIONS[key]
    assert (row["function"], row["subfunction"], row["name"], row["role"]) == (group, subfunction, known.name, 0)
    assert row["action"] == known.action


def test_type_is_role() -> None:
    wire = Wire().ask(userdata(1, 4, 1, b"\0\x11\0\0")).say(userdata(2, 4, 1, error=0xD401)).say(userdata(0, 4, 3, bytes(20))).run()
    assert [(row["role"], row["name"], row["said"]) for row in wire.rows] == [
        (0, "read_szl", "ok"), (1, "read_szl", "information_unavailable"), (2, "diagnostic_message", "ok")]
    assert wire.rows[1]["of"] == "SZL 0x0011 index 0x0000"
    assert wire.rows[1]["request_frame"] == 1


def test_mode_transition() -> None:
    wire = Wire().say(data(header(7, b"\1\1\0\0\0\0\0\0"))).say(userdata(0, 0, 2)).run()
    assert [(row["name"], row["role"], row["action"]) for row in wire.rows] == [("mode_stop", 2, Action.REPORT), ("mode_run", 2, Action.REPORT)]
    assert [(fact.kind, fact.value) for fact in wire.facts] == [("state", "STOP"), ("state", "RUN")]


def test_no_data_is_no_error() -> None:
    wire = Wire().ask(userdata(1, 7, 2, bytes(10))).say(userdata(2, 7, 2, None)).run()
    assert wire.rows[1]["said"] == "ok"


def test_cyclic_pushes_know_what_they_carry() -> None:
    request = b"\0\1\1\2" + any_item(number=5, count=2)
    wire = Wire().ask(userdata(1, 2, 1, request, reference=3))
    wire.say(userdata(2, 2, 1, b"\0\1" + item_data((0xFF, 4, b"\1\2")), reference=3, sequence=9))
    wire.say(userdata(0, 2, 1, b"\0\1" + item_data((0xFF, 4, b"\3\4")), sequence=9)).ask(userdata(1, 2, 4, b"\1\x09", reference=4))
    wire.say(userdata(0, 2, 1, b"\0\1" + item_data((0xFF, 4, b"\5\6")), sequence=9)).run()
    assert [(row["name"], row["of"], row["value"], row["action"]) for row in wire.rows[:3]] == [
        ("cyclic_read", "DB5.DBX0.0 BYTE 2", None, Action.SUBSCRIBE), ("cyclic_read", "DB5.DBX0.0 BYTE 2", "0102", Action.SUBSCRIBE),
        ("cyclic_read", "DB5.DBX0.0 BYTE 2", "0304", Action.REPORT)]
    assert (wire.rows[3]["name"], wire.rows[3]["object"]) == ("cyclic_unsubscribe", 9)
    assert wire.rows[4]["area"] == -1
    assert wire.names() == []


def test_what_no_cyclic_function_is_known_for_is_not_read_as_items() -> None:
    wire = Wire().ask(userdata(1, 2, 9, b"\0\3" + bytes(20))).say(userdata(0, 2, 9, b"\0\3" + bytes(20))).run()
    assert [(row["name"], row["bytes"]) for row in wire.rows] == [("cyclic_0x09", b"\0\3" + bytes(20))] * 2
    assert wire.names() == []


def test_read_record() -> None:
    wire = Wire().ask(userdata(1, 2, 8, b"\0\1" + any_item(area=1, number=0x22, start=512, count=10)))
    wire.say(userdata(2, 2, 8, b"\0\1\xff\x09\0\0\0\3abc")).run()
    assert [(row["count"], row["bytes"]) for row in wire.rows] == [(10, b""), (3, b"abc")]
    assert {row["of"] for row in wire.rows} == {"record 34 of module 512"}


def test_block_lists() -> None:
    info = bytearray(78)
    info[9:14] = bytes([1, 1, 8, 0, 35])
    info[42:50] = b"MILLER\0\0"
    wire = Wire().ask(userdata(1, 3, 2, b"0A")).say(userdata(2, 3, 2, b"\0\1\0\5\0\2\0\5"))
    wire.ask(userdata(1, 3, 3, b"0800035A")).say(userdata(2, 3, 3, bytes(info))).ask(userdata(1, 3, 1, None))
    wire.say(userdata(2, 3, 1, b"08\0\3" + b"0A\0\7")).run()
    assert (wire.rows[1]["of"], wire.rows[1]["value"], wire.rows[1]["count"]) == ("DB", [1, 2], 2)
    assert (wire.rows[3]["of"], wire.rows[3]["value"]["author"]) == ("OB35", "MILLER")
    assert wire.rows[5]["value"] == {"OB": 3, "DB": 7}
    assert wire.facts[0].value.startswith("OB35 language=STL")


def test_the_clock_and_the_password() -> None:
    set_clock = Wire().ask(userdata(1, 7, 2, b"\0\x19\x26\x11\x22\x02\x36\x00\x12\x31")).last()
    assert (set_clock["action"], set_clock["value"]) == (Action.TIME_SET, "2026-11-22T02:36:00.123")
    password = Wire().ask(userdata(1, 5, 1, b"\x26\x30\x10\x17\x20\x36\x44\x51")).say(userdata(2, 5, 1, None, error=0xD602)).run()
    assert (password.rows[0]["action"], password.rows[0]["value"]) == (Action.AUTHENTICATE, "8 bytes, not shown")
    assert password.rows[1]["said"] == "password_wrong"


def test_block_communication() -> None:
    sent = Wire().ask(userdata(1, 6, 1, b"\x12\x06\x13\0\0\0\0\7\0\3abc")).last()
    assert (sent["name"], sent["of"], sent["bytes"], sent["count"], sent["action"]) == ("bsend", "R_ID 0x7", b"abc", 3, Action.WRITE)
    pushed = Wire().say(data(header(7, b"\0\1\x12\x08\x13\0\0\0\0\x09\0\0", b"\xff\x09\0\2hi"))).last()
    assert (pushed["name"], pushed["role"], pushed["of"], pushed["bytes"]) == ("usend", 2, "R_ID 0x9", b"hi")


def test_an_answer_in_parts_is_read_whole() -> None:
    text = b"\0\x1c\0\0\0\x22\0\2" + struct.pack(">H32s", 1, b"PLANT") + struct.pack(">H32s", 5, b"S C-X4U421302009")
    wire = Wire().ask(userdata(1, 4, 1, b"\0\x1c\0\0", reference=1)).say(userdata(2, 4, 1, text[:30], reference=1, unit=3, more=1))
    wire.ask(userdata(1, 4, 1, None, reference=2, sequence=1)).say(userdata(2, 4, 1, text[30:], reference=2, unit=3)).run()
    assert {row["of"] for row in wire.rows} == {"SZL 0x001c index 0x0000"}
    assert [record["text"] for record in wire.rows[-1]["value"]["records"]] == ["PLANT", "S C-X4U421302009"]
    assert {(fact.kind, fact.value) for fact in wire.facts} == {("name", "PLANT"), ("serial", "S C-X4U421302009")}
    assert wire.names() == []
