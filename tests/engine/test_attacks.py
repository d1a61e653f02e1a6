"""Attacks on the analyser itself: what is kept stays below its caps, what was discarded is said, and a real attack in their midst is reported."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import FrameType

import pytest
from make_mix import MIXES
from plant_wire import PSH_ACK, S7_OPENING, Packet, Tcp, host, modbus_write, s7, write

from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import Policy, RuleDetector
from otwatch.limits import Limits
from otwatch.outputs.result import Result
from tests.engine.analysing import shipped

PACKETS = 1_500
LIMITS = replace(
    Limits(), pairs=200, pairs_unanswered=100, assets_unanswered=100, conversations_unanswered=100, alerts_per_rule=20, behaviours=20_000,
    places_read=500, flows_unanswered=300, anomalies_kept_of_kind=250,
)
ATTACKS = [mix for mix in MIXES if mix.startswith("attack-")]
INTRUDER, CONTROLLER = host("3c5282", "10.20.0.77"), host("0080f4", "10.20.9.9")
SAID = {  # what of the limits has to be said
    "attack-alerts": {"limit-pairs of hosts", "limit-assets", "limit-conversations"},
    "attack-scan": {"limit-assets", "limit-conversations"},
    "attack-syn": {"limit-assets", "limit-conversations"},
    "attack-ipv6": {"limit-assets", "limit-conversations"},
    "attack-s7-items": {"behaviours-merged"},
    "attack-fragments": set(),
}


@dataclass(frozen=True)
class Attacked:
    mix: str
    analysis: Analysis
    result: Result


def intrusion(start_ns: int) -> Iterator[Packet]:
    """One write and one stop, both answered."""
    writing, stopping = (Tcp(INTRUDER, CONTROLLER, 50_100 + port, port) for port in (502, 102))
    frames = writing.open() + writing.exchange(*modbus_write(1, 1, 100, 9)) + stopping.open()
    for exchange in (*S7_OPENING, (s7(1, 7, b"\x29\x00\x00\x00\x00\x00\x09P_PROGRAM"), s7(3, 7, b"\x29"))):
        frames += stopping.exchange(*exchange)
    for place, data in enumerate(frames):
        yield start_ns + place * 1_000, data


def with_intrusion(mix: str) -> Iterator[Packet]:
    """An attack, and after four fifths of it the intrusion."""
    packets = MIXES[mix](1)
    last_ns = 0
    for last_ns, data in islice(packets, PACKETS * 4 // 5):
        yield last_ns, data
    yield from intrusion(last_ns + 1_000)
    yield from islice(packets, PACKETS // 5)


@pytest.fixture(scope="module", params=ATTACKS)
def attacked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Attacked:
    path: Path = tmp_path_factory.mktemp(request.param) / "attack.pcap"
    write(path, with_intrusion(request.param), 2 * PACKETS)
    analysis = Analysis(LIMITS)
    analysis.detector = RuleDetector(analysis.pipeline, Policy(rules=list(shipped())), analysis.inventory)
    analysis.run([str(path)])
    return Attacked(request.param, analysis, analysis.finish())


def test_the_intruder_is_named_with_what_was_done_to_which_controller(attacked: Attacked) -> None:
    acts = {
        (alert.src, alert.dst, act.function_name, act.outcome)
        for alert in attacked.result.alerts
        for act in alert.evidence.acts
        if alert.src == "10.20.0.77" and not act.is_answer
    }
    assert {("10.20.0.77", "10.20.9.9", name, "confirmed") for name in ("write_single_register", "plc_stop")} <= acts


def test_the_intruder_and_the_controller_are_assets(attacked: Attacked) -> None:
    assert {"10.20.0.77", "10.20.9.9"} <= {asset.id for asset in attacked.result.assets}


def test_what_is_kept_stays_below_its_caps(attacked: Attacked) -> None:
    index, hosts = attacked.analysis.pipeline.behaviour_index, attacked.analysis.inventory.hosts
    assert len(index.pairs) <= LIMITS.pairs + LIMITS.pairs_unanswered // 4
    assert index.unanswered <= LIMITS.pairs_unanswered
    assert len(hosts.hosts) <= LIMITS.assets_unanswered * 3 // 2 + 2
    assert len(hosts.conversations) <= LIMITS.conversations_unanswered * 5 // 2
    assert len(attacked.result.alerts) < 200


def test_flows_without_an_answer_make_room(attacked: Attacked) -> None:
    counters, table = attacked.analysis.pipeline.streams.counters, attacked.analysis.pipeline.streams.flows
    if counters["flows_opened"] > 2 * LIMITS.flows_unanswered:
        assert counters["flows_evicted"] > 0
        assert table.rows <= 2 * LIMITS.flows_unanswered + LIMITS.batch_packets


def test_one_kind_of_anomaly_leaves_room_for_the_others(attacked: Attacked) -> None:
    summary = attacked.analysis.summary
    kept = [row["layer"] << 32 | row["kind"] for row, _, _ in summary.anomaly_rows()]
    counted = {layer << 32 | kind: known.count for (layer, kind), known in summary.anomalies.items()}
    assert {number: kept.count(number) for number in counted} == {
        number: min(count, LIMITS.anomalies_kept_of_kind) for number, count in counted.items()
    }
    assert summary.anomalies_not_kept == sum(counted.values()) - len(kept)


def calls_of(path: Path) -> int:
    """Python's calls in an analysis of a capture: what a packet costs, on whatever machine."""
    analysis = Analysis(LIMITS)
    analysis.detector = RuleDetector(analysis.pipeline, Policy(rules=list(shipped())), analysis.inventory)
    count = 0

    def called(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        analysis.run([str(path)])
        analysis.finish()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(("mix", "start"), [("attack-alerts", 1_000), ("attack-syn", 2_000), ("attack-s7-items", 1_000)])
def test_the_cost_of_an_attack_is_linear(mix: str, start: int, tmp_path: Path) -> None:
    """Beyond the caps: what makes room must not cost more the more there was."""
    costs = []
    for packets in (start, start + 500, start + 1_000):
        write(tmp_path / "x.pcap", islice(MIXES[mix](1), packets), packets)
        costs.append(calls_of(tmp_path / "x.pcap"))
    first, second = costs[1] - costs[0], costs[2] - costs[1]
    assert second <= 1.5 * first + 10_000


def test_what_was_discarded_is_said(attacked: Attacked) -> None:
    assert SAID[attacked.mix] <= {spot.kind for spot in attacked.result.blind_spots}


def test_every_message_is_counted(attacked: Attacked) -> None:
    behaviours = attacked.analysis.pipeline.behaviour_index.behaviours
    assert int(behaviours.array("messages").sum()) == attacked.analysis.operations


def test_senders_beyond_the_limit_are_counted_by_target(tmp_path: Path) -> None:
    """A thousand senders that nobody answers, to one controller: its address stays in what they did."""
    message = struct.pack(">HHHBBHH", 1, 0, 6, 1, 6, 100, 9)
    senders = [host("3c5282", f"10.9.{i // 250}.{1 + i % 250}") for i in range(1_000)]
    frames = [(10**18 + i * 1_000_000, Tcp(sender, CONTROLLER, 5_000, 502).packet(0, PSH_ACK, message)) for i, sender in enumerate(senders)]
    write(tmp_path / "x.pcap", iter(frames), len(frames))
    analysis = Analysis(LIMITS)
    analysis.run([str(tmp_path / "x.pcap")])
    analysis.finish()
    behaviours, text = analysis.pipeline.behaviour_index.behaviours, analysis.pipeline.addresses.text
    counted = {(text(row["source"]), text(row["destination"])): row["messages"] for row in map(behaviours.row, range(behaviours.rows))}
    assert counted["-", "10.20.9.9"] == 1_000 - LIMITS.pairs_unanswered
