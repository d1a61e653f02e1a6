"""One EtherNet/IP message, read slowly from the volumes' tables, apart from otwatch's own: what the rows of the dissectors must say of it."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Any

Row = dict[str, Any]
MANAGER, ROUTER, SYMBOL = 6, 2, 0x6B


def rows_of(message: bytes) -> list[Row]:
    """The CIP rows of a whole, correct SendRRData or SendUnitData."""
    command, length = struct.unpack_from("<HH", message)
    assert command in (0x6F, 0x70)
    assert length == len(message) - 24
    rows = []
    at = 32
    for _ in range(struct.unpack_from("<H", message, 30)[0]):
        kind, size = struct.unpack_from("<HH", message, at)
        data = message[at + 4:at + 4 + size]
        if kind in (0xB1, 0xB2) and data:
            rows += services(data[2:] if kind == 0xB1 else data, "", 0)
        at += 4 + size
    return rows


def services(data: bytes, route: str, item: int) -> list[Row]:
    """The rows of a service, and of those that are packed into it."""
    if data[0] & 0x80:
        return _answers(data)
    words = data[1]
    path, body = read_path(data[2:2 + 2 * words]), data[2 + 2 * words:]
    if data[0] == 0x52 and path["class"] == MANAGER:
        size = struct.unpack_from("<H", body, 2)[0]
        behind = body[4 + size + size % 2:]
        return services(body[4:4 + size], read_path(behind[2:2 + 2 * behind[0]])["route"], item)
    if data[0] == 0x0A and path["class"] == ROUTER:
        return [row for number, part in enumerate(_parts(body)) for row in services(part, route, number)]
    row = {"role": 0, "function": data[0], "area": path["class"], "object": path["name"] or path["instance"], "unit": path["route"] or route,
           "start": path["attribute"] if path["attribute"] >= 0 else path["element"], "count": -1, "item": item, "status": 0}
    if path["class"] == SYMBOL and data[0] in (0x4C, 0x52):
        row["count"] = struct.unpack_from("<H", body)[0]
    elif path["class"] == SYMBOL and data[0] in (0x4D, 0x53):
        row["count"] = struct.unpack_from("<H", body, 4 if body[:2] == b"\xa0\x02" else 2)[0]
    elif data[0] in (3, 4) or (path["class"] == SYMBOL and data[0] == 0x55):
        row["count"] = struct.unpack_from("<H", body)[0]
        if row["count"]:
            row["start"] = struct.unpack_from("<H", body, 2)[0]
    elif path["class"] == MANAGER and data[0] in (0x4E, 0x54, 0x5B):
        row["start"] = struct.unpack_from("<H", body, 2 if data[0] == 0x4E else 10)[0]
    return [row]


def _parts(body: bytes) -> list[bytes]:
    """What a Multiple_Service_Packet packs."""
    count = struct.unpack_from("<H", body)[0]
    offsets = [*struct.unpack_from(f"<{count}H", body, 2), len(body)]
    return [body[start:end] for start, end in pairwise(offsets)]


def _answers(data: bytes) -> list[Row]:
    """The rows of an answer: service, status, item."""
    body = data[4 + 2 * data[3]:]
    if data[0] == 0x8A and data[2] in (0, 0x1E) and len(body) >= 2:
        return [{**row, "item": number} for number, part in enumerate(_parts(body)) for row in _answers(part)]
    status = data[2]
    if status == 6 and data[0] & 0x7F in (1, 3, 0x4C, 0x52, 0x55):
        status = 0
    if status and data[3]:
        status |= struct.unpack_from("<H", data, 4)[0] << 8
    return [{"role": 1, "function": data[0] & 0x7F, "status": status, "item": 0}]


def read_path(path: bytes) -> Row:
    """A path in the padded form."""
    found: Row = {"class": -1, "instance": -1, "attribute": -1, "element": -1, "name": "", "route": ""}
    at = 0
    while at < len(path):
        kind = path[at]
        if kind < 0x20:
            size, start = 1, at + 1
            if kind & 0x10:
                size, start = path[at + 1], at + 2
            link = path[start:start + size]
            hop = f"{kind & 0x0F},{link[0] if size == 1 else link.decode().rstrip(chr(0))}"
            found["route"] = f"{found['route']},{hop}" if found["route"] else hop
            at = start + size + ((start + size - at) % 2 if kind & 0x10 else 0)
        elif kind == 0x34:
            at += 10
        elif kind < 0x40:
            width = (1, 2, 4)[kind & 3]
            start = at + (1 if width == 1 else 2)
            value = int.from_bytes(path[start:start + width], "little")
            name = {0: "class", 1: "instance", 2: "element", 4: "attribute"}.get(kind >> 2 & 7)
            if name == "element" and found["element"] >= 0:
                found["name"] += f"[{found['element']}]"
            if name is not None:
                found[name] = value
            at = start + width
        elif kind == 0x91:
            if found["element"] >= 0:
                found["name"] += f"[{found['element']}]"
                found["element"] = -1
            found["name"] += ("." if found["name"] else "") + path[at + 2:at + 2 + path[at + 1]].decode("latin-1")
            at += 2 + path[at + 1] + path[at + 1] % 2
        else:
            raise AssertionError(kind)
    if found["class"] < 0 and found["name"]:
        found["class"] = SYMBOL
    return found
