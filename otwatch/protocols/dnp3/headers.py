# cython: boundscheck=True, wraparound=False, cdivision=True
"""Object headers of one application fragment into rows (IEEE 1815-2012 clause 4.2.2.7): which objects, and where their values are.

Rows: one per object header; one per object where objects are commanded or written, have an index or a size of their own.
"""

from __future__ import annotations

import cython

from otwatch.protocols.dnp3 import facts, objects, spec, tables
from otwatch.protocols.kit.rows import Rows
from otwatch.tables import Operations

_CARRIES = cython.declare(cython.int, tables.CARRIES)
_UNKNOWN = cython.declare(cython.int, objects.SIZE_UNKNOWN)
_ATTRIBUTE = cython.declare(cython.int, objects.SIZE_ATTRIBUTE)
_SIZED = cython.declare(cython.int, objects.SIZE_SIZED)
_VALUE_OBJECTS = cython.declare(cython.int, spec.VALUE_OBJECTS)
_VALUE_BIT = cython.declare(cython.int, spec.VALUE_BIT)
_STATUS_FILE = cython.declare(cython.int, spec.STATUS_FILE << 16)
_STATUS_AUTHENTICATION = cython.declare(cython.int, spec.STATUS_AUTHENTICATION << 16)


@cython.cfunc
@cython.inline
@cython.locals(data=cython.uchar[::1], at=cython.Py_ssize_t, octets=cython.int, value=cython.longlong, i=cython.int)
def _little(data, at, octets) -> cython.longlong:  # type: ignore[no-untyped-def]
    """An unsigned number, least significant octet first."""
    value = 0
    for i in range(octets):
        value |= cython.cast(cython.longlong, data[at + i]) << (8 * i)
    return value


