"""Modbus as data: functions, subfunctions, exceptions, areas, value kinds, limits and anomalies, with the clauses that define them.

APP is the MODBUS Application Protocol Specification V1.1b3, TCP the MODBUS Messaging on TCP/IP Implementation Guide V1.0b,
SERIAL the MODBUS over Serial Line Specification V1.02. The dissector reads its tables from here; docs/reference is generated from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from otwatch.actions import Action
from otwatch.protocols.spec import AnomalyKind

REFERENCES: Final = (
    "MODBUS Application Protocol Specification V1.1b3, Modbus Organization, 2012",
    "MODBUS Messaging on TCP/IP Implementation Guide V1.0b, Modbus Organization, 2006",
    "MODBUS over Serial Line Specification and Implementation Guide V1.02, Modbus Organization, 2006",
    "Modicon Modbus Protocol Reference Guide PI-MBUS-300 Rev. J, 1996 (functions 9, 10, 13, 14, 18, 19)",
    "Schneider Electric UMAS (function 90): not published; see the notes in umas.py",
)

ADU_HEADER_BYTES: Final = 7  # MBAP header: transaction, protocol, length, unit (TCP 3.1.3)
MAX_PDU_BYTES: Final = 253  # APP 4.1
MAX_ADU_BYTES: Final = 2048  # UMAS negotiates frames beyond 260 bytes; longer ones are not Modbus
EXCEPTION_BIT: Final = 0x80  # APP 4.1
UMAS_FUNCTION: Final = 90


class Area(IntEnum):
    """Address spaces inside a device (APP 4.3); the last four are otwatch's own numbers for spaces beside the data model."""

    COIL = 1
    DISCRETE_INPUT = 2
    INPUT_REGISTER = 3
    HOLDING_REGISTER = 4
    FILE = 5
    FIFO = 6  # start is the FIFO pointer address
    DEVICE_IDENTIFICATION = 7  # object is the read device id code, start the object id
    UMAS_MEMORY = 8  # object is the memory block, start the byte offset
    UMAS_PROGRAM = 9  # object is the block number of a program transfer, count its bytes
    UMAS_VARIABLE = 10  # object is the block of the variable dictionary, start the offset


AREAS: Final[Mapping[int, str]] = {area.value: area.name.lower() for area in Area}


class Shape(IntEnum):
    """How the bytes after the function code are laid out; one branch of the dissector each."""

    OPAQUE = 0
    READ_BITS = 1
    READ_REGISTERS = 2
    WRITE_COIL = 3
    WRITE_REGISTER = 4
    WRITE_BITS = 5
    WRITE_REGISTERS = 6
    MASK = 7
    READ_WRITE = 8
    FIFO = 9
    READ_FILE = 10
    WRITE_FILE = 11
    DIAGNOSTIC = 12
    STATUS = 13  # the request has no data
    MEI = 14
    UMAS = 15


