"""Flows of unknown protocol: looked at again where a message may start, and sifted where segments are too short to tell."""

from __future__ import annotations

import random

import pytest

from otwatch.streams.attachment import LOOKS, SIFT_BYTES
from tests.streams.specs import modbus_request, modbus_response
from tests.streams.wire import P, Run

PORT = {"server_port": 7777}
NOISE = b"\xa7\x13" * 300


def pieces(data: bytes, sequence: int, acknowledgement: int, size: int, *, back: bool = False) -> list[P]:
    """Bytes in segments of a size."""
    return [P(data[at:at + size], sequence + at, acknowledgement, back=back, client_port=40000, **PORT) for at in range(0, len(data), size)]


def conversation(size: int) -> list[P]:
    """After noise: a request and its response, twice."""
    packets = [P(NOISE, 100, 900, client_port=40000, **PORT)]
    client, server = 100 + len(NOISE), 900
    for number in (1, 2):
        asked, replied = modbus_request(number, 5, 1, function=6), modbus_response(number)
        packets += pieces(asked, client, server, size) + pieces(replied, server, client + len(asked), size, back=True)
        client += len(asked)
        server += len(replied)
    return packets


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 11, 13, 31])
def test_messages_in_short_segments_after_noise(size: int) -> None:
    assert Run(conversation(size)).data(0) == [modbus_request(number, 5, 1, function=6) for number in (1, 2)]


def test_keep_alive_probes_open_no_streams_again() -> None:
    probes = [P(b"\0", 699, 900, client_port=40000, **PORT) for _ in range(50)]
    run = Run([P(NOISE, 100, 900, client_port=40000, **PORT), *probes])
    assert run.streams.counters["streams"] == 0
    assert not run.anomalies


def test_what_people_type_is_sifted_for_ever_and_never_called_too_much() -> None:
    """A terminal: a character at a time; and answers of a few."""
    drawn = random.Random(3)
    typed = bytes(drawn.choice(b"abcdefgh ijklmnop\r\n\x1b[") for _ in range(5 * SIFT_BYTES))
    run = Run([P(NOISE, 100, 900, client_port=40000, **PORT), *pieces(typed, 100 + len(NOISE), 900, 3)])
    assert not run.pdus
    assert not run.anomalies


def test_chance_is_not_too_much() -> None:
    """One segment in 256 of random bytes begins like an APDU of IEC 104."""
    drawn = random.Random(7)
    packets, at = [], 100
    for number in range(300 * LOOKS // 256):
        data = (b"\x68\x22" if number % 100 == 0 else b"\xa7\x13") + drawn.randbytes(78)
        packets.append(P(data, at, 900, client_port=40000, **PORT))
        at += len(data)
    assert not Run(packets).anomalies
