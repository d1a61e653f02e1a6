# cython: boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
"""DCP frames of a batch -> rows of operations, facts and anomalies, responses paired with their requests by transaction id.

A Get or Set and its response have a row for each block; an identification asks with one row for each filter, and each device that answers has one
row, for what it says of itself becomes facts. Offsets in anomalies count from the frame id.
"""

from __future__ import annotations

import cython

from otwatch.actions import Role
from otwatch.limits import Limits
from otwatch.protocols.kit.paired import Paired
from otwatch.protocols.kit.pairing import EXACT, Pairing
from otwatch.protocols.pn_dcp import spec
from otwatch.protocols.pn_dcp.claims import Claims
from otwatch.protocols.pn_dcp.facts import told
from otwatch.protocols.pn_dcp.spec import Anomaly
from otwatch.protocols.pn_dcp.values import is_name
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus
from otwatch.vocabulary import PduFlag

_REQUEST = cython.declare(cython.int, Role.REQUEST)
_RESPONSE = cython.declare(cython.int, Role.RESPONSE)
_EVENT = cython.declare(cython.int, Role.EVENT)
_CUT = cython.declare(cython.int, PduFlag.CUT)
_GROUP = cython.declare(cython.int, PduFlag.GROUP)
_EXACT = cython.declare(cython.int, EXACT)
_GET = cython.declare(cython.int, spec.GET)
_SET = cython.declare(cython.int, spec.SET)
_IDENTIFY = cython.declare(cython.int, spec.IDENTIFY)
_HELLO = cython.declare(cython.int, spec.HELLO)
_CONTROL_RESPONSE = cython.declare(cython.int, spec.RESPONSE)
_NAME = cython.declare(cython.int, spec.NAME)
_IP = cython.declare(cython.int, spec.IP_PARAMETER)
_IP_SUITE = cython.declare(cython.int, spec.IP_SUITE)
_UNSUPPORTED = cython.declare(cython.int, spec.UNSUPPORTED)
_MANUFACTURER = cython.declare(cython.int, spec.MANUFACTURER)
_PLAIN = cython.declare(cython.int, spec.PLAIN)
_QUALIFIED = cython.declare(cython.int, spec.QUALIFIED)
_TOLD = cython.declare(cython.int, spec.TOLD)
_OWN_NAME = cython.declare(cython.int, spec.OWN_NAME)
_HEADER = cython.declare(cython.int, 12)  # bytes before the blocks, the frame id among them
_PATIENCE = cython.declare(cython.longlong, 3_000_000_000)  # after the first question of somebody, those before it are answered
_2_31 = cython.declare(cython.longlong, 0x80000000)

_TRUNCATED = cython.declare(cython.int, Anomaly.TRUNCATED)
_BLOCK_LENGTH = cython.declare(cython.int, Anomaly.BLOCK_LENGTH)
_UNKNOWN_SERVICE = cython.declare(cython.int, Anomaly.UNKNOWN_SERVICE)
_UNKNOWN_OPTION = cython.declare(cython.int, Anomaly.UNKNOWN_OPTION)
_FRAME_ID = cython.declare(cython.int, Anomaly.FRAME_ID)
_UNASKED = cython.declare(cython.int, Anomaly.UNASKED_RESPONSE)
_CONFLICTING = cython.declare(cython.int, Anomaly.CONFLICTING_RESPONSE)
_NAME_CONFLICT = cython.declare(cython.int, Anomaly.NAME_CONFLICT)
_IP_CONFLICT = cython.declare(cython.int, Anomaly.IP_CONFLICT)
_IP_REPORTED = cython.declare(cython.int, Anomaly.IP_CONFLICT_REPORTED)
_NAME_SYNTAX = cython.declare(cython.int, Anomaly.NAME_SYNTAX)
_SET_TO_GROUP = cython.declare(cython.int, Anomaly.SET_TO_GROUP)
_TOO_MANY = cython.declare(cython.int, Anomaly.TOO_MANY_BLOCKS)


