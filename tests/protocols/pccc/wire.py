"""A dissector fed with the data of Execute PCCC; `run` gives rows with their value, names of anomalies and facts."""

from __future__ import annotations

from typing import Any

from otwatch.limits import Limits
from otwatch.protocols.pccc import PROTOCOL
from otwatch.protocols.pccc.dissect import PcccDissector
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations
from tests.protocols.feeding import Feed

NAMES = {kind.code: kind.name for kind in PROTOCOL.anomalies}


class Wire(Feed):
    """Messages in order, as CIP hands them on; direction 0 is the client."""

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__()
        self.dissector = PcccDissector(1, limits or Limits())

    def add(self, octets: bytes, direction: int = 0, *, flow: int = 1, flags: int = 0, unit: int = -1, status: int = 0) -> Wire:
        """One message; a millisecond after the one before. `status` is what CIP says of a response."""
        return self.put(octets, direction, flow=flow, framing=direction, channel=unit, reference=status, flags=flags)

    def run(self) -> tuple[list[dict[str, Any]], list[str], list[Fact]]:
        """The rows so far; what follows is a new batch."""
        operations, anomalies = Operations(), Anomalies()
        facts: list[Fact] = []
        self.dissector.feed(self.pdus, operations, anomalies, facts)
        rows = self.rows(
            operations,
            lambda row, octets: {"value": PROTOCOL.value(row["value_kind"], octets, row), "object_name": PROTOCOL.object_name(row)},
        )
        self.empty()
        return rows, [NAMES[kind] for kind in anomalies.array("kind").tolist()], facts
