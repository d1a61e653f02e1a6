"""Modbus read plainly, one PDU at a time, as slowly as you like: what otwatch's compiled dissector is compared with.

`decode(pdu, role)` takes function code and data; `role` is "request" or "response". No pairing: a response row only has what it says
itself. Clauses: MODBUS Application Protocol V1.1b3.
"""

from __future__ import annotations

import struct
from typing import Any

AREAS = {1: 1, 2: 2, 3: 4, 4: 3, 5: 1, 6: 4, 15: 1, 16: 4, 20: 5, 21: 5, 22: 4, 23: 4, 24: 6}
UMAS_WRITES = {0x21, 0x23, 0x25, 0x29, 0x71}


def crc16(data: bytes) -> int:
    """CRC-16/MODBUS, bit by bit (Serial Line 6.2.2)."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def _item(function: int, **known: Any) -> dict[str, Any]:
    row = {"function": function, "subfunction": -1, "area": AREAS.get(function, -1), "object": -1, "start": -1, "count": -1, "status": 0, "item": 0,
           "value": b""}
    row.update(known)
    return row


def _word(data: bytes, at: int) -> int:
    return struct.unpack_from(">H", data, at)[0] if at + 2 <= len(data) else -1


def _byte(data: bytes, at: int) -> int:
    return data[at] if at < len(data) else -1


def decode(pdu: bytes, role: str) -> list[dict[str, Any]]:
    """The rows of one PDU."""
    function, data = pdu[0], pdu[1:]
    if role == "request":
        return _request(function, data)
    if function & 0x80:
        return [_item(function & 0x7F, status=data[0] if data and data[0] else -1)]
    return _response(function, data)


def _request(function: int, data: bytes) -> list[dict[str, Any]]:
    if function in (1, 2, 3, 4):
        return [_item(function, start=_word(data, 0), count=_word(data, 2))]
    if function in (5, 6):
        return [_item(function, start=_word(data, 0), count=1, value=data[2:4])]
    if function == 22:
        return [_item(function, start=_word(data, 0), count=1, value=data[2:6])]
    if function in (15, 16):
        return [_item(function, start=_word(data, 0), count=_word(data, 2), value=data[5:])]
    if function == 23:
        return [_item(function, start=_word(data, 0), count=_word(data, 2)),
                _item(function, start=_word(data, 4), count=_word(data, 6), item=1, value=data[9:])]
    if function == 24:
        return [_item(function, start=_word(data, 0))]
    if function in (20, 21):
        return _files(function, data)
    if function == 8:
        return [_item(function, subfunction=_word(data, 0), value=data[2:])]
    if function == 43:
        if data[:1] == b"\x0e":
            return [_item(function, subfunction=14, area=7, object=_byte(data, 1), start=_byte(data, 2))]
        return [_item(function, subfunction=_byte(data, 0), value=data[1:])]
    if function == 90:
        return [_umas(data)]
    if function in (7, 11, 12, 17):
        return [_item(function)]
    return [_item(function, value=data)]


def _umas(data: bytes) -> dict[str, Any]:
    code = _byte(data, 1)
    row = _item(90, subfunction=code, value=data)
    if code in (0x20, 0x21):
        row.update(area=8, object=struct.unpack_from("<H", data, 3)[0] if len(data) >= 5 else -1,
                   start=struct.unpack_from("<I", data, 5)[0] if len(data) >= 9 else -1,
                   count=struct.unpack_from("<H", data, 9)[0] if len(data) >= 11 else -1)
    elif code in (0x31, 0x34):
        row.update(area=9, object=struct.unpack_from("<H", data, 4)[0] if len(data) >= 6 else -1)
        if code == 0x31:
            row["count"] = struct.unpack_from("<H", data, 6)[0] if len(data) >= 8 else -1
    return row


def _files(function: int, data: bytes) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    said = 1 + data[0] if data else 0
    end = len(data) if function == 21 else min(len(data), said)
    at = 1
    while at + 7 <= end and (at + 7 <= said or data[at] == 6):
        _, file, record, length = struct.unpack_from(">BHHH", data, at)
        at += 7
        value = data[at:min(at + 2 * length, end)] if function == 21 else b""
        rows.append(_item(function, object=file, start=record, count=length, item=len(rows), value=value))
        at += 2 * length if function == 21 else 0
    return rows or [_item(function)]


def _response(function: int, data: bytes) -> list[dict[str, Any]]:
    if function in (1, 2, 3, 4, 23):
        row = _item(function, value=data[1:])
        if function in (3, 4, 23) and data and data[0] and data[0] % 2 == 0:
            row["count"] = data[0] // 2
        return [row]
    if function in (5, 6, 22):
        return [_item(function, start=_word(data, 0), count=1, value=data[2:6 if function == 22 else 4])]
    if function in (15, 16):
        return [_item(function, start=_word(data, 0), count=_word(data, 2))]
    if function == 20:
        rows: list[dict[str, Any]] = []
        end = min(len(data), 1 + data[0]) if data else 0
        at = 1
        while at + 2 <= end:
            size = data[at]
            row = _item(20, item=len(rows), value=data[at + 2:max(at + 2, min(at + 1 + size, end))])
            if size >= 1 and at + 1 + size <= end:
                row["count"] = (size - 1) // 2
            rows.append(row)
            at += 1 + max(size, 1)
        return rows or [_item(20)]
    if function == 21:
        return _files(21, data)
    if function == 8:
        return [_item(8, subfunction=_word(data, 0), value=data[2:])]
    if function == 43:
        if data[:1] == b"\x0e":
            return [_item(43, subfunction=14, area=7, object=_byte(data, 1), value=data[1:])]
        return [_item(43, subfunction=_byte(data, 0), value=data[1:])]
    if function == 90:
        refused = _byte(data, 1) == 0xFD
        return [_item(90, value=data, status=256 + max(_byte(data, 2), 0) if refused else 0)]
    if function in (7, 11, 12, 17, 24):
        value = {7: data[:1], 11: data[:4], 12: data[1:], 17: data[1:], 24: data[2:]}[function]
        return [_item(function, value=value)]
    return [_item(function, value=data)]
