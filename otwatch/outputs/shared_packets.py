"""Packets that can be shown to others: addresses and MACs replaced, checksums in step, and no payload that may hold more than numbers.

Of a packet the headers stay, and the payload only of Modbus, DNP3, S7comm and IEC 104 connections in which nobody logs in, identifies a device or
moves programs or files, and only where it holds no name and no address of the plant. Every other payload is cut off; the original length stays, so
that a reader sees how much. What has no headers that are known here (tunnels, other links) is cut after the last one that is, or left out.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from otwatch.errors import CaptureError
from otwatch.outputs.json_text import json_text
from otwatch.outputs.pseudonyms import Pseudonyms

_NUMBERS: Final = frozenset({"modbus", "dnp3", "s7comm", "iec104"})
_WITHHELD: Final = frozenset(
    {"PROGRAM_DOWNLOAD", "PROGRAM_UPLOAD", "FIRMWARE", "FILE", "IDENTIFY", "BROWSE", "ALARM", "AUTHENTICATE", "ENCRYPTED", "OTHER"}
)
_TAGS: Final = frozenset({0x8100, 0x88A8, 0x9100})
_ETHERNET, _RAW, _IPV4, _IPV6 = 1, 101, 228, 229
_MOST_BYTES: Final = 1_000_000
_NOP: Final = b"\x01"

_CONFIRM: Final = ("dnp3", "confirm")  # the only operation of no other kind that carries nothing

Ends = frozenset[tuple[str, int]]


@dataclass(slots=True)
class Shared:
    """What became of the packets."""

    packets: int = 0
    cut: int = 0  # payloads
    left_out: int = 0


def readable(operations: Iterable[Mapping[str, Any]]) -> set[Ends]:
    """The connections whose payload is numbers, by what was read in them."""
    found: dict[Ends, bool] = {}
    for row in operations:
        ends = frozenset({(str(row["src"]), int(row["src_port"] or 0)), (str(row["dst"]), int(row["dst_port"] or 0))})
        fine = row["action"] not in _WITHHELD or (row["protocol"], row["function_name"]) == _CONFIRM
        found[ends] = found.get(ends, True) and fine and row["protocol"] in _NUMBERS
    return {ends for ends, fine in found.items() if fine}


def share_packets(source: Path, target: Path, names: Pseudonyms, shown: set[Ends]) -> Shared:
    """Rewrites a pcapng file of ours. CaptureError when it is another, OSError of the disk."""
    done, links = Shared(), list[int]()
    with target.open("wb") as file:
        for kind, block in _blocks(source):
            if kind == 1:
                links.append(struct.unpack_from("<H", block)[0])
                # without the name of the interface; times are in nanoseconds
                file.write(_block(1, block[:8] + struct.pack("<HHBxxxHH", 9, 1, 9, 0, 0)))
            elif kind == 6:
                interface, high, low, captured, length = struct.unpack_from("<5I", block)
                packet = _Packet(block[20 : 20 + captured], names, shown).shared(links[interface])
                if packet is None:
                    done.left_out += 1
                    continue
                done.packets += 1
                done.cut += len(packet) < captured
                file.write(_block(6, struct.pack("<5I", interface, high, low, len(packet), length) + packet + bytes(-len(packet) % 4)))
            else:
                file.write(_block(kind, block))
    return done


def _blocks(source: Path) -> Iterator[tuple[int, bytes]]:
    with source.open("rb") as file:
        while head := file.read(8):
            kind, length = struct.unpack("<II", head) if len(head) == 8 else (0, 0)
            if kind not in (1, 6, 0x0A0D0D0A) or not 12 <= length <= _MOST_BYTES:
                raise CaptureError(f"{source}: cannot be shared: no packets that otwatch cut out")
            yield kind, file.read(length - 8)[:-4]


def _block(kind: int, body: bytes) -> bytes:
    return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))


class _Packet:
    """One packet on its way to being shown."""

    def __init__(self, octets: bytes, names: Pseudonyms, shown: set[Ends]) -> None:
        self._octets, self._names, self._shown = bytearray(octets), names, shown

    def shared(self, link: int) -> bytes | None:
        """None where nothing of it is known."""
        octets = self._octets
        if link in (_RAW, _IPV4, _IPV6):
            return bytes(octets[: self._network(0, 0x86DD if octets and octets[0] >> 4 == 6 else 0x0800)])
        if link != _ETHERNET or len(octets) < 14:
            return None
        for at in (0, 6):
            octets[at : at + 6] = self._names.octets(bytes(octets[at : at + 6]))
        at = 12
        while len(octets) >= at + 6 and _word(octets, at) in _TAGS:
            at += 4
        return bytes(octets[: self._network(at + 2, _word(octets, at))])

    def _network(self, at: int, kind: int) -> int:
        """Rewrites the network layer; where the packet is to end."""
        octets = self._octets
        if kind == 0x0806 and len(octets) >= at + 28 and octets[at : at + 6] == b"\x00\x01\x08\x00\x06\x04":
            for place, size in ((8, 6), (14, 4), (18, 6), (24, 4)):
                octets[at + place : at + place + size] = self._names.octets(bytes(octets[at + place : at + place + size]))
            return at + 28
        if kind == 0x0800 and len(octets) >= at + 20 and octets[at] >> 4 == 4:
            return self._ipv4(at)
        if kind == 0x86DD and len(octets) >= at + 40 and octets[at] >> 4 == 6:
            ends = self._addresses(at + 8, 16)
            return self._transport(at + 40, at + 40 + _word(octets, at + 4), octets[at + 6], ends)
        return at

    def _ipv4(self, at: int) -> int:
        octets = self._octets
        header = (octets[at] & 15) * 4
        if not 20 <= header <= len(octets) - at:
            return at
        before = bytes(octets[at : at + header])
        ends = self._addresses(at + 12, 4)
        octets[at + 20 : at + header] = _NOP * (header - 20)  # options name routers
        self._adjust(at + 10, before[:10] + before[12:], bytes(octets[at : at + 10]) + bytes(octets[at + 12 : at + header]))
        if _word(octets, at + 6) & 0x3FFF:
            return at + header  # a fragment
        return self._transport(at + header, at + _word(octets, at + 2), octets[at + 9], ends)

    def _addresses(self, at: int, size: int) -> tuple[bytes, bytes]:
        """Replaces source and destination; both as they were and as they are."""
        before = bytes(self._octets[at : at + 2 * size])
        for place in (at, at + size):
            self._octets[place : place + size] = self._names.octets(bytes(self._octets[place : place + size]))
        return before, bytes(self._octets[at : at + 2 * size])

    def _transport(self, at: int, end: int, kind: int, ends: tuple[bytes, bytes]) -> int:
        octets = self._octets
        end = min(end, len(octets))  # without what stands behind the IP packet
        if kind == 6 and end >= at + 20:
            self._adjust(at + 16, *ends)
            start = at + (octets[at + 12] >> 4) * 4
        elif kind == 17 and end >= at + 8:
            if _word(octets, at + 6):
                self._adjust(at + 6, *ends)
                if not _word(octets, at + 6):
                    octets[at + 6 : at + 8] = b"\xff\xff"  # RFC 768: 0 says that there is none
            start = at + 8
        elif kind == 58 and end >= at + 4:
            self._adjust(at + 2, *ends)
            return at + 4
        else:
            return min(at + 4, end) if kind == 1 else min(at, end)  # ICMP quotes packets and names gateways
        return end if start < end and self._is_shown(at, start, end, ends[0]) else min(start, end)

    def _is_shown(self, at: int, start: int, end: int, before: bytes) -> bool:
        half = len(before) // 2
        texts = (self._names.address_text(before[:half]), self._names.address_text(before[half:]))
        ends = frozenset({(texts[0], _word(self._octets, at)), (texts[1], _word(self._octets, at + 2))})
        return ends in self._shown and not self._names.holds(bytes(self._octets[start:end]))

    def _adjust(self, at: int, before: bytes, after: bytes) -> None:
        """A checksum after a change of what it covers (RFC 1624, equation 3): one that was wrong stays wrong."""
        total = ~_word(self._octets, at) & 0xFFFF
        for place in range(0, len(before), 2):
            total += (~_word(before, place) & 0xFFFF) + _word(after, place)
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        self._octets[at : at + 2] = (~total & 0xFFFF).to_bytes(2, "big")


def _word(octets: bytes | bytearray, at: int) -> int:
    return octets[at] << 8 | octets[at + 1]


def share_lines(source: Path, target: Path, names: Pseudonyms, *, file: str = "") -> None:
    """Records of a file, one a line, with everything replaced; `file` is what they call the capture, where it is another now."""
    with source.open(encoding="utf-8") as lines, target.open("w", encoding="utf-8") as out:
        for line in lines:
            record = json.loads(line)
            out.write(json_text(names.of({**record, "file": file} if file else record)) + "\n")
