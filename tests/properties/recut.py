"""The same conversation, travelled differently: TCP segments cut, repeated and swapped in a capture of Ethernet, IPv4 and TCP."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from otwatch.capture.files import open_capture
from otwatch.limits import Limits

_ETHERNET = 14


@dataclass(frozen=True, slots=True)
class Frame:
    """One captured packet."""

    timestamp_ns: int
    data: bytes


def frames_of(path: Path) -> list[Frame]:
    """Every packet of a capture."""
    frames = []
    with open_capture(str(path), Limits()) as reader:
        for packets in reader:
            for row in range(packets.rows):
                at = packets.at[row]
                frames.append(Frame(packets.timestamp_ns[row], bytes(packets.data[at : at + packets.captured_length[row]])))
    return frames


def write(path: Path, frames: list[Frame]) -> Path:
    """A nanosecond pcap."""
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        for frame in frames:
            out.write(struct.pack("<IIII", *divmod(frame.timestamp_ns, 10**9), len(frame.data), len(frame.data)) + frame.data)
    return path


def _tcp(data: bytes) -> tuple[int, int] | None:
    """(offset of TCP, offset of its payload) of an unfragmented IPv4 TCP packet with payload."""
    if len(data) < _ETHERNET + 40 or data[12:14] != b"\x08\x00" or data[23] != 6 or struct.unpack_from(">H", data, 20)[0] & 0x3FFF:
        return None
    transport = _ETHERNET + (data[14] & 15) * 4
    payload = transport + (data[transport + 12] >> 4) * 4
    end = _ETHERNET + struct.unpack_from(">H", data, 16)[0]
    return (transport, payload) if payload < end <= len(data) and not data[transport + 13] & 0x02 else None


def _piece(data: bytes, transport: int, payload: int, start: int, end: int, number: int) -> bytes:
    """The packet with only payload[start:end]."""
    head = bytearray(data[:payload])
    struct.pack_into(">H", head, 16, payload - _ETHERNET + end - start)
    struct.pack_into(">H", head, 18, number & 0xFFFF)  # another IP id: not a duplicate of the tap
    struct.pack_into(">I", head, transport + 4, (struct.unpack_from(">I", data, transport + 4)[0] + start) & 0xFFFFFFFF)
    struct.pack_into(">H", head, transport + 16, random.Random(number).randrange(1, 65536))  # checksums are not verified, but tell packets apart
    return bytes(head) + data[payload + start : payload + end]


def cut(frames: list[Frame], sizes: Callable[[], int]) -> list[Frame]:
    """Every TCP payload in pieces of the given sizes, a microsecond apart."""
    result: list[Frame] = []
    number = 20_000
    for frame in frames:
        place = _tcp(frame.data)
        if place is None:
            result.append(frame)
            continue
        transport, payload = place
        end = _ETHERNET + struct.unpack_from(">H", frame.data, 16)[0] - payload
        at = pieces = 0
        while at < end:
            size = min(sizes(), end - at)
            number += 1
            result.append(Frame(frame.timestamp_ns + pieces, _piece(frame.data, transport, payload, at, at + size, number)))
            at += size
            pieces += 1
    return result


def repeat(frames: list[Frame], every: int) -> list[Frame]:
    """Every n-th TCP segment once more, 300 ms later by its own clock but next in the capture, as a retransmission."""
    result = []
    number = 50_000
    for index, frame in enumerate(frames):
        result.append(frame)
        place = _tcp(frame.data)
        if place is not None and index % every == 0:
            number += 1
            end = _ETHERNET + struct.unpack_from(">H", frame.data, 16)[0] - place[1]
            result.append(Frame(frame.timestamp_ns + 1, _piece(frame.data, *place, 0, end, number)))
    return result


def swap(frames: list[Frame], every: int) -> list[Frame]:
    """Every n-th pair of neighbouring segments of the same direction in the wrong order."""
    result = list(frames)
    for index in range(0, len(result) - 1, every):
        first, second = result[index], result[index + 1]
        if _tcp(first.data) and _tcp(second.data) and first.data[26:38] == second.data[26:38]:
            result[index], result[index + 1] = Frame(first.timestamp_ns, second.data), Frame(second.timestamp_ns, first.data)
    return result
