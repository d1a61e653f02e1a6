# cython: boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
"""PCCC commands that CIP carries -> rows of operations, facts and anomalies, replies paired with their commands by transaction number.

A PDU is the data of the service Execute PCCC: the requestor's id (its length first), then CMD, STS, TNS (1770-6.5.16 6), of a reply with STS F0 an
extended status, and what the function has. `channel` of a PDU is the unit; `reference` of a response is CIP's status: what CIP refused may have no
bytes, and answers the oldest command that waits. A reply names neither function nor address; it takes them from its command. What addresses and
parameters are is in `message`. Offsets in anomalies count from the first byte of the requestor's id.
"""

from __future__ import annotations

import cython

from otwatch.actions import Action, Role
from otwatch.limits import Limits
from otwatch.protocols.kit.paired import Paired
from otwatch.protocols.kit.pairing import EXACT, Pairing
from otwatch.protocols.pccc import spec
from otwatch.protocols.pccc.facts import status_facts
from otwatch.protocols.pccc.message import Message
from otwatch.protocols.pccc.spec import Anomaly
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus
from otwatch.vocabulary import PduFlag

if not cython.compiled:  # compiled, it comes from dissect.pxd
    from otwatch.protocols.kit.digest import digest

_REQUEST = cython.declare(cython.int, Role.REQUEST)
_RESPONSE = cython.declare(cython.int, Role.RESPONSE)
_OTHER = cython.declare(cython.int, Action.OTHER)
_READ = cython.declare(cython.int, Action.READ)
_PROGRAM_UPLOAD = cython.declare(cython.int, Action.PROGRAM_UPLOAD)
_AFTER_GAP = cython.declare(cython.int, PduFlag.AFTER_GAP)
_CONFLICT = cython.declare(cython.int, PduFlag.CONFLICT)
_UNHEARD = cython.declare(cython.int, PduFlag.UNHEARD)
_ENDED = cython.declare(cython.int, PduFlag.ENDED)
_EXACT = cython.declare(cython.int, EXACT)
_REPLY = cython.declare(cython.int, spec.REPLY)
_STS_EXTENDED = cython.declare(cython.int, spec.STS_EXTENDED)
_EXTENDED = cython.declare(cython.int, spec.EXTENDED)
_CIP = cython.declare(cython.int, spec.CIP)
_STATUS = cython.declare(cython.longlong, 0xFF_FFFF)
_DIAGNOSE = cython.declare(cython.int, spec.DIAGNOSE)
_STATUS_FUNCTION = cython.declare(cython.int, 0x03)
_REQUESTOR = cython.declare(cython.int, Anomaly.REQUESTOR)
_UNASKED = cython.declare(cython.int, Anomaly.UNASKED_RESPONSE)
_DIFFERENT = cython.declare(cython.int, Anomaly.DIFFERENT_RESPONSE)
_CONFLICTING = cython.declare(cython.int, Anomaly.CONFLICTING_RESPONSE)

# Bits of `seen`, one byte per flow.
_ASKED_0 = cython.declare(cython.int, 1)  # direction 0 sent commands; direction 1 is the next bit
_LOST = cython.declare(cython.int, 4)  # commands may have gone unseen: a reply without one is no surprise


