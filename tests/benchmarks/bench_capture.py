"""Nanoseconds a packet of reading capture files: `python tests/benchmarks/bench_capture.py [packets]`. Prints, judges nothing."""

from __future__ import annotations

import gzip
import struct
import sys
import tempfile
import time
from pathlib import Path

from otwatch import is_compiled
from otwatch.capture.files import open_capture
from otwatch.limits import Limits

ROUNDS = 5


def write(folder: Path, packets: int) -> list[Path]:
    """The same packets (60 to 120 bytes, as in OT polling) as pcap, pcapng and pcap.gz."""
    pcap, pcapng, compressed = folder / "x.pcap", folder / "x.pcapng", folder / "x.pcap.gz"
    with pcap.open("wb") as a, pcapng.open("wb") as b:
        a.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        b.write(struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28) + struct.pack("<IIHHII", 1, 20, 1, 0, 262144, 20))
        for number in range(packets):
            data = bytes([number & 255]) * (60 + number % 61)
            seconds, microseconds = 1_700_000_000 + number // 1000, number % 1000 * 1000
            a.write(struct.pack("<IIII", seconds, microseconds, len(data), len(data)) + data)
            ticks = seconds * 1_000_000 + microseconds
            length = 32 + len(data) + -len(data) % 4
            b.write(struct.pack("<IIIIIII", 6, length, 0, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data)) + data
                    + bytes(-len(data) % 4) + struct.pack("<I", length))
    compressed.write_bytes(gzip.compress(pcap.read_bytes(), 6))
    return [pcap, pcapng, compressed]


def main() -> None:
    packets = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    with tempfile.TemporaryDirectory() as folder:
        for path in write(Path(folder), packets):
            best = float("inf")
            for _ in range(ROUNDS):
                with open_capture(str(path), Limits()) as reader:
                    start = time.perf_counter()
                    rows = sum(batch.rows for batch in reader)
                    best = min(best, time.perf_counter() - start)
            print(f"{path.suffix:8} {rows} packets  {best / rows * 1e9:8.1f} ns a packet  {'' if is_compiled() else '(uncompiled)'}")


if __name__ == "__main__":
    main()
