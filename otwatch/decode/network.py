# cython: boundscheck=True, wraparound=False, cdivision=True
"""Network headers: IPv4, IPv6 with its extension headers, ARP. Fragments are recognised here and put together in fragments.py."""

from __future__ import annotations

import cython

from otwatch.decode.anomalies import NetworkAnomaly
from otwatch.decode.frame import FRAGMENT, IP, Frame
from otwatch.vocabulary import Layer, PacketFlag

_NETWORK = cython.declare(cython.int, Layer.NETWORK)
_HEADER_CUT = cython.declare(cython.int, NetworkAnomaly.HEADER_CUT)
_BAD_VERSION = cython.declare(cython.int, NetworkAnomaly.BAD_VERSION)
_BAD_HEADER_LENGTH = cython.declare(cython.int, NetworkAnomaly.BAD_HEADER_LENGTH)
_LENGTH_SHORT = cython.declare(cython.int, NetworkAnomaly.LENGTH_SHORT)
_LENGTH_EXCEEDS_FRAME = cython.declare(cython.int, NetworkAnomaly.LENGTH_EXCEEDS_FRAME)
_SOURCE_ROUTE = cython.declare(cython.int, NetworkAnomaly.SOURCE_ROUTE)
_BAD_OPTION = cython.declare(cython.int, NetworkAnomaly.BAD_OPTION)
_ARP_BAD = cython.declare(cython.int, NetworkAnomaly.ARP_BAD)
_EXTENSIONS_TOO_MANY = cython.declare(cython.int, NetworkAnomaly.EXTENSIONS_TOO_MANY)
_MALFORMED = cython.declare(cython.int, PacketFlag.MALFORMED)
_IP = cython.declare(cython.int, IP)
_FRAGMENT = cython.declare(cython.int, FRAGMENT)
_MAPPED = cython.declare(cython.ulonglong, 0xFFFF_0000_0000)  # IPv4 mapped into IPv6
_EXTENSIONS = cython.declare(cython.int, 16)  # far more than any real packet has


