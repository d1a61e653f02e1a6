"""Events that some destination will never get, by their sequence numbers: what a full spool or memory pushed out, and what damage destroyed."""

from __future__ import annotations

import threading
from typing import Final

_RANGES_SHOWN: Final = 50
_JUMP: Final = 1_000_000  # a longer run of numbers was never given to events


class Losses:
    """Ranges of sequence numbers with their reason; each number counts once. Safe beside other threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ranges: list[tuple[int, int]] = []
        self._reasons: dict[str, int] = {}

    def add(self, first: int, last: int, reason: str) -> int:
        """Notes that `first` to `last` are lost; how many of them were not noted before."""
        if not 0 <= last - first < _JUMP:
            return 0
        with self._lock:
            before = self._total()
            self._ranges = _united([*self._ranges, (first, last)])
            new = self._total() - before
            if new:
                self._reasons[reason] = self._reasons.get(reason, 0) + new
            return new

    def _total(self) -> int:
        return sum(last - first + 1 for first, last in self._ranges)

    @property
    def total(self) -> int:
        """How many events."""
        with self._lock:
            return self._total()

    @property
    def highest(self) -> int:
        """The highest number that is lost; 0 when none is."""
        with self._lock:
            return self._ranges[-1][1] if self._ranges else 0

    def text(self) -> str:
        """`12-15, 19`."""
        with self._lock:
            shown = [f"{first}-{last}" if last > first else str(first) for first, last in self._ranges[:_RANGES_SHOWN]]
            more = len(self._ranges) - len(shown)
        return ", ".join(shown) + (f" and {more} more ranges" if more > 0 else "")

    def reasons(self) -> str:
        """`4 the spool was damaged`."""
        with self._lock:
            return "; ".join(f"{count}: {reason}" for reason, count in self._reasons.items())


def _united(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    united: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if united and first <= united[-1][1] + 1:
            united[-1] = united[-1][0], max(united[-1][1], last)
        else:
            united.append((first, last))
    return united
