"""Encapsulations as scapy builds them, alone and in each other, whole and cut."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.contrib.erspan import ERSPAN_II, ERSPAN_III
from scapy.contrib.geneve import GENEVE
from scapy.contrib.gtp import GTP_U_Header
from scapy.contrib.macsec import MACsec
from scapy.contrib.mpls import MPLS
from scapy.contrib.nsh import NSH
from scapy.contrib.tzsp import TZSP, TZSPTagEnd
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, GRE, Dot1AD, Dot1AH, Dot1Q, Ether
from scapy.layers.l2tp import L2TP
from scapy.layers.ppp import PPP, PPPoE
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet
from scapy.packet import Raw as Octets

from otwatch.decode.anomalies import NetworkAnomaly
from otwatch.decode.unread import seen as named
from otwatch.limits import Limits
from otwatch.vocabulary import Layer, PacketFlag
from tests.decode.craft import MODBUS, Raw, decode, ether

INSIDE = Ether(src="00:1b:1b:00:00:01", dst="00:80:f4:00:00:02") / IP(src="192.168.1.5", dst="192.168.1.9") / TCP(
    sport=51200, dport=502, flags="PA", seq=7, ack=9) / Octets(MODBUS)


def outer(**more: object) -> Packet:
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="10.9.9.1", dst="10.9.9.2", **more)


def over_udp(port: int) -> Packet:
    return outer() / UDP(sport=40000, dport=port)


def after_macs(kind: int, header: bytes) -> Callable[[Packet], Packet]:
    """A header that stands behind the MACs, before the frame's own EtherType."""
    return lambda inner: Ether(bytes(inner)[:12] + struct.pack(">H", kind) + header + bytes(inner)[12:])


# Each takes an Ethernet frame and gives one; those marked `ip` carry only the IP packet in it.
WRAPPERS: dict[str, Callable[[Packet], Packet]] = {
    "vlan": lambda inner: Ether(bytes(inner)[:12] + b"\x81\0" + bytes(Dot1Q(vlan=7))[:2] + bytes(inner)[12:]),
    "qinq": lambda inner: Ether(bytes(inner)[:12] + b"\x88\xa8" + bytes(Dot1AD(vlan=8))[:2] + bytes(inner)[12:]),
    "vn-tag": after_macs(0x8926, bytes.fromhex("00010002")),
    "e-tag": after_macs(0x893F, bytes.fromhex("000000010000")),
    "metadata": after_macs(0x8909, bytes.fromhex("010100010064")),
    "macsec": lambda inner: Ether(bytes(inner)[:12] + b"\x88\xe5" + bytes(MACsec(type=0, SCI=bytes(8), SC=1, C=0, E=0, PN=5))[:14]
                                  + bytes(inner)[12:] + bytes(16)),
    "pbb": lambda inner: Ether(src="02:00:00:00:00:03", dst="02:00:00:00:00:04") / Dot1AH(isid=42) / inner,
    "gre": lambda inner: outer() / GRE(proto=0x6558, key_present=1, key=5) / inner,
    "erspan 2": lambda inner: outer() / GRE(seqnum_present=1, proto=0x88BE) / ERSPAN_II(session_id=3) / inner,
    "erspan 3": lambda inner: outer() / GRE(seqnum_present=1, proto=0x22EB) / ERSPAN_III(session_id=3) / inner,
    "nsh": lambda inner: Ether(src="02:00:00:00:00:05", dst="02:00:00:00:00:06") / NSH(nextproto=3, mdtype=1) / inner,
    "nsh in gre": lambda inner: outer() / GRE(proto=0x894F) / NSH(nextproto=3, mdtype=1) / inner,
    "vxlan": lambda inner: over_udp(4789) / VXLAN(vni=42) / inner,
    "geneve": lambda inner: over_udp(6081) / GENEVE(vni=42, proto=0x6558) / inner,
    "mpls": lambda inner: (Ether(src="02:00:00:00:00:07", dst="02:00:00:00:00:08", type=0x8847) / MPLS(label=42, s=1) / Octets(bytes(4)) / inner),
    "etherip": lambda inner: outer(proto=97) / Octets(b"\x30\0") / inner,
    "eoip": lambda inner: outer(proto=47) / Octets(bytes.fromhex("20016400") + struct.pack(">HH", len(inner), 0x0A00)) / inner,
    "tzsp": lambda inner: over_udp(37008) / TZSP() / TZSPTagEnd() / inner,
    "l2tpv3": lambda inner: outer(proto=115) / Octets(b"\0\0\0\x09") / inner,
    "gtp-u": lambda inner: over_udp(2152) / GTP_U_Header(teid=77, length=len(inner[1])) / inner[1],
    "l2tpv2": lambda inner: over_udp(1701) / L2TP(hdr=0, tunnel_id=1, session_id=2) / PPP(proto=0x21 if IP in inner else 0x57) / inner[1],
    "pppoe": lambda inner: Ether(src="02:00:00:00:00:09", dst="02:00:00:00:00:0a") / PPPoE(sessionid=4) / PPP(proto=0x21) / inner[1],
    "ip in ip": lambda inner: outer(proto=4) / inner[1],
    "teredo": lambda inner: over_udp(3544) / IPv6(src="2001::1", dst="2001::2", nh=4) / inner[1],
}
CARRY_IP = {"gtp-u", "l2tpv2", "pppoe", "ip in ip", "teredo"}  # only what has its IP header right behind the MACs can go in there
SHIMS = {"vlan", "qinq", "vn-tag", "e-tag", "metadata", "macsec"}
BRIDGED = SHIMS | {"pbb", "nsh", "mpls", "pppoe"}  # their frame has no IP header right behind the MACs


