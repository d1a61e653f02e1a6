# cython: boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
"""BACnet/IP datagrams of a batch -> rows of operations, facts and anomalies, responses paired with their requests by invoke id.

A confirmed request is a request; acks, errors, rejects and aborts are its response and take their objects from it where they name none. Of
unconfirmed services, those that ask or command are requests; what a device announces (I-Am, COV, events) is an event. What the services' parameters
are is in `services`. Offsets in anomalies count from the first octet of the datagram.
"""

from __future__ import annotations

import cython

from otwatch.actions import Role
from otwatch.limits import Limits
from otwatch.protocols.bacnet import spec
from otwatch.protocols.bacnet.segments import Segments
from otwatch.protocols.bacnet.services import Message
from otwatch.protocols.bacnet.spec import Anomaly
from otwatch.protocols.kit.early import Early, Held
from otwatch.protocols.kit.paired import Paired
from otwatch.protocols.kit.pairing import EXACT, Pairing
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus
from otwatch.vocabulary import PduFlag

_REQUEST = cython.declare(cython.int, Role.REQUEST)
_RESPONSE = cython.declare(cython.int, Role.RESPONSE)
_EVENT = cython.declare(cython.int, Role.EVENT)
_AFTER_GAP = cython.declare(cython.int, PduFlag.AFTER_GAP)
_CONFLICT = cython.declare(cython.int, PduFlag.CONFLICT)
_CUT = cython.declare(cython.int, PduFlag.CUT)
_UNHEARD = cython.declare(cython.int, PduFlag.UNHEARD)
_ENDED = cython.declare(cython.int, PduFlag.ENDED)
_EXACT = cython.declare(cython.int, EXACT)
_UNCONFIRMED = cython.declare(cython.int, spec.UNCONFIRMED)
_NETWORK = cython.declare(cython.int, spec.NETWORK)
_BVLC = cython.declare(cython.int, spec.BVLC)
_REJECTED = cython.declare(cython.int, spec.REJECTED)
_ABORTED = cython.declare(cython.int, spec.ABORTED)
_FAILED = cython.declare(cython.int, spec.FAILED)
_GLOBAL = cython.declare(cython.longlong, 0xFFFF)
_ALL_THERE = cython.declare(cython.longlong, 0xFFFFFFFF)

_TRUNCATED = cython.declare(cython.int, Anomaly.TRUNCATED)
_LENGTH = cython.declare(cython.int, Anomaly.LENGTH)
_VERSION = cython.declare(cython.int, Anomaly.VERSION)
_UNKNOWN_SERVICE = cython.declare(cython.int, Anomaly.UNKNOWN_SERVICE)
_UNKNOWN_FUNCTION = cython.declare(cython.int, Anomaly.UNKNOWN_FUNCTION)
_UNASKED = cython.declare(cython.int, Anomaly.UNASKED_RESPONSE)
_CONFLICTING = cython.declare(cython.int, Anomaly.CONFLICTING_RESPONSE)
_SEGMENTS_LOST = cython.declare(cython.int, Anomaly.SEGMENTS_LOST)
_REQUEST_FLOOD = cython.declare(cython.int, Anomaly.REQUEST_FLOOD)

# Bits of `seen`, one byte per flow.
_ASKED_0 = cython.declare(cython.int, 1)  # direction 0 sent confirmed requests; direction 1 is the next bit
_ANSWERED_0 = cython.declare(cython.int, 4)  # direction 0 answered some
_FLOODED = cython.declare(cython.int, 16)
_LOST = cython.declare(cython.int, 32)


