"""The object library of DNP3 (IEEE 1815-2012 annex A) as data: what each group and variation is called and how it lies on the wire.

A layout is a string of `name:type` fields in wire order, least significant octet first. Types: `u8 u16 u24 u32 i16 i32 f32 f64`, `t48`
(milliseconds since 1970 UTC), `flags` (one octet, its bits named by the group), `control`, `command` and `status` (control octet, command
event, control status), `bit` and `bit2` (packed, lowest bit first), `bcdN` (N octets of packed decimal). Four layouts are words instead:
NO_DATA (never carries octets), SIZED (its length is the size prefix of qualifier 5B), STRING (the variation is the length) and ATTRIBUTE
(type, length, octets: it knows its own length).
"""

from __future__ import annotations

from functools import cache
from typing import Final

NO_DATA: Final = "none"
SIZED: Final = "sized"
STRING: Final = "string"
ATTRIBUTE: Final = "attribute"

# Codes in the size table beside a positive number of bits.
SIZE_NONE: Final = 0
SIZE_UNKNOWN: Final = -1
SIZE_ATTRIBUTE: Final = -2
SIZE_SIZED: Final = -3

TYPE_BITS: Final[dict[str, int]] = {
    "bit": 1, "bit2": 2, "u8": 8, "u16": 16, "u24": 24, "u32": 32, "i16": 16, "i32": 32, "f32": 32, "f64": 64, "t48": 48, "flags": 8,
    "control": 8, "command": 8, "status": 8, "bcd2": 16, "bcd4": 32, "bcd8": 64,
}

GROUPS: Final[dict[int, str]] = {
    0: "device_attribute",
    1: "binary_input", 2: "binary_input_event", 3: "double_bit_input", 4: "double_bit_input_event",
    10: "binary_output", 11: "binary_output_event", 12: "binary_command", 13: "binary_command_event",
    20: "counter", 21: "frozen_counter", 22: "counter_event", 23: "frozen_counter_event",
    30: "analog_input", 31: "frozen_analog_input", 32: "analog_input_event", 33: "frozen_analog_input_event", 34: "analog_input_deadband",
    40: "analog_output_status", 41: "analog_output", 42: "analog_output_event", 43: "analog_output_command_event",
    50: "time_and_date", 51: "common_time_of_occurrence", 52: "time_delay",
    60: "class", 70: "file", 80: "internal_indications", 81: "device_storage", 82: "device_profile", 83: "private_registration",
    85: "data_set_prototype", 86: "data_set_descriptor", 87: "data_set", 88: "data_set_event",
    90: "application", 91: "status_of_requested_operation", 100: "floating_point", 101: "binary_coded_decimal", 102: "unsigned_integer",
    110: "octet_string", 111: "octet_string_event", 112: "virtual_terminal_output", 113: "virtual_terminal_event",
    114: "extended_octet_string", 115: "extended_octet_string_event",
    120: "authentication", 121: "security_statistic", 122: "security_statistic_event",
}

# Bits of the flag octet by group (A.2 and following), lowest first. Bit 7 is the state of binary points, bits 6-7 that of double-bit points.
_COMMON = ("online", "restart", "comm_lost", "remote_forced", "local_forced")
FLAGS: Final[dict[int, tuple[str, ...]]] = {
    **dict.fromkeys((1, 2), (*_COMMON, "chatter_filter", "", "")),
    **dict.fromkeys((3, 4), (*_COMMON, "chatter_filter", "", "")),
    **dict.fromkeys((10, 11), (*_COMMON, "", "", "")),
    **dict.fromkeys((20, 21, 22, 23, 121, 122), (*_COMMON, "rollover", "discontinuity", "")),
    **dict.fromkeys((30, 31, 32, 33, 40, 42, 100), (*_COMMON, "over_range", "reference_error", "")),
    87: (*_COMMON, "", "", ""),
    102: (*_COMMON, "", "", ""),
}
STATE_BIT: Final = frozenset({1, 2, 10, 11})  # flag octet whose bit 7 is the point's state
STATE_BITS: Final = frozenset({3, 4})  # flag octet whose bits 6-7 are the point's state

