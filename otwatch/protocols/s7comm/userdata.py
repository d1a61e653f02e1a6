# cython: boundscheck=True, wraparound=False, cdivision=True, nonecheck=True
"""Userdata PDUs: function groups for programmers, cyclic reading, blocks, CPU (SZL, alarms), security, block communication, clock.

Head of the parameters: 00 01 12, length, method, type (two bits) and group (six), subfunction, sequence; then, when the method is
"extended" (0x12), number of the data unit, whether more follow, error code. The group is the low six bits of byte 5, not byte 4.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

from otwatch.limits import Limits
from otwatch.protocols.s7comm import cpu, programmer
from otwatch.protocols.s7comm.blocks import parse_name
from otwatch.protocols.s7comm.spec import GROUP_ACTIONS, GROUPS, MODE_STATES, SUBFUNCTIONS, Anomaly
from otwatch.protocols.s7comm.state import Conversation, Message, Request
from otwatch.protocols.s7comm.variables import Variables
from otwatch.tables import Operations
from otwatch.vocabulary import PduFlag

_FUNCTION_UNKNOWN = cython.declare(cython.int, Anomaly.FUNCTION_UNKNOWN)
_PARAMETER_SHORT = cython.declare(cython.int, Anomaly.PARAMETER_SHORT)
_DATA_SHORT = cython.declare(cython.int, Anomaly.DATA_SHORT)
_ANSWER_UNASKED = cython.declare(cython.int, Anomaly.ANSWER_UNASKED)
_ANSWER_MISMATCH = cython.declare(cython.int, Anomaly.ANSWER_MISMATCH)
_USERDATA = cython.declare(cython.int, Anomaly.USERDATA_PARAMETER)
_FRAGMENT = cython.declare(cython.int, Anomaly.PARTS)
_BLOCK_NAME = cython.declare(cython.int, Anomaly.BLOCK_NAME)
_UNHEARD = cython.declare(cython.int, PduFlag.UNHEARD)
_EVENT = cython.declare(cython.int, 2)
_REQUEST = cython.declare(cython.int, 0)
_RESPONSE = cython.declare(cython.int, 1)
_ACTIONS = {key: int(function.action) for key, function in SUBFUNCTIONS.items()}
_GROUP_ACTIONS = {group: int(action) for group, action in GROUP_ACTIONS.items()}


class Userdata:
    """Reads one userdata PDU at a time; what it holds between calls is only the PDU's own head."""

    def __init__(self, dissector: Any, variables: Variables, limits: Limits) -> None:
        self.dissector = dissector
        self.variables = variables
        self.part_limit = limits.application_fragment_bytes
        self.open_limit = limits.outstanding_requests

    def feed(self, message: Message) -> cython.int:
        """One userdata PDU."""
        at: cython.Py_ssize_t = message.parameters
        size: cython.Py_ssize_t = message.parameters_end - at
        message.role = _REQUEST
        if size < 8:
            message.odd(_PARAMETER_SHORT, at, 8, size)
            if size < 7:
                return 0
        kind: cython.int = message.data[at + 5] >> 6
        more: cython.int = 0
        unit: cython.int = 0
        self.group = message.data[at + 5] & 0x3F
        self.subfunction = message.data[at + 6]
        self.sequence = message.data[at + 7] if size >= 8 else 0
        self.code = 0
        message.role = _EVENT if kind == 0 else _REQUEST if kind == 1 else _RESPONSE
        if message.data[at] == 1:  # mode transition: service 1, its mode where the subfunction is
            self.group = 0
            message.role = _EVENT
        elif message.data[at + 4] == 0x13 and size >= 10:  # USEND: an R_ID in place of group and sequence
            self.group = 6
            self.subfunction = 0
            message.role = _EVENT
        else:
            if message.data[at] != 0 or message.data[at + 1] != 1 or message.data[at + 2] != 0x12 or message.data[at + 3] + 4 > size:
                message.odd(_USERDATA, at, 0x000112, message.data[at] << 16 | message.data[at + 1] << 8 | message.data[at + 2])
            if message.data[at + 3] >= 8 and size >= 12:
                unit = message.data[at + 8]
                more = message.data[at + 9]
                message.status = message.u16(at + 10)
        if kind == 3:
            message.odd(_USERDATA, at + 5, 2, kind)
        action = _ACTIONS.get((self.group, self.subfunction))
        if action is None:
            action = _GROUP_ACTIONS.get(self.group, 0)
            if self.group not in GROUPS:
                message.odd(_FUNCTION_UNKNOWN, at + 5, 0, self.group)
        self.action = action
        first: cython.Py_ssize_t = message.operations.rows
        self.pair(message)
        self.data(message, unit, more)
        if message.contradicts:
            self.dissector.contradicting(message, first)
        request: Request = message.request
        if message.role == _RESPONSE and request is not None:
            self.dissector.release(request)
        elif message.role == _REQUEST:
            self.dissector.charge(message)
        return 0

    def pair(self, message: Message) -> cython.int:
        """Requests wait for the answer with their reference."""
        request: Request
        if message.role == _REQUEST:
            request = self.dissector.remember(message, self.group, 1, self.group << 8 | self.subfunction)
            request.subfunction = self.subfunction
            request.action = self.action
        elif message.role == _RESPONSE:
            self.dissector.find(message, 1, self.group << 8 | self.subfunction)
            request = message.request
            if request is None:
                if (message.conversation.opened == 3 and not message.conversation.lost
                        and message.pdus.flags[message.pdu] & _UNHEARD == 0):
                    message.odd(_ANSWER_UNASKED, message.parameters, 1, message.reference)
                    self.dissector.second(message, 1)
            elif request.function != self.group or request.subfunction != self.subfunction:
                if not message.conversation.lost:
                    message.contradicts = True
                    message.odd(_ANSWER_MISMATCH, message.parameters + 5, request.function << 8 | request.subfunction,
                                self.group << 8 | self.subfunction)
                request.items = 0  # its addresses are not what this answers
            else:
                message.conversation.lost = 0
        return 0

    def data(self, message: Message, unit: cython.int, more: cython.int) -> cython.int:
        """The data part: return code, transport size, length, bytes. Parts of one answer are joined before they are read."""
        at: cython.Py_ssize_t = message.values
        conversation: Conversation = message.conversation
        length: cython.Py_ssize_t
        self.at = self.end = at
        if message.end - at >= 4:
            self.code = message.data[at]
            length = message.u16(at + 2)
            if 3 <= message.data[at + 1] <= 5:
                length = (length + 7) >> 3
            self.at = at + 4
            self.end = self.at + length
            if self.end > message.end:
                message.odd(_DATA_SHORT, at + 2, length, message.end - self.at)
                self.end = message.end
            # Without data 0x0A only says that there are none.
            if message.status == 0 and message.role != _REQUEST and self.code not in {0xFF, 0} and (self.code != 0x0A or length):
                message.status = self.code
        elif message.end > at:
            message.odd(_DATA_SHORT, at, 4, message.end - at)
        if unit == 0 or self.end == self.at or message.role == _REQUEST:
            return self.body(message)
        if conversation.parts is None:
            conversation.parts = {}
        key = (message.direction, self.group, self.subfunction, unit)
        if self.group == 6 and self.end - self.at >= 8 and key in conversation.parts:  # parts of BSEND each repeat the R_ID
            self.at += 8
        part = conversation.parts.pop(key, b"")
        message.drop(len(part))
        part += message.text(self.at, self.end)
        if more and len(part) <= self.part_limit and len(conversation.parts) < self.open_limit and message.hold(len(part)):
            conversation.parts[key] = part
            row = self.row(message, 0x20E, self.at, self.end)
            if message.request is not None:
                self.address(message, row)
            return 0
        if more:
            message.odd(_FRAGMENT, self.at, self.part_limit, len(part))
        if len(part) > self.end - self.at:
            octets = message.pdus.octets
            self.at = octets.append(np.frombuffer(part, np.uint8), 0, len(part))
            self.end = self.at + len(part)
            message.data = octets.data
        return self.body(message)

    def address(self, message: Message, row: cython.Py_ssize_t) -> None:
        """What an answer is about, where only its request says so."""
        request: Request = message.request
        operations: Operations = message.operations
        if request.items:
            operations.area[row] = request.cells[1]
            operations.object[row] = request.cells[2]
            operations.start[row] = request.cells[3]

    def row(self, message: Message, value_kind: cython.int, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """A row of this PDU with value bytes."""
        operations: Operations = message.operations
        row: cython.Py_ssize_t = message.row(self.group, self.action)
        operations.subfunction[row] = self.subfunction
        if end > at:
            operations.value_kind[row] = value_kind
            operations.value_at[row] = at
            operations.value_length[row] = end - at
        return row

    def body(self, message: Message) -> cython.int:
        """The rows of the PDU, by group."""
        row: cython.Py_ssize_t
        operations: Operations = message.operations
        if self.group == 2:
            return self.record(message) if self.subfunction == 8 else self.cyclic(message)
        if self.group == 3:
            return self.blocks(message)
        if self.group == 6:
            return self.transfer(message)
        if self.group == 1:
            programmer.rows(self, message)
        elif self.group == 4:
            cpu.rows(self, message)
        elif self.group == 0:
            self.row(message, 0x20E, self.at, self.end)
            cpu.state_fact(message, MODE_STATES.get(self.subfunction, ""), "s7comm.mode_transition")
        elif self.group == 5:
            self.row(message, 0x209, self.at, self.end)
        elif self.group == 7:
            self.row(message, 0x204 if self.end - self.at >= 10 else 0x20E, self.at, self.end)
        elif self.group == 0x3F:
            row = self.row(message, 0x20D if message.role == _REQUEST else 0x20E, self.at, self.end)
            if message.role == _REQUEST and self.subfunction == 6 and self.end - self.at > 2:
                operations.value_at[row] = self.at + 2
                operations.value_length[row] = self.end - self.at - 2
        else:
            self.row(message, 0x20E, self.at, self.end)
        return 0

    def cyclic(self, message: Message) -> cython.int:
        """Cyclic and change-driven reading: the request lists items, its answer names the job, pushes carry the items' data."""
        request: Request = message.request
        conversation: Conversation = message.conversation
        operations: Operations = message.operations
        i: cython.int
        row: cython.Py_ssize_t
        first: cython.Py_ssize_t
        listed: cython.int = self.subfunction in {1, 5, 7}
        if not listed or self.end - self.at < 2 or (message.role == _REQUEST and self.end - self.at < 4):
            row = self.row(message, 0x20E, self.at, self.end)
            if self.subfunction == 4:
                if message.role == _REQUEST and self.end - self.at >= 2:
                    operations.object[row] = message.data[self.at + 1]
                    if conversation.subscriptions is not None:
                        ended = conversation.subscriptions.pop((2, int(message.data[self.at + 1])), None)
                        if ended is not None:
                            message.drop(ended.charge)
                else:
                    operations.object[row] = self.sequence
            elif listed and message.status == 0:
                message.odd(_DATA_SHORT, self.at, 4, self.end - self.at)
            return 0
        count: cython.int = message.data[self.at + 1]
        first = operations.rows
        if message.role == _REQUEST:  # then time base and factor, and the items
            self.variables.read_request(message, self.at + 4, self.end, count)
            for i in range(request.items):
                message.item_row(2, self.action, request, i)
            if request.items == 0:
                message.row(2, self.action)
        else:
            if message.role == _RESPONSE:
                if request is not None and message.status == 0:
                    self.subscribe(message, request)
            elif conversation.subscriptions is not None:
                request = conversation.subscriptions.get((2, self.sequence))
                if request is not None:
                    request.cursor = 0
            self.variables.values(message, self.at + 2, self.end, count, 2, 22 if message.role == _EVENT else self.action, request)
        for row in range(first, operations.rows):
            operations.subfunction[row] = self.subfunction
        return 0

    def subscribe(self, message: Message, request: Request) -> None:
        """Remembers what a job reads, under its number; the oldest makes room."""
        conversation: Conversation = message.conversation
        if conversation.subscriptions is None:
            conversation.subscriptions = {}
        if len(conversation.subscriptions) >= self.open_limit:
            message.drop(conversation.subscriptions.pop(next(iter(conversation.subscriptions))).charge)
        before = conversation.subscriptions.pop((self.group, self.sequence), None)
        if before is not None:
            message.drop(before.charge)
        if not message.hold(48 * request.items):
            return
        kept: Request = Request()
        kept.charge = 48 * request.items
        kept.cells = memoryview(np.array(request.cells[:6 * request.items]))
        kept.items = request.items
        kept.specs = request.specs
        conversation.subscriptions[(self.group, self.sequence)] = kept

    def record(self, message: Message) -> cython.int:
        """Read a data record: an item in the request; the answer has return code, size, length of a status, the record's length."""
        operations: Operations = message.operations
        request: Request = message.request
        row: cython.Py_ssize_t
        at: cython.Py_ssize_t = self.at
        if message.role == _REQUEST and self.end - at >= 2:
            self.variables.read_request(message, at + 2, self.end, 1 if message.data[at + 1] else 0)
        row = self.row(message, 0x20E, 0, 0)
        if request is not None and request.items:
            self.address(message, row)
            operations.count[row] = request.cells[4]
        if message.role == _REQUEST or self.end - at < 6:
            return 0
        code: cython.int = message.data[at + 2]
        if code != 0xFF:
            operations.status[row] = code
            return 0
        at += 5 + message.data[at + 4] + (0 if message.data[at + 4] else 1)
        if at + 2 > self.end or at + 2 + message.u16(at) > self.end:
            message.odd(_DATA_SHORT, self.at, at + 2 - self.at, self.end - self.at)
            return 0
        operations.count[row] = message.u16(at)
        operations.value_kind[row] = 0x20E
        operations.value_at[row] = at + 2
        operations.value_length[row] = message.u16(at)
        return 0

    def blocks(self, message: Message) -> cython.int:
        """Lists of blocks, and what a block's header says."""
        operations: Operations = message.operations
        request: Request = message.request
        at: cython.Py_ssize_t = self.at
        size: cython.Py_ssize_t = self.end - at
        kind: cython.int = 0x20E
        area: cython.longlong = -1
        number: cython.longlong = -1
        if message.role == _REQUEST:
            if self.subfunction == 2 and size >= 2:
                area = parse_name(message.text(at, at + 2) + b"00000")[0]
                kind = 0x20D
            elif self.subfunction == 3 and size >= 8:
                area, number = parse_name(message.text(at, at + 8))
                kind = 0x20D
                if area < 0:
                    message.odd(_BLOCK_NAME, at, 8, size)
            request.add(0, area, number, -1, -1, 0)
        else:
            if request is not None and request.items:
                area = request.cells[1]
                number = request.cells[2]
            if message.status == 0 and size >= 4:
                kind = 0x207 if self.subfunction == 1 else 0x208
                if self.subfunction == 3:
                    kind = 0x206
                    if size < 78:
                        message.odd(_DATA_SHORT, at, 78, size)
                    else:
                        area = message.data[at + 11]
                        number = message.u16(at + 12)
        row: cython.Py_ssize_t = self.row(message, kind, at, self.end)
        operations.area[row] = area
        operations.object[row] = number
        if kind in {519, 520}:
            operations.count[row] = size // 4
        if kind == 0x206 and size >= 78:
            cpu.block_fact(message, message.text(at, at + 78))
        return 0

    def transfer(self, message: Message) -> cython.int:
        """Block communication: BSEND with its R_ID in the data, USEND with it in the parameters."""
        operations: Operations = message.operations
        at: cython.Py_ssize_t = self.at
        identity: cython.longlong = -1
        if self.subfunction == 0:
            identity = message.u32(message.parameters + 6)
        elif self.end - at >= 8:  # 12 06 13 00 R_ID, then, in the first part, a length
            identity = message.u32(at + 4)
            at += 8
            if self.end - at >= 2 and message.role == _REQUEST:
                at += 2
        row: cython.Py_ssize_t = self.row(message, 0x20E, at, self.end)
        operations.object[row] = identity
        if message.role == _REQUEST or self.subfunction == 0:
            operations.count[row] = self.end - at
        return 0
