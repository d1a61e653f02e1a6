# cython: boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
"""Responses: one row per item of the request, with the request's place in the device. Clauses of the MODBUS Application Protocol V1.1b3."""

from __future__ import annotations

import cython

from otwatch.actions import Action
from otwatch.protocols.kit.pairing import Pairing
from otwatch.protocols.modbus.message import Message
from otwatch.protocols.modbus.spec import EXCEPTIONS, FIFO_MAX, MEI_IDENTIFICATION, Anomaly, Area, Shape, ValueKind
from otwatch.protocols.modbus.umas import DONE, REFUSED

_RESPONSE = cython.declare(cython.int, 1)
_READ = cython.declare(cython.int, Action.READ)
_WRITE = cython.declare(cython.int, Action.WRITE)
_PROGRAM_UPLOAD = cython.declare(cython.int, Action.PROGRAM_UPLOAD)

_READ_BITS = cython.declare(cython.int, Shape.READ_BITS)
_READ_REGISTERS = cython.declare(cython.int, Shape.READ_REGISTERS)
_WRITE_COIL = cython.declare(cython.int, Shape.WRITE_COIL)
_WRITE_REGISTER = cython.declare(cython.int, Shape.WRITE_REGISTER)
_WRITE_BITS = cython.declare(cython.int, Shape.WRITE_BITS)
_WRITE_REGISTERS = cython.declare(cython.int, Shape.WRITE_REGISTERS)
_MASK = cython.declare(cython.int, Shape.MASK)
_READ_WRITE = cython.declare(cython.int, Shape.READ_WRITE)
_FIFO = cython.declare(cython.int, Shape.FIFO)
_READ_FILE = cython.declare(cython.int, Shape.READ_FILE)
_WRITE_FILE = cython.declare(cython.int, Shape.WRITE_FILE)
_DIAGNOSTIC = cython.declare(cython.int, Shape.DIAGNOSTIC)
_STATUS = cython.declare(cython.int, Shape.STATUS)
_MEI = cython.declare(cython.int, Shape.MEI)
_UMAS = cython.declare(cython.int, Shape.UMAS)

_VALUE_BITS = cython.declare(cython.int, ValueKind.BITS)
_VALUE_REGISTERS = cython.declare(cython.int, ValueKind.REGISTERS)
_VALUE_COIL = cython.declare(cython.int, ValueKind.COIL)
_VALUE_REGISTER = cython.declare(cython.int, ValueKind.REGISTER)
_VALUE_MASKS = cython.declare(cython.int, ValueKind.MASKS)
_VALUE_FIFO = cython.declare(cython.int, ValueKind.FIFO)
_VALUE_DIAGNOSTIC = cython.declare(cython.int, ValueKind.DIAGNOSTIC)
_VALUE_EXCEPTION_STATUS = cython.declare(cython.int, ValueKind.EXCEPTION_STATUS)
_VALUE_EVENT_COUNTER = cython.declare(cython.int, ValueKind.EVENT_COUNTER)
_VALUE_EVENT_LOG = cython.declare(cython.int, ValueKind.EVENT_LOG)
_VALUE_SERVER_ID = cython.declare(cython.int, ValueKind.SERVER_ID)
_VALUE_IDENTIFICATION = cython.declare(cython.int, ValueKind.IDENTIFICATION)
_VALUE_CANOPEN = cython.declare(cython.int, ValueKind.CANOPEN)
_VALUE_BYTES = cython.declare(cython.int, ValueKind.BYTES)
_VALUE_UMAS = cython.declare(cython.int, ValueKind.UMAS_RESPONSE)

