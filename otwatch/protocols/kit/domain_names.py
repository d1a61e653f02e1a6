"""Messages of the Domain Name System, which mDNS, LLMNR and (with names of its own) NBNS share. Clauses are of RFC 1035.

A message is read where all that its counts announce is there and fits; then what it says is not guesswork, whatever port it came on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import Final

A, CNAME, PTR, HINFO, TXT, AAAA, SRV = 1, 5, 12, 13, 16, 28, 33  # types (3.2.2, RFC 3596, RFC 2782)
RESPONSE, TRUNCATED = 0x8000, 0x0200  # flags (4.1.1)
_HEADER: Final = 12
_MOST_RECORDS: Final = 256  # of one message that are read; one with more is no message
_MOST_BYTES: Final = 255  # of a name (2.3.4)
_POINTER: Final = 0xC0
_SHORT_BYTES: Final = 512  # of a message that is remembered
_COUNTS: Final = Struct(">5H")  # flags, questions, answers, authorities, additional records
_ADDRESS_BYTES: Final = {A: 4, AAAA: 16}


@dataclass(frozen=True, slots=True)
class Record:
    """A resource record; its data is octets[start:end] of the message."""

    section: int  # 1 answer, 2 authority, 3 additional
    name: str
    type: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Message:
    """What a whole message holds; `octets` are those of the message from its first byte on."""

    octets: bytes
    flags: int
    questions: tuple[tuple[str, int], ...]  # name, type
    records: tuple[Record, ...]

    @property
    def opcode(self) -> int:
        """0 a query."""
        return self.flags >> 11 & 15

    @property
    def code(self) -> int:
        """Of a response; 0 no error."""
        return self.flags & 15

    def address(self, record: Record) -> bytes:
        """The address of an A or AAAA record; empty of others."""
        return self.octets[record.start : record.end] if record.end - record.start == _ADDRESS_BYTES.get(record.type, -1) else b""

    def pointed(self, record: Record, skip: int = 0) -> str:
        """The name in the data of a PTR, CNAME or (skip 6) SRV record; empty where there is none."""
        found = name_at(self.octets, record.start + skip)
        return found[0] if found is not None and record.start + skip < found[1] <= record.end else ""


def labels_at(octets: bytes, at: int) -> tuple[list[bytes], int] | None:
    """The labels of a name and where it ends; None where it does not fit. A pointer leads backwards only, so none leads in a circle (4.1.4)."""
    labels: list[bytes] = []
    end, size, lowest = -1, 0, at
    while at < len(octets):
        length = octets[at]
        if length >= _POINTER:
            if at + 2 > len(octets):
                return None
            end = at + 2 if end < 0 else end
            at = int.from_bytes(octets[at : at + 2], "big") & 0x3FFF
            if at >= lowest:
                return None
            lowest = at
            continue
        if length == 0:
            return labels, at + 1 if end < 0 else end
        size += length + 1
        if length > 63 or size > _MOST_BYTES or at + 1 + length > len(octets):
            return None
        labels.append(octets[at + 1 : at + 1 + length])
        at += 1 + length
    return None


def name_at(octets: bytes, at: int) -> tuple[str, int] | None:
    """A name as text, without the dot at its end, and where it ends; None where it does not fit."""
    found = labels_at(octets, at)
    return (".".join(label.decode("utf-8", "replace") for label in found[0]), found[1]) if found is not None else None


def read(octets: bytes) -> Message | None:
    """The message but for its number, if all that its header announces is there; of one that says that it was truncated, what is."""
    if len(octets) < _HEADER:
        return None
    unnumbered = bytes(2) + octets[2:]  # what hosts ask for all day is read once
    return _read_again(unnumbered) if len(octets) <= _SHORT_BYTES else _read(unnumbered)


def _read(octets: bytes) -> Message | None:
    flags, questions, *counts = _COUNTS.unpack_from(octets, 2)
    if not 0 < questions + sum(counts) <= _MOST_RECORDS:
        return None
    at = _HEADER
    asked: list[tuple[str, int]] = []
    for _ in range(questions):
        found = name_at(octets, at)
        if found is None or found[1] + 4 > len(octets):
            return None
        asked.append((found[0], int.from_bytes(octets[found[1] : found[1] + 2], "big")))
        at = found[1] + 4
    records: list[Record] = []
    for section, count in enumerate(counts, 1):
        for _ in range(count):
            found = name_at(octets, at)
            head = found[1] if found is not None else len(octets)
            start = head + 10
            end = start + int.from_bytes(octets[head + 8 : start], "big")
            if found is None or end > len(octets) or start > len(octets):
                return Message(octets, flags, tuple(asked), tuple(records)) if flags & TRUNCATED else None
            records.append(Record(section, found[0], int.from_bytes(octets[head : head + 2], "big"), start, end))
            at = end
    return Message(octets, flags, tuple(asked), tuple(records))


_read_again = lru_cache(maxsize=1024)(_read)


def reverse(name: str) -> bytes:
    """The address that a name below in-addr.arpa or ip6.arpa stands for (3.5, RFC 3596 2.5); empty where it is none."""
    lower = name.lower()
    if lower.endswith(".in-addr.arpa"):
        parts = lower.removesuffix(".in-addr.arpa").split(".")[::-1]
        if len(parts) == 4 and all(part.isascii() and part.isdigit() and len(part) < 4 and int(part) < 256 for part in parts):
            return bytes(map(int, parts))
    elif lower.endswith(".ip6.arpa"):
        digits = lower.removesuffix(".ip6.arpa").split(".")[::-1]
        if len(digits) == 32 and all(len(digit) == 1 and digit in "0123456789abcdef" for digit in digits):
            return bytes.fromhex("".join(digits))
    return b""


def is_printable(name: str) -> bool:
    """Whether a name is text that people read: names of anything else are no names of hosts."""
    return bool(name) and "\ufffd" not in name and name.isprintable()
