"""How EtherNet/IP is cut: a header of 24 bytes whose length field counts what follows it; connected data on UDP as the items themselves."""

from __future__ import annotations

from typing import Final

from otwatch.protocols.enip.lengths import ends, pairs
from otwatch.protocols.enip.spec import COMMANDS, HEADER, STATUSES
from otwatch.protocols.spec import Framing, Verdict

_KNOWN_STATUS: Final = frozenset({0, *STATUSES})
_LISTS: Final = frozenset({0x04, 0x63, 0x64})


def probe(first: bytes, direction: int) -> Verdict:
    """A command and status that are defined, with a length that its command can have. Names of sessions and data alone are no proof: SMB, ADS and
    DCE/RPC messages start like NOP or ListServices."""
    if len(first) < HEADER:
        return Verdict.UNSURE
    command, length = first[0] | first[1] << 8, first[2] | first[3] << 8
    status = int.from_bytes(first[8:12], "little")
    if command not in COMMANDS or status not in _KNOWN_STATUS or any(first[20:24]):
        return Verdict.NO
    if command in _LISTS:
        if direction == 0 or length == 0:
            return Verdict.YES if length == 0 and command != 0x04 else Verdict.UNSURE
        return Verdict.YES if 2 <= length <= 1024 and _items_fit(first, HEADER, length) else Verdict.NO
    if command in (0x65, 0x66):
        fits = length == 4 and first[24:26] in (b"", b"\1\0") if command == 0x65 else length == 0
        return Verdict.YES if fits else (Verdict.UNSURE if status else Verdict.NO)
    if command in (0x6F, 0x70):
        if length == 0:
            return Verdict.UNSURE
        return Verdict.YES if length >= 16 and _items_fit(first, HEADER + 6, length - 6) else Verdict.NO
    return Verdict.UNSURE


def _items_fit(first: bytes, at: int, length: int) -> bool:
    """Whether the items, as far as they are there, fill the length."""
    end = at + length
    if len(first) < at + 2:
        return False
    count = first[at] | first[at + 1] << 8
    at += 2
    if not 0 < count <= 16:
        return False
    for _ in range(count):
        if at + 4 > len(first):
            return at + 4 <= end
        at += 4 + (first[at + 2] | first[at + 3] << 8)
    return at <= end


def io_probe(first: bytes, _direction: int) -> Verdict:
    """An address item of a connection with a sequence number, then data."""
    return Verdict.YES if len(first) >= 18 else Verdict.UNSURE


ENCAPSULATION: Final = Framing(
    name="encapsulation",
    header_bytes=HEADER,
    # high byte of the command, of the status, and the options: zero in whatever is defined (vol 2, 2-3.1)
    magic=((1, 0xFF, 0), (9, 0xFF, 0), (10, 0xFF, 0), (11, 0xFF, 0), (20, 0xFF, 0), (21, 0xFF, 0), (22, 0xFF, 0), (23, 0xFF, 0)),
    length_at=2,
    length_bytes=2,
    little_endian=True,
    length_add=HEADER,
    min_bytes=HEADER,
    max_bytes=HEADER + 65_511,
    probe=probe,
    ends=ends,
    pairs=pairs,
)
CONNECTED_DATA: Final = Framing(
    name="connected data",
    header_bytes=18,
    magic=((0, 0xFF, 2), (1, 0xFF, 0), (2, 0xFF, 0x02), (3, 0xFF, 0x80), (4, 0xFF, 8), (5, 0xFF, 0), (14, 0xFF, 0xB1), (15, 0xFF, 0)),
    length_at=16,
    length_bytes=2,
    little_endian=True,
    length_add=18,
    min_bytes=18,
    max_bytes=65_507,
    probe=io_probe,
)
