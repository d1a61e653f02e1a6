"""Values, decoded late and only for rows that are shown or asked for: numbers of tags by their type, attributes of objects that everybody has."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Final

from otwatch.protocols.cip import spec

_Reader = Callable[[bytes, int], tuple[Any, int]]
_ELEMENTS: Final = 256  # of an array that are shown
TYPES: Final[Mapping[int, tuple[str, str]]] = {  # volume 1, table C-6.1: name, struct format
    0xC1: ("BOOL", "?"), 0xC2: ("SINT", "b"), 0xC3: ("INT", "h"), 0xC4: ("DINT", "i"), 0xC5: ("LINT", "q"), 0xC6: ("USINT", "B"), 0xC7: ("UINT", "H"),
    0xC8: ("UDINT", "I"), 0xC9: ("ULINT", "Q"), 0xCA: ("REAL", "f"), 0xCB: ("LREAL", "d"), 0xD1: ("BYTE", "B"), 0xD2: ("WORD", "H"),
    0xD3: ("DWORD", "I"), 0xD4: ("LWORD", "Q"),
}
STRUCTURE: Final = 0x02A0
_PRODUCED: Final = {0: "null", 1: "multicast", 2: "point_to_point", 3: "reserved"}
_PRIORITY: Final = ("low", "high", "scheduled", "urgent")
_TRIGGER: Final = ("cyclic", "change_of_state", "application")


def _unsigned(size: int) -> _Reader:
    return lambda octets, at: (int.from_bytes(octets[at:at + size], "little") if at + size <= len(octets) else None, at + size)


def _revision(octets: bytes, at: int) -> tuple[Any, int]:
    return (f"{octets[at]}.{octets[at + 1]:03}" if at + 2 <= len(octets) else None), at + 2


def _serial(octets: bytes, at: int) -> tuple[Any, int]:
    return (f"{int.from_bytes(octets[at:at + 4], 'little'):08X}" if at + 4 <= len(octets) else None), at + 4


def _short_string(octets: bytes, at: int) -> tuple[Any, int]:
    if at >= len(octets):
        return None, at + 1
    end = at + 1 + octets[at]
    return octets[at + 1:end].decode("latin-1"), end


def _string(octets: bytes, at: int) -> tuple[Any, int]:
    end = at + 2 + int.from_bytes(octets[at:at + 2], "little")
    return octets[at + 2:end].decode("latin-1"), end + (end & 1)


def _interface(octets: bytes, at: int) -> tuple[Any, int]:
    """Interface configuration of the TCP/IP object (volume 2, 5-4.3.2.5)."""
    names = ("address", "mask", "gateway", "name_server", "name_server_2")
    found = {name: ".".join(str(octet) for octet in octets[at + 4 * place:at + 4 * place + 4][::-1]) for place, name in enumerate(names)}
    found["domain"], end = _string(octets, at + 20)
    return {name: text for name, text in found.items() if text.strip("0.")}, end


IDENTITY_ATTRIBUTES: Final[Mapping[int, tuple[str, _Reader]]] = {  # volume 1, 5-2.2
    1: ("vendor", _unsigned(2)), 2: ("device_type", _unsigned(2)), 3: ("product_code", _unsigned(2)), 4: ("firmware", _revision),
    5: ("status", _unsigned(2)), 6: ("serial", _serial), 7: ("model", _short_string),
}
_ATTRIBUTES: Final[Mapping[tuple[int, int], _Reader]] = {
    **{(spec.IDENTITY, number): read for number, (_, read) in IDENTITY_ATTRIBUTES.items()},
    (spec.CLOCK, 6): _unsigned(8), (spec.TCPIP, 1): _unsigned(4), (spec.TCPIP, 3): _unsigned(4),
    (spec.TCPIP, 5): _interface, (spec.TCPIP, 6): _string, (spec.ETHERNET_LINK, 1): _unsigned(4),
}


def identity_all(octets: bytes) -> dict[str, Any]:
    """All attributes of an Identity object, in their order."""
    found: dict[str, Any] = {}
    at = 0
    for name, read in IDENTITY_ATTRIBUTES.values():
        value, at = read(octets, at)
        if value is None:
            break
        found[name] = value
    return found


def attribute_list(class_: int, octets: bytes) -> dict[str, Any]:
    """The answer to Get_Attribute_List: number, status, value; as far as the sizes of the values are known."""
    found: dict[str, Any] = {}
    at = 2
    while at + 4 <= len(octets):
        number, status = int.from_bytes(octets[at:at + 2], "little"), int.from_bytes(octets[at + 2:at + 4], "little")
        at += 4
        name = IDENTITY_ATTRIBUTES[number][0] if class_ == spec.IDENTITY and number in IDENTITY_ATTRIBUTES else str(number)
        if status:
            found[name] = None
            continue
        read = _ATTRIBUTES.get((class_, number))
        if read is None:
            found["rest"] = octets[at:].hex()
            break
        found[name], at = read(octets, at)
    return found


def elements(kind: int, octets: bytes) -> Any:
    """Elements of an elementary type: one, or a list of them."""
    known = TYPES.get(kind & 0xFF)
    if kind == 0xDA:
        return _short_string(octets, 0)[0]
    if known is None or not octets:
        return octets.hex() or None
    size = struct.calcsize("<" + known[1])
    found = [_number(known[1], octets[at:at + size]) for at in range(0, min(len(octets), _ELEMENTS * size), size) if at + size <= len(octets)]
    return found[0] if len(found) == 1 else found


def _number(form: str, octets: bytes) -> Any:
    number = struct.unpack("<" + form, octets)[0]
    if isinstance(number, float):
        return float(f"{number:.7g}") if isfinite(number) else str(number)  # JSON has no NaN and no infinity
    return number


def _typed(octets: bytes, at: int) -> Any:
    """A type, and elements from `at` on, behind the handle where it is a structure."""
    kind = int.from_bytes(octets[:2], "little")
    if kind == STRUCTURE:
        return {"structure": f"{int.from_bytes(octets[2:4], 'little'):04x}", "data": octets[at + 2:].hex()}
    return elements(kind, octets[at:])


def _opening(octets: bytes) -> dict[str, Any]:
    """A Forward_Open, or Large_Forward_Open where what follows its parameters tells so."""
    if len(octets) < 36:
        return {"data": octets.hex()}
    large = len(octets) != 36 + 2 * octets[35] and len(octets) >= 40 and len(octets) == 40 + 2 * octets[39]
    found: dict[str, Any] = {
        "connection_serial": int.from_bytes(octets[10:12], "little"), "originator_vendor": int.from_bytes(octets[12:14], "little"),
        "originator_serial": f"{int.from_bytes(octets[14:18], 'little'):08X}", "timeout_multiplier": 4 << min(octets[18], 7),
    }
    end = 38 if large else 34
    for name, at in (("to_target", 22), ("to_originator", 30 if large else 28)):
        word = int.from_bytes(octets[at + 4:at + (8 if large else 6)], "little")
        top = word >> (16 if large else 0)
        found[name] = {
            "rpi_ms": int.from_bytes(octets[at:at + 4], "little") / 1000, "size": word & (0xFFFF if large else 0x1FF),
            "type": _PRODUCED[top >> 13 & 3], "priority": _PRIORITY[top >> 10 & 3], "redundant_owner": bool(top & 0x8000),
        }
    found["transport_class"], trigger = octets[end] & 0x0F, octets[end] >> 4 & 7
    found["trigger"] = _TRIGGER[trigger] if trigger < 3 else trigger
    return found


def value(kind: int, octets: bytes, row: Mapping[str, int]) -> Any:
    """The value of a row of operations; None without one."""
    if kind == spec.VALUE_READ:
        return _typed(octets, 2) if len(octets) >= 2 else octets.hex() or None
    if kind in (spec.VALUE_WRITTEN, spec.VALUE_FRAGMENT_WRITTEN):
        head = 4 if kind == spec.VALUE_WRITTEN else 8
        return _typed(octets, head) if len(octets) >= head else octets.hex()
    if kind == spec.VALUE_MASKS:
        size = int.from_bytes(octets[:2], "little")
        return {"or": octets[2:2 + size].hex(), "and": octets[2 + size:2 + 2 * size].hex()}
    if kind == spec.VALUE_OPEN:
        return _opening(octets)
    if kind == spec.VALUE_OPENED:
        ids = int.from_bytes(octets[:4], "little"), int.from_bytes(octets[4:8], "little")
        return {"to_target": ids[0], "to_originator": ids[1]} if len(octets) >= 8 else None
    if kind == spec.VALUE_LIST:
        return [int.from_bytes(octets[at:at + 2], "little") for at in range(2, len(octets) - 1, 2)][:_ELEMENTS]
    if kind == spec.VALUE_LISTED:
        return attribute_list(row["area"], octets)
    if kind == spec.VALUE_SET_LIST:
        number = int.from_bytes(octets[2:4], "little")
        read = _ATTRIBUTES.get((row["area"], number))
        return read(octets, 4)[0] if read is not None and row["count"] == 1 else octets[4:].hex()
    if kind == spec.VALUE_ALL and row["area"] == spec.IDENTITY:
        return identity_all(octets)
    if kind == spec.VALUE_ATTRIBUTE:
        read = _ATTRIBUTES.get((row["area"], row["start"]))
        return read(octets, 0)[0] if read is not None else octets.hex()
    return octets.hex() or None
