"""Rows, roles, pairing, segments, facts and anomalies of BACnet/IP."""

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
from otwatch.protocols.bacnet import PROTOCOL
from otwatch.protocols.bacnet.framing import probe
from otwatch.protocols.bacnet.values import application
from otwatch.protocols.spec import Verdict
from otwatch.vocabulary import PduFlag
from tests.oracle.bacnet import complex_ack, confirmed, context, datagram, object_id, unsigned, wrapped
from tests.protocols.bacnet.wire import Wire

ROOT = Path(__file__).parents[3]
ENDED = int(PduFlag.ENDED)
REAL = b"\x44" + struct.pack(">f", 21.5)
READ = confirmed(7, 12, context(0, object_id(0, 1)) + context(1, unsigned(85)))
references = st.tuples(st.integers(0, 60), st.integers(0, 0x3FFFFF), st.integers(0, 600), st.none() | st.integers(0, 300))


def reference(kind: int, instance: int, prop: int, index: int | None) -> bytes:
    return context(0, object_id(kind, instance)) + context(1, unsigned(prop)) + (context(2, unsigned(index)) if index is not None else b"")


@given(references, st.integers(0, 255))
def test_a_read_and_its_answer_name_the_same_property(where: tuple[int, int, int, int | None], invoke: int) -> None:
    kind, instance, prop, index = where
    wire = Wire().add(datagram(confirmed(invoke, 12, reference(*where))))
    wire.add(datagram(complex_ack(invoke, 12, reference(*where) + wrapped(3, REAL))), 1)
    rows, bad, _ = wire.run()
    expected = {"area": kind, "object": instance, "start": prop, "count": -1 if index is None else index, "transaction": invoke}
    assert [{name: row[name] for name in expected} for row in rows] == [expected, expected]
    assert [(row["role"], row["request_frame"], row["value"]) for row in rows] == [(Role.REQUEST, -1, None), (Role.RESPONSE, 1, 21.5)]
    assert bad == []


@given(st.lists(references, min_size=1, max_size=12))
def test_every_property_of_a_multiple_read_and_write_is_a_row(wheres: list[tuple[int, int, int, int | None]]) -> None:
    def specification(inside: bytes, where: tuple[int, int, int, int | None]) -> bytes:
        return context(0, object_id(*where[:2])) + wrapped(1, inside)

    def named(where: tuple[int, int, int, int | None], first: int) -> bytes:
        return context(first, unsigned(where[2])) + (context(first + 1, unsigned(where[3])) if where[3] is not None else b"")

    ask = b"".join(specification(named(where, 0), where) for where in wheres)
    tell = b"".join(specification(named(where, 2) + wrapped(4, REAL), where) for where in wheres)
    put = b"".join(specification(named(where, 0) + wrapped(2, REAL) + context(3, b"\x08"), where) for where in wheres)
    wire = Wire().add(datagram(confirmed(1, 14, ask))).add(datagram(complex_ack(1, 14, tell)), 1).add(datagram(confirmed(2, 16, put)))
    wire.add(datagram(b"\x20\x02\x10"), 1)
    rows, bad, _ = wire.run()
    assert bad == []
    expected = [(where[0], where[1], where[2], -1 if where[3] is None else where[3]) for where in wheres]
    assert [(row["area"], row["object"], row["start"], row["count"]) for row in rows] == expected * 4
    assert [row["value"] for row in rows[len(wheres) : 2 * len(wheres)]] == [21.5] * len(wheres)
    assert {json.dumps(row["value"]) for row in rows[2 * len(wheres) : 3 * len(wheres)]} == {'{"value": 21.5, "priority": 8}'}


@given(st.binary(max_size=120), st.integers(0, 127), st.integers(0, 1))
def test_nothing_raises(octets: bytes, flags: int, direction: int) -> None:
    Wire().add(octets, direction, flags=flags).run()


@given(st.lists(st.tuples(st.integers(0, 7), st.binary(max_size=24), st.integers(0, 1)), max_size=30))
def test_nothing_raises_in_a_conversation(messages: list[tuple[int, bytes, int]]) -> None:
    wire = Wire()
    for kind, octets, direction in messages:
        wire.add(datagram(bytes((kind << 4 | (8 if len(octets) % 3 == 0 else 0),)) + octets), direction)
    wire.run()
    wire.dissector.forget(1)


