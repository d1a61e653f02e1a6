"""PCCC commands made and read by slow code of its own (1770-6.5.16 7 and 13): what row a read or write of data files must give."""

from __future__ import annotations

import struct

REQUESTOR = b"\x07" + struct.pack("<HI", 0x1009, 0x19711009)
ELEMENT_BYTES = {0x84: 2, 0x85: 2, 0x86: 6, 0x87: 6, 0x88: 6, 0x89: 2, 0x8A: 4, 0x8B: 2, 0x8C: 2, 0x8D: 84, 0x8E: 2, 0x8F: 2, 0x91: 4}


def compact(number: int) -> bytes:
    """One byte up to 254, else FF and 16 bits."""
    return bytes((number,)) if number < 255 else b"\xff" + struct.pack("<H", number)


def command(cmd: int, transaction: int, rest: bytes = b"", *, status: int = 0) -> bytes:
    """A command or, with bit 40, a reply."""
    return REQUESTOR + struct.pack("<BBH", cmd, status, transaction) + rest


def fields(function: int, size: int, file: int, kind: int, element: int, sub: int | None = None, data: bytes = b"") -> bytes:
    """Function, size, file, type, element and (of three address fields) sub-element, data."""
    return bytes((function, size)) + compact(file) + bytes((kind,)) + compact(element) + (compact(sub) if sub is not None else b"") + data


def logical(*levels: int | None) -> bytes:
    """An address of PLC-5 by levels; None leaves a level out."""
    mask = sum(1 << place for place, number in enumerate(levels) if number is not None)
    return bytes((mask,)) + b"".join(compact(number) for number in levels if number is not None)


def row_of(message: bytes) -> dict[str, int]:
    """The columns of a protected typed logical read or write, read field by field."""
    data = message[message[0] + 4 :]
    function, size, at = data[0], data[1], 2
    numbers = []
    for place in range(4 if function in (0xA2, 0xAA, 0xAB) else 3):
        if place == 1 or data[at] != 0xFF:
            numbers.append(data[at])
            at += 1
        else:
            numbers.append(data[at + 1] | data[at + 2] << 8)
            at += 3
    sub = numbers[3] if len(numbers) == 4 else 0
    element = ELEMENT_BYTES[numbers[1]]
    inside = 0 < sub < 256
    return {
        "function": message[message[0]],
        "subfunction": function,
        "transaction": message[message[0] + 2] | message[message[0] + 3] << 8,
        "object": numbers[0],
        "area": numbers[1] + 256 * sub * inside,
        "start": numbers[2],
        "count": (size + 1) // 2 if inside else -(-size // element),
    }