_TRUNCATED = cython.declare(cython.int, Anomaly.TRUNCATED)
_FUNCTION_ZERO = cython.declare(cython.int, Anomaly.FUNCTION_ZERO)
_QUANTITY = cython.declare(cython.int, Anomaly.QUANTITY)
_BYTE_COUNT = cython.declare(cython.int, Anomaly.BYTE_COUNT)
_ECHO_MISMATCH = cython.declare(cython.int, Anomaly.ECHO_MISMATCH)
_EXCEPTION_CODE = cython.declare(cython.int, Anomaly.EXCEPTION_CODE)
_FILE_REFERENCE = cython.declare(cython.int, Anomaly.FILE_REFERENCE)
_SUBFUNCTION = cython.declare(cython.int, Anomaly.SUBFUNCTION)
_IDENTIFICATION = cython.declare(cython.int, Anomaly.IDENTIFICATION)
_TOO_MANY_ITEMS = cython.declare(cython.int, Anomaly.TOO_MANY_ITEMS)

_FILE = cython.declare(cython.int, Area.FILE)
_DEVICE_IDENTIFICATION = cython.declare(cython.int, Area.DEVICE_IDENTIFICATION)
_MEI_IDENTIFICATION = cython.declare(cython.int, MEI_IDENTIFICATION)
_FIFO_MAX = cython.declare(cython.int, FIFO_MAX)
_DONE = cython.declare(cython.int, DONE)
_REFUSED = cython.declare(cython.int, REFUSED)
_UMAS_BULK = cython.declare(cython.int, 16)
_UMAS_STATUS = cython.declare(cython.int, 256)  # see spec.status_name
_EXCEPTIONS = tuple(code in EXCEPTIONS for code in range(256))


def response(m: Message, pairing: Pairing, asked: cython.int) -> cython.int:
    """The rows of a response; `asked` is the request in `pairing` that it answers, or -1."""
    shape: cython.int = m.shape
    row: cython.Py_ssize_t
    length: cython.int
    if shape in (_READ_REGISTERS, _READ_BITS):
        row = _row(m, pairing, asked, m.actions[m.function])
        _read(m, row, asked, shape == _READ_BITS)
    elif shape in (_WRITE_REGISTER, _WRITE_COIL, _MASK):
        row = _row(m, pairing, asked, _WRITE)
        if asked < 0:
            m.operations.start[row] = m.u16(0)
            m.operations.count[row] = 1
        if shape == _MASK:
            m.value(row, _VALUE_MASKS, 2, 4)
            m.expect_echo(6)
        else:
            m.value(row, _VALUE_COIL if shape == _WRITE_COIL else _VALUE_REGISTER, 2, 2)
            m.expect_echo(4)
        _same(m, pairing, asked)
    elif shape in (_WRITE_REGISTERS, _WRITE_BITS):
        row = _row(m, pairing, asked, _WRITE)
        m.expect_echo(4)
        if asked < 0:
            m.operations.start[row] = m.u16(0)
            m.operations.count[row] = m.u16(2)
        elif m.u16(2) >= 0 and (m.u16(0) != pairing.start[asked] or m.u16(2) != pairing.count[asked]):
            m.contradict(_ECHO_MISMATCH, 0, pairing.start[asked], m.u16(0))
    elif shape == _READ_WRITE:
        row = _row(m, pairing, asked, _READ)
        _read(m, row, asked, False)
        _rows_of_other_items(m, pairing, asked)
    elif shape == _READ_FILE:
        _read_files(m, pairing, asked)
    elif shape == _WRITE_FILE:
        _written_files(m, pairing, asked)
    elif shape == _STATUS:
        _status(m, pairing, asked)
    elif shape == _FIFO:
        _fifo(m, pairing, asked)
    elif shape == _DIAGNOSTIC:
        m.subfunction = m.u16(0)
        length = m.diagnostic_actions[m.subfunction] if 0 <= m.subfunction < 256 else 0
        row = _row(m, pairing, asked, length if length else m.actions[m.function])
        m.value(row, _VALUE_DIAGNOSTIC, 2, m.n - 2)
        if m.n < 4:
            m.expect(4)
        elif asked >= 0 and pairing.subfunction[asked] != m.subfunction and m.subfunction >= 0:
            m.contradict(_ECHO_MISMATCH, 0, pairing.subfunction[asked], m.subfunction)
        elif m.subfunction == 0:
            _same(m, pairing, asked)
    elif shape == _MEI:
        _encapsulated(m, pairing, asked)
    elif shape == _UMAS:
        _umas(m, pairing, asked)
    else:
        row = _row(m, pairing, asked, 0)
        m.value(row, _VALUE_BYTES, 0, m.n)
        if m.function == 0:
            m.report(_FUNCTION_ZERO, 7, 1, 0)
    return 0