@given(st.integers(0, 40))
def test_any_cut_of_a_message_is_reported(cut: int) -> None:
    whole = datagram(confirmed(1, 15, reference(4, 1, 85, None) + wrapped(3, b"\x91\x01") + context(4, b"\x02")))
    octets = whole[: min(cut, len(whole) - 1)]
    _, bad, _ = Wire().add(octets).run()
    assert bad
    assert Wire().add(octets, flags=8 | 16).run()[1] == []  # what the tap cut off was sent all the same


def test_what_is_written_decides_what_a_write_is() -> None:
    wire = Wire()
    for invoke, (kind, prop) in enumerate(((4, 85), (2, 85), (0, 81), (8, 77))):
        wire.add(datagram(confirmed(invoke, 15, reference(kind, 1, prop, None) + wrapped(3, b"\x91\x01"))))
    rows, _, _ = wire.run()
    assert [row["action"] for row in rows] == [Action.CONTROL, Action.WRITE, Action.FORCE, Action.WRITE]


@pytest.mark.parametrize(
    ("service", "parameters", "action", "name"),
    [
        (20, context(0, b"\x00"), Action.RESTART, "reinitialize_device_coldstart"),
        (20, context(0, b"\x04") + context(1, b"\x00pw"), Action.PROGRAM_DOWNLOAD, "reinitialize_device_start_restore"),
        (17, context(0, b"\x05") + context(1, b"\x01"), Action.CONFIGURE, "communication_disable"),
        (17, context(1, b"\x00"), Action.CONFIGURE, "communication_enable"),
        (7, b"\xc4" + object_id(10, 3), Action.FILE, "atomic_write_file"),
        (5, context(0, b"\x01") + context(1, object_id(0, 1)), Action.SUBSCRIBE, "subscribe_cov"),
        (27, b"", Action.CONTROL, "life_safety_operation"),
    ],
)
def test_what_a_device_is_told_has_its_action(service: int, parameters: bytes, action: Action, name: str) -> None:
    rows, bad, _ = Wire().add(datagram(confirmed(1, service, parameters))).run()
    assert [(row["action"], row["name"]) for row in rows] == [(action, name)]
    assert bad == []


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"\x50\x07\x0c\x91\x01\x91\x1f", "error:object:unknown_object"),
        (b"\x50\x07\x0c\x0e\x91\x02\x91\x20\x0f", "error:property:unknown_property"),
        (b"\x60\x07\x09", "reject:unrecognized_service"),
        (b"\x71\x07\x04", "abort:segmentation_not_supported"),
        (b"\x20\x07\x0c", "ok"),
    ],
)
def test_refusals_say_where_they_come_from_and_stand_for_what_was_asked(answer: bytes, outcome: str) -> None:
    rows, bad, _ = Wire().add(datagram(READ)).add(datagram(answer), 1).run()
    assert (rows[1]["outcome"], rows[1]["function"], rows[1]["start"], rows[1]["request_frame"]) == (outcome, 12, 85, 1)
    assert bad == []


def test_a_second_answer_with_other_contents_contradicts_and_an_equal_one_is_a_copy() -> None:
    answer = datagram(complex_ack(7, 12, reference(0, 1, 85, None) + wrapped(3, REAL)))
    other = datagram(complex_ack(7, 12, reference(0, 1, 85, None) + wrapped(3, b"\x44" + bytes(4))))
    wire = Wire().add(datagram(READ)).add(answer, 1).add(answer, 1)
    rows, bad, _ = wire.run()
    assert (len(rows), bad) == (2, [])
    assert wire.add(other, 1).run()[1] == ["conflicting-response"]


def test_an_answer_to_nothing_is_reported_where_requests_were_seen() -> None:
    stray = datagram(complex_ack(9, 12, reference(0, 1, 85, None) + wrapped(3, REAL)))
    assert Wire().add(stray, 1).add(b"", flags=ENDED).run()[1] == []
    assert Wire().add(datagram(READ)).add(stray, 1).add(b"", flags=ENDED).run()[1] == ["unasked-response"]