def seen(frame: Packet | bytes, limits: Limits | None = None):
    return decode([Raw(bytes(frame))], limits=limits)


def is_inside(row: dict[str, object]) -> bool:
    return (row["source"], row["destination"], row["source_port"], row["destination_port"], row["payload"]) == (
        "192.168.1.5", "192.168.1.9", 51200, 502, MODBUS)


@pytest.mark.parametrize("name", WRAPPERS)
def test_each_is_read(name: str) -> None:
    decoded = seen(WRAPPERS[name](INSIDE))
    assert is_inside(decoded.rows[0])
    assert decoded.anomalies == [[]]
    assert not decoded.rows[0]["flags"] & (PacketFlag.MALFORMED | PacketFlag.UNDECODED)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(sorted(WRAPPERS)), max_size=8))
def test_any_nesting_is_read_up_to_the_limit(names: list[str]) -> None:
    frame, below, depth = INSIDE, "", 0
    for name in names:
        if name in CARRY_IP and below in BRIDGED:
            continue
        frame = WRAPPERS[name](Ether(bytes(frame)))
        depth += 0 if name in SHIMS else 2 if name in {"nsh in gre", "teredo"} else 1
        below = name
    decoded = seen(frame)
    if depth <= Limits().tunnel_depth:
        assert is_inside(decoded.rows[0]), names
        assert decoded.anomalies == [[]]
    else:
        assert [(kind[0], kind[1]) for kind in decoded.anomalies[0]] == [(Layer.NETWORK, NetworkAnomaly.TUNNEL_TOO_DEEP)]


