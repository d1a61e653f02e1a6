"""Connection management: rows, pairing across ports and byte orders, records, facts and anomalies."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otwatch.actions import Action, Role
from otwatch.vocabulary import PduFlag
from tests.oracle import pn_io as made
from tests.protocols.pn_io.wire import DEVICE, OTHER, PLC, Wire


def established(wire: Wire, source: int = PLC, activity: UUID = made.ACTIVITY, **more: object) -> Wire:
    wire.add(made.request(made.CONNECT, made.connect(**more), activity=activity), source, DEVICE)  # type: ignore[arg-type]
    return wire.add(made.response(made.CONNECT, made.connected(), activity=activity), DEVICE, source)


def ready(wire: Wire) -> Wire:
    established(wire)
    wire.add(made.request(made.CONTROL, made.control(1), sequence=1))
    return wire.add(made.response(made.CONTROL, made.control(8, kind=0x8110), sequence=1), DEVICE, PLC)


def test_a_connect_tells_who_both_sides_are() -> None:
    rows, bad, facts = established(Wire()).run()
    assert [(row["role"], row["name"], row["action"], row["value"], row["request_frame"]) for row in rows] == [
        (Role.REQUEST, "connect", Action.CONNECT, "plc-1", -1),
        (Role.RESPONSE, "connect", Action.CONNECT, None, 1),
    ]
    assert {(fact.address, fact.kind, fact.value) for fact in facts} == {
        (PLC, "name", "plc-1"),
        (PLC, "role", "IO controller"),
        (DEVICE, "role", "IO device"),
        (DEVICE, "name", "pump-1"),
        (DEVICE, "module", "slot 0: 0x00000010 (1: 0x00000011)"),
        (DEVICE, "module", "slot 1: 0x00000020 (1: 0x00000021)"),
    }
    assert rows[0]["count"] == 2
    assert bad == []


def test_a_supervisor_is_told_from_a_controller() -> None:
    facts = established(Wire(), kind=6).run()[2]
    assert (PLC, "role", "IO supervisor") in {(fact.address, fact.kind, fact.value) for fact in facts}


@pytest.mark.parametrize("little", [True, False])
def test_byte_orders_may_differ_and_change(little: bool) -> None:
    wire = Wire().add(made.request(made.READ, made.record(0x0009, 0xAFF0, length=64), little=little))
    wire.add(made.response(made.READ, made.record(0x8009, 0xAFF0, made.im0(), slot=0), little=not little), DEVICE, PLC)
    rows, bad, facts = wire.run()
    assert [(row["name"], row["point"], row["action"]) for row in rows] == [
        ("read", "slot 1 subslot 1 I&M0 (identification)", Action.IDENTIFY),
        ("read", "slot 0 subslot 1 I&M0 (identification)", Action.IDENTIFY),
    ]
    assert rows[1]["request_frame"] == 1
    assert {(fact.kind, fact.value) for fact in facts} == {
        ("order_number", "6ES7 155-6AU01-0BN0"),
        ("serial", "S C-123456"),
        ("hardware", "3"),
        ("firmware", "V4.2.0"),
    }
    assert bad == []


def test_parameters_before_the_start_are_part_of_connecting_and_later_ones_are_writes() -> None:
    wire = established(Wire())
    wire.add(
        made.request(made.WRITE, made.several(made.record(0x0008, 1, b"abc"), made.record(0x0008, 0x8071, b"defgh", subslot=0x8000)), sequence=1)
    )
    wire.add(made.request(made.CONTROL, made.control(1), sequence=2))
    wire.add(made.request(made.WRITE, made.record(0x0008, 1, b"xyz"), sequence=3))
    wire.add(made.request(made.WRITE, made.record(0x0008, 0xAFF1, made.block(0x0021, b"x" * 54), slot=0), sequence=4))
    rows, bad, _ = wire.run()
    assert [(row["action"], row["point"], row["value"]) for row in rows if row["function"] == made.WRITE] == [
        (Action.CONNECT, "slot 1 subslot 1 record 0x1", "616263"),
        (Action.CONNECT, "slot 1 subslot 0x8000 PDInterfaceAdjust", "6465666768"),
        (Action.WRITE, "slot 1 subslot 1 record 0x1", "78797a"),
        (Action.CONFIGURE, "slot 0 subslot 1 I&M1 (function and location)", f"plant {'x' * 32}, location {'x' * 22}"),
    ]
    assert bad == []


def test_a_write_of_several_is_answered_by_record() -> None:
    wire = Wire().add(made.request(made.WRITE, made.several(made.record(0x0008, 1, b"abc"), made.record(0x0008, 2, b"d")), sequence=1))
    answers = made.record(0x8008, 0xE040, slot=0, subslot=0) + made.record(0x8008, 1) + made.record(0x8008, 2, status=0xDF80B600)
    wire.add(made.response(made.WRITE, answers, sequence=1), DEVICE, PLC)
    rows, bad, _ = wire.run()
    assert [(row["object"], row["outcome"], row["item"]) for row in rows if row["role"] == Role.RESPONSE] == [
        (1, "ok", 0),
        (2, "error:access_denied", 1),
    ]
    assert bad == []


def test_a_refused_call_and_a_fault() -> None:
    wire = Wire().add(made.request(made.CONNECT, made.connect())).add(made.response(made.CONNECT, b"", status=0xDB813C05), DEVICE, PLC)
    wire.add(made.request(made.READ, made.record(0x0009, 5), sequence=1)).add(made.rpc(3, made.READ, bytes(4), sequence=1), DEVICE, PLC)
    rows, bad, facts = wire.run()
    assert [row["outcome"] for row in rows if row["role"] == Role.RESPONSE] == ["error:60.5", "error:rpc_fault"]
    assert "IO device" not in {fact.value for fact in facts}
    assert bad == []


def test_readiness_comes_from_the_device_unasked() -> None:
    wire = ready(Wire())
    wire.add(made.request(made.CONTROL, made.control(2, kind=0x0112), interface=made.CONTROLLER, activity=UUID(int=9)), DEVICE, PLC)
    rows, _, _ = wire.run()
    assert (rows[-1]["role"], rows[-1]["name"]) == (Role.EVENT, "control_application_ready")
    assert [row["name"] for row in rows if row["function"] == made.CONTROL][:2] == ["control_prm_end", "control_prm_end"]


def test_another_controller_is_told_until_the_relation_is_released() -> None:
    assert established(ready(Wire()), OTHER, UUID(int=77)).run()[1] == ["controller-changed"]
    wire = ready(Wire()).add(made.request(made.RELEASE, made.control(4, kind=0x0114), sequence=2))
    assert established(wire, OTHER, UUID(int=77)).run()[1] == []
    assert established(ready(Wire()), OTHER, UUID(int=77), kind=6).run()[1] == []  # a supervisor may
    shared = established(ready(Wire()), OTHER, UUID(int=77), modules=((0, 0x10), (2, 0x20)))  # each controller has modules of its own
    assert shared.run()[1] == []


def test_fragments_are_joined() -> None:
    whole = made.request(made.WRITE, made.several(*(made.record(0x0008, number, bytes(200)) for number in range(1, 9))), sequence=1)
    body = whole[80:]
    parts = [body[at : at + 600] for at in range(0, len(body), 600)]
    wire = Wire()
    for number, part in enumerate(parts):
        wire.add(made.rpc(0, made.WRITE, part, sequence=1, flags=0x24 | (2 if number == len(parts) - 1 else 0), fragment=number))
    rows, bad, _ = wire.run()
    assert [row["object"] for row in rows] == list(range(1, 9))
    assert bad == []
    lost = Wire()
    lost.add(made.rpc(0, made.WRITE, parts[0], sequence=1, flags=0x24)).add(made.rpc(0, made.WRITE, parts[2], sequence=1, flags=0x24, fragment=2))
    assert lost.run()[1] == ["carrier:2"]


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (made.request(made.READ, made.record(0x0009, 1))[:90], ["truncated"]),
        (made.request(made.CONNECT, made.connect()[:-4]), ["block"]),
        (made.request(9, b""), ["unknown-operation"]),
    ],
)
def test_what_is_wrong_is_told(octets: bytes, expected: list[str]) -> None:
    assert Wire().add(octets).run()[1] == expected
    assert Wire().add(octets, flags=PduFlag.CUT).run()[1] in ([], ["carrier:1"], ["carrier:1", "unknown-operation"])


def test_an_answer_nobody_asked_for() -> None:
    wire = Wire().add(made.request(made.READ, made.record(0x0009, 1), sequence=5))
    wire.add(made.response(made.READ, made.record(0x8009, 1), sequence=3), DEVICE, PLC)
    assert wire.run()[1] == ["unasked-response"]


@given(st.binary(max_size=200))
def test_no_bytes_raise(octets: bytes) -> None:
    wire = Wire().add(octets)
    for opnum in range(6):
        wire.add(made.request(opnum, octets)).add(made.response(opnum, octets), DEVICE, PLC)
    wire.add(octets, frame=True).add(b"\xfc\x01" + octets, frame=True).add(b"\x80\x01" + octets, frame=True)
    wire.run()
    assert wire.dissector.forget(1) >= 0
    assert wire.carrier.forget(1) == 0
