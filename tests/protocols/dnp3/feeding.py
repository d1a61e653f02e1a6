"""Frames into the dissector and rows out of it, the way `streams` would do it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from otwatch.limits import Limits
from otwatch.protocols.dnp3 import PROTOCOL
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Octets, Operations, Pdus
from otwatch.vocabulary import FIRST_PROTOCOL_LAYER, PduFlag
from tests.oracle.dnp3 import Pdu

PROTOCOL_ID = 3
COLUMNS = ("frame", "role", "function", "subfunction", "action", "unit", "area", "object", "start", "count", "status", "transaction", "item",
           "value_kind", "request_frame", "latency_ns")


class Feeding:
    """A dissector with its tables; `rows`, `anomalies` and `facts` grow from batch to batch."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.dissector = PROTOCOL.dissector(PROTOCOL_ID, limits or Limits())
        self.rows: list[dict[str, Any]] = []
        self.anomalies: list[tuple[int, str]] = []
        self.facts: list[Fact] = []
        self.octets = Octets(64)
        self.pdus = Pdus(self.octets, 4)

    def feed(self, frames: Iterable[Pdu], *, flow: int = 0) -> None:
        """One batch."""
        self.octets.clear()
        self.pdus.clear()
        for frame in frames:
            put(self.pdus, frame, flow)
        operations, anomalies = Operations(4), Anomalies(2)
        self.dissector.feed(self.pdus, operations, anomalies, self.facts)
        for index in range(operations.rows):
            row = operations.row(index)
            assert row["protocol"] == PROTOCOL_ID
            value = self.octets.tobytes(row["value_at"], row["value_at"] + row["value_length"])
            shown = PROTOCOL.value(row["value_kind"], value, row)
            self.rows.append({**{name: row[name] for name in COLUMNS}, "value": value, "shown": shown})
        for index in range(anomalies.rows):
            row = anomalies.row(index)
            assert row["layer"] == FIRST_PROTOCOL_LAYER + PROTOCOL_ID
            self.anomalies.append((row["frame"], PROTOCOL.anomalies[row["kind"] - 1].name))


def put(pdus: Pdus, frame: Pdu, flow: int = 0) -> None:
    """A row in pdus with its octets."""
    row = pdus.new_row()
    start = pdus.octets.reserve(len(frame.octets))
    np.asarray(pdus.octets.data)[start:start + len(frame.octets)] = np.frombuffer(frame.octets, np.uint8)
    pdus.packet[row] = row
    pdus.timestamp_ns[row] = frame.time_ns
    pdus.frame[row] = frame.frame
    pdus.flow[row] = flow
    pdus.direction[row] = 0
    pdus.source[row] = 1
    pdus.destination[row] = 2
    pdus.start[row] = start
    pdus.end[row] = start + len(frame.octets)
    pdus.framing[row] = 0
    pdus.flags[row] = (PduFlag.AFTER_GAP if frame.gap else 0) | (PduFlag.CUT if frame.cut else 0)


def numbered(frames: Sequence[bytes], first: int = 1) -> list[Pdu]:
    """Frames with numbers and times."""
    return [Pdu(octets, first + i, (first + i) * 1_000_000) for i, octets in enumerate(frames)]


def rows_of(*frames: bytes, limits: Limits | None = None) -> Feeding:
    """One batch through a new dissector."""
    feeding = Feeding(limits)
    feeding.feed(numbered(frames))
    return feeding
