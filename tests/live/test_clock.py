"""A clock that jumps under a running sensor.

The machine's real clock is everybody's and cannot be moved in a test, and time namespaces have none of their own for it. So the sensor's process
gets another `time.time_ns`, the one place where it asks for the time of day: the comparison with the monotonic clock, the alert and its way out are
the real ones. Time stamps of packets, which the kernel makes, jump in tests/sensor/test_sensor.py.
"""

from __future__ import annotations

from pathlib import Path

from tests.capture.wire import Wire, lab
from tests.live.sensors import RunningSensor, frames_of
from tests.outputs.siem.receivers import wait_for

pytestmark = lab
HOUR_NS = 3_600_000_000_000


def test_a_jump_is_told_and_the_sensor_goes_on(folder: Path, wire: Wire) -> None:
    offset = folder / "offset"

    def jump(nanoseconds: int) -> None:
        (folder / "offset.new").write_text(str(nanoseconds))
        (folder / "offset.new").replace(offset)

    jump(0)
    program = (f"import time; from pathlib import Path; real = time.time_ns; time.time_ns = lambda: real() + int(Path({str(offset)!r}).read_text()); "
               "from otwatch.cli import main; main()")
    sensor = RunningSensor(wire.sensor, "wire0", folder)
    sensor.start(program)
    try:
        wire.send(frames_of("modbus-write-stranger"))
        sensor.wait("ot.")
        assert sensor.alerts("sensor.clock-jump") == []
        jump(HOUR_NS)
        told = sensor.wait("sensor.clock-jump")
        assert told["severity"] == "high"
        assert 3598 < told["evidence"]["seconds"] < 3602
        jump(-24 * HOUR_NS)
        assert wait_for(lambda: [alert for alert in sensor.alerts("sensor.clock-jump") if alert["evidence"].get("seconds", 0) < -89_000])
        wire.send(frames_of("dnp3-cold-restart"))
        sensor.wait("dnp3.cold-restart")
        beats = len(sensor.heartbeats())
        assert wait_for(lambda: len(sensor.heartbeats()) > beats + 1), "heartbeats go by the monotonic clock"
    finally:
        assert sensor.stop() == 0
    numbers = [record["sequence"] for record in sensor.records()]
    assert numbers == list(range(1, len(numbers) + 1))
