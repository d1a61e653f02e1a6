"""What was seen, and what could not be seen: counts of an analysis, folded batch by batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from otwatch.actions import Action, Role
from otwatch.batch import Batch
from otwatch.limits import Limits
from otwatch.tables import Behaviours

_LAYER_SHIFT = 32


@dataclass(slots=True)
class AnomalyCount:
    """All anomalies of one kind."""

    count: int
    first_frame: int
    first_file: str
    first_ns: int


@dataclass(slots=True)
class Summary:
    """Counters of everything that is not an asset or an alert."""

    limits: Limits
    packets: int = 0
    wire_bytes: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    anomalies: dict[tuple[int, int], AnomalyCount] = field(default_factory=dict)
    anomaly_rows: list[tuple[dict[str, int], int, str]] = field(default_factory=list)  # (row, flow number, file)
    anomalies_not_kept: int = 0
    unanswered_requests: int = 0

    def feed(self, batch: Batch) -> None:
        """Counts one batch."""
        packets = batch.packets
        if packets.rows:
            times = packets.array("timestamp_ns")
            first, last = int(times.min()), int(times.max())
            self.packets += packets.rows
            self.wire_bytes += int(packets.array("wire_length").sum(dtype=np.int64))
            self.first_ns = first if self.first_ns is None else min(self.first_ns, first)
            self.last_ns = last if self.last_ns is None else max(self.last_ns, last)
        self.unanswered_requests += sum(batch.unanswered.values())
        if batch.anomalies.rows:
            self._count_anomalies(batch)

    def _count_anomalies(self, batch: Batch) -> None:
        anomalies = batch.anomalies
        layers, kinds = anomalies.array("layer").astype(np.int64), anomalies.array("kind").astype(np.int64)
        numbers, first, counts = np.unique(layers << _LAYER_SHIFT | kinds, return_index=True, return_counts=True)
        for number, row, count in zip(numbers.tolist(), first.tolist(), counts.tolist(), strict=True):
            key = (number >> _LAYER_SHIFT, number & 0xFFFFFFFF)
            known = self.anomalies.get(key)
            if known is None:
                self.anomalies[key] = AnomalyCount(count, int(anomalies.frame[row]), batch.file, int(anomalies.timestamp_ns[row]))
            else:
                known.count += count
        room = self.limits.anomalies_kept - len(self.anomaly_rows)
        for row in range(min(room, anomalies.rows)):
            kept = anomalies.row(row)
            number = int(batch.flows.number[kept["flow"]]) if kept["flow"] >= 0 else 0
            self.anomaly_rows.append((kept, number, batch.file))
        self.anomalies_not_kept += max(0, anomalies.rows - max(0, room))


def protocol_counts(behaviours: Behaviours, names: list[str]) -> dict[str, dict[str, Any]]:
    """Protocol name -> requests, responses, events, errors and requests per action."""
    result: dict[str, dict[str, Any]] = {}
    columns = {name: behaviours.array(name).tolist() for name in ("protocol", "role", "action", "messages", "status")}
    for protocol, role, action, messages, status in zip(*columns.values(), strict=True):
        counts = result.setdefault(names[protocol - 1], {"requests": 0, "responses": 0, "events": 0, "errors": 0, "actions": {}})
        counts[("requests", "responses", "events")[role]] += messages
        counts["errors"] += messages if role == Role.RESPONSE and status > 0 else 0
        if role != Role.RESPONSE:
            actions = counts["actions"]
            actions[Action(action).name] = actions.get(Action(action).name, 0) + messages
    return result
