# cython: boundscheck=True, wraparound=False, cdivision=True, nonecheck=True
"""TPKT packets to rows: COTP, its fragments joined, then the S7 header, requests and answers paired by their reference.

What rides on COTP decides the protocol of the rows: 0x32 is S7comm, 0x72 (and TLS) S7comm-plus, OSI session is MMS.
"""

from __future__ import annotations

import cython

from otwatch.limits import Limits
from otwatch.protocols.s7comm.cotp import connect
from otwatch.protocols.s7comm.mms import Mms
from otwatch.protocols.s7comm.opening import keep, read
from otwatch.protocols.s7comm.plus import Plus
from otwatch.protocols.s7comm.spec import FUNCTIONS
from otwatch.protocols.s7comm.state import Conversation, Message, Request
from otwatch.protocols.s7comm.transfers import Transfers
from otwatch.protocols.s7comm.userdata import Userdata
from otwatch.protocols.s7comm.variables import Variables
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Octets, Operations, Pdus

_TPKT_LENGTH, _COTP_HEADER, _COTP_FRAGMENT, _NOT_S7, _HEADER_SHORT, _ROSCTR, _LENGTH_MISMATCH = 1, 2, 4, 5, 6, 7, 8
_FUNCTION_UNKNOWN, _PARAMETER_SHORT, _ANSWER_UNASKED, _ANSWER_MISMATCH, _REFERENCE_REUSED = 9, 10, 16, 17, 18
_REQUESTS_FORGOTTEN, _PDU_SIZE = 19, 20
_AFTER_GAP = cython.declare(cython.int, 1)  # PduFlag
_UNHEARD = cython.declare(cython.int, 32)
_CUT = cython.declare(cython.int, 16)
_ENDED = cython.declare(cython.int, 64)
_REQUEST = cython.declare(cython.int, 0)  # Role
_RESPONSE = cython.declare(cython.int, 1)
_ACTIONS = bytes(int(FUNCTIONS[code].action) if code in FUNCTIONS else 0 for code in range(256))


