# cython: boundscheck=True, wraparound=False, cdivision=True
"""The carrier: EtherNet/IP messages and their items, to CIP messages and I/O data for the protocol that rides on them.

What it hands on (`pdus.framing` of the rider's table): UNCONNECTED messages (`channel` the session, `reference` the sender context), CONNECTED ones
(`channel` the connection id, `reference` the sequence count), IO data (connection id, sequence number), and REFUSED where the encapsulation itself
refused what was sent (no bytes; `reference` the sender context, `channel` the status). Rows of its own it makes of sessions and lists.
"""

from __future__ import annotations

import cython
import numpy as np

from otwatch.actions import Role
from otwatch.limits import Limits
from otwatch.protocols.enip import spec
from otwatch.protocols.enip.facts import identity_facts
from otwatch.protocols.enip.spec import Anomaly
from otwatch.protocols.kit.cip import CONNECTED, IO, REFUSED, UNCONNECTED
from otwatch.protocols.kit.paired import Paired
from otwatch.protocols.kit.pairing import Pairing
from otwatch.protocols.spec import Fact, ProtocolSpec
from otwatch.tables import Anomalies, Octets, Operations, Pdus
from otwatch.vocabulary import PduFlag

_REQUEST = cython.declare(cython.int, Role.REQUEST)
_RESPONSE = cython.declare(cython.int, Role.RESPONSE)
_AFTER_GAP = cython.declare(cython.int, PduFlag.AFTER_GAP)
_UNHEARD = cython.declare(cython.int, PduFlag.UNHEARD)
_CUT = cython.declare(cython.int, PduFlag.CUT)
_CONFLICT = cython.declare(cython.int, PduFlag.CONFLICT)
_DATAGRAM = cython.declare(cython.int, PduFlag.DATAGRAM)
_IO_FRAMING = cython.declare(cython.int, spec.IO)
_HEADER = cython.declare(cython.int, spec.HEADER)
_IDENTITY_ITEM = cython.declare(cython.int, spec.IDENTITY_ITEM)
_UNCONNECTED = cython.declare(cython.int, UNCONNECTED)
_CONNECTED = cython.declare(cython.int, CONNECTED)
_IO = cython.declare(cython.int, IO)
_REFUSED = cython.declare(cython.int, REFUSED)
_VALUE_IDENTITY = cython.declare(cython.int, spec.VALUE_IDENTITY)
_VALUE_SERVICES = cython.declare(cython.int, spec.VALUE_SERVICES)
_CONTEXT = cython.declare(cython.longlong, 0x3FFF_FFFF_FFFF_FFFF)

_TRUNCATED = cython.declare(cython.int, Anomaly.TRUNCATED)
_UNKNOWN_COMMAND = cython.declare(cython.int, Anomaly.UNKNOWN_COMMAND)
_ITEM_LENGTH = cython.declare(cython.int, Anomaly.ITEM_LENGTH)
_UNKNOWN_ITEM = cython.declare(cython.int, Anomaly.UNKNOWN_ITEM)
_TRAILING = cython.declare(cython.int, Anomaly.TRAILING_BYTES)
_UNKNOWN_SESSION = cython.declare(cython.int, Anomaly.UNKNOWN_SESSION)
_ITEM_MISSING = cython.declare(cython.int, Anomaly.ITEM_MISSING)
_INTERFACE = cython.declare(cython.int, Anomaly.INTERFACE)
_UNASKED = cython.declare(cython.int, Anomaly.UNASKED_RESPONSE)

# Bits of `seen`, one byte per flow.
_LOST = cython.declare(cython.int, 1)  # requests may have gone unseen
_STRANGE = cython.declare(cython.int, 2)  # data in another session were reported
_MOST_TOLD = cython.declare(cython.int, 65_536)
_MOST_ITEMS = cython.declare(cython.int, 16)


