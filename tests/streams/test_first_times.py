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


def test_firsts_of_a_connection_beside_another_on_the_same_ports():
    """The older one goes on; what the younger one does for the first time is written down all the same."""
    older = [OPEN, ANSWER, ASK, SAY]
    younger = [replace(packet, seq=packet.seq + 50_000, ack=packet.ack + 50_000 if packet.ack >= 0 else -1) for packet in older]
    more = P(b"ask", seq=103, ack=206)
    run = Run([replace(packet, at=number * MS) for number, packet in enumerate([*older, younger[0], younger[1], more, *younger[2:], more], 1)])
    assert [[flow[name] // MS for name in NAMES] for flow in run.flows] == [[2, -1, 3, 4], [8, -1, 8, 9]]