@pytest.mark.parametrize("name", WRAPPERS)
def test_what_is_cut_never_passes_for_whole(name: str) -> None:
    """Cut as an attacker would: by lengths that are right outside."""
    whole = bytes(WRAPPERS[name](INSIDE))
    for length in range(15, len(whole)):
        decoded = seen(whole[:length])
        row = decoded.rows[0]
        names = {key for key in decoded.counters if key.startswith("not_read.")}
        assert decoded.anomalies[0] or row["flags"] & PacketFlag.UNDECODED or names, length
        if name in {"etherip", "l2tpv3", "eoip", "gre", "nsh in gre", "erspan 2", "ip in ip"} and length > 34:
            mended = whole[:16] + struct.pack(">H", length - 14) + whole[18:length]
            decoded = seen(mended)
            names = {key for key in decoded.counters if key.startswith("not_read.")}
            assert decoded.anomalies[0] or decoded.rows[0]["flags"] & PacketFlag.UNDECODED or names, length


def unread(payload: bytes, *, source: int = 40000, destination: int = 40001) -> set[str]:
    counters = decode([Raw(bytes(outer() / UDP(sport=source, dport=destination) / Octets(payload)))]).counters
    return {key.removeprefix("not_read.") for key in counters if key.startswith("not_read.")}


ISAKMP = bytes(range(1, 9)) + bytes(8) + bytes([33, 0x20, 34, 8]) + struct.pack(">II", 0, 28)
RECOGNISED: dict[str, tuple[bytes, str]] = {
    "wireguard initiation": (b"\1\0\0\0" + bytes(range(144)), "wireguard"),
    "wireguard response": (b"\2\0\0\0" + bytes(range(88)), "wireguard"),
    "wireguard cookie": (b"\3\0\0\0" + bytes(range(60)), "wireguard"),
    "wireguard data": (b"\4\0\0\0" + b"\x11\x22\x33\x44" + struct.pack("<Q", 1000) + bytes(range(64)), "wireguard"),
    "dtls": (bytes.fromhex("17fefd0001000000000001") + struct.pack(">H", 40) + bytes(range(40)), "dtls"),
    "quic": (b"\xc3" + struct.pack(">I", 1) + b"\x08" + bytes(range(8)) + b"\0" + bytes(1200), "quic"),
    "quic 2": (b"\xd3" + struct.pack(">I", 0x6B3343CF) + b"\x08" + bytes(range(8)) + b"\0" + bytes(1200), "quic"),
    "ike": (ISAKMP, "ike"),
    "openvpn": (b"\x38" + bytes(range(8)) + bytes(5), "openvpn"),
    "openvpn under a static key": (b"\x38" + bytes(range(8)) + b"\0\0\0\1\x65\0\0\0" + bytes(range(37)), "openvpn"),
    "openvpn with a digest": (b"\x38" + bytes(range(28)) + b"\0\0\0\1\x65\0\0\0" + bytes(5), "openvpn"),
    "an unknown header before ip": (b"\xaa\xbb\xcc\xdd\xee" + bytes(INSIDE[IP]), "ip_in_datagram"),
    "an unknown header before a frame": (bytes(range(200, 211)) + bytes(INSIDE), "ip_in_datagram"),
    "an unknown header before ipv6": (b"\xaa\xbb" + bytes(IPv6(src="fd00::1", dst="fd00::2") / TCP() / Octets(MODBUS)), "ip_in_datagram"),
}


@pytest.mark.parametrize("name", RECOGNISED)
def test_tunnels_that_are_not_read_are_known_by_their_content(name: str) -> None:
    payload, kind = RECOGNISED[name]
    assert unread(payload) == {kind}


def test_esp_in_udp_is_known_after_its_key_exchange_on_any_port_and_on_its_own_at_once() -> None:
    esp = struct.pack(">II", 0x1234ABCD, 1) + bytes(range(48))
    assert unread(esp) == set()
    assert unread(esp, destination=4500) == {"esp_in_udp"}
    frames = [Raw(bytes(outer(id=1) / UDP(sport=40000, dport=40001) / Octets(bytes(4) + ISAKMP))),
              Raw(bytes(outer(id=2) / UDP(sport=40000, dport=40001) / Octets(esp)))]
    counters = decode(frames).counters
    assert (counters["not_read.ike"], counters["not_read.esp_in_udp"]) == (1, 1)


