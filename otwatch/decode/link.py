# cython: boundscheck=True, wraparound=False, cdivision=True
"""Link layers: from the first byte of a frame to an EtherType. Knows nothing of what the EtherType means."""

from __future__ import annotations

import cython

from otwatch.decode.anomalies import LinkAnomaly
from otwatch.decode.frame import ETHERNET, Frame
from otwatch.decode.unread import Unread
from otwatch.vocabulary import Layer

_LINK = cython.declare(cython.int, Layer.LINK)
_HEADER_CUT = cython.declare(cython.int, LinkAnomaly.HEADER_CUT)
_LENGTH_EXCEEDS_FRAME = cython.declare(cython.int, LinkAnomaly.LENGTH_EXCEEDS_FRAME)
_BAD_HEADER = cython.declare(cython.int, LinkAnomaly.BAD_HEADER)
_ETHERNET = cython.declare(cython.int, ETHERNET)
_MACSEC_ENCRYPTED = cython.declare(cython.int, Unread.MACSEC_ENCRYPTED)
_MACSEC_CHANGED = cython.declare(cython.int, Unread.MACSEC_CHANGED)
_ICV = cython.declare(cython.int, 16)  # bytes of the integrity check value with every cipher suite of the standard


@cython.cfunc
@cython.inline
def _u16(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.int:
    return data[at] << 8 | data[at + 1]


@cython.cfunc
@cython.inline
def _u48(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.longlong:
    high: cython.longlong = data[at] << 8 | data[at + 1]
    low: cython.longlong = data[at + 2] << 16 | data[at + 3] << 8 | data[at + 4]
    return high << 32 | low << 8 | data[at + 5]


def ethernet(frame: Frame) -> cython.int:
    """Ethernet II or 802.3 at `at`, and every tag after it."""
    packets = frame.packets
    row: cython.Py_ssize_t = frame.row
    at: cython.Py_ssize_t = frame.at
    end: cython.Py_ssize_t = frame.end
    if end - at < 14:
        return frame.lacks(_LINK, _HEADER_CUT, at, 14)
    packets.mac_destination[row] = _u48(frame.data, at)
    packets.mac_source[row] = _u48(frame.data, at + 6)
    frame.next = _u16(frame.data, at + 12)
    frame.at = at + 14
    tags: cython.int = 0
    if frame.depth == 0 and packets.vlan_stripped[row] >= 0:
        packets.vlan_outer[row] = packets.vlan_stripped[row] & 0xFFF
        packets.vlan_count[row] = 1
        tags = 1
    tagged(frame, tags)
    if 0 <= frame.next < 0x0600:
        return _length(frame, frame.next)
    return 0


def tagged(frame: Frame, tags: cython.int) -> cython.int:
    """What stands between an EtherType and the one that it leads to: VLAN tags, of which there were `tags` so far, and other shims."""
    packets = frame.packets
    row: cython.Py_ssize_t = frame.row
    at: cython.Py_ssize_t
    length: cython.int
    while frame.next in {33024, 34984, 37120, 37376, 37632, 35119, 61889, 35110, 35135, 35081, 35045}:
        at = frame.at
        if frame.next == 0x88E5:
            if not _macsec(frame):
                return 0
            continue
        if frame.next in {35119, 61889, 35110}:  # HSR (IEC 62439-3), R-TAG (IEEE 802.1CB), VN-Tag (Cisco): four bytes, then the EtherType
            length = 6
        elif frame.next == 0x893F:  # E-TAG (IEEE 802.1BR)
            length = 8
        elif frame.next == 0x8909:  # Cisco metadata: version, words of options, the options
            if frame.end - at < 2:
                return frame.lacks(_LINK, _HEADER_CUT, at, 8)
            if frame.data[at] != 1 or frame.data[at + 1] == 0:
                return frame.fail(_LINK, _BAD_HEADER, 0, 0x0101, _u16(frame.data, at))
            length = 4 + 4 * frame.data[at + 1]
        else:
            if frame.end - at < 4:
                return frame.lacks(_LINK, _HEADER_CUT, at, 4)
            if tags == 0:
                packets.vlan_outer[row] = _u16(frame.data, at) & 0xFFF
                packets.vlan_inner[row] = -1
            elif tags == 1:
                packets.vlan_inner[row] = _u16(frame.data, at) & 0xFFF
            tags += 1
            packets.vlan_count[row] = tags if tags < 255 else 255
            length = 4
        if frame.end - at < length:
            return frame.lacks(_LINK, _HEADER_CUT, at, length)
        frame.next = _u16(frame.data, at + length - 2)
        frame.at = at + length
    return 0


@cython.cfunc
def _macsec(frame: Frame) -> cython.int:
    """The security tag of MACsec (IEEE 802.1AE clause 9). 1: the user data are in the clear, and end before the integrity check value."""
    at: cython.Py_ssize_t = frame.at
    if frame.end - at < 2:
        frame.lacks(_LINK, _HEADER_CUT, at, 6)
        return 0
    control: cython.int = frame.data[at]
    short: cython.int = frame.data[at + 1]
    length: cython.int = 14 if control & 0x20 else 6
    if frame.end - at < length + 2:
        frame.lacks(_LINK, _HEADER_CUT, at, length + 2)
        return 0
    if control & 0x80 or short > 63:
        frame.fail(_LINK, _BAD_HEADER, 0, 0, _u16(frame.data, at))
        return 0
    if control & 0x0C:
        frame.unread[_MACSEC_ENCRYPTED if control & 0x08 else _MACSEC_CHANGED] += 1
        frame.undecoded(0x88E5)
        return 0
    at += length
    if short > 0 and at + short <= frame.wire_end:
        frame.bound(at + short)
    elif short > 0:
        frame.note(_LINK, _LENGTH_EXCEEDS_FRAME, 1, short, frame.wire_end - at)
    elif not frame.open_ended:
        if frame.wire_end - at < _ICV + 2:
            frame.fail(_LINK, _HEADER_CUT, frame.wire_end - frame.at, length + 2 + _ICV, frame.wire_end - frame.at)
            return 0
        frame.bound(frame.wire_end - _ICV)
    if frame.end - at < 2:
        frame.lacks(_LINK, _HEADER_CUT, frame.at, length + 2)
        return 0
    frame.next = _u16(frame.data, at)
    frame.at = at + 2
    return 1


@cython.cfunc
def _length(frame: Frame, length: cython.int) -> cython.int:
    """802.3: the field after the addresses is a length."""
    if length > 1500:
        return frame.undecoded(length)
    if frame.at + length > frame.wire_end:
        frame.note(_LINK, _LENGTH_EXCEEDS_FRAME, 12, length, frame.wire_end - frame.at)
    else:
        frame.bound(frame.at + length)
    return _llc(frame)


@cython.cfunc
def _llc(frame: Frame) -> cython.int:
    """IEEE 802.2 LLC, with SNAP where it names an EtherType."""
    at: cython.Py_ssize_t = frame.at
    if frame.end - at < 3:
        return frame.lacks(_LINK, _HEADER_CUT, at, 3)
    pair: cython.int = _u16(frame.data, at)
    if pair == 0xAAAA and frame.data[at + 2] == 3:
        if frame.end - at < 8:
            return frame.lacks(_LINK, _HEADER_CUT, at, 8)
        frame.at = at + 8
        oui: cython.int = _u16(frame.data, at + 3) << 8 | frame.data[at + 5]
        if oui in {0, 248}:  # RFC 1042; IEEE 802.1H
            frame.next = _u16(frame.data, at + 6)
            return 0
        frame.snap = oui
        frame.snap = frame.snap << 16 | _u16(frame.data, at + 6)
        return frame.undecoded(-pair - 2)
    if pair == 0x0606:  # IP straight over LLC
        frame.at = at + 3
        frame.next = 0x0800
        return 0
    if pair != 0xFFFF:  # Novell's raw 802.3 has no LLC header
        frame.at = at + 3
    return frame.undecoded(-pair - 2)


@cython.cfunc
def _cooked(frame: Frame, kind: cython.int, mac_length: cython.int, mac_at: cython.Py_ssize_t, after: cython.Py_ssize_t) -> cython.int:
    """What both Linux cooked headers have in common."""
    if mac_length == 6:
        frame.packets.mac_source[frame.row] = _u48(frame.data, mac_at)
    if frame.packets.vlan_stripped[frame.row] >= 0:
        frame.packets.vlan_outer[frame.row] = frame.packets.vlan_stripped[frame.row] & 0xFFF
        frame.packets.vlan_count[frame.row] = 1
    tags: cython.int = frame.packets.vlan_count[frame.row]
    frame.at = after
    frame.next = kind
    if kind == 0x0004:  # 802.2 LLC
        return _llc(frame)
    return tagged(frame, tags)


def ppp(frame: Frame) -> cython.int:
    """PPP at `at`, with or without address and control bytes, the protocol field in one or two bytes (RFC 1661, 1662)."""
    at: cython.Py_ssize_t = frame.at
    if frame.end - at >= 2 and frame.data[at] == 0xFF and frame.data[at + 1] == 0x03:
        at += 2
    if frame.end - at < 1:
        return frame.lacks(_LINK, _HEADER_CUT, at, 2)
    protocol: cython.int = frame.data[at]
    if protocol & 1:
        at += 1
    elif frame.end - at < 2:
        return frame.lacks(_LINK, _HEADER_CUT, at, 2)
    else:
        protocol = _u16(frame.data, at)
        at += 2
    frame.at = at
    if protocol == 0x0021:
        frame.next = 0x0800
    elif protocol == 0x0057:
        frame.next = 0x86DD
    elif protocol == 0x0281:
        frame.next = 0x8847
    elif protocol == 0x0283:
        frame.next = 0x8848
    else:
        frame.ppp = protocol
        return frame.undecoded(0x880B)  # link control and the like
    return 0


@cython.cfunc
def _by_version(frame: Frame) -> cython.int:
    """An IP packet without a link header."""
    if frame.end - frame.at < 1:
        return frame.lacks(_LINK, _HEADER_CUT, frame.at, 1)
    version: cython.int = frame.data[frame.at] >> 4
    if version == 4:
        frame.next = 0x0800
    elif version == 6:
        frame.next = 0x86DD
    else:
        return frame.fail(_LINK, _BAD_HEADER, 0, 4, version)
    return 0


@cython.cfunc
def _family(frame: Frame, family: cython.uint) -> cython.int:
    """BSD address families: AF_INET is 2 everywhere, AF_INET6 differs by system."""
    if family == 2:
        frame.next = 0x0800
    elif family in {10, 24, 28, 30}:
        frame.next = 0x86DD
    else:
        return frame.undecoded(-1)
    return 0


@cython.cfunc
def _nflog(frame: Frame) -> cython.int:
    """Linux netfilter log: a header, then attributes in the byte order of the machine that captured; one of them is the packet."""
    at: cython.Py_ssize_t = frame.at
    if frame.end - at < 4:
        return frame.lacks(_LINK, _HEADER_CUT, at, 4)
    family: cython.int = frame.data[at]
    length: cython.int
    kind: cython.int
    at += 4
    while True:
        if frame.end - at < 4:
            return frame.lacks(_LINK, _HEADER_CUT, at, 4)
        if frame.data[at + 2] == 0 and frame.data[at + 3] != 0:  # there are no more than a few dozen types
            length = _u16(frame.data, at)
            kind = frame.data[at + 3]
        else:
            length = frame.data[at + 1] << 8 | frame.data[at]
            kind = frame.data[at + 3] << 8 | frame.data[at + 2]
        if length < 4:
            return frame.fail(_LINK, _BAD_HEADER, 0, 4, length)
        if kind == 9:
            break
        length = (length + 3) & ~3
        if frame.end - at < length:
            return frame.lacks(_LINK, _HEADER_CUT, at, length)
        at += length
    if at + length > frame.wire_end:
        frame.note(_LINK, _LENGTH_EXCEEDS_FRAME, 0, length, frame.wire_end - at)
    else:
        frame.bound(at + length)
    frame.at = at + 4
    return _family(frame, family)


def link(frame: Frame, link_type: cython.int) -> cython.int:
    """The header of a link type (LINKTYPE_ values of the tcpdump.org registry)."""
    at: cython.Py_ssize_t = frame.at
    here: cython.Py_ssize_t = frame.end - at
    family: cython.uint
    if link_type == 1:
        return ethernet(frame)
    if link_type == 113:  # Linux cooked
        if here < 16:
            return frame.lacks(_LINK, _HEADER_CUT, at, 16)
        return _cooked(frame, _u16(frame.data, at + 14), _u16(frame.data, at + 4), at + 6, at + 16)
    if link_type == 276:  # Linux cooked, version 2
        if here < 20:
            return frame.lacks(_LINK, _HEADER_CUT, at, 20)
        return _cooked(frame, _u16(frame.data, at), frame.data[at + 11], at + 12, at + 20)
    if link_type in {0, 108}:  # BSD loopback: family in the byte order of the machine that captured, or big-endian
        if here < 4:
            return frame.lacks(_LINK, _HEADER_CUT, at, 4)
        frame.at = at + 4
        family = _u16(frame.data, at) << 16 | _u16(frame.data, at + 2)
        if family > 0xFFFF:
            family = frame.data[at + 1] << 8 | frame.data[at]
        return _family(frame, family)
    if link_type in {12, 14, 101}:
        return _by_version(frame)
    if link_type == 228:
        frame.next = 0x0800
        return 0
    if link_type == 229:
        frame.next = 0x86DD
        return 0
    if link_type in {9, 50, 104, 166}:
        if here >= 4 and (frame.data[at] == 0x0F or frame.data[at] == 0x8F) and link_type != 9:  # Cisco HDLC
            frame.at = at + 4
            frame.next = _u16(frame.data, at + 2)
            return 0
        if link_type == 166 and here >= 2 and frame.data[at] <= 1 and frame.data[at + 1] == 0x03:  # pppd: direction instead of 0xFF
            frame.at = at + 2
        return ppp(frame)
    if link_type == 51:
        frame.next = 0x8864
        return 0
    if link_type == 239:
        return _nflog(frame)
    if link_type == 240:  # Hilscher netANALYZER: four bytes before the frame
        if here < 4:
            return frame.lacks(_LINK, _HEADER_CUT, at, 4)
        frame.at = at + 4
        frame.next = _ETHERNET
        return 0
    return frame.undecoded(-1)
