"""A flood of distinct flows on the sensor's loop: rate, peak memory, and what was forgotten.

    python tests/benchmarks/bench_flood.py [MILLIONS...]

Each packet is a TCP SYN of another client to one controller's port 502; nothing ever answers. Memory must not grow with their number.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
_HEAD = bytes.fromhex("020000000001020000000002") + b"\x08\0"
_RUN = """
import json, resource, sys
from pathlib import Path
from otwatch.engine.config import read_config
from otwatch.engine.replay import replay_batches
from otwatch.engine.sensor import SENSOR_LIMITS, Sensor
from otwatch.engine.figures import forgotten
config = read_config(None, {"sensor.state": sys.argv[2], "outputs.database": sys.argv[2] + "/s.sqlite"})
sensor = Sensor(config, (), packet_time=True)
result = sensor.replay(replay_batches([sys.argv[1]], SENSOR_LIMITS))
sensor.close()
print(json.dumps({"packets": result.packets, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "alerts": len(result.alerts),
                  "forgotten": {name: count for name, count in forgotten(sensor).items() if count}}))
"""


def flood(path: Path, packets: int) -> None:
    """A capture of that many SYNs, 100 000 a second, each of another address and port."""
    record = np.dtype([("head", "<u4", 4), ("ethernet", "V14"), ("ip", "V12"), ("source", ">u4"), ("destination", ">u4"), ("source_port", ">u2"),
                       ("destination_port", ">u2"), ("tcp", "V16")])
    with path.open("wb") as out:
        out.write(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
        for start in range(0, packets, 100_000):
            number = np.arange(start, min(packets, start + 100_000))
            rows = np.zeros(len(number), record)
            rows["head"] = np.stack([1_700_000_000 + number // 100_000, number % 100_000 * 10, np.full_like(number, 54), np.full_like(number, 54)], 1)
            rows["ethernet"] = np.void(_HEAD)
            rows["ip"] = np.void(bytes.fromhex("450000280001000040060000"))
            rows["source"] = 0x0B000000 + number
            rows["destination"] = 0x0A00010A
            rows["source_port"] = 1024 + number % 60_000
            rows["destination_port"] = 502
            rows["tcp"] = np.void(bytes.fromhex("00000001000000005002ffff00000000"))
            out.write(rows.tobytes())


def main() -> None:
    for millions in map(float, sys.argv[1:] or ["0.5", "1"]):
        with tempfile.TemporaryDirectory() as folder:
            capture = Path(folder) / "flood.pcap"
            flood(capture, round(millions * 1e6))
            begun = time.monotonic()
            done = subprocess.run([sys.executable, "-c", _RUN, str(capture), folder], capture_output=True, text=True, check=True, cwd=ROOT)
            print(json.dumps({"flows": round(millions * 1e6), "seconds": round(time.monotonic() - begun, 1), **json.loads(done.stdout)}), flush=True)


if __name__ == "__main__":
    main()
