# cython: boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
"""Modbus PDUs of a batch -> rows of operations, facts and anomalies, responses paired with their requests.

Which side of the dialogue a PDU is: its shape decides where only one fits (a read request is four bytes, a read response counts its
bytes); where both fit (the echo of a write) the side that asked so far on this flow asks again. So a flow whose client and server were
told apart wrongly, as happens when a capture starts in mid-stream, is dissected all the same.
Offsets in anomalies count from the first byte of the ADU.
"""

from __future__ import annotations

import cython
import numpy as np

from otwatch.limits import Limits
from otwatch.protocols.kit.early import Early, Held
from otwatch.protocols.kit.habits import BEGAN, HABIT, IDENTIFIER, KINDS, LENGTH, LOW, UNIT, Habits
from otwatch.protocols.kit.paired import Paired
from otwatch.protocols.kit.pairing import EXACT, OTHER_FUNCTION, OTHER_UNIT, Pairing
from otwatch.protocols.modbus import facts as facts_of
from otwatch.protocols.modbus.message import Message
from otwatch.protocols.modbus.spec import MAX_PDU_BYTES, UMAS_FUNCTION, Anomaly, Shape
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus

if not cython.compiled:  # compiled, they come from dissect.pxd
    from otwatch.protocols.modbus.requests import request
    from otwatch.protocols.modbus.responses import refusal, response

_AFTER_GAP = cython.declare(cython.int, 1)  # PduFlag
_CONFLICT = cython.declare(cython.int, 2)
_CUT = cython.declare(cython.int, 16)
_UNHEARD = cython.declare(cython.int, 32)
_DATAGRAM = cython.declare(cython.int, 8)
_ENDED = cython.declare(cython.int, 64)
_RTU = cython.declare(cython.int, 1)  # place in PROTOCOL.framings
_REQUEST = cython.declare(cython.int, 1)  # bits of what a shape fits
_RESPONSE = cython.declare(cython.int, 2)

# Bits of `seen`, one byte per flow.
_ASKED = cython.declare(cython.int, 1)
_ANSWERED = cython.declare(cython.int, 2)
_FLOODED = cython.declare(cython.int, 4)
_NOT_FLOODED = cython.declare(cython.int, 3)
_LOST = cython.declare(cython.int, 8)  # requests may have gone unseen: a response without one is no surprise until one is paired again

_NOT_LOST = cython.declare(cython.int, 7)

_SURE = cython.declare(cython.int, 2)  # orientation from which one odd shape changes nothing
_ORIENTATION_MAX = cython.declare(cython.int, 8)

_EXACT = cython.declare(cython.int, EXACT)
_OTHER_FUNCTION = cython.declare(cython.int, OTHER_FUNCTION)
_OTHER_UNIT = cython.declare(cython.int, OTHER_UNIT)
_IDENTIFIER = cython.declare(cython.int, IDENTIFIER)
_LOW = cython.declare(cython.int, LOW)
_LENGTH = cython.declare(cython.int, LENGTH)
_UNIT = cython.declare(cython.int, UNIT)
_KINDS = cython.declare(cython.int, KINDS)
_HABIT = cython.declare(cython.int, HABIT)
_BEGAN = cython.declare(cython.int, BEGAN)
_MAX_PDU = cython.declare(cython.int, MAX_PDU_BYTES)
_UMAS_CODE = cython.declare(cython.int, UMAS_FUNCTION)

_READ_BITS = cython.declare(cython.int, Shape.READ_BITS)
_READ_REGISTERS = cython.declare(cython.int, Shape.READ_REGISTERS)
_WRITE_BITS = cython.declare(cython.int, Shape.WRITE_BITS)
_WRITE_REGISTERS = cython.declare(cython.int, Shape.WRITE_REGISTERS)
_READ_WRITE = cython.declare(cython.int, Shape.READ_WRITE)
_FIFO = cython.declare(cython.int, Shape.FIFO)
_READ_FILE = cython.declare(cython.int, Shape.READ_FILE)
_STATUS = cython.declare(cython.int, Shape.STATUS)
_MEI = cython.declare(cython.int, Shape.MEI)
_UMAS = cython.declare(cython.int, Shape.UMAS)

