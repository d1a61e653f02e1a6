"""The records with which a TLS connection begins (RFC 8446 5.1), up to the first that is encrypted."""

from __future__ import annotations

from typing import Final

from otwatch.protocols.kit.tls import ALERT, CHANGE_CIPHER, CLIENT_HELLO, DATA, HANDSHAKE, SERVER_HELLO
from otwatch.protocols.spec import WHOLE_FLOW, Verdict

_HEADER: Final = 5
_LONGEST: Final = 16_384 + 2_048  # RFC 5246 6.2.3


def begins(octets: bytes, direction: int) -> Verdict:
    """A handshake record with the hello of this side."""
    if octets[0] != HANDSHAKE or octets[1:2] not in (b"", b"\3"):
        return Verdict.NO
    if len(octets) <= _HEADER:
        return Verdict.UNSURE
    hello = SERVER_HELLO if direction else CLIENT_HELLO
    return Verdict.YES if octets[_HEADER] == hello and 4 <= int.from_bytes(octets[3:5], "big") <= _LONGEST else Verdict.NO


def cut(octets: bytes, at: int, _direction: int, _number: int) -> tuple[int, int]:
    """See Head.cut: handshake records whole; nothing from the first one on that says that what follows is encrypted."""
    if len(octets) - at < _HEADER:
        return 0, 0
    kind, total = octets[at], _HEADER + int.from_bytes(octets[at + 3 : at + 5], "big")
    if octets[at + 1] != 3 or total > _HEADER + _LONGEST:
        return -1, 0
    if kind == HANDSHAKE:
        return total, total
    if kind in (CHANGE_CIPHER, DATA):
        return 0, WHOLE_FLOW
    return (0, total) if kind == ALERT else (-1, 0)
