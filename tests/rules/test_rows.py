"""Windows and sequences: who is credited when, on packet time, and what is forgotten."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from otwatch.rules.compile import clauses_of
from otwatch.rules.rows import Habit, Row, Sequences, Windows
from otwatch.rules.rule import Window
from tests.rules.hand import rules_from

S = 10**9


def row(at: float, **record: object) -> Row:
    return Row(int(at * S), int(at * 10), "f", 1, 2, dict(record))


def fired(windows: Windows, rows: list[Row]) -> list[list[float]]:
    credited: list[list[float]] = []
    for item in rows:
        by, distinct = windows.window.by, windows.window.distinct
        key, value = tuple(item.record.get(name) for name in by), item.record.get(distinct or "")
        credited.append([found.timestamp_ns / S for found in windows.feed([(key, value, item.timestamp_ns, item)])])
    return credited


def test_a_count_fires_with_the_rows_that_made_it_and_then_with_each_more():
    windows = Windows(Window(by=("src",), for_ns=10 * S, at_least=3))
    assert fired(windows, [row(0), row(8), row(9), row(10), row(30), row(31)]) == [[], [], [0, 8, 9], [10], [], []]


def test_a_window_slides_and_its_border_belongs_to_it():
    windows = Windows(Window(by=(), for_ns=10 * S, at_least=2))
    assert fired(windows, [row(0), row(10.001), row(20.001)]) == [[], [], [10.001, 20.001]]


def test_keys_are_counted_apart():
    windows = Windows(Window(by=("unit",), for_ns=10 * S, at_least=2))
    assert fired(windows, [row(0, unit=1), row(1, unit=2), row(2, unit=1)]) == [[], [], [0, 2]]


_ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 40)), max_size=40)  # unit, port, time


@given(_ROWS, st.lists(st.integers(1, 12), max_size=6), st.integers(1, 4), st.sampled_from([None, "port"]))
def test_rows_that_come_together_count_as_one_by_one(rows: list[tuple[int, int, int]], cuts: list[int], at_least: int, distinct: str | None):
    window = Window(by=("unit",), for_ns=10, at_least=at_least, distinct=distinct)
    singly, together = Windows(window), Windows(window)
    entries = [((unit,), port if distinct else None, time, number) for number, (unit, port, time) in enumerate(rows)]
    apart = [found for entry in entries for found in singly.feed([entry])]
    found: list[int] = []
    for size in [*cuts, len(entries)]:
        found += together.feed(entries[:size])
        entries = entries[size:]
    assert found == apart
    assert kept(together) == kept(singly)


def kept(windows: Windows) -> list[object]:
    """All that they remember, in order of use."""
    return [
        *((key, list(lane.rows), lane.seen, lane.credited) for key, lane in windows.lanes.items()),
        *((key, list(values.items()) if isinstance(values, dict) else values) for key, values in windows.values.items()),
    ]


def test_distinct_values_within_the_window():
    windows = Windows(Window(by=(), for_ns=10 * S, at_least=3, distinct="port"))
    assert fired(windows, [row(0, port=1), row(1, port=2), row(2, port=2), row(11.5, port=3), row(11.6, port=1)]) == [[], [], [], [], [2, 11.5, 11.6]]


def test_windows_are_forgotten_and_counted():
    windows = Windows(Window(by=("unit",), for_ns=S, at_least=2))
    fired(windows, [row(0, unit=number) for number in range(9_000)])
    assert windows.forgotten == 9_000 - 8_192


def test_a_sequence_of_three(tmp_path):
    (rule,) = rules_from(
        tmp_path,
        "sequence:\n  within: 10s\n  steps:\n"
        + "".join(f"    - {{table: operations, key: dst, where: {{action: {action}}}}}\n" for action in ("STOP", "PROGRAM_DOWNLOAD", "START")),
    )
    stop, load, start = clauses_of(rule, 0)
    sequences, found = Sequences(rule), []
    for clause, at, dst in ((stop, 0, "a"), (start, 1, "a"), (load, 9, "a"), (start, 10, "b"), (start, 18, "a"), (start, 30, "a")):
        sequences.feed(clause, row(at, dst=dst), lambda _, item: found.append(item))
    assert [item.timestamp_ns / S for item in found] == [18]
    assert found[0].before[0].timestamp_ns == 9 * S
    assert found[0].before[0].before[0].timestamp_ns == 0


def test_half_done_sequences_are_forgotten_and_counted(tmp_path):
    (rule,) = rules_from(
        tmp_path,
        "sequence:\n  within: 10s\n  steps:\n    - {table: flows, key: dst, where: {port: 22}}\n"
        "    - {table: operations, key: src, where: {action: WRITE}}\n",
    )
    sequences, first = Sequences(rule), clauses_of(rule, 0)[0]
    for number in range(9_000):
        sequences.feed(first, row(0, dst=str(number)), lambda *_: None)
    assert sequences.forgotten == 9_000 - 8_192


def test_a_count_against_the_habit_of_its_key():
    windows = Windows(Window(by=("unit",), for_ns=10 * S, at_least=4, times_habit=3))
    steady = [row(at / 2, unit=1) for at in range(80)]  # twenty in ten seconds, for forty seconds
    assert not any(fired(windows, steady))
    burst = [row(40 + at / 10, unit=1) for at in range(61)]  # more than three times as many
    assert [len(found) for found in fired(windows, burst)] == [0] * 60 + [4]
    assert not any(fired(windows, [row(60 + at / 2, unit=1) for at in range(20)]))  # back to normal: the burst has made no habit
    assert any(fired(windows, [row(80 + at / 10, unit=1) for at in range(61)]))


def test_without_a_habit_nothing_is_compared():
    windows = Windows(Window(by=("unit",), for_ns=10 * S, at_least=4, times_habit=3))
    assert not any(fired(windows, [row(at / 10, unit=1) for at in range(290)]))
    quiet = [row(at, unit=2) for at in (0, 35)]  # three pieces of time with next to nothing are a habit
    assert not any(fired(windows, quiet))
    assert [len(found) for found in fired(windows, [row(35 + at / 10, unit=2) for at in range(1, 5)])] == [0, 0, 4, 1]


def test_the_habit_is_kept_over_a_restart():
    habit, other = Habit(3), Habit(3)
    for at in range(50):
        habit.exceeded(at * S, 10 * S, 4)
    other.resume(habit.state())
    assert [one.exceeded(int(50.1 * S), 10 * S, 4) for one in (habit, other)] == [False, False]
    assert other.state() == habit.state()
