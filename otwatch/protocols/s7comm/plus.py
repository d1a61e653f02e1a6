# cython: boundscheck=True, wraparound=False, cdivision=True, nonecheck=True
"""S7comm-plus: rows of the protocol `s7comm-plus` (names and numbers in otwatch/protocols/s7comm_plus).

A PDU is 72, version, length, data and, when it is the last of its message, a trailer 72, version, 00 00. In version 3 the data start with
the length and the bytes of a digest. The data are opcode, reserved, function, reserved, sequence, then session (requests) and flags.
"""

from __future__ import annotations

import re
from typing import Any

import cython

from otwatch.actions import Action
from otwatch.limits import Limits
from otwatch.protocols.kit.tls import DATA, HANDSHAKE, handshake_facts
from otwatch.protocols.s7comm import cpu, plus_ids
from otwatch.protocols.s7comm.state import Conversation, Message, Request
from otwatch.tables import Operations

_HEADER, _OPCODE, _SHORT, _FRAGMENTS = 1, 2, 3, 4  # anomalies of s7comm-plus
_REQUEST_HEADER = cython.declare(cython.Py_ssize_t, 14)
_RESPONSE_HEADER = cython.declare(cython.Py_ssize_t, 10)
_TLS_ACTIONS = {HANDSHAKE: int(Action.CONNECT), DATA: int(Action.ENCRYPTED)}
_VALUE = cython.declare(cython.int, 0x300)
_INFERRED = cython.declare(cython.int, 0x301)
_ACTIONS = {code: int(action) for code, action in plus_ids.ACTIONS.items()}
_OTHER, _CONNECT, _CONFIGURE, _SUBSCRIBE, _AUTHENTICATE = 0, 21, 12, 18, 20
_DOWNLOAD, _UPLOAD, _DELETE = 7, 8, 9
_HEAD_KEPT = 4096  # bytes of the first PDU of a long message that are kept to be read when its last one comes
_ORDER = re.compile(rb"(6[EA][SG][57] ?\d[\dA-Z]{2}-[\dA-Z]{5}-[\dA-Z]{4})(?: *;(V[\d.]+))?")


