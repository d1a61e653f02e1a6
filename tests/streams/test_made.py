"""Captures that a program wrote with one sequence number for every segment; and what looks like it and is none."""

from __future__ import annotations

import pytest

from tests.streams.specs import modbus_request, modbus_response
from tests.streams.test_streams import handshake
from tests.streams.wire import MS, P, Run

REQUESTS = [modbus_request(n, n) for n in range(20)]
RESPONSES = [modbus_response(n) for n in range(20)]


def constant(seq: int, ack: int, count: int = 6) -> list[P]:
    packets = []
    for n in range(count):
        packets += [P(REQUESTS[n], seq, ack, at=2 * n * MS), P(RESPONSES[n], ack, seq, back=True, at=(2 * n + 1) * MS)]
    return packets


@pytest.mark.parametrize(("seq", "ack"), [(0, 0), (1, 1), (1000, 77), (0xFFFFFFFE, 5)])
def test_every_message_is_read_and_it_is_said_once(seq: int, ack: int) -> None:
    run = Run(constant(seq, ack))
    assert run.data(0) == REQUESTS[:6]
    assert run.data(1) == RESPONSES[:6]
    assert run.anomalies == ["MADE"]


@pytest.mark.parametrize("packets", [
    [P(REQUESTS[0], 0, 0), P(RESPONSES[0], 0, 12, back=True, at=MS), P(REQUESTS[1], 0, 11, at=2 * MS)],  # it was acknowledged
    [P(REQUESTS[0], 0, 0), P(REQUESTS[1], 0, 0, at=MS)],  # nobody answers
    [*handshake(0, 50), P(RESPONSES[0], 51, 1, back=True), P(REQUESTS[0], 1, 62, at=MS), P(REQUESTS[1], 1, 62, at=2 * MS)],  # a true connection
])
def test_a_contradiction_stays_one(packets: list[P]) -> None:
    said = Run(packets).anomalies
    assert "CONFLICT" in said
    assert "MADE" not in said


def test_a_retransmission_is_none() -> None:
    again = [P(REQUESTS[1], 0, 61, at=MS), P(REQUESTS[1], 0, 61, at=300 * MS)]
    run = Run([P(RESPONSES[0], 50, 0, back=True), *again, P(REQUESTS[2], 12, 61, at=301 * MS)])
    assert run.data(0) == REQUESTS[1:3]
    assert run.anomalies == []
