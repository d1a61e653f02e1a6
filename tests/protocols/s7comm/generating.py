"""Hypothesis strategies for S7 conversations: valid packets, and what is left of them after cuts, wrong bytes and COTP fragments."""

from __future__ import annotations

import itertools
import random
import struct

from hypothesis import strategies as st

from tests.protocols.s7comm.sessions import Kind
from tests.protocols.s7comm.wire import answer, any_item, connect, data, header, item_data, job, userdata, variables

WORDS = st.integers(0, 0xFFFF)
REFERENCES = st.integers(1, 4)
AREAS = st.sampled_from([0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x1C, 0x1D, 0x01, 0x06])
SIZES = st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 28, 29])
NAMES = st.sampled_from([b"_0800001P", b"_0A00100P", b"$0B00002A", b"_0C12345A", b"_0E00007B", b"_0Z00001P", b"_N_MPF0", b""])


@st.composite
def items(draw: st.DrawFn) -> bytes:
    """A variable specification of any syntax."""
    syntax = draw(st.sampled_from([0x10, 0x10, 0x10, 0xB0, 0x82, 0x83, 0xA2, 0xB2, 0x99]))
    if syntax == 0x10:
        return any_item(draw(AREAS), draw(WORDS), draw(st.integers(0, 0xFFFFFF)), draw(WORDS), draw(SIZES))
    if syntax == 0xB0:
        areas = draw(st.lists(st.tuples(st.integers(0, 255), WORDS, WORDS), min_size=1, max_size=3))
        return bytes([0x12, 2 + 5 * len(areas), 0xB0, len(areas)]) + b"".join(struct.pack(">BHH", *area) for area in areas)
    if syntax in (0x82, 0x83):
        return bytes([0x12, 8, syntax]) + draw(st.binary(min_size=7, max_size=7))
    if syntax == 0xA2:
        return bytes([0x12, 10, 0xA2]) + draw(st.binary(min_size=9, max_size=9))
    if syntax == 0xB2:
        head = draw(st.sampled_from([b"\x8a\x0e\x00\x05", b"\x00\x00\x00\x52", b"\x00\x01\x00\x02"]))
        steps = draw(st.integers(1, 3))
        return bytes([0x12, 10 + 4 * steps, 0xB2, 0xFF]) + head + draw(st.binary(min_size=4 + 4 * steps, max_size=4 + 4 * steps))
    return bytes([draw(st.sampled_from([0x12, 0x13])), 4, syntax]) + draw(st.binary(min_size=3, max_size=3))


CODES = st.sampled_from([0xFF, 0xFF, 0xFF, 0x0A, 0x05, 0])
VALUES = st.lists(st.tuples(CODES, st.sampled_from([3, 4, 5, 6, 7, 9]), st.binary(max_size=9)), max_size=5)


@st.composite
def jobs(draw: st.DrawFn) -> bytes:
    """A request of any function."""
    reference = draw(REFERENCES)
    function = draw(st.sampled_from([4, 4, 5, 5, 0xF0, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F, 0x28, 0x29, 0, 0x33]))
    if function in (4, 5):
        values = item_data(*draw(VALUES)) if function == 5 else b""
        return job(variables(function, *draw(st.lists(items(), max_size=5))), values, reference=reference)
    if function == 0xF0:
        return job(struct.pack(">BBHHH", 0xF0, 0, draw(WORDS), draw(WORDS), draw(WORDS)), reference=reference)
    if function in (0x1A, 0x1B, 0x1C, 0x1D):
        name = draw(NAMES)
        tail = b"\x0d1000216000088" if function == 0x1A and draw(st.booleans()) else b""
        head = struct.pack(">BBHIB", function, 0, draw(st.sampled_from([0, 0xD209])), draw(st.integers(0, 3)), len(name))
        return job(head + name + tail, reference=reference)
    if function in (0x1E, 0x1F):
        return job(struct.pack(">BBHI", function, 0, draw(st.sampled_from([0, 0xD209])), draw(st.integers(0, 3))), reference=reference)
    if function == 0x28:
        name = draw(st.sampled_from([b"P_PROGRAM", b"_INSE", b"_DELE", b"_MODU", b"_GARB", b"_N_LOGIN_", b"_WHAT"]))
        argument = draw(st.sampled_from([b"", b"C ", b"EP", b"\x010800001P", b"\x02\x000800001P0A00007P", b"\x05\x000800001P"]))
        return job(b"\x28\0\0\0\0\0\0\xfd" + struct.pack(">H", len(argument)) + argument + bytes([len(name)]) + name, reference=reference)
    if function == 0x29:
        return job(b"\x29\0\0\0\0\0\x09P_PROGRAM", reference=reference)
    return job(bytes([function]) + draw(st.binary(max_size=4)), reference=reference)


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """An answer of any function."""
    reference, error = draw(REFERENCES), draw(st.sampled_from([0, 0, 0, 0x8104, 0x8500]))
    function = draw(st.sampled_from([4, 4, 4, 5, 5, 0xF0, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F, 0x28, 0x29]))
    if draw(st.integers(0, 9)) == 0:
        return answer(b"", reference=reference, error=error, kind=draw(st.sampled_from([2, 3])))
    if function == 4:
        values = draw(VALUES)
        return answer(bytes([4, len(values)]), item_data(*values), reference=reference, error=error)
    if function == 5:
        codes = draw(st.lists(st.sampled_from([0xFF, 0x0A, 5]), max_size=5))
        return answer(bytes([5, len(codes)]), bytes(codes), reference=reference, error=error)
    if function == 0xF0:
        return answer(struct.pack(">BBHHH", 0xF0, 0, 1, 1, draw(st.sampled_from([240, 480, 960]))), reference=reference, error=error)
    if function == 0x1D:
        digits = draw(st.sampled_from([b"", b"\x070000216", b"\x04abcd"]))
        return answer(struct.pack(">BBHI", 0x1D, 0, 0, draw(st.integers(0, 3))) + digits, reference=reference, error=error)
    if function in (0x1B, 0x1E):
        content = draw(st.binary(max_size=60))
        return answer(bytes([function, 0]), struct.pack(">HH", len(content), 0xFB) + content, reference=reference, error=error)
    return answer(bytes([function]), reference=reference, error=error)


