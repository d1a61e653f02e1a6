"""A dissector fed with datagrams; `run` gives rows with their value, names of anomalies and facts."""

from __future__ import annotations

from typing import Any

from otwatch.limits import Limits
from otwatch.protocols.bacnet import PROTOCOL
from otwatch.protocols.bacnet.dissect import BacnetDissector
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Octets, Operations, Pdus

NAMES = {kind.code: kind.name for kind in PROTOCOL.anomalies}


class Wire:
    """Datagrams in order; direction 0 is the workstation."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.dissector = BacnetDissector(1, limits or Limits())
        self.frame = 0
        self.octets = Octets()
        self.pdus = Pdus(self.octets)

    def add(self, octets: bytes, direction: int = 0, *, flow: int = 1, flags: int = 8) -> Wire:
        """One datagram; a millisecond after the one before."""
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
            "framing": 0,
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
            row["name"] = PROTOCOL.function_name(row["function"], row["subfunction"])
            row["outcome"] = PROTOCOL.status_name(row["status"])
            rows.append(row)
        self.octets = Octets()
        self.pdus = Pdus(self.octets)
        return rows, [NAMES[kind] for kind in anomalies.array("kind").tolist()], facts
