"""Rows, roles, pairing, facts and anomalies of PCCC."""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otwatch import is_compiled
from otwatch.actions import Action, Role
from otwatch.limits import Limits
from otwatch.protocols.pccc import PROTOCOL, spec
from otwatch.protocols.pccc.values import parsed_address, value
from otwatch.vocabulary import PduFlag
from tests.oracle.pccc import ELEMENT_BYTES, command, compact, fields, logical, row_of
from tests.protocols.pccc.wire import Wire

ROOT = Path(__file__).parents[3]
TYPES = sorted(ELEMENT_BYTES)
addresses = st.tuples(st.integers(0, 2000), st.sampled_from(TYPES), st.integers(0, 2000), st.integers(0, 300))
COLUMNS = ("function", "subfunction", "transaction", "object", "area", "start", "count")


def one(message: bytes, **of: int) -> dict[str, object]:
    """The only row of a message; there is nothing to complain of."""
    rows, bad, _ = Wire().add(message, **of).run()
    assert bad == []
    assert len(rows) == 1
    return rows[0]


@given(addresses, st.sampled_from((0xA1, 0xA2)), st.integers(0, 240), st.integers(0, 0xFFFF))
def test_a_read_and_its_reply_name_the_same_elements(where: tuple[int, int, int, int], function: int, size: int, transaction: int) -> None:
    file, kind, element, sub = where
    ask = command(0x0F, transaction, fields(function, size, file, kind, element, sub if function == 0xA2 else None))
    rows, bad, _ = Wire().add(ask).add(command(0x4F, transaction, bytes(size)), 1).run()
    expected = row_of(ask)
    assert bad == []
    assert [{name: row[name] for name in COLUMNS} for row in rows] == [expected, expected]
    assert [(row["role"], row["action"], row["status"], row["request_frame"]) for row in rows] == [
        (Role.REQUEST, Action.READ, 0, -1),
        (Role.RESPONSE, Action.READ, 0, 1),
    ]
    assert rows[1]["latency_ns"] == 1_000_000
    assert (rows[1]["value"] is None) == (size == 0)


@given(addresses, st.sampled_from((0xA9, 0xAA, 0xAB)), st.binary(min_size=2, max_size=84), st.integers(0, 0xFFFF))
def test_a_write_names_what_it_writes(where: tuple[int, int, int, int], function: int, data: bytes, transaction: int) -> None:
    file, kind, element, sub = where
    ask = command(
        0x0F,
        transaction,
        fields(function, len(data), file, kind, element, None if function == 0xA9 else sub, (b"\x01\x00" if function == 0xAB else b"") + data),
    )
    row = one(ask)
    assert {name: row[name] for name in COLUMNS} == row_of(ask)
    assert row["action"] == Action.WRITE
    assert row["value"] is not None


@given(st.binary(max_size=120), st.integers(0, 127), st.integers(0, 1), st.integers(0, 40))
def test_nothing_raises(octets: bytes, flags: int, direction: int, status: int) -> None:
    Wire().add(octets, direction, flags=flags, status=status).run()


@given(st.lists(st.tuples(st.sampled_from((0, 1, 6, 7, 8, 15)), st.integers(0, 3), st.binary(max_size=40), st.integers(0, 1)), max_size=30))
def test_nothing_raises_in_a_conversation(messages: list[tuple[int, int, bytes, int]]) -> None:
    wire = Wire()
    for cmd, transaction, rest, direction in messages:
        wire.add(command(cmd | 0x40 * direction, transaction, rest), direction)
    wire.run()
    assert wire.dissector.forget(1) >= 0
    assert wire.dissector.forget(1) == 0


@given(st.sampled_from(sorted((set(spec.LAYOUTS) | {0x3A, 0x80}) - {0x88})), st.binary(max_size=60))
def test_every_cut_keeps_what_came_before(function: int, rest: bytes) -> None:
    """The columns of a message that is cut short are those of the whole one, or not there."""
    whole = Wire().add(command(0x0F, 1, bytes((function,)) + rest)).run()[0]
    for end in range(len(rest)):
        rows, _, _ = Wire().add(command(0x0F, 1, bytes((function,)) + rest[:end])).run()
        assert rows[0]["subfunction"] == whole[0]["subfunction"]
        for name in ("object", "area", "start"):
            assert rows[0][name] in (-1, whole[0][name], whole[0][name] & 0xFF)


