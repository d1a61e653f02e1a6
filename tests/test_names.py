"""The table of names: the same number for the same name everywhere, another for another, and a cap that is counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from otwatch.names import NAMES, UNKNOWN, Names, is_name, plain


def number(names: Names, octets: bytes) -> int:
    return int(names.number(memoryview(octets), 0, len(octets)))


@given(st.lists(st.binary(max_size=40), max_size=60))
def test_a_name_has_one_number_and_is_found_again(octets: list[bytes]) -> None:
    names, other = Names(1 << 20), Names(1 << 20)
    numbers = {one: number(names, one) for one in octets}
    assert len(set(numbers.values())) == len(numbers)
    assert all(is_name(one) and plain(one) is None for one in numbers.values())
    assert {one: number(other, one) for one in reversed(octets)} == numbers
    for one, known in numbers.items():
        assert names.text(known) in (one.decode("latin-1"), one.decode(errors="replace"))
    assert names.rows == len(numbers)


def test_text_goes_the_same_way_as_bytes() -> None:
    assert NAMES.number_of("Füllstand") == number(NAMES, "Füllstand".encode())
    assert NAMES.text(NAMES.number_of("Program:Main.Setpoint")) == "Program:Main.Setpoint"


def test_over_the_cap_names_are_told_apart_and_not_known() -> None:
    names = Names(1000)
    numbers = [number(names, b"tag %d" % index) for index in range(100)]
    assert len(set(numbers)) == 100
    assert 0 < names.rows < 20
    assert names.lost == 100 - names.rows
    assert names.text(numbers[0]) == "tag 0"
    assert names.text(numbers[-1]) == UNKNOWN
    assert number(names, b"tag 0") == numbers[0]


def test_numbers_that_are_none_stay() -> None:
    assert plain(-1) is None
    assert plain(17) == 17
    assert not is_name(17)
    assert not is_name(-1)
