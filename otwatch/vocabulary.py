"""Numbers that stand in table columns, by name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final

TRANSPORTS: Final = {1: "icmp", 2: "igmp", 6: "tcp", 17: "udp", 47: "gre", 50: "esp", 58: "icmpv6", 132: "sctp"}  # by IP protocol number


class PacketFlag(IntFlag):
    """Bits of packets.flags."""

    SNAPPED = 1  # cut by the capture's snap length
    DUPLICATE = 2  # the tap delivered the same packet before
    FRAGMENT = 4  # an IP fragment whose datagram is not complete with it
    REASSEMBLED = 8  # the last fragment: its payload is the whole datagram, in side
    MALFORMED = 16  # decoding stopped before its end; a row in anomalies says why
    UNDECODED = 32  # a link type or an EtherType that is not decoded
    OTHER_READING = 64  # no packet of the capture: the datagram once more, as its contradicting fragments may be read, too


class Tunnel(IntEnum):
    """Encapsulations unwrapped on the way to the innermost packet."""

    NONE = 0
    GRE = 1
    ERSPAN_I = 2
    ERSPAN_II = 3
    ERSPAN_III = 4
    VXLAN = 5
    GENEVE = 6
    MPLS = 7
    PPPOE = 8
    IP_IN_IP = 9
    PBB = 10
    NSH = 11
    GTP_U = 12
    L2TP = 13
    TZSP = 14
    ETHERIP = 15
    EOIP = 16
    TEREDO = 17
    TRILL = 18
    FABRICPATH = 19


class DirectionHow(IntEnum):
    """How client and server of a flow were told apart, weakest first."""

    FIRST_SENDER = 0
    PORT = 1
    CONTENT = 2
    HANDSHAKE = 3


class Sealed(IntEnum):
    """What a TCP connection of no known protocol begins with that can carry other traffic."""

    NO = 0
    TLS = 1
    SSH = 2
    OPENVPN = 3


class ProtocolHow(IntEnum):
    """How sure the protocol of a flow is."""

    NONE = 0
    PORT = 1  # by its port, no PDU seen yet
    CONTENT = 2  # at least one well-formed PDU
    DETACHED = 3  # was attached, then broke the protocol too often


class FlowEvent(IntEnum):
    """Kinds of flow_events."""

    OPENED = 1  # first packet
    ANSWERED = 2  # first packet of the other side that is not a reset
    IDENTIFIED = 3  # first well-formed PDU of its protocol
    DETACHED = 4
    CLOSED = 5  # FIN both ways, reset, idle, evicted or end of capture: the slot's row is final


class PduFlag(IntFlag):
    """Bits of pdus.flags."""

    AFTER_GAP = 1  # stream bytes are missing before it
    CONFLICT = 2  # from a retransmission, or a fragment, that carries other bytes than the copy read first
    RESYNCHRONISED = 4  # found by searching after wrong bytes
    DATAGRAM = 8  # from UDP
    UNHEARD = 32  # requests that this may answer were not captured: its segment acknowledges bytes that were not, or its stream was picked up midway
    CUT = 16  # the rest of it was never captured (snap length, gap or end): end is where the bytes end
    FRAME = 128  # a frame of the link layer: source and destination are MACs, padding and trailers are among its bytes
    GROUP = 256  # a frame to a broadcast or multicast MAC
    ENDED = 64  # no PDU: the flow is over, told where a framing asks for it (Framing.tells_end)


class Layer(IntEnum):
    """Layers of anomalies below the application protocols."""

    CAPTURE = 1
    LINK = 2
    NETWORK = 3
    TRANSPORT = 4
    STREAM = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class AnomalyKind:
    """One kind of the closed list of a layer or protocol."""

    code: int
    name: str  # kebab-case
    doc: str  # one sentence
    clause: str  # standard and clause, empty below the application
    hides: bool = False  # after it a part of a message, or of a stream of messages, was not decoded: the result is not whole


FIRST_PROTOCOL_LAYER = 32  # anomalies.layer of protocol p is FIRST_PROTOCOL_LAYER + p
