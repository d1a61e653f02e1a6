"""New behaviours by kind: those that differ only in what no rule that may concern them asks for are judged once, as one.

A sweep over ten thousand registers is ten thousand behaviours of one kind: the cost of judging it does not depend on how many registers there are.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from otwatch.groups import grouped, split
from otwatch.names import plain
from otwatch.rules.compile import Clause, Record
from otwatch.rules.context import Context, Joined
from otwatch.rules.match import Matcher
from otwatch.rules.outcomes import Numbers
from otwatch.rules.rows import hashable
from otwatch.tables import Behaviours

_SIGNATURE: Final = ("protocol", "role", "function", "subfunction", "action", "status")
_PAIR: Final = ("source", "destination")
_PLACE: Final = ("unit", "area", "object", "start", "count")
# The columns that a REST field depends on, beside those of signature and pair; of a field that is not here, on all of them.
_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "unit": ("unit",),
    "area": ("area",),
    "area_name": ("area",),
    "object": ("object",),
    "start": ("start",),
    "count": ("count",),
    "end": ("start", "count"),
    "place": ("unit", "area", "object", "start"),
    "in_baseline": (),
    "function_in_baseline": (),
    "habit_per_s": (),
}
_PLACE_OF: Final = {name: _COLUMNS[name] for name in ("unit", "object", "start", "place")}
_WITH_SITE: Final = frozenset({"permitted"})
_WITH_BASELINE: Final = frozenset({"range_in_baseline", "repeats_per_s"})


@dataclass(frozen=True, slots=True)
class Kind:
    """Behaviours of one kind, and the clauses that they pass."""

    rows: Numbers  # numbers of the behaviours, ascending
    src: int
    dst: int
    protocol: int
    record: Joined  # of the first of them
    operations: tuple[Clause, ...]
    behaviours: tuple[Clause, ...]


class Kinds:
    """Sorts new behaviours into kinds."""

    def __init__(self, operations: Matcher, behaviours: Matcher, context: Context) -> None:
        self._operations = operations
        self._behaviours = behaviours
        self._context = context
        self._columns_of: dict[tuple[int, int], tuple[str, ...]] = {}  # masks of clauses -> columns that they ask for

    def of(self, table: Behaviours, known: int) -> Iterator[Kind]:
        """The kinds of the behaviours from row `known` on that pass a clause, in the order of their first rows."""
        found: list[Kind] = []
        if known >= table.rows:
            return iter(found)
        for rows in self._split(table, np.arange(known, table.rows), (*_SIGNATURE, *_PAIR)):
            found += self._kinds(table, rows)
        return iter(sorted(found, key=lambda kind: int(kind.rows[0])) if len(found) > 1 else found)

    def _kinds(self, table: Behaviours, rows: Numbers) -> Iterator[Kind]:
        """The kinds among rows of one signature and pair."""
        context = self._context
        first = table.row(int(rows[0]))
        signature, pair = tuple([first[name] for name in _SIGNATURE]), (first["source"], first["destination"])
        mask, signed, paired = self._operations.candidates(signature, context.operation, pair, context.pair)
        mask_first, signed_first, paired_first = self._behaviours.candidates(signature, context.operation, pair, context.pair)
        if not mask and not mask_first:
            return
        columns = self._columns(mask, mask_first)
        for alike in self._split(table, rows, columns) if columns and len(rows) > 1 else [rows]:
            row = table.row(int(alike[0]))
            record = context.rest(
                Joined(signed or signed_first, paired or paired_first),
                protocol=row["protocol"],
                unit=row["unit"],
                area=row["area"],
                object_=row["object"],
                start=row["start"],
                count=row["count"],
            )
            passing, counting = self._operations.passing(mask, record), self._behaviours.passing(mask_first, record)
            if passing or counting:
                yield Kind(alike, *pair, row["protocol"], record, tuple(passing), tuple(counting))

    def _columns(self, mask: int, mask_first: int) -> tuple[str, ...]:
        """The columns beyond signature and pair that the clauses of two masks ask for."""
        known = self._columns_of.get((mask, mask_first))
        if known is None:
            asked = {name for matcher, bits in ((self._operations, mask), (self._behaviours, mask_first)) for name in self._asked(matcher, bits)}
            known = self._columns_of[mask, mask_first] = tuple(name for name in _PLACE if name in asked)
        return known

    def _asked(self, matcher: Matcher, mask: int) -> Iterator[str]:
        for bit, clause in enumerate(matcher.clauses):
            if mask >> bit & 1:
                for name in clause.rest_fields:
                    yield from columns_of(name, site=self._context.site is not None, baseline=self._context.baseline is not None)

    @staticmethod
    def _split(table: Behaviours, rows: Numbers, columns: Sequence[str]) -> list[Numbers]:
        """Rows with the same values in all columns, each in order."""
        if len(rows) == 1:
            return [rows]
        _, which = grouped([np.asarray(table.array(name))[rows] for name in columns])
        return split(rows, which)


def columns_of(field: str, *, site: bool, baseline: bool) -> tuple[str, ...]:
    """The columns of behaviours that a REST field depends on, beside those of signature and pair."""
    if (field in _WITH_SITE and not site) or (field in _WITH_BASELINE and not baseline):
        return ()
    return _COLUMNS.get(field, _PLACE)


class Told:
    """The values of the field that a window tells apart, of rows of the behaviours table; of most fields without a record of the row."""

    def __init__(self, field: str, table: Behaviours, numbers: Numbers) -> None:
        self._field = field
        place = _PLACE_OF.get(field)
        self._columns = [table.array(name)[numbers].tolist() for name in place] if place else []
        self.is_one = not place or all(len(set(column)) == 1 for column in self._columns)  # all rows of one kind tell the same

    def of(self, record: Record, at: int) -> Hashable:
        """The value of a row, whose kind has this record."""
        if not self._columns:
            return hashable(record.get(self._field))
        values = [column[at] for column in self._columns]
        if self._field == "place":
            return "/".join(map(str, values))
        return plain(values[0]) if self._field in ("unit", "object") else values[0] if values[0] >= 0 else None
