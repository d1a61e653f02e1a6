"""The beginnings of IT connections: whatever order and cuts the segments have, the same messages; bodies cost nothing; nothing touches OT."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otwatch.limits import Limits
from otwatch.protocols.spec import WHOLE_FLOW, Head, ProtocolSpec, Verdict
from tests.streams import specs
from tests.streams.wire import ACK, SYN, P, Run


def _begins(octets: bytes, direction: int) -> Verdict:
    """A letter, C of a client and S of a server, then `:`."""
    if octets[:1] != b"CS"[direction:direction + 1]:
        return Verdict.NO
    return Verdict.UNSURE if len(octets) < 2 else Verdict.YES if octets[1:2] == b":" else Verdict.NO


def _cut(octets: bytes, at: int, direction: int, _number: int) -> tuple[int, int]:
    """Letter, colon, a digit: kilobytes of the body."""
    if _begins(octets[at:at + 2], direction) == Verdict.NO:
        return -1, 0
    if len(octets) - at < 4:
        return 0, 0
    return 4, WHOLE_FLOW if octets[at + 2:at + 3] == b"!" else 4 + 1_000 * int(octets[at + 2:at + 3])


TOY = ProtocolSpec(name="toy", title="toy", dissector=None, head=Head(ports=(80,), begins=_begins, cut=_cut, first_bytes=frozenset(b"CS"), most=6))
SPECS = (*specs.SPECS, TOY)


def message(size: int, number: int, *, server: bool = False) -> bytes:
    return (b"S" if server else b"C") + f":{size}{number}".encode() + b"x" * 1_000 * size


def spoken(asked: bytes, answered: bytes, *, handshake: bool = True, port: int = 80, step: int = 1_400) -> list[P]:
    """Both sides in segments, by turns."""
    packets = [P(seq=99, flags=SYN, server_port=port), P(seq=499, ack=100, flags=SYN | ACK, back=True, server_port=port)] if handshake else []
    for at in range(0, max(len(asked), len(answered)), step):
        for side, octets, first in ((False, asked, 100), (True, answered, 500)):
            if octets[at:at + step]:
                packets.append(P(octets[at:at + step], first + at, back=side, server_port=port))
    return packets


def heads(packets: list[P], *, batch: int = 10_000, limits: Limits | None = None) -> list[tuple[int, bytes]]:
    run = Run(packets, batch=batch, limits=limits, protocols=SPECS)
    assert {flow["protocol"] for flow in run.flows} <= {0}  # of no protocol, whatever it is
    return sorted((pdu.direction, pdu.data) for pdu in run.pdus)


ASKED = b"".join(message(size, number) for number, size in enumerate((0, 3, 0, 9)))
ANSWERED = b"".join(message(size, number, server=True) for number, size in enumerate((9, 0, 1)))
WANTED = sorted([(0, b"C:00"), (0, b"C:31"), (0, b"C:02"), (0, b"C:93"), (1, b"S:90"), (1, b"S:01"), (1, b"S:12")])


@settings(max_examples=60, deadline=None)
@given(
    step=st.integers(1, 3_000), batch=st.sampled_from([1, 3, 10_000]),
    moved=st.lists(st.tuples(st.integers(0, 200), st.integers(1, 4)), max_size=8), again=st.lists(st.integers(0, 200), max_size=6),
)
def test_segments_order_duplicates_and_batches_change_nothing(step: int, batch: int, moved: list[tuple[int, int]], again: list[int]) -> None:
    if step < 40:  # every byte apart, of what has no long body
        asked, answered, wanted = message(0, 0) + message(0, 1), message(0, 0, server=True), [(0, b"C:00"), (0, b"C:01"), (1, b"S:00")]
    else:
        asked, answered, wanted = ASKED, ANSWERED, WANTED
    packets = spoken(asked, answered, step=step)
    body = packets[2:]
    for place in again:
        body.insert(place % (len(body) + 1), body[place % len(body)])
    for place, by in moved:
        place %= len(body)
        body[place:place + by + 1] = body[place:place + by + 1][::-1]
    assert heads(packets[:2] + body, batch=batch) == wanted


def test_a_hole_in_a_body_is_none_and_one_elsewhere_costs_what_lies_before_the_next_beginning() -> None:
    packets = spoken(ASKED, b"")
    assert heads([packet for packet in packets if packet.seq != 100 + 1_400]) == [found for found in WANTED if found[0] == 0]
    run = Run(
        [P(seq=99, flags=SYN, server_port=80), P(b"C:01", 100, server_port=80),
         *(P(message(0, number), 200 + 4 * number, server_port=80) for number in range(20))],
        protocols=SPECS,
    )
    assert [pdu.data for pdu in run.pdus][:2] == [b"C:01", b"C:00"]
    assert [bool(pdu.flags & 1) for pdu in run.pdus][:2] == [False, True]  # AFTER_GAP


def test_in_the_middle_of_a_connection_on_its_port_a_beginning_is_looked_for() -> None:
    cut_off = [P(b"x" * 700, 100, server_port=80), P(message(0, 7), 800, server_port=80)]
    assert heads(cut_off) == [(0, b"C:07")]
    assert heads([P(b"x" * 700, 100, server_port=81), P(message(0, 7), 800, server_port=81)]) == []


def test_off_its_ports_the_first_bytes_decide() -> None:
    assert heads(spoken(ASKED, ANSWERED, port=81)) == WANTED
    assert heads(spoken(b"C;" + ASKED, ANSWERED, port=81)) == []
    assert heads(spoken(b"QQ" + ASKED, ANSWERED, port=81)) == []


@pytest.mark.parametrize(("asked", "found"), [
    (message(0, 0) + b"C:!1" + message(0, 2), [(0, b"C:!1"), (0, b"C:00")]),  # the flow is plain after it
    (b"".join(message(0, number) for number in range(9)), [(0, f"C:0{number}".encode()) for number in range(6)]),  # the most that is read
])
def test_what_follows_is_plain(asked: bytes, found: list[tuple[int, bytes]]) -> None:
    assert heads(spoken(asked, b"")) == sorted(found)


def test_no_more_connections_than_the_limit_are_read_and_the_others_are_counted() -> None:
    packets = [P(message(0, 1), 100, client_port=40_000 + number, server_port=80) for number in range(4)]
    run = Run(packets, limits=Limits(heads=3), protocols=SPECS)
    assert len(run.pdus) == 3
    assert run.streams.counters["heads_refused"] == 1


def test_an_ot_protocol_on_the_same_connection_is_found_as_ever() -> None:
    request = specs.modbus_request(1)
    run = Run([P(seq=99, flags=SYN, server_port=80), P(request, 100, server_port=80), P(specs.modbus_response(1), 500, back=True, server_port=80)],
              protocols=SPECS)
    assert [pdu.data for pdu in run.pdus if pdu.protocol == 1][:1] == [request]
