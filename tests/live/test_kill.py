"""kill -9 ten times amid fifty alerts: nothing is lost, and next to nothing arrives twice."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.capture.wire import Wire, lab
from tests.live.sensors import RunningSensor
from tests.live.test_disks import attacks
from tests.outputs.siem.receivers import Rsyslog, wait_for

pytestmark = lab
LIVES, PER_LIFE = 10, 5


@contextmanager
def receivers(folder: Path, wire: Wire, count: int) -> Iterator[list[Rsyslog]]:
    wire.run("ip", "-n", wire.sensor, "link", "set", "lo", "up")
    started: list[Rsyslog] = []
    try:
        for number in range(count):
            receiver = Rsyslog(folder / f"rsyslog{number}", namespace=wire.sensor)
            receiver.start()
            started.append(receiver)
        yield started
    finally:
        for receiver in started:
            receiver.stop()


@pytest.mark.slow
@pytest.mark.extended
def test_ten_times_kill_9_loses_nothing_and_repeats_little(tmp_path: Path, folder: Path, wire: Wire) -> None:
    with receivers(tmp_path, wire, 2) as (one, two):
        urls = tuple(f"tcp://127.0.0.1:{receiver.ports['tcp']}?format=json&events=all" for receiver in (one, two))
        sensor = RunningSensor(wire.sensor, "wire0", folder, destinations=urls, keys="checkpoint_seconds = 1")
        for life in range(LIVES):
            sensor.start()
            targets = {f"10.2.0.{number + 1}" for number in range(life * PER_LIFE, (life + 1) * PER_LIFE)}
            wire.send(attacks(PER_LIFE, first=life * PER_LIFE), pause=0.002)
            assert wait_for(lambda wanted=targets: wanted <= {alert["dst"] for alert in sensor.alerts()})
            assert sensor.stop(signal.SIGKILL) == -signal.SIGKILL
        sensor.start()
        wanted = {f"10.2.0.{number + 1}" for number in range(LIVES * PER_LIFE)}
        for receiver in (one, two):

            def arrived(receiver: Rsyslog = receiver) -> list[dict[str, object]]:
                bodies = [json.loads(message["msg"]) for message in receiver.received("tcp")]
                return [body for body in bodies if body["type"] == "alert"]

            assert wait_for(lambda arrived=arrived: wanted <= {body["dst"] for body in arrived()})
            numbers = Counter(body["sequence"] for body in arrived())
            sent = {body["sequence"]: (body["id"], body["time"], body["count"]) for body in arrived()}
            assert all((body["id"], body["time"], body["count"]) == sent[body["sequence"]] for body in arrived()), "one number, one event"
            print(f"sent {len(numbers)}, arrived {numbers.total()}, repeated {sum(count > 1 for count in numbers.values())}, "
                  f"ratio {numbers.total() / len(numbers):.2f}")
            assert numbers.total() <= 1.5 * len(numbers)
        sensor.stop()