@st.composite
def userdata_packets(draw: st.DrawFn) -> bytes:
    """Userdata of the groups that the plain decoder reads."""
    group, subfunctions = draw(st.sampled_from([(3, (1, 2, 3)), (4, (1,)), (4, (1,)), (5, (1, 2)), (7, (1, 2, 3, 4)), (9, (1,))]))
    kind = draw(st.sampled_from([1, 1, 2, 2, 0]))
    subfunction = draw(st.sampled_from(subfunctions))
    content: bytes | None = draw(st.one_of(st.none(), st.binary(max_size=90), st.sampled_from([
        b"\x00\x11\x00\x00", b"\x01\x31\x00\x01", b"\x00\x1c\x00\x01\x00\x22\x00\x01" + bytes(34), b"0A", b"0800001A", b"0A00002P" + bytes(70)])))
    return userdata(kind, group, subfunction, content, reference=draw(REFERENCES), code=draw(st.sampled_from([0xFF, 0xFF, 0x0A, 3])),
                    error=draw(st.sampled_from([0, 0, 0xD401])) if kind == 2 else 0)


CONNECTS = st.sampled_from([
    connect(), connect(called=b"\x03\x00"), connect(called=b"\x02\x21", source=7), connect(0xD0, destination=1, source=9),
    connect(0xD0, destination=7), connect(called=b"\2\0", calling=b"\0\2", source=7), connect(0xD0, called=b"\3\0", destination=7),
    b"\x03\0\0\x0b\x06\x80\0\1\0\1\0", b"\x03\0\0\x0b\x06\x80\0\1\0\1\x88", b"\x03\0\0\x0a\x05\xc0\0\1\0\1"])
PACKETS = st.one_of(st.tuples(st.just(0), jobs()), st.tuples(st.just(1), answers()), st.tuples(st.integers(0, 1), userdata_packets()),
                    st.tuples(st.just(0), CONNECTS), st.tuples(st.just(1), jobs()), st.tuples(st.just(0), answers()))


@st.composite
def fragmented(draw: st.DrawFn, packets: st.SearchStrategy[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """One packet, its COTP message cut into one to four."""
    direction, packet = draw(packets)
    if packet[5] != 0xF0:
        return [(direction, packet)]
    message = packet[7:]
    cuts = sorted(draw(st.lists(st.integers(0, len(message)), max_size=3)))
    edges = [0, *cuts, len(message)]
    parts = [message[first:last] for first, last in itertools.pairwise(edges)]
    return [(direction, data(part, last=index + 1 == len(parts))) for index, part in enumerate(parts)]


@st.composite
def damaged(draw: st.DrawFn, packets: st.SearchStrategy[tuple[int, bytes]]) -> tuple[int, bytes]:
    """A packet with some bytes of its S7 part changed, or the S7 part shorter or longer than it says."""
    direction, packet = draw(packets)
    if packet[5] != 0xF0:
        return direction, packet
    body = bytearray(packet[7:])
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(body) - 1))
        if packet[8] != 7 or place not in (15, 16, 18):  # other groups than the plain decoder reads, and parts that wait for others
            body[place] = draw(st.integers(0, 255))
    if body:
        body[0] = 0x32
    how = draw(st.integers(0, 3))
    if how == 1:
        del body[draw(st.integers(1, max(1, len(body)))):]
    elif how == 2:
        body += draw(st.binary(max_size=8)) if draw(st.booleans()) else header(1, b"\x29\0\0\0\0\0\x09P_PROGRAM", reference=9)
    return direction, data(bytes(body))


@st.composite
def exchanges(draw: st.DrawFn, kinds: tuple[Kind, ...]) -> list[tuple[int, bytes]]:
    """One exchange of the seeded sessions, by a seed that hypothesis chooses; sometimes a packet of it is lost or damaged."""
    told = draw(st.sampled_from(kinds))(random.Random(draw(st.integers(0, 1_000_000))), draw(REFERENCES))
    packets = [(side, data(pdu)) for side, pdu in told]
    how = draw(st.integers(0, 3))
    if how == 0:
        packets.pop(draw(st.integers(0, len(packets) - 1)))
    elif how == 1:
        which = draw(st.integers(0, len(packets) - 1))
        packets[which] = draw(damaged(st.just(packets[which])))
    return packets
