"""What people say of alerts and incidents: acknowledged, a note, snoozed until a time. A file in the sensor's state; lines are added, never changed.

An annotation deletes nothing. A snoozed incident still goes to every destination, marked with `snoozed_until`; it comes back by itself when it
becomes graver, reaches a new target, or succeeds where it had not.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from otwatch.alerts.outcome import SUCCEEDED
from otwatch.alerts.severity import Severity
from otwatch.documents import read_regular
from otwatch.errors import CaptureError
from otwatch.outputs.json_text import json_text

FILE: Final = "annotations.jsonl"
_MAX_BYTES: Final = 16 * 1024 * 1024
_RANK: Final = {severity.label: int(severity) for severity in Severity}


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One line. `severity`, `targets` and `succeeded` are what was known when it was written."""

    id: str  # of the alert or incident
    kind: str  # ack | note | snooze
    name: str
    reason: str
    time: str
    until: str = ""  # of a snooze, a time of the records
    severity: str = "info"
    targets: tuple[str, ...] = ()
    succeeded: bool = False

    def holds(self, record: dict[str, Any], now: str) -> bool:
        """Whether a snooze still covers a record at a time of the records."""
        return (
            self.kind == "snooze"
            and now < self.until
            and _RANK.get(str(record.get("severity")), 0) <= _RANK.get(self.severity, 0)
            and targets_of(record) <= set(self.targets)
            and (self.succeeded or not succeeded(record))
        )


def targets_of(record: dict[str, Any]) -> set[str]:
    """Whom an alert or an incident hit."""
    evidence = record.get("evidence")
    listed = record.get("targets") or (evidence.get("targets") if isinstance(evidence, dict) else None) or ()
    return {str(target) for target in (record.get("dst"), *listed) if target}


def succeeded(record: dict[str, Any]) -> bool:
    """Whether the device confirmed some of it."""
    return str(record.get("outcome")) in SUCCEEDED


def annotation_of(record: dict[str, Any], kind: str, *, name: str, reason: str, time: str, until: str = "") -> Annotation:
    """An annotation of a record as it is now."""
    return Annotation(id=str(record["id"]), kind=kind, name=name, reason=reason, time=time, until=until, severity=str(record["severity"]),
                      targets=tuple(sorted(targets_of(record))), succeeded=succeeded(record))


def annotate(state: Path, annotation: Annotation) -> None:
    """Adds a line. CaptureError when it cannot be written."""
    data = json_text(asdict(annotation)).encode() + b"\n"
    try:
        descriptor = os.open(state / FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK, 0o640)
        try:
            if os.geteuid() == 0:  # the sensor's own user reads it
                owner = state.stat()
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
            if os.write(descriptor, data) != len(data):
                raise CaptureError(f"{state / FILE}: cannot be written whole: the disk is full")
        finally:
            os.close(descriptor)
    except CaptureError:
        raise
    except OSError as error:
        raise CaptureError(f"{state / FILE}: cannot be written: {error.strerror}; name the sensor's state folder with --state") from error


class Annotations:
    """The annotations of a state folder, read again when the file has changed. A damaged line is passed over."""

    def __init__(self, state: Path) -> None:
        self._path = state / FILE
        self._seen: tuple[int, int] | None = None
        self._by_id: dict[str, list[Annotation]] = {}

    def of(self, record: dict[str, Any]) -> list[Annotation]:
        """Those of an alert or an incident, and those of the incident that an alert belongs to; oldest first."""
        self._refresh()
        identities = dict.fromkeys(str(record.get(name) or "") for name in ("incident", "id"))
        return [annotation for identity in identities for annotation in self._by_id.get(identity, ())]

    def snoozed_until(self, record: dict[str, Any], now: str) -> str:
        """Until when a record is snoozed; empty when it is not, or not any more."""
        newest = [annotation for annotation in self.of(record) if annotation.kind == "snooze"][-1:]
        return newest[0].until if newest and newest[0].holds(record, now) else ""

    def _refresh(self) -> None:
        try:
            found = self._path.stat()
            seen = found.st_mtime_ns, found.st_size
            if seen == self._seen:
                return
            content = read_regular(self._path, max_bytes=_MAX_BYTES)
        except OSError:
            self._seen, self._by_id = None, {}
            return
        self._seen, self._by_id = seen, {}
        for line in content.split(b"\n"):
            annotation = _annotation(line)
            if annotation is not None:
                self._by_id.setdefault(annotation.id, []).append(annotation)


def _annotation(line: bytes) -> Annotation | None:
    try:
        stored = json.loads(line)
        return Annotation(**{**stored, "targets": tuple(stored.get("targets", ()))})
    except (ValueError, TypeError, AttributeError):
        return None
