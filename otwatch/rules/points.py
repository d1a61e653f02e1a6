"""The last value of every point: what a command changed it from.

Kept are reads, reports and writes, by behaviour, which names the point. A value is never taken from another place, type or count; what is not known
stays unknown. A write counts unless its refusal came before the command that is asked about: all depends on the order of messages alone, not on how
they were cut into batches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from otwatch.actions import CHANGING, Action, Role
from otwatch.batch import Batch
from otwatch.groups import grouped
from otwatch.rules.context import Context
from otwatch.rules.last_values import LastValues

Numbers = npt.NDArray[np.int64]
POINTS: Final = 65_536  # behaviours whose last value is kept, and as many places that are remembered
DIFFERENT: Final = 64  # different values of one behaviour that are kept apart
_DIFFERENT_IN_ALL: Final = 65_536
_SHORT: Final = 8  # octets of a value that are compared by column
PENDING: Final = 8  # writes of one behaviour that are kept: what was written before some that are refused later
_COMMANDS: Final = tuple(int(action) for action in CHANGING)
_READ: Final = int(Action.READ)
_REQUEST, _RESPONSE, _EVENT = int(Role.REQUEST), int(Role.RESPONSE), int(Role.EVENT)
_LOOKED_UP: Final = 256  # commands of one second whose value before is looked up: what one sweep writes is not asked point by point
_AT_ONE_PLACE: Final = 256  # behaviours: a sweep of one place must not cost the square of it
_COLUMNS: Final = ("source", "destination", "protocol", "role", "unit", "area", "object", "start", "count")
Place = tuple[int, ...]  # device, protocol, and what the protocol calls the place of a point


@dataclass(frozen=True, slots=True)
class Before:
    """What a point was before a command."""

    value: Any
    frame: int


@dataclass(frozen=True, slots=True)
class _Known:
    """A value that was seen; `flow` is that of a write, which may be refused yet."""

    timestamp_ns: int
    frame: int
    behaviour: int
    kind: int
    octets: bytes
    flow: int = -1


class Points:
    """`begin` a batch before its commands are looked up, `remember` it after."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.forgotten = 0  # behaviours for which there was no room
        self._told: dict[Place, list[int]] = {}  # place -> behaviours that tell its values
        self._values = LastValues()
        self._written: dict[int, list[_Known]] = {}  # behaviour of commands -> their last values, none of them refused so far
        self._different: dict[int, tuple[tuple[int, bytes], ...]] = {}  # behaviour of commands -> the different values that were requested
        self._different_in_all = 0
        self._commands = np.zeros(0, np.bool_)  # by behaviour: a command that tells a value
        self._followed = 0
        self._behaviours = 0
        self._asked = 0, 0  # second of packet time, commands of it that were looked up
        self._index: tuple[Numbers, Numbers] | None = None  # of the batch: behaviours of rows that tell a value, in order; their rows
        self._refused: dict[tuple[int, int], int] | None = None  # of the batch: flow and frame of refused requests -> row of the refusal

    def begin(self, batch: Batch) -> None:
        """Takes the behaviours that are new: which of them tell the value of a point."""
        self._index = self._refused = None
        table = batch.behaviours
        rows = table.rows
        if rows == self._behaviours:
            return
        if rows > len(self._commands):
            grown = np.zeros(max(2 * len(self._commands), rows), np.bool_)
            grown[: len(self._commands)] = self._commands
            self._commands = grown
        self._values.grow(rows)
        new = slice(self._behaviours, rows)
        role, action = table.array("role")[new], table.array("action")[new]
        commands = (role == _REQUEST) & np.isin(action, _COMMANDS)
        tells = ((role == _RESPONSE) & (action == _READ) & (table.array("status")[new] == 0)) | (role == _EVENT)
        rows_of = np.flatnonzero(commands | tells)
        columns = [table.array(name)[new][rows_of].tolist() for name in _COLUMNS]
        is_command = commands[rows_of].tolist()
        for number, command, *values in zip((rows_of + self._behaviours).tolist(), is_command, *columns, strict=True):
            self._note(number, command, dict(zip(_COLUMNS, values, strict=True)))
        self._behaviours = rows

    def _note(self, number: int, command: bool, row: dict[str, int]) -> None:
        place = self._place(row)
        told = self._told.get(place)
        if self._followed >= POINTS or (told is not None and len(told) >= _AT_ONE_PLACE):
            self.forgotten += 1
            return
        if told is None:
            told = self._told[place] = []
        told.append(number)
        self._followed += 1
        if command:
            self._commands[number] = True
        else:
            self._values.follows[number] = 1

    def _place(self, row: dict[str, int]) -> Place:
        protocols = self.context.protocols
        inside = protocols[row["protocol"] - 1].point_place(row) if 0 < row["protocol"] <= len(protocols) else ()
        return row["source" if row["role"] == _EVENT else "destination"], row["protocol"], *inside

    def before(self, batch: Batch, index: int, behaviour: int) -> Before | None:
        """What the point of a command was before it; None where that is not known."""
        if not 0 <= behaviour < self._behaviours:
            return None
        second = batch.operations.timestamp_ns[index] // 1_000_000_000
        asked = self._asked[1] + 1 if second == self._asked[0] else 1
        if asked > _LOOKED_UP:
            return None
        self._asked = second, asked
        table = batch.behaviours
        wanted = {name: table.columns[name].item(behaviour) for name in _COLUMNS}
        start, count = wanted["start"], wanted["count"]
        told = self._told.get(self._place(wanted), ())
        fitting = [number for number in told if _covers(table.start[number], table.count[number], start, count)]
        known = (self._within(batch, index, fitting) or self._earlier(index, fitting)) if fitting else None
        if known is None:
            return None
        row = table.row(known.behaviour)
        value = _part(self.context.protocols[row["protocol"] - 1].value(known.kind, known.octets, row), row, start, count)
        return Before(value, known.frame) if value is not None else None

    def _within(self, batch: Batch, index: int, fitting: Sequence[int]) -> _Known | None:
        """The last value of these behaviours in the batch, before a row of it."""
        if self._index is None:
            self._index, self._refused = self._look_at(batch), self._refusals(batch)
        behaviours, rows = self._index
        begins, ends = (np.searchsorted(behaviours, fitting, side).tolist() for side in ("left", "right"))
        found = [rows[begin : begin + int(np.searchsorted(rows[begin:end], index))] for begin, end in zip(begins, ends, strict=True) if begin < end]
        for row in sorted(row for one in found for row in one[-PENDING:].tolist())[::-1]:
            known = _taken(batch, row)
            if not self._is_refused(known, index):
                return known
        return None

    def _earlier(self, index: int, fitting: Sequence[int]) -> _Known | None:
        """The last value of these behaviours before the batch."""
        values = self._values
        found = [
            _Known(values.timestamp_ns[number], values.frame[number], number, values.kind[number], values.value(number))
            for number in fitting
            if number < len(values.kind) and values.kind[number]
        ]
        for number in fitting:
            found += [known for known in self._written.get(number, ()) if not self._is_refused(known, index)]
        return max(found, key=lambda one: (one.timestamp_ns, one.frame), default=None)

    def _is_refused(self, known: _Known, index: int) -> bool:
        """Whether a write was refused before a row of the batch: then it changed nothing."""
        return known.flow >= 0 and self._refused is not None and self._refused.get((known.flow, known.frame), index) < index

    def _look_at(self, batch: Batch) -> tuple[Numbers, Numbers]:
        """The rows of a batch that tell values of points: their behaviours in order, and the rows."""
        operations = batch.operations
        behaviours = operations.array("behaviour")
        tells = self._commands[: self._behaviours] | (np.asarray(self._values.follows)[: self._behaviours] != 0)
        rows = np.flatnonzero((operations.array("value_kind") != 0) & tells[behaviours])
        order = np.argsort(behaviours[rows], kind="stable")
        return behaviours[rows][order].astype(np.int64), rows[order]

    def _refusals(self, batch: Batch) -> dict[tuple[int, int], int]:
        """Flow and frame of the requests that are refused in a batch, with the row of the refusal."""
        operations = batch.operations
        rows = np.flatnonzero(operations.array("status") != 0)
        rows = rows[(operations.array("role")[rows] == _RESPONSE) & (operations.array("request_frame")[rows] >= 0)][::-1]
        requests = zip(operations.array("flow")[rows].tolist(), operations.array("request_frame")[rows].tolist(), strict=True)
        return dict(zip(requests, rows.tolist(), strict=True))

    def remember(self, batch: Batch) -> None:
        """The last values of a batch."""
        operations = batch.operations
        if not operations.rows:
            return
        self._values.feed(operations, batch.octets)
        behaviours = operations.array("behaviour")
        rows = np.flatnonzero(self._commands[behaviours] & (operations.array("value_kind") != 0))
        if not self._written and not rows.size:
            return
        if self._refused is None:
            self._refused = self._refusals(batch)
        if self._refused:
            for number, written in self._written.items():
                if any(self._is_refused(one, operations.rows) for one in written):
                    self._written[number] = [one for one in written if not self._is_refused(one, operations.rows)]
        self._compare(batch, rows)
        rows = rows[np.argsort(behaviours[rows], kind="stable")]
        for of_one in np.split(rows, np.flatnonzero(np.diff(behaviours[rows])) + 1) if rows.size else ():
            kept = [row for row in of_one.tolist() if (operations.flow[row], operations.frame[row]) not in self._refused][-PENDING:]
            number = int(behaviours[of_one[0]])
            self._written[number] = [*self._written.get(number, ()), *(_taken(batch, row) for row in kept)][-PENDING:]

    def last(self, behaviour: int) -> _Known | None:
        """The last command of a behaviour that was not refused so far; None where none is kept."""
        written = self._written.get(behaviour)
        return written[-1] if written else None

    def decoded(self, known: _Known, row: dict[str, int]) -> Any:
        """The value of a command; `row` is its behaviour."""
        return self.context.protocols[row["protocol"] - 1].value(known.kind, known.octets, row)

    def different(self, behaviour: int, row: dict[str, int]) -> list[Any]:
        """The different values that the commands of a behaviour had, in the order in which they came: at most DIFFERENT."""
        value = self.context.protocols[row["protocol"] - 1].value
        return [found for kind, octets in self._different.get(behaviour, ()) if (found := value(kind, octets, row)) is not None]

    def _compare(self, batch: Batch, rows: Numbers) -> None:
        """Values that a behaviour did not have yet."""
        if not rows.size:
            return
        operations = batch.operations
        behaviours, lengths = operations.array("behaviour")[rows], operations.array("value_length")[rows]
        at = operations.array("value_at")[rows].astype(np.int64)[:, None] + np.arange(_SHORT)
        octets = np.asarray(batch.octets.data)
        there = (np.arange(_SHORT) < lengths[:, None]) & (at >= 0) & (at < len(octets))
        raw = np.ascontiguousarray(np.where(there, octets[np.where(there, at, 0)], 0), np.uint8).view("<i8").reshape(-1)
        long = np.where(lengths > _SHORT, np.arange(1, len(rows) + 1), 0)  # each for itself
        first, _ = grouped([behaviours, lengths, raw, long])
        for row, number in zip(rows[first].tolist(), behaviours[first].tolist(), strict=True):
            known = self._different.get(number, ())
            if len(known) < DIFFERENT and self._different_in_all < _DIFFERENT_IN_ALL:
                begin = operations.value_at[row]
                value = operations.value_kind[row], batch.octets.tobytes(begin, begin + operations.value_length[row])
                if value not in known:
                    self._different[number] = (*known, value)
                    self._different_in_all += 1

    def state(self) -> dict[str, Any]:
        """As plain data."""
        def plain(one: _Known) -> list[Any]:
            return [one.timestamp_ns, one.frame, one.kind, one.octets.hex(), one.flow]

        return {"read": self._values.state(), "written": [[number, [*map(plain, known)]] for number, known in self._written.items()],
                "different": [[number, *([kind, value.hex()] for kind, value in known)] for number, known in self._different.items()]}  # fmt: skip

    def resume(self, state: dict[str, Any], behaviour: Callable[[int], int]) -> None:
        """Goes on from `state`; the first batch brings the behaviours again. `behaviour` checks the number of one."""
        self._values.resume([[behaviour(number), *known] for number, *known in state["read"]])
        for number, known in state["written"]:
            values = [_Known(int(time), int(frame), number, int(kind), bytes.fromhex(octets), int(flow)) for time, frame, kind, octets, flow in known]
            self._written[behaviour(number)] = values[-PENDING:]
        for number, *octets in state.get("different", ()):  # a checkpoint of an older version has none
            self._different[behaviour(number)] = tuple((int(kind), bytes.fromhex(value)) for kind, value in octets)
            self._different_in_all += len(octets)


def _taken(batch: Batch, index: int) -> _Known:
    operations = batch.operations
    at = operations.value_at[index]
    octets = batch.octets.tobytes(at, at + operations.value_length[index])
    flow = operations.flow[index] if operations.role[index] == _REQUEST else -1
    return _Known(operations.timestamp_ns[index], operations.frame[index], operations.behaviour[index], operations.value_kind[index], octets, flow)


def _covers(start: int, count: int, wanted: int, wanted_count: int) -> bool:
    return start <= wanted and wanted + max(wanted_count, 1) <= start + max(count, 1)


def _part(value: Any, row: dict[str, int], start: int, count: int) -> Any:
    """The part of a value that is of these points; None where they cannot be told apart."""
    count, whole = max(count, 1), max(row["count"], 1)
    if isinstance(value, list) and len(value) == whole:
        part = value[start - row["start"] : start - row["start"] + count]
        return part[0] if count == 1 else part
    return value if start == row["start"] and count == whole else None
