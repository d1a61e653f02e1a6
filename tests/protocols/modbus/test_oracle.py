"""The compiled dissector against the plain decoder, row by row; and what must hold for any bytes."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from otwatch.protocols.modbus import PROTOCOL
from otwatch.vocabulary import PduFlag
from tests.oracle.modbus import decode
from tests.protocols.modbus.generating import damaged, requests, responses
from tests.protocols.modbus.wire import Wire, adu

FIELDS = ("function", "subfunction", "area", "object", "start", "count", "status", "item", "value")


def known(wire: Wire, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: row[name] for name in FIELDS} for row in rows]


def settled(side: int) -> Wire:
    """A wire on which it is known who asks, and nothing is waiting."""
    wire = Wire()
    for transaction in range(5):
        wire.ask(b"\x03\x00\x00\x00\x01", transaction=transaction, unit=77).answer(b"\x03\x02\x00\x00", transaction=transaction, unit=77)
    wire.run()
    wire.rows.clear()
    wire.bad.clear()
    return wire


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(requests(), damaged(requests())), min_size=1, max_size=8))
def test_requests(messages: list[bytes]) -> None:
    wire = settled(0)
    expected = []
    for transaction, message in enumerate(messages):
        wire.ask(message, transaction=1000 + transaction)
        hidden = wire.run().bad and any(bad["name"] == "hidden-adu" for bad in wire.bad)
        if hidden:
            return  # rows of another message; test_dissect has these
        expected += [{**row, "value": row["value"]} for row in decode(message, "request")]
    assert known(wire, wire.rows) == expected
    assert {row["role"] for row in wire.rows} == {0}


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(responses(), damaged(responses())), min_size=1, max_size=8))
def test_responses_without_their_requests(messages: list[bytes]) -> None:
    wire = settled(1)
    expected = []
    for transaction, message in enumerate(messages):
        before = len(wire.rows)
        wire.answer(message, transaction=1000 + transaction).run()
        if any(bad["name"] == "hidden-adu" for bad in wire.bad):
            return
        if wire.rows[before]["role"] == 0:  # its shape fits a request only: a server that asks is believed, and reported
            assert [bad["name"] for bad in wire.bad].count("role-reversed")
            return
        expected += decode(message, "response")
    assert known(wire, wire.rows) == expected


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.one_of(st.binary(min_size=0, max_size=40), damaged(requests()), damaged(responses())), st.integers(0, 1),
                          st.integers(0, 2), st.sampled_from([0, PduFlag.CUT, PduFlag.CONFLICT, PduFlag.AFTER_GAP]), st.integers(0, 2),
                          st.booleans()), max_size=30), st.lists(st.integers(0, 30), max_size=4))
def test_any_bytes_give_rows_however_batches_are_cut(messages: list[tuple[bytes, int, int, int, int, bool]], cuts: list[int]) -> None:
    whole, parts = Wire(), Wire()
    for index, (message, direction, flow, flags, framing, header) in enumerate(messages):
        data = adu(message, transaction=index // 2) if header else message
        whole.add(data, direction, flow=flow, flags=flags, framing=framing)
        parts.add(data, direction, flow=flow, flags=flags, framing=framing)
        if index in cuts:
            parts.run()
    whole.run()
    parts.run()
    strip = ("value_at",)
    assert [{k: v for k, v in row.items() if k not in strip} for row in whole.rows] == [
        {k: v for k, v in row.items() if k not in strip} for row in parts.rows]
    assert whole.bad == parts.bad
    assert whole.facts == parts.facts
    for row in whole.rows:
        PROTOCOL.value(row["value_kind"], row["value"], row)
        assert PROTOCOL.function_name(row["function"], row["subfunction"])
        assert PROTOCOL.status_name(row["status"])
        assert isinstance(PROTOCOL.object_name(row), str)
        assert isinstance(PROTOCOL.unit_name(row["unit"]), str)


@settings(max_examples=200, deadline=None)
@given(st.one_of(requests(), responses()), st.data())
def test_a_cut_message_has_the_fields_that_are_there(message: bytes, data: st.DataObject) -> None:
    """Every prefix: no exception, no anomaly of length, and the leading fields of the whole message."""
    whole = adu(message)
    direction = data.draw(st.integers(0, 1))
    full = settled(0).add(whole, direction).run()
    for length in range(8, len(whole)):
        part = settled(0).cut(whole, length, direction).run()
        if [row["role"] for row in part.rows[:1]] == [row["role"] for row in full.rows[:1]]:  # a count that is missing may leave it open
            lengths = {bad["name"] for bad in part.bad} & {"truncated", "length-field", "trailing-bytes"}
            assert lengths <= {bad["name"] for bad in full.bad}
        for one, other in zip(part.rows, full.rows, strict=False):
            if one["role"] == other["role"]:
                assert one["function"] == other["function"]
                assert one["start"] in (-1, other["start"])
                assert other["value"].startswith(one["value"]) or one["value_kind"] != other["value_kind"]
