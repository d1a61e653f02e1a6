"""Capture files made by hand, and a reader of them into plain tuples, for the tests of this folder."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from otwatch.capture.files import CaptureReader, _walk, open_capture
from otwatch.capture.report import CaptureReport
from otwatch.capture.sources import Blocks
from otwatch.limits import Limits

ETHERNET, RAW = 1, 101


def pcap(packets: list[tuple[float, bytes]] | list[tuple[Any, ...]], *, order: str = "<", magic: int = 0xA1B2C3D4, minor: int = 4,
         snap_length: int = 65535, link_type: int = ETHERNET) -> bytes:
    """A pcap file; a packet is (seconds, fraction, bytes[, length on the wire])."""
    octets = struct.pack(order + "IHHiIII", magic, 2, minor, 0, 0, snap_length, link_type)
    for seconds, fraction, data, *wire in packets:
        lengths = [len(data), wire[0] if wire else len(data)]
        if minor < 3:
            lengths.reverse()
        octets += struct.pack(order + "IIII", seconds, fraction, *lengths)
        if magic == 0xA1B2CD34:
            octets += struct.pack(order + "IHBB", 2, 0x0800, 0, 0)
        octets += data
    return octets


@dataclass
class Pcapng:
    """Blocks of a pcapng file in one byte order."""

    order: str = "<"

    def block(self, kind: int, body: bytes, *, length: int | None = None, trailer: int | None = None) -> bytes:
        body += bytes(-len(body) % 4)
        length = 12 + len(body) if length is None else length
        return struct.pack(self.order + "II", kind, length) + body + struct.pack(self.order + "I", length if trailer is None else trailer)

    def options(self, *options: tuple[int, bytes], end: bool = True) -> bytes:
        octets = b""
        for code, value in options:
            octets += struct.pack(self.order + "HH", code, len(value)) + value + bytes(-len(value) % 4)
        return octets + bytes(4) if options and end else octets

    def section(self, *options: tuple[int, bytes], length: int = -1, major: int = 1) -> bytes:
        return self.block(0x0A0D0D0A, struct.pack(self.order + "IHHq", 0x1A2B3C4D, major, 0, length) + self.options(*options))

    def interface(self, *options: tuple[int, bytes], link_type: int = ETHERNET, snap_length: int = 0) -> bytes:
        return self.block(1, struct.pack(self.order + "HHI", link_type, 0, snap_length) + self.options(*options))

    def packet(self, data: bytes, ticks: int = 0, *, interface: int = 0, wire: int | None = None, captured: int | None = None,
               options: tuple[tuple[int, bytes], ...] = ()) -> bytes:
        head = struct.pack(self.order + "IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(data) if captured is None else captured,
                           len(data) if wire is None else wire)
        return self.block(6, head + data + bytes(-len(data) % 4) + self.options(*options))

    def old_packet(self, data: bytes, ticks: int, *, interface: int = 0, drops: int = 0xFFFF) -> bytes:
        return self.block(2, struct.pack(self.order + "HHIIII", interface, drops, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data)) + data)

    def simple(self, data: bytes, wire: int | None = None) -> bytes:
        return self.block(3, struct.pack(self.order + "I", len(data) if wire is None else wire) + data)

    def statistics(self, *options: tuple[int, bytes], interface: int = 0) -> bytes:
        return self.block(5, struct.pack(self.order + "III", interface, 0, 0) + self.options(*options))


@dataclass(frozen=True)
class Row:
    """The capture columns of one packet, with its bytes."""

    time: int
    frame: int
    data: bytes
    wire: int
    link_type: int
    interface: int
    vlan_stripped: int


@dataclass(frozen=True)
class Read:
    """All that a reader gives, free of how it was cut into batches."""

    rows: list[Row]
    anomalies: list[tuple[int, ...]]  # kind, time, frame, offset, needed, had
    report: CaptureReport

    @property
    def payloads(self) -> list[bytes]:
        return [row.data for row in self.rows]

    @property
    def times(self) -> list[int]:
        return [row.time for row in self.rows]


def drain(reader: CaptureReader, most: int) -> Read:
    """Everything of a reader; each batch has at most `most` rows."""
    rows: list[Row] = []
    anomalies: list[tuple[int, ...]] = []
    for packets in reader:
        assert packets.rows <= most
        columns = [packets.array(name).tolist() for name in ("timestamp_ns", "frame", "at", "captured_length", "wire_length", "link_type",
                                                             "interface", "vlan_stripped")]
        data = memoryview(packets.data)
        for time, frame, at, captured, wire, link_type, interface, vlan in zip(*columns, strict=True):
            assert 0 <= at <= at + captured <= len(data)
            rows.append(Row(time, frame, bytes(data[at:at + captured]), wire, link_type, interface, vlan))
        del data
        for index in range(reader.anomalies.rows):
            row = reader.anomalies.row(index)
            assert row["layer"] == 1
            assert row["packet"] == -1 or packets.array("frame")[row["packet"]] == row["frame"]
            anomalies.append(tuple(row[name] for name in ("kind", "timestamp_ns", "frame", "offset", "needed", "had")))
    return Read(rows, anomalies, replace(reader.report, path=""))


def read(path: Path | str, *, batch: int = 8192, **limits: int) -> Read:
    """A file, read to its end."""
    with open_capture(str(path), Limits(batch_packets=batch, **limits)) as reader:
        return drain(reader, batch)


class Chunks:
    """A stream that gives `size` bytes at a time."""

    def __init__(self, octets: bytes, size: int) -> None:
        self._octets = octets
        self._size = size
        self.position = 0
        self.damage = ""

    def readinto(self, buffer: memoryview) -> int:
        octets = self._octets[self.position:self.position + min(self._size, len(buffer))]
        buffer[:len(octets)] = octets
        self.position += len(octets)
        return len(octets)


def read_stream(octets: bytes, *, chunk: int, block: int = 64, batch: int = 8192, path: str = "") -> Read:
    """The same bytes, read as a stream in chunks into a buffer that is at first `block` bytes long."""
    limits = Limits(batch_packets=batch)
    walk, at = _walk("stream", octets[:24], limits)
    stream = Chunks(octets, chunk)
    source = Blocks(stream, b"", block_bytes=block)
    source.advance(0, at or 1)
    source.start = at
    with CaptureReader(path, os.open(os.devnull, os.O_RDONLY), source, walk, limits, total=None, stream=stream) as reader:
        return drain(reader, batch)
