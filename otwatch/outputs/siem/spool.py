"""Events on disk until every destination has them: a SIEM outage, a full queue, a restart or a `kill -9` loses no alert.

A folder of segments, `<first sequence>.events`, each a run of lines `<crc32 hex> <json>`, and the number files of `cursors`. Sequence numbers
start at 1 and are never used twice, so that a receiver can recognise what is sent again. Writes go to the kernel at once (safe against the
death of the process) and to the disk with `sync` (safe against a power cut). While the disk is full, events wait in memory and are sent from there.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import zlib
from collections import deque
from pathlib import Path
from typing import Any, Final

from otwatch.errors import CaptureError
from otwatch.outputs.json_text import json_text
from otwatch.outputs.siem.cursors import Cursors
from otwatch.outputs.siem.reading import SpoolReader, parse_line, segments_of

_SEGMENT_BYTES: Final = 4 * 1024 * 1024
_MEMORY_EVENTS: Final = 10_000  # held in memory while the disk is full


class Spool:
    """Append events, read them from any sequence number on. Bounded: beyond `max_bytes` the oldest segment goes, and is counted.

    One process appends; `append` and `flush` are safe beside readers in other threads. CaptureError when the folder cannot be used.
    """

    def __init__(self, folder: Path, *, max_bytes: int = 256 * 1024 * 1024, segment_bytes: int = _SEGMENT_BYTES) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self.cursors = Cursors(folder)
        self.lock = threading.Lock()
        self.dropped_full = 0  # events of segments that went because the spool was full, not yet delivered everywhere
        self.dropped_memory = 0  # events lost because the disk was full for longer than the memory lasts
        self.disk_errors = 0
        self.damaged_lines = 0
        self._segment_limit = segment_bytes
        self._waiting: deque[bytes] = deque()
        self._descriptor = -1
        self._lock_file = -1
        self._segment_bytes = 0
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._lock_file = os.open(folder / "lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.next_sequence = self._recover()
            self.cursors.use(self.next_sequence - 1)  # makes the file while there is room
        except BlockingIOError as error:
            raise CaptureError(f"{folder}: the spool folder is in use by another sensor; give each its own with `spool`") from error
        except OSError as error:
            raise CaptureError(f"{folder}: the spool folder cannot be used: {error.strerror}; choose another with `spool`") from error

    def segments(self) -> list[tuple[int, Path]]:
        """(first sequence number, file) of every segment, oldest first."""
        return segments_of(self.folder)

    def _recover(self) -> int:
        """The next sequence number after a restart: behind everything on disk and everything that was ever sent."""
        last = self.cursors.highest()
        for first, path in self.segments()[-1:]:
            content = path.read_bytes()
            events = [parse_line(line) for line in content.split(b"\n") if line]
            self.damaged_lines = events.count(None)
            last = max(last, first - 1, *(event.sequence for event in events if event is not None))
            if content and not content.endswith(b"\n"):  # the process died inside a write
                with path.open("ab") as segment:
                    segment.write(b"\n")
        return last + 1

    def append(self, record: dict[str, Any]) -> int:
        """Stores one event and returns its sequence number. On a full disk it is kept in memory and written when there is room."""
        with self.lock:
            sequence = self.next_sequence
            self.next_sequence += 1
            body = json_text({"sequence": sequence, "record": record}).encode()
            self._waiting.append(b"%08x %s\n" % (zlib.crc32(body), body))
            self._flush()
        return sequence

    def flush(self) -> bool:
        """Writes what waits in memory; False while the disk does not take it."""
        with self.lock:
            return self._flush()

    def _flush(self) -> bool:
        try:
            while self._waiting:
                line = self._waiting[0]
                if self._descriptor < 0 or self._segment_bytes > self._segment_limit:
                    self._start_segment(self.next_sequence - len(self._waiting))
                written = os.write(self._descriptor, line)
                self._segment_bytes += written
                if written < len(line):  # a full disk may take a part: the line is written anew later
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301 - the same as what write() says next
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
        if self._segment_bytes:  # ends a torn line
            self._segment_bytes += os.write(self._descriptor, b"\n")
        self._make_room()

    def _make_room(self) -> None:
        segments = self.segments()
        total = sum(path.stat().st_size for _, path in segments)
        delivered = self.cursors.slowest()
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

    @property
    def waiting_in_memory(self) -> int:
        """Events that the disk has not taken yet."""
        return len(self._waiting)

    def waiting(self) -> list[bytes]:
        """Their lines; call it with `lock` held."""
        return list(self._waiting)

    def close(self) -> None:
        """Writes everything and lets go of the files."""
        self.flush()
        self.sync()
        self._close_segment()
        if self._lock_file >= 0:
            os.close(self._lock_file)
            self._lock_file = -1
