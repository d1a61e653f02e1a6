"""What TLS says in clear text: the hellos (who is meant, what is offered, JA4) and, up to TLS 1.2, the certificates. For TLS on any port or carrier.

`Records` puts the handshake messages of one side together (RFC 8446 5.1: several in a record, one over several records); plain Python, since they
are few. Nothing is decrypted and nothing is verified.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from otwatch.protocols.kit.certificates import read_certificate

CHANGE_CIPHER, ALERT, HANDSHAKE, DATA = 0x14, 0x15, 0x16, 0x17  # types of records (RFC 8446 5.1)
CLIENT_HELLO, SERVER_HELLO, CERTIFICATE = 1, 2, 11
PORTS: Final = {802: "Modbus/TCP Security", 2221: "CIP Security", 19999: "DNP3 over TLS"}  # of OT protocols in TLS
VERSIONS: Final = {0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}
_JA4_VERSIONS: Final = {0x0300: "s3", 0x0301: "10", 0x0302: "11", 0x0303: "12", 0x0304: "13"}
_SERVER_NAME, _ALPN, _SIGNATURES, _SUPPORTED_VERSIONS = 0, 16, 13, 43
_LONGEST: Final = 32_768  # bytes of one handshake message that is put together: a chain of certificates
_REMEMBERED: Final = 1024  # bytes of a hello: longer ones are read each time
_HEADER: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """A ClientHello or ServerHello. `version` is the highest offered, or the one chosen."""

    version: int
    server_name: str = ""
    alpn: str = ""
    ja4: str = ""  # of a client

    def facts(self) -> list[tuple[str, str]]:
        """(kind, value) about who said it."""
        found = [("ja4", self.ja4)] if self.ja4 else [("tls_version", VERSIONS.get(self.version, f"{self.version:04x}"))]
        return found + ([("alpn", self.alpn)] if self.alpn and not self.ja4 else [])


def records(octets: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Type, version and contents of the records in the bytes; ends where they are none, or cut."""
    at = 0
    while at + _HEADER <= len(octets):
        kind, version, length = octets[at], octets[at + 1] << 8 | octets[at + 2], octets[at + 3] << 8 | octets[at + 4]
        if not CHANGE_CIPHER <= kind <= DATA or version >> 8 != 3:
            return
        yield kind, version, octets[at + _HEADER : at + _HEADER + length]
        at += _HEADER + length


class Messages:
    """The handshake messages of one side, put together until it encrypts."""

    def __init__(self) -> None:
        self._held = b""
        self.encrypted = False  # it changed its cipher: what follows is not in clear text

    def add(self, octets: bytes) -> Iterator[tuple[int, bytes]]:
        """Type and body of the messages that these contents of a handshake record complete."""
        self._held += octets
        while len(self._held) >= 4:
            end = 4 + int.from_bytes(self._held[1:4], "big")
            if end > _LONGEST or self.encrypted:
                self._held, self.encrypted = b"", True  # no handshake message is so long: it is not in clear text
                return
            if end > len(self._held):
                return
            kind, body, self._held = self._held[0], self._held[4:end], self._held[end:]
            yield kind, body


