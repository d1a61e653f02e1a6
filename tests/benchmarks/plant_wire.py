"""Packets of a modelled plant, for the mixes of `make_mix.py`: hosts, TCP connections with right numbers and checksums, and OT messages.

Plain `struct`, some 5 microseconds a packet: the model is to be read, and captures of half a million packets are enough to measure a slope.
"""

from __future__ import annotations

import heapq
import random
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SYN, ACK, PSH_ACK, FIN_ACK, SYN_ACK, RST = 0x02, 0x10, 0x18, 0x11, 0x12, 0x04
START_NS = 1_790_000_000 * 1_000_000_000
Packet = tuple[int, bytes]  # timestamp_ns, frame


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071): a ones' complement sum is a remainder modulo 65535."""
    total = int.from_bytes(data + b"\0" * (len(data) & 1), "big") % 0xFFFF
    return ~(total or (0xFFFF if any(data) else 0)) & 0xFFFF


@dataclass(frozen=True, slots=True)
class Host:
    """A card and its address; `vlan` 0: untagged."""

    mac: bytes
    ip: bytes
    vlan: int = 0


def host(oui: str, address: str, vlan: int = 0) -> Host:
    """A host whose card carries the last three bytes of its address."""
    ip = socket.inet_aton(address)
    return Host(bytes.fromhex(oui) + ip[1:], ip, vlan)


def frame(source: Host, target: Host, protocol: int, segment: bytes, ident: int) -> bytes:
    """Ethernet, a VLAN tag where the source has one, IPv4."""
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(segment), ident & 0xFFFF, 0x4000, 64, protocol, 0, source.ip, target.ip)
    ethernet = target.mac + source.mac + (struct.pack(">HH", 0x8100, source.vlan) if source.vlan else b"") + b"\x08\x00"
    made = ethernet + head[:10] + checksum(head).to_bytes(2, "big") + head[12:] + segment
    return made + bytes(60 - len(made)) if len(made) < 60 else made


def udp(source: Host, target: Host, ports: tuple[int, int], payload: bytes, ident: int) -> bytes:
    """A UDP datagram."""
    return frame(source, target, 17, struct.pack(">HHHH", *ports, 8 + len(payload), 0) + payload, ident)


@dataclass(slots=True)
class Tcp:
    """One connection; every method gives frames with the right numbers."""

    client: Host
    server: Host
    client_port: int
    server_port: int
    sequence: list[int] = field(default_factory=lambda: [1000, 5000])
    ident: int = 0

    def packet(self, side: int, flags: int, payload: bytes = b"") -> bytes:
        """A segment of side 0, the client, or 1."""
        source, target = (self.client, self.server) if side == 0 else (self.server, self.client)
        ports = (self.client_port, self.server_port) if side == 0 else (self.server_port, self.client_port)
        acknowledgement = 0 if flags == SYN else self.sequence[1 - side] & 0xFFFFFFFF
        head = struct.pack(">HHIIBBHHH", *ports, self.sequence[side] & 0xFFFFFFFF, acknowledgement, 0x50, flags, 8192, 0, 0)
        segment = head + payload
        total = checksum(source.ip + target.ip + struct.pack(">HH", 6, len(segment)) + segment)
        self.sequence[side] += len(payload) + (1 if flags & 3 else 0)
        self.ident += 1
        return frame(source, target, 6, segment[:16] + total.to_bytes(2, "big") + segment[18:], self.ident)

    def open(self) -> list[bytes]:
        """The handshake."""
        return [self.packet(0, SYN), self.packet(1, SYN_ACK), self.packet(0, ACK)]

    def close(self) -> list[bytes]:
        """FIN of both sides."""
        return [self.packet(0, FIN_ACK), self.packet(1, FIN_ACK), self.packet(0, ACK)]

    def exchange(self, request: bytes, response: bytes) -> list[bytes]:
        """Request, response, acknowledgement."""
        return [self.packet(0, PSH_ACK, request), self.packet(1, PSH_ACK, response), self.packet(0, ACK)]


# ---- OT messages


