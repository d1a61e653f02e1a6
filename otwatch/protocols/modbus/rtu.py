# cython: boundscheck=True, wraparound=False, cdivision=True
"""RTU frames in a byte stream: unit, function, data, CRC-16. No length on the wire: it follows from the function, and the CRC proves it.

Clauses: MODBUS over Serial Line V1.02, 2.5.1 (frame) and 6.2.2 (CRC).
"""

from __future__ import annotations

import cython
import numpy as np


def _crc_table() -> memoryview:
    table = np.zeros(256, np.uint16)
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
        table[byte] = crc
    return memoryview(table)


_TABLE = _crc_table()
_LONGEST = cython.declare(cython.Py_ssize_t, 256)


def crc16(data, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.uint:  # type: ignore[no-untyped-def]
    """CRC-16/MODBUS of data[start:end]; of a frame with its CRC: 0."""
    crc: cython.uint = 0xFFFF
    i: cython.Py_ssize_t
    for i in range(start, end):
        crc = crc >> 8 ^ _TABLE[(crc ^ data[i]) & 0xFF]
    return crc


def _length(data, start: cython.Py_ssize_t, end: cython.Py_ssize_t, request: cython.bint) -> cython.Py_ssize_t:  # type: ignore[no-untyped-def]
    """Length of the frame by its function as a request or a response; -1 unknown, 0 more bytes needed to tell."""
    function: cython.int = data[start + 1]
    have: cython.Py_ssize_t = end - start
    counted_at: cython.Py_ssize_t = -1
    if function > 127:
        return -1 if request else 5
    if function in {5, 6}:
        return 8
    if function == 22:
        return 10
    if function == 8:
        return 8  # echoes may be longer: then the CRC is searched for
    if request:
        if 1 <= function <= 4:
            return 8
        if function in {7, 11, 12, 17}:
            return 4
        if function == 24:
            return 6
        if function == 43:
            return 7
        if function in {15, 16}:
            counted_at = 6
        elif function == 23:
            counted_at = 10
        elif function in {20, 21}:
            counted_at = 2
    else:
        if function == 7:
            return 5
        if function in {11, 15, 16}:
            return 8
        if function == 24:
            return (data[start + 2] << 8 | data[start + 3]) + 6 if have > 3 else 0
        if 1 <= function <= 4 or function in {12, 17, 20, 21, 23}:
            counted_at = 2
    if counted_at < 0:
        return -1
    return counted_at + 1 + data[start + counted_at] + 2 if have > counted_at else 0


def cut_rtu(data, start: cython.Py_ssize_t, end: cython.Py_ssize_t, direction: cython.int) -> cython.Py_ssize_t:  # type: ignore[no-untyped-def]
    """Length of the frame at `start`; 0: needs more bytes; -1: no frame starts here. Both roles are tried: the CRC decides."""
    have: cython.Py_ssize_t = end - start
    first: cython.Py_ssize_t
    second: cython.Py_ssize_t
    length: cython.Py_ssize_t
    crc: cython.uint = 0xFFFF
    if have < 4:
        return 0
    if data[start + 1] == 0 or data[start + 1] & 0x7F > 110:
        return -1
    first = _length(data, start, end, direction == 0)
    second = _length(data, start, end, direction != 0)
    if 4 <= first <= have and crc16(data, start, start + first) == 0:
        return first
    if 4 <= second <= have and crc16(data, start, start + second) == 0:
        return second
    function: cython.int = data[start + 1]
    if function in {8, 43, 90} or 65 <= function <= 72 or 100 <= function <= 110:
        # Of unknown length (APP 5: user-defined codes; echoes may be long): the first place where the CRC comes out right.
        for length in range(min(have, _LONGEST)):
            crc = crc >> 8 ^ _TABLE[(crc ^ data[start + length]) & 0xFF]
            if crc == 0 and length >= 3:
                return length + 1
        return 0 if have < _LONGEST else -1
    if first == 0 or second == 0:
        return 0
    if first > _LONGEST:
        first = -1
    if second > _LONGEST:
        second = -1
    return 0 if first > have or second > have else -1
