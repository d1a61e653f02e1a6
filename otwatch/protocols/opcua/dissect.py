# cython: boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
"""OPC UA binary chunks of a batch -> rows of operations, facts and anomalies, responses paired with their requests by request id.

A message in several chunks is put together before it is read (6.7.2). On a channel that signs, messages are read and the signature is left; on one
that encrypts, each message makes a row that says so: which it is, the bytes say (mode is inside the encrypted part of OpenSecureChannel), a service
that is known behind the sequence header. What the services' fields are is in `services`. Offsets in anomalies count from the first octet of the
chunk, or of the message put together.
"""

from __future__ import annotations

import cython
import numpy as np

from otwatch.actions import Action, Role
from otwatch.limits import Limits
from otwatch.protocols.kit.paired import Paired
from otwatch.protocols.kit.pairing import EXACT, OTHER_FUNCTION, Pairing
from otwatch.protocols.kit.parts import Parts
from otwatch.protocols.opcua import spec
from otwatch.protocols.opcua.services import Message
from otwatch.protocols.opcua.spec import Anomaly
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus
from otwatch.vocabulary import PduFlag

if not cython.compiled:
    from otwatch.protocols.kit.digest import digest

_REQUEST = cython.declare(cython.int, Role.REQUEST)
_RESPONSE = cython.declare(cython.int, Role.RESPONSE)
_EVENT = cython.declare(cython.int, Role.EVENT)
_ACTION_OTHER = cython.declare(cython.int, Action.OTHER)
_ACTION_CONNECT = cython.declare(cython.int, Action.CONNECT)
_ACTION_ENCRYPTED = cython.declare(cython.int, Action.ENCRYPTED)
_AFTER_GAP = cython.declare(cython.int, PduFlag.AFTER_GAP)
_CONFLICT = cython.declare(cython.int, PduFlag.CONFLICT)
_UNHEARD = cython.declare(cython.int, PduFlag.UNHEARD)
_EXACT = cython.declare(cython.int, EXACT)
_OTHER_FUNCTION = cython.declare(cython.int, OTHER_FUNCTION)
_HELLO = cython.declare(cython.int, spec.HELLO)
_ERROR = cython.declare(cython.int, spec.ERROR)
_REVERSE_HELLO = cython.declare(cython.int, spec.REVERSE_HELLO)
_ENCRYPTED = cython.declare(cython.int, spec.ENCRYPTED)
_OPEN = cython.declare(cython.int, spec.OPEN_CHANNEL)
_CLOSE = cython.declare(cython.int, spec.CLOSE_CHANNEL)
_PUBLISH = cython.declare(cython.int, spec.PUBLISH)
_SERVICE_FAULT = cython.declare(cython.int, spec.SERVICE_FAULT)
_KIND_TEXT = cython.declare(cython.int, spec.VALUE_TEXT)

_MESSAGE_TYPE = cython.declare(cython.int, Anomaly.MESSAGE_TYPE)
_UNKNOWN_SERVICE = cython.declare(cython.int, Anomaly.UNKNOWN_SERVICE)
_CHUNKS_LOST = cython.declare(cython.int, Anomaly.CHUNKS_LOST)
_TOO_LARGE = cython.declare(cython.int, Anomaly.TOO_LARGE)
_ABORTED = cython.declare(cython.int, Anomaly.ABORTED)
_SEQUENCE_NUMBER = cython.declare(cython.int, Anomaly.SEQUENCE_NUMBER)
_OTHER_CHANNEL = cython.declare(cython.int, Anomaly.OTHER_CHANNEL)
_BUFFER_SIZE = cython.declare(cython.int, Anomaly.BUFFER_SIZE)
_UNASKED = cython.declare(cython.int, Anomaly.UNASKED_RESPONSE)
_CONFLICTING = cython.declare(cython.int, Anomaly.CONFLICTING_RESPONSE)
_REQUEST_FLOOD = cython.declare(cython.int, Anomaly.REQUEST_FLOOD)

