"""BACnet/IP as data: services, network and BVLC messages, objects, properties, errors and anomalies, with the clauses that define them.

Clauses are those of ANSI/ASHRAE Standard 135-2020. The dissector reads its tables from here; its reference page is generated from here.
Columns of `operations`: unit = device on a routed network, SNET << 32 | its address there; none for the device at the IP address itself;
function = confirmed service, UNCONFIRMED + unconfirmed service, NETWORK + network message, BVLC + BVLC function; subfunction = state of
Reinitialize Device, of Device Communication Control what is switched; area = object type, object = instance, start = property,
count = array index (none: the whole property); status = 0, else where it comes from and its code; transaction = invoke id.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from otwatch.actions import Action
from otwatch.protocols.spec import AnomalyKind

REFERENCES: Final = (
    "ANSI/ASHRAE Standard 135-2020, BACnet: clauses 6 (network layer), 13 to 17 (services), 20 (APDUs), 21 (encoding), annex J (BACnet/IP)",
)

PORT: Final = 47808
UNCONFIRMED: Final = 0x100
NETWORK: Final = 0x200
BVLC: Final = 0x300
REJECTED: Final = 10_000  # status: REJECTED + reason, ABORTED + reason, FAILED + class * 256 + code
ABORTED: Final = 20_000
FAILED: Final = 30_000

_A = Action
CONFIRMED_SERVICES: Final[Mapping[int, tuple[str, Action]]] = {  # 21, BACnetConfirmedServiceChoice
    0: ("acknowledge_alarm", _A.ALARM), 1: ("cov_notification_confirmed", _A.REPORT), 2: ("event_notification_confirmed", _A.ALARM),
    3: ("get_alarm_summary", _A.ALARM), 4: ("get_enrollment_summary", _A.ALARM), 5: ("subscribe_cov", _A.SUBSCRIBE),
    6: ("atomic_read_file", _A.FILE), 7: ("atomic_write_file", _A.FILE), 8: ("add_list_element", _A.CONFIGURE),
    9: ("remove_list_element", _A.CONFIGURE), 10: ("create_object", _A.CONFIGURE), 11: ("delete_object", _A.CONFIGURE),
    12: ("read_property", _A.READ),
    14: ("read_property_multiple", _A.READ), 15: ("write_property", _A.WRITE), 16: ("write_property_multiple", _A.WRITE),
    17: ("device_communication_control", _A.CONFIGURE), 18: ("private_transfer_confirmed", _A.OTHER), 19: ("text_message_confirmed", _A.OTHER),
    20: ("reinitialize_device", _A.RESTART), 21: ("vt_open", _A.OTHER), 22: ("vt_close", _A.OTHER), 23: ("vt_data", _A.OTHER),
    24: ("authenticate", _A.AUTHENTICATE), 25: ("request_key", _A.AUTHENTICATE), 26: ("read_range", _A.READ),
    27: ("life_safety_operation", _A.CONTROL),
    28: ("subscribe_cov_property", _A.SUBSCRIBE), 29: ("get_event_information", _A.ALARM), 30: ("subscribe_cov_property_multiple", _A.SUBSCRIBE),
    31: ("cov_notification_multiple_confirmed", _A.REPORT), 32: ("audit_notification_confirmed", _A.REPORT), 33: ("audit_log_query", _A.READ),
    34: ("auth_request", _A.AUTHENTICATE),
}
UNCONFIRMED_SERVICES: Final[Mapping[int, tuple[str, Action]]] = {
    0: ("i_am", _A.IDENTIFY), 1: ("i_have", _A.IDENTIFY), 2: ("cov_notification", _A.REPORT), 3: ("event_notification", _A.ALARM),
    4: ("private_transfer", _A.OTHER), 5: ("text_message", _A.OTHER), 6: ("time_synchronization", _A.TIME_SET), 7: ("who_has", _A.BROWSE),
    8: ("who_is", _A.BROWSE), 9: ("utc_time_synchronization", _A.TIME_SET), 10: ("write_group", _A.WRITE),
    11: ("cov_notification_multiple", _A.REPORT), 12: ("audit_notification", _A.REPORT), 13: ("who_am_i", _A.BROWSE), 14: ("you_are", _A.CONFIGURE),
}
NETWORK_MESSAGES: Final[Mapping[int, tuple[str, Action]]] = {  # 6.2.4
    0x00: ("who_is_router_to_network", _A.BROWSE), 0x01: ("i_am_router_to_network", _A.IDENTIFY), 0x02: ("i_could_be_router_to_network", _A.IDENTIFY),
    0x03: ("reject_message_to_network", _A.REPORT), 0x04: ("router_busy_to_network", _A.REPORT), 0x05: ("router_available_to_network", _A.REPORT),
    0x06: ("initialize_routing_table", _A.CONFIGURE), 0x07: ("initialize_routing_table_ack", _A.CONFIGURE),
    0x08: ("establish_connection_to_network", _A.CONFIGURE), 0x09: ("disconnect_connection_to_network", _A.CONFIGURE),
    0x0A: ("challenge_request", _A.AUTHENTICATE), 0x0B: ("security_payload", _A.AUTHENTICATE), 0x0C: ("security_response", _A.AUTHENTICATE),
    0x0D: ("request_key_update", _A.AUTHENTICATE), 0x0E: ("update_key_set", _A.AUTHENTICATE), 0x0F: ("update_distribution_key", _A.AUTHENTICATE),
    0x10: ("request_master_key", _A.AUTHENTICATE), 0x11: ("set_master_key", _A.AUTHENTICATE), 0x12: ("what_is_network_number", _A.BROWSE),
    0x13: ("network_number_is", _A.IDENTIFY),
}
BVLC_FUNCTIONS: Final[Mapping[int, tuple[str, Action]]] = {  # J.2
    0x00: ("bvlc_result", _A.OTHER), 0x01: ("write_broadcast_distribution_table", _A.CONFIGURE), 0x02: ("read_broadcast_distribution_table", _A.READ),
    0x03: ("read_broadcast_distribution_table_ack", _A.READ), 0x04: ("forwarded_npdu", _A.OTHER), 0x05: ("register_foreign_device", _A.CONFIGURE),
    0x06: ("read_foreign_device_table", _A.READ), 0x07: ("read_foreign_device_table_ack", _A.READ),
    0x08: ("delete_foreign_device_table_entry", _A.CONFIGURE), 0x09: ("distribute_broadcast_to_network", _A.OTHER),
    0x0A: ("original_unicast_npdu", _A.OTHER), 0x0B: ("original_broadcast_npdu", _A.OTHER), 0x0C: ("secure_bvll", _A.OTHER),
}
NPDU_FUNCTIONS: Final = frozenset({0x04, 0x09, 0x0A, 0x0B})  # behind their header stands a network message or an APDU
BVLC_LENGTHS: Final[Mapping[int, int]] = {0x00: 6, 0x02: 4, 0x05: 6, 0x06: 4, 0x08: 10}
BVLC_REQUESTS: Final = frozenset({0x01, 0x02, 0x05, 0x06, 0x08})

REINITIALIZED: Final[Mapping[int, tuple[str, Action]]] = {  # 16.4.1.1.1
    0: ("coldstart", _A.RESTART), 1: ("warmstart", _A.RESTART), 2: ("start_backup", _A.PROGRAM_UPLOAD), 3: ("end_backup", _A.PROGRAM_UPLOAD),
    4: ("start_restore", _A.PROGRAM_DOWNLOAD), 5: ("end_restore", _A.PROGRAM_DOWNLOAD), 6: ("abort_restore", _A.PROGRAM_DOWNLOAD),
    7: ("activate_changes", _A.CONFIGURE),
}
COMMUNICATION: Final[Mapping[int, str]] = {0: "enable", 1: "disable", 2: "disable_initiation"}  # 16.1.1.1.2

OBJECT_TYPES: Final[Mapping[int, str]] = dict(enumerate((
    "analog_input", "analog_output", "analog_value", "binary_input", "binary_output", "binary_value", "calendar", "command", "device",
    "event_enrollment", "file", "group", "loop", "multi_state_input", "multi_state_output", "notification_class", "program", "schedule", "averaging",
    "multi_state_value", "trend_log", "life_safety_point", "life_safety_zone", "accumulator", "pulse_converter", "event_log", "global_group",
    "trend_log_multiple", "load_control", "structured_view", "access_door", "timer", "access_credential", "access_point", "access_rights",
    "access_user", "access_zone", "credential_data_input", "network_security", "bitstring_value", "characterstring_value", "datepattern_value",
    "date_value", "datetimepattern_value", "datetime_value", "integer_value", "large_analog_value", "octetstring_value", "positive_integer_value",
    "timepattern_value", "time_value", "notification_forwarder", "alert_enrollment", "channel", "lighting_output", "binary_lighting_output",
    "network_port", "elevator_group", "escalator", "lift", "staging", "audit_log", "audit_reporter")))
DEVICE: Final = 8
FILE_OBJECT: Final = 10
OUTPUTS: Final = frozenset({1, 4, 14, 30, 54, 55})  # objects whose present value moves something
PRESENT_VALUE: Final = 85
OUT_OF_SERVICE: Final = 81
PROPERTIES: Final[Mapping[int, str]] = {  # 21, BACnetPropertyIdentifier: those that name, identify, move or protect
    4: "active_text", 8: "all", 11: "apdu_timeout", 12: "application_software_version", 22: "cov_increment", 28: "description", 36: "event_state",
    44: "firmware_revision", 45: "high_limit", 54: "list_of_object_property_references", 57: "local_time", 56: "local_date", 58: "location",
    59: "low_limit", 62: "max_apdu_length_accepted", 65: "max_pres_value", 69: "min_pres_value", 70: "model_name", 75: "object_identifier",
    76: "object_list", 77: "object_name", 79: "object_type", 80: "optional", 81: "out_of_service", 85: "present_value", 87: "priority_array",
    88: "priority", 95: "profile_name", 96: "protocol_object_types_supported", 97: "protocol_services_supported", 98: "protocol_version",
    103: "reliability", 104: "relinquish_default", 105: "required", 107: "segmentation_supported", 108: "setpoint", 111: "status_flags",
    112: "system_status", 117: "units", 120: "vendor_identifier", 121: "vendor_name", 123: "weekly_schedule", 131: "log_buffer",
    139: "protocol_revision", 152: "active_cov_subscriptions", 155: "database_revision", 168: "profile_name", 372: "serial_number",
}
IDENTITY: Final[Mapping[int, str]] = {  # property of the device object -> fact
    77: "name", 121: "vendor", 70: "model", 44: "firmware", 12: "software", 372: "serial", 58: "location",
}
ERROR_CLASSES: Final = ("device", "object", "property", "resources", "security", "services", "vt", "communication")
ERROR_CODES: Final[Mapping[int, str]] = {  # 18
    0: "other", 2: "configuration_in_progress", 3: "device_busy", 4: "dynamic_creation_not_supported", 5: "file_access_denied",
    9: "invalid_data_type", 16: "missing_required_parameter", 25: "operational_problem", 26: "password_failure", 27: "read_access_denied",
    29: "service_request_denied", 31: "unknown_object", 32: "unknown_property", 36: "unsupported_object_type", 37: "value_out_of_range",
    40: "write_access_denied", 42: "invalid_array_index", 45: "not_cov_property", 47: "datatype_not_supported", 50: "property_is_not_an_array",
    83: "communication_disabled", 88: "no_access",
}
REJECT_REASONS: Final = ("other", "buffer_overflow", "inconsistent_parameters", "invalid_parameter_data_type", "invalid_tag",
                         "missing_required_parameter", "parameter_out_of_range", "too_many_arguments", "undefined_enumeration",
                         "unrecognized_service")
ABORT_REASONS: Final = ("other", "buffer_overflow", "invalid_apdu_in_this_state", "preempted_by_higher_priority_task", "segmentation_not_supported",
                        "security_error", "insufficient_security", "window_size_out_of_range", "application_exceeded_reply_time",
                        "out_of_resources", "tsm_timeout", "apdu_too_long")

VALUE_TAGGED: Final = 1  # value_kind: tagged values (20.2), to the end
VALUE_WRITTEN: Final = 2  # the same, then their closing tag and perhaps a priority

FUNCTIONS: Final[Mapping[int, str]] = {
    **{number: name for number, (name, _) in CONFIRMED_SERVICES.items()},
    **{UNCONFIRMED + number: name for number, (name, _) in UNCONFIRMED_SERVICES.items()},
    **{NETWORK + number: name for number, (name, _) in NETWORK_MESSAGES.items()},
    **{BVLC + number: name for number, (name, _) in BVLC_FUNCTIONS.items()},
}


class Anomaly(IntEnum):
    """Codes of ANOMALIES, as the dissector writes them."""

    TRUNCATED = 1
    LENGTH = 2
    VERSION = 3
    UNKNOWN_SERVICE = 4
    UNKNOWN_FUNCTION = 5
    TAG = 6
    UNASKED_RESPONSE = 7
    CONFLICTING_RESPONSE = 8
    SEGMENTS_LOST = 9
    REQUEST_FLOOD = 10
    TOO_MANY_ITEMS = 11


_DOCS: Final[Mapping[Anomaly, tuple[str, str]]] = {
    Anomaly.TRUNCATED: ("The message ends before its fields do.", "20.1"),
    Anomaly.LENGTH: ("The BVLC length is not that of the datagram.", "J.2"),
    Anomaly.VERSION: ("The version of the network layer is not 1: the message was not decoded.", "6.2.1"),
    Anomaly.UNKNOWN_SERVICE: ("A service choice that is not defined: its parameters were not decoded.", "21"),
    Anomaly.UNKNOWN_FUNCTION: ("A BVLC function, network message or APDU type that is not defined.", "J.2, 6.2.4, 20.1.1"),
    Anomaly.TAG: ("The parameters of a service are not tagged as it prescribes; those before are decoded.", "20.2"),
    Anomaly.UNASKED_RESPONSE: ("A response that no request asked for.", "5.4"),
    Anomaly.CONFLICTING_RESPONSE: ("A second response to a request, with other contents.", "5.4"),
    Anomaly.SEGMENTS_LOST: ("A segmented message of which segments are missing: its parameters were not decoded.", "5.3"),
    Anomaly.REQUEST_FLOOD: ("More requests wait for their response than are kept.", ""),
    Anomaly.TOO_MANY_ITEMS: ("A message names more properties than one message is given rows for.", ""),
}
_HIDING: Final = frozenset({  # a part of the message, or the message, is not decoded
    Anomaly.TRUNCATED, Anomaly.LENGTH, Anomaly.VERSION, Anomaly.UNKNOWN_SERVICE, Anomaly.UNKNOWN_FUNCTION, Anomaly.TAG, Anomaly.SEGMENTS_LOST,
    Anomaly.TOO_MANY_ITEMS,
})
ANOMALIES: Final[tuple[AnomalyKind, ...]] = tuple(
    AnomalyKind(code=kind.value, name=kind.name.lower().replace("_", "-"), doc=doc, clause=clause, hides=kind in _HIDING)
    for kind, (doc, clause) in _DOCS.items())


def function_name(function: int, subfunction: int) -> str:
    """snake_case name of a service or message; what a device is told to become has a name of its own."""
    if function == 20 and subfunction in REINITIALIZED:
        return f"reinitialize_device_{REINITIALIZED[subfunction][0]}"
    if function == 17 and subfunction in COMMUNICATION:
        return f"communication_{COMMUNICATION[subfunction]}"
    if function in FUNCTIONS:
        return FUNCTIONS[function]
    for base, word in ((BVLC, "bvlc_function"), (NETWORK, "network_message"), (UNCONFIRMED, "unconfirmed_service"), (0, "confirmed_service")):
        if function >= base:
            return f"{word}_{function - base}"
    return f"function_{function}"


def status_name(status: int) -> str:
    """`ok`, or where the refusal comes from and why: `reject:unrecognized_service`, `error:object:unknown_object`."""
    if status == 0:
        return "ok"
    if status >= FAILED:
        kind, number = divmod(status - FAILED, 256)
        return f"error:{ERROR_CLASSES[kind] if kind < len(ERROR_CLASSES) else kind}:{ERROR_CODES.get(number, number)}"
    base, word, names = (ABORTED, "abort", ABORT_REASONS) if status >= ABORTED else (REJECTED, "reject", REJECT_REASONS)
    reason = status - base
    return f"{word}:{names[reason] if 0 <= reason < len(names) else reason}"


def unit_name(unit: int) -> str:
    """A device behind a router: `network 2 device 12`; a broadcast there has no device."""
    network, address = unit >> 32, unit & 0xFFFFFFFF
    return f"network {network} device {address}" if address != 0xFFFFFFFF else f"network {network}"


def object_name(row: Mapping[str, int]) -> str:
    """`analog_output 3 present_value`, with `[2]` for an element of an array."""
    if row["area"] < 0:
        return ""
    name = OBJECT_TYPES.get(row["area"], f"object_type_{row['area']}")
    if row["object"] >= 0:
        name += f" {row['object']}"
    if row["start"] >= 0:
        name += f" {PROPERTIES.get(row['start'], 'property_' + str(row['start']))}"
        if row["count"] >= 0:
            name += f"[{row['count']}]"
    return name
