"""A slow reassembler that is right by reading: what a stream's bytes are, and where its PDUs end."""

from __future__ import annotations

from collections.abc import Iterable


def reassemble(start: int, segments: Iterable[tuple[int, bytes]]) -> bytes:
    """The bytes from sequence number `start` up to the first that no segment carried; of several copies the first counts.

    Segments lie within 2**31 bytes of `start`; sequence numbers wrap (RFC 9293 section 3.4).
    """
    at: dict[int, int] = {}
    for sequence, payload in segments:
        offset = (sequence - start + 2**31) % 2**32 - 2**31
        for index, byte in enumerate(payload):
            at.setdefault(offset + index, byte)
    found = bytearray()
    while len(found) in at:
        found.append(at[len(found)])
    return bytes(found)


def cut_modbus(stream: bytes) -> list[bytes]:
    """The whole Modbus/TCP PDUs at the start of a stream (MODBUS Messaging on TCP/IP Implementation Guide V1.0b section 3.1.3)."""
    pdus = []
    while len(stream) >= 8 and stream[2:4] == b"\0\0" and 2 <= int.from_bytes(stream[4:6]) <= 254:
        size = 6 + int.from_bytes(stream[4:6])
        if size > len(stream):
            break
        pdus.append(stream[:size])
        stream = stream[size:]
    return pdus


def cut_tpkt(stream: bytes) -> list[bytes]:
    """The whole TPKTs at the start of a stream (RFC 1006 section 6)."""
    pdus = []
    while len(stream) >= 4 and stream[:2] == b"\3\0" and int.from_bytes(stream[2:4]) >= 7:
        size = int.from_bytes(stream[2:4])
        if size > len(stream):
            break
        pdus.append(stream[:size])
        stream = stream[size:]
    return pdus


def crc_dnp(data: bytes) -> int:
    """CRC-16/DNP bit by bit (IEEE 1815-2012 section 9.2.4.3)."""
    value = 0
    for byte in data:
        for bit in range(8):
            mix = (value ^ byte >> bit) & 1
            value = value >> 1 ^ (0xA6BC if mix else 0)
    return value ^ 0xFFFF


def dnp3_frame(user: bytes, *, control: int = 0xC4, destination: int = 10, source: int = 1) -> bytes:
    """A link frame around user data: header, then blocks of 16 bytes, each with its CRC."""
    header = bytes([0x05, 0x64, 5 + len(user), control]) + destination.to_bytes(2, "little") + source.to_bytes(2, "little")
    frame = header + crc_dnp(header).to_bytes(2, "little")
    for at in range(0, len(user), 16):
        block = user[at:at + 16]
        frame += block + crc_dnp(block).to_bytes(2, "little")
    return frame