class ValueKind(IntEnum):
    """How the value bytes of a row are read (values.py)."""

    NONE = 0
    BITS = 1  # one bit each, least significant first; as many as count says
    REGISTERS = 2  # 16-bit big-endian each
    COIL = 3  # FF00 on, 0000 off
    REGISTER = 4
    MASKS = 5  # AND mask, OR mask
    FIFO = 6  # registers after a count
    DIAGNOSTIC = 7  # 16-bit words, or the echoed bytes of subfunction 0
    EXCEPTION_STATUS = 8  # eight outputs
    EVENT_COUNTER = 9
    EVENT_LOG = 10
    SERVER_ID = 11
    IDENTIFICATION = 12  # objects of function 43/14
    CANOPEN = 13
    BYTES = 14  # undecoded, shown as hex
    UMAS_REQUEST = 15
    UMAS_RESPONSE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function code: what its messages hold, what it does, what it tells about the device."""

    code: int
    name: str
    action: Action
    shape: Shape
    area: Area | None = None
    max_count: int = 0  # largest quantity of the specification
    request: str = ""  # decoded fields, for the reference
    response: str = ""
    facts: str = ""
    clause: str = ""


_R, _W, _D, _O = Action.READ, Action.WRITE, Action.DIAGNOSE, Action.OTHER

_TABLE: Final = (
    Function(code=1, name="read_coils", action=_R, shape=Shape.READ_BITS, area=Area.COIL, max_count=2000,
             request="start, count", response="value: bits", clause="APP 6.1"),
    Function(code=2, name="read_discrete_inputs", action=_R, shape=Shape.READ_BITS, area=Area.DISCRETE_INPUT, max_count=2000,
             request="start, count", response="value: bits", clause="APP 6.2"),
    Function(code=3, name="read_holding_registers", action=_R, shape=Shape.READ_REGISTERS, area=Area.HOLDING_REGISTER, max_count=125,
             request="start, count", response="value: registers", clause="APP 6.3"),
    Function(code=4, name="read_input_registers", action=_R, shape=Shape.READ_REGISTERS, area=Area.INPUT_REGISTER, max_count=125,
             request="start, count", response="value: registers", clause="APP 6.4"),
    Function(code=5, name="write_single_coil", action=_W, shape=Shape.WRITE_COIL, area=Area.COIL, max_count=1,
             request="start, value: on or off", response="the same, compared with the request", clause="APP 6.5"),
    Function(code=6, name="write_single_register", action=_W, shape=Shape.WRITE_REGISTER, area=Area.HOLDING_REGISTER, max_count=1,
             request="start, value: register", response="the same, compared with the request", clause="APP 6.6"),
    Function(code=7, name="read_exception_status", action=_D, shape=Shape.STATUS,
             response="value: eight outputs", clause="APP 6.7"),
    Function(code=8, name="diagnostics", action=_D, shape=Shape.DIAGNOSTIC,
             request="subfunction, value: data words", response="value: data words or echo", clause="APP 6.8"),
    Function(code=9, name="program_484", action=_O, shape=Shape.OPAQUE, request="value: bytes", response="value: bytes",
             clause="PI-MBUS-300; reserved in APP annex A"),
    Function(code=10, name="poll_484", action=_O, shape=Shape.OPAQUE, request="value: bytes", response="value: bytes",
             clause="PI-MBUS-300; reserved in APP annex A"),
    Function(code=11, name="get_comm_event_counter", action=_D, shape=Shape.STATUS,
             response="value: busy, events", clause="APP 6.9"),
    Function(code=12, name="get_comm_event_log", action=_D, shape=Shape.STATUS,
             response="value: busy, events, messages, event bytes by name", clause="APP 6.10"),
    Function(code=13, name="program_controller", action=_O, shape=Shape.OPAQUE, request="value: bytes", response="value: bytes",
             clause="PI-MBUS-300; reserved in APP annex A"),
    Function(code=14, name="poll_controller", action=_O, shape=Shape.OPAQUE, request="value: bytes", response="value: bytes",
             clause="PI-MBUS-300; reserved in APP annex A"),
    Function(code=15, name="write_multiple_coils", action=_W, shape=Shape.WRITE_BITS, area=Area.COIL, max_count=0x7B0,
             request="start, count, value: bits", response="start, count, compared with the request", clause="APP 6.11"),
    Function(code=16, name="write_multiple_registers", action=_W, shape=Shape.WRITE_REGISTERS, area=Area.HOLDING_REGISTER, max_count=123,
             request="start, count, value: registers", response="start, count, compared with the request", clause="APP 6.12"),
    Function(code=17, name="report_server_id", action=Action.IDENTIFY, shape=Shape.STATUS,
             response="value: text, id bytes, run indicator", facts="name", clause="APP 6.13"),
    Function(code=18, name="program_884", action=_O, shape=Shape.OPAQUE, request="value: bytes", response="value: bytes",
             clause="PI-MBUS-300"),
    Function(code=19, name="reset_communications_link", action=_O, shape=Shape.OPAQUE, request="value: bytes", response="value: bytes",
             clause="PI-MBUS-300"),
    Function(code=20, name="read_file_record", action=_R, shape=Shape.READ_FILE, area=Area.FILE,
             request="per item: object (file), start (record), count", response="per item: value: registers", clause="APP 6.14"),
    Function(code=21, name="write_file_record", action=_W, shape=Shape.WRITE_FILE, area=Area.FILE,
             request="per item: object (file), start (record), count, value: registers", response="the same, compared with the request",
             clause="APP 6.15"),
    Function(code=22, name="mask_write_register", action=_W, shape=Shape.MASK, area=Area.HOLDING_REGISTER, max_count=1,
             request="start, value: AND mask, OR mask", response="the same, compared with the request", clause="APP 6.16"),
    Function(code=23, name="read_write_multiple_registers", action=_W, shape=Shape.READ_WRITE, area=Area.HOLDING_REGISTER, max_count=125,
             request="item 0 READ: start, count; item 1 WRITE: start, count, value: registers", response="item 0 value: registers",
             clause="APP 6.17"),
    Function(code=24, name="read_fifo_queue", action=_R, shape=Shape.FIFO, area=Area.FIFO, max_count=31,
             request="start (pointer address)", response="value: registers", clause="APP 6.18"),
    Function(code=43, name="encapsulated_interface_transport", action=_O, shape=Shape.MEI,
             request="subfunction (MEI type); 14: object (read code), start (object id); 13: value: bytes",
             response="14: value: objects by name, conformity, more follows; 13: value: bytes",
             facts="vendor, order_number, firmware, name, model, plant", clause="APP 6.19 to 6.21"),
    Function(code=UMAS_FUNCTION, name="umas", action=_O, shape=Shape.UMAS, request="subfunction (UMAS code), see the UMAS table",
             response="status, value", facts="vendor, model, firmware, name, plant", clause="reserved in APP annex A"),
)

FUNCTION_TABLE: Final[Mapping[int, Function]] = {function.code: function for function in _TABLE}
FUNCTIONS: Final[Mapping[int, str]] = {function.code: function.name for function in _TABLE}

WRITE_OF_READ_WRITE_MAX: Final = 121  # APP 6.17
FIFO_MAX: Final = 31  # APP 6.18
FILE_REFERENCE_TYPE: Final = 6  # APP 6.14
FILE_RECORD_MAX: Final = 9999  # APP 6.14: record numbers 0..0x270F

# Function 8 (APP 6.8.1). 21 is of Modbus Plus, PI-MBUS-300.
DIAGNOSTICS: Final[Mapping[int, tuple[str, Action]]] = {
    0: ("return_query_data", _D),
    1: ("restart_communications_option", Action.RESTART),
    2: ("return_diagnostic_register", _D),
    3: ("change_ascii_input_delimiter", Action.CONFIGURE),
    4: ("force_listen_only_mode", Action.CONFIGURE),  # never answered
    10: ("clear_counters_and_diagnostic_register", _D),
    11: ("return_bus_message_count", _D),
    12: ("return_bus_communication_error_count", _D),
    13: ("return_bus_exception_error_count", _D),
    14: ("return_server_message_count", _D),
    15: ("return_server_no_response_count", _D),
    16: ("return_server_nak_count", _D),
    17: ("return_server_busy_count", _D),
    18: ("return_bus_character_overrun_count", _D),
    20: ("clear_overrun_counter_and_flag", _D),
    21: ("get_clear_modbus_plus_statistics", _D),
}

# Function 43 (APP 6.19 to 6.21)
MEI_CANOPEN: Final = 13
MEI_IDENTIFICATION: Final = 14
MEI_TYPES: Final[Mapping[int, tuple[str, Action]]] = {
    MEI_CANOPEN: ("canopen_general_reference", _O),
    MEI_IDENTIFICATION: ("read_device_identification", Action.IDENTIFY),
}
READ_DEVICE_ID_CODES: Final[Mapping[int, str]] = {1: "basic", 2: "regular", 3: "extended", 4: "individual"}
IDENTIFICATION_OBJECTS: Final[Mapping[int, str]] = {
    0: "vendor_name", 1: "product_code", 2: "major_minor_revision", 3: "vendor_url", 4: "product_name", 5: "model_name",
    6: "user_application_name",
}

# APP 7; 7 is of PI-MBUS-300
EXCEPTIONS: Final[Mapping[int, str]] = {
    1: "illegal_function", 2: "illegal_data_address", 3: "illegal_data_value", 4: "server_device_failure", 5: "acknowledge",
    6: "server_device_busy", 7: "negative_acknowledge", 8: "memory_parity_error", 10: "gateway_path_unavailable",
    11: "gateway_target_device_failed_to_respond",
}


class Anomaly(IntEnum):
    """Codes of ANOMALIES, as the dissector writes them."""

    TRUNCATED = 1
    TRAILING_BYTES = 2
    LENGTH_FIELD = 3
    PROTOCOL_ID = 4
    PDU_TOO_LONG = 5
    FUNCTION_ZERO = 6
    FUNCTION_OUT_OF_RANGE = 7
    QUANTITY = 8
    BYTE_COUNT = 9
    COIL_VALUE = 10
    ADDRESS_OVERFLOW = 11
    UNASKED_RESPONSE = 12
    CONFLICTING_RESPONSE = 13
    DUPLICATE_RESPONSE = 14
    FUNCTION_MISMATCH = 15
    UNIT_MISMATCH = 16
    ECHO_MISMATCH = 17
    REQUEST_FLOOD = 18
    UNANSWERED_REQUEST = 19
    ROLE_REVERSED = 20
    EXCEPTION_CODE = 21
    FILE_REFERENCE = 22
    SUBFUNCTION = 23
    DIAGNOSTIC_DATA = 24
    IDENTIFICATION = 25
    TOO_MANY_ITEMS = 26
    HIDDEN_ADU = 27
    DEVIATING_RESPONSE = 28
    FOREIGN_RESPONSE = 29
    DEVICE_QUIRK = 30


_DOCS: Final[Mapping[Anomaly, tuple[str, str]]] = {
    Anomaly.TRUNCATED: ("The PDU ends before the fields of its function.", "APP 6"),
    Anomaly.TRAILING_BYTES: ("The PDU is longer than the fields of its function.", "APP 6"),
    Anomaly.LENGTH_FIELD: ("The length field of the MBAP header is not the number of bytes that follow.", "TCP 3.1.3"),
    Anomaly.PROTOCOL_ID: ("The protocol identifier of the MBAP header is not 0.", "TCP 3.1.3"),
    Anomaly.PDU_TOO_LONG: ("The PDU is longer than 253 bytes (UMAS, which negotiates longer ones, is not reported).", "APP 4.1"),
    Anomaly.FUNCTION_ZERO: ("Function code 0 is not valid.", "APP 4.1"),
    Anomaly.FUNCTION_OUT_OF_RANGE: ("A request with a function code above 127.", "APP 4.1"),
    Anomaly.QUANTITY: ("A quantity of 0, or beyond what the function allows.", "APP 6.1 to 6.4, 6.11, 6.12, 6.17, 6.18"),
    Anomaly.BYTE_COUNT: ("The byte count does not fit the quantity (of the request, where a response has none).", "APP 6"),
    Anomaly.COIL_VALUE: ("A single coil is written with a value that is neither 0x0000 nor 0xFF00.", "APP 6.5"),
    Anomaly.ADDRESS_OVERFLOW: ("Start address plus quantity is beyond 65536.", "APP 4.4"),
    Anomaly.UNASKED_RESPONSE: ("A response to no request that was seen on this connection.", "TCP 4.4.2.3"),
    Anomaly.CONFLICTING_RESPONSE: ("A second, different response to a transaction that was already answered.", "TCP 4.4.2.3"),
    Anomaly.DUPLICATE_RESPONSE: ("The same response a second time.", "TCP 4.4.2.3"),
    Anomaly.FUNCTION_MISMATCH: ("The response carries the transaction of a request but another function code.", "TCP 4.4.2.3"),
    Anomaly.UNIT_MISMATCH: ("The response carries the transaction of a request but another unit identifier.", "TCP 4.4.2.3"),
    Anomaly.ECHO_MISMATCH: ("The response to a write or echo does not repeat what the request said.", "APP 6.5, 6.6, 6.8.1, 6.11, 6.12, 6.15, 6.16"),
    Anomaly.REQUEST_FLOOD: ("More requests are waiting for their response than are remembered; the oldest was forgotten.", "TCP 4.4.1.1"),
    Anomaly.UNANSWERED_REQUEST: ("On a serial line behind TCP a later request was answered before this one ever was.", "SERIAL 2.4.1"),
    Anomaly.ROLE_REVERSED: ("The side that answered so far sends a request on the same connection.", "TCP 4.2.1"),
    Anomaly.EXCEPTION_CODE: ("An exception code that is not defined.", "APP 7"),
    Anomaly.FILE_REFERENCE: ("A file sub-request with a reference type other than 6, file number 0 or a record above 9999.", "APP 6.14, 6.15"),
    Anomaly.SUBFUNCTION: ("A diagnostics subfunction or an encapsulated interface type that is reserved.", "APP 6.8.1, 6.19"),
    Anomaly.DIAGNOSTIC_DATA: ("The data of a diagnostics request is not what its subfunction allows.", "APP 6.8.1"),
    Anomaly.IDENTIFICATION: ("A device identification whose read code, object count or object lengths are wrong.", "APP 6.21"),
    Anomaly.HIDDEN_ADU: ("Behind the fields of a PDU, within its length field, stands another whole ADU; it is dissected too.", "TCP 3.1.3"),
    Anomaly.DEVICE_QUIRK: (
        "A response without the identifier of its request, or one octet longer than its fields, as this device sends them from the first on.",
        "TCP 4.4.2.2"),
    Anomaly.DEVIATING_RESPONSE: (
        "A response without the identifier of its request, or longer than its fields, of a device whose responses were not so before or are no more.",
        "TCP 4.4.2.2"),
    Anomaly.FOREIGN_RESPONSE: (
        "A response that deviates from the device's earlier ones and came from another MAC address or with another TTL.", "TCP 4.4.2.2"),
    Anomaly.TOO_MANY_ITEMS: ("A PDU with more items than are listed; the rest was left out.", "APP 6.14, 6.15"),
}
_HIDING: Final = frozenset({Anomaly.TRUNCATED, Anomaly.TOO_MANY_ITEMS})

ANOMALIES: Final[tuple[AnomalyKind, ...]] = tuple(
    AnomalyKind(code=kind.value, name=kind.name.lower().replace("_", "-"), doc=doc, clause=clause, hides=kind in _HIDING)
    for kind, (doc, clause) in _DOCS.items())


def function_name(function: int, subfunction: int) -> str:
    """snake_case name of a function; the subfunction's own name where the function has subfunctions."""
    if function == 8 and subfunction in DIAGNOSTICS:
        return DIAGNOSTICS[subfunction][0]
    if function == 43 and subfunction in MEI_TYPES:
        return MEI_TYPES[subfunction][0]
    if function == UMAS_FUNCTION and subfunction >= 0:
        from otwatch.protocols.modbus.umas import umas_name  # noqa: PLC0415 - only where UMAS is seen

        return umas_name(subfunction)
    if function in FUNCTIONS:
        return FUNCTIONS[function]
    if 65 <= function <= 72 or 100 <= function <= 110:  # APP 5: user-defined function codes
        return f"user_defined_{function}"
    if function == 0 or function > 127:  # APP 4.1
        return f"invalid_function_{function}"
    return f"function_{function}"


