"""Late verdicts given once for many behaviours are those that each would get alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otwatch.engine.detector import rules_of
from otwatch.rules.fields import Stage
from otwatch.site.load import parse_site
from tests.rules.hand import HOSTS, ROWS, fed_engine

SHIPPED = rules_of()
WRITE = {"dst": "10.0.0.9", "protocol": "modbus", "function": 6, "action": "WRITE", "area": 4, "count": 1}
SITE = "zones:\n  - name: control\n    level: 2\n    networks: [10.0.0.0/24]\nwriters:\n  - {who: 10.0.0.5, to: 10.0.0.9}\n"
SWEEP = st.builds(
    lambda src, at, step: [
        {**WRITE, "src": src, "start": n, "at": at + n * step} for n in range(12)
    ],
    st.sampled_from(HOSTS),
    st.integers(0, 30),
    st.sampled_from([0.01, 1.5]),
)


def compare(rows: list[dict[str, Any]], **options: Any) -> int:
    """Both ways for every clause with late conditions; how many verdicts were compared."""
    engine, table = fed_engine(SHIPPED, rows, finish=True, **options)
    late, numbers = engine.reporter.late, np.arange(table.rows)
    compared = 0
    for clause in engine.clauses.values():
        test = clause.tests[Stage.LATE]
        if test is None or clause.table not in ("operations", "behaviours"):
            continue
        alone = [test(engine.reporter._late(number, int(table.first_ns[number]))) for number in numbers.tolist()]
        assert late.passing(clause, table, numbers).tolist() == [number for number, verdict in enumerate(alone) if verdict is True]
        assert [late.verdict(clause, table, number, int(table.first_ns[number])) for number in numbers.tolist()] == alone
        compared += len(alone)
    return compared


@settings(max_examples=8, deadline=None)
@given(ROWS, SWEEP)
def test_verdicts_of_many_are_those_of_each(rows: list[dict[str, Any]], sweep: list[dict[str, Any]]) -> None:
    assert compare([*rows, *sweep])


@settings(max_examples=5, deadline=None)
@given(ROWS, SWEEP)
def test_with_a_site_file_too(rows: list[dict[str, Any]], sweep: list[dict[str, Any]]) -> None:
    assert compare([*rows, *sweep], site=parse_site(SITE, "site"))


@pytest.mark.parametrize("at", [1.0, 9.9, 10.1, 25.0])
def test_the_same_question_at_another_moment_is_asked_again(at: float) -> None:
    """Who polls is known from the third question on: a command before it and one after it are not one question."""
    polling = [{"src": "10.0.0.5", "dst": "10.0.0.9", "protocol": "modbus", "function": 3, "action": "READ", "area": 4, "start": 0, "count": 10,
                "repeat": 40, "every": 1.0, "at": 5.0}]
    writes = [{**WRITE, "src": "10.0.0.5", "start": n, "at": at + n * 4} for n in range(8)]
    assert compare([*polling, *writes])
