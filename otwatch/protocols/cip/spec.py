"""CIP as data: services by class, objects, status codes and anomalies, with the clauses that define them.

Clauses are those of The CIP Networks Library, volume 1 (common), and of Rockwell Automation publication 1756-PM020 (Logix 5000 data access); what
classes of vendors mean is what is public of them. A service above 0x31 means something else in each class: it is always read with its class.
Columns of `operations`: unit = slot, where the route is port 1 and a link (the backplane), else the name of the route, none for the device itself;
function = service without its response bit, or IO_DATA; subfunction = class of a service above 0x31, of Reset its type; area = class;
object = instance, or the name of a tag; start = attribute, or first element of a tag; count = elements; status = general status, first word of the
extended status above it, or REFUSED + encapsulation status; transaction = sender context, folded, or sequence count.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from otwatch.actions import Action
from otwatch.protocols.spec import AnomalyKind

REFERENCES: Final = (
    "ODVA, The CIP Networks Library, volume 1: Common Industrial Protocol, chapters 3 (connections), 5 (objects), appendices A to C",
    "Rockwell Automation 1756-PM020, Logix 5000 Controllers Data Access",
)

IDENTITY, MESSAGE_ROUTER, ASSEMBLY, CONNECTION_MANAGER, FILE, PCCC, SYMBOL, TEMPLATE = 0x01, 0x02, 0x04, 0x06, 0x37, 0x67, 0x6B, 0x6C
TCPIP, ETHERNET_LINK, MODE, LOCK, CLOCK, NVS = 0xF5, 0xF6, 0x8E, 0x74, 0x8B, 0xA1
CLASSES: Final[Mapping[int, str]] = {  # volume 1, table 5-1.1; those of vendors as far as public
    IDENTITY: "identity", MESSAGE_ROUTER: "message_router", 0x03: "devicenet", ASSEMBLY: "assembly", 0x05: "connection",
    CONNECTION_MANAGER: "connection_manager", 0x07: "register", 0x08: "discrete_input", 0x09: "discrete_output", 0x0A: "analog_input",
    0x0B: "analog_output", 0x0E: "presence_sensing", 0x0F: "parameter", 0x10: "parameter_group", 0x12: "group", 0x1D: "discrete_input_group",
    0x1E: "discrete_output_group", 0x1F: "discrete_group", 0x20: "analog_input_group", 0x21: "analog_output_group", 0x22: "analog_group",
    0x23: "position_sensor", 0x24: "position_controller_supervisor", 0x25: "position_controller", 0x26: "block_sequencer", 0x27: "command_block",
    0x28: "motor_data", 0x29: "control_supervisor", 0x2A: "drive", 0x2B: "acknowledge_handler", 0x2C: "overload", 0x2D: "softstart",
    0x2E: "selection", 0x30: "device_supervisor", 0x31: "analog_sensor", 0x32: "analog_actuator", FILE: "file", 0x39: "safety_supervisor",
    0x3A: "safety_validator", 0x42: "motion_device_axis", 0x43: "time_sync", 0x44: "modbus", 0x45: "originator_connection_list",
    0x46: "modbus_serial_link", 0x47: "device_level_ring", 0x48: "qos", 0x4D: "target_connection_list", 0x4E: "base_energy", 0x5D: "cip_security",
    0x5E: "eip_security", 0x5F: "certificate_management", 0x64: "controller", PCCC: "pccc", 0x68: "program",
    0x69: "program_scope", 0x6A: "program_parameters",
    SYMBOL: "symbol", TEMPLATE: "template", 0x70: "task", 0x72: "data_view", 0x73: "controller_status", LOCK: "controller_lock", CLOCK: "wall_clock",
    MODE: "controller_mode", NVS: "nonvolatile_storage", 0xAC: "controller_program", 0xF0: "controlnet", 0xF3: "connection_configuration",
    0xF4: "port", TCPIP: "tcp_ip_interface", ETHERNET_LINK: "ethernet_link",
}
PROGRAM_CLASSES: Final = frozenset({0x68, 0x69, 0x6A, SYMBOL, TEMPLATE, 0x70, 0xAC})
CONFIGURED: Final = frozenset({0x01, 0x03, 0x05, 0x06, 0x45, 0x47, 0x48, 0x5D, 0x5E, 0x5F, 0xF0, 0xF3, 0xF4, TCPIP, ETHERNET_LINK})
CLOCKS: Final = frozenset({CLOCK, 0x43})
IDENTIFYING: Final = frozenset({IDENTITY, TCPIP, ETHERNET_LINK})
SECURITY: Final = frozenset({0x5D, 0x5E, 0x5F})

IO_DATA: Final = 0x100
RESET, MULTIPLE_SERVICE, UNCONNECTED_SEND, FORWARD_OPEN, LARGE_FORWARD_OPEN, FORWARD_CLOSE, EXECUTE_PCCC = 0x05, 0x0A, 0x52, 0x54, 0x5B, 0x4E, 0x4B
_A = Action
COMMON: Final[Mapping[int, tuple[str, Action]]] = {  # volume 1, table
    0x01: ("get_attributes_all", _A.READ), 0x02: ("set_attributes_all", _A.WRITE), 0x03: ("get_attribute_list", _A.READ),
    0x04: ("set_attribute_list", _A.WRITE), RESET: ("reset", _A.RESTART), 0x06: ("start", _A.START), 0x07: ("stop", _A.STOP),
    0x08: ("create", _A.CONFIGURE), 0x09: ("delete", _A.CONFIGURE), MULTIPLE_SERVICE: ("multiple_service", _A.OTHER),
    0x0D: ("apply_attributes", _A.CONFIGURE), 0x0E: ("get_attribute_single", _A.READ), 0x10: ("set_attribute_single", _A.WRITE),
    0x11: ("find_next", _A.BROWSE), 0x14: ("error_response", _A.OTHER), 0x15: ("restore", _A.CONFIGURE), 0x16: ("save", _A.CONFIGURE),
    0x17: ("no_operation", _A.OTHER), 0x18: ("get_member", _A.READ), 0x19: ("set_member", _A.WRITE), 0x1A: ("insert_member", _A.CONFIGURE),
    0x1B: ("remove_member", _A.CONFIGURE), 0x1C: ("group_sync", _A.OTHER), 0x1D: ("get_connection_point_members", _A.READ),
}
_FIRST_OF_CLASS: Final = 0x32  # services from here on are the class's own
SPECIFIC: Final[Mapping[tuple[int, int], tuple[str, Action]]] = {  # (class, service)
    (CONNECTION_MANAGER, FORWARD_CLOSE): ("forward_close", _A.CONNECT), (CONNECTION_MANAGER, UNCONNECTED_SEND): ("unconnected_send", _A.OTHER),
    (CONNECTION_MANAGER, FORWARD_OPEN): ("forward_open", _A.CONNECT), (CONNECTION_MANAGER, LARGE_FORWARD_OPEN): ("large_forward_open", _A.CONNECT),
    (CONNECTION_MANAGER, 0x56): ("get_connection_data", _A.DIAGNOSE), (CONNECTION_MANAGER, 0x57): ("search_connection_data", _A.DIAGNOSE),
    (CONNECTION_MANAGER, 0x5A): ("get_connection_owner", _A.DIAGNOSE),
    (SYMBOL, 0x4C): ("read_tag", _A.READ), (SYMBOL, 0x4D): ("write_tag", _A.WRITE), (SYMBOL, 0x4E): ("read_modify_write_tag", _A.WRITE),
    (SYMBOL, 0x52): ("read_tag_fragmented", _A.READ), (SYMBOL, 0x53): ("write_tag_fragmented", _A.WRITE),
    (SYMBOL, 0x55): ("get_instance_attribute_list", _A.BROWSE), (TEMPLATE, 0x4C): ("read_template", _A.BROWSE),
    (PCCC, EXECUTE_PCCC): ("execute_pccc", _A.OTHER),
    (FILE, 0x4B): ("file_initiate_upload", _A.FILE), (FILE, 0x4C): ("file_initiate_download", _A.FILE),
    (FILE, 0x4D): ("file_initiate_partial_read", _A.FILE), (FILE, 0x4E): ("file_initiate_partial_write", _A.FILE),
    (FILE, 0x4F): ("file_upload_transfer", _A.FILE), (FILE, 0x50): ("file_download_transfer", _A.FILE), (FILE, 0x51): ("file_clear", _A.FILE),
    (MODE, 0x4B): ("lock", _A.CONFIGURE), (MODE, 0x4C): ("unlock", _A.CONFIGURE), (LOCK, 0x4B): ("lock", _A.CONFIGURE),
    (LOCK, 0x4C): ("unlock", _A.CONFIGURE), (MODE, 0x5C): ("challenge", _A.AUTHENTICATE),
    (0x68, 0x4D): ("force", _A.FORCE), (0x68, 0x4E): ("force", _A.FORCE), (0x69, 0x4D): ("force", _A.FORCE), (0x69, 0x4E): ("force", _A.FORCE),
    (0x6A, 0x51): ("set_parameter", _A.WRITE), (0x72, 0x4C): ("read_data_view", _A.READ),
    (NVS, 0x4B): ("nvs_update", _A.FIRMWARE), (NVS, 0x4C): ("nvs_status", _A.DIAGNOSE), (NVS, 0x4D): ("nvs_transfer", _A.FIRMWARE),
    (TCPIP, 0x4C): ("get_and_clear", _A.CONFIGURE), (ETHERNET_LINK, 0x4C): ("get_and_clear", _A.CONFIGURE),
    (0x5D, 0x4B): ("begin_config", _A.CONFIGURE), (0x5D, 0x4C): ("kick_timer", _A.CONFIGURE), (0x5D, 0x4D): ("end_config", _A.CONFIGURE),
    (0x5D, 0x4E): ("object_cleanup", _A.CONFIGURE), (0x5E, 0x4B): ("begin_config", _A.CONFIGURE), (0x5E, 0x4C): ("kick_timer", _A.CONFIGURE),
    (0x5E, 0x4D): ("apply_config", _A.CONFIGURE), (0x5E, 0x4E): ("abort_config", _A.CONFIGURE), (0x5F, 0x4B): ("create_csr", _A.CONFIGURE),
    (0x5F, 0x4C): ("verify_certificate", _A.CONFIGURE),
}
FUNCTIONS: Final[Mapping[int, str]] = {
    **{service: name for service, (name, _) in COMMON.items()},
    **{service: name for (class_, service), (name, _) in SPECIFIC.items() if class_ in (CONNECTION_MANAGER, SYMBOL) and service not in (0x4E, 0x52)},
    UNCONNECTED_SEND: "read_tag_fragmented", FORWARD_CLOSE: "read_modify_write_tag", IO_DATA: "io_data",
}
RESETS: Final[Mapping[int, str]] = {1: "reset_to_factory", 2: "reset_to_factory_keep_communication"}  # 5-2.2.4
MORE_FOLLOWS: Final = frozenset({0x01, 0x03, 0x4C, 0x52, 0x55})  # to these, status 6 is no refusal: the answer goes on in another

GENERAL_STATUS: Final[Mapping[int, str]] = dict(enumerate((  # table B-1.1
    "ok", "connection_failure", "resource_unavailable", "invalid_parameter_value", "path_segment_error", "path_destination_unknown",
    "partial_transfer", "connection_lost", "service_not_supported", "invalid_attribute_value", "attribute_list_error", "already_in_requested_mode",
    "object_state_conflict", "object_already_exists", "attribute_not_settable", "privilege_violation", "device_state_conflict",
    "reply_data_too_large", "fragmentation_of_a_primitive", "not_enough_data", "attribute_not_supported", "too_much_data", "object_does_not_exist",
    "service_fragmentation_out_of_sequence", "no_stored_attribute_data", "store_operation_failure", "request_too_large_to_route",
    "response_too_large_to_route", "missing_attribute_list_entry", "invalid_attribute_value_list", "embedded_service_error", "vendor_specific",
    "invalid_parameter", "write_once_already_written", "invalid_reply", "buffer_overflow", "message_format_error", "key_failure_in_path",
    "path_size_invalid", "unexpected_attribute", "invalid_member_id", "member_not_settable", "group_2_only_server_failure", "unknown_modbus_error",
    "attribute_not_gettable", "instance_not_deletable", "service_not_supported_for_path")))
EXTENDED_STATUS: Final[Mapping[tuple[int, int], str]] = {  # table 3-5.33; 0xFF: Logix
    (1, 0x100): "connection_in_use", (1, 0x103): "transport_not_supported", (1, 0x106): "ownership_conflict", (1, 0x107): "connection_not_found",
    (1, 0x108): "invalid_connection_parameter", (1, 0x109): "invalid_connection_size", (1, 0x110): "not_configured", (1, 0x111): "rpi_not_supported",
    (1, 0x113): "out_of_connections", (1, 0x114): "vendor_or_product_mismatch", (1, 0x115): "device_type_mismatch", (1, 0x116): "revision_mismatch",
    (1, 0x117): "invalid_application_path", (1, 0x118): "invalid_configuration_path", (1, 0x119): "non_listen_only_not_opened",
    (1, 0x203): "connection_timed_out", (1, 0x204): "unconnected_request_timed_out", (1, 0x205): "unconnected_parameter_error",
    (1, 0x301): "no_buffer_memory", (1, 0x302): "no_bandwidth", (1, 0x311): "port_not_available", (1, 0x312): "link_address_not_valid",
    (1, 0x315): "invalid_segment_in_path", (1, 0x316): "path_mismatch_in_close", (1, 0x31C): "miscellaneous",
    (0xFF, 0x2104): "offset_beyond_end", (0xFF, 0x2105): "access_beyond_end", (0xFF, 0x2107): "type_mismatch",
}
REFUSED: Final = 0x10_000_000  # status: this + the encapsulation status that refused the message

VALUE_BYTES, VALUE_READ, VALUE_WRITTEN, VALUE_FRAGMENT_WRITTEN, VALUE_MASKS, VALUE_OPEN, VALUE_OPENED = 1, 2, 3, 4, 5, 6, 7
VALUE_ATTRIBUTE, VALUE_ALL, VALUE_LIST, VALUE_LISTED, VALUE_SET_LIST, VALUE_SYMBOLS = 8, 9, 10, 11, 12, 13


class Anomaly(IntEnum):
    """Codes of ANOMALIES, as the dissector writes them."""

    TRUNCATED = 1
    PATH_SIZE = 2
    UNKNOWN_PATH = 3
    ITEM_OFFSETS = 4
    TOO_MANY_ITEMS = 5
    NESTED_TOO_DEEP = 6
    UNASKED_RESPONSE = 7
    CONFLICTING_RESPONSE = 8
    DIFFERENT_RESPONSE = 9
    REQUEST_FLOOD = 10
    WRONG_DIRECTION = 11
    IO_LOST = 12
    IO_SEQUENCE = 13
    IO_FOREIGN_PRODUCER = 14
    IO_INTERRUPTED = 15
    IO_RESUMED_ELSEWHERE = 16


_DOCS: Final[Mapping[Anomaly, tuple[str, str, bool]]] = {
    Anomaly.TRUNCATED: ("The message ends before the fields of its service do.", "vol 1, 2-4", False),
    Anomaly.PATH_SIZE: ("The path of a request is longer than the request: what is addressed is not known.", "vol 1, 2-4.1", True),
    Anomaly.UNKNOWN_PATH: ("A segment of a path that is not defined: what is addressed is known only in part.", "vol 1, C-1", True),
    Anomaly.ITEM_OFFSETS: ("An offset of a multiple service packet points outside it, or backwards: that service was not decoded.", "vol 1, A-4.10",
                           True),
    Anomaly.TOO_MANY_ITEMS: ("A multiple service packet holds more services than one message is given rows for.", "vol 1, A-4.10", True),
    Anomaly.NESTED_TOO_DEEP: ("Services packed into services deeper than they are followed.", "vol 1, 3-5.5.4", True),
    Anomaly.UNASKED_RESPONSE: ("A response that no request asked for.", "vol 2, 2-3.5", False),
    Anomaly.CONFLICTING_RESPONSE: ("A second response to a request, with other contents.", "vol 2, 2-3.5", False),
    Anomaly.DIFFERENT_RESPONSE: ("A response of another service than its request.", "vol 1, 2-4.2", False),
    Anomaly.REQUEST_FLOOD: ("More requests wait for their response than are kept.", "", False),
    Anomaly.WRONG_DIRECTION: ("A device that answers requests sends requests itself on the same connection.", "vol 2, 2-4", False),
    Anomaly.IO_LOST: ("Cycles of an I/O connection are missing, by its sequence numbers.", "vol 2, 3-4.1", False),
    Anomaly.IO_SEQUENCE: ("The sequence number of an I/O connection goes back: two senders, or a replay.", "vol 2, 3-4.1", False),
    Anomaly.IO_FOREIGN_PRODUCER: ("I/O data of a connection from a host that is neither of its two ends.", "vol 2, 3-3", False),
    Anomaly.IO_INTERRUPTED: ("An I/O connection was silent for more than its timeout, or closed while its data went on.", "vol 1, 3-4.4.3", False),
    Anomaly.IO_RESUMED_ELSEWHERE: ("I/O data of a connection come from another network card than before.", "vol 2, 3-3", False),
}
ANOMALIES: Final[tuple[AnomalyKind, ...]] = tuple(
    AnomalyKind(code=kind.value, name=kind.name.lower().replace("_", "-"), doc=doc, clause=clause, hides=hides)
    for kind, (doc, clause, hides) in _DOCS.items())


def action_of(service: int, class_: int) -> Action:
    """What a service does to an object of a class; class -1: not known."""
    known = SPECIFIC.get((class_, service))
    if known is not None:
        return known[1]
    if service >= _FIRST_OF_CLASS:
        return Action.CONFIGURE if class_ in SECURITY else Action.FIRMWARE if class_ == NVS else Action.OTHER
    action = COMMON[service][1] if service in COMMON else Action.OTHER
    if action is Action.READ and class_ in IDENTIFYING:
        return Action.IDENTIFY
    if action is Action.WRITE:
        return Action.TIME_SET if class_ in CLOCKS else Action.CONFIGURE if class_ in CONFIGURED else Action.WRITE
    if service == RESET and class_ in CONFIGURED - {IDENTITY}:
        return Action.CONFIGURE
    if class_ in PROGRAM_CLASSES and service in (0x08, 0x09):
        return Action.PROGRAM_DOWNLOAD if service == 0x08 else Action.PROGRAM_DELETE
    return action


def class_name(class_: int) -> str:
    """How an object class is called."""
    return CLASSES.get(class_, f"class_{class_:02x}")
