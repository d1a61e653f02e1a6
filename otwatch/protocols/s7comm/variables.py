# cython: boundscheck=True, wraparound=False, cdivision=True, nonecheck=True
"""Setup Communication, Read Var and Write Var: one row per item, with the request's address in the answer and the value's place."""

from __future__ import annotations

import cython

from otwatch.protocols.s7comm.spec import Anomaly
from otwatch.protocols.s7comm.state import Message, Request
from otwatch.tables import Operations

_PARAMETER_SHORT = cython.declare(cython.int, Anomaly.PARAMETER_SHORT)
_DATA_SHORT = cython.declare(cython.int, Anomaly.DATA_SHORT)
_ITEM_COUNT = cython.declare(cython.int, Anomaly.ITEM_COUNT)
_ITEM_SPECIFICATION = cython.declare(cython.int, Anomaly.ITEM_SPECIFICATION)
_ITEM_MISMATCH = cython.declare(cython.int, Anomaly.ITEM_MISMATCH)
_VALUE_LENGTH = cython.declare(cython.int, Anomaly.VALUE_LENGTH)
_ANSWER_SIZE = cython.declare(cython.int, Anomaly.ANSWER_SIZE)
_USUAL_ITEMS = 20  # what fits into the answer of a PDU of 240 bytes
_REQUEST = cython.declare(cython.int, 0)
_DATA_KIND = cython.declare(cython.int, 0x100)
_SETUP_KIND = cython.declare(cython.int, 0x203)


@cython.cfunc
@cython.inline
def _bits(size: cython.longlong) -> cython.int:
    """Bits of one unit of an item's transport size, 0 unknown; spec.TRANSPORT_SIZES says the same."""
    if size == 1:
        return 1
    if size in {2, 3}:
        return 8
    if size in {4, 5, 9, 12} or 28 <= size <= 32:
        return 16
    if 6 <= size <= 8 or size in {10, 11}:
        return 32
    if size == 15:
        return 64
    return 0


