"""JSON lines in a file that may be rotated: by this class at a size, or by logrotate, after which `reopen` finds the new file."""

from __future__ import annotations

import errno
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from otwatch.errors import CaptureError
from otwatch.outputs.json_text import json_text

_TAIL_BYTES: Final = 4 * 1024 * 1024  # longer than any record


class RotatingLines:
    """Appends records. `x.jsonl` beyond `max_bytes` becomes `x.jsonl.1`, that `x.jsonl.2`, up to `keep`. A full disk is counted, never raised."""

    def __init__(self, path: Path, *, max_bytes: int = 64 * 1024 * 1024, keep: int = 5) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self.keep = keep
        self.lost = 0  # records that the disk did not take
        self.error = ""  # why
        self._descriptor = -1
        self._bytes = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
        except OSError as error:
            raise CaptureError(f"{path}: cannot be written: {error.strerror}") from error

    def _open(self) -> None:
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK, 0o640)
        self._bytes = os.fstat(self._descriptor).st_size
        if self._bytes and os.pread(self._descriptor, 1, self._bytes - 1) != b"\n":  # the process died inside a write: no torn line stays
            self._bytes = _whole_lines(self._descriptor, self._bytes)
            os.ftruncate(self._descriptor, self._bytes)

    def write(self, record: dict[str, Any]) -> bool:
        """One line; False when it could not be written."""
        data = json_text(record).encode() + b"\n"
        try:
            if self._descriptor < 0:
                self._open()
            if self._bytes and self._bytes + len(data) > self.max_bytes:
                self._rotate()
            written = os.write(self._descriptor, data)
            if written < len(data):
                os.ftruncate(self._descriptor, self._bytes)  # no torn line stays
        except OSError as error:
            return self._refused(error)
        if written < len(data):
            return self._refused(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        self._bytes += written
        return True

    def _refused(self, error: OSError) -> bool:
        self.lost += 1
        self.error = error.strerror or str(error)
        return False

    def _rotate(self) -> None:
        self.close()
        for number in range(self.keep - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                older.replace(self._numbered(number + 1))
        if self.keep:
            self.path.replace(self._numbered(1))
        else:
            self.path.unlink()
        self._open()

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def last(self) -> dict[str, Any] | None:
        """The last whole record that is there, in this file or in the one rotated before it; None when there is none."""
        for path in (self.path, self._numbered(1)):
            with suppress(OSError):
                tail = _tail(path)
                for line in reversed(tail.split(b"\n")):
                    with suppress(ValueError):
                        record = json.loads(line)
                        if isinstance(record, dict):
                            return record
        return None

    def reopen(self) -> None:
        """Somebody else has moved the file away (SIGHUP after logrotate)."""
        self.close()
        try:
            self._open()
        except OSError as error:
            self._refused(error)

    def close(self) -> None:
        """Lets go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _tail(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        return os.pread(descriptor, _TAIL_BYTES, max(0, size - _TAIL_BYTES))
    finally:
        os.close(descriptor)


def _whole_lines(descriptor: int, size: int) -> int:
    start = max(0, size - _TAIL_BYTES)
    found = os.pread(descriptor, _TAIL_BYTES, start).rfind(b"\n")
    return start + found + 1 if found >= 0 else size if start else 0
