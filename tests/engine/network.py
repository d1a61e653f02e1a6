"""A small network played by hand: hosts that talk, as frames of a capture, and the analysis of it."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from otwatch.engine.analysis import Analysis
from otwatch.limits import Limits
from otwatch.outputs.result import Result
from tests.capture.craft import pcap
from tests.decode.craft import ether, ip4, ip6, tcp, udp

SYN, ACK, PSH, FIN, RST = 2, 16, 8, 1, 4


@dataclass(frozen=True)
class Host:
    """An address behind a card. `router`: the MAC that its packets carry in this network instead."""

    ip: str
    mac: str

    @property
    def card(self) -> bytes:
        return bytes.fromhex(self.mac.replace(":", ""))


@dataclass
class Wire:
    """Frames in order, a millisecond apart."""

    frames: list[bytes] = field(default_factory=list)
    vlan: tuple[int, ...] = ()
    _port: int = 50_000

    def frame(self, source: Host, destination: Host, payload: bytes, kind: int = 0x0800) -> None:
        self.frames.append(ether(payload, kind, *self.vlan, source=source.card, destination=destination.card))

    def ip(self, source: Host, destination: Host, payload: bytes, protocol: int) -> None:
        number = len(self.frames) + 1
        if ":" in source.ip:
            self.frame(source, destination, ip6(payload, protocol, source=source.ip, destination=destination.ip), 0x86DD)
        else:
            self.frame(source, destination, ip4(payload, protocol, source=source.ip, destination=destination.ip, ident=number & 0xFFFF))

    def udp(self, source: Host, destination: Host, payload: bytes, port: int, *, source_port: int = 51_000) -> None:
        self.ip(source, destination, udp(payload, source=source_port, destination=port), 17)

    def arp(self, source: Host, asked: str, operation: int = 1) -> None:
        body = struct.pack(">HHBBH", 1, 0x0800, 6, 4, operation) + source.card + ipaddress.ip_address(source.ip).packed
        everybody = Host("255.255.255.255", "ff:ff:ff:ff:ff:ff")
        self.frame(source, everybody, body + bytes(6) + ipaddress.ip_address(asked).packed, 0x0806)

    def tcp(self, client: Host, server: Host, port: int, exchanges: Sequence[tuple[bytes, bytes]] = (), *, client_port: int | None = None,
            handshake: bool = True, one_way: bool = False, refused: bool = False) -> None:
        """A connection: requests and their answers, each in a segment of its own."""
        self._port += 1
        source = client_port or self._port
        sent, got = 1000, 9000

        def segment(back: bool, flags: int, payload: bytes = b"") -> None:
            if back and one_way:
                return
            ports = {"source": port, "destination": source} if back else {"source": source, "destination": port}
            numbers = {"seq": got, "ack": sent} if back else {"seq": sent, "ack": got}
            self.ip(server if back else client, client if back else server, tcp(payload, flags=flags, **ports, **numbers), 6)

        if handshake:
            segment(False, SYN)
            sent += 1
            segment(True, RST | ACK if refused else SYN | ACK)
            if refused:
                return
            got += 1
            segment(False, ACK)
        for request, answer in exchanges:
            segment(False, PSH | ACK, request)
            sent += len(request)
            if answer:
                segment(True, PSH | ACK, answer)
                got += len(answer)
        if handshake:
            segment(False, FIN | ACK)
            sent += 1
            segment(True, FIN | ACK)
            got += 1
            segment(False, ACK)

    def write(self, path: Path, *, snap: int | None = None) -> Path:
        """The frames as a pcap file."""
        packets = [(1_700_000_000 + number // 1000, number % 1000 * 1000, data[:snap], len(data)) for number, data in enumerate(self.frames)]
        path.write_bytes(pcap(packets))
        return path

    def analysed(self, folder: Path, *, limits: Limits | None = None) -> tuple[Result, Analysis]:
        """The analysis of the frames, without rules."""
        analysis = Analysis(limits or Limits())
        analysis.run([str(self.write(folder / "wire.pcap"))])
        return analysis.finish(), analysis


def modbus(transaction: int, unit: int, pdu: bytes) -> bytes:
    """A Modbus/TCP message."""
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def polls(count: int, unit: int = 1) -> list[tuple[bytes, bytes]]:
    """Reads of one register, and their answers."""
    return [(modbus(number, unit, bytes.fromhex("0300640001")), modbus(number, unit, bytes.fromhex("03020007"))) for number in range(1, count + 1)]


def writes(count: int, unit: int = 1) -> list[tuple[bytes, bytes]]:
    """Writes of one register, and their answers."""
    return [(modbus(number, unit, bytes.fromhex("0600640009")), modbus(number, unit, bytes.fromhex("0600640009"))) for number in range(1, count + 1)]


def identification(vendor: bytes, product: bytes, revision: bytes = b"1.0", unit: int = 1) -> tuple[bytes, bytes]:
    """Read device identification, and what the device says of itself (MODBUS Application Protocol V1.1b3 section 6.21)."""
    objects = b"".join(bytes([number, len(text)]) + text for number, text in enumerate((vendor, product, revision)))
    return modbus(77, unit, bytes.fromhex("2b0e0100")), modbus(77, unit, bytes.fromhex("2b0e01010000") + b"\x03" + objects)
