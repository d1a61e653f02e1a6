"""Nanoseconds per link frame of the DNP3 dissector alone: a polling mix (class polls, static data, events, confirms), the best batch of 2000.

Run: python tests/benchmarks/bench_dnp3.py
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from otwatch import is_compiled
from otwatch.limits import Limits
from otwatch.protocols.dnp3 import PROTOCOL
from otwatch.tables import Anomalies, Octets, Operations, Pdus
from tests.oracle.dnp3 import frame, segments
from tests.protocols.dnp3.feeding import numbered, put

ROUNDS = 50  # in one batch
BATCHES = 2000


def mix() -> list[bytes]:
    """One round of a poll: 8 frames, 5 messages of 2 directions."""
    answer = {"control": 0x44, "destination": 1, "source": 10}
    poll = frame(b"\xc0\xc0\x01" + bytes.fromhex("3c02063c03063c04063c0106"))
    static = b"\xe0\x81\x00\x00" + bytes.fromhex("010200003f") + b"\x01" * 64 + bytes.fromhex("1e0100003f") + b"\x01\x2a\x00\x00\x00" * 64
    confirm = frame(b"\xc1\xc0\x00")
    events = b"\xc1\x81\x00\x00" + bytes.fromhex("020228 0400".replace(" ", "")) + b"\x03\x00\x81\x00\x00\x00\x00\x00\x00" * 4
    return [poll, *segments(static, **answer), confirm, frame(b"\xc2\xc1\x01" + bytes.fromhex("3c0206")), *segments(events, first=2, **answer),
            frame(b"", control=0xC9), frame(b"", control=0x0B, destination=1, source=10)]


def measure(frames: list[bytes], batches: int = BATCHES) -> tuple[float, float]:
    """(nanoseconds per frame, rows per frame): the best batch, for the machine is shared."""
    dissector = PROTOCOL.dissector(1, Limits())
    octets = Octets(1 << 20)
    pdus = Pdus(octets, 8192)
    for pdu in numbered(frames * ROUNDS):
        put(pdus, pdu)
    used = octets.used
    operations, anomalies = Operations(65536), Anomalies()
    best = float("inf")
    for _ in range(batches):
        operations.clear()
        octets.used = used
        start = time.perf_counter_ns()
        dissector.feed(pdus, operations, anomalies, [])
        best = min(best, (time.perf_counter_ns() - start) / pdus.rows)
    assert anomalies.rows == 0, anomalies.row(0)
    return best, operations.rows / pdus.rows


if __name__ == "__main__":
    print("compiled" if is_compiled() else "uncompiled")
    whole = mix()
    for name, frames in (("polling mix", whole), ("read of four classes", whole[:1]), ("static data, 2 frames", whole[1:3]),
                         ("confirm", whole[3:4]), ("link status", whole[-2:])):
        nanoseconds, rows = measure(frames, BATCHES if is_compiled() else 20)
        print(f"{name:22} {nanoseconds:8.0f} ns a frame, {rows:.2f} rows a frame")