_TRUNCATED = cython.declare(cython.int, Anomaly.TRUNCATED)
_LENGTH_FIELD = cython.declare(cython.int, Anomaly.LENGTH_FIELD)
_PROTOCOL_ID = cython.declare(cython.int, Anomaly.PROTOCOL_ID)
_PDU_TOO_LONG = cython.declare(cython.int, Anomaly.PDU_TOO_LONG)
_UNASKED_RESPONSE = cython.declare(cython.int, Anomaly.UNASKED_RESPONSE)
_CONFLICTING_RESPONSE = cython.declare(cython.int, Anomaly.CONFLICTING_RESPONSE)
_DUPLICATE_RESPONSE = cython.declare(cython.int, Anomaly.DUPLICATE_RESPONSE)
_FUNCTION_MISMATCH = cython.declare(cython.int, Anomaly.FUNCTION_MISMATCH)
_UNIT_MISMATCH = cython.declare(cython.int, Anomaly.UNIT_MISMATCH)
_REQUEST_FLOOD = cython.declare(cython.int, Anomaly.REQUEST_FLOOD)
_UNANSWERED_REQUEST = cython.declare(cython.int, Anomaly.UNANSWERED_REQUEST)
_HIDDEN_ADU = cython.declare(cython.int, Anomaly.HIDDEN_ADU)
_ROLE_REVERSED = cython.declare(cython.int, Anomaly.ROLE_REVERSED)
_TRAILING_BYTES = cython.declare(cython.int, Anomaly.TRAILING_BYTES)
_DEVIATING = cython.declare(cython.int, Anomaly.DEVIATING_RESPONSE)
_QUIRK = cython.declare(cython.int, Anomaly.DEVICE_QUIRK)
_FOREIGN = cython.declare(cython.int, Anomaly.FOREIGN_RESPONSE)


