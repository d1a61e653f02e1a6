"""Rows, pairing, chunks, facts and anomalies of OPC UA."""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otwatch import is_compiled
from otwatch.actions import Action, Role
from otwatch.limits import Limits
from otwatch.protocols.opcua.spec import LEAST, REQUEST_OF, SERVICES, SHAPES
from tests.oracle.opcua import (
    NULL_EXTENSION,
    SCALARS,
    acknowledge,
    array,
    chunk,
    data_value,
    extension,
    hello,
    message,
    node,
    open_channel,
    request,
    response,
    text,
    variant,
)
from tests.protocols.opcua.wire import NO_DIAGNOSTICS, TOKEN, Wire, browse, read, read_item

ROOT = Path(__file__).parents[3]
identifiers = st.integers(0, 0xFFFFFFFF) | st.text(min_size=1, max_size=20) | st.binary(min_size=16, max_size=16)
nodes = st.tuples(identifiers, st.integers(0, 0xFFFF))
values = st.one_of(
    st.tuples(st.just(11), st.floats(allow_nan=False, allow_infinity=False, width=32)),
    st.tuples(st.just(6), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just(1), st.booleans()),
    st.tuples(st.just(12), st.text(max_size=20)),
    st.tuples(st.just(5), st.lists(st.integers(0, 65535), max_size=5)),
)


def spelled(identifier: int | str | bytes, namespace: int) -> str:
    """As people write it."""
    from uuid import UUID

    name = f"s={identifier}" if isinstance(identifier, str) else f"i={identifier}"
    if isinstance(identifier, bytes):
        name = f"g={UUID(bytes_le=identifier)}"
    return f"ns={namespace};{name}" if namespace else name


@given(st.lists(st.tuples(nodes, st.integers(1, 27), values), min_size=1, max_size=6), st.integers(2, 0xFFFFFFFF))
def test_a_read_and_its_answer_name_the_same_nodes_with_their_values(items: list, request_id: int) -> None:
    asked = read(*(read_item(*where, attribute) for where, attribute, _ in items))
    told = response(634, array([data_value(variant(*value), source_time=7) for _, _, value in items]) + NO_DIAGNOSTICS)
    rows, bad, _ = Wire().opened().say(asked, request_id).say(told, request_id, 1).run()
    rows = rows[2:]
    assert bad == []
    assert [row["transaction"] for row in rows] == [request_id] * 2 * len(items)
    expected = [spelled(*where) for where, _, _ in items] * 2
    assert [row["node"].split(" ")[0] for row in rows] == [name.split(" ")[0] for name in expected]
    assert [row["start"] for row in rows] == [attribute for _, attribute, _ in items] * 2
    answers = rows[len(items) :]
    assert [row["request_frame"] for row in answers] == [3] * len(items)
    for row, (_, _, (kind, value)) in zip(answers, items, strict=True):
        assert row["value"] == (pytest.approx(value, rel=1e-6) if kind == 11 else value)


@given(st.lists(st.tuples(nodes, values), min_size=1, max_size=6), st.lists(st.sampled_from([0, 0x80340000, 0x801F0000]), min_size=6, max_size=6))
def test_every_written_value_is_a_row_and_has_its_own_outcome(items: list, results: list[int]) -> None:
    asked = request(673, array([node(*where) + struct.pack("<I", 13) + text(None) + data_value(variant(*value)) for where, value in items]))
    told = response(676, array([struct.pack("<I", result) for result in results[: len(items)]]) + NO_DIAGNOSTICS)
    rows, bad, _ = Wire().opened().say(asked, 2).say(told, 2, 1).run()
    assert bad == []
    named = {0: "ok", 0x80340000: "bad:node_id_unknown", 0x801F0000: "bad:user_access_denied"}
    assert [row["outcome"] for row in rows[2 + len(items) :]] == [named[result] for result in results[: len(items)]]
    assert [row["action"] for row in rows[2 : 2 + len(items)]] == [Action.WRITE if where[1] else Action.CONFIGURE for where, _ in items]
    assert [row["item"] for row in rows[2:]] == list(range(len(items))) * 2