class Headers(Rows):
    """The objects of the fragment at hand. Who sent it, what it answers and what its rows have in common is set before."""

    def row(self, area: cython.int, variation: cython.int, start: cython.longlong, count: cython.longlong) -> cython.Py_ssize_t:
        """A row of the current fragment."""
        operations: Operations = self.operations
        # without an object group 255 stands in, which no table knows: the action of the function itself
        action: cython.int = self.what[self.asked << 8 | (area if area >= 0 else 255)] & 0x3F
        row: cython.Py_ssize_t = operations.add(self.pdus, self.pdu, self.role, self.protocol, self.function, action)
        operations.unit[row] = self.unit
        operations.area[row] = area
        operations.object[row] = variation
        operations.start[row] = start
        operations.count[row] = count
        operations.status[row] = self.status
        operations.transaction[row] = self.sequence
        operations.item[row] = self.item
        operations.request_frame[row] = self.request_frame
        operations.latency_ns[row] = self.latency_ns
        self.item += 1
        self.left -= 1
        return row

    def value(self, row: cython.Py_ssize_t, kind: cython.int, at: cython.Py_ssize_t, length: cython.Py_ssize_t) -> None:
        """Where the octets of a row's value are."""
        self.operations.value_kind[row] = kind
        self.operations.value_at[row] = at
        self.operations.value_length[row] = length

    def truncated(self, at: cython.Py_ssize_t, needed: cython.longlong, had: cython.longlong) -> None:
        """Objects end before they should."""
        if not self.cut:
            self.report(spec.OBJECT_TRUNCATED, at - self.start, needed, had)

    def objects(self, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> None:
        """The object headers of octets[at:end], each with what belongs to it, until one cannot be walked."""
        data = self.pdus.octets.data
        while at < end:
            if self.left <= 0:
                self.report(spec.TOO_MANY_OBJECTS, at - self.start, self.allowed, end - at)
                return
            if end - at < 3:
                if not self.cut:
                    self.report(spec.HEADER_TRUNCATED, at - self.start, 3, end - at)
                return
            group: cython.int = data[at]
            variation: cython.int = data[at + 1]
            qualifier: cython.int = data[at + 2]
            prefix: cython.int = qualifier >> 4
            code: cython.int = qualifier & 0x0F
            header: cython.Py_ssize_t = at
            at += 3
            # table 4-6: index prefixes go with counts, size prefixes with the free format, nothing with the rest
            fits: cython.bint = code <= 9 if prefix == 0 else 7 <= code <= 9 if prefix <= 3 else code == 11 if prefix <= 6 else False
            if not fits:
                self.report(spec.UNKNOWN_QUALIFIER, header + 2 - self.start, 0, qualifier)
                self.row(group, variation, -1, -1)
                return
            octets: cython.int = 2 << code if code < 3 else 2 << (code - 3) if code < 6 else 0 if code == 6 else 1 << (code - 7) if code < 10 else 1
            if end - at < octets:
                if not self.cut:
                    self.report(spec.HEADER_TRUNCATED, at - self.start, octets, end - at)
                self.row(group, variation, -1, -1)
                return
            index: cython.longlong = -1
            count: cython.longlong = -1
            if code < 6:
                index = _little(data, at, octets >> 1)
                count = _little(data, at + (octets >> 1), octets >> 1) - index + 1
                if count <= 0:
                    self.report(spec.RANGE_INVERTED, at - self.start, index, index + count - 1)
                    self.row(group, variation, index, -1)
                    return
            elif code != 6:
                count = _little(data, at, octets)
            at += octets
            if count > 65536:
                self.report(spec.COUNT_BOMB, header + 3 - self.start, end - at, count)
            if not self.known[group << 8 | variation]:
                self.report(spec.UNKNOWN_OBJECT, header - self.start, group, variation)
            carries: cython.bint = (self.what[self.function << 8 | group] & _CARRIES) != 0
            size: cython.int = self.sizes[group << 8 | variation]
            if count == 0:  # nothing is controlled, written or read
                self.operations.action[self.row(group, variation, -1, 0)] = 0
            elif prefix > 3:  # these octets are there whatever the function: a read of a file block names its handle
                at = self.sized(at, end, group, variation, count, 1 << (prefix - 4))
            elif not carries or size == 0:
                if prefix == 0:
                    self.row(group, variation, index, count)
                else:
                    at = self.each(at, end, group, variation, 0, index, count, 1 << (prefix - 1))
            elif count < 0 or size == _SIZED or (prefix and 0 < size < 8):
                self.report(spec.UNKNOWN_QUALIFIER, header + 2 - self.start, 0, qualifier)
                self.row(group, variation, -1, count)
                at = end if count >= 0 else at
            elif size == _UNKNOWN:
                self.row(group, variation, index, count)
                at = end
            elif size == _ATTRIBUTE:
                at = self.attributes(at, end, variation, index, count, 1 << (prefix - 1) if prefix else 0)
            elif size < 8:
                at = self.packed(at, end, group, variation, size, index, count)
            elif prefix or self.role == 0 or group in (12, 41):
                at = self.each(at, end, group, variation, size >> 3, index, count, 1 << (prefix - 1) if prefix else 0)
            else:
                at = self.run(at, end, group, variation, size >> 3, index, count)

    def run(self, at: cython.Py_ssize_t, end: cython.Py_ssize_t, group: cython.int, variation: cython.int, size: cython.int,
            index: cython.longlong, count: cython.longlong) -> cython.Py_ssize_t:
        """`count` objects of one size in one row; returns where they end."""
        whole: cython.longlong = (end - at) // size
        row: cython.Py_ssize_t = self.row(group, variation, index, count)
        if whole < count:
            self.truncated(at, count * size, end - at)
            if whole:
                self.value(row, _VALUE_OBJECTS, at, whole * size)
            return end
        self.value(row, _VALUE_OBJECTS, at, count * size)
        return at + count * size

    def packed(self, at: cython.Py_ssize_t, end: cython.Py_ssize_t, group: cython.int, variation: cython.int, bits: cython.int,
               index: cython.longlong, count: cython.longlong) -> cython.Py_ssize_t:
        """Packed objects: one row, in requests one per point."""
        octets: cython.longlong = (count * bits + 7) >> 3
        had: cython.longlong = end - at
        i: cython.longlong
        row: cython.Py_ssize_t
        if had < octets:
            self.truncated(at, octets, had)
        if self.role != 0 or had == 0:
            row = self.row(group, variation, index, count)
            if had:
                self.value(row, _VALUE_OBJECTS, at, min(octets, had))
        else:
            for i in range(min(count, had * 8 // bits)):
                if self.left <= 1 and i + 1 < count:
                    return self.rest(at + (i * bits >> 3), end, group, variation, index + i if index >= 0 else -1, count - i)
                row = self.row(group, variation, index + i if index >= 0 else -1, 1)
                self.value(row, _VALUE_BIT + (i * bits & 7), at + (i * bits >> 3), 1)
        return end if had < octets else at + octets

    def rest(self, at: cython.Py_ssize_t, end: cython.Py_ssize_t, group: cython.int, variation: cython.int, index: cython.longlong,
             count: cython.longlong) -> cython.Py_ssize_t:
        """The last row that the limit allows stands for all objects that have none; the walk is over."""
        self.report(spec.TOO_MANY_OBJECTS, at - self.start, self.allowed, count)
        self.row(group, variation, index, count)
        return end

    def each(self, at: cython.Py_ssize_t, end: cython.Py_ssize_t, group: cython.int, variation: cython.int, size: cython.int,
             index: cython.longlong, count: cython.longlong, prefix: cython.int) -> cython.Py_ssize_t:
        """Objects with a row each: `prefix` octets of index before each, else counted from `index`; returns where they end."""
        data = self.pdus.octets.data
        step: cython.int = prefix + size
        whole: cython.longlong = (end - at) // step
        status: cython.int = self.status
        row: cython.Py_ssize_t
        i: cython.longlong
        if whole < count:
            self.truncated(at, count * step, end - at)
            if whole == 0:
                self.row(group, variation, index, count)
        for i in range(min(whole, count)):
            point: cython.longlong = _little(data, at, prefix) if prefix else index + i if index >= 0 else -1
            if self.left <= 1 and i + 1 < count:
                return self.rest(at, end, group, variation, point, count - i)
            row = self.row(group, variation, point, 1)
            if size:
                self.value(row, _VALUE_OBJECTS, at + prefix, size)
                if group in (12, 41):
                    if self.role and data[at + step - 1] & 0x7F:  # A.8.1, A.20: the status is the last octet
                        self.operations.status[row] = data[at + step - 1] & 0x7F
                    if group == 12 and size == 11 and not self.role and ((data[at + prefix] & 0x0F) > 4 or data[at + prefix] >> 6 == 3):
                        self.report(spec.RESERVED_CONTROL, at + prefix - self.start, 0, data[at + prefix])
            at += step
        self.status = status
        return end if whole < count else at

    def sized(self, at: cython.Py_ssize_t, end: cython.Py_ssize_t, group: cython.int, variation: cython.int, count: cython.longlong,
              prefix: cython.int) -> cython.Py_ssize_t:
        """Objects that bring their size along (qualifier 5B); returns where they end."""
        data = self.pdus.octets.data
        row: cython.Py_ssize_t
        size: cython.longlong
        i: cython.longlong
        for i in range(count):
            if self.left <= 1 and i + 1 < count:
                return self.rest(at, end, group, variation, -1, count - i)
            size = _little(data, at, prefix) if end - at >= prefix else 0
            row = self.row(group, variation, -1, 1)
            if end - at < prefix + size:
                self.truncated(at, prefix + size, end - at)
                if end - at > prefix:
                    self.value(row, _VALUE_OBJECTS, at + prefix, end - at - prefix)
                return end
            at += prefix
            self.value(row, _VALUE_OBJECTS, at, size)
            self.sized_status(row, group, variation, at, size)
            if group == 0 and self.role:
                self.attribute_fact(variation, at, size)
            at += size
        return at

    def sized_status(self, row: cython.Py_ssize_t, group: cython.int, variation: cython.int, at: cython.Py_ssize_t, size: cython.longlong) -> None:
        """Files and authentication answer with a code of their own."""
        data = self.pdus.octets.data
        code: cython.int = 0
        if group == 70 and self.role:
            if variation == 4 and size > 12:  # A.27.4: handle, size, block size, request id, status
                code = data[at + 12]
            elif variation == 6 and size > 8:  # A.27.6: handle, block number, status
                code = data[at + 8]
            if code:
                self.operations.status[row] = _STATUS_FILE | code
        elif group == 120 and variation == 7 and size > 8:  # A.45.7: sequence, user, association, error code
            code = data[at + 8]
            if code:
                self.operations.status[row] = _STATUS_AUTHENTICATION | code

    def attributes(self, at: cython.Py_ssize_t, end: cython.Py_ssize_t, variation: cython.int, index: cython.longlong, count: cython.longlong,
                   prefix: cython.int) -> cython.Py_ssize_t:
        """Device attributes (A.1): type, length, octets; the index is the attribute set. Returns where they end."""
        data = self.pdus.octets.data
        row: cython.Py_ssize_t
        i: cython.longlong
        size: cython.longlong
        point: cython.longlong
        for i in range(count):
            point = _little(data, at, prefix) if prefix and end - at >= prefix else index + i if index >= 0 else -1
            if self.left <= 1 and i + 1 < count:
                return self.rest(at, end, 0, variation, point, count - i)
            row = self.row(0, variation, point, 1)
            if end - at < prefix + 2:
                self.truncated(at, prefix + 2, end - at)
                return end
            at += prefix
            size = 2 + data[at + 1] + (256 if data[at] == 255 else 0)
            if end - at < size:
                self.truncated(at, size, end - at)
                self.value(row, _VALUE_OBJECTS, at, end - at)
                return end
            self.value(row, _VALUE_OBJECTS, at, size)
            if self.role:
                self.attribute_fact(variation, at, size)
            at += size
        return at

    def attribute_fact(self, variation: cython.int, at: cython.Py_ssize_t, size: cython.longlong) -> None:
        """What an attribute says about its device."""
        found = facts.attribute(variation, self.pdus.octets.tobytes(at, at + size), self.pdus, self.pdu, self.unit)
        if found is not None:
            self.facts.append(found)
