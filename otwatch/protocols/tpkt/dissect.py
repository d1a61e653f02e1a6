# cython: boundscheck=True, wraparound=False, cdivision=True, nonecheck=True
"""The carrier: TPKT packets and COTP, their fragments joined, to whole messages of the protocol that rides on them.

Its output is again a table of PDUs for each rider (`riders`): what recognises its messages is said by the rider (`Ride`), by first byte. Rows
it makes only of connects, disconnects and errors of COTP, which are of no rider's own making.
"""

from __future__ import annotations

from typing import Any

import cython

from otwatch.limits import Limits
from otwatch.protocols.kit.cotp import MESSAGE
from otwatch.protocols.kit.parts import Parts
from otwatch.protocols.spec import Fact, ProtocolSpec
from otwatch.protocols.tpkt.cotp import control
from otwatch.protocols.tpkt.opening import keep, read
from otwatch.protocols.tpkt.spec import Anomaly
from otwatch.tables import Anomalies, Octets, Operations, Pdus
from otwatch.vocabulary import FIRST_PROTOCOL_LAYER, PduFlag

_LENGTH = cython.declare(cython.int, Anomaly.LENGTH)
_COTP_HEADER = cython.declare(cython.int, Anomaly.COTP_HEADER)
_COTP_FRAGMENT = cython.declare(cython.int, Anomaly.COTP_FRAGMENT)
_UNKNOWN_RIDER = cython.declare(cython.int, Anomaly.UNKNOWN_RIDER)
_AFTER_GAP = cython.declare(cython.int, PduFlag.AFTER_GAP)
_UNHEARD = cython.declare(cython.int, PduFlag.UNHEARD)
_CUT = cython.declare(cython.int, PduFlag.CUT)
_CONFLICT = cython.declare(cython.int, PduFlag.CONFLICT)
_ENDED = cython.declare(cython.int, PduFlag.ENDED)
_MESSAGE = cython.declare(cython.int, MESSAGE)
_HEAD = cython.declare(cython.Py_ssize_t, 512)  # bytes of a message by which it is recognised


class Carried:
    """What is remembered of a flow."""

    def __init__(self) -> None:
        self.rider = 0  # id of the protocol that rides, 0 unknown
        self.unit = -1  # that the called TSAP names
        self.opening: Any = None  # connects that wait for what follows to be told as of it
        self.reference = -1  # of the caller, in a connect that waits for its confirm
        self.frame = -1
        self.time_ns = 0
        self.asked_by = 0  # the direction of that connect
        self.held = 0
        self.flags_0 = 0  # of packets whose message is not whole yet: what went unseen before them
        self.flags_1 = 0
        self.called = b""  # the TSAP of the connect that holds
        self.joined = False  # confirmed, or data have been carried: a further connect is a claim, no more, until it is confirmed
        self.claimed: tuple[bytes, int, int, int] | None = None  # the TPDU of such a connect, its frame, time and direction
        self.skip_0 = 0  # the rest of a fragmented message of that direction is not looked at
        self.skip_1 = 0


