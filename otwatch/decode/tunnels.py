# cython: boundscheck=True, wraparound=False, cdivision=True
"""Encapsulations: the header at `at` is passed over and `next` says what is inside. The outermost one stays in the columns tunnel and tunnel_id."""

from __future__ import annotations

import cython

from otwatch.decode.anomalies import LinkAnomaly, NetworkAnomaly
from otwatch.decode.frame import ETHERNET, Frame
from otwatch.vocabulary import Layer, PacketFlag, Tunnel

if not cython.compiled:  # compiled, tunnels.pxd names it as a C function
    from otwatch.decode.link import ppp

_LINK = cython.declare(cython.int, Layer.LINK)
_LENGTH_EXCEEDS_FRAME = cython.declare(cython.int, LinkAnomaly.LENGTH_EXCEEDS_FRAME)
_NETWORK = cython.declare(cython.int, Layer.NETWORK)
_HEADER_CUT = cython.declare(cython.int, NetworkAnomaly.TUNNEL_HEADER_CUT)
_BAD_HEADER = cython.declare(cython.int, NetworkAnomaly.TUNNEL_BAD_HEADER)
_SNAPPED = cython.declare(cython.int, PacketFlag.SNAPPED)
_ETHERNET = cython.declare(cython.int, ETHERNET)
_GRE = cython.declare(cython.int, Tunnel.GRE)
_ERSPAN_I = cython.declare(cython.int, Tunnel.ERSPAN_I)
_ERSPAN_II = cython.declare(cython.int, Tunnel.ERSPAN_II)
_ERSPAN_III = cython.declare(cython.int, Tunnel.ERSPAN_III)
_VXLAN = cython.declare(cython.int, Tunnel.VXLAN)
_GENEVE = cython.declare(cython.int, Tunnel.GENEVE)
_MPLS = cython.declare(cython.int, Tunnel.MPLS)
_PPPOE = cython.declare(cython.int, Tunnel.PPPOE)
_EOIP = cython.declare(cython.int, Tunnel.EOIP)
_IP_IN_IP = cython.declare(cython.int, Tunnel.IP_IN_IP)


