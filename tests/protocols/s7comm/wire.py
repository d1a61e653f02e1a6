"""S7 messages as bytes, and a dissector fed with them: one `Wire` is one batch table and the rows it gave."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from otwatch.limits import Limits
from otwatch.protocols import protocol_id, protocol_of
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Octets, Operations, Pdus
from otwatch.vocabulary import FIRST_PROTOCOL_LAYER, PduFlag

S7, PLUS, MMS, TPKT = protocol_id("s7comm"), protocol_id("s7comm-plus"), protocol_id("mms"), protocol_id("tpkt")
CLIENT, PLC = 10, 20  # interned addresses


def tpkt(cotp: bytes, *, length: int | None = None) -> bytes:
    """A TPKT packet."""
    return struct.pack(">BBH", 3, 0, len(cotp) + 4 if length is None else length) + cotp


def data(payload: bytes, *, last: bool = True) -> bytes:
    """A COTP DT of class 0 in its TPKT."""
    return tpkt(bytes([2, 0xF0, 0x80 if last else 0]) + payload)


def connect(kind: int = 0xE0, *, called: bytes = b"\x01\x02", calling: bytes = b"\x01\x00", destination: int = 0, source: int = 1) -> bytes:
    """CR (0xE0) or CC (0xD0) with TSAPs and a TPDU size of 1024."""
    variable = bytes([0xC0, 1, 10, 0xC1, len(calling)]) + calling + bytes([0xC2, len(called)]) + called
    return tpkt(bytes([6 + len(variable), kind]) + struct.pack(">HHB", destination, source, 0) + variable)


def header(kind: int, parameters: bytes, values: bytes = b"", *, reference: int = 1, error: int = 0) -> bytes:
    """An S7 PDU."""
    head = struct.pack(">BBHHHH", 0x32, kind, 0, reference, len(parameters), len(values))
    return head + (struct.pack(">H", error) if kind in (2, 3) else b"") + parameters + values


def job(parameters: bytes, values: bytes = b"", *, reference: int = 1) -> bytes:
    """A request in its packet."""
    return data(header(1, parameters, values, reference=reference))


def answer(parameters: bytes, values: bytes = b"", *, reference: int = 1, error: int = 0, kind: int = 3) -> bytes:
    """An answer in its packet."""
    return data(header(kind, parameters, values, reference=reference, error=error))


def any_item(area: int = 0x84, number: int = 1, start: int = 0, count: int = 1, size: int = 2) -> bytes:
    """An S7ANY variable specification; `start` in bits."""
    return struct.pack(">BBBBHHB", 0x12, 10, 0x10, size, count, number, area) + start.to_bytes(3, "big")


def variables(function: int, *items: bytes) -> bytes:
    """Parameters of a Read or Write Var request."""
    body = b""
    for index, item in enumerate(items):
        body += item + b"\0" * (len(item) % 2 if index + 1 < len(items) else 0)
    return bytes([function, len(items)]) + body


def item_data(*values: tuple[int, int, bytes]) -> bytes:
    """Data items of (return code, transport size, bytes)."""
    body = b""
    for index, (code, size, content) in enumerate(values):
        length = len(content) * 8 if size in (4, 5) else len(content)
        body += struct.pack(">BBH", code, size, length) + content + b"\0" * (len(content) % 2 if index + 1 < len(values) else 0)
    return body


def userdata(kind: int, group: int, subfunction: int, content: bytes | None = b"", *, reference: int = 1, sequence: int = 0, code: int = 0xFF,
             size: int = 9, error: int = 0, unit: int = 0, more: int = 0) -> bytes:
    """A userdata PDU in its packet: kind 0 push, 1 request, 2 answer. None as content is a data part that says there is none."""
    head = bytes([0, 1, 0x12, 4 if kind == 1 and not unit else 8, 0x11 if kind == 1 and not unit else 0x12, kind << 6 | group, subfunction, sequence])
    if kind != 1 or unit:
        head += struct.pack(">BBH", unit, more, error)
    body = b"\x0a\0\0\0" if content is None else struct.pack(">BBH", code, size, len(content)) + content
    return data(header(7, head, body, reference=reference))


def _dissector(number: int, limits: Limits) -> Any:
    spec = protocol_of(number)
    assert spec is not None
    assert spec.dissector is not None
    return spec.dissector(number, limits)


class Wire:
    """Collects packets, dissects them, keeps all rows."""

    def __init__(self, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self.carrier = _dissector(TPKT, limits)
        self.riders = {number: _dissector(number, limits) for number in self.carrier.riders}
        self.dissector = self.riders[S7]
        self.octets = Octets()
        self.pdus = Pdus(self.octets)
        self.facts: list[Fact] = []
        self.rows: list[dict[str, Any]] = []
        self.bad: list[dict[str, Any]] = []
        self.frame = 0

    def add(self, message: bytes, direction: int = 0, *, flow: int = 0, flags: int = 0) -> Wire:
        """One packet to the batch."""
        row = self.pdus.new_row()
        self.frame += 1
        start = self.octets.append(message, 0, len(message))
        values = {"packet": self.frame, "timestamp_ns": 1_000 * self.frame, "frame": self.frame, "flow": flow, "direction": direction,
                  "source": (CLIENT, PLC)[direction], "destination": (PLC, CLIENT)[direction], "start": start,
                  "end": start + len(message), "framing": 0, "flags": flags}
        for name, value in values.items():
            getattr(self.pdus, name)[row] = value
        return self

    def ask(self, message: bytes, **how: int) -> Wire:
        """A packet of the client."""
        return self.add(message, 0, **how)

    def say(self, message: bytes, **how: int) -> Wire:
        """A packet of the PLC."""
        return self.add(message, 1, **how)

    def cut(self, message: bytes, length: int, direction: int = 0) -> Wire:
        """A packet of which only the first bytes were captured."""
        return self.add(message[:length], direction, flags=PduFlag.CUT)

    def run(self) -> Wire:
        """Dissects the batch; rows carry their value bytes under "bytes" and their decoded value under "value"."""
        operations, anomalies = Operations(1), Anomalies(1)
        self.carrier.feed(self.pdus, operations, anomalies, self.facts)
        for number, table in self.carrier.riders.items():
            if table.rows:
                self.riders[number].feed(table, operations, anomalies, self.facts)
        operations.reorder(np.argsort(operations.array("packet"), kind="stable"))
        for index in range(operations.rows):
            row: dict[str, Any] = operations.row(index)
            spec = protocol_of(row["protocol"])
            assert spec is not None
            row["bytes"] = self.octets.tobytes(row["value_at"], row["value_at"] + row["value_length"])
            row["value"] = spec.value(row["value_kind"], row["bytes"], row)
            row["name"] = spec.function_name(row["function"], row["subfunction"])
            row["of"] = spec.object_name(row)
            row["said"] = spec.status_name(row["status"])
            self.rows.append(row)
        for index in np.argsort(anomalies.array("packet"), kind="stable").tolist():
            bad: dict[str, Any] = anomalies.row(index)
            spec = protocol_of(bad["layer"] - FIRST_PROTOCOL_LAYER)
            assert spec is not None
            bad["name"] = {kind.code: kind.name for kind in spec.anomalies}[bad["kind"]]
            self.bad.append(bad)
        self.pdus.clear()
        self.octets.clear()
        return self

    def names(self) -> list[str]:
        """Names of the anomalies, in order."""
        self.run()
        return [bad["name"] for bad in self.bad]

    def last(self) -> dict[str, Any]:
        """The last row."""
        self.run()
        return self.rows[-1]
