"""Whole captures through the whole engine, with all shipped rules; and the question whether an operation was told."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from otwatch.actions import CHANGING
from otwatch.alerts.alert import Alert, Severity
from otwatch.baseline.baseline import Baseline
from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import Policy, RuleDetector, rules_of
from otwatch.engine.exporters import OperationExporter
from otwatch.limits import Limits
from otwatch.outputs.alert_records import alert_record
from otwatch.outputs.result import Result
from otwatch.rules.rule import Rule
from otwatch.site.load import load_site

ROOT = Path(__file__).parents[2]
COLLECTION = Path(os.environ.get("OTWATCH_CAPTURES", ROOT.parent / "shared" / "captures"))
PLANT = ROOT / "pcaps" / "plant"
_CHANGING = {action.name for action in CHANGING}


@cache
def shipped() -> tuple[Rule, ...]:
    """The shipped rules, loaded once for all tests."""
    return tuple(rules_of())


class Rows:
    """Collects what an exporter writes."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []

    def write(self, records: Iterable[dict[str, Any]]) -> None:
        self.records.extend(records)


@dataclass(frozen=True)
class Analysed:
    """A result, and every operation as a record."""

    result: Result
    operations: list[dict[str, Any]]
    analysis: Analysis

    def alerts(self, least: Severity = Severity.MEDIUM) -> list[Alert]:
        return [alert for alert in self.result.alerts if alert.severity >= least]

    def changing(self, src: str) -> list[dict[str, Any]]:
        """What a host asked for that changes something."""
        return [one for one in self.operations if one["src"] == src and one["role"] == "request" and one["action"] in _CHANGING]

    def tells(self, operation: dict[str, Any]) -> bool:
        """Whether an alert of medium or above says who did this to whom, over the time in which it was done."""
        for alert in self.alerts():
            record = alert_record(alert)
            if (alert.src, alert.dst) == (operation["src"], operation["dst"]) and record["first_seen"] <= operation["time"] <= record["last_seen"]:
                return True
        return False


def analyse(*paths: Path, site: Path | None = None, baseline: Baseline | None = None) -> Analysed:
    """Captures with all shipped rules."""
    analysis, rows = Analysis(Limits()), Rows()
    policy = Policy(rules=list(shipped()), site=load_site(site) if site else None, baseline=baseline)
    analysis.detector = RuleDetector(analysis.pipeline, policy)
    analysis.site = policy.site
    analysis.listeners.append(OperationExporter(analysis, rows))  # type: ignore[arg-type]
    analysis.run([str(path) for path in paths])
    return Analysed(analysis.finish(), rows.records, analysis)


def learn(path: Path) -> Baseline:
    """What a capture says is normal."""
    analysis = Analysis(Limits())
    analysis.run([str(path)])
    result = analysis.finish()
    baseline = Baseline()
    baseline.learn(analysis.pipeline.behaviour_index.behaviours, analysis.pipeline.addresses, [spec.name for spec in analysis.pipeline.protocols],
                   hosts=[address for asset in result.assets for address in asset.addresses])
    return baseline
