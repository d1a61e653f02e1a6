"""How Modbus is cut out of a stream, and told from what is not Modbus.

Modbus/TCP (and UDP) has the MBAP header: transaction, protocol 0, length, unit (TCP 3.1.3). A serial line behind a converter has none:
RTU frames end with a CRC and their length follows from the function (SERIAL 2.5.1).
"""

from __future__ import annotations

from functools import lru_cache

from otwatch.protocols.modbus.lengths import ends, pairs
from otwatch.protocols.modbus.spec import FUNCTION_TABLE, MAX_ADU_BYTES, UMAS_FUNCTION, Shape
from otwatch.protocols.spec import Framing, Verdict

_LOOK = 256  # bytes that a probe is shown at most
_SHAPES = {code: function.shape for code, function in FUNCTION_TABLE.items()}


def _plausible(function: int, data: bytes, length: int) -> int:
    """How well `length` data bytes, of which `data` is there, fit a function: 0 not at all, 1 nothing speaks against it, 2 its shape is right."""
    shape = _SHAPES.get(function & 0x7F, Shape.OPAQUE)
    first = data[0] if data else -1
    if function == 0:
        return 0
    if function & 0x80:
        return 2 if length == 1 and 0 < first <= 11 else 0
    counted = first == length - 1
    if shape in (Shape.READ_BITS, Shape.READ_REGISTERS):
        if length == 4:
            return 2 if counted or _quantity_fits(function, data) else 1
        return 2 if length > 1 and counted else 0
    if shape in (Shape.WRITE_COIL, Shape.WRITE_REGISTER):
        return 2 if length == 4 else 0
    if shape in (Shape.WRITE_BITS, Shape.WRITE_REGISTERS):
        return 2 if length == 4 or (length > 5 and (len(data) < 5 or data[4] == length - 5)) else 0
    if shape == Shape.MASK:
        return 2 if length == 6 else 0
    if shape == Shape.READ_WRITE:
        return 2 if counted or (length > 10 and (len(data) < 9 or data[8] == length - 9)) else 0
    if shape in (Shape.READ_FILE, Shape.WRITE_FILE):
        return 2 if counted and length > 3 else 0
    if shape == Shape.STATUS:
        return 1 if length == 0 or (length == 1 if function == 7 else length == 4 if function == 11 else counted) else 0
    if shape == Shape.FIFO:
        return 1 if length == 2 or (length >= 4 and data[:2] == (length - 2).to_bytes(2, "big")) else 0
    if shape == Shape.DIAGNOSTIC:
        return 1 if length >= 4 and first == 0 else 0
    if shape == Shape.MEI:
        return 2 if first in (13, 14) else 0
    return 1


def _quantity_fits(function: int, data: bytes) -> bool:
    """Whether a read asks for as many as one response can hold; a quantity that is not there is believed."""
    return len(data) < 4 or 1 <= data[2] << 8 | data[3] <= FUNCTION_TABLE[function].max_count


def _one_role(function: int, data: bytes, length: int) -> int:
    """0 when the data can only be of a request, 1 when only of a response, -1 when it cannot be told."""
    shape = _SHAPES.get(function & 0x7F, Shape.OPAQUE)
    if function & 0x80:
        return 1
    if shape == Shape.READ_REGISTERS or (shape == Shape.READ_BITS and (length != 4 or data[:1] != b"\x03")):
        return 0 if length == 4 else 1
    if shape in (Shape.WRITE_BITS, Shape.WRITE_REGISTERS):
        return 1 if length == 4 else 0
    if shape == Shape.STATUS:
        return 0 if length == 0 else 1
    return -1


def _probe_adus(data: bytes, direction: int, *, any_protocol: bool) -> Verdict:
    """A transaction number says nothing, so the same poll in ever new connections is probed once."""
    return _probed(bytes(2) + data[2:] if len(data) > 2 else data, direction, any_protocol)


