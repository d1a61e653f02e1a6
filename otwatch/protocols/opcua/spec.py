"""Numbers of the OPC UA binary protocol: services, nodes, methods, policies, status codes, and what they mean (OPC 10000-4, -5, -6).

Clauses are those of OPC 10000-6 unless another part is named. A service is known by the id of its request; its response has the same function.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

from otwatch.actions import Action
from otwatch.names import NAMES, is_name
from otwatch.protocols.spec import AnomalyKind

PORT: Final = 4840
REFERENCES: Final = ("OPC 10000-6 (Mappings) 1.05, OPC 10000-4 (Services), OPC 10000-5 (Information Model)",)

# Messages that are no service (7.1.2, 6.7.2)
HELLO, ERROR, REVERSE_HELLO, ENCRYPTED = 1, 2, 3, 4
MESSAGES: Final[Mapping[int, tuple[str, Action]]] = {
    HELLO: ("hello", Action.CONNECT),
    ERROR: ("error", Action.OTHER),
    REVERSE_HELLO: ("reverse_hello", Action.CONNECT),
    ENCRYPTED: ("encrypted_message", Action.ENCRYPTED),
}
# Ids of the binary encoding of requests (OPC 10000-6 A.1, NodeIds.csv)
FIND_SERVERS, GET_ENDPOINTS, REGISTER_SERVER, OPEN_CHANNEL, CLOSE_CHANNEL = 422, 428, 437, 446, 452
CREATE_SESSION, ACTIVATE_SESSION, CLOSE_SESSION = 461, 467, 473
ADD_NODES, ADD_REFERENCES, DELETE_NODES, DELETE_REFERENCES = 488, 494, 500, 506
BROWSE, BROWSE_NEXT, TRANSLATE, REGISTER_NODES, UNREGISTER_NODES = 527, 533, 554, 560, 566
READ, HISTORY_READ, WRITE, HISTORY_UPDATE, CALL = 631, 664, 673, 700, 712
CREATE_MONITORED_ITEMS, MODIFY_MONITORED_ITEMS, SET_MONITORING_MODE, DELETE_MONITORED_ITEMS = 751, 763, 769, 781
CREATE_SUBSCRIPTION, MODIFY_SUBSCRIPTION, SET_PUBLISHING_MODE, PUBLISH, DELETE_SUBSCRIPTIONS = 787, 793, 799, 826, 847
FIND_ON_NETWORK, REGISTER_SERVER_2, SERVICE_FAULT = 12208, 12211, 397
SERVICES: Final[Mapping[int, tuple[str, Action]]] = {
    FIND_SERVERS: ("find_servers", Action.IDENTIFY),
    GET_ENDPOINTS: ("get_endpoints", Action.IDENTIFY),
    FIND_ON_NETWORK: ("find_servers_on_network", Action.IDENTIFY),
    REGISTER_SERVER: ("register_server", Action.CONFIGURE),
    REGISTER_SERVER_2: ("register_server_2", Action.CONFIGURE),
    OPEN_CHANNEL: ("open_secure_channel", Action.CONNECT),
    CLOSE_CHANNEL: ("close_secure_channel", Action.CONNECT),
    CREATE_SESSION: ("create_session", Action.CONNECT),
    ACTIVATE_SESSION: ("activate_session", Action.AUTHENTICATE),
    CLOSE_SESSION: ("close_session", Action.CONNECT),
    479: ("cancel", Action.OTHER),
    ADD_NODES: ("add_nodes", Action.CONFIGURE),
    ADD_REFERENCES: ("add_references", Action.CONFIGURE),
    DELETE_NODES: ("delete_nodes", Action.CONFIGURE),
    DELETE_REFERENCES: ("delete_references", Action.CONFIGURE),
    BROWSE: ("browse", Action.BROWSE),
    BROWSE_NEXT: ("browse_next", Action.BROWSE),
    TRANSLATE: ("translate_browse_paths", Action.BROWSE),
    REGISTER_NODES: ("register_nodes", Action.OTHER),
    UNREGISTER_NODES: ("unregister_nodes", Action.OTHER),
    615: ("query_first", Action.BROWSE),
    621: ("query_next", Action.BROWSE),
    READ: ("read", Action.READ),
    HISTORY_READ: ("history_read", Action.READ),
    WRITE: ("write", Action.WRITE),
    HISTORY_UPDATE: ("history_update", Action.WRITE),
    CALL: ("call", Action.CONTROL),
    CREATE_MONITORED_ITEMS: ("create_monitored_items", Action.SUBSCRIBE),
    MODIFY_MONITORED_ITEMS: ("modify_monitored_items", Action.SUBSCRIBE),
    SET_MONITORING_MODE: ("set_monitoring_mode", Action.SUBSCRIBE),
    775: ("set_triggering", Action.SUBSCRIBE),
    DELETE_MONITORED_ITEMS: ("delete_monitored_items", Action.SUBSCRIBE),
    CREATE_SUBSCRIPTION: ("create_subscription", Action.SUBSCRIBE),
    MODIFY_SUBSCRIPTION: ("modify_subscription", Action.SUBSCRIBE),
    SET_PUBLISHING_MODE: ("set_publishing_mode", Action.SUBSCRIBE),
    PUBLISH: ("publish", Action.SUBSCRIBE),
    832: ("republish", Action.SUBSCRIBE),
    841: ("transfer_subscriptions", Action.SUBSCRIBE),
    DELETE_SUBSCRIPTIONS: ("delete_subscriptions", Action.SUBSCRIBE),
}
# the id of a response is its request's plus 3; the later services have theirs side by side
REQUEST_OF: Final[Mapping[int, int]] = {
    **{number + (1 if number > 12000 else 3): number for number in SERVICES}, SERVICE_FAULT: SERVICE_FAULT,
}
FUNCTIONS: Final[Mapping[int, str]] = {number: name for number, (name, _) in (*MESSAGES.items(), *SERVICES.items())}

# Security policies by the end of their URI (OPC 10000-7 6.6), bytes of a symmetric signature; the place is the subfunction of open_secure_channel
POLICY_URI: Final = "http://opcfoundation.org/UA/SecurityPolicy#"
POLICIES: Final = (("None", 0), ("Basic128Rsa15", 20), ("Basic256", 20), ("Basic256Sha256", 32), ("Aes128_Sha256_RsaOaep", 32),
                   ("Aes256_Sha256_RsaPss", 32), ("ECC_nistP256", 32), ("ECC_nistP384", 48), ("ECC_brainpoolP256r1", 32),
                   ("ECC_brainpoolP384r1", 48), ("ECC_curve25519", 16), ("ECC_curve448", 16))
OTHER_POLICY: Final = 63
MODES: Final[Mapping[int, str]] = {1: "None", 2: "Sign", 3: "SignAndEncrypt"}
# User tokens: subfunction of activate_session, with two bits beside
TOKENS: Final[Mapping[int, int]] = {321: 0, 324: 1, 327: 2, 940: 3}
TOKEN_NAMES: Final = ("anonymous", "user_name", "certificate", "issued_token")
UNSECURED: Final = 16  # the channel has no security
CLEAR_PASSWORD: Final = 32  # the password can be read by whoever hears it
HISTORY: Final[Mapping[int, str]] = {682: "data", 685: "event", 688: "delete", 691: "delete_at_time", 694: "delete_event", 11300: "structure"}

# The fields of services, a letter each (OPC 10000-4 5): before the items of a request, of each of its items, of each result, behind the results.
# n NodeId, x ExpandedNodeId, s string, q QualifiedName, l LocalizedText, u UInt32, b byte, d eight bytes, e ExtensionObject; arrays: S strings,
# U UInt32, D diagnostics, L LocalizedTexts, C certificates, E ExtensionObjects, P elements of a path, G targets of a path. What goes into the row:
# N X the node (Y where none follows), o the object of a call, a attribute, v DataValue, V Variants, z text, i subscription, h client handle,
# H node within the details of a history update, t status, R references, Q name of an added node. `*` before the items: one row counts them all.
SHAPES: Final[Mapping[int, tuple[str, str, str, str]]] = {
    FIND_SERVERS: ("zSS", "", "", ""), GET_ENDPOINTS: ("zSS", "", "", ""), FIND_ON_NETWORK: ("uuS", "", "", ""),
    REGISTER_SERVER: ("zsLusSsb", "", "", ""), REGISTER_SERVER_2: ("zsLusSsbE", "", "", ""),
    CLOSE_CHANNEL: ("", "", "", ""), CLOSE_SESSION: ("b", "", "", ""), 479: ("u", "", "", "u"),
    ADD_NODES: ("", "YnXQuex", "tn", "D"), ADD_REFERENCES: ("", "Nnbsxu", "t", "D"),
    DELETE_NODES: ("", "Nb", "t", "D"), DELETE_REFERENCES: ("", "Nnbxb", "t", "D"),
    BROWSE: ("nduu", "Nunbuu", "tsR", "D"), BROWSE_NEXT: ("b", "s", "tsR", "D"), TRANSLATE: ("", "NP", "tG", "D"),
    REGISTER_NODES: ("", "N", "n", ""), UNREGISTER_NODES: ("", "N", "", ""),
    READ: ("du", "Nasq", "v", "D"), WRITE: ("", "Nasv", "t", "D"), CALL: ("", "oNV", "tUDV", "D"),
    HISTORY_READ: ("eub", "Nsqs", "tse", "D"), HISTORY_UPDATE: ("", "H", "tUD", "D"),
    CREATE_MONITORED_ITEMS: ("iu", "Nasquhdeub", "tudue", "D"), MODIFY_MONITORED_ITEMS: ("uu*", "uudeub", "tdue", "D"),
    SET_MONITORING_MODE: ("uu*", "u", "t", "D"), 775: ("uuU*", "u", "t", "DUD"), DELETE_MONITORED_ITEMS: ("u*", "u", "t", "D"),
    CREATE_SUBSCRIPTION: ("duuubb", "", "", "uduu"), MODIFY_SUBSCRIPTION: ("uduuub", "", "", "duu"),
    SET_PUBLISHING_MODE: ("b*", "u", "t", "D"), 841: ("*", "u", "tU", "D"), DELETE_SUBSCRIPTIONS: ("*", "u", "t", "D"), PUBLISH: ("*", "uu", "", ""),
}
LEAST: Final[Mapping[str, int]] = {  # bytes that a field has at least
    **dict.fromkeys("VSUDLCEPGRsuaihtz", 4), **dict.fromkeys("nxNXYo", 2), **dict.fromkeys("lbv", 1), "q": 6, "Q": 6, "d": 8, "e": 3, "H": 3,
}

VALUE: Final = 13
ATTRIBUTES: Final[Mapping[int, str]] = dict(enumerate((
    "NodeId", "NodeClass", "BrowseName", "DisplayName", "Description", "WriteMask", "UserWriteMask", "IsAbstract", "Symmetric", "InverseName",
    "ContainsNoLoops", "EventNotifier", "Value", "DataType", "ValueRank", "ArrayDimensions", "AccessLevel", "UserAccessLevel",
    "MinimumSamplingInterval", "Historizing", "Executable", "UserExecutable", "DataTypeDefinition", "RolePermissions", "UserRolePermissions",
    "AccessRestrictions", "AccessLevelEx"), 1))
# Nodes of namespace 0 that say what a server is (OPC 10000-5 12.9): node -> fact
SERVER_STATUS, BUILD_INFO = 2256, 2260
IDENTITY: Final[Mapping[int, str]] = {2261: "model", 2262: "product_uri", 2263: "vendor", 2264: "firmware", 2265: "build"}
BUILD_FIELDS: Final = ("product_uri", "vendor", "model", "firmware", "build")  # in the order of the structure
# Methods of namespace 0 that do something else than operate the process
METHODS: Final[Mapping[int, Action]] = {
    **dict.fromkeys((3875, 12912, 11492, 12873, 12749), Action.SUBSCRIBE),  # ConditionRefresh, GetMonitoredItems, ResendData, …
    **dict.fromkeys((9027, 9028, 9029, 9111, 9113, 9212, 9213, 16402, 16403, 18199), Action.ALARM),  # Enable, Acknowledge, Shelve, …
    **dict.fromkeys((11580, 11583, 11585, 11588, 11590, 11593, 13387, 13390, 13393, 13395, 16013, 16060, 16074, 16101), Action.FILE),
    **dict.fromkeys((12543, 12546, 12548, 12550, 12647, 12650, 12652, 12655, 12663, 12666, 12668, 12670, 12737, 12740, 13737, 15624, 15626,
                     16176, 16178, 16180, 16182, 16301, 16304, 16317, 19342, 19345, 25708), Action.CONFIGURE),  # trust lists, certificates, roles
    12777: Action.READ, 2426: Action.START, 2428: Action.START, 2427: Action.STOP, 2429: Action.STOP, 2430: Action.RESTART,
    12886: Action.RESTART, 25709: Action.RESTART,
}
# Area is the namespace index; identifiers that are neither number nor string add to it
GUID, OPAQUE = 1 << 16, 2 << 16

VALUE_DATA = 1  # value_kind: a DataValue (5.2.2.17)
VALUE_VARIANTS = 2  # an array of Variants: arguments of a method
VALUE_TEXT = 3  # text without its length
VALUE_SUBSCRIPTION = 4  # requested interval, lifetime, keep-alive count, …
VALUE_REFERENCES = 5  # an array of ReferenceDescription

STATUS_NAMES: Final[Mapping[int, str]] = {  # OPC 10000-6 A.2, the bad ones that are seen
    0x8001: "unexpected_error", 0x8002: "internal_error", 0x8003: "out_of_memory", 0x8004: "resource_unavailable", 0x8005: "communication_error",
    0x8006: "encoding_error", 0x8007: "decoding_error", 0x8008: "encoding_limits_exceeded", 0x8009: "unknown_response", 0x800A: "timeout", 0x800B:
    "service_unsupported", 0x800C: "shutdown", 0x800D: "server_not_connected", 0x800E: "server_halted", 0x800F: "nothing_to_do", 0x8010:
    "too_many_operations", 0x8012: "certificate_invalid", 0x8013: "security_checks_failed", 0x8014: "certificate_time_invalid", 0x8016:
    "certificate_host_name_invalid", 0x8017: "certificate_uri_invalid", 0x8018: "certificate_use_not_allowed", 0x801A: "certificate_untrusted",
    0x801D: "certificate_revoked", 0x801F: "user_access_denied", 0x8020: "identity_token_invalid", 0x8021: "identity_token_rejected", 0x8022:
    "secure_channel_id_invalid", 0x8023: "invalid_timestamp", 0x8024: "nonce_invalid", 0x8025: "session_id_invalid", 0x8026: "session_closed",
    0x8027: "session_not_activated", 0x8028: "subscription_id_invalid", 0x802A: "request_header_invalid", 0x802B: "timestamps_to_return_invalid",
    0x8031: "no_communication", 0x8032: "waiting_for_initial_data", 0x8033: "node_id_invalid", 0x8034: "node_id_unknown", 0x8035:
    "attribute_id_invalid", 0x8036: "index_range_invalid", 0x8037: "index_range_no_data", 0x8039: "data_encoding_unsupported", 0x803A:
    "not_readable", 0x803B: "not_writable", 0x803C: "out_of_range", 0x803D: "not_supported", 0x803E: "not_found", 0x803F: "object_deleted", 0x8040:
    "not_implemented", 0x8042: "monitored_item_id_invalid", 0x8043: "monitored_item_filter_invalid", 0x8044: "monitored_item_filter_unsupported",
    0x8045: "filter_not_allowed", 0x804A: "continuation_point_invalid", 0x804B: "no_continuation_points", 0x804C: "reference_type_id_invalid",
    0x804D: "browse_direction_invalid", 0x8052: "semaphore_file_missing", 0x8054: "security_mode_rejected", 0x8055: "security_policy_rejected",
    0x8056: "too_many_sessions", 0x8057: "user_signature_invalid", 0x8058: "application_signature_invalid", 0x805B: "parent_node_id_invalid",
    0x805C: "reference_not_allowed", 0x805D: "node_id_rejected", 0x805E: "node_id_exists", 0x8060: "browse_name_invalid", 0x8061:
    "browse_name_duplicated", 0x8069: "no_delete_rights", 0x806F: "no_match", 0x8071: "history_operation_invalid", 0x8072:
    "history_operation_unsupported", 0x8073: "write_not_supported", 0x8074: "type_mismatch", 0x8075: "method_invalid", 0x8076: "arguments_missing",
    0x8077: "too_many_subscriptions", 0x8078: "too_many_publish_requests", 0x8079: "no_subscription", 0x807A: "sequence_number_unknown", 0x807B:
    "message_not_available", 0x807D: "tcp_server_too_busy", 0x807E: "tcp_message_type_invalid", 0x807F: "tcp_secure_channel_unknown", 0x8080:
    "tcp_message_too_large", 0x8081: "tcp_not_enough_resources", 0x8082: "tcp_internal_error", 0x8083: "tcp_endpoint_url_invalid", 0x8084:
    "request_interrupted", 0x8085: "request_timeout", 0x8086: "secure_channel_closed", 0x8087: "secure_channel_token_unknown", 0x8088:
    "sequence_number_invalid", 0x8089: "configuration_error", 0x808A: "not_connected", 0x808B: "device_failure", 0x808C: "sensor_failure", 0x808D:
    "out_of_service", 0x809B: "no_data", 0x80AB: "invalid_argument", 0x80AC: "connection_rejected", 0x80AE: "connection_closed", 0x80AF:
    "invalid_state", 0x80B7: "max_connections_reached", 0x80B8: "request_too_large", 0x80B9: "response_too_large", 0x80BE:
    "protocol_version_unsupported", 0x80DB: "too_many_monitored_items", 0x80E4: "request_not_allowed", 0x80E5: "too_many_arguments", 0x80E6:
    "security_mode_insufficient", 0x80E9: "locked", 0x80EE: "server_too_busy", 0x810D: "certificate_chain_incomplete", 0x810F:
    "license_limits_exceeded",
}


class Anomaly(IntEnum):
    """Codes of ANOMALIES, as the dissector writes them."""

    TRUNCATED = 1
    MESSAGE_TYPE = 2
    FIELD = 3
    ARRAY_LENGTH = 4
    STRING_LENGTH = 5
    DEPTH = 6
    TRAILING_BYTES = 7
    UNKNOWN_SERVICE = 8
    TOO_MANY_ITEMS = 9
    CHUNKS_LOST = 10
    TOO_LARGE = 11
    ABORTED = 12
    SEQUENCE_NUMBER = 13
    OTHER_CHANNEL = 14
    BUFFER_SIZE = 15
    UNASKED_RESPONSE = 16
    CONFLICTING_RESPONSE = 17
    RESULT_COUNT = 18
    REQUEST_FLOOD = 19
    CLEAR_TEXT_PASSWORD = 20
    CERTIFICATE = 21


_DOCS: Final[Mapping[Anomaly, tuple[str, str, bool]]] = {
    Anomaly.TRUNCATED: ("The message ends before its fields do: the rest of it was not decoded.", "5.2.1", True),
    Anomaly.MESSAGE_TYPE: ("A message type or chunk type that is not defined.", "7.1.2.2, 6.7.2.2", True),
    Anomaly.FIELD: ("A field that has no such encoding, of a NodeId, a Variant or an ExtensionObject: the rest was not decoded.", "5.2.2", True),
    Anomaly.ARRAY_LENGTH: ("An array of more elements than the message has room for, or of less than none: the rest was not decoded.", "5.2.5", True),
    Anomaly.STRING_LENGTH: ("A string or byte string longer than the message, or shorter than none: the rest was not decoded.", "5.2.2.4", True),
    Anomaly.DEPTH: ("Variants, extension objects or diagnostic infos nested deeper than 100 levels: the rest was not decoded.", "5.2.2.16", True),
    Anomaly.TRAILING_BYTES: ("Bytes behind the last field of a message.", "5.2.6", False),
    Anomaly.UNKNOWN_SERVICE: ("A service that is not defined: its parameters were not decoded.", "5.2.9", True),
    Anomaly.TOO_MANY_ITEMS: ("A message names more items than one message is given rows for.", "", True),
    Anomaly.CHUNKS_LOST: ("A message of which chunks are missing: it was not decoded.", "6.7.2", True),
    Anomaly.TOO_LARGE: ("A message in chunks that is larger than what is put together: it was not decoded.", "6.7.2", True),
    Anomaly.ABORTED: ("The sender gave a message up after some of its chunks.", "6.7.3", False),
    Anomaly.SEQUENCE_NUMBER: ("A sequence number that does not follow the one before on this channel.", "6.7.2.4", False),
    Anomaly.OTHER_CHANNEL: ("A message on another secure channel than the one that this connection opened.", "6.7.2.2", False),
    Anomaly.BUFFER_SIZE: ("A hello with buffers below 8192 bytes, or of over 2 GB.", "7.1.2.3", False),
    Anomaly.UNASKED_RESPONSE: ("A response that no request asked for.", "6.7.2.4", False),
    Anomaly.CONFLICTING_RESPONSE: ("A second response to a request, with other contents.", "6.7.2.4", False),
    Anomaly.RESULT_COUNT: ("A response with another number of results than items were asked for.", "OPC 10000-4 7.38", False),
    Anomaly.REQUEST_FLOOD: ("More requests wait for their response than are kept.", "", False),
    Anomaly.CLEAR_TEXT_PASSWORD: ("A password that is not encrypted, on a channel that does not encrypt.", "OPC 10000-4 7.41.4", False),
    Anomaly.CERTIFICATE: ("A certificate that is no DER encoding of X.509.", "6.2.2", False),
}
ANOMALIES: Final[tuple[AnomalyKind, ...]] = tuple(
    AnomalyKind(code=kind.value, name=kind.name.lower().replace("_", "-"), doc=doc, clause=clause, hides=hides)
    for kind, (doc, clause, hides) in _DOCS.items())


def function_name(function: int, subfunction: int) -> str:
    """snake_case name of a service or message; who opens a channel or a session how has a name of its own."""
    if function == OPEN_CHANNEL and subfunction == 0:
        return "open_secure_channel_unsecured"
    if function == ACTIVATE_SESSION and subfunction >= 0:
        token = subfunction & 3
        secret = "_clear_text" if subfunction & CLEAR_PASSWORD else ""
        return f"activate_session_{TOKEN_NAMES[token]}{secret}"
    if function == HISTORY_UPDATE and subfunction in HISTORY:
        return f"history_update_{HISTORY[subfunction]}"
    return FUNCTIONS.get(function, f"service_{function}")


def status_name(status: int) -> str:
    """`ok`, or the status code without its sub code: `bad:node_id_unknown`."""
    if status == 0:
        return "ok"
    return f"bad:{STATUS_NAMES.get(status, f'{status:04x}')}"


def policy_name(number: int) -> str:
    """The name of a security policy."""
    return POLICIES[number][0] if 0 <= number < len(POLICIES) else "other"


def node_name(area: int, number: int) -> str:
    """A NodeId as people write it: `i=2259`, `ns=2;s=Pump.Speed` (5.3.1.10)."""
    letter = "g" if area & GUID else "b" if area & OPAQUE else "s" if is_name(number) else "i"
    namespace = f"ns={area & 0xFFFF};" if area & 0xFFFF else ""
    return f"{namespace}{letter}={NAMES.text(number) if is_name(number) else number}"


def object_name(row: Mapping[str, int]) -> str:
    """The node, and its attribute where that is not the value; of a call the method and the object that it is called on."""
    if row["area"] < 0 or row["object"] < 0:
        return ""
    name = node_name(row["area"], row["object"])
    if row["function"] == CALL:
        return f"{name} on {NAMES.text(row['start'])}" if is_name(row["start"]) else name
    return name if row["start"] in (-1, VALUE) else f"{name} {ATTRIBUTES.get(row['start'], row['start'])}"
