"""Values, decoded late and only for rows that are shown or asked for: elements of data files, masks, typed data; addresses in text."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping
from typing import Any, Final

from otwatch.limits import Limits
from otwatch.protocols.pccc import spec

_TEXT_CHARACTERS: Final = Limits().text_characters
_VALUES: Final = 256  # of one row
_ALL_BITS: Final = 0xFFFF
_ADDRESS: Final = re.compile(r"\$?([A-Z]{1,3})(\d{0,4})(?:[:/](\d{1,5}))?")
_FORMATS: Final[Mapping[int, str]] = {0x89: "h", 0x8A: "f", 0x91: "i", 0x84: "H", 0x85: "H", 0x82: "H", 0x83: "H", 0x8B: "H", 0x8C: "H", 0x8F: "H"}
_STRUCTURES: Final = frozenset({0x86, 0x87, 0x88})
_STRING: Final = 0x8D
_ASCII: Final = 0x8E


def value(kind: int, octets: bytes, row: Mapping[str, int]) -> Any:
    """The value of a row of operations; None without one."""
    if not octets:
        return None
    if kind == spec.VALUE_MASKED and len(octets) >= 4:
        return _masked(row["area"], octets)
    if kind == spec.VALUE_MASKS and len(octets) >= 4:
        size = len(octets) // 2
        clear, put = (int.from_bytes(part, "little") for part in (octets[:size], octets[size:2 * size]))
        return {str(bit): put >> bit & 1 for bit in range(8 * size) if put >> bit & 1 or not clear >> bit & 1}
    if kind == spec.VALUE_DATA:
        return _elements(row["area"], octets)
    if kind == spec.VALUE_BYTES and row.get("function") == spec.COMMAND and row.get("subfunction") in (0x3A, 0x80):
        modes = spec.SET_CPU_MODE if row["subfunction"] == 0x3A else spec.CHANGE_MODE
        return modes[octets[0]][0] if octets[0] in modes else octets[0]
    return octets[:_VALUES].hex()


def _masked(area: int, octets: bytes) -> Any:
    """Bits of one word by number; where all bits are written, the elements; of several words the mask and the words."""
    mask, *words = struct.unpack_from(f"<{len(octets) // 2}H", octets)
    if mask == _ALL_BITS:
        return _elements(area, octets[2:])
    if len(words) == 1:
        return {str(bit): words[0] >> bit & 1 for bit in range(16) if mask >> bit & 1}
    return {"mask": mask, "words": words[:_VALUES]}


def _elements(area: int, octets: bytes) -> Any:
    """Elements of a file; a word of a structure is a number."""
    kind, word = area & (spec.AREA_WORD - 1), area >> 8
    if kind in _STRUCTURES and not word:
        names = ("control", "PRE", "ACC") if kind != 0x88 else ("control", "LEN", "POS")
        found: list[Any] = [dict(zip(names, struct.unpack_from("<Hhh", octets, at), strict=True)) for at in range(0, len(octets) - 5, 6)]
    elif kind == _STRING and not word:
        found = [_string(octets[at:at + 84]) for at in range(0, len(octets) - 1, 84)]
    elif kind == _ASCII:
        return _swapped(octets).decode("latin-1").rstrip("\0")[:_TEXT_CHARACTERS]
    else:
        code = "h" if word and kind in _STRUCTURES else _FORMATS.get(kind, "")
        if not code:
            return octets[:_VALUES].hex()
        size = struct.calcsize(code)
        if len(octets) < size:
            return octets.hex()
        found = [_number(one) for one in struct.unpack_from(f"<{len(octets) // size}{code}", octets)]
    return found[0] if len(found) == 1 else found[:_VALUES]


def _number(number: float) -> float | int | str:
    """JSON has no NaN and no infinity."""
    if isinstance(number, int):
        return number
    return float(f"{number:.7g}") if math.isfinite(number) else str(number)


def _swapped(octets: bytes) -> bytes:
    """Two characters stand in a word, the first one high."""
    return b"".join(octets[at:at + 2][::-1] for at in range(0, len(octets), 2))


def _string(octets: bytes) -> str:
    """Length, then up to 82 characters."""
    length = min(int.from_bytes(octets[:2], "little"), 82)
    return _swapped(octets[2:])[:length].decode("latin-1")[:_TEXT_CHARACTERS]


def parsed_address(octets: bytes) -> tuple[int, int, int]:
    """(area, file, element) of an address in text, `$N7:0`; -1 each where it is none (a symbol)."""
    found = _ADDRESS.match(octets.decode("latin-1").upper())
    if found is None or found[1] not in spec.LETTERS:
        return -1, -1, -1
    return spec.LETTERS[found[1]], int(found[2]) if found[2] else -1, int(found[3]) if found[3] else -1
