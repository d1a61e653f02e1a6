"""The sensor's lake: what `analyze --lake` writes, in segments of five minutes, with the time in which nobody listened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from otwatch.engine.analysis import Analysis
from otwatch.lake.asking import Question
from otwatch.lake.layout import Lake
from otwatch.lake.manifest import hours_without, verify
from otwatch.limits import Limits
from otwatch.sensor.config import SensorConfig, read_config
from otwatch.sensor.keeping import SEGMENT_NS, LakeKeeper
from otwatch.sensor.replay import replay_batches
from otwatch.sensor.sensor import Sensor
from tests.cli.calling import ATTACK, LEARN, PLANT, otwatch

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")
START_NS = 1_795_305_600_000_000_000  # 2026-11-22
HOUR_NS = 3_600_000_000_000


def config_of(tmp_path: Path, **more: Any) -> SensorConfig:
    return read_config(None, {"sensor.state": str(tmp_path / "state"), "sensor.name": "tap", "outputs.lake": str(tmp_path / "lake"), **more})


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    question = Question(Lake(folder))
    try:
        return question.ask(sql).rows
    finally:
        question.close()


def replayed(config: SensorConfig, *captures: Path) -> None:
    running = Sensor(config, (), packet_time=True)
    running.replay(replay_batches([str(path) for path in captures], Limits()))
    running.close()


def test_a_sensor_keeps_what_analyze_keeps(tmp_path: Path) -> None:
    replayed(config_of(tmp_path, **{"outputs.lake_reads_days": 3}), LEARN, ATTACK)
    assert otwatch("analyze", LEARN, ATTACK, "--merge", "--lake", tmp_path / "other").returncode == 0
    for sql in (
        "SELECT time, src, dst, protocol, action, object_name, value, status FROM operations ORDER BY ALL",
        "SELECT src, dst, protocol, action, object_name, sum(messages) FROM behaviours GROUP BY ALL ORDER BY ALL",
        "SELECT first_seen, client, server, service, bytes_to_server FROM flows ORDER BY ALL",
        "SELECT DISTINCT kind, src, dst FROM anomalies ORDER BY ALL",
    ):
        assert rows(tmp_path / "lake", sql) == rows(tmp_path / "other", sql), sql
    assert rows(tmp_path / "lake", "SELECT count(*) FROM reads") == rows(tmp_path / "lake", "SELECT sum(messages) FROM behaviours")
    assert rows(tmp_path / "lake", "SELECT count(*) FROM alerts")[0][0] > 10
    assert rows(tmp_path / "lake", "SELECT count(*) FROM assets")[0][0] > 5


def test_another_day_seals_the_one_before_and_says_the_gap(tmp_path: Path) -> None:
    replayed(config_of(tmp_path), ATTACK, PLANT / "opcua-walk.pcap")  # eight days later
    [place] = Lake(tmp_path / "lake").places()
    assert place.days() == ["2026-11-22", "2026-11-30"]
    assert len(hours_without(place.segments("2026-11-22"), "2026-11-22")) == 23
    assert [finding.text for finding in verify(place) if finding.broken] == []
    assert any("2026-11-30: not in the manifest yet" in finding.text for finding in verify(place))
    assert not any("2026-11-22" in finding.text for finding in verify(place))


def test_a_silent_tap_was_listened_to_and_a_suspended_sensor_did_not(tmp_path: Path) -> None:
    at = START_NS
    keeper = LakeKeeper(config_of(tmp_path), "", lambda: at)
    keeper.bind(Analysis(Limits()))
    while at < START_NS + 2 * HOUR_NS:
        keeper.tick(list)
        at += SEGMENT_NS // 2
    at = START_NS + 10 * HOUR_NS
    keeper.tick(list)
    at += 1
    keeper.tick(list, final=True)
    keeper.close()
    [place] = Lake(tmp_path / "lake").places()
    assert hours_without(place.segments("2026-11-22"), "2026-11-22") == [*range(2, 10), *range(11, 24)]


def test_a_clock_set_back_loses_nothing(tmp_path: Path) -> None:
    at = START_NS
    keeper = LakeKeeper(config_of(tmp_path), "", lambda: at)
    keeper.bind(Analysis(Limits()))
    for at in (START_NS + HOUR_NS, START_NS + HOUR_NS + 1, START_NS, START_NS + 1):
        keeper.record({"type": "alert", "time": "2026-11-22T00:00:00Z", "last_seen": "2026-11-22T00:00:00Z", "id": str(at)})
        keeper.tick(list)
    keeper.tick(list, final=True)
    keeper.close()
    assert rows(tmp_path / "lake", "SELECT count(DISTINCT id) FROM alerts") == [(4,)]


def test_a_disk_that_takes_nothing_is_said_and_the_sensor_goes_on(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("a file")
    running = Sensor(config_of(tmp_path), (), packet_time=True)
    result = running.replay(replay_batches([str(ATTACK)], Limits()))
    assert result.alerts
    assert any(name.startswith("lake ") for name in running.figures().storage)
    running.close()
