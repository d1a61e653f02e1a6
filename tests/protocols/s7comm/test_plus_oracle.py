"""S7comm-plus: the compiled dissector against the plain decoder, row by row, on generated conversations."""

from __future__ import annotations

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from otwatch.protocols.s7comm_plus.spec import FUNCTIONS
from tests.oracle.s7comm_plus import PlusReference
from tests.protocols.s7comm.test_oracle import FIELDS
from tests.protocols.s7comm.test_plus import SESSION, pdu, request, response
from tests.protocols.s7comm.wire import PLUS, Wire, data

SEQUENCES = st.integers(1, 3)
CODES = st.sampled_from([code for code in FUNCTIONS if code > 0xFF] * 2 + [0x04F2, 0x0542, 0x054C, 0x04CA, 0x0586, 0x057C, 0x04D4, 0x0999])
OBJECTS = st.sampled_from([0, 3, 52, 288, SESSION, 0x8A0E0005, 0x8A320001, 0x8A120003, 0x89FFFFFF, 0x70000001])
KNOWN = (233, 255, 287, 300, 309, 320, 1001, 1048, 1825, 2167, 2521, 2532, 2538, 2592, 2610, 2662)
ATTRIBUTES = st.one_of(st.sampled_from(KNOWN), st.integers(0, 2 ** 32))


def number(value: int) -> bytes:
    """Seven bits a byte, most significant first."""
    groups = [value & 0x7F]
    while value > 0x7F:
        value >>= 7
        groups.append(value & 0x7F | 0x80)
    return bytes(groups[::-1])


@st.composite
def addresses(draw: st.DrawFn) -> bytes:
    """The variables of a request by address."""
    found = b""
    count = draw(st.integers(0, 4))
    for _ in range(count):
        area = draw(st.sampled_from([0x50, 0x51, 0x52, 0x53, 0x54, 0x8A0E0001, 0x8A0EFFFF, 7]))
        path = draw(st.one_of(st.just([1, 3, draw(st.integers(0, 70_000)), draw(st.integers(0, 300))]), st.lists(st.integers(0, 300), max_size=6)))
        found += number(draw(st.integers(0, 2 ** 32 - 1))) + number(area) + number(len(path)) + b"".join(map(number, path))
    return struct.pack(">I", 0) + number(count) + number(draw(st.integers(0, 30))) + found


@st.composite
def bodies(draw: st.DrawFn, function: int) -> bytes:
    """What follows the head of a request."""
    tail = draw(st.binary(max_size=12))
    if function in (0x0542, 0x054C) and draw(st.booleans()):
        return draw(addresses()) + tail
    head, attribute = struct.pack(">I", draw(OBJECTS)), number(draw(ATTRIBUTES))
    if function == 0x04F2:
        return head + b"\1" + attribute + b"\0\x08" + draw(st.sampled_from([b"\1", b"\3", b"\7", b""])) + tail
    if function == 0x04CA:
        return head + draw(st.binary(max_size=8)) + b"\xa1\0\0\0\1" + attribute + tail
    if function in (0x0586, 0x057C):
        return head + draw(st.sampled_from([b"\x20\4\1", b"\x21\4\1", b""])) + attribute + tail
    return draw(st.sampled_from([head, head + b"\1\1" + attribute, b""])) + tail


@st.composite
def packets(draw: st.DrawFn) -> list[tuple[int, bytes]]:
    """One message of either side, in one PDU or several; TLS; or any bytes behind the first."""
    function, sequence = draw(CODES), draw(SEQUENCES)
    version, side = draw(st.sampled_from([1, 2, 3, 0xFE])), draw(st.integers(0, 1))
    how = draw(st.integers(0, 9))
    if how == 0:
        return [(side, data(bytes([draw(st.integers(20, 23)), 3]) + draw(st.binary(min_size=1, max_size=12))))]
    if how == 1:
        return [(side, data(b"\x72" + bytes([version]) + draw(st.binary(max_size=40))))]
    if how == 2:
        content = b"\x33" + draw(st.binary(max_size=12))
    elif how <= 6:
        content = request(function, draw(bodies(function)), sequence=sequence, flags=draw(st.sampled_from([0x34, 0x34, 0x74])))
    else:
        content = response(function, draw(st.binary(max_size=14)), sequence=sequence)
    if draw(st.integers(0, 4)) == 0:
        content = content[:draw(st.integers(0, len(content)))]
    if draw(st.integers(0, 3)):
        return [(side, pdu(content, version=version))]
    cut = draw(st.integers(0, len(content)))
    return [(side, pdu(content[:cut], version=version, last=False)), (side, pdu(content[cut:], version=version))]


@settings(max_examples=200, deadline=None)
@given(st.lists(packets(), min_size=1, max_size=10))
def test_conversations(talk: list[list[tuple[int, bytes]]]) -> None:
    wire, reference, expected = Wire(), PlusReference(), []
    for frame, (side, packet) in enumerate([one for several in talk for one in several], 1):
        wire.add(packet, side)
        expected += reference.read(frame, side, packet)
    wire.run()
    known = [{name: row[name] for name in FIELDS} for row in wire.rows if row["protocol"] == PLUS]
    assert known == [{name: row[name] for name in FIELDS} for row in expected]


def test_the_generator_reaches_every_function() -> None:
    for function in FUNCTIONS:
        if function > 0xFF:
            wire = Wire().ask(pdu(request(function, struct.pack(">I", 5) + bytes(8)))).say(pdu(response(function)))
            assert {row["function"] for row in wire.run().rows} == {function}