class BacnetDissector(Paired):
    """State per flow slot: the requests that wait (pairing), what was seen, and messages of which segments are missing."""

    def __init__(self, protocol: int, limits: Limits) -> None:
        Paired.__init__(self, protocol, limits)
        self.m = Message(protocol, limits.items_per_pdu)
        self.segments = Segments(limits.application_fragment_bytes)
        self.early = Early(limits)
        self.reported = 0  # anomalies before the PDU at hand
        self.may_wait = False  # the PDU at hand is a whole message, and was not held before
        self.unasked = False  # the response at hand was held, and when it came nobody had asked yet

    def feed(self, pdus: Pdus, operations: Operations, anomalies: Anomalies, facts: list[Fact]) -> object:
        """Appends the rows of a batch in PDU order."""
        early: Early = self.early
        pdu: cython.Py_ssize_t
        self.m.start_batch(pdus, operations, anomalies, facts)
        for pdu in range(pdus.rows):
            if early.deadline_ns <= pdus.timestamp_ns[pdu]:
                for held in early.due(pdus.timestamp_ns[pdu]):
                    self._late(held, pdus, pdu)
            if pdus.flags[pdu] & _ENDED == 0:
                self._message(pdus, pdu, True)
            if early.held_count > 0:
                self._came(pdus, pdu)
        return None

    def _message(self, pdus: Pdus, pdu: cython.Py_ssize_t, may_wait: cython.bint) -> object:
        """One datagram."""
        m: Message = self.m
        flow: cython.Py_ssize_t = self.slot(pdus, pdu)
        if pdus.flags[pdu] & (_AFTER_GAP | _UNHEARD):
            self.seen[flow] |= _LOST
        self.reported = m.anomalies.rows
        self.may_wait = may_wait
        m.open(pdu)
        return self._bvlc(flow)

    def _late(self, held: Held, pdus: Pdus, pdu: cython.Py_ssize_t) -> object:
        """Reads a response that was held, behind PDU `pdu` of the batch."""
        m: Message = self.m
        one: Pdus = self.early.again(held, pdus, pdu)
        m.start_batch(one, m.operations, m.anomalies, m.facts)
        self.unasked = held.extra[3]
        self._message(one, 0, False)
        self.unasked = False
        m.start_batch(pdus, m.operations, m.anomalies, m.facts)
        return None

    def _came(self, pdus: Pdus, pdu: cython.Py_ssize_t) -> object:
        """Which of the responses that the flow holds have their request now. At its end all are read."""
        pairing: Pairing = self.pairing
        flow = int(pdus.flow[pdu])
        entry: cython.int
        for held in self.early.of(flow):
            if pdus.flags[pdu] & _ENDED == 0:
                invoke, unit, service, _ = held.extra
                entry = pairing.find(2 * flow + 1 - held.direction, invoke, unit, service, False)
                if entry < 0 or pairing.match != _EXACT:
                    continue
                self.early.came(held, pairing.timestamp_ns[entry])
            self.early.take(flow, held)
            self._late(held, pdus, pdu)
        return None

    def _waits(self, entry: cython.int, service: cython.int, asked: cython.bint) -> cython.bint:
        """Whether a response without a request is held, because that may yet come. What was reported of it will be then."""
        m: Message = self.m
        pdus: Pdus = m.pdus
        if entry >= 0 or not self.may_wait or not self.early.may_come(pdus.flags[m.pdu]):
            return False
        if not self.early.hold(pdus, m.pdu, pdus.start[m.pdu], pdus.end[m.pdu], (m.invoke, self._folded(m.unit), service, not asked)):
            return False
        m.anomalies.rows = self.reported
        return True

    # ---- layers

    def _bvlc(self, flow: cython.Py_ssize_t) -> object:
        """Annex J: the function, then mostly a network layer message."""
        m: Message = self.m
        function: cython.int
        length: cython.int
        action: cython.int
        if m.end - m.at < 4:
            m.truncated(4)
            return None
        function = m.data[m.at + 1]
        length = m.data[m.at + 2] << 8 | m.data[m.at + 3]
        if length != m.end - m.at and not m.cut:
            m.report(_LENGTH, 2, m.end - m.at, length)
        if function in (0x0A, 0x0B, 0x09):
            return self._network(flow, m.at + 4)
        if function == 0x04:
            m.forwarded = True
            return self._network(flow, m.at + 10)
        if function > 0x0C:
            m.report(_UNKNOWN_FUNCTION, 1, -1, function)
        action = int(spec.BVLC_FUNCTIONS[function][1]) if function in spec.BVLC_FUNCTIONS else 0
        m.unit = m.invoke = -1
        m.row(_REQUEST if function in (0x01, 0x02, 0x05, 0x06, 0x08) else _RESPONSE, _BVLC + function, action)
        return None

    def _network(self, flow: cython.Py_ssize_t, at: cython.Py_ssize_t) -> object:
        """Clause 6.2: version, control, addresses of routed messages; then a message of the network layer or an APDU."""
        m: Message = self.m
        control: cython.int
        destination: cython.longlong = -1
        source: cython.longlong = -1
        if m.end - at < 3:
            m.truncated(at - m.at + 3)
            return None
        if m.data[at] != 1:
            m.report(_VERSION, at - m.at, 1, m.data[at])
            return None
        control = m.data[at + 1]
        at += 2
        if control & 0x20:
            destination = self._address(at)
            at += 3 + (m.data[at + 2] if at + 2 < m.end else 0)
        if control & 0x08:
            source = self._address(at)
            at += 3 + (m.data[at + 2] if at + 2 < m.end else 0)
        if control & 0x20:
            at += 1  # hop count
        if at >= m.end:
            m.truncated(at - m.at + 1)
            return None
        m.unit = destination
        m.source_unit = source
        m.invoke = -1
        if control & 0x80:
            return self._network_message(at)
        return self._apdu(flow, at)

    def _address(self, at: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Network and the address there as one number; -1 of this network and of all, broadcasts on one network have all bits set."""
        m: Message = self.m
        network: cython.longlong
        address: cython.longlong = 0
        length: cython.int
        i: cython.int
        if at + 3 > m.end:
            return -1
        network = m.data[at] << 8 | m.data[at + 1]
        length = m.data[at + 2]
        if network in (0, _GLOBAL):
            return -1
        if length == 0:
            return network << 32 | _ALL_THERE
        for i in range(length):
            if at + 3 + i < m.end:
                address = (address << 8 | m.data[at + 3 + i]) & _ALL_THERE
        return network << 32 | address

    def _network_message(self, at: cython.Py_ssize_t) -> object:
        m: Message = self.m
        kind: cython.int = m.data[at]
        known = spec.NETWORK_MESSAGES.get(kind)
        if known is None:
            m.report(_UNKNOWN_FUNCTION, at - m.at, -1, kind)
        asks: cython.bint = kind in (0x00, 0x06, 0x08, 0x09, 0x12)
        m.row(_REQUEST if asks else _EVENT, _NETWORK + kind, int(known[1]) if known is not None else 0)
        return None

    # ---- what the APDUs of clause 20.1 say

    def _apdu(self, flow: cython.Py_ssize_t, at: cython.Py_ssize_t) -> object:
        m: Message = self.m
        kind: cython.int = m.data[at] >> 4
        flags: cython.int = m.data[at] & 0x0F
        fixed: cython.int = 3
        if kind == 0:
            fixed = 6 if flags & 8 else 4
        elif kind == 1:
            fixed = 2
        elif kind == 3 and flags & 8:
            fixed = 5
        elif kind == 4:
            fixed = 4
        if kind > 7:
            m.report(_UNKNOWN_FUNCTION, at - m.at, -1, kind)
            return None
        if m.end - at < fixed:
            m.truncated(at - m.at + fixed)
            return None
        if kind == 0:
            return self._confirmed(flow, at, flags)
        if kind == 1:
            return self._unconfirmed(at)
        if kind == 4:
            return None  # a segment's acknowledgement
        m.invoke = m.data[at + 1]
        m.unit = m.source_unit  # who answers
        if kind == 3 and flags & 8:
            return self._segment(flow, at + 2, 3, m.data[at + 4], at + 5, flags)
        if kind in (2, 3):
            return self._answer(flow, m.data[at + 2], 0, at + 3 if kind == 3 else -1)
        if kind == 5:
            return self._answer(flow, m.data[at + 2], m.error(at + 3), -1)
        if kind == 7 and flags & 1 == 0:
            return None  # the side that asked gives up
        return self._answer(flow, -1, (_REJECTED if kind == 6 else _ABORTED) + m.data[at + 2], -1)

    def _confirmed(self, flow: cython.Py_ssize_t, at: cython.Py_ssize_t, flags: cython.int) -> object:
        m: Message = self.m
        m.invoke = m.data[at + 2]
        if flags & 8:
            return self._segment(flow, at + 3, 0, m.data[at + 5], at + 6, flags)
        return self._request(flow, m.data[at + 3], at + 4)

    def _segment(self, flow: cython.Py_ssize_t, at: cython.Py_ssize_t, kind: cython.int, service: cython.int, data: cython.Py_ssize_t,
                 flags: cython.int) -> object:
        """A part of a message (5.2): sequence number at `at`. The whole is read when the last part has come."""
        m: Message = self.m
        direction: cython.int = m.pdus.direction[m.pdu] & 1
        unit = m.unit if kind == 0 else m.source_unit
        if m.pdus.flags[m.pdu] & _CONFLICT:
            return None
        key = (int(flow), int(direction), int(kind), int(m.invoke), int(unit))
        lost, whole = self.segments.add(key, int(m.data[at]), bytes(memoryview(m.data)[data:m.end]), not flags & 4)
        if lost:
            m.report(_SEGMENTS_LOST, at - m.at, -1, m.data[at])
        if whole is None:
            return None
        self.may_wait = False
        data = m.append(whole)
        if kind == 0:
            return self._request(flow, service, data)
        return self._answer(flow, service, 0, data)

    def _unconfirmed(self, at: cython.Py_ssize_t) -> object:
        m: Message = self.m
        service: cython.int = m.data[at + 1]
        role: cython.int = _REQUEST if service in (4, 5, 6, 7, 8, 9, 10, 13, 14) else _EVENT
        known = spec.UNCONFIRMED_SERVICES.get(service)
        if known is None:
            m.report(_UNKNOWN_SERVICE, at + 1 - m.at, -1, service)
        if role == _EVENT or m.unit < 0:
            m.unit = m.source_unit
        m.unconfirmed(role, _UNCONFIRMED + service, int(known[1]) if known is not None else 0, at + 2)
        return None

    # ---- pairing

    def _request(self, flow: cython.Py_ssize_t, service: cython.int, at: cython.Py_ssize_t) -> object:
        """Rows of a confirmed request, which wait for its response."""
        m: Message = self.m
        pairing: Pairing = self.pairing
        operations: Operations = m.operations
        direction: cython.int = m.pdus.direction[m.pdu] & 1
        queue: cython.Py_ssize_t = 2 * flow + direction
        first: cython.Py_ssize_t = operations.rows
        row: cython.Py_ssize_t
        entry: cython.int
        known = spec.CONFIRMED_SERVICES.get(service)
        if known is None:
            m.report(_UNKNOWN_SERVICE, at - 1 - m.at, -1, service)
        # what a device reports to who subscribed is an event, though it wants an answer
        m.request(_EVENT if service in (1, 2, 31, 32) else _REQUEST, service, int(known[1]) if known is not None else 0, at)
        if m.pdus.flags[m.pdu] & _CONFLICT:
            return None
        self.seen[flow] |= _ASKED_0 << direction
        if pairing.waiting[queue] >= self.limit:
            pairing.drop_oldest(queue)
            if self.seen[flow] & _FLOODED == 0 and self.seen[flow] & (_ANSWERED_0 << (1 - direction)):
                self.seen[flow] |= _FLOODED
                m.report(_REQUEST_FLOOD, -1, self.limit, self.limit + 1)
        for row in range(first, operations.rows):
            entry = pairing.ask(queue, row - first)
            pairing.transaction[entry] = m.invoke
            pairing.unit[entry] = self._folded(m.unit)
            pairing.function[entry] = service
            pairing.subfunction[entry] = operations.subfunction[row]
            pairing.area[entry] = operations.area[row]
            pairing.object[entry] = operations.object[row]
            pairing.start[entry] = operations.start[row]
            pairing.count[entry] = operations.count[row]
            pairing.action[entry] = operations.action[row]
            pairing.frame[entry] = operations.frame[row]
            pairing.timestamp_ns[entry] = operations.timestamp_ns[row]
        return None

    def _folded(self, unit: cython.longlong) -> cython.int:
        """A unit as a number of 31 bits, to compare: network and address mixed."""
        return (unit ^ unit >> 32 << 16) & 0x7FFFFFFF if unit >= 0 else -1

    def _answer(self, flow: cython.Py_ssize_t, service: cython.int, status: cython.int, at: cython.Py_ssize_t) -> object:
        """Rows of a response; `at` its parameters, -1 where it has none. service -1: a reject or abort, which names none."""
        m: Message = self.m
        pairing: Pairing = self.pairing
        operations: Operations = m.operations
        direction: cython.int = m.pdus.direction[m.pdu] & 1
        queue: cython.Py_ssize_t = 2 * flow + 1 - direction
        first: cython.Py_ssize_t = operations.rows
        digest: cython.uint = m.digest()
        entry: cython.int = pairing.find(queue, m.invoke, self._folded(m.unit), service, False) if pairing.first[queue] >= 0 else -1
        answered: cython.int
        asked: cython.bint
        row: cython.Py_ssize_t
        conflict: cython.bint = m.pdus.flags[m.pdu] & _CONFLICT != 0
        if entry >= 0 and pairing.match != _EXACT:
            entry = -1
        if entry < 0:
            answered = pairing.find_answered(queue, m.invoke, self._folded(m.unit))
            if answered >= 0 and pairing.digest[answered] == digest:
                return None  # sent twice
            asked = self.seen[flow] & (_ASKED_0 << (1 - direction)) != 0 and not self.unasked
            if self._waits(answered, service, asked):
                return None
            if answered >= 0:
                m.report(_CONFLICTING, -1, pairing.frame[answered], m.invoke)
            elif asked and self.seen[flow] & _LOST == 0 and not conflict:
                m.report(_UNASKED, -1, -1, m.invoke)
            if service >= 0:
                known = spec.CONFIRMED_SERVICES.get(service)
                m.response(_RESPONSE, service, int(known[1]) if known is not None else 0, at)
                if operations.rows == first:
                    m.row(_RESPONSE, service, int(known[1]) if known is not None else 0)
                for row in range(first, operations.rows):
                    operations.status[row] = status
            return None
        if service < 0:
            service = pairing.function[entry]
        if at >= 0:
            m.response(_RESPONSE, service, pairing.action[entry], at)
        answered = entry
        if operations.rows == first:  # it names nothing: it stands for all that was asked
            while answered >= 0:
                row = m.row(_RESPONSE, service, pairing.action[answered])
                operations.subfunction[row] = pairing.subfunction[answered]
                operations.area[row] = pairing.area[answered]
                operations.object[row] = pairing.object[answered]
                operations.start[row] = pairing.start[answered]
                operations.count[row] = pairing.count[answered]
                operations.item[row] = pairing.item[answered]
                answered = pairing.next[answered]
                if answered >= 0 and pairing.item[answered] == 0:
                    break
        for row in range(first, operations.rows):
            if status:
                operations.status[row] = status
            self.answers(operations, row, entry)
        if not conflict:
            self.seen[flow] = (self.seen[flow] | _ANSWERED_0 << direction) & ~_LOST
            pairing.keep_answered(queue, pairing.take(queue, entry), digest)
        return None

    def forget(self, flow: cython.Py_ssize_t) -> cython.int:
        """The flow is over; returns how many requests stayed unanswered."""
        for held in self.early.of(flow):
            self.early.take(flow, held)
        self.segments.forget(flow)
        return self.forget_requests(flow)