class PcccDissector(Paired):
    """State per flow slot: the commands that wait (pairing), and what was seen so far."""

    def __init__(self, protocol: int, limits: Limits) -> None:
        Paired.__init__(self, protocol, limits)
        self.m = Message(protocol, limits.items_per_pdu)
        self.text_characters = limits.text_characters
        self.told: dict[int, bytes] = {}  # by flow: the last diagnostic status

    def feed(self, pdus: Pdus, operations: Operations, anomalies: Anomalies, facts: list[Fact]) -> object:
        """Appends the rows of a batch in PDU order."""
        m: Message = self.m
        pdu: cython.Py_ssize_t
        flow: cython.Py_ssize_t
        m.start_batch(pdus, operations, anomalies, facts)
        for pdu in range(pdus.rows):
            if pdus.flags[pdu] & _ENDED:
                continue
            flow = self.slot(pdus, pdu)
            if pdus.flags[pdu] & (_AFTER_GAP | _UNHEARD):
                self.seen[flow] |= _LOST
            self._message(flow, pdu, facts)
        return None

    def _message(self, flow: cython.Py_ssize_t, pdu: cython.Py_ssize_t, facts: list[Fact]) -> object:
        """Requestor's id and header."""
        m: Message = self.m
        pdus: Pdus = m.pdus
        at: cython.Py_ssize_t = pdus.start[pdu]
        m.open(pdu)
        if pdus.framing[pdu] and pdus.reference[pdu] > 0 and m.end - at < 5:
            return self._refused(flow, _CIP + cython.cast(cython.int, pdus.reference[pdu] & _STATUS))
        if m.end > at:
            at += m.data[at]
        if at == m.first or at + 4 > m.end:
            if not m.cut:
                m.report(_REQUESTOR, 0, m.end - m.first - 4, at - m.first)
            return None
        m.command = m.data[at] & ~_REPLY
        m.transaction = m.data[at + 2] | m.data[at + 3] << 8
        if m.data[at] & _REPLY:
            return self._response(flow, at, facts)
        m.command_at(at + 4)
        return self._request(flow)

    def _request(self, flow: cython.Py_ssize_t) -> object:
        """Rows of a command, which wait for its reply."""
        m: Message = self.m
        pairing: Pairing = self.pairing
        operations: Operations = m.operations
        direction: cython.int = m.pdus.direction[m.pdu] & 1
        queue: cython.Py_ssize_t = 2 * flow + direction
        row: cython.Py_ssize_t
        entry: cython.int
        if m.pdus.flags[m.pdu] & _CONFLICT:
            return None
        self.seen[flow] |= _ASKED_0 << direction
        if pairing.waiting[queue] >= self.limit:
            pairing.drop_oldest(queue)
        for row in range(m.row_first, operations.rows):
            entry = pairing.ask(queue, row - m.row_first)
            pairing.transaction[entry] = m.transaction
            pairing.unit[entry] = m.unit_folded
            pairing.function[entry] = m.command
            pairing.subfunction[entry] = operations.subfunction[row]
            pairing.area[entry] = operations.area[row]
            pairing.object[entry] = operations.object[row]
            pairing.start[entry] = operations.start[row]
            pairing.count[entry] = operations.count[row]
            pairing.action[entry] = operations.action[row]
            pairing.frame[entry] = operations.frame[row]
            pairing.timestamp_ns[entry] = operations.timestamp_ns[row]
        return None

    def _refused(self, flow: cython.Py_ssize_t, status: cython.int) -> object:
        """CIP refused: no PCCC came back. It answers the oldest command of the other side."""
        m: Message = self.m
        queue: cython.Py_ssize_t = 2 * flow + 1 - (m.pdus.direction[m.pdu] & 1)
        entry: cython.int = self.pairing.first[queue]
        m.transaction = -1
        m.command = -1
        if entry >= 0:
            self.pairing.before = -1
            m.transaction = self.pairing.transaction[entry]
            m.command = self.pairing.function[entry]
        return self._answered(queue, entry, status, m.first, m.end, 0)

    def _response(self, flow: cython.Py_ssize_t, at: cython.Py_ssize_t, facts: list[Fact]) -> object:
        """Rows of a reply."""
        m: Message = self.m
        pairing: Pairing = self.pairing
        direction: cython.int = m.pdus.direction[m.pdu] & 1
        queue: cython.Py_ssize_t = 2 * flow + 1 - direction
        status: cython.int = m.data[at + 1]
        data: cython.Py_ssize_t = at + 4
        checksum: cython.uint = digest(m.data, at, m.end)
        entry: cython.int = pairing.find(queue, m.transaction, m.unit_folded, m.command, False) if pairing.first[queue] >= 0 else -1
        answered: cython.int
        contradicts: cython.bint = entry >= 0 and pairing.match != _EXACT
        if status == _STS_EXTENDED and data < m.end:
            status = _EXTENDED + m.data[data]
            data += 1
        if entry < 0:
            answered = pairing.find_answered(queue, m.transaction, m.unit_folded)
            if answered >= 0 and pairing.digest[answered] == checksum:
                return None  # sent twice
            if answered >= 0:
                m.report(_CONFLICTING, at + 2 - m.first, pairing.frame[answered], m.transaction)
                contradicts = True
            elif self.seen[flow] & _LOST == 0 and self.seen[flow] & (_ASKED_0 << (1 - direction)) and m.pdus.flags[m.pdu] & _CONFLICT == 0:
                m.report(_UNASKED, at + 2 - m.first, -1, m.transaction)
        elif contradicts:
            m.report(_DIFFERENT, at - m.first, pairing.function[entry], m.command)
        if entry >= 0 and not contradicts:
            self.seen[flow] &= ~_LOST
        self._answered(queue, entry, status, data, m.end, checksum)
        if contradicts:
            m.operations.contradicts[m.row_first] = 1
        if status == 0 and m.command == _DIAGNOSE and (entry < 0 or m.operations.subfunction[m.row_first] == _STATUS_FUNCTION):
            self._status(flow, bytes(memoryview(m.data)[data:m.end]), entry >= 0, facts)
        return None

    def _status(self, flow: cython.Py_ssize_t, octets: bytes, asked: cython.bint, facts: list[Fact]) -> object:
        """A diagnostic status: facts, unless it says what the last one of this flow said."""
        m: Message = self.m
        if self.told.get(flow) == octets:
            return None
        found = status_facts(octets, asked, self.text_characters)
        if not found:
            return None
        self.told[flow] = octets
        for kind, value, confidence in found:
            facts.append(m.fact(kind, value, confidence))
        return None

    def _answered(self, queue: cython.Py_ssize_t, entry: cython.int, status: cython.int, data: cython.Py_ssize_t, end: cython.Py_ssize_t,
                  checksum: cython.uint) -> object:
        """The rows of a reply, one for each of its command's; without a command one that says only what it is."""
        m: Message = self.m
        pairing: Pairing = self.pairing
        operations: Operations = m.operations
        row: cython.Py_ssize_t
        answered: cython.int = entry
        items: cython.int = 0
        if entry < 0:
            row = m.row(_RESPONSE, -1, _OTHER)
            operations.status[row] = status
            return None
        while answered >= 0 and (items == 0 or pairing.item[answered] > 0):
            row = m.row(_RESPONSE, pairing.subfunction[answered], pairing.action[answered])
            operations.area[row] = pairing.area[answered]
            operations.object[row] = pairing.object[answered]
            operations.start[row] = pairing.start[answered]
            operations.count[row] = pairing.count[answered]
            operations.status[row] = status
            self.answers(operations, row, answered)
            items += 1
            answered = pairing.next[answered]
        if items == 1 and status == 0 and end > data and operations.action[m.row_first] in (_READ, _PROGRAM_UPLOAD):
            m.answer_value(m.row_first, data, end)
        if m.pdus.flags[m.pdu] & _CONFLICT == 0:
            pairing.keep_answered(queue, pairing.take(queue, entry), checksum)
        return None

    def forget(self, flow: cython.Py_ssize_t) -> cython.int:
        """The flow is over; returns how many commands stayed unanswered."""
        self.told.pop(flow, None)
        return self.forget_requests(flow)
