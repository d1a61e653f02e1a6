"""Value bytes to something JSON can hold, when somebody asks: numbers by the item's transport size, and the S7 structures by name.

Everything here is text of the wire: it is decoded tolerantly, cut to a bounded length and never raises.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from otwatch.protocols.kit.cotp import parameters
from otwatch.protocols.s7comm import szl
from otwatch.protocols.s7comm.blocks import LANGUAGES, block_time, parse_block, parse_name, plain
from otwatch.protocols.s7comm.cpu import alarm_objects, alarm_sets
from otwatch.protocols.s7comm.services import SERVICES, UNKNOWN, service_of
from otwatch.protocols.s7comm.spec import BLOCK_TYPES, CONNECTION_TYPES, DATA_SIZES, TRANSPORT_SIZES, Value

_MOST = 256  # elements of a list, characters of a text
_FORMATS = {4: ">H", 5: ">h", 6: ">I", 7: ">i", 8: ">f", 9: ">H", 10: ">I", 11: ">i", 12: ">H", 28: ">H", 29: ">H", 30: ">H", 31: ">H", 32: ">i"}
_S5_BASES = (10, 100, 1000, 10_000)  # milliseconds


def _s5time(word: int) -> int:
    """Milliseconds of an S5TIME or timer: two bits time base, three BCD digits."""
    digits = f"{word & 0xFFF:03x}"
    return int(digits) * _S5_BASES[word >> 12 & 3] if digits.isdigit() else word


def _elements(size: int, data: bytes, count: int) -> Any:
    """An item's value by its transport size: one element or a list of them; several bytes as hexadecimal digits."""
    if size == 1:
        bits = [bool(byte) for byte in data[:_MOST]]
        return bits[0] if len(bits) == 1 else bits
    if size == 2:
        return data[0] if len(data) == 1 and count <= 1 else data[:_MOST].hex()
    if size == 3:
        return data[:_MOST].decode("latin-1")
    if size == 15:
        return szl.clock(data[:8]) if len(data) == 8 else data[:_MOST].hex()
    if size not in _FORMATS:
        return data[:_MOST].hex()
    width = struct.calcsize(_FORMATS[size])
    whole = data[:len(data) - len(data) % width]
    numbers: list[Any] = [number for (number,) in struct.iter_unpack(_FORMATS[size], whole[:_MOST * width])]
    if size in (12, 29):
        numbers = [_s5time(number) for number in numbers]
    elif size == 8:
        numbers = [number if number - number == 0 else str(number) for number in numbers]  # JSON has no infinity
    if not numbers:
        return data[:_MOST].hex()
    return numbers[0] if len(numbers) == 1 else numbers


def _data(size: int, data: bytes) -> Any:
    """A value whose address was not seen, by the transport size of the data."""
    if size == 3:
        return bool(data[0])
    if size == 7:
        return _elements(8, data, 1)
    if size == 5 and len(data) in (2, 4):
        return int.from_bytes(data, "big", signed=True)
    if size == 6 and len(data) == 4:
        return int.from_bytes(data, "big", signed=True)
    return data[:_MOST].hex()


def _service(data: bytes) -> dict[str, Any]:
    """PI service: argument with a 16-bit length, name with an 8-bit length. Passwords are not shown."""
    size = int.from_bytes(data[:2], "big")
    argument = data[2:2 + size]
    name = data[3 + size:4 + size + (data[2 + size] if len(data) > 2 + size else 0)]
    number = service_of(name, argument)
    found: dict[str, Any] = {"service": plain(name)}
    if number == UNKNOWN:
        found["argument"] = argument[:_MOST].hex()
        return found
    found["means"] = SERVICES[number].name
    if SERVICES[number].arguments:
        at = 0
        for label in SERVICES[number].arguments:
            if at >= len(argument):
                break
            text = argument[at + 1:at + 1 + argument[at]]
            found[label] = f"{len(text)} characters, not shown" if label == "password" else plain(text)
            at += 1 + len(text) + (len(text) % 2 == 0)
    elif SERVICES[number].wire.startswith(("_INS", "_DELE")):
        names = [argument[at:at + 8] for at in range(2, len(argument), 8)][:_MOST]
        found["blocks"] = [_block(name) for name in names]
    elif argument:
        found["argument"] = plain(argument)
    return found


def _block(name: bytes) -> str:
    kind, number = parse_name(name)
    return f"{BLOCK_TYPES[kind]}{number}" if kind >= 0 else plain(name)


def _tsap(tsap: bytes) -> dict[str, Any]:
    """Two bytes are connection type, rack and slot; others are text or bytes."""
    if len(tsap) == 2:
        return {"tsap": tsap.hex(), "connection": CONNECTION_TYPES.get(tsap[0], "other"), "rack": tsap[1] >> 5, "slot": tsap[1] & 31}
    return {"tsap": plain(tsap) if tsap.isascii() and plain(tsap) else tsap.hex()}


def _connect(data: bytes) -> dict[str, Any]:
    found, _whole = parameters(data)
    known: dict[str, Any] = {}
    if 0xC1 in found:
        known["source"] = _tsap(found[0xC1])
    if 0xC2 in found:
        known["destination"] = _tsap(found[0xC2])
    if len(found.get(0xC0, b"")) == 1 and found[0xC0][0] < 16:
        known["tpdu_bytes"] = 1 << found[0xC0][0]
    return known


def _setup(data: bytes) -> Any:
    names = ("jobs_of_caller", "jobs_of_called", "pdu_bytes")
    return {name: int.from_bytes(data[2 * index:2 * index + 2], "big") for index, name in enumerate(names) if len(data) >= 2 * index + 2}


