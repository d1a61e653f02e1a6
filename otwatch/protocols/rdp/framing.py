"""The first messages of RDP, in TPKT (MS-RDPBCGR 2.2.1): connection request and confirm, and of unencrypted sessions the client's settings."""

from __future__ import annotations

from typing import Final

from otwatch.protocols.spec import WHOLE_FLOW, Verdict

_TPKT: Final = 4
REQUEST, CONFIRM, DATA = 0xE0, 0xD0, 0xF0  # of X.224, at the sixth byte


def begins(octets: bytes, direction: int) -> Verdict:
    """A TPKT header and the first message of the side."""
    if octets[0] != 3:
        return Verdict.NO
    if len(octets) < 6:
        return Verdict.UNSURE
    return Verdict.YES if octets[1] == 0 and octets[5] == (CONFIRM if direction else REQUEST) else Verdict.NO


def cut(octets: bytes, at: int, _direction: int, _number: int) -> tuple[int, int]:
    """See Head.cut: a TPKT message; what is TLS, or anything else, is not read."""
    if octets[at] != 3:
        return 0, WHOLE_FLOW
    if len(octets) - at < _TPKT:
        return 0, 0
    length = int.from_bytes(octets[at + 2 : at + 4])
    return (min(length, 4_096), length) if length > _TPKT else (-1, 0)
