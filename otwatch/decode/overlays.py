# cython: boundscheck=True, wraparound=False, cdivision=True
"""Encapsulations in UDP, and L2TPv3 in IP. A port is only a hint: there, content that fits is enough; elsewhere it must fit to the last byte."""

from __future__ import annotations

import cython

from otwatch.decode.anomalies import NetworkAnomaly
from otwatch.decode.frame import ETHERNET, Frame
from otwatch.decode.unread import Unread
from otwatch.vocabulary import Layer, Tunnel

if not cython.compiled:  # compiled, overlays.pxd names them as C functions
    from otwatch.decode.link import ppp
    from otwatch.decode.tunnels import geneve, gre, mpls, vxlan

_NETWORK = cython.declare(cython.int, Layer.NETWORK)
_HEADER_CUT = cython.declare(cython.int, NetworkAnomaly.TUNNEL_HEADER_CUT)
_BAD_HEADER = cython.declare(cython.int, NetworkAnomaly.TUNNEL_BAD_HEADER)
_ETHERNET = cython.declare(cython.int, ETHERNET)
_GTP_U = cython.declare(cython.int, Tunnel.GTP_U)
_L2TP = cython.declare(cython.int, Tunnel.L2TP)
_TZSP = cython.declare(cython.int, Tunnel.TZSP)
_TEREDO = cython.declare(cython.int, Tunnel.TEREDO)
_UNREAD_GTP_U = cython.declare(cython.int, Unread.GTP_U)
_UNREAD_L2TPV3 = cython.declare(cython.int, Unread.L2TPV3)
_UNREAD_TZSP = cython.declare(cython.int, Unread.TZSP)
_GUESSED = cython.declare(cython.int, Unread.L2TPV3_GUESSED)
_CONTROL = cython.declare(cython.int, Unread.TUNNEL_CONTROL)


