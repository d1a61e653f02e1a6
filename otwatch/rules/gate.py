"""Windows whose rule also asks what is known late: only rows that meet every condition count.

A window first counts what passes the conditions that can be judged at once: most rows never fill it, and nothing is asked about them. Those that do
are asked the rest, each as of its own packet time, and counted again: a finding needs enough rows that meet all conditions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from otwatch.rules.compile import Clause
from otwatch.rules.rows import Row, Windows, hashable

_WAITING: Final = 16_384  # rows of one rule in the cold start; of more the oldest are judged with what is known
_REMEMBERED: Final = 8_192  # verdicts
_SAME_NS: Final = 1_000_000_000  # facts are asked once a second of packet time for each behaviour


class Gate:
    """The second count of one clause. `judge` (row) gives the verdict of its late conditions; `waits` (time) whether it may still change."""

    def __init__(self, clause: Clause, judge: Callable[[Clause, Row], bool | None], waits: Callable[[int], bool]) -> None:
        assert clause.rule.window is not None
        self.clause = clause
        self.windows = Windows(replace(clause.rule.window, times_habit=None))  # the habit was compared in the first count
        self.queue: deque[tuple[int, Row]] = deque()  # (time at which it counts, row)
        self._judge = judge
        self._waits = waits
        self._verdicts: dict[tuple[Any, ...], bool] = {}

    def offer(self, time: int, row: Row) -> Iterator[Row]:
        """Takes a row, in order of time; gives the rows that belong to a finding now."""
        self.queue.append((time, row))
        return self.release()

    def release(self) -> Iterator[Row]:
        """Judges what need not wait any longer."""
        queue = self.queue
        while queue and (len(queue) > _WAITING or not self._waits(queue[0][1].timestamp_ns)):
            time, row = queue.popleft()
            if self._passes(row):
                window = self.windows.window
                key = tuple([hashable(row.record.get(name)) for name in window.by])
                value = hashable(row.record.get(window.distinct)) if window.distinct else None
                yield from self.windows.feed([(key, value, time, row)])

    def _passes(self, row: Row) -> bool:
        about = row.behaviour if row.behaviour >= 0 else (row.src, row.dst, row.signature)
        key = about, row.timestamp_ns // _SAME_NS
        known = self._verdicts.get(key)
        if known is None:
            if len(self._verdicts) >= _REMEMBERED:
                self._verdicts.clear()
            known = self._verdicts[key] = self._judge(self.clause, row) is True
        return known
