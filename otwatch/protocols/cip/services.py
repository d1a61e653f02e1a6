# cython: boundscheck=True, wraparound=False, cdivision=True
"""What the data of CIP services say: values, tags, lists of attributes, connections that open and close, of requests and of responses."""

from __future__ import annotations

import cython

from otwatch.protocols.cip import spec
from otwatch.protocols.cip.connections import Connection
from otwatch.protocols.cip.epath import Path
from otwatch.protocols.cip.facts import identity_facts
from otwatch.protocols.cip.spec import Anomaly
from otwatch.protocols.kit.paired import Paired
from otwatch.tables import Operations

_SYMBOL = cython.declare(cython.Py_ssize_t, spec.SYMBOL)
_MANAGER = cython.declare(cython.Py_ssize_t, spec.CONNECTION_MANAGER)

_VALUE_BYTES = cython.declare(cython.int, spec.VALUE_BYTES)
_VALUE_READ = cython.declare(cython.int, spec.VALUE_READ)
_VALUE_WRITTEN = cython.declare(cython.int, spec.VALUE_WRITTEN)
_VALUE_FRAGMENT_WRITTEN = cython.declare(cython.int, spec.VALUE_FRAGMENT_WRITTEN)
_VALUE_MASKS = cython.declare(cython.int, spec.VALUE_MASKS)
_VALUE_OPEN = cython.declare(cython.int, spec.VALUE_OPEN)
_VALUE_OPENED = cython.declare(cython.int, spec.VALUE_OPENED)
_VALUE_ATTRIBUTE = cython.declare(cython.int, spec.VALUE_ATTRIBUTE)
_VALUE_ALL = cython.declare(cython.int, spec.VALUE_ALL)
_VALUE_LIST = cython.declare(cython.int, spec.VALUE_LIST)
_VALUE_LISTED = cython.declare(cython.int, spec.VALUE_LISTED)
_VALUE_SET_LIST = cython.declare(cython.int, spec.VALUE_SET_LIST)
_VALUE_SYMBOLS = cython.declare(cython.int, spec.VALUE_SYMBOLS)

_TRUNCATED = cython.declare(cython.int, Anomaly.TRUNCATED)
_PATH_SIZE = cython.declare(cython.int, Anomaly.PATH_SIZE)
_UNKNOWN_PATH = cython.declare(cython.int, Anomaly.UNKNOWN_PATH)


