"""Each condition of the sensor's health: when it starts, that it is told once, and when it is over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from otwatch.alerts.alert import Alert, Severity
from otwatch.engine.figures import AnalysisFigures
from otwatch.sensor.config import read_config
from otwatch.sensor.figures import Figures, Link
from otwatch.sensor.health import CONDITIONS, Health

_OF_THE_ANALYSIS = {"stream_bytes", "duplicates", "anomalies"}
START = 1_700_000_000_000_000_000


class Watched:
    """A health with a clock that moves on by a second per step; traffic flows unless told otherwise."""

    def __init__(self) -> None:
        self.health = Health("sensor-7", read_config(None).values)
        self.now = Figures(monotonic=100.0, wall_ns=START, links={"span0": Link(packets=1000, dropped=0)},
                           analysis=AnalysisFigures(packets=1000))
        self.told: list[Alert] = []

    def step(self, seconds: int = 1, *, flowing: bool = True, **changes: Any) -> list[Alert]:
        told: list[Alert] = []
        for _ in range(seconds):
            link = self.now.links["span0"]
            if flowing:
                link = replace(link, packets=link.packets + 1000)
            base = replace(self.now, monotonic=self.now.monotonic + 1, wall_ns=self.now.wall_ns + 1_000_000_000, links={"span0": link},
                           analysis=replace(self.now.analysis, packets=self.now.analysis.packets + 1000 * flowing))
            counted = {name: value for name, value in changes.items() if name in _OF_THE_ANALYSIS}
            others = {name: value for name, value in changes.items() if name not in counted}
            self.now = replace(base, analysis=replace(base.analysis, **counted), **others)
            told += self.health.observe(self.now)
        return told

    def rules(self, *arguments: Any, **changes: Any) -> list[str]:
        return [alert.rule for alert in self.step(*arguments, **changes)]


def test_a_healthy_sensor_says_nothing() -> None:
    assert Watched().step(600) == []


def test_silence_is_told_once_and_its_end_too() -> None:
    watched = Watched()
    watched.step(5)
    told = watched.step(60, flowing=False)
    assert [(alert.rule, alert.severity) for alert in told] == [("sensor.no-traffic", Severity.CRITICAL)]
    assert told[0].file == "span0"
    over = watched.step(10)
    assert [(alert.rule, alert.severity, alert.id == told[0].id) for alert in over] == [("sensor.no-traffic", Severity.INFO, True)]
    assert over[0].evidence.over
    assert watched.health.conditions == []


def test_a_condition_that_lasts_is_told_again_every_hour() -> None:
    told = Watched().step(2 * 3600 + 60, flowing=False)
    assert len(told) == 3
    assert {alert.id for alert in told} == {told[0].id}
    assert told[-1].count > 7000


def test_an_interface_that_is_down_is_not_called_quiet() -> None:
    watched = Watched()
    down = {"span0": Link(packets=1000, dropped=0, up=False)}
    assert set(watched.rules(60, links=down)) == {"sensor.interface-down"}


@pytest.mark.parametrize(("dropped", "told"), [(10, []), (1000, ["sensor.drops"])])
def test_drops_of_a_minute_are_judged_by_their_share(dropped: int, told: list[str]) -> None:
    watched = Watched()
    watched.step(2)
    link = replace(watched.now.links["span0"], dropped=dropped)
    watched.now = replace(watched.now, links={"span0": link})
    assert watched.rules(70) == told


@pytest.mark.parametrize("jump", [-30, 30])
def test_a_clock_jump_is_told(jump: int) -> None:
    watched = Watched()
    watched.step(5)
    watched.now = replace(watched.now, wall_ns=watched.now.wall_ns + jump * 10**9)
    told = watched.step(1)
    assert [alert.rule for alert in told] == ["sensor.clock-jump"]
    assert abs(told[0].evidence.sensor["seconds"] - jump) < 0.01
    assert watched.step(120) == []


def test_a_failing_destination_is_told_with_its_error() -> None:
    watched = Watched()
    told = watched.step(120, deliveries={"tls://siem:6514": (100.0, "CERTIFICATE_VERIFY_FAILED")})
    assert [alert.rule for alert in told] == ["sensor.delivery-failing"]
    assert "CERTIFICATE_VERIFY_FAILED" in told[0].why
    assert [alert.severity for alert in watched.step(10, deliveries={})] == [Severity.INFO]


def test_a_vlan_that_vanishes_and_comes_back() -> None:
    watched = Watched()
    told = watched.step(700, vlans={"span0": {10: 100.0}})
    assert [(alert.rule, alert.file) for alert in told] == [("sensor.vlan-vanished", "span0 VLAN 10")]
    assert [alert.severity for alert in watched.step(10, vlans={"span0": {10: watched.now.monotonic}})] == [Severity.INFO]


@pytest.mark.parametrize(("figures", "rule"), [
    ({"storage_errors": 3}, "sensor.storage-failing"), ({"alerts_lost": 1}, "sensor.alerts-lost"),
    ({"limits_hit": {"flows": 5}}, "sensor.forgetting"),
])
def test_counters_that_grow_are_told(figures: dict[str, Any], rule: str) -> None:
    watched = Watched()
    watched.step(3)
    assert watched.rules(30, **figures) == [rule] + ([rule] if rule == "sensor.storage-failing" else [])


@pytest.mark.parametrize(("figures", "rule"), [
    ({"gap_bytes": 5000, "stream_bytes": 100_000}, "sensor.gaps"), ({"duplicates": 60_000}, "sensor.duplicates"),
    ({"anomalies": {"modbus": 5000}}, "sensor.decode-errors"), ({"one_way": 5, "two_way": 5}, "sensor.one-way"),
    ({"not_evaluable": {"a": "no"}}, "sensor.not-evaluable"),
])
def test_shares_of_a_minute(figures: dict[str, Any], rule: str) -> None:
    watched = Watched()
    watched.step(3)
    assert watched.rules(60, **figures) == [rule]


def test_an_interface_that_sends_is_told() -> None:
    watched = Watched()
    watched.step(3)
    link = replace(watched.now.links["span0"], transmitted=1)
    watched.now = replace(watched.now, links={"span0": link})
    assert "sensor.transmits" in watched.rules(1)


def test_every_condition_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/sensor-health.md").read_text()
    assert [name for name in CONDITIONS if f"`sensor.{name}`" not in page] == []
