"""What the manifests of a lake prove of continuous monitoring, in sentences for an auditor; what is broken stands first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from otwatch.lake.asking import Span, moment
from otwatch.lake.layout import Lake, Place, day_of
from otwatch.lake.manifest import heads, hours_without, latest, read, verify
from otwatch.outputs.story import plural

_NAMED = 5  # findings and days that are written out


def monitoring_of(lake: Lake, span: Span) -> tuple[str, ...]:
    """Per sensor: days with files, hours without a sensor, whether chain and files are as they were, and the head to compare."""
    return tuple(sentence for place in lake.places(span.site, span.sensor) for sentence in _of(place, span))


def _of(place: Place, span: Span) -> Iterator[str]:
    since, until = moment(span.since), moment(span.until)
    first = day_of(since) if since is not None else ""
    last = day_of(until - 1) if until is not None else "9999-12-31"
    name = f"sensor {place.sensor}"
    broken = [finding.text for finding in verify(place, since=first) if finding.broken]
    if broken:
        more = f" and {len(broken) - _NAMED} more" if len(broken) > _NAMED else ""
        yield f"{name}: THE MANIFEST IS BROKEN: {'; '.join(broken[:_NAMED])}{more}"
    known = latest(read(place)[0])
    days = [day for day in place.days() if first <= day <= last]
    sealed = [day for day in days if known.get(day, {}).get("kind") == "day"]
    if days:
        gaps = {day: hours_without(place.segments(day), day) for day in days}
        without = sum(map(len, gaps.values()))
        absent = _days_between(days[0], days[-1]) - len(days)
        yield (
            f"{name}: {plural(len(days), 'day')} from {days[0]} to {days[-1]} with records, {plural(absent, 'day')} between them without; "
            f"{plural(without, 'hour')} of {24 * len(days)} without a sensor"
        )
    deleted = sorted(day for day, line in known.items() if line["kind"] == "deleted" and first <= day <= last)
    if deleted:
        yield f"{name}: {plural(len(deleted), 'day')} deleted for age or size, as the manifest says: {', '.join(deleted[:_NAMED])}"
    chain = heads(place)
    if chain:
        state = "is broken" if broken else "and the SHA-256 of every file hold"
        yield f"{name}: {plural(len(sealed), 'day')} sealed; the chain of {plural(len(chain), 'line')} {state}; head {chain[-1]}"
    if len(sealed) < len(days):
        yield f"{name}: {plural(len(days) - len(sealed), 'day')} not sealed yet"


def _days_between(first: str, last: str) -> int:
    return (date.fromisoformat(last) - date.fromisoformat(first)).days + 1
