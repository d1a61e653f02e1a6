"""How DNP3 is recognised and cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otwatch.protocols.dnp3 import framing
from otwatch.protocols.spec import Verdict
from tests.oracle.dnp3 import crc, frame


@given(st.binary(max_size=40))
def test_crc_equals_the_one_bit_by_bit(octets: bytes) -> None:
    assert framing.crc(octets).to_bytes(2, "little") == crc(octets)


def test_crc_of_the_usual_check_string() -> None:
    assert framing.crc(b"123456789") == 0xEA82  # CRC-16/DNP in every catalogue of CRCs


@pytest.mark.parametrize(("octets", "verdict"), [
    (frame(b"\xc0\xc0\x01"), Verdict.YES),
    (b"tail of another frame" + frame(b"\xc0\xc0\x01"), Verdict.YES),
    (frame(b"\xc0\xc0\x01")[:9], Verdict.UNSURE),
    (b"\x05", Verdict.UNSURE),
    (b"", Verdict.UNSURE),
    (b"GET / HTTP/1.1\r\n" * 16, Verdict.NO),
    (b"\x05\x64" * 128, Verdict.NO),
])
def test_probe(octets: bytes, verdict: Verdict) -> None:
    assert framing.probe(octets, 0) == verdict


@given(st.binary(max_size=250))
def test_the_framing_as_data_measures_every_frame(user: bytes) -> None:
    whole = frame(user)
    length = whole[framing.FRAMES.length_at] + framing.FRAMES.length_add
    blocks = -(-(length - framing.FRAMES.block_after) // framing.FRAMES.block_bytes)
    assert length + blocks * framing.FRAMES.block_crc_bytes == len(whole)
    assert framing.FRAMES.min_bytes <= len(whole) <= framing.FRAMES.max_bytes
