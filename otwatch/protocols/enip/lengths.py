"""Where an encapsulated message ends by its items, and which one answers which: evidence against a length field that says more than there is."""

from __future__ import annotations

from typing import Final

from otwatch.protocols.enip.spec import HEADER

_DATA: Final = (0x6F, 0x70)
_MOST_ITEMS: Final = 16


def ends(data: bytes, _direction: int, length: int) -> int:
    """See Framing.ends. Behind the header of data stand interface and timeout, a count, and items of a type and a length each."""
    at = HEADER + 6
    if len(data) < at + 2 or (data[0] | data[1] << 8) not in _DATA:
        return 0
    count = data[at] | data[at + 1] << 8
    if not 0 < count <= _MOST_ITEMS:
        return 0
    at += 2
    for _ in range(count):
        if at + 4 > len(data):
            return 0
        at += 4 + (data[at + 2] | data[at + 3] << 8)
    return -1 if at >= length else at


def pairs(asked: bytes, replied: bytes) -> bool:
    """The same command, session and sender context: devices repeat them."""
    return len(asked) >= HEADER <= len(replied) and asked[:2] == replied[:2] and asked[4:8] == replied[4:8] and asked[12:20] == replied[12:20]
