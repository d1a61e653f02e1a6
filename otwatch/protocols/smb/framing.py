"""How SMB is recognised and cut: the session service of NetBIOS over TCP (RFC 1002 4.3), which SMB over TCP keeps (MS-SMB2 2.1)."""

from __future__ import annotations

from typing import Final

from otwatch.protocols.spec import Verdict

NETBIOS: Final = 4  # bytes before each message
SESSION, REQUEST, ACCEPTED = 0x00, 0x81, 0x82  # types of them
_TYPES: Final = frozenset({SESSION, REQUEST, ACCEPTED, 0x83, 0x84, 0x85})
SMB1, SMB2, ENCRYPTED, COMPRESSED = b"\xffSMB", b"\xfeSMB", b"\xfdSMB", b"\xfcSMB"
_MAGICS: Final = frozenset({SMB1, SMB2, ENCRYPTED, COMPRESSED})
_WHOLE: Final = 8_192  # a message that is no bulk is handed over whole
_BULK: Final = 512  # of a larger one: its headers, and what a pipe begins with


def begins(octets: bytes, direction: int) -> Verdict:
    """A NetBIOS session request, or a message with one of the four magics; of a server alone, that it accepts a session."""
    if octets[0] == REQUEST:
        return Verdict.UNSURE if len(octets) < NETBIOS else Verdict.YES if octets[1] == 0 and 64 < octets[3] < 80 else Verdict.NO
    if octets[0] == ACCEPTED and direction == 1:
        return Verdict.UNSURE if len(octets) < NETBIOS else Verdict.NO if any(octets[1:NETBIOS]) else Verdict.YES
    if octets[0] != SESSION:
        return Verdict.NO
    if len(octets) < NETBIOS + 4:
        return Verdict.UNSURE
    return Verdict.YES if octets[4:8] in _MAGICS else Verdict.NO


def cut(octets: bytes, at: int, _direction: int, _number: int) -> tuple[int, int]:
    """See Head.cut: all of a small message, the headers of a large one, nothing of an encrypted one."""
    if octets[at] not in _TYPES:
        return -1, 0
    if len(octets) - at < NETBIOS:
        return 0, 0
    length = int.from_bytes(octets[at + 1 : at + 4])
    if octets[at] != SESSION or not length:
        return NETBIOS + _kept(octets, at), NETBIOS + length
    if len(octets) - at < NETBIOS + 4:
        return 0, 0
    magic = octets[at + 4 : at + 8]
    if magic not in _MAGICS:
        return -1, 0
    if magic in (ENCRYPTED, COMPRESSED):
        return 0, NETBIOS + length
    return NETBIOS + _kept(octets, at), NETBIOS + length


def _kept(octets: bytes, at: int) -> int:
    """Bytes behind the four of NetBIOS that are of interest."""
    length = int.from_bytes(octets[at + 1 : at + NETBIOS])
    return length if length <= _WHOLE else _BULK


def is_whole(octets: bytes) -> bool:
    """Whether these are as many bytes of a message as `cut` hands over."""
    return len(octets) >= NETBIOS and len(octets) >= NETBIOS + _kept(octets, 0)
