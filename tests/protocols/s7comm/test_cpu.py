"""Alarms, message service, diagnostic messages; facts told once."""

from __future__ import annotations

from otwatch.actions import Action
from tests.protocols.s7comm.wire import PLC, Wire, connect, userdata

TIME = b"\x26\x11\x22\x02\x36\x00\x12\x31"


def test_an_alarm_has_its_event() -> None:
    objects = b"\x12\x0a\x16\0\x60\0\0\1\x01\0\0\0" + b"\x12\x0a\x16\1\x60\0\0\2\x00\0\0\0" + b"\xff\4\0\x10\0\7"
    wire = Wire().say(userdata(0, 4, 0x11, TIME + b"\0\2" + objects)).run()
    assert [(row["name"], row["object"], row["action"], row["role"]) for row in wire.rows] == [
        ("alarm_sq_indication", 0x60000001, Action.ALARM, 2), ("alarm_sq_indication", 0x60000002, Action.ALARM, 2)]
    assert wire.rows[0]["value"]["time"] == "2026-11-22T02:36:00.123"
    assert wire.rows[0]["value"]["objects"][0]["signals"] == "00000001"


def test_an_acknowledgement_and_its_answer() -> None:
    wire = Wire().ask(userdata(1, 4, 0x0B, b"\x09\1\x12\x08\x19\0\x60\0\0\1\0\1")).say(userdata(2, 4, 0x0B, b"\x09\1\xff")).run()
    assert [(row["object"], row["said"]) for row in wire.rows] == [(0x60000001, "ok"), (0x60000001, "ok")]


def test_a_query_for_alarms_says_which_and_is_told_what_stands() -> None:
    def asked(kind: int, what: bytes) -> bytes:
        return userdata(1, 4, 0x13, b"\0\1\x12\x08\x1a\0" + bytes([kind]) + b"\x34" + what)

    wire = Wire().ask(asked(3, b"\x60\0\0\7")).say(userdata(2, 4, 0x13, b"\0\1\x0a\0\0\0")).ask(asked(1, b"\0\0\0\4"))
    sets = b"".join(b"\x09\0\0\4" + event + b"\0\1\2\3" for event in (b"\x60\0\0\x0a", b"\x60\0\0\x0b"))
    wire.say(userdata(2, 4, 0x13, b"\0\1\xff\x09" + len(sets).to_bytes(2, "big") + sets)).run()
    assert [(row["role"], row["object"], row["status"], row["item"]) for row in wire.rows] == [
        (0, 0x60000007, 0, 0), (1, -1, 0, 0), (0, 4, 0, 0), (1, 0x6000000A, 0, 0), (1, 0x6000000B, 0, 1)]
    assert wire.rows[0]["value"] == {"objects": [{"event": "0x60000007"}]}
    assert wire.rows[2]["value"] == {"objects": [{"alarm_type": 4}]}
    assert wire.rows[3]["value"]["objects"][1] == {
        "event": "0x6000000b", "alarm_type": 4, "signals": "00000001", "acknowledged_going": "00000010", "acknowledged_coming": "00000011"}


def test_services_of_the_cpu() -> None:
    row = Wire().ask(userdata(1, 4, 2, b"\x81\0HmiRTM\0\0\1\0")).last()
    assert (row["name"], row["action"], row["object"]) == ("message_service", Action.SUBSCRIBE, 0x81)
    assert row["value"] == {"events": ["mode", "alarms"], "user": "HmiRTM", "alarm_type": 1}
    row = Wire().say(userdata(0, 4, 3, b"\x43\2\xff\x68\xc7\0\0\0\x14\x30\0\0" + TIME)).last()
    assert (row["object"], row["value"]["event"], row["value"]["ob"]) == (0x4302, 0x4302, 0x68)


def test_facts_are_told_once_until_they_change() -> None:
    def state(mode: int) -> bytes:
        return userdata(2, 4, 1, b"\x04\x24\0\0\0\x14\0\1" + b"\x43\2\xff" + bytes([mode]) + bytes(8) + TIME)

    wire = Wire().ask(connect())
    for mode in (8, 8, 8, 4, 4, 8):
        wire.ask(userdata(1, 4, 1, b"\4\x24\0\0")).say(state(mode))
    wire.run()
    assert [(fact.kind, fact.value, fact.address, fact.child, fact.source) for fact in wire.facts] == [
        ("state", value, PLC, "rack 0 slot 2", "s7comm.szl_0424") for value in ("RUN", "STOP", "RUN")]