def test_addresses_as_people_write_them() -> None:
    names = {
        (7, 0x89, 5, 0): "N7:5",
        (8, 0x8A, 1, 0): "F8:1",
        (3, 0x85, 1, 0): "B3:1",
        (4, 0x86, 2, 2): "T4:2.ACC",
        (5, 0x87, 0, 1): "C5:0.PRE",
        (6, 0x88, 3, 1): "R6:3.LEN",
        (1, 0x8C, 1, 2): "I1:1.2",
        (0, 0x03, 40, 0): "#0:40",
    }
    for (file, kind, element, sub), name in names.items():
        assert one(command(0x0F, 1, fields(0xA2, 2, file, kind, element, sub)))["object_name"] == name


@pytest.mark.parametrize(
    ("rest", "action", "name", "shown"),
    [
        (b"\x80\x01", Action.STOP, "change_mode", "program"),
        (b"\x80\x06", Action.START, "change_mode", "run"),
        (b"\x80\x07", Action.STOP, "change_mode", "test_continuous"),
        (b"\x80\x55", Action.CONFIGURE, "change_mode", 0x55),
        (b"\x3a\x00", Action.STOP, "set_cpu_mode", "program"),
        (b"\x3a\x02", Action.START, "set_cpu_mode", "run"),
        (b"\x07", Action.STOP, "shutdown", None),
        (b"\x0a", Action.RESTART, "restart_request", None),
        (b"\x11", Action.CONFIGURE, "get_edit_resource", None),
        (b"\x41", Action.FORCE, "disable_forces", None),
        (b"\x50\0\0\0\0", Action.PROGRAM_DOWNLOAD, "download_all_request", None),
        (b"\x53\0\0\0\0", Action.PROGRAM_UPLOAD, "upload_all_request", None),
        (b"\x57", Action.PROGRAM_DELETE, "initialize_memory", None),
        (fields(0xAA, 4, 1, 0xA2, 0, 0, b"\x01\0\x01\0"), Action.FORCE, "protected_typed_logical_write_3", "01000100"),
        (fields(0xA2, 80, 2, 0x22, 0, 0), Action.PROGRAM_UPLOAD, "protected_typed_logical_read_3", None),
        (fields(0xAA, 2, 2, 0x22, 0, 0, b"\0\0"), Action.PROGRAM_DOWNLOAD, "protected_typed_logical_write_3", "0000"),
        (fields(0xAA, 2, 0, 0xE4, 0, 0, b"\x07\x00"), Action.TIME_SET, "protected_typed_logical_write_3", "0700"),
    ],
)
def test_what_a_function_does(rest: bytes, action: Action, name: str, shown: object) -> None:
    row = one(command(0x0F, 9, rest))
    assert (row["action"], spec.function_name(0x0F, int(rest[0])), row["value"]) == (action, name, shown)


def test_a_masked_write_shows_its_bits() -> None:
    row = one(command(0x0F, 1, fields(0xAB, 2, 3, 0x85, 1, 0, b"\x11\x00\x10\x00")))
    assert row["value"] == {"0": 0, "4": 1}
    row = one(command(0x0F, 1, fields(0xAB, 4, 8, 0x8A, 1, 0, b"\xff\xff" + struct.pack("<f", 1.5))))
    assert row["value"] == 1.5
    row = one(command(0x0F, 1, fields(0xAB, 4, 1, 0xA2, 0, 0, b"\x20\x00\x20\x00\x20\x00")))  # what an engineering tool sends to force an input
    assert (row["action"], row["value"]) == (Action.FORCE, {"mask": 32, "words": [32, 32]})


