"""Modbus messages as bytes, and a dissector fed with them: one `Wire` is one batch table and the rows it gave."""

from __future__ import annotations

import struct
from typing import Any

from otwatch.limits import Limits
from otwatch.protocols.modbus import PROTOCOL
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Octets, Operations, Pdus
from otwatch.vocabulary import PduFlag

KINDS = {kind.code: kind.name for kind in PROTOCOL.anomalies}
PROTOCOL_ID = 3
CLIENT, SERVER = 10, 20  # interned addresses


def adu(pdu: bytes, *, transaction: int = 1, unit: int = 1, protocol: int = 0, length: int | None = None) -> bytes:
    """A Modbus/TCP message."""
    return struct.pack(">HHHB", transaction, protocol, len(pdu) + 1 if length is None else length, unit) + pdu


def pdu(function: int, *words: int, data: bytes = b"") -> bytes:
    """Function code, 16-bit words, bytes."""
    return bytes([function]) + b"".join(struct.pack(">H", word) for word in words) + data


class Wire:
    """Collects PDUs, dissects them, keeps all rows."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.dissector = PROTOCOL.dissector(PROTOCOL_ID, limits or Limits())
        self.octets = Octets()
        self.pdus = Pdus(self.octets)
        self.facts: list[Fact] = []
        self.rows: list[dict[str, Any]] = []
        self.bad: list[dict[str, Any]] = []
        self.frame = 0

    def add(self, message: bytes, direction: int = 0, *, flow: int = 0, flags: int = 0, framing: int = 0) -> Wire:
        """One PDU to the batch."""
        row = self.pdus.new_row()
        self.frame += 1
        start = self.octets.append(message, 0, len(message))
        values = {"packet": self.frame, "timestamp_ns": 1_000 * self.frame, "frame": self.frame, "flow": flow, "direction": direction,
                  "source": (CLIENT, SERVER)[direction], "destination": (SERVER, CLIENT)[direction], "start": start,
                  "end": start + len(message), "framing": framing, "flags": flags}
        for name, value in values.items():
            getattr(self.pdus, name)[row] = value
        return self

    def ask(self, body: bytes, **how: Any) -> Wire:
        """A request from the client, as an ADU."""
        flow, flags = how.pop("flow", 0), how.pop("flags", 0)
        return self.add(adu(body, **how), 0, flow=flow, flags=flags)

    def answer(self, body: bytes, **how: Any) -> Wire:
        """A response from the server, as an ADU."""
        flow, flags = how.pop("flow", 0), how.pop("flags", 0)
        return self.add(adu(body, **how), 1, flow=flow, flags=flags)

    def cut(self, message: bytes, length: int, direction: int = 0) -> Wire:
        """A PDU of which only the first bytes were captured."""
        return self.add(message[:length], direction, flags=PduFlag.CUT)

    def run(self) -> Wire:
        """Dissects the batch; rows of operations carry their value bytes under "value"."""
        operations, anomalies = Operations(1), Anomalies(1)
        self.dissector.feed(self.pdus, operations, anomalies, self.facts)
        for index in range(operations.rows):
            row: dict[str, Any] = operations.row(index)
            row["value"] = self.octets.tobytes(row["value_at"], row["value_at"] + row["value_length"])
            self.rows.append(row)
        for index in range(anomalies.rows):
            bad: dict[str, Any] = anomalies.row(index)
            bad["name"] = KINDS[bad["kind"]]
            self.bad.append(bad)
        self.pdus.clear()
        self.octets.clear()
        return self

    def names(self) -> list[str]:
        """Names of the anomalies, in order."""
        self.run()
        return [bad["name"] for bad in self.bad]
