# cython: boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
"""Built-in types of OPC UA binary (5.2), read or stepped over with bounds.

Each reader moves `at`. The first thing that does not fit sets `wrong` and what it was (`problem`, `offset`, `needed`, `had`); from then on every
reader gives 0 and stays where it is, so that a service can be read field by field and asked once.
"""

from __future__ import annotations

from base64 import b64encode
from uuid import UUID

import cython

from otwatch.names import NAMES
from otwatch.protocols.opcua import spec
from otwatch.protocols.opcua.spec import Anomaly
from otwatch.tables import Octets

_TRUNCATED = cython.declare(cython.int, Anomaly.TRUNCATED)
_FIELD = cython.declare(cython.int, Anomaly.FIELD)
_ARRAY_LENGTH = cython.declare(cython.int, Anomaly.ARRAY_LENGTH)
_STRING_LENGTH = cython.declare(cython.int, Anomaly.STRING_LENGTH)
_DEPTH = cython.declare(cython.int, Anomaly.DEPTH)
_GUID = cython.declare(cython.int, spec.GUID)
_OPAQUE = cython.declare(cython.int, spec.OPAQUE)
_DEEPEST = cython.declare(cython.int, 100)  # 5.2.2.16: decoders shall support at least 100 levels
_OPAQUE_MOST = 256  # bytes of an opaque identifier that are told
_2_32 = cython.declare(cython.longlong, 1 << 32)


def _widths() -> bytes:
    """Bytes of a built-in type of fixed width by its id (5.1.2), 0 of the others."""
    widths = dict.fromkeys((1, 2, 3), 1) | dict.fromkeys((4, 5), 2) | dict.fromkeys((6, 7, 10, 19), 4) | dict.fromkeys((8, 9, 11, 13), 8) | {14: 16}
    return bytes(widths.get(kind, 0) for kind in range(64))


_WIDTHS = cython.declare(bytes, _widths())


