"""Variable tables, forcing, jobs."""

from __future__ import annotations

import struct

from otwatch.actions import Action
from tests.protocols.s7comm.wire import Wire, userdata

PARAMETERS = struct.pack(">10H", 0, 1, 1, 0, 0, 0, 0, 0, 0, 0)


def task(content: bytes, parameters: bytes = PARAMETERS) -> bytes:
    return struct.pack(">HH", len(parameters), len(content)) + parameters + content


BIT, WORD, TIMER = b"\x10\x03\0\0\0\7", b"\x72\1\0\5\0\x0a", b"\x54\2\0\0\0\4"


def test_forcing_lists_its_variables_with_values() -> None:
    content = b"\0\2" + BIT + WORD + b"\0\3\0\1\1\0" + b"\0\4\0\x10\x12\x34"
    wire = Wire().ask(userdata(1, 1, 9, task(content))).run()
    assert [(row["name"], row["action"], row["of"], row["value"]) for row in wire.rows] == [
        ("force", Action.FORCE, "I7.3", True), ("force", Action.FORCE, "DB5.DBW10", 0x1234)]
    assert wire.names() == []


def test_a_watched_table_and_its_pushes() -> None:
    wire = Wire().ask(userdata(1, 1, 2, task(b"\0\2" + WORD + TIMER), reference=5))
    wire.say(userdata(2, 1, 2, task(b"", b"\0\0\0\0"), reference=5, sequence=4))
    wire.say(userdata(0, 1, 2, task(b"\0\2" + b"\xff\4\0\x10\0\x63" + b"\x0a\0\0\0", b"\0\0\0\0"), sequence=4)).run()
    assert [(row["of"], row["action"]) for row in wire.rows[:2]] == [("DB5.DBW10", Action.DIAGNOSE), ("T4..T5", Action.DIAGNOSE)]
    assert [(row["role"], row["of"], row["value"], row["said"]) for row in wire.rows[3:]] == [
        (2, "DB5.DBW10", 0x63, "ok"), (2, "T4..T5", None, "object_does_not_exist")]


def test_a_job_that_takes_anothers_place_is_read_like_it() -> None:
    new = struct.pack(">HBBHH", 0, 9, 1, 0, 14) + b"\0\1" + BIT + b"\0\3\0\1\1\0"
    row = Wire().ask(userdata(1, 1, 0x12, task(new, b""))).last()
    assert (row["name"], row["action"], row["of"], row["value"]) == ("replace_job", Action.FORCE, "I7.3", True)


def test_jobs_that_watch_are_told_from_those_that_intervene() -> None:
    for subfunction, before in ((0x0D, b""), (0x0E, b""), (0x0F, b"\0\0")):
        for job in (0x01, 0x02, 0x13, 0x08, 0x09, 0x0A, 0x77):
            action = Action.DIAGNOSE if job in (0x01, 0x02, 0x13) else Action.CONFIGURE
            wire = Wire().ask(userdata(1, 1, subfunction, task(before + bytes([job, 7])))).say(userdata(2, 1, subfunction, None)).run()
            assert [row["action"] for row in wire.rows] == [action, action]
            assert wire.rows[0]["object"] == job
    watched = Wire().ask(userdata(1, 1, 0x12, task(struct.pack(">HBBHH", 0, 2, 1, 0, 8) + b"\0\1" + BIT, b""))).last()
    assert (watched["name"], watched["action"], watched["of"]) == ("replace_job", Action.DIAGNOSE, "I7.3")
    assert Wire().ask(userdata(1, 1, 0x0E, b"\0\0")).last()["action"] == Action.CONFIGURE


def test_blocks_and_jobs() -> None:
    watched = Wire().ask(userdata(1, 1, 0x0A, task(b"\0\0", PARAMETERS + struct.pack(">HHH", 14, 3, 100)))).last()
    assert (watched["name"], watched["of"], watched["start"]) == ("breakpoint", "FB3", 100)
    deleted = Wire().ask(userdata(1, 1, 0x0F, task(b"\0\0\x09\x07", b""))).last()
    assert (deleted["name"], deleted["object"], deleted["start"]) == ("delete_job", 9, 7)
    assert Wire().ask(userdata(1, 1, 0x0C, None)).last()["action"] == Action.PROGRAM_DELETE
