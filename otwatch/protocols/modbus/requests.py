# cython: boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
"""Requests: one row per item. Each branch follows its clause of the MODBUS Application Protocol V1.1b3."""

from __future__ import annotations

import cython

from otwatch.actions import Action
from otwatch.protocols.modbus.message import Message
from otwatch.protocols.modbus.spec import (
    FILE_RECORD_MAX,
    MEI_IDENTIFICATION,
    WRITE_OF_READ_WRITE_MAX,
    Anomaly,
    Area,
    Shape,
    ValueKind,
)

_READ = cython.declare(cython.int, Action.READ)
_WRITE = cython.declare(cython.int, Action.WRITE)
_PROGRAM_DOWNLOAD = cython.declare(cython.int, Action.PROGRAM_DOWNLOAD)

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
_VALUE_DIAGNOSTIC = cython.declare(cython.int, ValueKind.DIAGNOSTIC)
_VALUE_CANOPEN = cython.declare(cython.int, ValueKind.CANOPEN)
_VALUE_BYTES = cython.declare(cython.int, ValueKind.BYTES)
_VALUE_UMAS = cython.declare(cython.int, ValueKind.UMAS_REQUEST)

_TRUNCATED = cython.declare(cython.int, Anomaly.TRUNCATED)
_FUNCTION_ZERO = cython.declare(cython.int, Anomaly.FUNCTION_ZERO)
_FUNCTION_OUT_OF_RANGE = cython.declare(cython.int, Anomaly.FUNCTION_OUT_OF_RANGE)
_QUANTITY = cython.declare(cython.int, Anomaly.QUANTITY)
_BYTE_COUNT = cython.declare(cython.int, Anomaly.BYTE_COUNT)
_COIL_VALUE = cython.declare(cython.int, Anomaly.COIL_VALUE)
_ADDRESS_OVERFLOW = cython.declare(cython.int, Anomaly.ADDRESS_OVERFLOW)
_FILE_REFERENCE = cython.declare(cython.int, Anomaly.FILE_REFERENCE)
_SUBFUNCTION = cython.declare(cython.int, Anomaly.SUBFUNCTION)
_DIAGNOSTIC_DATA = cython.declare(cython.int, Anomaly.DIAGNOSTIC_DATA)
_IDENTIFICATION = cython.declare(cython.int, Anomaly.IDENTIFICATION)
_TOO_MANY_ITEMS = cython.declare(cython.int, Anomaly.TOO_MANY_ITEMS)

_FILE = cython.declare(cython.int, Area.FILE)
_HOLDING_REGISTER = cython.declare(cython.int, Area.HOLDING_REGISTER)
_DEVICE_IDENTIFICATION = cython.declare(cython.int, Area.DEVICE_IDENTIFICATION)
_UMAS_MEMORY = cython.declare(cython.int, Area.UMAS_MEMORY)
_UMAS_PROGRAM = cython.declare(cython.int, Area.UMAS_PROGRAM)

_MEI_IDENTIFICATION = cython.declare(cython.int, MEI_IDENTIFICATION)
_RECORD_MAX = cython.declare(cython.int, FILE_RECORD_MAX)
_WRITE_MAX = cython.declare(cython.int, WRITE_OF_READ_WRITE_MAX)
_UMAS_BULK = cython.declare(cython.int, 16)  # data bytes of a transfer request beyond which it carries the block itself


def request(m: Message) -> cython.int:
    """The rows of a request."""
    shape: cython.int = m.shape
    row: cython.Py_ssize_t
    if shape in (_READ_REGISTERS, _READ_BITS):
        row = _ranged(m, 0, 2, m.actions[m.function], m.most[m.function])
        m.expect(4)
    elif shape in (_WRITE_REGISTER, _WRITE_COIL, _MASK):
        _write_one(m)
    elif shape in (_WRITE_REGISTERS, _WRITE_BITS):
        row = _ranged(m, 0, 2, _WRITE, m.most[m.function])
        _written(m, row, 4, shape == _WRITE_BITS)
    elif shape == _READ_WRITE:
        row = _ranged(m, 0, 2, _READ, m.most[m.function])
        row = _ranged(m, 4, 6, _WRITE, _WRITE_MAX)
        m.operations.item[row] = 1
        _written(m, row, 8, False)
    elif shape in (_READ_FILE, _WRITE_FILE):
        _files(m, shape == _WRITE_FILE)
    elif shape == _STATUS:
        m.row(0, m.actions[m.function])
        m.expect(0)
    elif shape == _FIFO:
        row = m.row(0, _READ)
        m.operations.area[row] = m.areas[m.function]
        m.operations.start[row] = m.u16(0)
        m.expect(2)
    elif shape == _DIAGNOSTIC:
        _diagnostic(m)
    elif shape == _MEI:
        _encapsulated(m)
    elif shape == _UMAS:
        _umas(m)
    else:
        row = m.row(0, 0)
        m.value(row, _VALUE_BYTES, 0, m.n)
        if m.function == 0:
            m.report(_FUNCTION_ZERO, 7, 1, 0)
        elif m.function > 127:
            m.report(_FUNCTION_OUT_OF_RANGE, 7, 127, m.function)
    return 0


