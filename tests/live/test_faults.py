"""The sensor on a wire, and what goes wrong with it: silence, a cable that is pulled, kill -9, wrong files, signals."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from otwatch.outputs.siem.reading import stored_events
from tests.capture.wire import Wire, lab
from tests.engine import network
from tests.live.sensors import RunningSensor, frames_of
from tests.live.test_disks import attacks
from tests.outputs.siem.receivers import wait_for

pytestmark = lab


def test_silence_and_a_pulled_cable_are_alarms_and_the_sensor_goes_on(folder: Path, wire: Wire) -> None:
    with RunningSensor(wire.sensor, "wire0", folder, more="[health]\nquiet_seconds = 2\n") as sensor:
        assert sensor.wait("sensor.no-traffic")["severity"] == "critical"
        wire.send(frames_of("modbus-write-stranger"))
        sensor.wait("ot.")
        wire.up(False)
        assert sensor.wait("sensor.interface-down")["file"] == "wire0"
        wire.up(True)
        assert wait_for(lambda: sensor.over("sensor.interface-down"))
        before = sensor.heartbeats()[-1]["coverage"]["packets"]
        wire.send(frames_of("s7comm-stop"))
        sensor.wait("ot.controller-stop")
        assert wait_for(lambda: sensor.heartbeats()[-1]["coverage"]["packets"] > before)
        assert sensor.process is not None
        assert sensor.process.poll() is None


def test_a_verdict_does_not_wait_for_the_next_packet(folder: Path, wire: Wire) -> None:
    """Writes by a host that nobody knows, in the first second, and then silence: time goes on all the same."""
    traffic = network.Wire()
    attacker, device = network.Host("10.1.0.1", "02:01:00:00:00:01"), network.Host("10.2.0.1", "02:02:00:00:00:01")
    traffic.tcp(attacker, device, 502, network.writes(3, 255))
    with RunningSensor(wire.sensor, "wire0", folder, more="[health]\nquiet_seconds = 3600\n") as sensor:
        wire.send(traffic.frames)
        assert wait_for(lambda: [alert for alert in sensor.alerts() if alert["src"] == "10.1.0.1"])


def test_an_interface_that_sends_is_an_alarm(folder: Path, wire: Wire) -> None:
    with RunningSensor(wire.sensor, "wire0", folder) as sensor:
        script = "import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('wire0', 0)); s.send(b'\\2' * 60)"
        subprocess.run(wire.command(wire.sensor, script), check=True)
        assert sensor.wait("sensor.transmits")["severity"] == "critical"


def test_kill_9_loses_nothing_that_was_reported_and_nothing_is_told_twice(folder: Path, wire: Wire) -> None:
    sensor = RunningSensor(wire.sensor, "wire0", folder)
    sensor.start()
    wire.send(frames_of("modbus-write-stranger"))
    sensor.wait("ot.")
    checkpoint = folder / "state/checkpoint.npz"
    sensor.stop()  # a clean stop writes the checkpoint
    before = sensor.records()
    alerts = {alert["id"]: alert["count"] for alert in sensor.alerts("ot.")}
    assert checkpoint.exists()
    assert [event.sequence for event in stored_events(folder / "state/spool")] == [record["sequence"] for record in before]
    sensor.start()
    wire.send(frames_of("dnp3-cold-restart"))
    sensor.wait("dnp3.cold-restart")
    sensor.stop(signal.SIGKILL)
    assert {record["sequence"] for record in sensor.records()} == {event.sequence for event in stored_events(folder / "state/spool")}
    sensor.start()
    beats = len(sensor.heartbeats())
    assert wait_for(lambda: len(sensor.heartbeats()) > beats), "long enough to tell again what it should not"
    sensor.stop()
    numbers = [record["sequence"] for record in sensor.records()]
    assert numbers == sorted(set(numbers)), "a number was used twice"
    again = [alert for alert in sensor.alerts("ot.")[len(alerts):] if alert["id"] in alerts and alert["count"] <= alerts[alert["id"]]]
    assert again == [], "what was reported before the restart was reported again"
    rows = sqlite3.connect(sensor.database).execute("SELECT id FROM assets").fetchall()
    assert len(rows) >= 3, "the inventory of before the restart is gone"


def test_a_wrong_file_changes_nothing_and_is_reported_then_a_right_one_works(folder: Path, wire: Wire) -> None:
    site = folder / "site.yaml"
    site.write_text("version: 1\nzones:\n  - {name: cell, level: 1, networks: [192.168.10.0/24]}\n")
    with RunningSensor(wire.sensor, "wire0", folder, more=f'[policy]\nsite = "{site}"\n') as sensor:
        site.write_text("version: 1\nzonez: []\n")
        sensor.send_signal(signal.SIGHUP)
        assert "zonez" in sensor.wait("sensor.configuration-refused")["evidence"]["text"]
        assert wait_for(lambda: f"configuration refused: {site}:2:" in (folder / "log").read_text()), "the reason stands in the journal, too"
        listed = subprocess.run([sys.executable, "-m", "otwatch", "alerts", "--db", str(sensor.database), "--rule", "sensor.*"], capture_output=True,
                                text=True, check=True, env={**os.environ, "COLUMNS": "400"}).stdout
        assert "zonez" in listed
        wire.send(frames_of("s7comm-stop"))
        sensor.wait("ot.controller-stop", src_zone="cell")
        site.write_text("version: 1\nzones:\n  - {name: hall, level: 1, networks: [192.168.10.0/24]}\n")
        moved = sensor.lines.with_suffix(".moved")
        sensor.lines.rename(moved)
        sensor.send_signal(signal.SIGHUP)
        sensor.wait("sensor.configuration-changed")
        wire.send(frames_of("dnp3-cold-restart"))
        sensor.wait("dnp3.cold-restart", src_zone="hall")


RULE = """id: plant.restart
title: A controller of ours was restarted
status: stable
severity: high
attack: [T0816]
table: operations
where: {{protocol: {protocol}, function: 13}}
why: Somebody restarted it.
false_positives: [A technician]
tests:
  - rows: [{{protocol: dnp3, function: 13}}]
    expect: {{alerts: 1}}
  - rows: [{{protocol: dnp3, function: 1}}]
    expect: {{alerts: 0}}
