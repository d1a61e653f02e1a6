"""The compiled dissector against the readable oracle, row by row, and the link and transport layers by example."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otwatch.limits import Limits
from tests.oracle.dnp3 import Oracle, Pdu, frame, segments
from tests.protocols.dnp3.feeding import COLUMNS, Feeding, numbered, rows_of
from tests.protocols.dnp3.generating import conversation, fragment

CROB = bytes.fromhex("0c01280100030041016400000064000000" + "00")
INTEGRITY = b"\xc0\x01" + bytes.fromhex("3c02063c03063c04063c0106")
SLOW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def as_pdus(frames: list[dict[str, Any]]) -> list[Pdu]:
    return [Pdu(each["octets"], i + 1, (i + 1) * 1_000_000, gap=each["gap"], cut=each["cut"]) for i, each in enumerate(frames)]


def compare(feeding: Feeding, oracle: Oracle) -> None:
    assert [{name: row[name] for name in (*COLUMNS, "value")} for row in feeding.rows] == oracle.rows
    assert sorted(feeding.anomalies) == sorted(oracle.anomalies)


@SLOW
@given(conversation(), st.sampled_from([512, 512, 6]), st.sampled_from([65536, 65536, 60]), st.data())
def test_equals_the_oracle_however_batches_are_cut(frames: list[dict[str, Any]], items: int, octets: int, data: st.DataObject) -> None:
    oracle, feeding = Oracle(items=items, fragment_octets=octets), Feeding(Limits(items_per_pdu=items, application_fragment_bytes=octets))
    pdus = as_pdus(frames)
    for pdu in pdus:
        oracle.feed(pdu)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(pdus)), max_size=4)))
    for start, end in zip([0, *cuts], [*cuts, len(pdus)], strict=True):
        feeding.feed(pdus[start:end])
    compare(feeding, oracle)


@SLOW
@given(st.lists(st.binary(max_size=60), max_size=6))
def test_never_raises_on_noise(blobs: list[bytes]) -> None:
    oracle, feeding = Oracle(), Feeding()
    pdus = numbered(blobs)
    for pdu in pdus:
        oracle.feed(pdu)
    feeding.feed(pdus)
    compare(feeding, oracle)


@SLOW
@given(st.binary(min_size=1, max_size=249))
def test_never_raises_on_noise_behind_a_right_link_header(user: bytes) -> None:
    oracle, feeding = Oracle(), Feeding()
    pdus = numbered([frame(user), frame(b"\xc0" + user[1:])])
    for pdu in pdus:
        oracle.feed(pdu)
    feeding.feed(pdus)
    compare(feeding, oracle)


@SLOW
@given(fragment(), st.data())
def test_a_cut_fragment_has_the_same_leading_rows(made: tuple[bytes, bool], data: st.DataObject) -> None:
    octets = made[0]
    whole = rows_of(*segments(octets)).rows
    length = data.draw(st.integers(0, len(octets)))
    parts = rows_of(*segments(octets[:length]))
    place = ("function", "unit", "transaction", "area", "object", "start")
    objects = [row for row in parts.rows if row["area"] >= 0]
    for part, complete in zip(objects[:-1], whole, strict=False):
        assert [part[name] for name in place] == [complete[name] for name in place]


def test_uncompiled_gives_the_same() -> None:
    """The .py sources, in a process of their own, on a conversation with everything in it."""
    frames = numbered([
        *segments(INTEGRITY), *segments(b"\xe0\x81\x80\x00" + bytes.fromhex("0102000003810181011e01170105010a000000"), control=0x44, destination=1,
                                        source=10),
        *segments(b"\xc0\x00", first=1), *segments(b"\xc1\x03" + CROB, first=2), *segments(b"\xc2\x04" + CROB, first=3, size=9),
        *segments(b"\xc3\x05" + CROB[:-4], first=9), *segments(b"\xc4\x02" + bytes.fromhex("50010007070032010701") + bytes(6), first=10),
        frame(b"", control=0xC9), frame(b"\xc0\xc0\x81\x00\x00" + bytes.fromhex("00fc00000001054163 6d6521".replace(" ", "")), control=0x44,
                                        destination=1, source=10),
    ])
    feeding = Feeding()
    feeding.feed(frames)
    program = ("import pickle, sys; from tests.protocols.dnp3.feeding import Feeding; from otwatch import is_compiled; assert not is_compiled();"
               "f = Feeding(); f.feed(pickle.load(sys.stdin.buffer)); sys.stdout.buffer.write(pickle.dumps((f.rows, f.anomalies, f.facts)))")
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", program], input=pickle.dumps(frames), capture_output=True, check=True, cwd=root,
                          env={**os.environ, "OTWATCH_UNCOMPILED": "1", "PYTHONPATH": str(root)})
    assert pickle.loads(done.stdout) == (feeding.rows, feeding.anomalies, feeding.facts)
    assert len(feeding.rows) > 10
    assert [fact.value for fact in feeding.facts] == ["Acme!"]


def test_a_fragment_over_several_frames_ends_where_it_ends_and_survives_the_wrap_of_the_transport_sequence() -> None:
    body = b"\xc0\x81\x00\x00" + bytes.fromhex("0102000063") + bytes(range(100)) + bytes.fromhex("1e0100000b") + bytes(60)
    frames = segments(body, first=62, size=40, control=0x44, destination=1, source=10)
    assert len(frames) == 5  # sequences 62, 63, 0, 1, 2
    feeding = rows_of(*frames)
    assert [(row["frame"], row["area"], row["start"], row["count"], row["value"]) for row in feeding.rows] == [
        (5, 1, 0, 100, bytes(range(100))), (5, 30, 0, 12, bytes(60))]
    assert feeding.anomalies == []


def test_two_links_of_one_flow_do_not_mix() -> None:
    first = segments(b"\xc0\x05" + CROB, size=10)
    second = segments(b"\xc0\x05" + CROB, size=10, destination=11)
    feeding = rows_of(*(octets for pair in zip(first, second, strict=True) for octets in pair))
    assert [(row["unit"], row["area"], row["start"]) for row in feeding.rows] == [(10, 12, 3), (11, 12, 3)]


def test_a_control_behind_a_frame_with_a_bad_block_crc_is_seen() -> None:
    bad = bytearray(frame(b"\xc0" + INTEGRITY))
    bad[12] ^= 1
    feeding = rows_of(bytes(bad), frame(b"\xc1\xc1\x05" + CROB))
    assert feeding.anomalies == [(1, "block-crc")]
    assert [(row["frame"], row["function"], row["area"]) for row in feeding.rows] == [(2, 5, 12)]


def test_a_repeated_segment_of_a_confirmed_link_is_taken_once() -> None:
    frames = segments(b"\xc0\x05" + CROB, size=10, control=0xD3)
    feeding = rows_of(frames[0], frames[0], *frames[1:])
    assert [row["start"] for row in feeding.rows] == [3]
    assert feeding.anomalies == []


def test_a_fragment_whose_end_was_never_captured_still_tells_its_function() -> None:
    frames = segments(b"\xc0\x05" + CROB * 3, size=20)
    feeding = Feeding()
    feeding.feed([Pdu(frames[0], 1, 1), Pdu(frame(b"\xc9\xc1\x01" + b"\x3c\x01\x06"), 2, 2, gap=True)])
    assert [(row["frame"], row["function"], row["area"], row["start"]) for row in feeding.rows] == [(2, 5, 12, 3), (2, 1, 60, -1)]
    assert feeding.anomalies == []


def test_link_frames_alone() -> None:
    feeding = rows_of(frame(b"", control=0xC0), frame(b"", control=0xC9), frame(b"", control=0x0B, destination=1, source=10),
                      frame(b"", control=0x1B, destination=1, source=10), frame(b"", control=0x00, destination=1, source=10),
                      frame(b"", control=0xF2), frame(b"", control=0xC1))
    assert [(row["role"], row["subfunction"], row["unit"], row["status"] != 0, row["action"]) for row in feeding.rows] == [
        (0, 0x40, 10, False, 16), (0, 0x49, 10, False, 16), (1, 0x0B, 10, False, 16), (1, 0x0B, 10, True, 16), (1, 0, 10, False, 16),
        (0, 0x42, 10, False, 16), (0, 0x41, 10, False, 6)]
    assert feeding.anomalies == []