@pytest.mark.parametrize(
    ("area", "octets", "shown"),
    [
        (0x89, struct.pack("<hh", -1, 7), [-1, 7]),
        (0x8A, struct.pack("<f", float("nan")), "nan"),
        (0x91, struct.pack("<i", -70000), -70000),
        (0x86, struct.pack("<Hhh", 0xA000, 100, 3), {"control": 0xA000, "PRE": 100, "ACC": 3}),
        (0x88, struct.pack("<Hhh", 1, 2, 3), {"control": 1, "LEN": 2, "POS": 3}),
        (0x286, struct.pack("<h", -5), -5),
        (0x8D, struct.pack("<H", 5) + b"EHLL\0O".ljust(82, b"\0"), "HELLO"),
        (0x8E, b"BADC", "ABCD"),
        (0x22, b"\x01\x02", "0102"),
        (0x89, b"\x01", "01"),
    ],
)
def test_values_by_file(area: int, octets: bytes, shown: object) -> None:
    assert value(spec.VALUE_DATA, octets, {"area": area}) == shown


def test_commands_of_a_plc_5() -> None:
    head = struct.pack("<HH", 0, 4)
    row = one(command(0x0F, 3, b"\x01" + head + logical(0, 7, 300) + b"\x08"))
    assert (row["action"], row["object"], row["start"], row["count"], row["object_name"]) == (Action.READ, 7, 300, 4, "#7:300")
    row = one(command(0x0F, 3, b"\x00" + head + b"\0$N7:5\0" + b"\x01\x02\x03\x04"))
    assert (row["action"], row["object_name"], row["count"], row["value"]) == (Action.WRITE, "N7:5", 2, "01020304")
    row = one(command(0x0F, 3, b"\x68" + head + logical(None, 8, 1) + b"\x0a\x00"))
    assert (row["action"], row["object"], row["start"], row["count"]) == (Action.READ, 8, 1, 10)
    rows, bad, _ = Wire().add(command(0x0F, 3, b"\x26" + logical(0, 3, 1) + b"\xef\xff\x10\x00" + logical(0, 3, 2) + b"\xfe\xff\x00\x00")).run()
    assert bad == []
    assert [(row["start"], row["item"], row["value"]) for row in rows] == [(1, 0, {"4": 1}), (2, 1, {"0": 0})]


def test_commands_of_a_plc_2_and_of_diagnosis() -> None:
    row = one(command(0x01, 1, b"\x10\x00\x08"))
    assert (row["action"], row["subfunction"], row["start"], row["count"], row["object_name"]) == (Action.READ, -1, 16, 8, "@16")
    row = one(command(0x08, 1, b"\x10\x00\xaa\xbb"))
    assert (row["action"], row["count"], row["value"]) == (Action.WRITE, 2, "aabb")
    assert one(command(0x06, 1, b"\x00abc"))["action"] == Action.DIAGNOSE
    assert one(command(0x07, 1, b"\x00"))["action"] == Action.STOP


def test_several_commands_in_one() -> None:
    inside = (fields(0xA2, 2, 7, 0x89, 0, 0), fields(0xAA, 2, 7, 0x89, 1, 0, b"\x05\0"))
    ask = command(0x0F, 1, b"\x88" + bytes((len(inside),)) + b"".join(bytes((len(part),)) + part for part in inside))
    rows, bad, _ = Wire().add(ask).add(command(0x4F, 1), 1).run()
    assert bad == []
    assert [(row["role"], row["item"], row["action"], row["object_name"]) for row in rows] == [
        (0, 0, Action.READ, "N7:0"),
        (0, 1, Action.WRITE, "N7:1"),
        (1, 0, Action.READ, "N7:0"),
        (1, 1, Action.WRITE, "N7:1"),
    ]


