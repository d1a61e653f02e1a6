# cython: boundscheck=True, wraparound=False, cdivision=True
"""Tunnels and encryption in UDP and ICMP that cannot be read: known by their content, so that what they may carry is not silently missed.

What only the first messages of a conversation show (OpenVPN, QUIC, IPsec in UDP) is remembered for its two ends, within a limit.
"""

from __future__ import annotations

import cython

from otwatch.decode.frame import Frame
from otwatch.decode.unread import Unread

_WIREGUARD = cython.declare(cython.int, Unread.WIREGUARD)
_OPENVPN = cython.declare(cython.int, Unread.OPENVPN)
_IKE = cython.declare(cython.int, Unread.IKE)
_ESP_IN_UDP = cython.declare(cython.int, Unread.ESP_IN_UDP)
_DTLS = cython.declare(cython.int, Unread.DTLS)
_QUIC = cython.declare(cython.int, Unread.QUIC)
_IP_IN_DATAGRAM = cython.declare(cython.int, Unread.IP_IN_DATAGRAM)
_IP_IN_ICMP = cython.declare(cython.int, Unread.IP_IN_ICMP)
_FLOWS_OVER_LIMIT = cython.declare(cython.int, Unread.FLOWS_OVER_LIMIT)
_NOTHING = cython.declare(cython.int, -1)
_SEARCHED = cython.declare(cython.Py_ssize_t, 64)  # bytes of a payload in which the start of a packet is looked for


