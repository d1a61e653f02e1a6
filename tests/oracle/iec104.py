"""One IEC 60870-5-104 APDU, read slowly with struct from the standard's tables, apart from otwatch's own: what the rows of the dissector must say."""

from __future__ import annotations

import struct
from typing import Any

# bytes of an element with its time tag, by type (101 7.3, 104 8)
SIZES = {
    1: 1, 2: 4, 3: 1, 4: 4, 5: 2, 6: 5, 7: 5, 8: 8, 9: 3, 10: 6, 11: 3, 12: 6, 13: 5, 14: 8, 15: 5, 16: 8, 17: 6, 18: 7, 19: 7, 20: 5, 21: 2,
    30: 8, 31: 8, 32: 9, 33: 12, 34: 10, 35: 10, 36: 12, 37: 12, 38: 10, 39: 11, 40: 11, 45: 1, 46: 1, 47: 1, 48: 3, 49: 3, 50: 5, 51: 4, 58: 8,
    59: 8, 60: 8, 61: 10, 62: 10, 63: 12, 64: 11, 70: 1, 100: 1, 101: 1, 102: 0, 103: 7, 104: 2, 105: 1, 106: 2, 107: 9, 110: 3, 111: 3, 112: 5,
    113: 1, 120: 6, 121: 7, 122: 4, 123: 5, 124: 4, 126: 13, 127: 16,
}
U_FRAMES = (0x07, 0x0B, 0x13, 0x23, 0x43, 0x83)


def rows_of(apdu: bytes) -> list[dict[str, Any]]:
    """The rows of a whole, correct APDU."""
    assert apdu[0] == 0x68
    assert apdu[1] == len(apdu) - 2
    control = struct.unpack_from("<HH", apdu, 2)
    if control[0] & 3 == 3:
        return [{"function": 256 + apdu[2]}]
    if control[0] & 1:
        return []
    kind, structure, cause, originator, station = struct.unpack_from("<BBBBH", apdu, 6)
    head = {"function": kind, "subfunction": cause & 0x3F, "unit": station, "transaction": control[0] >> 1, "area": kind}
    rows, at, count = [], 12, structure & 0x7F
    for item in range(1 if structure & 0x80 else count):
        start = int.from_bytes(apdu[at:at + 3], "little")
        size = SIZES[kind] * (count if structure & 0x80 else 1)
        value = apdu[at + 3:at + 3 + size]
        number = originator or -1
        if 120 <= kind <= 127 and kind != 126:
            number = int.from_bytes(value[:2], "little")
        rows.append({**head, "item": item, "start": start, "count": count if structure & 0x80 else 1, "object": number, "value": value})
        at += 3 + size
    assert at == len(apdu)
    return rows
