"""Rules that count or follow rows: windows and sequences, on packet time, with bounded memory."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final

from otwatch.alerts.findings import Finding
from otwatch.rules.compile import Clause, Record
from otwatch.rules.rule import Rule, Sequence, Window

_KEYS: Final = 8_192  # windows and half-done sequences of one rule; the one unused for longest is forgotten
_PIECES: Final = 3  # of time after which a key has a habit
_ENTRIES: Final = 8  # rows of an earlier step remembered per key


@dataclass(slots=True)
class Row:
    """One row that passed every condition that can be judged at once."""

    timestamp_ns: int
    frame: int
    file: str
    src: int
    dst: int
    record: Record
    table: str = "operations"
    signature: tuple[Any, ...] = ()  # with it, and src and dst, the record of a row without behaviour can be made anew
    behaviour: int = -1
    protocol: int = 0
    flow: int = -1
    flow_number: int = 0
    operation: int = -1  # row in operations of the batch with this number; -1: the first of its behaviour
    batch: int = -1
    card: int = -1  # of an address that two network cards claim: the one that held it
    claimant: int = -1  # and the one that claims it now
    before: list[Row] | tuple[()] = ()  # of the step before, in a sequence
    weight: int = 1  # messages that it stands for

    @property
    def counted_under(self) -> int | tuple[object, ...]:
        """What it is counted under in a finding: its behaviour, or what tells rows without behaviour apart."""
        if self.behaviour >= 0:
            return self.behaviour
        return self.src, self.dst, self.record.get("anomaly"), self.record.get("port")


def keep_chain(finding: Finding, step: int, row: Row) -> None:
    """Keeps the rows of the earlier steps of a sequence that led to this one."""
    while row.before:
        step -= 1
        kept = finding.entries.setdefault(step, [])
        for entry in row.before:
            if len(kept) < _ENTRIES and not any(entry is known for known in kept):
                kept.append(entry)
        row = row.before[-1]


Credit = Callable[[Clause, Row], None]
Counted = tuple[Hashable, Hashable, int, Any]  # key of its window, value to tell apart, timestamp_ns, the row in any shape


class Lane:
    """The last rows of one key of a counting window: as light as can be, as every write of an operator station passes here."""

    __slots__ = ("at_least", "credited", "habit", "rows", "seen")

    def __init__(self, at_least: int, times_habit: int | None = None) -> None:
        self.at_least = at_least
        self.rows: list[tuple[int, Any]] = []  # (timestamp_ns, row), at most `at_least`: of a flood of keys most hold one, a tenth of a deque
        self.seen = 0
        self.credited = 0  # rows up to this one are in an incident
        self.habit = Habit(times_habit) if times_habit else None

    def add(self, timestamp_ns: int, row: Any, for_ns: int) -> list[Any]:
        """The rows to credit now: none, or those of the window that were not yet."""
        rows, at_least = self.rows, self.at_least
        if len(rows) == at_least:
            del rows[0]
        rows.append((timestamp_ns, row))
        self.seen += 1
        unusual = self.habit is None or self.habit.exceeded(timestamp_ns, for_ns, at_least)
        self.drop_before(timestamp_ns - for_ns)
        if not unusual or len(rows) < at_least:
            return []
        fresh = min(self.seen - self.credited, len(rows))
        self.credited = self.seen
        return [row] if fresh == 1 else [row for _, row in rows[-fresh:]]

    def drop_before(self, timestamp_ns: int) -> None:
        """Rows from before that time are of no use any more."""
        rows = self.rows
        if rows and rows[0][0] < timestamp_ns:
            del rows[: next((at for at, (time, _) in enumerate(rows) if time >= timestamp_ns), len(rows))]


class Habit:
    """How many rows one key has in a piece of time: the most of any piece so far that was not itself unusual."""

    __slots__ = ("count", "first_ns", "most", "piece", "pieces", "times", "unusual")

    def __init__(self, times: int) -> None:
        self.times = times
        self.first_ns = -1  # of its first row
        self.piece = 0  # number of the piece at hand
        self.count = 0  # rows in it
        self.pieces = 0  # that are over
        self.most = 0
        self.unusual = False  # the piece at hand

    def exceeded(self, timestamp_ns: int, for_ns: int, at_least: int) -> bool:
        """Takes a row; says whether its piece of time has more rows than the habit allows."""
        if self.first_ns < 0:
            self.first_ns = timestamp_ns
        piece = max(self.piece, (timestamp_ns - self.first_ns) // for_ns)
        if piece != self.piece:
            if not self.unusual:
                self.most = max(self.most, self.count)
            self.piece, self.pieces, self.count, self.unusual = piece, piece, 0, False
        self.count += 1
        if self.pieces >= _PIECES and self.count >= at_least and self.count > self.times * self.most:
            self.unusual = True
        return self.unusual

    def state(self) -> list[int]:
        """As plain data."""
        return [self.first_ns, self.piece, self.count, self.pieces, self.most, int(self.unusual)]

    def resume(self, state: list[int]) -> None:
        """Goes on from there."""
        self.first_ns, self.piece, self.count, self.pieces, self.most, unusual = map(int, state)
        self.unusual = bool(unusual)


class Windows:
    """The windows of one rule: by key, the rows that may still be needed.

    A key that was met once holds its row and nothing else: of a flood of distinct keys it costs a look-up and a place in the order of use.
    """

    def __init__(self, window: Window) -> None:
        self.window = window
        self.forgotten = 0
        self.values: OrderedDict[Hashable, Counted | dict[Hashable, list[Any]]] = OrderedDict()  # of a value: [timestamp_ns, row, credited]
        self.lanes: OrderedDict[Hashable, Lane] = OrderedDict()
        self._lane_of: dict[int, Lane] = {}

    def lane(self, behaviour: int, key: Callable[[], Hashable]) -> Lane:
        """The lane of a behaviour's key, for windows that count messages of operations."""
        found = self._lane_of.get(behaviour)
        if found is None:
            found = self._lane(key())
            if len(self._lane_of) >= 8 * _KEYS:
                self._lane_of.clear()
            self._lane_of[behaviour] = found
        return found

    def _lane(self, key: Hashable) -> Lane:
        found = self.lanes.get(key)
        if found is None:
            found = self.lanes[key] = Lane(self.window.at_least, self.window.times_habit)
            if len(self.lanes) > _KEYS:
                self.lanes.popitem(last=False)
                self.forgotten += 1
        return found

    def is_far(self, key: Hashable, value: Hashable) -> bool:
        """Whether a window that tells values apart has too few of them, this one included: no number of rows that tell it would fill it."""
        values = self.values.get(key)
        known = len(values) + (value not in values) if isinstance(values, dict) else 1 if values is None or values[1] == value else 2
        return known < self.window.at_least

    def feed(self, rows: Iterable[Counted]) -> Iterator[Any]:
        """Takes rows in order of time; gives each that belongs to an finding, as soon as its window has enough."""
        distinct = self.window.distinct is not None
        one_by_one = self._distinct if distinct else self._count
        # what cannot be seen, or is not there, is nothing distinct
        kept = [counted for counted in rows if counted[1] is not None] if distinct else [*rows]
        together = len(kept) > 1 and len(kept) + len(self.values if distinct else self.lanes) <= _KEYS and not self.window.times_habit
        return self._together(kept, one_by_one) if together else one_by_one(kept)

    def _together(self, rows: list[Counted], one_by_one: Callable[[list[Counted]], Iterator[Any]]) -> Iterator[Any]:
        """Those of keys that cannot have enough are taken by key, which leaves what taking each by itself would."""
        keys, are_few = (self.values, self._few_values) if self.window.distinct else (self.lanes, self._few_rows)
        of_key: dict[Hashable, list[Counted]] = {}
        for counted in rows:
            of_key.setdefault(counted[0], []).append(counted)
        left = {key for key, alike in of_key.items() if not (_in_order(alike) and are_few(key, alike))}
        if left:
            yield from one_by_one([counted for counted in rows if counted[0] in left])
        for key in reversed(dict.fromkeys([counted[0] for counted in reversed(rows)])):
            keys.move_to_end(key)

    def _few_rows(self, key: Hashable, rows: list[Counted]) -> bool:
        """Takes the rows of a key, if they do not fill its window."""
        lane, for_ns = self._lane(key), self.window.for_ns
        lane.drop_before(rows[0][2] - for_ns)
        kept = lane.rows
        if len(kept) + len(rows) >= self.window.at_least:
            return False
        kept.extend([(time, row) for _, _, time, row in rows])
        lane.seen += len(rows)
        lane.drop_before(rows[-1][2] - for_ns)
        return True

    def _few_values(self, key: Hashable, rows: list[Counted]) -> bool:
        """Takes the rows of a key, if they and what is known of it tell too few values to fill its window."""
        found = self.values.get(key)
        fresh = rows
        if found is None:
            found, fresh = rows[0], rows[1:]
        values = found if isinstance(found, dict) else {found[1]: [found[2], found[3], False]}
        if len(values.keys() | {counted[1] for counted in fresh}) >= self.window.at_least:
            return False
        for _, value, time, row in fresh:
            values.pop(value, None)
            values[value] = [time, row, False]
        while rows[-1][2] - values[oldest := next(iter(values))][0] > self.window.for_ns:
            del values[oldest]
        self.values[key] = values if fresh else found
        return True

    def _count(self, rows: list[Counted]) -> Iterator[Any]:
        for key, _, timestamp_ns, row in rows:
            lane = self._lane(key)
            self.lanes.move_to_end(key)
            yield from lane.add(timestamp_ns, row, self.window.for_ns)

    def _distinct(self, rows: list[Counted]) -> Iterator[Any]:
        keys, for_ns, at_least = self.values, self.window.for_ns, self.window.at_least
        for counted in rows:
            key, value, timestamp_ns, row = counted
            values = keys.setdefault(key, counted)
            if values is not counted:
                keys.move_to_end(key)
            elif len(keys) > _KEYS:
                keys.popitem(last=False)
                self.forgotten += 1
            if values is counted and at_least > 1:
                continue
            if type(values) is tuple:
                values = keys[key] = {values[1]: [values[2], values[3], False]}
            assert isinstance(values, dict)
            values.pop(value, None)
            values[value] = [timestamp_ns, row, False]
            while timestamp_ns - values[oldest := next(iter(values))][0] > for_ns or len(values) > 4 * at_least:
                del values[oldest]
            if len(values) >= at_least:
                fresh = list(takewhile(lambda cell: not cell[2], reversed(values.values())))  # what is new is at the end
                for cell in reversed(fresh):
                    cell[2] = True
                    yield cell[1]


