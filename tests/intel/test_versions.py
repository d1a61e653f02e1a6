"""Versions and ranges as advisories write them."""

from __future__ import annotations

import pytest

from otwatch.intel.versions import Range, range_of, version_of


@pytest.mark.parametrize("text", ["V9.6x", "11.x", "Rev B", "2021-05-04", "", "latest", "3.2.17-beta", "v36.011_v35.013_v34.014"])
def test_what_is_no_number_is_not_understood(text: str) -> None:
    assert version_of(text) is None


@pytest.mark.parametrize(
    ("one", "other", "order"),
    [
        ("1.10", "1.9", 1),
        ("V3.2", "v3.2.0", 0),
        ("V3.2", "V3.2.1", None),  # which 3.2 it is, is not said
        ("V3.2.1", "V3.2", 1),
        ("4.0 SP3", "4.0 SP3 Upd2", None),
        ("4.0 SP3 Upd1", "4.0 SP3 Upd2", -1),
        ("4.0 SP1", "4.0 SP2", -1),
        ("4.0", "4.0 SP1", None),
        ("4.1", "4.0 SP1", 1),
        ("33.011", "33.017", -1),
    ],
)
def test_order(one: str, other: str, order: int | None) -> None:
    mine, its = version_of(one), version_of(other)
    assert mine is not None
    assert its is not None
    assert mine.against(its) == order


@pytest.mark.parametrize("text", ["vers:all/*", "All versions", "all versions", "*"])
def test_every_version(text: str) -> None:
    assert range_of(text) == Range(())


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("vers:all/<V3.2.17", "3.2.16", "3.2.17"),
        ("vers:all/>=V2.9.2<V2.9.4", "2.9.3", "2.9.4"),
        ("vers:intdot/>=8.80|<9.90", "8.80", "8.79"),
        (">=8.80|<9.90", "9.89", "9.90"),
        ("All versions < V4.2.3", "4.2.2", "4.2.3"),
        ("All versions >= V4.0 < V4.0 SP1", "4.0 SP0", "4.0 SP1"),
        ("Versions prior to 2.3", "2.2", "2.3"),
        ("prior to V2.3", "2.2.9", "2.3.0"),
        ("V2.3 and prior", "2.3", "2.4"),
        ("version 2.3 and earlier versions", "2.3", "2.4"),
        ("1.0 (including) to 2.0 (excluding)", "1.0", "2.0"),
        ("≤ 4.2", "4.2", "4.3"),
        ("V2.1", "2.1", "2.2"),
    ],
)
def test_ranges(text: str, inside: str, outside: str) -> None:
    span = range_of(text)
    assert span is not None
    within, without = version_of(inside), version_of(outside)
    assert within is not None
    assert without is not None
    assert (span.holds(within), span.holds(without)) == (True, False)


@pytest.mark.parametrize("text", ["<v36.011_v35.013_v34.014", "V9.6x", "all versions with module X", "see vendor", "< 4.2 or B-series"])
def test_what_is_not_understood_is_none(text: str) -> None:
    assert range_of(text) is None


def test_a_version_that_is_less_precise_than_the_bound_is_doubtful() -> None:
    span, version = range_of("< 4.2.3"), version_of("V4.2")
    assert span is not None
    assert version is not None
    assert span.holds(version) is None