"""


def test_wrong_rules_change_nothing_and_are_reported_then_right_ones_work(folder: Path, wire: Wire) -> None:
    rules = folder / "rules"
    rule = rules / "plant" / "restart.yaml"
    rule.parent.mkdir(parents=True)
    rule.write_text(RULE.format(protocol="dnp3"))
    with RunningSensor(wire.sensor, "wire0", folder, more=f'[policy]\nrules = ["{rules}"]\n') as sensor:
        rule.write_text(RULE.format(protocol="dmp3"))
        sensor.send_signal(signal.SIGHUP)
        assert f"{rule}:7:" in sensor.wait("sensor.configuration-refused")["evidence"]["text"]
        wire.send(frames_of("s7comm-stop"))
        sensor.wait("ot.controller-stop")
        rule.write_text("{" * 10_000)
        sensor.send_signal(signal.SIGHUP)
        assert wait_for(lambda: len(sensor.alerts("sensor.configuration-refused")) == 2)
        wire.send(frames_of("dnp3-cold-restart"))
        assert sensor.wait_judged("plant.restart")["severity"] == "high", "the rule as it was"
        stopped = RULE.format(protocol="s7comm").replace("protocol: dnp3", "protocol: s7comm").replace("function: 13", "function: 41")
        rule.write_text(stopped.replace("severity: high", "severity: critical").replace("plant.restart", "plant.stopped"))
        rule.rename(rule.with_stem("stopped"))
        sensor.send_signal(signal.SIGHUP)
        sensor.wait("sensor.configuration-changed")
        wire.send(attacks(1))
        assert sensor.wait_judged("plant.stopped")["severity"] == "critical"


def test_a_clean_stop_ends_with_zero_and_metrics_are_there(folder: Path, wire: Wire) -> None:
    sensor = RunningSensor(wire.sensor, "wire0", folder)
    sensor.start()
    wire.send(frames_of("modbus-poll"))
    metrics = folder / "metrics.prom"
    assert wait_for(lambda: metrics.exists() and "otwatch_packets_total" in metrics.read_text())
    assert sensor.stop() == 0, (folder / "log").read_text()
    assert "Traceback" not in (folder / "log").read_text()


def test_privileges_are_gone_while_it_runs(folder: Path, wire: Wire) -> None:
    with RunningSensor(wire.sensor, "wire0", folder) as sensor:
        assert sensor.process is not None
        for task in Path(f"/proc/{sensor.process.pid}/task").iterdir():
            fields = dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines() if ":\t" in line)
            assert int(fields["CapEff"], 16) == 0
            assert fields["NoNewPrivs"].strip() == "1"
        assert sensor.alerts("sensor.confinement-incomplete") == []


def test_the_checkpoint_of_another_time_is_set_aside_when_damaged(folder: Path, wire: Wire) -> None:
    state = folder / "state"
    state.mkdir(parents=True)
    (state / "checkpoint.npz").write_bytes(b"PK\x03\x04 nonsense")
    with RunningSensor(wire.sensor, "wire0", folder) as sensor:
        sensor.wait("sensor.checkpoint-damaged")
        assert json.loads(sensor.lines.read_text().splitlines()[0])


@pytest.mark.slow
@pytest.mark.extended
def test_beyond_capacity_received_and_dropped_are_what_was_offered(folder: Path, wire: Wire) -> None:
    """The sensor stands still while more comes than its ring holds: not one packet is unaccounted for, and memory stays as it is."""
    sensor = RunningSensor(wire.sensor, "wire0", folder)
    sensor.config.write_text(sensor.config.read_text().replace("ring_megabytes = 16", "ring_megabytes = 1"))
    with sensor:
        frames = frames_of("modbus-poll")
        wire.send(frames, count=1000)
        memory = sensor.memory_kilobytes()
        sensor.send_signal(signal.SIGSTOP)
        wire.send(frames, count=30_000)
        sensor.send_signal(signal.SIGCONT)

        def accounted() -> bool:
            seen = sensor.heartbeats()[-1]["coverage"]
            return bool(seen["received"] + seen["dropped"] == 31_000 and seen["packets"] == seen["received"])

        assert wait_for(accounted), sensor.heartbeats()[-1]["coverage"]
        assert sensor.heartbeats()[-1]["coverage"]["dropped"] > 1000
        assert sensor.memory_kilobytes() < memory + 20_000
        assert sensor.wait("sensor.drops", 240)["evidence"]["dropped"] > 1000
