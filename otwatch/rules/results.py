"""What an engine's findings are: judged once for all that ask between two batches, folded, gathered into incidents, and what of it is news."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from otwatch.alerts.alert import Alert
from otwatch.alerts.book import Book, IncidentEvent
from otwatch.alerts.campaigns import raise_campaigns
from otwatch.alerts.findings import Findings
from otwatch.alerts.incidents import Incident, gather
from otwatch.limits import Limits
from otwatch.rules.fold import Folder
from otwatch.rules.report import Reported, Reporter
from otwatch.rules.rule import Rule

_UPDATE_NS: Final = 60_000_000_000  # an alert that goes on is sent out again after this much packet time


class Sent(NamedTuple):
    """What was last sent out of a finding."""

    rows: int
    severity: int
    outcome: str
    sent_ns: int
    also: int
    occurrence: int


_NEVER: Final = Sent(0, -1, "", -_UPDATE_NS, 0, 0)


class Results:
    """Alerts and incidents of one engine."""

    def __init__(self, rules: Sequence[Rule], findings: Findings, reporter: Reporter, limits: Limits) -> None:
        self.findings = findings
        self.reporter = reporter
        self.limits = limits
        self.book = Book(limits.incident_quiet_ns)
        self.sent: dict[int, Sent] = {}
        self._folder = Folder(rules, site=reporter.context.site is not None, baseline=reporter.context.baseline is not None)
        self._judged_at: tuple[int, int, bool] | None = None
        self._kept: list[Reported] = []
        self._incidents: list[Incident] = []

    def fresh(self, moment: tuple[int, int, bool]) -> bool:
        """Whether everything was judged at this moment (batches, time, finished) already."""
        return self._judged_at == moment

    def judge(self, moment: tuple[int, int, bool]) -> None:
        """Judges, folds and gathers everything."""
        found = [reported for finding in self.findings if (reported := self.reporter.alert(finding, self.limits.alert_frames)) is not None]
        self._kept, self._judged_at = self._folder.fold(found), moment
        alerts = [one.alert for one in self._kept]
        raise_campaigns(alerts)
        rows = {one.alert.id: one.rows for one in self._kept}
        gathered = gather(alerts, quiet_ns=self.limits.burst_quiet_ns, ends_ns=self.limits.incident_quiet_ns, rows=rows)
        self._incidents = self.book.settle(gathered, alerts)

    def alerts(self) -> list[Alert]:
        """All alerts, gravest first, then in order of time."""
        return sorted((one.alert for one in self._kept), key=lambda alert: (-alert.severity, alert.first_seen_ns, alert.rule, alert.src, alert.dst))

    def incidents(self) -> list[Incident]:
        """All incidents, gravest first."""
        return self._incidents

    def take_incidents(self, now_ns: int, *, finished: bool) -> list[IncidentEvent]:
        """News of incidents since the last call."""
        return self.book.take(self._incidents, now_ns, finished=finished)

    def take_changes(self, now_ns: int, *, finished: bool) -> list[Alert]:
        """Alerts that are new, graver, otherwise answered or in another burst since the last call, or went on for another minute of packet time."""
        changed = []
        for one in self._kept:
            alert = one.alert
            before = self.sent.get(one.number, _NEVER)
            also = len(alert.evidence.also)
            graver = int(alert.severity) > before.severity or alert.outcome != before.outcome or also > before.also
            went_on = alert.count > before.rows and (now_ns - before.sent_ns >= _UPDATE_NS or finished)
            if graver or alert.occurrence > before.occurrence or went_on:
                self.sent[one.number] = Sent(alert.count, int(alert.severity), alert.outcome, now_ns, also, alert.occurrence)
                changed.append(alert)
        return sorted(changed, key=lambda alert: (alert.bursts[-1].first_ns, alert.first_seen_ns, alert.rule, alert.src, alert.dst))

    def state(self) -> dict[str, Any]:
        """What was sent, of the types of JSON."""
        return {"sent": [[number, *sent] for number, sent in self.sent.items()], "book": self.book.state()}

    def resume(self, stored: dict[str, Any]) -> None:
        """Goes on from `state`, for the findings that are there."""
        numbers = {finding.number for finding in self.findings}
        for number, rows, severity, outcome, sent_ns, also, occurrence in stored["sent"]:
            if number in numbers:
                self.sent[number] = Sent(int(rows), int(severity), str(outcome), int(sent_ns), int(also), int(occurrence))
        self.book.resume(stored["book"])