@cython.cfunc
@cython.inline
def _u16(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.int:
    return data[at] << 8 | data[at + 1]


@cython.cfunc
@cython.inline
def _u24(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.int:
    return data[at] << 16 | data[at + 1] << 8 | data[at + 2]


@cython.cfunc
@cython.inline
def _u32(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.longlong:
    value: cython.longlong = data[at]
    return value << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]


def gre(frame: Frame) -> cython.int:
    """GRE (RFC 2784, key and sequence number of RFC 2890), its ERSPAN use, and PPTP's version 1 (RFC 2637)."""
    at: cython.Py_ssize_t = frame.at
    here: cython.Py_ssize_t = frame.end - at
    if here < 4:
        return frame.lacks(_NETWORK, _HEADER_CUT, at, 4)
    flags: cython.int = _u16(frame.data, at)
    kind: cython.int = _u16(frame.data, at + 2)
    version: cython.int = flags & 7
    length: cython.int = 4
    if flags & 0xC000 and version == 0:  # checksum and offset
        length += 4
    key_at: cython.Py_ssize_t = at + length
    if flags & 0x2000:
        length += 4
    if flags & 0x1000:  # sequence number
        length += 4
    if flags & 0x0080 and version == 1:  # acknowledgement number
        length += 4
    if here < length:
        return frame.lacks(_NETWORK, _HEADER_CUT, at, length)
    if version > 1 or flags & 0x4000:  # source routes in GRE were withdrawn before anyone used them
        return frame.fail(_NETWORK, _BAD_HEADER, 0, 0, flags)
    key: cython.longlong = _u32(frame.data, key_at) if flags & 0x2000 else -1
    frame.at = at + length
    if kind in {35006, 8939}:
        return _erspan(frame, kind, flags & 0x1000)
    if version == 1 and kind == 0x6400 and flags & 0xF000 == 0x2000:
        return _eoip(frame, key)
    if version == 1:
        if kind != 0x880B:
            return frame.fail(_NETWORK, _BAD_HEADER, 2, 0x880B, kind)
        if frame.wire_end == frame.at:  # an acknowledgement alone
            return frame.payload(frame.at)
        return ppp(frame) if frame.unwrap(_GRE, key & 0xFFFF if key >= 0 else -1) else 0
    if frame.unwrap(_GRE, key):
        frame.next = _ETHERNET if kind == 0x6558 else kind
    return 0


@cython.cfunc
def _eoip(frame: Frame, key: cython.longlong) -> cython.int:
    """Ethernet over IP of MikroTik: the key of a GRE header of version 1 is the length of the frame and, in the other byte order, the tunnel's id."""
    length: cython.int = key >> 16
    tunnel_id: cython.int = (key & 0xFF) << 8 | (key >> 8 & 0xFF)
    if length == 0:  # a keepalive
        return frame.payload(frame.at)
    if frame.at + length > frame.wire_end:
        frame.note(_NETWORK, _BAD_HEADER, 4, length, frame.wire_end - frame.at)
    else:
        frame.bound(frame.at + length)
    if frame.unwrap(_EOIP, tunnel_id):
        frame.next = _ETHERNET
    return 0


@cython.cfunc
def _erspan(frame: Frame, kind: cython.int, sequence: cython.int) -> cython.int:
    """ERSPAN (draft-foschiano-erspan-03). Type I has no header of its own and no GRE sequence number."""
    at: cython.Py_ssize_t = frame.at
    here: cython.Py_ssize_t = frame.end - at
    tunnel: cython.int = _ERSPAN_I
    session: cython.longlong = -1
    length: cython.int = 0
    content: cython.int = 0
    shortened: cython.bint = False
    if kind == 0x22EB or sequence:
        if here < 8:
            return frame.lacks(_NETWORK, _HEADER_CUT, at, 8)
        version: cython.int = frame.data[at] >> 4
        session = _u16(frame.data, at + 2) & 0x3FF
        shortened = _u16(frame.data, at + 2) & 0x400 != 0
        if version == 1:
            tunnel = _ERSPAN_II
            length = 8
        elif version == 2:
            tunnel = _ERSPAN_III
            if here < 12:
                return frame.lacks(_NETWORK, _HEADER_CUT, at, 12)
            length = 20 if frame.data[at + 11] & 1 else 12  # with a platform-specific subheader
            content = (frame.data[at + 10] >> 2) & 31
            if here < length:
                return frame.lacks(_NETWORK, _HEADER_CUT, at, length)
        else:
            return frame.fail(_NETWORK, _BAD_HEADER, 0, 1, version)
    frame.at = at + length
    if not frame.unwrap(tunnel, session):
        return 0
    if shortened:  # the switch cut the copy: its end is not the end of the packet
        frame.flags |= _SNAPPED
        frame.wire_end = frame.end + 0x10000
        frame.open_ended = True
    frame.next = _ETHERNET
    if content == 2 and frame.end > frame.at:  # a bare IP packet
        frame.next = 0x86DD if frame.data[frame.at] >> 4 == 6 else 0x0800
    return 0


def vxlan(frame: Frame, generic: cython.bint) -> cython.int:
    """VXLAN (RFC 7348, group policy extension allowed) or VXLAN-GPE (`generic`) in the UDP payload at `at`.

    The port is only a hint: other content stays UDP payload.
    """
    at: cython.Py_ssize_t = frame.at
    if frame.end - at < 22 or frame.data[at + 7] != 0:
        return 0
    flags: cython.int = frame.data[at]
    content: cython.int = 3
    if generic:
        content = frame.data[at + 3]
        if flags != 0x0C or _u16(frame.data, at + 1) != 0 or content < 1 or content > 5:
            return 0
    elif flags & 0x08 == 0 or ((flags & 0x7F != 0x08 or (flags == 0x08 and _u24(frame.data, at + 1) != 0)) and not frame.carries_ethernet(at + 8)):
        return 0  # section 5: the other bits are ignored on receipt; here they make it doubtful
    frame.at = at + 8
    if frame.unwrap(_VXLAN, _u24(frame.data, at + 4)):
        if content == 3:
            frame.next = _ETHERNET
        else:
            frame.next = 0x0800 if content == 1 else 0x86DD if content == 2 else 0x894F if content == 4 else 0x8847
    return 0


def geneve(frame: Frame) -> cython.int:
    """Geneve (RFC 8926) in the UDP payload at `at`; other content stays UDP payload."""
    at: cython.Py_ssize_t = frame.at
    if frame.end - at < 8 or frame.data[at] >> 6 != 0 or frame.data[at + 7] != 0:
        return 0
    length: cython.int = 8 + 4 * (frame.data[at] & 0x3F)
    kind: cython.int = _u16(frame.data, at + 2)
    if frame.end - at < length or (kind not in {25944, 2048, 34525, 35151, 34887}):
        return 0
    frame.at = at + length
    if frame.unwrap(_GENEVE, _u24(frame.data, at + 4)):
        frame.next = _ETHERNET if kind == 0x6558 else kind
    return 0


def mpls(frame: Frame) -> cython.int:
    """A label stack (RFC 3032). What it carries is not said: the first nibble tells IP (RFC 4928), 0 a control word before Ethernet (RFC 4448)."""
    at: cython.Py_ssize_t = frame.at
    end: cython.Py_ssize_t = frame.end
    start: cython.Py_ssize_t = at
    last: cython.bint = False
    while not last:
        if end - at < 4:
            return frame.lacks(_NETWORK, _HEADER_CUT, start, at - start + 4)
        last = frame.data[at + 2] & 1 != 0
        at += 4
    frame.at = at
    if not frame.unwrap(_MPLS, _u24(frame.data, start) >> 4):
        return 0
    if end - at < 1:
        return frame.lacks(_NETWORK, _HEADER_CUT, start, at - start + 1)
    nibble: cython.int = frame.data[at] >> 4
    if nibble == 4 and frame.data[at] & 15 >= 5 and not (frame.carries_ethernet(at) and _u16(frame.data, at + 2) > frame.wire_end - at):
        frame.next = 0x0800
    elif nibble == 6 and not (frame.carries_ethernet(at) and 40 + _u16(frame.data, at + 4) > frame.wire_end - at):
        frame.next = 0x86DD
    elif nibble == 1:  # associated channel (RFC 5586): maintenance, no traffic
        return frame.undecoded(0x8847)
    else:
        if nibble == 0 and end - at >= 4 and (frame.carries_ethernet(at + 4) or not frame.carries_ethernet(at)):
            frame.at = at + 4
        frame.next = _ETHERNET
    return 0


def pppoe(frame: Frame) -> cython.int:
    """A PPPoE session packet (RFC 2516 section 4)."""
    at: cython.Py_ssize_t = frame.at
    if frame.end - at < 6:
        return frame.lacks(_NETWORK, _HEADER_CUT, at, 6)
    if frame.data[at] != 0x11 or frame.data[at + 1] != 0:
        return frame.fail(_NETWORK, _BAD_HEADER, 0, 0x1100, _u16(frame.data, at))
    length: cython.int = _u16(frame.data, at + 4)
    if at + 6 + length > frame.wire_end:
        frame.note(_LINK, _LENGTH_EXCEEDS_FRAME, 4, length, frame.wire_end - at - 6)
    else:
        frame.bound(at + 6 + length)
    frame.at = at + 6
    return ppp(frame) if frame.unwrap(_PPPOE, _u16(frame.data, at + 2)) else 0


def ip_in_ip(frame: Frame, ethertype: cython.int) -> cython.int:
    """IPv4 (RFC 2003) or IPv6 (RFC 4213) straight inside IP."""
    if frame.unwrap(_IP_IN_IP, -1):
        frame.next = ethertype
    return 0
