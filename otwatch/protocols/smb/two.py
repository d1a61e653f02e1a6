"""Messages of SMB 2 and 3 (MS-SMB2 2.2): dialect, logins, shares, files written, pipes. What is encrypted does not come here."""

from __future__ import annotations

from typing import Final

from otwatch.protocols.kit.ntlm import find_ntlm
from otwatch.protocols.kit.telling import Telling, utf16
from otwatch.protocols.smb.sessions import Session, tell_ntlm

HEADER: Final = 64
NEGOTIATE, SESSION_SETUP, TREE_CONNECT, CREATE, CLOSE, READ, WRITE, IOCTL = 0, 1, 3, 5, 6, 8, 9, 11
DIALECTS: Final = {0x0202: "SMB 2.0.2", 0x0210: "SMB 2.1", 0x0300: "SMB 3.0", 0x0302: "SMB 3.0.2", 0x0311: "SMB 3.1.1"}
_RESPONSE: Final = 0x01  # of the flags
_MORE_DATA: Final = 0x80000005  # STATUS_BUFFER_OVERFLOW: the rest of a pipe's message comes with another read
_PIPE_TRANSCEIVE: Final = 0x0011C017  # FSCTL
_MAKES: Final = frozenset({0, 2, 3})  # of a create: superseded, created, overwritten
_DIRECTORY: Final = 0x10  # of the attributes of a file
_CHAINED: Final = 16  # requests of one message
_SAME_FILE: Final = b"\xff" * 16


def read(octets: bytes, session: Session, telling: Telling) -> None:
    """The message, and those chained to it (MS-SMB2 3.2.4.1.4)."""
    for _ in range(_CHAINED):
        if len(octets) < HEADER or octets[:4] != b"\xfeSMB":
            return
        following = _u32(octets, 20)
        _one(octets[:following] if following else octets, session, telling)
        if not HEADER <= following < len(octets):
            return
        octets = octets[following:]


def _one(octets: bytes, session: Session, telling: Telling) -> None:
    command, message = _u16(octets, 12), int.from_bytes(octets[24:32], "little")
    if octets[16] & _RESPONSE:
        _response(octets, command, message, session, telling)
    else:
        _request(octets, command, message, session, telling)


def _request(octets: bytes, command: int, message: int, session: Session, telling: Telling) -> None:
    body = octets[HEADER:]
    if command == SESSION_SETUP:
        if (ntlm := find_ntlm(octets)) is not None:
            tell_ntlm(ntlm, telling)
    elif command == TREE_CONNECT:
        session.wait(message, command, b"", utf16(_part(octets, _u16(body, 4), _u16(body, 6))))
    elif command == CREATE:
        name = utf16(_part(octets, _u16(body, 44), _u16(body, 46)))
        share = session.shares.get(_u32(octets, 36), "")
        session.wait(message, command, b"", f"{share}\\{name}" if share else name)
        session.last = b""
    elif command in (READ, WRITE, IOCTL):
        place = body[8:24] if command == IOCTL else body[16:32]
        if place == _SAME_FILE:
            place = session.last
        session.wait(message, command, place, "")
        if command == WRITE:
            session.pipe(place, _part(octets, _u16(body, 2), _u32(body, 4)), telling, request=True)
        elif command == IOCTL and _u32(body, 4) == _PIPE_TRANSCEIVE:
            session.pipe(place, _part(octets, _u32(body, 24), _u32(body, 28)), telling, request=True)


def _response(octets: bytes, command: int, message: int, session: Session, telling: Telling) -> None:
    body, status = octets[HEADER:], _u32(octets, 8)
    if command == NEGOTIATE and status == 0 and _u16(body, 4) in DIALECTS:
        telling.say(telling.source, "smb_dialect", DIALECTS[_u16(body, 4)], "negotiate")
    elif command == SESSION_SETUP and (ntlm := find_ntlm(octets)) is not None:
        tell_ntlm(ntlm, telling)
    known = session.waiting.pop(message, None) if status != 0x103 else None  # STATUS_PENDING: another one follows
    if known is None or known[0] != command or status not in (0, _MORE_DATA):
        return
    _, place, text = known
    place = place or session.last  # a chain goes on with the file that it opened
    if command == TREE_CONNECT:
        session.connected(_u32(octets, 36), text, telling)
    elif command == CREATE and len(body) >= 80:
        session.opened(body[64:80], text)
        if _u32(body, 4) in _MAKES and not _u32(body, 56) & _DIRECTORY:
            session.wrote(body[64:80], telling, "create")
    elif command == WRITE:
        session.wrote(place, telling, "write")
    elif command == READ:
        session.pipe(place, _part(octets, body[2] if len(body) > 2 else 0, _u32(body, 4)), telling, request=False)
    elif command == IOCTL and _u32(body, 4) == _PIPE_TRANSCEIVE:
        session.pipe(place, _part(octets, _u32(body, 32), _u32(body, 36)), telling, request=False)


def _u16(octets: bytes, at: int) -> int:
    return int.from_bytes(octets[at : at + 2], "little")


def _u32(octets: bytes, at: int) -> int:
    return int.from_bytes(octets[at : at + 4], "little")


def _part(octets: bytes, at: int, size: int) -> bytes:
    """What an offset from the header and a length point to; empty where it is not all there."""
    return octets[at : at + size] if at >= HEADER and at + size <= len(octets) else b""