class S7Dissector:
    """The dissector of everything on TPKT. Never raises on any bytes; state per flow until `forget`."""

    def __init__(self, protocol: cython.int, limits: Limits, plus_protocol: cython.int = 0, mms_protocol: cython.int = 0) -> None:
        self.protocol = protocol
        self.plus_protocol = plus_protocol or protocol
        self.mms_protocol = mms_protocol or protocol
        self.waiting_limit = limits.outstanding_requests
        self.fragment_limit = limits.application_fragment_bytes
        self.message = Message()
        self.message.items_limit = limits.items_per_pdu
        self.message.held_limit = limits.stream_pending_total_bytes
        self.variables = Variables()
        self.transfers = Transfers(limits.outstanding_requests, limits.program_blocks_bytes)
        self.userdata = Userdata(self, self.variables, limits)
        self.plus = Plus(self, self.plus_protocol, limits)
        self.mms = Mms(self.mms_protocol)
        self.conversations = []
        self.pool = []
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

    def forget(self, flow: int) -> int:
        """The flow is over: drops its state; returns how many requests stayed unanswered."""
        if not 0 <= flow < len(self.conversations) or self.conversations[flow] is None:
            return 0
        conversation = self.conversations[flow]
        self.conversations[flow] = None
        self.message.held -= conversation.held
        self.pool.extend(conversation.waiting)
        return len(conversation.waiting) + int(conversation.forgotten)

    def conversation(self, flow: cython.int) -> Conversation:
        """The state of a flow, made when it is first asked for; a PDU without flow gets one that is thrown away."""
        if flow < 0:
            return Conversation()
        if flow >= len(self.conversations):
            self.conversations.extend([None] * (flow + 1 - len(self.conversations)))
        conversation = self.conversations[flow]
        if conversation is None:
            conversation = self.conversations[flow] = Conversation()
        return conversation

    def packet(self, message: Message) -> cython.int:
        """One TPKT packet: version 3, zero, length; then COTP: header length, type."""
        pdus: Pdus = message.pdus
        row: cython.Py_ssize_t = message.pdu
        start: cython.Py_ssize_t = pdus.start[row]
        end: cython.Py_ssize_t = pdus.end[row]
        conversation: Conversation = message.conversation
        message.base = start
        message.protocol = conversation.protocol or self.protocol
        message.layer = self.protocol
        message.direction = pdus.direction[row]
        message.cut = 1 if pdus.flags[row] & _CUT else 0
        message.status = 0
        message.reference = -1
        message.request = None
        if pdus.flags[row] & _ENDED:
            if conversation.opening is not None:
                read(message, self, 0)
            return 0
        if pdus.flags[row] & (_AFTER_GAP | _UNHEARD):
            conversation.lost = 1
        if pdus.flags[row] & _AFTER_GAP:
            self.drop_fragments(message)
        if end - start < 7:
            if not message.cut:
                message.odd(_TPKT_LENGTH, start, 7, end - start)
            return 0
        length: cython.Py_ssize_t = message.u16(start + 2)
        if length != end - start and not message.cut:
            message.odd(_TPKT_LENGTH, start + 2, length, end - start)
            end = min(end, start + length)
        at: cython.Py_ssize_t = start + 5 + message.data[start + 4]
        kind: cython.int = message.data[start + 5]
        if at > end:
            if not message.cut:
                message.odd(_COTP_HEADER, start + 4, at - start, end - start)
            return 0
        if kind not in {240, 241}:
            if not keep(message, self, start, at):
                connect(message, self, kind, start, at)
            return 0
        if at - start < 7:
            message.odd(_COTP_HEADER, start + 4, 2, at - start - 5)
            return 0
        # Classes 0 and 1 have the end mark in the third byte, classes 2 to 4 after a reference (ISO 8073 section 13.7).
        whole: cython.int = message.data[start + 8 if at - start >= 9 else start + 6] & 0x80
        return self.payload_or_part(message, at, end, whole)

    def payload_or_part(self, message: Message, at: cython.Py_ssize_t, end: cython.Py_ssize_t, whole: cython.int) -> cython.int:
        """Joins what COTP cut: parts without end mark are kept per direction, the one with it completes the message."""
        conversation: Conversation = message.conversation
        part: Octets = conversation.fragment_1 if message.direction else conversation.fragment_0
        skip: cython.int = conversation.skip_1 if message.direction else conversation.skip_0
        octets: Octets = message.pdus.octets
        if skip:
            self.skip(message, 0 if whole else 1)
            return 0
        if whole and (part is None or part.used == 0):
            return self.payload(message, at, end)
        if part is None:
            part = Octets(256)
            if message.direction:
                conversation.fragment_1 = part
            else:
                conversation.fragment_0 = part
        if part.used + end - at > self.fragment_limit or not message.hold(end - at):
            message.odd(_COTP_FRAGMENT, at, self.fragment_limit, part.used + end - at)
            self.clear(message, part)
            self.skip(message, 0 if whole else 1)
            return 0
        if end > at:
            part.append(message.data, at, end)
        if not whole and not message.cut:
            return 0
        if not whole:
            self.skip(message, 1)
        if part.used == 0:
            return 0
        at = octets.append(part.data, 0, part.used)
        end = at + part.used
        self.clear(message, part)
        message.data = octets.data
        message.base = at
        return self.payload(message, at, end)

    def skip(self, message: Message, value: cython.int) -> cython.int:
        """The rest of a message of this direction is passed over until its end mark."""
        if message.direction:
            message.conversation.skip_1 = value
        else:
            message.conversation.skip_0 = value
        return 0

    def clear(self, message: Message, part: Octets) -> cython.int:
        """The parts of a message are used or lost; a large buffer is given back."""
        message.drop(part.used)
        part.clear()
        if part.data.shape[0] > 4096:
            if message.direction:
                message.conversation.fragment_1 = None
            else:
                message.conversation.fragment_0 = None
        return 0

    def drop_fragments(self, message: Message) -> cython.int:
        """Bytes are missing: a message that was being joined cannot be whole."""
        part: Octets = message.conversation.fragment_1 if message.direction else message.conversation.fragment_0
        if part is not None and part.used:
            message.odd(_COTP_FRAGMENT, message.base, 0, part.used)
            self.clear(message, part)
        return self.skip(message, 0)

    def payload(self, message: Message, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.int:
        """A whole COTP message, told apart by its first byte."""
        if at >= end:  # an empty DT: some controllers acknowledge with it
            return 0
        first: cython.int = message.data[at]
        if first == 0x32:
            self.speaks(message, self.protocol)
            while at < end:  # more than one S7 PDU in a COTP message is wrong, and must not hide the second
                at = self.pdu(message, at, end)
            return 0
        if first == 0x72 or (20 <= first <= 23 and at + 2 < end and message.data[at + 1] == 3):
            self.speaks(message, self.plus_protocol)
            self.plus.feed(message, at, end)
            return 0
        if self.mms.speaks(message, at, end):
            self.speaks(message, self.mms_protocol)
            self.mms.feed(message, at, end)
            return 0
        message.odd(_NOT_S7, at, 0x32, first)
        return 0

    def speaks(self, message: Message, protocol: cython.int) -> cython.int:
        """The data tell the protocol of the conversation, and of the connects before them that did not."""
        if message.conversation.opening is not None:
            read(message, self, protocol)
        message.protocol = message.conversation.protocol = protocol
        return 0

    def pdu(self, message: Message, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """One S7 PDU: 0x32, type, reserved, reference, parameter and data length; answers have error class and code. Returns its end."""
        message.status = 0
        message.request = None
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
        request: Request = self.remember(message, function, 0)
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
        request: Request = message.conversation.find(message.reference, 1 - message.direction, 0)
        message.request = request
        has_function: cython.int = message.parameters < message.parameters_end
        row: cython.Py_ssize_t
        operations: Operations = message.operations
        i: cython.int
        if request is None and message.conversation.opened and not message.conversation.lost:
            message.odd(_ANSWER_UNASKED, message.base, 1, message.reference)
        if request is None and not has_function:
            message.row(-2, 0)
            return 0
        function: cython.int = message.data[message.parameters] if has_function else request.function
        if request is not None and function != request.function and not message.conversation.lost:
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
        return 0

    def remember(self, message: Message, function: cython.int, userdata: cython.int) -> Request:
        """A Request for the PDU, kept until its answer; the oldest makes room."""
        conversation: Conversation = message.conversation
        request: Request = conversation.find(message.reference, message.direction, userdata)
        pdus: Pdus = message.pdus
        layer: cython.int = message.layer
        message.layer = self.protocol
        if request is not None:
            message.drop(request.charge)
            if not conversation.lost:
                message.odd(_REFERENCE_REUSED, message.base, 0, message.reference)
            conversation.forgotten += 1
        elif len(conversation.waiting) >= self.waiting_limit:
            request = conversation.waiting.pop(0)
            message.drop(request.charge)
            message.odd(_REQUESTS_FORGOTTEN, message.base, self.waiting_limit, self.waiting_limit + 1)
            conversation.forgotten += 1
        elif self.pool:
            request = self.pool.pop()
        else:
            request = Request()
        message.layer = layer
        request.clear()
        request.reference = message.reference
        request.direction = message.direction
        request.userdata = userdata
        request.function = function
        request.frame = pdus.frame[message.pdu]
        request.timestamp_ns = pdus.timestamp_ns[message.pdu]
        conversation.waiting.append(request)
        message.request = request
        return request

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
        """The request is answered: its object is used for another, unless it grew large."""
        self.message.drop(request.charge)
        request.charge = 0
        if len(self.pool) < 4096 and request.cells.shape[0] <= 384:
            self.pool.append(request)
        return 0
