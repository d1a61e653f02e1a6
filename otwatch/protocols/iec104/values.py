"""Values, decoded late and only for rows that are shown or asked for: an element as a dict of its fields, a sequence as a list of them.

Fields are read by the layout of the type, left to right (101 7.2.6). What is cut short is decoded as far as it goes.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any, Final

from otwatch.protocols.iec104 import spec

_DOUBLE: Final = ("intermediate", "off", "on", "indeterminate")
_STEP: Final = ("not_permitted", "lower", "higher", "not_permitted")
_QUALITY: Final = ((0x01, "overflow"), (0x10, "blocked"), (0x20, "substituted"), (0x40, "not_topical"), (0x80, "invalid"))
_EVENT_QUALITY: Final = ((0x08, "elapsed_time_invalid"), *_QUALITY[1:])
_PULSE: Final = {0: "", 1: "short_pulse", 2: "long_pulse", 3: "persistent"}
_INITIALISED: Final = {0: "local_power_on", 1: "local_manual_reset", 2: "remote_reset"}
_RESETS: Final = {1: "general_reset", 2: "reset_of_pending_events"}
_FREEZE: Final = ("read", "freeze", "freeze_and_reset", "reset")


def value(kind: int, octets: bytes, row: Mapping[str, int]) -> Any:
    """The value of a row of operations; None without one."""
    known = spec.TYPES.get(row["area"])
    if known is None or not octets:
        return octets.hex() or None
    if kind == spec.VALUE_SEQUENCE and known.size > 0:
        return [_element(known, octets[at:at + known.size]) for at in range(0, len(octets), known.size)]
    return _element(known, octets)


def time_text(octets: bytes) -> str | None:
    """A CP56Time2a (101 7.2.6.18) as it stands, `2026-11-30T17:41:37.123`; a CP24Time2a as minute and second. None where it is none."""
    if len(octets) < 3:
        return None
    milliseconds, minute = octets[0] | octets[1] << 8, octets[2] & 0x3F
    second = f"{milliseconds // 1000:02}.{milliseconds % 1000:03}"
    if milliseconds > 59_999 or minute > 59:
        return None
    if len(octets) < 7:
        return f"{minute:02}:{second}"
    hour, day, month, year = octets[3] & 0x1F, octets[4] & 0x1F, octets[5] & 0x0F, octets[6] & 0x7F
    if hour > 23 or not 1 <= day <= 31 or not 1 <= month <= 12 or year > 99:
        return None
    return f"{2000 + year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second}"


def _element(known: spec.AsduType, octets: bytes) -> Any:
    found: dict[str, Any] = {}
    at = 0
    for part in known.layout.split():
        at += _READERS[part](octets, at, found)
        if at > len(octets):
            found["cut"] = True
            return found
    if known.time_bytes and at < len(octets):
        found["time"] = time_text(octets[at:at + known.time_bytes])
        if len(octets) > at + 2 and octets[at + 2] & 0x80:
            found["time_invalid"] = True
    if not known.layout and not known.time_bytes:
        return octets.hex()
    return found


def _at(octets: bytes, at: int, size: int) -> bytes:
    return octets[at:at + size].ljust(size, b"\0")


def _number(octets: bytes, at: int, size: int, *, signed: bool = False) -> int:
    return int.from_bytes(_at(octets, at, size), "little", signed=signed)


def _flags(octet: int, names: tuple[tuple[int, str], ...]) -> list[str]:
    return [name for bit, name in names if octet & bit]


def _siq(octets: bytes, at: int, found: dict[str, Any]) -> int:
    octet = _number(octets, at, 1)
    found.update(value=octet & 1, quality=_flags(octet, _QUALITY[1:]))
    return 1


def _diq(octets: bytes, at: int, found: dict[str, Any]) -> int:
    octet = _number(octets, at, 1)
    found.update(value=octet & 3, state=_DOUBLE[octet & 3], quality=_flags(octet, _QUALITY[1:]))
    return 1


def _qds(octets: bytes, at: int, found: dict[str, Any]) -> int:
    found["quality"] = _flags(_number(octets, at, 1), _QUALITY)
    return 1


def _qdp(octets: bytes, at: int, found: dict[str, Any]) -> int:
    found["quality"] = _flags(_number(octets, at, 1), _EVENT_QUALITY)
    return 1


def _vti(octets: bytes, at: int, found: dict[str, Any]) -> int:
    octet = _number(octets, at, 1)
    found["value"] = (octet & 0x7F) - (128 if octet & 0x40 else 0)
    if octet & 0x80:
        found["transient"] = True
    return 1


def _bsi(octets: bytes, at: int, found: dict[str, Any]) -> int:
    found["value"] = _number(octets, at, 4)
    return 4


def _nva(octets: bytes, at: int, found: dict[str, Any]) -> int:
    found["value"] = round(_number(octets, at, 2, signed=True) / 32768, 6)
    return 2


def _sva(octets: bytes, at: int, found: dict[str, Any]) -> int:
    found["value"] = _number(octets, at, 2, signed=True)
    return 2


def _r32(octets: bytes, at: int, found: dict[str, Any]) -> int:
    number = struct.unpack("<f", _at(octets, at, 4))[0]
    found["value"] = float(f"{number:.7g}") if math.isfinite(number) else str(number)  # JSON has no NaN and no infinity
    return 4


def _bcr(octets: bytes, at: int, found: dict[str, Any]) -> int:
    mark = _number(octets, at + 4, 1)
    found.update(value=_number(octets, at, 4, signed=True), sequence=mark & 0x1F)
    found["quality"] = _flags(mark, ((0x20, "carry"), (0x40, "adjusted"), (0x80, "invalid")))
    return 5


def _sep(octets: bytes, at: int, found: dict[str, Any]) -> int:
    octet = _number(octets, at, 1)
    found.update(value=octet & 3, state=_DOUBLE[octet & 3], quality=_flags(octet, _EVENT_QUALITY))
    return 1


def _octet(name: str, mask: int = 0xFF) -> Any:
    def read(octets: bytes, at: int, found: dict[str, Any]) -> int:
        found[name] = _number(octets, at, 1) & mask
        return 1

    return read


def _word(name: str, size: int) -> Any:
    def read(octets: bytes, at: int, found: dict[str, Any]) -> int:
        found[name] = _number(octets, at, size)
        return size

    return read


def _scd(octets: bytes, at: int, found: dict[str, Any]) -> int:
    found.update(value=_number(octets, at, 2), changed=_number(octets, at + 2, 2))
    return 4


def _command(state: Any) -> Any:
    def read(octets: bytes, at: int, found: dict[str, Any]) -> int:
        octet = _number(octets, at, 1)
        found.update(state(octet))
        pulse = octet >> 2 & 0x1F
        if _PULSE.get(pulse, pulse):
            found["qualifier"] = _PULSE.get(pulse, pulse)
        found["select"] = bool(octet & 0x80)
        return 1

    return read


def _qos(octets: bytes, at: int, found: dict[str, Any]) -> int:
    octet = _number(octets, at, 1)
    if octet & 0x7F:
        found["qualifier"] = octet & 0x7F
    found["select"] = bool(octet & 0x80)
    return 1


def _named(name: str, names: Mapping[int, str], mask: int = 0xFF) -> Any:
    def read(octets: bytes, at: int, found: dict[str, Any]) -> int:
        octet = _number(octets, at, 1) & mask
        found[name] = names.get(octet, octet)
        return 1

    return read


def _qoi(octets: bytes, at: int, found: dict[str, Any]) -> int:
    octet = _number(octets, at, 1)
    found["scope"] = "station" if octet == 20 else f"group_{octet - 20}" if 21 <= octet <= 36 else octet
    return 1


def _qcc(octets: bytes, at: int, found: dict[str, Any]) -> int:
    octet = _number(octets, at, 1)
    request = octet & 0x3F
    found.update(scope="general" if request == 5 else f"group_{request}" if 1 <= request <= 4 else request, freeze=_FREEZE[octet >> 6])
    return 1


def _time(octets: bytes, at: int, found: dict[str, Any]) -> int:
    found.setdefault("times", []).append(time_text(octets[at:at + 7]))
    return 7


def _segment(octets: bytes, at: int, found: dict[str, Any]) -> int:
    size = _number(octets, at, 1)
    found.update(bytes=size, data=octets[at + 1:at + 1 + size].hex())
    return 1 + size


_READERS: Final[Mapping[str, Any]] = {
    "siq": _siq, "diq": _diq, "qds": _qds, "qdp": _qdp, "vti": _vti, "bsi": _bsi, "nva": _nva, "sva": _sva, "r32": _r32, "bcr": _bcr, "sep": _sep,
    "scd": _scd, "spe": _octet("started", 0x3F), "oci": _octet("output", 0x0F), "cp16": _word("milliseconds", 2), "cp56": _time,
    "sco": _command(lambda octet: {"value": octet & 1, "state": _DOUBLE[1 + (octet & 1)]}),
    "dco": _command(lambda octet: {"value": octet & 3, "state": _DOUBLE[octet & 3] if octet & 3 in (1, 2) else "not_permitted"}),
    "rco": _command(lambda octet: {"value": octet & 3, "state": _STEP[octet & 3]}),
    "qos": _qos, "coi": _named("cause", _INITIALISED, 0x7F), "qoi": _qoi, "qcc": _qcc, "fbp": _word("pattern", 2), "tsc": _word("counter", 2),
    "qrp": _named("reset", _RESETS), "qpm": _octet("qualifier"), "qpa": _octet("qualifier"), "nof": _word("file", 2), "lof": _word("length", 3),
    "nos": _octet("section"), "frq": _octet("qualifier"), "srq": _octet("qualifier"), "scq": _octet("qualifier"), "lsq": _octet("qualifier"),
    "afq": _octet("qualifier"), "chs": _octet("checksum"), "sof": _octet("status"), "segment": _segment,
}
