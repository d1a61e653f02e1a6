"""The encapsulations of otwatch.decode.link, bridged and overlays once more, with struct and slices: a part of the reference decoder."""

from __future__ import annotations

import struct
from typing import Any

from otwatch.decode.anomalies import LinkAnomaly, NetworkAnomaly
from otwatch.vocabulary import Layer, Tunnel
from tests.oracle.part import Part, Stopped

CUT = (Layer.NETWORK, NetworkAnomaly.TUNNEL_HEADER_CUT)
BAD = (Layer.NETWORK, NetworkAnomaly.TUNNEL_BAD_HEADER)
LINK_CUT = (Layer.LINK, LinkAnomaly.HEADER_CUT)
LINK_BAD = (Layer.LINK, LinkAnomaly.BAD_HEADER)
VLAN = (0x8100, 0x88A8, 0x9100, 0x9200, 0x9300)
FIXED = {0x892F: 6, 0xF1C1: 6, 0x8926: 6, 0x893F: 8}
SHIMS = (*VLAN, *FIXED, 0x8909, 0x88E5)
USUAL = (0x0800, 0x86DD, 0x0806, 0x8100, 0x88A8, 0x8847, 0x8864, 0x8892, 0x88B8, 0x88CC,
         0x8926, 0x893F, 0x8909, 0x88E5, 0x88E7, 0x894F, 0x22F3, 0x8903)
OVER_ETHERNET = (0x8847, 0x8864, 0x88E5, 0x88E7, 0x894F, 0x22F3, 0x8903, 0x8892, 0x88B8, 0x88BA, 0x88A4, 0x88CC)


def u16(raw: bytes, at: int = 0) -> int:
    return struct.unpack_from(">H", raw, at)[0]


def ethernet_at(raw: bytes, at: int = 0) -> bool:
    return len(raw) >= at + 14 and u16(raw, at + 12) in USUAL


def ip_at(part: Part, at: int, *, exact: bool) -> int:
    raw = part.raw[at:]
    if len(raw) < 20:
        return 0
    total = 0
    if raw[0] >> 4 == 4 and raw[0] & 15 >= 5 and u16(raw, 2) >= (raw[0] & 15) * 4:
        total, kind = u16(raw, 2), 0x0800
    elif raw[0] >> 4 == 6 and len(raw) >= 40:
        total, kind = 40 + u16(raw, 4), 0x86DD
    there = part.wire - at
    return kind if total and (total == there if exact else total <= there) else 0


def frame_at(part: Part, at: int, *, known: bool) -> bool:
    raw = part.raw[at:]
    if len(raw) < 14:
        return False
    kind, start = u16(raw, 12), 14
    while kind in VLAN or kind in FIXED or kind == 0x8909:
        start += 4 if kind in VLAN else FIXED.get(kind, 8)
        if len(raw) < start:
            return False
        kind = u16(raw, start - 2)
    if kind in (0x0800, 0x86DD):
        return ip_at(part, at + start, exact=False) == kind
    return kind == 0x0806 or (known and kind in OVER_ETHERNET)


def ppp_at(part: Part, at: int) -> int:
    raw = part.raw[at:]
    skip = 2 if raw[:2] == b"\xff\x03" and len(raw) >= 4 else 0
    raw = raw[skip:]
    if len(raw) >= 2 and raw[0] in (0x21, 0x57):
        return ip_at(part, at + skip + 1, exact=True)
    if raw[:2] in (b"\0\x21", b"\0\x57"):
        return ip_at(part, at + skip + 2, exact=True)
    return 0


