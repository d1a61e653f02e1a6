"""The last value of every point that is written: what a command changed it from.

Kept are reads, reports and writes of points that somebody commanded, by behaviour, which names the point; of a point's first command, what the same
batch held before it. What is not known stays unknown: a value is never taken from another place, type or count.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np

from otwatch.actions import CHANGING, Action, Role
from otwatch.batch import Batch
from otwatch.rules.context import Context
from otwatch.tables import Behaviours

POINTS: Final = 65_536  # behaviours whose last value is kept, and as many places that are remembered
_LOOKED_UP: Final = 256  # commands of one batch whose value before is looked up: what one sweep writes is not asked point by point
_COMMANDS: Final = tuple(int(action) for action in CHANGING)
_READ: Final = int(Action.READ)
_REQUEST, _RESPONSE, _EVENT = int(Role.REQUEST), int(Role.RESPONSE), int(Role.EVENT)
_AT_ONE_PLACE: Final = 256  # behaviours: a sweep of one place must not cost the square of it
_COLUMNS: Final = ("source", "destination", "protocol", "role", "unit", "area", "object", "start", "count")
Place = tuple[int, ...]  # device, protocol, and what the protocol calls the place of a point


@dataclass(frozen=True, slots=True)
class Before:
    """What a point was before a command."""

    value: Any
    frame: int


@dataclass(slots=True)
class _Known:
    timestamp_ns: int
    frame: int
    kind: int
    octets: bytes
    row: dict[str, int]


class _Here:
    """The rows of one batch that tell the value of a point, by behaviour."""

    def __init__(self, batch: Batch, kept: np.ndarray[Any, Any]) -> None:
        operations = batch.operations
        behaviours = operations.array("behaviour")
        rows = np.flatnonzero(kept[behaviours])
        rows = rows[operations.array("value_kind")[rows] != 0]
        self._operations = operations
        rows = rows[np.argsort(behaviours[rows], kind="stable")]
        numbers = behaviours[rows]
        ends = np.flatnonzero(np.diff(numbers, append=-1)) + 1
        self._rows: list[int] = rows.tolist()
        self._places = {numbers.item(end - 1): (begin, end) for begin, end in pairwise([0, *ends.tolist()])}
        self._refused: set[tuple[int, int]] | None = None

    def before(self, number: int, index: int) -> list[int]:
        """The last rows of a behaviour before a row of the batch."""
        begin, end = self._places.get(number, (0, 0))
        end = bisect_left(self._rows, index, begin, end)
        return self._rows[max(begin, end - _LOOKED_UP) : end]

    def newest(self) -> Iterator[tuple[int, int]]:
        """(behaviour, its last row)."""
        return ((number, self._rows[end - 1]) for number, (_, end) in self._places.items())

    def is_refused(self, row: int) -> bool:
        """Whether a command was refused, as far as its answer is in the batch: then it changed nothing."""
        columns = self._operations.columns
        if columns["role"].item(row) != _REQUEST:
            return False
        if self._refused is None:
            refused = np.flatnonzero(self._operations.array("status"))
            self._refused = set(zip(columns["request_frame"][refused].tolist(), columns["flow"][refused].tolist(), strict=True))
        return (columns["frame"].item(row), columns["flow"].item(row)) in self._refused


class Points:
    """Feed it every batch after its commands were looked up."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.forgotten = 0  # behaviours for which there was no room
        self._commanded: dict[Place, list[tuple[int, int]]] = {}  # place -> start and count of commands
        self._told: dict[Place, list[int]] = {}  # place -> behaviours that tell its values
        self._kept = np.zeros(0, np.bool_)  # by behaviour
        self._values: dict[int, _Known] = {}
        self._behaviours = 0
        self._asked = 0
        self._here: _Here | None = None

    def begin(self, batch: Batch) -> None:
        """The behaviours that are new in a batch: which of them tell the value of a commanded point."""
        self._asked = 0
        self._here = None
        table = batch.behaviours
        rows = table.rows
        if rows == self._behaviours:
            return
        if rows > len(self._kept):
            grown = np.zeros(max(2 * len(self._kept), rows), np.bool_)
            grown[: len(self._kept)] = self._kept
            self._kept = grown
        new = slice(self._behaviours, rows)
        role, action = table.array("role")[new], table.array("action")[new]
        commands = (role == _REQUEST) & np.isin(action, _COMMANDS)
        tells = ((role == _RESPONSE) & (action == _READ) & (table.array("status")[new] == 0)) | (role == _EVENT)
        rows_of = np.flatnonzero(commands | tells)
        columns = [table.array(name)[new][rows_of].tolist() for name in _COLUMNS]
        is_command = commands[rows_of].tolist()
        for number, command, *values in zip((rows_of + self._behaviours).tolist(), is_command, *columns, strict=True):
            self._note(table, number, command, dict(zip(_COLUMNS, values, strict=True)))
        self._behaviours = rows

    def _note(self, table: Behaviours, number: int, command: bool, row: dict[str, int]) -> None:
        place, start, count = self._place(row), row["start"], row["count"]
        if len(self._told) >= POINTS and place not in self._told:
            self.forgotten += 1
            return
        told = self._told.setdefault(place, [])
        if len(told) >= _AT_ONE_PLACE:
            self.forgotten += 1
            return
        told.append(number)
        if command:
            self._commanded.setdefault(place, []).append((start, count))
            self._kept[[one for one in told if _overlap(table.start[one], table.count[one], start, count)]] = True
        elif any(_overlap(start, count, *one) for one in self._commanded.get(place, ())):
            self._kept[number] = True

    def _place(self, row: dict[str, int]) -> Place:
        protocols = self.context.protocols
        inside = protocols[row["protocol"] - 1].point_place(row) if 0 < row["protocol"] <= len(protocols) else ()
        return row["source" if row["role"] == _EVENT else "destination"], row["protocol"], *inside

    def before(self, batch: Batch, index: int, behaviour: int) -> Before | None:
        """What the point of a command was before it; None where that is not known."""
        if self._asked >= _LOOKED_UP or not 0 <= behaviour < self._behaviours:
            return None
        self._asked += 1
        table = batch.behaviours
        wanted = {name: table.columns[name].item(behaviour) for name in _COLUMNS}
        start, count = wanted["start"], wanted["count"]
        told = self._told.get(self._place(wanted), ())
        fitting = [number for number in told if _covers(table.start[number], table.count[number], start, count)]
        if not fitting:
            return None
        known = self._within(batch, index, fitting)
        if known is None:
            values = [self._values[number] for number in fitting if number in self._values]
            known = max(values, key=lambda one: (one.timestamp_ns, one.frame), default=None)
        if known is None:
            return None
        value = _part(self._decoded(known), known.row, start, count)
        return Before(value, known.frame) if value is not None else None

    def _within(self, batch: Batch, index: int, fitting: list[int]) -> _Known | None:
        """The last of these behaviours in the batch, before a row of it."""
        here = self._of(batch)
        rows = [row for number in fitting for row in here.before(number, index)]
        for row in sorted(rows, reverse=True)[:_LOOKED_UP]:
            if not here.is_refused(row):
                return self._taken(batch, row)
        return None

    def _of(self, batch: Batch) -> _Here:
        if self._here is None:
            self._here = _Here(batch, self._kept)
        return self._here

    def remember(self, batch: Batch) -> None:
        """The last values of a batch."""
        if not batch.operations.rows or not self._commanded:
            return
        here = self._of(batch)
        for number, row in here.newest():
            if number not in self._values and len(self._values) >= POINTS:
                self.forgotten += 1
            elif not here.is_refused(row):
                self._values[number] = self._taken(batch, row)

    def _taken(self, batch: Batch, index: int) -> _Known:
        row = batch.operations.row(index)
        octets = batch.octets.tobytes(row["value_at"], row["value_at"] + row["value_length"])
        return _Known(row["timestamp_ns"], row["frame"], row["value_kind"], octets, row)

    def _decoded(self, known: _Known) -> Any:
        return self.context.protocols[known.row["protocol"] - 1].value(known.kind, known.octets, known.row)


def _overlap(start: int, count: int, other: int, others: int) -> bool:
    return start < other + max(others, 1) and other < start + max(count, 1)


def _covers(start: int, count: int, wanted: int, wanted_count: int) -> bool:
    return start <= wanted and wanted + max(wanted_count, 1) <= start + max(count, 1)


def _part(value: Any, row: dict[str, int], start: int, count: int) -> Any:
    """The part of a value that is of these points; None where they cannot be told apart."""
    count, whole = max(count, 1), max(row["count"], 1)
    if start == row["start"] and count == whole:
        return value
    if isinstance(value, list) and len(value) == whole:
        part = value[start - row["start"] : start - row["start"] + count]
        return part[0] if count == 1 else part
    return None
