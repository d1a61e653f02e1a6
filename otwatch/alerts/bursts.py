"""Bursts: what came without a quiet gap. An attack that returns after hours is another burst, with its own times, count, frames and outcome."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from otwatch.alerts.evidence import Act
from otwatch.alerts.outcome import Outcome

KEPT: Final = 64  # newest bursts of one alert; all are counted
QUIET_NS: Final = 600_000_000_000  # default: what comes after ten quiet minutes is another burst

Interval = tuple[int, int, int]  # first_ns, last_ns, count


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """One burst of an alert."""

    occurrence: int  # 1 is the first
    first_ns: int
    last_ns: int
    count: int
    frames: tuple[int, ...] = ()
    outcome: Outcome = Outcome.NOT_OBSERVED
    acts: tuple[Act, ...] = ()  # what was done in it, where the alert has several acts


@dataclass(slots=True)
class Ended:
    """The bursts of one behaviour, or of one part of a finding, that are over; the running one is what came since."""

    intervals: deque[Interval] = field(default_factory=lambda: deque(maxlen=KEPT))
    dropped: int = 0
    began_ns: int = 0  # of the running burst
    base: int = 0  # rows before the running burst

    def end(self, last_ns: int, count: int, next_ns: int) -> None:
        """The running burst is over: its last row was at `last_ns`, `count` rows were seen in all; the next begins at `next_ns`."""
        self.dropped += len(self.intervals) == KEPT
        self.intervals.append((self.began_ns, last_ns, count - self.base))
        self.began_ns, self.base = next_ns, count

    def all(self, last_ns: int, count: int) -> list[Interval]:
        """Every burst, the running one last."""
        return [*self.intervals, (self.began_ns, last_ns, count - self.base)]


def merged(intervals: Iterable[Interval], quiet_ns: int) -> list[Interval]:
    """Intervals of several sources as bursts: what is not further apart than the quiet gap is one."""
    found: list[Interval] = []
    for first, last, count in sorted(intervals):
        if found and first - found[-1][1] <= quiet_ns:
            began, ended, counted = found[-1]
            found[-1] = began, max(ended, last), counted + count
        else:
            found.append((first, last, count))
    return found


def covers(outer: Sequence[Interval], inner: Sequence[Interval]) -> bool:
    """Whether each burst of `inner` lies in one of `outer`, and has no more rows than it."""
    return all(any(first <= one[0] and one[1] <= last and one[2] <= count for first, last, count in outer) for one in inner)
