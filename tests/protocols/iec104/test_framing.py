"""How IEC 60870-5-104 is recognised, and what is not taken for it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otwatch.protocols.iec104.framing import probe
from otwatch.protocols.spec import Verdict
from tests.oracle import iec104 as oracle
from tests.protocols.iec104.wire import asdu, i_frame, s_frame, u_frame


@pytest.mark.parametrize("octet", oracle.U_FRAMES)
def test_u_frames_prove_it(octet: int) -> None:
    assert probe(u_frame(octet), 0) is Verdict.YES


def test_an_s_frame_alone_proves_nothing() -> None:
    assert probe(s_frame(7), 0) is Verdict.UNSURE
    assert probe(s_frame(7) + u_frame(0x43), 0) is Verdict.YES


@pytest.mark.parametrize("kind", sorted(oracle.SIZES))
def test_every_type_is_known_by_its_length(kind: int) -> None:
    body = asdu(kind, 3, (700, bytes(oracle.SIZES[kind])))
    assert probe(i_frame(body), 1) is Verdict.YES
    assert probe(i_frame(body + b"\0"), 1) is Verdict.NO


@given(st.integers(1, 40))
def test_what_is_not_whole_is_no_proof(cut: int) -> None:
    message = i_frame(asdu(13, 3, (700, bytes(5)), (701, bytes(5))))
    if cut < len(message):
        assert probe(message[:cut], 0) is not Verdict.YES


@pytest.mark.parametrize("octets", [b"hello world, no telecontrol", b"h\x04ab\x00\x00", b"HTTP/1.1 200 OK\r\n", bytes(64)])
def test_others_are_not_taken_for_it(octets: bytes) -> None:
    assert probe(octets, 0) is Verdict.NO


def test_random_bytes_behind_the_start_octet_are_not_taken_for_it() -> None:
    chance = random.Random(1)
    taken = sum(probe(b"\x68" + chance.randbytes(255), 0) is Verdict.YES for _ in range(200_000))
    assert taken <= 10  # of 51 million random segments
