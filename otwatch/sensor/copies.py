"""Outputs on this machine that follow the spool: the JSON lines file and the store.

Both are optional: whatever happens to them, the sensor goes on, says so, and tries again. What a disk refused is read from the spool once there is
room, so that nothing is missing in the file that a SIEM has; the sequence numbers say where each of them is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

from otwatch.errors import CaptureError
from otwatch.outputs.rotating import RotatingLines
from otwatch.outputs.siem.spool import Spool
from otwatch.outputs.store import DamagedStoreError, Store, set_aside

_RETRY_SECONDS: Final = 5.0
_CATCH_UP_SECONDS: Final = 0.2  # at most, once a second: the packets have the rest
_SHADOWS: Final = ("", "-wal", "-shm")


class Writer(Protocol):
    """An output that is open."""

    def last(self) -> int:
        """The highest sequence number that is there; 0 when there is none."""

    def write(self, sequence: int, record: dict[str, Any]) -> bool:
        """One record; False when the disk does not take it."""

    def commit(self) -> bool:
        """What was written is there for good; False: nothing since the last commit is."""

    def reopen(self) -> None:
        """Files may have been moved away (SIGHUP)."""

    def close(self) -> None:
        """Commits and lets go."""

    @property
    def error(self) -> str:
        """Why the disk refused."""


class Copy:
    """One output. `error` says why it is not up to date; empty when it is."""

    def __init__(self, name: str, path: Path, spool: Spool, opened: Callable[[], Writer]) -> None:
        self.name = name
        self.path = path
        self.error = ""
        self.failures = 0  # writes and openings that were refused
        self._spool = spool
        self._opened = opened
        self._writer: Writer | None = None
        self._next_try = 0.0
        noted = spool.cursors.written(name)
        self._written = self._committed = spool.next_sequence - 1 if noted is None else min(noted, spool.next_sequence - 1)
        self._noted = -1 if noted is None else noted
        self._fresh = True  # nothing was appended to the spool yet
        self._open()
        self._fresh = False
        self._note()

    @property
    def writer(self) -> Writer | None:
        """The output while it is open."""
        return self._writer

    @property
    def written(self) -> int:
        """The last sequence number that is there for good."""
        return self._committed

    def _open(self) -> None:
        self._next_try = time.monotonic() + _RETRY_SECONDS
        try:
            self._writer = self._opened()
        except OSError as error:
            self._failed(error.strerror or str(error))
            return
        last = self._writer.last()
        if self._fresh:
            self._spool.learn(last)
        if last:  # what is there is the truth; where nothing is, it was moved away, and what it had is not wanted again
            self._written = self._committed = min(last, self._spool.next_sequence - 1)

    def _failed(self, error: str) -> None:
        self.failures += 1
        self.error = error

    def emit(self, sequence: int, record: dict[str, Any]) -> None:
        """A record that was just appended to the spool; written at once unless others must come first."""
        if self._writer is None or self.error or self._written != sequence - 1:
            return
        if self._writer.write(sequence, record):
            self._written = sequence
        else:
            self._failed(self._writer.error)

    def tick(self) -> None:
        """About once a second: opens what could not be opened, writes what was kept back, makes it visible."""
        if self._writer is None:
            if time.monotonic() < self._next_try:
                return
            self._open()
        if self._writer is not None:
            self._catch_up(self._writer)
            self._commit(self._writer)

    def _catch_up(self, writer: Writer) -> None:
        if self._written >= self._spool.next_sequence - 1:
            return
        end = time.monotonic() + _CATCH_UP_SECONDS
        reader = self._spool.reader(self._written)
        while events := reader.read():
            for event in events:
                if not writer.write(event.sequence, event.record):
                    self._failed(writer.error)
                    return
                self._written = event.sequence
            if time.monotonic() > end:
                return
        self._written = self._spool.next_sequence - 1  # what is missing up to here is lost, and told as such

    def _commit(self, writer: Writer) -> None:
        if writer.commit():
            if self._written >= self._spool.next_sequence - 1:
                self.error = ""
            self._committed = self._written
            self._note()
            return
        self._failed(writer.error)
        self._written = self._committed
        if isinstance(writer, StoreCopy) and writer.store.damaged:
            self._writer = None
            writer.close()
            self._next_try = 0.0

    def _note(self) -> None:
        if self._committed != self._noted and self._spool.cursors.note_written(self.name, self._committed):
            self._noted = self._committed

    def reopen(self) -> None:
        """SIGHUP: files may have been moved away."""
        if self._writer is not None:
            self._writer.reopen()
        self._next_try = 0.0

    def paths(self) -> Iterator[Path]:
        """The files that are there."""
        for suffix in _SHADOWS:
            path = self.path.with_name(self.path.name + suffix)
            if path.exists():
                yield path

    def close(self) -> None:
        """Writes what can be written."""
        self.tick()
        if self._writer is not None:
            self._writer.close()


class LinesCopy:
    """Every record as a line of JSON."""

    def __init__(self, lines: RotatingLines) -> None:
        self.lines = lines

    def last(self) -> int:
        """Of the last line."""
        record = self.lines.last()
        sequence = record.get("sequence") if record is not None else None
        return sequence if isinstance(sequence, int) else 0

    def write(self, sequence: int, record: dict[str, Any]) -> bool:
        """One line."""
        return self.lines.write({"sequence": sequence, **record})

    def commit(self) -> bool:
        """A line is there when it is written."""
        return True

    def reopen(self) -> None:
        """After logrotate."""
        self.lines.reopen()

    def close(self) -> None:
        """Lets go of the file."""
        self.lines.close()

    @property
    def error(self) -> str:
        """What the disk said."""
        return self.lines.error


class StoreCopy:
    """Every alert as a row."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def last(self) -> int:
        """Of the newest alert."""
        return self.store.last_sequence()

    def write(self, sequence: int, record: dict[str, Any]) -> bool:
        """Alerts only: heartbeats are no rows."""
        if record.get("type") == "incident":
            return self.store.incident(record, sequence)
        return self.store.alert(record, sequence) if record.get("type") == "alert" else True

    def commit(self) -> bool:
        """Ends the transaction."""
        return self.store.commit()

    def reopen(self) -> None:
        """A store is not rotated."""

    def close(self) -> None:
        """Commits and lets go."""
        self.store.close()

    @property
    def error(self) -> str:
        """What SQLite said."""
        return self.store.last_error


def open_lines(path: Path, *, max_bytes: int, keep: int) -> Writer:
    """CaptureError when it cannot be written."""
    return LinesCopy(RotatingLines(path, max_bytes=max_bytes, keep=keep))


def open_store(path: Path, told: Callable[[str], None]) -> Writer:
    """The store; a damaged one is set aside, which `told` hears. CaptureError when it cannot be opened."""
    try:
        return StoreCopy(Store(path))
    except DamagedStoreError as error:
        try:
            place = set_aside(path, datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ"))
        except OSError as refusal:
            raise CaptureError(f"{error}; it cannot be moved away: {refusal.strerror}") from error
        told(f"{error}; it was moved to {place}")
        return StoreCopy(Store(path))

