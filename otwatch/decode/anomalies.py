"""What can be wrong below the application: closed lists of kinds for the layers LINK, NETWORK and TRANSPORT.

Bytes that the capture's snap length cut off are no anomaly.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from otwatch.vocabulary import AnomalyKind, Layer


class LinkAnomaly(IntEnum):
    """Kinds of Layer.LINK."""

    HEADER_CUT = 1
    LENGTH_EXCEEDS_FRAME = 2
    BAD_HEADER = 3


class NetworkAnomaly(IntEnum):
    """Kinds of Layer.NETWORK."""

    HEADER_CUT = 1
    BAD_VERSION = 2
    BAD_HEADER_LENGTH = 3
    LENGTH_SHORT = 4
    LENGTH_EXCEEDS_FRAME = 5
    SOURCE_ROUTE = 6
    BAD_OPTION = 7
    FRAGMENT_OVERLAP = 8
    FRAGMENT_CONFLICT = 9
    FRAGMENT_TINY = 10
    FRAGMENT_LENGTH = 11
    FRAGMENT_BEYOND_END = 12
    FRAGMENT_TIMEOUT = 13
    FRAGMENT_EVICTED = 14
    TUNNEL_HEADER_CUT = 15
    TUNNEL_BAD_HEADER = 16
    TUNNEL_TOO_DEEP = 17
    ARP_BAD = 18
    EXTENSIONS_TOO_MANY = 19
    ADDRESS_CONFLICT = 20
    FRAGMENT_MISSING = 21
    OTHER_CARD = 22


class TransportAnomaly(IntEnum):
    """Kinds of Layer.TRANSPORT."""

    HEADER_CUT = 1
    BAD_HEADER_LENGTH = 2
    LENGTH_SHORT = 3
    LENGTH_EXCEEDS_DATAGRAM = 4


def _kind(code: IntEnum, doc: str, clause: str, *, hides: bool = False) -> AnomalyKind:
    return AnomalyKind(code=int(code), name=code.name.lower().replace("_", "-"), doc=doc, clause=clause, hides=hides)


ANOMALIES: Final[dict[Layer, tuple[AnomalyKind, ...]]] = {
    Layer.LINK: (
        _kind(LinkAnomaly.HEADER_CUT, "The frame ends inside its link-layer header.", "IEEE 802.3 clause 3.1", hides=True),
        _kind(LinkAnomaly.LENGTH_EXCEEDS_FRAME, "The length field of an 802.3 or PPPoE header says more than the frame holds.",
              "IEEE 802.3 clause 3.2.6; RFC 2516 section 4"),
        _kind(LinkAnomaly.BAD_HEADER, "A link-layer header holds a value that the link type does not have.", "tcpdump.org link types", hides=True),
    ),
    Layer.NETWORK: (
        _kind(NetworkAnomaly.HEADER_CUT, "The frame ends inside an IP, IPv6 extension or ARP header.",
              "RFC 791 section 3.1; RFC 8200 section 3", hides=True),
        _kind(NetworkAnomaly.BAD_VERSION, "The IP version does not fit the EtherType.", "RFC 791 section 3.1", hides=True),
        _kind(NetworkAnomaly.BAD_HEADER_LENGTH, "The IPv4 header length is under 20 bytes.", "RFC 791 section 3.1", hides=True),
        _kind(NetworkAnomaly.LENGTH_SHORT, "The total length is shorter than the header.", "RFC 791 section 3.1", hides=True),
        _kind(NetworkAnomaly.LENGTH_EXCEEDS_FRAME, "The datagram says that it is longer than the frame that carries it.", "RFC 791 section 3.1"),
        _kind(NetworkAnomaly.SOURCE_ROUTE, "The sender chooses the route (loose or strict source route, IPv6 routing header type 0).",
              "RFC 791 section 3.1; RFC 5095"),
        _kind(NetworkAnomaly.BAD_OPTION, "An IPv4 option has no possible length.", "RFC 791 section 3.1"),
        _kind(NetworkAnomaly.FRAGMENT_OVERLAP, "A fragment repeats bytes of another, with the same content.", "RFC 1858; RFC 5722"),
        _kind(NetworkAnomaly.FRAGMENT_CONFLICT, "A fragment repeats bytes of another with other content: the datagram is read each way.",
              "RFC 1858; RFC 5722"),
        _kind(NetworkAnomaly.FRAGMENT_TINY, "A fragment cuts the transport header apart.", "RFC 1858 section 3"),
        _kind(NetworkAnomaly.FRAGMENT_LENGTH, "A fragment that is not the last is no multiple of eight bytes long, or empty.", "RFC 791 section 3.2"),
        _kind(NetworkAnomaly.FRAGMENT_BEYOND_END, "A fragment reaches beyond 65535 bytes or beyond the last fragment.", "RFC 791 section 3.2"),
        _kind(NetworkAnomaly.FRAGMENT_TIMEOUT, "A datagram's missing fragments did not come within two minutes.",
              "RFC 1122 section 3.3.2", hides=True),
        _kind(NetworkAnomaly.FRAGMENT_EVICTED, "An incomplete datagram had to make room for newer ones.", "", hides=True),
        _kind(NetworkAnomaly.TUNNEL_HEADER_CUT, "The packet ends inside an encapsulation header.",
              "RFC 2784; RFC 7348; RFC 8926; RFC 3032", hides=True),
        _kind(NetworkAnomaly.TUNNEL_BAD_HEADER, "An encapsulation header holds values that its protocol does not have.",
              "RFC 2784; RFC 3032", hides=True),
        _kind(NetworkAnomaly.TUNNEL_TOO_DEEP, "More layers of encapsulation than are unwrapped.", "", hides=True),
        _kind(NetworkAnomaly.ARP_BAD, "An ARP packet whose operation is 0 or whose hardware or protocol addresses have no possible length.",
              "RFC 826"),
        _kind(NetworkAnomaly.EXTENSIONS_TOO_MANY, "More IPv6 extension headers than a host has to accept.", "RFC 8504 section 5.3", hides=True),
        _kind(NetworkAnomaly.ADDRESS_CONFLICT,
              "ARP says another MAC for an IP address than it said within ten minutes: MAC known (as a number), MAC said now.",
              "RFC 826, RFC 5227 section 2.4"),
        _kind(NetworkAnomaly.FRAGMENT_MISSING, "The capture ended while a datagram's fragments were missing.", "RFC 791 section 3.2", hides=True),
        _kind(NetworkAnomaly.OTHER_CARD,
              "An address sends messages of an OT protocol from another network card than it had within ten minutes: MAC known (as a "
              "number), MAC now.",
              "RFC 5227 section 2.4"),
    ),
    Layer.TRANSPORT: (
        _kind(TransportAnomaly.HEADER_CUT, "The datagram ends inside its TCP, UDP or ICMP header.",
              "RFC 9293 section 3.1; RFC 768; RFC 792", hides=True),
        _kind(TransportAnomaly.BAD_HEADER_LENGTH, "The TCP data offset is under 20 bytes.", "RFC 9293 section 3.1", hides=True),
        _kind(TransportAnomaly.LENGTH_SHORT, "The UDP length is under 8 bytes.", "RFC 768", hides=True),
        _kind(TransportAnomaly.LENGTH_EXCEEDS_DATAGRAM, "The UDP length says more than the IP datagram holds.", "RFC 768"),
    ),
}
