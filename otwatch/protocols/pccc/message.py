# cython: boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
"""The command in hand: its parameters read with bounds (1770-6.5.16 7 and 13), rows and anomalies made for it.

Numbers above 254 take three bytes: FF, then 16 bits. Readers give the place behind what they read, or -1 where the bytes end, said once.
"""

from __future__ import annotations

import cython
import numpy as np

from otwatch.actions import Action, Role
from otwatch.protocols.kit.rows import Rows
from otwatch.protocols.pccc import spec
from otwatch.protocols.pccc.spec import Anomaly, Layout
from otwatch.protocols.pccc.values import parsed_address
from otwatch.protocols.spec import Fact
from otwatch.tables import Operations, Pdus
from otwatch.vocabulary import PduFlag

_CUT = cython.declare(cython.int, PduFlag.CUT)
_REQUEST = cython.declare(cython.int, Role.REQUEST)
_READ = cython.declare(cython.int, Action.READ)
_WRITE = cython.declare(cython.int, Action.WRITE)
_FORCE = cython.declare(cython.int, Action.FORCE)
_TIME_SET = cython.declare(cython.int, Action.TIME_SET)
_UPLOAD = cython.declare(cython.int, Action.PROGRAM_UPLOAD)
_DOWNLOAD = cython.declare(cython.int, Action.PROGRAM_DOWNLOAD)
_TRUNCATED = cython.declare(cython.int, Anomaly.TRUNCATED)
_UNKNOWN_FUNCTION = cython.declare(cython.int, Anomaly.UNKNOWN_FUNCTION)
_SIZE = cython.declare(cython.int, Anomaly.SIZE)
_TOO_MANY_ITEMS = cython.declare(cython.int, Anomaly.TOO_MANY_ITEMS)
_COMMAND = cython.declare(cython.int, spec.COMMAND)
_CLOCK = cython.declare(cython.int, spec.CLOCK)
_MASKED = cython.declare(cython.int, spec.MASKED)
_AREA_WORD = cython.declare(cython.int, spec.AREA_WORD)
_WORDS = cython.declare(cython.int, spec.WORDS)
_DATA = cython.declare(cython.int, spec.VALUE_DATA)
_MASKED_VALUE = cython.declare(cython.int, spec.VALUE_MASKED)
_BYTES = cython.declare(cython.int, spec.VALUE_BYTES)
_TYPED = cython.declare(cython.int, spec.VALUE_TYPED)
_MASKS = cython.declare(cython.int, spec.VALUE_MASKS)
_FIELDS_2 = cython.declare(cython.int, Layout.FIELDS_2)
_FIELDS_3 = cython.declare(cython.int, Layout.FIELDS_3)
_FILE = cython.declare(cython.int, Layout.FILE)
_RANGE_READ = cython.declare(cython.int, Layout.RANGE_READ)
_RANGE_WRITE = cython.declare(cython.int, Layout.RANGE_WRITE)
_TYPED_READ = cython.declare(cython.int, Layout.TYPED_READ)
_TYPED_WRITE = cython.declare(cython.int, Layout.TYPED_WRITE)
_ADDRESSES = cython.declare(cython.int, Layout.ADDRESSES)
_LIST = cython.declare(cython.int, Layout.LIST)
_MULTIPLE = cython.declare(cython.int, Layout.MULTIPLE)
_SYMBOL_BYTES = 64  # of an address in text


def _sizes() -> memoryview:
    """Bytes of an element by file type; 0 where it is not known."""
    return memoryview(np.array([spec.FILE_TYPES[code][2] if code in spec.FILE_TYPES else 0 for code in range(256)], np.int32))


def _layouts() -> memoryview:
    return memoryview(bytes(spec.LAYOUTS.get(code, Layout.NONE) for code in range(256)))


