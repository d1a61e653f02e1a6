"""A rule as data: what its file says, checked, nothing compiled yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from otwatch.alerts.alert import Severity


@dataclass(frozen=True, slots=True)
class Term:
    """One condition on one field: yes when any of the values fits, no when none does, not observable when this tap cannot show the field."""

    name: str
    operator: str  # in, not, ge, gt, le, lt, cidr, contains, startswith, known
    values: tuple[Any, ...]

    def text(self) -> str:
        """As a person writes it."""
        suffix = "" if self.operator == "in" else f"|{self.operator}"
        values = ", ".join(str(value) for value in self.values)
        return f"{self.name}{suffix}: {values if len(self.values) == 1 else f'[{values}]'}"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Yes when every part is, no when any part is no, else not observable."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Yes when some part is, no when every part is no, else not observable."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Yes when its part is no, no when it is yes; not observable when it is not observable."""

    part: Condition


@dataclass(frozen=True, slots=True)
class Unless:
    """An exception: no when its part is yes, else yes. Where it cannot be seen whether the exception holds, there is none."""

    part: Condition


Condition = Term | AllOf | AnyOf | Not | Unless


def terms_of(condition: Condition) -> Iterator[Term]:
    """Every term of a condition."""
    if isinstance(condition, Term):
        yield condition
    elif isinstance(condition, Not | Unless):
        yield from terms_of(condition.part)
    else:
        for part in condition.parts:
            yield from terms_of(part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Fires when, for the same values of `by`, at least so many rows (or distinct values of a field) fall within `for_ns`.

    With `times_habit` only when they are also more than so many times what these values of `by` had in any earlier piece of `for_ns`; before there
    are three of these there is no habit to compare with, and the rule is silent.
    """

    by: tuple[str, ...]
    for_ns: int
    at_least: int
    distinct: str | None = None
    times_habit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a sequence; `key` is the field whose value ties the steps together."""

    table: str
    where: Condition
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """Fires on every row that fits the last step when the earlier steps fitted before it, in order, each within `within_ns` of the one before."""

    within_ns: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One proof: rows (or a capture), what the site file says, what was learned before, and how many alerts must come out."""

    rows: tuple[dict[str, Any], ...] = ()
    capture: str = ""  # path from the rule's folder
    site: str = ""  # text of a site file
    learn: tuple[dict[str, Any], ...] = ()  # rows that a baseline is learned from
    intel: str = ""  # text of a list of indicators
    alerts: int = 0
    count: int = -1  # messages of all these alerts, where the test says how many
    frames: tuple[int, ...] = ()
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule."""

    id: str
    title: str
    status: str
    severity: Severity
    attack: tuple[str, ...]
    table: str
    where: Condition
    window: Window | None = None
    sequence: Sequence | None = None
    group: tuple[str, ...] = ("src", "dst")  # what makes one finding
    why: str = ""
    false_positives: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    catalogue: tuple[str, ...] = ()  # rows of the detection catalogue that it covers
    tests: tuple[Proof, ...] = ()
    path: str = field(default="", compare=False)
    line: int = field(default=1, compare=False)
    is_own: bool = field(default=False, compare=False)  # of the user's files, not shipped
