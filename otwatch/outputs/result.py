"""Everything that an analysis found: what every output renders."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from otwatch.alerts.alert import Alert
from otwatch.alerts.coverage import NO_COVERAGE, Coverage, Verdict
from otwatch.alerts.incidents import Incident
from otwatch.capture.report import CaptureReport
from otwatch.inventory.asset import Asset
from otwatch.inventory.inventory import Talk


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindSpot:
    """One thing that could not be seen. `incomplete`: so much that no absence of alerts means anything."""

    kind: str
    count: int
    text: str
    incomplete: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One rule that was looked for: how many incidents it gave, and whether this capture could show it at all."""

    rule: str
    title: str
    alerts: int
    evaluable: str  # yes | partly | no | n/a: its protocol or service does not occur, on a tap that would show it
    reason: str = ""  # in words
    kind: str = ""  # the reason for programs: coverage.Why

    @classmethod
    def of(cls, rule: str, title: str, alerts: int, verdict: Verdict) -> Check:
        """The check of one rule."""
        reason = verdict.reason
        return cls(
            rule=rule,
            title=title,
            alerts=alerts,
            evaluable=str(verdict.how),
            reason=reason.text if reason else "",
            kind=str(reason.why) if reason else "",
        )


@dataclass(slots=True, kw_only=True)
class Result:
    """Complete when `Analysis.finish` returned it."""

    captures: list[CaptureReport]
    unreadable: list[str]
    packets: int
    wire_bytes: int
    first_ns: int | None
    last_ns: int | None
    operations: int
    protocols: dict[str, dict[str, Any]]
    assets: list[Asset]
    talks: list[Talk]
    alerts: list[Alert]
    incidents: list[Incident] = field(default_factory=list)
    anomalies: dict[str, int]
    blind_spots: list[BlindSpot]
    checks: list[Check] = field(default_factory=list)
    coverage: Coverage = NO_COVERAGE  # how much of the rules could be judged
    counters: dict[str, int] = field(default_factory=dict)

    recording: int = 1  # captures that belong together are one; its number among those of a run

    def number(self, recording: int) -> None:
        """Numbers the result and what is found by address, which is unique within a recording only."""
        self.recording = recording
        for asset in self.assets:
            asset.recording = recording
        for talk in self.talks:
            talk.recording = recording

    @property
    def incomplete(self) -> bool:
        """Whether so little could be seen that silence means nothing."""
        return any(spot.incomplete for spot in self.blind_spots)
