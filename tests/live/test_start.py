"""The first moments of a sensor, and what it must not need afterwards: files, modules and folders that its later user cannot read."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.capture.wire import Wire, lab
from tests.live.sensors import RunningSensor, frames_of
from tests.live.test_disks import attacks
from tests.outputs.siem.receivers import wait_for

pytestmark = lab

# Reading rules takes as long as a test wants: until a file appears.
_SLOW = """
import pathlib, sys, time
import otwatch.sensor.learning as learning
from otwatch.engine import detector
real, gate = detector.policy_of, pathlib.Path({gate!r})
def slow(**options):
    pathlib.Path({entered!r}).touch()
    while not gate.exists():
        time.sleep(0.05)
    return real(**options)
learning.policy_of = slow
from otwatch.cli import main
main()
"""


@pytest.mark.parametrize("keys", ["", "workers = 2", 'capture = "libpcap"'])
def test_what_comes_while_rules_are_read_is_seen_and_judged(folder: Path, wire: Wire, keys: str) -> None:
    """More than the ring holds arrives before there is a single rule: it is taken out, and each attack is an alert."""
    gate, entered = folder / "gate", folder / "entered"
    sensor = RunningSensor(wire.sensor, "wire0", folder, keys=keys)
    sensor.config.write_text(sensor.config.read_text().replace("ring_megabytes = 16", "ring_megabytes = 2"))
    sensor.start(_SLOW.format(gate=str(gate), entered=str(entered)), wait_for_heartbeat=False)
    try:
        assert wait_for(entered.exists), (folder / "log").read_text()
        frames = attacks(20) + frames_of("modbus-poll") * 200
        wire.send(frames, pause=0.0001)
        assert sensor.records() == []
        gate.touch()
        targets = {f"10.2.0.{number + 1}" for number in range(20)}
        assert wait_for(lambda: targets <= {alert["dst"] for alert in sensor.alerts()})

        def seen() -> tuple[int, int]:
            newest = {beat["src"]: beat["coverage"] for beat in sensor.heartbeats()}
            return sum(each["packets"] for each in newest.values()), sum(each["dropped"] for each in newest.values())

        assert wait_for(lambda: sum(seen()) == len(frames)), seen()
        assert seen()[1] < len(frames) // 20, "the ring alone holds half of them"
    finally:
        sensor.stop()


def test_a_pipe_among_the_rules_is_refused_and_the_analysis_goes_on(folder: Path, wire: Wire) -> None:
    rules = folder / "rules"
    rules.mkdir()
    (rules / "a.yaml").write_text(RULE)
    with RunningSensor(wire.sensor, "wire0", folder, more=f'[policy]\nrules = ["{rules}"]\n') as sensor:
        os.mkfifo(rules / "x.yaml")
        sensor.send_signal(signal.SIGHUP)
        assert "x.yaml:1:1: cannot be read: not a regular file" in sensor.wait("sensor.configuration-refused")["evidence"]["text"]
        wire.send(frames_of("s7comm-stop"))
        sensor.wait("ot.controller-stop")


RULE = """id: plant.restart
title: A controller was restarted
status: stable
severity: high
attack: [T0816]
table: operations
where: {protocol: dnp3, function: 13}
why: It was restarted.
false_positives: [A technician]
tests:
  - rows: [{protocol: dnp3, function: 13}]
    expect: {alerts: 1}
  - rows: [{protocol: dnp3, function: 1}]
    expect: {alerts: 0}
"""

# After the confinement every import that finds a file is written down.
_WATCHED = """
import sys
import otwatch.capture.passive as passive
real = passive.confine
def confine(*arguments, **options):
    done = real(*arguments, **options)
    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            print("LATE IMPORT", name, file=sys.stderr, flush=True)
            return None
    sys.meta_path.insert(0, Finder)
    return done