def modbus(transaction: int, unit: int, pdu: bytes) -> bytes:
    """A Modbus/TCP message."""
    return struct.pack(">HHHB", transaction & 0xFFFF, 0, len(pdu) + 1, unit) + pdu


def modbus_read(transaction: int, unit: int, start: int, count: int, values: bytes) -> tuple[bytes, bytes]:
    """Read holding registers and its response."""
    return modbus(transaction, unit, struct.pack(">BHH", 3, start, count)), modbus(transaction, unit, bytes((3, 2 * count)) + values)


def modbus_write(transaction: int, unit: int, register: int, value: int) -> tuple[bytes, bytes]:
    """Write single register; the response repeats it."""
    message = modbus(transaction, unit, struct.pack(">BHH", 6, register & 0xFFFF, value & 0xFFFF))
    return message, message


def s7(kind: int, reference: int, parameters: bytes, data: bytes = b"") -> bytes:
    """An S7comm message in COTP data in TPKT."""
    error = bytes(2) if kind == 3 else b""
    body = struct.pack(">BBHHHH", 0x32, kind, 0, reference & 0xFFFF, len(parameters), len(data)) + error + parameters + data
    return struct.pack(">BBHBBB", 3, 0, 7 + len(body), 2, 0xF0, 0x80) + body


def s7_any(area: int, db: int, byte: int, size: int) -> bytes:
    """An item address: `size` bytes of an area."""
    return struct.pack(">BBBBHHB", 0x12, 10, 0x10, 2, size, db, area) + (byte * 8).to_bytes(3, "big")


def s7_read(reference: int, db: int, byte: int, values: bytes) -> tuple[bytes, bytes]:
    """Read of a range of a data block and its response."""
    answer = struct.pack(">BBH", 0xFF, 4, 8 * len(values)) + values
    return s7(1, reference, b"\x04\x01" + s7_any(0x84, db, byte, len(values))), s7(3, reference, b"\x04\x01", answer)


def s7_write(reference: int, db: int, byte: int, value: int) -> tuple[bytes, bytes]:
    """Write of a word of a data block and its response."""
    data = struct.pack(">BBHH", 0, 4, 16, value & 0xFFFF)
    return s7(1, reference, b"\x05\x01" + s7_any(0x84, db, byte, 2), data), s7(3, reference, b"\x05\x01", b"\xff")


S7_OPENING = (
    (bytes.fromhex("0300001611e00000000100c0010ac1020200c2020202"), bytes.fromhex("0300001611d00001000200c0010ac1020200c2020202")),
    (s7(1, 0, b"\xf0\x00" + struct.pack(">HHH", 1, 1, 480)), s7(3, 0, b"\xf0\x00" + struct.pack(">HHH", 1, 1, 480))),
)


# ---- time

Actor = Iterator[tuple[int, list[bytes]]]  # (nanoseconds until the next burst, the frames of this one)


def interleaved(actors: list[Callable[[random.Random], Actor]], seed: int) -> Iterator[Packet]:
    """The packets of actors that run beside each other, in order of time. Every actor has its own random numbers."""
    queue: list[tuple[int, int, list[bytes], int, Actor]] = []

    def next_burst(after_ns: int, number: int, running: Actor) -> None:
        following = next(running, None)
        if following is not None and following[1]:
            heapq.heappush(queue, (after_ns + following[0], number, following[1], 0, running))

    for number, actor in enumerate(actors):
        next_burst(START_NS, number, actor(random.Random(f"{seed}.{number}")))
    while queue:
        now, number, frames, place, running = heapq.heappop(queue)
        yield now, frames[place]
        if place + 1 < len(frames):
            heapq.heappush(queue, (now + 180_000, number, frames, place + 1, running))
        else:
            next_burst(now, number, running)


def write(path: Path, packets: Iterator[Packet], count: int) -> int:
    """A pcap file of nanoseconds with the first `count` packets; returns how many there were."""
    written = 0
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        for timestamp_ns, data in packets:
            if written == count:
                break
            out.write(struct.pack("<IIII", timestamp_ns // 10**9, timestamp_ns % 10**9, len(data), len(data)) + data)
            written += 1
    return written
