"""The carrier: datagrams of connectionless DCE/RPC, fragments joined, to whole calls of the interface that is called.

A rider (`Ride`) says with `endpoint` which interface (16 bytes of its UUID, big-endian) it reads. What it is given is the header of 80 bytes as it
came, with the whole body behind it. Calls of other interfaces have a row of their own here.
"""

from __future__ import annotations

from uuid import UUID

from otwatch.actions import Role
from otwatch.limits import Limits
from otwatch.protocols.dcerpc import spec
from otwatch.protocols.dcerpc.spec import Anomaly
from otwatch.protocols.kit.parts import Parts
from otwatch.protocols.spec import Fact, ProtocolSpec
from otwatch.tables import Anomalies, Octets, Operations, Pdus
from otwatch.vocabulary import FIRST_PROTOCOL_LAYER, PduFlag

_Key = tuple[bytes, int, int]  # activity, sequence number, type


class DcerpcDissector:
    """State: messages of which fragments are missing, by activity, sequence number and type: a call may change its ports."""

    def __init__(self, protocol: int, limits: Limits, riders: list[tuple[int, int, ProtocolSpec]]) -> None:
        """`riders`: (id, id of the protocol whose dissector reads it, spec) of those that ride on DCE/RPC."""
        self.protocol = protocol
        self.layer = FIRST_PROTOCOL_LAYER + protocol
        self.rides = [(reader, spec.ride) for _, reader, spec in riders]
        self.riders: dict[int, Pdus] = {reader: Pdus(Octets(1), 256) for _, reader, _ in riders}
        self.parts = Parts(limits.application_fragment_bytes, limits.stream_pending_total_bytes)
        self.limit = limits.application_fragment_bytes
        self.most = max(1, limits.early_answers)
        self.joined: dict[_Key, tuple[int, int, int]] = {}  # (number of its parts, the next fragment, flow)
        self.given = 0
        self._known: dict[bytes, int] = {}  # interface -> id of the rider that reads it, 0

    def feed(self, pdus: Pdus, operations: Operations, anomalies: Anomalies, _facts: list[Fact]) -> None:
        """Fills the tables of the riders, in PDU order."""
        for table in self.riders.values():
            table.clear()
            table.octets = pdus.octets
            table.packets = pdus.packets
        for pdu in range(pdus.rows):
            self._message(pdus, pdu, operations, anomalies)

    def forget(self, flow: int) -> int:
        """The flow is over. No request waits here."""
        for key in [key for key, (_, _, own) in self.joined.items() if own == flow]:
            self._drop(key)
        return 0

    def _drop(self, key: _Key) -> None:
        self.parts.forget(self.joined.pop(key)[0])

    def _message(self, pdus: Pdus, pdu: int, operations: Operations, anomalies: Anomalies) -> None:
        octets, start, end = pdus.octets, int(pdus.start[pdu]), int(pdus.end[pdu])
        if end - start < spec.HEADER:
            return
        head = octets.tobytes(start, start + spec.HEADER)
        little = head[4] >> 4 == 1
        order = "little" if little else "big"
        kind, flags = head[1], head[2]
        if kind > spec.CANCEL_ACK:
            anomalies.add(pdus, pdu, self.layer, Anomaly.TYPE, 1, -1, kind)
            return
        if pdus.flags[pdu] & PduFlag.CUT and kind in spec.MESSAGES:
            length = spec.HEADER + int.from_bytes(head[74:76], order)  # type: ignore[arg-type]
            if pdus.packets is None or not pdus.packets.payload_missing[pdus.packet[pdu]]:
                anomalies.add(pdus, pdu, self.layer, Anomaly.LENGTH, 74, length, end - start)
        if kind not in spec.MESSAGES:
            return
        if flags & spec.FRAGMENT and kind in (spec.REQUEST, spec.RESPONSE):
            sequence, number = int.from_bytes(head[64:68], order), int.from_bytes(head[76:78], order)  # type: ignore[arg-type]
            key = head[40:56], sequence, kind
            if not self._join(pdus, pdu, key, number, flags, start, end, anomalies):
                return
            at = octets.append(head, 0, spec.HEADER)
            parts = self.joined[key][0]
            size = self.parts.size(parts)
            self.parts.take(parts, octets)
            self._drop(key)
            start, end = at, at + spec.HEADER + size
        self._call(pdus, pdu, head, little, start, end, operations)

    def _join(self, pdus: Pdus, pdu: int, key: _Key, number: int, flags: int, start: int, end: int, anomalies: Anomalies) -> bool:
        """A fragment to those before it; True when the message is whole."""
        known = self.joined.get(key)
        if known is None:
            if number:
                anomalies.add(pdus, pdu, self.layer, Anomaly.FRAGMENT_LOST, 76, 0, number)
                return False
            if len(self.joined) >= self.most:
                self._drop(next(iter(self.joined)))
            self.given += 1
            known = self.joined[key] = self.given, 0, int(pdus.flow[pdu])
        parts, following, flow = known
        if number < following:
            return False  # once more
        if number > following:
            anomalies.add(pdus, pdu, self.layer, Anomaly.FRAGMENT_LOST, 76, following, number)
            self._drop(key)
            return False
        size = self.parts.size(parts)
        if not self.parts.add(parts, pdus.octets, start + spec.HEADER, end):
            anomalies.add(pdus, pdu, self.layer, Anomaly.FRAGMENTS_TOO_LARGE, 76, self.limit, size + end - start)
            self._drop(key)
            return False
        self.joined[key] = parts, number + 1, flow
        return bool(flags & spec.LAST_FRAGMENT)

    def _reader(self, interface: bytes) -> int:
        known = self._known.get(interface)
        if known is None:
            known = next((reader for reader, ride in self.rides if ride is not None and ride.endpoint(interface)), 0)
            if len(self._known) < self.most:
                self._known[interface] = known
        return known

    def _call(self, pdus: Pdus, pdu: int, head: bytes, little: bool, start: int, end: int, operations: Operations) -> None:
        interface = UUID(bytes_le=head[24:40]) if little else UUID(bytes=head[24:40])
        reader = self._reader(interface.bytes)
        if reader:
            table = self.riders[reader]
            row = table.new_row()
            for name in ("packet", "timestamp_ns", "frame", "flow", "direction", "source", "destination", "flags"):
                getattr(table, name)[row] = getattr(pdus, name)[pdu]
            table.start[row], table.end[row], table.framing[row] = start, end, 0
            return
        area = next((number for number, (_, known) in spec.INTERFACES.items() if known == interface), -1)
        order = "little" if little else "big"
        opnum = int.from_bytes(head[68:70], order)  # type: ignore[arg-type]
        role = Role.REQUEST if head[1] == spec.REQUEST else Role.RESPONSE
        row = operations.add(pdus, pdu, role, self.protocol, opnum, spec.action_of(area))
        operations.area[row] = area
        operations.transaction[row] = int.from_bytes(head[64:68], order)  # type: ignore[arg-type]
        operations.status[row] = spec.FAILED if head[1] in (spec.FAULT, spec.REJECT) else 0
