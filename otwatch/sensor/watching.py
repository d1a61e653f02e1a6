"""What the sensor notices batch by batch for its own health and its view: flows that are open, VLANs, the busiest conversations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from otwatch.batch import Batch
from otwatch.engine.analysis import Analysis
from otwatch.inventory.inventory import Inventory
from otwatch.vocabulary import FlowEvent

_RECENT_NS = 60_000_000_000
_ENOUGH_PACKETS = 10  # of a conversation before it is called one-way
_SETTLED_SECONDS = 3  # a VLAN counts as known when it was seen in so many different seconds
_MOST_VLANS = 4096


@dataclass(slots=True)
class Vlan:
    """One VLAN of one interface."""

    seconds: int
    last: float
    told: bool = False


class Watch:
    """Listens to every batch; answers about once a minute."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._open = np.zeros(1024, np.bool_)  # by slot of a flow
        self.vlans: dict[tuple[str, int], Vlan] = {}
        self.batches = 0

    def feed(self, batch: Batch, monotonic: float) -> None:
        """One batch, at a time of the sensor's clock."""
        self.batches += 1
        events = batch.flow_events
        if events.rows:
            if batch.flows.capacity > len(self._open):
                self._open = np.concatenate([self._open, np.zeros(batch.flows.capacity - len(self._open), np.bool_)])
            self._open[events.array("flow")[events.array("kind") == int(FlowEvent.OPENED)]] = True
        if batch.closed:
            self._open[batch.closed] = False
        if batch.packets.rows:
            tags = batch.packets.array("vlan_outer")
            seen = np.flatnonzero(np.bincount(np.clip(tags, -1, 4095) + 1, minlength=1)[1:])
            for vlan in seen.tolist():
                self._vlan(batch.file, vlan, monotonic)

    def finish(self) -> None:
        """Every flow was closed: they are in the inventory, and must not be counted there again."""
        self._open[:] = False

    @property
    def open(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Slots of the flows that are open."""
        return np.flatnonzero(self._open)

    def _vlan(self, interface: str, vlan: int, monotonic: float) -> None:
        known = self.vlans.get((interface, vlan))
        if known is None:
            if len(self.vlans) < _MOST_VLANS:
                self.vlans[interface, vlan] = Vlan(1, monotonic)
            return
        if int(monotonic) != int(known.last):
            known.seconds += 1
        known.last = monotonic

    def settled_vlans(self) -> dict[str, dict[int, float]]:
        """interface -> VLAN -> when it was last seen, of those that are no accident."""
        found: dict[str, dict[int, float]] = {}
        for (interface, vlan), seen in self.vlans.items():
            if seen.seconds >= _SETTLED_SECONDS:
                found.setdefault(interface, {})[vlan] = seen.last
        return found

    def new_vlans(self) -> list[tuple[str, int]]:
        """Those that became settled since the last call."""
        new = [key for key, seen in self.vlans.items() if seen.seconds >= _SETTLED_SECONDS and not seen.told]
        for key in new:
            self.vlans[key].told = True
        return new

    def directions(self, now_ns: int) -> tuple[int, int]:
        """(one-way, two-way) OT conversations of the last minute."""
        flows = self._analysis.pipeline.streams.flows
        slots = self.open
        column = {name: np.asarray(getattr(flows, name))[slots] for name in ("protocol", "last_ns", "packets_to_server", "packets_to_client")}
        recent = (column["protocol"] > 0) & (column["last_ns"] > now_ns - _RECENT_NS)
        there, back = column["packets_to_server"], column["packets_to_client"]
        one_way = recent & ((there == 0) | (back == 0)) & (there + back >= _ENOUGH_PACKETS)
        return int(one_way.sum()), int((recent & (there > 0) & (back > 0)).sum())

    def gaps(self) -> int:
        """Bytes that were never captured, in all streams so far."""
        flows = self._analysis.pipeline.streams.flows
        slots = self.open
        closed = self._analysis.inventory.hosts.tally.talks.array("gap_bytes")
        return int(closed.sum()) + int(np.asarray(flows.gap_bytes)[slots].sum())

    def busiest(self, count: int = 8) -> list[tuple[str, int, int]]:
        """(client > server service, packets, bytes) of the flows that are open, the busiest first."""
        pipeline = self._analysis.pipeline
        flows, addresses = pipeline.streams.flows, pipeline.addresses
        slots = self.open
        packets = np.asarray(flows.packets_to_server)[slots] + np.asarray(flows.packets_to_client)[slots]
        found = []
        for place in np.argsort(packets)[::-1][:count].tolist():
            row = flows.row(int(slots[place]))
            name = pipeline.protocols[row["protocol"] - 1].name if row["protocol"] else str(row["server_port"])
            found.append(
                (
                    f"{addresses.text(row['client'])} > {addresses.text(row['server'])} {name}",
                    int(packets[place]),
                    row["bytes_to_server"] + row["bytes_to_client"],
                )
            )
        return found

    def inventory(self) -> Inventory:
        """The inventory with the flows that are still open: OT connections stay open for months."""
        analysis = self._analysis
        now = Inventory(analysis.pipeline.addresses, analysis.pipeline.protocols, analysis.limits)
        now.hosts = analysis.inventory.hosts.copy()
        now.facts = analysis.inventory.facts
        now.hosts.fold(analysis.pipeline.streams.flows, self.open, {})
        return now
