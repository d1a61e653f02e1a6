"""Names of what is not read below the application, and whether it can carry other traffic: then what it carries was not seen.

Control traffic of the network itself (spanning tree, routing, discovery, key exchange) carries nobody's messages; a result without it is whole.
An EtherType, an IP protocol or an LLC service that nobody here knows may carry anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Unread(IntEnum):
    """What content, not a number in the header before it, shows: the index of Frame.unread."""

    MACSEC_ENCRYPTED = 0
    MACSEC_CHANGED = 1
    L2TPV3 = 2
    L2TPV3_GUESSED = 3
    GTP_U = 4
    TZSP = 5
    WIREGUARD = 6
    OPENVPN = 7
    IKE = 8
    ESP_IN_UDP = 9
    DTLS = 10
    QUIC = 11
    IP_IN_DATAGRAM = 12
    IP_IN_ICMP = 13
    ETHERIP = 14
    TUNNEL_CONTROL = 15
    FLOWS_OVER_LIMIT = 16
    IP_IN_CONTROL = 17


@dataclass(frozen=True, slots=True)
class Name:
    """How something unread is called. `carries`: other traffic may be inside."""

    name: str
    carries: bool = True


CONTENT: Final[dict[Unread, Name]] = {
    Unread.MACSEC_ENCRYPTED: Name("MACsec (encrypted)"),
    Unread.MACSEC_CHANGED: Name("MACsec (user data changed by the cipher)"),
    Unread.L2TPV3: Name("L2TPv3"),
    Unread.L2TPV3_GUESSED: Name("L2TPv3 whose cookie length was found by trying", carries=False),
    Unread.GTP_U: Name("GTP-U without an IP packet or an Ethernet frame inside"),
    Unread.TZSP: Name("TZSP with radio frames"),
    Unread.WIREGUARD: Name("WireGuard"),
    Unread.OPENVPN: Name("OpenVPN"),
    Unread.IKE: Name("IKE", carries=False),
    Unread.ESP_IN_UDP: Name("IPsec ESP in UDP"),
    Unread.DTLS: Name("DTLS"),
    Unread.QUIC: Name("QUIC"),
    Unread.IP_IN_DATAGRAM: Name("an unknown encapsulation of IP in UDP"),
    Unread.IP_IN_ICMP: Name("IP inside ICMP echo"),
    Unread.ETHERIP: Name("EtherIP of an unknown version"),
    Unread.TUNNEL_CONTROL: Name("control messages of L2TP, GTP-U or TZSP", carries=False),
    Unread.FLOWS_OVER_LIMIT: Name("encrypted tunnels beyond the limit of those that are followed"),
    Unread.IP_IN_CONTROL: Name("IP inside what its number says is control traffic"),
}

_CONTROL = False
ETHERTYPES: Final[dict[int, Name]] = {
    0x0806: Name("ARP", _CONTROL),
    0x8035: Name("RARP", _CONTROL),
    0x0842: Name("Wake-on-LAN", _CONTROL),
    0x0BAD: Name("Banyan VINES"),
    0x22E7: Name("IEEE 802.1Qau congestion notification", _CONTROL),
    0x22EA: Name("SRP", _CONTROL),
    0x22F0: Name("AVTP"),
    0x22F4: Name("TRILL IS-IS", _CONTROL),
    0x6001: Name("DEC MOP", _CONTROL),
    0x6002: Name("DEC MOP", _CONTROL),
    0x6003: Name("DECnet"),
    0x6558: Name("transparent Ethernet bridging"),
    0x809B: Name("AppleTalk"),
    0x80E1: Name("DLR", _CONTROL),
    0x80F3: Name("AARP", _CONTROL),
    0x8100: Name("a VLAN tag that is cut"),
    0x8137: Name("IPX"),
    0x8138: Name("IPX"),
    0x8808: Name("Ethernet flow control", _CONTROL),
    0x8809: Name("slow protocols (LACP, OAM)", _CONTROL),
    0x880B: Name("PPP control", _CONTROL),
    0x8847: Name("MPLS maintenance", _CONTROL),
    0x8863: Name("PPPoE discovery", _CONTROL),
    0x8874: Name("Broadcom loop detection", _CONTROL),
    0x887B: Name("HomePlug", _CONTROL),
    0x888E: Name("EAPOL", _CONTROL),
    0x8892: Name("PROFINET"),
    0x8899: Name("Realtek loop detection", _CONTROL),
    0x88A2: Name("ATA over Ethernet"),
    0x88A4: Name("EtherCAT"),
    0x88AB: Name("POWERLINK"),
    0x88B8: Name("GOOSE"),
    0x88B9: Name("GSE management"),
    0x88BA: Name("Sampled Values"),
    0x88BF: Name("MikroTik RoMON"),
    0x88C7: Name("802.11 pre-authentication", _CONTROL),
    0x88CC: Name("LLDP", _CONTROL),
    0x88CD: Name("SERCOS III"),
    0x88DC: Name("WSMP"),
    0x88E1: Name("HomePlug AV management", _CONTROL),
    0x88E3: Name("MRP", _CONTROL),
    0x88F5: Name("MVRP", _CONTROL),
    0x88F6: Name("MMRP", _CONTROL),
    0x88F7: Name("PTP", _CONTROL),
    0x88FB: Name("PRP supervision", _CONTROL),
    0x8902: Name("CFM", _CONTROL),
    0x8906: Name("FCoE"),
    0x890D: Name("802.11 data encapsulation"),
    0x8914: Name("FCoE initialisation", _CONTROL),
    0x8915: Name("RoCE"),
    0x891D: Name("TTEthernet control", _CONTROL),
    0x892D: Name("Ethernet configuration testing (BACnet)", _CONTROL),
    0x893A: Name("IEEE 1905.1", _CONTROL),
    0x8940: Name("ECP", _CONTROL),
    0x8945: Name("IEEE 802.1Qbg", _CONTROL),
    0x8946: Name("TRILL channel", _CONTROL),
    0x9000: Name("loopback", _CONTROL),
    0x9003: Name("loopback", _CONTROL),
}
_MACSEC: Final = 0x88E5


def control(names: Mapping[int, Name], numbers: int) -> bytes:
    """1 for each number below `numbers` that is control traffic by name; only its content shows whether it is."""
    return bytes(number in names and not names[number].carries for number in range(numbers))


# OT protocols straight over Ethernet: what is not decoded of them is said where undecoded OT protocols are.
OT_ETHERTYPES: Final[dict[int, str]] = {
    0x8892: "profinet",
    0x88A4: "ethercat",
    0x88AB: "powerlink",
    0x88B8: "goose",
    0x88BA: "sampled-values",
    0x88CD: "sercos",
}

IP_PROTOCOLS: Final[dict[int, Name]] = {
    2: Name("IGMP", _CONTROL),
    3: Name("GGP", _CONTROL),
    8: Name("EGP", _CONTROL),
    9: Name("IGRP", _CONTROL),
    33: Name("DCCP"),
    46: Name("RSVP", _CONTROL),
    50: Name("IPsec ESP"),
    55: Name("minimal encapsulation (RFC 2004)"),
    59: Name("no next header", _CONTROL),
    88: Name("EIGRP", _CONTROL),
    89: Name("OSPF", _CONTROL),
    94: Name("IPIP"),
    97: Name("EtherIP"),
    98: Name("encapsulation header (RFC 1241)"),
    99: Name("private encryption"),
    103: Name("PIM", _CONTROL),
    108: Name("IPComp"),
    112: Name("VRRP", _CONTROL),
    113: Name("PGM"),
    115: Name("L2TPv3"),
    124: Name("IS-IS over IPv4", _CONTROL),
    132: Name("SCTP"),
    133: Name("Fibre Channel over IP"),
    135: Name("Mobile IPv6", _CONTROL),
    136: Name("UDP-Lite"),
    139: Name("HIP", _CONTROL),
    143: Name("Ethernet over SRv6"),
}

LLC: Final[dict[int, Name]] = {  # DSAP and SSAP
    0x4242: Name("spanning tree", _CONTROL),
    0xFEFE: Name("IS-IS and other OSI network protocols", _CONTROL),
    0xFFFF: Name("IPX"),
    0xE0E0: Name("IPX"),
    0xF0F0: Name("NetBIOS"),
    0xF0F1: Name("NetBIOS"),
    0xF4F4: Name("LAN network management", _CONTROL),
    0x0000: Name("LLC null", _CONTROL),
    0x0001: Name("LLC null", _CONTROL),
    0x0202: Name("LLC management", _CONTROL),
    0x8080: Name("XNS"),
    0x8282: Name("BACnet over Ethernet, an OT protocol that this version does not decode"),
}

_CISCO = 0x00000C_0000
SNAP: Final[dict[int, Name]] = {  # OUI and protocol
    _CISCO | 0x0102: Name("DRiP", _CONTROL),
    _CISCO | 0x0104: Name("PAgP", _CONTROL),
    _CISCO | 0x010B: Name("spanning tree (PVST+)", _CONTROL),
    _CISCO | 0x010C: Name("VLAN bridge", _CONTROL),
    _CISCO | 0x0111: Name("UDLD", _CONTROL),
    _CISCO | 0x0115: Name("HDLC keepalive", _CONTROL),
    _CISCO | 0x0132: Name("Flex Link", _CONTROL),
    _CISCO | 0x2000: Name("CDP", _CONTROL),
    _CISCO | 0x2001: Name("CGMP", _CONTROL),
    _CISCO | 0x2003: Name("VTP", _CONTROL),
    _CISCO | 0x2004: Name("DTP", _CONTROL),
    _CISCO | 0x200A: Name("spanning tree (uplink fast)", _CONTROL),
    0x001090_0001: Name("BACnet MS/TP, an OT protocol that this version does not decode"),
    0x00E02B_00BB: Name("EDP", _CONTROL),
    0x0080C2_000E: Name("spanning tree", _CONTROL),
    0x0080C2_0007: Name("bridged Ethernet"),
    0x0080C2_0001: Name("bridged Ethernet"),
    0x080007_809B: Name("AppleTalk"),
    0x000081_01A2: Name("Nortel discovery", _CONTROL),
    0x000081_01A1: Name("Nortel discovery", _CONTROL),
}

PPP: Final[dict[int, Name]] = {
    0x0031: Name("bridged Ethernet in PPP"),
    0x003D: Name("PPP multilink"),
    0x0053: Name("PPP encryption"),
    0x0055: Name("PPP encryption of one link"),
    0x00FB: Name("PPP compression of one link"),
    0x00FD: Name("PPP compression or encryption (MPPE)"),
}

LINK_TYPES: Final[dict[int, str]] = {
    7: "ARCNET",
    105: "802.11",
    107: "Frame Relay",
    119: "802.11 with Prism header",
    127: "802.11 with radiotap header",
    163: "802.11 with AVS header",
    165: "BACnet MS/TP",
    189: "USB",
    195: "802.15.4",
    201: "Bluetooth",
    220: "USB",
    227: "CAN",
    230: "802.15.4",
    249: "USB",
    251: "Bluetooth Low Energy",
    256: "Bluetooth Low Energy",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """Something unread, and how many packets of it there were."""

    name: str
    packets: int
    carries: bool


def seen(counters: Mapping[str, int]) -> list[Seen]:
    """What the counters of a decoder say was not read, by name, most packets first. OT protocols over Ethernet are left to their own place."""
    found: dict[tuple[str, bool], int] = {}
    for key, count in counters.items():
        name = _named(key)
        if name is not None and count:
            place = (name.name, name.carries)
            found[place] = found.get(place, 0) + count
    return [Seen(name, count, carries) for (name, carries), count in sorted(found.items(), key=lambda item: (-item[1], item[0]))]


def _named(key: str) -> Name | None:
    """What a counter counts, if it is something unread."""
    where, _, what = key.rpartition(".")
    if where == "not_read":
        return CONTENT[Unread[what.upper()]]
    if where not in _BY_COUNTER:
        return None
    if not what.lstrip("-").isdigit() and not what.startswith("0x"):
        return Name(f"more kinds of {_WORDS[where]} than are distinguished")
    number = int(what, 0)
    if where == "undecoded.ethertype" and (number in OT_ETHERTYPES or number == _MACSEC):  # MACsec is among what content shows
        return None
    if where == "undecoded.link_type":
        return Name(f"link type {number} ({LINK_TYPES[number]})" if number in LINK_TYPES else f"link type {number}")
    if where == "undecoded.ppp" and number >= 0x8000:
        return Name("PPP control", _CONTROL)
    known = _BY_COUNTER[where].get(number)
    if known is None:
        return Name(f"{_WORDS[where]} {number}" if where == "not_read.ip_protocol" else f"{_WORDS[where]} {what}")
    return known


_BY_COUNTER: Final[dict[str, Mapping[int, Name]]] = {
    "undecoded.ethertype": ETHERTYPES,
    "undecoded.llc": LLC,
    "undecoded.snap": SNAP,
    "undecoded.ppp": PPP,
    "undecoded.link_type": {},
    "not_read.ip_protocol": IP_PROTOCOLS,
}
_WORDS: Final = {
    "undecoded.ethertype": "unknown EtherType",
    "undecoded.llc": "unknown LLC service",
    "undecoded.snap": "unknown SNAP protocol",
    "undecoded.ppp": "PPP protocol",
    "undecoded.link_type": "link type",
    "not_read.ip_protocol": "unknown IP protocol",
}
