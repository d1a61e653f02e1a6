"""Reading a spool: from any sequence number on, while another thread or process appends to it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from otwatch.outputs.siem.event import Event

if TYPE_CHECKING:
    from otwatch.outputs.siem.spool import Spool


def parse_line(line: bytes) -> Event | None:
    """One stored line, `<crc32 hex> <json>`; None when it is torn or damaged."""
    checksum, _, body = line.rstrip(b"\n").partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(body):
            return None
        stored = json.loads(body)
        return Event(sequence=int(stored["sequence"]), record=dict(stored["record"]))
    except (ValueError, KeyError, TypeError):
        return None


def segments_of(folder: Path) -> list[tuple[int, Path]]:
    """(first sequence number, file) of every segment, oldest first."""
    return sorted((int(path.stem), path) for path in folder.glob("*.events") if path.stem.isdigit())


def stored_events(folder: Path) -> Iterator[Event]:
    """Every readable event of a spool folder, in order."""
    for _, path in segments_of(folder):
        with path.open("rb") as lines:
            yield from (event for event in map(parse_line, lines) if event is not None)


class SpoolReader:
    """A place in a spool. Remembers where it is in its segment, so that reading on costs what is new."""

    def __init__(self, spool: Spool, after: int) -> None:
        self._spool = spool
        self.after = after  # the last sequence number that was read
        self.damaged_lines = 0
        self._segment: tuple[int, Path] | None = None
        self._offset = 0

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
                taken = held[: limit - len(events)]
                if taken:
                    self._spool.cursors.use(taken[-1].sequence)
                    self.after = taken[-1].sequence
                    events += taken
        return events

    def _read_disk(self, events: list[Event], limit: int) -> None:
        while len(events) < limit:
            segments = segments_of(self._spool.folder)
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
                line = lines.readline()
                if not line.endswith(b"\n"):  # the end, or a line that is just being written
                    return
                self._offset += len(line)
                event = parse_line(line) if line != b"\n" else None
                if event is not None and event.sequence > self.after:
                    events.append(event)
                    self.after = event.sequence
                elif event is None and line != b"\n":
                    self.damaged_lines += 1
