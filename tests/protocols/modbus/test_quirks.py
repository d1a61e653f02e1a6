"""A device that answers with another unit identifier than it was asked: from the first on a quirk, later an attack."""

from __future__ import annotations

import pytest

from otwatch.limits import Limits
from tests.protocols.modbus.wire import Wire, pdu

READ, READ_ANSWER = pdu(3, 0, 2), pdu(3, data=b"\x04\x00\x01\x00\x02")
WRITE = pdu(6, 7, 666)


def polled(times: int, unit: int, answered: int) -> Wire:
    """Reads of a unit, all answered as another."""
    wire = Wire(Limits())
    for transaction in range(1, times + 1):
        wire.ask(READ, transaction=transaction, unit=unit).answer(READ_ANSWER, transaction=transaction, unit=answered)
    return wire


@pytest.mark.parametrize("answered", [0, 255, 7])
def test_from_the_first_answer_on_it_is_a_quirk(answered: int) -> None:
    wire = polled(60, 1, answered).ask(WRITE, transaction=99).answer(WRITE, transaction=99, unit=answered)
    assert set(wire.names()) == {"device-quirk"}
    assert [row["contradicts"] for row in wire.rows if row["role"] == 1] == [1, 1] + [0] * 59  # proven by the third
    assert {row["unit"] for row in wire.rows} == {1}  # whom the request was for
    assert [(fact.kind, fact.value) for fact in wire.facts] == [("quirk", f"unit identifiers of requests are not copied into responses ({answered})")]


def test_one_that_begins_later_is_no_quirk() -> None:
    wire = polled(30, 1, 1).ask(WRITE, transaction=99).answer(WRITE, transaction=99, unit=2)
    assert wire.names() == ["unit-mismatch"]
    assert wire.rows[-1]["contradicts"]
    assert not wire.facts


def test_one_that_ends_was_none() -> None:
    wire = polled(5, 1, 0)
    for transaction in range(6, 9):
        wire.ask(READ, transaction=transaction).answer(READ_ANSWER, transaction=transaction)
    assert wire.names() == ["device-quirk"] * 5 + ["deviating-response"]


def test_one_answer_alone_confirms_nothing() -> None:
    wire = Wire().ask(WRITE).answer(WRITE, unit=9)
    assert [row["contradicts"] for row in wire.run().rows] == [0, 1]
