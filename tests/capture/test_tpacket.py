"""The walk over a block, on blocks made by hand: what a kernel never writes must not hurt either."""

from __future__ import annotations

import ast
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otwatch.capture.tpacket import BlockWalk
from otwatch.tables import Packets


def packet(data: bytes, *, step: int | None = None, seconds: int = 1, nanoseconds: int = 2, wire: int | None = None, status: int = 1,
           tag: int = 0, kind: int = 0, mac: int = 82) -> bytes:
    """struct tpacket3_hdr, struct sockaddr_ll, padding, the packet."""
    size = (mac + len(data) + 15) // 16 * 16
    octets = struct.pack("=6I2H2I2H8x", size if step is None else step, seconds, nanoseconds, len(data), len(data) if wire is None else wire,
                         status, mac, mac + 14, 0, tag, 0, 0)
    octets += struct.pack("=HHiHBB8x", 17, 8, 2, 1, kind, 6)
    return (octets.ljust(mac, b"\0") + data).ljust(size, b"\0")


def walk(octets: bytes, count: int, *, batch: int = 100) -> tuple[list[tuple[int, ...]], BlockWalk]:
    block = memoryview(bytes(48) + octets + bytes(-len(octets) % 4))
    state = BlockWalk(3, 1)
    state.open(0, len(block), 48, count)
    rows = []
    packets = Packets(batch)
    while True:
        packets.clear()
        left = state.walk(block, block.cast("I"), packets, batch)
        for row in range(packets.rows):
            values = packets.row(row)
            data = bytes(block[values["at"]:values["at"] + values["captured_length"]])
            rows.append((values["timestamp_ns"], values["frame"], data, values["wire_length"], values["vlan_stripped"], values["interface"]))
        if not left:
            return rows, state


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_packets_of_a_block(batch: int) -> None:
    octets = packet(b"one") + packet(b"two!" * 20, wire=1500, seconds=2**32 - 1) + packet(b"", status=0x11, tag=5) + packet(b"last", step=0, tag=9)
    rows, state = walk(octets, 4, batch=batch)
    assert rows == [(1_000_000_002, 1, b"one", 3, -1, 3), ((2**32 - 1) * 10**9 + 2, 2, b"two!" * 20, 1500, -1, 3),
                    (1_000_000_002, 3, b"", 0, 5, 3), (1_000_000_002, 4, b"last", 4, -1, 3)]
    assert (state.frames, state.captured_bytes, state.wire_bytes) == (4, 87, 1507)


def test_what_this_machine_sent_is_left_out_and_counted() -> None:
    rows, state = walk(packet(b"in") + packet(b"out", kind=4) + packet(b"in", step=0), 3)
    assert [row[1:3] for row in rows] == [(1, b"in"), (2, b"in")]
    assert state.outgoing == 1


@pytest.mark.parametrize("octets", [packet(b"beyond", mac=82)[:84], packet(b"x", step=2**31), packet(b"x", step=0), b""])
def test_a_walk_stays_in_its_block(octets: bytes) -> None:
    rows, _ = walk(octets, 1000)
    assert len(rows) <= 1


@given(st.binary(max_size=400), st.integers(0, 50))
def test_any_bytes(octets: bytes, count: int) -> None:
    rows, _ = walk(octets, count)
    assert len(rows) <= count


def test_a_block_outside_its_ring_is_a_mistake_of_ours() -> None:
    state = BlockWalk(0, 1)
    state.open(0, 1000, 48, 1)
    ring = memoryview(bytes(500))
    with pytest.raises(IndexError):
        state.walk(ring, ring.cast("I"), Packets(8), 8)


_SAMPLE = packet(b"one") + packet(b"two" * 30, wire=2**32 - 1, status=0x11, tag=7) + packet(b"sent", kind=4) + packet(b"last", seconds=2**32 - 1)


def test_uncompiled_gives_the_same() -> None:
    script = "import otwatch\nfrom tests.capture.test_tpacket import _SAMPLE, walk\nprint((otwatch.is_compiled(), walk(_SAMPLE, 4)[0]))"
    done = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], env={**os.environ, "OTWATCH_UNCOMPILED": "1"},
                          capture_output=True, text=True, check=True)
    assert ast.literal_eval(done.stdout) == (False, walk(_SAMPLE, 4)[0])
