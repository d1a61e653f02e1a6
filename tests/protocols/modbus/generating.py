"""Hypothesis strategies for Modbus PDUs: valid ones, and what is left of them after cuts and wrong bytes."""

from __future__ import annotations

import struct

from hypothesis import strategies as st

WORDS = st.integers(0, 0xFFFF)
SOME = st.sampled_from([0, 1, 2, 8, 9, 100, 125, 126, 1968, 2000, 2001, 0xFFFF])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A request that a client could send."""
    function = draw(st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 15, 16, 17, 20, 21, 22, 23, 24, 43, 90, 0, 9, 66, 100, 126]))
    head = bytes([function])
    if function in (1, 2, 3, 4):
        return head + struct.pack(">HH", draw(WORDS), draw(SOME))
    if function in (5, 6):
        return head + struct.pack(">HH", draw(WORDS), draw(st.sampled_from([0, 0xFF00, 1, 77])))
    if function == 8:
        return head + struct.pack(">H", draw(st.integers(0, 22))) + draw(st.binary(max_size=6))
    if function in (15, 16):
        count = draw(st.integers(1, 40))
        data = draw(st.binary(min_size=1, max_size=90)) if draw(st.booleans()) else bytes((count + 7) // 8 if function == 15 else 2 * count)
        return head + struct.pack(">HHB", draw(WORDS), count, len(data)) + data
    if function in (20, 21):
        items = b""
        for _ in range(draw(st.integers(0, 4))):
            length = draw(st.integers(0, 5))
            items += struct.pack(">BHHH", draw(st.sampled_from([6, 6, 6, 5])), draw(WORDS), draw(WORDS), length)
            items += bytes(2 * length * (function == 21))
        return head + bytes([len(items)]) + items
    if function == 22:
        return head + struct.pack(">HHH", draw(WORDS), draw(WORDS), draw(WORDS))
    if function == 23:
        count = draw(st.integers(1, 5))
        return head + struct.pack(">HHHHB", draw(WORDS), draw(SOME), draw(WORDS), count, 2 * count) + bytes(2 * count)
    if function == 24:
        return head + struct.pack(">H", draw(WORDS))
    if function == 43:
        return head + draw(st.sampled_from([b"\x0e\x01\x00", b"\x0e\x04\x80", b"\x0d\x01\x02\x03", b"\x07"]))
    if function == 90:
        return head + bytes([0, draw(st.sampled_from([1, 2, 4, 0x10, 0x20, 0x21, 0x31, 0x34, 0x40, 0x99]))]) + draw(st.binary(max_size=40))
    return head + (draw(st.binary(max_size=10)) if function not in (7, 11, 12, 17) else b"")


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    """A response that a server could send."""
    function = draw(st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 15, 16, 17, 20, 21, 22, 23, 24, 43, 90, 66, 0x81, 0x83, 0x90, 0xAB]))
    head = bytes([function])
    if function & 0x80:
        return head + bytes([draw(st.integers(0, 12))])
    if function in (1, 2, 3, 4, 12, 17, 23):
        data = draw(st.binary(max_size=30))
        return head + bytes([len(data)]) + data
    if function in (5, 6, 15, 16, 11):
        return head + struct.pack(">HH", draw(WORDS), draw(WORDS))
    if function == 7:
        return head + draw(st.binary(min_size=1, max_size=1))
    if function == 8:
        return head + struct.pack(">HH", draw(st.integers(0, 22)), draw(WORDS))
    if function == 20:
        items = b"".join(bytes([1 + 2 * length, 6]) + bytes(2 * length) for length in draw(st.lists(st.integers(0, 5), max_size=4)))
        return head + bytes([len(items)]) + items
    if function == 21:
        return b"\x15\x09\x06" + struct.pack(">HHHH", draw(WORDS), draw(WORDS), 1, draw(WORDS))
    if function == 22:
        return head + struct.pack(">HHH", draw(WORDS), draw(WORDS), draw(WORDS))
    if function == 24:
        count = draw(st.integers(0, 31))
        return head + struct.pack(">HH", 2 + 2 * count, count) + bytes(2 * count)
    if function == 43:
        texts = draw(st.lists(st.binary(max_size=9), max_size=4))
        return (head + bytes([14, 1, 1, 0, 0, len(texts)]) + b"".join(bytes([number, len(text)]) + text for number, text in enumerate(texts)))
    if function == 90:
        return head + bytes([0, draw(st.sampled_from([0xFE, 0xFD]))]) + draw(st.binary(max_size=30))
    return head + draw(st.binary(max_size=10))


@st.composite
def damaged(draw: st.DrawFn, messages: st.SearchStrategy[bytes]) -> bytes:
    """A message cut short, lengthened, or with some bytes changed."""
    message = bytearray(draw(messages))
    for _ in range(draw(st.integers(0, 2))):
        message[draw(st.integers(0, len(message) - 1))] = draw(st.integers(0, 255))
    return bytes(message[:draw(st.integers(1, len(message)))]) + draw(st.binary(max_size=4))