@cython.cfunc
@cython.inline
def _u16(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.int:
    return data[at] << 8 | data[at + 1]


@cython.cfunc
@cython.inline
def _u32(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.longlong:
    value: cython.longlong = data[at]
    return value << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]


class Recognised:
    """Conversations that were recognised as something unread, and candidates: (address, port) of both ends -> what it is.

    A candidate is a conversation whose packets may be data of OpenVPN; it is believed when the same peer's counter goes on.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.flows: dict[tuple[int, int, int, int], int] = {}
        self.candidates: dict[tuple[int, int, int, int], tuple[int, int]] = {}  # the last counter, and how often it went on

    def datagram(self, frame: Frame, at: cython.Py_ssize_t, source: cython.int, destination: cython.int) -> cython.int:
        """Counts the UDP payload at `at` under the name of what it is, if it is one of these."""
        here: cython.Py_ssize_t = frame.end - at
        length: cython.Py_ssize_t = frame.wire_end - at
        if here < 4:
            return 0
        kind: cython.int = _NOTHING
        remembered: cython.bint = False
        first: cython.int = frame.data[at]
        if first <= 4 and first > 0 and _wireguard(frame, at, length):
            kind = _WIREGUARD
        elif (20 <= first <= 26 and here >= 13 and frame.data[at + 1] == 0xFE and frame.data[at + 2] >= 0xFC
                and 13 + _u16(frame.data, at + 11) <= length):
            kind = _DTLS
            remembered = True
        elif first & 0xC0 == 0xC0 and here >= 7 and _quic(frame, at):
            kind = _QUIC
            remembered = True
        elif here >= 28 and _isakmp(frame, at, length):
            kind = _IKE
        elif here >= 32 and _u32(frame.data, at) == 0 and _isakmp(frame, at + 4, length - 4):
            kind = _IKE
            self.remember(frame, source, destination, _ESP_IN_UDP)
        elif (first in {56, 64, 80}) and here >= 14 and _openvpn_reset(frame, at, here, first):
            kind = _OPENVPN
            remembered = True
        elif (source == 4500 or destination == 4500) and here >= 20 and length % 4 == 0 and _u32(frame.data, at) > 255:
            kind = _ESP_IN_UDP
        elif (source == 1194 or destination == 1194) and here >= 10 and 3 <= first >> 3 <= 11:
            kind = _OPENVPN
        elif self.flows and self.known(frame, source, destination) >= 0:
            kind = self.known(frame, source, destination)
            if kind == _ESP_IN_UDP and (here < 16 or _u32(frame.data, at) <= 255):
                return 0
        elif first >> 3 == 9 and here >= 24 and self.counts_on(frame, at, source, destination):
            kind = _OPENVPN
            remembered = True
        elif ip_inside(frame, at):
            kind = _IP_IN_DATAGRAM
        if kind < 0:
            return 0
        if remembered:
            self.remember(frame, source, destination, kind)
        frame.unread[kind] += 1
        return 1

    def key(self, frame: Frame, source: cython.int, destination: cython.int) -> tuple[int, int, int, int]:
        """The two ends, the same from either side."""
        packets = frame.packets
        one: cython.int = packets.source[frame.row]
        other: cython.int = packets.destination[frame.row]
        if one < other or (one == other and source <= destination):
            return (one, source, other, destination)
        return (other, destination, one, source)

    def remember(self, frame: Frame, source: cython.int, destination: cython.int, kind: cython.int) -> None:
        """The rest of this conversation is the same; beyond the limit the oldest is forgotten, which is counted."""
        key = self.key(frame, source, destination)
        if key not in self.flows and len(self.flows) >= self.limit:
            self.flows.pop(next(iter(self.flows)))
            frame.unread[_FLOWS_OVER_LIMIT] += 1
        self.flows[key] = kind

    def known(self, frame: Frame, source: cython.int, destination: cython.int) -> cython.int:
        """What this conversation was recognised as, -1 if it was not."""
        return self.flows.get(self.key(frame, source, destination), -1)

    def counts_on(self, frame: Frame, at: cython.Py_ssize_t, source: cython.int, destination: cython.int) -> cython.bint:
        """OpenVPN data, whose first messages were not captured: the same peer id, and the packet number one to sixteen higher, three times."""
        packets = frame.packets
        key = (packets.source[frame.row], source, packets.destination[frame.row], destination)
        number: cython.longlong = _u32(frame.data, at) << 32 | _u32(frame.data, at + 4)
        before = self.candidates.get(key)
        if before is None and len(self.candidates) >= self.limit:
            self.candidates.clear()
        times: cython.int = 0
        if before is not None:
            last: cython.longlong = before[0]
            if 0 < number - last <= 16:
                times = before[1] + 1
        self.candidates[key] = (number, times)
        return times >= 3


@cython.cfunc
def _wireguard(frame: Frame, at: cython.Py_ssize_t, length: cython.Py_ssize_t) -> cython.bint:
    """WireGuard: type, three zero bytes; the handshake's messages have one length each, data a counter that is never high."""
    kind: cython.int = frame.data[at]
    if frame.data[at + 1] != 0 or frame.data[at + 2] != 0 or frame.data[at + 3] != 0:
        return False
    if kind == 1:
        return length == 148
    if kind == 2:
        return length == 92
    if kind == 3:
        return length == 64
    return (frame.end - at >= 16 and length >= 32 and length % 16 == 0 and _u32(frame.data, at + 4) != 0
            and frame.data[at + 13] == 0 and frame.data[at + 14] == 0 and frame.data[at + 15] == 0)


@cython.cfunc
def _quic(frame: Frame, at: cython.Py_ssize_t) -> cython.bint:
    """A long header of QUIC version 1 (RFC 9000), 2 (RFC 9369) or a draft."""
    version: cython.longlong = _u32(frame.data, at + 1)
    length: cython.Py_ssize_t = frame.data[at + 5]
    if version != 1 and version >> 8 != 0xFF0000 and not (version >> 16 == 0x6B33 and version & 0xFFFF == 0x43CF):
        return False
    return length <= 20 and frame.end - at >= 7 + length and frame.data[at + 6 + length] <= 20


@cython.cfunc
def _isakmp(frame: Frame, at: cython.Py_ssize_t, length: cython.Py_ssize_t) -> cython.bint:
    """IKE (RFC 7296 section 3.1, RFC 2408 section 3.1)."""
    version: cython.int = frame.data[at + 17]
    exchange: cython.int = frame.data[at + 18]
    if version == 0x20:
        if exchange < 34 or exchange > 45:
            return False
    elif version != 0x10 or not (1 <= exchange <= 6 or 32 <= exchange <= 33):
        return False
    return _u32(frame.data, at + 24) == length and (_u32(frame.data, at) != 0 or _u32(frame.data, at + 4) != 0)


@cython.cfunc
def _openvpn_reset(frame: Frame, at: cython.Py_ssize_t, here: cython.Py_ssize_t, first: cython.int) -> cython.bint:
    """The first message of an OpenVPN session in either direction: bare, with an HMAC, or encrypted under a static or a client's key."""
    if first == 0x50:
        return here > 54 and (_u32(frame.data, at + 9) == 1 or _u32(frame.data, at + 9) == 0x0F000001)
    if here == 14 or (here == 26 and first == 0x40):
        return _u32(frame.data, at + 10) == 0 and frame.data[at + 9] == (1 if here == 26 else 0)
    if here >= 54 and (_u32(frame.data, at + 9) == 1 or _u32(frame.data, at + 9) == 0x0F000001):
        return True
    digest: cython.int
    for digest in range(16, 68, 4):  # MD5 16, SHA-1 20, SHA-256 32, SHA-512 64
        if here >= 9 + digest + 13 and _u32(frame.data, at + 9 + digest) == 1 and (
                (first == 0x38 and here == 9 + digest + 13 and frame.data[at + 17 + digest] == 0 and _u32(frame.data, at + 18 + digest) == 0)
                or (first == 0x40 and frame.data[at + 17 + digest] == 1 and here == 9 + digest + 25)):
            return True
    return False


@cython.cfunc
def _ones(frame: Frame, at: cython.Py_ssize_t, length: cython.int) -> cython.bint:
    """Whether the checksum of the IPv4 header at `at` is right."""
    total: cython.long = 0
    i: cython.Py_ssize_t
    for i in range(0, length, 2):
        total += _u16(frame.data, at + i)
    return total % 0xFFFF == 0 and total != 0


def ip_inside(frame: Frame, at: cython.Py_ssize_t) -> cython.bint:
    """Whether an IP packet begins within the first bytes of the payload at `at` and ends with it."""
    end: cython.Py_ssize_t = frame.end
    last: cython.Py_ssize_t = min(at + _SEARCHED, end - 20)
    first: cython.int
    length: cython.int
    while at <= last:
        first = frame.data[at]
        if first >> 4 == 4 and first & 15 >= 5:
            length = (first & 15) * 4
            if at + _u16(frame.data, at + 2) == frame.wire_end and end - at >= length and _ones(frame, at, length):
                return True
        elif (first >> 4 == 6 and end - at >= 40 and at + 40 + _u16(frame.data, at + 4) == frame.wire_end and frame.data[at + 1] & 15 == 0
                and (frame.data[at + 6] in {0, 4, 6, 17, 41, 43, 44, 58}) and frame.data[at + 7] > 0
                and (frame.data[at + 8] in {32, 36, 38, 42, 252, 253, 254})):  # global, unique local and link-local addresses
            return True
        at += 1
    return False


def echo(frame: Frame, at: cython.Py_ssize_t) -> cython.int:
    """The payload of an ICMP echo request or reply."""
    if ip_inside(frame, at):
        frame.unread[_IP_IN_ICMP] += 1
    return 0
