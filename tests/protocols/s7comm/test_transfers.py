"""Download, upload, services, stop."""

from __future__ import annotations

import struct

from otwatch.actions import Action
from otwatch.protocols.s7comm.blocks import block_digest
from tests.protocols.s7comm.test_blocks import BLOCK
from tests.protocols.s7comm.wire import PLC, Wire, answer, connect, job

NAME = b"_0800001P"


def named(function: int, name: bytes = NAME, code: int = 0) -> bytes:
    return struct.pack(">BBHIB", function, 0, code, 0, len(name)) + name


def download(wire: Wire, parts: list[bytes]) -> Wire:
    lengths = b"\x0d1%06d%06d" % (len(BLOCK), 4)
    wire.ask(job(named(0x1A) + lengths, reference=1)).say(answer(b"\x1a", reference=1))
    for index, part in enumerate(parts):
        wire.say(job(named(0x1B), reference=100 + index))
        wire.ask(answer(bytes([0x1B, index + 1 < len(parts)]), struct.pack(">HH", len(part), 0xFB) + part, reference=100 + index))
    return wire.say(job(named(0x1C), reference=200)).ask(answer(b"\x1c", reference=200)).run()


def test_a_download_is_joined_and_told_as_a_fact_about_the_plc() -> None:
    wire = download(Wire().ask(connect()), [BLOCK[:50], BLOCK[50:]])
    assert [(row["name"], row["of"], row["action"], row["direction"], row["role"]) for row in wire.rows[1:4]] == [
        ("request_download", "OB1", Action.PROGRAM_DOWNLOAD, 0, 0), ("request_download", "OB1", Action.PROGRAM_DOWNLOAD, 1, 1),
        ("download_block", "OB1", Action.PROGRAM_DOWNLOAD, 1, 0)]
    assert (wire.rows[1]["count"], wire.rows[1]["value"]) == (len(BLOCK), "OB1")
    (fact,) = wire.facts
    assert (fact.address, fact.kind, fact.source, fact.child) == (PLC, "program_block", "s7comm.download", "rack 0 slot 2")
    assert fact.value.startswith(f"OB1 sha256={block_digest(BLOCK)} bytes={len(BLOCK)} language=STL code=4")
    assert wire.names() == []
    assert wire.dissector.forget(0) == 0


def test_an_upload_is_joined_and_told() -> None:
    wire = Wire().ask(job(struct.pack(">BBHIB", 0x1D, 0, 0, 0, 9) + NAME, reference=1))
    wire.say(answer(struct.pack(">BBHIB", 0x1D, 0, 0, 7, 7) + b"%07d" % len(BLOCK), reference=1))
    for index, part in enumerate((BLOCK[:40], BLOCK[40:])):
        wire.ask(job(struct.pack(">BBHI", 0x1E, 0, 0, 7), reference=2 + index))
        wire.say(answer(b"\x1e\1", struct.pack(">HH", len(part), 0xFB) + part, reference=2 + index))
    wire.ask(job(struct.pack(">BBHI", 0x1F, 0, 0, 7), reference=9)).say(answer(b"\x1f", reference=9)).run()
    assert {row["of"] for row in wire.rows} == {"OB1"}
    assert {row["action"] for row in wire.rows} == {Action.PROGRAM_UPLOAD}
    (fact,) = wire.facts
    assert (fact.address, fact.source) == (PLC, "s7comm.upload")
    assert fact.value.startswith(f"OB1 sha256={block_digest(BLOCK)}")
    assert wire.names() == []


def invoke(name: bytes, argument: bytes = b"") -> bytes:
    return job(b"\x28" + bytes(6) + b"\xfd" + struct.pack(">H", len(argument)) + argument + bytes([len(name)]) + name)


def test_services_by_name() -> None:
    for name, argument, said, action, of in (
        (b"P_PROGRAM", b"", "pi_warm_start", Action.START, ""), (b"P_PROGRAM", b"C ", "pi_cold_start", Action.START, ""),
        (b"_INSE", b"\1\0" + b"0800001P", "pi_activate_block", Action.PROGRAM_DOWNLOAD, "OB1"),
        (b"_DELE", b"\1\0" + b"0A00100P", "pi_delete_block", Action.PROGRAM_DELETE, "DB100"),
        (b"_MODU", b"", "pi_copy_ram_to_rom", Action.CONFIGURE, ""), (b"_GARB", b"", "pi_compress_memory", Action.CONFIGURE, ""),
        (b"_N_F_DELE", b"\x04ADDR\x00\x06/a.mpf", "pi_nc_delete_file", Action.PROGRAM_DELETE, ""), (b"_X", b"", "pi_service", Action.OTHER, ""),
    ):
        wire = Wire().ask(invoke(name, argument)).say(answer(b"\x28")).run()
        assert [(row["name"], row["action"], row["of"]) for row in wire.rows] == 2 * [(said, action, of)], name
        assert wire.rows[0]["value"]["service"] == name.decode()


def test_several_blocks_are_several_rows() -> None:
    wire = Wire().ask(invoke(b"_DELE", b"\2\0" + b"0800001P" + b"0C00007P")).say(answer(b"\x28")).run()
    assert [(row["of"], row["item"]) for row in wire.rows] == [("OB1", 0), ("FC7", 1)] * 2


def test_passwords_are_not_shown() -> None:
    row = Wire().ask(invoke(b"_N_LOGIN_", b"\x03abc\x06SECRET\x00")).last()
    assert row["action"] == Action.AUTHENTICATE
    assert "SECRET" not in str(row["value"])


def test_wrong_lengths_do_not_hide_a_service() -> None:
    row = Wire().ask(job(b"\x28" + bytes(6) + b"\x08\x05\x00" + b"410100P_DELE")).last()
    assert (row["name"], row["action"]) == ("pi_delete_block", Action.PROGRAM_DELETE)


def test_stop() -> None:
    wire = Wire().ask(job(b"\x29\0\0\0\0\0\x09P_PROGRAM")).say(answer(b"\x29", error=0x8402)).run()
    assert [(row["action"], row["said"]) for row in wire.rows] == [(Action.STOP, "ok"), (Action.STOP, "object_state_forbids")]
    assert wire.rows[0]["value"] == "P_PROGRAM"
