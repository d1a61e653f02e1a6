"""Load on the live sensor: tcpreplay into a veth at given rates; who lost what, and what it cost.

    sudo python tests/benchmarks/bench_sensor.py [RATE...] [--seconds N] [--senders N] [--capture FILE] [--stop SECONDS] [--soak SECONDS]

For each rate (packets a second; 0: as fast as tcpreplay can) prints what was offered, received by the kernel, dropped by the kernel, analysed,
and the processor time of sensor and sender. offered = received + dropped, and received = analysed, or it says so. With --stop the sensor stands
still (SIGSTOP) for so long while packets come: more than its ring holds, so that drops must add up as well, and memory must stay.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.capture.wire import Wire  # noqa: E402
from tests.live.sensors import RunningSensor, open_folder  # noqa: E402

_TICK = os.sysconf("SC_CLK_TCK")


def processor_seconds(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def settled(sensor: RunningSensor) -> dict[str, Any]:
    """The coverage of a heartbeat after which nothing more came."""
    last: dict[str, Any] = {}
    while True:
        beats = sensor.heartbeats()
        if beats and beats[-1]["sequence"] != last.get("sequence"):
            if (
                last
                and beats[-1]["coverage"]["received"] == last["coverage"]["received"]
                and (beats[-1]["coverage"]["packets"] == last["coverage"]["packets"])
            ):
                return dict(beats[-1]["coverage"])
            last = beats[-1]
        time.sleep(0.2)


def offer(wire: Wire, capture: Path, rate: int, seconds: float, senders: int = 1) -> tuple[int, float, float]:
    """(packets sent, seconds, processor seconds of tcpreplay). One tcpreplay cannot send more than a core gives: `senders` of them share the rate."""
    speed = ["--topspeed"] if not rate else [f"--pps={rate // senders}"]
    command = [
        "ip",
        "netns",
        "exec",
        wire.others,
        "tcpreplay",
        "-K",
        "-q",
        "--loop=0",
        f"--duration={max(1, round(seconds))}",
        *speed,
        "-i",
        "wire1",
        str(capture),
    ]
    before = os.times()
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(senders)]
    said = [process.communicate()[0] for process in running]
    after = os.times()
    found = [re.search(r"Actual: (\d+) packets .* sent in ([\d.]+) seconds", text) for text in said]
    if not all(found):
        raise SystemExit(f"tcpreplay: {said}")
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return sum(int(each[1]) for each in found if each), max(float(each[2]) for each in found if each), used


def transmitted(wire: Wire) -> int:
    """Packets that the sender's end has sent by the kernel's count."""
    text = wire.inside(wire.others, "cat", "/proc/net/dev")
    return int(next(line for line in text.splitlines() if "wire1" in line).split(":")[1].split()[9])


def stand_still(sensor: RunningSensor, seconds: float) -> threading.Thread:
    """Stops the sensor a second from now, for so long."""

    def stop() -> None:
        time.sleep(1)
        sensor.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        sensor.send_signal(signal.SIGCONT)

    thread = threading.Thread(target=stop)
    thread.start()
    return thread


def measure(capture: Path, rate: int, seconds: float, senders: int, stopped: float) -> dict[str, Any]:
    with Wire() as wire, open_folder() as folder, RunningSensor(wire.sensor, "wire0", folder) as sensor:
        assert sensor.process is not None
        pid = int(
            subprocess.run(["pgrep", "-P", str(sensor.process.pid)], capture_output=True, text=True, check=False).stdout.split()[0]
            if Path(f"/proc/{sensor.process.pid}/comm").read_text().strip() == "ip"
            else sensor.process.pid
        )
        before, sent_before, memory = processor_seconds(pid), transmitted(wire), sensor.memory_kilobytes()
        standing = stand_still(sensor, stopped) if stopped else None
        offered, took, sender = offer(wire, capture, rate, seconds, senders)
        if standing is not None:
            standing.join()
        coverage = settled(sensor)
        used = processor_seconds(pid) - before
        sent = transmitted(wire) - sent_before
        return {
            "wanted_rate": rate or "top",
            "offered": sent,
            "rate": round(sent / took),
            "received": coverage["received"],
            "dropped_by_kernel": coverage["dropped"],
            "analysed": coverage["packets"],
            "dropped_by_us": coverage["received"] - coverage["packets"],
            "seconds": round(took, 2),
            "sensor_cpu_percent": round(100 * used / took, 1),
            "sender_cpu_percent": round(100 * sender / took, 1),
            "sensor_microseconds_a_packet": round(1e6 * used / max(1, coverage["packets"]), 2),
            "memory_before_mb": memory // 1024,
            "memory_mb": sensor.memory_kilobytes() // 1024,
            "adds_up": sent == coverage["received"] + coverage["dropped"] and offered == sent,
        }


def soak(capture: Path, rate: int, seconds: float) -> None:
    """Memory and descriptors while the capture runs on and on."""
    with Wire() as wire, open_folder() as folder, RunningSensor(wire.sensor, "wire0", folder) as sensor:
        command = [
            "ip",
            "netns",
            "exec",
            wire.others,
            "tcpreplay",
            "-K",
            "-q",
            "--loop=0",
            f"--duration={round(seconds)}",
            f"--pps={rate}",
            "--timer=nano",  # sleeps between packets: half an hour of spinning tells nothing more
            "-i",
            "wire1",
            str(capture),
        ]
        sender = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        begun = time.monotonic()
        while sender.poll() is None:
            time.sleep(max(5.0, seconds / 12))
            beat = sensor.heartbeats()[-1]["coverage"]
            print(
                json.dumps(
                    {
                        "seconds": round(time.monotonic() - begun),
                        "memory_mb": sensor.memory_kilobytes() // 1024,
                        "descriptors": sensor.descriptors(),
                        "packets": beat["packets"],
                        "dropped": beat["dropped"],
                        "alerts": len(sensor.alerts()),
                        "behaviours": beat["behaviours"],
                        "open_flows": beat["open_flows"],
                    }
                ),
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rates", nargs="*", type=int, default=[50_000, 100_000, 200_000, 0])
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--capture", type=Path, default=ROOT / "pcaps" / "plant" / "plant-learn.pcap")
    parser.add_argument("--senders", type=int, default=1, help="tcpreplays that share the rate")
    parser.add_argument("--stop", type=float, default=0, metavar="SECONDS", help="let the sensor stand still for so long meanwhile")
    parser.add_argument("--soak", type=float, default=0, metavar="SECONDS")
    wanted = parser.parse_args()
    if wanted.soak:
        soak(wanted.capture, wanted.rates[0], wanted.soak)
        return
    for rate in wanted.rates:
        print(json.dumps(measure(wanted.capture, rate, wanted.seconds, wanted.senders, wanted.stop)), flush=True)


if __name__ == "__main__":
    main()
