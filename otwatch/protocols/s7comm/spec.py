"""S7comm in numbers and names: the data that the dissector runs on and docs/reference is generated from.

There is no public standard of S7comm. COTP is ISO 8073 / ITU-T X.224, TPKT is RFC 1006; the S7 layer is what two decades of open
implementations and STEP 7's own manuals ("System Software for S7-300/400, System and Standard Functions", A5E02789976) agree on.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from otwatch.actions import Action
from otwatch.protocols.kit.cotp import COTP, COTP_NAMES, DISCONNECT_STATUS, TPDU_ERROR_STATUS, Cotp
from otwatch.protocols.spec import AnomalyKind

__all__ = ["COTP", "COTP_NAMES", "DISCONNECT_STATUS", "TPDU_ERROR_STATUS", "Cotp"]


class Rosctr(IntEnum):
    """Second byte of the S7 header: what kind of PDU it is, hence which side of the dialogue its sender is."""

    JOB = 1  # request; a PLC sends it too, during a download
    ACK = 2  # answer without parameters
    ACK_DATA = 3  # answer
    USERDATA = 7  # request, answer or push: its own type bits say which


ANSWER = -2  # of an answer that names no function and whose request was not seen
DISCONNECT_REASONS = {
    0: "not_specified", 1: "congestion", 2: "session_entity_not_attached", 3: "address_unknown", 128: "normal",
    129: "remote_congestion", 130: "negotiation_failed", 131: "duplicate_reference", 132: "mismatched_references",
    133: "protocol_error", 135: "reference_overflow", 136: "connection_refused", 138: "length_invalid",
}
CONNECTION_TYPES = {1: "PG", 2: "OP", 3: "S7-basic"}  # high byte of a two-byte TSAP


@dataclass(frozen=True, slots=True)
class Function:
    """One job function: its name and action, and which fields a row of it carries, for the docs."""

    name: str
    action: Action
    fields: str
    facts: str = ""


READ_VAR, WRITE_VAR, SETUP = 0x04, 0x05, 0xF0
REQUEST_DOWNLOAD, DOWNLOAD_BLOCK, DOWNLOAD_ENDED = 0x1A, 0x1B, 0x1C
START_UPLOAD, UPLOAD, END_UPLOAD = 0x1D, 0x1E, 0x1F
PI_SERVICE, PLC_STOP = 0x28, 0x29

_ITEM = "one row per item: area, object (DB number), start (bit address; T, C: number), count (in units of the transport size), "
_BLOCK = "area (block type), object (block number), "
FUNCTIONS: dict[int, Function] = {
    0x00: Function("cpu_services", Action.OTHER, "none"),
    READ_VAR: Function("read_var", Action.READ, _ITEM + "value and status in the answer"),
    WRITE_VAR: Function("write_var", Action.WRITE, _ITEM + "value in the request, status in the answer"),
    REQUEST_DOWNLOAD: Function("request_download", Action.PROGRAM_DOWNLOAD,
                               _BLOCK + "count (load memory bytes), start (MC7 code bytes), value (file name)"),
    DOWNLOAD_BLOCK: Function("download_block", Action.PROGRAM_DOWNLOAD, _BLOCK + "asked for by the PLC; the answer carries the bytes: count"),
    DOWNLOAD_ENDED: Function("download_ended", Action.PROGRAM_DOWNLOAD, _BLOCK + "status (error code)", "program_block"),
    START_UPLOAD: Function("start_upload", Action.PROGRAM_UPLOAD, _BLOCK + "transaction; count (block bytes) in the answer"),
    UPLOAD: Function("upload", Action.PROGRAM_UPLOAD, _BLOCK + "count (bytes) in the answer", "program_block"),
    END_UPLOAD: Function("end_upload", Action.PROGRAM_UPLOAD, _BLOCK + "status (error code)"),
    PI_SERVICE: Function("pi_service", Action.OTHER,
                         "subfunction (number in our table of services), area and object (block), value (service and arguments)"),
    PLC_STOP: Function("plc_stop", Action.STOP, "value (service: P_PROGRAM)"),
    SETUP: Function("setup_communication", Action.CONNECT, "start (parallel jobs of the caller), object (of the called), count (PDU bytes)"),
}

# Userdata: operations.function is the function group, operations.subfunction the subfunction: never -1, which tells group 4 from function 4.
MODE_TRANSITION, PROGRAMMER, CYCLIC, BLOCKS, CPU, SECURITY, PBC, TIME = 0, 1, 2, 3, 4, 5, 6, 7
ROUTING, NC_PROGRAMMING = 0x20, 0x3F
GROUPS = {
    MODE_TRANSITION: "mode_transition", PROGRAMMER: "programmer", CYCLIC: "cyclic", BLOCKS: "blocks", CPU: "cpu", SECURITY: "security",
    PBC: "pbc", TIME: "time", ROUTING: "routing", NC_PROGRAMMING: "nc",
}
_MODE = "role event; the mode is the subfunction"
_TIS = "one row per variable where the job lists some: area, object, start, count, value"
_JOB = "object (job function), start (job number); DIAGNOSE where the job only watches variables or blocks"
_CYCLIC = "one row per item: area, object, start, count; value in answers and pushes; transaction (PDU reference)"
_ALARM = "object (event id), value (signals, acknowledgements, time)"
SUBFUNCTIONS: dict[tuple[int, int], Function] = {
    (0, 0): Function("mode_stop", Action.REPORT, _MODE, "state"),
    (0, 1): Function("mode_warm_restart", Action.REPORT, _MODE, "state"),
    (0, 2): Function("mode_run", Action.REPORT, _MODE, "state"),
    (0, 3): Function("mode_hot_restart", Action.REPORT, _MODE, "state"),
    (0, 4): Function("mode_hold", Action.REPORT, _MODE, "state"),
    (0, 6): Function("mode_cold_restart", Action.REPORT, _MODE, "state"),
    (0, 9): Function("mode_run_redundant", Action.REPORT, _MODE, "state"),
    (0, 11): Function("mode_link_up", Action.REPORT, _MODE, "state"),
    (0, 12): Function("mode_update", Action.REPORT, _MODE, "state"),
    (1, 0x01): Function("block_status", Action.DIAGNOSE, "area, object (block)"),
    (1, 0x02): Function("variable_status", Action.DIAGNOSE, _TIS),
    (1, 0x03): Function("output_istack", Action.DIAGNOSE, "value (bytes)"),
    (1, 0x04): Function("output_bstack", Action.DIAGNOSE, "value (bytes)"),
    (1, 0x05): Function("output_lstack", Action.DIAGNOSE, "value (bytes)"),
    (1, 0x06): Function("time_measurement", Action.DIAGNOSE, "value (bytes)"),
    (1, 0x07): Function("force_selection", Action.FORCE, "value (bytes)"),
    (1, 0x08): Function("modify_variable", Action.WRITE, _TIS),
    (1, 0x09): Function("force", Action.FORCE, _TIS),
    (1, 0x0A): Function("breakpoint", Action.CONFIGURE, "area, object (block), start (code address)"),
    (1, 0x0B): Function("exit_hold", Action.START, "value (bytes)"),
    (1, 0x0C): Function("memory_reset", Action.PROGRAM_DELETE, "none"),
    (1, 0x0D): Function("disable_job", Action.CONFIGURE, _JOB),
    (1, 0x0E): Function("enable_job", Action.CONFIGURE, _JOB),
    (1, 0x0F): Function("delete_job", Action.CONFIGURE, _JOB),
    (1, 0x10): Function("read_job_list", Action.DIAGNOSE, "value (bytes)"),
    (1, 0x11): Function("read_job", Action.DIAGNOSE, "object (job function), start (job number)"),
    (1, 0x12): Function("replace_job", Action.FORCE, _TIS + "; the action is that of the new job"),
    (1, 0x13): Function("block_status_2", Action.DIAGNOSE, "area, object (block)"),
    (1, 0x16): Function("flash_led", Action.IDENTIFY, "value (bytes)"),
    (2, 0x01): Function("cyclic_read", Action.SUBSCRIBE, _CYCLIC),
    (2, 0x04): Function("cyclic_unsubscribe", Action.SUBSCRIBE, "object (job)"),
    (2, 0x05): Function("change_driven_read", Action.SUBSCRIBE, _CYCLIC),
    (2, 0x07): Function("change_driven_modify", Action.SUBSCRIBE, _CYCLIC),
    (2, 0x08): Function("read_record", Action.READ, "area (record), object (index), start (module id), count; value in the answer"),
    (3, 0x01): Function("list_blocks", Action.BROWSE, "value (blocks of each type) in the answer"),
    (3, 0x02): Function("list_blocks_of_type", Action.BROWSE, "area (block type); value (numbers) in the answer"),
    (3, 0x03): Function("block_info", Action.BROWSE, "area (block type), object (number); value (author, dates, lengths) in the answer",
                        "program_block"),
    (4, 0x01): Function("read_szl", Action.DIAGNOSE,
                        "object (SZL id), start (index); count (records) and value in the answer; IDENTIFY for ids xy11, xy1C, xy37",
                        "order_number, hardware, firmware, name, plant, serial, model, state, protection, ip, mac ..."),
    (4, 0x02): Function("message_service", Action.SUBSCRIBE, "object (event mask), value (user name, alarm type)"),
    (4, 0x03): Function("diagnostic_message", Action.ALARM, "object (event id), value"),
    (4, 0x05): Function("alarm_8_indication", Action.ALARM, _ALARM),
    (4, 0x06): Function("notify_indication", Action.ALARM, _ALARM),
    (4, 0x07): Function("alarm_8_lock", Action.ALARM, _ALARM),
    (4, 0x08): Function("alarm_8_unlock", Action.ALARM, _ALARM),
    (4, 0x09): Function("scan_indication", Action.ALARM, _ALARM),
    (4, 0x0B): Function("alarm_acknowledge", Action.ALARM, _ALARM),
    (4, 0x0C): Function("alarm_acknowledge_indication", Action.ALARM, _ALARM),
    (4, 0x0D): Function("alarm_lock_indication", Action.ALARM, _ALARM),
    (4, 0x0E): Function("alarm_unlock_indication", Action.ALARM, _ALARM),
    (4, 0x10): Function("ar_send_indication", Action.REPORT, "object (AR_ID), value"),
    (4, 0x11): Function("alarm_sq_indication", Action.ALARM, _ALARM),
    (4, 0x12): Function("alarm_s_indication", Action.ALARM, _ALARM),
    (4, 0x13): Function("alarm_query", Action.ALARM, "object (alarm type or event id), value"),
    (4, 0x16): Function("notify_8_indication", Action.ALARM, _ALARM),
    (5, 0x01): Function("password", Action.AUTHENTICATE, "status; the password itself is never shown"),
    (5, 0x02): Function("clear_password", Action.AUTHENTICATE, "status"),
    (6, 0x00): Function("usend", Action.REPORT, "object (R_ID), value"),
    (6, 0x01): Function("bsend", Action.WRITE, "object (R_ID), count (bytes), value"),
    (7, 0x01): Function("read_clock", Action.READ, "value (time)"),
    (7, 0x02): Function("set_clock", Action.TIME_SET, "value (time)"),
    (7, 0x03): Function("read_clock_following", Action.READ, "value (time)"),
    (7, 0x04): Function("set_clock_following", Action.TIME_SET, "value (time)"),
    (0x20, 1): Function("routing_initialise", Action.OTHER, "value (bytes)"),
    (0x20, 2): Function("routing_finish", Action.OTHER, "value (bytes)"),
    (0x20, 3): Function("routing_data", Action.OTHER, "value (bytes)"),
    (0x3F, 1): Function("nc_request_download", Action.PROGRAM_DOWNLOAD, "value (file name)"),
    (0x3F, 2): Function("nc_download_block", Action.PROGRAM_DOWNLOAD, "value (file bytes)"),
    (0x3F, 3): Function("nc_continue_download", Action.PROGRAM_DOWNLOAD, "value (bytes)"),
    (0x3F, 4): Function("nc_download_ended", Action.PROGRAM_DOWNLOAD, "value (bytes)"),
    (0x3F, 6): Function("nc_start_upload", Action.PROGRAM_UPLOAD, "value (file name)"),
    (0x3F, 7): Function("nc_upload", Action.PROGRAM_UPLOAD, "value (file bytes)"),
    (0x3F, 8): Function("nc_continue_upload", Action.PROGRAM_UPLOAD, "value (bytes)"),
}
MODE_STATES = {0: "STOP", 1: "STARTUP", 2: "RUN", 3: "STARTUP", 4: "HOLD", 6: "STARTUP", 9: "RUN", 11: "LINK-UP", 12: "UPDATE"}
# Groups whose subfunction is not in the table still say what kind of thing they do.
GROUP_ACTIONS = {
    MODE_TRANSITION: Action.REPORT, PROGRAMMER: Action.DIAGNOSE, CYCLIC: Action.SUBSCRIBE, BLOCKS: Action.BROWSE, CPU: Action.DIAGNOSE,
    SECURITY: Action.AUTHENTICATE, PBC: Action.REPORT, TIME: Action.READ, NC_PROGRAMMING: Action.PROGRAM_DOWNLOAD,
}

# Areas of the wire, and after them those that we number ourselves for other ways of addressing.
AREA_RECORD, AREA_COUNTER, AREA_TIMER, AREA_DB = 0x01, 0x1C, 0x1D, 0x84
AREA_NCK, AREA_DRIVE, AREA_SYMBOLIC, AREA_SYMBOLIC_DB = 0x200, 0x210, 0x200, 0x24E
BLOCK_TYPES = {0x08: "OB", 0x09: "CMOD", 0x0A: "DB", 0x0B: "SDB", 0x0C: "FC", 0x0D: "SFC", 0x0E: "FB", 0x0F: "SFB"}
NCK_AREAS = ("N", "B", "C", "A", "T", "V", "H", "M")  # NCK, mode group, channel, axis, tool, feed drive, main drive, MMC
AREAS: dict[int, str] = {
    0x01: "RECORD", 0x03: "SI200", 0x05: "SF200", 0x06: "AI200", 0x07: "AQ200", 0x1C: "C", 0x1D: "T", 0x1E: "C200", 0x1F: "T200",
    0x80: "P", 0x81: "I", 0x82: "Q", 0x83: "M", 0x84: "DB", 0x85: "DI", 0x86: "L", 0x87: "V",
    **{code: f"BLOCK_{name}" for code, name in BLOCK_TYPES.items()},
    **{AREA_NCK + number: f"NCK_{letter}" for number, letter in enumerate(NCK_AREAS)},
    AREA_DRIVE: "DRIVE",
    0x250: "I_SYMBOLIC", 0x251: "Q_SYMBOLIC", 0x252: "M_SYMBOLIC", 0x253: "C_SYMBOLIC", 0x254: "T_SYMBOLIC", AREA_SYMBOLIC_DB: "DB_SYMBOLIC",
}

# Syntax ids of an item's variable specification.
S7ANY, DBREAD, NCK, NCK_METRIC, NCK_INCH, DRIVE_ES, SYMBOLIC_1200 = 0x10, 0xB0, 0x82, 0x83, 0x84, 0xA2, 0xB2
SYNTAXES = {
    S7ANY: "S7ANY", 0x11: "SHORT", 0x12: "EXTENDED", 0x13: "PBC_ID", 0x15: "ALARM_LOCK", 0x16: "ALARM_INDICATION", 0x19: "ALARM_ACKNOWLEDGE",
    0x1A: "ALARM_QUERY", 0x1C: "NOTIFY", NCK: "NCK", NCK_METRIC: "NCK_METRIC", NCK_INCH: "NCK_INCH", DRIVE_ES: "DRIVE_ES",
    SYMBOLIC_1200: "SYMBOLIC_1200", DBREAD: "DBREAD",
}
# Transport size of an item: name and bits of one unit.
TRANSPORT_SIZES: dict[int, tuple[str, int]] = {
    1: ("BIT", 1), 2: ("BYTE", 8), 3: ("CHAR", 8), 4: ("WORD", 16), 5: ("INT", 16), 6: ("DWORD", 32), 7: ("DINT", 32), 8: ("REAL", 32),
    9: ("DATE", 16), 10: ("TOD", 32), 11: ("TIME", 32), 12: ("S5TIME", 16), 15: ("DATE_AND_TIME", 64), 28: ("COUNTER", 16), 29: ("TIMER", 16),
    30: ("IEC_COUNTER", 16), 31: ("IEC_TIMER", 16), 32: ("HS_COUNTER", 32),
}
# Transport size of data: name, and whether its length counts bits.
DATA_SIZES: dict[int, tuple[str, bool]] = {
    0: ("NULL", False), 3: ("BIT", True), 4: ("BYTE", True), 5: ("INTEGER", True), 6: ("DINTEGER", False), 7: ("REAL", False),
    9: ("OCTETS", False), 17: ("NCK_ADDRESS", False), 18: ("NCK_ADDRESS", False),
}
RETURN_CODES = {
    0x00: "reserved", 0x01: "hardware_error", 0x03: "access_denied", 0x05: "invalid_address", 0x06: "type_not_supported",
    0x07: "type_inconsistent", 0x0A: "object_does_not_exist", 0xFF: "ok",
}


class Value(IntEnum):
    """operations.value_kind: 1..32 the item's transport size, 0x100 + the data's transport size where the item is not known, or one of these."""

    DATA = 0x100
    PI = 0x200  # PI service: from its argument length to the end of its name
    FILENAME = 0x201  # a block or file name
    TSAP = 0x202  # the variable part of CR and CC
    SETUP = 0x203  # jobs of caller and called, PDU size: three big-endian 16-bit numbers
    CLOCK = 0x204  # ten bytes, BCD
    SZL = 0x205  # a partial list: id, index, record length, records
    BLOCK_INFO = 0x206
    BLOCK_COUNTS = 0x207
    BLOCK_NUMBERS = 0x208
    SECRET = 0x209  # a password: its length only
    ALARM = 0x20A
    DIAGNOSTIC = 0x20B  # 20 bytes of the diagnostic buffer
    MESSAGE_SERVICE = 0x20C
    TEXT = 0x20D
    BYTES = 0x20E
    BLOCK_BYTES = 0x20F  # part of a program block
    LENGTHS = 0x210  # ASCII lengths of a download request


_KINDS = (
    ("header-short", "The S7 header is cut short.", "S7 header"),
    ("rosctr", "The S7 PDU type is none of 1, 2, 3, 7.", "S7 header"),
    ("length-mismatch", "Header, parameter and data length do not add up to the PDU.", "S7 header"),
    ("function-unknown", "A job function, or a userdata group, that no implementation is known to have.", "S7 parameters"),
    ("parameter-short", "The parameters end before their fields do.", "S7 parameters"),
    ("data-short", "The data end before their fields do.", "S7 data"),
    ("item-count", "More items than a PDU of usual size can answer (20).", "S7 Read/Write Var"),
    ("item-specification", "An item's variable specification is not of type 0x12, or of an unknown syntax.", "S7 Read/Write Var"),
    ("item-mismatch", "An answer has another number of items than its request.", "S7 Read/Write Var"),
    ("value-length", "The bytes of a written value are not what its address and count say.", "S7 Write Var"),
    ("answer-unasked", "An answer whose request was not seen, on a connection seen from its start.", "S7 header"),
    ("answer-mismatch", "An answer of another function than the request with its reference.", "S7 header"),
    ("reference-reused", "A request with the reference of one that is still waiting.", "S7 header"),
    ("requests-forgotten", "More requests waiting than are remembered; the oldest is forgotten.", "S7 Setup Communication"),
    ("pdu-size", "A PDU longer than was negotiated.", "S7 Setup Communication"),
    ("userdata-parameter", "The head of userdata parameters is not 00 01 12, or their length is none known.", "S7 userdata"),
    ("block-name", "A block name that is not type, five digits and file system.", "S7 block functions"),
    ("block-size", "A block in transfer grew over the limit, or is not as long as was announced.", "S7 block functions"),
    ("szl", "A partial list whose record length and count do not add up.", "System status lists"),
    ("transfers-forgotten", "More block transfers open than are remembered.", "S7 block functions"),
    ("deviating-answer", "An answer without the reference of its request, of a device whose answers were not so before or are no more.", "S7 header"),
    ("foreign-answer", "The same, and it came from another MAC address or with another TTL than the device's earlier answers.", "S7 header"),
    ("device-quirk", "An answer without the reference of its request, as this device sends them from the first on.", "S7 header"),
    ("answer-size", "A read whose answer would be longer than the PDU that was agreed: no controller can answer it.", "S7 Setup Communication"),
    ("parts", "An answer in several parts grew over the limit, or too many are under way at once.", "S7 userdata"),
)
_HIDING = frozenset({  # a part of the message, or the message, is not decoded
    "header-short", "parts", "function-unknown", "parameter-short", "data-short", "item-specification", "rosctr", "length-mismatch",
})
ANOMALIES: tuple[AnomalyKind, ...] = tuple(
    AnomalyKind(code=code, name=name, doc=doc, clause=clause, hides=name in _HIDING) for code, (name, doc, clause) in enumerate(_KINDS, 1)
)


class Anomaly(IntEnum):
    """anomalies.kind, in the order of ANOMALIES."""

    HEADER_SHORT = 1
    ROSCTR = 2
    LENGTH_MISMATCH = 3
    FUNCTION_UNKNOWN = 4
    PARAMETER_SHORT = 5
    DATA_SHORT = 6
    ITEM_COUNT = 7
    ITEM_SPECIFICATION = 8
    ITEM_MISMATCH = 9
    VALUE_LENGTH = 10
    ANSWER_UNASKED = 11
    ANSWER_MISMATCH = 12
    REFERENCE_REUSED = 13
    REQUESTS_FORGOTTEN = 14
    PDU_SIZE = 15
    USERDATA_PARAMETER = 16
    BLOCK_NAME = 17
    BLOCK_SIZE = 18
    SZL = 19
    TRANSFERS_FORGOTTEN = 20
    DEVIATING_ANSWER = 21
    FOREIGN_ANSWER = 22
    DEVICE_QUIRK = 23
    ANSWER_SIZE = 24
    PARTS = 25