passive.confine = confine
from otwatch.cli import main
main()
"""


def test_nothing_is_imported_after_privileges_are_gone(folder: Path, wire: Wire) -> None:
    """Alerts, a reload that is right and one that is wrong, a pulled cable, a destination that is away, metrics, a clean stop."""
    rules = folder / "rules"
    rules.mkdir()
    rule = rules / "a.yaml"
    rule.write_text(RULE)
    sensor = RunningSensor(wire.sensor, "wire0", folder, destinations=("tcp://127.0.0.1:9?format=ecs", "tls://localhost:9?format=leef",
                                                                        "https://127.0.0.1:9/x", "udp://127.0.0.1:9?format=text"),
                           keys="checkpoint_seconds = 1", more=f'[policy]\nrules = ["{rules}"]\n[health]\ndelivery_seconds = 1\n')
    sensor.start(_WATCHED)
    try:
        wire.send(frames_of("plant-attack"))
        sensor.wait("dnp3.cold-restart")
        rule.write_text("nonsense: [")
        sensor.send_signal(signal.SIGHUP)
        sensor.wait("sensor.configuration-refused")
        rule.write_text(RULE.replace("high", "critical"))
        sensor.send_signal(signal.SIGHUP)
        sensor.wait("sensor.configuration-changed")
        wire.up(False)
        sensor.wait("sensor.interface-down")
        wire.up(True)
        assert wait_for(lambda: sensor.over("sensor.interface-down"))
        sensor.wait("sensor.delivery-failing")
    finally:
        assert sensor.stop() == 0
    log = (folder / "log").read_text()
    assert [line for line in log.splitlines() if line.startswith("LATE IMPORT")] == []
    assert "Traceback" not in log


def test_the_view_needs_nothing_late_either(folder: Path, wire: Wire) -> None:
    sensor = RunningSensor(wire.sensor, "wire0", folder)
    ours, theirs = pty.openpty()
    drawn = bytearray()

    def read() -> None:
        while True:
            try:
                drawn.extend(os.read(ours, 65_536))
            except OSError:
                return

    with (folder / "log").open("a") as log:
        process = subprocess.Popen(["ip", "netns", "exec", wire.sensor, sys.executable, "-c", _WATCHED, "sensor", "--config", str(sensor.config),
                                    "--view"], stdin=theirs, stdout=theirs, stderr=log, env={**os.environ, "TERM": "xterm-256color"})
    os.close(theirs)
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        assert wait_for(sensor.heartbeats), (folder / "log").read_text()
        wire.send(frames_of("s7comm-stop"))
        sensor.wait("ot.controller-stop")
        assert wait_for(lambda: b"wire0" in drawn)
    finally:
        process.terminate()
        assert process.wait(60) == 0
        os.close(ours)
    log_text = (folder / "log").read_text()
    assert "LATE IMPORT" not in log_text
    assert "Traceback" not in log_text


@pytest.mark.parametrize("what", ["rules", "site", "ca", "state"])
def test_what_the_later_user_cannot_read_is_refused_at_the_start(folder: Path, wire: Wire, what: str) -> None:
    home = folder / "home"
    (home / "rules").mkdir(parents=True)
    (home / "rules/a.yaml").write_text(RULE)
    (home / "site.yaml").write_text("version: 1\nzones: []\n")
    (home / "ca.pem").write_text("")
    home.chmod(0o700)
    destinations = (f"tls://localhost:9?ca={home}/ca.pem",) if what == "ca" else ()
    more = {"rules": f'[policy]\nrules = ["{home}/rules"]\n', "site": f'[policy]\nsite = "{home}/site.yaml"\n'}.get(what, "")
    sensor = RunningSensor(wire.sensor, "wire0", folder, destinations=destinations, more=more)
    if what == "state":
        sensor.config.write_text(sensor.config.read_text().replace(f'state = "{folder}/state"', f'state = "{home}/state"'))
    done = subprocess.run(["ip", "netns", "exec", wire.sensor, sys.executable, "-c", "from otwatch.cli import main; main()", "sensor", "--config",
                           str(sensor.config)], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert f"{home} cannot be entered" in done.stderr
    assert "'nobody'" in done.stderr
