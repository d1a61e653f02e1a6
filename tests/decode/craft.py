"""Packets built by hand, batches of them, and their rows: shared by the tests of this folder."""

from __future__ import annotations

import ipaddress
import itertools
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from otwatch.addresses import Addresses
from otwatch.decode.decoder import COLUMNS, Decoder
from otwatch.limits import Limits
from otwatch.tables import Anomalies, Packets

MAC_A, MAC_B = bytes.fromhex("001b1b000001"), bytes.fromhex("0080f4000002")
A, B = "10.0.0.5", "10.0.0.9"
A6, B6 = "2001:db8::5", "2001:db8::9"


@dataclass(frozen=True)
class Raw:
    """One packet as captured."""

    data: bytes
    link_type: int = 1
    wire: int | None = None
    vlan_stripped: int = -1
    time: int = 0


def ether(payload: bytes, kind: int = 0x0800, *tags: int, tag: int = 0x8100, source: bytes = MAC_A, destination: bytes = MAC_B) -> bytes:
    """Ethernet II with any number of tags."""
    return destination + source + b"".join(struct.pack(">HH", tag, one) for one in tags) + struct.pack(">H", kind) + payload


def ip4(payload: bytes, protocol: int = 6, *, source: str = A, destination: str = B, ident: int = 1, fragment: int = 0, ttl: int = 64,
        options: bytes = b"", total: int | None = None) -> bytes:
    length = 20 + len(options)
    return struct.pack(">BBHHHBBH4s4s", 0x40 | length // 4, 0, length + len(payload) if total is None else total, ident, fragment, ttl, protocol, 0,
                       ipaddress.ip_address(source).packed, ipaddress.ip_address(destination).packed) + options + payload


def ip6(payload: bytes, protocol: int = 6, *, source: str = A6, destination: str = B6, ttl: int = 64, length: int | None = None) -> bytes:
    return struct.pack(">IHBB", 6 << 28, len(payload) if length is None else length, protocol, ttl) + ipaddress.ip_address(source).packed + \
        ipaddress.ip_address(destination).packed + payload


