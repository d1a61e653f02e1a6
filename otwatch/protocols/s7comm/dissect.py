# cython: boundscheck=True, wraparound=False, cdivision=True, nonecheck=True
"""Messages of TPKT to rows: the S7 header, requests and answers paired by their reference; S7comm-plus, on the same connections, in plus.py."""

from __future__ import annotations

import cython

from otwatch.limits import Limits
from otwatch.protocols.kit.cotp import CONTROL, Cotp, called_tsap
from otwatch.protocols.kit.habits import BEGAN, HABIT, IDENTIFIER, KINDS, LOW, Habits
from otwatch.protocols.kit.pairing import EXACT, OTHER_FUNCTION, Pairing
from otwatch.protocols.s7comm.plus import Plus
from otwatch.protocols.s7comm.spec import FUNCTIONS, Anomaly
from otwatch.protocols.s7comm.state import Conversation, Message, Request
from otwatch.protocols.s7comm.transfers import Transfers
from otwatch.protocols.s7comm.userdata import Userdata
from otwatch.protocols.s7comm.variables import Variables
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus

_HEADER_SHORT = cython.declare(cython.int, Anomaly.HEADER_SHORT)
_ROSCTR = cython.declare(cython.int, Anomaly.ROSCTR)
_LENGTH_MISMATCH = cython.declare(cython.int, Anomaly.LENGTH_MISMATCH)
_FUNCTION_UNKNOWN = cython.declare(cython.int, Anomaly.FUNCTION_UNKNOWN)
_PARAMETER_SHORT = cython.declare(cython.int, Anomaly.PARAMETER_SHORT)
_ANSWER_UNASKED = cython.declare(cython.int, Anomaly.ANSWER_UNASKED)
_ANSWER_MISMATCH = cython.declare(cython.int, Anomaly.ANSWER_MISMATCH)
_REFERENCE_REUSED = cython.declare(cython.int, Anomaly.REFERENCE_REUSED)
_REQUESTS_FORGOTTEN = cython.declare(cython.int, Anomaly.REQUESTS_FORGOTTEN)
_PDU_SIZE = cython.declare(cython.int, Anomaly.PDU_SIZE)
_DEVIATING = cython.declare(cython.int, Anomaly.DEVIATING_ANSWER)
_FOREIGN = cython.declare(cython.int, Anomaly.FOREIGN_ANSWER)
_QUIRK = cython.declare(cython.int, Anomaly.DEVICE_QUIRK)
_CONTROL = cython.declare(cython.int, CONTROL)
_CONNECT = cython.declare(cython.int, Cotp.CR)
_CONFIRM = cython.declare(cython.int, Cotp.CC)
_EXACT = cython.declare(cython.int, EXACT)
_OTHER_FUNCTION = cython.declare(cython.int, OTHER_FUNCTION)
_IDENTIFIER = cython.declare(cython.int, IDENTIFIER)
_LOW = cython.declare(cython.int, LOW)
_KINDS = cython.declare(cython.int, KINDS)
_HABIT = cython.declare(cython.int, HABIT)
_BEGAN = cython.declare(cython.int, BEGAN)
_AFTER_GAP = cython.declare(cython.int, 1)  # PduFlag
_UNHEARD = cython.declare(cython.int, 32)
_CUT = cython.declare(cython.int, 16)
_CONFLICT = cython.declare(cython.int, 2)
_ENDED = cython.declare(cython.int, 64)
_REQUEST = cython.declare(cython.int, 0)  # Role
_RESPONSE = cython.declare(cython.int, 1)
_ACTIONS = bytes(int(FUNCTIONS[code].action) if code in FUNCTIONS else 0 for code in range(256))


