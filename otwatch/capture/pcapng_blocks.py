# cython: boundscheck=True, wraparound=False, cdivision=True
"""Packets as pcapng (draft-ietf-opsawg-pcapng), for what is kept and what is cut out. In nanoseconds; each packet has its frame number as its id."""

from __future__ import annotations

import struct

import cython

from otwatch.copying import copy

_FIXED = cython.declare(cython.int, 48)  # of a packet's block: header 28, option for the id 12, end of options 4, trailer 4
_TAG = cython.declare(cython.int, 4)
_MACS = cython.declare(cython.int, 12)
_ETHERNET = cython.declare(cython.int, 1)
_SEARCHED = cython.declare(cython.int, 192)  # where the addresses of a packet stand, tunnels included


def section_header() -> bytes:
    """Section Header Block (4.1): little endian, of unknown length."""
    return struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)


def interface_block(name: str, link_type: int, snap_length: int = 262_144) -> bytes:
    """Interface Description Block (4.2) with if_name and if_tsresol 9."""
    text = name.encode()[:255]
    options = struct.pack("<HH", 2, len(text)) + text + bytes(3 - (len(text) + 3) % 4) + struct.pack("<HHBxxx", 9, 1, 9) + bytes(4)
    length = 20 + len(options)
    return struct.pack("<IIHHI", 1, length, link_type, 0, snap_length) + options + struct.pack("<I", length)


def packet_blocks(packets, rows, interfaces):  # type: ignore[no-untyped-def]
    """Enhanced Packet Blocks (4.3) of `rows` as one bytearray; `interfaces[k]` is the number in the section of the interface of `rows[k]`.

    A VLAN tag that the network card took off is put back. IndexError when a row or its bytes are outside the table.
    """
    k: cython.Py_ssize_t
    row: cython.Py_ssize_t
    to: cython.Py_ssize_t
    at: cython.Py_ssize_t
    size: cython.Py_ssize_t
    length: cython.Py_ssize_t
    total: cython.Py_ssize_t = 0
    tagged: cython.bint
    count: cython.Py_ssize_t = len(rows)
    for k in range(count):
        row = rows[k]
        length = packets.captured_length[row]
        if _is_tagged(packets, row):
            length += _TAG
        total += _FIXED + (length + 3) // 4 * 4
    made = bytearray(total)
    target: cython.uchar[::1] = made
    to = 0
    for k in range(count):
        row = rows[k]
        length = packets.captured_length[row]
        at = packets.at[row]
        tagged = _is_tagged(packets, row)
        if tagged:
            length += _TAG
        size = _FIXED + (length + 3) // 4 * 4
        _word(target, to, 6)
        _word(target, to + 4, size)
        _word(target, to + 8, interfaces[k])
        _word(target, to + 12, packets.timestamp_ns[row] >> 32)
        _word(target, to + 16, packets.timestamp_ns[row])
        _word(target, to + 20, length)
        _word(target, to + 24, packets.wire_length[row] + (_TAG if tagged else 0))
        if tagged:
            copy(target, to + 28, packets.data, at, _MACS)
            target[to + 40] = 0x81
            target[to + 41] = 0
            target[to + 42] = packets.vlan_stripped[row] >> 8 & 0xFF
            target[to + 43] = packets.vlan_stripped[row] & 0xFF
            copy(target, to + 44, packets.data, at + _MACS, length - _TAG - _MACS)
        else:
            copy(target, to + 28, packets.data, at, length)
        to += size
        _word(target, to - 20, 5 | 8 << 16)  # epb_packetid
        _word(target, to - 16, packets.frame[row])
        _word(target, to - 12, packets.frame[row] >> 32)
        _word(target, to - 4, size)
    return made


def _is_tagged(packets, row):  # type: ignore[no-untyped-def]
    return packets.vlan_stripped[row] >= 0 and packets.link_type[row] == _ETHERNET and packets.captured_length[row] >= _MACS


def _word(target, to, value):  # type: ignore[no-untyped-def]
    target[to] = value & 0xFF
    target[to + 1] = value >> 8 & 0xFF
    target[to + 2] = value >> 16 & 0xFF
    target[to + 3] = value >> 24 & 0xFF
    return 0


def rows_between(packets, first_ns, last_ns, needles, rows):  # type: ignore[no-untyped-def]
    """Writes into `rows` the rows of that time with one of `needles` (addresses as bytes) near their start, and returns how many. No needle: all."""
    row: cython.Py_ssize_t
    count: cython.Py_ssize_t = 0
    start: cython.Py_ssize_t
    end: cython.Py_ssize_t
    data: cython.const[cython.uchar][::1] = packets.data
    for row in range(packets.rows):
        if not first_ns <= packets.timestamp_ns[row] <= last_ns:
            continue
        if needles:
            start = packets.at[row]
            end = start + min(packets.captured_length[row], _SEARCHED)
            head = bytes(data[start:end])
            for needle in needles:
                if needle in head:
                    break
            else:
                continue
        rows[count] = row
        count += 1
    return count
