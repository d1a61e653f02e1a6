"""An independent reading of the link layers, byte by byte: a part of the reference decoder."""

from __future__ import annotations

import struct
from typing import Any

from otwatch.decode.anomalies import LinkAnomaly
from otwatch.vocabulary import Layer
from tests.oracle.encapsulations import SHIMS, USUAL
from tests.oracle.part import Part

LINK, NETWORK, TRANSPORT = Layer.LINK, Layer.NETWORK, Layer.TRANSPORT
_USUAL = tuple(kind.to_bytes(2, "big") for kind in USUAL)


class Links:
    """What the reference decoder inherits; the rest of it is there."""

    def __getattr__(self, name: str) -> Any: ...

    def link(self, kind: int, part: Part) -> None:
        cut = (LINK, LinkAnomaly.HEADER_CUT)
        if kind == 1:
            self.ethernet(part)
        elif kind == 113:
            header = self.need(part, 16, *cut)
            self.cooked(struct.unpack(">H", header[14:])[0], struct.unpack(">H", header[4:6])[0], header[6:12], part.skip(16))
        elif kind == 276:
            header = self.need(part, 20, *cut)
            self.cooked(struct.unpack(">H", header[:2])[0], header[11], header[12:18], part.skip(20))
        elif kind in (0, 108):
            header = self.need(part, 4, *cut)
            big, little = struct.unpack(">I", header)[0], struct.unpack("<H", header[:2])[0]
            family = big if big <= 0xFFFF else little
            self.family(family, part.skip(4))
        elif kind in (12, 14, 101):
            version = self.need(part, 1, *cut)[0] >> 4
            if version not in (4, 6):
                self.fail(LINK, LinkAnomaly.BAD_HEADER, 0, 4, version)
            self.ethertype(0x0800 if version == 4 else 0x86DD, part)
        elif kind in (228, 229):
            self.ethertype(0x0800 if kind == 228 else 0x86DD, part)
        elif kind in (9, 50, 104, 166):
            if kind != 9 and len(part.raw) >= 4 and part.raw[0] in (0x0F, 0x8F):
                self.ethertype(struct.unpack(">H", part.raw[2:4])[0], part.skip(4))
            elif kind == 166 and part.raw[:2] in (b"\0\3", b"\1\3"):
                self.ppp(part.skip(2))
            else:
                self.ppp(part)
        elif kind == 51:
            self.ethertype(0x8864, part)
        elif kind == 239:
            self.nflog(part)
        elif kind == 240:
            self.need(part, 4, *cut)
            self.ethernet(part.skip(4))
        else:
            self.undecoded(-1, part)

    def ethernet(self, part: Part) -> None:
        header = self.need(part, 14, LINK, LinkAnomaly.HEADER_CUT)
        self.row["mac_destination"] = int.from_bytes(header[:6], "big")
        self.row["mac_source"] = int.from_bytes(header[6:12], "big")
        kind = struct.unpack(">H", header[12:])[0]
        stripped = self.vlan_stripped if self.depth == 0 else -1
        self.tags(kind, part.skip(14), [stripped & 0xFFF] if stripped >= 0 else [], ethernet=True)

    def tags(self, kind: int, part: Part, tags: list, *, ethernet: bool) -> None:
        try:
            while kind in SHIMS:
                kind, part = self.shim(kind, part, tags)
        finally:
            if tags:
                self.row |= {"vlan_outer": tags[0], "vlan_inner": tags[1] if len(tags) > 1 else -1, "vlan_count": min(len(tags), 255)}
        if ethernet and kind < 0x0600:
            if kind > 1500:
                self.undecoded(kind, part)
            else:
                self.llc(self.extent(part, kind, LINK, LinkAnomaly.LENGTH_EXCEEDS_FRAME, 12))
        else:
            self.ethertype(kind, part)

    def llc(self, part: Part) -> None:
        header = self.need(part, 3, LINK, LinkAnomaly.HEADER_CUT)
        pair = struct.unpack(">H", header[:2])[0]
        if header == b"\xaa\xaa\x03":
            header = self.need(part, 8, LINK, LinkAnomaly.HEADER_CUT)
            if header[3:6] in (b"\0\0\0", b"\0\0\xf8"):
                self.ethertype(struct.unpack(">H", header[6:])[0], part.skip(8))
            else:
                self.undecoded(-pair - 2, part.skip(8))
        elif pair == 0x0606:
            self.ethertype(0x0800, part.skip(3))
        else:
            self.undecoded(-pair - 2, part if pair == 0xFFFF else part.skip(3))

    def cooked(self, kind: int, mac_length: int, mac: bytes, part: Part) -> None:
        if mac_length == 6:
            self.row["mac_source"] = int.from_bytes(mac, "big")
        tags = [self.vlan_stripped & 0xFFF] if self.vlan_stripped >= 0 else []
        if kind == 4:
            if tags:
                self.row |= {"vlan_outer": tags[0], "vlan_count": 1}
            self.llc(part)
        else:
            self.tags(kind, part, tags, ethernet=False)

    def ppp(self, part: Part) -> None:
        if part.raw[:2] == b"\xff\x03":
            part = part.skip(2)
        length = 1 if part.raw and part.raw[0] & 1 else 2
        protocol = int.from_bytes(self.need(part, length, LINK, LinkAnomaly.HEADER_CUT), "big")
        part = part.skip(length)
        known = {0x0021: 0x0800, 0x0057: 0x86DD, 0x0281: 0x8847, 0x0283: 0x8848}
        if protocol in known:
            self.ethertype(known[protocol], part)
        else:
            self.undecoded(0x880B, part)

    def nflog(self, part: Part) -> None:
        family = self.need(part, 4, LINK, LinkAnomaly.HEADER_CUT)[0]
        part = part.skip(4)
        while True:
            header = self.need(part, 4, LINK, LinkAnomaly.HEADER_CUT)
            big = header[2] == 0 and header[3] != 0
            length, kind = struct.unpack(">HH" if big else "<HH", header)
            if length < 4:
                self.fail(LINK, LinkAnomaly.BAD_HEADER, 0, 4, length)
            if kind == 9:
                break
            self.need(part, (length + 3) & ~3, LINK, LinkAnomaly.HEADER_CUT)
            part = part.skip((length + 3) & ~3)
        part = self.extent(part, length, LINK, LinkAnomaly.LENGTH_EXCEEDS_FRAME, 0).skip(4)
        self.family(family, part)

    def family(self, family: int, part: Part) -> None:
        if family == 2:
            self.ethertype(0x0800, part)
        elif family in (10, 24, 28, 30):
            self.ethertype(0x86DD, part)
        else:
            self.undecoded(-1, part)

    # Network

    def ethertype(self, kind: int, part: Part) -> None:
        if kind == 0x0800:
            self.ipv4(part)
        elif kind == 0x86DD:
            self.ipv6(part)
        elif kind in (0x0806, 0x8035):
            self.arp(kind, part)
        elif kind in (0x8847, 0x8848):
            self.mpls(part)
        elif kind == 0x8864:
            self.pppoe(part)
        elif kind in SHIMS:
            count = self.row["vlan_count"]
            self.tags(kind, part, [self.row["vlan_outer"], self.row["vlan_inner"], *[0] * 253][:count], ethernet=False)
        elif not self.bridged(kind, part):
            self.undecoded(kind, part)
