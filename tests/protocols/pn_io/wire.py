"""Datagrams through the carrier and the dissector, and frames straight to it; `run` gives rows, names of anomalies and facts."""

from __future__ import annotations

from typing import Any

from otwatch.limits import Limits
from otwatch.protocols import protocol_id, riders_of
from otwatch.protocols.dcerpc.dissect import DcerpcDissector
from otwatch.protocols.pn_io import PROTOCOL
from otwatch.protocols.pn_io.dissect import PnIoDissector
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Octets, Operations, Pdus
from otwatch.vocabulary import FIRST_PROTOCOL_LAYER, PduFlag

OWN = protocol_id("pn_io")
CARRIER = protocol_id("dcerpc")
PLC, DEVICE, OTHER = 1, 2, 3


class Wire:
    """Messages in order, a millisecond apart."""

    def __init__(self, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self.carrier = DcerpcDissector(CARRIER, limits, riders_of("dcerpc"))
        self.dissector = PnIoDissector(OWN, limits)
        self.frame = 0
        self.now = 0
        self._clear()

    def _clear(self) -> None:
        self.octets = Octets()
        self.calls, self.frames = Pdus(self.octets), Pdus(self.octets)

    def add(self, octets: bytes, source: int = PLC, target: int = DEVICE, *, after: float = 0.001, flags: int = 0, frame: bool = False) -> Wire:
        """One datagram, or one frame."""
        table = self.frames if frame else self.calls
        self.frame += 1
        self.now += round(after * 1e9)
        row = table.new_row()
        start = self.octets.append(octets, 0, len(octets))
        values = {
            "packet": self.frame - 1,
            "timestamp_ns": self.now,
            "frame": self.frame,
            "flow": 1,
            "direction": int(source > target),
            "source": source,
            "destination": target,
            "start": start,
            "end": start + len(octets),
            "flags": flags | (PduFlag.FRAME if frame else PduFlag.DATAGRAM),
        }
        for column in table.schema.columns:
            getattr(table, column.name)[row] = values.get(column.name, column.default)
        return self

    def run(self) -> tuple[list[dict[str, Any]], list[str], list[Fact]]:
        """The rows so far; what follows is a new batch."""
        operations, anomalies = Operations(), Anomalies()
        facts: list[Fact] = []
        self.carrier.feed(self.calls, operations, anomalies, facts)
        self.dissector.feed(self.carrier.riders[OWN], operations, anomalies, facts)
        self.dissector.feed(self.frames, operations, anomalies, facts)
        rows = []
        for index in range(operations.rows):
            row: dict[str, Any] = operations.row(index)
            octets = self.octets.tobytes(row["value_at"], row["value_at"] + row["value_length"])
            row["value"] = PROTOCOL.value(row["value_kind"], octets, row) if row["value_kind"] else None
            row["name"] = PROTOCOL.function_name(row["function"], row["subfunction"])
            row["outcome"] = PROTOCOL.status_name(row["status"])
            row["point"] = PROTOCOL.object_name(row)
            rows.append(row)
        names = {(FIRST_PROTOCOL_LAYER + OWN, kind.code): kind.name for kind in PROTOCOL.anomalies}
        bad = [names.get((layer, kind), f"carrier:{kind}") for layer, kind in zip(anomalies.array("layer"), anomalies.array("kind"), strict=True)]
        self._clear()
        return rows, bad, facts
