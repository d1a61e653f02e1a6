"""Learning mode of the sensor: until a date, or until nothing new comes, everything is normal; then it is written down and compared."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from otwatch.baseline.baseline import Baseline
from otwatch.baseline.store import load_baseline, save_baseline
from otwatch.documents import read_regular
from otwatch.engine.detector import Policy, policy_of, utc_ns
from otwatch.engine.pipeline import Pipeline
from otwatch.inventory.inventory import Inventory
from otwatch.sensor.config import SensorConfig

_STILL_LEARNING: Final = 2**62  # "normal until" a time that never comes
_HOUR_NS: Final = 3_600_000_000_000


def load_policy(config: SensorConfig) -> tuple[Policy, str]:
    """The policy that the configuration names, and a fingerprint of its files. ConfigErrors and CaptureError say what is wrong."""
    learned = config.state / "baseline.json"
    baseline = config["policy.baseline"]
    policy = policy_of(rules=config["policy.rules"], site=config["policy.site"] or None, baseline=baseline or None, intel=config["policy.intel"])
    wanted = is_wanted(config)
    if wanted and not baseline:
        known = learned.exists()
        policy = replace(policy, baseline=load_baseline(learned)) if known else replace(policy, learn_until_ns=_STILL_LEARNING)
    digest = hashlib.sha256()
    named = [(Path(name), "*.y*ml") for name in (*config["policy.rules"], config["policy.site"], baseline) if name]
    named += [(Path(name), "*.*") for name in config["policy.intel"]]
    for path in sorted(file for place, pattern in named for file in (place.rglob(pattern) if place.is_dir() else [place])):
        with suppress(OSError):  # what is no regular file is no rule either
            digest.update(str(path).encode() + b"\0" + read_regular(path))
    return policy, digest.hexdigest()[:16]


def is_wanted(config: SensorConfig) -> bool:
    """Whether the configuration asks for learning."""
    return bool(config["learning.until"] or config["learning.until_complete"])


def is_learning(policy: Policy) -> bool:
    """Whether the sensor still learns."""
    return policy.baseline is None and policy.learn_until_ns == _STILL_LEARNING


def ended(config: SensorConfig, policy: Policy, pipeline: Pipeline, started_ns: int, inventory: Inventory) -> tuple[Policy, str] | None:
    """The policy with what was learned, written to the state folder, and why learning is over; None while it goes on. OSError of the disk."""
    now_ns = pipeline.now_ns
    reason = ""
    until = config["learning.until"]
    if until and now_ns >= utc_ns(until if isinstance(until, str) else _text(until)):
        reason = f"the time {until} is reached"
    baseline: Baseline | None = None
    if not reason and config["learning.until_complete"] and now_ns - started_ns >= config["learning.at_least_hours"] * _HOUR_NS:
        baseline = _learned(pipeline, config, inventory)
        completeness = baseline.completeness()
        if not completeness.missing(at_least_ns=0):  # how long at least, the configuration says
            reason = f"{completeness.known} habits are known, {completeness.new_in_last_fifth} came in the last fifth of the time"
    if not reason:
        return None
    baseline = baseline or _learned(pipeline, config, inventory)
    save_baseline(baseline, config.state / "baseline.json")
    return replace(policy, baseline=baseline, learn_until_ns=None), reason


def _learned(pipeline: Pipeline, config: SensorConfig, inventory: Inventory) -> Baseline:
    baseline = Baseline()
    baseline.learn(
        pipeline.behaviour_index.behaviours,
        pipeline.addresses,
        [spec.name for spec in pipeline.protocols],
        source=config.name,
        hosts=[inventory.name(key) for key in inventory.hosts.hosts if max(key) > 0],
        services=inventory.services(),
        quirks=inventory.quirks(),
    )
    return baseline


def _text(moment: object) -> str:
    """A TOML date or time as text, UTC where it does not say."""
    if isinstance(moment, datetime):
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
    return str(moment)
