"""Answers go behind the requests that they acknowledge: at once, in order, never for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest

from otwatch.engine.turns import Turns
from otwatch.limits import Limits
from otwatch.tables import Octets, Pdus
from otwatch.vocabulary import PduFlag

MS = 1_000_000
UNHEARD = int(PduFlag.UNHEARD)


class Line:
    """A table of PDUs of one protocol. Messages are ten bytes, made of the letter that names them."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.turns = Turns(limits or Limits())
        self.frame = 0
        self.clear()

    def clear(self) -> None:
        self.pdus = Pdus(Octets(1), 1)

    def add(self, letter: str, direction: int, end: int, *, awaits: int = -1, flags: int = 0, at_ms: int = 0, flow: int = 3, frame: int = -1) -> Line:
        self.frame += 1
        row = self.pdus.new_row()
        start = self.pdus.octets.append(letter.encode() * 10, 0, 10)
        for name, value in (
            ("packet", row), ("timestamp_ns", at_ms * MS), ("frame", self.frame if frame < 0 else frame), ("flow", flow), ("direction", direction),
            ("source", 1), ("destination", 2), ("start", start), ("end", start + 10), ("framing", 0), ("sequence", end), ("awaits", awaits),
            ("flags", flags | (UNHEARD if awaits >= 0 else 0)), ("channel", -1), ("reference", -1),
        ):  # fmt: skip
            getattr(self.pdus, name)[row] = value
        return self

    def fed(self, now_ms: int = 0, closed: tuple[int, ...] = ()) -> str:
        """What comes out, in order; capitals: requests may be unheard."""
        self.turns.feed(self.pdus, now_ms * MS, closed)
        rows = [self.pdus.row(row) for row in range(self.pdus.rows)]
        letters = [self.pdus.octets.tobytes(row["start"], row["start"] + 1).decode() for row in rows]
        assert all(row["end"] - row["start"] == 10 for row in rows)
        return "".join(letter.upper() if row["flags"] & UNHEARD else letter for letter, row in zip(letters, rows, strict=True))


def test_an_answer_goes_behind_the_request_that_it_acknowledges() -> None:
    line = Line().add("a", 1, 510, awaits=110).add("q", 0, 110)
    assert line.fed() == "qa"
    assert (line.turns.restored, line.turns.largest_ns, line.turns.held_count, line.turns.held_bytes) == (1, 1, 0, 0)


def test_each_of_several_goes_behind_its_own() -> None:
    line = Line().add("a", 1, 510, awaits=110).add("b", 1, 520, awaits=120).add("q", 0, 110).add("r", 0, 120)
    assert line.fed() == "qarb"


def test_what_comes_in_the_same_segment_stays_behind() -> None:
    line = Line().add("a", 1, 510, awaits=110, frame=1).add("b", 1, 520, frame=1).add("q", 0, 110)
    assert line.fed() == "qab"


def test_requests_are_never_held() -> None:
    line = Line().add("q", 0, 110, awaits=600).add("a", 1, 510)
    assert line.fed() == "Qa"


def test_another_batch_brings_the_request() -> None:
    line = Line().add("a", 1, 510, awaits=110)
    assert line.fed() == ""
    line.clear()
    assert line.add("q", 0, 110).fed(1) == "qa"


def test_numbers_wrap() -> None:
    line = Line().add("a", 1, 510, awaits=6).add("q", 0, 2**32 - 4).add("r", 0, 6)
    assert line.fed() == "qra"


def test_flows_are_apart() -> None:
    line = Line().add("a", 1, 510, awaits=110).add("q", 0, 110, flow=4).add("b", 1, 10, flow=4)
    assert line.fed() == "qb"


@pytest.mark.parametrize("flag", [PduFlag.CONFLICT, PduFlag.DATAGRAM, PduFlag.AFTER_GAP])
def test_what_no_acknowledgement_speaks_for_is_not_held(flag: PduFlag) -> None:
    assert Line().add("a", 1, 510, awaits=110, flags=int(flag)).fed() == "A"


def test_the_wait_is_over_after_the_time_of_a_missing_segment() -> None:
    line = Line().add("a", 1, 510, awaits=110)
    assert line.fed(999) == ""
    line.clear()
    assert line.fed(1000) == "A"


def test_time_goes_by_within_a_batch() -> None:
    line = Line().add("a", 1, 510, awaits=110).add("q", 0, 110, at_ms=1500, flow=4)
    assert line.fed(1500) == "Aq"


def test_a_server_that_awaits_nothing_any_more_has_heard_all() -> None:
    """A forged acknowledgement delays nothing: the next true answer shows that it was none."""
    line = Line().add("x", 1, 510, awaits=90_000).add("a", 1, 520)
    assert line.fed() == "Xa"


def test_a_smaller_acknowledgement_ends_the_wait() -> None:
    line = Line().add("x", 1, 510, awaits=90_000).add("a", 1, 520, awaits=110).add("q", 0, 110)
    assert line.fed() == "Xqa"


def test_requests_that_begin_behind_what_is_awaited_show_that_nothing_comes() -> None:
    line = Line().add("a", 1, 510, awaits=110).add("r", 0, 130)
    assert line.fed() == "Ar"


@pytest.mark.parametrize("told", [False, True])
def test_the_end_of_a_flow_ends_the_wait(told: bool) -> None:
    line = Line().add("a", 1, 510, awaits=110)
    if told:
        line.add("e", 0, -1, flags=int(PduFlag.ENDED))
    assert line.fed(closed=() if told else (3,)) == ("Ae" if told else "A")


@pytest.mark.parametrize("limits", [{"early_answers": 2}, {"stream_pending_bytes": 25}])
def test_caps_hold_and_are_counted(limits: dict[str, int]) -> None:
    line = Line(replace(Limits(), **limits)).add("a", 1, 510, awaits=110).add("b", 1, 520, awaits=120).add("c", 1, 530, awaits=130).add("q", 0, 110)
    assert line.fed() == "ABCq"
    assert line.turns.full == 1