def test_openvpn_is_known_midway_by_its_counter() -> None:
    frames = [Raw(bytes(outer(id=number + 1) / UDP(sport=40000, dport=40001) / Octets(
        bytes.fromhex("48000003") + struct.pack(">I", 500 + number) + bytes(range(60)))), time=number * 10**8) for number in range(8)]
    assert decode(frames).counters["not_read.openvpn"] == 5
    still = [Raw(bytes(outer(id=number + 1) / UDP(sport=40000, dport=40001) / Octets(bytes.fromhex("48000003") + bytes(60))), time=number * 10**8)
             for number in range(8)]
    assert not any(key.startswith("not_read.") for key in decode(still).counters)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([53, 123, 161, 502, 20000, 44818, 47808, 2222, 34964]))
def test_other_datagrams_are_none_of_these(payload: bytes, port: int) -> None:
    assert unread(payload, destination=port) <= set()


def test_an_icmp_tunnel_is_named() -> None:
    ping = b"\x08\0\0\0\0\1\0\1"
    frames = [Raw(bytes(outer(proto=1) / Octets(ping + bytes(INSIDE[IP])))), Raw(bytes(outer(proto=1, id=2) / Octets(ping + bytes(range(56)))))]
    assert decode(frames).counters["not_read.ip_in_icmp"] == 1


def test_the_memory_of_conversations_is_capped_and_its_overflow_counted() -> None:
    frames = [Raw(bytes(outer(id=number + 1) / UDP(sport=number, dport=40001) / Octets(RECOGNISED["openvpn"][0])), time=number * 10**6)
              for number in range(1, 8)]
    counters = decode(frames, limits=Limits(tunnel_flows=4)).counters
    assert (counters["not_read.openvpn"], counters["not_read.flows_over_limit"]) == (7, 3)


def ip(*protocols: int) -> list[bytes]:
    return [bytes(outer(proto=number, id=number) / Octets(bytes(24))) for number in protocols]


def test_control_traffic_is_named_as_such() -> None:
    frames = [ether(b"\x42\x42\x03" + bytes(35), 38), ether(b"\xaa\xaa\x03\0\0\x0c\x20\0" + bytes(20), 28), bytes(Ether() / ARP()),
              *(ether(bytes(60), kind) for kind in (0x88CC, 0x8809, 0x88F7, 0x888E)), *ip(2, 88, 89, 103, 112)]
    found = named(decode([Raw(frame) for frame in frames]).counters)
    assert {kind.name for kind in found} == {
        "spanning tree", "LLDP", "slow protocols (LACP, OAM)", "PTP", "EAPOL", "CDP", "IGMP", "EIGRP", "OSPF", "PIM", "VRRP"}
    assert not any(kind.carries for kind in found)


def test_what_may_carry_other_traffic_is_named_as_such() -> None:
    frames = [ether(bytes(60), 0x88B5), ether(bytes.fromhex("2c00000000010011223344550001") + bytes(80), 0x88E5),
              ether(b"\x10\x10\x03" + bytes(35), 38), *ip(50, 108, 132, 253)]
    found = named(decode([Raw(frame) for frame in frames]).counters)
    assert {kind.name for kind in found} == {"unknown EtherType 0x88b5", "MACsec (encrypted)", "unknown LLC service 0x1010", "IPsec ESP", "IPComp",
                                             "SCTP", "unknown IP protocol 253"}
    assert all(kind.carries for kind in found)


def test_kinds_beyond_those_told_apart_are_counted_together() -> None:
    frames = [Raw(ether(struct.pack(">BB", 2 * (number % 128), 2 * (number // 128) + 16) + b"\x03" + bytes(35), 38)) for number in range(300)]
    counters = decode(frames).counters
    assert counters["undecoded.llc.others"] == 300 - 256
    assert sum(kind.packets for kind in named(counters)) == 300
