"""Finding Modbus where it is, and only there; cutting RTU frames out of a stream."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otwatch.protocols.modbus.framing import FRAMINGS, probe_mbap, probe_other_protocol, probe_rtu
from otwatch.protocols.modbus.rtu import crc16 as fast_crc16
from otwatch.protocols.modbus.rtu import cut_rtu
from otwatch.protocols.spec import Verdict
from tests.oracle.modbus import crc16
from tests.protocols.modbus.generating import requests, responses
from tests.protocols.modbus.test_dissect import SOUND, rtu
from tests.protocols.modbus.wire import adu, pdu

READ = adu(pdu(3, 100, 2))
ANSWER = adu(pdu(3, data=b"\x04\x00\x01\x00\x02"))


def cut(data: bytes, direction: int = 0, start: int = 0) -> int:
    return int(cut_rtu(memoryview(data), start, len(data), direction))


@pytest.mark.parametrize(("data", "direction"), [
    (READ, 0), (ANSWER, 1), (READ + READ, 0), (READ + READ[:7], 0), (adu(b"\x83\x02"), 1), (adu(pdu(5, 1, 0)), 0), (adu(b"\x2b\x0e\x01\x00"), 0),
    (adu(pdu(16, 0, 1, data=b"\x02\x00\x01")), 0), (adu(b"\x11") * 2, 0)])
def test_modbus_is_found_on_any_port(data: bytes, direction: int) -> None:
    assert probe_mbap(data, direction) == Verdict.YES


@pytest.mark.parametrize("data", [READ[:5], adu(b"\x41\x01\x02"), adu(b"\x11"), adu(pdu(3, 1)), adu(b"\x00\x00\x00\x01"),
                                  adu(bytes([90, 0]) + bytes(400))[:256]])
def test_what_could_be_modbus_is_unsure(data: bytes) -> None:
    assert probe_mbap(data, 0) == Verdict.UNSURE


@pytest.mark.parametrize("data", [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS client hello: Modbus/TCP Security moved to its own port 802
    b"GET / HTTP/1.1\r\nHost: plc\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x03\x00\x00\x16\x11\xe0\x00\x00\x00\x01\x00\xc1\x02", b"\x00" * 40,
    b"\x05\x64\x05\xc0\x01\x00\x00\x04\xe9\x21", bytes.fromhex("800000287e86ab4a0000000000000002000186a300000003") + bytes(24),
    adu(bytes([3]) + bytes(300)), b"\xff" * 30])
def test_what_is_not_modbus_is_refused(data: bytes) -> None:
    assert probe_mbap(data, 0) == Verdict.NO
    assert probe_mbap(data, 1) == Verdict.NO
    assert probe_rtu(data, 0) != Verdict.YES
    assert probe_other_protocol(data, 0) != Verdict.YES


def test_the_side_that_asks_is_told() -> None:
    assert (probe_mbap(READ, 1), probe_mbap(ANSWER, 0)) == (Verdict.NO, Verdict.NO)
    echo = adu(pdu(6, 1, 2))
    assert (probe_mbap(echo, 0), probe_mbap(echo, 1)) == (Verdict.YES, Verdict.YES)


def test_another_protocol_identifier_is_only_believed_on_a_modbus_port() -> None:
    odd = adu(pdu(6, 1, 2), protocol=7)
    assert (probe_mbap(odd, 0), probe_other_protocol(odd, 0), probe_other_protocol(READ, 0)) == (Verdict.NO, Verdict.UNSURE, Verdict.NO)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 1))
def test_probes_and_cut_take_any_bytes(data: bytes, direction: int) -> None:
    for framing in FRAMINGS:
        assert framing.probe is not None
        assert framing.probe(data[:256], direction) in tuple(Verdict)
    assert -1 <= cut(data, direction) <= len(data)


@given(st.binary(max_size=100))
def test_the_crc_is_that_of_the_standard(data: bytes) -> None:
    assert fast_crc16(memoryview(data + b"x"), 0, len(data)) == crc16(data)


@pytest.mark.parametrize("pair", SOUND)
def test_sound_rtu_frames_are_cut(pair: tuple[bytes, bytes]) -> None:
    for direction, body in enumerate(pair):
        frame = rtu(17, body)
        if len(frame) <= 256:
            assert cut(frame + rtu(17, body), direction) == len(frame)
            assert cut(frame[:3], direction) == 0


@settings(max_examples=200, deadline=None)
@given(st.one_of(requests(), responses()), st.integers(0, 1))
def test_rtu_frames_of_any_length_need_more_or_are_cut(body: bytes, direction: int) -> None:
    """However a frame arrives, it is the whole frame that is cut, unless the bytes already say that it is none."""
    frame = rtu(9, body)
    whole = cut(frame, direction)
    for length in range(len(frame)):
        assert cut(frame[:length], direction) in (0, whole, -1)
    if whole > 0:
        assert crc16(frame[:whole]) == 0


def test_a_wrong_crc_is_no_frame() -> None:
    frame = bytearray(rtu(1, pdu(3, 100, 2)))
    frame[-1] ^= 1
    assert cut(bytes(frame)) == -1
    assert probe_rtu(bytes(frame), 0) == Verdict.NO
    assert probe_rtu(rtu(1, pdu(3, 100, 2)), 0) == Verdict.YES
    assert probe_rtu(rtu(1, pdu(3, 100, 2)), 1) == Verdict.NO


def test_user_defined_functions_are_cut_by_their_crc() -> None:
    frame = rtu(1, b"\x41hello, serial line")
    assert cut(frame + b"\x01\x41", 0) == len(frame)
    assert cut(frame[:-1], 0) == 0
