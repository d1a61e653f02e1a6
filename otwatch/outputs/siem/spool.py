"""Events on disk until every destination has them: a SIEM outage, a full queue, a restart or a `kill -9` loses no alert.

A folder of segments, `<first sequence>.events`, each a run of lines `<crc32 hex> <json>`; one `<destination>.cursor` per destination with the
last sequence number that it surely has. Sequence numbers start at 1 and are never used twice, so that a receiver can recognise what is sent
again. Writes go to the kernel at once (safe against the death of the process) and to the disk with `sync` (safe against a power cut).
"""

from __future__ import annotations

import errno
import json
import os
import zlib
from collections import deque
from pathlib import Path
from typing import Any, Final

from otwatch.errors import CaptureError
from otwatch.outputs.siem.event import Event

_SEGMENT_BYTES: Final = 4 * 1024 * 1024
_MEMORY_EVENTS: Final = 10_000  # held in memory while the disk is full


def parse_line(line: bytes) -> Event | None:
    """One stored line; None when it is torn or damaged."""
    checksum, _, body = line.rstrip(b"\n").partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(body):
            return None
        stored = json.loads(body)
        return Event(sequence=int(stored["sequence"]), record=stored["record"])
    except (ValueError, KeyError, TypeError):
        return None


class Spool:
    """Append events, read them from any sequence number on. Bounded: beyond `max_bytes` the oldest segment goes, and is counted."""

    def __init__(self, folder: Path, *, max_bytes: int = 256 * 1024 * 1024) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self.dropped_full = 0  # events of segments that went because the spool was full, not yet delivered anywhere
        self.dropped_memory = 0  # events lost because the disk was full for longer than the memory lasts
        self.disk_errors = 0
        self._waiting: deque[bytes] = deque()
        self._descriptor = -1
        self._segment_bytes = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.next_sequence = self._recover()
        except OSError as error:
            raise CaptureError(f"{folder}: the spool folder cannot be used: {error.strerror}; choose another with `spool`") from error

    def segments(self) -> list[tuple[int, Path]]:
        """(first sequence number, file) of every segment, oldest first."""
        return sorted((int(path.stem), path) for path in self.folder.glob("*.events") if path.stem.isdigit())

    def _recover(self) -> int:
        """The next sequence number after a restart: behind everything on disk and everything that a destination is known to have."""
        last = max((self.cursor(path.stem) for path in self.folder.glob("*.cursor")), default=0)
        segments = self.segments()
        for first, path in segments[-1:]:
            content = path.read_bytes()
            last = max(last, first - 1, *(event.sequence for event in map(parse_line, content.splitlines()) if event is not None))
            if content and not content.endswith(b"\n"):  # the process died inside a write
                with path.open("ab") as segment:
                    segment.write(b"\n")
        return last + 1

    def append(self, record: dict[str, Any]) -> int:
        """Stores one event and returns its sequence number. On a full disk it is kept in memory and written when there is room."""
        sequence = self.next_sequence
        self.next_sequence += 1
        body = json.dumps({"sequence": sequence, "record": record}, ensure_ascii=True, separators=(",", ":"), default=str).encode()
        self._waiting.append(b"%08x %s\n" % (zlib.crc32(body), body))
        self.flush()
        return sequence

    def flush(self) -> bool:
        """Writes what waits in memory; False while the disk does not take it."""
        try:
            while self._waiting:
                line = self._waiting[0]
                if self._descriptor < 0 or self._segment_bytes > _SEGMENT_BYTES:
                    self._start_segment(self.next_sequence - len(self._waiting))
                written = os.write(self._descriptor, line)
                self._segment_bytes += written
                if written < len(line):  # a full disk may take a part: end the torn line, write it anew later
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                self._waiting.popleft()
        except OSError:
            self.disk_errors += 1
            self._close_segment()
            while len(self._waiting) > _MEMORY_EVENTS:
                self._waiting.popleft()
                self.dropped_memory += 1
            return False
        return True

    def _start_segment(self, first: int) -> None:
        self._close_segment()
        path = self.folder / f"{first:020d}.events"
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        self._segment_bytes = os.fstat(self._descriptor).st_size
        if self._segment_bytes:
            self._segment_bytes += os.write(self._descriptor, b"\n")
        self._make_room()

    def _make_room(self) -> None:
        segments = self.segments()
        total = sum(path.stat().st_size for _, path in segments)
        delivered = min((self.cursor(path.stem) for path in self.folder.glob("*.cursor")), default=0)
        while len(segments) > 1 and total > self.max_bytes:  # what was delivered stays as long as there is room: `otwatch resend` wants it
            first, path = segments.pop(0)
            total -= path.stat().st_size
            self.dropped_full += max(0, segments[0][0] - max(first, delivered + 1))
            path.unlink()

    def _close_segment(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def sync(self) -> None:
        """Asks the kernel to write the newest events to the disk itself."""
        if self._descriptor >= 0:
            try:
                os.fsync(self._descriptor)
            except OSError:
                self.disk_errors += 1

    def reader(self, after: int) -> SpoolReader:
        """Reads on from a sequence number, for one destination."""
        return SpoolReader(self, after)

    def cursor(self, destination: str) -> int:
        """The last sequence number that a destination surely has; 0 for a new one."""
        try:
            return int((self.folder / f"{destination}.cursor").read_text())
        except (OSError, ValueError):
            return 0

    def move_cursor(self, destination: str, sequence: int) -> bool:
        """Stores a destination's cursor atomically; False when the disk does not take it (events may then be sent twice, never lost)."""
        path = self.folder / f"{destination}.cursor"
        try:
            scratch = path.with_suffix(".cursor-new")
            scratch.write_text(f"{sequence}\n")
            scratch.replace(path)
        except OSError:
            self.disk_errors += 1
            return False
        return True

    @property
    def waiting_in_memory(self) -> int:
        """Events that the disk has not taken yet."""
        return len(self._waiting)

    def close(self) -> None:
        """Writes everything and lets go of the file."""
        self.flush()
        self.sync()
        self._close_segment()


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
        """The next events, in order, at most `limit`; none when there is nothing new."""
        events: list[Event] = []
        while len(events) < limit:
            segments = self._spool.segments()
            if self._segment is None or self._segment not in segments:
                older = [segment for segment in segments if segment[0] <= self.after + 1]
                first = older[-1:] or segments[:1]
                if not first:
                    break
                self._segment, self._offset = first[0], 0
            self._read_on(events, limit)
            newer = [segment for segment in segments if segment[0] > self._segment[0]]
            if len(events) >= limit or not newer:
                break
            self._segment, self._offset = newer[0], 0
        return events

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
