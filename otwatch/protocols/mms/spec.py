"""Names of session and MMS PDUs and of MMS services (ISO 8327-1, ISO 9506-2): as much as is needed to say what is spoken."""

from __future__ import annotations

COTP = -1  # operations.function of connects and disconnects; the subfunction is then the TPDU type
COTP_NAMES = {
    0xE0: "cotp_connect_request", 0xD0: "cotp_connect_confirm", 0x80: "cotp_disconnect_request", 0xC0: "cotp_disconnect_confirm",
    0x50: "cotp_reject", 0x70: "cotp_error",
}
VALUE_TSAP = 0x20D  # operations.value_kind
SESSION: dict[int, str] = {
    0x01: "data", 0x0D: "session_connect", 0x0E: "session_accept",
    0x0C: "session_refuse", 0x09: "session_finish", 0x0A: "session_disconnect",
    0x19: "session_abort", 0x1A: "session_abort_accept",
}
PDUS: dict[int, str] = {
    0xA0: "confirmed_request", 0xA1: "confirmed_response",
    0xA2: "confirmed_error", 0xA3: "unconfirmed",
    0xA4: "reject", 0xA5: "cancel_request",
    0xA6: "cancel_response", 0xA7: "cancel_error",
    0xA8: "initiate_request", 0xA9: "initiate_response",
    0xAA: "initiate_error", 0x8B: "conclude_request",
    0x8C: "conclude_response", 0xAD: "conclude_error",
}
SERVICES: dict[int, str] = {
    0: "status", 1: "get_name_list", 2: "identify", 3: "rename",
    4: "read", 5: "write", 6: "get_variable_access_attributes",
    7: "define_named_variable", 9: "delete_variable_access",
    11: "define_named_variable_list", 12: "get_named_variable_list_attributes",
    13: "delete_named_variable_list", 19: "take_control", 20: "relinquish_control",
    26: "initiate_download_sequence", 27: "download_segment",
    28: "terminate_download_sequence", 29: "initiate_upload_sequence",
    30: "upload_segment",
    # Tags from 31 on take two bytes.
    31: "terminate_upload_sequence", 36: "delete_domain",
    37: "get_domain_attributes", 38: "create_program_invocation",
    39: "delete_program_invocation", 40: "start", 41: "stop",
    42: "resume", 43: "reset", 44: "kill",
    45: "get_program_invocation_attributes", 46: "obtain_file",
    63: "get_alarm_summary", 64: "get_alarm_enrollment_summary", 65: "read_journal",
    72: "file_open", 73: "file_read", 74: "file_close", 75: "file_rename",
    76: "file_delete", 77: "file_directory",
}
