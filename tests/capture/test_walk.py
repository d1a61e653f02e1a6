"""What holds for every file, whole or damaged: no exception, no dependence on windows and batches, figures that add up."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from otwatch.capture.anomalies import CaptureAnomaly
from otwatch.capture.walk import Walk
from otwatch.errors import CaptureError
from otwatch.limits import Limits
from tests.capture.craft import Pcapng, Read, pcap, read, read_stream

SECOND = 1_700_000_000


def pcapng(order: str) -> bytes:
    ng = Pcapng(order)
    parts = [ng.section(), ng.interface((2, b"eth0")), ng.interface((9, b"\x89"), (14, bytes(8)), link_type=101)]
    for i in range(12):
        parts += [ng.packet(bytes([i]) * (7 * i), SECOND * 10**6 + i), ng.simple(b"simple"), ng.old_packet(b"old", i, interface=1),
                  ng.block(4, bytes(16)), ng.statistics((5, bytes(8)), interface=i % 3)]
        if i == 6:
            parts += [ng.section(), ng.interface(), ng.interface(link_type=113)]
    return b"".join(parts)


CAPTURES = [
    pcap([(SECOND + i, i, bytes([i]) * (5 * i)) for i in range(30)]),
    pcap([(SECOND + i, i, bytes([i]) * 30) for i in range(30)], order=">", magic=0xA1B2CD34),
    pcapng("<"),
    pcapng(">"),
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A capture with some bytes overwritten, left out or put in, perhaps cut; its first 24 bytes stay."""
    octets = bytearray(draw(st.sampled_from(CAPTURES)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(24, len(octets)))
        match draw(st.integers(0, 3)):
            case 0:
                new = draw(st.sampled_from([b"\xff" * 4, bytes(4), b"\x06\0\0\0", b"\0\0\0\x20", b"\x0a\x0d\x0d\x0a", b"\x01"]))
                octets[at:at + len(new)] = new
            case 1:
                octets[at:at] = draw(st.binary(max_size=40))
            case 2:
                del octets[at:at + draw(st.integers(1, 60))]
            case _:
                end = min(len(octets), at + draw(st.integers(0, 150)))
                octets[end:end] = octets[at:end]
    return bytes(octets[:draw(st.sampled_from([len(octets), draw(st.integers(24, len(octets)))]))])


def read_bytes(octets: bytes, batch: int = 8192) -> Read:
    with tempfile.NamedTemporaryFile() as file:
        file.write(octets)
        file.flush()
        return read(file.name, batch=batch)


@settings(max_examples=300, deadline=None)
@given(octets=damaged(), chunk=st.integers(1, 200), block=st.integers(1, 300), batch=st.integers(1, 20))
def test_windows_and_batches_do_not_change_the_result(octets: bytes, chunk: int, block: int, batch: int) -> None:
    whole = read_bytes(octets)
    assert read_bytes(octets, batch=batch) == whole
    assert read_stream(octets, chunk=chunk, block=block, batch=batch) == whole
    report = whole.report
    assert report.packets == len(whole.rows) == sum(report.link_types.values())
    assert report.captured_bytes == sum(len(row.data) for row in whole.rows)
    assert report.wire_bytes == sum(row.wire for row in whole.rows)
    assert sum(report.problem_counts.values()) == len(whole.anomalies)
    assert [row.frame for row in whole.rows] == sorted({row.frame for row in whole.rows})
    assert all(len(row.data) <= row.wire and row.data in octets for row in whole.rows)
    assert all(0 <= row.time < 2**32 * 10**9 for row in whole.rows)
    if whole.rows:
        assert (report.first_ns, report.last_ns) == (min(whole.times), max(whole.times))
    assert report.time_backwards == sum(later < earlier for earlier, later in zip(whole.times, whole.times[1:], strict=False))


@settings(max_examples=200, deadline=None)
@given(octets=st.binary(max_size=300), head=st.sampled_from([*(capture[:24] for capture in CAPTURES), b""]))
def test_any_bytes_are_a_capture_or_refused(octets: bytes, head: bytes) -> None:
    try:
        whole = read_bytes(head + octets)
    except CaptureError:
        assert not head
        return
    assert read_stream(head + octets, chunk=13) == whole


def test_the_search_comes_back_after_any_single_damaged_byte() -> None:
    """At most two packets are lost by it, as far as one can tell from lengths."""
    for capture in CAPTURES[2:]:
        whole = [row.data for row in read_bytes(capture).rows]
        for at in range(24, len(capture), 5):
            octets = bytearray(capture)
            octets[at] ^= 0x55
            assert len(read_bytes(bytes(octets)).rows) >= len(whole) - 2


_DUMP = """
import pickle, sys
sys.path.insert(0, sys.argv[1])
import otwatch
from tests.capture.test_walk import read_bytes
captures = pickle.load(sys.stdin.buffer)
results = [[read_bytes(octets, batch) for batch in (3, 8192)] for octets in captures]
sys.stdout.buffer.write(pickle.dumps((otwatch.is_compiled(), results)))
"""


def test_uncompiled_gives_the_same(tmp_path: Path) -> None:
    captures = list(CAPTURES)
    for capture in CAPTURES:
        for at in range(30, len(capture), 37):
            captures += [capture[:at], capture[:at] + b"\xff" + capture[at + 1:], capture[:at] + capture[at + 3:]]
    script = tmp_path / "dump.py"
    script.write_text(_DUMP)
    done = subprocess.run([sys.executable, str(script), str(Path(__file__).parents[2])], input=pickle.dumps(captures), capture_output=True,
                          env={**os.environ, "OTWATCH_UNCOMPILED": "1"}, check=True)
    compiled, results = pickle.loads(done.stdout)
    assert not compiled
    assert results == [[read_bytes(octets, batch) for batch in (3, 8192)] for octets in captures]


def test_a_walk_of_no_format_says_so() -> None:
    walk = Walk(Limits())
    walk.note(CaptureAnomaly.TRUNCATED, 5, 0, 10, 4, -1, 0, 0)
    assert [(problem.offset, problem.kind) for problem in walk.problems] == [(5, "truncated")]
