"""IEC 60870-5-104 as data: type identifications, causes, U frames and anomalies, with the clauses that define them.

101 is IEC 60870-5-101:2003, 104 is IEC 60870-5-104:2006. The dissector reads its tables from here; its reference page is generated from here.
Columns of `operations`: unit = common address of ASDU; function = type identification, of U frames 256 + control octet; subfunction = cause of
transmission; area = type identification; object = name of file of a file transfer, else the originator address where it is not 0; start =
information object address, count = elements (above 1 only of a sequence, SQ = 1); status = 0, or 1 + cause where the confirmation is negative;
transaction = send sequence number; request_frame and latency_ns of a confirmation: its activation, of an answered read command: that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from otwatch.actions import Action
from otwatch.protocols.spec import AnomalyKind

REFERENCES: Final = (
    "IEC 60870-5-104:2006, network access for IEC 60870-5-101 using standard transport profiles",
    "IEC 60870-5-101:2003, companion standard for basic telecontrol tasks",
    "IEC 60870-5-7:2013 and IEC 62351-5, secure authentication (types 81 to 95: named, not decoded)",
)

START: Final = 0x68
APCI_BYTES: Final = 6  # 104 5: start octet, length, four control octets
ASDU_BYTES: Final = 6  # 101 7: type, variable structure qualifier, cause, originator, common address
ADDRESS_BYTES: Final = 3  # 104 7.1: information object address
MAX_APDU_BYTES: Final = 255
U_FRAME: Final = 0x100  # function of a U frame: this and its first control octet
NEGATIVE: Final = 0x40  # bits of the cause of transmission (101 7.2.3)
TEST: Final = 0x80
BROADCAST: Final = 0xFFFF  # common address of all stations (101 7.2.4)


@dataclass(frozen=True, slots=True)
class AsduType:
    """One type identification. `element_bytes` without the time tag; -1: the length is not fixed."""

    code: int
    mnemonic: str  # the standard's own, C_SC_NA_1
    name: str
    element_bytes: int
    time_bytes: int
    action: Action
    layout: str  # how `values` reads an element
    control: bool  # sent by the controlling station

    @property
    def size(self) -> int:
        """Bytes of one information object behind its address; -1 when not fixed."""
        return -1 if self.element_bytes < 0 else self.element_bytes + self.time_bytes


def _pair(code: int, stem: str, name: str, size: int, layout: str, cp24: int | None, cp56: int) -> tuple[AsduType, ...]:
    """A kind of process information: without time, with the short time (101 only) and with the full time."""
    report = Action.REPORT
    found = [AsduType(code, f"M_{stem}_NA_1", name, size, 0, report, layout, False)]
    if cp24 is not None:
        found.append(AsduType(cp24, f"M_{stem}_TA_1", f"{name}_short_time", size, 3, report, layout, False))
    return (*found, AsduType(cp56, f"M_{stem}_TB_1", f"{name}_time", size, 7, report, layout, False))


def _command(code: int, stem: str, timed: int, name: str, size: int, layout: str, letters: str) -> tuple[AsduType, ...]:
    control = Action.CONTROL
    return (
        AsduType(code, f"C_{stem}_N{letters}_1", name, size, 0, control, layout, True),
        AsduType(timed, f"C_{stem}_T{letters}_1", f"{name}_time", size, 7, control, layout, True),
    )


_M, _C = False, True
TYPES: Final[Mapping[int, AsduType]] = {known.code: known for known in (
    *_pair(1, "SP", "single_point", 1, "siq", 2, 30),
    *_pair(3, "DP", "double_point", 1, "diq", 4, 31),
    *_pair(5, "ST", "step_position", 2, "vti qds", 6, 32),
    *_pair(7, "BO", "bitstring", 5, "bsi qds", 8, 33),
    *_pair(9, "ME", "normalized_value", 3, "nva qds", 10, 34),
    AsduType(11, "M_ME_NB_1", "scaled_value", 3, 0, Action.REPORT, "sva qds", _M),
    AsduType(12, "M_ME_TB_1", "scaled_value_short_time", 3, 3, Action.REPORT, "sva qds", _M),
    AsduType(13, "M_ME_NC_1", "short_float", 5, 0, Action.REPORT, "r32 qds", _M),
    AsduType(14, "M_ME_TC_1", "short_float_short_time", 5, 3, Action.REPORT, "r32 qds", _M),
    *_pair(15, "IT", "integrated_total", 5, "bcr", 16, 37),
    AsduType(17, "M_EP_TA_1", "protection_event_short_time", 3, 3, Action.REPORT, "sep cp16", _M),
    AsduType(18, "M_EP_TB_1", "protection_start_short_time", 4, 3, Action.REPORT, "spe qdp cp16", _M),
    AsduType(19, "M_EP_TC_1", "protection_output_short_time", 4, 3, Action.REPORT, "oci qdp cp16", _M),
    AsduType(20, "M_PS_NA_1", "packed_single_point", 5, 0, Action.REPORT, "scd qds", _M),
    AsduType(21, "M_ME_ND_1", "normalized_value_without_quality", 2, 0, Action.REPORT, "nva", _M),
    AsduType(34, "M_ME_TD_1", "normalized_value_time", 3, 7, Action.REPORT, "nva qds", _M),
    AsduType(35, "M_ME_TE_1", "scaled_value_time", 3, 7, Action.REPORT, "sva qds", _M),
    AsduType(36, "M_ME_TF_1", "short_float_time", 5, 7, Action.REPORT, "r32 qds", _M),
    AsduType(38, "M_EP_TD_1", "protection_event_time", 3, 7, Action.REPORT, "sep cp16", _M),
    AsduType(39, "M_EP_TE_1", "protection_start_time", 4, 7, Action.REPORT, "spe qdp cp16", _M),
    AsduType(40, "M_EP_TF_1", "protection_output_time", 4, 7, Action.REPORT, "oci qdp cp16", _M),
    AsduType(41, "S_IT_TC_1", "integrated_total_secure", -1, 0, Action.REPORT, "", _M),
    *_command(45, "SC", 58, "single_command", 1, "sco", "A"),
    *_command(46, "DC", 59, "double_command", 1, "dco", "A"),
    *_command(47, "RC", 60, "regulating_step_command", 1, "rco", "A"),
    *_command(48, "SE", 61, "set_point_normalized", 3, "nva qos", "A"),
    *_command(49, "SE", 62, "set_point_scaled", 3, "sva qos", "B"),
    *_command(50, "SE", 63, "set_point_float", 5, "r32 qos", "C"),
    *_command(51, "BO", 64, "bitstring_command", 4, "bsi", "A"),
    AsduType(70, "M_EI_NA_1", "end_of_initialization", 1, 0, Action.REPORT, "coi", _M),
    *(AsduType(code, f"S_{code}", f"authentication_{code}", -1, 0, Action.AUTHENTICATE, "", _C) for code in (*range(81, 88), *range(90, 96))),
    AsduType(100, "C_IC_NA_1", "interrogation", 1, 0, Action.READ, "qoi", _C),
    AsduType(101, "C_CI_NA_1", "counter_interrogation", 1, 0, Action.READ, "qcc", _C),
    AsduType(102, "C_RD_NA_1", "read_command", 0, 0, Action.READ, "", _C),
    AsduType(103, "C_CS_NA_1", "clock_synchronization", 0, 7, Action.TIME_SET, "", _C),
    AsduType(104, "C_TS_NA_1", "test_command", 2, 0, Action.DIAGNOSE, "fbp", _C),
    AsduType(105, "C_RP_NA_1", "reset_process", 1, 0, Action.RESTART, "qrp", _C),
    AsduType(106, "C_CD_NA_1", "delay_acquisition", 2, 0, Action.CONFIGURE, "cp16", _C),
    AsduType(107, "C_TS_TA_1", "test_command_time", 2, 7, Action.DIAGNOSE, "tsc", _C),
    AsduType(110, "P_ME_NA_1", "parameter_normalized", 3, 0, Action.CONFIGURE, "nva qpm", _C),
    AsduType(111, "P_ME_NB_1", "parameter_scaled", 3, 0, Action.CONFIGURE, "sva qpm", _C),
    AsduType(112, "P_ME_NC_1", "parameter_float", 5, 0, Action.CONFIGURE, "r32 qpm", _C),
    AsduType(113, "P_AC_NA_1", "parameter_activation", 1, 0, Action.CONFIGURE, "qpa", _C),
    AsduType(120, "F_FR_NA_1", "file_ready", 6, 0, Action.FILE, "nof lof frq", _M),
    AsduType(121, "F_SR_NA_1", "section_ready", 7, 0, Action.FILE, "nof nos lof srq", _M),
    AsduType(122, "F_SC_NA_1", "call_or_select_file", 4, 0, Action.FILE, "nof nos scq", _C),
    AsduType(123, "F_LS_NA_1", "last_section_or_segment", 5, 0, Action.FILE, "nof nos lsq chs", _M),
    AsduType(124, "F_AF_NA_1", "file_acknowledgement", 4, 0, Action.FILE, "nof nos afq", _C),
    AsduType(125, "F_SG_NA_1", "file_segment", -1, 0, Action.FILE, "nof nos segment", _M),
    AsduType(126, "F_DR_TA_1", "file_directory", 6, 7, Action.FILE, "nof lof sof", _M),
    AsduType(127, "F_SC_NB_1", "query_log", 16, 0, Action.FILE, "nof cp56 cp56", _C),
)}
CLOCK: Final = 103
READ: Final = 102
FILES: Final = frozenset(range(120, 128))

U_FRAMES: Final[Mapping[int, tuple[str, Action]]] = {  # 104 5.1, 5.3: first control octet
    0x07: ("start_data_transfer", Action.CONNECT), 0x0B: ("start_data_transfer_confirmation", Action.CONNECT),
    0x13: ("stop_data_transfer", Action.CONNECT), 0x23: ("stop_data_transfer_confirmation", Action.CONNECT),
    0x43: ("test_frame", Action.OTHER), 0x83: ("test_frame_confirmation", Action.OTHER),
}
CONFIRMS: Final[Mapping[int, int]] = {0x0B: 0x07, 0x23: 0x13, 0x83: 0x43}

CAUSES: Final[Mapping[int, str]] = {  # 101 7.2.3
    1: "periodic", 2: "background_scan", 3: "spontaneous", 4: "initialized", 5: "requested", 6: "activation", 7: "activation_confirmation",
    8: "deactivation", 9: "deactivation_confirmation", 10: "activation_termination", 11: "return_information_remote",
    12: "return_information_local", 13: "file_transfer", 14: "authentication", 15: "session_key_maintenance", 16: "user_role_maintenance",
    20: "interrogated_by_station", **{20 + group: f"interrogated_by_group_{group}" for group in range(1, 17)},
    37: "counters_requested_general", **{37 + group: f"counters_requested_group_{group}" for group in range(1, 5)},
    44: "unknown_type", 45: "unknown_cause", 46: "unknown_common_address", 47: "unknown_object_address",
}
REQUESTED: Final = 5
ACTIVATION: Final = 6
ACTIVATION_CONFIRMATION: Final = 7
DEACTIVATION: Final = 8
DEACTIVATION_CONFIRMATION: Final = 9
TERMINATION: Final = 10
UNKNOWN_TYPE_CAUSE: Final = 44
MOST_CAUSE: Final = 47

VALUE_ELEMENT: Final = 1  # value_kind: one element, time tag included
VALUE_SEQUENCE: Final = 2  # elements one after the other
VALUE_BYTES: Final = 3  # of a type whose length is not fixed

FUNCTIONS: Final[Mapping[int, str]] = {
    **{code: known.name for code, known in TYPES.items()}, **{U_FRAME + octet: name for octet, (name, _) in U_FRAMES.items()},
}
AREAS: Final[Mapping[int, str]] = {code: known.mnemonic for code, known in TYPES.items()}


class Anomaly(IntEnum):
    """Codes of ANOMALIES, as the dissector writes them."""

    TRUNCATED = 1
    TRAILING_BYTES = 2
    CONTROL_FIELD = 3
    UNKNOWN_TYPE = 4
    UNKNOWN_CAUSE = 5
    NO_OBJECTS = 6
    SEQUENCE_NUMBER = 7
    DATA_WHILE_STOPPED = 8
    UNASKED_CONFIRMATION = 9
    DIFFERENT_CONFIRMATION = 10
    WRONG_DIRECTION = 11
    REQUEST_FLOOD = 12


_DOCS: Final[Mapping[Anomaly, tuple[str, str]]] = {
    Anomaly.TRUNCATED: ("The ASDU is shorter than its type and number of objects need; the objects before are decoded.", "101 7.2"),
    Anomaly.TRAILING_BYTES: ("Bytes stand behind the last information object.", "101 7.2"),
    Anomaly.CONTROL_FIELD: ("The control octets are of no I, S or U frame.", "104 5.1"),
    Anomaly.UNKNOWN_TYPE: ("A type identification that is not defined: its objects were not decoded.", "101 7.2.1"),
    Anomaly.UNKNOWN_CAUSE: ("A cause of transmission that is not defined.", "101 7.2.3"),
    Anomaly.NO_OBJECTS: ("The number of information objects is 0.", "101 7.2.2"),
    Anomaly.SEQUENCE_NUMBER: ("The send sequence number does not follow the one before, and no packet is missing: the connection would be closed.",
                              "104 5.1"),
    Anomaly.DATA_WHILE_STOPPED: ("An I frame after data transfer was stopped: the receiver discards it.", "104 5.3"),
    Anomaly.UNASKED_CONFIRMATION: ("A confirmation of a command that nobody sent.", "101 7.2.3"),
    Anomaly.DIFFERENT_CONFIRMATION: ("A confirmation repeats another value than the command had.", "101 7.2.6"),
    Anomaly.WRONG_DIRECTION: ("A station that answers commands sends commands itself.", "101 7.2.1"),
    Anomaly.REQUEST_FLOOD: ("More commands wait for their confirmation than are kept.", ""),
}
# Of what is longer, or of another type than is known, a part is not decoded.
_HIDING: Final = frozenset({Anomaly.TRUNCATED, Anomaly.TRAILING_BYTES, Anomaly.CONTROL_FIELD, Anomaly.UNKNOWN_TYPE})
ANOMALIES: Final[tuple[AnomalyKind, ...]] = tuple(
    AnomalyKind(code=kind.value, name=kind.name.lower().replace("_", "-"), doc=doc, clause=clause, hides=kind in _HIDING)
    for kind, (doc, clause) in _DOCS.items())


def function_name(function: int, subfunction: int) -> str:
    """snake_case name of a type or U frame; a cancelled or completed command has a name of its own."""
    name = FUNCTIONS.get(function, f"type_{function}" if function < U_FRAME else f"u_frame_{function - U_FRAME:02x}")
    known = TYPES.get(function)
    if known is not None and known.control and known.action is not Action.FILE:
        if subfunction in (DEACTIVATION, DEACTIVATION_CONFIRMATION):
            return f"{name}_cancelled"
        if subfunction == TERMINATION:
            return f"{name}_completed"
    return name


def status_name(status: int) -> str:
    """`ok`, or why a confirmation is negative."""
    if status == 0:
        return "ok"
    cause = status - 1
    return f"negative:{CAUSES[cause]}" if cause >= UNKNOWN_TYPE_CAUSE and cause in CAUSES else "negative"


def unit_name(unit: int) -> str:
    """How a station behind an address is called."""
    return "all stations" if unit == BROADCAST else f"common address {unit}"


def object_name(row: Mapping[str, int]) -> str:
    """`IOA 4001`, `IOA 700-715`, `file 3`."""
    if row["area"] in FILES and row["object"] >= 0:
        return f"file {row['object']}"
    start, count = row["start"], row["count"]
    if start < 0 or row["area"] < 0:
        return ""
    return f"IOA {start}-{start + count - 1}" if count > 1 else f"IOA {start}"
