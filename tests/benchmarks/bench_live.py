"""Packets from a ring at the highest rate that tcpreplay gives: `sudo python tests/benchmarks/bench_live.py [packets] [packets a second]`.

Prints what was offered, received and dropped, the sensor side's processor time, and what the interface sent. Judges nothing.
"""

from __future__ import annotations

import ast
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.capture.wire import Wire, frame

_LISTEN = """
import sys, time
from otwatch.capture.passive import transmitted
from otwatch.capture.ring import LiveSource
offered = int(sys.argv[1])
with LiveSource(["wire0"]) as source:
    print("ready", flush=True)
    rows = batches = 0
    first = last = None
    while True:
        before = rows
        for _, packets in source.poll(0.5):
            rows += packets.rows
            batches += 1
            first = first or (time.monotonic(), time.process_time())
            last = (time.monotonic(), time.process_time())
        if rows == before and rows and time.monotonic() - last[0] > 2:
            break
    s = source.statistics()[0]
print((rows, batches, s.received, s.dropped, s.freezes, last[0] - first[0], last[1] - first[1], transmitted("wire0")))
"""


def main() -> None:
    packets = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rate = ["--pps", sys.argv[2]] if len(sys.argv) > 2 else ["--topspeed"]
    with Wire() as wire, tempfile.NamedTemporaryFile(suffix=".pcap") as capture:
        capture.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number in range(1000):
            octets = frame(number, size=96)
            capture.write(struct.pack("<IIII", 1, number, len(octets), len(octets)) + octets)
        capture.flush()
        listener = wire.listen(_LISTEN, str(packets))
        start = time.monotonic()
        subprocess.run(["ip", "netns", "exec", wire.others, "tcpreplay", "-q", "-K", *rate, "--loop", str(packets // 1000), "-i", "wire1",
                        capture.name], check=True, capture_output=True)
        elapsed = time.monotonic() - start
        out, _ = listener.communicate("", timeout=60)
        rows, batches, received, dropped, freezes, wall, cpu, sent = ast.literal_eval(out.splitlines()[-1])
    print(f"offered {packets} in {elapsed:.2f} s ({packets / elapsed / 1000:.0f} kpps)")
    print(f"received {rows} in {batches} batches; kernel: received {received}, dropped {dropped}, freezes {freezes}, sum {received + dropped}")
    print(f"sensor side: {cpu:.3f} s of processor time in {wall:.2f} s ({100 * cpu / wall:.1f} %), {cpu / max(1, rows) * 1e9:.0f} ns a packet")
    print(f"the capture interface sent {sent} packets")


if __name__ == "__main__":
    main()