def test_an_answer_captured_before_its_request_waits_for_it() -> None:
    answer = datagram(complex_ack(7, 12, reference(0, 1, 85, None) + wrapped(3, REAL)))
    wire = Wire().add(answer, 1).add(datagram(READ))
    rows, bad, _ = wire.run()
    assert [(row["role"], row["frame"], row["request_frame"], row["latency_ns"]) for row in rows] == [(0, 2, -1, -1), (1, 1, 2, -1)]
    assert (bad, wire.dissector.early.paired) == ([], 1)


def test_an_answer_waits_as_long_as_captures_are_in_disorder() -> None:
    """Twenty milliseconds; what was wrong with it is reported once."""
    stray = datagram(complex_ack(9, 12, reference(0, 1, 85, None) + wrapped(3, REAL))) + b"\0"
    wire = Wire().add(datagram(READ)).add(stray, 1)
    assert [row["role"] for row in wire.run()[0]] == [0]
    for _ in range(21):
        wire.add(datagram(READ))
    rows, bad, _ = wire.run()
    assert [row["role"] for row in rows].count(1) == 1
    assert sorted(bad) == ["length", "unasked-response"]


def test_devices_behind_a_router_are_told_apart_though_they_share_an_invoke_id() -> None:
    wire = Wire()
    for address in (1, 2):
        wire.add(datagram(READ, destination=(5, bytes((address,)))))
    for address in (2, 1):
        wire.add(datagram(complex_ack(7, 12, reference(0, 1, 85, None) + wrapped(3, REAL)), source=(5, bytes((address,)))), 1)
    rows, bad, _ = wire.run()
    assert [(row["unit"], row["request_frame"]) for row in rows[2:]] == [(5 << 32 | 2, 2), (5 << 32 | 1, 1)]
    assert PROTOCOL.unit_name(rows[2]["unit"]) == "network 5 device 2"
    assert bad == []


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (0, 1, 1, 2)])
def test_segments_are_put_together_in_any_order(order: tuple[int, ...]) -> None:
    whole = reference(0, 1, 85, None) + wrapped(3, b"\x75\x0b\x00abcdefghij")
    parts = [whole[:6], whole[6:12], whole[12:]]
    wire = Wire().add(datagram(READ))
    for number in order:
        flags = 0x38 | (0 if number == 2 else 4)
        wire.add(datagram(bytes((flags, 7, number, 2, 12)) + parts[number]), 1)
    rows, bad, _ = wire.run()
    assert [row["value"] for row in rows] == [None, "abcdefghij"]
    assert bad == []


def test_a_message_whose_segments_never_come_is_reported_when_the_next_begins() -> None:
    wire = Wire().add(datagram(READ)).add(datagram(b"\x3c\x07\x00\x02\x0cabc"), 1).add(datagram(b"\x3c\x07\x00\x02\x0cxyz"), 1)
    assert wire.run()[1] == ["segments-lost"]


def test_a_device_says_who_it_is() -> None:
    i_am = datagram(b"\x10\x00\xc4" + object_id(8, 1001) + b"\x22\x05\xc4\x91\x00\x21\x0f", function=0x0B)
    name = complex_ack(1, 12, reference(8, 1001, 77, None) + wrapped(3, b"\x75\x06\x00AHU-1"))
    wire = Wire().add(i_am, 1).add(datagram(confirmed(1, 12, reference(8, 1001, 77, None)))).add(datagram(name), 1)
    rows, bad, facts = wire.run()
    assert [(row["action"], row["area"], row["object"]) for row in rows] == [(Action.IDENTIFY, 8, 1001)] * 3
    assert [(fact.kind, fact.value) for fact in facts] == [("device_instance", "1001"), ("vendor_id", "15"), ("name", "AHU-1")]
    assert bad == []


def test_a_change_of_value_is_an_event_with_its_values() -> None:
    body = (
        context(0, b"\x01")
        + context(1, object_id(8, 5))
        + context(2, object_id(0, 3))
        + context(3, b"\x00")
        + wrapped(4, context(0, b"\x55") + wrapped(2, REAL) + context(0, b"\x6f") + wrapped(2, b"\x82\x04\x00"))
    )
    rows, bad, _ = Wire().add(datagram(b"\x10\x02" + body), 1).run()
    assert [(row["role"], row["action"], row["start"], row["value"]) for row in rows] == [
        (Role.EVENT, Action.REPORT, 85, 21.5),
        (Role.EVENT, Action.REPORT, 111, "0000"),
    ]
    assert bad == []


