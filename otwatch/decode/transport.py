# cython: boundscheck=True, wraparound=False, cdivision=True
"""Transport headers: TCP, UDP, ICMP. Checksums are not verified: offload makes them wrong in captures of healthy networks."""

from __future__ import annotations

import cython

from otwatch.decode.anomalies import TransportAnomaly
from otwatch.decode.frame import Frame
from otwatch.vocabulary import Layer, PacketFlag

if not cython.compiled:  # compiled, transport.pxd names them as C functions
    from otwatch.decode.overlays import overlay
    from otwatch.decode.recognise import echo

_TRANSPORT = cython.declare(cython.int, Layer.TRANSPORT)
_HEADER_CUT = cython.declare(cython.int, TransportAnomaly.HEADER_CUT)
_BAD_HEADER_LENGTH = cython.declare(cython.int, TransportAnomaly.BAD_HEADER_LENGTH)
_LENGTH_SHORT = cython.declare(cython.int, TransportAnomaly.LENGTH_SHORT)
_LENGTH_EXCEEDS = cython.declare(cython.int, TransportAnomaly.LENGTH_EXCEEDS_DATAGRAM)
_MALFORMED = cython.declare(cython.int, PacketFlag.MALFORMED)


@cython.cfunc
@cython.inline
def _u16(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.int:
    return data[at] << 8 | data[at + 1]


@cython.cfunc
@cython.inline
def _u32(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.longlong:
    value: cython.longlong = data[at]
    return value << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]


def tcp(frame: Frame) -> cython.int:
    """RFC 9293 section 3.1; options are passed over."""
    packets = frame.packets
    row: cython.Py_ssize_t = frame.row
    at: cython.Py_ssize_t = frame.at
    here: cython.Py_ssize_t = frame.end - at
    if here < 20:
        return frame.lacks(_TRANSPORT, _HEADER_CUT, at, 20)
    packets.source_port[row] = _u16(frame.data, at)
    packets.destination_port[row] = _u16(frame.data, at + 2)
    packets.tcp_sequence[row] = _u32(frame.data, at + 4)
    flags: cython.int = _u16(frame.data, at + 12)
    packets.tcp_flags[row] = flags & 0x1FF
    if flags & 0x10:
        packets.tcp_acknowledgement[row] = _u32(frame.data, at + 8)
    header: cython.int = (flags >> 12) * 4
    if header < 20:
        return frame.fail(_TRANSPORT, _BAD_HEADER_LENGTH, 12, 20, header)
    if here < header:
        return frame.lacks(_TRANSPORT, _HEADER_CUT, at, header)
    return frame.payload(at + header)


def udp(frame: Frame) -> cython.int:
    """RFC 768."""
    packets = frame.packets
    row: cython.Py_ssize_t = frame.row
    at: cython.Py_ssize_t = frame.at
    if frame.end - at < 8:
        return frame.lacks(_TRANSPORT, _HEADER_CUT, at, 8)
    packets.source_port[row] = _u16(frame.data, at)
    packets.destination_port[row] = _u16(frame.data, at + 2)
    length: cython.int = _u16(frame.data, at + 4)
    if length < 8:
        if length != 0 or frame.wire_end - at < 0xFFFF:  # 0 is a jumbogram's (RFC 2675 section 4)
            return frame.fail(_TRANSPORT, _LENGTH_SHORT, 4, 8, length)
    elif at + length <= frame.wire_end:
        frame.bound(at + length)
    else:
        frame.note(_TRANSPORT, _LENGTH_EXCEEDS, 4, length, frame.wire_end - at)
        frame.flags |= _MALFORMED
    frame.payload(at + 8)
    source: cython.int = packets.source_port[row]
    destination: cython.int = packets.destination_port[row]
    if overlay(frame, at + 8, source, destination) == 0:
        frame.datagram_at = at + 8
    return 0


def icmp(frame: Frame) -> cython.int:
    """ICMP and ICMPv6: type and code stand in the port columns."""
    at: cython.Py_ssize_t = frame.at
    if frame.end - at < 2:
        return frame.lacks(_TRANSPORT, _HEADER_CUT, at, 8)
    frame.packets.source_port[frame.row] = frame.data[at]
    frame.packets.destination_port[frame.row] = frame.data[at + 1]
    if frame.end - at < 8:
        return frame.lacks(_TRANSPORT, _HEADER_CUT, at, 8)
    kind: cython.int = frame.data[at]
    if (kind in {0, 8}) if frame.version == 4 else (kind in {128, 129}):
        echo(frame, at + 8)
    return frame.payload(at + 8)