class Message(Rows):
    """One at a time; `open` moves to the next PDU."""

    def __init__(self, protocol: cython.int, items: cython.int) -> None:
        Rows.__init__(self, protocol)
        self.items = items
        self.sizes = _sizes()
        self.layouts = _layouts()

    def open(self, pdu: cython.Py_ssize_t) -> object:
        """The next PDU."""
        self.pdu = pdu
        self.first = self.pdus.start[pdu]
        self.end = self.pdus.end[pdu]
        self.cut = self.pdus.flags[pdu] & _CUT != 0
        self.command = self.transaction = -1
        self.unit = self.pdus.channel[pdu]
        self.unit_folded = cython.cast(cython.int, (self.unit ^ self.unit >> 31) & 0x7FFF_FFFF)
        self.item = 0
        self.wrong = False
        self.row_first = self.operations.rows
        return None

    def row(self, role: cython.int, subfunction: cython.int, action: cython.int) -> cython.Py_ssize_t:
        """A new row of operations for this message."""
        row: cython.Py_ssize_t = self.operations.add(self.pdus, self.pdu, role, self.protocol, self.command, action)
        self.operations.unit[row] = self.unit
        self.operations.subfunction[row] = subfunction
        self.operations.transaction[row] = self.transaction
        self.operations.item[row] = self.item
        self.item += 1
        return row

    def fact(self, kind: str, value: str, confidence: float) -> Fact:
        """What the message says about its sender."""
        pdus: Pdus = self.pdus
        return Fact(timestamp_ns=int(pdus.timestamp_ns[self.pdu]), frame=int(pdus.frame[self.pdu]), flow=int(pdus.flow[self.pdu]),
                    address=int(pdus.source[self.pdu]), child=spec.unit_name(int(self.unit)), kind=kind, value=value,
                    source="pccc.diagnostic_status", confidence=confidence)

    def short(self, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """The bytes end at `end`, before what should stand at `at`: -1."""
        if not self.wrong and not (self.cut and end == self.end):
            self.report(_TRUNCATED, end - self.first, at + 1 - self.first, end - self.first)
        self.wrong = True
        return -1

    def byte(self, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """One byte, into `number`."""
        if at < 0:
            return -1
        if at >= end:
            return self.short(at, end)
        self.number = self.data[at]
        return at + 1

    def word(self, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """16 bits, into `number`."""
        if at < 0:
            return -1
        if at + 2 > end:
            return self.short(at + 1, end)
        self.number = self.data[at] | self.data[at + 1] << 8
        return at + 2

    def compact(self, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """A number of an address, into `number`."""
        at = self.byte(at, end)
        if at >= 0 and self.number == 0xFF:
            return self.word(at, end)
        return at

    def value(self, row: cython.Py_ssize_t, kind: cython.int, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> object:
        """Where the value of a row is."""
        if at >= 0 and end > at:
            self.operations.value_kind[row] = kind
            self.operations.value_at[row] = at
            self.operations.value_length[row] = end - at
        return None

    def answer_value(self, row: cython.Py_ssize_t, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> object:
        """The data of a reply to a read."""
        kind: cython.int = _BYTES
        layout: cython.int = self.layouts[self.operations.subfunction[row] & 0xFF] if self.command == _COMMAND else 0
        if layout in (_FIELDS_2, _FIELDS_3, _FILE):
            kind = _DATA
        elif layout == _TYPED_READ:
            kind = _TYPED
        return self.value(row, kind, at, end)

    # ---- commands

    def command_at(self, at: cython.Py_ssize_t) -> object:
        """Rows of the command whose function (if it has one) stands there."""
        known = spec.FUNCTIONS_OF.get(self.command)
        row: cython.Py_ssize_t
        if known is not None:
            at = self.byte(at, self.end)
            return self.function(self.number if at >= 0 else -1, at, self.end, True)
        if self.command not in spec.COMMANDS:
            self.report(_UNKNOWN_FUNCTION, at - 4 - self.first, -1, self.command)
            self.row(_REQUEST, -1, 0)
            return None
        row = self.row(_REQUEST, -1, int(spec.COMMANDS[self.command][1]))
        at = self.word(at, self.end)
        if at < 0:
            return None
        self.operations.start[row] = self.number
        if self.command in (0x01, 0x04):
            if self.byte(at, self.end) >= 0:
                self.operations.count[row] = self.number
        else:
            self.operations.count[row] = self.end - at
            self.value(row, _BYTES, at, self.end)
        return None

    def function(self, function: cython.int, at: cython.Py_ssize_t, end: cython.Py_ssize_t, nested: cython.bint) -> object:
        """Rows of a function whose parameters stand at `at`."""
        known = spec.FUNCTIONS_OF[self.command].get(function)
        action: cython.int = int(known[1]) if known is not None else 0
        layout: cython.int = self.layouts[function & 0xFF] if self.command == _COMMAND and function >= 0 else 0
        row: cython.Py_ssize_t
        if known is None and function >= 0:
            self.report(_UNKNOWN_FUNCTION, at - 1 - self.first, -1, function)
        if layout == _MULTIPLE and nested:
            return self._multiple(function, action, at, end)
        if function in (0x3A, 0x80) and self.command == _COMMAND and at >= 0 and at < end:
            mode = (spec.SET_CPU_MODE if function == 0x3A else spec.CHANGE_MODE).get(self.data[at])
            if mode is not None:
                action = int(mode[1])
        row = self.row(_REQUEST, function, action)
        if function in (0x3A, 0x80) and self.command == _COMMAND:
            self.value(row, _BYTES, at, end)
        if layout in (_FIELDS_2, _FIELDS_3):
            self._fields(row, function, layout, at, end)
        elif layout == _FILE:
            self._file(row, function, at, end)
        elif layout in (_RANGE_READ, _RANGE_WRITE, _TYPED_READ, _TYPED_WRITE):
            self._range(row, layout, at, end)
        elif layout == _ADDRESSES:
            self._addresses(row, function, action, at, end)
        elif layout == _LIST:
            self.operations.count[row] = self._list(at, end)
        return None

    def _multiple(self, function: cython.int, action: cython.int, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> object:
        """Number of commands; of each its length, function and parameters."""
        number: cython.int
        i: cython.int
        stop: cython.Py_ssize_t
        at = self.byte(at, end)
        number = self.number if at >= 0 else 0
        for i in range(number):  # noqa: B007
            at = self.byte(at, end)
            if at < 0 or self.number == 0:
                break
            if self.item >= self.items:
                self.report(_TOO_MANY_ITEMS, at - self.first, self.items, number)
                break
            stop = at + self.number
            if stop > end:
                self.short(stop - 1, end)
                stop = end
            if at >= stop:
                break
            self.function(self.data[at], at + 1, stop, False)
            at = stop
        if self.item == 0:
            self.row(_REQUEST, function, action)
        return None

    def _typed(self, row: cython.Py_ssize_t, kind: cython.int, size: cython.int, writes: cython.bint) -> object:
        """What a file of that type is for decides what reading and writing it means; `size` in bytes."""
        operations: Operations = self.operations
        element: cython.int = self.sizes[kind]
        if kind in spec.FORCES and writes:
            operations.action[row] = _FORCE
        elif kind in spec.PROGRAMS:
            operations.action[row] = _DOWNLOAD if writes else _UPLOAD
        elif kind == _CLOCK and writes:
            operations.action[row] = _TIME_SET
        operations.area[row] = kind
        operations.count[row] = (size + element - 1) // element if element else size
        return None

    def _fields(self, row: cython.Py_ssize_t, function: cython.int, layout: cython.int, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> object:
        """Size, file, type, element, and of three fields sub-element; then data, behind a mask where it is a masked write."""
        operations: Operations = self.operations
        size: cython.int
        kind: cython.int
        had: cython.Py_ssize_t
        writes: cython.bint = function in spec.WRITES
        at = self.byte(at, end)
        size = self.number
        at = self.compact(at, end)
        if at < 0:
            return None
        operations.object[row] = self.number
        at = self.byte(at, end)
        if at < 0:
            return None
        kind = self.number
        self._typed(row, kind, size, writes)
        at = self.compact(at, end)
        if at < 0:
            return None
        operations.start[row] = self.number
        if layout == _FIELDS_3:
            at = self.compact(at, end)
            if at < 0:
                return None
            if self.number > 0 and self.number <= _WORDS:
                operations.area[row] = kind | _AREA_WORD * self.number
                operations.count[row] = (size + 1) // 2
        if writes:
            had = end - at - (2 if function == _MASKED else 0)
            if had != size and not self.cut:
                self.report(_SIZE, at - self.first, size, had)
            self.value(row, _MASKED_VALUE if function == _MASKED else _DATA, at, end)
        return None

    def _file(self, row: cython.Py_ssize_t, function: cython.int, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> object:
        """Size, tag of the open file, offset, type; then data."""
        operations: Operations = self.operations
        size: cython.int
        at = self.byte(at, end)
        size = self.number
        at = self.word(at, end)
        if at < 0:
            return None
        operations.object[row] = self.number
        at = self.word(at, end)
        if at < 0:
            return None
        operations.start[row] = self.number
        at = self.byte(at, end)
        if at < 0:
            return None
        self._typed(row, self.number, size, function in spec.WRITES)
        if function in spec.WRITES:
            self.value(row, _DATA, at, end)
        return None

    def _range(self, row: cython.Py_ssize_t, layout: cython.int, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> object:
        """Packet offset, total transactions, an address of PLC-5, then how much, or data."""
        operations: Operations = self.operations
        at = self._address(row, self.word(self.word(at, end), end), end)
        if at < 0:
            return None
        if layout == _RANGE_READ:
            if self.byte(at, end) >= 0:
                operations.count[row] = self.number // 2
        elif layout == _TYPED_READ:
            if self.word(at, end) >= 0:
                operations.count[row] = self.number
        else:
            operations.count[row] = (end - at) // 2
            self.value(row, _TYPED if layout == _TYPED_WRITE else _BYTES, at, end)
        return None

    def _addresses(self, row: cython.Py_ssize_t, function: cython.int, action: cython.int, at: cython.Py_ssize_t,
                   end: cython.Py_ssize_t) -> object:
        """Of a bit write and a read-modify-write: address, AND mask, OR mask, and again; of read-modify-write N their number before and the size."""
        size: cython.int = 2
        more: cython.bint = False
        after: cython.Py_ssize_t
        if function == 0x79:
            at = self.byte(self.byte(at, end), end)
            size = self.number if at >= 0 and 0 < self.number <= 8 else 2
        while at >= 0 and at < end:
            if self.item >= self.items:
                self.report(_TOO_MANY_ITEMS, at - self.first, self.items, self.items + 1)
                return None
            if more:
                row = self.row(_REQUEST, function, action)
            more = True
            at = self._address(row, at, end)
            if at < 0:
                return None
            self.operations.count[row] = 1
            after = min(at + 2 * size, end)
            if at + 2 * size > end:
                self.short(at + 2 * size - 1, end)
            self.value(row, _MASKS, at, after)
            at = after
        return None

    def _list(self, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.int:
        """How many addresses stand there."""
        found: cython.int = 0
        while at >= 0 and at < end:
            at = self.compact(at, end)
            found += at >= 0
        return found

    def _address(self, row: cython.Py_ssize_t, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """An address of PLC-5 (13): in text behind 00 $, or a byte of levels and a number for each."""
        operations: Operations = self.operations
        levels: cython.int
        level: cython.int
        stop: cython.Py_ssize_t
        at = self.byte(at, end)
        if at < 0:
            return -1
        levels = self.number
        if levels == 0:
            stop = at
            while stop < end and self.data[stop] != 0 and stop - at < _SYMBOL_BYTES:
                stop += 1
            if stop >= end or self.data[stop] != 0:
                return self.short(stop, end)
            found = parsed_address(bytes(memoryview(self.data)[at:stop]))
            operations.area[row] = found[0]
            operations.object[row] = found[1]
            operations.start[row] = found[2]
            return stop + 1
        for level in range(8):
            if levels >> level & 1 == 0:
                continue
            at = self.compact(at, end)
            if at < 0:
                return -1
            if level == 1:
                operations.object[row] = self.number
            elif level == 2:
                operations.start[row] = self.number
        return at