class Variables:
    """The functions 0xF0, 0x04 and 0x05."""

    def setup(self, message: Message) -> cython.int:
        """Setup Communication: reserved byte, jobs of caller and called, PDU size; the answer's size is the one that holds."""
        at: cython.Py_ssize_t = message.parameters
        operations: Operations = message.operations
        row: cython.Py_ssize_t = message.row(0xF0, 21)
        if message.parameters_end - at < 8:
            if message.role == _REQUEST or message.status == 0:
                message.odd(_PARAMETER_SHORT, at, 8, message.parameters_end - at)
            return 0
        operations.start[row] = message.u16(at + 2)
        operations.object[row] = message.u16(at + 4)
        operations.count[row] = message.u16(at + 6)
        operations.value_kind[row] = _SETUP_KIND
        operations.value_at[row] = at + 2
        operations.value_length[row] = 6
        if message.role != _REQUEST and message.status == 0:
            message.conversation.pdu_bytes = message.u16(at + 6)
        return 0

    def read_request(self, message: Message, at: cython.Py_ssize_t, end: cython.Py_ssize_t, count: cython.int) -> cython.int:
        """Reads `count` variable specifications into message.request, each but the last filled to an even length."""
        request: Request = message.request
        i: cython.int
        stop: cython.Py_ssize_t
        for i in range(count):
            if request.items >= message.items_limit:
                message.odd(_ITEM_COUNT, at, message.items_limit, count)
                break
            stop = request.read(message.data, at, end, i)
            if stop == -1:
                message.odd(_PARAMETER_SHORT, at, count, i)
                break
            if stop < 0:
                stop = -2 - stop
                message.odd(_ITEM_SPECIFICATION, at, 0x12, message.data[at + 2])
            request.specs = i + 1
            at = stop + ((stop - at) & 1)
        return 0

    def job(self, message: Message) -> cython.int:
        """A Read Var or Write Var request."""
        request: Request = message.request
        function: cython.int = request.function
        if message.parameters_end - message.parameters < 2:
            message.odd(_PARAMETER_SHORT, message.parameters, 2, message.parameters_end - message.parameters)
            message.row(function, request.action)
            return 0
        count: cython.int = message.data[message.parameters + 1]
        if count > _USUAL_ITEMS:
            message.odd(_ITEM_COUNT, message.parameters + 1, _USUAL_ITEMS, count)
        self.read_request(message, message.parameters + 2, message.parameters_end, count)
        i: cython.int
        if function == 5:
            self.values(message, message.values, message.end, request.specs, function, request.action, request)
            return 0
        self.fits(message, request)
        for i in range(request.items):
            message.item_row(function, request.action, request, i)
        if request.items == 0:
            message.row(function, request.action)
        return 0

    def fits(self, message: Message, request: Request) -> cython.int:
        """Whether the answer to a read can be within the PDU size that was agreed: header, two bytes, and per item four and its values."""
        i: cython.int
        size: cython.longlong = 14
        bits: cython.longlong
        most: cython.longlong = message.conversation.pdu_bytes
        if most <= 0:
            return 0
        for i in range(request.items):
            bits = _bits(request.cells[6 * i + 5]) * request.cells[6 * i + 4]
            if bits > 0:
                size += 4 + ((bits + 7) >> 3)
        if size > most:
            message.odd(_ANSWER_SIZE, message.parameters + 1, most, size)
        return 0

    def answer(self, message: Message) -> cython.int:
        """A Read Var or Write Var answer; without its request the rows have no address."""
        request: Request = message.request
        function: cython.int = message.data[message.parameters] if message.parameters < message.parameters_end else request.function
        action: cython.int = 1 if function == 4 else 2
        count: cython.int = 0
        i: cython.int
        item: cython.int
        row: cython.Py_ssize_t
        operations: Operations = message.operations
        if message.parameters_end - message.parameters >= 2:
            count = message.data[message.parameters + 1]
        elif message.status == 0:
            message.odd(_PARAMETER_SHORT, message.parameters, 2, message.parameters_end - message.parameters)
        if request is not None and request.function != function:  # its addresses are not what this answers
            request = None
        if request is not None:
            request.cursor = 0  # its own data moved it
        if request is not None and message.status == 0 and count != request.specs and not message.conversation.lost:
            message.contradicts = True
            message.odd(_ITEM_MISMATCH, message.parameters + 1, request.specs, count)
        if message.status != 0 and message.values >= message.end:  # refused as a whole: every address of the request was
            if request is None or request.items == 0:
                message.row(function, action)
                return 0
            for i in range(request.items):
                message.item_row(function, action, request, i)
            return 0
        if function == 4:
            self.values(message, message.values, message.end, count, function, action, request)
            return 0
        for i in range(count):  # Write Var: one return code each
            if message.values + i >= message.end:
                message.odd(_DATA_SHORT, message.values + i, count, i)
                break
            item = -1 if request is None else request.first_of(i)
            row = message.row(function, action) if item < 0 else message.item_row(function, action, request, item)
            operations.item[row] = i
            operations.status[row] = 0 if message.data[message.values + i] == 0xFF else message.data[message.values + i]
        if count == 0:
            message.row(function, action)
        return 0

    def values(self, message: Message, at: cython.Py_ssize_t, end: cython.Py_ssize_t, count: cython.int, function: cython.int,
               action: cython.int, request: Request) -> cython.Py_ssize_t:
        """Rows for `count` data items (return code, transport size, length, bytes), with the addresses of `request` where there is one.

        Returns where the data end. In a request the return code means nothing. An address without data (cut short) is a row all the same.
        """
        operations: Operations = message.operations
        i: cython.int
        item: cython.int
        code: cython.int
        size: cython.int
        length: cython.Py_ssize_t
        needed: cython.longlong
        row: cython.Py_ssize_t
        whole: cython.int = 1
        rows: cython.int = 0
        for i in range(count):
            item = -1 if request is None else request.first_of(i)
            if item < 0 and (at + 4 > end or not whole):
                if whole and not (at < end and message.data[at] != 0xFF and message.role != _REQUEST):
                    message.odd(_DATA_SHORT, at, count, i)
                break
            row = message.row(function, action) if item < 0 else message.item_row(function, action, request, item)
            operations.item[row] = i
            rows += 1
            if item >= 0:  # the other addresses of the same specification share its data
                while item + 1 < request.items and request.cells[6 * (item + 1)] == i:
                    item += 1
                    operations.item[message.item_row(function, action, request, item)] = i
            if not whole:
                continue
            if at >= end:
                message.odd(_DATA_SHORT, at, count, i)
                whole = 0
                continue
            code = message.data[at]
            if message.role != _REQUEST:
                operations.status[row] = 0 if code in {0xFF, 0} else code
            if at + 4 > end:
                if code in {0xFF, 0} or i + 1 < count or message.role == _REQUEST:
                    message.odd(_DATA_SHORT, at, 4, end - at)
                whole = 0
                continue
            size = message.data[at + 1]
            length = message.u16(at + 2)
            if 3 <= size <= 5:
                length = (length + 7) >> 3
            if code not in {0xFF, 0} and message.role != _REQUEST:
                length = 0
            if size in {17, 18}:  # addresses of the NCK, not data
                whole = 0
                continue
            at += 4
            if at + length > end:
                message.odd(_DATA_SHORT, at, length, end - at)
                length = end - at
                whole = 0
            if operations.value_kind[row] <= 0:
                operations.value_kind[row] = _DATA_KIND + size
            operations.value_at[row] = at
            operations.value_length[row] = length
            if function == 5 and whole and item >= 0:
                needed = (operations.count[row] * _bits(operations.value_kind[row]) + 7) >> 3
                if needed > 0 and needed != length and operations.value_kind[row] < 32:
                    message.odd(_VALUE_LENGTH, at, needed, length)
            at += length
            if i + 1 < count and length & 1:
                at += 1
        if rows == 0:
            message.row(function, action)
        return at
