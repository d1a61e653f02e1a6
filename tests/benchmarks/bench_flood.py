"""Floods of distinct flows through the whole loop of the sensor: rate, peak memory, what was told and what was forgotten.

    python tests/benchmarks/bench_flood.py [--flows MILLIONS[,MILLIONS...]] [KIND...]

Kinds are those of make_flood.py. Time is that of the loop alone: processor time, and time on the wall of a machine that may do other things.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.make_flood import KINDS, make_flood  # noqa: E402 - the script may be run from anywhere

_RUN = """
import json, resource, sqlite3, sys, time
from pathlib import Path
from otwatch.capture.files import open_capture
from otwatch.capture.report import LiveStatistics
from otwatch.sensor.config import read_config
from otwatch.sensor.limits import SENSOR_LIMITS
from otwatch.sensor.sensor import Sensor

class Recording:
    '''A capture file as an interface that has its packets at once.'''
    def __init__(self, path):
        self.path, self.received = path, 0
    def poll(self, timeout_seconds):
        with open_capture(self.path, SENSOR_LIMITS) as reader:
            for packets in reader:
                self.received += packets.rows
                yield "flood0", packets
        sensor.stop()
    def statistics(self):
        return [LiveStatistics(interface="flood0", received=self.received, dropped=0, freezes=0, up=True, losses=0)]
    def close(self):
        pass

state = sys.argv[2]
config = read_config(None, {"sensor.state": state, "outputs.database": state + "/s.sqlite"})
sensor = Sensor(config, ("flood0",))
sensor.prepare()
idle = resource.getrusage(resource.RUSAGE_SELF)
wall, cpu = time.perf_counter(), time.process_time()
sensor.run(Recording(sys.argv[1]))
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
streams, packets = sensor.analysis.pipeline.streams.counters, sensor.analysis.summary.packets
sensor.close()
alerts = sqlite3.connect(state + "/s.sqlite").execute("SELECT rule, severity, src, dst FROM alerts").fetchall()
by_rule = {}
for rule, severity, src, dst in alerts:
    by_rule[rule] = by_rule.get(rule, 0) + 1
print(json.dumps({
    "packets": packets, "flows_opened": streams["flows_opened"], "wall_s": round(wall, 1), "cpu_s": round(cpu, 1),
    "cpu_us_a_packet": round(1e6 * cpu / packets, 2),
    "idle_mb": idle.ru_maxrss // 1024, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    "stop_told": [src for rule, severity, src, dst in alerts if rule == "ot.controller-stop"], "alerts": by_rule,
    "forgotten": {name: count for name, count in sensor.figures().limits_hit.items() if count}}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flows", default="1,10", help="millions")
    parser.add_argument("kinds", nargs="*", default=list(KINDS))
    wanted = parser.parse_args()
    for kind in wanted.kinds:
        for millions in map(float, wanted.flows.split(",")):
            with tempfile.TemporaryDirectory() as folder:
                capture = Path(folder) / "flood.pcap"
                make_flood(capture, kind, round(millions * 1e6))
                done = subprocess.run([sys.executable, "-c", _RUN, str(capture), folder], capture_output=True, text=True, check=False, cwd=ROOT)
                if done.returncode:
                    sys.exit(done.stderr)
                print(json.dumps({"kind": kind, **json.loads(done.stdout)}), flush=True)


if __name__ == "__main__":
    main()
