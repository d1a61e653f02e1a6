"""Every field that Wireshark's S7comm dissector names, by the start of its name (the longest holds): where it is here, or why it is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_LENGTHS = "checked: anomalies length-mismatch, parameter-short, data-short"
COVERED: Final[Mapping[str, str]] = {
    "header": "role, transaction", "header.rosctr": "role; anomaly rosctr", "header.pduref": "transaction", "header.parlg": _LENGTHS,
    "header.datlg": _LENGTHS, "header.errcls": "status", "header.errcod": "status", "param": "function", "param.func": "function",
    "param.errcod": "status", "param.item": "area, object, start, count, by syntax", "param.itemcount": "item; anomalies item-count, item-mismatch",
    "param.subitem": "area, object, start, count", "param.userdata": "function (group), subfunction, role, status",
    "param.modetrans": "subfunction; fact state",
    "param.pi": "value: arguments", "param.pistart": "subfunction, value: service", "param.blockcontrol": "area, object, value (file name)",
    "param.pdu_length": "count of a setup", "param.maxamq": "start, object of a setup", "data": "value", "data.returncode": "status",
    "data.transportsize": "how the value is read", "data.blockcontrol": "value of block list and transfer", "data.blockinfo": "value of block_info",
    "data.userdata": "object and start of read_szl", "data.ts": "value of the clock functions", "data.plccontrol": "value", "data.ncprg": "value",
    "resp": "value", "blockinfo": "value of block_info; fact program_block", "szl": "value of read_szl; facts (fields by list, see above)",
    "cpu": "object, value of message_service and diagnostic_message", "alarm": "object (event), value", "pbc": "object (R_ID), count",
    "readrec": "area, object, start, count, value", "varstat": "area, object, start, count, value", "cyclic": "subfunction, object (job)",
    "tis": "rows of the programmer group", "diagdata": "area, object of block_status",
    "tiap": "area, object, start of symbolic items",
}
_RESERVED = "reserved, or a length that is implied"
_BITS = "single bits: the word they stand in, or the bytes of the record, is in the value"
_STACKS = "stacks, registers and job conditions: bytes of the value"
_REASSEMBLY = "bookkeeping of reassembly; `frame` is where the message ended"
LEFT_OUT: Final[Mapping[str, str]] = {
    "header.protid": "framing: 0x32", "header.redid": _RESERVED, "param.setup_reserved1": _RESERVED, "param.data": _RESERVED,
    "data.fillbyte": _RESERVED, "szl.0131": _BITS, "szl.0132": _BITS, "szl.0091": _BITS, "szl.0092": _BITS, "szl.0094": _BITS, "szl.xx96": _BITS,
    "szl.xy22": _BITS, "szl.xy12": _BITS, "ob": "start information of OBs stays bytes", "tis.interrupted": _STACKS, "tis.continued": _STACKS,
    "tis.lstack": _STACKS, "tis.bstack": _STACKS, "tis.istack": _STACKS, "tis.blockstat": _STACKS, "tis.callenv": _STACKS, "tis.accu": _STACKS,
    "tis.ar": _STACKS, "tis.db": _STACKS, "tis.stw": _STACKS, "tis.param": _STACKS, "diagdata.register": _STACKS,
    "cyclic.interval": "how often is asked is seen from the pushes", "alarm.associated_value": "bytes of the value", "fragment": _REASSEMBLY,
    "reassembled": _REASSEMBLY,
}


def place_of(field: str) -> str:
    """Where a field (without `s7comm.`) is, or why not; empty when nothing is said of it."""
    known = {**COVERED, **LEFT_OUT}
    starts = [start for start in known if field.startswith(start)]
    return known[max(starts, key=len)] if starts else ""
