"""Every field that Wireshark's DNP3 dissector names, by the start of its name (the longest holds): where it is here, or why it is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

COVERED: Final[Mapping[str, str]] = {
    "dnp3.src": "unit, source address", "dnp3.dst": "unit, destination address", "dnp3.addr": "unit", "dnp3.ctl": "subfunction of link frames",
    "dnp3.ctl.dir": "role; anomaly direction", "dnp3.ctl.fcv": "checked: anomaly link-control", "dnp3.ctl.dfc": "status link:busy",
    "dnp3.ctl.op": "value: operation", "dnp3.ctl.clr": "value: clear", "dnp3.ctl.trip": "value: trip_close", "dnp3.al.seq": "transaction",
    "dnp3.al.func": "function", "dnp3.al.iin": "value of a response; status", "dnp3.al.obj": "area, object", "dnp3.al.objq": "start, count",
    "dnp3.al.range": "start, count", "dnp3.al.index": "start", "dnp3.al.point_index": "start", "dnp3.al.size": "size of the value",
    "dnp3.al.bit": "value", "dnp3.al.2bit": "value", "dnp3.al.ana": "value", "dnp3.al.cnt": "value", "dnp3.al.count": "value: count",
    "dnp3.al.on_time": "value: on_ms", "dnp3.al.off_time": "value: off_ms", "dnp3.al.bocs": "value: control octet",
    "dnp3.al.ctrlstatus": "status; value: status", "dnp3.al.biq": "value: flags", "dnp3.al.boq": "value: flags", "dnp3.al.ctrq": "value: flags",
    "dnp3.al.aiq": "value: flags", "dnp3.al.aoq": "value: flags", "dnp3.al.timestamp": "value: time", "dnp3.al.reltimestamp": "value: relative_ms",
    "dnp3.al.time_delay": "value: delay_ms, delay_s", "dnp3.al.file": "value of g70", "dnp3.al.octet_string": "value",
    "dnp3.al.datatype": "value of g0, read by its type", "dnp3.al.da": "value of g0; facts", "dnp3.unknown": "anomaly unknown-object",
    "dnp3.al.unknown_data_chunk": "value: hexadecimal", "dnp3.num_items": "anomalies range-inverted, count-bomb",
    "dnp3.invalid_length": "anomaly length-below-minimum", "dnp3.iin_abnormal": "status", "dnp3.hdr.CRC.incorrect": "stream anomaly wrong-bytes",
    "dnp3.data_chunk.CRC.incorrect": "anomaly block-crc",
}
_CHECKED = "checked; only faults are reported, as anomalies"
_CONTROL = "used and checked (anomalies transport-sequence, request-fragmented, request-asks-confirm, unsolicited-bit), not shown"
LEFT_OUT: Final[Mapping[str, str]] = {
    "dnp3.start": _CHECKED, "dnp3.len": _CHECKED, "dnp3.hdr.CRC": _CHECKED, "dnp.hdr.CRC": _CHECKED, "dnp.data_chunk": _CHECKED,
    "dnp3.ctl.fcb": "tells retransmissions of confirmed link frames apart", "dnp3.tr": _CONTROL, "dnp3.al.ctl": _CONTROL, "dnp3.al.fir": _CONTROL,
    "dnp3.al.fin": _CONTROL, "dnp3.al.con": _CONTROL, "dnp3.al.uns": _CONTROL,
    "dnp3.al.frag": "bookkeeping of reassembly; `frame` is where the message ended",
    "dnp3.al.file.data": "beyond 256 octets of a block: the value shows the first 256 and the length",
}
_STEMS: Final = frozenset({"dnp3.al.frag", "dnp3.al.ana"})  # starts of names that go on without a dot


def place_of(field: str) -> str:
    """Where a field is, or why not; empty when nothing is said of it."""
    known = {**COVERED, **LEFT_OUT}
    starts = [start for start in known if field == start or field.startswith((start + ".", start + "_", *({start} & _STEMS)))]
    return known[max(starts, key=len)] if starts else ""
