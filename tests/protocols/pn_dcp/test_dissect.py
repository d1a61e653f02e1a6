"""Rows, roles, pairing, facts and anomalies of DCP."""

from __future__ import annotations

import dataclasses
import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otwatch.actions import Action, Role
from otwatch.limits import Limits
from otwatch.protocols.pn_dcp import PROTOCOL
from otwatch.protocols.pn_dcp.values import is_name
from otwatch.vocabulary import PduFlag
from tests.oracle import pn_dcp as made
from tests.protocols.pn_dcp.wire import DEVICE, GROUP, OTHER, STATION, Wire


def test_a_name_that_is_set_and_accepted() -> None:
    wire = Wire().add(made.set_name(7, b"pump-1")).add(made.set_answer(7, 2, 2), DEVICE, STATION)
    rows, bad, facts = wire.run()
    assert [(row["role"], row["name"], row["action"], row["value"], row["outcome"]) for row in rows] == [
        (Role.REQUEST, "set_name_of_station", Action.CONFIGURE, "pump-1", "ok"),
        (Role.RESPONSE, "set_name_of_station", Action.CONFIGURE, None, "ok"),
    ]
    assert (rows[1]["request_frame"], rows[1]["latency_ns"], rows[1]["transaction"]) == (1, 1_000_000, 7)
    assert [(fact.address, fact.kind, fact.value, fact.source) for fact in facts] == [(DEVICE, "name", "pump-1", "pn_dcp.set")]
    assert bad == []


@pytest.mark.parametrize(
    ("error", "outcome"), [(1, "error:option_not_supported"), (5, "error:not_possible"), (6, "error:in_operation"), (9, "error:9")]
)
def test_a_refused_set_says_why_and_changes_nothing(error: int, outcome: str) -> None:
    rows, _, facts = Wire().add(made.set_name(7, b"pump-1")).add(made.set_answer(7, 2, 2, error), DEVICE, STATION).run()
    assert rows[1]["outcome"] == outcome
    assert facts == []


def test_a_service_that_the_device_does_not_know() -> None:
    rows, _, _ = Wire().add(made.set_name(7, b"x")).add(made.frame(made.SET, 5, 7, b""), DEVICE, STATION).run()
    assert (rows[1]["name"], rows[1]["outcome"], rows[1]["request_frame"]) == ("set_name_of_station", "error:service_not_supported", 1)


def test_what_sets_do() -> None:
    blocks = b"".join(
        made.block(*one)
        for one in (
            (5, 1, b"\0\0"),
            (1, 2, b"\0\1" + made.ip("10.0.0.5", gateway="10.0.0.1")),
            (5, 3, b"\0\0\1\0"),
            (5, 5, b"\0\0"),
            (5, 6, b"\0\4"),
            (5, 2, b"\0\0"),
        )
    )
    rows, bad, _ = Wire().add(made.frame(made.SET, 0, 1, blocks)).run()
    assert [(row["name"], row["action"], row["value"]) for row in rows] == [
        ("set_start_transaction", Action.OTHER, None),
        ("set_ip_parameter", Action.CONFIGURE, "10.0.0.5/24, gateway 10.0.0.1"),
        ("set_signal", Action.OTHER, None),
        ("set_factory_reset", Action.RESTART, None),
        ("set_reset_to_factory", Action.RESTART, "communication parameters"),
        ("set_end_transaction", Action.OTHER, None),
    ]
    assert bad == []


def test_a_set_that_is_not_kept_says_so() -> None:
    rows, _, _ = Wire().add(made.set_name(1, b"pump-1", 0)).run()
    assert rows[0]["value"] == "pump-1 (temporary)"


def test_a_get_and_what_it_tells() -> None:
    ask = made.frame(made.GET, 0, 3, b"\2\2\1\2\2\6")
    answer = made.frame(
        made.GET, 1, 3, made.block(2, 2, b"\0\0pump-1") + made.block(1, 2, b"\0\1" + made.ip("10.0.0.7")) + made.block(5, 4, b"\2\6\2")
    )
    rows, bad, facts = Wire().add(ask).add(answer, DEVICE, STATION).run()
    assert [(row["name"], row["action"], row["outcome"], row["value"]) for row in rows if row["role"] == Role.RESPONSE] == [
        ("get_name_of_station", Action.IDENTIFY, "ok", "pump-1"),
        ("get_ip_parameter", Action.IDENTIFY, "ok", "10.0.0.7/24"),
        ("get_alias_name", Action.IDENTIFY, "error:suboption_not_supported", None),
    ]
    assert {(fact.kind, fact.value) for fact in facts} == {("name", "pump-1"), ("ip_address", "10.0.0.7/24")}
    assert bad == []


