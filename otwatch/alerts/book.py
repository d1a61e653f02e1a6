"""Incidents over time: an id that never changes, and what of an incident is news."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from otwatch.alerts.alert import Alert, Severity
from otwatch.alerts.evidence import gravity
from otwatch.alerts.incidents import DAY_NS, Incident
from otwatch.alerts.outcome import SUCCEEDED

RISE_NS: Final = 60_000_000_000  # rises of one incident are sent at most so often
AT_ONCE: Final = 8  # of those that cannot wait, at most so many in that time: 60 controllers that are stopped are ten events in the first minute
_PRESSING: Final = frozenset({"STOP", "RESTART", "PROGRAM_DOWNLOAD", "PROGRAM_DELETE", "FIRMWARE", "FORCE"})
_KEPT: Final = 20_000
_MEMBERS: Final = 4_096  # alert ids by which one incident is known again


class IncidentEvent(NamedTuple):
    """News of an incident."""

    incident: Incident
    reason: str  # opened | risen | burst | merged | ended
    time_ns: int


@dataclass(slots=True)
class _Known:
    id: str
    key: str
    first_ns: int
    last_ns: int
    members: set[str] = field(default_factory=set)
    merged_into: str = ""
    severity: int = -1  # as sent
    gravest: int = -1
    kinds: set[str] = field(default_factory=set)
    occurrence: int = 0
    sent_ns: int = 0
    ended: bool = False
    pressing: set[str] = field(default_factory=set)  # what was done that cannot wait, and to whom; as sent
    at_once_ns: list[int] = field(default_factory=list)  # when something of the last minute was sent at once

    @property
    def sent(self) -> bool:
        return self.severity >= 0


class Book:
    """All incidents that were seen, by the alerts that they hold."""

    def __init__(self, ends_ns: int = DAY_NS) -> None:
        self.ends_ns = ends_ns
        self._known: dict[str, _Known] = {}
        self._of_alert: dict[str, list[str]] = {}
        self._of_key: dict[str, list[str]] = {}
        self._merged: list[tuple[str, str]] = []  # younger, older: to be sent

    def settle(self, incidents: Sequence[Incident], alerts: Sequence[Alert]) -> list[Incident]:
        """Gives incidents the ids that they had before, and alerts the id of their (latest) incident."""
        names: dict[str, str] = {}
        taken: set[str] = set()
        for incident in sorted(incidents, key=lambda one: (one.first_ns, one.id)):
            known = self._again(incident, taken)
            taken.add(known.id)
            names[incident.id] = known.id
            incident.id = known.id
            incident.follows = names.get(incident.follows, incident.follows)
            known.first_ns, known.last_ns = min(known.first_ns, incident.first_ns), max(known.last_ns, incident.last_ns)
            for alert in incident.alerts:
                if alert not in known.members and len(known.members) < _MEMBERS:
                    known.members.add(alert)
                    self._of_alert.setdefault(alert, []).append(known.id)
        latest: dict[str, tuple[int, str]] = {}
        for incident in incidents:
            for alert in incident.alerts:
                latest[alert] = max(latest.get(alert, (-1, "")), (incident.last_ns, incident.id))
        for one in alerts:
            one.incident = latest.get(one.id, (0, ""))[1]
        if len(self._known) > _KEPT:
            self._forget()
        return list(incidents)

    def _again(self, incident: Incident, taken: set[str]) -> _Known:
        found = {}
        names = [name for alert in incident.alerts for name in self._of_alert.get(alert, ())]
        for name in dict.fromkeys([*names, *self._of_key.get(incident.key, ())]):  # by its alerts, or by what they have in common
            known = self._known.get(name)
            if known is None or name in taken or known.merged_into:
                continue
            if incident.first_ns <= known.last_ns + self.ends_ns and known.first_ns <= incident.last_ns + self.ends_ns:
                found[name] = known
        if not found:
            name = incident.id
            while name in self._known:  # the same beginning, another thing: it was split from one that keeps the id
                name = f"{int(name, 16) + 1 & 0xFFFFFFFFFFFFFFFF:016x}"
            known = self._known[name] = _Known(name, incident.key, incident.first_ns, incident.last_ns)
            self._of_key.setdefault(incident.key, []).append(name)
            return known
        oldest, *younger = sorted(found.values(), key=lambda known: (not known.sent, known.first_ns, known.id))
        for known in younger:
            known.merged_into = oldest.id
            oldest.members |= known.members
            for alert in known.members:
                self._of_alert[alert] = [oldest.id if name == known.id else name for name in self._of_alert[alert]]
            if known.sent:
                self._merged.append((known.id, oldest.id))
        return oldest

    def _forget(self) -> None:
        for name in sorted(self._known, key=lambda name: self._known[name].last_ns)[: _KEPT // 2]:
            known = self._known.pop(name)
            self._of_key.pop(known.key, None)
            for alert in known.members:
                self._of_alert.pop(alert, None)

    def take(self, incidents: Sequence[Incident], now_ns: int, *, finished: bool = False) -> list[IncidentEvent]:
        """What is to be sent now: openings, rises (at most one a minute, but for what cannot wait), new bursts, ends and merges."""
        by_id = {incident.id: incident for incident in incidents}
        events = []
        for younger, older in self._merged:
            if older in by_id:
                events.append(IncidentEvent(replace(by_id[older], id=younger, merged_into=older), "merged", now_ns))
        self._merged.clear()
        for incident in sorted(incidents, key=lambda one: (one.first_ns, one.id)):
            known = self._known[incident.id]
            reason = self._news(incident, known, now_ns, finished=finished)
            if reason:
                known.severity, known.gravest, known.kinds = int(incident.severity), _gravest(incident), _kinds(incident)
                known.occurrence, known.sent_ns = incident.occurrence, now_ns
                known.pressing = _pressing(incident)
                events.append(IncidentEvent(incident, reason, _time_of(incident, reason)))
            if not known.ended and now_ns - incident.last_ns > self.ends_ns:
                known.ended = True
                events.append(IncidentEvent(replace(incident, ended=True), "ended", incident.last_ns))
        return events

    @staticmethod
    def _news(incident: Incident, known: _Known, now_ns: int, *, finished: bool) -> str:
        if not known.sent:
            return "opened"
        if incident.occurrence > known.occurrence:
            known.ended = False
            return "burst"
        critical = incident.severity >= Severity.CRITICAL > known.severity
        presses = critical or not _pressing(incident) <= known.pressing
        rises = presses or int(incident.severity) > known.severity or _gravest(incident) > known.gravest or not _kinds(incident) <= known.kinds
        if rises and (finished or now_ns - known.sent_ns >= RISE_NS):
            return "risen"
        known.at_once_ns = [when for when in known.at_once_ns if now_ns - when < RISE_NS]
        if presses and len(known.at_once_ns) < AT_ONCE:
            known.at_once_ns.append(now_ns)
            return "risen"
        return ""

    def state(self) -> list[list[Any]]:
        """Everything, of the types of JSON."""
        return [
            [one.id, one.key, one.first_ns, one.last_ns, sorted(one.members), one.merged_into, one.severity, one.gravest, sorted(one.kinds),
             one.occurrence, one.sent_ns, int(one.ended), sorted(one.pressing), one.at_once_ns]
            for one in self._known.values()
        ]  # fmt: skip

    def resume(self, stored: Sequence[Sequence[Any]]) -> None:
        """Goes on from `state`. ValueError or TypeError when it is none."""
        for name, key, first_ns, last_ns, members, merged_into, severity, gravest, kinds, occurrence, sent_ns, ended, *later in stored:
            known = _Known(str(name), str(key), int(first_ns), int(last_ns), set(map(str, members)), str(merged_into), int(severity), int(gravest))
            known.kinds, known.occurrence, known.sent_ns, known.ended = set(map(str, kinds)), int(occurrence), int(sent_ns), bool(ended)
            if later:  # since checkpoints have it
                known.pressing, known.at_once_ns = set(map(str, later[0])), [int(when) for when in later[1]]
            self._known[known.id] = known
            self._of_key.setdefault(known.key, []).append(known.id)
            if not known.merged_into:
                for alert in known.members:
                    self._of_alert.setdefault(alert, []).append(known.id)


def _gravest(incident: Incident) -> int:
    step = incident.gravest
    if step is None or step.act is None:
        return 0
    return gravity(step.act.action) + (1_000 if step.outcome in SUCCEEDED else 0)


def _pressing(incident: Incident) -> set[str]:
    """What controllers confirmed that nobody can wait a minute to hear of: stops, restarts, programs, firmware, forcing, each with its target."""
    acts = {
        f"{step.act.action} {step.dst}"
        for step in incident.steps
        if step.act is not None and step.act.action in _PRESSING and step.outcome in SUCCEEDED
    }
    return acts if len(acts) <= _MEMBERS else set(sorted(acts)[:_MEMBERS])


def _kinds(incident: Incident) -> set[str]:
    """What kinds of targets it has: by the protocol that was spoken to them."""
    return {step.act.protocol if step.act is not None else "" for step in incident.steps}


def _time_of(incident: Incident, reason: str) -> int:
    return incident.time_ns if reason in ("opened", "burst") else incident.last_ns
