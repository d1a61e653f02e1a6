"""A week in a page: what a store holds of a period, for people who read mail and not a SIEM."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from otwatch.alerts.severity import Severity
from otwatch.outputs.escape import one_line
from otwatch.outputs.store import StoreReader
from otwatch.outputs.story import plural

_MOST: Final = 1_000_000
_LISTED: Final = 20
_ALL: Final = tuple(severity.label for severity in Severity)
_NOTES: Final = frozenset({"info", "low"})
_HEALTH: Final = "sensor."  # rules of the sensor about itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What was found in a period. Times are texts of records, UTC."""

    since: str
    until: str
    incidents: tuple[dict[str, Any], ...]  # medium and above, gravest first
    notes: int
    rules: tuple[tuple[str, int], ...]  # with their alerts, most first
    health: tuple[dict[str, Any], ...]  # alerts of the sensor about itself
    new_assets: tuple[dict[str, Any], ...]
    silent_assets: tuple[dict[str, Any], ...]  # seen before the period, and not in it
    assets: int
    flows: int


def period_of(store: StoreReader, since: str, until: str) -> Period:
    """Everything that was last seen from `since` to before `until`."""
    incidents = [one for one in store.incidents(severities=_ALL, since=since, limit=_MOST) if one["last_seen"] < until and not one["merged_into"]]
    alerts = [one for one in store.alerts(severities=_ALL, since=since, limit=_MOST) if one["last_seen"] < until]
    assets = list(store.assets())
    order = {label: number for number, label in enumerate(reversed(_ALL))}
    graver = sorted((one for one in incidents if one["severity"] not in _NOTES), key=lambda one: (order[one["severity"]], one["first_seen"]))
    found = Counter(one["rule"] for one in alerts if not one["rule"].startswith(_HEALTH))
    return Period(
        since=since,
        until=until,
        incidents=tuple(graver),
        notes=len(incidents) - len(graver),
        rules=tuple(sorted(found.items(), key=lambda item: (-item[1], item[0]))),
        health=tuple(one for one in alerts if one["rule"].startswith(_HEALTH)),
        new_assets=tuple(one for one in assets if since <= one["first_seen"] < until),
        silent_assets=tuple(one for one in assets if one["last_seen"] < since),
        assets=len(assets),
        flows=sum(one["last_seen"] < until for one in store.flows(since=since)),
    )


def subject_of(period: Period) -> str:
    """The one line of it."""
    counts = Counter(one["severity"] for one in period.incidents)
    graver = ", ".join(f"{counts[label]} {label}" for label in reversed(_ALL) if counts[label])
    found = f"{plural(len(period.incidents), 'incident')} ({graver})" if graver else "no incident"
    new = plural(len(period.new_assets), "new asset")
    return f"otwatch {period.since[:10]} to {period.until[:10]}: {found}, {plural(period.notes, 'note')}, {new}"


def lines_of(period: Period) -> Iterator[str]:
    """All of it as text, each line safe for a terminal, a mail and a log."""
    yield from map(one_line, _lines(period))


def _lines(period: Period) -> Iterator[str]:
    yield f"Incidents: {len(period.incidents)}"
    for one in period.incidents[:_LISTED]:
        targets = ", ".join(one["targets"][:3]) + (f" and {len(one['targets']) - 3} more" if len(one["targets"]) > 3 else "")
        who = f"{one['actor'] or 'unknown'} → {targets or 'unknown'}"
        yield f"  {one['severity']:8} {one['first_seen'][:16]} INC-{one['id'][:8]} {one['title']}: {who}"
    yield from _more(len(period.incidents), "otwatch incidents")
    yield f"Notes: {period.notes}"
    if period.rules:
        yield "Rules with alerts: " + ", ".join(f"{rule} {count}" for rule, count in period.rules[:_LISTED])
    yield f"New assets: {len(period.new_assets)} of {period.assets}"
    for one in period.new_assets[:_LISTED]:
        yield f"  {one['id']} {', '.join(one['roles'][:2])} {one['vendor']}, since {one['first_seen'][:16]}"
    yield from _more(len(period.new_assets), "otwatch assets")
    yield f"Assets seen before and silent in this period: {len(period.silent_assets)}"
    for one in period.silent_assets[:_LISTED]:
        yield f"  {one['id']} {', '.join(one['roles'][:2])} {one['vendor']}, last seen {one['last_seen'][:16]}"
    yield from _more(len(period.silent_assets), "otwatch assets")
    yield f"The sensor about itself: {plural(len(period.health), 'alert') if period.health else 'nothing to report'}"
    for one in period.health[:_LISTED]:
        yield f"  {one['severity']:8} {one['last_seen'][:16]} {one['title']}"
    yield from _more(len(period.health), "otwatch alerts --rule 'sensor.*'")
    yield f"Connections that ended: {period.flows:,}"


def _more(count: int, command: str) -> Iterator[str]:
    if count > _LISTED:
        yield f"  and {count - _LISTED} more: {command}"
