"""Events on disk until every destination has them: a SIEM outage, a full queue, a restart or a `kill -9` loses no alert.

A folder of segments, `<first sequence>.events`, each a run of lines `<crc32 hex> <json>`, and the number files of `cursors`. Sequence numbers
start at 1 and are never used twice, so that a receiver can recognise what is sent again. Writes go to the kernel at once (safe against the
death of the process) and to the disk with `sync` (safe against a power cut). While the disk does not take them, from the start or later, events
wait in memory and are sent from there. What is damaged or was pushed out is a loss with its sequence numbers (`losses`).
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
import zlib
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from otwatch.errors import CaptureError
from otwatch.outputs.json_text import json_text
from otwatch.outputs.siem.cursors import HIGHEST, Cursors
from otwatch.outputs.siem.losses import Losses
from otwatch.outputs.siem.reading import SpoolReader, last_number_of, numbers_of, segments_of, strays_of

_SEGMENT_BYTES: Final = 4 * 1024 * 1024
_MEMORY_EVENTS: Final = 10_000  # held in memory while the disk is full
_PLAUSIBLE_GAP: Final = 1_000_000  # a segment whose name is further ahead than this was not made by this spool
_NAMES_SHOWN: Final = 5


class Spool:
    """Append events, read them from any sequence number on. Bounded: beyond `max_bytes` the oldest segment goes, and is counted.

    One process appends; `append` and `flush` are safe beside readers in other threads. A folder that cannot be used now is tried again with
    every `flush`. CaptureError only when another process uses it: two sensors must not share one.
    """

    def __init__(self, folder: Path, *, max_bytes: int = 256 * 1024 * 1024, segment_bytes: int = _SEGMENT_BYTES) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self.cursors = Cursors(folder)
        self.lock = threading.Lock()
        self.losses = Losses()
        self.disk_errors = 0
        self.damage: list[str] = []  # what was found wrong at the start, in sentences
        self.error = ""  # why the disk does not take events now; empty while it does
        self.next_sequence = 1
        self._segment_limit = segment_bytes
        self._implausible: set[Path] = set()
        self._waiting: deque[bytes] = deque()
        self._descriptor = -1
        self._locks: list[int] = []
        self._segment_bytes = 0
        self._used = 0
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        except OSError as error:
            self._failed(error)
        self._take_locks()
        self.next_sequence = self._recover()
        self._note_used()  # makes the file while there is room

    def _take_locks(self) -> None:
        """On the folder itself, which works on a full disk, and on a file in it, which works where folders cannot be locked."""
        for path, flags in ((self.folder, os.O_RDONLY | os.O_DIRECTORY), (self.folder / "lock", os.O_WRONLY | os.O_CREAT)):
            try:
                descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, 0o640)
            except OSError as error:
                self._failed(error)
                continue
            self._locks.append(descriptor)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                self._release_locks()
                raise CaptureError(f"{self.folder}: the spool folder is in use by another sensor; give each its own state folder") from error
            except OSError as error:
                self._failed(error)

    def _release_locks(self) -> None:
        for descriptor in self._locks:
            os.close(descriptor)
        self._locks = []

    def _failed(self, error: OSError) -> None:
        self.disk_errors += 1
        self.error = error.strerror or str(error)

    def segments(self) -> list[tuple[int, Path]]:
        """(first sequence number, file) of every segment, oldest first."""
        found = segments_of(self.folder)
        return [segment for segment in found if segment[1] not in self._implausible] if self._implausible else found

    def _recover(self) -> int:
        """The next sequence number after a restart: behind everything on disk and everything that was ever sent."""
        if self.folder.is_dir() and not os.access(self.folder, os.R_OK | os.X_OK):
            self._failed(OSError(errno.EACCES, os.strerror(errno.EACCES)))
            return int(time.time()) << 20  # numbers were used, and nobody knows which: far beyond any that count from 1
        last = self.cursors.highest()
        strays = strays_of(self.folder)
        for first, path in self.segments():
            if first > last + _PLAUSIBLE_GAP:
                self._implausible.add(path)
                strays.append(path.name)
                continue
            last = max(last, first - 1)
        for _, path in self.segments()[-1:]:
            try:
                last = max(last, self._last_of(path))
            except OSError as error:
                self._failed(error)
        if strays:
            more = f" and {len(strays) - _NAMES_SHOWN} more" if len(strays) > _NAMES_SHOWN else ""
            self.damage.append(f"no segments of this spool, ignored: {', '.join(strays[:_NAMES_SHOWN])}{more}")
        return min(last, HIGHEST - _PLAUSIBLE_GAP) + 1

    def _last_of(self, path: Path) -> int:
        last = last_number_of(path)
        with path.open("rb+") as segment:
            end = segment.seek(0, os.SEEK_END)
            if end:
                segment.seek(end - 1)
                if segment.read(1) != b"\n":  # the process died inside a write, or the file was cut: what follows begins on a line of its own
                    segment.write(b"\n")
        return last

    def learn(self, sequence: int) -> None:
        """Another output has an event of this number: it was used, whatever became of it here. Call it before the first `append`."""
        if self.next_sequence <= sequence < self.next_sequence + _PLAUSIBLE_GAP:
            self.next_sequence = sequence + 1

    def check(self, after: int) -> None:
        """Looks for what is missing behind `after`, the last number that everybody has: each loss is noted with its numbers."""
        expected = max(after, self.cursors.told()) + 1
        segments = self._behind(expected - 1)
        expected = max(expected, segments[0][0] if segments else 0)  # what was before went to make room, and was counted then
        for _, path in segments:
            with suppress(OSError):
                for sequence in numbers_of(path):
                    if sequence >= expected:
                        self.losses.add(expected, sequence - 1, "the spool was damaged")
                        expected = sequence + 1
        self.losses.add(expected, self.next_sequence - 1, "the spool was damaged")

    def _behind(self, after: int) -> list[tuple[int, Path]]:
        segments = self.segments()
        needed = [number for number, (first, _) in enumerate(segments) if first > after + 1]
        return segments[max(0, (needed[0] if needed else len(segments)) - 1) :]

    def note_told(self) -> None:
        """What is lost so far is on its way as an alert, and not to be told again after a restart."""
        if self.losses.highest > self.cursors.told():
            self.cursors.note_told(self.losses.highest)

    def append(self, record: dict[str, Any]) -> int:
        """Stores one event and returns its sequence number. What the disk does not take is kept in memory and written when it does."""
        with self.lock:
            sequence = self.next_sequence
            self.next_sequence += 1
            body = json_text({"sequence": sequence, "record": record}).encode()
            self._waiting.append(b"%08x %s\n" % (zlib.crc32(body), body))
            self._flush()
        return sequence

    def flush(self) -> bool:
        """Writes what waits in memory; False while the disk does not take it. Notes, once a second at most, which numbers are in use."""
        with self.lock:
            done = self._flush()
        self._note_used()
        return done

    def _note_used(self) -> None:
        if self.next_sequence - 1 != self._used and self.cursors.use(self.next_sequence - 1):
            self._used = self.next_sequence - 1

    def _flush(self) -> bool:
        try:
            if not self._locks:  # there was no folder when this began
                self.folder.mkdir(parents=True, exist_ok=True, mode=0o750)
                self._take_locks()
            while self._waiting:
                line = self._waiting[0]
                if self._descriptor < 0 or self._segment_bytes > self._segment_limit:
                    self._start_segment(self.next_sequence - len(self._waiting))
                written = os.write(self._descriptor, line)
                self._segment_bytes += written
                if written < len(line):  # a full disk may take a part: the line is written anew later
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301 - the same as what write() says next
                self._waiting.popleft()
        except OSError as error:
            self._failed(error)
            self._close_segment()
            if len(self._waiting) > _MEMORY_EVENTS:
                first = self.next_sequence - len(self._waiting)
                self.losses.add(first, first + len(self._waiting) - _MEMORY_EVENTS - 1, "the disk took nothing for longer than memory lasts")
            while len(self._waiting) > _MEMORY_EVENTS:
                self._waiting.popleft()
            return False
        self.error = ""
        return True

    def _start_segment(self, first: int) -> None:
        self._close_segment()
        path = self.folder / f"{first:020d}.events"
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o640)
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
            self.losses.add(max(first, delivered + 1), segments[0][0] - 1, "the spool was full")
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
            except OSError as error:
                self._failed(error)

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
        self._release_locks()
