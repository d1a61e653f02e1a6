"""Surges: many more requests than by habit, whatever they ask, however the batches are cut."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otwatch.rules.load import load_rules
from otwatch.rules.pace import Pace
from tests.rules.hand import PROVER

FOLDER = Path(__file__).parents[2] / "rules" / "ot"
RULES = load_rules([FOLDER / f"{name}.yaml" for name in ("request-flood", "command-flood", "command-surge")])
POLL = {"protocol": "modbus", "function": 3, "action": "READ", "area": 4, "start": 0, "count": 10, "dst": "10.0.0.9"}
WRITE = {**POLL, "function": 6, "action": "WRITE", "count": 1}


def rows(src, begin, times, per_second, kind=POLL):
    return [{**kind, "src": src, "at": begin, "repeat": times, "every": 1 / per_second}]


def found(messages):
    return sorted((alert.rule, alert.src) for alert in PROVER.alerts_of(messages, RULES))


@pytest.mark.parametrize("habit", [1, 2, 10])
def test_ten_times_the_habit_is_the_border(habit):
    poller = rows("10.0.0.5", 0, 40 * habit, habit)
    border = max(99, 10 * 5 * habit)  # in one piece of time
    assert found(poller + rows("10.0.0.77", 20, border, 10_000)) == []
    assert found(poller + rows("10.0.0.77", 20, border + 1, 10_000)) == [("ot.request-flood", "10.0.0.77")]


@pytest.mark.parametrize("per_second", [30, 50, 200])
def test_a_rate_from_the_first_message_on_is_a_habit(per_second):
    assert found(rows("10.0.0.5", 0, 25 * per_second, per_second) + rows("10.0.0.6", 1, 25 * per_second, per_second, WRITE)) == []


def test_a_second_flood_of_the_same_newcomer_is_counted_too():
    poller = rows("10.0.0.5", 0, 200, 1)
    (alert,) = PROVER.alerts_of(poller + rows("10.0.0.77", 20, 150, 100) + rows("10.0.0.77", 100, 150, 100), RULES)
    assert alert.count >= 200
    assert (alert.evidence.matched["habit"], alert.evidence.matched["compared"]) == (5, "others")


def test_commands_of_an_operator_are_a_surge_and_of_others_a_flood():
    poller = rows("10.0.0.5", 0, 60, 1)
    assert found(poller + rows("10.0.0.5", 30, 60, 30, WRITE)) == [("ot.command-surge", "10.0.0.5")]
    assert found(poller + rows("10.0.0.77", 30, 60, 30, WRITE)) == [("ot.command-flood", "10.0.0.77")]


def test_commands_of_a_newcomer_to_a_device_that_nobody_asks():
    other = [{**row, "dst": "10.0.0.10"} for row in rows("10.0.0.5", 0, 60, 1)]
    assert found(other + rows("10.0.0.77", 30, 99, 100, WRITE)) == []
    assert found(other + rows("10.0.0.77", 30, 100, 100, WRITE)) == [("ot.command-flood", "10.0.0.77")]


MESSAGES = st.lists(st.tuples(st.sampled_from(["10.0.0.5", "10.0.0.77"]), st.integers(0, 60), st.integers(1, 160), st.booleans()), max_size=6)


@given(MESSAGES, st.integers(1, 200))
def test_batches_of_any_size_say_the_same(bursts, batch_rows):
    messages = rows("10.0.0.5", 0, 60, 1)
    for src, begin, times, write in bursts:
        messages += rows(src, begin, times, 50, WRITE if write else POLL)
    assert PROVER.alerts_of(messages, RULES, batch_rows=batch_rows) == PROVER.alerts_of(messages, RULES)


def test_what_is_kept_over_a_restart_is_all_there_is():
    pace = Pace()
    pace._number((1, 2, 3))
    pace.first_ns, pace.count[0], pace.habit[1], pace.piece[0] = 7, 5, 6, 9
    other = Pace()
    other.resume(pace.state())
    assert other.state() == pace.state()
