# cython: boundscheck=True, wraparound=False, cdivision=True, nonecheck=True
"""What is remembered of a connection: requests that wait for their answer, and the message that is being read.

A Message is one object for all PDUs, filled anew for each: the bytes, where its parts are, and the tables its rows go to.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

from otwatch.protocols.s7comm.spec import Anomaly
from otwatch.tables import Operations

_HEADER_SHORT = cython.declare(cython.int, Anomaly.HEADER_SHORT)
_LENGTH_MISMATCH = cython.declare(cython.int, Anomaly.LENGTH_MISMATCH)
_PARAMETER_SHORT = cython.declare(cython.int, Anomaly.PARAMETER_SHORT)
_DATA_SHORT = cython.declare(cython.int, Anomaly.DATA_SHORT)
_USERDATA = cython.declare(cython.int, Anomaly.USERDATA_PARAMETER)
_UNSET: Any = None  # set by the owner before use; None to the compiler, anything to the type checker
_CELLS = cython.declare(cython.Py_ssize_t, 6)  # numbers of an item in Request.cells: specification, area, object, start, count, transport size


class Request:
    """A request and the addresses it asked for, until its answer comes; used again and again."""

    def __init__(self) -> None:
        self.cells = memoryview(np.zeros(4 * _CELLS, np.int64))
        self.clear()

    def clear(self) -> cython.int:
        """As new; the caller sets what it knows."""
        self.reference = -1
        self.direction = 0
        self.userdata = 0
        self.function = -1
        self.subfunction = -1
        self.action = 0
        self.frame = -1
        self.timestamp_ns = 0
        self.specs = 0
        self.items = 0
        self.cursor = 0
        self.charge = 0  # bytes counted for it in Message.held
        return 0

    def add(self, spec: cython.int, area: cython.longlong, object: cython.longlong, start: cython.longlong,
            count: cython.longlong, size: cython.longlong) -> cython.int:
        """One address; `spec` is the index of the variable specification it came from."""
        at: cython.Py_ssize_t = self.items * _CELLS
        if at == self.cells.shape[0]:
            larger = np.zeros(2 * at, np.int64)
            larger[:at] = np.asarray(self.cells)
            self.cells = memoryview(larger)
        self.cells[at] = spec
        self.cells[at + 1] = area
        self.cells[at + 2] = object
        self.cells[at + 3] = start
        self.cells[at + 4] = count
        self.cells[at + 5] = size
        self.items += 1
        return 0

    def read(self, data: cython.uchar[::1], at: cython.Py_ssize_t, end: cython.Py_ssize_t, spec: cython.int) -> cython.Py_ssize_t:
        """Reads a variable specification (0x12, length, syntax, address) and adds its addresses.

        Returns where it ends, -1 if it runs over `end`; a specification of unknown kind adds an address without area and returns
        -2 minus its end.
        """
        if at + 3 > end:
            return -1
        length: cython.Py_ssize_t = data[at + 1]
        stop: cython.Py_ssize_t = at + 2 + length
        if stop > end or length < 1:
            return -1
        syntax: cython.int = data[at + 2]
        at += 3
        area: cython.longlong
        number: cython.longlong
        start: cython.longlong
        i: cython.Py_ssize_t
        if data[at - 3] == 0x12 and syntax == 0x10 and length == 10:  # S7ANY
            number = data[at + 3] << 8 | data[at + 4]
            start = data[at + 6] << 16 | data[at + 7] << 8 | data[at + 8]
            self.add(spec, data[at + 5], number, start, data[at + 1] << 8 | data[at + 2], data[at])
            return stop
        if data[at - 3] == 0x12 and syntax == 0xB0 and length >= 7:  # DBREAD: length, DB, byte, as often as the first byte says
            for i in range(data[at]):
                if at + 6 + 5 * i > stop:
                    return -1
                number = data[at + 2 + 5 * i] << 8 | data[at + 3 + 5 * i]
                start = data[at + 4 + 5 * i] << 8 | data[at + 5 + 5 * i]
                self.add(spec, 0x84, number, 8 * start, data[at + 1 + 5 * i], 2)
            return stop
        if data[at - 3] == 0x12 and 0x82 <= syntax <= 0x84 and length == 8:  # NCK: area and unit, column, line, module, lines
            area = 0x200 + (data[at] >> 5)
            number = (data[at] & 0x1F) << 8 | data[at + 5]
            start = data[at + 3] << 8 | data[at + 4]
            start = start << 16 | data[at + 1] << 8 | data[at + 2]
            self.add(spec, area, number, start, data[at + 6], 0)
            return stop
        if data[at - 3] == 0x12 and syntax == 0xA2 and length == 10:  # Drive ES: parameter number, index
            self.add(spec, 0x210, data[at + 5] << 8 | data[at + 6], data[at + 7] << 8 | data[at + 8], 1, 0)
            return stop
        if data[at - 3] == 0x12 and syntax == 0xB2 and length >= 14:  # symbolic: area, DB or area, CRC, path of 4-byte steps
            number = data[at + 3] << 8 | data[at + 4]
            area = -1
            if data[at + 1] == 0x8A and data[at + 2] == 0x0E:
                area = 0x24E
            elif data[at + 1] == 0 and data[at + 2] == 0 and 0x50 <= number <= 0x54:
                area = 0x200 + number
                number = -1
            start = (data[at + 9] & 0x0F) << 24 | data[at + 10] << 16 | data[at + 11] << 8 | data[at + 12]
            self.add(spec, area, number, start, (length - 10) // 4, 0)
            return stop
        self.add(spec, -1, -1, -1, -1, 0)
        return -2 - stop

    def first_of(self, spec: cython.int) -> cython.int:
        """Index of the first address of a specification, -1 if it has none. Specifications are asked for in rising order."""
        while self.cursor < self.items and self.cells[self.cursor * _CELLS] < spec:
            self.cursor += 1
        if self.cursor < self.items and self.cells[self.cursor * _CELLS] == spec:
            return self.cursor
        return -1


class Conversation:
    """One flow. `unit` is the rack and slot of the called TSAP."""

    def __init__(self) -> None:
        self.opened = 0  # 1: its COTP connect was seen, 2: the confirmation; both directions are seen where both were
        self.lost = 0  # packets went unseen: what does not fit is no surprise until an answer is paired again
        self.unit = -1
        self.pdu_bytes = 0  # negotiated, 0 unknown
        self.flow = -1
        self.device_0 = -1  # who answers what direction 0 asks, and direction 1: numbers of kit.habits
        self.device_1 = -1
        self.transfers = _UNSET  # program blocks in transfer
        self.subscriptions = _UNSET  # cyclic jobs: what their pushes carry
        self.parts = _UNSET  # userdata answers over several PDUs
        self.seen = _UNSET  # digest of the last content of each list, so that facts are told once
        self.plus = _UNSET
        self.forgotten = 0
        self.held = 0  # bytes kept for it: parts of messages, blocks, addresses of requests


class Message:
    """The PDU that is being read: header .. parameters .. parameters_end .. values .. end are offsets in `data`."""

    def __init__(self) -> None:
        self.pdus = _UNSET
        self.operations = _UNSET
        self.anomalies = _UNSET
        self.facts = _UNSET
        self.pdu = 0
        self.conversation = _UNSET
        self.data = memoryview(bytearray(1))
        self.base = 0
        self.at = 0
        self.following = 0
        self.contradicts = False
        self.second_frame = -1
        self.parameters = 0
        self.parameters_end = 0
        self.values = 0
        self.end = 0
        self.protocol = 0  # of the rows
        self.layer = 0  # of the anomalies
        self.own_layer = 0  # that of S7comm
        self.direction = 0
        self.role = 0
        self.reference = -1
        self.status = 0
        self.cut = 0
        self.items_limit = 512
        self.held = 0  # bytes kept for all conversations together
        self.held_limit = 67_108_864
        self.request = _UNSET  # the request that this answers, or that this is

    def u16(self, at: cython.Py_ssize_t) -> cython.int:
        """Big-endian; the caller has checked that it is inside."""
        return self.data[at] << 8 | self.data[at + 1]

    def u32(self, at: cython.Py_ssize_t) -> cython.longlong:
        """Big-endian; the caller has checked that it is inside."""
        high: cython.longlong = self.data[at] << 8 | self.data[at + 1]
        return high << 16 | self.data[at + 2] << 8 | self.data[at + 3]

    def row(self, function: cython.int, action: cython.int) -> cython.Py_ssize_t:
        """A row of operations for this PDU, with unit, status, transaction and, for answers, request and latency."""
        operations: Operations = self.operations
        row: cython.Py_ssize_t = operations.add(self.pdus, self.pdu, self.role, self.protocol, function, action)
        operations.unit[row] = self.conversation.unit
        operations.status[row] = self.status
        operations.transaction[row] = self.reference
        if self.role == 1 and self.request is not None:
            operations.request_frame[row] = self.request.frame
            if operations.timestamp_ns[row] >= self.request.timestamp_ns:
                operations.latency_ns[row] = operations.timestamp_ns[row] - self.request.timestamp_ns
        return row

    def item_row(self, function: cython.int, action: cython.int, request: Request, item: cython.int) -> cython.Py_ssize_t:
        """A row with the address of one item of a request; the value kind is its transport size, without value yet."""
        operations: Operations = self.operations
        row: cython.Py_ssize_t = self.row(function, action)
        at: cython.Py_ssize_t = item * _CELLS
        operations.area[row] = request.cells[at + 1]
        operations.object[row] = request.cells[at + 2]
        operations.start[row] = request.cells[at + 3]
        operations.count[row] = request.cells[at + 4]
        operations.value_kind[row] = request.cells[at + 5]
        operations.item[row] = item
        return row

    def odd(self, kind: cython.int, at: cython.Py_ssize_t, needed: cython.longlong, had: cython.longlong) -> cython.int:
        """A row of anomalies; what is missing from a PDU that was not captured whole is none."""
        if self.cut and self.layer == self.own_layer and kind in (_HEADER_SHORT, _LENGTH_MISMATCH, _PARAMETER_SHORT, _DATA_SHORT, _USERDATA):
            return 0
        self.anomalies.add(self.pdus, self.pdu, 32 + self.layer, kind, at - self.base, needed, had)
        return 0

    def hold(self, size: cython.Py_ssize_t) -> cython.int:
        """May the conversation keep `size` more bytes? Counted if so; the cap is over all conversations."""
        if self.held + size > self.held_limit:
            return 0
        self.held += size
        self.conversation.held += size
        return 1

    def drop(self, size: cython.Py_ssize_t) -> cython.int:
        """`size` bytes are no longer kept."""
        self.held -= size
        self.conversation.held -= size
        return 0

    def text(self, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> bytes:
        """A copy of some bytes of the PDU."""
        return bytes(self.data[at:end])
