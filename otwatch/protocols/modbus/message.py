# cython: boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
"""The PDU in hand: its bytes read with bounds, rows and anomalies made for it. What the functions mean is not known here.

Offsets of the readers count from the byte after the function code; -1 stands for a byte that is not there.
"""

from __future__ import annotations

import cython
import numpy as np

from otwatch.protocols.kit.rows import Rows
from otwatch.protocols.modbus.spec import DIAGNOSTICS, FUNCTION_TABLE, MEI_TYPES, Anomaly
from otwatch.protocols.modbus.umas import UMAS_TABLE
from otwatch.tables import Operations

if not cython.compiled:  # compiled, it comes from message.pxd
    from otwatch.protocols.kit.digest import digest

_TRUNCATED = cython.declare(cython.int, Anomaly.TRUNCATED)
_TRAILING_BYTES = cython.declare(cython.int, Anomaly.TRAILING_BYTES)


def _bytes_of(table: dict[int, int]) -> memoryview:
    """A table from byte to byte; 0 where nothing is said."""
    return memoryview(bytes(table.get(code, 0) for code in range(256)))


class Message(Rows):
    """One at a time; `open` moves to the next PDU."""

    def __init__(self, protocol: cython.int, items: cython.int) -> None:
        Rows.__init__(self, protocol)
        self.items = items
        self.shapes = _bytes_of({code: function.shape for code, function in FUNCTION_TABLE.items()})
        self.actions = _bytes_of({code: function.action for code, function in FUNCTION_TABLE.items()})
        self.areas = _bytes_of({code: function.area for code, function in FUNCTION_TABLE.items() if function.area is not None})
        self.most = memoryview(np.array([FUNCTION_TABLE[code].max_count if code in FUNCTION_TABLE else 0 for code in range(256)], np.int32))
        self.diagnostic_actions = _bytes_of({code: action for code, (_, action) in DIAGNOSTICS.items()})
        self.mei_actions = _bytes_of({code: action for code, (_, action) in MEI_TYPES.items()})
        self.umas_actions = _bytes_of({code: function.action for code, function in UMAS_TABLE.items()})
        self.repeated = _bytes_of(dict.fromkeys((5, 6, 8, 21, 22), 1))  # functions whose response repeats the request
        self.identifies = _bytes_of(dict.fromkeys((17, 43, 90), 1))  # functions whose response says what the device is

    def open(self, pdu: cython.Py_ssize_t, at: cython.Py_ssize_t, body: cython.Py_ssize_t, end: cython.Py_ssize_t, length: cython.int,
             cut: cython.bint) -> object:
        """The PDU starts at `at`, its data at `body`; `length` data bytes were sent, those before `end` are there."""
        self.pdu = pdu
        self.at = at
        self.body = body
        self.end = end
        self.n = length
        self.cut = cut
        self.function = self.data[body - 1]
        self.shape = self.shapes[self.function]
        self.subfunction = -1
        self.trailing = -1
        self.surplus = 0
        self.echoes = False
        self.contradicts = False
        self.digested = False
        return None

    def u8(self, offset: cython.Py_ssize_t) -> cython.int:
        """One byte."""
        at: cython.Py_ssize_t = self.body + offset
        return self.data[at] if at < self.end else -1

    def u16(self, offset: cython.Py_ssize_t) -> cython.int:
        """Two bytes, big-endian."""
        at: cython.Py_ssize_t = self.body + offset
        return self.data[at] << 8 | self.data[at + 1] if at + 2 <= self.end else -1

    def u16le(self, offset: cython.Py_ssize_t) -> cython.int:
        """Two bytes, little-endian, as UMAS has them."""
        at: cython.Py_ssize_t = self.body + offset
        return self.data[at] | self.data[at + 1] << 8 if at + 2 <= self.end else -1

    def wrong(self, kind: cython.int, offset: cython.int, needed: cython.longlong, had: cython.longlong) -> object:
        """An anomaly at an offset of the data."""
        return self.report(kind, self.body - self.at + offset, needed, had)

    def expect(self, length: cython.int) -> object:
        """The data should be so long. What the tap cut off was still sent: a snap length makes no anomaly."""
        if self.n < length:
            self.wrong(_TRUNCATED, self.n, length, self.n)
        elif self.n > length:
            self.wrong(_TRAILING_BYTES, length, length, self.n)
            if self.trailing < 0:
                self.trailing = self.body + length
        return None

    def expect_echo(self, length: cython.int) -> object:
        """The same of a response that repeats its request, or the head of it. One octet too many may be a habit of the device."""
        if self.n == length + 1:
            self.surplus = 1
            self.trailing = self.body + length
        else:
            self.echoes = self.n == length
            self.expect(length)
        return None

    def expect_counted(self, fixed: cython.int, counted: cython.int) -> object:
        """The data should be `fixed` bytes and as many as a byte count says; -1 where that count is not there."""
        if counted >= 0:
            self.expect(fixed + counted)
        elif not self.cut:
            self.expect(fixed)
        return None

    def row(self, role: cython.int, action: cython.int) -> cython.Py_ssize_t:
        """A new row of operations for this PDU."""
        operations: Operations = self.operations
        row: cython.Py_ssize_t = operations.add(self.pdus, self.pdu, role, self.protocol, self.function, action)
        operations.unit[row] = self.unit
        operations.transaction[row] = self.transaction
        operations.subfunction[row] = self.subfunction
        return row

    def value(self, row: cython.Py_ssize_t, kind: cython.int, offset: cython.Py_ssize_t, length: cython.Py_ssize_t) -> object:
        """Where the value of a row is; only bytes that are there."""
        at: cython.Py_ssize_t = self.body + offset
        have: cython.Py_ssize_t = self.end - at
        if length > have:
            length = have
        if length > 0:
            self.operations.value_kind[row] = kind
            self.operations.value_at[row] = at
            self.operations.value_length[row] = length
        return None

    def contradict(self, kind: cython.int, offset: cython.int, needed: cython.longlong, had: cython.longlong) -> object:
        """An anomaly at an offset of the data, of a response that does not fit its request: it confirms nothing."""
        self.contradicts = True
        self.wrong(kind, offset, needed, had)
        return None

    def digest_of(self, length: cython.Py_ssize_t) -> cython.uint:
        """The same of function code and the first `length` bytes of data."""
        return digest(self.data, self.body - 1, min(self.end, self.body + length))

    def digest(self) -> cython.uint:
        """A checksum of function code and data, to tell equal messages from different ones."""
        if self.digested:
            return self.checksum
        checksum: cython.uint = digest(self.data, self.body - 1, self.end)
        self.digested = True
        self.checksum = checksum
        return checksum
