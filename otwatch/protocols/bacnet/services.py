# cython: boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
"""The message in hand: its tagged parameters read with bounds (20.2), rows, facts and anomalies made for it (13 to 17).

Readers give the place behind what they read, or -1 where the tags are not those that the service prescribes; that is reported once.
"""

from __future__ import annotations

import cython

from otwatch.actions import Action
from otwatch.protocols.bacnet import spec
from otwatch.protocols.bacnet.spec import Anomaly
from otwatch.protocols.bacnet.values import text
from otwatch.protocols.kit.rows import Rows
from otwatch.protocols.spec import Fact
from otwatch.tables import Operations, Pdus
from otwatch.vocabulary import PduFlag

_CUT = cython.declare(cython.int, PduFlag.CUT)
_TRUNCATED = cython.declare(cython.int, Anomaly.TRUNCATED)
_TAG = cython.declare(cython.int, Anomaly.TAG)
_TOO_MANY_ITEMS = cython.declare(cython.int, Anomaly.TOO_MANY_ITEMS)
_VALUE_TAGGED = cython.declare(cython.int, spec.VALUE_TAGGED)
_VALUE_WRITTEN = cython.declare(cython.int, spec.VALUE_WRITTEN)
_FAILED = cython.declare(cython.int, spec.FAILED)
_DEVICE = cython.declare(cython.int, spec.DEVICE)
_PRESENT_VALUE = cython.declare(cython.int, spec.PRESENT_VALUE)
_OUT_OF_SERVICE = cython.declare(cython.int, spec.OUT_OF_SERVICE)
_READ = cython.declare(cython.int, Action.READ)
_WRITE = cython.declare(cython.int, Action.WRITE)
_CONTROL = cython.declare(cython.int, Action.CONTROL)
_FORCE = cython.declare(cython.int, Action.FORCE)
_IDENTIFY = cython.declare(cython.int, Action.IDENTIFY)
_FILE = cython.declare(cython.int, Action.FILE)
_NESTED = 16  # opening tags inside one value
_PRIME = cython.declare(cython.uint, 0x01000193)  # FNV-1a
_SEED = cython.declare(cython.uint, 0x811C9DC5)
_32_BITS = cython.declare(cython.uint, 0xFFFFFFFF)