@cython.cfunc
def _ranged(m: Message, start_at: cython.int, count_at: cython.int, action: cython.int, most: cython.int) -> cython.Py_ssize_t:
    """A row with start and count from two fields."""
    row: cython.Py_ssize_t = m.row(0, action)
    start: cython.int = m.u16(start_at)
    count: cython.int = m.u16(count_at)
    m.operations.area[row] = m.areas[m.function]
    m.operations.start[row] = start
    m.operations.count[row] = count
    if count == 0 or count > most:
        m.wrong(_QUANTITY, count_at, most, count)
    elif start + count > 65536:
        m.wrong(_ADDRESS_OVERFLOW, start_at, 65536, start + count)
    return row


@cython.cfunc
def _written(m: Message, row: cython.Py_ssize_t, at: cython.int, bits: cython.bint) -> cython.int:
    """Byte count and data of a write of many; APP 6.11, 6.12, 6.17."""
    count: cython.longlong = m.operations.count[row]
    length: cython.int = m.u8(at)
    if length >= 0 and count >= 0:
        needed: cython.longlong = (count + 7) // 8 if bits else 2 * count
        if length != needed:
            m.wrong(_BYTE_COUNT, at, needed, length)
    m.expect_counted(at + 1, length)
    # The bytes that were sent, not those that were announced: a lying count hides nothing.
    m.value(row, _VALUE_BITS if bits else _VALUE_REGISTERS, at + 1, m.n - at - 1)
    return 0


@cython.cfunc
def _write_one(m: Message) -> cython.int:
    """APP 6.5, 6.6, 6.16."""
    row: cython.Py_ssize_t = m.row(0, _WRITE)
    value: cython.int
    m.operations.area[row] = m.areas[m.function]
    m.operations.start[row] = m.u16(0)
    m.operations.count[row] = 1
    if m.shape == _MASK:
        m.value(row, _VALUE_MASKS, 2, 4)
        m.expect(6)
        return 0
    m.value(row, _VALUE_COIL if m.shape == _WRITE_COIL else _VALUE_REGISTER, 2, 2)
    m.expect(4)
    if m.shape == _WRITE_COIL:
        value = m.u16(2)
        if value > 0 and value != 0xFF00:
            m.wrong(_COIL_VALUE, 2, 0xFF00, value)
    return 0


@cython.cfunc
def _files(m: Message, write: cython.bint) -> cython.int:
    """Sub-requests of APP 6.14 and 6.15: reference type, file, record, length; a write brings the data along.

    What looks like a record to write behind the end that the byte count says is one, too: a lying count hides nothing.
    """
    length: cython.int = m.u8(0)
    said: cython.int = min(m.n, 1 + max(length, 0))
    end: cython.int = m.n if write else said
    at: cython.int = 1
    item: cython.int = 0
    size: cython.int
    row: cython.Py_ssize_t
    m.expect_counted(1, length)
    if length >= 0 and (length < 7 or length > 245 or (length % 7 and not write)):
        m.wrong(_BYTE_COUNT, 0, 7, length)
    while at + 7 <= end and m.u16(at + 5) >= 0 and (at + 7 <= said or m.u8(at) == 6):
        if item == m.items:
            m.wrong(_TOO_MANY_ITEMS, at, m.items, item + 1)
            return 0
        row = m.row(0, _WRITE if write else _READ)
        m.operations.area[row] = _FILE
        m.operations.object[row] = m.u16(at + 1)
        m.operations.start[row] = m.u16(at + 3)
        m.operations.count[row] = m.u16(at + 5)
        m.operations.item[row] = item
        if m.u8(at) != 6 or m.u16(at + 1) == 0 or m.u16(at + 3) > _RECORD_MAX:
            m.wrong(_FILE_REFERENCE, at, 6, m.u8(at))
        at += 7
        item += 1
        if write:
            size = 2 * m.u16(at - 2)
            m.value(row, _VALUE_REGISTERS, at, min(size, end - at))
            if at + size > end:
                m.wrong(_BYTE_COUNT, at - 2, size, end - at)
            at += size
    if item == 0:
        row = m.row(0, _WRITE if write else _READ)
        m.operations.area[row] = _FILE
    return 0