class Sequences:
    """The half-done sequences of one rule."""

    def __init__(self, rule: Rule) -> None:
        assert rule.sequence is not None
        self.sequence: Sequence = rule.sequence
        self.forgotten = 0
        self.armed: list[OrderedDict[Hashable, deque[Row]]] = [OrderedDict() for _ in self.sequence.steps[:-1]]

    def waits_for(self, step: int) -> bool:
        """Whether a row of this step could matter, as far as earlier batches go: an earlier step fitted, or its rows come later in a batch."""
        return step == 0 or bool(self.armed[step - 1]) or self.sequence.steps[step - 1].table in ("anomalies", "facts", "silences", "surges")

    def feed(self, clause: Clause, row: Row, credit: Credit) -> None:
        """Takes a row that fits the clause's step, in packet order."""
        key = hashable(row.record.get(clause.key))
        if clause.step:
            waiting = self.armed[clause.step - 1].get(key)
            if waiting is None:
                return
            row.before = [entry for entry in waiting if 0 <= row.timestamp_ns - entry.timestamp_ns <= self.sequence.within_ns]
            if not row.before:
                return
        if clause.step == len(self.sequence.steps) - 1:
            credit(clause, row)
        else:
            self.arm(clause.step, key, row)

    def arm(self, step: int, key: Hashable, row: Row) -> None:
        """Remembers a row that fitted a step."""
        armed = self.armed[step]
        entries = armed.get(key)
        if entries is None:
            entries = armed[key] = deque(maxlen=_ENTRIES)
            if len(armed) > _KEYS:
                armed.popitem(last=False)
                self.forgotten += 1
        else:
            armed.move_to_end(key)
        entries.append(row)


def _in_order(rows: list[Counted]) -> bool:
    times = [counted[2] for counted in rows]
    return times == sorted(times)


def hashable(value: Any) -> Hashable:
    """A value as a key of windows and sequences."""
    return tuple(value) if isinstance(value, list) else value
