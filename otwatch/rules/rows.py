"""Rules that count or follow rows: windows and sequences, on packet time, with bounded memory."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Final

from otwatch.rules.compile import Clause
from otwatch.rules.rule import Rule, Sequence, Window

_KEYS: Final = 8_192  # windows and half-done sequences of one rule; the one unused for longest is forgotten
_ENTRIES: Final = 8  # rows of an earlier step remembered per key


@dataclass(slots=True)
class Row:
    """One row that passed every condition that can be judged at once."""

    timestamp_ns: int
    frame: int
    file: str
    src: int
    dst: int
    record: dict[str, Any]
    behaviour: int = -1
    protocol: int = 0
    flow: int = -1
    flow_number: int = 0
    operation: int = -1  # row in operations of the batch with this number; -1: the first of its behaviour
    batch: int = -1
    credited: bool = False
    before: list[Row] = field(default_factory=list)  # of the step before, in a sequence


Credit = Callable[[Clause, Row], None]
Message = tuple[int, int, int, int]  # timestamp_ns, frame, flow, behaviour


class Lane:
    """The last messages of one key of a counting window: as light as can be, as every write of an operator station passes here."""

    __slots__ = ("credited", "messages", "seen")

    def __init__(self, at_least: int) -> None:
        self.messages: deque[Message] = deque(maxlen=at_least)
        self.seen = 0
        self.credited = 0  # messages up to this one are in an incident

    def add(self, message: Message, for_ns: int) -> list[Message]:
        """The messages to credit now: none, or those of the window that were not yet."""
        messages = self.messages
        messages.append(message)
        self.seen += 1
        if message[0] - messages[0][0] > for_ns or len(messages) < (messages.maxlen or 0):
            return []
        fresh = min(self.seen - self.credited, len(messages))
        self.credited = self.seen
        return list(messages)[-fresh:]


class Windows:
    """The windows of one rule."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.forgotten = 0
        self._rows: OrderedDict[Hashable, deque[Row]] = OrderedDict()
        self._values: OrderedDict[Hashable, OrderedDict[Hashable, Row]] = OrderedDict()
        self._lanes: OrderedDict[Hashable, Lane] = OrderedDict()
        self._lane_of: dict[int, Lane] = {}

    def lane(self, behaviour: int, record: Callable[[], dict[str, Any]]) -> Lane:
        """The lane of a behaviour's key, for windows that count messages of operations."""
        found = self._lane_of.get(behaviour)
        if found is None:
            known = record()
            key = tuple(_hashable(known.get(name)) for name in self.window.by)
            found = self._lanes.get(key)
            if found is None:
                found = self._lanes[key] = Lane(self.window.at_least)
                self._trim(self._lanes)
            if len(self._lane_of) >= 8 * _KEYS:
                self._lane_of.clear()
            self._lane_of[behaviour] = found
        return found

    def feed(self, clause: Clause, row: Row, credit: Credit) -> None:
        """Takes the next row; credits it, and those before it in its window, when there are enough."""
        key = tuple(_hashable(row.record.get(name)) for name in self.window.by)
        fitting = self._distinct(key, row) if self.window.distinct else self._count(key, row)
        for earlier in fitting:
            if not earlier.credited:
                earlier.credited = True
                if earlier is not row:
                    earlier.batch = -1  # its batch may be over: the same evidence whether it is or not
                credit(clause, earlier)
        if fitting and not row.credited:
            row.credited = True
            credit(clause, row)

    def _count(self, key: Hashable, row: Row) -> list[Row]:
        rows = self._rows.get(key)
        if rows is None:
            rows = self._rows[key] = deque(maxlen=self.window.at_least)
            self._trim(self._rows)
        else:
            self._rows.move_to_end(key)
        rows.append(row)
        full = len(rows) == self.window.at_least and row.timestamp_ns - rows[0].timestamp_ns <= self.window.for_ns
        return list(rows) if full else []

    def _distinct(self, key: Hashable, row: Row) -> list[Row]:
        assert self.window.distinct is not None
        values = self._values.get(key)
        if values is None:
            values = self._values[key] = OrderedDict()
            self._trim(self._values)
        else:
            self._values.move_to_end(key)
        value = _hashable(row.record.get(self.window.distinct))
        earlier = values.get(value)
        if earlier is not None:
            del values[value]
        values[value] = row
        while values:
            oldest = next(iter(values.values()))
            if row.timestamp_ns - oldest.timestamp_ns <= self.window.for_ns and len(values) <= 4 * self.window.at_least:
                break
            values.popitem(last=False)
        return list(values.values()) if len(values) >= self.window.at_least else []

    def _trim(self, keys: OrderedDict[Hashable, Any]) -> None:
        if len(keys) > _KEYS:
            keys.popitem(last=False)
            self.forgotten += 1


class Sequences:
    """The half-done sequences of one rule."""

    def __init__(self, rule: Rule) -> None:
        assert rule.sequence is not None
        self.sequence: Sequence = rule.sequence
        self.forgotten = 0
        self._armed: list[OrderedDict[Hashable, deque[Row]]] = [OrderedDict() for _ in self.sequence.steps[:-1]]

    def waits_for(self, step: int) -> bool:
        """Whether a row of this step could matter, as far as earlier batches go: an earlier step fitted, or its rows come later in a batch."""
        return step == 0 or bool(self._armed[step - 1]) or self.sequence.steps[step - 1].table in ("anomalies", "facts")

    def feed(self, clause: Clause, row: Row, credit: Credit) -> None:
        """Takes a row that fits the clause's step, in packet order."""
        key = _hashable(row.record.get(clause.key))
        if clause.step:
            waiting = self._armed[clause.step - 1].get(key)
            if waiting is None:
                return
            row.before = [entry for entry in waiting if 0 <= row.timestamp_ns - entry.timestamp_ns <= self.sequence.within_ns]
            if not row.before:
                return
        if clause.step == len(self.sequence.steps) - 1:
            credit(clause, row)
            return
        armed = self._armed[clause.step]
        entries = armed.get(key)
        if entries is None:
            entries = armed[key] = deque(maxlen=_ENTRIES)
            if len(armed) > _KEYS:
                armed.popitem(last=False)
                self.forgotten += 1
        else:
            armed.move_to_end(key)
        entries.append(row)


def _hashable(value: Any) -> Hashable:
    return tuple(value) if isinstance(value, list) else value