def test_refusals() -> None:
    wire = Wire()
    write = fields(0xAA, 2, 7, 0x89, 1, 0, b"\x05\0")
    wire.add(command(0x0F, 1, write)).add(command(0x4F, 1, status=0x10), 1)
    wire.add(command(0x0F, 2, write)).add(command(0x4F, 2, b"\x0b", status=0xF0), 1)
    wire.add(command(0x0F, 3, write)).add(b"", 1, status=0x08)
    rows, bad, _ = wire.run()
    assert bad == []
    answers = [row for row in rows if row["role"] == Role.RESPONSE]
    assert [spec.status_name(int(row["status"])) for row in answers] == ["error:illegal_command", "error:access_denied", "error:cip:0x08"]
    assert [(row["request_frame"], row["object_name"], row["transaction"]) for row in answers] == [(1, "N7:1", 1), (3, "N7:1", 2), (5, "N7:1", 3)]
    assert wire.dissector.forget(1) == 0


def test_pairing() -> None:
    read = fields(0xA2, 2, 7, 0x89, 1, 0)
    wire = Wire().add(command(0x0F, 1, read)).add(command(0x0F, 2, fields(0xA2, 2, 7, 0x89, 9, 0)))
    wire.add(command(0x4F, 2, b"\x09\0"), 1).add(command(0x4F, 1, b"\x01\0"), 1)
    rows, bad, _ = wire.run()
    assert bad == []
    assert [(row["request_frame"], row["start"], row["value"]) for row in rows[2:]] == [(2, 9, 9), (1, 1, 1)]
    wire.add(command(0x4F, 1, b"\x01\0"), 1)  # the same once more
    assert wire.run()[:2] == ([], [])
    wire.add(command(0x4F, 1, b"\x02\0"), 1)  # another answer to the same
    rows, bad, _ = wire.run()
    assert (bad, rows[0]["contradicts"]) == (["conflicting-response"], 1)
    wire.add(command(0x4F, 77, b"\x02\0"), 1)
    assert wire.run()[1] == ["unasked-response"]
    wire.add(command(0x0F, 8, read)).add(command(0x46, 8), 1)
    rows, bad, _ = wire.run()
    assert (bad, rows[1]["contradicts"]) == (["different-response"], 1)


def test_what_was_lost_surprises_nobody() -> None:
    read = fields(0xA2, 2, 7, 0x89, 1, 0)
    wire = Wire().add(command(0x0F, 1, read)).add(command(0x4F, 1, b"\0\0"), 1).add(command(0x4F, 5, b"\0\0"), 1, flags=int(PduFlag.UNHEARD))
    assert wire.run()[1] == []
    assert Wire().add(command(0x4F, 5, b"\0\0"), 1).run()[1] == []  # one direction only


def test_anomalies() -> None:
    assert Wire().add(b"\x07").run()[1] == ["requestor"]
    assert Wire().add(b"").run()[1] == ["requestor"]
    assert Wire().add(bytes((0,)) + command(15, 1)).run()[1] == ["requestor"]
    assert Wire().add(command(0x0F, 1)).run()[1] == ["truncated"]
    assert Wire().add(command(0x0F, 1, b"\xee")).run()[1] == ["unknown-function"]
    assert Wire().add(command(0x33, 1)).run()[1] == ["unknown-function"]
    assert Wire().add(command(0x0F, 1, b"\xa2\x02\x07")).run()[1] == ["truncated"]
    assert Wire().add(command(0x0F, 1, fields(0xAA, 4, 7, 0x89, 0, 0, b"\0\0"))).run()[1] == ["size"]
    assert Wire().add(command(0x0F, 1, b"\xa2\x02\x07"), flags=int(PduFlag.CUT)).run()[1] == []
    many = b"\x26" + (logical(0, 3, 1) + b"\xef\xff\x10\x00") * 9
    rows, bad, _ = Wire(Limits(items_per_pdu=4)).add(command(0x0F, 1, many)).run()
    assert (len(rows), bad) == (4, ["too-many-items"])


def test_the_unit_is_that_of_the_carrier() -> None:
    read = fields(0xA2, 2, 7, 0x89, 1, 0)
    wire = Wire().add(command(0x0F, 1, read), unit=2).add(command(0x0F, 1, read), unit=3)
    wire.add(command(0x4F, 1, b"\0\0"), 1, unit=3).add(command(0x4F, 1, b"\0\0"), 1, unit=2)
    rows, bad, _ = wire.run()
    assert bad == []
    assert [(row["unit"], row["request_frame"]) for row in rows] == [(2, -1), (3, -1), (3, 2), (2, 1)]