@cython.cfunc
@cython.inline
def _u16(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.int:
    return data[at] << 8 | data[at + 1]


@cython.cfunc
@cython.inline
def _u32(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.longlong:
    value: cython.longlong = data[at]
    return value << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]


def overlay(frame: Frame, at: cython.Py_ssize_t, source: cython.int, destination: cython.int) -> cython.int:
    """Unwraps what the UDP payload at `at`, between these ports, carries. 1 when it was one of these encapsulations, read or not."""
    if frame.end - at < 4:
        return 0
    depth: cython.int = frame.depth
    first: cython.int = frame.data[at]
    frame.at = at
    if destination in {4789, 8472, 4790}:
        vxlan(frame, destination == 4790)
    elif destination == 6081:
        geneve(frame)
    elif destination == 4754 and first & 0x4F == 0 and frame.data[at + 1] & 0x7F == 0:  # GRE in UDP (RFC 8086)
        gre(frame)
        return 1
    elif destination == 6635 and frame.carries_ip(at + 4, False) != 0 and frame.data[at + 2] & 1:  # MPLS in UDP (RFC 7510)
        mpls(frame)
        return 1
    elif first == 0x08 and _u32(frame.data, at) == 0x08000000 and _inside(frame, at + 8, False):
        vxlan(frame, False)
    if frame.depth > depth:
        return 1
    if first & 0xF0 == 0x30 and _gtp(frame, at, source == 2152 or destination == 2152):
        return 1
    if first == 0x01 and _tzsp(frame, at, source == 37008 or destination == 37008):
        return 1
    if _l2tp(frame, at, source == 1701 or destination == 1701):
        return 1
    return _teredo(frame, at, source == 3544 or destination == 3544)


@cython.cfunc
def _inside(frame: Frame, at: cython.Py_ssize_t, known: cython.bint) -> cython.bint:
    """Whether an Ethernet frame at `at` leads, behind its tags, to an IP packet that fits or to ARP; or (`known`) to what is known over Ethernet."""
    if frame.end - at < 14:
        return False
    kind: cython.int = _u16(frame.data, at + 12)
    length: cython.int
    at += 14
    while kind in {33024, 34984, 37120, 37376, 37632, 35119, 61889, 35110, 35135, 35081}:
        length = 4 if kind in {33024, 34984, 37120, 37376, 37632} else 8 if kind in {35135, 35081} else 6
        if frame.end - at < length:
            return False
        kind = _u16(frame.data, at + length - 2)
        at += length
    if kind in {2048, 34525}:
        return frame.carries_ip(at, False) == kind
    # ARP; MPLS, PPPoE, MACsec, 802.1ah, NSH, TRILL, FabricPath; PROFINET, GOOSE, Sampled Values, EtherCAT, LLDP
    return kind == 0x0806 or (known and (kind in {34887, 34916, 35045, 35047, 35151, 8947, 35075, 34962, 35000, 35002, 34980, 35020}))


@cython.cfunc
def _gtp(frame: Frame, at: cython.Py_ssize_t, hint: cython.bint) -> cython.int:
    """GTP-U (3GPP TS 29.281 section 5): the header and its extensions, then a user's packet."""
    end: cython.Py_ssize_t = frame.end
    if end - at < 8:
        return 0
    flags: cython.int = frame.data[at]
    kind: cython.int = frame.data[at + 1]
    whole: cython.bint = at + 8 + _u16(frame.data, at + 2) == frame.wire_end
    if not (hint or (whole and kind == 255)) or flags & 0x08:
        return 0
    if kind != 255:
        if whole and kind in {1, 2, 26, 31, 253, 254}:
            frame.unread[_CONTROL] += 1
            return 1
        return 0
    tunnel_id: cython.longlong = _u32(frame.data, at + 4)
    inner: cython.Py_ssize_t = at + 8
    following: cython.int = 0
    length: cython.int
    if flags & 7:
        if end - inner < 4:
            if hint:
                frame.lacks(_NETWORK, _HEADER_CUT, at, 12)
            return hint
        following = frame.data[inner + 3] if flags & 4 else 0
        inner += 4
    while following != 0:
        if end - inner < 4:
            if hint:
                frame.lacks(_NETWORK, _HEADER_CUT, at, inner - at + 4)
            return hint
        length = 4 * frame.data[inner]
        if length == 0 or end - inner < length:
            if hint and length == 0:
                frame.fail(_NETWORK, _BAD_HEADER, inner - at, 1, 0)
            elif hint:
                frame.lacks(_NETWORK, _HEADER_CUT, at, inner - at + length)
            return hint
        following = frame.data[inner + length - 1]
        inner += length
    ethertype: cython.int = frame.carries_ip(inner, not hint)
    if ethertype == 0 and hint and end > inner and (frame.data[inner] >> 4 == 4 or frame.data[inner] >> 4 == 6) and not frame.carries_ethernet(inner):
        ethertype = 0x0800 if frame.data[inner] >> 4 == 4 else 0x86DD
    if ethertype == 0 and not _inside(frame, inner, hint):
        if hint:
            frame.unread[_UNREAD_GTP_U] += 1
        return hint
    if not whole:
        frame.note(_NETWORK, _BAD_HEADER, 2, _u16(frame.data, at + 2), frame.wire_end - at - 8)
    frame.at = inner
    if frame.unwrap(_GTP_U, tunnel_id):
        frame.next = ethertype if ethertype != 0 else _ETHERNET
    return 1


@cython.cfunc
def _tzsp(frame: Frame, at: cython.Py_ssize_t, hint: cython.bint) -> cython.int:
    """TaZmen Sniffer Protocol: a header of four bytes, tags up to an end tag, a frame."""
    end: cython.Py_ssize_t = frame.end
    kind: cython.int = frame.data[at + 1]
    content: cython.int = _u16(frame.data, at + 2)
    inner: cython.Py_ssize_t = at + 4
    if kind > 1:
        if hint and kind <= 5:
            frame.unread[_CONTROL] += 1
            return 1
        return 0
    while True:
        if inner >= end:
            if hint:
                frame.lacks(_NETWORK, _HEADER_CUT, at, inner - at + 1)
            return hint
        if frame.data[inner] == 1:
            inner += 1
            break
        if frame.data[inner] == 0:
            inner += 1
        elif inner + 1 >= end:
            if hint:
                frame.lacks(_NETWORK, _HEADER_CUT, at, inner - at + 2)
            return hint
        else:
            inner += 2 + frame.data[inner + 1]
    if content != 1:
        if hint:
            frame.unread[_UNREAD_TZSP] += 1
        return hint
    if not hint and not _inside(frame, inner, False):
        return 0
    frame.at = inner
    if frame.unwrap(_TZSP, -1):
        frame.next = _ETHERNET
    return 1


@cython.cfunc
def _l2tp(frame: Frame, at: cython.Py_ssize_t, hint: cython.bint) -> cython.int:
    """L2TP in UDP: version 2 (RFC 2661 section 3.1) carries PPP, version 3 (RFC 3931 section 4.1.2.1) anything."""
    end: cython.Py_ssize_t = frame.end
    flags: cython.int = _u16(frame.data, at)
    version: cython.int = flags & 15
    length: cython.int = 2
    offset: cython.int = 0
    inner: cython.Py_ssize_t
    if flags & 0x34F0 or version < 2 or version > 3:
        return 0
    if flags & 0x8000:
        if hint and flags & 0x4800 == 0x4800:
            frame.unread[_CONTROL] += 1
            return 1
        return 0
    if version == 3:
        if not hint or flags != 3 or end - at < 8 or _u16(frame.data, at + 2) != 0:
            return 0
        return _guess(frame, at + 8, _u32(frame.data, at + 4))
    if flags & 0x4000:
        length += 2
    ids: cython.Py_ssize_t = at + length
    length += 4
    if flags & 0x0800:
        length += 4
    if flags & 0x0200:
        length += 2
    if end - at < length:
        if hint:
            frame.lacks(_NETWORK, _HEADER_CUT, at, length)
        return hint
    if flags & 0x0200:
        offset = _u16(frame.data, at + length - 2)
    inner = at + length + offset
    if end - inner < 2:
        if hint:
            frame.lacks(_NETWORK, _HEADER_CUT, at, length + offset + 2)
        return hint
    if not hint and not _ppp_inside(frame, inner):
        return 0
    if flags & 0x4000 and at + _u16(frame.data, at + 2) <= frame.wire_end and _u16(frame.data, at + 2) >= length:
        frame.bound(at + _u16(frame.data, at + 2))
    frame.at = inner
    if frame.unwrap(_L2TP, _u32(frame.data, ids)):
        ppp(frame)
    return 1


@cython.cfunc
def _ppp_inside(frame: Frame, at: cython.Py_ssize_t) -> cython.int:
    """Whether PPP at `at` carries an IP packet that ends with the bytes: its EtherType."""
    if frame.end - at >= 4 and _u16(frame.data, at) == 0xFF03:
        at += 2
    if frame.end - at < 2:
        return 0
    if frame.data[at] == 0x21 or frame.data[at] == 0x57:
        return frame.carries_ip(at + 1, True)
    if _u16(frame.data, at) == 0x0021 or _u16(frame.data, at) == 0x0057:
        return frame.carries_ip(at + 2, True)
    return 0


def l2tpv3(frame: Frame) -> cython.int:
    """L2TPv3 straight in IP (RFC 3931 section 4.1.1)."""
    at: cython.Py_ssize_t = frame.at
    if frame.end - at < 4:
        return frame.lacks(_NETWORK, _HEADER_CUT, at, 4)
    session: cython.longlong = _u32(frame.data, at)
    frame.payload(at)
    if session == 0:
        frame.unread[_CONTROL] += 1
        return 0
    _guess(frame, at + 4, session)
    return 0


@cython.cfunc
def _guess(frame: Frame, at: cython.Py_ssize_t, session: cython.longlong) -> cython.int:
    """What follows the session id: a cookie of 0, 4 or 8 bytes and a sublayer of 0 or 4, which only the ends know. The first that fits counts."""
    before: cython.int
    inner: cython.Py_ssize_t
    ethertype: cython.int
    for before in range(0, 16, 4):
        inner = at + before
        ethertype = 0
        if not _inside(frame, inner, True):
            ethertype = frame.carries_ip(inner, True)
            if ethertype == 0 and not _ppp_inside(frame, inner):
                continue
        frame.unread[_GUESSED] += 1
        frame.at = inner
        if not frame.unwrap(_L2TP, session):
            return 1
        if ethertype != 0:
            frame.next = ethertype
        elif _inside(frame, inner, True):
            frame.next = _ETHERNET
        else:
            ppp(frame)
        return 1
    frame.unread[_UNREAD_L2TPV3] += 1
    return 1


@cython.cfunc
def _teredo(frame: Frame, at: cython.Py_ssize_t, hint: cython.bint) -> cython.int:
    """Teredo (RFC 4380 section 5.1.1): an IPv6 packet after authentication and origin, both of which may be absent."""
    end: cython.Py_ssize_t = frame.end
    if _u16(frame.data, at) == 0x0001:
        at += 13 + frame.data[at + 2] + frame.data[at + 3]
        if end - at < 2:
            return 0
    if _u16(frame.data, at) == 0x0000:
        at += 8
    if frame.carries_ip(at, True) != 0x86DD:
        return 0
    if not hint and _u32(frame.data, at + 8) != 0x20010000 and _u32(frame.data, at + 24) != 0x20010000:
        return 0
    frame.at = at
    if frame.unwrap(_TEREDO, -1):
        frame.next = 0x86DD
    return 1
