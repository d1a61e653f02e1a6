"""Bursts: what came without a quiet gap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from otwatch.alerts.bursts import KEPT, Ended, covers, merged
from otwatch.alerts.findings import Part

QUIET = 600


def naive(times):
    found = []
    for time in sorted(times):
        if found and time - found[-1][1] <= QUIET:
            found[-1] = (found[-1][0], time, found[-1][2] + 1)
        else:
            found.append((time, time, 1))
    return found


@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=40))
def test_a_part_has_the_bursts_of_its_rows(times):
    part = Part(1, 2)
    for time in sorted(times):
        part.add(time, QUIET)
    assert part.bursts() == naive(times)
    assert sum(count for *_, count in part.bursts()) == part.count == len(times)


@given(st.lists(st.lists(st.integers(0, 20_000), min_size=1, max_size=20), min_size=1, max_size=4))
def test_bursts_of_several_sources_are_those_of_all_their_rows(sources):
    intervals = [one for times in sources for one in naive(times)]
    assert merged(intervals, QUIET) == naive([time for times in sources for time in times])


def test_only_the_newest_are_kept_and_all_are_counted():
    part = Part(1, 2)
    for number in range(100):
        part.add(number * 1000, QUIET)
    assert len(part.bursts()) == KEPT + 1
    assert part.ended is not None
    assert part.ended.dropped + len(part.bursts()) == 100


def test_covering_asks_for_every_burst():
    assert covers([(0, 10, 5)], [(2, 3, 1)])
    assert not covers([(0, 10, 5)], [(2, 3, 6)])
    assert not covers([(0, 10, 5)], [(2, 3, 1), (5000, 5000, 1)])
    assert covers([], [])


def test_what_has_ended_is_plain():
    ended = Ended(began_ns=5)
    ended.end(9, 3, 1000)
    assert ended.all(1005, 4) == [(5, 9, 3), (1000, 1005, 1)]
