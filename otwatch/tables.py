# cython: boundscheck=True, wraparound=False, cdivision=True
"""Tables of columns: what the stages hand to each other. One array per column, grown by doubling, reused from batch to batch.

A column is reached as an attribute: `packets.ttl[row]`. In compiled modules that is a typed, bounds-checked memory view; uncompiled it is
a memoryview of the same NumPy array. Outside the loops `table.array("ttl")` gives the rows in use as a NumPy array (a view: it is
overwritten by the next batch).
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

from otwatch.copying import copy, piece
from otwatch.schemas import ANOMALIES, BEHAVIOURS, FLOW_EVENTS, FLOWS, OPERATIONS, PACKETS, PDUS, Schema


class Octets:
    """Bytes that outlive the packet they came in, until the next batch: one growing buffer, addressed by offset.

    `data` is replaced when it grows, so fetch it anew after `append` or `reserve`; offsets stay true.
    """

    def __init__(self, capacity: cython.Py_ssize_t = 65536) -> None:
        self.data = memoryview(np.zeros(capacity, np.uint8))
        self.used = 0

    def reserve(self, length: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Room for `length` bytes at the end, now counted as used; returns their offset."""
        at: cython.Py_ssize_t = self.used
        size: cython.Py_ssize_t = self.data.shape[0]
        if at + length > size:
            larger = np.zeros(max(at + length, 2 * size), np.uint8)
            larger[:at] = np.asarray(self.data)[:at]
            self.data = memoryview(larger)
        self.used = at + length
        return at

    def append(self, source, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.Py_ssize_t:  # type: ignore[no-untyped-def]
        """Copies source[start:end]; returns the offset of the copy. IndexError for a range outside `source`."""
        at: cython.Py_ssize_t = self.used
        if at + (end - start) <= self.data.shape[0]:
            self.used = at + (end - start)
        else:
            self.reserve(end - start)
        copy(self.data, at, source, start, end - start)
        return at

    def clear(self) -> None:
        """Forgets the bytes, keeps the room."""
        self.used = 0

    def tobytes(self, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> bytes:
        """A copy of one range as bytes."""
        return piece(self.data, start, min(end, self.data.shape[0]))  # type: ignore[no-any-return,no-untyped-call]


class Table:
    """`rows` rows in the columns of `schema`."""

    def __init__(self, schema: Schema, capacity: cython.Py_ssize_t = 1024) -> None:
        self.schema = schema
        self.rows = 0
        self.capacity = 0
        self.columns: dict[str, np.ndarray[Any, Any]] = {}  # name -> all rows of the capacity
        self.grow(max(1, capacity))

    def grow(self, capacity: cython.Py_ssize_t) -> Any:
        """Makes room for `capacity` rows; rows beyond `rows` hold their columns' defaults only after `new_row`."""
        for column in self.schema.columns:
            larger = np.full(capacity, column.default, column.dtype)
            if self.capacity:
                larger[:self.capacity] = self.columns[column.name]
            self.columns[column.name] = larger
            setattr(self, column.name, memoryview(larger))
        self.capacity = capacity

    def new_row(self) -> cython.Py_ssize_t:
        """Index of a new row; its columns hold whatever was there before: the caller sets all of them."""
        row: cython.Py_ssize_t = self.rows
        if row == self.capacity:
            self.grow(2 * self.capacity)
        self.rows = row + 1
        return row

    def clear(self) -> None:
        """Forgets the rows, keeps the room."""
        self.rows = 0

    def array(self, name: str) -> np.ndarray[Any, Any]:
        """The rows in use of one column: a view, valid until the table is cleared or grown."""
        return self.columns[name][:self.rows]

    def row(self, index: int) -> dict[str, int]:
        """One row as a dict of Python integers, for display and tests."""
        return {name: column.item(index) for name, column in self.columns.items()}


class Packets(Table):
    """A batch of packets of one file or interface. `data` holds the captured bytes, `side` datagrams reassembled from fragments."""

    def __init__(self, capacity: cython.Py_ssize_t = 1024) -> None:
        Table.__init__(self, PACKETS, capacity)
        self.data = memoryview(b"")
        self.side = Octets()
        self.file = None


class Flows(Table):
    """Live flows by slot; the row of a closed flow stays readable until the slot is used again."""

    def __init__(self, capacity: cython.Py_ssize_t = 1024) -> None:
        Table.__init__(self, FLOWS, capacity)


class FlowEvents(Table):
    """What happened to flows during a batch, in packet order."""

    def __init__(self, capacity: cython.Py_ssize_t = 1024) -> None:
        Table.__init__(self, FLOW_EVENTS, capacity)


class Pdus(Table):
    """Whole protocol data units of one protocol in a batch, in the order in which they ended. Their bytes are in `octets`."""

    def __init__(self, octets: Octets, capacity: cython.Py_ssize_t = 1024) -> None:
        Table.__init__(self, PDUS, capacity)
        self.octets = octets
        self.packets = None  # of the batch, where they are at hand: what column `packet` points to


@cython.cfunc
def _gather_64(column: cython.longlong[::1], order: cython.longlong[::1], spare: cython.longlong[::1]) -> cython.int:
    """column[i] = column[order[i]], for all i at once; the caller has checked the order, and that column and spare are as long."""
    i: cython.Py_ssize_t
    with cython.boundscheck(False):
        for i in range(len(order)):
            spare[i] = column[order[i]]
    column[:len(order)] = spare[:len(order)]
    return 0


@cython.cfunc
def _gather_32(column: cython.int[::1], order: cython.longlong[::1], spare: cython.int[::1]) -> cython.int:
    """column[i] = column[order[i]], for all i at once; the caller has checked the order, and that column and spare are as long."""
    i: cython.Py_ssize_t
    with cython.boundscheck(False):
        for i in range(len(order)):
            spare[i] = column[order[i]]
    column[:len(order)] = spare[:len(order)]
    return 0


@cython.cfunc
def _gather_8(column: cython.uchar[::1], order: cython.longlong[::1], spare: cython.uchar[::1]) -> cython.int:
    """column[i] = column[order[i]], for all i at once; the caller has checked the order, and that column and spare are as long."""
    i: cython.Py_ssize_t
    with cython.boundscheck(False):
        for i in range(len(order)):
            spare[i] = column[order[i]]
    column[:len(order)] = spare[:len(order)]
    return 0


class Operations(Table):
    """The operations of a batch. `add` makes a row with its place filled in from the PDU; the caller sets the columns it knows."""

    def __init__(self, capacity: cython.Py_ssize_t = 1024) -> None:
        Table.__init__(self, OPERATIONS, capacity)
        self.spare_64 = memoryview(np.zeros(0, np.int64))
        self.spare_32 = memoryview(np.zeros(0, np.int32))
        self.spare_8 = memoryview(np.zeros(0, np.uint8))

    def add(self, pdus: Pdus, pdu: cython.Py_ssize_t, role: cython.int, protocol: cython.int, function: cython.int,
            action: cython.int) -> cython.Py_ssize_t:
        """A new row for a PDU; every other column holds its schema's default."""
        row: cython.Py_ssize_t = self.new_row()
        if not 0 <= pdu < pdus.rows:
            raise IndexError("no such PDU")
        with cython.boundscheck(False):  # both rows are inside their tables, whose columns are equally long
            self.packet[row] = pdus.packet[pdu]
            self.timestamp_ns[row] = pdus.timestamp_ns[pdu]
            self.frame[row] = pdus.frame[pdu]
            self.flow[row] = pdus.flow[pdu]
            self.direction[row] = pdus.direction[pdu]
            self.source[row] = pdus.source[pdu]
            self.destination[row] = pdus.destination[pdu]
            self.role[row] = role
            self.protocol[row] = protocol
            self.function[row] = function
            self.subfunction[row] = -1
            self.action[row] = action
            self.unit[row] = -1
            self.area[row] = -1
            self.object[row] = -1
            self.start[row] = -1
            self.count[row] = -1
            self.status[row] = 0
            self.transaction[row] = -1
            self.item[row] = 0
            self.value_kind[row] = 0
            self.value_at[row] = 0
            self.value_length[row] = 0
            self.request_frame[row] = -1
            self.latency_ns[row] = -1
            self.contradicts[row] = 0
            self.behaviour[row] = -1
        return row

    def reorder(self, order: cython.longlong[::1]) -> object:
        """Puts the rows into another order: row i is what row order[i] was. `order` has each row once."""
        i: cython.Py_ssize_t
        if len(order) != self.rows:
            raise ValueError("an order of all rows is wanted")
        for i in range(len(order)):
            if not 0 <= order[i] < self.rows:
                raise IndexError("no such row")
        if self.spare_64.shape[0] < self.rows:
            self.spare_64 = memoryview(np.zeros(self.capacity, np.int64))
            self.spare_32 = memoryview(np.zeros(self.capacity, np.int32))
            self.spare_8 = memoryview(np.zeros(self.capacity, np.uint8))
        _gather_32(self.packet, order, self.spare_32)
        _gather_64(self.timestamp_ns, order, self.spare_64)
        _gather_64(self.frame, order, self.spare_64)
        _gather_32(self.flow, order, self.spare_32)
        _gather_8(self.direction, order, self.spare_8)
        _gather_32(self.source, order, self.spare_32)
        _gather_32(self.destination, order, self.spare_32)
        _gather_8(self.role, order, self.spare_8)
        _gather_8(self.protocol, order, self.spare_8)
        _gather_32(self.function, order, self.spare_32)
        _gather_32(self.subfunction, order, self.spare_32)
        _gather_8(self.action, order, self.spare_8)
        _gather_64(self.unit, order, self.spare_64)
        _gather_32(self.area, order, self.spare_32)
        _gather_64(self.object, order, self.spare_64)
        _gather_64(self.start, order, self.spare_64)
        _gather_64(self.count, order, self.spare_64)
        _gather_32(self.status, order, self.spare_32)
        _gather_64(self.transaction, order, self.spare_64)
        _gather_32(self.item, order, self.spare_32)
        _gather_32(self.value_kind, order, self.spare_32)
        _gather_64(self.value_at, order, self.spare_64)
        _gather_32(self.value_length, order, self.spare_32)
        _gather_64(self.request_frame, order, self.spare_64)
        _gather_64(self.latency_ns, order, self.spare_64)
        _gather_8(self.contradicts, order, self.spare_8)
        _gather_32(self.behaviour, order, self.spare_32)
        return None


class Anomalies(Table):
    """What was malformed or outside its protocol. One row each; kinds are closed lists per layer."""

    def __init__(self, capacity: cython.Py_ssize_t = 256) -> None:
        Table.__init__(self, ANOMALIES, capacity)

    def add(self, pdus: Pdus, pdu: cython.Py_ssize_t, layer: cython.int, kind: cython.int, offset: cython.int,
            needed: cython.longlong, had: cython.longlong) -> cython.Py_ssize_t:
        """A new row for a PDU."""
        row: cython.Py_ssize_t = self.new_row()
        self.packet[row] = pdus.packet[pdu]
        self.timestamp_ns[row] = pdus.timestamp_ns[pdu]
        self.frame[row] = pdus.frame[pdu]
        self.flow[row] = pdus.flow[pdu]
        self.source[row] = pdus.source[pdu]
        self.destination[row] = pdus.destination[pdu]
        self.layer[row] = layer
        self.kind[row] = kind
        self.offset[row] = offset
        self.needed[row] = needed
        self.had[row] = had
        return row


class Behaviours(Table):
    """Distinct behaviours since the start of the analysis; the row number is the behaviour id."""

    def __init__(self, capacity: cython.Py_ssize_t = 1024) -> None:
        Table.__init__(self, BEHAVIOURS, capacity)
