"""The fields of an X.509 certificate that say whose it is and how long it is good, read from its DER (RFC 5280 4.1), nothing verified.

Own code of a hundred lines in place of a library: of a certificate on the wire six fields are wanted, and the core carries no compiled cryptography
for them. Every length is held to what contains it, and nothing recurses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

_NAMES: Final = {b"\x55\x04\x03": "CN", b"\x55\x04\x0a": "O", b"\x55\x04\x0b": "OU", b"\x55\x04\x06": "C", b"\x55\x04\x07": "L",
                 b"\x55\x04\x08": "ST", b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19": "DC"}  # fmt: skip
_ALTERNATIVE_NAMES: Final = b"\x55\x1d\x11"
_WIDE: Final = {0x1E: "utf-16-be", 0x1C: "utf-32-be", 0x14: "latin-1"}
_MOST: Final = 16  # names of one kind
_CHARACTERS: Final = 256
Field = tuple[int, int, int]  # tag, start and end of the contents


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a certificate says. Names are as in it, never trusted."""

    subject: str
    issuer: str
    not_before: datetime | None
    not_after: datetime | None
    uris: tuple[str, ...]
    dns: tuple[str, ...]
    sha1: str  # thumbprint, as OPC UA and Windows say it
    sha256: str

    def facts(self) -> tuple[tuple[str, str], ...]:
        """(kind, value) for the inventory."""
        days = [f"{day:%Y-%m-%d}" if day else "?" for day in (self.not_before, self.not_after)]
        found = [("certificate_subject", self.subject), ("certificate_issuer", self.issuer), ("certificate_thumbprint", self.sha1),
                 ("certificate_sha256", self.sha256), ("certificate_valid", " to ".join(days))]  # fmt: skip
        found += [("certificate_uri", uri) for uri in self.uris[:1]]
        found += [("certificate_name", name) for name in self.dns[:4]]
        return tuple((kind, text) for kind, text in found if text)


def read_certificate(octets: bytes) -> Certificate | None:
    """The first certificate of the bytes; None where they are none."""
    try:
        _, start, whole = _field(octets, 0, len(octets), 0x30)
        _, at, end = _field(octets, start, whole, 0x30)
        if octets[at : at + 1] == b"\xa0":  # version
            at = _field(octets, at, end, 0xA0)[2]
        for tag in (0x02, 0x30):  # serial number, algorithm
            at = _field(octets, at, end, tag)[2]
        issuer = _field(octets, at, end, 0x30)
        validity = _field(octets, issuer[2], end, 0x30)
        subject = _field(octets, validity[2], end, 0x30)
        key = _field(octets, subject[2], end, 0x30)
        first, *_ = days = [_time(octets, tag, low, high) for tag, low, high in _fields(octets, validity[1], validity[2])]
        names = list(_alternative_names(octets, key[2], end))
        der = octets[:whole]
        return Certificate(
            subject=_name(octets, subject),
            issuer=_name(octets, issuer),
            not_before=first,
            not_after=days[1],
            uris=tuple(name for tag, name in names if tag == 0x86)[:_MOST],
            dns=tuple(name for tag, name in names if tag == 0x82)[:_MOST],
            sha1=hashlib.sha1(der, usedforsecurity=False).hexdigest(),
            sha256=hashlib.sha256(der).hexdigest(),
        )
    except (ValueError, IndexError):
        return None


def _field(octets: bytes, at: int, end: int, wanted: int = -1) -> Field:
    """The field that starts there; ValueError when it is another, or does not fit."""
    tag, length, at = octets[at], octets[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        if not 0 < size <= 4:
            raise ValueError("length")
        length, at = int.from_bytes(octets[at : at + size], "big"), at + size
    if at + length > end or wanted not in (-1, tag):
        raise ValueError("field")
    return tag, at, at + length


def _fields(octets: bytes, at: int, end: int) -> Iterator[Field]:
    """The fields one behind the other."""
    while at < end:
        field = _field(octets, at, end)
        yield field
        at = field[2]


def _name(octets: bytes, field: Field) -> str:
    """A distinguished name as text, the most telling part first: `CN=pump, O=Plant`."""
    parts: dict[str, str] = {}
    for _, low, high in _fields(octets, field[1], field[2]):
        for _, at, end in _fields(octets, low, high):
            kind, text = list(_fields(octets, at, end))[:2]
            word = _NAMES.get(octets[kind[1] : kind[2]])
            if word:
                parts.setdefault(word, _text(octets[text[1] : text[2]], text[0]))
    return ", ".join(f"{word}={parts[word]}" for word in _NAMES.values() if word in parts)


def _text(octets: bytes, tag: int) -> str:
    return octets[: 4 * _CHARACTERS].decode(_WIDE.get(tag, "utf-8"), "replace")[:_CHARACTERS]


def _time(octets: bytes, tag: int, at: int, end: int) -> datetime | None:
    """UTCTime (RFC 5280 4.1.2.5.1) or GeneralizedTime; None of one that is no date."""
    digits = octets[at:end].decode("ascii", "replace").rstrip("Z")
    if tag == 0x17:
        digits = ("19" if digits[:1] >= "5" else "20") + digits
    try:
        return datetime.strptime(digits[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _alternative_names(octets: bytes, at: int, end: int) -> Iterator[tuple[int, str]]:
    """Tag and text of the names in the extension for them (RFC 5280 4.2.1.6)."""
    for tag, low, high in _fields(octets, at, end):
        if tag != 0xA3:
            continue
        _, low, high = _field(octets, low, high, 0x30)
        for _, first, last in _fields(octets, low, high):
            parts = list(_fields(octets, first, last))
            if octets[parts[0][1] : parts[0][2]] == _ALTERNATIVE_NAMES:
                _, inner, _ = parts[-1]
                for kind, begin, stop in _fields(octets, *_field(octets, inner, parts[-1][2], 0x30)[1:]):
                    yield kind, _text(octets[begin:stop], 0x0C)