def tcp(payload: bytes = b"", *, source: int = 51200, destination: int = 502, seq: int = 1000, ack: int = 2000, flags: int = 0x18,
        options: bytes = b"", checksum: int = 0) -> bytes:
    return struct.pack(">HHIIHHHH", source, destination, seq, ack, (20 + len(options)) // 4 << 12 | flags, 8192, checksum, 0) + options + payload


def udp(payload: bytes = b"", *, source: int = 51200, destination: int = 20000, length: int | None = None) -> bytes:
    return struct.pack(">HHHH", source, destination, 8 + len(payload) if length is None else length, 0) + payload


def summed(datagram: bytes, source: str = A, destination: str = B) -> bytes:
    """A UDP datagram with its checksum."""
    pseudo = ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed + struct.pack(">HH", 17, len(datagram))
    total = sum(struct.unpack(f">{(len(pseudo + datagram) + 1) // 2}H", pseudo + datagram + bytes(len(datagram) % 2)))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return datagram[:6] + struct.pack(">H", (0xFFFF - total) or 0xFFFF) + datagram[8:]


def arp(operation: int = 1) -> bytes:
    return struct.pack(">HHBBH", 1, 0x0800, 6, 4, operation) + MAC_A + ipaddress.ip_address(A).packed + bytes(6) + ipaddress.ip_address(B).packed


def fragments4(payload: bytes, size: int, protocol: int = 17, *, ident: int = 7) -> list[bytes]:
    """Whole IPv4 packets that carry `payload` in pieces of `size` bytes."""
    return [ip4(payload[at:at + size], protocol, ident=ident, fragment=at // 8 | (0x2000 if at + size < len(payload) else 0))
            for at in range(0, len(payload), size)]


def fragments6(payload: bytes, size: int, protocol: int = 17, *, ident: int = 7) -> list[bytes]:
    return [ip6(struct.pack(">BBHI", protocol, 0, at | (at + size < len(payload)), ident) + payload[at:at + size], 44)
            for at in range(0, len(payload), size)]


MODBUS = bytes.fromhex("000100000006010300000001")
INNER = ether(ip4(tcp(MODBUS)))
TRANSPORTS: dict[str, bytes] = {
    "tcp": ip4(tcp(MODBUS)),
    "tcp options": ip4(tcp(MODBUS, options=b"\1\1\x08\x0a" + bytes(8), flags=0x1D2)),
    "udp": ip4(udp(MODBUS), 17),
    "icmp": ip4(b"\x08\0\0\0\0\1\0\2ping", 1),
    "igmp": ip4(bytes(8), 2),
    "ip options": ip4(udp(MODBUS), 17, options=b"\x83\x07\x04\1\2\3\4\0"),
    "bad option": ip4(udp(MODBUS), 17, options=b"\x01\x83\x00\0"),
    "tso": ip4(tcp(MODBUS), total=0),
    "fragment": ip4(udp(MODBUS), 17, fragment=0x2000),
    "last fragment": ip4(udp(MODBUS), 17, fragment=3),
    "tcp6": ip6(tcp(MODBUS)),
    "icmp6": ip6(b"\x87\0\0\0\0\0\0\0" + bytes(16), 58),
    "extensions": ip6(b"\x3c\0" + bytes(6) + b"\x2b\0" + bytes(6) + b"\x33\0\0\0" + bytes(4) + b"\x06\x02" + bytes(14) + tcp(MODBUS), 0),
    "fragment6": ip6(b"\x11\0\0\1\0\0\0\7" + udp(MODBUS), 44),
    "atomic fragment6": ip6(b"\x11\0\0\0\0\0\0\7" + udp(MODBUS), 44),
    "esp": ip6(bytes(20), 50),
    "gre": ip4(bytes.fromhex("20000800") + b"\0\0\0\x2a" + ip4(tcp(MODBUS)), 47),
    "gre teb": ip4(bytes.fromhex("b0006558") + b"\0\0\0\0\0\0\0\x2a\0\0\0\1" + INNER, 47),
    "pptp": ip4(bytes.fromhex("3081880b") + b"\0\x20\0\x07\0\0\0\1\0\0\0\1" + b"\xff\x03\0\x21" + ip4(tcp(MODBUS)), 47),
    "erspan 1": ip4(bytes.fromhex("000088be") + INNER, 47),
    "erspan 2": ip4(bytes.fromhex("100088be") + b"\0\0\0\1" + bytes.fromhex("1005002100000000") + INNER, 47),
    "erspan 2 truncated": ip4(bytes.fromhex("100088be") + b"\0\0\0\1" + bytes.fromhex("1005042100000000") + INNER[:60], 47),
    "erspan 3": ip4(bytes.fromhex("100022eb") + b"\0\0\0\1" + bytes.fromhex("200500210000000000000001") + bytes(8) + INNER, 47),
    "erspan 3 ip": ip4(bytes.fromhex("100022eb") + b"\0\0\0\1" + bytes.fromhex("200500210000000000000800") + ip4(tcp(MODBUS)), 47),
    "vxlan": ip4(udp(bytes.fromhex("0800000000002a00") + INNER, destination=4789), 17),
    "vxlan tagged": ip4(udp(bytes.fromhex("8800000100002a00") + ether(ip4(tcp(MODBUS)), 0x0800, 7), destination=8472), 17),
    "vxlan reserved bits": ip4(udp(bytes.fromhex("0c00000000002a00") + INNER, destination=4789), 17),
    "vxlan gpe": ip4(udp(bytes.fromhex("0c00000300002a00") + INNER, destination=4790), 17),
    "vxlan gpe ip": ip4(udp(bytes.fromhex("0c00000100002a00") + ip4(tcp(MODBUS)), destination=4790), 17),
    "geneve": ip4(udp(bytes.fromhex("0100655800002a00") + bytes(4) + INNER, destination=6081), 17),
    "ip in ip": ip4(ip4(tcp(MODBUS)), 4),
    "ipip": ip4(ip4(tcp(MODBUS)), 94),
    "etherip": ip4(b"\x30\0" + INNER, 97),
    "eoip over ipv6": ip6(b"\x23\x0a" + INNER, 97),
    "ethernet in srv6": ip6(INNER, 143),
    "eoip": ip4(bytes.fromhex("20016400") + struct.pack(">HH", len(INNER), 0x0A00) + INNER, 47),
    "eoip keepalive": ip4(bytes.fromhex("2001640000000a00"), 47),
    "nsh in gre": ip4(bytes.fromhex("0000894f") + bytes.fromhex("0fc6010300002aff") + bytes(16) + INNER, 47),
    "l2tpv3": ip4(b"\0\0\0\x09" + INNER, 115),
    "l2tpv3 cookie": ip4(b"\0\0\0\x09" + bytes(range(8)) + bytes(4) + INNER, 115),
    "l2tpv3 of ip": ip4(b"\0\0\0\x09" + ip4(tcp(MODBUS)), 115),
    "l2tpv3 control": ip4(b"\0\0\0\0" + bytes(12), 115),
    "l2tpv3 unknown": ip4(b"\0\0\0\x09" + bytes(range(40)), 115),
    "l2tpv3 in udp": ip4(udp(b"\0\3\0\0\0\0\0\x09" + bytes(4) + INNER, destination=1701), 17),
    "l2tpv2": ip4(udp(bytes.fromhex("000200010002ff030021") + ip4(tcp(MODBUS)), destination=1701), 17),
    "l2tpv2 all fields": ip4(udp(bytes.fromhex("4a02004a0001000200030004000200000021") + ip4(tcp(MODBUS)), destination=1701), 17),
    "l2tpv2 elsewhere": ip4(udp(bytes.fromhex("000200010002ff030021") + ip4(tcp(MODBUS)), destination=7777), 17),
    "l2tp control": ip4(udp(bytes.fromhex("c802000c0000000000000000"), destination=1701), 17),
    "gtp-u": ip4(udp(b"\x30\xff" + struct.pack(">HI", 52, 77) + ip4(tcp(MODBUS)), destination=2152), 17),
    "gtp-u elsewhere": ip4(udp(b"\x30\xff" + struct.pack(">HI", 52, 77) + ip4(tcp(MODBUS)), destination=2153), 17),
    "gtp-u extended": ip4(udp(b"\x34\xff" + struct.pack(">HI", 60, 77) + bytes.fromhex("000000850100090000"[:16]) + ip4(tcp(MODBUS)),
                              destination=2152), 17),
    "gtp-u ethernet": ip4(udp(b"\x30\xff" + struct.pack(">HI", len(INNER), 77) + INNER, destination=2152), 17),
    "gtp-u of nothing": ip4(udp(b"\x30\xff" + struct.pack(">HI", 8, 77) + b"\xff" * 8, destination=2152), 17),
    "gtp echo": ip4(udp(b"\x32\x01" + struct.pack(">HI", 4, 0) + bytes(4), destination=2152), 17),
    "tzsp": ip4(udp(bytes.fromhex("01000001") + b"\x0a\1\xc0\0\1" + INNER, destination=37008), 17),
    "tzsp elsewhere": ip4(udp(bytes.fromhex("01000001") + b"\1" + INNER, destination=4711), 17),
    "tzsp radio": ip4(udp(bytes.fromhex("01000012") + b"\1" + bytes(30), destination=37008), 17),
    "tzsp keepalive": ip4(udp(bytes.fromhex("01040000"), destination=37008), 17),
    "teredo": ip4(udp(ip6(tcp(MODBUS)), destination=3544), 17),
    "teredo origin": ip4(udp(b"\0\1\0\0" + bytes(9) + b"\0\0\1\2\3\4\5\6" + ip6(tcp(MODBUS), source="2001::1"), destination=3545), 17),
    "vxlan elsewhere": ip4(udp(bytes.fromhex("0800000000002a00") + INNER, destination=9999), 17),
    "gre in udp": ip4(udp(bytes.fromhex("00000800") + ip4(tcp(MODBUS)), destination=4754), 17),
    "mpls in udp": ip4(udp(bytes.fromhex("0002a140") + ip4(tcp(MODBUS)), destination=6635), 17),
    "vxlan gpe nsh": ip4(udp(bytes.fromhex("0c00000400002a00") + bytes.fromhex("0fc2020100002aff") + ip4(tcp(MODBUS)), destination=4790), 17),
    "geneve mpls": ip4(udp(bytes.fromhex("0000884700002a00") + bytes.fromhex("0002a140") + ip4(tcp(MODBUS)), destination=6081), 17),
    "6in4": ip4(ip6(tcp(MODBUS)), 41),
    "mpls in ip": ip4(bytes.fromhex("0002a140") + ip4(tcp(MODBUS)), 137),
}
ETHERNETS: dict[str, bytes] = {
    **{name: ether(packet, 0x86DD if packet[0] >> 4 == 6 else 0x0800) for name, packet in TRANSPORTS.items()},
    "vlan": ether(ip4(tcp(MODBUS)), 0x0800, 5),
    "four tags": ether(ip4(tcp(MODBUS)), 0x0800, 5, 6, 7, 8, tag=0x9100),
    "qinq": ether(struct.pack(">HH", 0x2006, 0x0800) + ip4(tcp(MODBUS)), 0x8100, 5, tag=0x88A8),
    "hsr": ether(bytes.fromhex("003400010800") + ip4(tcp(MODBUS)), 0x892F),
    "vn-tag": ether(bytes.fromhex("000100020800") + ip4(tcp(MODBUS)), 0x8926),
    "vn-tag before a vlan": ether(bytes.fromhex("00010002810000070800") + ip4(tcp(MODBUS)), 0x8926),
    "e-tag": ether(bytes.fromhex("0000010000000800") + ip4(tcp(MODBUS)), 0x893F),
    "cisco metadata": ether(bytes.fromhex("0101000100640800") + ip4(tcp(MODBUS)), 0x8909),
    "cisco metadata of two words": ether(bytes.fromhex("010200010064000000000800") + ip4(tcp(MODBUS)), 0x8909),
    "cisco metadata of version 2": ether(bytes.fromhex("0201000100640800") + ip4(tcp(MODBUS)), 0x8909),
    "macsec in the clear": ether(bytes.fromhex("2000000000010011223344550001" + "0800") + ip4(tcp(MODBUS)) + bytes(16), 0x88E5),
    "macsec short": ether(bytes.fromhex("0036000000010800") + ip4(tcp(MODBUS)) + bytes(16), 0x88E5),
    "macsec short lie": ether(bytes.fromhex("003f000000010806") + arp(), 0x88E5),
    "macsec encrypted": ether(bytes.fromhex("2c00000000010011223344550001") + bytes(range(80)), 0x88E5),
    "macsec version 1": ether(bytes.fromhex("800000000001") + bytes(80), 0x88E5),
    "pbb": ether(bytes.fromhex("00002a2a") + INNER, 0x88E7),
    "pbb tagged": ether(bytes.fromhex("000788e700002a2a") + ether(ip4(tcp(MODBUS)), 0x0800, 9), 0x88A8),
    "nsh": ether(bytes.fromhex("0fc2020300002aff") + INNER, 0x894F),
    "nsh of nsh": ether(bytes.fromhex("0fc2020400002aff") + bytes.fromhex("0fc2020200002aff") + ip6(tcp(MODBUS)), 0x894F),
    "nsh of something": ether(bytes.fromhex("0fc2020900002aff") + INNER, 0x894F),
    "trill": ether(bytes.fromhex("004100010002") + bytes(4) + INNER, 0x22F3),
    "fabricpath": ether(bytes.fromhex("0060") + INNER, 0x8903),
    "arp probe": ether(struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + MAC_A + bytes(10) + ipaddress.ip_address(B).packed, 0x0806),
    "padding": ether(ip4(tcp(b"")) + bytes(6)),
    "arp": ether(arp() + bytes(18), 0x0806),
    "goose": ether(bytes.fromhex("000100080000000061"), 0x88B8),
    "llc": ether(b"\x42\x42\x03" + bytes(35) + bytes(8), 38),
    "snap": ether(b"\xaa\xaa\x03\0\0\0\x08\0" + ip4(tcp(MODBUS)), 8 + 52),
    "cdp": ether(b"\xaa\xaa\x03\0\0\x0c\x20\0" + bytes(20), 28),
    "ipx": ether(b"\xff\xff" + bytes(30), 32),
    "mpls": ether(bytes.fromhex("0002a0400002b140") + ip4(tcp(MODBUS)), 0x8847),
    "mpls6": ether(bytes.fromhex("0002b140") + ip6(tcp(MODBUS)), 0x8847),
    "pseudo-wire": ether(bytes.fromhex("0002a140") + bytes(4) + INNER, 0x8847),
    "pseudo-wire without control word": ether(bytes.fromhex("0002a140") + INNER, 0x8847),
    "mpls oam": ether(bytes.fromhex("0002a140") + b"\x10\0\0\x07" + bytes(8), 0x8847),
    "pppoe": ether(bytes.fromhex("1100002a0036") + b"\0\x21" + ip4(tcp(MODBUS)), 0x8864),
    "pppoe lcp": ether(bytes.fromhex("1100002a0006") + b"\xc0\x21" + bytes(4) + bytes(20), 0x8864),
}
SAMPLES: dict[str, Raw] = {
    **{name: Raw(data) for name, data in ETHERNETS.items()},
    "stripped tag": Raw(ETHERNETS["vlan"], vlan_stripped=0x2007),
    "stripped tag alone": Raw(INNER, vlan_stripped=7),
    "sll": Raw(bytes.fromhex("00000001000600aabbccddee00000800") + ip4(tcp(MODBUS)), 113),
    "sll vlan": Raw(bytes.fromhex("00000001000600aabbccddee00008100000a0800") + ip4(tcp(MODBUS)), 113),
    "sll llc": Raw(bytes.fromhex("00000001000600aabbccddee00000004424203") + bytes(8), 113),
    "sll2": Raw(bytes.fromhex("86dd0000000000020001000600aabbccddee0000") + ip6(tcp(MODBUS)), 276),
    "null": Raw(b"\2\0\0\0" + ip4(tcp(MODBUS)), 0),
    "null big": Raw(b"\0\0\0\x1e" + ip6(tcp(MODBUS)), 0),
    "loop": Raw(b"\0\0\0\2" + ip4(tcp(MODBUS)), 108),
    "null other": Raw(b"\7\0\0\0" + bytes(30), 0),
    "raw": Raw(ip4(tcp(MODBUS)), 101),
    "raw 6": Raw(ip6(tcp(MODBUS)), 12),
    "raw4": Raw(ip4(tcp(MODBUS)), 228),
    "raw6": Raw(ip6(tcp(MODBUS)), 229),
    "ppp": Raw(b"\xff\x03\0\x21" + ip4(tcp(MODBUS)), 9),
    "ppp compressed": Raw(b"\x57" + ip6(tcp(MODBUS)), 50),
    "pppd": Raw(b"\x01\x03\0\x21" + ip4(tcp(MODBUS)), 166),
    "cisco hdlc": Raw(b"\x0f\0\x08\0" + ip4(tcp(MODBUS)), 104),
    "pppoe link": Raw(bytes.fromhex("1100002a0036") + b"\0\x21" + ip4(tcp(MODBUS)), 51),
    "nflog": Raw(b"\2\0\0\0" + b"\x08\0\1\0" + bytes(4) + b"\x38\0\x09\0" + ip4(tcp(MODBUS)), 239),
    "netanalyzer": Raw(bytes(4) + INNER, 240),
    "radiotap": Raw(bytes(40), 127),
}
NAMES = [column.name for column in COLUMNS]


def batches(frames: list[Raw], cuts: list[int] | None = None) -> list[Packets]:
    """The frames as tables, a new one at each index in `cuts`. Columns that decode must fill hold rubbish."""
    edges = sorted({0, len(frames), *(cuts or [])})
    tables = []
    for start, end in itertools.pairwise(edges):
        packets = Packets(max(1, end - start))
        packets.rows = end - start
        for column in COLUMNS:
            packets.array(column.name).fill(99)
        packets.data = memoryview(b"".join(frame.data for frame in frames[start:end]))
        at = 0
        for row, frame in enumerate(frames[start:end]):
            packets.timestamp_ns[row] = frame.time
            packets.frame[row] = start + row + 1
            packets.at[row] = at
            packets.captured_length[row] = len(frame.data)
            packets.wire_length[row] = len(frame.data) if frame.wire is None else frame.wire
            packets.link_type[row] = frame.link_type
            packets.interface[row] = 0
            packets.vlan_stripped[row] = frame.vlan_stripped
            at += len(frame.data)
        tables.append(packets)
    return tables


@dataclass
class Decoded:
    """Rows of all batches: addresses as text, payload as bytes in `payload`, its place relative to the frame in `payload_at`."""

    rows: list[dict[str, Any]]
    anomalies: list[list[tuple[int, ...]]]  # per row
    loose: list[dict[str, int]]  # anomalies of no packet
    counters: dict[str, int]
    readings: list[dict[str, Any]]  # like rows, with their `frame`


def decode(frames: list[Raw], *, cuts: list[int] | None = None, limits: Limits | None = None) -> Decoded:
    """Feeds the frames to a new Decoder, in batches."""
    addresses = Addresses()
    decoder = Decoder(addresses, limits or Limits())
    rows: list[dict[str, Any]] = []
    problems: list[list[tuple[int, ...]]] = []
    loose = []
    readings: list[dict[str, Any]] = []
    for packets in batches(frames, cuts):
        anomalies = Anomalies(1)
        decoder.feed(packets, anomalies)
        first = len(rows)
        side = packets.side
        for table, kept in ((packets, rows), (decoder.readings, readings)):
            for row in range(table.rows):
                values: dict[str, Any] = {name: int(getattr(table, name)[row]) for name in NAMES}
                at, length = values["payload_at"], values["payload_length"]
                whole = values["flags"] & 8 != 0
                values["payload"] = side.tobytes(at, at + length) if whole else bytes(np.asarray(packets.data)[at:at + length])
                values["payload_at"] = -1 if whole else at - int(packets.at[row]) if at else 0
                for name in ("source", "destination"):
                    values[name] = addresses.text(values[name])
                kept.append(values)
                if kept is readings:
                    values["frame"] = int(table.frame[row])
        problems += [[] for _ in range(packets.rows)]
        for index in range(anomalies.rows):
            found = anomalies.row(index)
            if found["packet"] < 0:
                loose.append(found)
                continue
            assert found["frame"] == first + found["packet"] + 1
            assert found["flow"] == -1
            problems[first + found["packet"]].append(tuple(found[name] for name in ("layer", "kind", "offset", "needed", "had")))
    return Decoded(rows, problems, loose, decoder.counters, readings)
