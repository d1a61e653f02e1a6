"""Values, decoded late and only for rows that are shown or asked for: points, commands, times, strings, files, attributes.

`value` gives JSON-able data: a list with one entry per object, or that entry alone where the row is one object. An entry is a dict of
the layout's fields; flags are lists of names. What is cut short is decoded as far as it goes.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from otwatch.limits import Limits
from otwatch.protocols.dnp3 import objects, spec

_TEXT_CHARACTERS: Final = Limits().text_characters
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STRUCTS: Final = {kind: struct.Struct(code) for kind, code in {
    "u8": "<B", "u16": "<H", "u32": "<I", "i16": "<h", "i32": "<i", "f32": "<f", "f64": "<d"}.items()}
_DOUBLE_BIT: Final = ("intermediate", "off", "on", "indeterminate")


def value(kind: int, octets: bytes, row: Mapping[str, int]) -> Any:
    """The value of a row of operations: None without one."""
    if kind == spec.VALUE_IIN:
        return indications(octets)
    if kind >= spec.VALUE_BIT:
        bit = kind - spec.VALUE_BIT
        if not octets:
            return None
        return (octets[0] >> bit) & 3 if row["area"] in objects.STATE_BITS else (octets[0] >> bit) & 1
    if kind != spec.VALUE_OBJECTS:
        return None
    group, variation = row["area"], row["object"]
    layout = objects.layout_of(group, variation)
    if layout in ("", objects.NO_DATA):
        return octets.hex() or None
    if layout in (objects.ATTRIBUTE, objects.STRING, objects.SIZED):
        entries = list(_entries(group, variation, octets))
    elif layout.endswith((":bit", ":bit2")):
        return _packed(octets, row["count"], objects.size_bits(group, variation))
    else:
        entries = list(_fixed(group, layout, octets))
    return entries[0] if len(entries) == 1 else entries


def indications(octets: bytes) -> list[str]:
    """The names of the internal indications that are set."""
    bits = int.from_bytes(octets[:2], "little")
    return [name for bit, name in enumerate(spec.INDICATIONS) if bits >> bit & 1]


def time_text(milliseconds: int) -> str | None:
    """A DNP3 time as ISO 8601; None beyond the year 9999."""
    try:
        return (_EPOCH + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except OverflowError:
        return None


def text(octets: bytes) -> str:
    """A string from the wire: UTF-8 where it is, else Latin-1; capped."""
    try:
        return octets.decode("utf-8")[:_TEXT_CHARACTERS]
    except UnicodeDecodeError:
        return octets.decode("latin-1")[:_TEXT_CHARACTERS]


def _number(octets: bytes) -> int:
    return int.from_bytes(octets, "little")


def _float(number: float) -> float | str:
    """JSON has no NaN and no infinity."""
    return number if math.isfinite(number) else str(number)


def control_code(octet: int) -> dict[str, Any]:
    """The control octet of a CROB (A.8.1)."""
    operation = octet & 0x0F
    return {
        "operation": spec.CONTROL_OPERATIONS.get(operation, f"reserved_{operation}"), "queue": bool(octet & 0x10), "clear": bool(octet & 0x20),
        "trip_close": spec.TRIP_CLOSE[octet >> 6],
    }


def control_status(octet: int) -> str:
    """A control status code by name."""
    code = octet & 0x7F
    return spec.CONTROL_STATUSES.get(code, f"reserved_{code}")


def _field(group: int, name: str, kind: str, octets: bytes) -> dict[str, Any]:
    """What one field of a layout gives, mostly one entry under its own name."""
    if kind == "flags":
        found: dict[str, Any] = {"flags": [flag for bit, flag in enumerate(objects.FLAGS.get(group, ())) if flag and octets[0] >> bit & 1]}
        if group in objects.STATE_BIT:
            found["state"] = octets[0] >> 7
        elif group in objects.STATE_BITS:
            found["state"] = octets[0] >> 6
            found["state_name"] = _DOUBLE_BIT[octets[0] >> 6]
        return found
    if kind == "control":
        return control_code(octets[0])
    if kind == "command":  # A.9.1: bit 7 commanded state, bits 0-6 status
        return {"commanded_state": octets[0] >> 7, "status": control_status(octets[0])}
    if kind == "status":
        return {"status": control_status(octets[0])}
    if kind == "t48":
        return {name: time_text(_number(octets)), f"{name}_ms": _number(octets)}
    if kind.startswith("bcd"):
        return {name: octets[::-1].hex()}
    number = _STRUCTS[kind].unpack(octets)[0]
    return {name: _float(number) if isinstance(number, float) else number}


def _fixed(group: int, layout: str, octets: bytes) -> Iterator[dict[str, Any]]:
    """Objects of one size."""
    fields = objects.fields_of(layout)
    size = sum(objects.TYPE_BITS[kind] for _, kind in fields) // 8
    for at in range(0, len(octets) - size + 1, size):
        entry: dict[str, Any] = {}
        for name, kind in fields:
            width = objects.TYPE_BITS[kind] // 8
            entry.update(_field(group, name, kind, octets[at:at + width]))
            at += width
        yield entry


def _packed(octets: bytes, count: int, bits: int) -> list[int]:
    """Packed objects, lowest bits first; at most as many as there are."""
    number, mask = _number(octets), (1 << bits) - 1
    return [number >> bits * i & mask for i in range(max(0, min(count, len(octets) * 8 // bits)))]


def _entries(group: int, variation: int, octets: bytes) -> Iterator[Any]:
    """Objects that are no table of fields; a row of strings holds several of one length."""
    if group == 0:
        yield attribute_value(octets)
    elif group in objects.STRING_GROUPS:
        for at in range(0, len(octets), variation or 1):
            yield text(octets[at:at + (variation or 1)])
    elif group in (114, 115):
        yield text(octets)
    else:
        yield _STRUCTURED.get((group, variation), _raw)(octets)


def attribute_value(octets: bytes) -> Any:
    """A device attribute: data type, length, octets (A.1)."""
    if len(octets) < 2:
        return None
    kind, content = octets[0], octets[2:]
    if kind in (1, 8):  # VSTR, UNCD
        return text(content)
    if kind == 2:
        return _number(content)
    if kind == 3:
        return int.from_bytes(content, "little", signed=True)
    if kind == 4 and len(content) in (4, 8):
        return _float(struct.unpack("<f" if len(content) == 4 else "<d", content)[0])
    if kind == 7 and len(content) == 6:
        return time_text(_number(content))
    if kind in (254, 255):  # pairs of variation and property; bit 0: may be written
        return [{"variation": content[at], "writable": bool(content[at + 1] & 1)} for at in range(0, len(content) - 1, 2)]
    return content.hex()


def _raw(octets: bytes) -> str:
    return octets.hex()


def _unpack(layout: str, octets: bytes) -> tuple[dict[str, Any], bytes]:
    """Leading fields `name:octets` as numbers, and what follows them; fields beyond the end are left out."""
    found: dict[str, Any] = {}
    for part in layout.split():
        name, _, width = part.partition(":")
        if len(octets) < int(width):
            return found, b""
        found[name] = _number(octets[:int(width)])
        octets = octets[int(width):]
    return found, octets


def _named(found: dict[str, Any], name: str, names: Mapping[int, str]) -> None:
    if name in found:
        found[name] = names.get(found[name], found[name])


_FILE_MODES: Final = {0: "null", 1: "read", 2: "write", 3: "append"}
_FILE_TYPES: Final = {0: "directory", 1: "file"}


def permissions(bits: int) -> str:
    """As `ls` writes them: rwxr-xr--."""
    return "".join(letter if bits >> 8 - place & 1 else "-" for place, letter in enumerate("rwxrwxrwx"))


def _file_authentication(octets: bytes) -> dict[str, Any]:  # A.27.2; the password itself is not repeated
    found, _ = _unpack("user_offset:2 user_size:2 password_offset:2 password_size:2 key:4", octets)
    if "key" in found:
        found["user"] = text(octets[found["user_offset"]:found["user_offset"] + found["user_size"]])
    return found


def _file_command(octets: bytes) -> dict[str, Any]:  # A.27.3
    found, _ = _unpack("name_offset:2 name_size:2 created:6 permissions:2 key:4 size:4 mode:2 max_block:2 request:2", octets)
    if "name_size" in found:
        found["name"] = text(octets[found["name_offset"]:found["name_offset"] + found["name_size"]])
    if "created" in found:
        found["created"] = time_text(found["created"])
    if "permissions" in found:
        found["permissions"] = permissions(found["permissions"])
    _named(found, "mode", _FILE_MODES)
    return found


def _file_command_status(octets: bytes) -> dict[str, Any]:  # A.27.4
    found, rest = _unpack("handle:4 size:4 max_block:2 request:2 status:1", octets)
    _named(found, "status", spec.FILE_STATUSES)
    return {**found, "text": text(rest)} if rest else found


def _file_transport(octets: bytes) -> dict[str, Any]:  # A.27.5; the top bit of the block number marks the last block
    found, rest = _unpack("handle:4 block:4", octets)
    if "block" in found:
        found["last"] = bool(found["block"] >> 31)
        found["block"] &= 0x7FFFFFFF
        found["data"] = rest[:_TEXT_CHARACTERS].hex()
        found["length"] = len(rest)
    return found


def _file_transport_status(octets: bytes) -> dict[str, Any]:  # A.27.6
    found, rest = _unpack("handle:4 block:4 status:1", octets)
    if "block" in found:
        found["last"] = bool(found["block"] >> 31)
        found["block"] &= 0x7FFFFFFF
    _named(found, "status", spec.FILE_STATUSES)
    return {**found, "text": text(rest)} if rest else found


def _file_descriptor(octets: bytes) -> dict[str, Any]:  # A.27.7
    found, _ = _unpack("name_offset:2 name_size:2 type:2 size:4 created:6 permissions:2 request:2", octets)
    if "name_size" in found:
        found["name"] = text(octets[found["name_offset"]:found["name_offset"] + found["name_size"]])
    if "created" in found:
        found["created"] = time_text(found["created"])
    if "permissions" in found:
        found["permissions"] = permissions(found["permissions"])
    _named(found, "type", _FILE_TYPES)
    return found


def _challenge(octets: bytes) -> dict[str, Any]:  # A.45.1
    found, rest = _unpack("sequence:4 user:2 mac_algorithm:1 reason:1", octets)
    return {**found, "challenge": rest.hex()}


def _reply(octets: bytes) -> dict[str, Any]:  # A.45.2
    found, rest = _unpack("sequence:4 user:2", octets)
    return {**found, "mac": rest.hex()}


def _key_status(octets: bytes) -> dict[str, Any]:  # A.45.5
    found, rest = _unpack("sequence:4 user:2 key_wrap_algorithm:1 key_status:1 mac_algorithm:1 challenge_size:2", octets)
    _named(found, "key_status", {1: "ok", 2: "not_init", 3: "comm_fail", 4: "auth_fail"})
    size = found.get("challenge_size", 0)
    return {**found, "challenge": rest[:size].hex(), "mac": rest[size:].hex()}


def _key_change(octets: bytes) -> dict[str, Any]:  # A.45.6
    found, rest = _unpack("sequence:4 user:2", octets)
    return {**found, "wrapped_key": rest.hex()}


def _authentication_error(octets: bytes) -> dict[str, Any]:  # A.45.7
    found, rest = _unpack("sequence:4 user:2 association:2 code:1 time:6", octets)
    _named(found, "code", spec.AUTHENTICATION_ERRORS)
    if "time" in found:
        found["time"] = time_text(found["time"])
    return {**found, "text": text(rest)} if rest else found


def _user_certificate(octets: bytes) -> dict[str, Any]:  # A.45.8
    found, rest = _unpack("method:1 certificate_type:1", octets)
    return {**found, "certificate": rest.hex()}


def _user_status_change(octets: bytes) -> dict[str, Any]:  # A.45.10
    found, rest = _unpack("method:1 operation:1 sequence:4 role:2 expiry_days:2 name_size:2 public_key_size:2 certification_size:2", octets)
    _named(found, "operation", {1: "add", 2: "delete", 3: "change"})
    return {**found, "name": text(rest[:found.get("name_size", 0)])}


def _update_key_request(octets: bytes) -> dict[str, Any]:  # A.45.11
    found, rest = _unpack("method:1 name_size:2 challenge_size:2", octets)
    size = found.get("name_size", 0)
    return {**found, "name": text(rest[:size]), "challenge": rest[size:].hex()}


def _update_key_reply(octets: bytes) -> dict[str, Any]:  # A.45.12
    found, rest = _unpack("sequence:4 user:2 challenge_size:2", octets)
    return {**found, "challenge": rest.hex()}


def _update_key_change(octets: bytes) -> dict[str, Any]:  # A.45.13
    found, rest = _unpack("sequence:4 user:2 key_size:2", octets)
    return {**found, "encrypted_key": rest.hex()}


def _data_set(octets: bytes) -> list[dict[str, Any]]:
    """Elements of data set prototypes and descriptors (A.32, A.33): length, descriptor code, data type, maximum length, ancillary value."""
    found = []
    at = 0
    while at < len(octets):
        length = octets[at]
        element = octets[at + 1:at + 1 + length]
        if len(element) >= 3:
            found.append({"descriptor": element[0], "type": element[1], "max_length": element[2], "ancillary": text(element[3:])})
        at += 1 + length
    return found


def _data_set_value(octets: bytes) -> list[str]:
    """Elements of data set values (A.34, A.35): length and octets each."""
    found = []
    at = 0
    while at < len(octets):
        length = octets[at]
        found.append(octets[at + 1:at + 1 + length].hex())
        at += 1 + length
    return found


def _registration(octets: bytes) -> dict[str, Any]:  # A.31
    found: dict[str, Any] = {"vendor": text(octets[:4])}
    numbers, rest = _unpack("object:2 length:2", octets[4:])
    return {**found, **numbers, "data": rest.hex()}


def _requested_status(octets: bytes) -> dict[str, Any]:  # A.37
    found, rest = _unpack("status:1", octets)
    return {**found, "data": rest.hex()}


_STRUCTURED: Final[dict[tuple[int, int], Any]] = {
    (70, 2): _file_authentication, (70, 3): _file_command, (70, 4): _file_command_status, (70, 5): _file_transport,
    (70, 6): _file_transport_status, (70, 7): _file_descriptor, (70, 8): text,
    (83, 1): _registration, (85, 1): _data_set, (86, 1): _data_set, (87, 1): _data_set_value, (88, 1): _data_set_value,
    (90, 1): text, (91, 1): _requested_status,
    (120, 1): _challenge, (120, 2): _reply, (120, 5): _key_status, (120, 6): _key_change, (120, 7): _authentication_error,
    (120, 8): _user_certificate, (120, 10): _user_status_change, (120, 11): _update_key_request, (120, 12): _update_key_reply,
    (120, 13): _update_key_change,
}
