"""A dissector fed with datagrams; `run` gives rows with their value, names of anomalies and facts."""

from __future__ import annotations

from typing import Any

from otwatch.limits import Limits
from otwatch.protocols.bacnet import PROTOCOL
from otwatch.protocols.bacnet.dissect import BacnetDissector
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations
from tests.protocols.feeding import Feed

NAMES = {kind.code: kind.name for kind in PROTOCOL.anomalies}


class Wire(Feed):
    """Datagrams in order; direction 0 is the workstation."""

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__()
        self.dissector = BacnetDissector(1, limits or Limits())

    def add(self, octets: bytes, direction: int = 0, *, flow: int = 1, flags: int = 8) -> Wire:
        """One datagram; a millisecond after the one before."""
        return self.put(octets, direction, flow=flow, flags=flags)

    def run(self) -> tuple[list[dict[str, Any]], list[str], list[Fact]]:
        """The rows so far; what follows is a new batch."""
        operations, anomalies = Operations(), Anomalies()
        facts: list[Fact] = []
        self.dissector.feed(self.pdus, operations, anomalies, facts)
        rows = self.rows(operations, _said)
        self.empty()
        return rows, [NAMES[kind] for kind in anomalies.array("kind").tolist()], facts


def _said(row: dict[str, Any], octets: bytes) -> dict[str, Any]:
    return {
        "value": PROTOCOL.value(row["value_kind"], octets, row),
        "name": PROTOCOL.function_name(row["function"], row["subfunction"]),
        "outcome": PROTOCOL.status_name(row["status"]),
    }
