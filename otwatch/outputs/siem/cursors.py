"""Numbers that must survive everything, one small file each: what a destination has, what was promised, what shall be sent again.

A file is written in place, in one call and always with the same length, so that neither a full disk nor a `kill -9` can lose it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_LENGTH: Final = 21  # twenty digits and a newline


class Cursors:
    """The number files of a spool folder. Reading never raises; a missing or damaged file is None."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def delivered(self, destination: str) -> int | None:
        """The last sequence number that a destination surely has; None for a new destination."""
        return _read(self.folder / f"{destination}.cursor")

    def move(self, destination: str, sequence: int) -> bool:
        """False when it cannot be written: events may then be sent twice, never lost."""
        return _write(self.folder / f"{destination}.cursor", sequence)

    def slowest(self) -> int:
        """The lowest cursor of all destinations; 0 when there is none."""
        return min((_read(path) or 0 for path in self.folder.glob("*.cursor")), default=0)

    def highest(self) -> int:
        """The highest sequence number that is known to have been used."""
        return max((_read(path) or 0 for pattern in ("*.cursor", "used") for path in self.folder.glob(pattern)), default=0)

    def use(self, sequence: int) -> bool:
        """Says that numbers up to this one were sent without being on the disk, so that a restart does not use them again."""
        return _write(self.folder / "used", sequence)

    def request_resend(self, destination: str, first: int) -> bool:
        """Asks the delivery to a destination, running or next started, to send everything from `first` on again."""
        return _write(self.folder / f"{destination}.resend", first)

    def take_resend(self, destination: str) -> int | None:
        """A request that was not taken yet, once."""
        path = self.folder / f"{destination}.resend"
        first = _read(path)
        if first is not None:
            path.unlink(missing_ok=True)
        return first


def _read(path: Path) -> int | None:
    try:
        return int(path.read_bytes()[:_LENGTH])
    except (OSError, ValueError):
        return None


def _write(path: Path, number: int) -> bool:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError:
        return False
    try:
        return os.pwrite(descriptor, b"%020d\n" % number, 0) == _LENGTH
    except OSError:
        return False
    finally:
        os.close(descriptor)
