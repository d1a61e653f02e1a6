"""JSON lines in a file that may be rotated: by this class at a size, or by logrotate, after which `reopen` finds the new file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from otwatch.errors import CaptureError
from otwatch.outputs.json_text import json_text


class RotatingLines:
    """Appends records. `x.jsonl` beyond `max_bytes` becomes `x.jsonl.1`, that `x.jsonl.2`, up to `keep`. A full disk is counted, never raised."""

    def __init__(self, path: Path, *, max_bytes: int = 64 * 1024 * 1024, keep: int = 5) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self.keep = keep
        self.lost = 0  # records that the disk did not take
        self._descriptor = -1
        self._bytes = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
        except OSError as error:
            raise CaptureError(f"{path}: cannot be written: {error.strerror}") from error

    def _open(self) -> None:
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        self._bytes = os.fstat(self._descriptor).st_size

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
        except OSError:
            self.lost += 1
            return False
        if written < len(data):
            self.lost += 1
            return False
        self._bytes += written
        return True

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

    def reopen(self) -> None:
        """Somebody else has moved the file away (SIGHUP after logrotate)."""
        self.close()
        try:
            self._open()
        except OSError:
            self.lost += 1

    def close(self) -> None:
        """Lets go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
