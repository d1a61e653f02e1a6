"""The manifest of a sensor's days: one JSON line each, which holds the SHA-256 of the line before it and of every file of the day.

Who changes, removes or adds a file, or a line, breaks the chain from there on, unless they can write all that comes after it: keep the `head` (the
hash of the last line) where they cannot. A day that was deleted for its age keeps its line; hours and days without a sensor are lines, too.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from otwatch.errors import CaptureError
from otwatch.lake.layout import DAY_NS, MANIFEST, Place, Segment, day_ns, sync

_HOUR_NS: Final = DAY_NS // 24
START: Final = "0" * 64  # what the first line has for a line before it
Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """What `verify` found. `broken`: evidence was changed or is missing; else something to know."""

    place: str
    text: str
    broken: bool = True


def seal(place: Place, day: str) -> bool:
    """Writes the line of a day, if it is not as the last one of that day says; before it, lines for the time in which there was no sensor."""
    segments = place.segments(day)
    files = [
        {"path": str(path.relative_to(place.path)), "bytes": path.stat().st_size, "sha256": digest(path)}
        for segment in segments
        for path in sorted(segment.path.iterdir())
    ]
    with _manifest(place) as (lines, append):
        known = latest(lines)
        if known.get(day, {}).get("files") == files:
            return False
        before = max((one for one, line in known.items() if line["kind"] == "day" and one < day), default=None)
        missing = None if before is None else (date.fromisoformat(before) + timedelta(1), date.fromisoformat(day) - timedelta(1))
        if missing and missing[0] <= missing[1] and day not in known:
            append({"kind": "gap", "from_day": str(missing[0]), "until_day": str(missing[1])})
        hours = hours_without(segments, day)
        if hours:
            append({"kind": "gap", "day": day, "hours": hours})
        append({"kind": "day", "day": day, "segments": [segment.name for segment in segments], "files": files})
    return True


def note_deleted(place: Place, day: str, reason: str, *, tables: tuple[str, ...] = ()) -> None:
    """Writes that a day, or some tables of it, is deleted, before it is."""
    with _manifest(place) as (_, append):
        append({"kind": "deleted", "day": day, "reason": reason, **({"tables": list(tables)} if tables else {})})


def hours_without(segments: list[Segment], day: str) -> list[int]:
    """Hours (UTC) of a day in which nobody listened."""
    start, seen = day_ns(day), set[int]()
    for segment in segments:
        for first, last in segment.about.get("seen_ns") or [(segment.about.get("from_ns", 0), segment.about.get("until_ns", -1))]:
            seen |= set(range((max(first, start) - start) // _HOUR_NS, (min(last, start + DAY_NS - 1) - start) // _HOUR_NS + 1))
    return [hour for hour in range(24) if hour not in seen]


def latest(lines: list[Line]) -> dict[str, Line]:
    """Day -> the last line that says what is there of it."""
    found: dict[str, Line] = {}
    for line in lines:
        if line["kind"] == "day" or (line["kind"] == "deleted" and not line.get("tables")):
            found[line["day"]] = line
        elif line["kind"] == "deleted" and line["day"] in found:
            gone = tuple(f"/{table}." for table in line["tables"])
            was = found[line["day"]]
            found[line["day"]] = {**was, "files": [one for one in was.get("files", ()) if not any(part in one["path"] for part in gone)]}
    return found


def read(place: Place) -> tuple[list[Line], list[str]]:
    """The lines of a manifest, and what is wrong with its chain."""
    path, lines, wrong, before = place.path / MANIFEST, list[Line](), list[str](), START
    try:
        data = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise CaptureError(f"{path}: cannot be read: {error.strerror}") from error
    *whole, rest = data.split(b"\n")
    for number, text in enumerate(whole, 1):
        try:
            line = json.loads(text)
            valid = isinstance(line, dict) and line["kind"] in ("day", "gap", "deleted") and isinstance(line.get("day", ""), str)
        except (ValueError, KeyError, TypeError):
            valid = False
        if not valid:
            wrong.append(f"line {number} is no line of a manifest")
        else:
            if line.get("previous") != before:
                wrong.append(f"line {number} does not follow line {number - 1}: a line was changed, removed or added")
            lines.append(line)
        before = hashlib.sha256(text).hexdigest()
    if rest:
        wrong.append(f"{len(rest)} bytes after the last line: it was cut short")
    return lines, wrong


def heads(place: Place) -> list[str]:
    """The hash of every line, oldest first; the last is the head."""
    path = place.path / MANIFEST
    return [hashlib.sha256(text).hexdigest() for text in path.read_bytes().split(b"\n")[:-1]] if path.exists() else []


def verify(place: Place, *, since: str = "") -> Iterator[Finding]:
    """Whether the chain holds, and every file of the days from `since` on is what its day's line says."""
    name = f"{place.site}, {place.sensor}"
    lines, wrong = read(place)
    yield from (Finding(name, text) for text in wrong)
    known = latest(lines)
    for day, line in sorted(known.items()):
        if day < since:
            continue
        listed = {one["path"]: one for one in line.get("files", ())}
        there = {str(path.relative_to(place.path)) for path in place.day(day).glob("*/*")}
        if line["kind"] == "deleted":
            if there:
                yield Finding(name, f"{day}: deleted by the manifest ({line['reason']}), but {len(there)} files are there", broken=False)
            continue
        for path, one in listed.items():
            if path not in there:
                yield Finding(name, f"{day}: {path} is missing")
            elif digest(place.path / path) != one["sha256"]:
                yield Finding(name, f"{day}: {path} was changed")
        counted = {str(path.relative_to(place.path)) for segment in place.segments(day) for path in segment.path.iterdir()}
        if counted - set(listed):
            more = len(counted - set(listed))
            yield Finding(name, f"{day}: {more} files that no line of the manifest has: `otwatch lake tidy` adds them", broken=False)
    for day in place.days():
        if day >= since and day not in known and place.segments(day):
            yield Finding(name, f"{day}: not in the manifest yet: `otwatch lake tidy` adds days that are over", broken=False)


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _manifest(place: Place) -> Iterator[tuple[list[Line], Any]]:
    """(the lines, a function that appends one), for one writer at a time. A last line that was cut short is taken off: it was never there."""
    path = place.path / MANIFEST
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            data = file.read()
            end = data.rfind(b"\n") + 1
            file.truncate(end)
            texts = data[:end].split(b"\n")[:-1]
            lines, _ = read(place)
            previous = hashlib.sha256(texts[-1]).hexdigest() if texts else START

            def append(line: Line) -> None:
                nonlocal previous
                written = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
                text = json.dumps({**line, "written": written, "previous": previous}, separators=(",", ":")).encode()
                file.write(text + b"\n")
                file.flush()
                os.fsync(file.fileno())
                previous = hashlib.sha256(text).hexdigest()

            yield lines, append
        sync(path.parent)
    except OSError as error:
        raise CaptureError(f"{path}: cannot be written: {error.strerror or error}") from error