class Services(Paired):
    """Of the message at hand: `start` is its first octet, `path` what its service is asked of, `asking` whether it counts for the pairing."""

    def wrong(self, kind: cython.int, at: cython.Py_ssize_t, needed: cython.longlong, had: cython.longlong) -> object:
        """An anomaly at a place in the data, -1 nowhere."""
        return self.report_sent(kind, at - self.start if at >= 0 else -1, needed, had)

    def u16(self, at: cython.Py_ssize_t) -> cython.int:
        """Little-endian, at a place that the caller knows is there."""
        return self.data[at] | self.data[at + 1] << 8

    def u32(self, at: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """The same of four octets."""
        high: cython.Py_ssize_t = self.data[at + 3]
        return self.data[at] | self.data[at + 1] << 8 | self.data[at + 2] << 16 | high << 24

    def body(self, row: cython.Py_ssize_t, service: cython.int, class_: cython.Py_ssize_t, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> object:
        """What the data of a request say beside its path."""
        operations: Operations = self.operations
        size: cython.Py_ssize_t = end - at
        type_bytes: cython.Py_ssize_t = 2
        if class_ == _SYMBOL and service in (0x4C, 0x52):
            if size >= 2:
                operations.count[row] = self.u16(at)
            else:
                self.wrong(_TRUNCATED, at, 2, size)
        elif class_ == _SYMBOL and service in (0x4D, 0x53):
            if size >= 2 and self.u16(at) == 0x02A0:  # a structure: then its handle
                type_bytes = 4
            if size >= type_bytes + 2:
                operations.count[row] = self.u16(at + type_bytes)
                self.value(row, _VALUE_WRITTEN if service == 0x4D else _VALUE_FRAGMENT_WRITTEN, at, end)
            else:
                self.wrong(_TRUNCATED, at, type_bytes + 2, size)
        elif class_ == _SYMBOL and service == 0x4E:
            self.value(row, _VALUE_MASKS, at, end)
        elif service in (0x03, 0x04) or (service == 0x55 and class_ == _SYMBOL):
            if size >= 2:
                operations.count[row] = self.u16(at)
            if size >= 4 and self.u16(at) > 0:
                operations.start[row] = self.u16(at + 2)
                self.value(row, _VALUE_SET_LIST if service == 0x04 else _VALUE_LIST, at, end)
            elif size < 2 or self.u16(at) > 0:
                self.wrong(_TRUNCATED, at, 4, size)
        elif service == 0x05:
            operations.subfunction[row] = self.data[at] if size >= 1 else 0
        elif class_ == _MANAGER and service in (0x54, 0x5B):
            self.value(row, _VALUE_OPEN, at, end)
            self.open(row, at, end, service == 0x5B)
        elif class_ == _MANAGER and service == 0x4E:
            self.close(row, at, end)
        elif service == 0x10:
            self.value(row, _VALUE_ATTRIBUTE, at, end)
        elif service == 0x02:
            self.value(row, _VALUE_ALL, at, end)
        else:
            self.value(row, _VALUE_BYTES, at, end)
        return None

    def value(self, row: cython.Py_ssize_t, kind: cython.int, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> object:
        """Where the value of a row is."""
        if end > at:
            self.operations.value_kind[row] = kind
            self.operations.value_at[row] = at
            self.operations.value_length[row] = cython.cast(cython.int, end - at)
        return None

    def open(self, row: cython.Py_ssize_t, at: cython.Py_ssize_t, end: cython.Py_ssize_t, large: cython.bint) -> object:
        """Forward_Open (3-5.5.2), Large_Forward_Open: what the connection is to be; it waits with its request for the identifiers."""
        size: cython.Py_ssize_t = 40 if large else 36
        path: Path = self.path
        connection: Connection
        words: cython.Py_ssize_t
        if end - at < size:
            self.wrong(_TRUNCATED, at, size, end - at)
            return None
        words = self.data[at + size - 1]
        if at + size + 2 * words > end:
            self.wrong(_PATH_SIZE, at + size - 1, 2 * words, end - at - size)
            path.clear()
        elif not path.read(self.data, at + size, at + size + 2 * words):
            self.wrong(_UNKNOWN_PATH, path.wrong_at, -1, self.data[path.wrong_at])
        if path.unit >= 0:
            self.operations.unit[row] = path.unit
        connection = Connection(self.pdus.source[self.pdu], self.pdus.destination[self.pdu], self.operations.unit[row])
        connection.triad = (self.u16(at + 10), self.u16(at + 12), self.u32(at + 14))
        connection.multiplier = min(self.data[at + 18], 7)
        connection.rpi_out = self.u32(at + 22)
        connection.rpi_in = self.u32(at + (30 if large else 28))
        connection.transport = self.data[at + size - 2] & 0x0F
        connection.class_ = path.class_
        connection.point_out = path.point
        connection.point_in = path.point_2 if path.point_2 >= 0 else path.point
        self.operations.start[row] = self.u16(at + 10)
        if self.asking:
            entry: cython.int = self.pairing.last[self.queue]
            self.pairing.keep(entry, connection)
            self.units[entry] = self.operations.unit[row]
        return None

    def close(self, row: cython.Py_ssize_t, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> object:
        """Forward_Close (3-5.5.3): the connection that is to end."""
        if end - at < 12:
            self.wrong(_TRUNCATED, at, 12, end - at)
            return None
        self.operations.start[row] = self.u16(at + 2)
        connection = self.connections.closing((self.u16(at + 2), self.u16(at + 4), self.u32(at + 6)), self.pdus.destination[self.pdu])
        if connection is not None:
            self.operations.unit[row] = connection.unit
        if self.asking:
            self.pairing.keep(self.pairing.last[self.queue], connection)
        return None

    # ---- responses

    def results(self, row: cython.Py_ssize_t, entry: cython.int, service: cython.int, status: cython.int, at: cython.Py_ssize_t,
                end: cython.Py_ssize_t) -> object:
        """What the data of a response say."""
        operations: Operations = self.operations
        area: cython.int = operations.area[row]
        number: cython.Py_ssize_t
        if status == 0 and entry >= 0 and self.asking and area == _MANAGER and service in (0x54, 0x5B, 0x4E):
            connection = self.pairing.payload[entry] if entry < len(self.pairing.payload) else None
            if service == 0x4E and connection is not None:
                self.connections.closed(connection)
            elif connection is not None and end - at >= 8:
                self.connections.opened(connection, self.u32(at), self.u32(at + 4))
            if entry < len(self.pairing.payload):
                self.pairing.payload[entry] = None
            if service != 0x4E:
                self.value(row, _VALUE_OPENED, at, end)
            return None
        if service == 0x04 and end - at >= 2:  # the status of each attribute
            number = at + 2
            while number + 4 <= end and operations.status[row] in (0, 0x0A):
                if self.u16(number + 2):
                    operations.status[row] = self.u16(number + 2) & 0xFF
                number += 4
        if area == _SYMBOL and service in (0x4C, 0x52):
            self.value(row, _VALUE_READ, at, end)
        elif area == _SYMBOL and service == 0x55:
            self.value(row, _VALUE_SYMBOLS, at, end)
        elif service == 0x0E:
            self.value(row, _VALUE_ATTRIBUTE, at, end)
        elif service == 0x01:
            self.value(row, _VALUE_ALL, at, end)
        elif service == 0x03:
            self.value(row, _VALUE_LISTED, at, end)
        elif service != 0x04:
            self.value(row, _VALUE_BYTES, at, end)
        if status == 0 and area in (1, 0xF5) and service in (0x01, 0x03, 0x0E) and end > at and self.asking:
            identity_facts(self.facts, self.told, self.pdus, self.pdu, operations, row, bytes(memoryview(self.data)[at:end]))
        return None