@cython.cfunc
def _diagnostic(m: Message) -> cython.int:
    """APP 6.8."""
    row: cython.Py_ssize_t
    data: cython.int = m.u16(2)
    m.subfunction = m.u16(0)
    known: cython.bint = 0 <= m.subfunction < 256 and m.diagnostic_actions[m.subfunction] != 0
    row = m.row(0, m.diagnostic_actions[m.subfunction] if known else m.actions[m.function])
    m.value(row, _VALUE_DIAGNOSTIC, 2, m.n - 2)
    if m.n < 4:
        m.expect(4)
    elif not known:
        if m.subfunction >= 0:
            m.wrong(_SUBFUNCTION, 0, -1, m.subfunction)
    elif m.subfunction == 1:
        if data > 0 and data != 0xFF00:
            m.wrong(_DIAGNOSTIC_DATA, 2, 0xFF00, data)
    elif m.subfunction == 3:
        if data >= 0 and data & 0xFF:
            m.wrong(_DIAGNOSTIC_DATA, 3, 0, data & 0xFF)
    elif m.subfunction not in {0, 21}:
        if data > 0:
            m.wrong(_DIAGNOSTIC_DATA, 2, 0, data)
        m.expect(4)
    return 0


@cython.cfunc
def _encapsulated(m: Message) -> cython.int:
    """APP 6.19 to 6.21."""
    row: cython.Py_ssize_t
    m.subfunction = m.u8(0)
    row = m.row(0, m.mei_actions[m.subfunction] if m.subfunction >= 0 else 0)
    if m.subfunction == _MEI_IDENTIFICATION:
        m.operations.area[row] = _DEVICE_IDENTIFICATION
        m.operations.object[row] = m.u8(1)
        m.operations.start[row] = m.u8(2)
        m.expect(3)
        if m.u8(1) == 0 or m.u8(1) > 4:
            m.wrong(_IDENTIFICATION, 1, 4, m.u8(1))
        return 0
    m.value(row, _VALUE_CANOPEN if m.subfunction == 13 else _VALUE_BYTES, 1, m.n - 1)
    if m.n < 1:
        m.expect(1)
    elif m.subfunction >= 0 and m.subfunction != 13:
        m.wrong(_SUBFUNCTION, 0, 14, m.subfunction)
    return 0


@cython.cfunc
def _umas(m: Message) -> cython.int:
    """See umas.py."""
    row: cython.Py_ssize_t
    code: cython.int = m.u8(1)
    high: cython.longlong = m.u16le(7)
    action: cython.int = m.umas_actions[code] if code >= 0 else 0
    m.subfunction = code
    if (code in {49, 52}) and m.n - 2 > _UMAS_BULK:
        action = _PROGRAM_DOWNLOAD
    row = m.row(0, action)
    m.value(row, _VALUE_UMAS, 0, m.n)
    if m.n < 2:
        m.wrong(_TRUNCATED, m.n, 2, m.n)
    elif code in {32, 33}:  # flag, block, 32-bit offset, bytes
        m.operations.area[row] = _UMAS_MEMORY
        m.operations.object[row] = m.u16le(3)
        if high >= 0:
            m.operations.start[row] = high << 16 | m.u16le(5)
        m.operations.count[row] = m.u16le(9)
    elif code in {49, 52}:  # two bytes of which 00 01 and 00 10 are seen, block, length
        m.operations.area[row] = _UMAS_PROGRAM
        m.operations.object[row] = m.u16le(4)
        if code == 0x31:
            m.operations.count[row] = m.u16le(6)
    return 0
