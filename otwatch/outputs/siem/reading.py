"""Reading a spool: from any sequence number on, while another thread or process appends to it, and past whatever is damaged."""

from __future__ import annotations

import json
import os
import re
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otwatch.outputs.siem.cursors import HIGHEST
from otwatch.outputs.siem.event import Event

if TYPE_CHECKING:
    from otwatch.outputs.siem.spool import Spool

_SEGMENT: Final = re.compile(r"[0-9]{20}\.events")
_START: Final = re.compile(rb'[0-9a-f]{8} \{"sequence":[0-9]')  # of a record, also amid damage
_NUMBER: Final = re.compile(rb'[0-9a-f]{8} \{"sequence":([0-9]{1,16})[,}]')
_LINE_BYTES: Final = 8 * 1024 * 1024  # longer than any record; more without a newline is damage


def parse_line(line: bytes) -> Event | None:
    """One stored line, `<crc32 hex> <json>`; None when it is torn or damaged."""
    checksum, _, body = line.rstrip(b"\n").partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(body):
            return None
        stored = json.loads(body)
        event = Event(sequence=int(stored["sequence"]), record=dict(stored["record"]))
    except (ValueError, KeyError, TypeError):
        return None
    return event if 0 < event.sequence <= HIGHEST else None


def recovered(line: bytes) -> list[Event]:
    """The whole records inside a damaged line: what was between two of them is damaged, not they themselves."""
    starts = [found.start() for found in _START.finditer(line)]
    events = []
    for start, end in zip(starts, [*starts[1:], len(line) + 1], strict=False):
        for cut in (end, end - 1):  # the newline itself may be what was damaged
            event = parse_line(line[start:cut])
            if event is not None:
                events.append(event)
                break
    return events


def segments_of(folder: Path) -> list[tuple[int, Path]]:
    """(first sequence number, file) of every segment, oldest first. Anything else in the folder is no segment, whatever its name."""
    return sorted((int(path.stem), path) for path, good in _named_events(folder) if good)


def strays_of(folder: Path) -> list[str]:
    """Names that end in `.events` and are no segment: nothing is read from them."""
    return sorted(path.name for path, good in _named_events(folder) if not good)


def _named_events(folder: Path) -> Iterator[tuple[Path, bool]]:
    try:
        entries = [entry for entry in os.scandir(folder) if entry.name.endswith(".events")]
    except OSError:
        return
    for entry in entries:
        good = _SEGMENT.fullmatch(entry.name) is not None and 0 < int(entry.name[:20]) <= HIGHEST
        try:
            good = good and stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode)
        except OSError:  # it has just gone
            continue
        yield Path(entry.path), good


def events_of(path: Path) -> Iterator[Event]:
    """Every whole event of a segment, in the order in which they stand there."""
    with path.open("rb") as lines:
        while line := lines.readline(_LINE_BYTES):
            event = parse_line(line)
            if event is not None:
                yield event
            elif line != b"\n":
                yield from recovered(line)


def numbers_of(path: Path) -> Iterator[int]:
    """The sequence numbers of the whole events of a segment, without looking into them."""
    for numbers in _numbers_by_line(path):
        yield from numbers


def last_number_of(path: Path) -> int:
    """The last number that was used in a segment: that of the last whole event, and one for each damaged line after it. 0 when nothing is whole."""
    last = 0
    for numbers in _numbers_by_line(path):
        last = max([last, *numbers]) if numbers else last + (last > 0)
    return last


def _numbers_by_line(path: Path) -> Iterator[list[int]]:
    with path.open("rb") as lines:
        while line := lines.readline(_LINE_BYTES):
            found = _NUMBER.match(line)
            if found and int(line[:8], 16) == zlib.crc32(line.rstrip(b"\n")[9:]):
                yield [int(found[1])]
            elif line != b"\n":
                yield [event.sequence for event in recovered(line)]


def stored_events(folder: Path) -> Iterator[Event]:
    """Every readable event of a spool folder, in order."""
    for _, path in segments_of(folder):
        yield from events_of(path)


class SpoolReader:
    """A place in a spool. Remembers where it is in its segment, so that reading on costs what is new. Numbers that it misses are losses."""

    def __init__(self, spool: Spool, after: int) -> None:
        self._spool = spool
        self.after = after  # the last sequence number that was read
        self.damaged_lines = 0
        self._segment: tuple[int, Path] | None = None
        self._offset = 0
        self._gone = 0  # what is before the oldest segment went to make room, and was counted then

    def rewind(self, after: int) -> None:
        """Reads again from behind `after`."""
        self.after = after
        self._segment = None

    def read(self, limit: int = 256) -> list[Event]:
        """The next events, in order, at most `limit`; none when there is nothing new. What the disk did not take comes from memory."""
        events: list[Event] = []
        self._read_disk(events, limit)
        if len(events) < limit and self._spool.waiting_in_memory:
            with self._spool.lock:  # nothing moves from memory to the disk meanwhile
                self._read_disk(events, limit)
                held = [event for event in map(parse_line, self._spool.waiting()) if event is not None and event.sequence > self.after]
                for event in held[: limit - len(events)]:
                    self._take(event, events)
                if events:
                    self._spool.cursors.use(events[-1].sequence)
        return events

    def _take(self, event: Event, events: list[Event]) -> None:
        self._spool.losses.add(max(self.after, self._gone) + 1, event.sequence - 1, "the spool was damaged")
        events.append(event)
        self.after = event.sequence

    def _read_disk(self, events: list[Event], limit: int) -> None:
        while len(events) < limit:
            segments = self._spool.segments()
            self._gone = segments[0][0] - 1 if segments else 0
            if self._segment is None or self._segment not in segments:
                older = [segment for segment in segments if segment[0] <= self.after + 1]
                first = older[-1:] or segments[:1]
                if not first:
                    return
                self._segment, self._offset = first[0], 0
            self._read_on(events, limit)
            newer = [segment for segment in segments if segment[0] > self._segment[0]]
            if len(events) >= limit or not newer:
                return
            self._segment, self._offset = newer[0], 0

    def _read_on(self, events: list[Event], limit: int) -> None:
        assert self._segment is not None
        try:
            lines = self._segment[1].open("rb")
        except FileNotFoundError:  # went to make room meanwhile
            return
        with lines:
            lines.seek(self._offset)
            while len(events) < limit:
                line = lines.readline(_LINE_BYTES)
                if not line.endswith(b"\n") and len(line) < _LINE_BYTES:  # the end, or a line that is just being written
                    return
                self._offset += len(line)
                if line == b"\n":
                    continue
                event = parse_line(line)
                if event is None:
                    self.damaged_lines += 1
                for whole in [event] if event is not None else recovered(line):
                    if whole.sequence > self.after:
                        self._take(whole, events)