# (group, variation): (layout, what it is). Variation 0 stands for "any" in requests and needs no entry.
OBJECTS: Final[dict[tuple[int, int], tuple[str, str]]] = {
    (1, 1): ("state:bit", "binary input, packed"),
    (1, 2): ("flags:flags", "binary input with flags"),
    (2, 1): ("flags:flags", "binary input event without time"),
    (2, 2): ("flags:flags time:t48", "binary input event with absolute time"),
    (2, 3): ("flags:flags relative_ms:u16", "binary input event with relative time"),
    (3, 1): ("state:bit2", "double-bit binary input, packed"),
    (3, 2): ("flags:flags", "double-bit binary input with flags"),
    (4, 1): ("flags:flags", "double-bit binary input event without time"),
    (4, 2): ("flags:flags time:t48", "double-bit binary input event with absolute time"),
    (4, 3): ("flags:flags relative_ms:u16", "double-bit binary input event with relative time"),
    (10, 1): ("state:bit", "binary output, packed"),
    (10, 2): ("flags:flags", "binary output status with flags"),
    (11, 1): ("flags:flags", "binary output event without time"),
    (11, 2): ("flags:flags time:t48", "binary output event with time"),
    (12, 1): ("control:control count:u8 on_ms:u32 off_ms:u32 status:status", "control relay output block (CROB)"),
    (12, 2): ("control:control count:u8 on_ms:u32 off_ms:u32 status:status", "pattern control block"),
    (12, 3): ("state:bit", "pattern mask, packed"),
    (13, 1): ("command:command", "binary command event without time"),
    (13, 2): ("command:command time:t48", "binary command event with time"),
    (20, 1): ("flags:flags value:u32", "counter, 32 bits with flag"),
    (20, 2): ("flags:flags value:u16", "counter, 16 bits with flag"),
    (20, 3): ("flags:flags value:u32", "delta counter, 32 bits with flag"),
    (20, 4): ("flags:flags value:u16", "delta counter, 16 bits with flag"),
    (20, 5): ("value:u32", "counter, 32 bits without flag"),
    (20, 6): ("value:u16", "counter, 16 bits without flag"),
    (20, 7): ("value:u32", "delta counter, 32 bits without flag"),
    (20, 8): ("value:u16", "delta counter, 16 bits without flag"),
    (21, 1): ("flags:flags value:u32", "frozen counter, 32 bits with flag"),
    (21, 2): ("flags:flags value:u16", "frozen counter, 16 bits with flag"),
    (21, 3): ("flags:flags value:u32", "frozen delta counter, 32 bits with flag"),
    (21, 4): ("flags:flags value:u16", "frozen delta counter, 16 bits with flag"),
    (21, 5): ("flags:flags value:u32 time:t48", "frozen counter, 32 bits with flag and time"),
    (21, 6): ("flags:flags value:u16 time:t48", "frozen counter, 16 bits with flag and time"),
    (21, 7): ("flags:flags value:u32 time:t48", "frozen delta counter, 32 bits with flag and time"),
    (21, 8): ("flags:flags value:u16 time:t48", "frozen delta counter, 16 bits with flag and time"),
    (21, 9): ("value:u32", "frozen counter, 32 bits without flag"),
    (21, 10): ("value:u16", "frozen counter, 16 bits without flag"),
    (21, 11): ("value:u32", "frozen delta counter, 32 bits without flag"),
    (21, 12): ("value:u16", "frozen delta counter, 16 bits without flag"),
    (22, 1): ("flags:flags value:u32", "counter event, 32 bits with flag"),
    (22, 2): ("flags:flags value:u16", "counter event, 16 bits with flag"),
    (22, 3): ("flags:flags value:u32", "delta counter event, 32 bits with flag"),
    (22, 4): ("flags:flags value:u16", "delta counter event, 16 bits with flag"),
    (22, 5): ("flags:flags value:u32 time:t48", "counter event, 32 bits with flag and time"),
    (22, 6): ("flags:flags value:u16 time:t48", "counter event, 16 bits with flag and time"),
    (22, 7): ("flags:flags value:u32 time:t48", "delta counter event, 32 bits with flag and time"),
    (22, 8): ("flags:flags value:u16 time:t48", "delta counter event, 16 bits with flag and time"),
    (23, 1): ("flags:flags value:u32", "frozen counter event, 32 bits with flag"),
    (23, 2): ("flags:flags value:u16", "frozen counter event, 16 bits with flag"),
    (23, 3): ("flags:flags value:u32", "frozen delta counter event, 32 bits with flag"),
    (23, 4): ("flags:flags value:u16", "frozen delta counter event, 16 bits with flag"),
    (23, 5): ("flags:flags value:u32 time:t48", "frozen counter event, 32 bits with flag and time"),
    (23, 6): ("flags:flags value:u16 time:t48", "frozen counter event, 16 bits with flag and time"),
    (23, 7): ("flags:flags value:u32 time:t48", "frozen delta counter event, 32 bits with flag and time"),
    (23, 8): ("flags:flags value:u16 time:t48", "frozen delta counter event, 16 bits with flag and time"),
    (30, 1): ("flags:flags value:i32", "analog input, 32 bits with flag"),
    (30, 2): ("flags:flags value:i16", "analog input, 16 bits with flag"),
    (30, 3): ("value:i32", "analog input, 32 bits without flag"),
    (30, 4): ("value:i16", "analog input, 16 bits without flag"),
    (30, 5): ("flags:flags value:f32", "analog input, single float with flag"),
    (30, 6): ("flags:flags value:f64", "analog input, double float with flag"),
    (31, 1): ("flags:flags value:i32", "frozen analog input, 32 bits with flag"),
    (31, 2): ("flags:flags value:i16", "frozen analog input, 16 bits with flag"),
    (31, 3): ("flags:flags value:i32 time:t48", "frozen analog input, 32 bits with time of freeze"),
    (31, 4): ("flags:flags value:i16 time:t48", "frozen analog input, 16 bits with time of freeze"),
    (31, 5): ("value:i32", "frozen analog input, 32 bits without flag"),
    (31, 6): ("value:i16", "frozen analog input, 16 bits without flag"),
    (31, 7): ("flags:flags value:f32", "frozen analog input, single float with flag"),
    (31, 8): ("flags:flags value:f64", "frozen analog input, double float with flag"),
    (32, 1): ("flags:flags value:i32", "analog input event, 32 bits without time"),
    (32, 2): ("flags:flags value:i16", "analog input event, 16 bits without time"),
    (32, 3): ("flags:flags value:i32 time:t48", "analog input event, 32 bits with time"),
    (32, 4): ("flags:flags value:i16 time:t48", "analog input event, 16 bits with time"),
    (32, 5): ("flags:flags value:f32", "analog input event, single float without time"),
    (32, 6): ("flags:flags value:f64", "analog input event, double float without time"),
    (32, 7): ("flags:flags value:f32 time:t48", "analog input event, single float with time"),
    (32, 8): ("flags:flags value:f64 time:t48", "analog input event, double float with time"),
    (33, 1): ("flags:flags value:i32", "frozen analog input event, 32 bits without time"),
    (33, 2): ("flags:flags value:i16", "frozen analog input event, 16 bits without time"),
    (33, 3): ("flags:flags value:i32 time:t48", "frozen analog input event, 32 bits with time"),
    (33, 4): ("flags:flags value:i16 time:t48", "frozen analog input event, 16 bits with time"),
    (33, 5): ("flags:flags value:f32", "frozen analog input event, single float without time"),
    (33, 6): ("flags:flags value:f64", "frozen analog input event, double float without time"),
    (33, 7): ("flags:flags value:f32 time:t48", "frozen analog input event, single float with time"),
    (33, 8): ("flags:flags value:f64 time:t48", "frozen analog input event, double float with time"),
    (34, 1): ("value:u16", "analog input deadband, 16 bits"),
    (34, 2): ("value:u32", "analog input deadband, 32 bits"),
    (34, 3): ("value:f32", "analog input deadband, single float"),
    (40, 1): ("flags:flags value:i32", "analog output status, 32 bits"),
    (40, 2): ("flags:flags value:i16", "analog output status, 16 bits"),
    (40, 3): ("flags:flags value:f32", "analog output status, single float"),
    (40, 4): ("flags:flags value:f64", "analog output status, double float"),
    (41, 1): ("value:i32 status:status", "analog output, 32 bits"),
    (41, 2): ("value:i16 status:status", "analog output, 16 bits"),
    (41, 3): ("value:f32 status:status", "analog output, single float"),
    (41, 4): ("value:f64 status:status", "analog output, double float"),
    (42, 1): ("flags:flags value:i32", "analog output event, 32 bits without time"),
    (42, 2): ("flags:flags value:i16", "analog output event, 16 bits without time"),
    (42, 3): ("flags:flags value:i32 time:t48", "analog output event, 32 bits with time"),
    (42, 4): ("flags:flags value:i16 time:t48", "analog output event, 16 bits with time"),
    (42, 5): ("flags:flags value:f32", "analog output event, single float without time"),
    (42, 6): ("flags:flags value:f64", "analog output event, double float without time"),
    (42, 7): ("flags:flags value:f32 time:t48", "analog output event, single float with time"),
    (42, 8): ("flags:flags value:f64 time:t48", "analog output event, double float with time"),
    (43, 1): ("status:status value:i32", "analog output command event, 32 bits without time"),
    (43, 2): ("status:status value:i16", "analog output command event, 16 bits without time"),
    (43, 3): ("status:status value:i32 time:t48", "analog output command event, 32 bits with time"),
    (43, 4): ("status:status value:i16 time:t48", "analog output command event, 16 bits with time"),
    (43, 5): ("status:status value:f32", "analog output command event, single float without time"),
    (43, 6): ("status:status value:f64", "analog output command event, double float without time"),
    (43, 7): ("status:status value:f32 time:t48", "analog output command event, single float with time"),
    (43, 8): ("status:status value:f64 time:t48", "analog output command event, double float with time"),
    (50, 1): ("time:t48", "absolute time"),
    (50, 2): ("time:t48 interval_ms:u32", "absolute time and interval"),
    (50, 3): ("time:t48", "absolute time at the last recorded time"),
    (50, 4): ("time:t48 interval:u32 interval_units:u8", "indexed absolute time and long interval"),
    (51, 1): ("time:t48", "common time of occurrence, synchronised"),
    (51, 2): ("time:t48", "common time of occurrence, unsynchronised"),
    (52, 1): ("delay_s:u16", "time delay, coarse"),
    (52, 2): ("delay_ms:u16", "time delay, fine"),
    (60, 1): (NO_DATA, "class 0: static data"),
    (60, 2): (NO_DATA, "class 1 events"),
    (60, 3): (NO_DATA, "class 2 events"),
    (60, 4): (NO_DATA, "class 3 events"),
    (70, 1): (SIZED, "file identifier (superseded)"),
    (70, 2): (SIZED, "file authentication"),
    (70, 3): (SIZED, "file command"),
    (70, 4): (SIZED, "file command status"),
    (70, 5): (SIZED, "file transport"),
    (70, 6): (SIZED, "file transport status"),
    (70, 7): (SIZED, "file descriptor"),
    (70, 8): (SIZED, "file specification string"),
    (80, 1): ("state:bit", "internal indications, packed"),
    (81, 1): ("percent:u8 group:u8 variation:u8", "device storage, buffer fill status"),
    (82, 1): (SIZED, "device profile (superseded)"),
    (83, 1): (SIZED, "private registration object"),
    (83, 2): (SIZED, "private registration object descriptor"),
    (85, 1): (SIZED, "data set prototype with UUID"),
    (86, 1): (SIZED, "data set descriptor, contents"),
    (86, 2): ("characteristics:u8", "data set descriptor, characteristics"),
    (86, 3): (SIZED, "data set descriptor, point index attributes"),
    (87, 1): (SIZED, "data set, present value"),
    (88, 1): (SIZED, "data set event, snapshot"),
    (90, 1): (SIZED, "application identifier"),
    (91, 1): (SIZED, "status of a requested operation"),
    (100, 1): ("flags:flags value:f32", "floating point, short (superseded)"),
    (100, 2): ("flags:flags value:f64", "floating point, long (superseded)"),
    (101, 1): ("value:bcd2", "packed decimal, 4 digits"),
    (101, 2): ("value:bcd4", "packed decimal, 8 digits"),
    (101, 3): ("value:bcd8", "packed decimal, 16 digits"),
    (102, 1): ("value:u8", "unsigned integer, 8 bits"),
    (114, 1): (SIZED, "extended octet string"),
    (115, 1): (SIZED, "extended octet string event"),
    (120, 1): (SIZED, "challenge"),
    (120, 2): (SIZED, "reply"),
    (120, 3): ("sequence:u32 user:u16", "aggressive mode request"),
    (120, 4): ("user:u16", "session key status request"),
    (120, 5): (SIZED, "session key status"),
    (120, 6): (SIZED, "session key change"),
    (120, 7): (SIZED, "error"),
    (120, 8): (SIZED, "user certificate"),
    (120, 9): (SIZED, "message authentication code"),
    (120, 10): (SIZED, "user status change"),
    (120, 11): (SIZED, "update key change request"),
    (120, 12): (SIZED, "update key change reply"),
    (120, 13): (SIZED, "update key change"),
    (120, 14): (SIZED, "update key change signature"),
    (120, 15): (SIZED, "update key change confirmation"),
    (121, 1): ("flags:flags association:u16 value:u32", "security statistic, 32 bits with flag"),
    (122, 1): ("flags:flags association:u16 value:u32", "security statistic event, 32 bits with flag"),
    (122, 2): ("flags:flags association:u16 value:u32 time:t48", "security statistic event, 32 bits with flag and time"),
}

