"""The loop: the same packets give the same alerts and inventory as `analyze`; a restart goes on where it was; learning ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import RuleDetector, policy_of
from otwatch.inventory.asset import Asset
from otwatch.limits import Limits
from otwatch.outputs.result import Result
from otwatch.outputs.siem.reading import stored_events
from otwatch.outputs.store import StoreReader
from otwatch.outputs.times import time_text
from otwatch.sensor.config import SensorConfig, read_config
from otwatch.sensor.learning import is_learning, load_policy
from otwatch.sensor.loading import Loading
from otwatch.sensor.replay import replay_batches
from otwatch.sensor.sensor import Sensor
from otwatch.tables import Packets
from tests.capture.craft import pcap
from tests.live.sensors import frames_of

PLANT = Path(__file__).parents[2] / "pcaps" / "plant"
SITE = str(PLANT / "site.yaml")
CAPTURES = ["plant-attack", "plant-learn", "modbus-write-stranger", "s7comm-download", "dnp3-cold-restart", "lateral-ssh", "modbus-scan-units"]


def config_of(tmp_path: Path, **more: Any) -> SensorConfig:
    return read_config(None, {"sensor.state": str(tmp_path), "sensor.name": "sensor-7", "outputs.jsonl": str(tmp_path / "a.jsonl"),
                              "outputs.database": str(tmp_path / "s.sqlite"), **more})


def analyzed(*names: str, site: str | None = SITE) -> Result:
    policy = policy_of(site=site)
    analysis = Analysis(Limits())
    analysis.detector, analysis.site = RuleDetector(analysis.pipeline, policy, analysis.inventory), policy.site
    analysis.run([str(PLANT / f"{name}.pcap") for name in names])
    return analysis.finish()


def records(tmp_path: Path, kind: str = "alert") -> list[dict[str, Any]]:
    return [record for record in map(json.loads, (tmp_path / "a.jsonl").read_text().splitlines()) if record["type"] == kind]


def gathered(result: Result) -> list[tuple[Any, ...]]:
    """Incidents without their ids; every alert knows the one that holds it."""
    ids = {incident.id for incident in result.incidents}
    assert {alert.incident for alert in result.alerts} <= ids
    return [(one.key, one.severity, one.first_ns, one.last_ns, one.count, one.outcome, one.alerts, one.steps) for one in result.incidents]


@pytest.mark.parametrize("name", CAPTURES)
def test_sensor_and_analyze_say_the_same(tmp_path: Path, name: str) -> None:
    running = Sensor(config_of(tmp_path, **{"policy.site": SITE}), (), packet_time=True)
    result = running.replay(replay_batches([str(PLANT / f"{name}.pcap")], Limits()))
    running.close()
    expected = analyzed(name)
    # An incident keeps the id under which it was opened live, though an alert that is judged later (a sweep: it must be known not to be polling)
    # begins before: ids may differ, what they gather may not.
    alone, together = ([replace(alert, incident="") for alert in one.alerts] for one in (result, expected))
    assert alone == together
    assert gathered(result) == gathered(expected)
    assert result.assets == expected.assets
    assert result.talks == expected.talks
    newest = {record["id"]: record for record in records(tmp_path)}
    for alert in expected.alerts:
        record = newest[alert.id]
        assert (record["rule"], record["count"], record["outcome"], record["severity"]) == (
            alert.rule, alert.count, alert.outcome, alert.severity.label)
    assert len(newest) == len(expected.alerts) + sum(record["rule"].startswith("sensor.") for record in newest.values())


def test_spool_lines_and_store_hold_the_same(tmp_path: Path) -> None:
    running = Sensor(config_of(tmp_path), (), packet_time=True)
    running.replay(replay_batches([str(PLANT / "plant-attack.pcap")], Limits()))
    running.close()
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    spooled = [{"sequence": event.sequence, **event.record} for event in stored_events(tmp_path / "spool")]
    assert spooled == lines
    reader = StoreReader(tmp_path / "s.sqlite")
    stored = {record["id"] for record in reader.alerts(severities=["info", "low", "medium", "high", "critical"], limit=1000)}
    assert stored == {record["id"] for record in lines if record["type"] == "alert"}
    assert {record["id"] for record in reader.assets()} == {asset.id for asset in analyzed("plant-attack", site=None).assets}


def test_heartbeats_say_what_is_covered(tmp_path: Path) -> None:
    running = Sensor(config_of(tmp_path, **{"outputs.heartbeat_seconds": 5}), (), packet_time=True, limits=Limits(batch_packets=64))
    running.replay(replay_batches([str(PLANT / "plant-attack.pcap")], Limits(batch_packets=64)))
    running.close()
    beats = records(tmp_path, "heartbeat")
    assert len(beats) >= 3
    assert beats[-1]["coverage"]["packets"] > beats[0]["coverage"]["packets"]
    assert beats[-1]["coverage"]["rules"]["all"] == len(running.policy.rules)
    assert beats[-1]["title"].startswith("sensor alive: ")


def _whole(batches: Iterator[tuple[str, Packets]], running: Sensor) -> None:
    for name, packets in batches:
        running.feed(name, packets)


def _told(asset: Asset) -> dict[str, Any]:
    """An asset but for what a restart changes: a few packets are attributed otherwise when two recordings are analysed in one go, and what hosts say
    of themselves in IT protocols is noted once in a process."""
    said = {name: value for name, value in asdict(asset).items() if name not in ("packets_received", "bytes_received")}
    said["facts"] = [{name: value for name, value in fact.items() if name not in ("count", "last_ns")} for fact in said["facts"]]
    return said


def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    """Learned traffic, restart, attack: inventory and alerts are those of one run; nothing is reported twice."""
    config = config_of(tmp_path, **{"policy.site": SITE})
    first = Sensor(config, (), packet_time=True)
    _whole(replay_batches([str(PLANT / "plant-learn.pcap")], Limits()), first)
    first.close()
    reported = records(tmp_path)
    second = Sensor(config, (), packet_time=True)
    assert second.analysis.summary.packets == first.analysis.summary.packets
    assert asdict(second.memory) == asdict(first.memory)
    second._report_changes()
    assert records(tmp_path) == reported, "a restart alone reports nothing"
    _whole(replay_batches([str(PLANT / "plant-attack.pcap")], Limits()), second)
    result = second.analysis.finish()
    second._report_changes()
    second.close()
    expected = analyzed("plant-learn", "plant-attack")
    assert [_told(asset) for asset in result.assets] == [_told(asset) for asset in expected.assets]
    assert sum(asset.packets_received for asset in result.assets) == sum(asset.packets_received for asset in expected.assets)
    by_behaviour = ("ot.", "dnp3.", "s7comm.")
    assert {(alert.id, alert.rule, alert.count) for alert in result.alerts} >= {
        (alert.id, alert.rule, alert.count) for alert in expected.alerts if alert.severity >= 3 and alert.rule.startswith(by_behaviour)}
    ids = [(record["id"], record["count"], record["outcome"], record["severity"]) for record in records(tmp_path)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"PK\x03\x04", None])
def test_a_damaged_checkpoint_is_reported_and_set_aside(tmp_path: Path, damage: bytes | None) -> None:
    config = config_of(tmp_path)
    first = Sensor(config, (), packet_time=True)
    _whole(replay_batches([str(PLANT / "modbus-poll.pcap")], Limits()), first)
    first.close()
    path = tmp_path / "checkpoint.npz"
    content = path.read_bytes()
    path.write_bytes(content[:len(content) // 2] if damage is None else damage)
    second = Sensor(config, (), packet_time=True)
    assert [alert.rule for alert in second.health.take()] == ["sensor.checkpoint-damaged"]
    assert second.analysis.summary.packets == 0
    second.close()


def test_learning_until_a_time_ends_with_a_baseline(tmp_path: Path) -> None:
    config = config_of(tmp_path, **{"learning.until": "2000-01-01T00:00:00"})
    running = Sensor(config, (), packet_time=True)
    assert is_learning(running.policy)
    _whole(replay_batches([str(PLANT / "plant-learn.pcap")], Limits()), running)
    running._minute()
    assert not is_learning(running.policy)
    assert (tmp_path / "baseline.json").exists()
    assert [alert.rule for alert in running.health.take()] == ["sensor.learning-ended"]
    running.close()
    again = Sensor(config, (), packet_time=True)
    assert not is_learning(again.policy), "what was learned is used after a restart"
    _whole(replay_batches([str(PLANT / "plant-attack.pcap")], Limits()), again)
    assert "ot.new-talker" in {check.rule for check in again.detector.checks() if check.alerts}
    again.close()


def test_nobody_is_new_while_it_learns(tmp_path: Path) -> None:
    running = Sensor(config_of(tmp_path, **{"learning.until": "2100-01-01T00:00:00"}), (), packet_time=True)
    result = running.replay(replay_batches([str(PLANT / "plant-attack.pcap")], Limits()))
    running.close()
    assert "ot.new-talker" not in {check.rule for check in result.checks if check.alerts}


def test_a_wrong_file_keeps_the_old_rules_and_is_reported(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("version: 1\nzones:\n  - {name: cell, level: 1, networks: [192.168.10.0/24]}\n")
    running = Sensor(config_of(tmp_path, **{"policy.site": str(site)}), (), packet_time=True)
    before = running.policy
    site.write_text("zonez: 1\n")
    running._replace_policy(Loading(lambda: load_policy(running.config)))
    assert running.policy is before
    told = running.health.take()
    assert [alert.rule for alert in told] == ["sensor.configuration-refused"]
    assert f"{site}:1:" in told[0].why
    site.write_text("version: 1\nzones:\n  - {name: hall, level: 1, networks: [192.168.10.0/24]}\n")
    running._replace_policy(Loading(lambda: load_policy(running.config)))
    assert [alert.rule for alert in running.health.take()] == ["sensor.configuration-changed"]
    assert running.policy.site is not None
    assert running.policy.site.zone("192.168.10.1") == ("hall", 1.0)
    running.close()


def test_a_new_policy_holds_from_a_packet_time_on(tmp_path: Path) -> None:
    """What was read before is judged by the old rules, what comes after by the new ones, and the alarm says where one ends and the other begins."""
    site = tmp_path / "site.yaml"
    site.write_text("version: 1\nzones:\n  - {name: cell, level: 1, networks: [192.168.10.0/24]}\n")
    running = Sensor(config_of(tmp_path, **{"policy.site": str(site)}), (), packet_time=True)
    batches = replay_batches([str(PLANT / "modbus-write-stranger.pcap")], Limits(batch_packets=20))
    running.feed(*next(batches))
    seen = running.analysis.pipeline.now_ns
    site.write_text("version: 1\nzones:\n  - {name: hall, level: 1, networks: [192.168.10.0/24]}\n")
    running._replace_policy(Loading(lambda: load_policy(running.config)))
    (told,) = running.health.take()
    assert f"for packets after {time_text(seen)}" in told.why
    later = [alert for alert in running.replay(batches).alerts if alert.last_seen_ns > seen]
    assert {alert.src_zone for alert in later} == {"hall"}
    running.close()


@pytest.mark.parametrize("hours", [-10_000, -1, 1, 10_000])
@pytest.mark.parametrize("name", ["dnp3-cold-restart", "modbus-write-stranger", "s7comm-stop"])
def test_a_clock_that_jumps_amid_packets_hides_nothing(tmp_path: Path, name: str, hours: int) -> None:
    """The kernel stamps packets with a clock that somebody sets: a year ahead or back, between any two packets."""
    frames = frames_of(name)
    expected = {(alert.rule, alert.src, alert.dst) for alert in analyzed(name, site=None).alerts if alert.severity >= 3}
    for place in sorted({len(frames) * part // 5 for part in range(1, 5)}):
        seconds = [2_000_000_000] * place + [2_000_000_000 + hours * 3600] * (len(frames) - place)
        capture = tmp_path / f"{place}.pcap"
        capture.write_bytes(pcap([(seconds[number], 1000 * number, data, len(data)) for number, data in enumerate(frames)]))
        running = Sensor(config_of(tmp_path / str(place)), ("span0",))
        _whole(replay_batches([str(capture)], Limits(batch_packets=16)), running)
        running._report_changes()
        running._minute()
        assert {(alert.rule, alert.src, alert.dst) for alert in running.detector.alerts()} >= expected
        assert [alert.why for alert in running.health.take()] == []
        running.close()


def test_a_fault_of_ours_costs_a_batch_and_is_an_alarm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running = Sensor(config_of(tmp_path), ("span0",))

    def broken(*_: object) -> None:
        raise ZeroDivisionError("as it happens")

    batches = replay_batches([str(PLANT / "modbus-poll.pcap")], Limits(batch_packets=16))
    with monkeypatch.context() as patch:
        patch.setattr(running.analysis, "take", broken)
        running.feed(*next(batches))
    running.feed(*next(batches))
    assert [alert.rule for alert in running.health.take()] == ["sensor.fault"]
    assert running.analysis.summary.packets == 16
    running.close()