def test_many_devices_answer_one_identification() -> None:
    wire = Wire().add(made.identify_all(9), STATION, GROUP)
    wire.add(made.frame(made.IDENTIFY, 1, 9, made.identity()), DEVICE, STATION)
    wire.add(made.frame(made.IDENTIFY, 1, 9, made.identity(b"pump-2", "10.0.0.8", role=2)), OTHER, STATION)
    rows, bad, facts = wire.run()
    assert [(row["role"], row["name"], row["action"], row["request_frame"]) for row in rows] == [
        (Role.REQUEST, "identify_all", Action.BROWSE, -1),
        (Role.RESPONSE, "identify_all", Action.BROWSE, 1),
        (Role.RESPONSE, "identify_all", Action.BROWSE, 1),
    ]
    assert [row["value"] for row in rows] == [None, "pump-1", "pump-2"]
    assert {(fact.kind, fact.value) for fact in facts if fact.address == DEVICE} == {
        ("model", "ET200SP"),
        ("name", "pump-1"),
        ("device_id", "002a:0313"),
        ("vendor", "Siemens"),
        ("role", "IO device"),
        ("instance", "0.100"),
        ("ip_address", "10.0.0.7/24"),
    }
    assert ("role", "IO controller") in {(fact.kind, fact.value) for fact in facts if fact.address == OTHER}
    assert bad == []


def test_a_filter_is_told() -> None:
    rows, _, _ = Wire().add(made.frame(made.IDENTIFY, 0, 9, made.block(2, 2, b"pump-1")), STATION, GROUP).run()
    assert (rows[0]["name"], rows[0]["value"], rows[0]["point"]) == ("identify_name_of_station", "pump-1", "name of station")


def test_a_hello_is_an_event() -> None:
    rows, bad, facts = Wire().add(made.frame(made.HELLO, 0, 1, made.identity()), DEVICE, GROUP).run()
    assert [(row["role"], row["name"], row["action"], row["value"]) for row in rows] == [(Role.EVENT, "hello", Action.REPORT, "pump-1")]
    assert {fact.source for fact in facts} == {"pn_dcp.hello"}
    assert bad == []


def anomalies(*frames: tuple[bytes, int, int]) -> list[str]:
    wire = Wire()
    for octets, source, target in frames:
        wire.add(octets, source, target, after=4)
    return wire.run()[1]


WHO, ME = made.identify_all(9), made.frame(made.IDENTIFY, 1, 9, made.identity())
MOVED = made.frame(made.IDENTIFY, 1, 9, made.identity(address="10.0.0.9"))


@pytest.mark.parametrize(("frames", "expected"), [
    ([(made.frame(made.SET, 0, 1, made.block(2, 2, b"\0\1ab"), length=60), STATION, DEVICE)], ["truncated"]),
    ([(made.frame(made.SET, 0, 1, b"\2\2\0\x30\0\1ab"), STATION, DEVICE)], ["block-length"]),
    ([(made.frame(9, 0, 1, b""), STATION, DEVICE)], ["unknown-service"]),
    ([(made.frame(made.SET, 3, 1, b""), STATION, DEVICE)], ["unknown-service"]),
    ([(made.frame(made.SET, 0, 1, made.block(4, 1, b"\0\1")), STATION, DEVICE)], ["unknown-option"]),
    ([(made.frame(made.SET, 0, 1, made.block(0x81, 1, b"\0\1")), STATION, DEVICE)], []),
    ([(made.frame(made.SET, 0, 1, b"", frame_id=0xFEFE), STATION, DEVICE)], ["frame-id"]),
    ([(made.set_name(1, b"A_b!"), STATION, DEVICE)], ["name-syntax"]),
    ([(made.set_name(1, b"a" * 64), STATION, DEVICE)], ["name-syntax"]),
    ([(made.set_name(1, b""), STATION, DEVICE)], []),
    ([(made.set_name(1, b"a"), STATION, GROUP)], ["set-to-group"]),
    ([(made.set_name(1, b"a"), STATION, DEVICE), (made.set_answer(2, 2, 2), DEVICE, STATION)], ["unasked-response"]),
    ([(made.set_answer(2, 2, 2), DEVICE, STATION)], []),
    ([(WHO, STATION, GROUP), (ME, DEVICE, STATION), (ME, DEVICE, STATION)], []),
    ([(WHO, STATION, GROUP), (ME, DEVICE, STATION), (MOVED, DEVICE, STATION)], ["conflicting-response"]),
    ([(WHO, STATION, GROUP), (made.frame(5, 1, 8, made.identity()), DEVICE, STATION)], ["unasked-response"]),
    ([(ME, DEVICE, STATION)], []),
    ([(WHO, STATION, GROUP), (ME, DEVICE, STATION), (MOVED, OTHER, STATION)], ["name-conflict"]),
    ([(WHO, STATION, GROUP), (ME, DEVICE, STATION), (made.frame(5, 1, 9, made.identity(b"other")), OTHER, STATION)], ["ip-conflict"]),
    ([(WHO, STATION, GROUP), (made.frame(5, 1, 9, made.identity(info=0x81)), DEVICE, STATION)], ["ip-conflict-reported"]),
])  # fmt: skip
def test_what_is_wrong_is_told(frames: list[tuple[bytes, int, int]], expected: list[str]) -> None:
    assert anomalies(*frames) == expected


def test_a_replaced_device_may_have_the_name_of_the_old_one() -> None:
    hello = made.frame(made.HELLO, 0, 1, made.identity())
    assert Wire().add(hello, DEVICE, GROUP).add(hello, OTHER, GROUP, after=700).run()[1] == []


