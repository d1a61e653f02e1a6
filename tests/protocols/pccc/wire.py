"""A dissector fed with the data of Execute PCCC; `run` gives rows with their value, names of anomalies and facts."""

from __future__ import annotations

from typing import Any

from otwatch.limits import Limits
from otwatch.protocols.pccc import PROTOCOL
from otwatch.protocols.pccc.dissect import PcccDissector
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Octets, Operations, Pdus

NAMES = {kind.code: kind.name for kind in PROTOCOL.anomalies}


class Wire:
    """Messages in order, as CIP hands them on; direction 0 is the client."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.dissector = PcccDissector(1, limits or Limits())
        self.frame = 0
        self.octets = Octets()
        self.pdus = Pdus(self.octets)

    def add(self, octets: bytes, direction: int = 0, *, flow: int = 1, flags: int = 0, unit: int = -1, status: int = 0) -> Wire:
        """One message; a millisecond after the one before. `status` is what CIP says of a response."""
        self.frame += 1
        row = self.pdus.new_row()
        start = self.octets.append(octets, 0, len(octets))
        values = {
            "packet": row,
            "timestamp_ns": self.frame * 1_000_000,
            "frame": self.frame,
            "flow": flow,
            "direction": direction,
            "source": 5 + direction,
            "destination": 6 - direction,
            "start": start,
            "end": start + len(octets),
            "framing": direction,
            "channel": unit,
            "reference": status,
            "flags": flags,
        }
        for column in self.pdus.schema.columns:
            getattr(self.pdus, column.name)[row] = values.get(column.name, column.default)
        return self

    def run(self) -> tuple[list[dict[str, Any]], list[str], list[Fact]]:
        """The rows so far; what follows is a new batch."""
        operations, anomalies = Operations(), Anomalies()
        facts: list[Fact] = []
        self.dissector.feed(self.pdus, operations, anomalies, facts)
        rows = []
        for index in range(operations.rows):
            row: dict[str, Any] = operations.row(index)
            octets = self.octets.tobytes(row["value_at"], row["value_at"] + row["value_length"])
            row["value"] = PROTOCOL.value(row["value_kind"], octets, row)
            row["object_name"] = PROTOCOL.object_name(row)
            rows.append(row)
        self.octets = Octets()
        self.pdus = Pdus(self.octets)
        return rows, [NAMES[kind] for kind in anomalies.array("kind").tolist()], facts