def test_facts_of_a_diagnostic_status() -> None:
    status = bytes.fromhex("00ee4a9f23313736362d4c45432020200000260036829efc01")  # as a MicroLogix 1400 sends it
    wire = Wire().add(command(0x06, 1, b"\x03")).add(command(0x46, 1, status), 1)
    rows, _, facts = wire.run()
    told = [("model", "1766-LEC"), ("hardware", "series B revision D"), ("state", "run")]
    assert [(fact.kind, fact.value) for fact in facts] == told
    assert {fact.address for fact in facts} == {6}
    assert [row["action"] for row in rows] == [Action.IDENTIFY] * 2
    wire.add(command(0x06, 2, b"\x03")).add(command(0x46, 2, status), 1)
    assert wire.run()[2] == []  # it said so before
    wire.add(command(0x06, 3, b"\x03")).add(command(0x46, 3, status[:18] + b"\x21" + status[19:]), 1)
    assert [fact.value for fact in wire.run()[2]] == ["1766-LEC", "series B revision D", "program"]
    assert Wire().add(command(0x46, 1, status), 1).run()[2] != []  # one direction only
    assert Wire().add(command(0x46, 1, b"\0\xee" + bytes(24)), 1).run()[2] == []
    echo = Wire().add(command(0x06, 1, b"\0" + status)).add(command(0x46, 1, status), 1)
    assert echo.run()[2] == []  # what somebody had sent back


def test_addresses_in_text() -> None:
    assert parsed_address(b"$N7:0") == (0x89, 7, 0)
    assert parsed_address(b"F8:12") == (0x8A, 8, 12)
    assert parsed_address(b"$S:1") == (0x84, -1, 1)
    assert parsed_address(b"Motor") == (-1, -1, -1)
    assert parsed_address(b"\xff\x00") == (-1, -1, -1)
    assert compact(255) == b"\xff\xff\x00"


def test_names() -> None:
    for function, known in spec.FUNCTIONS_OF.items():
        assert all(spec.function_name(function, number) == name for number, (name, _) in known.items())
    assert spec.function_name(0x33, -1) == "command_0x33"
    assert spec.function_name(0x0F, 0xEE) == "function_0x0f_0xee"
    assert spec.function_name(0x0F, -1) == "command_0x0f"
    assert spec.status_name(0) == "ok"
    assert spec.status_name(0x70) == "error:in_program_mode"
    assert spec.status_name(0x1FF) == "error:extended_0xff"
    assert PROTOCOL.object_name({"area": -1, "object": -1, "start": -1}) == ""


@pytest.mark.slow
@pytest.mark.skipif(not is_compiled(), reason="nothing to compare with")
def test_compiled_and_uncompiled_agree() -> None:
    script = (
        "import json, random, sys; from tests.protocols.pccc.test_dissect import noise;"
        "print(json.dumps(noise(random.Random(7)), sort_keys=True, default=str))"
    )
    outputs = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT, env={**os.environ, **extra}).stdout
        for extra in ({}, {"OTWATCH_UNCOMPILED": "1"})
    ]
    assert outputs[0] == outputs[1]
    assert len(json.loads(outputs[0])) > 100


def noise(source: random.Random) -> list[object]:
    """Rows of random conversations."""
    found: list[object] = []
    for _ in range(60):
        wire = Wire()
        for _ in range(20):
            cmd = source.choice((0x0F, 0x0F, 0x0F, 0x06, 0x07, 0x01, 0x4F, 0x46))
            rest = bytes((source.choice(list(spec.FUNCTIONS_0F)),)) + source.randbytes(source.randrange(40))
            wire.add(command(cmd, source.randrange(4), rest, status=source.choice((0, 0, 0x10, 0xF0))), cmd >> 6 & 1)
        rows, bad, facts = wire.run()
        found += [rows, bad, [(fact.kind, fact.value) for fact in facts]]
    return found