class Reader:
    """The bytes between `at` and `end`."""

    def __init__(self) -> None:
        self.names = NAMES
        self.data = Octets(1).data
        self.first = self.at = self.end = 0
        self.wrong = False
        self.problem = self.offset = 0
        self.needed = self.had = 0
        self.area = -1
        self.object = -1
        self.place = self.length = 0
        self.status = 0

    def look(self, data: cython.uchar[::1], first: cython.Py_ssize_t, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> object:
        """Reads data[at:end] from now on; offsets count from `first`."""
        self.data = data
        self.first = first
        self.at = at
        self.end = min(end, data.shape[0])
        self.wrong = False
        return None

    def fail(self, problem: cython.int, needed: cython.longlong, had: cython.longlong) -> cython.Py_ssize_t:
        """What does not fit here; the first counts."""
        if not self.wrong:
            self.wrong = True
            self.problem = problem
            self.offset = self.at - self.first
            self.needed = needed
            self.had = had
        return 0

    def room(self, size: cython.Py_ssize_t) -> cython.bint:
        """Whether there are that many bytes."""
        if self.wrong:
            return False
        if size > self.end - self.at:
            self.fail(_TRUNCATED, size, self.end - self.at)
            return False
        return True

    def skip(self, size: cython.Py_ssize_t) -> object:
        """Steps over fields of fixed width."""
        if self.room(size):
            self.at += size
        return None

    def u8(self) -> cython.int:
        """A byte."""
        if not self.room(1):
            return 0
        self.at += 1
        return self.data[self.at - 1]

    def u16(self) -> cython.int:
        """An unsigned 16-bit integer."""
        if not self.room(2):
            return 0
        self.at += 2
        return self.data[self.at - 2] | self.data[self.at - 1] << 8

    def u32(self) -> cython.Py_ssize_t:
        """An unsigned 32-bit integer."""
        value: cython.longlong
        if not self.room(4):
            return 0
        value = self.data[self.at + 3]
        self.at += 4
        return value << 24 | self.data[self.at - 2] << 16 | self.data[self.at - 3] << 8 | self.data[self.at - 4]

    def i32(self) -> cython.Py_ssize_t:
        """A signed 32-bit integer."""
        value: cython.longlong = self.u32()
        return value - _2_32 if value >> 31 else value

    def string(self) -> object:
        """A String, ByteString or XmlElement: `place` and `length`, which is -1 of a null one (5.2.2.4)."""
        self.length = self.i32()
        self.place = self.at
        if self.wrong:
            self.length = -1
        elif self.length < -1 or self.length > self.end - self.at:
            self.at -= 4
            self.fail(_STRING_LENGTH, self.end - self.at - 4, self.length)
            self.length = -1
        elif self.length > 0:
            self.at += self.length
        return None

    def strings(self) -> object:
        """Steps over an array of strings."""
        left: cython.longlong = self.count(4)
        while left > 0 and not self.wrong:
            self.string()
            left -= 1
        return None

    def octets(self) -> bytes:
        """The bytes of the string read last."""
        return bytes(memoryview(self.data)[self.place:self.place + self.length]) if self.length > 0 else b""

    def text(self) -> str:
        """The string read last."""
        return self.octets().decode("utf-8", "replace")

    def count(self, least: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """The length of an array whose elements have at least that many bytes (5.2.5); 0 of a null one."""
        many: cython.longlong = self.i32()
        if many < -1 or many * least > self.end - self.at:
            self.at -= 4
            self.fail(_ARRAY_LENGTH, (self.end - self.at - 4) // least, many)
            return 0
        return many if many > 0 else 0

    def node(self) -> cython.int:
        """A NodeId (5.2.2.9): `area` and `object`; returns the flags of an ExpandedNodeId."""
        encoding: cython.int = self.u8()
        kind: cython.int = encoding & 0x3F
        self.area = 0
        if kind == 0:
            self.object = self.u8()
        elif kind == 1:
            self.area = self.u8()
            self.object = self.u16()
        elif kind == 2:
            self.area = self.u16()
            self.object = self.u32()
        elif kind == 3:
            self.area = self.u16()
            self.string()
            self.object = self.names.number(self.data, self.place, self.place + max(self.length, 0)) if not self.wrong else -1
        elif kind == 4:
            self.area = self.u16() | _GUID
            self.skip(16)
            self.object = NAMES.number_of(str(UUID(bytes_le=bytes(memoryview(self.data)[self.at - 16:self.at])))) if not self.wrong else -1
        elif kind == 5:
            self.area = self.u16() | _OPAQUE
            self.string()
            self.object = NAMES.number_of(b64encode(self.octets()[:_OPAQUE_MOST]).decode()) if not self.wrong else -1
        else:
            self.at -= 1
            self.fail(_FIELD, 5, encoding)
        if self.wrong:
            self.area = -1
            self.object = -1
        return encoding & 0xC0

    def expanded(self) -> object:
        """An ExpandedNodeId (5.2.2.10); a namespace URI in place of the index is stepped over."""
        flags: cython.int = self.node()
        if flags & 0x80:
            self.string()
        if flags & 0x40:
            self.skip(4)
        return None

    def qualified(self) -> object:
        """A QualifiedName; `place` and `length` are of the name."""
        self.skip(2)
        self.string()
        return None

    def localized(self) -> object:
        """A LocalizedText (5.2.2.14); `place` and `length` are of the text."""
        mask: cython.int = self.u8()
        if mask & 1:
            self.string()
        self.length = -1
        if mask & 2:
            self.string()
        return None

    def extension(self) -> object:
        """An ExtensionObject (5.2.2.15): the type in `area` and `object`, the body in `place` and `length`, -1 without one."""
        encoding: cython.int
        self.node()
        encoding = self.u8()
        self.length = -1
        if encoding in (1, 2):
            self.string()
        elif encoding:
            self.at -= 1
            self.fail(_FIELD, 2, encoding)
        return None

    def diagnostics(self, depth: cython.int) -> object:
        """Steps over a DiagnosticInfo (5.2.2.12)."""
        mask: cython.int = self.u8()
        if depth > _DEEPEST:
            self.fail(_DEPTH, _DEEPEST, depth)
            return None
        self.skip(4 * ((mask & 1) + (mask >> 1 & 1) + (mask >> 2 & 1) + (mask >> 3 & 1)))
        if mask & 0x10:
            self.string()
        if mask & 0x20:
            self.skip(4)
        if mask & 0x40:
            self.diagnostics(depth + 1)
        return None

    def all_diagnostics(self) -> object:
        """Steps over an array of DiagnosticInfo."""
        left: cython.longlong = self.count(1)
        while left > 0 and not self.wrong:
            self.diagnostics(0)
            left -= 1
        return None

    def data_value(self, depth: cython.int) -> object:
        """Steps over a DataValue (5.2.2.17); its quality into `status`."""
        mask: cython.int = self.u8()
        quality: cython.longlong = 0
        if mask & 1:
            self.variant(depth + 1)
        if mask & 2:
            quality = self.u32()
        self.skip((8 if mask & 4 else 0) + (2 if mask & 0x10 else 0) + (8 if mask & 8 else 0) + (2 if mask & 0x20 else 0))
        self.status = quality
        return None

    def variant(self, depth: cython.int) -> object:
        """Steps over a Variant (5.2.2.16)."""
        mask: cython.int = self.u8()
        kind: cython.int = mask & 0x3F
        width: cython.int = _WIDTHS[kind]
        left: cython.longlong = 1
        if depth > _DEEPEST:
            self.fail(_DEPTH, _DEEPEST, depth)
            return None
        if kind > 31:
            self.at -= 1
            self.fail(_FIELD, 31, mask)
            return None
        if mask & 0x80:
            left = self.count(width if width else 1)
        if width:
            self.skip(left * width)
        elif kind:
            while left > 0 and not self.wrong:
                self.element(kind, depth)
                left -= 1
        if mask & 0x40:
            left = self.count(4)
            self.skip(4 * left)
        return None

    def element(self, kind: cython.int, depth: cython.int) -> object:
        """Steps over a value of a built-in type of no fixed width."""
        if kind in (17, 18):
            self.expanded()
        elif kind == 20:
            self.qualified()
        elif kind == 21:
            self.localized()
        elif kind == 22:
            self.extension()
        elif kind == 23:
            self.data_value(depth + 1)
        elif kind == 24:
            self.variant(depth + 1)
        elif kind == 25:
            self.diagnostics(depth + 1)
        else:
            self.string()
        return None
