"""What was done, as acts: by function and outcome and, where something is changed, by object: no object has another's outcome or value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np

from otwatch.actions import CHANGING, Role
from otwatch.alerts.bursts import Interval
from otwatch.alerts.evidence import OBJECTS, Act
from otwatch.alerts.findings import Sample
from otwatch.alerts.outcome import Items, Outcome, outcome_of
from otwatch.groups import grouped
from otwatch.names import plain
from otwatch.rules.context import Context
from otwatch.rules.points import Points
from otwatch.tables import Behaviours

_ACTS: Final = 32
_APART: Final = 4  # objects that have an act each; more have one for all
_DESCRIBED: Final = 1_024  # behaviours of one finding that are put into words; all are counted
_FRAMES: Final = 8
_CHANGING: Final = frozenset(int(action) for action in CHANGING)
_KIND: Final = "protocol", "role", "function", "subfunction", "action"


class Rows(Protocol):
    """Rows of a finding by behaviour."""

    @property
    def counts(self) -> Mapping[int, int]:
        """Messages of each behaviour."""

    @property
    def rows(self) -> Mapping[Any, Sequence[Interval]]:
        """Bursts of each behaviour."""


@dataclass(slots=True)
class _Share:
    """Rows of one behaviour that had one outcome."""

    number: int
    count: int
    samples: list[Sample] = field(default_factory=list)
    more: int = 0  # further behaviours of the same function, counted only
    is_rest: bool = False  # it has the rows that no message was kept of


def items_of(samples: Iterable[Sample]) -> Items:
    """Requests among the samples, and what was said to them."""
    requested = confirmed = refused = 0
    for sample in samples:
        if sample.watched:
            requested += max(1, sample.answers + sample.refusals)
            confirmed += sample.answers
            refused += sample.refusals
    return Items(requested, confirmed, refused)


def outcome_of_samples(samples: Sequence[Sample], *, answers_seen: bool) -> Outcome:
    """The outcome of the requests among the samples."""
    watched = any(sample.watched for sample in samples)
    return outcome_of(items_of(samples), contradicted=any(sample.contradictions for sample in samples), answers_seen=answers_seen and watched)


class ActMaker:
    """Makes the acts of findings. `points` knows what was written last, and how many different values there were."""

    def __init__(self, context: Context, points: Points) -> None:
        self.context = context
        self.points = points

    def acts(self, found: Rows, behaviours: Behaviours, samples: Sequence[Sample], *, answers_seen: bool) -> tuple[Act, ...]:
        """What was done, gravest success first."""
        kept: dict[int, list[Sample]] = {}
        for sample in samples:
            kept.setdefault(sample.behaviour, []).append(sample)
        groups: dict[tuple[int, ...], list[int]] = {}
        ordered = sorted(found.counts, key=lambda number: (number not in kept, number))
        beyond = _beyond(ordered[_DESCRIBED:], found, behaviours)
        for number in ordered[:_DESCRIBED]:
            key = tuple(int(getattr(behaviours, name)[number]) for name in _KIND)
            if key[-1] in _CHANGING:
                key += int(behaviours.destination[number]), int(behaviours.unit[number])
            groups.setdefault(key, []).append(number)
        acts = [
            self._act(shares, found, behaviours, answers_seen=answers_seen)
            for key, numbers in groups.items()
            for shares in self._apart(key, numbers, found, behaviours, kept, beyond.get(key))
        ]
        return tuple(sorted(acts, key=lambda act: (not act.weight[0], -act.weight[1], act.first_ns)))[:_ACTS]

    def _apart(
        self,
        key: tuple[int, ...],
        numbers: Sequence[int],
        found: Rows,
        behaviours: Behaviours,
        kept: Mapping[int, list[Sample]],
        beyond: _Share | None,
    ) -> Iterable[list[_Share]]:
        """The rows of one function as acts. What is only read is one act, whatever became of each part of it."""
        if key[4] not in _CHANGING:
            shares_of_all = [_Share(number, found.counts[number], kept.get(number, []), is_rest=True) for number in numbers]
            yield [*shares_of_all, beyond] if beyond is not None else shares_of_all
            return
        by_outcome: dict[Outcome, list[_Share]] = {}
        unknown = [beyond] if beyond is not None else []
        for number in numbers:
            shares = _shares(number, found.counts[number], kept.get(number, ()))
            if not shares:
                unknown.append(_Share(number, found.counts[number], is_rest=True))
            for outcome, share in shares.items():
                by_outcome.setdefault(outcome, []).append(share)
        if unknown:  # so many that none of their messages was kept: they stand with most of the others
            most = max(by_outcome, key=lambda outcome: len(by_outcome[outcome])) if by_outcome else Outcome.NOT_OBSERVED
            by_outcome.setdefault(most, []).extend(unknown)
        for shares_of_one in by_outcome.values():
            objects: dict[str, list[_Share]] = {}
            for share in shares_of_one:
                objects.setdefault(self._name(behaviours, share.number), []).append(share)
            if len(objects) <= _APART and any(self._is_valued(share) for share in shares_of_one):
                yield from objects.values()
            else:
                yield shares_of_one

    def _is_valued(self, share: _Share) -> bool:
        return any(sample.value is not None for sample in share.samples) or self.points.last(share.number) is not None

    def _name(self, behaviours: Behaviours, number: int) -> str:
        protocol = behaviours.protocol[number]
        names = self.context.protocols[protocol - 1] if 0 < protocol <= len(self.context.protocols) else None
        return (names.object_name(behaviours.row(number)) or "") if names and number >= 0 else ""

    def _act(self, shares: Sequence[_Share], found: Rows, behaviours: Behaviours, *, answers_seen: bool) -> Act:
        row = behaviours.row(shares[0].number)
        signed = self.context.operation((row["protocol"], row["role"], row["function"], row["subfunction"], row["action"], row["status"]))
        samples = [sample for share in shares for sample in share.samples]
        done = [sample for sample in samples if sample.answers] or samples
        began, ended = _span(shares, found, samples)
        frames = {sample.frame for sample in samples} or {
            behaviours.first_frame[share.number] for share in shares if began <= behaviours.first_ns[share.number] <= ended
        }
        objects: dict[str, list[_Share]] = {}
        answered = {sample.behaviour for sample in done}
        for share in sorted(shares, key=lambda one: one.number not in answered):
            if name := self._name(behaviours, share.number):
                objects.setdefault(name, []).append(share)
        told = list(objects.values())[:OBJECTS] or [list(shares)]
        values = [self._values(of_one, found, behaviours) for of_one in told]
        different, count = values[0] if len(objects) < 2 else _last_of_each(values)
        lead = next((sample for share in told[0] for sample in share.samples if sample.value is not None), None)
        return Act(
            action=signed["action"],
            function=signed["function"],
            function_name=str(signed["function_name"]),
            protocol=str(signed["protocol"]),
            unit=plain(row["unit"]),
            objects=tuple(objects)[:OBJECTS],
            objects_count=len(objects) + sum(share.more for share in shares),
            value=values[0][0][-1] if values[0][0] else None,
            values=tuple(different),
            values_count=count,
            before=lead.before if lead is not None else None,
            before_frame=lead.before_frame if lead is not None else 0,
            count=max(1, sum(share.count for share in shares)),
            first_ns=began,
            last_ns=ended,
            frames=tuple(sorted(frames - {0})[:_FRAMES]),
            outcome=outcome_of_samples(samples, answers_seen=answers_seen),
            items=items_of(samples),
            target=self.context.place(row["destination"]).text,
            proof=next((sample.frame for sample in done if sample.answers and sample.frame), None),
            is_answer=row["role"] == int(Role.RESPONSE),
            behaviours=tuple(share.number for share in shares),
        )

    def _values(self, shares: Sequence[_Share], found: Rows, behaviours: Behaviours) -> tuple[list[Any], int]:
        """(different values of one object in order of time, the last one last; how many there were)."""
        said: list[tuple[int, int, Any]] = [
            (sample.timestamp_ns, sample.frame, sample.value) for share in shares for sample in share.samples if sample.value is not None
        ]
        is_known, every = bool(said), []
        for share in shares:
            last = self.points.last(share.number) if share.is_rest and (share.count > len(share.samples) or not is_known) else None
            if last is None or not any(first <= last.timestamp_ns <= until for first, until, _ in found.rows[share.number]):
                continue
            row = behaviours.row(share.number)
            value = self.points.decoded(last, row)
            if value is not None:
                said.append((last.timestamp_ns, last.frame, value))
            if share.count == behaviours.messages[share.number]:
                every += self.points.different(share.number, row)
        values = every + [value for _, _, value in sorted(said, key=lambda one: one[:2])]
        different: list[Any] = []
        for value in reversed(values):
            if value not in different:
                different.insert(0, value)
        return different[-OBJECTS:], len(different)


def _beyond(numbers: Sequence[int], found: Rows, behaviours: Behaviours) -> dict[tuple[int, ...], _Share]:
    """By function: behaviours that are too many to be put into words, counted. Each group has the latest of them in its place."""
    if not numbers:
        return {}
    columns = [behaviours.array(name)[numbers] for name in (*_KIND, "destination", "unit")]
    changing = np.isin(columns[4], list(_CHANGING))
    columns[5:] = [np.where(changing, column, -1) for column in columns[5:]]
    first, which = grouped(columns)
    groups: list[tuple[int, ...]] = [tuple(int(column[at]) for column in columns) for at in first.tolist()]
    shares: dict[tuple[int, ...], _Share] = {}
    for number, group in zip(numbers, which.tolist(), strict=True):
        key = groups[group] if changing[first[group]] else groups[group][:5]
        share = shares.setdefault(key, _Share(number, 0, is_rest=True))
        share.number, share.count, share.more = number, share.count + found.counts[number], share.more + 1
    for share in shares.values():
        share.more -= 1  # the one that stands in its place is named
    return shares


def _shares(number: int, count: int, samples: Sequence[Sample]) -> dict[Outcome, _Share]:
    """The rows of one behaviour by what became of them; those that no message was kept of stand with most of the others."""
    found: dict[Outcome, _Share] = {}
    for sample in samples:
        outcome = (
            Outcome.CONTRADICTED
            if sample.contradictions
            else Outcome.CONFIRMED
            if sample.answers
            else Outcome.REFUSED
            if sample.refusals
            else Outcome.NOT_OBSERVED
        )
        share = found.setdefault(outcome, _Share(number, 0))
        share.samples.append(sample)
        share.count += 1
    if found:
        most = max(found.values(), key=lambda share: len(share.samples))
        most.is_rest = True
        most.count += count - len(samples)
    return found


def _span(shares: Sequence[_Share], found: Rows, samples: Sequence[Sample]) -> tuple[int, int]:
    intervals = [(first, last) for share in shares if share.is_rest for first, last, _ in found.rows[share.number]]
    intervals += [(sample.timestamp_ns, sample.timestamp_ns) for sample in samples]
    return min(first for first, _ in intervals), max(last for _, last in intervals)


def _last_of_each(values: Sequence[tuple[list[Any], int]]) -> tuple[list[Any], int]:
    """(the last value of each object, in their order; how many different ones)."""
    last = [different[-1] if different else None for different, _ in values]
    counted = {repr(value) for value in last if value is not None}
    return (last, len(counted)) if counted else ([], 0)
