"""Two processes on one interface: together they see what one sees, and neither is ever left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from otwatch.engine.detector import rules_of
from otwatch.outputs.siem.reading import stored_events
from otwatch.sensor.sharing import weakened_rules
from tests.capture.wire import Wire, lab
from tests.live.sensors import ROOT, RunningSensor, frames_of
from tests.outputs.siem.receivers import wait_for

pytestmark = lab
PLANT = ROOT / "pcaps" / "plant"


def children(process: int) -> list[int]:
    return [int(number) for number in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def newest(sensor: RunningSensor) -> dict[str, dict[str, Any]]:
    """The newest coverage of each process by its name."""
    return {beat["src"]: beat["coverage"] for beat in sensor.heartbeats()}


def found(sensor: RunningSensor) -> set[tuple[str, str, str]]:
    """What was grave, but for rules that count over several pairs of stations."""
    weaker = weakened_rules(rules_of())
    return {deed for deed in sensor.deeds() if deed[0] not in weaker}


def test_two_see_together_what_one_sees(folder: Path, wire: Wire) -> None:
    folders = [folder / name for name in ("one", "two")]
    for each in folders:
        each.mkdir()
        each.chmod(0o777)
    subprocess.run([sys.executable, "-m", "otwatch", "baseline", "learn", str(PLANT / "plant-learn.pcap"), "--output", str(folder / "baseline.json")],
                   check=True, capture_output=True)
    policy = f'[policy]\nsite = "{PLANT / "site.yaml"}"\nbaseline = "{folder / "baseline.json"}"\n'
    frames = frames_of("plant-attack")
    with RunningSensor(wire.sensor, "wire0", folders[0], more=policy) as one, \
            RunningSensor(wire.sensor, "wire0", folders[1], keys="workers = 2", more=policy) as two:
        assert wait_for(lambda: set(newest(two)) == {"sensor-7/1", "sensor-7/2"})
        wire.send(frames, pause=0.0005)

        def everything() -> bool:
            shares = [seen["packets"] for seen in newest(two).values()]
            return one.coverage()["packets"] == len(frames) == sum(shares) and all(shares)

        assert wait_for(everything), (one.coverage(), newest(two))
        assert {seen["share"] for seen in newest(two).values()} == {"1 of 2", "2 of 2"}
        assert two.alerts("sensor.confinement-incomplete") == []
        assert two.process is not None
        for process in (two.process.pid, *children(two.process.pid)):
            fields = dict(line.split(":\t", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines() if ":\t" in line)
            assert (int(fields["CapEff"], 16), fields["Seccomp"].strip()) == (0, "2")
        assert wire.counter("tx_packets") == 0
    assert len(found(one)) > 8
    assert found(one) == found(two), (found(one) - found(two), found(two) - found(one))
    for number in (1, 2):
        assert next(event.record["src"] for event in stored_events(folders[1] / f"state/{number}-of-2/spool")) == f"sensor-7/{number}"


def test_one_that_dies_takes_all_with_it_and_says_so(folder: Path, wire: Wire) -> None:
    sensor = RunningSensor(wire.sensor, "wire0", folder, keys="workers = 2")
    sensor.start()
    assert sensor.process is not None
    first, second = children(sensor.process.pid)
    os.kill(second, signal.SIGKILL)
    assert sensor.process.wait(90) == 2
    sensor.process = None
    assert not Path(f"/proc/{first}").exists()
    assert "process 2 ended: killed by SIGKILL" in (folder / "log").read_text()


def test_a_clean_stop_and_a_reload_reach_all(folder: Path, wire: Wire) -> None:
    site = folder / "site.yaml"
    site.write_text("version: 1\nzones: []\n")
    sensor = RunningSensor(wire.sensor, "wire0", folder, keys="workers = 2", more=f'[policy]\nsite = "{site}"\n')
    sensor.start()
    assert wait_for(lambda: len(newest(sensor)) == 2)
    site.write_text("zonez: 1\n")
    sensor.send_signal(signal.SIGHUP)
    assert wait_for(lambda: {alert["src"] for alert in sensor.alerts("sensor.configuration-refused")} == {"sensor-7/1", "sensor-7/2"})
    assert sensor.stop() == 0, (folder / "log").read_text()
    assert "Traceback" not in (folder / "log").read_text()