def refusal(m: Message, pairing: Pairing, asked: cython.int) -> cython.int:
    """An exception response (APP 7): every item of the request was refused. `m.function` is without the exception bit."""
    status: cython.int = m.u8(0)
    row: cython.Py_ssize_t
    first: cython.Py_ssize_t = m.operations.rows
    m.expect(1)
    if m.function == 0:
        m.report(_FUNCTION_ZERO, m.body - m.at - 1, 1, 0)
    if status >= 0 and not _EXCEPTIONS[status]:
        m.wrong(_EXCEPTION_CODE, 0, 11, status)
    if asked >= 0:
        m.subfunction = pairing.subfunction[asked]
    row = _row(m, pairing, asked, pairing.action[asked] if asked >= 0 else m.actions[m.function])
    _rows_of_other_items(m, pairing, asked)
    for row in range(first, m.operations.rows):
        m.operations.status[row] = status if status > 0 else -1  # -1: refused, and not said why
    return 0


@cython.cfunc
def _row(m: Message, pairing: Pairing, entry: cython.int, action: cython.int) -> cython.Py_ssize_t:
    """A response row with the place that the request named; without one, the area that the function implies."""
    row: cython.Py_ssize_t = m.row(_RESPONSE, action)
    if entry >= 0:
        m.operations.unit[row] = pairing.unit[entry]
        m.operations.area[row] = pairing.area[entry]
        m.operations.object[row] = pairing.object[entry]
        m.operations.start[row] = pairing.start[entry]
        m.operations.count[row] = pairing.count[entry]
        m.operations.item[row] = pairing.item[entry]
        m.operations.request_frame[row] = pairing.frame[entry]
        if m.operations.timestamp_ns[row] >= pairing.timestamp_ns[entry]:
            m.operations.latency_ns[row] = m.operations.timestamp_ns[row] - pairing.timestamp_ns[entry]
    elif m.areas[m.function]:
        m.operations.area[row] = m.areas[m.function]
    return row


@cython.cfunc
def _next_item(pairing: Pairing, entry: cython.int) -> cython.int:
    """The next item of the same request, -1 when that was the last."""
    if entry >= 0:
        entry = pairing.next[entry]
        if entry >= 0 and pairing.item[entry] > 0:
            return entry
    return -1


@cython.cfunc
def _rows_of_other_items(m: Message, pairing: Pairing, asked: cython.int) -> cython.int:
    """Rows for the items after the first: what the request said of them."""
    asked = _next_item(pairing, asked)
    while asked >= 0:
        _row(m, pairing, asked, pairing.action[asked])
        asked = _next_item(pairing, asked)
    return 0


@cython.cfunc
def _same(m: Message, pairing: Pairing, asked: cython.int) -> cython.int:
    """The response repeats its request byte for byte; an octet behind its fields is another matter."""
    if asked >= 0 and not m.cut and pairing.function[asked] == m.function and pairing.digest[asked] != (
            m.digest_of(m.n - m.surplus) if m.surplus else m.digest()):
        m.contradict(_ECHO_MISMATCH, 0, -1, -1)
    return 0


