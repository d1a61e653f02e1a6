"""The status of a sensor, read from its state."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from otwatch.errors import CaptureError
from otwatch.outputs.siem.spool import Spool
from otwatch.outputs.times import time_text
from otwatch.sensor.status import folders_of, read_status
from tests.cli.calling import otwatch
from tests.outputs.siem.receivers import alert


def beat(seconds: float, packets: int, **more: object) -> dict[str, object]:
    return {"type": "heartbeat", "time": time_text(int(seconds * 1e9)), "rule": "sensor.heartbeat", "severity": "info", "src": "sensor-7",
            "title": "sensor alive: 1 packets, learning", "conditions": ["drops eth1"],
            "coverage": {"packets": packets, "dropped": packets // 10, "interfaces": {"eth1": {"up": True}}, "spool_pending": {"tcp_siem": 0},
                         "rules": {"all": 140, "partly": 2, "not_evaluable": 3}}, **more}


def filled(folder: Path, age: float = 0.0) -> float:
    now = time.time()
    spool = Spool(folder / "spool")
    spool.append(beat(now - 60 - age, 1000))
    spool.append(alert(title="Stop\x1b[31m"))
    spool.append({**alert(), "rule": "sensor.drops"})
    spool.append(beat(now - age, 7000))
    spool.cursors.move("tcp_siem", 3)
    spool.close()
    return now


def test_rate_drops_last_alert_and_what_waits(tmp_path: Path) -> None:
    status = read_status(tmp_path, filled(tmp_path))
    assert (status.name, status.late, status.learning, status.conditions) == ("sensor-7", False, True, ("drops eth1",))
    assert status.packets_per_second == pytest.approx(100.0, rel=0.01)
    assert status.dropped == 600
    assert status.last_alert is not None
    assert status.last_alert["rule"] == "ot.unauthorized-write"
    assert status.gravest_alert is None, "it is older than a day"
    assert status.pending == {"tcp_siem": 1}
    assert status.free_bytes > 0


def test_the_gravest_alert_stands_beside_a_later_one(tmp_path: Path) -> None:
    now = time.time()
    spool = Spool(tmp_path / "spool")
    spool.append(beat(now - 60, 0))
    for severity, age in (("critical", 100_000.0), ("high", 50.0), ("low", 20.0)):
        spool.append({**alert(title=f"A {severity} thing"), "severity": severity, "time": time_text(int((now - age) * 1e9))})
    spool.append(beat(now, 0))
    spool.close()
    lines = otwatch("status", "--state", str(tmp_path)).stdout.splitlines()
    assert [line.split()[-1] for line in lines if "last alert" in line] == ["thing"]
    assert [line.partition(" high ")[2] for line in lines if "gravest" in line] == ["A high thing (of the last 24 hours)"]
    assert [line for line in lines if "no packet was seen" in line]


@pytest.mark.parametrize(("age", "code"), [(5.0, 0), (1000.0, 2)])
def test_the_command_says_whether_it_is_alive(tmp_path: Path, age: float, code: int) -> None:
    filled(tmp_path, age)
    done = otwatch("status", "--state", str(tmp_path))
    assert done.returncode == code
    assert ("alive" in done.stdout) == (code == 0)
    assert "1 events not confirmed" in done.stdout
    assert "\x1b" not in done.stdout
    assert json.loads(otwatch("status", "--state", str(tmp_path), "--format", "json").stdout)["name"] == "sensor-7"


def test_each_of_several_processes_has_one(tmp_path: Path) -> None:
    for number in (1, 2):
        filled(tmp_path / f"{number}-of-2")
    assert len(folders_of(tmp_path)) == 2
    assert otwatch("status", "--state", str(tmp_path)).stdout.count("sensor-7: alive") == 2


def test_a_folder_without_a_heartbeat_is_said(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="no heartbeat"):
        read_status(tmp_path, 0.0)
    assert otwatch("status", "--state", str(tmp_path)).returncode == 2
