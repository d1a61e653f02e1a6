"""Compiled conditions say what the naive walk says, whatever the stage at which their parts are judged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from otwatch.alerts.alert import Severity
from otwatch.rules.compile import clauses_of, compiled
from otwatch.rules.fields import Stage
from otwatch.rules.match import Matcher
from otwatch.rules.rule import AllOf, AnyOf, Condition, Not, Rule, Term, Unless
from tests.rules.naive import holds

_NUMBER = st.integers(0, 3)
TERMS = st.one_of(
    st.builds(
        Term,
        st.sampled_from(("function", "unit", "start", "status")),
        st.sampled_from(("in", "not", "ge", "gt", "le", "lt")),
        st.lists(_NUMBER, min_size=1, max_size=2).map(tuple),
    ),
    st.builds(
        Term,
        st.sampled_from(("protocol", "action", "src", "dst_zone", "area_name")),
        st.sampled_from(("in", "not")),
        st.lists(st.sampled_from("abc"), min_size=1, max_size=2).map(tuple),
    ),
    st.builds(
        Term,
        st.sampled_from(("protocol", "area_name")),
        st.sampled_from(("contains", "startswith")),
        st.sampled_from("abc").map(lambda text: (text,)),
    ),
    st.builds(Term, st.sampled_from(("unit", "dst_zone", "in_baseline")), st.just("known"), st.booleans().map(lambda truth: (truth,))),
    st.builds(Term, st.sampled_from(("failed", "same_network", "in_baseline")), st.just("in"), st.booleans().map(lambda truth: (truth,))),
)
CONDITIONS = st.recursive(
    TERMS,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(Unless, inner),
        st.builds(AnyOf, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(AllOf, st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)
_TEXT = st.sampled_from(["a", "b", "ab", None])
SIGNATURES = st.fixed_dictionaries({"function": _NUMBER, "status": _NUMBER, "protocol": _TEXT, "action": _TEXT, "failed": st.booleans()})
PAIRS = st.fixed_dictionaries({"src": _TEXT, "dst_zone": _TEXT, "same_network": st.booleans()})
RESTS = st.fixed_dictionaries(
    {"unit": st.one_of(_NUMBER, st.none()), "start": _NUMBER, "area_name": _TEXT, "in_baseline": st.sampled_from([True, False, None])}
)
RULE = Rule(id="a.b", title="", status="draft", severity=Severity.LOW, attack=(), table="operations", where=AllOf(()))


@given(CONDITIONS, SIGNATURES, PAIRS, RESTS)
def test_compiled_is_naive(condition: Condition, signature: dict[str, Any], pair: dict[str, Any], rest: dict[str, Any]):
    record = {**signature, **pair, **rest}
    assert compiled(condition, "operations")(record) is holds(condition, record)


@given(st.lists(CONDITIONS, min_size=1, max_size=6), st.lists(st.tuples(SIGNATURES, PAIRS, RESTS), min_size=1, max_size=4))
def test_the_matcher_finds_what_the_naive_walk_finds(conditions: list[Condition], rows: list[tuple[dict[str, Any], ...]]):
    clauses = [clause for index, condition in enumerate(conditions) for clause in clauses_of(replace(RULE, where=condition), index)]
    matcher = Matcher(clauses)
    for number, (signature, pair, rest) in enumerate(rows * 2):
        number %= len(rows)
        mask, signed, paired = matcher.candidates(number, lambda _, known=signature: known, (number, 0), lambda _, known=pair: known)
        record = {**signed, **paired, **rest}
        found = {clause.index for clause in matcher.passing(mask, record)}
        assert found == {index for index, condition in enumerate(conditions) if holds(condition, {**signature, **pair, **rest})}


def test_parts_wait_for_the_stage_of_their_latest_field():
    where = AllOf(
        (
            Term("protocol", "in", ("modbus",)),
            Term("src_zone", "in", ("x",)),
            Term("unit", "in", (1,)),
            Term("value", "gt", (5,)),
            Term("writer", "in", ("unknown",)),
            AnyOf((Term("protocol", "in", ("a",)), Term("src", "in", ("b",)))),
        )
    )
    tests = clauses_of(replace(RULE, where=where), 0)[0].tests
    assert all(tests[stage] is not None for stage in Stage if stage is not Stage.OUTCOME)
    assert tests[Stage.REST]({"unit": 1, "protocol": "a"})  # type: ignore[misc]
    assert not tests[Stage.REST]({"unit": 1, "protocol": "c", "src": "d"})  # type: ignore[misc]


def of(*args: Any, table: str = "operations") -> Any:
    return compiled(Term(*args), table)


def test_what_a_row_does_not_have_fits_nothing_and_its_negation_does():
    for operator in ("in", "not"):
        assert of("unit", operator, (1,))({"unit": None}) is False
    assert compiled(Not(Term("unit", "ge", (0,))), "operations")({}) is True


def test_what_cannot_be_seen_is_neither_yes_nor_no():
    carried, answered = Term("carried_data", "in", (True,)), Term("answered", "in", (True,))
    for condition in (carried, Not(carried), AllOf((answered, carried)), AnyOf((Not(answered), carried))):
        assert compiled(condition, "flows")({"answered": True}) is None
    assert compiled(AnyOf((answered, carried)), "flows")({"answered": True}) is True
    assert compiled(AllOf((Not(answered), carried)), "flows")({"answered": True}) is False


def test_whether_something_is_known_can_be_asked():
    assert of("carried_data", "known", (False,), table="flows")({"carried_data": None}) is True
    assert of("carried_data", "known", (False,), table="flows")({"carried_data": False}) is False
    assert of("carried_data", "known", (True,), table="flows")({"carried_data": False}) is True


def test_addresses_and_lists():
    import ipaddress

    within = of("src", "cidr", (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fe80::/10")))
    assert within({"src": "10.1.2.3"})
    assert within({"src": "fe80::1"})
    assert not within({"src": "11.0.0.1"})
    assert not within({"src": "-"})
    assert of("value", "gt", (100,))({"value": [1, 101]})
    assert not of("value", "gt", (100,))({"value": ["high", 1]})
