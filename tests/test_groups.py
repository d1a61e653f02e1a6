"""Rows with the same values, against plain dicts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otwatch import groups
from otwatch.groups import grouped, rank_among_equals, split

VALUES = st.lists(st.tuples(st.integers(-3, 3), st.sampled_from([-(2**62), -1, 0, 1, 2**62])), min_size=1, max_size=60)


def by_dict(rows: list[tuple[int, int]]) -> dict[tuple[int, int], list[int]]:
    found: dict[tuple[int, int], list[int]] = {}
    for number, row in enumerate(rows):
        found.setdefault(row, []).append(number)
    return found


@given(VALUES)
def test_groups_are_those_of_a_dict_in_the_order_of_their_first_rows(rows: list[tuple[int, int]]) -> None:
    first, which = grouped([np.array(column) for column in zip(*rows, strict=True)])
    assert first.tolist() == [numbers[0] for numbers in by_dict(rows).values()]
    assert [part.tolist() for part in split(np.arange(len(rows)), which)] == list(by_dict(rows).values())


@given(VALUES)
def test_a_mix_that_collides_changes_nothing(rows: list[tuple[int, int]]) -> None:
    """As if an attacker knew the seed: everything is mixed to the same number."""
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "_PRIME", np.uint64(0))
        first, which = grouped(columns)
    assert [first.tolist(), which.tolist()] == [part.tolist() for part in grouped(columns)]


def test_columns_of_any_type_and_of_one_row() -> None:
    first, which = grouped([np.array([7], np.uint8), np.array([True])])
    assert (first.tolist(), which.tolist()) == ([0], [0])


@given(st.lists(st.integers(0, 5), max_size=40))
def test_ranks_count_the_equals_before(keys: list[int]) -> None:
    assert rank_among_equals(np.array(keys, np.int64)).tolist() == [keys[:place].count(key) for place, key in enumerate(keys)]