@given(st.binary(max_size=200), st.integers(0, 127), st.integers(0, 1))
def test_nothing_raises(octets: bytes, flags: int, direction: int) -> None:
    Wire().add(octets, direction, flags=flags).run()


@given(st.lists(st.tuples(st.sampled_from(sorted(REQUEST_OF) + sorted(SERVICES)), st.binary(max_size=80), st.integers(0, 1)), max_size=20))
def test_nothing_raises_in_a_conversation(messages: list[tuple[int, bytes, int]]) -> None:
    wire = Wire().opened()
    for number, (service, octets, direction) in enumerate(messages):
        body = (request if service in SERVICES else response)(service, octets)
        wire.say(body, number // 2, direction)
    wire.run()
    wire.dissector.forget(1)


@given(st.integers(0, 160), st.sampled_from([8, 16]))
def test_any_cut_of_a_message_is_reported(cut: int, flag: int) -> None:
    whole = message(read(read_item("Pump.Speed", 2), read_item(7, 3)), 2, 51)
    cut = min(cut, len(whole) - 1)
    wire = Wire().opened()
    wire.run()
    assert bool(wire.add(whole[:cut], flags=flag).run()[1]) is (flag != 16)  # what the tap cut off was sent all the same


def test_a_channel_is_opened_and_closed() -> None:
    wire = Wire().add(hello()).add(acknowledge(), 1).opened().say(request(452, b""), 9, chunks="CLOF")
    rows, bad, _ = wire.run()
    assert [(row["name"], row["role"]) for row in rows] == [
        ("hello", Role.REQUEST),
        ("hello", Role.RESPONSE),
        ("open_secure_channel_unsecured", Role.REQUEST),
        ("open_secure_channel_unsecured", Role.RESPONSE),
        ("close_secure_channel", Role.REQUEST),
    ]
    assert [row["request_frame"] for row in rows] == [-1, 1, -1, 3, -1]
    assert rows[0]["value"] == "opc.tcp://plc:4840"
    assert bad == []
    assert wire.dissector.forget(1) == 0


def test_a_server_may_open_the_connection() -> None:
    wire = Wire().add(chunk("RHEF", text("urn:plc") + text("opc.tcp://plc"))).add(hello(), 1).add(acknowledge())
    wire.add(open_channel(bytes(300), 1, 1, policy="Basic256"), 1)
    wire.add(open_channel(bytes(300), 1, 1, policy="Basic256", channel=5))
    wire.add(message(bytes.fromhex("c0ffee00" * 20), 7, 8), 1).add(message(bytes.fromhex("c0ffee11" * 20), 7, 8))
    rows, bad, facts = wire.run()
    assert [(row["name"], row["role"], row["direction"]) for row in rows] == [
        ("reverse_hello", Role.EVENT, 0),
        ("hello", Role.REQUEST, 1),
        ("hello", Role.RESPONSE, 0),
        ("open_secure_channel", Role.REQUEST, 1),
        ("open_secure_channel", Role.RESPONSE, 0),
        ("encrypted_message", Role.REQUEST, 1),
        ("encrypted_message", Role.RESPONSE, 0),
    ]
    assert [(fact.kind, fact.value) for fact in facts] == [("application_uri", "urn:plc")]
    assert bad == []


@pytest.mark.parametrize("policy", ["Basic256", "Basic256Sha256", "Aes128_Sha256_RsaOaep", "Private"])
def test_an_encrypted_conversation_is_said_by_message(policy: str) -> None:
    chance = random.Random(4)
    wire = Wire().add(open_channel(chance.randbytes(256), 1, 1, policy=policy))
    wire.add(open_channel(chance.randbytes(256), 1, 1, policy=policy, channel=5), 1)
    for number in range(6):
        wire.add(chunk("MSGC" if number == 2 else "MSGF", struct.pack("<II", 5, 1) + chance.randbytes(120)), number & 1)
    wire.add(chunk("CLOF", struct.pack("<II", 5, 1) + chance.randbytes(64)))
    rows, bad, _ = wire.run()
    assert [row["action"] for row in rows] == [Action.CONNECT] * 2 + [Action.ENCRYPTED] * 5 + [Action.CONNECT]
    assert bad == []
    assert wire.dissector.forget(1) == 0


def test_a_signed_message_is_read_without_its_signature() -> None:
    signature = bytes(range(200, 232))
    wire = Wire().add(open_channel(bytes(256), 1, 1, policy="Basic256Sha256"))
    wire.say(read(read_item(7, 2)) + signature, 2).say(response(634, array([data_value(variant(6, 5))]) + NO_DIAGNOSTICS) + signature, 2, 1)
    rows, bad, _ = wire.run()
    assert [(row["name"], row["node"], row["value"]) for row in rows[1:]] == [("read", "ns=2;i=7", None), ("read", "ns=2;i=7", 5)]
    assert bad == []


def test_a_conversation_that_began_unseen_is_read_where_it_can_be_and_said_where_not() -> None:
    chance = random.Random(5)
    wire = Wire().say(read(read_item(7, 2)), 2)
    wire.add(chunk("MSGF", struct.pack("<II", 5, 1) + chance.randbytes(120)), flow=2)
    rows, bad, _ = wire.run()
    assert [row["name"] for row in rows] == ["read", "encrypted_message"]
    assert bad == []


@given(st.lists(st.integers(1, 400), min_size=1, max_size=6))
def test_a_message_in_any_chunks_is_the_message(cuts: list[int]) -> None:
    whole = read(*(read_item(f"Pump.{number}", 2) for number in range(12)))
    parts, at = [], 0
    for size in cuts:
        parts.append(whole[at : at + max(4, size)])
        at += max(4, size)
    parts = [part for part in [*parts, whole[at:]] if part]
    wire = Wire().opened()
    for number, part in enumerate(parts):
        wire.say(part, 2, chunks="MSGF" if number == len(parts) - 1 else "MSGC")
        if number == 0:
            wire.say(read(read_item(1, 1)), 3)  # another message between the chunks
    rows, bad, _ = wire.run()
    assert [row["node"] for row in rows if row["transaction"] == 2] == [f"ns=2;s=Pump.{number}" for number in range(12)]
    assert bad == []
    assert wire.dissector.parts.held == 0


def test_chunks_that_are_given_up_or_never_end_are_reported() -> None:
    wire = Wire().opened().say(read(read_item(1, 1)), 2, chunks="MSGC").say(struct.pack("<I", 0x80B80000) + text("too large"), 2, chunks="MSGA")
    assert wire.run()[1] == ["aborted"]
    assert wire.say(b"rest of something", 3, chunks="MSGF").run()[1] == ["field"]
    assert wire.say(b"middle of something", 3, chunks="MSGC").run()[1] == ["chunks-lost"]
    for number in range(80):
        wire.say(read(read_item(1, 1)), 100 + number, chunks="MSGC")
    assert set(wire.run()[1]) == {"too-large"}
    wire.dissector.forget(1)
    assert wire.dissector.parts.held == 0


def test_an_endless_message_is_dropped_at_the_cap() -> None:
    wire = Wire(Limits(application_fragment_bytes=1000)).opened()
    wire.say(request(673, array([b""] * 3)), 2, chunks="MSGC")
    for _ in range(10):
        wire.say(bytes(1000), 2, chunks="MSGC")
    assert "too-large" in wire.run()[1]
    assert wire.dissector.parts.held <= 4000


def monitored(handle: int, name: str) -> bytes:
    return read_item(name, 2) + struct.pack("<IId", 2, handle, 500.0) + NULL_EXTENSION + struct.pack("<IB", 1, 1)


def notification(*items: tuple[int, bytes]) -> bytes:
    body = array([struct.pack("<I", handle) + value for handle, value in items]) + NO_DIAGNOSTICS
    told = array([extension(811, body)]) if items else array([])
    return response(829, struct.pack("<I", 9) + array([]) + b"\x00" + struct.pack("<Iq", 1, 0) + told + array([]) + array([]))


def subscribed() -> Wire:
    wire = Wire().opened().say(request(751, struct.pack("<II", 9, 2) + array([monitored(1, "Speed"), monitored(2, "Run")])), 2)
    result = struct.pack("<IIdI", 0, 77, 500.0, 1) + NULL_EXTENSION
    return wire.say(response(754, array([result, result]) + NO_DIAGNOSTICS), 2, 1)


def test_what_is_reported_has_the_node_that_was_subscribed() -> None:
    wire = (
        subscribed().say(request(826, array([])), 3).say(notification((2, data_value(variant(1, True))), (1, data_value(variant(11, 1480.0)))), 3, 1)
    )
    rows, bad, _ = wire.run()
    assert bad == []
    assert [(row["name"], row["action"], row["node"], row["value"]) for row in rows[6:]] == [
        ("publish", Action.SUBSCRIBE, "", None),
        ("publish", Action.REPORT, "ns=2;s=Run", True),
        ("publish", Action.REPORT, "ns=2;s=Speed", 1480.0),
    ]


@pytest.mark.parametrize(("many", "rows_made", "count"), [(0, 1, 0), (64, 64, 1), (65, 1, 65)])
def test_many_notifications_are_counted_in_one_row(many: int, rows_made: int, count: int) -> None:
    wire = subscribed().say(request(826, array([])), 3).say(notification(*((1, data_value(variant(6, 1))) for _ in range(many))), 3, 1)
    rows, bad, _ = wire.run()
    assert bad == []
    assert [row["count"] for row in rows[7:]] == [count] * rows_made


def test_notifications_of_a_subscription_made_unseen_are_counted() -> None:
    wire = Wire().opened().say(request(826, array([])), 3).say(notification((1, data_value(variant(6, 1))), (2, data_value(variant(6, 1)))), 3, 1)
    rows, bad, _ = wire.run()
    assert [(row["name"], row["node"], row["count"]) for row in rows[3:]] == [("publish", "", 2)]
    assert bad == []


def test_publish_requests_that_wait_are_no_lost_requests() -> None:
    wire = Wire().opened().say(request(826, array([])), 3).say(read(read_item(1, 1)), 4)
    wire.run()
    assert wire.dissector.forget(1) == 1


@pytest.mark.parametrize(
    ("asked", "told", "expected"),
    [
        (
            browse(node(85), node("Pump", 2)),
            response(
                530, array([struct.pack("<I", 0) + text(None) + array([]), struct.pack("<I", 0x80340000) + text(None) + array(None)]) + NO_DIAGNOSTICS
            ),
            [("browse", "i=85", "ok"), ("browse", "ns=2;s=Pump", "bad:node_id_unknown")],
        ),
        (
            request(500, array([node("Pump", 2) + b"\x01"])),
            response(503, array([bytes(4)]) + NO_DIAGNOSTICS),
            [("delete_nodes", "ns=2;s=Pump", "ok")],
        ),
        (
            request(712, array([node("Pump", 2) + node("Start", 2) + array([variant(11, 3.5)])])),
            response(715, array([bytes(4) + array([]) + array([]) + array([variant(11, 7.0)])]) + NO_DIAGNOSTICS),
            [("call", "ns=2;s=Start on ns=2;s=Pump", "ok")],
        ),
        (
            request(488, array([node(85) + node(35) + node("New", 2) + bytes(2) + text("New") + bytes(4) + NULL_EXTENSION + node(58)])),
            response(491, array([struct.pack("<I", 0x805E0000) + node(0)]) + NO_DIAGNOSTICS),
            [("add_nodes", "ns=2;s=New", "bad:node_id_exists")],
        ),
        (
            request(664, NULL_EXTENSION + bytes(4) + b"\x00" + array([node(5, 2) + text(None) + bytes(2) + text(None) * 2])),
            response(667, array([struct.pack("<I", 0x80730000) + text(None) + NULL_EXTENSION]) + NO_DIAGNOSTICS),
            [("history_read", "ns=2;i=5", "bad:write_not_supported")],
        ),
        (
            request(700, array([extension(688, node(5, 2) + bytes(17))])),
            response(703, array([bytes(4) + array([]) + array([])]) + NO_DIAGNOSTICS),
            [("history_update_delete", "ns=2;i=5", "ok")],
        ),
        (
            request(554, array([node(85) + array([node(33) + b"\x00\x01" + bytes(2) + text("Pump")])])),
            response(557, array([bytes(4) + array([node(5, 2) + b"\xff\xff\xff\xff"])]) + NO_DIAGNOSTICS),
            [("translate_browse_paths", "i=85", "ok")],
        ),
        (
            request(781, bytes(4) + array([bytes(4)] * 3)),
            response(784, array([bytes(4), struct.pack("<I", 0x80420000), bytes(4)]) + NO_DIAGNOSTICS),
            [("delete_monitored_items", "", "bad:monitored_item_id_invalid")],
        ),
        (request(473, b"\x01"), response(476, b""), [("close_session", "", "ok")]),
        (
            request(560, array([node(5, 2), node(6, 2)])),
            response(563, array([node(5, 2), node(6, 2)])),
            [("register_nodes", "ns=2;i=5", "ok"), ("register_nodes", "ns=2;i=6", "ok")],
        ),
        (
            request(566, array([node(5, 2), node(6, 2)])),
            response(569, b""),
            [("unregister_nodes", "ns=2;i=5", "ok"), ("unregister_nodes", "ns=2;i=6", "ok")],
        ),
        (
            read(read_item(1, 2), read_item(2, 2)),
            response(397, b"", 0x800B0000),
            [("read", "ns=2;i=1", "bad:service_unsupported"), ("read", "ns=2;i=2", "bad:service_unsupported")],
        ),
    ],
)
def test_services_and_what_became_of_their_items(asked: bytes, told: bytes, expected: list) -> None:
    rows, bad, _ = Wire().opened().say(asked, 2).say(told, 2, 1).run()
    assert bad == []
    assert [(row["name"], row["node"], "ok") for row in rows[2 : 2 + len(expected)]] == [(name, where, "ok") for name, where, _ in expected]
    assert [(row["name"], row["node"], row["outcome"]) for row in rows[2 + len(expected) :]] == expected


@pytest.mark.parametrize(
    ("asked", "action"),
    [
        (request(712, array([node(5, 2) + node(9111) + array([])])), Action.ALARM),
        (request(712, array([node(5, 2) + node(11588) + array([])])), Action.FILE),
        (request(712, array([node(12637) + node(13737) + array([])])), Action.CONFIGURE),
        (request(712, array([node(5, 2) + node(9111, 2) + array([])])), Action.CONTROL),
    ],
)
def test_a_standard_method_is_what_it_does(asked: bytes, action: Action) -> None:
    assert [row["action"] for row in Wire().opened().say(asked, 2).run()[0][2:]] == [action]


def test_an_error_answers_what_waits_and_stands_alone_where_nothing_does() -> None:
    error = chunk("ERRF", struct.pack("<I", 0x807D0000) + text("busy"))
    rows, bad, _ = Wire().add(hello()).add(error, 1).add(error, 1).run()
    assert [(row["name"], row["role"], row["outcome"]) for row in rows[1:]] == [
        ("hello", Role.RESPONSE, "bad:tcp_server_too_busy"),
        ("error", Role.EVENT, "bad:tcp_server_too_busy"),
    ]
    assert bad == []


def test_a_second_answer_with_other_contents_contradicts_and_an_equal_one_is_a_copy() -> None:
    def told(value: int) -> bytes:
        return response(634, array([data_value(variant(6, value))]) + NO_DIAGNOSTICS)

    rows, bad, _ = Wire().opened().say(read(read_item(1, 2)), 2).say(told(5), 2, 1).say(told(5), 2, 1).run()
    assert (len(rows), bad) == (4, [])
    rows, bad, _ = Wire().opened().say(read(read_item(1, 2)), 2).say(told(5), 2, 1).say(told(6), 2, 1).run()
    assert ([row["contradicts"] for row in rows[3:]], bad) == ([0, 1], ["conflicting-response"])


def test_an_answer_to_nothing_and_one_of_another_service_are_reported() -> None:
    stray = response(634, array([data_value(variant(6, 1))]) + NO_DIAGNOSTICS)
    assert Wire().say(stray, 9, 1).run()[1] == []
    assert Wire().opened().say(stray, 9, 1).run()[1] == ["unasked-response"]
    rows, bad, _ = Wire().opened().say(request(473, b"\x01"), 2).say(stray, 2, 1).run()
    assert (rows[-1]["contradicts"], bad) == (1, ["unasked-response"])


@pytest.mark.parametrize("results", [0, 1, 3])
def test_too_few_or_too_many_results_are_reported(results: int) -> None:
    told = response(676, array([bytes(4)] * results) + NO_DIAGNOSTICS)
    asked = request(673, array([node(1, 2) + struct.pack("<I", 13) + text(None) + data_value(variant(1, True))] * 2))
    bad = Wire().opened().say(asked, 2).say(told, 2, 1).run()[1]
    assert bad == ([] if results == 0 else ["result-count"])


def nested(mask: bytes, levels: int, last: bytes) -> bytes:
    return mask * levels + last


def value_of(octets: bytes) -> bytes:
    return request(673, array([node(1, 2) + struct.pack("<I", 13) + text(None) + octets]))


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (value_of(b"\x01" + nested(b"\x18", 120, b"\x06" + bytes(4))), "depth"),
        (value_of(b"\x01" + nested(b"\x17\x01", 120, b"\x06" + bytes(4))), "depth"),
        (value_of(b"\x01\x86" + struct.pack("<i", 0x7FFFFFFF)), "array-length"),
        (value_of(b"\x01\x86" + struct.pack("<i", -2)), "array-length"),
        (value_of(b"\x01\x98" + struct.pack("<i", 0x10000000) + bytes(16)), "array-length"),
        (value_of(b"\x01\x0c" + struct.pack("<i", 0x7FFFFFFF)), "string-length"),
        (value_of(b"\x01\x0c" + struct.pack("<i", -7)), "string-length"),
        (value_of(b"\x01\x3f"), "field"),
        (request(673, array([b"\x09" + bytes(40)])), "field"),
        (request(673, struct.pack("<i", 0x7FFFFFFF) + bytes(20)), "array-length"),
        (read(read_item(1, 1)) + b"more", "trailing-bytes"),
        (read(read_item(1, 1))[:-6], "array-length"),
        (request(9999, b""), "unknown-service"),
        (request(631, bytes(12) + array([read_item(1, 1)] * 600)), "too-many-items"),
    ],
)
def test_each_fault_has_its_anomaly(body: bytes, name: str) -> None:
    assert Wire().opened().say(body, 2).run()[1] == [name]