def _block_info(data: bytes) -> Any:
    """78 bytes of block info: the block's header and footer without its code."""
    if len(data) < 78:
        return data.hex()
    return {
        "block": f"{BLOCK_TYPES.get(data[11], data[11])}{int.from_bytes(data[12:14], 'big')}", "language": str(LANGUAGES.get(data[10], data[10])),
        "linked": bool(data[9] & 1), "load_bytes": int.from_bytes(data[14:18], "big"), "protection": int.from_bytes(data[18:22], "big"),
        "code_time": block_time(data[22:28]), "interface_time": block_time(data[28:34]), "interface_bytes": int.from_bytes(data[34:36], "big"),
        "segment_bytes": int.from_bytes(data[36:38], "big"), "local_bytes": int.from_bytes(data[38:40], "big"),
        "code_bytes": int.from_bytes(data[40:42], "big"), "author": plain(data[42:50]), "family": plain(data[50:58]), "name": plain(data[58:66]),
        "version": f"{data[66] >> 4}.{data[66] & 15}", "checksum": f"{int.from_bytes(data[68:70], 'big'):#06x}",
    }


def _block_counts(data: bytes) -> Any:
    found = {}
    for at in range(0, len(data) - 3, 4):
        kind, _number = parse_name(data[at:at + 2] + b"00000")
        found[BLOCK_TYPES.get(kind, data[at:at + 2].hex())] = int.from_bytes(data[at + 2:at + 4], "big")
    return found


def _alarm(data: bytes, row: Mapping[str, int]) -> Any:
    """The message objects of an alarm PDU: event, signals, acknowledgements, and the time where it is sent."""
    objects: list[dict[str, Any]] = []
    if row["subfunction"] == 0x13 and row["role"] == 1:
        for event, first, _end in islice(alarm_sets(data), _MOST):
            objects.append({"event": f"{event:#010x}", "alarm_type": data[first + 3], "signals": f"{data[first + 9]:08b}",
                            "acknowledged_going": f"{data[first + 10]:08b}", "acknowledged_coming": f"{data[first + 11]:08b}"})
        return {"objects": objects} if objects else data[:_MOST].hex()
    for event, first, end in alarm_objects(data, row["subfunction"], row["role"]):
        entry: dict[str, Any] = {"event": f"{event:#010x}"} if event >= 0 else {"return_code": f"{data[first]:#04x}"}
        if event >= 0 and end - first >= 12 and data[first + 2] in (0x16, 0x1C):
            entry |= {"signals": f"{data[first + 8]:08b}", "state": f"{data[first + 9]:08b}", "acknowledged_going": f"{data[first + 10]:08b}",
                      "acknowledged_coming": f"{data[first + 11]:08b}"}
        elif event >= 0 and data[first + 2] == 0x1A and data[first + 4] == 1:
            entry = {"alarm_type": event}
        objects.append(entry)
        if len(objects) >= _MOST:
            break
    found: dict[str, Any] = {"objects": objects}
    if row["subfunction"] in (0x05, 0x06, 0x0C, 0x11, 0x12, 0x16) and len(data) >= 8:
        found["time"] = szl.clock(data[:8])
    return found if objects else data[:_MOST].hex()


def _message_service(data: bytes) -> Any:
    events = [name for bit, name in ((1, "mode"), (2, "system"), (4, "user"), (0x80, "alarms")) if data[0] & bit]
    found: dict[str, Any] = {"events": events}
    if len(data) >= 10:
        found["user"] = plain(data[2:10])
    if len(data) >= 11:
        found["alarm_type"] = data[10]
    return found


def _numbers(data: bytes) -> list[int]:
    return [int.from_bytes(data[at:at + 2], "big") for at in range(0, min(len(data), 4 * _MOST) - 3, 4)]


def _block_bytes(data: bytes) -> Any:
    block = parse_block(data)
    if block is None:
        return {"bytes": len(data)}
    return {"bytes": len(data), "block": f"{BLOCK_TYPES.get(block.kind, block.kind)}{block.number}", "language": LANGUAGES.get(block.language, "?"),
            "code_bytes": block.code_bytes, "changed": block.code_time}


_READERS: dict[int, Callable[[bytes], Any]] = {
    Value.PI: _service, Value.FILENAME: lambda data: _block(data[1:]) if len(data) == 9 else plain(data), Value.TSAP: _connect,
    Value.SETUP: _setup, Value.CLOCK: lambda data: szl.clock(data[2:10]), Value.SZL: szl.decode, Value.BLOCK_INFO: _block_info,
    Value.BLOCK_COUNTS: _block_counts, Value.BLOCK_NUMBERS: _numbers, Value.SECRET: lambda data: f"{len(data)} bytes, not shown",
    Value.DIAGNOSTIC: lambda data: szl.record(0xA0, data), Value.MESSAGE_SERVICE: _message_service, Value.TEXT: plain,
    Value.BLOCK_BYTES: _block_bytes,
}


def value(kind: int, data: bytes, row: Mapping[str, int]) -> Any:
    """The value of a row; None where there are no bytes."""
    if not data:
        return None
    if kind in TRANSPORT_SIZES:
        return _elements(kind, data, row.get("count", 1))
    if Value.DATA <= kind < Value.DATA + 0x100:
        return _data(kind - Value.DATA, data) if kind - Value.DATA in DATA_SIZES else data[:_MOST].hex()
    if kind == Value.ALARM:
        return _alarm(data, row)
    reader = _READERS.get(kind)
    return reader(data) if reader is not None else data[:_MOST].hex()
