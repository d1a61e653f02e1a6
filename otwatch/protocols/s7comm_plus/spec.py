"""S7comm-plus in names. The numbers that decide what a message does are beside its dissector, in otwatch/protocols/s7comm/plus_ids.py."""

from __future__ import annotations

from otwatch.protocols.spec import AnomalyKind

REQUEST, RESPONSE, RESPONSE_2, NOTIFICATION = 0x31, 0x32, 0x02, 0x33
SYSTEM_EVENT = 0xFE  # as header version and as operations.function
COTP = -1  # operations.function of connects and disconnects; the subfunction is then the TPDU type
COTP_NAMES = {
    0xE0: "cotp_connect_request", 0xD0: "cotp_connect_confirm", 0x80: "cotp_disconnect_request", 0xC0: "cotp_disconnect_confirm",
    0x50: "cotp_reject", 0x70: "cotp_error",
}
TLS_NAMES = {0x14: "tls_change_cipher_spec", 0x15: "tls_alert", 0x16: "tls_handshake", 0x17: "tls_application_data"}
FUNCTIONS: dict[int, str] = {
    0x04B1: "error",
    0x04BB: "explore",
    0x04CA: "create_object",
    0x04D4: "delete_object",
    0x04F2: "set_variable",
    0x04FC: "get_variable",
    0x0506: "add_link",
    0x051A: "remove_link",
    0x0524: "get_link",
    0x0542: "set_multi_variables",
    0x054C: "get_multi_variables",
    0x0556: "begin_sequence",
    0x0560: "end_sequence",
    0x056B: "invoke",
    0x057C: "set_var_substreamed",
    0x0586: "get_var_substreamed",
    0x0590: "get_variables_address",
    0x059A: "abort",
    0x05A9: "error_2",
    0x05B3: "init_ssl",
    NOTIFICATION: "notification",
    SYSTEM_EVENT: "system_event",
    0x14: "tls_change_cipher_spec",
    0x15: "tls_alert",
    0x16: "tls_handshake",
    0x17: "tls_application_data",
}

OBJECT = 1  # area: an object of the controller by its id; start is then the attribute
SYMBOL = 0x10000  # added to an area whose start is a local id of a symbol, not a bit address
AREAS: dict[int, str] = {
    OBJECT: "OBJECT", 0x50: "I", 0x51: "Q", 0x52: "M", 0x53: "C", 0x54: "T",
    0x8A0E: "DB", 0x8A12: "FB", 0x8A13: "FC", 0x8A32: "OB",
    **{SYMBOL + code: f"{name}_SYMBOL" for code, name in ((0x50, "I"), (0x51, "Q"), (0x52, "M"), (0x53, "C"), (0x54, "T"), (0x8A0E, "DB"))},
}
VALUE, VALUE_INFERRED, VALUE_TLS, VALUE_TSAP = 0x300, 0x301, 0x302, 0x20D  # operations.value_kind

ANOMALIES: tuple[AnomalyKind, ...] = (
    AnomalyKind(code=1, name="header", doc="The header's length does not fit, or its version is none known.", clause="S7comm-plus header",
                hides=True),
    AnomalyKind(code=2, name="opcode", doc="The opcode is none of request, response, notification.", clause="S7comm-plus data", hides=True),
    AnomalyKind(code=3, name="short", doc="The data end before the fields that every message has.", clause="S7comm-plus data",
                hides=True),
    AnomalyKind(code=4, name="fragments", doc="A message of several PDUs was broken off by another, or grew over the limit.",
                clause="S7comm-plus header", hides=True),
)
