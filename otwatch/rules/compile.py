"""Conditions to closures, sorted by when their fields are known. A closure says yes (True), no (False) or not observable (None).

The logic is Kleene's: what cannot be seen makes neither a condition nor its negation true. A rule fires on yes alone.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from otwatch.rules.fields import TABLES, Stage
from otwatch.rules.rule import AllOf, AnyOf, Condition, Not, Rule, Term, Unless, terms_of


class Record(Protocol):
    """What conditions read: a dict, or a record that computes its late fields."""

    def get(self, name: str, default: Any = None, /) -> Any:
        """The value of a field; None when it is not known."""


Verdict = bool | None
Test = Callable[[Record], Verdict]
Tests = tuple[Test | None, Test | None, Test | None, Test | None, Test | None, Test | None]


@dataclass(frozen=True, slots=True, eq=False)  # one is only ever itself
class Clause:
    """One `where` of a rule (`step` 0), or of one step of its sequence, split by stage. None: nothing asked at that stage."""

    rule: Rule
    index: int  # of the rule in the engine
    step: int
    table: str
    key: str
    tests: Tests  # by Stage
    outcome_alone: bool  # what it asks of a connection's outcome depends on nothing but the event's signature and the outcome
    rest_fields: frozenset[str]  # names of the REST fields that its REST conditions ask for, and the window that counts its behaviours
    late_fields: frozenset[str]  # names of its LATE fields
    late_rest_fields: frozenset[str]  # names of the REST fields that its LATE conditions ask for
    row_fields: frozenset[str]  # names of its ROW fields, and of the one that its window tells apart
    demands: frozenset[str]  # fields that must be known for it to hold at all
    asks_pair: bool  # whether a condition names a field of the two addresses


def clauses_of(rule: Rule, index: int) -> list[Clause]:
    """The clauses of a rule: one, or one for each step of its sequence."""
    if rule.sequence is None:
        return [_clause(rule, index, 0, rule.table, "", rule.where)]
    return [_clause(rule, index, number, step.table, step.key, step.where) for number, step in enumerate(rule.sequence.steps)]


def _clause(rule: Rule, index: int, step: int, table: str, key: str, where: Condition) -> Clause:
    parts = _by_stage(where, table)
    tests = [_all([compiled(part, table) for part in parts[stage]]) for stage in Stage]
    stages = {term.name: TABLES[table][term.name].stage for term in terms_of(where)}
    late, row = (frozenset(name for name, at in stages.items() if at is stage) for stage in (Stage.LATE, Stage.ROW))
    asked = {TABLES[table][term.name].stage for part in parts[Stage.OUTCOME] for term in terms_of(part)}
    window = rule.window
    if window is not None and window.distinct and TABLES[table][window.distinct].stage is Stage.ROW:
        row |= {window.distinct}
    alone = asked <= {Stage.SIGNATURE, Stage.OUTCOME}
    rest, late_rest = (
        frozenset(term.name for part in parts[at] for term in terms_of(part) if stages[term.name] is Stage.REST) for at in (Stage.REST, Stage.LATE)
    )
    if window is not None and table == "behaviours":
        rest |= {name for name in window.by if TABLES[table][name].stage is Stage.REST}
    tested = tests[0], tests[1], tests[2], tests[3], tests[4], tests[5]
    return Clause(rule, index, step, table, key, tested, alone, rest, late, late_rest, row, _demands(where), Stage.PAIR in stages.values())


def _demands(where: Condition) -> frozenset[str]:
    parts = where.parts if isinstance(where, AllOf) else (where,)
    return frozenset(part.name for part in parts if isinstance(part, Term) and part.operator != "known")


def _by_stage(where: Condition, table: str) -> dict[Stage, list[Condition]]:
    """The parts of an AND by the stage at which they can be judged. A part that mixes signature and pair fields waits for REST.

    What such a part implies for the signature is asked at once, so that rows that cannot fit are never looked at.
    """
    parts: dict[Stage, list[Condition]] = {stage: [] for stage in Stage}
    for part in where.parts if isinstance(where, AllOf) else (where,):
        stages = {TABLES[table][term.name].stage for term in terms_of(part)}
        stage = max(stages, default=Stage.SIGNATURE)
        if stage is Stage.PAIR and Stage.SIGNATURE in stages:
            stage = Stage.REST
        parts[stage].append(part)
        if stage is not Stage.SIGNATURE and (implied := _implied(part, table)) is not None:
            parts[Stage.SIGNATURE].append(implied)
    return parts


def _implied(condition: Condition, table: str) -> Condition | None:
    """What must hold of the signature where the condition holds; None where it may be anything."""
    if all(TABLES[table][term.name].stage is Stage.SIGNATURE for term in terms_of(condition)):
        return condition
    if isinstance(condition, AllOf):
        parts = tuple(implied for part in condition.parts if (implied := _implied(part, table)) is not None)
        return AllOf(parts) if parts else None
    if isinstance(condition, AnyOf):
        parts = tuple(implied for part in condition.parts if (implied := _implied(part, table)) is not None)
        return AnyOf(parts) if len(parts) == len(condition.parts) else None
    return None


def compiled(condition: Condition, table: str) -> Test:
    """The condition as a function of a record."""
    if isinstance(condition, Term):
        return _term(condition, TABLES[table][condition.name].missing == "unknown")
    if isinstance(condition, Not):
        return _negated(compiled(condition.part, table))
    if isinstance(condition, Unless):
        exception = compiled(condition.part, table)
        return lambda record: exception(record) is not True
    tests = [compiled(part, table) for part in condition.parts]
    if isinstance(condition, AnyOf):
        return _any(tests)
    return _all(tests) or (lambda _: True)


def _negated(inner: Test) -> Test:
    def test(record: Record) -> Verdict:
        found = inner(record)
        return None if found is None else not found

    return test


def _any(tests: list[Test]) -> Test:
    def test(record: Record) -> Verdict:
        verdict: Verdict = False
        for one in tests:
            found = one(record)
            if found:
                return True
            if found is None:
                verdict = None
        return verdict

    return test


def _all(tests: list[Test]) -> Test | None:
    if len(tests) < 2:
        return tests[0] if tests else None

    def test(record: Record) -> Verdict:
        verdict: Verdict = True
        for one in tests:
            found = one(record)
            if found is False:
                return False
            if found is None:
                verdict = None
        return verdict

    return test


def _term(term: Term, observed: bool) -> Test:
    """`observed`: the field is one that a tap may not show; of others, None says that there is no such thing in the row."""
    name = term.name
    missing: Verdict = None if observed else False
    if term.operator == "known":
        wanted = True in term.values
        return lambda record: (record.get(name) is not None) == wanted
    one = _comparison(term.operator, term.values)

    def test(record: Record) -> Verdict:
        value = record.get(name)
        if value is None:
            return missing
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
