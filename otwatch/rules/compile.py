"""Conditions to closures, sorted by when their fields are known."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from otwatch.rules.fields import TABLES, Stage
from otwatch.rules.rule import AllOf, AnyOf, Condition, Not, Rule, Term, terms_of


class Record(Protocol):
    """What conditions read: a dict, or a record that computes its late fields."""

    def get(self, name: str, default: Any = None, /) -> Any:
        """The value of a field; None when it is not known."""


Test = Callable[[Record], bool]


@dataclass(frozen=True, slots=True, eq=False)  # one is only ever itself
class Clause:
    """One `where` of a rule (`step` 0), or of one step of its sequence, split by stage. None: nothing asked at that stage."""

    rule: Rule
    index: int  # of the rule in the engine
    step: int
    table: str
    key: str
    tests: tuple[Test | None, Test | None, Test | None, Test | None, Test | None]  # by Stage
    late_fields: frozenset[str]  # names of its LATE fields
    row_fields: frozenset[str]  # names of its ROW fields
    demands: frozenset[str]  # fields that must be known for it to hold at all


def clauses_of(rule: Rule, index: int) -> list[Clause]:
    """The clauses of a rule: one, or one for each step of its sequence."""
    if rule.sequence is None:
        return [Clause(rule, index, 0, rule.table, "", _split(rule.where, rule.table), *_by_stage(rule.where, rule.table), _demands(rule.where))]
    return [
        Clause(rule, index, number, step.table, step.key, _split(step.where, step.table), *_by_stage(step.where, step.table), _demands(step.where))
        for number, step in enumerate(rule.sequence.steps)
    ]


def _demands(where: Condition) -> frozenset[str]:
    return frozenset(part.name for part in (where.parts if isinstance(where, AllOf) else (where,)) if isinstance(part, Term))


def _by_stage(where: Condition, table: str) -> tuple[frozenset[str], frozenset[str]]:
    """The names of its LATE fields and of its ROW fields."""
    stages = {term.name: TABLES[table][term.name].stage for term in terms_of(where)}
    late, row = (frozenset(name for name, at in stages.items() if at is stage) for stage in (Stage.LATE, Stage.ROW))
    return late, row


def _split(where: Condition, table: str) -> tuple[Test | None, Test | None, Test | None, Test | None, Test | None]:
    """The parts of an AND by the stage at which they can be judged. A part that mixes signature and pair fields waits for REST."""
    parts: dict[Stage, list[Condition]] = {stage: [] for stage in Stage}
    for part in where.parts if isinstance(where, AllOf) else (where,):
        stages = {TABLES[table][term.name].stage for term in terms_of(part)}
        stage = max(stages, default=Stage.SIGNATURE)
        if stage is Stage.PAIR and Stage.SIGNATURE in stages:
            stage = Stage.REST
        parts[stage].append(part)
    tests = [_all([compiled(part) for part in parts[stage]]) for stage in Stage]
    return (tests[0], tests[1], tests[2], tests[3], tests[4])


def _all(tests: list[Test]) -> Test | None:
    if not tests:
        return None
    if len(tests) == 1:
        return tests[0]
    return lambda record: all(test(record) for test in tests)


def compiled(condition: Condition) -> Test:
    """The condition as a function of a record."""
    if isinstance(condition, Term):
        return _term(condition)
    if isinstance(condition, Not):
        inner = compiled(condition.part)
        return lambda record: not inner(record)
    tests = [compiled(part) for part in condition.parts]
    if isinstance(condition, AnyOf):
        return lambda record: any(test(record) for test in tests)
    return lambda record: all(test(record) for test in tests)


def _term(term: Term) -> Test:
    name = term.name
    one = _comparison(term.operator, term.values)

    def test(record: Record) -> bool:
        value = record.get(name)
        if value is None:
            return False
        if isinstance(value, list | tuple):
            return any(one(item) for item in value if item is not None)
        return one(value)

    return test


def _comparison(operator: str, values: Iterable[Any]) -> Callable[[Any], bool]:
    operands = tuple(values)
    if operator in ("in", "not"):
        known = frozenset(operands)
        if operator == "in":
            return lambda value: _hashable(value) in known
        return lambda value: _hashable(value) not in known
    if operator == "cidr":
        return lambda value: _within(value, operands)
    if operator == "contains":
        return lambda value: any(str(operand) in str(value) for operand in operands)
    if operator == "startswith":
        return lambda value: str(value).startswith(tuple(str(operand) for operand in operands))
    low, high = min(operands), max(operands)
    comparisons: dict[str, Callable[[Any], bool]] = {
        "ge": lambda value: value >= low,
        "gt": lambda value: value > low,
        "le": lambda value: value <= high,
        "lt": lambda value: value < high,
    }
    compare = comparisons[operator]
    return lambda value: isinstance(value, int | float) and compare(value)


def _hashable(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) else str(value)


def _within(value: str, networks: tuple[Any, ...]) -> bool:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    return any(address in network for network in networks if network.version == address.version)
