"""The first two messages of each side of RFB (RFC 6143 7.1.1, 7.1.2): versions, and what secures the session."""

from __future__ import annotations

from typing import Final

from otwatch.protocols.spec import WHOLE_FLOW, Verdict

VERSION_BYTES: Final = 12


def begins(octets: bytes, _direction: int) -> Verdict:
    """`RFB 003.`."""
    return Verdict.NO if not b"RFB 00".startswith(octets[:6]) else Verdict.YES if len(octets) >= 6 else Verdict.UNSURE


def cut(octets: bytes, at: int, direction: int, number: int) -> tuple[int, int]:
    """See Head.cut: the version; of a server the list of security types, or the one that it decided (3.3); of a client the one that it took."""
    left = len(octets) - at
    if number == 0:
        return (VERSION_BYTES, VERSION_BYTES) if left >= VERSION_BYTES else (0, 0)
    if direction == 0:
        return 1, WHOLE_FLOW
    size = 1 + octets[at] if octets[at] else 4
    return (size, size) if left >= size else (0, 0)
