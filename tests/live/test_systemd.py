"""The unit that is shipped under a real systemd: it starts, listens without a privilege, is restarted when killed or hung, reloads and stops."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.capture.wire import _SEND
from tests.live.test_faults import frames_of
from tests.outputs.siem.receivers import wait_for

ROOT = Path(__file__).parents[2]
SYSTEMD = Path("/lib/systemd/systemd")
UNIT = ROOT / "otwatch" / "systemd" / "otwatch-sensor.service"
LINES = "/var/lib/otwatch/alerts.jsonl"

pytestmark = [pytest.mark.lab, pytest.mark.skipif(os.geteuid() != 0, reason="systemd is booted as root"),
              pytest.mark.skipif(not SYSTEMD.exists(), reason="there is no systemd")]

# As the unit names it: the interpreter that runs these tests, moved out of the home folders that the unit hides.
_COMMAND = """#!/bin/sh
exec env LD_LIBRARY_PATH=/opt/python/lib /opt/python/bin/{python} -I -c '
import site, sys
site.addsitedir("/opt/packages")
sys.path.insert(0, "/opt/checkout")
sys.argv[0] = "otwatch"
from otwatch.cli import main
main()' "$@"
"""


class Booted:
    """A systemd in namespaces of its own (boot.sh), with the shipped unit and configuration installed as docs/howto/sensor.md says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        etc = folder / "etc"
        (etc / "systemd/system").mkdir(parents=True)
        (etc / "otwatch").mkdir()
        shutil.copy(UNIT, etc / "systemd/system")
        text = (UNIT.parent / "sensor.toml").read_text()
        text = text.replace("until_complete = true ", "until_complete = false ").replace('# site = "/etc', 'site = "/etc')
        (etc / "otwatch/sensor.toml").write_text(text + "heartbeat_seconds = 1\n")
        (etc / "otwatch/site.yaml").write_text("version: 1\nzones:\n  - {name: cell, level: 1, networks: [192.168.10.0/24]}\n")
        (folder / "otwatch").write_text(_COMMAND.format(python=f"python{sys.version_info[0]}.{sys.version_info[1]}"))
        with (folder / "log").open("w") as log:
            command = [Path(__file__).parent / "boot.sh", folder, sys.base_prefix, ROOT, sysconfig.get_path("purelib")]
            self._process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self._inside: list[str] = []
        wait_for(lambda: self._process.poll() is not None or self._is_up(), 90)
        if self._process.poll() is not None or not self._is_up():
            told = (folder / "log").read_text()
            self.stop()
            pytest.skip(f"systemd cannot be booted here: {told.strip() or 'it does not answer'}")

    def _is_up(self) -> bool:
        try:
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        except OSError:
            return False
        self._inside = ["nsenter", "-t", children[0], "-a"] if children else []
        return bool(children) and self.run("systemctl", "is-active", "lab.target", check=False) == "active\n"

    def run(self, *command: str, check: bool = True, stdin: bytes | None = None) -> str:
        """A command inside, and never outside; its output."""
        assert self._inside
        done = subprocess.run([*self._inside, *command], input=stdin, capture_output=True, check=False)
        assert not check or done.returncode == 0, (command, done.stderr.decode(), self.journal())
        return done.stdout.decode()

    def journal(self) -> str:
        return subprocess.run([*self._inside, "journalctl", "--no-pager", "-o", "cat", "-n", "100"], capture_output=True, check=False).stdout.decode()

    def show(self, name: str) -> str:
        return self.run("systemctl", "show", "-P", name, "otwatch-sensor").strip()

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run("cat", LINES, check=False).split("\n") if line.endswith("}")]

    def alerts(self, rule: str) -> list[dict[str, Any]]:
        return [record for record in self.records() if record["rule"].startswith(rule)]

    def send(self, capture: str) -> None:
        frames = frames_of(capture)
        octets = b"".join(len(frame).to_bytes(4, "little") + frame for frame in frames)
        self.run("/opt/python/bin/" + Path(sys.executable).resolve().name, "-I", "-c", _SEND, str(len(frames)), "0.001", "far", stdin=octets)

    def stop(self) -> None:
        self._process.kill()  # process 1 of the namespaces dies with it, and everything in them
        self._process.wait(timeout=20)


@pytest.fixture(scope="module")
def booted() -> Iterator[Booted]:
    with tempfile.TemporaryDirectory(prefix="otwatch-systemd-", ignore_cleanup_errors=True) as made:
        system = Booted(Path(made))
        system.run("systemctl", "start", "otwatch-sensor")
        yield system
        system.stop()


def test_it_is_ready_when_systemd_says_so_and_sees_an_attack(booted: Booted) -> None:
    assert booted.show("ActiveState") == "active"
    booted.send("modbus-write-stranger")
    assert wait_for(lambda: booted.alerts("ot."))
    assert booted.alerts("ot.")[0]["dst_zone"] == "cell"
    assert "listening on eth1" in booted.journal()


