"""Floods of distinct flows, as pcap files: each packet opens a flow of its own, and somewhere among them an attacker stops a controller.

    python tests/benchmarks/make_flood.py KIND PACKETS OUT.pcap
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

Columns = dict[str, Any]
TARGET: Final = 0x0A00010A  # 10.0.1.10, the controller
ATTACKER: Final = 0x0A0002E7  # 10.0.2.231
_SECOND: Final = 100_000  # packets in one
_STARTED: Final = 1_700_000_000
_HEAD: Final = [("head", "<u4", 4), ("to", "V6"), ("from", ">u2"), ("card", ">u4"), ("kind", ">u2")]
_IP: Final = [("ip", "V10"), ("checksum", ">u2"), ("source", ">u4"), ("destination", ">u4")]
_PORTS: Final = [("source_port", ">u2"), ("destination_port", ">u2")]
_TCP: Final = np.dtype([*_HEAD, *_IP, *_PORTS, ("sequence", ">u4"), ("rest", "V12")])
_UDP: Final = np.dtype([*_HEAD, *_IP, *_PORTS, ("length", ">u2"), ("sum", ">u2"), ("payload", ">u8")])
_BARE: Final = np.dtype([*_HEAD, ("payload", "V46")])
_PRIME: Final = 2_654_435_761


def _spoofed(number: np.ndarray[Any, Any]) -> Columns:
    """Each of another sender, to one port of one controller."""
    return {"source": 0x0B000000 + number, "destination": TARGET, "source_port": 1024 + number % 60_000, "destination_port": 502}


def _ports(number: np.ndarray[Any, Any]) -> Columns:
    """250 senders, from all of their ports, to one port of one controller."""
    return {"source": 0x0A010001 + number % 250, "destination": TARGET, "source_port": 1024 + number // 250 % 60_000, "destination_port": 502}


def _scan(number: np.ndarray[Any, Any]) -> Columns:
    """One sender to every port of every address of a /16."""
    return {"source": ATTACKER + 1, "destination": 0x0A020000 + number % 65_536, "source_port": 40_000, "destination_port": 1 + number // 65_536}


def _udp(number: np.ndarray[Any, Any]) -> Columns:
    """Noise: any of 100 000 addresses to any other, from any port to any port."""
    mixed = (number * _PRIME) & 0xFFFFFFFF
    return {"source": 0x0A100000 + mixed % 100_003, "destination": 0x0A200000 + number % 99_991, "source_port": mixed >> 16,
            "destination_port": number * 7 % 65_536, "payload": mixed * 40_503, "length": 16}


def _cards(number: np.ndarray[Any, Any]) -> Columns:
    """Frames without IP, each of another card."""
    return {"card": number, "kind": 0x88B5}


KINDS: Final[dict[str, tuple[np.dtype[Any], bytes, Callable[[np.ndarray[Any, Any]], Columns]]]] = {
    "spoofed": (_TCP, bytes.fromhex("45000028000100004006"), _spoofed),
    "ports": (_TCP, bytes.fromhex("45000028000100004006"), _ports),
    "scan": (_TCP, bytes.fromhex("45000028000100004006"), _scan),
    "udp": (_UDP, bytes.fromhex("45000024000100004011"), _udp),
    "cards": (_BARE, b"", _cards),
}


def make_flood(path: Path, kind: str, packets: int, *, stop_at: int | None = None) -> None:
    """Writes that many packets, 100 000 a second. After number `stop_at` (default: the middle) comes the attacker's connection."""
    dtype, ip, columns = KINDS[kind]
    stop_at = packets // 2 if stop_at is None else stop_at
    with path.open("wb") as out:
        out.write(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
        start = 0
        while start < packets:
            end = min(packets, start + _SECOND, stop_at if start < stop_at else packets)
            number = np.arange(start, end)
            rows = np.zeros(len(number), dtype)
            length = dtype.itemsize - 16
            seconds = _STARTED + number // _SECOND
            rows["head"] = np.stack([seconds, number % _SECOND * 10, np.full_like(number, length), np.full_like(number, length)], 1)
            rows["to"], rows["from"], rows["card"], rows["kind"] = np.void(bytes.fromhex("020000000001")), 0x0200, 2, 0x0800
            if ip:
                rows["ip"] = np.void(ip)
            if "rest" in (dtype.names or ()):
                rows["sequence"], rows["rest"] = number * _PRIME & 0xFFFFFFFF, np.void(bytes.fromhex("000000005002ffff00000000"))
            for name, values in columns(number).items():
                rows[name] = values
            out.write(rows.tobytes())
            start = end
            if end == stop_at:
                out.write(_stop(_STARTED + stop_at // _SECOND, stop_at % _SECOND * 10))


def _stop(seconds: int, microseconds: int) -> bytes:
    """The attacker's connection: a write of a register (function 6), then the stop of the controller (UMAS 0x41), both answered."""
    sent, got, packets = 1000, 9000, []

    def segment(back: bool, flags: int, payload: bytes = b"") -> None:
        ends = (TARGET, ATTACKER, 502, 50_123, got, sent) if back else (ATTACKER, TARGET, 50_123, 502, sent, got)
        source, destination, source_port, destination_port, sequence, acknowledgement = ends
        segment_ = struct.pack(">HHIIBBHHH", source_port, destination_port, sequence, acknowledgement, 0x50, flags, 8192, 0, 0) + payload
        datagram = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(segment_), len(packets), 0, 64, 6, 0, source, destination) + segment_
        cards = bytes.fromhex("0200000000e7020000000001" if back else "0200000000010200000000e7")
        packets.append(cards + b"\x08\0" + datagram)

    segment(False, 0x02)
    sent += 1
    segment(True, 0x12)
    got += 1
    segment(False, 0x10)
    for transaction, pdu, answer in ((1, "0600640009", "0600640009"), (2, "5a0041ff00", "5a00fe")):
        for back, body in ((False, pdu), (True, answer)):
            message = bytes.fromhex(body)
            message = struct.pack(">HHHB", transaction, 0, len(message) + 1, 1) + message
            segment(back, 0x18, message)
            sent, got = (sent, got + len(message)) if back else (sent + len(message), got)
    return b"".join(struct.pack("<IIII", seconds, microseconds, len(packet), len(packet)) + packet for packet in packets)


if __name__ == "__main__":
    make_flood(Path(sys.argv[3]), sys.argv[1], int(sys.argv[2]))