class EnipDissector(Paired):
    """The dissector of EtherNet/IP. Never raises on any bytes; state per flow until `forget`."""

    def __init__(self, protocol: int, limits: Limits, riders: list[tuple[int, int, ProtocolSpec]]) -> None:
        """`riders`: (id, id of the protocol whose dissector reads it, spec) of those that ride here: CIP is the only one that can."""
        Paired.__init__(self, protocol, limits, (("session", np.int64, 1, -1),))
        self.riders = {reader: Pdus(Octets(1), 256) for _, reader, _ in riders}
        self.carried = next(iter(self.riders.values()), Pdus(Octets(1), 1))
        self.told = {}

    def feed(self, pdus: Pdus, operations: Operations, anomalies: Anomalies, facts: list[Fact]) -> object:
        """Fills the table of the rider, in PDU order."""
        pdu: cython.Py_ssize_t
        flow: cython.Py_ssize_t
        table: Pdus
        for table in self.riders.values():
            table.clear()
            table.octets = pdus.octets
            table.packets = pdus.packets
        self.start_batch(pdus, operations, anomalies, facts)
        for pdu in range(pdus.rows):
            flow = self.slot(pdus, pdu)
            self.pdu = pdu
            if pdus.framing[pdu] == _IO_FRAMING:
                self._items(pdu, pdus.start[pdu], pdus.start[pdu], pdus.end[pdu], -1, -1)
                continue
            if pdus.flags[pdu] & (_AFTER_GAP | _UNHEARD):
                self.seen[flow] |= _LOST
            self._message(pdu, flow)
        return None

    def _u16(self, at: cython.Py_ssize_t) -> cython.int:
        return self.data[at] | self.data[at + 1] << 8

    def _u32(self, at: cython.Py_ssize_t) -> cython.Py_ssize_t:
        high: cython.Py_ssize_t = self.data[at + 3]
        return self.data[at] | self.data[at + 1] << 8 | self.data[at + 2] << 16 | high << 24

    def _context(self, at: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """The eight bytes of a sender context as a number that is not negative."""
        return (self._u32(at) | self._u32(at + 4) << 32) & _CONTEXT

    def _message(self, pdu: cython.Py_ssize_t, flow: cython.Py_ssize_t) -> object:
        """One encapsulation message."""
        at: cython.Py_ssize_t = self.pdus.start[pdu]
        end: cython.Py_ssize_t = self.pdus.end[pdu]
        command: cython.int
        if end - at < _HEADER:
            self.report_sent(_TRUNCATED, 0, _HEADER, end - at)
            return None
        command = self._u16(at)
        if command in (0x6F, 0x70):
            return self._carries(pdu, flow, at, end)
        return self._command(pdu, flow, at, end, command)

    def _carries(self, pdu: cython.Py_ssize_t, flow: cython.Py_ssize_t, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> object:
        """SendRRData and SendUnitData: an interface, a timeout, then items (2-4.7, 2-4.8)."""
        session: cython.Py_ssize_t = self._u32(at + 4)
        status: cython.Py_ssize_t = self._u32(at + 8)
        if self.session[flow] >= 0 and session != self.session[flow] and self.seen[flow] & _STRANGE == 0 and self.pdus.flags[pdu] & _CONFLICT == 0:
            self.seen[flow] |= _STRANGE
            self.report_sent(_UNKNOWN_SESSION, 4, self.session[flow], session)
        if end - at < _HEADER + 8:
            if status:
                self._hand_on(pdu, end, end, _REFUSED, status, self._context(at + 12))
            else:
                self.report_sent(_TRUNCATED, end - at, _HEADER + 8, end - at)
            return None
        if self._u32(at + 24):
            self.report_sent(_INTERFACE, 24, 0, self._u32(at + 24))
            return None
        self._items(pdu, at, at + 30, end, session, self._context(at + 12))
        return None

    def _items(self, pdu: cython.Py_ssize_t, start: cython.Py_ssize_t, at: cython.Py_ssize_t, end: cython.Py_ssize_t, session: cython.Py_ssize_t,
               context: cython.Py_ssize_t) -> object:
        """The common packet format (2-6): a count, then items of type, length and data. session -1: connected data in a datagram of its own."""
        count: cython.int
        kind: cython.int
        length: cython.int
        channel: cython.longlong = -1
        reference: cython.longlong = -1
        carried: cython.bint = False
        count = self._u16(at)
        at += 2
        for _ in range(min(count, _MOST_ITEMS)):
            if at + 4 > end:
                self.report_sent(_ITEM_LENGTH, at - start, 4, end - at)
                return None
            kind = self._u16(at)
            length = self._u16(at + 2)
            at += 4
            if at + length > end:
                self.report_sent(_ITEM_LENGTH, at - 2 - start, length, end - at)
                length = cython.cast(cython.int, end - at)
            if kind == 0xA1 and length >= 4:
                channel = self._u32(at)
            elif kind == 0x8002 and length >= 8:
                channel = self._u32(at)
                reference = self._u32(at + 4)
            elif kind == 0xB2:
                if length:
                    self._hand_on(pdu, at, at + length, _UNCONNECTED, session, context)
                carried = True
            elif kind == 0xB1:
                carried = True
                if channel < 0:
                    self.report_sent(_ITEM_MISSING, at - start, 0xA1, 0)
                if session < 0:
                    self._hand_on(pdu, at, at + length, _IO, channel, reference)
                elif length >= 2:
                    self._hand_on(pdu, at + 2, at + length, _CONNECTED, channel, self._u16(at))
                else:
                    self.report_sent(_ITEM_LENGTH, at - 2 - start, 2, length)
            elif kind not in (0x00, 0x8000, 0x8001, 0x86):
                self.report_sent(_ITEM_LENGTH if kind in (0xA1, 0x8002) else _UNKNOWN_ITEM, at - 4 - start, -1, kind)
            at += length
        if not carried:
            self.report_sent(_ITEM_MISSING, at - start, 0xB2, 0)
        if at < end:
            self.report_sent(_TRAILING, at - start, 0, end - at)
        return None

    def _hand_on(self, pdu: cython.Py_ssize_t, start: cython.Py_ssize_t, end: cython.Py_ssize_t, kind: cython.int, channel: cython.longlong,
                 reference: cython.longlong) -> object:
        """A message to the rider."""
        pdus: Pdus = self.pdus
        table: Pdus = self.carried
        row: cython.Py_ssize_t
        row = table.new_row()
        table.packet[row] = pdus.packet[pdu]
        table.timestamp_ns[row] = pdus.timestamp_ns[pdu]
        table.frame[row] = pdus.frame[pdu]
        table.flow[row] = pdus.flow[pdu]
        table.direction[row] = pdus.direction[pdu]
        table.source[row] = pdus.source[pdu]
        table.destination[row] = pdus.destination[pdu]
        table.start[row] = start
        table.end[row] = end
        table.framing[row] = kind
        table.flags[row] = pdus.flags[pdu]
        table.channel[row] = channel
        table.reference[row] = reference
        return None

    def _command(self, pdu: cython.Py_ssize_t, flow: cython.Py_ssize_t, at: cython.Py_ssize_t, end: cython.Py_ssize_t, command: cython.int) -> object:
        """Sessions and lists. Which side it is: a request to list has no data, one to register no session yet."""
        pdus: Pdus = self.pdus
        session: cython.Py_ssize_t = self._u32(at + 4)
        status: cython.Py_ssize_t = self._u32(at + 8)
        context: cython.int = cython.cast(cython.int, self._context(at + 12) & 0x7FFFFFFF)
        role: cython.int = _RESPONSE if pdus.direction[pdu] & 1 else _REQUEST
        row: cython.Py_ssize_t
        known = spec.COMMANDS.get(command)
        if known is None:
            self.report_sent(_UNKNOWN_COMMAND, 0, -1, command)
        if command in (0x01, 0x04, 0x63, 0x64):
            role = _REQUEST if end - at == _HEADER and status == 0 else _RESPONSE
        elif command == 0x65:
            role = _REQUEST if session == 0 and status == 0 and self.pairing.first[2 * flow + 1 - (pdus.direction[pdu] & 1)] < 0 else _RESPONSE
            if end - at < _HEADER + 4 and status == 0:
                self.report_sent(_TRUNCATED, end - at, _HEADER + 4, end - at)
        elif command in (0x00, 0x66):
            role = _REQUEST
        if pdus.flags[pdu] & _CONFLICT == 0:
            if command == 0x65 and role == _RESPONSE and status == 0:
                self.session[flow] = session
                self.seen[flow] &= ~_STRANGE
            elif command == 0x66:
                self.session[flow] = -1
        row = self.operations.add(pdus, pdu, role, self.protocol, command, int(known[1]) if known is not None else 0)
        self.operations.status[row] = cython.cast(cython.int, status)
        self.operations.transaction[row] = context
        if role == _RESPONSE and command in (0x04, 0x63, 0x64) and status == 0:
            self._listed(pdu, row, at, end)
        if command not in (0x00, 0x66):
            self._pair(pdu, flow, row, command, context, role)
        return None

    def _pair(self, pdu: cython.Py_ssize_t, flow: cython.Py_ssize_t, row: cython.Py_ssize_t, command: cython.int, context: cython.int,
              role: cython.int) -> object:
        """A request waits for the response with its context; the answer to a broadcast comes in a conversation of its own."""
        pairing: Pairing = self.pairing
        direction: cython.int = self.pdus.direction[pdu] & 1
        queue: cython.Py_ssize_t = 2 * flow + direction
        entry: cython.int
        if self.pdus.flags[pdu] & _CONFLICT:
            return None
        if role == _REQUEST:
            if pairing.waiting[queue] >= self.limit:
                pairing.drop_oldest(queue)
            entry = pairing.ask(queue, 0)
            pairing.transaction[entry] = context
            pairing.unit[entry] = 0
            pairing.function[entry] = command
            pairing.frame[entry] = self.pdus.frame[pdu]
            pairing.timestamp_ns[entry] = self.pdus.timestamp_ns[pdu]
            return None
        queue = 2 * flow + 1 - direction
        entry = pairing.find(queue, context, 0, command, False) if pairing.first[queue] >= 0 else -1
        if entry < 0 or pairing.function[entry] != command:
            if self.pdus.flags[pdu] & _DATAGRAM == 0 and self.seen[flow] & _LOST == 0 and pairing.first[queue] >= 0:
                self.report_sent(_UNASKED, -1, command, context)
            return None
        self.answers(self.operations, row, entry)
        pairing.free_run(pairing.take(queue, entry))
        return None

    def _listed(self, pdu: cython.Py_ssize_t, row: cython.Py_ssize_t, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> object:
        """The items of an answer to a list command; an identity becomes facts."""
        start: cython.Py_ssize_t = at
        count: cython.int
        item: cython.int
        length: cython.int
        at += _HEADER
        if end - at < 2:
            self.report_sent(_TRUNCATED, at - start, 2, end - at)
            return None
        count = self._u16(at)
        at += 2
        self.operations.count[row] = count
        for item in range(min(count, _MOST_ITEMS)):
            if at + 4 > end:
                self.report_sent(_ITEM_LENGTH, at - start, 4, end - at)
                return None
            length = self._u16(at + 2)
            if at + 4 + length > end or (length == 0 and self._u16(at) == _IDENTITY_ITEM):  # some devices leave the length 0
                if length:
                    self.report_sent(_ITEM_LENGTH, at + 2 - start, length, end - at - 4)
                length = cython.cast(cython.int, end - at - 4)
            if self._u16(at) in (_IDENTITY_ITEM, 0x100) and item == 0:
                self.operations.value_kind[row] = _VALUE_IDENTITY if self._u16(at) == _IDENTITY_ITEM else _VALUE_SERVICES
                self.operations.value_at[row] = at + 4
                self.operations.value_length[row] = length
            if self._u16(at) == _IDENTITY_ITEM:
                octets = self.pdus.octets.tobytes(at + 4, at + 4 + length)
                if self.told.get(self.pdus.source[pdu]) != octets:
                    if len(self.told) >= _MOST_TOLD:
                        self.told.clear()
                    self.told[self.pdus.source[pdu]] = octets
                    identity_facts(self.facts, self.pdus, pdu, octets)
            at += 4 + length
        if at < end:
            self.report_sent(_TRAILING, at - start, 0, end - at)
        return None

    def forget(self, flow: cython.Py_ssize_t) -> cython.int:
        """The flow is over; returns how many requests stayed unanswered."""
        if 0 <= flow < self.flows:
            self.session[flow] = -1
        return self.forget_requests(flow)
