"""A run that is cut, saved and restored tells what an uncut one tells; a damaged file is refused with a reason."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from otwatch.alerts.alert import Alert
from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import Policy, RuleDetector, policy_of
from otwatch.errors import ConfigError
from otwatch.limits import Limits
from otwatch.sensor.checkpoint import Memory, restore_checkpoint, save_checkpoint
from otwatch.sensor.replay import replay_batches
from otwatch.sensor.watching import Watch

PLANT = Path(__file__).parents[2] / "pcaps" / "plant"
LIMITS = Limits(batch_packets=64)
# What windows, sequences, flows, anomalies, values and behaviours tell, and the plant's whole attack.
CAPTURES = [
    "plant-attack", "lateral-ssh", "lateral-scan", "modbus-scan-units", "modbus-brute-force", "s7comm-download", "s7comm-password",
    "dnp3-cold-restart",
]
SITE = PLANT / "site.yaml"


@pytest.fixture(scope="module", params=[None, str(SITE)], ids=["no site", "site"])
def policy(request: pytest.FixtureRequest) -> Policy:
    return policy_of(site=request.param)


def uncut(name: str, policy: Policy) -> list[Alert]:
    analysis = Analysis(LIMITS)
    analysis.detector, analysis.site = RuleDetector(analysis.pipeline, policy), policy.site
    for _, packets in replay_batches([str(PLANT / f"{name}.pcap")], LIMITS):
        analysis.take(analysis.pipeline.feed(packets, file=name))
    return analysis.finish().alerts


def with_new_rules(name: str, policy: Policy, every: int) -> list[Alert]:
    """The rules die every so many batches, between them and the packets nothing else does: what they tell must be the same to the letter."""
    analysis = Analysis(LIMITS)
    detector = RuleDetector(analysis.pipeline, policy)
    for number, (_, packets) in enumerate(replay_batches([str(PLANT / f"{name}.pcap")], LIMITS)):
        if number and number % every == 0:
            state = json.loads(json.dumps(detector.state(), default=int))
            detector = RuleDetector(analysis.pipeline, policy)
            detector.resume(state)
        analysis.detector, analysis.site = detector, policy.site
        analysis.take(analysis.pipeline.feed(packets, file=name))
    return analysis.finish().alerts


@pytest.mark.parametrize("every", [1, 3, 10])
@pytest.mark.parametrize("name", CAPTURES)
def test_rules_that_are_saved_and_restored_at_any_batch_tell_the_same(name: str, every: int, policy: Policy) -> None:
    assert list(map(asdict, with_new_rules(name, policy, every))) == list(map(asdict, uncut(name, policy)))


def with_a_kill(name: str, policy: Policy, at: int, path: Path) -> list[Alert]:
    """The whole process dies after a checkpoint: connections are met again in their middle."""
    analysis = Analysis(LIMITS)
    watch = Watch(analysis)
    detector = RuleDetector(analysis.pipeline, policy)
    analysis.detector = detector
    for number, (_, packets) in enumerate(replay_batches([str(PLANT / f"{name}.pcap")], LIMITS)):
        if number == at:
            save_checkpoint(path, analysis, watch.inventory(), Memory(), detector.state(watch.open))
            analysis = Analysis(LIMITS)
            watch = Watch(analysis)
            kept = restore_checkpoint(path, analysis)
            assert kept is not None
            detector = RuleDetector(analysis.pipeline, policy)
            detector.resume(kept[1])
        analysis.detector, analysis.site = detector, policy.site
        batch = analysis.pipeline.feed(packets, file=name)
        analysis.take(batch)
        watch.feed(batch, float(number))
    return analysis.finish().alerts


def told(alerts: list[Alert]) -> list[tuple[Any, ...]]:
    return [(alert.id, alert.rule, alert.src, alert.dst, alert.severity, alert.count, alert.first_seen_ns, alert.last_seen_ns, alert.outcome)
            for alert in alerts]


@pytest.mark.parametrize("name", ["plant-attack", "lateral-ssh", "lateral-scan", "modbus-scan-units"])
def test_a_killed_process_goes_on_at_any_batch(name: str, policy: Policy, tmp_path: Path) -> None:
    whole = told(uncut(name, policy))
    for at in range(1, sum(1 for _ in replay_batches([str(PLANT / f"{name}.pcap")], LIMITS))):
        assert told(with_a_kill(name, policy, at, tmp_path / "checkpoint.npz")) == whole, f"killed before batch {at}"


def checkpoint_of(name: str, path: Path, policy: Policy) -> None:
    analysis = Analysis(LIMITS)
    watch, detector = Watch(analysis), RuleDetector(analysis.pipeline, policy)
    analysis.detector = detector
    for number, (_, packets) in enumerate(replay_batches([str(PLANT / f"{name}.pcap")], LIMITS)):
        batch = analysis.pipeline.feed(packets, file="x")
        analysis.take(batch)
        watch.feed(batch, float(number))
    save_checkpoint(path, analysis, watch.inventory(), Memory(), detector.state(watch.open))


HOSTILE = [None, -7, 10**30, "x", [], {}, [[]], [[1, 2, 3]], {"x": 1}, [10**9],
           {"ot.controller-stop": {"values": [[1, [[2, 3, 99999, 5]]]], "lanes": 7}}]


def test_a_checkpoint_that_somebody_changed_is_refused_and_never_a_traceback(tmp_path: Path) -> None:
    policy, path = policy_of(), tmp_path / "checkpoint.npz"
    checkpoint_of("lateral-ssh", path, policy)
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    document = json.loads(arrays["document"].tobytes())
    places = [(key, None) for key in document] + [("rules", key) for key in document["rules"]]
    refused = 0
    for key, inner in places:
        for value in HOSTILE:
            changed = json.loads(json.dumps(document))
            if inner is None:
                changed[key] = value
            else:
                changed[key][inner] = value
            np.savez(path, **{**arrays, "document": np.frombuffer(json.dumps(changed).encode(), np.uint8)})
            analysis = Analysis(LIMITS)
            try:
                kept = restore_checkpoint(path, analysis)
                assert kept is not None
                RuleDetector(analysis.pipeline, policy).resume(kept[1])
            except ConfigError:
                refused += 1
    assert refused > len(places) * len(HOSTILE) // 2


def test_every_damaged_byte_is_noticed_or_harmless(tmp_path: Path) -> None:
    policy, path = policy_of(), tmp_path / "checkpoint.npz"
    checkpoint_of("lateral-ssh", path, policy)
    content, refused = path.read_bytes(), 0
    for at in range(0, len(content), max(1, len(content) // 150)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x5A]) + content[at + 1:])
        analysis = Analysis(LIMITS)
        try:
            kept = restore_checkpoint(path, analysis)
            assert kept is not None
            RuleDetector(analysis.pipeline, policy).resume(kept[1])
        except ConfigError:
            refused += 1
    assert refused


def test_a_changed_rule_starts_anew_and_the_others_go_on() -> None:
    policy = policy_of()
    analysis = Analysis(LIMITS)
    detector = RuleDetector(analysis.pipeline, policy)
    for _, packets in replay_batches([str(PLANT / "lateral-scan.pcap")], LIMITS):
        detector.feed(analysis.pipeline.feed(packets, file="x"))
    state = detector.state()
    detector.finish(analysis.pipeline.now_ns)
    before = {check.rule for check in detector.checks() if check.alerts}
    assert {"network.port-scan", "network.ot-port-sweep"} <= before
    state["rules"]["network.port-scan"] = "another"
    other = RuleDetector(analysis.pipeline, policy)
    other.resume(state)
    other.finish(analysis.pipeline.now_ns)
    assert {check.rule for check in other.checks() if check.alerts} == before - {"network.port-scan"}
