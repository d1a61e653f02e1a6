"""Values, decoded late and only for rows that are shown or asked for: tagged data (20.2) as numbers, strings and lists."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any, Final

from otwatch.limits import Limits
from otwatch.protocols.bacnet import spec

_TEXT_CHARACTERS: Final = Limits().text_characters
_VALUES: Final = 256  # of one row
_DEPTH: Final = 8


def value(kind: int, octets: bytes, row: Mapping[str, int]) -> Any:
    """The value of a row of operations; None without one. A written one with a priority is a dict of both."""
    del row
    if not octets:
        return None
    found, at = _list(octets, 0, 0)
    shown = found[0] if len(found) == 1 else found
    if kind == spec.VALUE_WRITTEN and at < len(octets):
        head = tag(octets, at + 1)  # behind the closing tag
        if head is not None and head[1] and not head[2]:
            return {"value": shown, "priority": int.from_bytes(octets[head[4]:head[4] + head[3]], "big")}
    return shown


def tag(octets: bytes, at: int) -> tuple[int, bool, int, int, int] | None:
    """(number, context, 1 opening or 2 closing, length or boolean, where the data begin) of the tag there; None where it is cut short (20.2.1)."""
    if not 0 <= at < len(octets):
        return None
    first = octets[at]
    number, context, length, at = first >> 4, bool(first & 8), first & 7, at + 1
    if number == 15:
        if at >= len(octets):
            return None
        number, at = octets[at], at + 1
    if context and length in (6, 7):
        return number, True, length - 5, 0, at
    if length == 5:
        if at >= len(octets):
            return None
        length, at = octets[at], at + 1
        for extended, size in ((254, 2), (255, 4)):
            if length == extended:
                if at + size > len(octets):
                    return None
                return number, context, 0, int.from_bytes(octets[at:at + size], "big"), at + size
    return number, context, 0, length, at


def _list(octets: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    """Values up to the closing tag that ends the list, and where that is."""
    found: list[Any] = []
    while at < len(octets) and len(found) < _VALUES:
        head = tag(octets, at)
        if head is None:
            found.append(octets[at:].hex())
            return found, len(octets)
        number, context, edge, length, data = head
        if edge == 2:
            return found, at
        if edge == 1:
            if depth >= _DEPTH:
                return found, len(octets)
            inner, at = _list(octets, data, depth + 1)
            found.append(inner)
            at += 1 if number < 15 else 2
            continue
        if not context and number == 1:
            found.append(bool(length))
            at = data
            continue
        found.append(octets[data:data + length].hex() if context else application(number, octets[data:data + length]))
        at = data + length
    return found, at


def application(number: int, octets: bytes) -> Any:
    """The value of an application tag (20.2.2 to 20.2.14)."""
    if number == 0:
        return None
    if number in (2, 9):
        return int.from_bytes(octets, "big")
    if number == 3:
        return int.from_bytes(octets, "big", signed=True)
    if number == 4 and len(octets) == 4:
        return _float(struct.unpack(">f", octets)[0], 7)
    if number == 5 and len(octets) == 8:
        return _float(struct.unpack(">d", octets)[0], 15)
    if number == 7 and octets:
        return text(octets)
    if number == 8 and octets:
        bits = "".join(f"{octet:08b}" for octet in octets[1:])
        return bits[:max(0, len(bits) - (octets[0] & 7))]
    if number == 10 and len(octets) == 4:
        year, month, day = (None if part == 255 else part for part in octets[:3])
        return f"{'*' if year is None else 1900 + year}-{'*' if month is None else f'{month:02}'}-{'*' if day is None else f'{day:02}'}"
    if number == 11 and len(octets) == 4:
        return ":".join("*" if part == 255 else f"{part:02}" for part in octets[:3]) + ("" if octets[3] in (0, 255) else f".{octets[3]:02}")
    if number == 12 and len(octets) == 4:
        whole = int.from_bytes(octets, "big")
        return f"{spec.OBJECT_TYPES.get(whole >> 22, f'object_type_{whole >> 22}')} {whole & 0x3FFFFF}"
    return octets.hex()


def text(octets: bytes) -> str:
    """A character string (20.2.9): its first octet names the character set."""
    encoding = {0: "utf-8", 3: "utf-32-be", 4: "utf-16-be", 5: "latin-1"}.get(octets[0], "latin-1")
    return octets[1:].decode(encoding, "replace")[:_TEXT_CHARACTERS]


def _float(number: float, digits: int) -> float | str:
    """JSON has no NaN and no infinity."""
    return float(f"{number:.{digits}g}") if math.isfinite(number) else str(number)
