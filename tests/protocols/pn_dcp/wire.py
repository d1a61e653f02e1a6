"""A dissector fed with frames; `run` gives rows with their value, names of anomalies and facts."""

from __future__ import annotations

from typing import Any

from otwatch.limits import Limits
from otwatch.protocols.pn_dcp import PROTOCOL
from otwatch.protocols.pn_dcp.dissect import DcpDissector
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations
from otwatch.vocabulary import PduFlag
from tests.protocols.feeding import Feed

NAMES = {kind.code: kind.name for kind in PROTOCOL.anomalies}
STATION, DEVICE, OTHER, GROUP = 1, 2, 3, 99


class Wire(Feed):
    """Frames in order. Flows as the seam makes them: one for each pair of MACs."""

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__()
        self.dissector = DcpDissector(1, limits or Limits())
        self.now = 0

    def add(self, octets: bytes, source: int = STATION, target: int = DEVICE, *, after: float = 0.001, flags: int = 0) -> Wire:
        """One frame; padded to 46 bytes, as on the wire."""
        self.now += round(after * 1e9)
        octets += b"\0" * (46 - len(octets)) if not flags & PduFlag.CUT else b""
        low, high = sorted((source, target))
        return self.put(
            octets,
            int(source > target),
            timestamp_ns=self.now,
            flow=10 * low + high if high != GROUP else low,
            source=source,
            destination=target,
            flags=flags | PduFlag.FRAME | (PduFlag.GROUP if target == GROUP else 0),
        )

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
        "value": PROTOCOL.value(row["value_kind"], octets, row) if row["value_kind"] else None,
        "name": PROTOCOL.function_name(row["function"], row["subfunction"]),
        "outcome": PROTOCOL.status_name(row["status"]),
        "point": PROTOCOL.object_name(row),
    }