@cython.cfunc
def _read(m: Message, row: cython.Py_ssize_t, asked: cython.int, bits: cython.bint) -> cython.int:
    """Byte count and data of APP 6.1 to 6.4 and 6.17."""
    length: cython.int = m.u8(0)
    count: cython.longlong = m.operations.count[row]
    needed: cython.longlong
    m.expect_counted(1, length)
    m.value(row, _VALUE_BITS if bits else _VALUE_REGISTERS, 1, m.n - 1)
    if length < 0:
        return 0
    if asked >= 0 and count >= 0:
        needed = (count + 7) // 8 if bits else 2 * count
        if length != needed:
            m.wrong(_BYTE_COUNT, 0, needed, length)
    elif length == 0 or (not bits and length & 1):
        m.wrong(_BYTE_COUNT, 0, 2, length)
    elif not bits:
        m.operations.count[row] = length // 2
    return 0


@cython.cfunc
def _read_files(m: Message, pairing: Pairing, asked: cython.int) -> cython.int:
    """APP 6.14: per item a length that counts the reference type and the registers."""
    length: cython.int = m.u8(0)
    end: cython.int = min(m.n, 1 + max(length, 0))
    at: cython.int = 1
    item: cython.int = 0
    size: cython.int
    row: cython.Py_ssize_t
    m.expect_counted(1, length)
    while at + 2 <= end and m.u8(at) >= 0:
        if item == m.items:
            m.wrong(_TOO_MANY_ITEMS, at, m.items, item + 1)
            return 0
        size = m.u8(at)
        row = _row(m, pairing, asked, _READ)
        m.operations.item[row] = item
        if m.u8(at + 1) >= 0 and m.u8(at + 1) != 6:
            m.wrong(_FILE_REFERENCE, at + 1, 6, m.u8(at + 1))
        m.value(row, _VALUE_REGISTERS, at + 2, min(size - 1, end - at - 2))
        if at + 1 + size > end or size < 1:
            m.wrong(_BYTE_COUNT, at, end - at - 1, size)
        elif asked >= 0 and size - 1 != 2 * pairing.count[asked]:
            m.wrong(_BYTE_COUNT, at, 2 * pairing.count[asked] + 1, size)
        elif asked < 0:
            m.operations.count[row] = (size - 1) // 2
        asked = _next_item(pairing, asked)
        at += 1 + max(size, 1)
        item += 1
    if item == 0:
        _row(m, pairing, asked, _READ)
        _rows_of_other_items(m, pairing, asked)
    return 0


@cython.cfunc
def _written_files(m: Message, pairing: Pairing, asked: cython.int) -> cython.int:
    """APP 6.15: the response repeats the request."""
    length: cython.int = m.u8(0)
    said: cython.int = min(m.n, 1 + max(length, 0))
    end: cython.int = m.n
    at: cython.int = 1
    item: cython.int = 0
    size: cython.int
    row: cython.Py_ssize_t
    m.expect_counted(1, length)
    _same(m, pairing, asked)
    while at + 7 <= end and m.u16(at + 5) >= 0 and (at + 7 <= said or m.u8(at) == 6):
        if item == m.items:
            m.wrong(_TOO_MANY_ITEMS, at, m.items, item + 1)
            return 0
        row = _row(m, pairing, asked, _WRITE)
        if asked < 0:
            m.operations.object[row] = m.u16(at + 1)
            m.operations.start[row] = m.u16(at + 3)
            m.operations.count[row] = m.u16(at + 5)
        asked = _next_item(pairing, asked)
        m.operations.item[row] = item
        size = 2 * m.u16(at + 5)
        m.value(row, _VALUE_REGISTERS, at + 7, min(size, end - at - 7))
        if at + 7 + size > end:
            m.wrong(_BYTE_COUNT, at + 5, size, end - at - 7)
        at += 7 + size
        item += 1
    if item == 0:
        _row(m, pairing, asked, _WRITE)
        _rows_of_other_items(m, pairing, asked)
    return 0


