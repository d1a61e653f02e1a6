"""Logs as Zeek and ICSNPP name their fields: conn.log, modbus.log, dnp3.log, s7comm.log, as JSON lines or as Zeek's TSV.

The names and meanings are those of Zeek's `conn`, `modbus` and `dnp3` records and of ICSNPP's `s7comm`; what otwatch does not know is unset. The
`uid` is made of file and flow: it joins these logs with each other, `community_id` joins them with everybody's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from otwatch.errors import CaptureError
from otwatch.outputs.json_text import json_text

Record = dict[str, Any]
_ID: Final = (("ts", "time"), ("uid", "string"), ("id.orig_h", "addr"), ("id.orig_p", "port"), ("id.resp_h", "addr"), ("id.resp_p", "port"))
LOGS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "conn": (
        *_ID, ("proto", "enum"), ("service", "string"), ("duration", "interval"), ("orig_bytes", "count"), ("resp_bytes", "count"),
        ("conn_state", "string"), ("missed_bytes", "count"), ("orig_pkts", "count"), ("resp_pkts", "count"), ("community_id", "string"),
        ("vlan", "int"), ("inner_vlan", "int"),
    ),
    "modbus": (*_ID, ("tid", "count"), ("unit", "count"), ("func", "string"), ("pdu_type", "string"), ("exception", "string")),
    "dnp3": (*_ID, ("fc_request", "string"), ("fc_reply", "string"), ("iin", "count")),
    "s7comm": (
        *_ID, ("is_orig", "bool"), ("source_h", "addr"), ("source_p", "port"), ("destination_h", "addr"), ("destination_p", "port"),
        ("rosctr_code", "count"), ("rosctr_name", "string"), ("pdu_reference", "count"), ("function_code", "string"), ("function_name", "string"),
        ("subfunction_code", "string"), ("subfunction_name", "string"), ("error_class", "string"), ("error_code", "string"),
    ),
}  # fmt: skip
_PROTO: Final = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp"}
_FIN, _SYN, _RST = 1, 2, 4
_WAITING: Final = 65_536  # DNP3 requests that wait for their reply; the oldest are written without one


class ZeekLogs:
    """Writes the logs into a folder; takes the tables `operations` and `flows`. `rows` counts lines. CaptureError when it cannot be written."""

    def __init__(self, folder: str, *, tsv: bool) -> None:
        self.rows = 0
        self._tsv = tsv
        self._waiting: dict[tuple[str, int, int], Record] = {}  # DNP3 requests by file, flow and frame
        self._out: dict[str, IO[str]] = {}
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            for name in LOGS:
                self._out[name] = (Path(folder) / f"{name}.log").open("w", encoding="utf-8")
        except OSError as error:
            raise CaptureError(f"{folder}: cannot be written: {error.strerror}") from error
        if tsv:
            for name, fields in LOGS.items():
                head = ("#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-", f"#path\t{name}")
                names, types = zip(*fields, strict=True)
                self._out[name].write("\n".join([*head, "\t".join(("#fields", *names)), "\t".join(("#types", *types))]) + "\n")

    def operations(self, records: Iterable[Record]) -> None:
        """One line for each message of Modbus and S7comm, one for each request with its reply of DNP3."""
        for record in records:
            if record["item"] == 0:
                if record["protocol"] == "modbus":
                    self._line("modbus", modbus(record))
                elif record["protocol"] == "s7comm" and record["function"] is not None:
                    self._line("s7comm", s7comm(record))
                elif record["protocol"] == "dnp3" and record["function"] is not None:
                    self._dnp3(record)

    def flows(self, records: Iterable[Record]) -> None:
        """One line for each flow over IP."""
        for record in records:
            if record["ip_protocol"] is not None:
                self._line("conn", conn(record))

    def _dnp3(self, record: Record) -> None:
        key = (record["file"], record["flow"], record["request_frame"] or record["frame"])
        name = record["function_name"].upper()
        if record["role"] == "request":
            if len(self._waiting) >= _WAITING:
                self._line("dnp3", self._waiting.pop(next(iter(self._waiting))))
            self._waiting[key] = {**_connection(record), "fc_request": name}
            return
        asked = self._waiting.pop(key, None) or _connection(record)
        self._line("dnp3", {**asked, "fc_reply": name})

    def _line(self, log: str, record: Record) -> None:
        self.rows += 1
        if self._tsv:
            self._out[log].write("\t".join(_cell(record.get(name)) for name, _ in LOGS[log]) + "\n")
        else:
            self._out[log].write(json_text({name: record[name] for name, _ in LOGS[log] if record.get(name) is not None}) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for record in self._waiting.values():
            self._line("dnp3", record)
        for out in self._out.values():
            out.close()


def conn(flow: Record) -> Record:
    """A line of conn.log."""
    first, last = _seconds(flow["first_seen"]), _seconds(flow["last_seen"])
    return {
        "ts": first,
        "uid": uid(flow["file"], flow["flow"]),
        "id.orig_h": flow["client"],
        "id.orig_p": flow["client_port"],
        "id.resp_h": flow["server"],
        "id.resp_p": flow["server_port"],
        "proto": _PROTO.get(flow["ip_protocol"], "unknown_transport"),
        "service": flow["protocol"] or None,
        "duration": round(last - first, 6),
        "orig_bytes": flow["payload_to_server"],
        "resp_bytes": flow["payload_to_client"],
        "conn_state": conn_state(flow),
        "missed_bytes": flow["gap_bytes"],
        "orig_pkts": flow["packets_to_server"],
        "resp_pkts": flow["packets_to_client"],
        "community_id": flow["community_id"],
        "vlan": flow["vlan"],
        "inner_vlan": flow["vlan_inner"],
    }


def conn_state(flow: Record) -> str:
    """Zeek's conn_state, as far as the flags of both sides tell it."""
    asked, replied = flow["tcp_flags_to_server"], flow["tcp_flags_to_client"]
    if flow["ip_protocol"] == 17:
        return "SF" if flow["packets_to_client"] and flow["packets_to_server"] else "S0"
    if flow["ip_protocol"] != 6 or not asked & _SYN:
        return "OTH"
    if not flow["packets_to_client"]:
        return "S0"
    if not replied & _SYN:
        return "REJ" if replied & _RST else "OTH"
    if asked & _RST or replied & _RST:
        return "RSTO" if asked & _RST else "RSTR"
    return {(True, True): "SF", (True, False): "S2", (False, True): "S3"}.get((bool(asked & _FIN), bool(replied & _FIN)), "S1")


