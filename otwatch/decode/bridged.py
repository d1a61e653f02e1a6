# cython: boundscheck=True, wraparound=False, cdivision=True
"""Ethernet frames in other Ethernet frames or straight in IP, and service chains: provider backbone bridges, TRILL, FabricPath, NSH, EtherIP."""

from __future__ import annotations

import cython

from otwatch.decode.anomalies import NetworkAnomaly
from otwatch.decode.frame import ETHERNET, Frame
from otwatch.decode.unread import Unread
from otwatch.vocabulary import Layer, Tunnel

_NETWORK = cython.declare(cython.int, Layer.NETWORK)
_HEADER_CUT = cython.declare(cython.int, NetworkAnomaly.TUNNEL_HEADER_CUT)
_BAD_HEADER = cython.declare(cython.int, NetworkAnomaly.TUNNEL_BAD_HEADER)
_ETHERNET = cython.declare(cython.int, ETHERNET)
_PBB = cython.declare(cython.int, Tunnel.PBB)
_NSH = cython.declare(cython.int, Tunnel.NSH)
_ETHERIP = cython.declare(cython.int, Tunnel.ETHERIP)
_TRILL = cython.declare(cython.int, Tunnel.TRILL)
_FABRICPATH = cython.declare(cython.int, Tunnel.FABRICPATH)
_UNREAD_ETHERIP = cython.declare(cython.int, Unread.ETHERIP)


@cython.cfunc
@cython.inline
def _u16(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.int:
    return data[at] << 8 | data[at + 1]


@cython.cfunc
@cython.inline
def _u24(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.int:
    return data[at] << 16 | data[at + 1] << 8 | data[at + 2]


def pbb(frame: Frame) -> cython.int:
    """The service tag of a provider backbone bridge (IEEE 802.1ah, now 802.1Q clause 9.7); the customer's frame follows."""
    at: cython.Py_ssize_t = frame.at
    if frame.end - at < 4:
        return frame.lacks(_NETWORK, _HEADER_CUT, at, 4)
    frame.at = at + 4
    if frame.unwrap(_PBB, _u24(frame.data, at + 1)):
        frame.next = _ETHERNET
    return 0


def trill(frame: Frame) -> cython.int:
    """TRILL (RFC 6325 section 3): six bytes and options, then the frame."""
    at: cython.Py_ssize_t = frame.at
    if frame.end - at < 6:
        return frame.lacks(_NETWORK, _HEADER_CUT, at, 6)
    first: cython.int = _u16(frame.data, at)
    if first >> 14 != 0:
        return frame.fail(_NETWORK, _BAD_HEADER, 0, 0, first >> 14)
    length: cython.int = 6 + 4 * (first >> 6 & 31)
    if frame.end - at < length:
        return frame.lacks(_NETWORK, _HEADER_CUT, at, length)
    frame.at = at + length
    if frame.unwrap(_TRILL, _u16(frame.data, at + 2)):
        frame.next = _ETHERNET
    return 0


def fabricpath(frame: Frame) -> cython.int:
    """Cisco FabricPath: a tree number and a hop count, then the frame."""
    at: cython.Py_ssize_t = frame.at
    if frame.end - at < 2:
        return frame.lacks(_NETWORK, _HEADER_CUT, at, 2)
    frame.at = at + 2
    if frame.unwrap(_FABRICPATH, _u16(frame.data, at) >> 6):
        frame.next = _ETHERNET
    return 0


def nsh(frame: Frame) -> cython.int:
    """A network service header (RFC 8300)."""
    at: cython.Py_ssize_t = frame.at
    if frame.end - at < 8:
        return frame.lacks(_NETWORK, _HEADER_CUT, at, 8)
    first: cython.int = _u16(frame.data, at)
    length: cython.int = 4 * (first & 0x3F)
    content: cython.int = frame.data[at + 3]
    if first >> 14 != 0 or length < 8:
        return frame.fail(_NETWORK, _BAD_HEADER, 0, 8, first)
    if frame.end - at < length:
        return frame.lacks(_NETWORK, _HEADER_CUT, at, length)
    if content < 1 or content > 5:
        return frame.fail(_NETWORK, _BAD_HEADER, 3, 5, content)
    frame.at = at + length
    if frame.unwrap(_NSH, _u24(frame.data, at + 4)):
        if content == 3:
            frame.next = _ETHERNET
        else:
            frame.next = 0x0800 if content == 1 else 0x86DD if content == 2 else 0x894F if content == 4 else 0x8847
    return 0


def etherip(frame: Frame) -> cython.int:
    """EtherIP (RFC 3378), and its use by MikroTik with the tunnel's number in the reserved bits and the nibbles the other way round."""
    at: cython.Py_ssize_t = frame.at
    if frame.end - at < 2:
        return frame.lacks(_NETWORK, _HEADER_CUT, at, 2)
    first: cython.int = _u16(frame.data, at)
    tunnel_id: cython.int = -1
    if first != 0x3000:
        if first >> 8 & 15 != 3:
            frame.unread[_UNREAD_ETHERIP] += 1
            return frame.payload(at)
        tunnel_id = (first >> 12) << 8 | (first & 0xFF)
    frame.at = at + 2
    if frame.unwrap(_ETHERIP, tunnel_id):
        frame.next = _ETHERNET
    return 0