@cython.cfunc
def _status(m: Message, pairing: Pairing, asked: cython.int) -> cython.int:
    """APP 6.7, 6.9, 6.10, 6.13."""
    row: cython.Py_ssize_t = _row(m, pairing, asked, m.actions[m.function])
    length: cython.int = m.u8(0)
    if m.function == 7:
        m.value(row, _VALUE_EXCEPTION_STATUS, 0, 1)
        m.expect(1)
    elif m.function == 11:
        m.value(row, _VALUE_EVENT_COUNTER, 0, 4)
        m.expect(4)
    else:
        m.value(row, _VALUE_EVENT_LOG if m.function == 12 else _VALUE_SERVER_ID, 1, m.n - 1)
        m.expect_counted(1, length)
        if m.function == 12 and length >= 0 and (length < 6 or length > 70):
            m.wrong(_BYTE_COUNT, 0, 6, length)
    return 0


@cython.cfunc
def _fifo(m: Message, pairing: Pairing, asked: cython.int) -> cython.int:
    """APP 6.18: byte count, FIFO count, registers."""
    row: cython.Py_ssize_t = _row(m, pairing, asked, _READ)
    length: cython.int = m.u16(0)
    count: cython.int = m.u16(2)
    m.value(row, _VALUE_FIFO, 2, m.n - 2)
    if m.n < 4:
        m.expect(4)
        return 0
    m.expect_counted(2, length)
    if count > _FIFO_MAX:
        m.wrong(_QUANTITY, 2, _FIFO_MAX, count)
    elif count >= 0 and length != 2 + 2 * count:
        m.wrong(_BYTE_COUNT, 0, 2 + 2 * count, length)
    return 0


@cython.cfunc
def _encapsulated(m: Message, pairing: Pairing, asked: cython.int) -> cython.int:
    """APP 6.19 to 6.21: MEI type, read code, conformity, more follows, next object, count, then objects of id, length, text."""
    row: cython.Py_ssize_t
    objects: cython.int
    at: cython.int = 6
    m.subfunction = m.u8(0)
    row = _row(m, pairing, asked, m.mei_actions[m.subfunction] if m.subfunction >= 0 else 0)
    if m.subfunction != _MEI_IDENTIFICATION:
        m.value(row, _VALUE_CANOPEN if m.subfunction == 13 else _VALUE_BYTES, 1, m.n - 1)
        if m.n < 1:
            m.expect(1)
        elif m.subfunction >= 0 and m.subfunction != 13:
            m.wrong(_SUBFUNCTION, 0, 14, m.subfunction)
        return 0
    m.operations.area[row] = _DEVICE_IDENTIFICATION
    if asked < 0:
        m.operations.object[row] = m.u8(1)
    m.value(row, _VALUE_IDENTIFICATION, 1, m.n - 1)
    if m.n < 6:
        m.expect(6)
        return 0
    if m.u8(1) == 0 or m.u8(1) > 4:
        m.wrong(_IDENTIFICATION, 1, 4, m.u8(1))
    objects = m.u8(5)
    while objects > 0 and at + 2 <= m.n and m.u8(at + 1) >= 0:
        at += 2 + m.u8(at + 1)
        objects -= 1
    if objects > 0 and not m.cut:
        m.wrong(_IDENTIFICATION, 5, m.u8(5), m.u8(5) - objects)
    elif objects == 0:
        m.expect(at)
    return 0


@cython.cfunc
def _umas(m: Message, pairing: Pairing, asked: cython.int) -> cython.int:
    """See umas.py. The response does not repeat the code: the request knows it."""
    row: cython.Py_ssize_t
    said: cython.int = m.u8(1)
    action: cython.int = 0
    if asked >= 0:
        m.subfunction = pairing.subfunction[asked]
        action = pairing.action[asked]
        if (m.subfunction in {49, 52}) and said == _DONE and m.n - 2 > _UMAS_BULK:
            action = _PROGRAM_UPLOAD
    row = _row(m, pairing, asked, action)
    m.value(row, _VALUE_UMAS, 0, m.n)
    if m.n < 2:
        m.wrong(_TRUNCATED, m.n, 2, m.n)
    elif said == _REFUSED:
        m.operations.status[row] = _UMAS_STATUS + max(m.u8(2), 0)
    elif said >= 0 and said != _DONE:
        m.wrong(_SUBFUNCTION, 1, _DONE, said)
    return 0