class S7Dissector:
    """The dissector of S7comm and S7comm-plus. Never raises on any bytes; state per flow until `forget`."""

    def __init__(self, protocol: cython.int, limits: Limits, plus_protocol: cython.int = 0) -> None:
        self.protocol = protocol
        self.plus_protocol = plus_protocol or protocol
        self.waiting_limit = limits.outstanding_requests
        self.message = Message()
        self.message.own_layer = protocol
        self.message.items_limit = limits.items_per_pdu
        self.message.held_limit = limits.stream_pending_total_bytes
        self.variables = Variables()
        self.transfers = Transfers(limits.outstanding_requests, limits.program_blocks_bytes)
        self.userdata = Userdata(self, self.variables, limits)
        self.plus = Plus(self, self.plus_protocol, limits)
        self.conversations = []
        self.pool = []
        self.pairing = Pairing(limits.outstanding_requests)
        self.habits = Habits("s7comm.answers")
        self.shared = False  # the request at hand still waits: its answer is of another reading of the stream
        self.actions = memoryview(bytearray(_ACTIONS))

    def feed(self, pdus: Pdus, operations: Operations, anomalies: Anomalies, facts: list[Fact]) -> None:
        """Appends the rows of a batch in PDU order."""
        message: Message = self.message
        message.pdus = pdus
        message.operations = operations
        message.anomalies = anomalies
        message.facts = facts
        message.data = pdus.octets.data
        i: cython.Py_ssize_t
        for i in range(pdus.rows):
            message.pdu = i
            message.conversation = self.conversation(pdus.flow[i])
            self.packet(message)

    def device(self, message: Message, direction: cython.int) -> cython.int:
        """The number of the device that answers what a direction asks; -1 before its first answer is `habits.device`'s."""
        conversation: Conversation = message.conversation
        found: cython.int = conversation.device_1 if direction else conversation.device_0
        if found < 0:
            if message.direction == direction:
                return 0
            found = self.habits.device(message.pdus, message.pdu)
            if direction:
                conversation.device_1 = found
            else:
                conversation.device_0 = found
        return found

    def forget(self, flow: int) -> int:
        """The flow is over: drops its state; returns how many requests stayed unanswered."""
        if not 0 <= flow < len(self.conversations) or self.conversations[flow] is None:
            return 0
        conversation = self.conversations[flow]
        self.conversations[flow] = None
        self.message.held -= conversation.held
        return int(self.pairing.forget(2 * flow)) + int(self.pairing.forget(2 * flow + 1)) + int(conversation.forgotten)

    def conversation(self, flow: cython.int) -> Conversation:
        """The state of a flow, made when it is first asked for; a PDU without flow gets one that is thrown away."""
        if flow < 0:
            return Conversation()
        if flow >= len(self.conversations):
            self.conversations.extend([None] * (flow + 1 - len(self.conversations)))
        conversation = self.conversations[flow]
        if conversation is None:
            conversation = self.conversations[flow] = Conversation()
            conversation.flow = flow
            self.pairing.make_room(2 * flow + 1)
        return conversation

    def packet(self, message: Message) -> cython.int:
        """One message of the carrier, or a TPDU without data: of a connect, the called TSAP names rack and slot."""
        pdus: Pdus = message.pdus
        row: cython.Py_ssize_t = message.pdu
        at: cython.Py_ssize_t = pdus.start[row]
        end: cython.Py_ssize_t = pdus.end[row]
        conversation: Conversation = message.conversation
        message.base = at
        message.protocol = self.protocol
        message.layer = self.protocol
        message.direction = pdus.direction[row]
        message.cut = 1 if pdus.flags[row] & _CUT else 0
        message.status = 0
        message.reference = -1
        message.request = None
        if pdus.flags[row] & _ENDED:
            return 0
        if pdus.flags[row] & (_AFTER_GAP | _UNHEARD):
            conversation.lost = 1
        if pdus.framing[row] == _CONTROL:
            if message.data[at + 1] & 0xF0 == _CONFIRM:
                conversation.opened |= 2
            if message.data[at + 1] & 0xF0 == _CONNECT:
                conversation.opened |= 1
                called = called_tsap(message.text(at, end))
                conversation.unit = called[1] if len(called) == 2 and called[0] else -1
            return 0
        if message.data[at] != 0x32:
            message.protocol = self.plus_protocol
            self.plus.feed(message, at, end)
            return 0
        while at < end:  # more than one S7 PDU in a COTP message is wrong, and must not hide the second
            at = self.pdu(message, at, end)
        return 0

    def pdu(self, message: Message, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """One S7 PDU: 0x32, type, reserved, reference, parameter and data length; answers have error class and code. Returns its end."""
        message.status = 0
        message.request = None
        message.at = at
        message.contradicts = False
        if end - at < 10:
            message.odd(_HEADER_SHORT, at, 10, end - at)
            return end
        kind: cython.int = message.data[at + 1]
        header: cython.int = 12 if kind in {2, 3} else 10
        if kind not in {1, 2, 3, 7}:
            message.odd(_ROSCTR, at + 1, 1, kind)
            return end
        if end - at < header:
            message.odd(_HEADER_SHORT, at, header, end - at)
            return end
        message.reference = message.u16(at + 4)
        if header == 12:
            message.status = message.u16(at + 10)
        message.parameters = at + header
        message.parameters_end = message.parameters + message.u16(at + 6)
        message.values = message.parameters_end
        message.end = message.values + message.u16(at + 8)
        size: cython.Py_ssize_t = message.end - at
        if message.end != end:
            message.odd(_LENGTH_MISMATCH, at + 6, size, end - at)
            message.parameters_end = message.values = min(message.parameters_end, end)
            message.end = min(message.end, end)
        if 0 < message.conversation.pdu_bytes < size:
            message.odd(_PDU_SIZE, at + 6, message.conversation.pdu_bytes, size)
        following: cython.Py_ssize_t = message.end
        message.following = following
        if kind == 1:
            message.role = _REQUEST
            self.job(message)
            self.charge(message)
        elif kind == 7:
            self.userdata.feed(message)
        else:
            message.role = _RESPONSE
            self.answer(message)
        if following + 10 <= end and message.data[following] == 0x32:
            return following
        return end

    def job(self, message: Message) -> cython.int:
        """A request: its function is its first parameter."""
        if message.parameters >= message.parameters_end:
            message.odd(_PARAMETER_SHORT, message.parameters, 1, 0)
            return 0
        function: cython.int = message.data[message.parameters]
        request: Request = self.remember(message, function, 0, function)
        request.action = self.actions[function]
        if function in {4, 5}:
            return self.variables.job(message)
        if function == 0xF0:
            return self.variables.setup(message)
        if 0x1A <= function <= 0x1F:
            return self.transfers.job(message)
        if function == 0x28:
            return self.transfers.invoke(message)
        if function == 0x29:
            return self.transfers.stop(message)
        if function != 0:
            message.odd(_FUNCTION_UNKNOWN, message.parameters, 0, function)
        message.row(function, 0)
        return 0

    def answer(self, message: Message) -> cython.int:
        """An answer: paired by reference with a request of the other direction, whose addresses it takes."""
        has_function: cython.int = message.parameters < message.parameters_end
        row: cython.Py_ssize_t
        self.find(message, 0, cython.cast(cython.int, message.data[message.parameters]) if has_function else -1)
        request: Request = message.request
        first: cython.Py_ssize_t = message.operations.rows
        operations: Operations = message.operations
        i: cython.int
        if (request is None and message.conversation.opened == 3 and not message.conversation.lost
                and message.pdus.flags[message.pdu] & (_CONFLICT | _UNHEARD) == 0):
            message.odd(_ANSWER_UNASKED, message.base, 1, message.reference)
            self.second(message, 0)
        if request is None and not has_function:
            message.row(-2, 0)
            return 0
        function: cython.int = message.data[message.parameters] if has_function else request.function
        if request is not None and function != request.function and not message.conversation.lost:
            message.contradicts = True
            message.odd(_ANSWER_MISMATCH, message.parameters, request.function, function)
        if function in {4, 5}:
            self.variables.answer(message)
        elif function == 0xF0:
            self.variables.setup(message)
        elif 0x1A <= function <= 0x1F:
            self.transfers.answer(message)
        elif request is None or request.function != function:
            message.row(function, self.actions[function])
        else:
            for i in range(max(1, request.items)):
                row = message.row(function, request.action)
                operations.subfunction[row] = request.subfunction
                operations.item[row] = i
                if request.items:
                    operations.area[row] = request.cells[6 * i + 1]
                    operations.object[row] = request.cells[6 * i + 2]
        if request is not None:
            if function == request.function:
                message.conversation.lost = 0
            self.release(request)
        if message.contradicts:
            self.contradicting(message, first)
        return 0

    def contradicting(self, message: Message, first: cython.Py_ssize_t) -> cython.int:
        """Marks the rows of an answer that does not fit its request: it confirms nothing."""
        row: cython.Py_ssize_t
        for row in range(first, message.operations.rows):
            message.operations.contradicts[row] = 1
            if message.request is None:
                message.operations.request_frame[row] = message.second_frame
        return 0

    def find(self, message: Message, userdata: cython.int, key: cython.int) -> cython.int:
        """Sets message.request to what an answer answers, or None.

        By reference; requests with one reference are a queue, a fitting function first. Where the device's references are useless, in order.
        """
        pairing: Pairing = self.pairing
        flow: cython.int = message.conversation.flow
        flags: cython.int = message.pdus.flags[message.pdu]
        queue: cython.Py_ssize_t = 2 * flow + 1 - message.direction
        entry: cython.int = -1
        device: cython.int
        said: cython.int
        kind: cython.int
        message.request = None
        self.shared = False
        if flow < 0:
            return 0
        if pairing.first[queue] >= 0:
            entry = pairing.find(queue, message.reference, userdata, key, False)
            if entry >= 0 and pairing.match > _OTHER_FUNCTION:
                entry = -1
        if flags & _CONFLICT:  # of another reading: it takes nothing away from the answer that the other one may hold
            if entry >= 0 and pairing.match == _EXACT:
                message.request = pairing.payload[entry]
                self.shared = True
            return 0
        if entry < 0 and pairing.first[queue] >= 0 and userdata < 2 and message.conversation.lost == 0:
            device = self.device(message, 1 - message.direction)
            entry = pairing.in_order(queue, userdata, key, False)
            if entry >= 0:
                kind = _LOW if message.reference == pairing.transaction[entry] & 0xFF else _IDENTIFIER
                if pairing.waiting[queue] != 1 and not self.habits.is_habit(device, kind):
                    entry = -1
                else:
                    said = self.habits.deviates(device, kind, message.pdus, message.pdu, "references of jobs are not copied into answers",
                                                message.facts)
                    message.odd(_QUIRK if said == _HABIT else _DEVIATING if said == _BEGAN else _FOREIGN, message.at, pairing.transaction[entry],
                                message.reference)
        elif entry >= 0 and pairing.match == _EXACT and message.reference > 0 and userdata < 2:
            device = self.device(message, 1 - message.direction)
            self.habits.good[_KINDS * device] += 1
            if message.reference > 255:
                self.habits.good[_KINDS * device + _LOW] += 1
            if self.habits.odd[device] and self.habits.ended(device, _IDENTIFIER):
                message.odd(_DEVIATING, message.at, message.reference, message.reference)
        if entry < 0:
            return 0
        message.request = pairing.payload[entry]
        pairing.payload[entry] = None
        pairing.keep_answered(queue, pairing.take(queue, entry), 0)
        return 0

    def second(self, message: Message, userdata: cython.int) -> cython.int:
        """An answer to nothing that waits: perhaps the second one to something answered just before, which it then contradicts."""
        pairing: Pairing = self.pairing
        entry: cython.int
        if message.conversation.flow < 0:
            return 0
        entry = pairing.find_answered(2 * message.conversation.flow + 1 - message.direction, message.reference, userdata)
        if entry >= 0:
            message.contradicts = True
            message.second_frame = pairing.frame[entry]
        return 0

    def remember(self, message: Message, function: cython.int, userdata: cython.int, key: cython.int) -> Request:
        """A Request for the PDU, kept until its answer; the oldest makes room. `key` is what an answer must say to fit."""
        conversation: Conversation = message.conversation
        pairing: Pairing = self.pairing
        pdus: Pdus = message.pdus
        queue: cython.Py_ssize_t = 2 * conversation.flow + message.direction
        request: Request
        entry: cython.int
        layer: cython.int = message.layer
        self.shared = False
        request = self.pool.pop() if self.pool else Request()
        request.clear()
        request.reference = message.reference
        request.function = function
        request.frame = pdus.frame[message.pdu]
        request.timestamp_ns = pdus.timestamp_ns[message.pdu]
        message.request = request
        if conversation.flow < 0:
            return request
        message.layer = self.protocol
        if pairing.first[queue] >= 0:
            if (userdata < 2 and not conversation.lost and pairing.find(queue, message.reference, userdata, -1, False) >= 0
                    and pairing.match == _EXACT):
                message.odd(_REFERENCE_REUSED, message.base, 0, message.reference)
            if pairing.waiting[queue] >= self.waiting_limit:
                entry = pairing.first[queue]
                self.release(pairing.payload[entry])
                pairing.payload[entry] = None
                pairing.drop_oldest(queue)
                message.odd(_REQUESTS_FORGOTTEN, message.base, self.waiting_limit, self.waiting_limit + 1)
                conversation.forgotten += 1
        message.layer = layer
        entry = pairing.ask(queue, 0)
        pairing.transaction[entry] = message.reference
        pairing.unit[entry] = userdata
        pairing.function[entry] = key
        pairing.frame[entry] = request.frame
        pairing.timestamp_ns[entry] = request.timestamp_ns
        pairing.keep(entry, request)
        return request

    def unwanted(self, message: Message) -> cython.int:
        """The request at hand wants no answer: it does not wait for one."""
        pairing: Pairing = self.pairing
        queue: cython.Py_ssize_t = 2 * message.conversation.flow + message.direction
        entry: cython.int
        before: cython.int = -1
        if message.conversation.flow < 0:
            return 0
        entry = pairing.first[queue]
        while entry != pairing.last[queue]:
            before = entry
            entry = pairing.next[entry]
        pairing.payload[entry] = None
        pairing.before = before
        pairing.free_run(pairing.take(queue, entry))
        return 0

    def charge(self, message: Message) -> cython.int:
        """Counts the addresses that a waiting request keeps; beyond the cap they are forgotten, and its answer will have none."""
        request: Request = message.request
        if request is None or request.items == 0:
            return 0
        size: cython.Py_ssize_t = 48 * request.items
        if message.hold(size):
            request.charge = size
        else:
            request.items = 0
            message.odd(_REQUESTS_FORGOTTEN, message.base, message.held_limit, message.held + size)
        return 0

    def release(self, request: Request) -> cython.int:
        """The request is answered, or forgotten: its object is used for another, unless it grew large."""
        if request is None or self.shared:
            return 0
        self.message.drop(request.charge)
        request.charge = 0
        if len(self.pool) < 4096 and request.cells.shape[0] <= 384:
            self.pool.append(request)
        return 0