@cython.cfunc
@cython.inline
def _u16(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.int:
    return data[at] << 8 | data[at + 1]


@cython.cfunc
@cython.inline
def _u32(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.ulonglong:
    value: cython.ulonglong = data[at]
    return value << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]


@cython.cfunc
@cython.inline
def _u64(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.ulonglong:
    return _u32(data, at) << 32 | _u32(data, at + 4)


@cython.cfunc
@cython.inline
def _extent(frame: Frame, at: cython.Py_ssize_t, total: cython.Py_ssize_t, field: cython.int) -> cython.int:
    """Applies a length field of the header at `at`: trailing bytes are padding; a length beyond the frame is reported, what is there counts."""
    if at + total > frame.wire_end:
        frame.note(_NETWORK, _LENGTH_EXCEEDS_FRAME, field, total, frame.wire_end - at)
        frame.flags |= _MALFORMED
        return 0
    return frame.bound(at + total)


def ipv4(frame: Frame) -> cython.int:
    """RFC 791. Total length 0 (segmentation offload) means all that is there."""
    packets = frame.packets
    row: cython.Py_ssize_t = frame.row
    at: cython.Py_ssize_t = frame.at
    packets.ethertype[row] = 0x0800
    if frame.end - at < 20:
        return frame.lacks(_NETWORK, _HEADER_CUT, at, 20)
    first: cython.int = frame.data[at]
    if first >> 4 != 4:
        return frame.fail(_NETWORK, _BAD_VERSION, 0, 4, first >> 4)
    header: cython.int = (first & 15) * 4
    packets.source[row] = frame.addresses.intern(0, _MAPPED | _u32(frame.data, at + 12))
    packets.destination[row] = frame.addresses.intern(0, _MAPPED | _u32(frame.data, at + 16))
    packets.ttl[row] = frame.data[at + 8]
    protocol: cython.int = frame.data[at + 9]
    packets.ip_protocol[row] = protocol
    if header < 20:
        return frame.fail(_NETWORK, _BAD_HEADER_LENGTH, 0, 20, header)
    total: cython.int = _u16(frame.data, at + 2)
    if total != 0:
        if total < header:
            return frame.fail(_NETWORK, _LENGTH_SHORT, 2, header, total)
        _extent(frame, at, total, 2)
    if frame.end - at < header:
        return frame.lacks(_NETWORK, _HEADER_CUT, at, header)
    frame.network_at = at
    frame.version = 4
    if header > 20:
        _options(frame, at + 20, at + header)
    frame.at = at + header
    fragment: cython.int = _u16(frame.data, at + 6)
    if fragment & 0x3FFF:
        frame.fragment_id = _u16(frame.data, at + 4)
        frame.fragment_offset = (fragment & 0x1FFF) * 8
        frame.fragment_more = fragment & 0x2000 != 0
        frame.fragment_protocol = protocol
        frame.next = _FRAGMENT
    else:
        frame.next = _IP + protocol
    return 0


@cython.cfunc
def _options(frame: Frame, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.int:
    """Looks for options that say something about the sender's intent; all are passed over."""
    start: cython.Py_ssize_t = frame.network_at
    kind: cython.int
    length: cython.int
    while at < end:
        kind = frame.data[at]
        if kind == 0:
            return 0
        if kind == 1:
            at += 1
            continue
        length = frame.data[at + 1] if at + 1 < end else 0
        if length < 2 or at + length > end:
            frame.note(_NETWORK, _BAD_OPTION, at - start, length if length > 2 else 2, end - at)
            return 0
        if kind in {131, 137}:  # loose, strict source route
            frame.note(_NETWORK, _SOURCE_ROUTE, at - start, 0, kind)
        at += length
    return 0


def ipv6(frame: Frame) -> cython.int:
    """RFC 8200. Payload length 0 (jumbogram, segmentation offload) means all that is there."""
    packets = frame.packets
    row: cython.Py_ssize_t = frame.row
    at: cython.Py_ssize_t = frame.at
    packets.ethertype[row] = 0x86DD
    if frame.end - at < 40:
        return frame.lacks(_NETWORK, _HEADER_CUT, at, 40)
    first: cython.int = frame.data[at]
    if first >> 4 != 6:
        return frame.fail(_NETWORK, _BAD_VERSION, 0, 6, first >> 4)
    packets.source[row] = frame.addresses.intern_ipv6(_u64(frame.data, at + 8), _u64(frame.data, at + 16))
    packets.destination[row] = frame.addresses.intern_ipv6(_u64(frame.data, at + 24), _u64(frame.data, at + 32))
    packets.ttl[row] = frame.data[at + 7]
    protocol: cython.int = frame.data[at + 6]
    packets.ip_protocol[row] = protocol
    length: cython.int = _u16(frame.data, at + 4)
    if length != 0:
        _extent(frame, at, 40 + length, 4)
    frame.network_at = at
    frame.version = 6
    frame.at = at + 40
    frame.next = _IP + protocol
    return 0


def extension(frame: Frame, protocol: cython.int) -> cython.int:
    """An IPv6 extension header, or AH after either IP.

    Hop-by-hop 0, routing 43, fragment 44, AH 51, destination 60, mobility 135, HIP 139, shim6 140.
    """
    at: cython.Py_ssize_t = frame.at
    here: cython.Py_ssize_t = frame.end - at
    if frame.extensions >= _EXTENSIONS:
        return frame.fail(_NETWORK, _EXTENSIONS_TOO_MANY, at - frame.network_at, _EXTENSIONS, frame.extensions + 1)
    frame.extensions += 1
    if here < 8:
        return frame.lacks(_NETWORK, _HEADER_CUT, at, 8)
    following: cython.int = frame.data[at]
    length: cython.int = 8 + 8 * frame.data[at + 1]
    if protocol == 44:
        length = 8
    elif protocol == 51:  # AH counts in 32-bit words (RFC 4302 section 2.2)
        length = 8 + 4 * frame.data[at + 1]
    if here < length:
        return frame.lacks(_NETWORK, _HEADER_CUT, at, length)
    if protocol == 43 and frame.data[at + 2] == 0:
        frame.note(_NETWORK, _SOURCE_ROUTE, at - frame.network_at, 0, 43)
    frame.packets.ip_protocol[frame.row] = following
    frame.at = at + length
    frame.next = _IP + following
    if protocol == 44:
        place: cython.int = _u16(frame.data, at + 2)
        if place & 0xFFF9:  # else an atomic fragment (RFC 6946): whole
            frame.fragment_id = _u32(frame.data, at + 4)
            frame.fragment_offset = place & 0xFFF8
            frame.fragment_more = place & 1 != 0
            frame.fragment_protocol = following
            frame.next = _FRAGMENT
    return 0


def arp(frame: Frame) -> cython.int:
    """RFC 826 and RARP. Addresses that are not Ethernet and IPv4 leave their columns empty; so does the sender of a probe (RFC 5227), 0.0.0.0."""
    packets = frame.packets
    row: cython.Py_ssize_t = frame.row
    at: cython.Py_ssize_t = frame.at
    packets.ethertype[row] = frame.next
    if frame.end - at < 8:
        return frame.lacks(_NETWORK, _HEADER_CUT, at, 8)
    protocol: cython.int = _u16(frame.data, at + 2)
    hardware_length: cython.int = frame.data[at + 4]
    protocol_length: cython.int = frame.data[at + 5]
    operation: cython.int = _u16(frame.data, at + 6)
    packets.arp_operation[row] = operation if operation < 255 else 255
    needed: cython.int = 8 + 2 * hardware_length + 2 * protocol_length
    if frame.end - at < needed:
        return frame.lacks(_NETWORK, _HEADER_CUT, at, needed)
    ethernet: cython.bint = hardware_length == 6
    if protocol == 0x0800 and protocol_length == 4:
        sender: cython.ulonglong = _u32(frame.data, at + 8 + hardware_length)
        if sender != 0:
            packets.source[row] = frame.addresses.intern(0, _MAPPED | sender)
        packets.destination[row] = frame.addresses.intern(0, _MAPPED | _u32(frame.data, at + 12 + 2 * hardware_length))
    elif protocol == 0x0800 or (ethernet and protocol_length == 0):
        return frame.fail(_NETWORK, _ARP_BAD, 5, 4, protocol_length)
    if ethernet:
        packets.arp_mac[row] = _u32(frame.data, at + 8) << 16 | _u16(frame.data, at + 12)
    if operation == 0:
        return frame.fail(_NETWORK, _ARP_BAD, 6, 1, 0)
    frame.bound(at + needed)
    return frame.payload(at + needed)