class ModbusDissector(Paired):
    """State per flow slot: the requests that wait (pairing), which side asks (orientation) and what was seen so far."""

    def __init__(self, protocol: int, limits: Limits) -> None:
        Paired.__init__(self, protocol, limits, (("orientation", np.int8, 1, 0), ("devices", np.int32, 2, -1)))
        self.m = Message(protocol, limits.items_per_pdu)
        self.identity = facts_of.Identity(limits)
        self.early = Early(limits)
        self.habits = Habits("modbus.responses")
        self.released = False  # the PDU at hand was held: it is not held again
        self.unasked = False  # ... and when it came nobody had asked yet

    def feed(self, pdus: Pdus, operations: Operations, anomalies: Anomalies, facts: list[Fact]) -> object:
        """Appends the rows of a batch in PDU order."""
        m: Message = self.m
        early: Early = self.early
        pdu: cython.Py_ssize_t
        m.start_batch(pdus, operations, anomalies, facts)
        for pdu in range(pdus.rows):
            if early.deadline_ns <= pdus.timestamp_ns[pdu]:
                for held in early.due(pdus.timestamp_ns[pdu]):
                    self._release(held, pdus, pdu, facts, held.extra[4])
            if pdus.flags[pdu] & _ENDED:
                if early.held_count > 0:
                    self._end(pdus, pdu, facts)
            elif self._open(pdu):
                self._dissect(facts)
                while m.trailing >= 0 and self._hidden(m.trailing):
                    self._dissect(facts)
                if early.held_count > 0:
                    self._came(pdus, pdu, facts)
        return None

    def _release(self, held: Held, pdus: Pdus, pdu: cython.Py_ssize_t, facts: list[Fact], unasked: cython.bint) -> object:
        """Dissects a response that was held, behind PDU `pdu` of the batch. `unasked`: when it came nobody had asked yet, so what did lies before."""
        m: Message = self.m
        one: Pdus = self.early.again(held, pdus, pdu)
        self.released = True
        self.unasked = unasked
        m.start_batch(one, m.operations, m.anomalies, m.facts)
        if self._open(0):
            self._dissect(facts)
            while m.trailing >= 0 and self._hidden(m.trailing):
                self._dissect(facts)
        self.released = self.unasked = False
        m.start_batch(pdus, m.operations, m.anomalies, m.facts)
        return None

    def _end(self, pdus: Pdus, pdu: cython.Py_ssize_t, facts: list[Fact]) -> object:
        """The flow is over: what it holds will never have its request."""
        flow = int(pdus.flow[pdu])
        for held in self.early.of(flow):
            self.early.take(flow, held)
            self._release(held, pdus, pdu, facts, held.extra[4])
        return None

    def _came(self, pdus: Pdus, pdu: cython.Py_ssize_t, facts: list[Fact]) -> object:
        """Which of the responses that the flow holds answer a request that is there now."""
        pairing: Pairing = self.pairing
        flow: cython.int = pdus.flow[pdu]
        queue: cython.Py_ssize_t = 2 * flow + pdus.direction[pdu]
        entry: cython.int
        if flow < 0 or flow >= self.flows:
            return None
        for held in self.early.of(flow):
            if held.direction == pdus.direction[pdu] & 1:
                continue
            transaction, unit, function, device, _ = held.extra
            entry = pairing.find(queue, transaction, unit, function, False)
            if entry >= 0 and pairing.match != _EXACT:
                entry = -1
            if entry < 0 and transaction >= 0 and self.habits.may_be(device, True):
                entry = pairing.in_order(queue, unit, function, False)
            if entry < 0:
                continue
            self.early.came(held, pairing.timestamp_ns[entry])
            self.early.take(flow, held)
            self._release(held, pdus, pdu, facts, False)
        return None

    def _open(self, pdu: cython.Py_ssize_t) -> cython.bint:
        """Reads the header; False when there is no function code."""
        m: Message = self.m
        pdus: Pdus = m.pdus
        at: cython.Py_ssize_t = pdus.start[pdu]
        end: cython.Py_ssize_t = pdus.end[pdu]
        cut: cython.bint = (pdus.flags[pdu] & _CUT) != 0
        body: cython.Py_ssize_t
        length: cython.int
        protocol: cython.int
        if pdus.framing[pdu] == _RTU:
            body = at + 2
            if not cut:
                end -= 2  # the CRC, which the framing has checked
            m.transaction = -1
            m.unit = m.data[at] if at < end else -1
            protocol = 0
            length = end - body
        else:
            body = at + 8
            if end >= body:
                m.transaction = m.data[at] << 8 | m.data[at + 1]
                protocol = m.data[at + 2] << 8 | m.data[at + 3]
                length = (m.data[at + 4] << 8 | m.data[at + 5]) - 2
                m.unit = m.data[at + 6]
            else:
                protocol = length = 0
        if end < body:
            if not cut:
                m.pdu = pdu
                m.report(_TRUNCATED, end - at, body - at, end - at)
            return False
        m.open(pdu, at, body, end, length if cut and length > end - body else end - body, cut)
        m.bound = end
        if protocol != 0:
            m.report(_PROTOCOL_ID, 2, 0, protocol)
        if length != m.n:
            m.report(_LENGTH_FIELD, 4, m.n + 2, length + 2)
        if m.n >= _MAX_PDU and (m.function & 0x7F) != _UMAS_CODE:
            m.report(_PDU_TOO_LONG, body - at - 1, _MAX_PDU, m.n + 1)
        return True

    def _hidden(self, at: cython.Py_ssize_t) -> cython.bint:
        """Whether a whole ADU of a known shape stands behind the fields of the PDU: a length field that lies must not hide what follows."""
        m: Message = self.m
        end: cython.Py_ssize_t = m.bound
        length: cython.int
        m.trailing = -1
        if end - at < 8 or m.pdus.framing[m.pdu] == _RTU or m.data[at + 2] != 0 or m.data[at + 3] != 0:
            return False
        length = m.data[at + 4] << 8 | m.data[at + 5]
        if length < 2 or at + 6 + length > end:
            return False
        m.transaction = m.data[at] << 8 | m.data[at + 1]
        m.unit = m.data[at + 6]
        m.open(m.pdu, at, at + 8, at + 6 + length, length - 2, False)
        if m.shape == 0 or self._fits() == 0:
            return False
        m.report(_HIDDEN_ADU, at - m.pdus.start[m.pdu], 0, end - at)
        if at + 6 + length < end:
            m.trailing = at + 6 + length
        return True

    def _dissect(self, facts: list[Fact]) -> object:
        """Role, pairing and rows of the open PDU."""
        m: Message = self.m
        pairing: Pairing = self.pairing
        flow: cython.Py_ssize_t = m.pdus.flow[m.pdu]
        direction: cython.int = m.pdus.direction[m.pdu] & 1
        flags: cython.int = m.pdus.flags[m.pdu]
        conflict: cython.bint = (flags & _CONFLICT) != 0
        refused: cython.bint = m.function > 127
        function: cython.int = m.function & 0x7F
        fits: cython.int
        queue: cython.Py_ssize_t
        asked: cython.int = -1
        orientation: cython.int
        from_client: cython.bint
        lost: cython.int
        if flow < 0:
            flow = 0
        if flow >= self.flows:
            self.make_room(flow)
        orientation = self.orientation[flow]
        from_client = (direction == 0) == (orientation >= 0)
        fits = self._fits()
        queue = 2 * flow + 1 - direction  # of the requests that this PDU could answer
        if pairing.first[queue] >= 0 and not (from_client and fits == _REQUEST):
            asked = pairing.find(queue, m.transaction, m.unit, function, (flags & _AFTER_GAP) != 0)
            if asked >= 0 and from_client and not fits & _RESPONSE:
                asked = -1
        if asked < 0 and (fits == _REQUEST or ((fits != _RESPONSE or orientation >= _SURE or orientation <= -_SURE) and from_client)):
            if flags & (_AFTER_GAP | _UNHEARD):
                self.seen[flow] |= _LOST
            self._request(flow, direction, from_client, conflict, facts)
        else:
            lost = self.seen[flow] & _LOST
            if flags & (_AFTER_GAP | _UNHEARD) and (asked < 0 or pairing.match != _EXACT):
                self.seen[flow] |= _LOST
            if ((asked < 0 or pairing.match != _EXACT) and not self.released and self.early.may_come(flags) and m.at == m.pdus.start[m.pdu]
                    and self.early.hold(m.pdus, m.pdu, m.at, m.pdus.end[m.pdu],
                                        (m.transaction, m.unit, function, self._device(queue), self.seen[flow] & _ASKED == 0))):
                return None
            if self.unasked:
                asked = -1
            if asked < 0 and pairing.first[queue] >= 0 and not conflict and not self.unasked:
                asked = self._in_order(flow, queue, refused, function, flags, facts)
            self._response(flow, queue, asked, refused, function, conflict, facts)
            if self.released and lost == 0:
                self.seen[flow] &= _NOT_LOST  # what was lost before it says nothing of what came since
        if conflict:
            return None
        if fits in (_REQUEST, _RESPONSE):
            if (fits == _REQUEST) == (direction == 0):
                if orientation < _ORIENTATION_MAX:
                    self.orientation[flow] = orientation + 1
            elif orientation > -_ORIENTATION_MAX:
                self.orientation[flow] = orientation - 1
        return None

    def _device(self, queue: cython.Py_ssize_t) -> cython.int:
        """The number of the device that answers the requests of a queue."""
        if self.devices[queue] < 0:
            self.devices[queue] = self.habits.device(self.m.pdus, self.m.pdu)
        return self.devices[queue]

    def _in_order(self, flow: cython.Py_ssize_t, queue: cython.Py_ssize_t, refused: cython.bint, function: cython.int, flags: cython.int,
                  facts: list[Fact]) -> cython.int:
        """What a response answers whose transaction identifier is of no waiting request: the oldest of its unit and function, where the device's
        identifiers are useless from the first, or where only that one waits; else -1. The deviation is a habit, or reported."""
        m: Message = self.m
        pairing: Pairing = self.pairing
        device: cython.int
        asked: cython.int
        said: cython.int
        kind: cython.int
        doubtful: cython.bint
        if m.transaction < 0:
            return -1
        asked = pairing.in_order(queue, m.unit, function, (flags & _AFTER_GAP) != 0)
        if asked < 0 or not (refused or self._as_long(asked)):
            return -1
        device = self._device(queue)
        kind = _LOW if m.transaction == pairing.transaction[asked] & 0xFF else _IDENTIFIER
        doubtful = self.seen[flow] & _LOST or pairing.waiting[queue] != 1 or pairing.find_answered(queue, m.transaction, m.unit) >= 0
        if doubtful and not (self.habits.is_habit(device, kind) and (self.habits.devices[device].deviations[kind] or not self.seen[flow] & _LOST)):
            return -1
        said = self.habits.deviates(device, kind, m.pdus, m.pdu, facts_of.identifier_quirk(pairing.transaction[asked], m.transaction), facts)
        m.report(_QUIRK if said == _HABIT else _DEVIATING if said == _BEGAN else _FOREIGN, 0, pairing.transaction[asked], m.transaction)
        return asked

    def _as_long(self, asked: cython.int) -> cython.bint:
        """Whether a response to a read has as many bytes as its request calls for."""
        m: Message = self.m
        count: cython.longlong = self.pairing.count[asked]
        if m.shape == _READ_REGISTERS:
            return m.u8(0) == 2 * count
        return m.shape != _READ_BITS or m.u8(0) == (count + 7) // 8

    def _other_unit(self, queue: cython.Py_ssize_t, asked: cython.int, facts: list[Fact]) -> cython.bint:
        """A response with the transaction and function of a request and another unit: a habit of the device, which is about the unit of the request,
        or something that began. Returns whether it contradicts the request: until the habit is proven it does."""
        m: Message = self.m
        device: cython.int = self._device(queue)
        unit: cython.int = self.pairing.unit[asked]
        said: cython.int = self.habits.deviates(device, _UNIT, m.pdus, m.pdu, facts_of.unit_quirk(m.unit), facts)
        m.report(_QUIRK if said == _HABIT else _UNIT_MISMATCH if said == _BEGAN else _FOREIGN, m.body - m.at - 2, unit, m.unit)
        if said == _HABIT:
            m.unit = unit
        return said != _HABIT or not self.habits.is_proven(device, _UNIT)

    def _habits(self, queue: cython.Py_ssize_t, asked: cython.int, facts: list[Fact]) -> object:
        """An octet too many behind an echo: a habit of the device, or something that began."""
        m: Message = self.m
        device: cython.int = self._device(queue)
        said: cython.int
        if m.surplus and asked < 0:
            m.wrong(_TRAILING_BYTES, m.n - 1, m.n - 1, m.n)
        elif m.surplus:
            said = self.habits.deviates(device, _LENGTH, m.pdus, m.pdu, "responses to writes are one octet too long", facts)
            m.wrong(_QUIRK if said == _HABIT else _DEVIATING if said == _BEGAN else _FOREIGN, m.n - 1, m.n - 1, m.n)
        else:
            self.habits.good[_KINDS * device + _LENGTH] += 1
            if self.habits.odd[device] and self.habits.ended(device, _LENGTH):
                m.wrong(_DEVIATING, m.n, m.n + 1, m.n)
        return None

    def _fits(self) -> cython.int:
        """Which roles the length and the counts of the data allow: bit 1 a request, bit 2 a response, both bits when it cannot be told."""
        m: Message = self.m
        n: cython.int = m.n
        shape: cython.int = m.shape
        fits: cython.int
        if m.function > 127:  # an exception: one byte; some stacks send one more
            return _RESPONSE if n == 1 or (n == 2 and 0 < m.u8(0) < 12) else 0
        if shape == _READ_REGISTERS:
            return _REQUEST if n == 4 else (_RESPONSE if n > 2 and self._counted(0, n - 1) else 0)
        if shape == _READ_BITS:
            if n == 4:
                return _REQUEST if m.u8(0) != 3 else _REQUEST | _RESPONSE
            return _RESPONSE if n > 1 and self._counted(0, n - 1) else 0
        if shape in (_WRITE_REGISTERS, _WRITE_BITS):
            return _RESPONSE if n == 4 else (_REQUEST if n > 5 and self._counted(4, n - 5) else 0)
        if shape == _READ_WRITE:
            fits = _REQUEST if n > 10 and self._counted(8, n - 9) else 0
            return fits | _RESPONSE if n > 2 and self._counted(0, n - 1) else fits
        if shape == _FIFO:
            return _REQUEST if n == 2 else (_RESPONSE if n >= 4 and m.u16(0) == n - 2 else 0)
        if shape == _STATUS:
            if n == 0:
                return _REQUEST
            if m.function == 7:
                return _RESPONSE if n == 1 else 0
            return _RESPONSE if (n == 4 if m.function == 11 else self._counted(0, n - 1)) else 0
        if shape == _READ_FILE and n > 3 and self._counted(0, n - 1):
            fits = _REQUEST if m.u8(1) == 6 and (n - 1) % 7 == 0 else 0
            return fits | _RESPONSE if m.u8(2) == 6 else fits
        if shape == _MEI and m.u8(0) == 14:
            return _REQUEST if n == 3 else (_RESPONSE if n >= 6 else 0)
        if shape == _UMAS and n > 1:
            return _RESPONSE if m.u8(1) == 0xFE or m.u8(1) == 0xFD else _REQUEST
        return _REQUEST | _RESPONSE

    def _counted(self, offset: cython.Py_ssize_t, length: cython.int) -> cython.bint:
        """Whether the byte count there is the one that the length calls for; one that was cut away is believed."""
        count: cython.int = self.m.u8(offset)
        return count == length or (count < 0 and self.m.cut)

    def _request(self, flow: cython.Py_ssize_t, direction: cython.int, from_client: cython.bint, conflict: cython.bint,
                 facts: list[Fact]) -> object:
        """Rows of a request; each waits for its response, unless it is the other version of a datagram that does already."""
        m: Message = self.m
        pairing: Pairing = self.pairing
        operations: Operations = m.operations
        queue: cython.Py_ssize_t = 2 * flow + direction
        first: cython.Py_ssize_t = operations.rows
        digest: cython.uint = m.digest() if m.repeated[m.function] else 0
        row: cython.Py_ssize_t
        entry: cython.int
        if not from_client and self.seen[flow] & _ANSWERED:
            m.report(_ROLE_REVERSED, m.body - m.at - 1, -1, m.function)
        request(m)
        if m.function == _UMAS_CODE:
            self.identity.request(m, first, facts)
        if conflict and m.pdus.flags[m.pdu] & _DATAGRAM:
            return None
        self.seen[flow] |= _ASKED  # of two readings of a stream either may be the one that is answered
        if pairing.waiting[queue] >= self.limit:
            pairing.drop_oldest(queue)
            # Where only one direction is seen nothing is ever answered: that is no flood.
            if self.seen[flow] & (_ANSWERED | _FLOODED) == _ANSWERED:
                self.seen[flow] |= _FLOODED
                m.report(_REQUEST_FLOOD, -1, self.limit, self.limit + 1)
        for row in range(first, operations.rows):
            entry = pairing.ask(queue, row - first)
            pairing.transaction[entry] = m.transaction
            pairing.unit[entry] = m.unit
            pairing.function[entry] = m.function
            pairing.subfunction[entry] = m.subfunction
            pairing.area[entry] = operations.area[row]
            pairing.object[entry] = operations.object[row]
            pairing.start[entry] = operations.start[row]
            pairing.count[entry] = operations.count[row]
            pairing.action[entry] = operations.action[row]
            pairing.digest[entry] = digest
            pairing.frame[entry] = operations.frame[row]
            pairing.timestamp_ns[entry] = operations.timestamp_ns[row]
        return None

    def _response(self, flow: cython.Py_ssize_t, queue: cython.Py_ssize_t, asked: cython.int, refused: cython.bint,
                  function: cython.int, conflict: cython.bint, facts: list[Fact]) -> object:
        """Rows of a response; `asked` is what it answers, -1 nothing."""
        m: Message = self.m
        pairing: Pairing = self.pairing
        first: cython.Py_ssize_t = m.operations.rows
        digest: cython.uint = m.digest()
        place: cython.int = asked  # the request that says where in the device this is
        row: cython.Py_ssize_t
        contradicts: cython.bint = False
        if asked < 0:
            place = pairing.find_answered(queue, m.transaction, m.unit) if m.transaction >= 0 else -1
            if place >= 0 and self.seen[flow] & _LOST and pairing.digest[place] != digest:
                place = -1  # the answer to a request that was not captured: some masters use one transaction identifier for all
            if not conflict and not self.unasked and self.seen[flow] & _ASKED and (place >= 0 or self.seen[flow] & _LOST == 0):
                self._unasked(place, digest)
            contradicts = place >= 0 and pairing.digest[place] != digest and not self.unasked
        else:
            contradicts = pairing.match == _OTHER_FUNCTION and (function != 0 or not refused)
            if pairing.match == _OTHER_FUNCTION and not refused and m.repeated[function]:
                place = -1  # what it says it did is not what was asked: its own address counts
            if not conflict:
                if m.pdus.flags[m.pdu] & _DATAGRAM == 0:
                    self.early.tcp_answers += 1
                self._answered(flow, queue, asked, function)
            if pairing.match == _OTHER_UNIT:
                contradicts = conflict or self._other_unit(queue, asked, facts)
        if refused:
            m.function = function
            refusal(m, pairing, place)
        else:
            response(m, pairing, place)
            if m.identifies[function]:
                self.identity.response(m, first, facts)
            if m.surplus or (m.echoes and asked >= 0):
                self._habits(queue, asked, facts)
        if contradicts or m.contradicts:
            for row in range(first, m.operations.rows):
                m.operations.contradicts[row] = 1
                if asked >= 0:
                    m.operations.request_frame[row] = pairing.frame[asked]
        if asked >= 0 and not conflict:
            pairing.keep_answered(queue, asked, digest)
        return None

    def _answered(self, flow: cython.Py_ssize_t, queue: cython.Py_ssize_t, asked: cython.int, function: cython.int) -> object:
        """Takes the request that has its response now from those that wait."""
        m: Message = self.m
        pairing: Pairing = self.pairing
        device: cython.int
        if pairing.match == _EXACT:
            if m.transaction >= 0:
                device = self.devices[queue]
                if device < 0:
                    device = self._device(queue)
                self.habits.good[_KINDS * device] += m.transaction > 0
                self.habits.good[_KINDS * device + _UNIT] += 1
                if m.transaction > 255:
                    self.habits.good[_KINDS * device + _LOW] += 1
                if self.habits.odd[device]:
                    if self.habits.ended(device, _IDENTIFIER):
                        m.report(_DEVIATING, 0, m.transaction, m.transaction)
                    if self.habits.ended(device, _UNIT):
                        m.report(_DEVIATING, m.body - m.at - 2, m.unit, m.unit)
        elif pairing.match == _OTHER_FUNCTION and function != 0:  # 0 is reported as such; some servers refuse unknown functions with it
            m.report(_FUNCTION_MISMATCH, m.body - m.at - 1, pairing.function[asked], function)
        if m.transaction < 0:  # in order: what was asked before and is still waiting will not be answered any more
            while pairing.first[queue] != asked:
                pairing.drop_oldest(queue)
                m.report(_UNANSWERED_REQUEST, -1, -1, -1)
            pairing.before = -1
        pairing.take(queue, asked)
        self.seen[flow] = (self.seen[flow] | _ANSWERED) & _NOT_FLOODED
        return None

    def _unasked(self, answered: cython.int, digest: cython.uint) -> object:
        """A response to nothing that waits: perhaps to something answered before."""
        m: Message = self.m
        if answered < 0:
            m.report(_UNASKED_RESPONSE, 0, -1, m.transaction)
        elif self.pairing.digest[answered] == digest:
            m.report(_DUPLICATE_RESPONSE, 0, -1, m.transaction)
        else:
            m.report(_CONFLICTING_RESPONSE, 0, -1, m.transaction)
        return None

    def forget(self, flow: cython.int) -> cython.int:
        """The flow is over; returns how many of its requests stayed unanswered."""
        if 0 <= flow < self.flows:
            self.orientation[flow] = 0
            self.devices[2 * flow] = self.devices[2 * flow + 1] = -1
        return self.forget_requests(flow)
