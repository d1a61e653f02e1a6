"""Items of every syntax, with values."""

from __future__ import annotations

import struct

import pytest

from tests.protocols.s7comm.wire import Wire, answer, any_item, item_data, job, variables


@pytest.mark.parametrize(
    ("item", "name"),
    [
        (any_item(0x84, 100, 0, 1, 1), "DB100.DBX0.0"),
        (any_item(0x84, 1, 8, 32, 2), "DB1.DBX1.0 BYTE 32"),
        (any_item(0x84, 1, 80, 1, 4), "DB1.DBW10"),
        (any_item(0x85, 2, 80, 1, 8), "DI2.DID10"),
        (any_item(0x83, 0, 42, 1, 1), "M5.2"),
        (any_item(0x81, 0, 8, 1, 2), "IB1"),
        (any_item(0x82, 0, 16, 2, 4), "Q2.0 WORD 2"),
        (any_item(0x1D, 0, 5, 1, 29), "T5"),
        (any_item(0x1C, 0, 5, 3, 28), "C5..C7"),
        (any_item(0x01, 7, 512, 20, 2), "record 7 of module 512"),
        (b"\x12\x0c\xb0\x02" + struct.pack(">BHH", 4, 10, 6) + struct.pack(">BHH", 2, 11, 0), "DB10.DBX6.0 BYTE 4"),
        (b"\x12\x08\x82\x41\x00\x09\x00\x03\x7f\x01", "NCK C1 module 0x7f column 9 line 3"),
        (b"\x12\x0a\xa2\0\0\0\0\0\x03\xe8\0\x02", "drive parameter p1000[2]"),
        (b"\x12\x0e\xb2\xff\x8a\x0e\x00\x05\x11\x22\x33\x44\x40\x00\x00\x0a", "DB5 symbol 0xa"),
        (b"\x12\x0e\xb2\xff\x00\x00\x00\x52\x11\x22\x33\x44\x40\x00\x00\x0b", "M symbol 0xb"),
    ],
)
def test_addresses(item: bytes, name: str) -> None:
    wire = Wire().ask(job(variables(4, item))).run()
    assert wire.rows[0]["of"] == name
    assert wire.names() == []


def test_dbread_answers_one_item_for_its_areas() -> None:
    item = b"\x12\x0c\xb0\x02" + struct.pack(">BHH", 4, 10, 6) + struct.pack(">BHH", 2, 11, 0)
    wire = Wire().ask(job(variables(4, item, any_item()))).say(answer(b"\4\2", item_data((0xFF, 4, b"123456"), (0xFF, 4, b"9")))).run()
    assert [row["of"] for row in wire.rows[3:]] == ["DB10.DBX6.0 BYTE 4", "DB11.DBX0.0 BYTE 2", "DB1.DBB0"]
    assert [row["bytes"] for row in wire.rows[3:]] == [b"123456", b"", b"9"]
    assert wire.names() == []


def test_values_by_transport_size() -> None:
    values = [(1, b"\1", True), (2, b"\x7f", 127), (3, b"pump", "pump"), (4, b"\1\0", 256), (5, b"\xff\xff", -1), (7, b"\xff\xff\xff\xfe", -2),
              (8, struct.pack(">f", 1.5), 1.5), (12, b"\x21\x23", 123_000), (15, b"\x26\x11\x22\x02\x36\x00\x12\x31", "2026-11-22T02:36:00.123")]
    for size, content, expected in values:
        count = len(content) if size == 3 else 1
        kind = 3 if size == 1 else 4
        wire = Wire().ask(job(variables(5, any_item(count=count, size=size)), item_data((0, kind, content)))).run()
        assert wire.rows[0]["value"] == expected, size
        assert wire.names() == []


def test_each_item_has_its_own_status() -> None:
    wire = Wire().ask(job(variables(4, any_item(count=2), any_item(number=9), any_item(area=0x83))))
    wire.say(answer(b"\4\3", item_data((0xFF, 4, b"12"), (0x0A, 0, b""), (0xFF, 4, b"\7")))).run()
    assert [(row["said"], row["value"]) for row in wire.rows[3:]] == [("ok", "3132"), ("object_does_not_exist", None), ("ok", 7)]


def test_a_write_refused_as_a_whole_is_refused_in_each_item() -> None:
    wire = Wire().ask(job(variables(5, any_item(), any_item(number=2)), item_data((0, 4, b"1"), (0, 4, b"2"))))
    wire.say(answer(b"", error=0x8104, kind=2)).run()
    assert [(row["of"], row["said"]) for row in wire.rows[2:]] == [("DB1.DBB0", "not_implemented"), ("DB2.DBB0", "not_implemented")]


def test_an_odd_value_is_filled_but_not_the_last() -> None:
    wire = Wire().ask(job(variables(5, any_item(), any_item(number=2)), item_data((0, 4, b"\7"), (0, 4, b"\x08")))).run()
    assert [row["value"] for row in wire.rows] == [7, 8]
    assert wire.names() == []


def test_an_answer_without_its_request_still_has_values() -> None:
    wire = Wire().say(answer(b"\4\2", item_data((0xFF, 7, struct.pack(">f", 2.5)), (0xFF, 3, b"\1")))).run()
    assert [(row["value"], row["area"]) for row in wire.rows] == [(2.5, -1), (True, -1)]


def test_every_item_of_a_write_is_placed_in_the_answer() -> None:
    items = [any_item(number=number) for number in (1, 2, 3)]
    wire = Wire().ask(job(variables(5, *items), item_data(*[(0, 4, b"1")] * 3))).say(answer(b"\5\3", b"\xff\x0a\xff")).run()
    assert [(row["object"], row["status"]) for row in wire.rows[3:]] == [(1, 0), (2, 10), (3, 0)]
