"""What is late of behaviours, judged once for all that cannot differ.

A condition on what is late reads the pair and the signature, the REST fields that it names, and what the knowledge says at a packet time. Between two
moments (`Knowledge.moments`) that stays the same, so ten thousand written registers of one client are one question.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from otwatch.groups import grouped, split
from otwatch.rules.compile import Clause
from otwatch.rules.context import Context, LateRecord
from otwatch.rules.fields import Stage
from otwatch.rules.kinds import columns_of
from otwatch.rules.outcomes import Numbers
from otwatch.tables import Behaviours

_SIGNED: Final = ("source", "destination", "protocol", "role", "function", "subfunction", "action", "status")
_RATED: Final = frozenset({"writer", "steady", "steady_per_s"})
_REMEMBERED: Final = 65_536


class LateVerdicts:
    """The late verdicts of the clauses of one engine. `record` gives a behaviour with its late fields as of a packet time."""

    def __init__(self, context: Context, record: Any) -> None:
        self._context = context
        self._record = record
        self._asked_of: dict[Clause, tuple[str, ...] | None] = {}
        self._known: dict[tuple[Any, ...], bool | None] = {}
        self._epoch = -1

    def verdict(self, clause: Clause, table: Behaviours, number: int, at_ns: int) -> bool | None:
        """The verdict on a behaviour as of a packet time."""
        test = clause.tests[Stage.LATE]
        if test is None:
            return True
        columns = self._columns(clause)
        knowledge = self._context.knowledge
        if columns is None or (int(table.third_ns[number]) and _RATED & clause.late_fields):
            return test(self._late(number, at_ns))
        if self._epoch != knowledge.epoch or len(self._known) >= _REMEMBERED:
            self._known.clear()
            self._epoch = knowledge.epoch
        src, dst = int(table.source[number]), int(table.destination[number])
        own = tuple([int(getattr(table, name)[number]) for name in columns])
        key = clause.index, clause.step, src, dst, *own, knowledge.moment(src, dst, at_ns), *self._apart(clause, number)
        if key not in self._known:
            self._known[key] = test(self._late(number, at_ns))
        return self._known[key]

    def passing(self, clause: Clause, table: Behaviours, numbers: Numbers) -> Numbers:
        """Those of the behaviours that pass as of their first messages, in order."""
        test = clause.tests[Stage.LATE]
        if test is None or not len(numbers):
            return numbers
        columns = self._columns(clause)
        times = table.array("first_ns")[numbers]
        if columns is None or len(numbers) < 4:
            return numbers[[test(self._late(number, at_ns)) is True for number, at_ns in zip(numbers.tolist(), times.tolist(), strict=True)]]
        knowledge = self._context.knowledge
        rated = bool(_RATED & clause.late_fields)
        source, target = (table.array(name)[numbers].astype(np.int64) for name in ("source", "destination"))
        moments = np.empty(len(numbers), np.int64)
        _, which = grouped([source, target])
        for rows in split(np.arange(len(numbers)), which):
            first = rows[0]
            moments[rows] = np.searchsorted(knowledge.moments(int(source[first]), int(target[first])), times[rows], side="right")
        apart = [np.where(table.array("third_ns")[numbers] > 0, numbers, -1)] if rated else []  # of what may have a rate each is asked
        if "after_start" in clause.late_fields:
            apart.append((times >= knowledge.cold_until_ns).astype(np.int64))
        if "new_question" in clause.late_fields:
            apart.append(knowledge.late_questions(numbers).astype(np.int64))
        own = [table.array(name)[numbers].astype(np.int64) for name in columns]
        first_of, which = grouped([source, target, moments, *apart, *own])
        verdicts = np.array([test(self._late(int(numbers[at]), int(times[at]))) is True for at in first_of.tolist()], np.bool_)
        return numbers[verdicts[which]]

    def _late(self, number: int, at_ns: int) -> LateRecord:
        found: LateRecord = self._record(number, at_ns)
        return found

    def _apart(self, clause: Clause, number: int) -> tuple[bool, ...]:
        """What of a behaviour alone the late fields of a clause depend on, but for its rate."""
        knowledge, names = self._context.knowledge, clause.late_fields
        return (
            "after_start" in names and knowledge.began_late(number),
            "new_question" in names and bool(knowledge.late_questions(np.array([number]))[0]),
        )

    def _columns(self, clause: Clause) -> tuple[str, ...] | None:
        """The columns that its late conditions depend on; None where that is too much: the site file or the baseline is asked for each."""
        known = self._asked_of.get(clause, ())
        if known != ():
            return known
        context = self._context
        site, baseline = context.site is not None, context.baseline is not None
        if (site and "writer" in clause.late_fields) or (baseline and _RATED & clause.late_fields):
            found: tuple[str, ...] | None = None
        else:
            asked = {name for field in clause.late_rest_fields for name in columns_of(field, site=site, baseline=baseline)}
            found = (*_SIGNED, *sorted(asked))
        self._asked_of[clause] = found
        return found
