"""Rows, roles, pairing and anomalies of IEC 60870-5-104."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otwatch import is_compiled
from otwatch.actions import Action, Role
from otwatch.protocols.iec104 import PROTOCOL, spec
from tests.oracle import iec104 as oracle
from tests.protocols.iec104.wire import Wire, asdu, i_frame, s_frame, u_frame

ROOT = Path(__file__).parents[3]
SINGLE = asdu(45, 6, (101, b"\x01"))


@st.composite
def apdus(draw: st.DrawFn) -> bytes:
    """A correct APDU of any type with a fixed length."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from([*map(u_frame, oracle.U_FRAMES), s_frame(draw(st.integers(0, 32767)))]))
    kind = draw(st.sampled_from(sorted(oracle.SIZES)))
    size = oracle.SIZES[kind]
    sequence = draw(st.booleans())
    room = 255 - 4 - 6 - 3 if sequence else 255 - 4 - 6
    count = draw(st.integers(1, max(1, min(127, room // max(1, size if sequence else size + 3)))))
    start = draw(st.integers(0, 0xFFFFFF - 127))
    elements = [draw(st.binary(min_size=size, max_size=size)) for _ in range(min(count, 4))] * count
    objects = [(start, b"".join(elements[:count]))] if sequence else [(start + index, elements[index]) for index in range(count)]
    cause = draw(st.sampled_from(sorted(spec.CAUSES)))
    body = asdu(kind, cause, *objects, station=draw(st.integers(0, 65535)), originator=draw(st.integers(0, 255)), sequence=sequence, count=count)
    return i_frame(body, draw(st.integers(0, 32767)))


@given(apdus())
def test_rows_are_those_of_the_oracle(apdu: bytes) -> None:
    rows, _ = Wire().add(apdu).run()
    expected = oracle.rows_of(apdu)
    assert [{name: row[name] for name in want} for row, want in zip(rows, expected, strict=True)] == expected


@given(apdus(), st.data())
def test_any_cut_gives_the_rows_before_it_and_an_anomaly(apdu: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(apdu) - 1))
    rows, bad = Wire().add(apdu[:cut]).run()
    whole, _ = Wire().add(apdu).run()
    names = ("function", "subfunction", "unit", "start", "count")
    for row, want in list(zip(rows, whole, strict=False))[:-1]:
        assert [row[name] for name in names] == [want[name] for name in names]
    assert bad or cut >= 6


@given(st.binary(max_size=260), st.integers(0, 127), st.integers(0, 1))
def test_nothing_raises(octets: bytes, flags: int, direction: int) -> None:
    Wire().add(octets, direction, flags=flags).run()


@given(st.lists(st.tuples(st.binary(max_size=30), st.integers(0, 1), st.integers(0, 3)), max_size=40))
def test_nothing_raises_in_a_conversation(messages: list[tuple[bytes, int, int]]) -> None:
    wire = Wire()
    for body, direction, flow in messages:
        wire.say(asdu(45, 6) + body, direction, flow=flow)
    wire.run()
    for flow in range(4):
        wire.dissector.forget(flow)


def test_a_command_is_confirmed_and_completed() -> None:
    wire = Wire().say(SINGLE).say(asdu(45, 7, (101, b"\x01")), 1).say(asdu(45, 10, (101, b"\x01")), 1)
    rows, bad = wire.run()
    assert [(row["role"], row["action"], row["status"], row["request_frame"]) for row in rows] == [
        (Role.REQUEST, Action.CONTROL, 0, -1), (Role.RESPONSE, Action.CONTROL, 0, 1), (Role.EVENT, Action.REPORT, 0, -1)]
    assert bad == []
    assert wire.dissector.forget(1) == 0


@pytest.mark.parametrize(("cause", "status"), [(0x47, "negative"), (0x6F, "negative:unknown_object_address"), (47, "negative:unknown_object_address"),
                                              (44, "negative:unknown_type"), (0x6E, "negative:unknown_common_address")])
def test_a_refusal_says_why(cause: int, status: str) -> None:
    rows, bad = Wire().say(SINGLE).say(asdu(45, cause, (101, b"\x01")), 1).run()
    assert PROTOCOL.status_name(rows[1]["status"]) == status
    assert rows[1]["request_frame"] == 1
    assert bad == []


def test_the_same_command_twice_is_answered_in_order() -> None:
    wire = Wire().say(SINGLE).say(asdu(45, 6, (101, b"\x00"))).say(asdu(45, 7, (101, b"\x01")), 1).say(asdu(45, 7, (101, b"\x00")), 1)
    rows, bad = wire.run()
    assert [row["request_frame"] for row in rows[2:]] == [1, 2]
    assert bad == []


def test_a_confirmation_with_another_value_is_reported() -> None:
    _, bad = Wire().say(SINGLE).say(asdu(45, 7, (101, b"\x00")), 1).run()
    assert bad == ["different-confirmation"]


def test_a_confirmation_of_nothing_is_reported_where_commands_were_seen() -> None:
    wire = Wire().say(SINGLE).say(asdu(45, 7, (101, b"\x01")), 1)
    wire.say(asdu(45, 7, (102, b"\x01")), 1)
    assert wire.run()[1] == ["unasked-confirmation"]
    assert Wire().say(asdu(45, 7, (102, b"\x01")), 1).run()[1] == []


def test_some_stations_refuse_twice() -> None:
    wire = Wire().say(SINGLE).say(asdu(45, 0x47, (101, b"\x01")), 1).say(asdu(45, 0x6F, (101, b"\x01")), 1)
    assert wire.run()[1] == []


def test_calling_off_is_no_command_and_has_its_own_confirmation() -> None:
    wire = Wire().say(SINGLE).say(asdu(45, 8, (101, b"\x01"))).say(asdu(45, 9, (101, b"\x01")), 1)
    rows, bad = wire.run()
    assert (rows[1]["action"], rows[2]["request_frame"]) == (Action.OTHER, 2)
    assert PROTOCOL.function_name(45, 8) == "single_command_cancelled"
    assert bad == []
    assert wire.dissector.forget(1) == 1  # the command itself was never confirmed


def test_a_read_is_answered_by_the_value() -> None:
    rows, _ = Wire().say(asdu(102, 5, (13, b""))).say(asdu(13, 5, (13, b"\0\0\xc8\x41\0")), 1).run()
    assert (rows[1]["role"], rows[1]["action"], rows[1]["request_frame"]) == (Role.RESPONSE, Action.READ, 1)
    assert PROTOCOL.value(rows[1]["value_kind"], rows[1]["value"], rows[1]) == {"value": 25.0, "quality": []}


def test_a_command_to_all_stations_is_confirmed_by_each_and_waits_for_none() -> None:
    wire = Wire().say(asdu(100, 6, (0, b"\x14"), station=65535))
    for station in (47, 48):
        wire.say(asdu(100, 7, (0, b"\x14"), station=station), 1)
    rows, bad = wire.run()
    assert [row["request_frame"] for row in rows] == [-1, 1, 1]
    assert bad == []
    assert wire.dissector.forget(1) == 0


def test_the_station_may_have_opened_the_connection() -> None:
    rows, bad = Wire().say(SINGLE, 1).say(asdu(45, 7, (101, b"\x01")), 0).run()
    assert [row["role"] for row in rows] == [Role.REQUEST, Role.RESPONSE]
    assert bad == []


def test_either_side_tests_the_connection_and_only_the_master_asks() -> None:
    rows, bad = Wire().add(u_frame(0x43)).add(u_frame(0x83), 1).add(u_frame(0x43), 1).add(u_frame(0x83)).run()
    assert [row["role"] for row in rows] == [Role.REQUEST, Role.RESPONSE, Role.EVENT, Role.REQUEST]
    assert [row["request_frame"] for row in rows] == [-1, 1, -1, 3]
    assert not bad


def test_sequence_numbers_wrap_and_jumps_are_reported_unless_bytes_are_missing() -> None:
    wire = Wire().add(i_frame(SINGLE, 32767)).add(i_frame(SINGLE, 0)).add(i_frame(SINGLE, 5))
    assert wire.run()[1] == ["sequence-number"]
    assert Wire().add(i_frame(SINGLE, 1)).add(i_frame(SINGLE, 9), flags=1).run()[1] == []


def test_data_after_a_stop_are_reported_and_a_start_allows_them_again() -> None:
    wire = Wire().add(u_frame(0x13)).add(u_frame(0x23), 1).say(SINGLE).add(u_frame(0x07)).add(u_frame(0x0B), 1).say(SINGLE)
    rows, bad = wire.run()
    assert bad == ["data-while-stopped"]
    assert rows[1]["request_frame"] == 1


def test_a_station_that_commands_is_reported() -> None:
    wire = Wire().say(SINGLE).say(asdu(45, 7, (101, b"\x01")), 1).say(SINGLE, 1)
    assert wire.run()[1] == ["wrong-direction"]


def test_more_commands_than_are_kept_are_a_flood_where_the_station_answers() -> None:
    wire = Wire().say(SINGLE).say(asdu(45, 7, (101, b"\x01")), 1)
    for start in range(200):
        wire.say(asdu(45, 6, (start, b"\x01")))
    assert wire.run()[1] == ["request-flood"]


@pytest.mark.parametrize(("octets", "name"), [
    (b"\x68\x04\x0f\x00\x00\x00", "control-field"), (b"\x68\x04\x01\x01\x00\x00", "control-field"),
    (i_frame(asdu(99, 6, (1, b"\x01"))), "unknown-type"), (i_frame(asdu(45, 63, (1, b"\x01"))), "unknown-cause"),
    (i_frame(asdu(45, 6, count=0)), "no-objects"), (i_frame(asdu(45, 6, (1, b"\x01\x02"))), "trailing-bytes"),
    (i_frame(asdu(50, 6, (1, b"\x01\x02"))), "truncated"),
])
def test_each_fault_has_its_anomaly(octets: bytes, name: str) -> None:
    assert name in Wire().add(octets).run()[1]


def test_a_snapped_packet_makes_no_anomaly() -> None:
    assert Wire().add(i_frame(asdu(50, 6, (1, b"\0\0\0\0\0")))[:16], flags=16).run()[1] == []


def rows() -> str:
    """Rows and anomalies of sound and damaged messages in a fixed order."""
    chance = random.Random(5)
    wire = Wire()
    found = []
    for _ in range(300):
        kind = chance.choice(sorted(oracle.SIZES))
        message = bytearray(i_frame(asdu(kind, chance.choice([6, 7, 8, 9, 10, 3, 5, 20, 0x47, 47]), (chance.randrange(4), bytes(oracle.SIZES[kind]))),
                                    chance.randrange(4)))
        if chance.random() < 0.4:
            message[chance.randrange(2, len(message))] = chance.randrange(256)
        wire.add(bytes(message[:chance.randrange(1, len(message)) if chance.random() < 0.1 else None]), chance.randrange(2), flow=chance.randrange(3),
                 flags=chance.choice([0, 0, 0, 1, 2, 16]))
    made, bad = wire.run()
    found.append([[{**row, "value": row["value"].hex()} for row in made], bad, [wire.dissector.forget(flow) for flow in range(3)]])
    return json.dumps(found)


@pytest.mark.skipif(not is_compiled(), reason="nothing is compiled here")
def test_uncompiled_gives_the_same() -> None:
    program = "from tests.protocols.iec104.test_dissect import rows; from otwatch import is_compiled; assert not is_compiled(); print(rows())"
    plain = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env={**os.environ, "OTWATCH_UNCOMPILED": "1", "PYTHONPATH": str(ROOT)},
                           capture_output=True, text=True, check=True, timeout=120).stdout
    assert json.loads(plain) == json.loads(rows())


def test_a_file_goes_either_way() -> None:
    """A file that is written begins with a file_ready of the client, which answers nothing; the station calls for its sections."""
    wire = Wire().say(asdu(120, 13, (1, b"\1\0\x10\0\0\x80"))).say(asdu(122, 13, (1, b"\1\0\0\2")), 1)
    wire.say(asdu(125, 13, (1, b"\1\0\1\4data"))).say(asdu(124, 13, (1, b"\1\0\0\1")), 1)
    rows, _ = wire.run()
    assert [(row["function"], row["role"]) for row in rows] == [(120, Role.REQUEST), (122, Role.RESPONSE), (125, Role.REQUEST), (124, Role.RESPONSE)]
