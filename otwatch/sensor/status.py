"""What a running sensor says of itself, read from its state by anybody who may: the last heartbeats, the last alert, destinations, the disk."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from otwatch.alerts.severity import Severity
from otwatch.errors import CaptureError
from otwatch.outputs.siem.cursors import Cursors
from otwatch.outputs.siem.event import Event
from otwatch.outputs.siem.reading import events_of, segments_of

_SEGMENTS_READ: Final = 3  # the newest: some thousand events
_ALERTS: Final = frozenset({"alert", "incident"})
_DAY_SECONDS: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One sensor, or one process of several."""

    name: str
    age_seconds: float  # of the last heartbeat
    late: bool  # it should have been followed by another
    coverage: dict[str, Any]
    conditions: tuple[str, ...]
    learning: bool
    packets_per_second: float | None  # between the last two heartbeats
    dropped: int | None
    last_alert: dict[str, Any] | None
    gravest_alert: dict[str, Any] | None  # of a day; of several that are as grave, the latest
    pending: dict[str, int]  # destination -> events that it has not confirmed
    free_bytes: int


def folders_of(state: Path) -> list[Path]:
    """The state folder, or those of its processes."""
    several = sorted(folder for folder in state.glob("*-of-*") if (folder / "spool").is_dir())
    return several or [state]


def read_status(state: Path, now: float) -> Status:
    """The status of one state folder at a time (seconds since 1970). CaptureError when there is no heartbeat."""
    beats: deque[Event] = deque(maxlen=2)
    last_alert: dict[str, Any] | None = None
    gravest_alert: dict[str, Any] | None = None
    last = 0
    for event in _newest(state / "spool"):
        last = max(last, event.sequence)
        if event.record.get("type") == "heartbeat":
            beats.append(event)
        elif event.record.get("type") in _ALERTS and not str(event.record.get("rule", "")).startswith("sensor."):
            last_alert = event.record
            if now - seconds_of(event.record) < _DAY_SECONDS and _severity(event.record) >= _severity(gravest_alert or {}):
                gravest_alert = event.record
    if not beats:
        raise CaptureError(f"{state}: no heartbeat of a sensor; name its state folder with --state (the heartbeat must not be switched off)")
    newest = beats[-1].record
    interval = seconds_of(newest) - seconds_of(beats[0].record) if len(beats) == 2 else 0.0
    coverage = newest.get("coverage") or {}
    before = beats[0].record.get("coverage") or {}
    age = max(0.0, now - seconds_of(newest))
    cursors = Cursors(state / "spool")
    return Status(
        name=str(newest.get("src", "")),
        age_seconds=age,
        late=age > max(3 * interval, 30.0),
        coverage=coverage,
        conditions=tuple(str(name) for name in newest.get("conditions", ())),
        learning="learning" in str(newest.get("title", "")),
        packets_per_second=(coverage.get("packets", 0) - before.get("packets", 0)) / interval if interval > 0 else None,
        dropped=coverage.get("dropped", 0) - before.get("dropped", 0) if interval > 0 else None,
        last_alert=last_alert,
        gravest_alert=gravest_alert,
        pending={name: max(0, last - (cursors.delivered(name) or 0)) for name in coverage.get("spool_pending", {})},
        free_bytes=shutil.disk_usage(state).free,
    )


def _newest(spool: Path) -> Iterator[Event]:
    segments = segments_of(spool)
    for _, path in islice(segments, max(0, len(segments) - _SEGMENTS_READ), None):
        try:
            yield from events_of(path)
        except FileNotFoundError:  # it has just gone to make room
            continue
        except OSError as error:
            raise CaptureError(f"{path}: cannot be read: {error.strerror}; run as the sensor's user or as root") from error


def _severity(record: dict[str, Any]) -> int:
    return int(Severity.__members__.get(str(record.get("severity", "")).upper(), -1))


def seconds_of(record: dict[str, Any]) -> float:
    """The time of a record in seconds since 1970; 0 when it has none."""
    try:
        return datetime.fromisoformat(str(record["time"])[:26]).replace(tzinfo=UTC).timestamp()
    except (KeyError, ValueError):
        return 0.0
