"""Nanoseconds per link frame of the DNP3 dissector alone: a polling mix (class polls, static data, events, confirms), best of five.

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

ROUNDS = 1000


def mix() -> list[bytes]:
    """One round of a poll: 8 frames, 5 messages of 2 directions."""
    answer = {"control": 0x44, "destination": 1, "source": 10}
    poll = frame(b"\xc0\xc0\x01" + bytes.fromhex("3c02063c03063c04063c0106"))
    static = b"\xe0\x81\x00\x00" + bytes.fromhex("010200003f") + b"\x01" * 64 + bytes.fromhex("1e0100003f") + b"\x01\x2a\x00\x00\x00" * 64
    confirm = frame(b"\xc1\xc0\x00")
    events = b"\xc1\x81\x00\x00" + bytes.fromhex("020228 0400".replace(" ", "")) + b"\x03\x00\x81\x00\x00\x00\x00\x00\x00" * 4
    return [poll, *segments(static, **answer), confirm, frame(b"\xc2\xc1\x01" + bytes.fromhex("3c0206")), *segments(events, first=2, **answer),
            frame(b"", control=0xC9), frame(b"", control=0x0B, destination=1, source=10)]


def measure(frames: list[bytes], rounds: int = ROUNDS) -> tuple[float, int, int]:
    """(nanoseconds per frame, frames, rows)."""
    best, rows = float("inf"), 0
    for _ in range(5):
        dissector = PROTOCOL.dissector(1, Limits())
        octets = Octets(1 << 20)
        pdus = Pdus(octets, 8192)
        for pdu in numbered(frames * rounds):
            put(pdus, pdu)
        used = octets.used
        operations, anomalies = Operations(65536), Anomalies()
        dissector.feed(pdus, operations, anomalies, [])  # the tables have grown
        operations.clear()
        octets.used = used
        start = time.perf_counter_ns()
        dissector.feed(pdus, operations, anomalies, [])
        best = min(best, (time.perf_counter_ns() - start) / pdus.rows)
        rows = operations.rows
        assert anomalies.rows == 0, anomalies.row(0)
    return best, len(frames) * rounds, rows


if __name__ == "__main__":
    print("compiled" if is_compiled() else "uncompiled")
    for name, frames in (("polling mix", mix()), ("read of four classes", mix()[:1]), ("link status", mix()[-2:])):
        nanoseconds, count, rows = measure(frames, ROUNDS if is_compiled() else 20)
        print(f"{name:22} {nanoseconds:8.0f} ns a frame ({count} frames, {rows / count:.2f} rows a frame)")
