"""When counted behaviours were seen last: what comes after a quiet gap begins another burst. By column, a few look-ups a batch."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from otwatch.alerts.bursts import KEPT, Ended
from otwatch.batch import Batch
from otwatch.rules.outcomes import Numbers


class Following:
    """The last messages of behaviours that alerts count by their table, and the bursts that are over."""

    def __init__(self, quiet_ns: int) -> None:
        self.quiet_ns = quiet_ns
        self.ended: dict[int, Ended] = {}  # of a behaviour: its bursts that are over, where there are any
        self._last = np.zeros(1024, np.int64)
        self._before: dict[int, int] = {}  # behaviours of before a restart that were not met again: their last message

    def begin(self, numbers: Numbers, last_ns: Numbers) -> None:
        """Behaviours are counted from now on; one that was followed before a restart goes on where it was."""
        most = int(numbers.max())
        if most >= len(self._last):
            larger = np.zeros(max(most + 1, 2 * len(self._last)), np.int64)
            larger[: len(self._last)] = self._last
            self._last = larger
        self._last[numbers] = last_ns
        if self._before:
            for number in numbers.tolist():
                self._last[number] = self._before.pop(number, self._last[number])

    def feed(self, batch: Batch, behaviours: Numbers, rows: Numbers) -> Iterator[tuple[int, int]]:
        """Takes rows of counted behaviours; gives (behaviour, time) of each message that begins another burst."""
        quiet_ns, last = self.quiet_ns, self._last
        numbers, times = behaviours[rows], batch.operations.array("timestamp_ns")[rows]
        if int(times.max()) - int(last[numbers].min()) <= quiet_ns:
            last[numbers] = times  # of several messages of one behaviour the last counts
            return
        order = np.argsort(numbers, kind="stable")
        numbers, times = numbers[order], times[order]
        before = np.where(np.r_[True, numbers[1:] != numbers[:-1]], last[numbers], np.r_[0, times[:-1]])
        last[numbers] = times
        for place in np.flatnonzero(times - before > quiet_ns).tolist():
            number, now_ns = int(numbers[place]), int(times[place])
            left = int(np.searchsorted(numbers, number, side="right")) - place  # rows of this batch from here on
            ended = self.ended.get(number)
            if ended is None:
                ended = self.ended[number] = Ended(began_ns=int(batch.behaviours.first_ns[number]))
            ended.end(int(before[place]), int(batch.behaviours.messages[number]) - left, now_ns)
            yield number, now_ns

    def state(self, counted: Sequence[int]) -> dict[str, Any]:
        """Everything, of the types of JSON. `counted`: the behaviours that are followed."""
        return {
            "last": [*self._before.items(), *zip(counted, self._last[list(counted)].tolist(), strict=True)],
            "ended": [[number, *ended_state(ended)] for number, ended in self.ended.items()],
        }

    def resume(self, stored: dict[str, Any], known: Callable[[Any], int]) -> None:
        """Goes on from `state`; `known` raises ValueError for what is no behaviour."""
        self._before = {known(number): int(last_ns) for number, last_ns in stored["last"]}
        self.ended.update({known(number): ended_of(ended) for number, *ended in stored["ended"]})


def ended_state(ended: Ended) -> list[Any]:
    """Bursts that are over, of the types of JSON."""
    return [list(ended.intervals), ended.dropped, ended.began_ns, ended.base]


def ended_of(stored: Sequence[Any]) -> Ended:
    """The same from `ended_state`."""
    intervals, dropped, began_ns, base = stored
    known = deque(((int(first), int(last), int(count)) for first, last, count in intervals), maxlen=KEPT)
    return Ended(known, int(dropped), int(began_ns), int(base))
