"""Behaviours judged by kind pass what each of them passes alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from otwatch.engine.detector import rules_of
from otwatch.rules.compile import Clause
from otwatch.rules.fields import Stage
from otwatch.rules.kinds import Told, columns_of
from otwatch.rules.rule import Rule
from otwatch.site.load import parse_site
from tests.rules.hand import ROWS, fed_engine, rules_from

SHIPPED = rules_of()
PLACES = (
    "where: {action: WRITE, start|ge: 2}\n",
    "where: {action: WRITE, unit: 1, end|ge: 3}\n",
    "where: {role: request, place: 1/4/-1/2}\n",
    "where: {action: READ, count|gt: 1, src: 10.0.0.5}\n",
    "where: {action: WRITE}\n",
)
WRITE = {"src": "10.0.0.5", "dst": "10.0.0.9", "protocol": "modbus", "function": 6, "action": "WRITE", "area": 4, "unit": 1, "count": 1}
SITE = "zones:\n  - name: control\n    level: 2\n    networks: [10.0.0.0/24]\n"


def alone(engine: Any, table: Any, clauses: Sequence[Clause]) -> set[tuple[int, int, int]]:
    """(behaviour, rule, step) that pass, each behaviour and clause for itself."""
    found = set()
    for number in range(table.rows):
        record = engine.reporter.behaviour_record(table, number)
        for clause in clauses:
            tests = [clause.tests[stage] for stage in (Stage.SIGNATURE, Stage.PAIR, Stage.REST)]
            if all(test is None or test(record) for test in tests):
                found.add((number, clause.index, clause.step))
    return found


def by_kind(engine: Any, table: Any) -> tuple[set[tuple[int, int, int]], set[tuple[int, int, int]]]:
    kinds = list(engine._kinds.of(table, 0))
    rows = [row for kind in kinds for row in kind.rows.tolist()]
    assert len(rows) == len(set(rows))
    assert [int(kind.rows[0]) for kind in kinds] == sorted(int(kind.rows[0]) for kind in kinds)
    return tuple(  # type: ignore[return-value]
        {(row, clause.index, clause.step) for kind in kinds for clause in getattr(kind, name) for row in kind.rows.tolist()}
        for name in ("operations", "behaviours")
    )


def compare(rules: Sequence[Rule], rows: Sequence[dict[str, Any]], **options: Any) -> None:
    engine, table = fed_engine(rules, rows, **options)
    matchers = engine._matchers
    operations, behaviours = by_kind(engine, table)
    assert operations == alone(engine, table, matchers["operations"].clauses)
    assert behaviours == alone(engine, table, matchers["behaviours"].clauses)


@settings(max_examples=12, deadline=None)
@given(ROWS)
def test_shipped_rules_pass_by_kind_what_they_pass_one_by_one(rows: list[dict[str, Any]]) -> None:
    compare(SHIPPED, rows)


@settings(max_examples=6, deadline=None)
@given(ROWS)
def test_with_a_site_file_what_is_permitted_is_asked_of_every_place(rows: list[dict[str, Any]]) -> None:
    compare(SHIPPED, rows, site=parse_site(SITE, "site"))


@pytest.mark.parametrize("texts", [PLACES, PLACES[4:]], ids=["places", "no place"])
def test_rules_on_places_tell_places_apart(tmp_path: Any, texts: Sequence[str]) -> None:
    sweep = [
        {**WRITE, "unit": unit, "start": start}
        for unit in (1, 2)
        for start in range(5)
    ]
    rules = rules_from(tmp_path, *texts)
    compare(rules, sweep)
    engine, table = fed_engine(rules, sweep)
    kinds = list(engine._kinds.of(table, 0))
    assert len(kinds) == (10 if len(texts) > 1 else 1)


def test_a_field_that_nobody_declared_depends_on_every_column() -> None:
    assert columns_of("start", site=False, baseline=False) == ("start",)
    assert columns_of("permitted", site=False, baseline=False) == ()
    assert set(columns_of("permitted", site=True, baseline=False)) == {"unit", "area", "object", "start", "count"}
    assert set(columns_of("of a rule to come", site=False, baseline=False)) == {"unit", "area", "object", "start", "count"}


@pytest.mark.parametrize("field", ["unit", "start", "place", "object", "area_name", "count"])
def test_what_a_window_tells_apart_is_what_the_record_says(field: str) -> None:
    rows = [
        {**WRITE, "start": start}
        for start in (7, 9, 7, -1)
    ]
    engine, table = fed_engine(SHIPPED, rows)
    told = Told(field, table, np.arange(table.rows))
    records = [engine.reporter.behaviour_record(table, number) for number in range(table.rows)]
    assert [told.of(record, at) for at, record in enumerate(records)] == [record.get(field) for record in records]
