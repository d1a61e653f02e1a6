"""Values, decoded late: the bytes that a row points at -> numbers, lists, text. Never raises; a short value gives what is there."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, Final

from otwatch.protocols.modbus.spec import IDENTIFICATION_OBJECTS, READ_DEVICE_ID_CODES, ValueKind
from otwatch.protocols.modbus.umas import request_value, response_value

_BITS: Final = [[bool(byte >> bit & 1) for bit in range(8)] for byte in range(256)]


def text(data: bytes) -> str:
    """A string from the wire: ASCII by the specification, UTF-8 where it is one, Latin-1 else; padding taken off."""
    data = data.rstrip(b"\x00 ")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def registers(data: bytes) -> list[int]:
    """16-bit big-endian each; an odd last byte is left out."""
    return list(struct.unpack_from(f">{len(data) // 2}H", data))


def bits(data: bytes, count: int) -> list[bool]:
    """`count` bits, least significant first; APP 6.1. All of them when the count is unknown (-1)."""
    every = list(chain.from_iterable(map(_BITS.__getitem__, data)))
    return every if count < 0 else every[:count]


def identification_objects(data: bytes) -> list[tuple[int, bytes]]:
    """(object id, bytes) of a device identification from its read code on; APP 6.21."""
    found = []
    at, left = 5, data[4] if len(data) > 4 else 0
    while left > 0 and at + 2 <= len(data):
        length = data[at + 1]
        found.append((data[at], data[at + 2:at + 2 + length]))
        at += 2 + length
        left -= 1
    return found


def server_id(data: bytes) -> dict[str, Any]:
    """APP 6.13 leaves the content to the maker. Common: id bytes or text, the run indicator 00 or FF, more text."""
    readable = "".join(chr(byte) if 32 <= byte < 127 else "\n" for byte in data)
    parts = [part.strip() for part in readable.split("\n")]
    said = max(parts, key=len, default="")
    return {"text": said if len(said) >= 4 else "", "id": data.hex(), "run": bool(data[-1]) if data and data[-1] in (0, 0xFF) else None}


def _coil(data: bytes, _row: Mapping[str, int]) -> Any:
    number = int.from_bytes(data, "big")
    return {0: False, 0xFF00: True}.get(number, number)


def _masks(data: bytes, _row: Mapping[str, int]) -> Any:
    words = registers(data)
    return {"and": words[0] if words else None, "or": words[1] if len(words) > 1 else None}


def _fifo(data: bytes, _row: Mapping[str, int]) -> Any:
    words = registers(data)
    return words[1:1 + words[0]] if words else []


def _diagnostic(data: bytes, row: Mapping[str, int]) -> Any:
    if row.get("subfunction") == 0:
        return data.hex()
    words = registers(data)
    return words[0] if len(words) == 1 else words


def _event_counter(data: bytes, _row: Mapping[str, int]) -> Any:
    words = registers(data)
    return {"busy": words[0] == 0xFFFF if words else None, "events": words[1] if len(words) > 1 else None}


def _event(byte: int) -> str:
    """One event byte, APP 6.10."""
    if byte & 0x80:
        names = [name for bit, name in ((0x02, "communication error"), (0x10, "character overrun"), (0x20, "listen-only mode"),
                                        (0x40, "broadcast")) if byte & bit]
        return "received" + (": " + ", ".join(names) if names else "")
    if byte & 0x40:
        names = [name for bit, name in ((0x01, "read exception"), (0x02, "server abort exception"), (0x04, "server busy exception"),
                                        (0x08, "server program NAK exception"), (0x10, "write timeout"), (0x20, "listen-only mode"))
                 if byte & bit]
        return "sent" + (": " + ", ".join(names) if names else "")
    return {0x00: "communication restart", 0x04: "entered listen-only mode"}.get(byte, f"event 0x{byte:02x}")


def _event_log(data: bytes, _row: Mapping[str, int]) -> Any:
    words = [*registers(data[:6]), None, None, None]
    return {"busy": words[0] == 0xFFFF if words[0] is not None else None, "events": words[1], "messages": words[2],
            "log": [_event(byte) for byte in data[6:70]]}


def _identification(data: bytes, _row: Mapping[str, int]) -> Any:
    head = list(data[:5]) + [None] * 5
    return {
        "read_code": READ_DEVICE_ID_CODES.get(head[0] or 0, head[0]), "conformity": head[1], "more_follows": head[2] == 0xFF if head[2] is not None
        else None, "next_object": head[3],
        "objects": {IDENTIFICATION_OBJECTS.get(number, f"object_{number}"): text(value) for number, value in identification_objects(data)},
    }


_DECODERS: Mapping[int, Callable[[bytes, Mapping[str, int]], Any]] = {
    ValueKind.BITS: lambda data, row: bits(data, row.get("count", -1)),
    ValueKind.REGISTERS: lambda data, _row: registers(data),
    ValueKind.COIL: _coil,
    ValueKind.REGISTER: lambda data, _row: int.from_bytes(data, "big"),
    ValueKind.MASKS: _masks,
    ValueKind.FIFO: _fifo,
    ValueKind.DIAGNOSTIC: _diagnostic,
    ValueKind.EXCEPTION_STATUS: lambda data, _row: bits(data, 8),
    ValueKind.EVENT_COUNTER: _event_counter,
    ValueKind.EVENT_LOG: _event_log,
    ValueKind.SERVER_ID: lambda data, _row: server_id(data),
    ValueKind.IDENTIFICATION: _identification,
    ValueKind.UMAS_REQUEST: lambda data, _row: request_value(data),
    ValueKind.UMAS_RESPONSE: lambda data, row: response_value(data, row.get("subfunction", -1)),
}


def value(kind: int, data: bytes, row: Mapping[str, int]) -> Any:
    """The value of a row as JSON-able data; hex for kinds that are only bytes."""
    decoder = _DECODERS.get(kind)
    return decoder(data, row) if decoder else data.hex()
