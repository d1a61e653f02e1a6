"""The compiled dissector against the plain decoder, row by row; and what must hold for any bytes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from otwatch.protocols.s7comm import PROTOCOL
from otwatch.vocabulary import PduFlag
from tests.oracle.s7comm import Reference
from tests.protocols.s7comm import sessions_userdata
from tests.protocols.s7comm.generating import PACKETS, damaged, exchanges, fragmented
from tests.protocols.s7comm.sessions import JOBS
from tests.protocols.s7comm.wire import S7, Wire

FIELDS = ("frame", "role", "function", "subfunction", "action", "unit", "area", "object", "start", "count", "status", "item", "transaction",
          "request_frame", "bytes")


def same(packets: list[tuple[int, bytes]], cut: int = -1) -> None:
    """Both read the packets; `cut`: of the last one only the first bytes were captured."""
    wire, reference, expected = Wire(), Reference(), []
    for index, (direction, packet) in enumerate(packets):
        shortened = cut >= 0 and index + 1 == len(packets)
        shown = packet[:cut] if shortened else packet
        wire.add(shown, direction, flags=PduFlag.CUT if shortened else 0)
        expected += reference.read(index + 1, direction, shown, cut=shortened)
    wire.run()
    known = [row for row in wire.rows if row["protocol"] == S7]
    assert len(known) == len(expected)
    for row, want in zip(known, expected, strict=True):
        if row["contradicts"] and want["request_frame"] < 0:  # a second answer names what it contradicts, which the oracle does not follow
            want["request_frame"] = row["request_frame"]
    assert [{name: row[name] for name in FIELDS} for row in known] == [{name: row[name] for name in FIELDS} for row in expected]


@settings(max_examples=200, deadline=None)
@given(st.lists(PACKETS, min_size=1, max_size=12))
def test_conversations(packets: list[tuple[int, bytes]]) -> None:
    same(packets)


@settings(max_examples=120, deadline=None)
@given(st.lists(fragmented(PACKETS), min_size=1, max_size=8))
def test_cotp_fragments(packets: list[list[tuple[int, bytes]]]) -> None:
    same([packet for parts in packets for packet in parts])


@settings(max_examples=200, deadline=None)
@given(st.lists(damaged(PACKETS), min_size=1, max_size=10))
def test_damaged(packets: list[tuple[int, bytes]]) -> None:
    same(packets)


@settings(max_examples=120, deadline=None)
@given(st.lists(PACKETS, min_size=1, max_size=5), st.data())
def test_cut_by_the_snap_length(packets: list[tuple[int, bytes]], choose: st.DataObject) -> None:
    same(packets, choose.draw(st.integers(0, len(packets[-1][1]))))


LISTING = (sessions_userdata.cyclic, sessions_userdata.record, sessions_userdata.table, sessions_userdata.debugging, sessions_userdata.messages,
           sessions_userdata.diagnostic, sessions_userdata.indication, sessions_userdata.acknowledge, sessions_userdata.told, sessions_userdata.query,
           sessions_userdata.scan, sessions_userdata.archived, sessions_userdata.unusual)


@settings(max_examples=200, deadline=None)
@given(st.lists(exchanges(LISTING), min_size=1, max_size=6))
def test_userdata_that_list_variables_and_alarms(talk: list[list[tuple[int, bytes]]]) -> None:
    same([packet for packets in talk for packet in packets])


@settings(max_examples=100, deadline=None)
@given(st.lists(exchanges(JOBS), min_size=1, max_size=6))
def test_sessions_of_jobs(talk: list[list[tuple[int, bytes]]]) -> None:
    same([packet for packets in talk for packet in packets])


def stripped(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "value_at"} for row in rows]


ANY = st.one_of(PACKETS, damaged(PACKETS), st.tuples(st.integers(0, 1), st.binary(max_size=60)),
                st.tuples(st.integers(0, 1), st.builds(lambda body: b"\x03\0" + (len(body) + 7).to_bytes(2, "big") + b"\x02\xf0\x80" + body,
                                                       st.one_of(st.binary(max_size=80), st.builds(bytes.__add__, st.sampled_from(
                                                           [b"\x32\x07", b"\x72\x01", b"\x72\x03", b"\x16\x03", b"\x01\0\1\0", b"\x0d"]),
                                                           st.binary(max_size=60))))))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(ANY, st.integers(0, 2), st.sampled_from([0, 0, 0, PduFlag.CUT, PduFlag.AFTER_GAP, PduFlag.CONFLICT])), max_size=25),
       st.sets(st.integers(0, 25)))
def test_any_bytes_give_rows_however_batches_are_cut(packets: list[tuple[tuple[int, bytes], int, int]], cuts: set[int]) -> None:
    whole, parts = Wire(), Wire()
    for index, ((direction, packet), flow, flags) in enumerate(packets):
        whole.add(packet, direction, flow=flow, flags=flags)
        parts.add(packet, direction, flow=flow, flags=flags)
        if index in cuts:
            parts.run()
    whole.run()
    parts.run()
    assert stripped(whole.rows) == stripped(parts.rows)
    assert whole.bad == parts.bad
    assert whole.facts == parts.facts
    for flow in (-1, 0, 1, 2, 99):
        assert whole.dissector.forget(flow) == parts.dissector.forget(flow) >= 0
    for row in whole.rows:
        assert row["name"]
        assert isinstance(row["of"], str)
        assert row["said"]
        assert isinstance(PROTOCOL.unit_name(row["unit"]), str)


@settings(max_examples=500, deadline=None)
@given(st.integers(-1, 0x320), st.binary(max_size=80), st.integers(0, 40), st.integers(0, 2))
def test_values_of_any_bytes(kind: int, text: bytes, subfunction: int, role: int) -> None:
    json.dumps(PROTOCOL.value(kind, text, {"subfunction": subfunction, "role": role, "count": 1}), allow_nan=False)