class DcpDissector(Paired):
    """State: the Gets and Sets of each flow that wait; the identifications of everybody; who claimed which name and address."""

    def __init__(self, protocol: int, limits: Limits) -> None:
        Paired.__init__(self, protocol, limits)
        self.items = limits.items_per_pdu
        self.most_asked = max(1, limits.early_answers)
        self.asked = {}  # (who, transaction id) of an identification -> (frame, time, its filter)
        self.askers = {}  # who asks -> when first
        self.answered = {}  # (who, transaction id, whom) -> checksum of the answer
        self.names = Claims(limits.assets)
        self.addresses = Claims(limits.assets)
        self.wrong = self.odd = False

    def feed(self, pdus: Pdus, operations: Operations, anomalies: Anomalies, facts: list[Fact]) -> object:
        """Appends the rows of a batch in PDU order."""
        pdu: cython.Py_ssize_t
        flow: cython.Py_ssize_t
        self.start_batch(pdus, operations, anomalies, facts)
        for pdu in range(pdus.rows):
            flow = self.slot(pdus, pdu)
            self.pdu = pdu
            self.start = pdus.start[pdu]
            self.end = pdus.end[pdu]
            self.wrong = self.odd = False
            self._frame(flow)
        return None

    def forget(self, flow: cython.Py_ssize_t) -> cython.int:
        """The flow is over; returns how many requests stayed unanswered."""
        return self.forget_requests(flow)

    # ---- what is made

    def _report(self, kind: cython.int, at: cython.Py_ssize_t, needed: cython.longlong, had: cython.longlong) -> object:
        return self.report(kind, at - self.start, needed, had)

    def _fact(self, address: cython.int, source: str, number: cython.int, octets: bytes) -> object:
        """What a block says about a device."""
        pdus = self.pdus
        for kind, value in told(number, octets):
            self.facts.append(Fact(
                timestamp_ns=int(pdus.timestamp_ns[self.pdu]), frame=int(pdus.frame[self.pdu]), flow=int(pdus.flow[self.pdu]), address=int(address),
                kind=kind, value=value, source=source))
        return None

    def _row(self, role: cython.int, number: cython.int, action: cython.int) -> cython.Py_ssize_t:
        """A row for option << 8 | suboption, -1 of none."""
        operations: Operations = self.operations
        row: cython.Py_ssize_t = operations.add(self.pdus, self.pdu, role, self.protocol, self.service, action)
        operations.subfunction[row] = number
        operations.transaction[row] = self.xid
        operations.item[row] = self.item
        self.item += 1
        if number >= 0:
            operations.area[row] = number >> 8
            operations.object[row] = number & 0xFF
        return row

    def _value(self, row: cython.Py_ssize_t, kind: cython.int, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> object:
        if end > at:
            self.operations.value_kind[row] = kind
            self.operations.value_at[row] = at
            self.operations.value_length[row] = end - at
        return None

    # ---- the frame

    def _frame(self, flow: cython.Py_ssize_t) -> object:
        data = self.data
        at: cython.Py_ssize_t = self.start
        size: cython.Py_ssize_t = self.end - at
        kind: cython.int
        length: cython.int
        if size < _HEADER:
            return self._truncated(_HEADER)
        self.service = data[at + 2]
        kind = data[at + 3]
        self.xid = cython.cast(cython.longlong, data[at + 4]) << 24 | data[at + 5] << 16 | data[at + 6] << 8 | data[at + 7]
        length = data[at + 10] << 8 | data[at + 11]
        self.item = 0
        if self.service < _GET or self.service > _HELLO or kind not in (0, 1, 5):
            return self._report(_UNKNOWN_SERVICE, at + 2, -1, self.service << 8 | kind)
        expected = spec.FRAMES[int(self.service), kind != 0]
        if expected != (data[at] << 8 | data[at + 1]):
            self._report(_FRAME_ID, at, expected, data[at] << 8 | data[at + 1])
        if length > size - _HEADER:
            self._truncated(_HEADER + length)
        else:
            self.end = at + _HEADER + length
        if self.service == _HELLO:
            return self._announced(_EVENT, int(spec.ACTIONS[_HELLO]), -1)
        if kind == 0:
            if self.service == _IDENTIFY:
                return self._identification()
            return self._request(flow)
        if self.service == _IDENTIFY:
            return self._identified()
        return self._response(flow, _UNSUPPORTED if kind == 5 else 0)

    def _truncated(self, needed: cython.int) -> object:
        """The frame ends too early; what the tap cut off was sent all the same."""
        if self.pdus.flags[self.pdu] & _CUT == 0:
            self._report(_TRUNCATED, self.end, needed, self.end - self.start)
        self.wrong = True
        return None

    def _block(self, at: cython.Py_ssize_t, least: cython.int) -> cython.Py_ssize_t:
        """Reads the head of the block there: `number`, and where its contents are; returns the place of the next one, -1 where it does not fit."""
        data = self.data
        length: cython.int
        if self.end - at < 4:
            self._misfit(at, 4)
            return -1
        self.number = data[at] << 8 | data[at + 1]
        length = data[at + 2] << 8 | data[at + 3]
        self.content = at + 4
        self.close = at + 4 + length
        if self.close > self.end or length < least:
            self._misfit(at, max(length, least))
            return -1
        if self.wrong and self.number == 0:
            return -1  # padding, under a length that lies
        self._known(at)
        return self.close + (length & 1)

    def _misfit(self, at: cython.Py_ssize_t, needed: cython.int) -> object:
        if not self.wrong:
            self._report(_BLOCK_LENGTH, at, needed, self.end - at)
        self.wrong = True
        return None

    def _known(self, at: cython.Py_ssize_t) -> object:
        """Options that nobody defined are told, once a message."""
        option: cython.int = self.number >> 8
        if self.wrong or self.odd or _MANUFACTURER <= option < 255 or option in (3, 7, 8):
            return None
        if self.number not in spec.SUBOPTIONS:
            self.odd = True
            self._report(_UNKNOWN_OPTION, at, -1, self.number)
        return None

    def _full(self, at: cython.Py_ssize_t) -> cython.bint:
        if self.item < self.items:
            return False
        self._report(_TOO_MANY, at, self.items, self.item + 1)
        return True

    # ---- Get and Set

    def _request(self, flow: cython.Py_ssize_t) -> object:
        pairing: Pairing = self.pairing
        operations: Operations = self.operations
        pdus = self.pdus
        at: cython.Py_ssize_t = self.start + _HEADER
        after: cython.Py_ssize_t
        direction: cython.int = pdus.direction[self.pdu] & 1
        queue: cython.Py_ssize_t = 2 * flow + direction
        row: cython.Py_ssize_t
        first: cython.Py_ssize_t = operations.rows
        entry: cython.int
        action: cython.int
        if pdus.flags[self.pdu] & _GROUP:
            self._report(_SET_TO_GROUP, self.start, -1, self.service)
        contents = []
        while at < self.end and not self._full(at):
            if self.service == _GET:
                if self.end - at < 2:
                    self._misfit(at, 2)
                    break
                self.number = self.data[at] << 8 | self.data[at + 1]
                self._known(at)
                self._row(_REQUEST, self.number, int(spec.ACTIONS[_GET]))
                contents.append(b"")
                at += 2
                continue
            after = self._block(at, 0)
            if after < 0:
                break
            qualifier: cython.int = self.data[self.content] << 8 | self.data[self.content + 1] if self.close - self.content >= 2 else 0
            action = int(spec.set_action(int(self.number), int(qualifier)))
            row = self._row(_REQUEST, self.number, action)
            operations.start[row] = qualifier
            self._value(row, _QUALIFIED, self.content, self.close)
            octets: bytes = bytes(memoryview(self.data)[min(self.content + 2, self.close):self.close])
            contents.append(octets)
            if self.number == _NAME and not is_name(octets):
                self._report(_NAME_SYNTAX, self.content, spec.NAME_BYTES, self.close - self.content - 2)
            at = after
        if operations.rows == first:
            self._row(_REQUEST, -1, int(spec.ACTIONS[self.service]))
            contents.append(b"")
        self.seen[flow] |= 1 << direction
        if pairing.waiting[queue] >= self.limit:
            pairing.drop_oldest(queue)
        for row in range(first, operations.rows):
            entry = pairing.ask(queue, row - first)
            pairing.transaction[entry] = self._short()
            pairing.unit[entry] = 0
            pairing.function[entry] = self.service
            pairing.subfunction[entry] = operations.subfunction[row]
            pairing.start[entry] = operations.start[row]
            pairing.action[entry] = operations.action[row]
            pairing.frame[entry] = operations.frame[row]
            pairing.timestamp_ns[entry] = operations.timestamp_ns[row]
            pairing.keep(entry, contents[row - first])
        return None

    def _short(self) -> cython.int:
        """The transaction id as a number of 32 bits with a sign."""
        return self.xid - 2 * _2_31 if self.xid >= _2_31 else self.xid

    def _response(self, flow: cython.Py_ssize_t, status: cython.int) -> object:
        """Of a Set: one Control/Response block for each that was set. Of a Get: the blocks, or such a response where there is none."""
        pairing: Pairing = self.pairing
        operations: Operations = self.operations
        direction: cython.int = self.pdus.direction[self.pdu] & 1
        queue: cython.Py_ssize_t = 2 * flow + 1 - direction
        at: cython.Py_ssize_t = self.start + _HEADER
        after: cython.Py_ssize_t
        first: cython.Py_ssize_t = operations.rows
        row: cython.Py_ssize_t
        entry: cython.int = pairing.find(queue, self._short(), 0, self.service, False)
        source: cython.int = self.pdus.source[self.pdu]
        answered: cython.int
        if entry < 0 or pairing.match != _EXACT:
            entry = -1
        while at < self.end and not self._full(at):
            after = self._block(at, 2)
            if after < 0:
                break
            if self.number == _CONTROL_RESPONSE:
                if self.close - self.content < 3:
                    self._misfit(at, 3)
                    break
                self.number = self.data[self.content] << 8 | self.data[self.content + 1]
                row = self._row(_RESPONSE, self.number, int(spec.SET_ACTIONS.get(self.number, spec.ACTIONS[self.service])))
                operations.status[row] = self.data[self.content + 2]
                answered = entry
                while answered >= 0:
                    if pairing.subfunction[answered] == self.number:
                        operations.action[row] = pairing.action[answered]
                        operations.start[row] = pairing.start[answered]
                        if operations.status[row] == 0 and pairing.payload[answered]:  # what was set is what the device has now
                            self._fact(source, "pn_dcp.set", self.number, pairing.payload[answered])
                        break
                    answered = pairing.next[answered]
                    if answered >= 0 and pairing.item[answered] == 0:
                        break
            else:
                row = self._row(_RESPONSE, self.number, int(spec.ACTIONS[self.service]))
                self._value(row, _TOLD, self.content, self.close)
                self._tell(at, "pn_dcp.get")
            at = after
        if operations.rows == first:  # it names nothing: it stands for all that was asked
            answered = entry
            if answered < 0:
                operations.status[self._row(_RESPONSE, -1, int(spec.ACTIONS[self.service]))] = status
            while answered >= 0:
                row = self._row(_RESPONSE, pairing.subfunction[answered], pairing.action[answered])
                operations.status[row] = status
                operations.start[row] = pairing.start[answered]
                answered = pairing.next[answered]
                if answered >= 0 and pairing.item[answered] == 0:
                    break
        if entry < 0:
            if self.seen[flow] & 1 << (1 - direction):  # their requests are seen here
                self._report(_UNASKED, self.start, -1, self.xid)
            return None
        for row in range(first, operations.rows):
            operations.request_frame[row] = pairing.frame[entry]
            operations.latency_ns[row] = operations.timestamp_ns[row] - pairing.timestamp_ns[entry]
        pairing.free_run(pairing.take(queue, entry))
        return None

    # ---- identification

    def _identification(self) -> object:
        """A filter a row: whoever fits all of them answers."""
        pdus = self.pdus
        at: cython.Py_ssize_t = self.start + _HEADER
        after: cython.Py_ssize_t
        row: cython.Py_ssize_t
        first: cython.Py_ssize_t = self.operations.rows
        source = int(pdus.source[self.pdu])
        while at < self.end and not self._full(at):
            after = self._block(at, 0)
            if after < 0:
                break
            row = self._row(_REQUEST, self.number, int(spec.ACTIONS[_IDENTIFY]))
            self._value(row, _PLAIN, self.content, self.close)
            at = after
        if self.operations.rows == first:
            self._row(_REQUEST, -1, int(spec.ACTIONS[_IDENTIFY]))
        now = int(pdus.timestamp_ns[self.pdu])
        for known in (self.asked, self.askers, self.answered):
            while len(known) >= self.most_asked:
                del known[next(iter(known))]
        self.askers.setdefault(source, now)
        self.asked[source, int(self.xid)] = int(pdus.frame[self.pdu]), now, int(self.operations.subfunction[first])
        return None

    def _identified(self) -> object:
        """One row for the device, whatever it tells."""
        pdus = self.pdus
        source = int(pdus.source[self.pdu])
        target = int(pdus.destination[self.pdu])
        key = target, int(self.xid)
        asked = self.asked.get(key)
        row: cython.Py_ssize_t = self._announced(_RESPONSE, int(spec.ACTIONS[_IDENTIFY]), asked[2] if asked is not None else -1)
        digest: cython.uint = self._digest()
        if asked is not None:
            self.operations.request_frame[row] = asked[0]
            self.operations.latency_ns[row] = pdus.timestamp_ns[self.pdu] - asked[1]
            before = self.answered.get((*key, source))
            if before is None:
                if len(self.answered) < self.most_asked:
                    self.answered[*key, source] = digest
            elif before != digest:
                self.operations.contradicts[row] = 1
                self._report(_CONFLICTING, self.start, -1, self.xid)
        elif target in self.askers and pdus.timestamp_ns[self.pdu] - self.askers[target] > _PATIENCE:
            self._report(_UNASKED, self.start, -1, self.xid)
        return None

    def _digest(self) -> cython.uint:
        """A checksum of the message from its blocks on."""
        digest: cython.uint = 0
        at: cython.Py_ssize_t
        for at in range(self.start + _HEADER, self.end):
            digest = digest * 31 + self.data[at] & 0x7FFFFFFF
        return digest

    def _announced(self, role: cython.int, action: cython.int, number: cython.int) -> cython.Py_ssize_t:
        """What a device says of itself, in an answer or unasked."""
        at: cython.Py_ssize_t = self.start + _HEADER
        after: cython.Py_ssize_t
        blocks: cython.int = 0
        source = "pn_dcp.identify" if role == _RESPONSE else "pn_dcp.hello"
        row: cython.Py_ssize_t = self._row(role, number, action)
        while at < self.end:
            blocks += 1
            if blocks > self.items:
                self._report(_TOO_MANY, at, self.items, blocks)
                break
            after = self._block(at, 2)
            if after < 0:
                break
            if self.number == _NAME:
                self._value(row, _OWN_NAME, self.content, self.close)
                if role == _EVENT:
                    self.operations.subfunction[row] = _NAME
            self._tell(at, source)
            at = after
        return row

    def _tell(self, at: cython.Py_ssize_t, source: str) -> object:
        """The block at hand, of a device that speaks of itself."""
        who: cython.int = self.pdus.source[self.pdu]
        octets: bytes = bytes(memoryview(self.data)[self.content + 2:self.close])
        now: cython.longlong = self.pdus.timestamp_ns[self.pdu]
        self._fact(who, source, self.number, octets)
        if self.number == _NAME:
            if not is_name(octets):
                self._report(_NAME_SYNTAX, self.content, spec.NAME_BYTES, len(octets))
            if octets and self.names.claim(who, octets, now):
                self._report(_NAME_CONFLICT, at, -1, len(octets))
        elif self.number in (_IP, _IP_SUITE):
            if self.data[self.content + 1] & 0x80:
                self._report(_IP_REPORTED, at, -1, self.data[self.content + 1])
            if len(octets) >= 4 and any(octets[:4]) and self.addresses.claim(who, octets[:4], now):
                self._report(_IP_CONFLICT, at, -1, int.from_bytes(octets[:4]))
        return None