# Bits of `seen`, one byte per flow.
_ASKED_0 = cython.declare(cython.int, 1)  # direction 0 sent requests; direction 1 is the next bit
_ANSWERED_0 = cython.declare(cython.int, 4)  # direction 0 answered some
_FLOODED = cython.declare(cython.int, 16)
_LOST = cython.declare(cython.int, 32)  # requests may have gone unseen
_SERVER_0 = cython.declare(cython.int, 64)  # direction 0 is the server's, as in a reverse connection
_LEAST_BUFFER = cython.declare(cython.longlong, 8192)
_MOST_BUFFER = cython.declare(cython.longlong, 0x7FFFFFFF)  # what stacks without a bound say
_WRAPS = cython.declare(cython.longlong, 1024)  # a number below it may follow the highest (6.7.2.4); stacks restart when a channel is renewed, too
_31_BITS = cython.declare(cython.longlong, 0x7FFFFFFF)
_NO_POLICY = cython.declare(cython.int, -1)


class OpcuaDissector(Paired):
    """State per flow slot: the requests that wait (pairing), policy and channel, next sequence numbers, chunks of messages that are not whole."""

    def __init__(self, protocol: int, limits: Limits) -> None:
        Paired.__init__(self, protocol, limits, (("policy", np.int8, 1, -1), ("channel", np.int64, 1, -1), ("next_number", np.int64, 2, -1)))
        self.m = Message(protocol, limits.items_per_pdu, limits.monitored_items, self.pairing)
        self.parts = Parts(limits.application_fragment_bytes * 4, limits.stream_pending_total_bytes)
        self.open_parts: dict[int, set[int]] = {}  # flow -> keys of messages that are not whole
        self.policies = {spec.POLICY_URI + name: number for number, (name, _) in enumerate(spec.POLICIES)}

    def feed(self, pdus: Pdus, operations: Operations, anomalies: Anomalies, facts: list[Fact]) -> object:
        """Appends the rows of a batch in PDU order."""
        m: Message = self.m
        pdu: cython.Py_ssize_t
        flow: cython.Py_ssize_t
        m.start_batch(pdus, operations, anomalies, facts)
        for pdu in range(pdus.rows):
            flow = self.slot(pdus, pdu)
            if pdus.flags[pdu] & (_AFTER_GAP | _UNHEARD):
                self.seen[flow] |= _LOST
            if pdus.flags[pdu] & _AFTER_GAP:
                self.next_number[2 * flow + (pdus.direction[pdu] & 1)] = -1
            m.open(pdu, flow)
            self._chunk(flow, pdus.direction[pdu] & 1)
        return None

    # ---- messages of the transport (7.1)

    def _chunk(self, flow: cython.Py_ssize_t, direction: cython.int) -> object:
        m: Message = self.m
        kind: cython.int
        if not m.room(8):
            m.finish()
            return None
        kind = m.data[m.at] << 16 | m.data[m.at + 1] << 8 | m.data[m.at + 2]
        m.at += 8
        if kind == 0x4D5347:  # MSG
            return self._message(flow, direction, m.data[m.at - 5], False)
        if kind == 0x4F504E:  # OPN
            return self._open(flow, direction)
        if kind == 0x434C4F:  # CLO
            return self._message(flow, direction, m.data[m.at - 5], True)
        if kind == 0x48454C:  # HEL: version, receive and send buffer, most bytes and chunks, endpoint
            return self._hello(flow, direction)
        if kind == 0x41434B:  # ACK
            m.skip(20)
            self._answer(flow, direction, _HELLO, _ACTION_CONNECT, 0, -1)
        elif kind == 0x455252:  # ERR: code, reason
            self._error(flow, direction)
        elif kind == 0x524845:  # RHE: URI of the server, endpoint
            self._reverse(flow, direction)
        else:
            m.report(_MESSAGE_TYPE, 0, -1, kind)
            return None
        m.policy = 0
        m.finish()
        return None

    def _hello(self, flow: cython.Py_ssize_t, direction: cython.int) -> object:
        m: Message = self.m
        receive: cython.longlong
        send: cython.longlong
        m.skip(4)
        receive = m.u32()
        send = m.u32()
        m.skip(8)
        m.string()
        row: cython.Py_ssize_t = m.row(_REQUEST, _HELLO, _ACTION_CONNECT)
        m.value(row, _KIND_TEXT, m.place, m.place + m.length)
        if not m.wrong and (receive < _LEAST_BUFFER or send < _LEAST_BUFFER or receive > _MOST_BUFFER or send > _MOST_BUFFER):
            m.report(_BUFFER_SIZE, 12, _LEAST_BUFFER, receive if receive < _LEAST_BUFFER or receive > _MOST_BUFFER else send)
        if m.pdus.flags[m.pdu] & _CONFLICT == 0:
            self._client(flow, direction)
            self.policy[flow] = -1
            self.channel[flow] = -1
            self._ask(flow, direction, row)
        m.policy = 0
        m.finish()
        return None

    def _client(self, flow: cython.Py_ssize_t, direction: cython.int) -> object:
        """Who says hello is the client, whoever opened the connection (7.1.3)."""
        if direction:
            self.seen[flow] |= _SERVER_0
        else:
            self.seen[flow] &= ~_SERVER_0
        return None

    def _error(self, flow: cython.Py_ssize_t, direction: cython.int) -> object:
        """The end of a connection: the answer to what waits longest, else said unasked."""
        m: Message = self.m
        code: cython.longlong = m.u32()
        entry: cython.int = self.pairing.first[2 * flow + 1 - direction]
        row: cython.Py_ssize_t
        m.string()
        if entry >= 0:
            m.request_id = self.pairing.transaction[entry]
            self._answer(flow, direction, self.pairing.function[entry], _ACTION_OTHER, code, -1)
            return None
        row = m.row(_EVENT, _ERROR, _ACTION_OTHER)
        m.set_status(row, code)
        m.value(row, _KIND_TEXT, m.place, m.place + m.length)
        return None

    def _reverse(self, flow: cython.Py_ssize_t, direction: cython.int) -> object:
        m: Message = self.m
        m.string()
        if m.length > 0:
            m.fact("application_uri", m.text(), "opcua.reverse_hello")
        m.string()
        row: cython.Py_ssize_t = m.row(_EVENT, _REVERSE_HELLO, _ACTION_CONNECT)
        m.value(row, _KIND_TEXT, m.place, m.place + m.length)
        if m.pdus.flags[m.pdu] & _CONFLICT == 0:
            self._client(flow, 1 - direction)
        return None

    # ---- secure conversation (6.7)

    def _open(self, flow: cython.Py_ssize_t, direction: cython.int) -> object:
        """OpenSecureChannel: policy and certificate can be read, the rest only without a policy."""
        m: Message = self.m
        policy: cython.int
        number: cython.int = -1
        channel: cython.longlong = m.u32()
        row: cython.Py_ssize_t
        is_client: cython.bint = (self.seen[flow] & _SERVER_0 == 0) == (direction == 0)
        conflict: cython.bint = m.pdus.flags[m.pdu] & _CONFLICT != 0
        m.string()
        policy = self.policies.get(m.text(), spec.OTHER_POLICY)
        m.string()
        m.certificate("opcua.open_secure_channel")
        m.string()
        if m.wrong:
            m.finish()
            return None
        m.policy = policy
        if not conflict:
            self.policy[flow] = policy
            self.channel[flow] = channel if channel else -1
            self.next_number[2 * flow + direction] = -1
        if policy != 0:
            if is_client:
                row = m.row(_REQUEST, _OPEN, _ACTION_CONNECT)
                m.operations.subfunction[row] = policy
                if not conflict:
                    self._ask(flow, direction, row)
            else:
                self._answer(flow, direction, _OPEN, _ACTION_CONNECT, 0, -1)
            return None
        self._sequence(flow, direction)
        m.node()
        if m.wrong:
            m.finish()
            return None
        number = m.object & _31_BITS
        return self._service(flow, direction, number)

    def _sequence(self, flow: cython.Py_ssize_t, direction: cython.int) -> object:
        """The sequence header: numbers follow each other, chunks too (6.7.2.4)."""
        m: Message = self.m
        number: cython.longlong = m.u32()
        place: cython.Py_ssize_t = 2 * flow + direction
        m.request_id = m.u32()
        if m.wrong or m.pdus.flags[m.pdu] & _CONFLICT:
            return None
        if self.next_number[place] >= 0 and number != self.next_number[place] and number >= _WRAPS:
            m.report(_SEQUENCE_NUMBER, m.at - 8 - m.first, self.next_number[place], number)
        self.next_number[place] = number + 1
        return None

    def _message(self, flow: cython.Py_ssize_t, direction: cython.int, chunk: cython.int, closes: cython.bint) -> object:
        """A chunk of a service: channel, token, sequence header, then what of the message is in it."""
        m: Message = self.m
        channel: cython.longlong = m.u32()
        policy: cython.int = self.policy[flow]
        key: cython.longlong
        held: cython.bint
        at: cython.Py_ssize_t
        row: cython.Py_ssize_t
        m.policy = policy
        if not m.room(12):
            m.finish()
            return None
        if chunk not in (0x46, 0x43, 0x41):
            m.report(_MESSAGE_TYPE, 3, 0x46, chunk)
        m.skip(4)
        at = m.at
        key = (cython.cast(cython.longlong, 2) * flow + direction) << 32 | self._request_id(at)
        held = self.parts.size(key) > 0
        if policy != 0 and not held and not (chunk == 0x41 and policy < 0) and not self._is_readable(at + 8):
            is_client: cython.bint = (self.seen[flow] & _SERVER_0 == 0) == (direction == 0)
            if closes:
                m.row(_REQUEST, _CLOSE, _ACTION_CONNECT)
            elif chunk == 0x46:
                row = m.row(_REQUEST if is_client else _RESPONSE, _ENCRYPTED, _ACTION_ENCRYPTED)
                m.operations.subfunction[row] = policy
            return None
        self._sequence(flow, direction)
        if self.channel[flow] >= 0 and channel != self.channel[flow]:
            m.report(_OTHER_CHANNEL, 8, self.channel[flow], channel)
        if policy > 0 and not m.is_cut:  # the signature
            m.end = max(m.at, m.end - (spec.POLICIES[policy][1] if policy < len(spec.POLICIES) else 0))
        if chunk == 0x46 and not held:
            return self._whole(flow, direction)
        return self._part(flow, direction, chunk, key, held)

    def _request_id(self, at: cython.Py_ssize_t) -> cython.Py_ssize_t:
        m: Message = self.m
        high: cython.longlong
        if at + 8 > m.end:
            return 0
        high = m.data[at + 7]
        return high << 24 | m.data[at + 6] << 16 | m.data[at + 5] << 8 | m.data[at + 4]

    def _is_readable(self, at: cython.Py_ssize_t) -> cython.bint:
        """Whether the type of a service that is known stands there: four bytes that cipher text has once in 50 million times."""
        m: Message = self.m
        number: cython.int
        if at + 4 > m.end or m.data[at] != 1 or m.data[at + 1] != 0:
            return False
        number = m.data[at + 2] | m.data[at + 3] << 8
        return number in spec.SERVICES or number in spec.REQUEST_OF

    def _part(self, flow: cython.Py_ssize_t, direction: cython.int, chunk: cython.int, key: cython.longlong, held: cython.bint) -> object:
        """A chunk of several: kept until the last has come."""
        m: Message = self.m
        size: cython.Py_ssize_t
        at: cython.Py_ssize_t
        if m.pdus.flags[m.pdu] & _CONFLICT:
            return None
        if chunk == 0x41:  # the sender gave it up: code, reason
            m.report(_ABORTED, 3, -1, self.parts.drop(key))
            return None
        if not held and not self._is_readable(m.at):  # a chunk whose message began unseen
            if m.pdus.flags[m.pdu] & _AFTER_GAP == 0 and self.seen[flow] & _LOST == 0:
                m.report(_CHUNKS_LOST, 3, -1, m.end - m.at)
            return None
        keys = self.open_parts.get(flow)
        if keys is None:
            keys = self.open_parts[flow] = set()
        if m.pdus.flags[m.pdu] & _AFTER_GAP and held:
            m.report(_CHUNKS_LOST, 3, -1, self.parts.drop(key))
            return None
        size = self.parts.size(key)
        if (len(keys) >= self.limit and key not in keys) or not self.parts.add(key, m.pdus.octets, m.at, m.end):
            m.report(_TOO_LARGE, 4, self.parts.limit, size + m.end - m.at)
            return None
        keys.add(key)
        if chunk == 0x43:
            return None
        keys.discard(key)
        size = self.parts.size(key)
        at = self.parts.take(key, m.pdus.octets)
        m.look(m.pdus.octets.data, at, at, at + size)
        return self._whole(flow, direction)

    def _whole(self, flow: cython.Py_ssize_t, direction: cython.int) -> object:
        """A message from its type on."""
        m: Message = self.m
        m.node()
        if m.wrong:
            m.finish()
            return None
        return self._service(flow, direction, m.object & _31_BITS if m.area == 0 else 0)

    # ---- pairing

    def _service(self, flow: cython.Py_ssize_t, direction: cython.int, number: cython.int) -> object:
        """A request or a response, by the id of its type."""
        m: Message = self.m
        function: cython.int
        action: cython.int = _ACTION_OTHER
        first: cython.Py_ssize_t = m.operations.rows
        row: cython.Py_ssize_t
        found = spec.REQUEST_OF.get(number)
        if found is not None:
            function = found
            known = spec.SERVICES.get(function)
            if known is not None:
                action = int(known[1])
            return self._respond(flow, direction, function, action)
        known = spec.SERVICES.get(number)
        if known is None:
            m.report(_UNKNOWN_SERVICE, m.at - m.first, -1, number)
            m.row(_REQUEST if self.seen[flow] & (_ASKED_0 << (1 - direction)) == 0 else _RESPONSE, number, _ACTION_OTHER)
            return None
        m.request(number, int(known[1]))
        if m.pdus.flags[m.pdu] & _CONFLICT:
            return None
        self.seen[flow] |= _ASKED_0 << direction
        if number == _CLOSE:
            return None
        for row in range(first, m.operations.rows):
            self._ask(flow, direction, row)
        return None

    def _ask(self, flow: cython.Py_ssize_t, direction: cython.int, row: cython.Py_ssize_t) -> object:
        """A row of a request waits for its answer."""
        m: Message = self.m
        pairing: Pairing = self.pairing
        operations: Operations = m.operations
        queue: cython.Py_ssize_t = 2 * flow + direction
        entry: cython.int
        if operations.item[row] == 0 and pairing.waiting[queue] >= self.limit:
            pairing.drop_oldest(queue)
            if self.seen[flow] & _FLOODED == 0 and self.seen[flow] & (_ANSWERED_0 << (1 - direction)):
                self.seen[flow] |= _FLOODED
                m.report(_REQUEST_FLOOD, -1, self.limit, self.limit + 1)
        entry = pairing.ask(queue, operations.item[row])
        pairing.transaction[entry] = m.request_id & _31_BITS if m.request_id >= 0 else -1
        pairing.unit[entry] = 0
        pairing.function[entry] = operations.function[row]
        pairing.subfunction[entry] = operations.subfunction[row]
        pairing.area[entry] = operations.area[row]
        pairing.object[entry] = operations.object[row]
        pairing.start[entry] = operations.start[row]
        pairing.count[entry] = operations.count[row]
        pairing.action[entry] = operations.action[row]
        pairing.frame[entry] = operations.frame[row]
        pairing.timestamp_ns[entry] = operations.timestamp_ns[row]
        return None

    def _respond(self, flow: cython.Py_ssize_t, direction: cython.int, function: cython.int, action: cython.int) -> object:
        """ResponseHeader (OPC 10000-4 7.34): time, handle, result, diagnostics, string table, header; then the response."""
        m: Message = self.m
        code: cython.longlong
        begin: cython.Py_ssize_t
        m.skip(12)
        begin = m.at
        code = m.u32()
        m.diagnostics(0)
        m.strings()
        m.extension()
        if function == _OPEN and code >> 31 == 0 and not m.wrong and m.end - m.at >= 8:
            m.skip(4)
            if m.pdus.flags[m.pdu] & _CONFLICT == 0:
                self.channel[flow] = m.u32()
            m.at = m.end
        return self._answer(flow, direction, function, action, code, begin)

    def _answer(self, flow: cython.Py_ssize_t, direction: cython.int, function: cython.int, action: cython.int, code: cython.longlong,
                begin: cython.Py_ssize_t) -> object:
        """Rows of a response; `begin` is where its result stands, -1 where it has no fields to be read."""
        m: Message = self.m
        pairing: Pairing = self.pairing
        operations: Operations = m.operations
        queue: cython.Py_ssize_t = 2 * flow + 1 - direction
        first: cython.Py_ssize_t = operations.rows
        mark: cython.uint = digest(m.data, begin, m.end) if begin >= 0 else 0
        transaction: cython.int = m.request_id & _31_BITS if m.request_id >= 0 else -1
        wanted: cython.int = -1 if function == _SERVICE_FAULT else function
        entry: cython.int = pairing.find(queue, transaction, 0, wanted, False) if pairing.first[queue] >= 0 else -1
        answered: cython.int
        row: cython.Py_ssize_t
        conflict: cython.bint = m.pdus.flags[m.pdu] & _CONFLICT != 0
        differs: cython.bint = entry >= 0 and pairing.match != _EXACT
        if differs:
            m.report(_UNASKED, -1, pairing.function[entry], function)
            entry = -1
        elif entry < 0 and transaction >= 0:
            answered = pairing.find_answered(queue, transaction, 0)
            if answered >= 0 and pairing.digest[answered] == mark:
                return None  # sent twice
            if answered >= 0 and self.seen[flow] & _LOST == 0:
                differs = True
                m.report(_CONFLICTING, -1, pairing.frame[answered], transaction)
            elif self.seen[flow] & _LOST == 0 and self.seen[flow] & (_ASKED_0 << (1 - direction)) and not conflict:
                m.report(_UNASKED, -1, -1, transaction)
        if entry >= 0:
            function = pairing.function[entry]
            m.waiting = entry
        if begin < 0 or code >> 31 or m.wrong or function == _SERVICE_FAULT:  # the answer to all that was asked
            m.answer(function, action)
            while m.waiting >= 0:
                m.answer(function, action)
            for row in range(first, operations.rows):
                m.set_status(row, code)
            if m.wrong:
                m.finish()
        else:
            m.response(function, action)
        for row in range(first, operations.rows):
            if entry >= 0:
                self.answers(operations, row, entry)
            operations.contradicts[row] = differs
        if not conflict:
            self.seen[flow] |= _ANSWERED_0 << direction
            if entry >= 0:
                self.seen[flow] &= ~_LOST
                pairing.find(queue, transaction, 0, wanted, False)
                pairing.keep_answered(queue, pairing.take(queue, entry), mark)
        return None

    def forget(self, flow: cython.Py_ssize_t) -> cython.int:
        """The flow is over; returns how many requests stayed unanswered. Publish requests wait for something to tell, and are no loss."""
        pairing: Pairing = self.pairing
        entry: cython.int
        side: cython.Py_ssize_t
        waiting: cython.int = 0
        if flow < 0 or flow >= self.flows:
            return 0
        for side in range(2 * flow, 2 * flow + 2):
            entry = pairing.first[side]
            while entry >= 0:
                if pairing.item[entry] == 0 and pairing.function[entry] == _PUBLISH:
                    waiting -= 1
                entry = pairing.next[entry]
            waiting += pairing.forget(side)
            self.next_number[side] = -1
        keys = self.open_parts.pop(flow, None)
        if keys is not None:
            for key in keys:
                self.parts.forget(key)
        self.m.forget(flow)
        self.seen[flow] = 0
        self.policy[flow] = -1
        self.channel[flow] = -1
        return waiting