def test_diagnostics_nested_too_deep_are_reported() -> None:
    told = response(634, array([]) + array([nested(b"\x40", 150, b"\x00")]))
    assert Wire().opened().say(read(read_item(1, 1)), 2).say(told, 2, 1).run()[1] == ["depth"]
    assert Wire().opened().say(read(), 2).say(response(634, array([]) + array([nested(b"\x40", 90, b"\x00")])), 2, 1).run()[1] == []


@pytest.mark.parametrize(
    ("receive", "send", "found"), [(8192, 8192, 0), (0x7FFFFFFF, 0x7FFFFFFF, 0), (1, 65536, 1), (65536, 0xFFFFFFFF, 1), (0, 0, 1)]
)
def test_a_hello_with_impossible_buffers_is_reported(receive: int, send: int, found: int) -> None:
    assert Wire().add(hello(receive=receive, send=send)).run()[1] == ["buffer-size"] * found


def test_numbers_out_of_order_and_other_channels_are_reported() -> None:
    wire = Wire().opened()
    wire.add(message(read(read_item(1, 1)), 2, 2000)).add(message(read(read_item(1, 1)), 3, 2001, channel=6))
    wire.add(message(read(read_item(1, 1)), 4, 1)).add(message(read(read_item(1, 1)), 5, 5000))
    assert wire.run()[1] == ["sequence-number", "other-channel", "sequence-number"]