class Plus:
    """Reads what starts with 0x72, or TLS, on COTP."""

    def __init__(self, dissector: Any, protocol: cython.int, limits: Limits) -> None:
        self.dissector = dissector
        self.protocol = protocol
        self.part_limit = limits.program_blocks_bytes
        self.at = 0
        self.end = 0
        self.version = 0
        self.size = 0

    def feed(self, message: Message, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.int:
        """One COTP message: PDUs of S7comm-plus, or TLS records."""
        conversation: Conversation = message.conversation
        message.request = None
        message.status = 0
        message.layer = self.protocol
        if message.data[at] != 0x72:
            return self.tls(message, at, end)
        while end - at >= 4 and message.data[at] == 0x72:
            version: cython.int = message.data[at + 1]
            length: cython.Py_ssize_t = message.u16(at + 2)
            stop: cython.Py_ssize_t = at + 4 + length
            if stop > end or (version != 0xFE and not 1 <= version <= 3):
                if not message.cut:
                    message.odd(_HEADER, at, length, end - at - 4)
                if stop > end:
                    stop = end
            self.version = version
            trailer: cython.int = stop + 4 <= end and message.data[stop] == 0x72 and message.data[stop + 2] == 0 and message.data[stop + 3] == 0
            last: cython.int = version == 0xFE or message.cut or trailer
            first: cython.Py_ssize_t = at + 4
            if version == 3 and stop - first >= 33 and message.data[first] == 0x20:
                first += 33
            self.at = first
            self.end = stop
            if conversation.plus is None:
                conversation.plus = [None, None]
            kept = conversation.plus[message.direction]
            if version == 0xFE or (kept is None and last):
                self.message_(message, stop - first)
            else:
                self.part(message, kept, last)
            at = stop + 4 if last and version != 0xFE else stop
        return 0

    def part(self, message: Message, kept: Any, last: bool) -> None:
        """A PDU of a message that is spread over several: of the first the head is kept, of the others the number of bytes."""
        plus: list[Any] = message.conversation.plus
        size = self.end - self.at
        if kept is None:
            kept = message.text(self.at, min(self.end, self.at + _HEAD_KEPT))
            if message.hold(len(kept)):
                plus[message.direction] = (kept, size, self.version)
            return
        head, total, version = kept
        total += size
        if total > self.part_limit:
            message.odd(_FRAGMENTS, self.at, self.part_limit, total)
            last = True
        if not last:
            plus[message.direction] = (head, total, version)
            return
        plus[message.direction] = None
        message.drop(len(head))
        octets = message.pdus.octets
        self.at = octets.append(bytearray(head), 0, len(head))
        self.end = self.at + len(head)
        message.data = octets.data
        message.base = self.at
        self.version = version
        self.message_(message, total)

    def row(self, message: Message, function: cython.int, action: cython.int, kind: cython.int) -> cython.Py_ssize_t:
        """A row whose value is the message's data; the subfunction is the version of the header."""
        operations: Operations = message.operations
        row: cython.Py_ssize_t = message.row(function, action)
        operations.subfunction[row] = self.version
        operations.unit[row] = -1
        operations.value_kind[row] = kind
        operations.value_at[row] = self.at
        operations.value_length[row] = self.end - self.at
        return row

    def message_(self, message: Message, size: cython.longlong) -> cython.int:
        """One whole message, or the head of a long one of `size` bytes."""
        at: cython.Py_ssize_t = self.at
        operations: Operations = message.operations
        row: cython.Py_ssize_t
        request: Request
        message.reference = -1
        message.request = None
        message.status = 0
        self.size = size
        if self.version == 0xFE:
            message.role = 2
            self.row(message, 0xFE, 22, _VALUE)
            return 0
        if self.end - at < 1:
            return 0
        opcode: cython.int = message.data[at]
        if opcode == 0x33:
            message.role = 2
            row = self.row(message, 0x33, 22, _VALUE)
            if self.end - at >= 5:
                operations.area[row] = 1
                operations.object[row] = message.u32(at + 1)
            operations.count[row] = size
            return 0
        if opcode not in {49, 50, 2}:
            message.odd(_OPCODE, at, 0x31, opcode)
            return 0
        if self.end - at < _RESPONSE_HEADER or (opcode == 0x31 and self.end - at < _REQUEST_HEADER):
            message.odd(_SHORT, at, _REQUEST_HEADER if opcode == 0x31 else _RESPONSE_HEADER, self.end - at)
            return 0
        function: cython.int = message.u16(at + 3)
        message.reference = message.u16(at + 7)
        if opcode == 0x31:
            message.role = 0
            self.dissector.remember(message, function, 2, function)
            if message.data[at + 13] & 0x40:  # transport flags: no answer wanted
                self.dissector.unwanted(message)
            self.request(message, function)
            if message.data[at + 13] & 0x40 == 0:
                self.dissector.charge(message)
            return 0
        message.role = 1
        self.dissector.find(message, 2, function)
        request = message.request
        action = _ACTIONS.get(function, 0)
        kind: cython.int = _VALUE
        if request is not None and request.function == function:
            action = request.action
            kind = request.subfunction
        cursor: cython.Py_ssize_t = at + _RESPONSE_HEADER
        code: cython.longlong = 0
        i: cython.int
        _: cython.int
        for _ in range(9):  # the return value: seven bits a byte, the ninth all eight
            if cursor >= self.end:
                break
            code = (code & 0xFFFFFF) << 7 | (message.data[cursor] & 0x7F)
            cursor += 1
            if message.data[cursor - 1] < 0x80:
                break
        message.status = code & 0xFFFF if function != 0x05B3 else 0
        if request is not None and request.function == function and request.items:
            for i in range(request.items):
                row = message.item_row(function, action, request, i)
                operations.subfunction[row] = self.version
                operations.unit[row] = -1
                operations.value_kind[row] = kind
                operations.value_at[row] = self.at
                operations.value_length[row] = self.end - self.at
        else:
            row = self.row(message, function, action, kind)
        if self.end - at > 30 and (function in {1226, 1414, 1211}):
            self.identity(message)
        if request is not None:
            self.dissector.release(request)
        return 0

    def vlq(self, message: Message) -> cython.longlong:
        """The next number at `self.at`, seven bits a byte, most significant first; -1 beyond the end."""
        value: cython.longlong = 0
        _: cython.int
        for _ in range(5):
            if self.at >= self.end:
                return -1
            value = value << 7 | (message.data[self.at] & 0x7F)
            self.at += 1
            if message.data[self.at - 1] < 0x80:
                return value
        return value

    def request(self, message: Message, function: cython.int) -> cython.int:
        """Rows of a request: what it acts on, as far as its ids tell."""
        start: cython.Py_ssize_t = self.at
        body: cython.Py_ssize_t = start + _REQUEST_HEADER
        operations: Operations = message.operations
        request: Request = message.request
        action: cython.int = _ACTIONS.get(function, 0)
        kind: cython.int = _VALUE
        attribute: cython.longlong = -1
        object_id: cython.longlong = message.u32(body) if body + 4 <= self.end else -1
        session: cython.longlong = message.u32(start + 9)
        value: cython.int = -1
        if (function in {1356, 1346}) and object_id == 0:
            return self.items(message, function)
        self.at = body + 4
        if function == 0x04F2 and self.at < self.end:  # one attribute of an object: count, id, then flags, type, value
            self.at += 1
            attribute = self.vlq(message)
            if self.at + 3 <= self.end:
                value = message.data[self.at + 2]
        elif function in {1346, 1356}:  # attributes of one object: values, addresses, ids
            self.vlq(message)
            self.vlq(message)
            attribute = self.vlq(message)
        elif function in {1414, 1404}:  # streamed: an array of ids
            if self.at + 3 <= self.end and message.data[self.at] == 0x20:
                self.at += 3
                attribute = self.vlq(message)
        elif function == 0x04CA:
            attribute = self.created(message, body)
        self.at = start
        action, kind = meaning(function, action, object_id, attribute, value, object_id == session)
        area: cython.longlong = 1
        number: cython.longlong = object_id
        if object_id >= 0x8A000000:
            area = object_id >> 16
            number = object_id & 0xFFFF
        request.action = action
        request.subfunction = kind
        if object_id >= 0:
            request.add(0, area, number, attribute, -1, kind)
        row: cython.Py_ssize_t = self.row(message, function, action, kind)
        if object_id >= 0:
            operations.area[row] = area
            operations.object[row] = number
            operations.start[row] = attribute
        return 0

    def created(self, message: Message, body: cython.Py_ssize_t) -> int:
        """The class of the object that a CreateObject makes: after the parent, a value and filling stands 0xA1, an id, the class."""
        at: cython.Py_ssize_t
        for at in range(body + 4, min(self.end - 6, body + 24)):
            if message.data[at] == 0xA1:
                self.at = at + 5
                return int(self.vlq(message))
        return -1

    def items(self, message: Message, function: cython.int) -> cython.int:
        """Variables by address: symbol CRC, area, number of ids, then sub-area and local ids (or 3, offset, size in a classic block)."""
        start: cython.Py_ssize_t = self.at
        request: Request = message.request
        operations: Operations = message.operations
        i: cython.int
        k: cython.longlong
        area: cython.longlong
        number: cython.longlong
        ids: cython.longlong
        one: cython.longlong
        first: cython.longlong
        second: cython.longlong
        third: cython.longlong
        kind: cython.int = _VALUE
        row: cython.Py_ssize_t
        request.action = _ACTIONS.get(function, 0)
        request.subfunction = kind
        self.at = start + _REQUEST_HEADER + 4
        count: cython.longlong = self.vlq(message)
        self.vlq(message)
        if count > message.items_limit:
            count = message.items_limit
        for i in range(count):
            self.vlq(message)
            number = self.vlq(message)
            ids = self.vlq(message)
            if ids < 0:
                break
            first = second = third = -1
            for k in range(min(ids, 64)):
                one = self.vlq(message)
                if k == 1:
                    first = one
                elif k == 2:
                    second = one
                elif k == 3:
                    third = one
            area = 1
            if number >= 0x8A000000:
                area = number >> 16
                number = number & 0xFFFF
            elif 80 <= number <= 84:
                area = number
                number = -1
            if area == 1:
                request.add(i, area, number, first, -1, kind)
            elif first == 3 and third >= 0:
                request.add(i, area, number, 8 * second, third, kind)
            else:
                request.add(i, 0x10000 + area, number, first, 1, kind)
        self.at = start
        for i in range(request.items):
            row = message.item_row(function, request.action, request, i)
            operations.subfunction[row] = self.version
            operations.unit[row] = -1
            operations.value_kind[row] = kind
            operations.value_at[row] = start
            operations.value_length[row] = self.end - start
        if request.items == 0:
            self.row(message, function, request.action, kind)
        return 0

    def identity(self, message: Message) -> None:
        """Order number and firmware where an answer spells them out (`1;6ES7 511-1AK00-0AB0;V1.8`), or the I&M0 record of a module."""
        text = message.text(self.at, self.end)
        found = _ORDER.search(text)
        if found is None:
            return
        cpu.fact(message, "order_number", found[1].decode("ascii"), "s7comm-plus.identity")
        if found[2]:
            cpu.fact(message, "firmware", found[2].decode("ascii"), "s7comm-plus.identity")
        at = found.start()
        if text[at - 2:at] == b"\x00\x2a" and len(text) >= at + 42:  # I&M0: maker, order 20, serial 16, hardware, firmware V x y z
            serial = text[at + 20:at + 36].decode("latin-1").strip()
            version = text[at + 38:at + 42]
            if serial.isprintable() and version[:1] in (b"V", b"R", b"P", b"U", b"T"):
                cpu.fact(message, "serial", serial, "s7comm-plus.identity")
                cpu.fact(message, "hardware", str(int.from_bytes(text[at + 36:at + 38], "big")), "s7comm-plus.identity")
                cpu.fact(message, "firmware", f"{chr(version[0])}{version[1]}.{version[2]}.{version[3]}", "s7comm-plus.identity")

    def tls(self, message: Message, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.int:
        """TLS on COTP (after InitSSL): named by its first record, not opened; what a controller says of itself in the handshake is a fact."""
        operations: Operations = message.operations
        message.role = message.direction
        message.reference = -1
        self.version = -1
        self.at = at
        self.end = end
        kind: cython.int = message.data[at]
        row: cython.Py_ssize_t = self.row(message, kind, _TLS_ACTIONS.get(kind, 0), 0x302)
        operations.count[row] = end - at
        operations.value_length[row] = min(5, end - at)
        if kind == 0x16 and end - at >= 6:
            operations.subfunction[row] = message.data[at + 5]
            if message.direction:
                for fact_kind, value in handshake_facts(bytes(memoryview(message.data)[at:end])):
                    cpu.fact(message, fact_kind, value, "s7comm-plus.tls")
        return 0


def meaning(function: int, action: int, object_id: int, attribute: int, value: int, own_session: bool) -> tuple[int, int]:
    """(action, value kind) of a request by the ids it names; the kind says when the action is inferred."""
    class_of = (object_id >> 16) & 0x7FFF if object_id >= 0x8A000000 else 0
    if function == 0x04F2 and object_id == plus_ids.EXECUTION_UNIT and attribute == plus_ids.OPERATING_STATE_REQUEST:
        return int(plus_ids.STATES.get(value, _CONFIGURE)), 0x300
    if function in (0x04F2, 0x0542):
        if attribute in plus_ids.PASSWORD_ATTRIBUTES:
            return _AUTHENTICATE, 0x300
        if attribute in plus_ids.SUBSCRIPTION_ATTRIBUTES:
            return _SUBSCRIBE, 0x300
        if own_session or attribute in plus_ids.SESSION_ATTRIBUTES:
            return _CONNECT, 0x300
        if class_of in plus_ids.PROGRAM_CLASSES or attribute in plus_ids.CODE_ATTRIBUTES:
            return _DOWNLOAD, 0x301
        return _CONFIGURE, 0x300
    if function == 0x04CA:
        if attribute == plus_ids.SESSION_CLASS:
            return _CONNECT, 0x300
        if attribute in plus_ids.SUBSCRIPTION_CLASSES:
            return _SUBSCRIBE, 0x300
        if attribute in plus_ids.PROGRAM_CLASSES or object_id == plus_ids.PROGRAM:
            return _DOWNLOAD, 0x301
        return _OTHER, 0x300
    if function == 0x04D4:
        if own_session or object_id == 0:
            return _CONNECT, 0x300
        return (_DELETE, 0x301) if class_of in plus_ids.PROGRAM_CLASSES else (_OTHER, 0x300)
    if function == 0x057C and attribute not in plus_ids.SESSION_ATTRIBUTES and attribute not in plus_ids.PASSWORD_ATTRIBUTES:
        return _DOWNLOAD, 0x301  # what is written in a stream is too long for a value: code, interfaces, configuration
    if function in (0x0586, 0x054C) and attribute in plus_ids.CODE_ATTRIBUTES:
        return _UPLOAD, 0x301
    return action, 0x300
