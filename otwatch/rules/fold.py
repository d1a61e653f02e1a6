"""Alerts of which one says the same as another, and more: they are told as one.

A rule names in `supersedes` the more general rules that it says more than. Where both found something between the same two hosts, the general one's
alert goes into the evidence of the other (`also`: rule, title, severity, count, times, frames, objects) and its techniques are added. A graver
alert is never folded into a milder one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from otwatch.alerts.alert import Alert
from otwatch.rules.explain import time_text
from otwatch.rules.rule import Rule

_FRAMES: Final = 4
_OPEN: Final = ("requested", "unanswered")


class Folder:
    """The relations among the rules of one engine."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._group = {rule.id: rule.group for rule in rules}
        self._above: dict[str, list[str]] = {}  # rule -> those that supersede it
        for rule in rules:
            for general in rule.supersedes:
                self._above.setdefault(general, []).append(rule.id)

    def fold(self, alerts: Sequence[Alert]) -> list[Alert]:
        """The alerts that stay, in their order; what was folded into them is in their evidence."""
        if not self._above:
            return list(alerts)
        places: dict[tuple[str, str, str], Alert] = {}
        for alert in alerts:
            group = self._group[alert.rule]
            places[alert.rule, alert.src if "src" in group else "", alert.dst if "dst" in group else ""] = alert
        into = {id(alert): self._superseder(alert, places) for alert in alerts}
        for alert in alerts:
            top = into[id(alert)]
            seen = {id(alert)}
            while top is not None and into[id(top)] is not None and id(top) not in seen:
                seen.add(id(top))
                top = into[id(top)]
            if top is not None:
                _add(top, alert)
        return [alert for alert in alerts if into[id(alert)] is None]

    def _superseder(self, alert: Alert, places: dict[tuple[str, str, str], Alert]) -> Alert | None:
        for rule in self._above.get(alert.rule, ()):
            group = self._group[rule]
            found = places.get((rule, alert.src if "src" in group else "", alert.dst if "dst" in group else ""))
            if found is None or found is alert or found.severity < alert.severity:
                continue
            whole = "dst" in group or "dst" not in self._group[alert.rule]
            if whole or alert.dst in _targets(found) or len(_targets(found)) < found.evidence.get("targets_count", 0):
                return found
        return None


def _targets(alert: Alert) -> Sequence[str]:
    listed: Sequence[str] = alert.evidence.get("targets", (alert.dst,))
    return listed


def _add(top: Alert, alert: Alert) -> None:
    told: dict[str, Any] = {
        "rule": alert.rule,
        "title": alert.title,
        "severity": alert.severity.label,
        "dst": alert.dst,
        "count": alert.count,
        "first_seen": time_text(alert.first_seen_ns),
        "last_seen": time_text(alert.last_seen_ns),
        "frames": list(alert.frames[:_FRAMES]),
    }
    if alert.evidence.get("objects"):
        told["objects"] = alert.evidence["objects"]
    elif alert.object:
        told["objects"] = [alert.object]
    if top.outcome in _OPEN and alert.outcome not in _OPEN and alert.dst in _targets(top):
        top.outcome = alert.outcome  # the same messages: what the device said to them is known there
    top.evidence.setdefault("also", []).append(told)
    top.attack = tuple(dict.fromkeys((*top.attack, *alert.attack)))
