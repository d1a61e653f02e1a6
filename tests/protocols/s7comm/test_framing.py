"""What a stream of this family starts with, and what only looks like it."""

from __future__ import annotations

import pytest

from otwatch.protocols.spec import Verdict
from otwatch.protocols.tpkt.framing import probe
from tests.protocols.s7comm.wire import answer, connect, data, job, tpkt, userdata

RDP_COOKIE = tpkt(b"\x26\xe0\0\0\0\0\0Cookie: mstshash=administr\r\n\1\0\x08\0\x03\0\0\0")
RDP_NEGOTIATION = tpkt(b"\x0e\xe0\0\0\0\0\0\1\0\x08\0\x03\0\0\0")
RDP_DATA = data(b"\x7f\x65\x82\1\x94")
H323 = tpkt(b"\x08\x02\x10\x01\x05\x04\x03\x88\xc0")


@pytest.mark.parametrize("head", [connect(), connect(0xD0), connect(called=b"SIMATIC-ROOT-ES"), job(b"\x04\0"), answer(b"\4\0"),
                                  userdata(1, 4, 1), data(b"\x72\1\0\0\x72\1\0\0")])
def test_yes(head: bytes) -> None:
    assert probe(head, 0) == probe(head, 1) == Verdict.YES


@pytest.mark.parametrize("head", [data(b"\x0d\1a"), data(b"\1\0\1\0"), data(b"\x16\3\1\0\5"), data(b""), b"\3\0", b"\3", b"", connect()[:15],
                                  b"\3\0\0\x0b\6\x80\0\1\0\1\0"])
def test_unsure(head: bytes) -> None:
    assert probe(head, 0) == Verdict.UNSURE


@pytest.mark.parametrize("head", [RDP_COOKIE, RDP_NEGOTIATION, RDP_DATA, H323, b"GET / HTTP/1.1\r\n", b"\3\1\0\x16\2\xf0\x80", b"\3\0\0\5\1\2\3",
                                  b"\x16\3\1",
                                  data(b"\x32\x09"), data(b"\x72\x77")])
def test_no(head: bytes) -> None:
    assert probe(head, 0) == Verdict.NO
