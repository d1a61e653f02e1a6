"""What happens in a flow for the first time is written down with its packet time: an answer, a refusal, data of either side."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.streams.wire import ACK, MS, RST, SYN, P, Run

NAMES = ("answered_ns", "refused_ns", "data_to_server_ns", "data_to_client_ns")
OPEN = P(flags=SYN, seq=99)
ANSWER = P(flags=SYN | ACK, seq=199, ack=100, back=True)
REFUSAL = P(flags=RST | ACK, ack=100, back=True)
ASK = P(b"ask", seq=100, ack=200)
SAY = P(b"answer", seq=200, ack=103, back=True)


def firsts(*packets: P, batch: int = 100) -> list[int]:
    """Of the only flow, which packet (from 1; 0: none) was the first of each kind."""
    run = Run([replace(packet, at=number * MS) for number, packet in enumerate(packets, 1)], batch=batch)
    (flow,) = run.flows
    return [max(0, flow[name] // MS) for name in NAMES]


@pytest.mark.parametrize("batch", [1, 100])
@pytest.mark.parametrize(
    ("packets", "expected"),
    [
        ((OPEN,), [0, 0, 0, 0]),
        ((OPEN, OPEN), [0, 0, 0, 0]),
        ((OPEN, REFUSAL, REFUSAL), [0, 2, 0, 0]),
        ((OPEN, ANSWER, P(seq=100, ack=200)), [2, 0, 0, 0]),
        ((OPEN, ANSWER, ASK, SAY, ASK, SAY), [2, 0, 3, 4]),
        ((OPEN, ANSWER, SAY, SAY, ASK), [2, 0, 5, 3]),
        ((OPEN, ASK, ASK), [0, 0, 2, 0]),  # one direction only
        ((ANSWER, SAY), [0, 0, 0, 2]),  # the other: its SYN-ACK tells who is who
        ((OPEN, P(b"a message to people", flags=RST, back=True)), [0, 2, 0, 0]),
    ],
)
def test_firsts(packets, expected, batch):
    assert firsts(*packets, batch=batch) == expected