def test_no_thread_has_a_privilege_and_none_was_missed(booted: Booted) -> None:
    process = booted.show("MainPID")
    for thread in booted.run("ls", f"/proc/{process}/task").split():
        fields = dict(line.split(":", 1) for line in booted.run("cat", f"/proc/{process}/task/{thread}/status").splitlines())
        name = fields["Name"].strip()
        assert [int(fields[held], 16) for held in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == [0, 0, 0, 0], name
        assert (fields["NoNewPrivs"].strip(), fields["Seccomp"].strip()) == ("1", "2"), name
        assert fields["Uid"].split() == ["977"] * 4
    assert booted.alerts("sensor.confinement") == []
    assert booted.alerts("sensor.transmits") == []
    assert booted.alerts("sensor.storage") == []


def test_reload_takes_a_new_site_file(booted: Booted) -> None:
    process = booted.show("MainPID")
    booted.run("sed", "-i", "s/cell/hall/", "/etc/otwatch/site.yaml")
    booted.run("systemctl", "reload", "otwatch-sensor")
    assert wait_for(lambda: booted.alerts("sensor.configuration-changed"))
    booted.send("dnp3-cold-restart")
    assert wait_for(lambda: any(alert["dst_zone"] == "hall" for alert in booted.alerts("dnp3.cold-restart")))
    assert booted.show("MainPID") == process


def test_killed_it_is_started_again(booted: Booted) -> None:
    check_restart(booted, "KILL")


@pytest.mark.slow
def test_hung_it_is_started_again(booted: Booted) -> None:
    """The unit waits a minute for a sign of life; here ten seconds."""
    booted.run("mkdir", "-p", "/etc/systemd/system/otwatch-sensor.service.d")
    booted.run("sh", "-c", "printf '[Service]\\nWatchdogSec=10\\n' > /etc/systemd/system/otwatch-sensor.service.d/lab.conf")
    booted.run("systemctl", "daemon-reload")
    booted.run("systemctl", "restart", "otwatch-sensor")
    check_restart(booted, "STOP")


def check_restart(booted: Booted, signal: str) -> None:
    process, restarts, last = booted.show("MainPID"), int(booted.show("NRestarts")), len(booted.records())
    booted.run("kill", f"-{signal}", process)
    assert wait_for(lambda: int(booted.show("NRestarts")) > restarts and booted.show("ActiveState") == "active", 120), booted.journal()
    assert booted.show("MainPID") not in ("0", process)
    assert wait_for(lambda: len(booted.records()) > last)
    numbers = [record["sequence"] for record in booted.records()]
    assert numbers == sorted(set(numbers))


def test_two_processes_are_one_service(booted: Booted) -> None:
    """The parent is ready when both are, is alive while both are, and all are started again when one is killed."""
    booted.run("sed", "-i", "s/^interfaces.*/&\\nworkers = 2/", "/etc/otwatch/sensor.toml")
    booted.run("systemctl", "restart", "otwatch-sensor")
    process, restarts = booted.show("MainPID"), int(booted.show("NRestarts"))
    workers = booted.run("cat", f"/proc/{process}/task/{process}/children").split()
    assert len(workers) == 2
    for each in (process, *workers):
        fields = dict(line.split(":", 1) for line in booted.run("cat", f"/proc/{each}/status").splitlines())
        assert [int(fields[held], 16) for held in ("CapInh", "CapPrm", "CapEff", "CapAmb")] == [0, 0, 0, 0]
    assert booted.run("ls", "/var/lib/otwatch/1-of-2", "/var/lib/otwatch/2-of-2").count("spool") == 2
    booted.run("kill", "-KILL", workers[1])
    assert wait_for(lambda: int(booted.show("NRestarts")) > restarts and booted.show("ActiveState") == "active"), booted.journal()
    assert "process 2 ended: killed by SIGKILL" in booted.journal()
    booted.run("sed", "-i", "/^workers/d", "/etc/otwatch/sensor.toml")
    booted.run("systemctl", "restart", "otwatch-sensor")


def test_it_stops_cleanly_and_leaves_a_checkpoint(booted: Booted) -> None:
    booted.run("systemctl", "stop", "otwatch-sensor")
    assert (booted.show("Result"), booted.show("ExecMainStatus")) == ("success", "0")
    assert "checkpoint.npz" in booted.run("ls", "/var/lib/otwatch")
    assert "Traceback" not in booted.journal()


def test_a_wrong_configuration_does_not_start_and_says_why(booted: Booted) -> None:
    booted.run("sh", "-c", "echo 'fliter = 1' >> /etc/otwatch/sensor.toml")
    booted.run("systemctl", "start", "otwatch-sensor", check=False)
    assert booted.show("ActiveState") != "active"
    assert 'there is no "outputs.fliter"' in booted.journal()
    booted.run("systemctl", "stop", "otwatch-sensor")