class Encapsulations:
    """What the reference decoder inherits; the rest of it is there."""

    def __getattr__(self, name: str) -> Any: ...

    def shim(self, kind: int, part: Part, tags: list) -> tuple[int, Part]:
        """What follows one tag."""
        if kind in VLAN:
            tags.append(u16(self.need(part, 4, *LINK_CUT)) & 0xFFF)
            return u16(part.raw, 2), part.skip(4)
        if kind == 0x88E5:
            return self.macsec(part)
        length = FIXED.get(kind, 0)
        if kind == 0x8909:
            if len(part.raw) < 2:
                self.need(part, 8, *LINK_CUT)
            if part.raw[0] != 1 or part.raw[1] == 0:
                self.fail(*LINK_BAD, 0, 0x0101, u16(part.raw))
            length = 4 + 4 * part.raw[1]
        return u16(self.need(part, length, *LINK_CUT)[-2:]), part.skip(length)

    def macsec(self, part: Part) -> tuple[int, Part]:
        if len(part.raw) < 2:
            self.need(part, 6, *LINK_CUT)
        control, short = part.raw[:2]
        length = 14 if control & 0x20 else 6
        self.need(part, length + 2, *LINK_CUT)
        if control & 0x80 or short > 63:
            self.fail(*LINK_BAD, 0, 0, u16(part.raw))
        if control & 0x0C:
            self.undecoded(0x88E5, part)
            raise Stopped
        if short and length + short <= part.wire:
            part = self.clip(part, length + short)
        elif short:
            self.note(Layer.LINK, LinkAnomaly.LENGTH_EXCEEDS_FRAME, 1, short, part.wire - length)
        elif part.missing is not None:
            if part.wire < length + 18:
                self.fail(*LINK_CUT, part.wire, length + 18, part.wire)
            part = self.clip(part, part.wire - 16)
        self.need(part, length + 2, *LINK_CUT)
        return u16(part.raw, length), part.skip(length + 2)

    def bridged(self, kind: int, part: Part) -> bool:
        """Frames in frames, and NSH."""
        if kind == 0x88E7:
            header = self.need(part, 4, *CUT)
            self.unwrap(Tunnel.PBB, int.from_bytes(header[1:], "big"))
            self.ethernet(part.skip(4))
        elif kind == 0x22F3:
            first, egress, _ = struct.unpack(">HHH", self.need(part, 6, *CUT))
            if first >> 14:
                self.fail(*BAD, 0, 0, first >> 14)
            length = 6 + (first >> 6 & 31) * 4
            self.need(part, length, *CUT)
            self.unwrap(Tunnel.TRILL, egress)
            self.ethernet(part.skip(length))
        elif kind == 0x8903:
            header = self.need(part, 2, *CUT)
            self.unwrap(Tunnel.FABRICPATH, u16(header) >> 6)
            self.ethernet(part.skip(2))
        elif kind == 0x894F:
            header = self.need(part, 8, *CUT)
            first, length = u16(header), (header[1] & 0x3F) * 4
            if first >> 14 or length < 8:
                self.fail(*BAD, 0, 8, first)
            self.need(part, length, *CUT)
            if header[3] not in (1, 2, 3, 4, 5):
                self.fail(*BAD, 3, 5, header[3])
            self.unwrap(Tunnel.NSH, int.from_bytes(header[4:7], "big"))
            self.content(header[3], part.skip(length))
        else:
            return False
        return True

    def content(self, number: int, part: Part) -> None:
        """What VXLAN-GPE and NSH carry."""
        kinds = {1: 0x0800, 2: 0x86DD, 4: 0x894F, 5: 0x8847}
        self.ethernet(part) if number == 3 else self.ethertype(kinds[number], part)

    def etherip(self, part: Part) -> None:
        header = self.need(part, 2, *CUT)
        tunnel_id = -1
        if header != b"\x30\0":
            if header[0] & 15 != 3:
                return self.payload(part)
            tunnel_id = header[0] >> 4 << 8 | header[1]
        self.unwrap(Tunnel.ETHERIP, tunnel_id)
        return self.ethernet(part.skip(2))

    def eoip(self, key: int, part: Part) -> None:
        length, tunnel_id = key >> 16, int.from_bytes(struct.pack(">H", key & 0xFFFF), "little")
        if not length:
            return self.payload(part)
        if length > part.wire:
            self.note(*BAD, 4, length, part.wire)
        else:
            part = self.clip(part, length)
        self.unwrap(Tunnel.EOIP, tunnel_id)
        return self.ethernet(part)

    def l2tpv3(self, part: Part) -> None:
        session = int.from_bytes(self.need(part, 4, *CUT), "big")
        self.payload(part)
        if session:
            self.by_trying(part.skip(4), session)

    def by_trying(self, part: Part, session: int) -> None:
        for skip in (0, 4, 8, 12):
            inner = part.skip(skip)
            kind = ip_at(inner, 0, exact=True)
            if frame_at(inner, 0, known=True):
                self.unwrap(Tunnel.L2TP, session)
                return self.ethernet(inner)
            if kind:
                self.unwrap(Tunnel.L2TP, session)
                return self.ethertype(kind, inner)
            if ppp_at(inner, 0):
                self.unwrap(Tunnel.L2TP, session)
                return self.ppp(inner)
        return None

    def overlay(self, ports: tuple[int, int], part: Part) -> None:
        """The UDP payload that has no port of VXLAN or Geneve."""
        raw = part.raw
        if len(raw) < 4:
            return None
        if ports[1] == 4754 and raw[0] & 0x4F == 0 and raw[1] & 0x7F == 0:
            return self.gre(part)
        if ports[1] == 6635 and ip_at(part, 4, exact=False) and raw[2] & 1:
            return self.mpls(part)
        if raw[:4] == b"\x08\0\0\0" and frame_at(part, 8, known=False) and raw[7] == 0 and len(raw) >= 22:
            self.unwrap(Tunnel.VXLAN, int.from_bytes(raw[4:7], "big"))
            return self.ethernet(part.skip(8))
        if raw[0] >> 4 == 3 and self.gtp(part, hint=2152 in ports):
            return None
        if raw[0] == 1 and self.tzsp(part, hint=37008 in ports):
            return None
        if self.l2tp(part, hint=1701 in ports):
            return None
        return self.teredo(part, hint=3544 in ports)

    def gtp(self, part: Part, *, hint: bool) -> bool:
        raw = part.raw
        if len(raw) < 8:
            return False
        flags, kind, length, tunnel_id = struct.unpack(">BBHI", raw[:8])
        whole = 8 + length == part.wire
        if not (hint or (whole and kind == 255)) or flags & 8:
            return False
        if kind != 255:
            return whole and kind in (1, 2, 26, 31, 253, 254)
        at, following = 8, 0
        if flags & 7:
            if len(raw) < 12:
                return hint and bool(self.need(part, 12, *CUT))
            at, following = 12, raw[11] if flags & 4 else 0
        while following:
            if len(raw) < at + 4:
                return hint and bool(self.need(part, at + 4, *CUT))
            size = raw[at] * 4
            if size == 0:
                return hint and bool(self.fail(*BAD, at, 1, 0))
            if len(raw) < at + size:
                return hint and bool(self.need(part, at + size, *CUT))
            at += size
            following = raw[at - 1]
        inner = part.skip(at)
        ethertype = ip_at(inner, 0, exact=not hint)
        if not ethertype and hint and inner.raw and inner.raw[0] >> 4 in (4, 6) and not ethernet_at(inner.raw):
            ethertype = 0x0800 if inner.raw[0] >> 4 == 4 else 0x86DD
        if not ethertype and not frame_at(inner, 0, known=hint):
            return hint
        if not whole:
            self.note(*BAD, 2, length, part.wire - 8)
        self.unwrap(Tunnel.GTP_U, tunnel_id)
        self.ethertype(ethertype, inner) if ethertype else self.ethernet(inner)
        return True

    def tzsp(self, part: Part, *, hint: bool) -> bool:
        raw, at = part.raw, 4
        if raw[1] > 1:
            return hint and raw[1] <= 5
        while True:
            if at >= len(raw):
                return hint and bool(self.need(part, at + 1, *CUT))
            if raw[at] == 1:
                break
            if raw[at] and at + 1 >= len(raw):
                return hint and bool(self.need(part, at + 2, *CUT))
            at += 2 + raw[at + 1] if raw[at] else 1
        if u16(raw, 2) != 1:
            return hint
        if not hint and not frame_at(part, at + 1, known=False):
            return False
        self.unwrap(Tunnel.TZSP, -1)
        self.ethernet(part.skip(at + 1))
        return True

    def l2tp(self, part: Part, *, hint: bool) -> bool:
        raw, flags = part.raw, u16(part.raw)
        if flags & 0x34F0 or flags & 15 not in (2, 3):
            return False
        if flags & 0x8000:
            return hint and flags & 0x4800 == 0x4800
        if flags & 15 == 3:
            if not hint or flags != 3 or len(raw) < 8 or u16(raw, 2):
                return False
            self.by_trying(part.skip(8), int.from_bytes(raw[4:8], "big"))
            return True
        ids = 4 if flags & 0x4000 else 2
        length = ids + 4 + (4 if flags & 0x0800 else 0) + (2 if flags & 0x0200 else 0)
        if len(raw) < length:
            return hint and bool(self.need(part, length, *CUT))
        whole = length + (u16(raw, length - 2) if flags & 0x0200 else 0)
        if len(raw) < whole + 2:
            return hint and bool(self.need(part, whole + 2, *CUT))
        if not hint and not ppp_at(part, whole):
            return False
        said = u16(raw, 2)
        if flags & 0x4000 and length <= said <= part.wire:
            part = self.clip(part, said)
        self.unwrap(Tunnel.L2TP, int.from_bytes(raw[ids:ids + 4], "big"))
        self.ppp(part.skip(whole))
        return True

    def teredo(self, part: Part, *, hint: bool) -> None:
        raw = part.raw
        if raw[:2] == b"\0\1":
            part = part.skip(13 + raw[2] + raw[3])
            if len(part.raw) < 2:
                return
        if part.raw[:2] == b"\0\0":
            part = part.skip(8)
        if ip_at(part, 0, exact=True) != 0x86DD:
            return
        prefix = b"\x20\1\0\0"
        if hint or prefix in (part.raw[8:12], part.raw[24:28]):
            self.unwrap(Tunnel.TEREDO, -1)
            self.ethertype(0x86DD, part)
