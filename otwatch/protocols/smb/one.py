"""Messages of SMB 1 (MS-CIFS 2.2.4, MS-SMB 2.2.4): the same of its older commands. What a client logs in with goes nowhere."""

from __future__ import annotations

from typing import Final

from otwatch.protocols.kit.ntlm import find_ntlm
from otwatch.protocols.kit.telling import Telling, clean, utf16
from otwatch.protocols.smb.sessions import Session, tell_ntlm

HEADER: Final = 32
NEGOTIATE, SESSION_SETUP, TREE_CONNECT, CREATE, READ, WRITE, TRANSACTION = 0x72, 0x73, 0x75, 0xA2, 0x2E, 0x2F, 0x25
_RESPONSE: Final = 0x80  # of the flags
_UNICODE: Final = 0x8000  # of the flags 2
_MORE_DATA: Final = 0x80000005  # STATUS_BUFFER_OVERFLOW
_TRANSACT_PIPE: Final = 0x26
_MAKES: Final = frozenset({0, 2, 3})  # of a create: superseded, created, overwritten
_DIRECTORY: Final = 0x10  # of the attributes of a file
_DIALECTS: Final = 32


class Message:
    """The fields of one."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.command, self.status, self.response = octets[4], _u32(octets, 5), bool(octets[9] & _RESPONSE)
        self.unicode = bool(_u16(octets, 10) & _UNICODE)
        self.tree, self.number = _u16(octets, 24), _u16(octets, 26) << 16 | _u16(octets, 30)
        self.count = octets[HEADER] if len(octets) > HEADER else 0
        self.words = octets[HEADER + 1 : HEADER + 1 + 2 * self.count]
        self.bytes_at = HEADER + 3 + 2 * self.count

    def texts(self, at: int, most: int) -> list[str]:
        """Strings that end with a zero, from that offset on; those of 16 bits are aligned to it."""
        found = []
        octets = self.octets
        at += self.unicode and at & 1
        for _ in range(most):
            if at >= len(octets):
                break
            end = at
            if self.unicode:
                while end + 1 < len(octets) and octets[end : end + 2] != b"\0\0":
                    end += 2
                found.append(utf16(octets[at:end]))
                at = end + 2
            else:
                end = octets.find(b"\0", at) if octets.find(b"\0", at) >= 0 else len(octets)
                found.append(octets[at:end].decode("latin-1"))
                at = end + 1
        return found


def read(octets: bytes, session: Session, telling: Telling) -> None:
    """One message; what is chained to it (AndX) is not read."""
    if len(octets) <= HEADER:
        return
    message = Message(octets)
    if message.response:
        _response(message, session, telling)
    else:
        _request(message, session, telling)


def _request(message: Message, session: Session, telling: Telling) -> None:
    words, octets, command = message.words, message.octets, message.command
    if command == NEGOTIATE:
        offered = octets[message.bytes_at :].split(b"\0")[:_DIALECTS]
        session.dialects = tuple(one[1:].decode("latin-1") for one in offered if one.startswith(b"\2"))
        session.wait(message.number, command, b"", "")
    elif command == SESSION_SETUP:
        if message.count == 13:  # without extended security: two answers, then the names
            at = message.bytes_at + _u16(words, 14) + _u16(words, 16)
            _tell_setup(message.texts(at, 4), telling, client=True)
        elif (ntlm := find_ntlm(octets)) is not None:
            tell_ntlm(ntlm, telling)
            _tell_native(message, _u16(words, 14), telling)
    elif command == TREE_CONNECT and message.count >= 4:
        named = message.texts(message.bytes_at + _u16(words, 6), 1)
        session.wait(message.number, command, b"", named[0] if named else "")
    elif command == CREATE and message.count >= 24:
        name, share = message.texts(message.bytes_at, 1), session.shares.get(message.tree, "")
        path = name[0].lstrip("\\") if name else ""
        session.wait(message.number, command, b"", f"{share}\\{path}" if share else path)
    elif command in (READ, WRITE) and message.count >= 10:
        place = words[4:6]
        session.wait(message.number, command, place, "")
        if command == WRITE and message.count >= 12:
            session.pipe(place, _part(octets, _u16(words, 22), _u16(words, 20)), telling, request=True)
    elif command == TRANSACTION and message.count >= 16 and _u16(words, 28) == _TRANSACT_PIPE:
        session.wait(message.number, command, words[30:32], "")
        session.pipe(words[30:32], _part(octets, _u16(words, 24), _u16(words, 22)), telling, request=True)


def _response(message: Message, session: Session, telling: Telling) -> None:
    words, octets, command = message.words, message.octets, message.command
    if command == SESSION_SETUP:
        if (ntlm := find_ntlm(octets)) is not None:
            tell_ntlm(ntlm, telling)
        if message.count == 4:
            _tell_native(message, _u16(words, 6), telling)
        elif message.count == 3:
            _tell_setup(message.texts(message.bytes_at, 3), telling, client=False)
    known = session.waiting.pop(message.number, None)
    if known is None or known[0] != command or message.status not in (0, _MORE_DATA):
        return
    _, place, text = known
    if command == NEGOTIATE and message.count:
        chosen = _u16(words, 0)
        if chosen < len(session.dialects):
            telling.say(telling.source, "smb_dialect", f"SMB 1 ({session.dialects[chosen]})", "negotiate")
    elif command == TREE_CONNECT:
        session.connected(message.tree, text, telling)
    elif command == CREATE and message.count >= 34:
        session.opened(words[5:7], text)
        if _u32(words, 7) in _MAKES and not _u32(words, 43) & _DIRECTORY:
            session.wrote(words[5:7], telling, "create")
    elif command == WRITE:
        session.wrote(place, telling, "write")
    elif command == READ and message.count >= 12:
        session.pipe(place, _part(octets, _u16(words, 12), _u16(words, 10)), telling, request=False)
    elif command == TRANSACTION and message.count >= 10:
        session.pipe(place, _part(octets, _u16(words, 14), _u16(words, 12)), telling, request=False)


def _tell_native(message: Message, blob: int, telling: Telling) -> None:
    """The operating system and the software behind a security blob of that length."""
    for kind, text in zip(("os", "lan_manager"), message.texts(message.bytes_at + blob, 2), strict=False):
        telling.say(telling.source, kind, text, "session_setup")


def _tell_setup(texts: list[str], telling: Telling, *, client: bool) -> None:
    """Names of a session setup without extended security: of a client account and domain first."""
    if client:
        account, domain = (*texts, "", "")[:2]
        telling.say(telling.source, "user", f"{domain}\\{account}" if domain and account else account, "session_setup")
        texts = texts[2:]
    for kind, text in zip(("os", "lan_manager"), texts, strict=False):
        telling.say(telling.source, kind, clean(text), "session_setup")


def _u16(octets: bytes, at: int) -> int:
    return int.from_bytes(octets[at : at + 2], "little")


def _u32(octets: bytes, at: int) -> int:
    return int.from_bytes(octets[at : at + 4], "little")


def _part(octets: bytes, at: int, size: int) -> bytes:
    return octets[at : at + size] if at > HEADER and at + size <= len(octets) else b""