STRING_GROUPS: Final = frozenset({110, 111, 112, 113})  # the variation is the length (A.41-A.44)

# Attributes of group 0, default set (A.1; 196-208 from later technical bulletins): variation -> name.
ATTRIBUTES: Final[dict[int, str]] = {
    196: "configuration_id", 197: "configuration_version", 198: "configuration_build_date", 199: "configuration_change_date",
    200: "configuration_signature", 201: "configuration_signature_algorithm", 202: "master_resource_id", 203: "altitude",
    204: "longitude", 205: "latitude", 206: "secondary_operator_name", 207: "primary_operator_name", 208: "system_name",
    209: "secure_authentication_version", 210: "security_statistics_per_association", 211: "user_specific_attributes",
    212: "master_data_set_prototypes", 213: "outstation_data_set_prototypes", 214: "master_data_sets", 215: "outstation_data_sets",
    216: "binary_outputs_per_request", 217: "local_timing_accuracy", 218: "duration_of_timing_accuracy", 219: "analog_output_events",
    220: "max_analog_output_index", 221: "analog_outputs", 222: "binary_output_events", 223: "max_binary_output_index", 224: "binary_outputs",
    225: "frozen_counter_events", 226: "frozen_counters", 227: "counter_events", 228: "max_counter_index", 229: "counters",
    230: "frozen_analog_inputs", 231: "analog_input_events", 232: "max_analog_input_index", 233: "analog_inputs",
    234: "double_bit_input_events", 235: "max_double_bit_input_index", 236: "double_bit_inputs", 237: "binary_input_events",
    238: "max_binary_input_index", 239: "binary_inputs", 240: "max_transmit_fragment", 241: "max_receive_fragment", 242: "software_version",
    243: "hardware_version", 244: "owner_name", 245: "location", 246: "id_code", 247: "device_name", 248: "serial_number",
    249: "subset_and_conformance", 250: "product_name_and_model", 252: "manufacturer_name", 254: "all_attributes", 255: "list_of_attributes",
}


