"""Cyclic data, alarms and aborts: what has a row, and what is told of a relation."""

from __future__ import annotations

import pytest

from otwatch.actions import Action
from tests.oracle import pn_io as made
from tests.protocols.pn_io.wire import DEVICE, OTHER, PLC, Wire


def cycles(wire: Wire, count: int, *, source: int = DEVICE, begin: int = 0, step: int = 32, status: int = 0x35, frame_id: int = 0x8001) -> Wire:
    for number in range(count):
        wire.add(made.cyclic(frame_id, begin + step * number, status=status), source, PLC, frame=True)
    return wire


def test_cyclic_data_have_one_row_a_relation() -> None:
    rows, bad, _ = cycles(cycles(Wire(), 500), 500, source=OTHER, frame_id=0x8002).run()
    assert [(row["name"], row["point"], row["action"], row["source"]) for row in rows] == [
        ("cyclic_data", "frame id 0x8001", Action.REPORT, DEVICE),
        ("cyclic_data", "frame id 0x8002", Action.REPORT, OTHER),
    ]
    assert bad == []


def test_a_provider_that_stops_says_so() -> None:
    wire = cycles(cycles(cycles(Wire(), 5), 5, begin=160, status=0x25), 5, begin=320)
    rows, bad, _ = wire.run()
    assert [(row["name"], row["subfunction"], row["action"]) for row in rows] == [
        ("cyclic_data", 0x35, Action.REPORT),
        ("data_status", 0x25, Action.ALARM),
        ("data_status", 0x35, Action.REPORT),
    ]
    assert bad == []


def test_a_second_provider_is_foreign() -> None:
    wire = cycles(cycles(Wire(), 50), 3, source=OTHER)
    assert cycles(wire, 50, begin=1600).run()[1] == ["foreign-provider"]


def test_a_provider_may_follow_another() -> None:
    wire = cycles(Wire(), 50)
    wire.now += 5_000_000_000
    assert cycles(wire, 50, source=OTHER).run()[1] == []


@pytest.mark.parametrize(("missing", "expected"), [(0, []), (1, []), (2, []), (3, ["cycles-lost"]), (40, ["cycles-lost"])])
def test_lost_cycles(missing: int, expected: list[str]) -> None:
    assert cycles(cycles(Wire(), 20), 20, begin=32 * (20 + missing)).run()[1] == expected


def test_counters_wrap_and_go_on_after_silence() -> None:
    wire = cycles(Wire(), 20, begin=0x10000 - 320)
    wire.now += 3_000_000_000
    assert cycles(wire, 20, begin=7).run()[1] == []


def test_a_counter_that_goes_back_is_told_once() -> None:
    wire = cycles(Wire(), 30)
    for number in range(10):
        wire.add(made.cyclic(0x8001, 100 + number), DEVICE, PLC, frame=True)
        wire.add(made.cyclic(0x8001, 32 * (30 + number)), DEVICE, PLC, frame=True)
    assert wire.run()[1] == ["cycle-order"]


def test_alarms_and_aborts_have_a_row_each() -> None:
    wire = Wire().add(made.alarm(3, slot=2, subslot=0x8001), DEVICE, PLC, frame=True).add(made.alarm(3, answer=True), PLC, DEVICE, frame=True)
    rows, bad, _ = wire.add(made.alarm(1, high=False), DEVICE, PLC, frame=True).add(made.abort(), PLC, DEVICE, frame=True).run()
    assert [(row["name"], row["area"], row["point"], row["outcome"], row["action"]) for row in rows] == [
        ("alarm_pull", 1, "slot 2 subslot 0x8001", "ok", Action.ALARM),
        ("alarm_ack", 1, "slot 1 subslot 1", "ok", Action.ALARM),
        ("alarm_diagnosis", 2, "slot 1 subslot 1", "ok", Action.ALARM),
        ("abort", -1, "", "error:253.4", Action.ALARM),
    ]
    assert bad == []


def test_clocks_are_told_once() -> None:
    wire = Wire()
    for _ in range(5):
        wire.add(b"\xff\x40" + bytes(44), DEVICE, PLC, frame=True)
    assert [row["name"] for row in wire.run()[0]] == ["clock_synchronisation"]


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"\x80\x01\x00", ["truncated"]),
        (b"\xfc\x01\x00", ["truncated"]),
        (made.alarm()[:-4], ["truncated"]),
        (made.cyclic(0x8001, 0, transfer=1), ["transfer-status"]),
        (b"\xfa\x00", []),
        (b"\xff\x90", ["unknown-frame-id"]),
        (b"\xfc\x01" + bytes(4) + b"\x11\x11" + bytes(4) + b"\x00\x10" + bytes(16), ["block"]),
    ],
)
def test_what_is_wrong_is_told(octets: bytes, expected: list[str]) -> None:
    assert Wire().add(octets, frame=True).run()[1] == expected


def test_batches_change_nothing() -> None:
    one, two = Wire(), Wire()
    rows, bad = [], []
    for number in range(60):
        octets = made.cyclic(0x8001, 32 * number if number != 30 else 0, status=0x35 if number % 20 else 0x25)
        for wire in (one, two):
            wire.add(octets, DEVICE if number % 25 else OTHER, PLC, frame=True)
        if number % 7 == 0:
            found = two.run()
            rows += [(row["frame"], row["name"]) for row in found[0]]
            bad += found[1]
    found = two.run()
    whole = one.run()
    assert bad + found[1] == whole[1]
    assert rows + [(row["frame"], row["name"]) for row in found[0]] == [(row["frame"], row["name"]) for row in whole[0]]