class TpktDissector:
    """The dissector of TPKT. Never raises on any bytes; state per flow until `forget`."""

    def __init__(self, protocol: cython.int, limits: Limits, riders: list[tuple[int, int, ProtocolSpec]]) -> None:
        """`riders`: (id, id of the protocol whose dissector reads it, spec) of those that ride on TPKT."""
        self.protocol = protocol
        self.layer = FIRST_PROTOCOL_LAYER + protocol
        self.parts = Parts(limits.application_fragment_bytes, limits.stream_pending_total_bytes)
        self.held = 0
        self.held_limit = limits.stream_pending_total_bytes
        self.rides = {number: spec.ride for number, _, spec in riders}
        self.read_by = {number: reader for number, reader, _ in riders}
        self.usual = riders[0][0] if riders else protocol  # what a connect is told as of that names nothing, and that no data follow
        for number, _, spec in riders:
            if spec.ride.usual:
                self.usual = number
        self.riders: dict[int, Pdus] = {reader: Pdus(Octets(1), 256) for _, reader, _ in riders}
        self.first = [[number for number, _, spec in riders if byte in spec.ride.first_bytes] for byte in range(256)]
        self.flows: list[Carried | None] = []
        self.operations = Operations(1)
        self.anomalies = Anomalies(1)

    def feed(self, pdus: Pdus, operations: Operations, anomalies: Anomalies, _facts: list[Fact]) -> None:
        """Fills the tables of the riders, in PDU order."""
        i: cython.Py_ssize_t
        self.operations = operations
        self.anomalies = anomalies
        for table in self.riders.values():
            table.clear()
            table.octets = pdus.octets
            table.packets = pdus.packets
        for i in range(pdus.rows):
            self.packet(pdus, i)

    def forget(self, flow: int) -> int:
        """The flow is over. No request waits here."""
        if 0 <= flow < len(self.flows):
            carried = self.flows[flow]
            if carried is not None:
                self.held -= carried.held
                self.parts.forget(2 * flow)
                self.parts.forget(2 * flow + 1)
                self.parts.forget(-2 - 2 * flow)
                self.parts.forget(-3 - 2 * flow)
                self.flows[flow] = None
        return 0

    def carried(self, flow: cython.int) -> Carried:
        """The state of a flow, made when it is first asked for; a PDU without flow gets one that is thrown away."""
        if flow < 0:
            return Carried()
        if flow >= len(self.flows):
            self.flows.extend([None] * (flow + 1 - len(self.flows)))
        found = self.flows[flow]
        if found is None:
            found = self.flows[flow] = Carried()
        return found

    def report(self, pdus: Pdus, pdu: cython.Py_ssize_t, kind: cython.int, offset: cython.int, needed: cython.longlong,
               had: cython.longlong) -> None:
        """A row of anomalies."""
        self.anomalies.add(pdus, pdu, self.layer, kind, offset, needed, had)

    def hold(self, carried: Carried, size: cython.Py_ssize_t) -> cython.bint:
        """May the flow keep `size` more bytes (fewer, where below 0)? The cap is over all flows."""
        if self.held + size > self.held_limit:
            return False
        self.held += size
        carried.held += size
        return True

    def named(self, tsap: bytes) -> int:
        """Which rider a called TSAP tells, 0 where it does not."""
        for number, ride in self.rides.items():
            if ride.endpoint(tsap):
                return number
        return 0

    def unit(self, rider: int, tsap: bytes) -> int:
        """The unit that a called TSAP names."""
        ride = self.rides.get(rider)
        return int(ride.unit(tsap)) if ride is not None and ride.endpoint(tsap) else -1

    def value_of(self, rider: int) -> tuple[int, bool]:
        """The value kind of connects of a rider, and whether the value is the whole variable part or the called TSAP."""
        ride = self.rides.get(rider)
        return (ride.value_kind, ride.whole_value) if ride is not None else (0, False)

    def packet(self, pdus: Pdus, pdu: cython.Py_ssize_t) -> cython.int:
        """One TPKT packet: version 3, zero, length; then COTP: header length, type."""
        start: cython.Py_ssize_t = pdus.start[pdu]
        end: cython.Py_ssize_t = pdus.end[pdu]
        flags: cython.int = pdus.flags[pdu]
        flow: cython.int = pdus.flow[pdu]
        direction: cython.int = pdus.direction[pdu] & 1
        cut: cython.bint = flags & _CUT != 0
        carried: Carried = self.carried(flow)
        octets: Octets = pdus.octets
        if flags & _ENDED:
            if carried.opening is not None:
                read(self, carried, pdus, pdu, 0)
            for table in self.riders.values():
                self.row(table, pdus, pdu, start, end, _MESSAGE, flags)
            return 0
        if direction:
            carried.flags_1 |= flags & (_AFTER_GAP | _UNHEARD)
        else:
            carried.flags_0 |= flags & (_AFTER_GAP | _UNHEARD)
        if flags & _AFTER_GAP:  # a message that was being joined cannot be whole
            if self.parts.size(2 * flow + direction):
                self.report(pdus, pdu, _COTP_FRAGMENT, 0, 0, self.parts.drop(2 * flow + direction))
            self.skip(carried, direction, 0)
        if end - start < 7:
            if not cut:
                self.report(pdus, pdu, _LENGTH, 0, 7, end - start)
            return 0
        length: cython.Py_ssize_t = octets.data[start + 2] << 8 | octets.data[start + 3]
        if length != end - start and not cut:
            self.report(pdus, pdu, _LENGTH, 2, length, end - start)
            end = min(end, start + length)
        at: cython.Py_ssize_t = start + 5 + octets.data[start + 4]
        kind: cython.int = octets.data[start + 5]
        if at > end:
            if not cut:
                self.report(pdus, pdu, _COTP_HEADER, 4, at - start, end - start)
            return 0
        if at == start + 5:  # a header without even a type
            if not cut:
                self.report(pdus, pdu, _COTP_HEADER, 4, 1, 0)
            return 0
        if kind not in {240, 241}:
            if not keep(self, carried, pdus, pdu, start, at):
                control(self, carried, pdus, pdu, start, at)
            return 0
        if at - start < 7:
            self.report(pdus, pdu, _COTP_HEADER, 4, 2, at - start - 5)
            return 0
        # Classes 0 and 1 have the end mark in the third byte, classes 2 to 4 after a reference (ISO 8073 section 13.7).
        whole: cython.bint = octets.data[start + 8 if at - start >= 9 else start + 6] & 0x80 != 0
        return self.message_or_part(carried, pdus, pdu, at, end, whole, cut)

    def message_or_part(self, carried: Carried, pdus: Pdus, pdu: cython.Py_ssize_t, at: cython.Py_ssize_t, end: cython.Py_ssize_t,
                        whole: cython.bint, cut: cython.bint) -> cython.int:
        """Joins what COTP cut: parts without end mark are kept per direction, the one with it completes the message."""
        direction: cython.int = pdus.direction[pdu] & 1
        key: cython.longlong = 2 * pdus.flow[pdu] + direction
        size: cython.Py_ssize_t
        if pdus.flags[pdu] & _CONFLICT:
            key = -2 - key  # of another reading of the stream
        if (carried.skip_1 if direction else carried.skip_0):
            self.skip(carried, direction, 0 if whole else 1)
            return 0
        if whole and self.parts.size(key) == 0:
            return self.message(carried, pdus, pdu, at, end)
        size = self.parts.size(key)
        if not self.parts.add(key, pdus.octets, at, end):
            self.report(pdus, pdu, _COTP_FRAGMENT, at - pdus.start[pdu], self.parts.limit, size + end - at)
            self.skip(carried, direction, 0 if whole else 1)
            return 0
        if not whole and not cut:
            return 0
        if not whole:
            self.skip(carried, direction, 1)
        size = self.parts.size(key)
        if size == 0:
            return 0
        at = self.parts.take(key, pdus.octets)
        return self.message(carried, pdus, pdu, at, at + size)

    def skip(self, carried: Carried, direction: cython.int, value: cython.int) -> cython.int:
        """The rest of a message of this direction is passed over until its end mark."""
        if direction:
            carried.skip_1 = value
        else:
            carried.skip_0 = value
        return 0

    def message(self, carried: Carried, pdus: Pdus, pdu: cython.Py_ssize_t, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.int:
        """A whole message, told apart by its first byte and what the riders say of it."""
        direction: cython.int = pdus.direction[pdu] & 1
        flags: cython.int
        first: cython.int
        rider: cython.int = 0
        ride: Any
        if at >= end:  # an empty DT: some controllers acknowledge with it
            return 0
        first = pdus.octets.data[at]
        for number in self.first[first]:
            ride = self.rides[number]
            if ride.recognise is None or ride.recognise(pdus.octets.tobytes(at, min(end, at + _HEAD)), end - at, pdus.flags[pdu] & _CUT != 0):
                rider = number
                break
        if rider == 0:
            self.report(pdus, pdu, _UNKNOWN_RIDER, max(0, at - pdus.start[pdu]) if at < pdus.end[pdu] else 0, 0x32, first)
            return 0
        if carried.opening is not None:
            read(self, carried, pdus, pdu, rider)
        carried.rider = rider
        carried.joined = True
        flags = pdus.flags[pdu] | (carried.flags_1 if direction else carried.flags_0)
        if direction:
            carried.flags_1 = 0
        else:
            carried.flags_0 = 0
        self.row(self.riders[self.read_by[rider]], pdus, pdu, at, end, _MESSAGE, flags)
        return 0

    def hand_on(self, rider: int, pdus: Pdus, pdu: int, start: int, end: int, framing: int, flags: int) -> None:
        """A TPDU without data, to the rider, if the rider reads for itself."""
        if self.read_by.get(rider) == rider:
            self.row(self.riders[rider], pdus, pdu, start, end, framing, flags)

    def row(self, table: Pdus, pdus: Pdus, pdu: cython.Py_ssize_t, start: cython.Py_ssize_t, end: cython.Py_ssize_t, framing: cython.int,
            flags: cython.int) -> cython.int:
        """A PDU of a rider."""
        row: cython.Py_ssize_t = table.new_row()
        table.packet[row] = pdus.packet[pdu]
        table.timestamp_ns[row] = pdus.timestamp_ns[pdu]
        table.frame[row] = pdus.frame[pdu]
        table.flow[row] = pdus.flow[pdu]
        table.direction[row] = pdus.direction[pdu]
        table.source[row] = pdus.source[pdu]
        table.destination[row] = pdus.destination[pdu]
        table.start[row] = start
        table.end[row] = end
        table.framing[row] = framing
        table.flags[row] = flags
        return 0