@lru_cache(maxsize=1024)
def _probed(data: bytes, direction: int, any_protocol: bool) -> Verdict:
    """YES: every ADU that is there has a function whose shape its length fits. NO also when the first is of the other side: the client
    (direction 0) asks. UNSURE: as far as can be seen."""
    at, good, sure = 0, 0, 0
    while at < len(data):
        left = data[at:]
        if len(left) > 2 and any(left[2:4]) and not any_protocol:
            return Verdict.NO
        if len(left) < 8:
            break  # the rest of a header is still to come
        length = left[4] << 8 | left[5]
        function = left[7]
        if not 2 <= length <= MAX_ADU_BYTES - 6 or (length > 254 and function & 0x7F != UMAS_FUNCTION):
            return Verdict.NO
        fit = _plausible(function, left[8:6 + length], length - 2)
        if fit == 0:  # malformed, yet perhaps Modbus, if it is alone and all there
            alone = at == 0 and len(left) == min(6 + length, _LOOK)
            believable = length >= 4 and (function & 0x7F in FUNCTION_TABLE or function == 0)
            return Verdict.UNSURE if alone and believable and not any_protocol else Verdict.NO
        if at == 0 and fit == 2 and _one_role(function, left[8:6 + length], length - 2) == 1 - direction:
            return Verdict.NO
        if len(left) >= 6 + length:
            good += function & 0x7F in FUNCTION_TABLE
            sure += fit == 2
        at += 6 + length
    return Verdict.YES if (sure or good > 1) and not any_protocol else Verdict.UNSURE


def probe_mbap(data: bytes, direction: int) -> Verdict:
    """Modbus/TCP and UDP: protocol 0, a length that ends the bytes or leads to the next header, a function that fits; so no TLS, no HTTP."""
    return _probe_adus(data, direction, any_protocol=False)


def probe_other_protocol(data: bytes, direction: int) -> Verdict:
    """The same with another protocol identifier, which lenient servers do not look at: UNSURE at best, so on Modbus ports only."""
    if len(data) >= 4 and data[2:4] == b"\x00\x00":
        return Verdict.NO
    return _probe_adus(data, direction, any_protocol=True)


def probe_rtu(data: bytes, direction: int) -> Verdict:
    """YES when the bytes are RTU frames of functions with a known length, whose CRC is right and that ask for what can be had.

    Other serial protocols of the field end with the same CRC (ROC), and their shortest messages are as long as a read request. Frames to
    units that there are none of on a line (above 247, SERIAL 2.2) prove nothing either way.
    """
    from otwatch.protocols.modbus.rtu import cut_rtu  # noqa: PLC0415 - compiled, and seldom needed

    at, good, sure, odd = 0, 0, 0, 0
    while at < len(data):
        length = cut_rtu(memoryview(data), at, len(data), direction)
        if length < 0:
            return Verdict.NO
        if length == 0:
            break
        function, body = data[at + 1], data[at + 2:at + length - 2]
        if at == 0 and _one_role(function, body, len(body)) == 1 - direction:
            return Verdict.NO
        fit = _plausible(function, body, len(body))
        good += data[at] <= 247
        sure += data[at] <= 247 and fit == 2
        odd += fit == 0 or (fit == 1 and _SHAPES.get(function) in (Shape.READ_BITS, Shape.READ_REGISTERS))
        at += length
    return Verdict.YES if (sure or good > 1) and not odd else Verdict.UNSURE


def answers_rtu(asked: bytes, replied: bytes) -> bool:
    """Whether both hold a frame of the same unit and function."""
    from otwatch.protocols.modbus.rtu import cut_rtu  # noqa: PLC0415 - compiled, and seldom needed

    seen: list[set[tuple[int, int]]] = [set(), set()]
    for direction, data in enumerate((asked, replied)):
        at = 0
        while at < len(data):
            length = cut_rtu(memoryview(data), at, len(data), direction)
            if length <= 0:
                break
            seen[direction].add((data[at], data[at + 1] & 0x7F))
            at += length
    return not seen[0].isdisjoint(seen[1])


def _cut_rtu(data: memoryview, start: int, end: int, direction: int) -> int:
    from otwatch.protocols.modbus.rtu import cut_rtu  # noqa: PLC0415 - compiled, and seldom needed

    return int(cut_rtu(data, start, end, direction))


FRAMINGS = (
    Framing(name="mbap", header_bytes=8, magic=((2, 0xFF, 0), (3, 0xFF, 0)), length_at=4, length_bytes=2, length_add=6, min_bytes=8,
            max_bytes=MAX_ADU_BYTES, probe=probe_mbap, tells_end=True, ends=ends, pairs=pairs,
            both_sides=True),
    Framing(name="rtu", header_bytes=4, min_bytes=4, max_bytes=256, cut=_cut_rtu, probe=probe_rtu, answers=answers_rtu),
    Framing(name="mbap-other-protocol", header_bytes=8, magic=((4, 0xF8, 0),), length_at=4, length_bytes=2, length_add=6, min_bytes=8,
            max_bytes=MAX_ADU_BYTES, probe=probe_other_protocol, stand_in=True),
)