def test_more_requests_than_are_kept_are_reported_once() -> None:
    wire = Wire().opened().say(read(read_item(1, 1)), 2).say(response(634, array([data_value()]) + NO_DIAGNOSTICS), 2, 1)
    for number in range(200):
        wire.say(read(read_item(number, 2)), 10 + number)
    assert wire.run()[1] == ["request-flood"]
    assert wire.dissector.dropped == 136


def test_every_service_has_a_shape_whose_letters_are_known() -> None:
    assert set("".join(part for shape in SHAPES.values() for part in shape)) <= {*LEAST, "*"}
    assert set(SHAPES) <= set(SERVICES)


@pytest.mark.parametrize("kind", sorted({*SCALARS, 12, 15}))
def test_values_of_any_type_are_shown(kind: int) -> None:
    value = "x" if kind == 12 else b"x" if kind == 15 else 1
    rows = Wire().opened().say(value_of(data_value(variant(kind, value))), 2).run()[0]
    json.dumps(rows[2]["value"])
    assert rows[2]["value"] is not None


def rows_of() -> str:
    """Rows and anomalies of sound and damaged messages in a fixed order."""
    chance = random.Random(3)
    wire = subscribed()
    whole: list[Callable[[], bytes]] = [
        lambda: read(read_item("Pump.Speed", 2), read_item(2260, 0)),
        lambda: notification((1, data_value(variant(6, 1)))),
        lambda: response(634, array([data_value(variant(6, 1))] * 2) + NO_DIAGNOSTICS),
        lambda: request(467, TOKEN + extension(324, text("p") + text("u") + text("s") + text(None)) + text(None) * 2),
        lambda: browse(node(85), node("x", 3)),
        lambda: value_of(data_value(variant(12, ["a", "b"]))),
    ]
    for number in range(300):
        octets = bytearray(chance.choice(whole)())
        if chance.random() < 0.5:
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        if chance.random() < 0.2:
            del octets[chance.randrange(len(octets)) :]
        wire.say(bytes(octets), 3 + number // 2, chance.randrange(2), chunks=chance.choice(["MSGF", "MSGF", "MSGC"]))
    rows, bad, facts = wire.run()
    kept = [{name: value for name, value in row.items() if name != "octets"} for row in rows]
    return json.dumps([kept, bad, [(fact.kind, fact.value) for fact in facts]], default=str)


@pytest.mark.skipif(not is_compiled(), reason="nothing is compiled here")
def test_uncompiled_it_says_the_same() -> None:
    script = "from tests.protocols.opcua.test_dissect import rows_of; print(rows_of())"
    environment = {**os.environ, "OTWATCH_UNCOMPILED": "1"}
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT, env=environment).stdout
    assert said.strip() == rows_of()
