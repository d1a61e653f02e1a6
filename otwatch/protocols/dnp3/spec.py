"""DNP3 (IEEE 1815-2012) as data: function codes, what they do, internal indications, qualifiers, statuses and the closed list of anomalies.

Columns of `operations` for DNP3: unit = link address of the outstation; function = application function code, or -1 for a frame of the link
layer alone, whose subfunction is then `control & 0x4F` (bit 6 PRM, bits 0-3 link function code); area = object group; object = variation;
start, count = points; transaction = application sequence; request_frame and latency_ns of an OPERATE: its SELECT, of a CONFIRM: what it confirms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from otwatch.actions import Action
from otwatch.protocols.dnp3.objects import object_title
from otwatch.vocabulary import AnomalyKind

LINK: Final = -1  # "function" of frames without user data

FUNCTIONS: Final[dict[int, str]] = {  # 4.2.2.5, table 4-2
    0: "confirm", 1: "read", 2: "write", 3: "select", 4: "operate", 5: "direct_operate", 6: "direct_operate_no_ack",
    7: "immediate_freeze", 8: "immediate_freeze_no_ack", 9: "freeze_and_clear", 10: "freeze_and_clear_no_ack",
    11: "freeze_at_time", 12: "freeze_at_time_no_ack", 13: "cold_restart", 14: "warm_restart", 15: "initialize_data",
    16: "initialize_application", 17: "start_application", 18: "stop_application", 19: "save_configuration",
    20: "enable_unsolicited", 21: "disable_unsolicited", 22: "assign_class", 23: "delay_measurement", 24: "record_current_time",
    25: "open_file", 26: "close_file", 27: "delete_file", 28: "get_file_info", 29: "authenticate_file", 30: "abort_file",
    31: "activate_configuration", 32: "authentication_request", 33: "authentication_request_no_ack",
    129: "response", 130: "unsolicited_response", 131: "authentication_response",
}

LINK_FUNCTIONS: Final[dict[int, str]] = {  # 9.2.4.1.3, by control & 0x4F
    0x40: "reset_link_states", 0x41: "reset_user_process", 0x42: "test_link_states", 0x43: "confirmed_user_data",
    0x44: "unconfirmed_user_data", 0x49: "request_link_status",
    0x00: "ack", 0x01: "nack", 0x0B: "link_status", 0x0E: "link_not_functioning", 0x0F: "not_supported",
}

ACTIONS: Final[dict[int, Action]] = {  # what a function does, whatever it is done to
    0: Action.OTHER, 1: Action.READ, 2: Action.WRITE, 3: Action.CONTROL, 4: Action.CONTROL, 5: Action.CONTROL, 6: Action.CONTROL,
    **dict.fromkeys(range(7, 13), Action.WRITE),  # frozen counters are overwritten, or counters set to 0
    13: Action.RESTART, 14: Action.RESTART, 15: Action.CONFIGURE, 16: Action.RESTART, 17: Action.START, 18: Action.STOP,
    19: Action.CONFIGURE, 20: Action.CONFIGURE, 21: Action.CONFIGURE, 22: Action.CONFIGURE, 23: Action.DIAGNOSE, 24: Action.DIAGNOSE,
    **dict.fromkeys(range(25, 31), Action.FILE), 31: Action.CONFIGURE, 32: Action.AUTHENTICATE, 33: Action.AUTHENTICATE,
    129: Action.OTHER, 130: Action.REPORT, 131: Action.AUTHENTICATE,
}

# What the object makes of it: (function, group) -> action, before ACTIONS.
OBJECT_ACTIONS: Final[dict[tuple[int, int], Action]] = {
    (1, 0): Action.IDENTIFY, (1, 70): Action.FILE, (1, 82): Action.IDENTIFY, (1, 83): Action.IDENTIFY,
    (2, 0): Action.CONFIGURE, (2, 10): Action.CONTROL, (2, 12): Action.CONTROL, (2, 34): Action.CONFIGURE,
    (2, 40): Action.CONTROL, (2, 41): Action.CONTROL, (2, 50): Action.TIME_SET, (2, 51): Action.TIME_SET, (2, 70): Action.FILE,
    (2, 80): Action.DIAGNOSE,  # every master clears the restart bit after a restart: housekeeping
    (2, 85): Action.CONFIGURE, (2, 86): Action.CONFIGURE,
    # a response whose request was not seen tells by its objects what it answers
    **{(129, group): Action.READ for group in (1, 2, 3, 4, 10, 11, 13, 20, 21, 22, 23, 30, 31, 32, 33, 34, 40, 42, 43, 50, 51, 60, 80, 81,
                                               85, 86, 87, 88, 90, 91, 100, 101, 102, 110, 111, 113, 114, 115, 121, 122)},
    (129, 0): Action.IDENTIFY, (129, 82): Action.IDENTIFY, (129, 83): Action.IDENTIFY,
    (129, 12): Action.CONTROL, (129, 41): Action.CONTROL, (129, 52): Action.DIAGNOSE, (129, 70): Action.FILE,
}
AUTHENTICATION_GROUP: Final = 120  # in any function (aggressive mode): AUTHENTICATE, and its octets are always there

LINK_ACTIONS: Final[dict[int, Action]] = {0x41: Action.RESTART}  # every other frame of the link layer: DIAGNOSE

# Requests whose objects carry octets, not only headers (4.4). Responses always do.
DATA_FUNCTIONS: Final = frozenset({2, 3, 4, 5, 6, 32, 33, 129, 130, 131})
DATA_OBJECTS: Final = frozenset({(11, 50), (12, 50)})  # the time of a freeze; the counters behind it are headers
NO_OBJECTS: Final = frozenset({0, 13, 14, 23, 24})  # functions without objects (authentication objects excepted)
NO_RESPONSE: Final = frozenset({0, 6, 8, 10, 12, 33})  # functions that are not answered

QUALIFIERS: Final[dict[int, str]] = {  # 4.2.2.7.3, those that occur; the dissector takes every combination of table 4-6
    0x00: "start-stop, 8 bits", 0x01: "start-stop, 16 bits", 0x02: "start-stop, 32 bits",
    0x03: "addresses, 8 bits", 0x04: "addresses, 16 bits", 0x05: "addresses, 32 bits", 0x06: "all objects",
    0x07: "count, 8 bits", 0x08: "count, 16 bits", 0x09: "count, 32 bits",
    **{prefix << 4 | code: f"count, {bits} bits, index prefix, {octets * 8} bits"
       for prefix, octets in ((1, 1), (2, 2), (3, 4)) for code, bits in ((7, 8), (8, 16), (9, 32))},
    0x4B: "count, 8 bits, size prefix, 8 bits", 0x5B: "count, 8 bits, size prefix, 16 bits", 0x6B: "count, 8 bits, size prefix, 32 bits",
}

INDICATIONS: Final[tuple[str, ...]] = (  # 4.2.2.6, bit 0 = IIN1.0, bit 8 = IIN2.0
    "broadcast", "class_1_events", "class_2_events", "class_3_events", "need_time", "local_control", "device_trouble", "device_restart",
    "no_func_code_support", "object_unknown", "parameter_error", "event_buffer_overflow", "already_executing", "config_corrupt",
    "reserved_2_6", "reserved_2_7",
)
IIN_ERRORS: Final = 0x1700  # IIN2.0, 2.1, 2.2, 2.4: what was wrong with the request
# What a row of its own tells when it changes: local control, trouble, restart, overflow, corrupt configuration, reserved bits.
IIN_STATE: Final = 0xE8E0

# operations.status: class << 16 | code
STATUS_CONTROL: Final = 0
STATUS_IIN: Final = 1
STATUS_FILE: Final = 2
STATUS_AUTHENTICATION: Final = 3
STATUS_LINK: Final = 4

CONTROL_STATUSES: Final[dict[int, str]] = {  # table 11-7
    0: "success", 1: "timeout", 2: "no_select", 3: "format_error", 4: "not_supported", 5: "already_active", 6: "hardware_error",
    7: "local", 8: "too_many_objects", 9: "not_authorized", 10: "automation_inhibit", 11: "processing_limited", 12: "out_of_range",
    13: "downstream_local", 14: "already_complete", 15: "blocked", 16: "canceled", 17: "blocked_other_master",
    18: "downstream_fail", 126: "non_participating", 127: "undefined",
}
FILE_STATUSES: Final[dict[int, str]] = {  # A.27, file status codes
    0: "success", 1: "permission_denied", 2: "invalid_mode", 3: "not_found", 4: "locked", 5: "too_many_open", 6: "invalid_handle",
    7: "write_block_size", 8: "communication_lost", 9: "cannot_abort", 16: "not_opened", 17: "handle_expired", 18: "buffer_overrun",
    19: "fatal", 20: "block_sequence", 255: "undefined",
}
AUTHENTICATION_ERRORS: Final[dict[int, str]] = {  # A.45.7
    1: "authentication_failed", 2: "unexpected_reply", 3: "no_reply", 4: "aggressive_mode_not_permitted", 5: "mac_not_supported",
    6: "key_wrap_not_supported", 7: "authorization_failed", 8: "update_key_change_not_permitted", 9: "invalid_signature",
    10: "invalid_certification_data", 11: "unknown_user", 12: "max_session_key_status_requests_exceeded",
}
CONTROL_OPERATIONS: Final[dict[int, str]] = {0: "nul", 1: "pulse_on", 2: "pulse_off", 3: "latch_on", 4: "latch_off"}
TRIP_CLOSE: Final[dict[int, str]] = {0: "nul", 1: "close", 2: "trip", 3: "reserved"}

# operations.value_kind
VALUE_OBJECTS: Final = 1  # the octets of `count` objects, one behind the other, laid out as (area, object) say
VALUE_IIN: Final = 2  # the two octets of the internal indications
VALUE_BIT: Final = 8  # + number of the lowest bit (0-7): one packed object within one octet

BROADCAST: Final[dict[int, str]] = {0xFFFD: "no confirm", 0xFFFE: "must confirm", 0xFFFF: "optional confirm"}  # 9.2.5
SELF_ADDRESS: Final = 0xFFFC
FIRST_RESERVED_ADDRESS: Final = 0xFFF0

LENGTH_BELOW_MINIMUM: Final = 1
BLOCK_CRC: Final = 2
RESERVED_ADDRESS: Final = 3
RESERVED_LINK_FUNCTION: Final = 4
LINK_CONTROL: Final = 5
LINK_USER_DATA: Final = 6
TRANSPORT_SEQUENCE: Final = 7
TRANSPORT_UNFINISHED: Final = 8
FRAGMENT_TOO_LONG: Final = 9
FRAGMENT_TOO_SHORT: Final = 10
RESERVED_FUNCTION: Final = 11
DIRECTION: Final = 12
REQUEST_FRAGMENTED: Final = 13
REQUEST_ASKS_CONFIRM: Final = 14
UNSOLICITED_BIT: Final = 15
RESERVED_IIN: Final = 16
UNKNOWN_OBJECT: Final = 17
UNKNOWN_QUALIFIER: Final = 18
RANGE_INVERTED: Final = 19
HEADER_TRUNCATED: Final = 20
OBJECT_TRUNCATED: Final = 21
COUNT_BOMB: Final = 22
TOO_MANY_OBJECTS: Final = 23
UNEXPECTED_OBJECTS: Final = 24
OPERATE_WITHOUT_SELECT: Final = 25
RESERVED_CONTROL: Final = 26
DEVICE_QUIRK: Final = 27
DEVIATING_RESPONSE: Final = 28
FOREIGN_RESPONSE: Final = 29
CONFLICTING_RESPONSE: Final = 30
MASTER_ADDRESS: Final = 31


_HIDING: Final = frozenset({  # objects of the fragment, or the fragment, are not decoded
    BLOCK_CRC, TRANSPORT_SEQUENCE, TRANSPORT_UNFINISHED, FRAGMENT_TOO_LONG, UNKNOWN_OBJECT, UNKNOWN_QUALIFIER, HEADER_TRUNCATED, OBJECT_TRUNCATED,
    COUNT_BOMB, TOO_MANY_OBJECTS,
})


def _kind(code: int, name: str, doc: str, clause: str) -> AnomalyKind:
    return AnomalyKind(code=code, name=name, doc=doc, clause=f"IEEE 1815-2012 {clause}" if clause else "", hides=code in _HIDING)


ANOMALIES: Final[tuple[AnomalyKind, ...]] = (
    _kind(LENGTH_BELOW_MINIMUM, "length-below-minimum", "The length octet of a link header is below 5, less than the header itself.", "9.2.4.1.2"),
    _kind(BLOCK_CRC, "block-crc", "The CRC of a block of user data is wrong; an outstation ignores the frame, its data is not decoded.", "9.2.4.3"),
    _kind(RESERVED_ADDRESS, "reserved-address", "A frame from a broadcast, self or reserved address, or to a reserved one.", "9.2.5"),
    _kind(RESERVED_LINK_FUNCTION, "reserved-link-function", "A link function code that the standard reserves.", "9.2.4.1.3"),
    _kind(LINK_CONTROL, "link-control", "The frame count valid bit contradicts the link function.", "9.2.4.1.3"),
    _kind(LINK_USER_DATA, "link-user-data", "User data in a frame whose link function carries none, or none where it must be.", "9.2.4"),
    _kind(TRANSPORT_SEQUENCE, "transport-sequence",
          "A transport segment out of sequence: the receiver discards what it had of the fragment.", "8.2"),
    _kind(TRANSPORT_UNFINISHED, "transport-unfinished", "A new fragment began before the one before it was complete.", "8.2"),
    _kind(FRAGMENT_TOO_LONG, "fragment-too-long", "A fragment grew beyond any buffer (limit application_fragment_bytes) and was dropped.", "8.2"),
    _kind(FRAGMENT_TOO_SHORT, "fragment-too-short", "A fragment is shorter than its application header.", "4.2.2"),
    _kind(RESERVED_FUNCTION, "reserved-function", "An application function code that the standard reserves.", "4.2.2.5"),
    _kind(DIRECTION, "direction", "The direction bit contradicts the function: an outstation sends requests, or a master responses.", "9.2.4.1.3"),
    _kind(REQUEST_FRAGMENTED, "request-fragmented", "A request that says it is not a single fragment.", "4.2.2.4"),
    _kind(REQUEST_ASKS_CONFIRM, "request-asks-confirm", "A master asks for an application confirmation of its request.", "4.2.2.4"),
    _kind(UNSOLICITED_BIT, "unsolicited-bit", "The unsolicited bit contradicts the function code.", "4.2.2.4"),
    _kind(RESERVED_IIN, "reserved-iin", "A reserved internal indication bit is set.", "4.2.2.6"),
    _kind(UNKNOWN_OBJECT, "unknown-object",
          "A group and variation that the library does not know; the rest of the fragment is not decoded when it carries data.", "annex A"),
    _kind(UNKNOWN_QUALIFIER, "unknown-qualifier",
          "A qualifier that is reserved or does not fit the object; the rest of the fragment is not decoded.", "4.2.2.7.3"),
    _kind(RANGE_INVERTED, "range-inverted", "The stop of a range is below its start.", "4.2.2.7.3.3"),
    _kind(HEADER_TRUNCATED, "header-truncated", "A fragment ends inside an object header.", "4.2.2.7"),
    _kind(OBJECT_TRUNCATED, "object-truncated", "A fragment ends before the objects that its header announces.", "4.2.2.7"),
    _kind(COUNT_BOMB, "count-bomb", "An object header announces more than 65536 objects.", "4.2.2.7.3.3"),
    _kind(TOO_MANY_OBJECTS, "too-many-objects", "More rows than limit items_per_pdu: the last row stands for the rest.", ""),
    _kind(UNEXPECTED_OBJECTS, "unexpected-objects", "Objects in a function that takes none.", "4.4"),
    _kind(OPERATE_WITHOUT_SELECT, "operate-without-select",
          "An operate that no matching select precedes (same objects, next sequence), all having been seen.", "4.4.4.3"),
    _kind(RESERVED_CONTROL, "reserved-control", "A control octet with a reserved operation or trip/close code.", "A.8.1"),
    _kind(DEVICE_QUIRK, "device-quirk", "A response without the sequence number of its request, as this outstation sends them from the first on.",
          "4.2.2.4"),
    _kind(DEVIATING_RESPONSE, "deviating-response",
          "A response without the sequence number of its request, of an outstation whose responses were not so before (or are no more).", "4.2.2.4"),
    _kind(FOREIGN_RESPONSE, "foreign-response",
          "The same, and it came from another MAC address or with another TTL than the outstation's earlier responses.", "4.2.2.4"),
    _kind(CONFLICTING_RESPONSE, "conflicting-response", "A second, different response to a request that was already answered.", "4.2.2.4"),
    _kind(MASTER_ADDRESS, "master-address",
          "A request from another link address than the connection's first: what searches for the address of the master tries several.", "9.2.5"),
)


def function_name(function: int, subfunction: int) -> str:
    """`read`, `direct_operate`, ...; for frames of the link layer alone `link:reset_link_states`, ..."""
    if function == LINK:
        return "link:" + LINK_FUNCTIONS.get(subfunction, f"reserved_{subfunction & 15}_{'primary' if subfunction & 0x40 else 'secondary'}")
    return FUNCTIONS.get(function, f"reserved_{function}")


def status_name(status: int) -> str:
    """`ok`, `control:2`, `iin:no_func_code_support`, `file:permission_denied`, `authentication:...`, `link:busy`."""
    kind, code = status >> 16, status & 0xFFFF
    if kind == STATUS_CONTROL:
        return f"control:{code}" if code else "ok"
    if kind == STATUS_IIN:
        return "iin:" + "+".join(name for bit, name in enumerate(INDICATIONS) if code >> bit & 1)
    if kind == STATUS_FILE:
        return "file:" + FILE_STATUSES.get(code, str(code))
    if kind == STATUS_AUTHENTICATION:
        return "authentication:" + AUTHENTICATION_ERRORS.get(code, str(code))
    return "link:busy"


def unit_name(unit: int) -> str:
    """How the child behind an address is called."""
    if unit in BROADCAST:
        return f"broadcast ({BROADCAST[unit]})"
    return f"outstation {unit}"


def is_answered(row: Mapping[str, int]) -> bool:
    """Not a broadcast (9.2.5), nor a function without acknowledgement (4.2.2.5)."""
    return row["unit"] not in BROADCAST and row["function"] not in NO_RESPONSE


def object_name(row: Mapping[str, int]) -> str:
    """`g12v1[3]`, `g30v0[0-9]`, `g60v2`; empty without an object."""
    if row["area"] < 0:
        return ""
    name = f"g{row['area']}v{row['object']}"
    if row["start"] < 0:
        return name
    return f"{name}[{row['start']}]" if row["count"] <= 1 else f"{name}[{row['start']}-{row['start'] + row['count'] - 1}]"


def object_words(row: Mapping[str, int]) -> str:
    """The same in words."""
    return object_title(row["area"], row["object"]) if row["area"] >= 0 else ""


STATE_GROUPS: Final = {12: 10, 41: 40}  # command group -> group in which the outputs' states are reported


def point_place(row: Mapping[str, int]) -> tuple[int, ...]:
    """Points of an outstation by group, whatever the variation; outputs by the group of their states."""
    return row["unit"], STATE_GROUPS.get(row["area"], row["area"])
