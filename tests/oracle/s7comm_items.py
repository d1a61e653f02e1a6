"""Variable specifications and data items of S7comm, decoded the plain way."""

from __future__ import annotations

import struct
from typing import Any

Row = dict[str, Any]
Item = tuple[int, int, int, int, int, int]  # specification, area, object, start, count, transport size


def place(item: Item) -> Row:
    """An item's address as columns."""
    return dict(zip(("area", "object", "start", "count"), item[1:5], strict=True))


def specifications(text: bytes, count: int) -> tuple[list[Item], int]:
    """Variable specifications; how many could be read."""
    found: list[Item] = []
    for index in range(count):
        if len(text) < 3 or text[1] < 1 or len(text) < 2 + text[1]:
            return found, index
        one, body = text[:2 + text[1]], text[3:2 + text[1]]
        syntax, size = one[2], one[1]
        if one[0] != 0x12:
            found.append((index, -1, -1, -1, -1, 0))
        elif syntax == 0x10 and size == 10:
            transport, length, number, area = struct.unpack(">BHHB", body[:6])
            found.append((index, area, number, int.from_bytes(body[6:9], "big"), length, transport))
        elif syntax == 0xB0 and size >= 7:
            for place_of in range(body[0]):
                part = body[1 + 5 * place_of:6 + 5 * place_of]
                if len(part) < 5:
                    return found, index
                length, number, byte = struct.unpack(">BHH", part)
                found.append((index, 0x84, number, 8 * byte, length, 2))
        elif 0x82 <= syntax <= 0x84 and size == 8:
            unit, column, line, module, lines = struct.unpack(">BHHBB", body)
            found.append((index, 0x200 + (unit >> 5), (unit & 31) << 8 | module, line << 16 | column, lines, 0))
        elif syntax == 0xA2 and size == 10:
            number, position = struct.unpack(">HH", body[5:9])
            found.append((index, 0x210, number, position, 1, 0))
        elif syntax == 0xB2 and size >= 14:
            area, number = struct.unpack(">HH", body[1:5])
            kind = 0x24E if area == 0x8A0E else 0x200 + number if area == 0 and 0x50 <= number <= 0x54 else -1
            found.append((index, kind, number if kind in (0x24E, -1) else -1, int.from_bytes(body[9:13], "big") & 0x0FFFFFFF, (size - 10) // 4, 0))
        else:
            found.append((index, -1, -1, -1, -1, 0))
        text = text[len(one) + len(one) % 2:]
    return found, count


def with_values(base: Row, items: list[Item], values: bytes, count: int, role: int) -> list[Row]:
    """Data items beside the addresses they belong to."""
    rows: list[Row] = []
    whole = True
    for index in range(count):
        mine = [item for item in items if item[0] == index]
        if not mine and (not whole or len(values) < 4):
            break
        row = {**base, **(place(mine[0]) if mine else {}), "item": index}
        rows.append(row)
        rows += [{**base, **place(item), "item": index} for item in mine[1:]]
        if not whole:
            continue
        if values and role:
            row["status"] = 0 if values[0] in (0, 0xFF) else values[0]
        if len(values) < 4:
            whole = False
            continue
        code, size, length = struct.unpack(">BBH", values[:4])
        if size in (17, 18):
            whole = False
            continue
        length = (length + 7) // 8 if 3 <= size <= 5 else length
        length = 0 if role and code not in (0, 0xFF) else length
        row["bytes"] = values[4:4 + length]
        whole = len(values) >= 4 + length
        values = values[4 + length + (length % 2 if index + 1 < count else 0):]
    return rows
