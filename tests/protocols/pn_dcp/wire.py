"""A dissector fed with frames; `run` gives rows with their value, names of anomalies and facts."""

from __future__ import annotations

from typing import Any

from otwatch.limits import Limits
from otwatch.protocols.pn_dcp import PROTOCOL
from otwatch.protocols.pn_dcp.dissect import DcpDissector
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Octets, Operations, Pdus
from otwatch.vocabulary import PduFlag

NAMES = {kind.code: kind.name for kind in PROTOCOL.anomalies}
STATION, DEVICE, OTHER, GROUP = 1, 2, 3, 99


class Wire:
    """Frames in order. Flows as the seam makes them: one for each pair of MACs."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.dissector = DcpDissector(1, limits or Limits())
        self.frame = 0
        self.now = 0
        self.octets = Octets()
        self.pdus = Pdus(self.octets)

    def add(self, octets: bytes, source: int = STATION, target: int = DEVICE, *, after: float = 0.001, flags: int = 0) -> Wire:
        """One frame; padded to 46 bytes, as on the wire."""
        self.frame += 1
        self.now += round(after * 1e9)
        row = self.pdus.new_row()
        octets += b"\0" * (46 - len(octets)) if not flags & PduFlag.CUT else b""
        start = self.octets.append(octets, 0, len(octets))
        low, high = sorted((source, target))
        values = {
            "packet": row,
            "timestamp_ns": self.now,
            "frame": self.frame,
            "flow": 10 * low + high if high != GROUP else low,
            "direction": int(source > target),
            "source": source,
            "destination": target,
            "start": start,
            "end": start + len(octets),
            "framing": 0,
            "flags": flags | PduFlag.FRAME | (PduFlag.GROUP if target == GROUP else 0),
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
            row["value"] = PROTOCOL.value(row["value_kind"], octets, row) if row["value_kind"] else None
            row["name"] = PROTOCOL.function_name(row["function"], row["subfunction"])
            row["outcome"] = PROTOCOL.status_name(row["status"])
            row["point"] = PROTOCOL.object_name(row)
            rows.append(row)
        self.octets = Octets()
        self.pdus = Pdus(self.octets)
        return rows, [NAMES[kind] for kind in anomalies.array("kind").tolist()], facts
