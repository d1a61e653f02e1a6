"""Finding Modbus where it is, and only there; cutting RTU frames out of a stream."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otwatch.protocols import protocols
from otwatch.protocols.modbus.framing import FRAMINGS, probe_mbap, probe_other_protocol, probe_rtu
from otwatch.protocols.modbus.rtu import crc16 as fast_crc16
from otwatch.protocols.modbus.rtu import cut_rtu
from otwatch.protocols.spec import Verdict
from tests.oracle.modbus import crc16
from tests.protocols.modbus.generating import requests, responses
from tests.protocols.modbus.test_dissect import SOUND, rtu
from tests.protocols.modbus.wire import adu, pdu
from tests.streams.test_streams import handshake
from tests.streams.wire import MS, P, Run

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


def looks_alike(seed: int) -> tuple[list[bytes], list[bytes]]:
    """A conversation of another serial protocol with the same CRC, of the shape of ROC: destination and source (two bytes each), operation,
    length, data. Without data it is as long as a Modbus read request."""
    chance = random.Random(seed)
    there, here = (bytes([chance.randrange(1, 256), chance.randrange(1, 12)]) for _ in range(2))
    asked, said = [], []
    for _ in range(6):
        operation = chance.randrange(1, 110)
        for side, head, longest in ((asked, there + here, chance.choice([0, 0, 4])), (said, here + there, chance.choice([0, 6, 40]))):
            body = head + bytes([operation, longest]) + chance.randbytes(longest)
            side.append(body + crc16(body).to_bytes(2, "little"))
    return asked, said


@pytest.mark.parametrize("proto", [6, 17])
def test_other_protocols_with_the_same_crc_are_not_modbus(proto: int) -> None:
    for seed in range(150):
        asked, said = looks_alike(seed)
        packets, sent = [], [100, 900]
        for pair in zip(asked, said, strict=True):
            for side, message in enumerate(pair):
                packets.append(P(message, sent[side], sent[1 - side], back=side == 1, proto=proto, server_port=4000, at=len(packets) * MS))
                sent[side] += len(message)
        run = Run(packets, protocols=protocols())
        assert run.pdus == [], (seed, [pdu.data.hex() for pdu in run.pdus])


def said(packets: list[P]) -> list[bytes]:
    """The PDUs; that the flow is over is one without bytes."""
    return [pdu.data for pdu in Run(packets, protocols=protocols()).pdus if pdu.data]


@pytest.mark.parametrize(("port", "both"), [(4001, True), (502, True), (502, False)])
def test_rtu_is_still_found(port: int, both: bool) -> None:
    """Off its port it takes both sides, or many requests."""
    ask, answer = rtu(1, pdu(3, 100, 2)), rtu(1, pdu(3, data=b"\x04\x00\x01\x00\x02"))
    packets = []
    for number in range(3):
        packets.append(P(ask, 100 + 8 * number, 900 + 9 * number, server_port=port))
        packets += [P(answer, 900 + 9 * number, 108 + 8 * number, server_port=port, back=True)] * both
    assert len(said(packets)) == (6 if both else 3)
    one_side = [P(ask, 100 + 8 * number, 900, server_port=4001) for number in range(40)]
    assert len(said(one_side)) == 40
    assert said(one_side[:5]) == []


def test_reads_of_more_than_fits_are_not_believed_off_the_port() -> None:
    assert probe_rtu(rtu(1, pdu(4, 258, 1536)), 0) == Verdict.UNSURE
    assert probe_mbap(adu(pdu(3, 0, 0x7D1)), 0) == Verdict.UNSURE
    assert probe_mbap(adu(pdu(3, 0, 125)), 0) == Verdict.YES


def test_another_protocol_identifier_amid_a_conversation_is_a_row_however_it_is_cut() -> None:
    odd = adu(pdu(6, 1, 2), protocol=0x1234)
    for size in (1, 5, 12, 36):
        said = READ + odd + READ
        packets = [P(said[at:at + size], 100 + at, 900, at=at * 1000) for at in range(0, len(said), size)]
        run = Run(handshake() + packets, protocols=protocols())
        assert [(pdu.data, pdu.framing) for pdu in run.pdus if pdu.data] == [(READ, 0), (odd, 2), (READ, 0)], size
        assert "RESYNCHRONISED" not in run.anomalies
    alone = Run([P(READ, 100, 900), P(odd, 112, 900), P(READ, 124, 900, at=900 * MS)], protocols=protocols())
    assert [pdu.data for pdu in alone.pdus if pdu.data] == [READ, odd, READ]
    noise = Run([P(READ + b"\x01\x02\x03\x04\x00\x06\x00\x00" + b"\xee" * 9 + READ, 100, 900)], protocols=protocols())
    assert [data for data in noise.data(0) if data] == [READ, READ]
