"""Heads of HTTP/1 (RFC 9112 2.1): a start line and fields, up to an empty line. Bodies are not read; after a large one nothing is."""

from __future__ import annotations

import re
from typing import Final

from otwatch.protocols.spec import WHOLE_FLOW, Verdict

METHODS: Final = (b"GET ", b"POST ", b"HEAD ", b"PUT ", b"OPTIONS ", b"DELETE ", b"CONNECT ", b"PATCH ", b"PROPFIND ")
_ANSWER: Final = b"HTTP/1."
_LONGEST: Final = 8_192
_SMALL: Final = 65_536  # a body after which another head may be of interest
_LENGTH: Final = re.compile(rb"\r?\ncontent-length:[ \t]*(\d{1,12})[ \t]*\r?\n", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r?\ntransfer-encoding:", re.IGNORECASE)


def begins(octets: bytes, direction: int) -> Verdict:
    """A method, or the version of an answer."""
    starts = (_ANSWER,) if direction else METHODS
    if any(octets.startswith(start) for start in starts):
        return Verdict.YES
    return Verdict.UNSURE if any(start.startswith(octets[:16]) for start in starts) else Verdict.NO


def cut(octets: bytes, at: int, direction: int, _number: int) -> tuple[int, int]:
    """See Head.cut: the head; the body is skipped where it is small and its length is told."""
    if begins(octets[at : at + 16], direction) == Verdict.NO:
        return -1, 0
    end = octets.find(b"\r\n\r\n", at, at + _LONGEST)
    if end < 0:
        return (-1, 0) if len(octets) - at >= _LONGEST else (0, 0)
    size = end + 4 - at
    head = octets[at : end + 4]
    if direction and head[9:12] in (b"204", b"304", b"100"):
        return size, size
    length = _LENGTH.search(head)
    if _CHUNKED.search(head) is not None or (direction and (length is None or head[9:10] == b"1")) or head.startswith(b"CONNECT "):
        return size, WHOLE_FLOW
    body = int(length[1]) if length is not None else 0
    return size, size + body if body <= _SMALL else WHOLE_FLOW
