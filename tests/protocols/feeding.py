"""PDUs to a dissector by hand, without the layers below."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from otwatch.tables import Octets, Operations, Pdus

MS = 1_000_000
CLIENT, SERVER = 5, 6  # addresses


class Feed:
    """A batch of PDUs in the making; direction 0 is what the client sends."""

    def __init__(self) -> None:
        self.frame = 0
        self.empty()

    def empty(self) -> None:
        """What follows is a new batch."""
        self.octets = Octets()
        self.pdus = Pdus(self.octets)

    def put(self, octets: bytes, direction: int = 0, *, after: int = 1, **columns: Any) -> Self:
        """One PDU, `after` frames and as many milliseconds behind the one before. `columns` of the table that are to be otherwise."""
        self.frame += after
        row = self.pdus.new_row()
        start = self.octets.append(octets, 0, len(octets))
        values = {
            "packet": row,
            "timestamp_ns": self.frame * MS,
            "frame": self.frame,
            "flow": 1,
            "direction": direction,
            "source": (CLIENT, SERVER)[direction],
            "destination": (SERVER, CLIENT)[direction],
            "start": start,
            "end": start + len(octets),
            "framing": 0,
            "flags": 0,
            **columns,
        }
        for column in self.pdus.schema.columns:
            getattr(self.pdus, column.name)[row] = values.get(column.name, column.default)
        return self

    def rows(self, operations: Operations, more: Callable[[dict[str, Any], bytes], dict[str, Any]]) -> list[dict[str, Any]]:
        """Operations as dicts, and what `more` adds to each: it is given the row and the bytes of its value."""
        rows = []
        for index in range(operations.rows):
            row: dict[str, Any] = operations.row(index)
            octets = self.octets.tobytes(row["value_at"], row["value_at"] + row["value_length"])
            rows.append(row | more(row, octets))
        return rows