def modbus(record: Record) -> Record:
    """A line of modbus.log."""
    return {
        **_connection(record),
        "tid": record["transaction"],
        "unit": record["unit"],
        "func": record["function_name"].upper(),
        "pdu_type": "REQ" if record["role"] == "request" else "RESP",
        "exception": None if record["status"] == "ok" else record["status"],
    }


def s7comm(record: Record) -> Record:
    """A line of ICSNPP's s7comm.log."""
    request, job = record["role"] == "request", record["subfunction"] is None or record["function"] == 0x28
    code, name = (1, "Job Request") if job and request else (3, "Ack Data") if job else (7, "User Data")
    return {
        **_connection(record),
        "is_orig": request,
        "source_h": record["src"],
        "source_p": record["src_port"],
        "destination_h": record["dst"],
        "destination_p": record["dst_port"],
        "rosctr_code": code,
        "rosctr_name": name,
        "pdu_reference": record["transaction"],
        "function_code": f"0x{record['function']:02x}",
        "function_name": record["function_name"],
        "subfunction_code": None if record["subfunction"] is None else f"0x{record['subfunction']:02x}",
    }


def uid(file: str, flow: int) -> str:
    """As long as Zeek's, the same in every run."""
    return "C" + hashlib.sha256(f"{flow} {file}".encode("utf-8", "replace")).hexdigest()[:17]


def _connection(record: Record) -> Record:
    """The side with the higher port opened the connection; where they are alike, the one that asks."""
    ends = [(record["src"], record["src_port"]), (record["dst"], record["dst_port"])]
    ports = [port or 0 for _, port in ends]
    first = ports[0] > ports[1] if ports[0] != ports[1] else record["role"] == "request"
    (client, client_port), (server, server_port) = ends if first else reversed(ends)
    return {
        "ts": _seconds(record["time"]),
        "uid": uid(record["file"], record["flow"]),
        "id.orig_h": client,
        "id.orig_p": client_port,
        "id.resp_h": server,
        "id.resp_p": server_port,
    }


def _seconds(time: str) -> float:
    moment = datetime.fromisoformat(time[:19]).replace(tzinfo=UTC)
    return round(moment.timestamp() + int(time[20:29]) / 1e9, 6)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, float):
        return f"{value:.6f}"
    octets = str(value).encode("utf-8", "replace")
    return "".join(chr(octet) if 32 <= octet < 127 and octet != 92 else f"\\x{octet:02x}" for octet in octets)  # 92: the backslash itself
