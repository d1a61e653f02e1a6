"""How TPKT is found on a stream: RFC 1006 section 6, then a COTP header that is plausible, then what is known to ride on it."""

from __future__ import annotations

from otwatch.protocols.spec import Framing, Verdict
from otwatch.protocols.tpkt.lengths import ends, pairs

_SESSION = frozenset({0x01, 0x09, 0x0A, 0x0C, 0x0D, 0x0E, 0x19, 0x1A})  # ISO 8327 SPDUs that open a data TSDU of MMS and ICCP
_CONNECT = frozenset({0xE0, 0xD0})


def _connect(head: bytes, stop: int) -> Verdict:
    """CR or CC: class 0, then parameters that fill it exactly; S7 and MMS name their TSAPs, RDP sends a cookie or a negotiation."""
    if stop < 11:
        return Verdict.NO
    if stop > len(head):
        return Verdict.UNSURE
    at = 11
    tsaps = 0
    while at + 2 <= stop:
        code, length = head[at], head[at + 1]
        tsaps += code in (0xC1, 0xC2)
        if code < 0x80:
            return Verdict.NO
        at += 2 + length
    if at != stop:
        return Verdict.NO
    return Verdict.YES if tsaps else Verdict.UNSURE


def probe(head: bytes, direction: int) -> Verdict:  # noqa: ARG001 - both directions look alike
    """Does a stream direction start with a TPKT of this family? RDP and H.323, on TPKT too, are not."""
    if len(head) < 7:
        return Verdict.UNSURE if (b"\x03\x00".startswith(head[:2]) if len(head) < 2 else head[:2] == b"\x03\x00") else Verdict.NO
    length = head[2] << 8 | head[3]
    stop = 5 + head[4]
    if head[0] != 3 or head[1] != 0 or length < 7 or stop > length:
        return Verdict.NO
    kind = head[5] & 0xF0
    if kind in _CONNECT:
        return _connect(head, stop)
    if head[5] in (0x80, 0xC0):
        return Verdict.UNSURE if head[4] in (5, 6) or head[5] == 0x80 else Verdict.NO
    if head[5] != 0xF0 or head[4] not in (2, 4):
        return Verdict.NO
    body = head[stop:length]
    if not body:
        return Verdict.UNSURE
    if body[0] == 0x32 and len(body) > 1:
        return Verdict.YES if body[1] in (1, 2, 3, 7) else Verdict.NO
    if body[0] == 0x72 and len(body) > 1:
        return Verdict.YES if body[1] in (1, 2, 3, 0xFE) else Verdict.NO
    if body[0] in _SESSION or (20 <= body[0] <= 23 and body[1:2] == b"\x03"):
        return Verdict.UNSURE
    return Verdict.NO


def probe_reserved(head: bytes, direction: int) -> Verdict:
    """The same with a reserved octet that is not 0, which receivers do not look at: UNSURE at best, so on the port of TPKT only."""
    if len(head) < 2 or head[1] == 0:
        return Verdict.NO
    return min(Verdict.UNSURE, probe(head[:1] + b"\0" + head[2:], direction))


TPKT = Framing(
    name="tpkt",
    header_bytes=7,
    magic=((0, 0xFF, 0x03), (1, 0xFF, 0x00)),
    length_at=2,
    length_bytes=2,
    min_bytes=7,
    max_bytes=65_535,
    probe=probe,
    ends=ends,
    pairs=pairs,
    tells_end=True,
)
RESERVED = Framing(
    name="tpkt-reserved", header_bytes=7, magic=((0, 0xFF, 0x03), (4, 0xF0, 0x00)), length_at=2, length_bytes=2, min_bytes=7, max_bytes=65_535,
    probe=probe_reserved, stand_in=True,
)
