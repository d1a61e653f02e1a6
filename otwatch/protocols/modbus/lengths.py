"""Where a Modbus message ends by its own content, and which one answers which: evidence against a length field that says more than there is."""

from __future__ import annotations

from otwatch.protocols.modbus.spec import FUNCTION_TABLE, Shape

_SHAPES = {code: function.shape for code, function in FUNCTION_TABLE.items()}
_HEAD = 8  # MBAP header and function code


def _sizes(data: bytes, direction: int) -> list[int]:
    """The lengths that the content allows, that of its own direction first; empty where it does not tell, or not yet."""
    function = data[7]
    if function & 0x80:
        return [_HEAD + 1]
    shape = _SHAPES.get(function, Shape.OPAQUE)
    counted = _HEAD + 1 + data[8] if len(data) > 8 else 0  # a byte count right behind the function
    asked = replied = 0
    if shape in (Shape.READ_BITS, Shape.READ_REGISTERS):
        asked, replied = _HEAD + 4, counted
    elif shape in (Shape.WRITE_COIL, Shape.WRITE_REGISTER):
        asked = replied = _HEAD + 4
    elif shape in (Shape.WRITE_BITS, Shape.WRITE_REGISTERS):
        asked, replied = (_HEAD + 5 + data[12] if len(data) > 12 else 0), _HEAD + 4
    elif shape == Shape.MASK:
        asked = replied = _HEAD + 6
    elif shape == Shape.READ_WRITE:
        asked, replied = (_HEAD + 9 + data[16] if len(data) > 16 else 0), counted
    elif shape in (Shape.READ_FILE, Shape.WRITE_FILE):
        asked = replied = counted
    elif shape == Shape.FIFO:
        asked, replied = _HEAD + 2, (_HEAD + 2 + (data[8] << 8 | data[9]) if len(data) > 9 else 0)
    elif shape == Shape.MEI and data[8:9] == b"\x0e":
        asked = _HEAD + 3
    if (asked if direction == 0 else replied) == 0:
        return []
    return [asked, replied] if direction == 0 else [replied, asked]


def ends(data: bytes, direction: int, length: int) -> int:
    """See Framing.ends."""
    if len(data) < _HEAD:
        return 0
    sizes = _sizes(data, direction)
    if not sizes:
        return 0
    return -1 if length in sizes or sizes[0] > length else sizes[0]


def pairs(asked: bytes, replied: bytes) -> bool:
    """Transaction, unit and function are the same. Function 0 is none (V1.1b3 section 4.1): headers of other protocols are zeros there, too."""
    if len(asked) >= _HEAD and asked[7] & 0x7F == 0:
        return False
    return len(asked) >= _HEAD <= len(replied) and asked[:2] == replied[:2] and asked[6] == replied[6] and (asked[7] ^ replied[7]) & 0x7F == 0
