"""What was seen, and what could not be seen: counts of an analysis, folded batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from otwatch.actions import Action, Role
from otwatch.batch import Batch
from otwatch.groups import grouped
from otwatch.limits import Limits
from otwatch.tables import Anomalies, Behaviours

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
    kept: Anomalies = field(default_factory=Anomalies)
    kept_of: list[tuple[int, str]] = field(default_factory=list)  # (flow number, file) of each
    kept_of_kind: dict[int, int] = field(default_factory=dict)  # how many, by layer and kind as one number
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
        self._keep(batch, layers << _LAYER_SHIFT | kinds, numbers)

    def _keep(self, batch: Batch, numbers: npt.NDArray[np.int64], distinct: npt.NDArray[np.int64]) -> None:
        """The rows of a batch for which there is room, by the numbers of their kinds."""
        anomalies = batch.anomalies
        chosen = np.ones(anomalies.rows, np.bool_)
        for number in distinct.tolist():
            rows = np.flatnonzero(numbers == number)
            room = max(0, self.limits.anomalies_kept_of_kind - self.kept_of_kind.get(number, 0))
            chosen[rows[room:]] = False
        rows = np.flatnonzero(chosen)[: max(0, self.limits.anomalies_kept - self.kept.rows)]
        self.anomalies_not_kept += anomalies.rows - len(rows)
        if not len(rows):
            return
        start = self.kept.rows
        self.kept.grow(max(self.kept.capacity, 1 << (start + len(rows) - 1).bit_length()))
        self.kept.rows += len(rows)
        for column in anomalies.schema.columns:
            self.kept.array(column.name)[start:] = anomalies.array(column.name)[rows]
        for number, count in zip(*(found.tolist() for found in np.unique(numbers[rows], return_counts=True)), strict=True):
            self.kept_of_kind[number] = self.kept_of_kind.get(number, 0) + count
        for flow in anomalies.array("flow")[rows].tolist():
            self.kept_of.append((int(batch.flows.number[flow]) if flow >= 0 else 0, batch.file))

    def anomaly_rows(self) -> Iterator[tuple[dict[str, int], int, str]]:
        """(row, flow number, file) of every anomaly that was kept."""
        for row, (flow_number, file) in enumerate(self.kept_of):
            yield self.kept.row(row), flow_number, file

    def addresses_named(self) -> np.ndarray[Any, Any]:
        """Ids of all addresses in the anomalies that were kept."""
        return np.concatenate([self.kept.array("source"), self.kept.array("destination")])


def protocol_counts(behaviours: Behaviours, names: list[str]) -> dict[str, dict[str, Any]]:
    """Protocol name -> requests, responses, events, errors and requests per action."""
    result: dict[str, dict[str, Any]] = {}
    columns = [behaviours.array(name) for name in ("protocol", "role", "action")]
    columns.append(behaviours.array("status") > 0)
    first, which = grouped(columns)
    sums = np.bincount(which, behaviours.array("messages"), len(first)).astype(np.int64)
    for protocol, role, action, status, messages in zip(*(column[first].tolist() for column in columns), sums.tolist(), strict=True):
        counts = result.setdefault(names[protocol - 1], {"requests": 0, "responses": 0, "events": 0, "errors": 0, "actions": {}})
        counts[("requests", "responses", "events")[role]] += messages
        counts["errors"] += messages if role == Role.RESPONSE and status > 0 else 0
        if role != Role.RESPONSE:
            actions = counts["actions"]
            actions[Action(action).name] = actions.get(Action(action).name, 0) + messages
    return result