def layout_of(group: int, variation: int) -> str:
    """The layout of one object; empty when it is not known."""
    if group == 0:
        return ATTRIBUTE
    if group in STRING_GROUPS:
        return STRING
    return OBJECTS.get((group, variation), ("", ""))[0]


def object_title(group: int, variation: int) -> str:
    """What an object is, in words."""
    if group == 0:
        return ATTRIBUTES.get(variation, f"attribute {variation}").replace("_", " ")
    known = OBJECTS.get((group, variation))
    if known:
        return known[1]
    name = GROUPS.get(group, f"group {group}").replace("_", " ")
    if variation == 0:
        return f"{name}, any variation"
    return f"{name}, {variation} octets" if group in STRING_GROUPS else f"{name}, variation {variation}"


@cache
def fields_of(layout: str) -> tuple[tuple[str, str], ...]:
    """The (name, type) pairs of a layout of fields."""
    return tuple((name, kind) for name, _, kind in (part.partition(":") for part in layout.split()))


def size_bits(group: int, variation: int) -> int:
    """Bits of one object, or a SIZE_ code."""
    layout = layout_of(group, variation)
    if layout == ATTRIBUTE:
        return SIZE_ATTRIBUTE
    if layout == STRING:
        return 8 * variation if variation else SIZE_UNKNOWN
    if layout == SIZED:
        return SIZE_SIZED
    if layout == NO_DATA:
        return SIZE_NONE
    if not layout:
        return SIZE_UNKNOWN
    return sum(TYPE_BITS[kind] for _, kind in fields_of(layout))
