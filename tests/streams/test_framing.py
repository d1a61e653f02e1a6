"""Where a PDU ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otwatch.protocols.spec import Framing, Verdict
from otwatch.streams.framing import MORE, WRONG, Framer
from tests.oracle import streams as oracle
from tests.streams import specs

MODBUS = Framer(specs.MODBUS.framings[0], 1, 0)
TPKT = Framer(specs.TPKT.framings[0], 2, 0)
DNP3 = Framer(specs.DNP3.framings[0], 3, 0)


def measure(framer: Framer, data: bytes, start: int = 0) -> int:
    return int(framer.measure(memoryview(data), start, len(data), 0))


@given(st.binary(max_size=250), st.integers(0, 3))
def test_dnp3_lengths_count_the_block_crcs(user: bytes, before: int) -> None:
    frame = oracle.dnp3_frame(user)
    assert measure(DNP3, bytes(before) + frame, before) == len(frame)
    assert measure(DNP3, frame[:10]) == len(frame)
    for cut in range(10):
        assert measure(DNP3, frame[:cut]) == MORE


@given(st.binary(min_size=10, max_size=10), st.integers(0, 79))
def test_a_dnp3_header_with_any_bit_wrong_is_wrong(user: bytes, bit: int) -> None:
    frame = bytearray(oracle.dnp3_frame(user))
    frame[bit // 8] ^= 1 << bit % 8
    assert measure(DNP3, bytes(frame)) == WRONG


@given(st.binary(max_size=40))
def test_modbus_and_tpkt_agree_with_the_oracle(data: bytes) -> None:
    for framer, cut, head in ((MODBUS, oracle.cut_modbus, b"\0\1\0\0\0"), (TPKT, oracle.cut_tpkt, b"\3\0\0")):
        for stream in (data, head + data):
            length = measure(framer, stream)
            assert cut(stream)[:1] == ([stream[:length]] if 0 < length <= len(stream) else [])


def test_the_wrong_is_told_as_soon_as_it_is_there() -> None:
    assert measure(MODBUS, b"\0\1") == MORE
    assert measure(MODBUS, b"\0\1\0") == MORE
    assert measure(MODBUS, b"\0\1\1") == WRONG
    assert measure(TPKT, b"\3\0\0\6") == WRONG


def test_little_endian_lengths() -> None:
    framer = Framer(Framing(name="enip", header_bytes=24, length_at=2, little_endian=True, length_add=24, min_bytes=24), 1, 0)
    assert measure(framer, b"\x65\0\4\1" + bytes(20)) == 24 + 0x104


def test_a_protocol_cuts_for_itself() -> None:
    def cut(data: memoryview, start: int, end: int, direction: int) -> int:
        return 0 if end - start < 2 else data[start + 1] if data[start] == 7 else -1

    framer = Framer(Framing(name="own", max_bytes=20, cut=cut), 1, 0)
    assert [measure(framer, data) for data in (b"\7", b"\7\5", b"\6\5", b"\7\x15", b"x\7\5"[1:])] == [MORE, 5, WRONG, WRONG, 5]
    never = Framer(Framing(name="never", max_bytes=5, cut=lambda *_: 0), 1, 0)
    assert [measure(never, bytes(4)), measure(never, bytes(5))] == [MORE, WRONG]


@pytest.mark.parametrize("framing", [
    Framing(name="x", header_bytes=4, length_at=3, length_bytes=2),
    Framing(name="x", header_bytes=2, magic=((2, 255, 0),)),
    Framing(name="x", header_bytes=2, min_bytes=0),
])
def test_a_framing_that_cannot_be_is_refused(framing: Framing) -> None:
    with pytest.raises(ValueError, match="framing x"):
        Framer(framing, 1, 0)


def test_either_direction_may_say_yes() -> None:
    frame = oracle.dnp3_frame(b"", control=0x44)
    assert DNP3.verdict(frame, 0) == DNP3.verdict(frame, 1) == Verdict.YES
    assert Framer(Framing(name="x", header_bytes=2), 1, 0).verdict(b"", 0) == Verdict.UNSURE
