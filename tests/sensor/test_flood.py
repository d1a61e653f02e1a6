"""Floods of distinct flows through the sensor's loop, on packet time: what is kept stays below its caps, what was forgotten is counted and told, and
what an attacker does to a controller in the midst of it is alerted all the same."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import otwatch
from otwatch.outputs.result import Result
from otwatch.sensor.config import read_config
from otwatch.sensor.limits import SENSOR_LIMITS
from otwatch.sensor.replay import replay_batches
from otwatch.sensor.sensor import Sensor
from tests.benchmarks.make_flood import KINDS, make_flood

FLOWS = dict.fromkeys(KINDS, 120_000) | {"spoofed": 300_000}
LIMITS = replace(SENSOR_LIMITS, addresses=98_304, flows=16_384, assets=5_000, conversations=8_000)
TOLD = {  # of each kind of flood: the limits that it hits
    "spoofed": {"addresses", "assets", "conversations", "flows"},
    "ports": {"flows"},
    "scan": {"assets", "conversations", "flows"},
    "udp": {"assets", "conversations", "flows"},
    "cards": {"assets", "conversations", "flows"},
}

pytestmark = pytest.mark.skipif(not otwatch.is_compiled(), reason="otwatch runs uncompiled here: a flood would take half an hour")


@dataclass(frozen=True)
class Flooded:
    kind: str
    sensor: Sensor
    result: Result
    alerts: list[dict[str, Any]]


@pytest.fixture(scope="module", params=list(KINDS))
def flooded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Flooded:
    folder: Path = tmp_path_factory.mktemp(request.param)
    make_flood(folder / "flood.pcap", request.param, FLOWS[request.param], stop_at=FLOWS[request.param] * 4 // 5)
    lines = folder / "alerts.jsonl"
    sensor = Sensor(read_config(None, {"sensor.state": str(folder), "outputs.jsonl": str(lines)}), (), limits=LIMITS, packet_time=True)
    result = sensor.replay(replay_batches([str(folder / "flood.pcap")], LIMITS))
    sensor.close()
    (folder / "flood.pcap").unlink()
    return Flooded(request.param, sensor, result, [json.loads(line) for line in lines.read_text().splitlines()])


def test_every_flow_is_its_own_and_none_is_lost(flooded: Flooded) -> None:
    counters = flooded.sensor.analysis.pipeline.streams.counters
    assert flooded.result.packets == FLOWS[flooded.kind] + 7
    assert counters["flows_opened"] == FLOWS[flooded.kind] + 1
    assert sum(talk.flows for talk in flooded.result.talks) == FLOWS[flooded.kind] + 1
    assert sum(talk.counts["packets_to_server"] + talk.counts["packets_to_client"] for talk in flooded.result.talks) == FLOWS[flooded.kind] + 7


def test_what_is_kept_stays_below_its_caps(flooded: Flooded) -> None:
    pipeline, hosts = flooded.sensor.analysis.pipeline, flooded.sensor.analysis.inventory.hosts
    assert pipeline.streams.flows.rows <= LIMITS.flows + LIMITS.batch_packets  # slots of a batch are free again after it
    assert pipeline.addresses.live <= LIMITS.addresses
    assert len(hosts.hosts) <= LIMITS.assets * 5 // 4
    assert len(hosts.conversations) <= LIMITS.conversations * 7 // 4 + 3  # all others, by protocol
    assert len(flooded.sensor.detector.engine.findings) <= LIMITS.alerts


def test_what_was_forgotten_is_counted_and_the_flood_is_told(flooded: Flooded) -> None:
    counted = {name for name, count in flooded.sensor.figures().limits_hit.items() if count}
    assert TOLD[flooded.kind] <= counted
    told = {alert["title"].rpartition(": ")[2] for alert in flooded.alerts if alert.get("rule") == "sensor.forgetting"}
    assert TOLD[flooded.kind] <= told


def test_who_wrote_to_a_controller_and_stopped_it_in_the_midst_is_told(flooded: Flooded) -> None:
    ends = {"src": "10.0.2.231", "dst": "10.0.1.10", "severity": "critical"}
    for function in ("write_single_register", "umas_stop_plc"):
        acts = [(alert, act) for alert in flooded.alerts for act in alert.get("evidence", {}).get("acts", ()) if act["function_name"] == function]
        assert acts
        for alert, act in acts:
            assert ({name: alert[name] for name in ends}, act["outcome"]) == (ends, "confirmed")


def test_a_sensor_that_is_started_again_knows_what_it_knew(flooded: Flooded) -> None:
    """Addresses were forgotten and their places used again: what is written down is of the same hosts all the same."""
    second = Sensor(flooded.sensor.config, (), limits=LIMITS, packet_time=True)
    assert second.health.take() == []
    before, after = flooded.sensor.analysis, second.analysis
    assert after.inventory.hosts.hosts == before.inventory.hosts.hosts
    assert after.inventory.hosts.conversations == before.inventory.hosts.conversations
    named = {number for array in before.inventory.addresses_named() for number in array.tolist()}
    assert all(after.pipeline.addresses.text(number) == before.pipeline.addresses.text(number) for number in named)
    second.reporting.close()


def test_the_controller_and_who_stopped_it_are_in_the_inventory(flooded: Flooded) -> None:
    known = {asset.id for asset in flooded.result.assets}
    assert {"10.0.1.10", "10.0.2.231"} <= known
