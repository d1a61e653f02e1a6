"""Reference for otwatch.decode: one packet at a time, with struct and slices, as the standards read. Slow and plain on purpose.

`Oracle.packet` returns the columns that decode fills (addresses as text) and the anomalies as (layer, kind, offset, needed, had).
"""

from __future__ import annotations

import contextlib
import ipaddress
import struct
from dataclasses import replace

from otwatch.decode.anomalies import LinkAnomaly, NetworkAnomaly, TransportAnomaly
from otwatch.limits import Limits
from otwatch.vocabulary import Layer, PacketFlag, Tunnel
from tests.oracle.encapsulations import USUAL, Encapsulations
from tests.oracle.fragments import Known, receivable
from tests.oracle.link import Links
from tests.oracle.part import Part, Stopped

LINK, NETWORK, TRANSPORT = Layer.LINK, Layer.NETWORK, Layer.TRANSPORT
_USUAL = tuple(kind.to_bytes(2, "big") for kind in USUAL)


class Oracle(Links, Encapsulations):
    """Keeps fragments and earlier packets."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.datagrams: dict[tuple, Known] = {}
        self.complete: dict[tuple, Known] = {}
        self.unread: list = []
        self.others: list = []
        self.earlier: list = []
        self.side = 0

    def packet(self, data: bytes, *, link_type: int = 1, wire: int | None = None, vlan_stripped: int = -1, time: int = 0) -> tuple[dict, list]:
        self.row = {"mac_source": -1, "mac_destination": -1, "vlan_outer": -1, "vlan_inner": -1, "vlan_count": 0, "link_protocol": 0,
                    "tunnel": 0, "tunnel_id": -1,
                        "arp_operation": 0, "arp_mac": -1, "tcp_flags": 0, "tcp_sequence": -1, "tcp_acknowledgement": -1, "flags": 0}
        self.inside()
        self.anomalies: list = []
        self.depth = 0
        self.time = time
        self.vlan_stripped = vlan_stripped
        self.identity = None
        self.duplicate_asked = False
        missing = max(0, (len(data) if wire is None else wire) - len(data))
        if missing:
            self.row["flags"] |= PacketFlag.SNAPPED
        self.current = data
        self.end = len(data)
        with contextlib.suppress(Stopped):
            self.link(link_type, Part(data, missing, 0))
        if not self.duplicate_asked and data and (self.identity or self.row["ethertype"] != -1) and self.duplicate(data):
            self.row["flags"] |= PacketFlag.DUPLICATE
        self.others = self.read_again() if self.unread else []
        return self.row, self.anomalies

    def inside(self) -> None:
        """The columns of the layers inside a tunnel are empty again."""
        self.row |= {"ethertype": -1, "source": "-", "destination": "-", "ip_protocol": -1, "ttl": -1, "source_port": -1, "destination_port": -1,
                         "payload_at": 0, "payload_length": 0, "payload_missing": 0}
        self.extensions = 0
        self.identity = None

    def note(self, layer: int, kind: int, offset: int, needed: int, had: int) -> None:
        self.anomalies.append((int(layer), int(kind), offset, needed, had))

    def fail(self, *anomaly: int) -> None:
        self.note(*anomaly)
        self.row["flags"] |= PacketFlag.MALFORMED
        raise Stopped

    def need(self, part: Part, count: int, layer: int, kind: int) -> bytes:
        if len(part.raw) >= count:
            return part.raw[:count]
        if count > part.wire:
            self.fail(layer, kind, len(part.raw), count, len(part.raw))
        raise Stopped

    def payload(self, part: Part) -> None:
        self.row |= {"payload_at": part.at, "payload_length": len(part.raw), "payload_missing": part.missing or 0}

    def undecoded(self, ethertype: int, part: Part) -> None:
        self.row["ethertype"] = ethertype
        self.row["flags"] |= PacketFlag.UNDECODED
        self.payload(part)

    def extent(self, part: Part, length: int, layer: int, kind: int, offset: int, header: int = 0) -> Part:
        """A length field: clips, or reports that it says too much. `header` bytes before `part` do not count in the numbers."""
        if length > part.wire:
            self.note(layer, kind, offset, length - header, part.wire - header)
            if layer != LINK:
                self.row["flags"] |= PacketFlag.MALFORMED
            return part
        return self.clip(part, length)

    def clip(self, part: Part, length: int) -> Part:
        part = part.clip(length)
        self.end = part.at + len(part.raw)
        return part

    # Link layers

    def ipv4(self, part: Part) -> None:
        self.row["ethertype"] = 0x0800
        header = self.need(part, 20, NETWORK, NetworkAnomaly.HEADER_CUT)
        first, _, total, identification, fragment, ttl, protocol, _, source, destination = struct.unpack(">BBHHHBBH4s4s", header)
        if first >> 4 != 4:
            self.fail(NETWORK, NetworkAnomaly.BAD_VERSION, 0, 4, first >> 4)
        self.row |= {"source": str(ipaddress.ip_address(source)), "destination": str(ipaddress.ip_address(destination)), "ttl": ttl,
                         "ip_protocol": protocol}
        length = (first & 15) * 4
        if length < 20:
            self.fail(NETWORK, NetworkAnomaly.BAD_HEADER_LENGTH, 0, 20, length)
        if 0 < total < length:
            self.fail(NETWORK, NetworkAnomaly.LENGTH_SHORT, 2, length, total)
        if total:
            part = self.extent(part, total, NETWORK, NetworkAnomaly.LENGTH_EXCEEDS_FRAME, 2)
        options = self.need(part, length, NETWORK, NetworkAnomaly.HEADER_CUT)[20:]
        self.options(options)
        self.network = part
        self.identity = ((4, source, destination, protocol, total, identification, fragment), part.at + 20, identification != 0)
        part = part.skip(length)
        if fragment & 0x3FFF:
            key = (4, source, destination, protocol, identification)
            self.fragment(key, (fragment & 0x1FFF) * 8, fragment & 0x2000 != 0, protocol, part, length)
        else:
            self.protocol(4, protocol, part)

    def options(self, options: bytes) -> None:
        at = 0
        while at < len(options) and options[at]:
            if options[at] == 1:
                at += 1
                continue
            length = options[at + 1] if at + 1 < len(options) else 0
            if length < 2 or at + length > len(options):
                return self.note(NETWORK, NetworkAnomaly.BAD_OPTION, 20 + at, max(length, 2), len(options) - at)
            if options[at] in (131, 137):
                self.note(NETWORK, NetworkAnomaly.SOURCE_ROUTE, 20 + at, 0, options[at])
            at += length
        return None

    def ipv6(self, part: Part) -> None:
        self.row["ethertype"] = 0x86DD
        header = self.need(part, 40, NETWORK, NetworkAnomaly.HEADER_CUT)
        first, length, protocol, ttl, source, destination = struct.unpack(">IHBB16s16s", header)
        if first >> 28 != 6:
            self.fail(NETWORK, NetworkAnomaly.BAD_VERSION, 0, 6, first >> 28)
        self.row |= {"source": str(_ipv6(source)), "destination": str(_ipv6(destination)), "ttl": ttl, "ip_protocol": protocol}
        if length:
            part = self.extent(part, 40 + length, NETWORK, NetworkAnomaly.LENGTH_EXCEEDS_FRAME, 4)
        self.network = part
        self.identity = ((6, source, destination, protocol, length), part.at + 40, False)
        self.addresses6 = (source, destination)
        self.protocol(6, protocol, part.skip(40))

    def arp(self, ethertype: int, part: Part) -> None:
        self.row["ethertype"] = ethertype
        header = self.need(part, 8, NETWORK, NetworkAnomaly.HEADER_CUT)
        _, protocol, hardware_length, protocol_length, operation = struct.unpack(">HHBBH", header)
        self.row["arp_operation"] = min(operation, 255)
        length = 8 + 2 * hardware_length + 2 * protocol_length
        body = self.need(part, length, NETWORK, NetworkAnomaly.HEADER_CUT)[8:]
        if protocol == 0x0800 and protocol_length == 4:
            sender = body[hardware_length:hardware_length + 4]
            self.row["source"] = str(ipaddress.ip_address(sender)) if any(sender) else "-"
            self.row["destination"] = str(ipaddress.ip_address(body[-4:]))
        elif protocol == 0x0800 or (hardware_length == 6 and protocol_length == 0):
            self.fail(NETWORK, NetworkAnomaly.ARP_BAD, 5, 4, protocol_length)
        if hardware_length == 6:
            self.row["arp_mac"] = int.from_bytes(body[:6], "big")
        if operation == 0:
            self.fail(NETWORK, NetworkAnomaly.ARP_BAD, 6, 1, 0)
        self.payload(self.clip(part, length).skip(length))

    def protocol(self, version: int, protocol: int, part: Part) -> None:
        """What an IP protocol number announces."""
        self.row["ip_protocol"] = protocol
        if protocol == 51 or (version == 6 and protocol in (0, 43, 44, 60, 135, 139, 140)):
            self.extension(version, protocol, part)
        elif protocol == 6:
            self.tcp(part)
        elif protocol == 17:
            self.udp(part)
        elif protocol in (1, 58):
            self.icmp(part)
        elif protocol == 47:
            self.gre(part)
        elif protocol in (4, 41):
            self.unwrap(Tunnel.IP_IN_IP, -1)
            self.ethertype(0x0800 if protocol == 4 else 0x86DD, part)
        elif protocol == 137:
            self.mpls(part)
        elif protocol == 97:
            self.etherip(part)
        elif protocol == 115:
            self.l2tpv3(part)
        elif protocol == 94:
            self.unwrap(Tunnel.IP_IN_IP, -1)
            self.ipv4(part)
        elif protocol == 143:
            self.unwrap(Tunnel.ETHERIP, -1)
            self.ethernet(part)
        else:
            self.payload(part)

    def extension(self, version: int, protocol: int, part: Part) -> None:
        offset = part.at - self.network.at
        if self.extensions >= 16:
            self.fail(NETWORK, NetworkAnomaly.EXTENSIONS_TOO_MANY, offset, 16, 17)
        self.extensions += 1
        header = self.need(part, 8, NETWORK, NetworkAnomaly.HEADER_CUT)
        length = 8 if protocol == 44 else 8 + header[1] * (4 if protocol == 51 else 8)
        self.need(part, length, NETWORK, NetworkAnomaly.HEADER_CUT)
        if protocol == 43 and header[2] == 0:
            self.note(NETWORK, NetworkAnomaly.SOURCE_ROUTE, offset, 0, 43)
        place, identification = struct.unpack(">HI", header[2:])
        if protocol == 44 and place & 0xFFF9:
            self.row["ip_protocol"] = header[0]
            self.fragment((6, *self.addresses6, -1, identification), place & 0xFFF8, place & 1 != 0, header[0], part.skip(8), offset + 8)
        else:
            self.protocol(version, header[0], part.skip(length))

    def fragment(self, key: tuple, offset: int, more: bool, protocol: int, part: Part, at: int) -> None:
        """Every reading of the datagram that it completes, or that it changes afterwards."""
        self.payload(part)
        self.row["flags"] |= PacketFlag.FRAGMENT
        if not self.duplicate_asked:
            self.duplicate_asked = True
            if self.duplicate(self.current):
                self.row["flags"] |= PacketFlag.DUPLICATE
                return None
        least = 20 if protocol == 6 else 8
        if offset == 0 and more and part.wire < least:
            self.note(NETWORK, NetworkAnomaly.FRAGMENT_TINY, at, least, part.wire)
        elif offset == 8 and protocol == 6:
            self.note(NETWORK, NetworkAnomaly.FRAGMENT_TINY, at, 20, 8)
        length = part.wire
        if more and (length % 8 or not length):
            self.note(NETWORK, NetworkAnomaly.FRAGMENT_LENGTH, at, 8, length)
            length = length // 8 * 8
        key += (self.row["tunnel"], self.row["tunnel_id"])
        content = part.raw[:length]
        known = self.datagrams.get(key, Known(protocol=-1))
        end, far = offset + length, max(known.octets(min), default=-1)
        limit = known.ends[0] if known.ends else self.limits.fragment_bytes
        if end > limit or (not more and ((known.ends and end != known.ends[0]) or end <= far)):
            self.note(NETWORK, NetworkAnomaly.FRAGMENT_BEYOND_END, at, limit, end)
        if end > self.limits.fragment_bytes or (more and not length):
            return None
        self.datagrams[key] = known
        if offset == 0 and known.protocol < 0:
            known.protocol = protocol
        old, differs = known.take(offset, content)
        if differs:
            self.note(NETWORK, NetworkAnomaly.FRAGMENT_CONFLICT, at, 0, old)
        elif old and old < len(content):
            self.note(NETWORK, NetworkAnomaly.FRAGMENT_OVERLAP, at, 0, old)
        known.says_end(more, end)
        addresses = key[1] + key[2]
        readings = known.readings() if known.protocol >= 0 else []
        late = self.complete.get(key)
        if readings:
            readings.sort(key=lambda reading: not receivable(addresses, known.protocol, reading))
            readings = readings[:self.limits.fragment_readings]
            del self.datagrams[key]
            known.until, known.told = self.time + self.limits.fragment_timeout_ns, set(readings)
            known.base = known.octets(min) | dict(enumerate(readings[0]))
            self.complete[key] = known
            others = [(known.protocol, reading) for reading in readings[1:]]
        elif late and late.until > self.time and len(content) == length:
            others = [(late.protocol, reading) for reading in late.with_late(offset, content, more)
                      if receivable(addresses, late.protocol, reading)][:max(0, self.limits.fragment_readings - len(late.told))]
            late.told |= {reading for _, reading in others}
            for _ in others:
                self.note(NETWORK, NetworkAnomaly.FRAGMENT_CONFLICT, at, 0, len(content))
        else:
            others = []
        self.unread += [(dict(self.row), key[0], *other) for other in others]
        if not readings:
            return None
        self.row["flags"] ^= PacketFlag.FRAGMENT | PacketFlag.REASSEMBLED
        self.network = Part(readings[0], 0, self.side)
        self.side += len(readings[0])
        return self.protocol(key[0], known.protocol, self.network)

    def read_again(self) -> list:
        """Rows of the further readings that came with the packet, each with its payload."""
        main, rows = (self.row, self.network), []
        while self.unread:
            self.row, version, protocol, reading = self.unread.pop(0)
            self.row["flags"] = PacketFlag.REASSEMBLED | PacketFlag.OTHER_READING
            self.extensions = 0
            self.network = Part(reading, 0, self.side)
            self.side += len(reading)
            with contextlib.suppress(Stopped):
                self.protocol(version, protocol, self.network)
            at = self.row["payload_at"] - self.network.at
            rows.append(self.row | {"payload": self.network.raw[at:at + self.row["payload_length"]], "payload_at": -1})
        self.row, self.network = main
        return rows

    # Transport

    def tcp(self, part: Part) -> None:
        header = self.need(part, 20, TRANSPORT, TransportAnomaly.HEADER_CUT)
        source, destination, sequence, acknowledgement, flags = struct.unpack(">HHIIH", header[:14])
        self.row |= {"source_port": source, "destination_port": destination, "tcp_sequence": sequence, "tcp_flags": flags & 0x1FF}
        if flags & 0x10:
            self.row["tcp_acknowledgement"] = acknowledgement
        length = (flags >> 12) * 4
        if length < 20:
            self.fail(TRANSPORT, TransportAnomaly.BAD_HEADER_LENGTH, 12, 20, length)
        self.need(part, length, TRANSPORT, TransportAnomaly.HEADER_CUT)
        self.payload(part.skip(length))

    def udp(self, part: Part) -> None:
        header = self.need(part, 8, TRANSPORT, TransportAnomaly.HEADER_CUT)
        source, destination, length, _ = struct.unpack(">HHHH", header)
        self.row |= {"source_port": source, "destination_port": destination}
        if length >= 8:
            part = self.extent(part, length, TRANSPORT, TransportAnomaly.LENGTH_EXCEEDS_DATAGRAM, 4)
        elif length or part.wire < 0xFFFF:
            self.fail(TRANSPORT, TransportAnomaly.LENGTH_SHORT, 4, 8, length)
        part = part.skip(8)
        self.payload(part)
        depth = self.depth
        self.vxlan(destination, part)
        if self.depth == depth and self.row["payload_at"] == part.at:
            self.overlay((source, destination), part)

    def vxlan(self, destination: int, part: Part) -> None:
        if destination in (4789, 8472, 4790) and len(part.raw) >= 22:
            flags, vni = struct.unpack(">II", part.raw[:8])
            if destination == 4790:
                if vni & 0xFF == 0 and 0x0C000001 <= flags <= 0x0C000005:
                    self.unwrap(Tunnel.VXLAN, vni >> 8)
                    self.content(flags & 7, part.skip(8))
            elif vni & 0xFF == 0 and flags & 0x08000000 and (flags == 0x08000000 or flags >> 24 == 0x88 or part.raw[20:22] in _USUAL):
                self.unwrap(Tunnel.VXLAN, vni >> 8)
                self.ethernet(part.skip(8))
        elif destination == 6081 and len(part.raw) >= 8:
            first, kind, vni = struct.unpack(">HHI", part.raw[:8])
            length = 8 + (first >> 8 & 0x3F) * 4
            if first >> 14 == 0 and vni & 0xFF == 0 and len(part.raw) >= length and kind in (0x6558, 0x0800, 0x86DD, 0x8847, 0x894F):
                self.unwrap(Tunnel.GENEVE, vni >> 8)
                self.ethernet(part.skip(length)) if kind == 0x6558 else self.ethertype(kind, part.skip(length))

    def icmp(self, part: Part) -> None:
        if len(part.raw) >= 2:
            self.row |= {"source_port": part.raw[0], "destination_port": part.raw[1]}
        self.need(part, 8, TRANSPORT, TransportAnomaly.HEADER_CUT)
        self.payload(part.skip(8))

    # Tunnels

    def unwrap(self, tunnel: int, tunnel_id: int) -> None:
        if self.depth >= self.limits.tunnel_depth:
            self.fail(NETWORK, NetworkAnomaly.TUNNEL_TOO_DEEP, 0, self.depth + 1, self.limits.tunnel_depth)
        self.depth += 1
        if not self.row["tunnel"]:
            self.row |= {"tunnel": tunnel, "tunnel_id": tunnel_id}
        self.inside()

    def gre(self, part: Part) -> None:
        cut = (NETWORK, NetworkAnomaly.TUNNEL_HEADER_CUT)
        flags, kind = struct.unpack(">HH", self.need(part, 4, *cut))
        version = flags & 7
        words = {"checksum": flags & 0xC000 and version == 0, "key": flags & 0x2000, "sequence": flags & 0x1000,
                 "acknowledgement": flags & 0x80 and version == 1}
        present = [word for word in words if words[word]]
        header = self.need(part, 4 + 4 * len(present), *cut)
        if version > 1 or flags & 0x4000:
            self.fail(NETWORK, NetworkAnomaly.TUNNEL_BAD_HEADER, 0, 0, flags)
        fields = dict(zip(present, struct.unpack(f">{len(present)}I", header[4:]), strict=True))
        key = fields.get("key", -1)
        part = part.skip(len(header))
        if kind in (0x88BE, 0x22EB):
            self.erspan(kind, "sequence" in fields, part)
        elif version == 1 and kind == 0x6400 and flags & 0xF000 == 0x2000:
            self.eoip(key, part)
        elif version == 1:
            if kind != 0x880B:
                self.fail(NETWORK, NetworkAnomaly.TUNNEL_BAD_HEADER, 2, 0x880B, kind)
            if part.wire == 0:
                self.payload(part)
            else:
                self.unwrap(Tunnel.GRE, key & 0xFFFF if key >= 0 else -1)
                self.ppp(part)
        else:
            self.unwrap(Tunnel.GRE, key)
            self.ethernet(part) if kind == 0x6558 else self.ethertype(kind, part)

    def erspan(self, kind: int, sequence: bool, part: Part) -> None:
        cut = (NETWORK, NetworkAnomaly.TUNNEL_HEADER_CUT)
        tunnel, session, content, shortened = Tunnel.ERSPAN_I, -1, 0, 0
        if kind == 0x22EB or sequence:
            first, second = struct.unpack(">HH", self.need(part, 8, *cut)[:4])
            session, shortened, version = second & 0x3FF, second & 0x400, first >> 12
            if version == 1:
                tunnel, length = Tunnel.ERSPAN_II, 8
            elif version == 2:
                tunnel = Tunnel.ERSPAN_III
                last = self.need(part, 12, *cut)[10:]
                content, length = last[0] >> 2 & 31, 20 if last[1] & 1 else 12
                self.need(part, length, *cut)
            else:
                self.fail(NETWORK, NetworkAnomaly.TUNNEL_BAD_HEADER, 0, 1, version)
            part = part.skip(length)
        self.unwrap(tunnel, session)
        if shortened:
            self.row["flags"] |= PacketFlag.SNAPPED
            part = replace(part, missing=None)
        if content == 2 and part.raw:
            self.ethertype(0x86DD if part.raw[0] >> 4 == 6 else 0x0800, part)
        else:
            self.ethernet(part)

    def mpls(self, part: Part) -> None:
        count = 1
        while not self.need(part, 4 * count, NETWORK, NetworkAnomaly.TUNNEL_HEADER_CUT)[-2] & 1:
            count += 1
        self.unwrap(Tunnel.MPLS, struct.unpack(">I", part.raw[:4])[0] >> 12)
        self.need(part, 4 * count + 1, NETWORK, NetworkAnomaly.TUNNEL_HEADER_CUT)
        part = part.skip(4 * count)
        raw = part.raw

        def carries(at: int) -> bool:
            return len(raw) >= at + 14 and struct.unpack_from(">H", raw, at + 12)[0] in USUAL

        nibble = raw[0] >> 4
        if nibble == 4 and raw[0] & 15 >= 5 and not (carries(0) and struct.unpack_from(">H", raw, 2)[0] > part.wire):
            self.ethertype(0x0800, part)
        elif nibble == 6 and not (carries(0) and 40 + struct.unpack_from(">H", raw, 4)[0] > part.wire):
            self.ethertype(0x86DD, part)
        elif nibble == 1:
            self.undecoded(0x8847, part)
        else:
            control_word = nibble == 0 and len(raw) >= 4 and (carries(4) or not carries(0))
            self.ethernet(part.skip(4) if control_word else part)

    def pppoe(self, part: Part) -> None:
        version, code, session, length = struct.unpack(">BBHH", self.need(part, 6, NETWORK, NetworkAnomaly.TUNNEL_HEADER_CUT))
        if version != 0x11 or code != 0:
            self.fail(NETWORK, NetworkAnomaly.TUNNEL_BAD_HEADER, 0, 0x1100, version << 8 | code)
        part = self.extent(part, 6 + length, LINK, LinkAnomaly.LENGTH_EXCEEDS_FRAME, 4, header=6).skip(6)
        self.unwrap(Tunnel.PPPOE, session)
        self.ppp(part)

    # Duplicates

    def duplicate(self, data: bytes) -> bool:
        """Whether the same datagram (or the same frame) came within the window; compared with the first of its copies."""
        if self.identity is None:
            what, numbered, path = data[:self.end], False, None
        else:
            header, at, numbered = self.identity
            what = header, data[at:self.end]
            path = [self.row[name] for name in ("mac_source", "mac_destination", "vlan_outer", "vlan_inner", "ttl")]
        for time, earlier, way in reversed(self.earlier):
            if earlier == what:
                age = abs(self.time - time)
                if age <= self.limits.duplicate_window_ns and (numbered or age < 1_000_000 or way != path):
                    return True
                break
        self.earlier.append((self.time, what, path))
        return False


def _ipv6(octets: bytes) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.IPv6Address(octets)
    return address.ipv4_mapped or address
