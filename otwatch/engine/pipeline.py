"""capture -> decode -> streams -> protocols -> behaviours: one batch of packets to its tables. No clock, no file, no socket."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np

from otwatch.addresses import LINK, Addresses
from otwatch.baseline.behaviours import BehaviourIndex
from otwatch.batch import Batch
from otwatch.decode.bindings import Bindings
from otwatch.decode.decoder import Decoder
from otwatch.engine.crossed import CrossedCards
from otwatch.engine.turns import Turns
from otwatch.limits import Limits
from otwatch.protocols import protocols
from otwatch.protocols.kit.early import Early
from otwatch.protocols.spec import Dissector, Fact
from otwatch.streams.streams import Streams
from otwatch.tables import Anomalies, Operations, Packets, Pdus

_MAC_BYTES: Final = 6  # of the addresses that messages name
_IPV4_BYTES: Final = 4
_IPV4_MAPPED: Final = 0xFFFF_0000_0000
_LOW64: Final = 0xFFFF_FFFF_FFFF_FFFF
_BITS = 64  # of a set of protocols by flow; of protocols beyond, two share one


class Pipeline:
    """The stages of one analysis and their state. Feed the batches of any number of captures in time order, then finish."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.protocols = protocols()
        self.addresses = Addresses(limits.addresses)
        self.decoder = Decoder(self.addresses, limits, self.protocols)
        self.bindings = Bindings(limits)
        self.streams = Streams(self.addresses, limits, self.protocols)
        self.crossed = CrossedCards(self.streams.cards)
        # made when something of theirs is seen: their modules take as long to load as a small capture to read
        self.dissectors: list[Dissector | None] = [None] * len(self.protocols)
        self.turns = [Turns(limits) for _ in self.protocols]
        self.behaviour_index = BehaviourIndex(limits)
        self.operations = Operations()
        self.anomalies = Anomalies()
        self.now_ns = 0
        self._remembering = np.zeros(0, np.uint64)  # by slot of a flow: a bit for each dissector that was given a message of it
        self._told_apart: dict[int, list[Dissector]] = {}  # those bits -> the dissectors, made when asked for
        # protocols whose dissector has made rows of another, and those that ride on a carrier
        self._sharing = {number for number, spec in enumerate(self.protocols, 1) if spec.ride is not None}

    def feed(self, packets: Packets, *, file: str = "", capture_anomalies: Anomalies | None = None) -> Batch:
        """The tables of one batch; they are overwritten by the next. `capture_anomalies`: what its reader found wrong with the file."""
        self.operations.clear()
        self.anomalies.clear()
        if capture_anomalies is not None:
            _append(self.anomalies, capture_anomalies)
        self.decoder.feed(packets, self.anomalies)
        self.bindings.feed(packets, self.anomalies)
        self.streams.feed(packets, self.anomalies, self.decoder.readings)
        if packets.rows:
            self.now_ns = max(self.now_ns, int(packets.array("timestamp_ns").max()))
        return self._dissected(packets, file)

    def finish(self, *, file: str = "") -> Batch:
        """The last batch: what was pending in streams, and every flow closed."""
        self.operations.clear()
        self.anomalies.clear()
        self.decoder.finish(self.now_ns, self.anomalies)
        self.streams.finish(self.anomalies)
        return self._dissected(Packets(1), file)

    def _dissected(self, packets: Packets, file: str) -> Batch:
        facts: list[Fact] = []
        active = 0
        self._put_in_order()
        for index, pdus in enumerate(self.streams.pdus[1:], 1):
            if pdus.rows:
                pdus.packets = packets
                active += self._dissect(index, pdus, facts)
        if active > 1:
            _sort_by_packet(self.operations)
        facts = [self._placed(fact) if fact.about or fact.names >= 0 else fact for fact in facts]
        closed = list(self.streams.closed)
        unanswered = self._forget(closed)
        known = self.behaviour_index.feed(self.operations, self.streams.flows)
        other_cards = self.crossed.feed(packets, self.operations, self.anomalies) if self.streams.cards.strange else {}
        return Batch(
            file=file,
            now_ns=self.now_ns,
            packets=packets,
            flows=self.streams.flows,
            flow_events=self.streams.flow_events,
            octets=self.streams.octets,
            operations=self.operations,
            anomalies=self.anomalies,
            behaviours=self.behaviour_index.behaviours,
            known_behaviours=known,
            facts=facts,
            closed=closed,
            unanswered=unanswered,
            other_cards=other_cards,
        )

    def _put_in_order(self) -> None:
        """Answers that were captured before their requests go behind them. The disorder on TCP bounds how long datagrams wait for theirs."""
        before = sum(turns.restored for turns in self.turns)
        for turns, pdus in zip(self.turns, self.streams.pdus[1:], strict=True):
            if pdus.rows or turns.held_count:
                turns.feed(pdus, self.now_ns, self.streams.closed)
        if sum(turns.restored for turns in self.turns) > before:
            largest_ns = max(turns.largest_ns for turns in self.turns)
            for early in self._early():
                early.largest_tcp_ns = largest_ns

    def _dissector(self, index: int) -> Dissector | None:
        """That of a protocol, made when it is asked for; None of a protocol that is recognised only."""
        found = self.dissectors[index - 1]
        make = self.protocols[index - 1].dissector
        if found is None and make is not None:
            found = self.dissectors[index - 1] = make(index, self.limits)
            if hasattr(found, "early"):
                found.early.largest_tcp_ns = max(turns.largest_ns for turns in self.turns)
        return found

    def _dissect(self, index: int, pdus: Pdus, facts: list[Fact]) -> int:
        """The rows of one protocol, and of those that it carries; how many of them had some."""
        dissector = self._dissector(index)
        if dissector is None:
            return 0
        before = self.operations.rows
        dissector.feed(pdus, self.operations, self.anomalies, facts)
        self._spoken(index, pdus.array("flow"))
        active = 0
        if self.operations.rows > before:
            self._name_flows(index, before)
            active = 1
        riders: dict[int, Pdus] = getattr(dissector, "riders", {})  # of a Carrier; isinstance takes as long as a hundred packets
        for number, carried in riders.items():
            if carried.rows:
                active += self._dissect(number, carried, facts)
        return active

    def _placed(self, fact: Fact) -> Fact:
        """A fact about an address that its message named, under the id of that address; one whose value is an address, with that as text."""
        if fact.names >= 0:
            return self._placed(replace(fact, value=self.addresses.text(fact.names), names=-1))
        if not fact.about:
            return fact
        number, size = int.from_bytes(fact.about, "big"), len(fact.about)
        if size == _MAC_BYTES:
            return replace(fact, address=int(self.addresses.intern_mac(number)), about=b"")
        high, low = (0, _IPV4_MAPPED | number) if size == _IPV4_BYTES else (number >> 64, number & _LOW64)
        return replace(fact, address=int(self.addresses.intern(high, low)) if high != LINK else 0, about=b"")  # no IP header may claim a MAC's

    def forget_addresses(self, kept: list[np.ndarray[Any, Any]]) -> None:
        """Makes room for new addresses: those that no flow, no behaviour, no ARP binding and none of `kept` names are forgotten."""
        flows, behaviours = self.streams.flows, self.behaviour_index.behaviours
        left = np.concatenate(
            [
                flows.array("client"),
                flows.array("server"),
                behaviours.array("source"),
                behaviours.array("destination"),
                np.fromiter(self.bindings.owners, np.int64),
                *kept,
            ]
        )
        self.addresses.forget(left)
        self.streams.cards.keep(set(left.tolist()))
        self.decoder.forget_pairs()

    @property
    def disorder(self) -> tuple[int, int]:
        """Responses that were captured before their requests, and the longest time by which, in nanoseconds."""
        early = self._early()
        largest_ns = [*(int(one.largest_ns) for one in early), *(one.largest_ns for one in self.turns)]
        return sum(one.paired for one in early) + sum(one.restored for one in self.turns), max(largest_ns, default=0)

    def _early(self) -> list[Early]:
        """What dissectors hold of datagrams."""
        return [dissector.early for dissector in self.dissectors if dissector is not None and hasattr(dissector, "early")]

    def _spoken(self, protocol: int, slots: np.ndarray[Any, Any]) -> None:
        """The dissector of a protocol may remember something of these flows."""
        capacity = self.streams.flows.capacity
        if capacity > len(self._remembering):
            self._remembering = np.concatenate([self._remembering, np.zeros(capacity - len(self._remembering), np.uint64)])
        self._remembering[slots] |= np.uint64(1 << protocol % _BITS)

    def _who_remembers(self, bits: int) -> list[Dissector]:
        """The dissectors that may remember something of a flow."""
        found = self._told_apart.get(bits)
        if found is None:
            found = self._told_apart[bits] = [
                dissector for number, dissector in enumerate(self.dissectors, 1) if dissector is not None and bits >> number % _BITS & 1
            ]
        return found

    def _forget(self, closed: list[int]) -> dict[int, int]:
        """Slot -> requests without response, of closed flows that have some. Flows without a message, as a scan makes by millions, cost nothing."""
        slots = np.array(closed, np.int64)
        slots = slots[slots < len(self._remembering)]
        slots = slots[self._remembering[slots] != 0]
        dissected = self._remembering[slots].tolist()
        self._remembering[slots] = 0
        unanswered = {}
        for slot, bits in zip(slots.tolist(), dissected, strict=True):
            lost = sum(dissector.forget(slot) for dissector in self._who_remembers(bits))
            if lost:
                unanswered[slot] = lost
        return unanswered

    def _name_flows(self, protocol: int, before: int) -> None:
        """Protocols that share a framing (TPKT: S7comm, S7comm-plus, MMS) are told apart by the dissector: a flow is of its last row's protocol."""
        spoken = self.operations.array("protocol")[before:]
        slots = self.operations.array("flow")[before:]
        if protocol in self._sharing or (spoken != protocol).any():
            self._sharing.add(protocol)
            np.asarray(self.streams.flows.protocol)[slots] = spoken


def _append(anomalies: Anomalies, more: Anomalies) -> None:
    for row in range(more.rows):
        new = anomalies.new_row()
        for name, value in more.row(row).items():
            getattr(anomalies, name)[new] = value


def _sort_by_packet(operations: Operations) -> None:
    """Each protocol appended its rows in packet order; merges them."""
    order = np.argsort(operations.array("packet"), kind="stable")
    operations.reorder(order)
