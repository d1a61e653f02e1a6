"""Packets by hand, every length and checksum right, with a clock of their own: the same bytes at every run."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
MS = 1_000_000
_START_NS = 1_767_225_600 * 10**9  # 2026-01-01 00:00 UTC


@dataclass(frozen=True)
class Host:
    """A device of the evasion plant."""

    ip: str
    mac: str
    ip6: str


HMI = Host("192.168.10.20", "00d0c90a1020", "fd00::20")
GUEST = Host("192.168.10.77", "00e04c0a1077", "fd00::77")  # the stranger who does what is dangerous
PLC = Host("192.168.10.10", "0080f40a1010", "fd00::10")


def checksum(data: bytes) -> int:
    """RFC 1071."""
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(source: Host, destination: Host, payload: bytes, kind: int = 0x0800, tags: tuple[tuple[int, int], ...] = ()) -> bytes:
    """Ethernet II; tags are (EtherType of the tag, VLAN id), the outer one first."""
    between = b"".join(struct.pack(">HH", tag, vlan) for tag, vlan in tags)
    return bytes.fromhex(destination.mac + source.mac) + between + struct.pack(">H", kind) + payload


def ipv4(source: Host, destination: Host, protocol: int, payload: bytes, *, ident: int = 1, fragment: int = 0, ttl: int = 64,
         options: bytes = b"") -> bytes:
    """`fragment` is the field with its flags: 0x2000 more fragments, then the offset in units of eight bytes."""
    size = 20 + len(options)
    head = struct.pack(">BBHHHBBH", 0x40 | size // 4, 0, size + len(payload), ident & 0xFFFF, fragment, ttl, protocol, 0)
    addresses = ipaddress.ip_address(source.ip).packed + ipaddress.ip_address(destination.ip).packed + options
    head = head[:10] + struct.pack(">H", checksum(head + addresses))
    return head + addresses + payload


def ipv6(source: Host, destination: Host, protocol: int, payload: bytes) -> bytes:
    """No extension headers."""
    addresses = ipaddress.ip_address(source.ip6).packed + ipaddress.ip_address(destination.ip6).packed
    return struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64) + addresses + payload


def _summed(source: Host, destination: Host, protocol: int, segment: bytes, at: int, *, six: bool) -> bytes:
    """The segment with its checksum at an offset, over the pseudo header."""
    if six:
        pseudo = ipaddress.ip_address(source.ip6).packed + ipaddress.ip_address(destination.ip6).packed + struct.pack(">II", len(segment), protocol)
    else:
        pseudo = ipaddress.ip_address(source.ip).packed + ipaddress.ip_address(destination.ip).packed + struct.pack(">HH", protocol, len(segment))
    value = checksum(pseudo + segment)
    if protocol == 17 and value == 0:
        value = 0xFFFF
    return segment[:at] + struct.pack(">H", value) + segment[at + 2:]


def udp(source: Host, destination: Host, ports: tuple[int, int], payload: bytes, *, six: bool = False) -> bytes:
    """A UDP datagram."""
    return _summed(source, destination, 17, struct.pack(">HHHH", *ports, 8 + len(payload), 0) + payload, 6, six=six)


class Capture:
    """Packets in order, a millisecond apart unless told otherwise. `wrap` is what every frame travels in, `snap` where the tap cuts it."""

    def __init__(self, *, wrap: Callable[[bytes], bytes] = bytes, snap: int = 65_535) -> None:
        self.packets: list[tuple[int, bytes]] = []
        self.now = _START_NS
        self.wrap = wrap
        self.snap = snap
        self.ident = 0

    def frame(self, frame: bytes, after_ns: int = MS) -> None:
        """One frame."""
        self.now += after_ns
        self.packets.append((self.now, self.wrap(frame)))

    def datagram(self, source: Host, destination: Host, protocol: int, payload: bytes, *, six: bool = False, after_ns: int = MS,
                 ttl: int = 64) -> None:
        """One IP datagram."""
        self.ident += 1
        if six:
            self.frame(ethernet(source, destination, ipv6(source, destination, protocol, payload), 0x86DD), after_ns)
        else:
            self.frame(ethernet(source, destination, ipv4(source, destination, protocol, payload, ident=self.ident, ttl=ttl)), after_ns)

    def fragments(self, source: Host, destination: Host, protocol: int, pieces: list[tuple[int, bytes]], *, last: int | None = None) -> None:
        """One IPv4 datagram in pieces (offset in bytes, content), in this order; the one at the offset `last` (default: the furthest) is its end."""
        final = max(at for at, _ in pieces) if last is None else last
        self.pieces(source, destination, protocol, [(at, piece, at == final) for at, piece in pieces])

    def pieces(self, source: Host, destination: Host, protocol: int, pieces: list[tuple[int, bytes, bool]], *, six: bool = False) -> None:
        """The same with what each piece says itself: (offset, content, whether it is the last)."""
        self.ident += 1
        for at, piece, last in pieces:
            if six:
                header = struct.pack(">BBHI", protocol, 0, at | (not last), self.ident)
                self.frame(ethernet(source, destination, ipv6(source, destination, 44, header + piece), 0x86DD))
            else:
                field = at // 8 | (0 if last else 0x2000)
                self.frame(ethernet(source, destination, ipv4(source, destination, protocol, piece, ident=self.ident, fragment=field)))

    def fragments6(self, source: Host, destination: Host, protocol: int, payload: bytes, size: int) -> None:
        """One IPv6 datagram in pieces of `size` bytes (RFC 8200 section 4.5)."""
        self.ident += 1
        for at in range(0, len(payload), size):
            header = struct.pack(">BBHI", protocol, 0, at | (at + size < len(payload)), self.ident)
            self.frame(ethernet(source, destination, ipv6(source, destination, 44, header + payload[at:at + size]), 0x86DD))

    def write(self, path: Path) -> Path:
        """A nanosecond pcap."""
        with path.open("wb") as out:
            out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, self.snap, 1))
            for time, data in self.packets:
                out.write(struct.pack("<IIII", *divmod(time, 10**9), min(self.snap, len(data)), len(data)) + data[:self.snap])
        return path


class Tcp:
    """One connection in a capture. `sequence` is that of the next byte of each side, 0 the client; the other side acknowledges all it was sent.

    `blind` is a side of which the tap sees nothing.
    """

    def __init__(self, capture: Capture, client: Host, server: Host, port: int, *, client_port: int = 50_000, start: tuple[int, int] = (1000, 9000),
                 six: bool = False, blind: int | None = None, opened: bool = True) -> None:
        self.capture = capture
        self.hosts = (client, server)
        self.ports = (client_port, port)
        self.sequence = list(start)
        self.six = six
        self.blind = blind
        if opened:
            self.open()

    def segment(self, side: int, payload: bytes = b"", *, flags: int = PSH | ACK, sequence: int | None = None, acknowledgement: int | None = None,
                urgent: int = 0, options: bytes = b"", window: int = 8192, bad_sum: bool = False) -> bytes:
        """The bytes of a segment, not sent yet."""
        here = self.sequence[side] if sequence is None else sequence
        there = acknowledgement if acknowledgement is not None else self.sequence[1 - side] if flags & ACK else 0
        ports = self.ports if side == 0 else self.ports[::-1]
        size = 5 + len(options) // 4
        head = struct.pack(">HHIIHHHH", *ports, here & 0xFFFFFFFF, there & 0xFFFFFFFF, size << 12 | flags, window, 0, urgent) + options
        whole = _summed(self.hosts[side], self.hosts[1 - side], 6, head + payload, 16, six=self.six)
        return whole[:16] + bytes(byte ^ 0x5A for byte in whole[16:18]) + whole[18:] if bad_sum else whole

    def send(self, side: int, payload: bytes = b"", *, after_ns: int = MS, ttl: int = 64, **how: Any) -> None:
        """A segment at any place (`how`: see `segment`); the connection's own numbers stay."""
        if side != self.blind:
            self.capture.datagram(self.hosts[side], self.hosts[1 - side], 6, self.segment(side, payload, **how), six=self.six, after_ns=after_ns,
                                  ttl=ttl)

    def open(self) -> None:
        """The handshake."""
        for side, flags in ((0, SYN), (1, SYN | ACK)):
            self.send(side, flags=flags)
            self.sequence[side] += 1
        self.send(0, flags=ACK)

    def say(self, payload: bytes, *sizes: int, side: int = 0) -> None:
        """The next bytes of a side, cut into pieces of these sizes; the last one repeats."""
        at = index = 0
        while at < len(payload):
            size = sizes[min(index, len(sizes) - 1)] if sizes else len(payload)
            self.send(side, payload[at:at + size])
            self.sequence[side] += len(payload[at:at + size])
            at += size
            index += 1

    def answer(self, payload: bytes, *sizes: int) -> None:
        """The next bytes of the server."""
        self.say(payload, *sizes, side=1)

    def lose(self, payload: bytes, side: int = 0) -> None:
        """Bytes that were sent and that the tap did not see."""
        self.sequence[side] += len(payload)

    def close(self) -> None:
        """Both sides end."""
        for side in (0, 1):
            self.send(side, flags=FIN | ACK)
            self.sequence[side] += 1
        self.send(0, flags=ACK)
