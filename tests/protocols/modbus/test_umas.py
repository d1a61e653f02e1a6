"""UMAS: actions by who carries the bytes, places, refusals."""

from __future__ import annotations

from otwatch.actions import Action
from otwatch.protocols.modbus import PROTOCOL
from otwatch.protocols.modbus.spec import Area
from tests.protocols.modbus.wire import Wire

BLOCK = bytes(range(64))


def ask(code: int, data: bytes = b"", session: int = 1) -> bytes:
    return bytes([90, session, code]) + data


def answer(data: bytes = b"", said: int = 0xFE, session: int = 1) -> bytes:
    return bytes([90, session, said]) + data


def actions(request: bytes, response: bytes) -> list[Action]:
    return [Action(row["action"]) for row in Wire().ask(request).answer(response).run().rows]


def test_program_transfer_goes_by_who_carries_the_bytes() -> None:
    to_controller = ask(0x31, b"\x00\x01\x05\x00\x40\x00" + BLOCK)
    assert actions(to_controller, answer()) == [Action.PROGRAM_DOWNLOAD] * 2
    row = Wire().ask(to_controller).run().rows[0]
    assert (row["area"], row["object"], row["count"]) == (Area.UMAS_PROGRAM, 5, 64)
    assert actions(ask(0x34, b"\x00\x01\x05\x00"), answer(b"\x00\x00\x40\x00" + BLOCK)) == [Action.PROGRAM_UPLOAD] * 2
    # the other naming: 34 carries the block to the controller, 31 out of it
    assert actions(ask(0x34, b"\x00\x01\x05\x00\x40\x00" + BLOCK), answer()) == [Action.PROGRAM_DOWNLOAD] * 2
    assert actions(ask(0x31, b"\x00\x01\x05\x00"), answer(b"\x00\x00\x40\x00" + BLOCK))[1] == Action.PROGRAM_UPLOAD


def test_memory_has_a_place() -> None:
    rows = Wire().ask(ask(0x20, bytes.fromhex("001300640000009c00"))).answer(answer(b"\x00\x9c\x00")).run().rows
    assert [(r["area"], r["object"], r["start"], r["count"], r["subfunction"]) for r in rows] == [(Area.UMAS_MEMORY, 0x13, 100, 156, 0x20)] * 2
    assert Wire().ask(ask(0x21, bytes.fromhex("011300640000000200") + b"\xab\xcd")).run().rows[0]["action"] == Action.WRITE


def test_memory_offsets_have_32_bits() -> None:
    assert Wire().ask(ask(0x20, bytes.fromhex("001300000000800100"))).run().rows[0]["start"] == 0x8000_0000


def test_a_refusal_has_a_status_of_its_own() -> None:
    row = Wire().ask(ask(0x41)).answer(answer(b"\x83\x00", said=0xFD)).run().rows[1]
    assert PROTOCOL.status_name(row["status"]) == "umas_error:131"
    assert row["action"] == Action.STOP


def test_long_frames_are_no_violation_and_unknown_codes_are_kept() -> None:
    wire = Wire().ask(ask(0x99, bytes(1000))).answer(answer())
    assert wire.names() == []
    assert [row["subfunction"] for row in wire.rows] == [0x99, 0x99]


def test_a_response_that_is_neither_done_nor_refused() -> None:
    assert Wire().ask(ask(0x40)).answer(answer(said=0x10)).names() == ["subfunction"]
