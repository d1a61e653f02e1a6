"""Learning on the wire, to its end: until a date, and until nothing new comes; what was learned holds over a kill -9."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

from tests.capture.wire import Wire, lab
from tests.live.sensors import RunningSensor, frames_of
from tests.outputs.siem.receivers import wait_for

pytestmark = lab


@contextmanager
def everyday(wire: Wire) -> Iterator[None]:
    """The plant's ordinary traffic, again and again."""
    ending = Event()

    def play() -> None:
        while not ending.is_set():
            wire.send(frames_of("plant-learn"), pause=0.001)

    player = Thread(target=play)
    player.start()
    try:
        yield
    finally:
        ending.set()
        player.join()


def deviations(sensor: RunningSensor) -> list[tuple[str, str]]:
    """(rule, source) of what is not as it was learned, also where another alert of the same deed tells it."""
    found = []
    for alert in sensor.alerts():
        rules = (alert["rule"], *(also["rule"] for also in alert["evidence"].get("also", ())))
        found += [(rule, alert["src"]) for rule in rules]
    return [(rule, source) for rule, source in found if rule.startswith("baseline.") or rule == "ot.new-talker"]


def check_learned(sensor: RunningSensor, wire: Wire, folder: Path) -> dict[str, Any]:
    """Killed and started again it compares; the stranger of the attack is new, those who were learned are not."""
    sensor.stop(signal.SIGKILL)
    baseline = json.loads((folder / "state/baseline.json").read_text())
    sensor.start()
    assert "learning" not in sensor.heartbeats()[-1]["title"]
    assert deviations(sensor) == [], "what was learned is no deviation"
    wire.send(frames_of("plant-attack"), pause=0.002)
    assert wait_for(lambda: deviations(sensor))
    assert {source for _, source in deviations(sensor)} & {"172.16.5.66", "192.168.10.30"}
    sensor.stop()
    return dict(baseline)


def test_until_a_date(folder: Path, wire: Wire) -> None:
    until = datetime.now(UTC) + timedelta(seconds=12)
    more = f'[learning]\nuntil = "{until:%Y-%m-%dT%H:%M:%S}"\n'
    sensor = RunningSensor(wire.sensor, "wire0", folder, keys="checkpoint_seconds = 1", more=more)
    sensor.start()
    assert "learning" in sensor.heartbeats()[-1]["title"]
    with everyday(wire):
        told = sensor.wait("sensor.learning-ended")
    assert told["severity"] == "info"
    assert f"the time {until:%Y-%m-%dT%H:%M:%S} is reached" in told["why"]
    assert told["time"] >= f"{until:%Y-%m-%dT%H:%M:%S}"
    baseline = check_learned(sensor, wire, folder)
    assert len(baseline["hosts"]) >= 4


def test_until_nothing_new_comes(folder: Path, wire: Wire) -> None:
    more = "[learning]\nuntil_complete = true\nat_least_hours = 0\n"
    sensor = RunningSensor(wire.sensor, "wire0", folder, keys="checkpoint_seconds = 1", more=more)
    sensor.start()
    wire.send(frames_of("plant-learn"))
    with everyday(wire):
        told = sensor.wait("sensor.learning-ended")
    assert "habits are known" in told["why"]
    baseline = check_learned(sensor, wire, folder)
    missing = baseline["completeness"]["missing"]
    assert [reason.split()[0] for reason in missing] == ["only"], "nothing is missing but the ten minutes that the configuration waived"
