"""PCCC as data: commands, functions, file types, statuses and anomalies of the DF1 command set, with the chapters that define them.

Chapters are those of Rockwell publication 1770-6.5.16 (October 1996), "DF1 Protocol and Command Set". The dissector reads its tables from here; its
reference page is generated from here. Columns of `operations`: function = command (CMD) without the bit of a reply; subfunction = function (FNC),
-1 of commands that have none; area = file type code, for a word inside a structure (PRE and ACC of a timer) AREA_WORD * its place more; object =
file number; start = element; count = elements, words where one word of a structure is meant, bytes where the type of the file is not known;
status = 0, the status byte (STS), or EXTENDED + the extended status byte; CIP + its status where CIP refused; transaction = transaction number.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from otwatch.actions import Action
from otwatch.names import NAMES, is_name
from otwatch.protocols.spec import AnomalyKind

REFERENCES: Final = (
    "Rockwell Automation 1770-6.5.16, DF1 Protocol and Command Set: chapters 6 (packets), 7 (commands), 8 (status codes), 10 (diagnostic status), "
    "13 (addresses)",
    "Rockwell Automation 1756-PM020, Logix5000 Data Access: Execute PCCC, service 0x4B of class 0x67",
)

REPLY: Final = 0x40  # bit of CMD
DIAGNOSE: Final = 0x06
MODE: Final = 0x07
COMMAND: Final = 0x0F
EXTENDED: Final = 0x100  # status: EXTENDED + EXT STS
CIP: Final = 0x1000  # status: CIP + general status | extended status << 8, where CIP refused to execute
STS_EXTENDED: Final = 0xF0
AREA_WORD: Final = 0x100
WORDS: Final = 0xFF  # of an area: places above the file type

_A = Action
COMMANDS: Final[Mapping[int, tuple[str, Action]]] = {  # 7: those without a function
    0x00: ("protected_write", _A.WRITE), 0x01: ("unprotected_read", _A.READ), 0x02: ("protected_bit_write", _A.WRITE),
    0x03: ("physical_write", _A.PROGRAM_DOWNLOAD), 0x04: ("physical_read", _A.PROGRAM_UPLOAD), 0x05: ("unprotected_bit_write", _A.WRITE),
    0x08: ("unprotected_write", _A.WRITE),
}
DIAGNOSTICS: Final[Mapping[int, tuple[str, Action]]] = {  # FNC of CMD 06
    0x00: ("echo", _A.DIAGNOSE), 0x01: ("read_diagnostic_counters", _A.DIAGNOSE), 0x02: ("set_variables", _A.CONFIGURE),
    0x03: ("diagnostic_status", _A.IDENTIFY), 0x04: ("set_timeout", _A.CONFIGURE), 0x05: ("set_naks", _A.CONFIGURE), 0x06: ("set_enqs", _A.CONFIGURE),
    0x07: ("reset_diagnostic_counters", _A.CONFIGURE), 0x08: ("set_data_table_size", _A.CONFIGURE), 0x09: ("read_link_parameters", _A.DIAGNOSE),
    0x0A: ("set_link_parameters", _A.CONFIGURE),
}
MODES: Final[Mapping[int, tuple[str, Action]]] = {  # FNC of CMD 07
    0x00: ("disable_outputs", _A.STOP), 0x01: ("enable_outputs", _A.START), 0x03: ("enable_scanning", _A.START),
    0x04: ("enter_download_mode", _A.PROGRAM_DOWNLOAD), 0x05: ("exit_download_or_upload_mode", _A.PROGRAM_DOWNLOAD),
    0x06: ("enter_upload_mode", _A.PROGRAM_UPLOAD),
}
FUNCTIONS_0F: Final[Mapping[int, tuple[str, Action]]] = {
    0x00: ("word_range_write", _A.WRITE), 0x01: ("word_range_read", _A.READ), 0x02: ("bit_write", _A.WRITE), 0x03: ("file_write", _A.WRITE),
    0x04: ("file_read", _A.READ), 0x05: ("download_request", _A.PROGRAM_DOWNLOAD), 0x06: ("upload_request", _A.PROGRAM_UPLOAD),
    0x07: ("shutdown", _A.STOP), 0x08: ("physical_write_range", _A.PROGRAM_DOWNLOAD), 0x09: ("physical_read_range", _A.PROGRAM_UPLOAD),
    0x0A: ("restart_request", _A.RESTART), 0x11: ("get_edit_resource", _A.CONFIGURE), 0x12: ("return_edit_resource", _A.CONFIGURE),
    0x17: ("read_bytes_physical", _A.PROGRAM_UPLOAD), 0x18: ("write_bytes_physical", _A.PROGRAM_DOWNLOAD), 0x26: ("read_modify_write", _A.WRITE),
    0x29: ("read_section_size", _A.DIAGNOSE), 0x3A: ("set_cpu_mode", _A.CONFIGURE), 0x41: ("disable_forces", _A.FORCE),
    0x50: ("download_all_request", _A.PROGRAM_DOWNLOAD), 0x52: ("download_completed", _A.PROGRAM_DOWNLOAD),
    0x53: ("upload_all_request", _A.PROGRAM_UPLOAD), 0x55: ("upload_completed", _A.PROGRAM_UPLOAD), 0x57: ("initialize_memory", _A.PROGRAM_DELETE),
    0x5E: ("modify_plc2_compatibility_file", _A.CONFIGURE), 0x67: ("typed_write", _A.WRITE), 0x68: ("typed_read", _A.READ),
    0x79: ("read_modify_write_n", _A.WRITE), 0x80: ("change_mode", _A.CONFIGURE), 0x81: ("open_file", _A.FILE), 0x82: ("close_file", _A.FILE),
    0x88: ("execute_multiple", _A.OTHER), 0x8F: ("apply_port_configuration", _A.CONFIGURE), 0xA1: ("protected_typed_logical_read_2", _A.READ),
    0xA2: ("protected_typed_logical_read_3", _A.READ), 0xA3: ("read_address_list", _A.READ), 0xA7: ("protected_typed_file_read", _A.READ),
    0xA9: ("protected_typed_logical_write_2", _A.WRITE), 0xAA: ("protected_typed_logical_write_3", _A.WRITE),
    0xAB: ("protected_typed_logical_write_mask", _A.WRITE), 0xAF: ("protected_typed_file_write", _A.WRITE),
}
FUNCTIONS_OF: Final[Mapping[int, Mapping[int, tuple[str, Action]]]] = {DIAGNOSE: DIAGNOSTICS, MODE: MODES, COMMAND: FUNCTIONS_0F}
GROUPS: Final[Mapping[int, str]] = {DIAGNOSE: "diagnose", MODE: "mode", COMMAND: "command"}
# Mode of change_mode (SLC 500, MicroLogix) and of set_cpu_mode (PLC-5). In test the program runs and the outputs are off.
CHANGE_MODE: Final[Mapping[int, tuple[str, Action]]] = {
    0x01: ("program", _A.STOP), 0x06: ("run", _A.START), 0x07: ("test_continuous", _A.STOP), 0x08: ("test_single_scan", _A.STOP),
    0x09: ("test_debug", _A.STOP),
}
SET_CPU_MODE: Final[Mapping[int, tuple[str, Action]]] = {0x00: ("program", _A.STOP), 0x01: ("test", _A.STOP), 0x02: ("run", _A.START)}


class Layout(IntEnum):
    """How the parameters of a function are laid out (7)."""

    NONE = 0
    FIELDS_2 = 1  # size, file, type, element
    FIELDS_3 = 2  # and sub-element
    FILE = 3  # size, tag, offset, type
    RANGE_READ = 4  # packet offset, total transactions, address, size
    RANGE_WRITE = 5  # packet offset, total transactions, address, data
    TYPED_READ = 6  # packet offset, total transactions, address, elements
    TYPED_WRITE = 7  # packet offset, total transactions, address, type and data
    ADDRESSES = 8  # address, masks; repeated
    LIST = 9  # addresses of 16 bits
    MULTIPLE = 10  # number; length, function, parameters of each
    PLC2 = 11  # address of a byte, size or data


LAYOUTS: Final[Mapping[int, Layout]] = {  # by FNC of CMD 0F
    0x00: Layout.RANGE_WRITE, 0x01: Layout.RANGE_READ, 0x02: Layout.ADDRESSES, 0x26: Layout.ADDRESSES, 0x67: Layout.TYPED_WRITE,
    0x68: Layout.TYPED_READ, 0x79: Layout.ADDRESSES, 0x88: Layout.MULTIPLE, 0xA1: Layout.FIELDS_2, 0xA2: Layout.FIELDS_3, 0xA3: Layout.LIST,
    0xA7: Layout.FILE, 0xA9: Layout.FIELDS_2, 0xAA: Layout.FIELDS_3, 0xAB: Layout.FIELDS_3, 0xAF: Layout.FILE,
}
WRITES: Final = frozenset({0xA9, 0xAA, 0xAB, 0xAF})  # of those with fields: what follows the address is written
MASKED: Final = 0xAB

# File type: letter of its addresses, name, bytes of an element (0: not known).
FILE_TYPES: Final[Mapping[int, tuple[str, str, int]]] = {
    0x82: ("O", "output", 2), 0x83: ("I", "input", 2), 0x84: ("S", "status", 2), 0x85: ("B", "binary", 2), 0x86: ("T", "timer", 6),
    0x87: ("C", "counter", 6), 0x88: ("R", "control", 6), 0x89: ("N", "integer", 2), 0x8A: ("F", "float", 4), 0x8B: ("O", "output_logical", 2),
    0x8C: ("I", "input_logical", 2), 0x8D: ("ST", "string", 84), 0x8E: ("A", "ascii", 2), 0x8F: ("D", "bcd", 2), 0x91: ("L", "long", 4),
    0x92: ("MG", "message", 50), 0x93: ("PD", "pid", 46), 0x94: ("PLS", "limit_switch", 12),
    0xA1: ("O", "output_force", 4), 0xA2: ("I", "input_force", 4),
    0x22: ("LAD", "ladder", 0), 0x49: ("CFG", "channel_configuration", 0), 0x4A: ("ENI", "ethernet_function", 0), 0x65: ("EDIT", "online_editing", 0),
    0x6A: ("IOS", "io_function", 0), 0xA5: ("DLG", "data_log", 0), 0xE0: ("ES0", "es0_function", 0), 0xE2: ("STI", "sti_function", 0),
    0xE3: ("EII", "eii_function", 0), 0xE4: ("RTC", "real_time_clock", 0), 0xE5: ("BHI", "base_hardware", 0), 0xE6: ("MMI", "memory_module", 0),
    0xEC: ("LCD", "lcd_function", 0), 0xED: ("PTOX", "pulse_train", 0), 0xEE: ("PWMX", "pulse_width", 0),
}
FORCES: Final = frozenset({0xA1, 0xA2})
PROGRAMS: Final = frozenset({0x22, 0x65})  # read, it is uploaded; written, downloaded
CLOCK: Final = 0xE4
_STRUCTURES: Final[Mapping[int, tuple[str, ...]]] = {0x86: ("PRE", "ACC"), 0x87: ("PRE", "ACC"), 0x88: ("LEN", "POS")}
AREAS: Final[Mapping[int, str]] = {
    **{code: name for code, (_, name, _) in FILE_TYPES.items()},
    **{code | AREA_WORD * at: f"{FILE_TYPES[code][1]}_{word.lower()}" for code, words in _STRUCTURES.items() for at, word in enumerate(words, 1)},
}
LETTERS: Final[Mapping[str, int]] = {  # of addresses in text
    "O": 0x8B, "I": 0x8C, "S": 0x84, "B": 0x85, "T": 0x86, "C": 0x87, "R": 0x88, "N": 0x89, "F": 0x8A, "ST": 0x8D, "A": 0x8E, "D": 0x8F, "L": 0x91,
}

STATUSES: Final[Mapping[int, str]] = {  # 8: STS of the remote node, then of the local one
    0x10: "illegal_command", 0x20: "host_has_a_problem", 0x30: "remote_host_missing", 0x40: "hardware_fault", 0x50: "addressing_problem",
    0x60: "command_protection", 0x70: "in_program_mode", 0x80: "compatibility_file_missing", 0x90: "cannot_buffer", 0xA0: "wait_ack",
    0xB0: "download_problem", 0xC0: "wait_ack", 0x01: "no_buffer", 0x02: "not_delivered", 0x03: "duplicate_token", 0x04: "port_disconnected",
    0x05: "timeout", 0x06: "duplicate_node", 0x07: "station_offline", 0x08: "hardware_fault_local",
}
EXTENDED_STATUSES: Final[Mapping[int, str]] = {
    0x01: "illegal_value", 0x02: "too_few_levels", 0x03: "too_many_levels", 0x04: "symbol_not_found", 0x05: "symbol_format", 0x06: "address_unusable",
    0x07: "wrong_size", 0x08: "situation_changed", 0x09: "too_large", 0x0A: "size_plus_address_too_large", 0x0B: "access_denied",
    0x0C: "resource_not_available", 0x0D: "resource_already_available", 0x0E: "cannot_be_executed", 0x0F: "histogram_overflow", 0x10: "no_access",
    0x11: "illegal_data_type", 0x12: "invalid_parameter", 0x13: "deleted_area", 0x14: "unknown_failure", 0x15: "data_conversion",
    0x16: "rack_not_reachable", 0x17: "type_mismatch", 0x18: "module_response", 0x19: "duplicate_label", 0x1A: "file_open_by_another",
    0x1B: "another_program_owner", 0x1E: "data_protected", 0x1F: "internal_problem", 0x22: "rack_fault", 0x23: "timeout", 0x24: "unknown_error",
}
STATES: Final[Mapping[int, str]] = {  # 10: mode in the diagnostic status of SLC 500 and MicroLogix, five bits
    0x00: "program (download)", 0x01: "program", 0x03: "suspended (idle)", 0x06: "run", 0x07: "test (continuous)", 0x08: "test (single scan)",
    0x10: "download", 0x11: "program (key)", 0x1B: "suspended (key)", 0x1E: "run (key)",
}

VALUE_DATA: Final = 1  # value_kind: elements of the row's area
VALUE_MASKED: Final = 2  # a mask of 16 bits, then data
VALUE_BYTES: Final = 3  # bytes whose type is not known
VALUE_TYPED: Final = 4  # PLC-5: a flag byte of type and size, then data
VALUE_MASKS: Final = 5  # PLC-5: AND mask, OR mask


class Anomaly(IntEnum):
    """Codes of ANOMALIES, as the dissector writes them."""

    TRUNCATED = 1
    REQUESTOR = 2
    UNKNOWN_FUNCTION = 3
    SIZE = 4
    UNASKED_RESPONSE = 5
    DIFFERENT_RESPONSE = 6
    CONFLICTING_RESPONSE = 7
    TOO_MANY_ITEMS = 8


_DOCS: Final[Mapping[Anomaly, tuple[str, str]]] = {
    Anomaly.TRUNCATED: ("The command ends before its fields do.", "1770-6.5.16 7"),
    Anomaly.REQUESTOR: ("The requestor id is longer than the message, or shorter than its parts: the command was not decoded.", "1756-PM020"),
    Anomaly.UNKNOWN_FUNCTION: ("A command or function that is not defined: its parameters were not decoded.", "1770-6.5.16 7"),
    Anomaly.SIZE: ("The data of a write are not as long as its size says.", "1770-6.5.16 7"),
    Anomaly.UNASKED_RESPONSE: ("A response to a transaction that no request began.", "1770-6.5.16 6"),
    Anomaly.DIFFERENT_RESPONSE: ("A response to another command than the one that its transaction began with.", "1770-6.5.16 6"),
    Anomaly.CONFLICTING_RESPONSE: ("A second response to a transaction, with other contents.", "1770-6.5.16 6"),
    Anomaly.TOO_MANY_ITEMS: ("A message holds more commands than one message is given rows for.", ""),
}
_HIDES: Final = frozenset({Anomaly.REQUESTOR, Anomaly.TOO_MANY_ITEMS})
ANOMALIES: Final[tuple[AnomalyKind, ...]] = tuple(
    AnomalyKind(code=kind.value, name=kind.name.lower().replace("_", "-"), doc=doc, clause=clause, hides=kind in _HIDES)
    for kind, (doc, clause) in _DOCS.items())


def function_name(function: int, subfunction: int) -> str:
    """snake_case name of a command or of its function."""
    known = FUNCTIONS_OF.get(function)
    if known is None:
        return COMMANDS[function][0] if function in COMMANDS else f"command_{function:#04x}"
    if subfunction in known:
        return known[subfunction][0]
    return f"command_{function:#04x}" if subfunction < 0 else f"function_{function:#04x}_{subfunction:#04x}"


def status_name(status: int) -> str:
    """`ok`, `error:illegal_command`, `error:access_denied`, or of CIP `error:cip:0x08`."""
    if status == 0:
        return "ok"
    if status >= CIP:
        return f"error:cip:{status - CIP:#04x}"
    if status >= EXTENDED:
        return f"error:{EXTENDED_STATUSES.get(status - EXTENDED, f'extended_{status - EXTENDED:#04x}')}"
    return f"error:{STATUSES.get(status, f'{status:#04x}')}"


def unit_name(unit: int) -> str:
    """How a module is called: by its slot, or by the route to it."""
    if unit < 0:
        return ""
    return f"path {NAMES.text(unit)}" if is_name(unit) else f"slot {unit}"


def object_name(row: Mapping[str, int]) -> str:
    """`N7:0`, `T4:2.ACC`, `B3:1`, `#22:0` where the type of the file is not known, `@16` of an address of PLC-2."""
    area, number, start = row["area"], row["object"], row["start"]
    if area < 0 and number < 0:
        return f"@{start}" if start >= 0 else ""
    kind, word = area & (AREA_WORD - 1), area >> 8
    letter = FILE_TYPES[kind][0] if area >= 0 and kind in FILE_TYPES else "#"
    name = letter if number < 0 else f"{letter}{number}"
    if start >= 0:
        name += f":{start}"
    if area >= 0 and word:
        words = _STRUCTURES.get(kind, ())
        name += f".{words[word - 1] if word <= len(words) else word}"
    return name