class _Cursor:
    """Reads with bounds; ValueError at the end."""

    def __init__(self, octets: bytes) -> None:
        self.octets, self.at = octets, 0

    def take(self, size: int) -> bytes:
        if self.at + size > len(self.octets):
            raise ValueError("short")
        self.at += size
        return self.octets[self.at - size : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        """A vector behind its length in `size` octets (RFC 8446 3.4)."""
        return self.take(self.number(size))

    @property
    def more(self) -> bool:
        return self.at < len(self.octets)


def read_hello(kind: int, body: bytes) -> Hello | None:
    """A ClientHello or ServerHello (RFC 8446 4.1); None where the fields do not fit."""
    try:
        cursor = _Cursor(body)
        version = cursor.number(2)
        cursor.take(32)
        cursor.vector(1)
    except ValueError:
        return None
    rest = body[cursor.at :]
    return (_known_offer if len(rest) <= _REMEMBERED else _offer)(kind, version, rest)


def _offer(kind: int, version: int, body: bytes) -> Hello | None:
    """What stands behind the random octets and the session: of one program at one server mostly the same (but for TLS 1.3, whose keys are new)."""
    try:
        cursor = _Cursor(body)
        if kind == SERVER_HELLO:
            cursor.take(3)
            extensions = _extensions(cursor)
            chosen = int.from_bytes(extensions.get(_SUPPORTED_VERSIONS, b"")[:2], "big") or version
            return Hello(version=chosen, alpn=_alpn(extensions))
        ciphers = _numbers(cursor.vector(2))
        cursor.vector(1)
        extensions = _extensions(cursor)
        offered = [number for number in _numbers(extensions.get(_SUPPORTED_VERSIONS, b"")[1:]) if not _is_grease(number)]
        version = max(offered, default=version)
        return Hello(version=version, server_name=_server_name(extensions), alpn=_alpn(extensions), ja4=_ja4(version, ciphers, extensions))
    except ValueError:
        return None


_known_offer = lru_cache(maxsize=256)(_offer)


def certificate_facts(body: bytes) -> list[tuple[str, str]]:
    """(kind, value) of the first certificate of a Certificate message of TLS up to 1.2 (RFC 5246 7.4.2)."""
    try:
        listed = _Cursor(_Cursor(body).vector(3))
        known = read_certificate(listed.vector(3)) if listed.more else None
    except ValueError:
        return []
    return list(known.facts()) if known is not None else []


def handshake_facts(octets: bytes) -> list[tuple[str, str]]:
    """(kind, value) about who sent these records: of its hello, and of its certificate where it is in clear text."""
    side, found = Messages(), []
    for kind, _, contents in records(octets):
        for message, body in side.add(contents) if kind == HANDSHAKE else ():
            hello = read_hello(message, body) if message in (CLIENT_HELLO, SERVER_HELLO) else None
            found += hello.facts() if hello is not None else certificate_facts(body) if message == CERTIFICATE else []
    return found


def _extensions(cursor: _Cursor) -> dict[int, bytes]:
    """The extensions in their order; a second of a kind is not allowed, and the first counts."""
    found: dict[int, bytes] = {}
    inner = _Cursor(cursor.vector(2)) if cursor.more else _Cursor(b"")
    while inner.more:
        kind = inner.number(2)
        found.setdefault(kind, inner.vector(2))
    return found


def _numbers(octets: bytes) -> list[int]:
    return [octets[at] << 8 | octets[at + 1] for at in range(0, len(octets) - 1, 2)]


def _is_grease(number: int) -> bool:
    """Reserved values that keep implementations tolerant (RFC 8701)."""
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF


def _server_name(extensions: dict[int, bytes]) -> str:
    """The host name that is asked for (RFC 6066 3)."""
    octets = extensions.get(_SERVER_NAME, b"")
    return octets[5 : 5 + int.from_bytes(octets[3:5], "big")].decode("ascii", "replace") if len(octets) > 5 else ""


def _alpn(extensions: dict[int, bytes]) -> str:
    """The first application protocol (RFC 7301)."""
    octets = extensions.get(_ALPN, b"")
    return octets[3 : 3 + octets[2]].decode("latin-1") if len(octets) > 3 else ""


def _ja4(version: int, ciphers: list[int], extensions: dict[int, bytes]) -> str:
    """JA4 of a TLS client over TCP (FoxIO, public description of JA4)."""
    suites = sorted(f"{number:04x}" for number in ciphers if not _is_grease(number))
    kinds = [number for number in extensions if not _is_grease(number)]
    hashed = sorted(f"{number:04x}" for number in kinds if number not in (_SERVER_NAME, _ALPN))
    signatures = [f"{number:04x}" for number in _numbers(extensions.get(_SIGNATURES, b"")[2:])]
    alpn = _alpn(extensions)
    ends = alpn[:1] + alpn[-1:] if alpn else "00"
    if not ends.isalnum():
        ends = f"{ord(alpn[0]):02x}"[0] + f"{ord(alpn[-1]):02x}"[1]
    head = f"t{_JA4_VERSIONS.get(version, '00')}{'d' if _SERVER_NAME in extensions else 'i'}{min(99, len(suites)):02}{min(99, len(kinds)):02}{ends}"
    rest = ",".join(hashed) + (f"_{','.join(signatures)}" if signatures else "")
    return f"{head}_{_digest(','.join(suites))}_{_digest(rest if hashed else '')}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12
