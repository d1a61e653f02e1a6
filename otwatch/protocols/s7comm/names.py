"""How the numbers in rows are called, as people of the field write them: DB1.DBX0.0, MW10, OB1, SZL 0x0011."""

from __future__ import annotations

from collections.abc import Mapping

from otwatch.protocols.s7comm import spec
from otwatch.protocols.s7comm.blocks import block_name, child_name
from otwatch.protocols.s7comm.errors import error_name
from otwatch.protocols.s7comm.services import SERVICES
from otwatch.protocols.s7comm.spec import BLOCK_TYPES, FUNCTIONS, GROUPS, NCK_AREAS, SUBFUNCTIONS, TRANSPORT_SIZES

FUNCTION_NAMES: dict[int, str] = {
    spec.COTP: "cotp", spec.ANSWER: "answer", **GROUPS, **{code: function.name for code, function in FUNCTIONS.items() if code},
}
_LETTERS = {0x80: "P", 0x81: "I", 0x82: "Q", 0x83: "M", 0x86: "L", 0x87: "V"}
_WIDTHS = {1: "", 2: "B", 3: "B", 4: "W", 5: "W", 6: "D", 7: "D", 8: "D", 9: "W", 10: "D", 11: "D", 12: "W"}
_UPLOAD_IDS = frozenset({spec.START_UPLOAD, spec.UPLOAD, spec.END_UPLOAD})


def function_name(function: int, subfunction: int) -> str:
    """The name of a row's function: COTP by TPDU type, job functions by code, userdata (subfunction not -1) by group and subfunction."""
    if function == spec.COTP:
        return spec.COTP_NAMES.get(subfunction, "cotp")  # type: ignore[call-overload, no-any-return]
    if function == spec.PI_SERVICE and subfunction >= 0:
        return SERVICES[subfunction].name if subfunction < len(SERVICES) else "pi_service"
    if subfunction >= 0 and (function in GROUPS or function < 0x1A):
        known = SUBFUNCTIONS.get((function, subfunction))
        return known.name if known else f"{GROUPS.get(function, f'group_{function:#04x}')}_{subfunction:#04x}"
    return FUNCTION_NAMES.get(function, f"function_{function:#04x}")


def unit_name(unit: int) -> str:
    """`rack 0 slot 2`; empty where the connection's TSAP was not seen."""
    return child_name(unit)


def status_name(status: int) -> str:
    """Item return codes, error class and code of the header, error codes of userdata, reasons of COTP disconnects."""
    if status == 0:
        return "ok"
    if status >= spec.TPDU_ERROR_STATUS:
        return f"tpdu_error:{status - spec.TPDU_ERROR_STATUS}"
    if status >= spec.DISCONNECT_STATUS:
        reason = status - spec.DISCONNECT_STATUS
        return f"disconnected:{spec.DISCONNECT_REASONS.get(reason, reason)}"
    if status < 0x100:
        return spec.RETURN_CODES.get(status, f"error:{status:#04x}")
    return error_name(status)


def _variable(area: int, number: int, start: int, count: int, size: int) -> str:
    """An address in a byte area: one variable by its width, several as start, type and count."""
    if area in (spec.AREA_DB, 0x85):
        stem = f"DB{number}." if area == spec.AREA_DB else f"DI{number}."
        letter = "DB" if area == spec.AREA_DB else "DI"
    else:
        stem, letter = "", _LETTERS.get(area, spec.AREAS.get(area, "?"))
    byte, bit = start >> 3, start & 7
    marker = "X" if stem else ""
    if size == 1 and count == 1:
        return f"{stem}{letter}{marker}{byte}.{bit}"
    if count == 1 and not bit and _WIDTHS.get(size):
        return f"{stem}{letter}{_WIDTHS[size]}{byte}"
    kind = TRANSPORT_SIZES[size][0] if size in TRANSPORT_SIZES else ""
    return " ".join(part for part in (f"{stem}{letter}{marker}{byte}.{bit}", kind, str(count) if count >= 0 else "") if part)


def object_name(row: Mapping[str, int]) -> str:
    """What a row is about, from its area, object, start and count (and value_kind where the row has one)."""
    function, area, number = row["function"], row["area"], row["object"]
    start, count = row["start"], row["count"]
    if function in (spec.COTP, spec.SETUP):
        return ""
    if area in BLOCK_TYPES:
        return block_name(area, number) if number >= 0 else BLOCK_TYPES[area]
    if function == spec.CPU and row["subfunction"] == 1:
        return f"SZL {number:#06x} index {start:#06x}" if number >= 0 else ""
    if area in (spec.AREA_TIMER, spec.AREA_COUNTER):
        letter = spec.AREAS[area]
        return f"{letter}{start}" if count <= 1 else f"{letter}{start}..{letter}{start + count - 1}"
    if area == spec.AREA_RECORD:
        return f"record {number} of module {start}"
    if spec.AREA_NCK <= area < spec.AREA_NCK + len(NCK_AREAS):
        return f"NCK {NCK_AREAS[area - spec.AREA_NCK]}{number >> 8} module {number & 255:#04x} column {start & 0xFFFF} line {start >> 16}"
    if area == spec.AREA_DRIVE:
        return f"drive parameter p{number}[{start}]"
    if 0x240 <= area < 0x260:
        return f"DB{number} symbol {start:#x}" if area == spec.AREA_SYMBOLIC_DB else f"{spec.AREAS.get(area, '?')[0]} symbol {start:#x}"
    if area >= 0 and start >= 0:
        return _variable(area, number, start, count, row.get("value_kind", 0))
    if function == spec.PBC:
        return f"R_ID {number:#x}" if number >= 0 else ""
    if number >= 0 and function == spec.CPU:
        return f"event {number:#010x}"
    return f"{number}" if number >= 0 else ""


def point_place(row: Mapping[str, int]) -> tuple[int, ...]:
    """Variables are addressed in bits and counted in elements: only what is the same range as a whole tells its value before."""
    return row["unit"], row["area"], row["object"], row["start"], row["count"]