def status_name(status: int) -> str:
    """`ok`, `exception:2`; a status of UMAS, which has its own error codes, is 256 plus the code: `umas_error:131`."""
    if status == 0:
        return "ok"
    return f"exception:{status}" if status < 256 else f"umas_error:{status - 256}"


def unit_name(unit: int) -> str:
    """How the device behind a unit identifier is called; 0 and 255 are the device at the address itself (TCP 4.4.1.2)."""
    return "" if unit in (0, 255) or unit < 0 else f"unit {unit}"


def is_answered(row: Mapping[str, int]) -> bool:
    """Not a broadcast, to unit 0 (SERIAL 2.1; over TCP some devices answer it all the same), nor "force listen only" (APP 6.8.1)."""
    return row["unit"] != 0 and not (row["function"] == 8 and row["subfunction"] == 4)


def object_name(row: Mapping[str, int]) -> str:
    """What people of the field write: the area's leading digit and the one-based number, `40001` or `400001`."""
    area, start, count = row["area"], row["start"], row["count"]
    digit = {Area.COIL: 0, Area.DISCRETE_INPUT: 1, Area.INPUT_REGISTER: 3, Area.HOLDING_REGISTER: 4}.get(Area(area)) if area in AREAS else None
    if start < 0:
        return AREAS.get(area, "")
    if digit is not None:
        width = 4 if start + max(count, 1) <= 9999 else 5
        name = f"{digit}{start + 1:0{width}d}"
        return name if count <= 1 else f"{name}-{digit}{start + count:0{width}d}"
    if area == Area.FILE:
        return f"file {row['object']} record {start}"
    if area == Area.DEVICE_IDENTIFICATION:
        return f"device identification {READ_DEVICE_ID_CODES.get(row['object'], row['object'])} from object {start}"
    if area == Area.FIFO:
        return f"FIFO {start}"
    place = f"{row['object']}:{start}" if row["object"] >= 0 else str(start)
    return f"{AREAS.get(area, '')} {place}".strip()