class Message(Rows):
    """One at a time; `open` moves to the next PDU."""

    def __init__(self, protocol: cython.int, items: cython.int) -> None:
        Rows.__init__(self, protocol)
        self.items = items

    def open(self, pdu: cython.Py_ssize_t) -> object:
        """The next PDU."""
        self.pdu = pdu
        self.at = self.first = self.pdus.start[pdu]
        self.end = self.pdus.end[pdu]
        self.cut = self.pdus.flags[pdu] & _CUT != 0
        self.unit = self.source_unit = -1
        self.forwarded = False
        self.invoke = -1
        self.item = 0
        self.wrong = False
        return None

    def append(self, whole: bytes) -> cython.Py_ssize_t:
        """A message put together from segments, behind the octets of the batch: it is read from there now."""
        at: cython.Py_ssize_t = self.pdus.octets.append(whole, 0, len(whole))
        self.data = self.pdus.octets.data
        self.at = at
        self.end = at + len(whole)
        self.cut = False
        return at

    def truncated(self, needed: cython.int) -> object:
        """The message ends too early; what the tap cut off was sent all the same."""
        if not self.cut and not self.wrong:
            self.report(_TRUNCATED, self.end - self.at, needed, self.end - self.at)
        self.wrong = True
        return None

    def digest(self) -> cython.uint:
        """A checksum of the message, to tell equal ones from different ones."""
        digest: cython.uint = _SEED
        at: cython.Py_ssize_t
        for at in range(self.first, self.pdus.end[self.pdu]):
            digest = (digest ^ self.data[at]) * _PRIME & _32_BITS
        return digest

    def row(self, role: cython.int, function: cython.int, action: cython.int) -> cython.Py_ssize_t:
        """A new row of operations for this message."""
        row: cython.Py_ssize_t = self.operations.add(self.pdus, self.pdu, role, self.protocol, function, action)
        self.operations.unit[row] = self.unit
        self.operations.transaction[row] = self.invoke
        self.operations.item[row] = self.item
        self.item += 1
        return row

    # ---- tags

    def tag(self, at: cython.Py_ssize_t) -> cython.bint:
        """Reads the tag there: number, context, edge (1 opening, 2 closing), length, place of the data; False at the end of the bytes."""
        first: cython.int
        size: cython.int
        if at < self.at or at >= self.end:
            return False
        first = self.data[at]
        at += 1
        self.number = first >> 4
        self.context = first & 8 != 0
        self.length = first & 7
        self.edge = 0
        if self.number == 15:
            if at >= self.end:
                return False
            self.number = self.data[at]
            at += 1
        if self.context and self.length > 5:
            self.edge = self.length - 5
            self.length = 0
        elif self.length == 5:
            if at >= self.end:
                return False
            self.length = self.data[at]
            at += 1
            size = 2 if self.length == 254 else (4 if self.length == 255 else 0)
            if size:
                if at + size > self.end:
                    return False
                self.length = 0
                while size:
                    self.length = self.length << 8 | self.data[at]
                    at += 1
                    size -= 1
        elif not self.context and self.number == 1:
            self.boolean = self.length
            self.length = 0
        self.place = at
        return self.length >= 0 and at + self.length <= self.end

    def fail(self, at: cython.Py_ssize_t, number: cython.int) -> cython.Py_ssize_t:
        """The parameter that should stand there does not."""
        if not self.wrong:
            if at >= self.end - 1:
                self.truncated(at - self.at + 1)
            elif not self.cut:
                self.report(_TAG, at - self.at, number, self.data[at])
        self.wrong = True
        return -1

    def unsigned(self, at: cython.Py_ssize_t, number: cython.int, context: cython.bint) -> cython.Py_ssize_t:
        """A number of up to four octets under that tag: into `number_read`."""
        i: cython.int
        if at < 0 or not self.tag(at) or self.number != number or self.context != context or self.edge or not 0 < self.length <= 4:
            return self.fail(at, number) if at >= 0 else -1
        self.number_read = 0
        for i in range(self.length):
            self.number_read = self.number_read << 8 | self.data[self.place + i]
        return self.place + self.length

    def is_next(self, at: cython.Py_ssize_t, number: cython.int, edge: cython.int) -> cython.bint:
        """Whether that context tag stands there."""
        return at >= 0 and self.tag(at) and self.context and self.number == number and self.edge == edge

    def closing(self, at: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """The place of the closing tag that ends the value which begins there."""
        depth: cython.int = 0
        while at >= 0 and self.tag(at):
            if self.edge == 2:
                if depth == 0:
                    return at
                depth -= 1
            elif self.edge == 1:
                depth += 1
                if depth > _NESTED:
                    break
            at = self.place + self.length
        return self.fail(at, -2)

    # ---- rows

    def object_row(self, role: cython.int, function: cython.int, action: cython.int, whole: cython.longlong, property: cython.longlong,
                   index: cython.longlong) -> cython.Py_ssize_t:
        """A row about a property of an object (or, -1, about the object); reads and writes are sorted by what they touch."""
        row: cython.Py_ssize_t
        kind: cython.int = whole >> 22 & 0x3FF if whole >= 0 else -1
        if action == _READ and kind == _DEVICE and property in spec.IDENTITY:
            action = _IDENTIFY
        elif action == _WRITE and property == _OUT_OF_SERVICE:
            action = _FORCE
        elif action == _WRITE and property == _PRESENT_VALUE and kind in spec.OUTPUTS:
            action = _CONTROL
        row = self.row(role, function, action)
        if whole >= 0:
            self.operations.area[row] = kind
            self.operations.object[row] = whole & 0x3FFFFF
        self.operations.start[row] = property
        self.operations.count[row] = index
        return row

    def value(self, row: cython.Py_ssize_t, kind: cython.int, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> object:
        """Where the value of a row is."""
        if end > at:
            self.operations.value_kind[row] = kind
            self.operations.value_at[row] = at
            self.operations.value_length[row] = end - at
        return None

    # ---- parameters of services

    def request(self, role: cython.int, service: cython.int, action: cython.int, at: cython.Py_ssize_t) -> object:
        """Rows of a confirmed request."""
        first: cython.Py_ssize_t = self.operations.rows
        row: cython.Py_ssize_t
        known = spec.REINITIALIZED
        if service in (12, 26, 15):
            self._property(role, service, action, at)
        elif service in (14, 16):
            self._specifications(role, service, action, at, False)
        elif service == 20:
            at = self.unsigned(at, 0, True)
            if at >= 0 and self.number_read in known:
                action = int(known[self.number_read][1])
            row = self.row(role, service, action)
            self.operations.subfunction[row] = self.number_read if at >= 0 else -1
        elif service == 17:
            if self.is_next(at, 0, 0):
                at = self.place + self.length
            at = self.unsigned(at, 1, True)
            row = self.row(role, service, action)
            self.operations.subfunction[row] = self.number_read if at >= 0 else -1
        elif service in (6, 7, 11):
            at = self.unsigned(at, 12, False)
            if at >= 0:
                self.object_row(role, service, action, self.number_read, -1, -1)
        elif service in (8, 9):
            self._property(role, service, action, at)
        elif service in (5, 28):
            at = self.unsigned(self.unsigned(at, 0, True), 1, True)
            if at >= 0:
                self.object_row(role, service, action, self.number_read, -1, -1)
        elif service in (1, 2):
            self._notification(role, service, action, at)
        if self.operations.rows == first:
            self.row(role, service, action)
        return None

    def response(self, role: cython.int, service: cython.int, action: cython.int, at: cython.Py_ssize_t) -> object:
        """Rows of a complex ack, where it names what it answers; none where it does not."""
        if at < 0:
            return None
        if service in (12, 26):
            self._property(role, service, action, at)
        elif service == 14:
            self._specifications(role, service, action, at, True)
        return None

    def _property(self, role: cython.int, service: cython.int, action: cython.int, at: cython.Py_ssize_t) -> object:
        """[0] object, [1] property, [2] index?, [3] value?, [4] priority? (15.5, 15.9)."""
        whole: cython.longlong
        property: cython.longlong
        index: cython.longlong = -1
        row: cython.Py_ssize_t
        end: cython.Py_ssize_t
        at = self.unsigned(at, 0, True)
        if at < 0:
            return None
        whole = self.number_read
        at = self.unsigned(at, 1, True)
        if at < 0:
            self.object_row(role, service, action, whole, -1, -1)
            return None
        property = self.number_read
        if self.is_next(at, 2, 0):
            at = self.unsigned(at, 2, True)
            index = self.number_read
        row = self.object_row(role, service, action, whole, property, index)
        if service in (12, 15) and self.is_next(at, 3, 1):
            at = self.place
            end = self.closing(at)
            if end >= 0:
                self.value(row, _VALUE_WRITTEN if service == 15 else _VALUE_TAGGED, at, self.end if service == 15 else end)
                self._identity(row, at, end)
        return None

    def _specifications(self, role: cython.int, service: cython.int, action: cython.int, at: cython.Py_ssize_t, results: cython.bint) -> object:
        """Lists of objects with lists of properties (15.7, 15.10): [0] object, [1] { … }."""
        whole: cython.longlong
        before: cython.Py_ssize_t
        while at >= 0 and at < self.end:
            at = self.unsigned(at, 0, True)
            if at < 0:
                break
            whole = self.number_read
            if not self.is_next(at, 1, 1):
                self.fail(at, 1)
                break
            at = self.place
            while not self.is_next(at, 1, 2):
                if self.item >= self.items:
                    self.report(_TOO_MANY_ITEMS, at - self.at, self.items, self.items + 1)
                    return None
                before = at
                at = self._result(role, service, action, whole, at) if results else self._reference(role, service, action, whole, at)
                if at <= before:
                    return None
            at = self.place
        return None

    def _reference(self, role: cython.int, service: cython.int, action: cython.int, whole: cython.longlong,
                   at: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """[0] property, [1] index?, of a write [2] value, [3] priority?."""
        property: cython.longlong
        index: cython.longlong = -1
        row: cython.Py_ssize_t
        start: cython.Py_ssize_t
        at = self.unsigned(at, 0, True)
        if at < 0:
            return -1
        property = self.number_read
        if self.is_next(at, 1, 0):
            at = self.unsigned(at, 1, True)
            index = self.number_read
        row = self.object_row(role, service, action, whole, property, index)
        if service == 16:
            if not self.is_next(at, 2, 1):
                return self.fail(at, 2)
            start = self.place
            at = self.closing(start)
            if at < 0:
                return -1
            at = self.place
            if self.is_next(at, 3, 0):
                at = self.place + self.length
            self.value(row, _VALUE_WRITTEN, start, at)
        return at

    def _result(self, role: cython.int, service: cython.int, action: cython.int, whole: cython.longlong, at: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """[2] property, [3] index?, then [4] { value } or [5] { error }."""
        property: cython.longlong
        index: cython.longlong = -1
        row: cython.Py_ssize_t
        start: cython.Py_ssize_t
        refused: cython.bint
        at = self.unsigned(at, 2, True)
        if at < 0:
            return -1
        property = self.number_read
        if self.is_next(at, 3, 0):
            at = self.unsigned(at, 3, True)
            index = self.number_read
        row = self.object_row(role, service, action, whole, property, index)
        refused = self.is_next(at, 5, 1)
        if not refused and not self.is_next(at, 4, 1):
            return self.fail(at, 4)
        start = self.place
        at = self.closing(start)
        if at < 0:
            return -1
        if refused:
            self.operations.status[row] = self.error(start)
            self.closing(start)
        else:
            self.value(row, _VALUE_TAGGED, start, at)
            self._identity(row, start, at)
            self.closing(start)
        return self.place

    def error(self, at: cython.Py_ssize_t) -> cython.int:
        """Error class and code (both enumerated) as a status; some services wrap them into [0] (21)."""
        kind: cython.longlong
        if self.is_next(at, 0, 1):
            at = self.place
        at = self.unsigned(at, 9, False)
        if at < 0:
            return _FAILED
        kind = self.number_read
        at = self.unsigned(at, 9, False)
        if at < 0 or kind > 255:
            return _FAILED
        return _FAILED + kind * 256 + (self.number_read if self.number_read < 256 else 0)

    def _notification(self, role: cython.int, service: cython.int, action: cython.int, at: cython.Py_ssize_t) -> object:
        """[0] process, [1] device that reports, [2] object; of COV [3] time left, [4] { [0] property, [1] index?, [2] { value } … } (13.6)."""
        whole: cython.longlong
        property: cython.longlong
        row: cython.Py_ssize_t
        start: cython.Py_ssize_t
        at = self.unsigned(self.unsigned(self.unsigned(at, 0, True), 1, True), 2, True)
        if at < 0:
            return None
        whole = self.number_read
        if service in (2, 0x103) or not self.is_next(at, 3, 0):
            self.object_row(role, service, action, whole, -1, -1)
            return None
        at = self.place + self.length
        if not self.is_next(at, 4, 1):
            self.object_row(role, service, action, whole, -1, -1)
            return None
        at = self.place
        while not self.is_next(at, 4, 2) and self.item < self.items:
            at = self.unsigned(at, 0, True)
            if at < 0:
                return None
            property = self.number_read
            row = self.object_row(role, service, action, whole, property, -1)
            if self.is_next(at, 1, 0):
                at = self.place + self.length
            if not self.is_next(at, 2, 1):
                self.fail(at, 2)
                return None
            start = self.place
            at = self.closing(start)
            if at < 0:
                return None
            self.value(row, _VALUE_TAGGED, start, at)
            self.tag(at)
            at = self.place
            if self.is_next(at, 3, 0):
                at = self.place + self.length
        return None

    def unconfirmed(self, role: cython.int, function: cython.int, action: cython.int, at: cython.Py_ssize_t) -> object:
        """Rows and facts of an unconfirmed request."""
        first: cython.Py_ssize_t = self.operations.rows
        row: cython.Py_ssize_t
        if function == 0x100:
            self._i_am(role, function, action, at)
        elif function == 0x101:
            at = self.unsigned(at, 12, False)
            at = self.unsigned(at, 12, False)
            if at >= 0:
                self.object_row(role, function, action, self.number_read, -1, -1)
        elif function in (0x102, 0x103):
            self._notification(role, function, action, at)
        elif function == 0x108 and at < self.end:  # [0] from, [1] to
            at = self.unsigned(at, 0, True)
            if at >= 0:
                row = self.row(role, function, action)
                self.operations.area[row] = _DEVICE
                self.operations.object[row] = self.number_read
                at = self.unsigned(at, 1, True)
                if at >= 0:
                    self.operations.count[row] = self.number_read - self.operations.object[row] + 1
        elif function in (0x106, 0x109) and at < self.end:
            row = self.row(role, function, action)
            self.value(row, _VALUE_TAGGED, at, self.end)
        if self.operations.rows == first:
            self.row(role, function, action)
        return None

    # ---- facts

    def _i_am(self, role: cython.int, function: cython.int, action: cython.int, at: cython.Py_ssize_t) -> object:
        """The device object, greatest APDU, segmentation, vendor (16.10)."""
        whole: cython.longlong
        at = self.unsigned(at, 12, False)
        if at < 0:
            return None
        whole = self.number_read
        self.object_row(role, function, action, whole, -1, -1)
        at = self.unsigned(self.unsigned(self.unsigned(at, 2, False), 9, False), 2, False)
        self._fact("device_instance", str(whole & 0x3FFFFF), "bacnet.i_am", 1.0)
        if at >= 0:
            self._fact("vendor_id", str(self.number_read), "bacnet.i_am", 1.0)
        return None

    def _identity(self, row: cython.Py_ssize_t, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> object:
        """What a device's own properties say about it."""
        operations: Operations = self.operations
        if operations.area[row] != _DEVICE or operations.role[row] != 1 or operations.count[row] >= 0:
            return None
        number: cython.int = {120: 2, 75: 12}.get(operations.start[row], 0)  # vendor identifier, object identifier: their application tags
        if number and self.tag(at) and not self.context and self.number == number and self.unsigned(at, number, False) >= 0:
            if number == 2:
                self._fact("vendor_id", str(self.number_read), "bacnet.read_property", 1.0)
            else:
                self._fact("device_instance", str(self.number_read & 0x3FFFFF), "bacnet.read_property", 1.0)
            return None
        kind = spec.IDENTITY.get(operations.start[row])
        if kind is None or not self.tag(at) or self.context or self.number != 7 or self.place + self.length > end or self.length < 2:
            return None
        self._fact(kind, text(bytes(memoryview(self.data)[self.place:self.place + self.length])), "bacnet.read_property", 1.0)
        return None

    def _fact(self, kind: str, value: str, source: str, confidence: float) -> object:
        pdus: Pdus = self.pdus
        if self.forwarded:  # who sent the packet is not who speaks in it
            return None
        child = spec.unit_name(int(self.unit)) if self.unit >= 0 else ""
        self.facts.append(Fact(timestamp_ns=int(pdus.timestamp_ns[self.pdu]), frame=int(pdus.frame[self.pdu]), flow=int(pdus.flow[self.pdu]),
                               address=int(pdus.source[self.pdu]), child=child, kind=kind, value=value, source=source, confidence=confidence))
        return None
