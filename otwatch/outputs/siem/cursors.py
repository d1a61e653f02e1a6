"""Numbers that must survive everything, one small file each: what a reader of the spool has, what was promised, what shall be sent again.

A file is written in place, in one call and always with the same length, so that neither a full disk nor a `kill -9` can lose it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from otwatch.documents import read_regular

HIGHEST: Final = 2**53  # what every JSON reader keeps exact; a number beyond it is damage
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

    def written(self, output: str) -> int | None:
        """The last sequence number that an output on this machine (a file, a store) has; None for a new one."""
        return _read(self.folder / f"{output}.written")

    def note_written(self, output: str, sequence: int) -> bool:
        """False when it cannot be noted."""
        return _write(self.folder / f"{output}.written", sequence)

    def slowest(self) -> int:
        """The lowest cursor of all destinations; 0 when there is none."""
        return min((_read(path) or 0 for path in self._files("*.cursor")), default=0)

    def highest(self) -> int:
        """The highest sequence number that is known to have been used."""
        return max((_read(path) or 0 for pattern in ("*.cursor", "*.written", "used") for path in self._files(pattern)), default=0)

    def _files(self, pattern: str) -> Iterable[Path]:
        with suppress(OSError):
            return list(self.folder.glob(pattern))
        return []

    def use(self, sequence: int) -> bool:
        """Notes that numbers up to this one were given, so that a restart neither uses them again nor misses that they are gone."""
        return _write(self.folder / "used", sequence)

    def told(self) -> int:
        """Losses up to this number have been reported."""
        return _read(self.folder / "told") or 0

    def note_told(self, sequence: int) -> bool:
        """Notes that they have been."""
        return _write(self.folder / "told", sequence)

    def request_resend(self, destination: str, first: int) -> bool:
        """Asks the delivery to a destination, running or next started, to send everything from `first` on again."""
        return _write(self.folder / f"{destination}.resend", first)

    def take_resend(self, destination: str) -> int | None:
        """A request that was not taken yet, once."""
        path = self.folder / f"{destination}.resend"
        first = _read(path)
        if first is not None:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        return first


def _read(path: Path) -> int | None:
    try:
        text = read_regular(path, max_bytes=_LENGTH).strip()
    except OSError:
        return None
    return int(text) if text.isdigit() and int(text) <= HIGHEST else None


def _write(path: Path, number: int) -> bool:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o640)
    except OSError:
        return False
    try:
        return os.pwrite(descriptor, b"%020d\n" % number, 0) == _LENGTH
    except OSError:
        return False
    finally:
        os.close(descriptor)