@pytest.mark.parametrize(
    ("octets", "name"),
    [
        (b"\x81\x05\x00\x06\x00\x3c", "register_foreign_device"),
        (b"\x81\x02\x00\x04", "read_broadcast_distribution_table"),
        (datagram(b"")[:4] + b"\x01\x80\x00", "who_is_router_to_network"),
        (datagram(b"\x10\x08"), "who_is"),
    ],
)
def test_messages_below_the_application_are_rows(octets: bytes, name: str) -> None:
    octets = octets[:2] + len(octets).to_bytes(2, "big") + octets[4:]
    rows, bad, _ = Wire().add(octets).run()
    assert [row["name"] for row in rows] == [name]
    assert bad == []
    assert probe(octets, 0) is Verdict.YES


@pytest.mark.parametrize(
    ("octets", "name"),
    [
        (b"\x81\x0a\x00\x99\x01\x00\x10\x08", "length"),
        (b"\x81\x0a\x00\x08\x02\x00\x10\x08", "version"),
        (b"\x81\x20\x00\x04", "unknown-function"),
        (datagram(b"\x10\x63"), "unknown-service"),
        (datagram(confirmed(1, 99, b"")), "unknown-service"),
        (datagram(confirmed(1, 12, context(3, b"\x01") + bytes(4))), "tag"),
        (datagram(b"\x00\x05"), "truncated"),
        (datagram(b"\x90\x00\x00"), "unknown-function"),
    ],
)
def test_each_fault_has_its_anomaly(octets: bytes, name: str) -> None:
    assert Wire().add(octets).run()[1] == [name]


def test_a_message_of_endless_properties_is_capped() -> None:
    many = confirmed(1, 14, context(0, object_id(0, 1)) + wrapped(1, context(0, b"\x55") * 600))
    rows, bad, _ = Wire().add(datagram(many)).run()
    assert (len(rows), bad) == (512, ["too-many-items"])


@given(st.integers(0, 15), st.binary(max_size=12))
def test_values_of_any_tag_are_shown(number: int, octets: bytes) -> None:
    json.dumps(application(number, octets))


@pytest.mark.parametrize(
    "octets", [b"\x81\x0a\x00\x04", b"\x81\x0a\x00\x0a\x01\x00\xa0\x00\x00\x00", b"\x81\x0a\x00\x08\x01\x50\x10\x08", bytes(20), b"\x81"]
)
def test_others_are_not_taken_for_it(octets: bytes) -> None:
    assert probe(octets, 0) is Verdict.NO


def rows_of() -> str:
    """Rows and anomalies of sound and damaged messages in a fixed order."""
    chance = random.Random(3)
    wire = Wire()
    for turn in range(400):
        where = chance.randrange(20), chance.randrange(5), chance.choice([85, 77, 81]), chance.choice([None, 1])
        service = chance.choice([12, 15, 14, 20, 5, 1])
        apdu = chance.choice(
            [
                confirmed(turn % 8, service, reference(*where) + wrapped(3, REAL)),
                complex_ack(turn % 8, 12, reference(*where) + wrapped(3, REAL)),
                b"\x50" + bytes((turn % 8, service)) + b"\x91\x01\x91\x1f",
                b"\x10\x08",
            ]
        )
        octets = bytearray(datagram(apdu))
        if chance.random() < 0.4:
            octets[chance.randrange(4, len(octets))] = chance.randrange(256)
        wire.add(bytes(octets[: chance.randrange(1, len(octets)) if chance.random() < 0.1 else None]), chance.randrange(2), flow=chance.randrange(3))
    rows, bad, facts = wire.run()
    return json.dumps([rows, bad, [str(fact) for fact in facts], [wire.dissector.forget(flow) for flow in range(3)]])


@pytest.mark.skipif(not is_compiled(), reason="nothing is compiled here")
def test_uncompiled_gives_the_same() -> None:
    program = "from tests.protocols.bacnet.test_dissect import rows_of; from otwatch import is_compiled; assert not is_compiled(); print(rows_of())"
    plain = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "OTWATCH_UNCOMPILED": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    assert json.loads(plain) == json.loads(rows_of())