def test_a_name_that_is_given_away_is_free() -> None:
    hello = made.frame(made.HELLO, 0, 1, made.identity(b"new", "10.0.0.70"))
    wire = Wire().add(made.frame(made.HELLO, 0, 1, made.identity()), DEVICE, GROUP).add(hello, DEVICE, GROUP)
    assert wire.add(made.frame(made.HELLO, 0, 1, made.identity()), OTHER, GROUP).run()[1] == []


def test_what_the_tap_cut_off_is_no_fault() -> None:
    whole = made.frame(made.IDENTIFY, 1, 9, made.identity())
    rows, bad, _ = Wire().add(whole[:40], DEVICE, STATION, flags=PduFlag.CUT).run()
    assert (len(rows), bad) == (1, [])


def test_more_blocks_than_rows() -> None:
    wire = Wire(dataclasses.replace(Limits(), items_per_pdu=4)).add(made.frame(made.GET, 0, 1, b"\2\2" * 9))
    rows, bad, _ = wire.run()
    assert (len(rows), bad) == (4, ["too-many-blocks"])


def test_what_is_forgotten_is_counted() -> None:
    wire = Wire(dataclasses.replace(Limits(), outstanding_requests=4))
    for xid in range(6):
        wire.add(made.set_name(xid, b"a"))
    wire.run()
    assert wire.dissector.dropped == 2
    assert wire.dissector.forget(12) == 4


NUMBERS = st.integers(0, 255)
BLOCKS = st.lists(st.tuples(st.sampled_from([1, 2, 3, 5, 6, 129, 255]), st.integers(1, 8), st.binary(max_size=30)), max_size=6)


@given(st.sampled_from([3, 4, 5, 6]), st.sampled_from([0, 1, 5]), st.integers(0, 2**32 - 1), BLOCKS, st.binary(max_size=3))
def test_the_rows_are_those_of_the_oracle(service: int, kind: int, xid: int, blocks: list[tuple[int, int, bytes]], rest: bytes) -> None:
    octets = made.frame(service, kind, xid, b"".join(made.block(*one) for one in blocks) + rest)
    expected = made.rows(octets)
    rows, bad, _ = Wire().add(octets).run()
    if expected is None:
        assert {"block-length", "truncated", "unknown-service"} & set(bad)
    else:
        assert [{name: row[name] for name in one} for one, row in zip(expected, rows, strict=True)] == expected


@given(st.binary(max_size=80))
def test_no_bytes_raise(octets: bytes) -> None:
    Wire().add(octets).add(b"\xfe\xfd" + octets).add(octets, DEVICE, STATION).run()


def test_batches_change_nothing() -> None:
    chance = random.Random(5)
    frames = []
    for _ in range(200):
        xid = chance.randrange(4)
        frames.append(
            chance.choice(
                [
                    (made.identify_all(xid), STATION, GROUP),
                    (made.frame(5, 1, xid, made.identity(chance.choice([b"a", b"b"]))), DEVICE, STATION),
                    (made.set_name(xid, b"c"), STATION, DEVICE),
                    (made.set_answer(xid, 2, 2), DEVICE, STATION),
                    (made.frame(made.GET, 0, xid, b"\2\2"), OTHER, DEVICE),
                    (bytes(chance.randrange(256) for _ in range(30)), STATION, DEVICE),
                ]
            )
        )
    one, two = Wire(), Wire()
    found: tuple[list[object], list[str]] = [], []
    for at, (octets, source, target) in enumerate(frames):
        one.add(octets, source, target)
        two.add(octets, source, target)
        if at % 7 == 0:
            rows, bad, _ = two.run()
            found[0].extend((row["frame"], row["name"], row["request_frame"], row["value"]) for row in rows)
            found[1].extend(bad)
    rows, bad, _ = two.run()
    whole = one.run()
    assert found[1] + bad == whole[1]
    assert [*found[0], *((row["frame"], row["name"], row["request_frame"], row["value"]) for row in rows)] == [
        (row["frame"], row["name"], row["request_frame"], row["value"]) for row in whole[0]
    ]


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        (b"", True),
        (b"plc-1.line-2", True),
        (b"X208-BORD", True),
        (b"a_b", False),
        (b"a@b", False),
        (b"a[b", False),
        (b"-a", False),
        (b"a-", False),
        (b"a..b", False),
        (b"a" * 63, True),
        (b"a" * 64, False),
        (b"a." * 119 + b"bc", True),
        (b"a." * 120 + b"b", False),
    ],
)
def test_names_of_station(name: bytes, fits: bool) -> None:
    assert is_name(name) == fits


def test_every_number_has_a_name() -> None:
    for function in range(8):
        for number in (-1, *range(0, 65536, 257)):
            assert PROTOCOL.function_name(function, number)
    assert PROTOCOL.object_name({"area": -1, "object": -1}) == ""
    assert PROTOCOL.value(2, b"\0", {"subfunction": 0x0202}) is None
    assert PROTOCOL.value(1, struct.pack(">H", 5), {"subfunction": 0x0999}) == "0005"
