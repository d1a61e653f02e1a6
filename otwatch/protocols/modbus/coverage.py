"""Every field that Wireshark's Modbus dissectors name: where it is in otwatch, or why it is left out. Data for the reference page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_EVENTS = "value of get_comm_event_log: the event byte in words"
_COUNTER = "value of the diagnostics response"

COVERED: Final[Mapping[str, str]] = {
    "mbtcp.trans_id": "transaction", "mbtcp.prot_id": "anomaly protocol-id when not 0", "mbtcp.len": "framing; anomaly length-field",
    "mbtcp.unit_id": "unit", "mbrtu.unit_id": "unit", "mbrtu.crc16": "framing: a frame is one whose CRC is right",
    "mbrtu.crc16.status": "framing", "mbrtu.crc16.incorrect": "stream anomaly wrong-bytes", "modbus.request_frame": "request_frame",
    "modbus.response_time": "latency_ns", "modbus.func_code": "function", "modbus.reference_num": "start", "modbus.padding": "value",
    "modbus.reference_num_32": "object (file) and start (record)", "modbus.reference_type": "anomaly file-reference when not 6",
    "modbus.read_reference_num": "start of item 0", "modbus.write_reference_num": "start of item 1", "modbus.word_cnt": "count",
    "modbus.read_word_cnt": "count of item 0", "modbus.write_word_cnt": "count of item 1", "modbus.bit_cnt": "count",
    "modbus.byte_cnt": "checked: anomaly byte-count", "modbus.byte_cnt_16": "checked: anomaly byte-count", "modbus.exception_code": "status",
    "modbus.diagnostic_code": "subfunction", "modbus.diagnostic.return_query_data.request": "value",
    "modbus.diagnostic.return_query_data.echo": "value; anomaly echo-mismatch", "modbus.diagnostic.restart_communication_option": "value",
    "modbus.diagnostic.return_diag_register": _COUNTER, "modbus.diagnostic.ascii_input_delimiter": "value",
    "modbus.diagnostic.clear_ctr_diag_reg": "value", "modbus.diagnostic.bus_message_count": _COUNTER,
    "modbus.diagnostic.bus_comm_error_count": _COUNTER, "modbus.diagnostic.bus_exception_error_count": _COUNTER,
    "modbus.diagnostic.slave_message_count": _COUNTER, "modbus.diagnostic.no_slave_response_count": _COUNTER,
    "modbus.diagnostic.slave_nak_count": _COUNTER, "modbus.diagnostic.slave_busy_count": _COUNTER,
    "modbus.diagnostic.bus_char_overrun_count": _COUNTER, "modbus.ev_status": "value: busy", "modbus.event": _EVENTS,
    "modbus.ev_count": "value: events", "modbus.ev_msg_count": "value: messages", "modbus.ev_recv_comm_err": _EVENTS,
    "modbus.ev_recv_char_over": _EVENTS, "modbus.ev_recv_lo_mode": _EVENTS, "modbus.ev_recv_broadcast": _EVENTS,
    "modbus.ev_send_read_ex": _EVENTS, "modbus.ev_send_slave_abort_ex": _EVENTS, "modbus.ev_send_slave_busy_ex": _EVENTS,
    "modbus.ev_send_slave_nak_ex": _EVENTS, "modbus.ev_send_write_timeout": _EVENTS, "modbus.ev_send_lo_mode": _EVENTS,
    "modbus.and_mask": "value: and", "modbus.or_mask": "value: or", "modbus.data": "value", "modbus.mei": "subfunction",
    "modbus.read_device_id": "object", "modbus.object_id": "start; value: objects", "modbus.num_objects": "checked: anomaly identification",
    "modbus.objects_len": "checked: anomaly identification", "modbus.conformity_level": "value: conformity",
    "modbus.more_follows": "value: more_follows", "modbus.next_object_id": "value: next_object",
    "modbus.object_str_value": "value: objects; facts", "modbus.object_value": "value: objects; facts",
    "modbus.bitnum": "start plus place in value", "modbus.bitval": "value", "modbus.regnum16": "start plus place in value",
    "modbus.regnum32": "start plus place in value", "modbus.regval_uint16": "value",
}

_TYPES = "the wire says 16-bit registers; signed, 32-bit and float readings are a site's knowledge"

LEFT_OUT: Final[Mapping[str, str]] = {
    "modbus.regval_int16": _TYPES, "modbus.regval_uint32": _TYPES, "modbus.regval_int32": _TYPES, "modbus.regval_float": _TYPES,
    "modbus.data.decode": "a remark on a setting of Wireshark, not on the packet",
    "mbtcp.cannot_classify": "a remark on a setting of Wireshark; otwatch tells the roles by content",
}
