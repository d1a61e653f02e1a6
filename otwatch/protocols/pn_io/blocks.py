"""The blocks of connection management, read with bounds: what a connect says of both sides, what records are read and written (5.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

_RECORDS = frozenset({0x0008, 0x0009, 0x8008, 0x8009})


@dataclass(slots=True)
class Relation:
    """The application relation that a connect asks for."""

    kind: int = -1
    uuid: bytes = b""
    initiator_mac: int = -1
    station: bytes = b""
    frame_ids: list[tuple[int, int]] = field(default_factory=list)  # (IOCR type, frame id)
    modules: list[tuple[int, int, list[tuple[int, int]]]] = field(default_factory=list)  # (slot, module ident, [(subslot, submodule ident)])


@dataclass(slots=True)
class Record:
    """One record of a read or write."""

    uuid: bytes
    api: int
    start: int  # slot << 16 | subslot
    index: int
    length: int
    at: int  # its bytes, in the body
    end: int
    status: int = 0  # the four bytes of PNIOStatus


def blocks(body: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """(type, first byte behind the version, end) of each block; the end lies beyond the body where a block does not fit."""
    while at + 6 <= len(body):
        kind, length = struct.unpack_from(">HH", body, at)
        end = at + 4 + length
        if length < 2:
            yield kind, at + 6, len(body) + 1
            return
        yield kind, at + 6, end
        if end > len(body) or kind in _RECORDS:  # behind a record's header are its bytes
            return
        at = end


def relation(body: bytes, found: list[tuple[int, int, int]]) -> Relation:
    """What the blocks of a connect request say (5.2.3, 5.2.4): what is cut is left out."""
    said = Relation()
    for kind, at, end in found:
        part = body[at:end]
        if kind == 0x0101 and len(part) >= 52:
            said.kind, said.uuid = int.from_bytes(part[:2]), part[2:18]
            said.initiator_mac = int.from_bytes(part[20:26])
            said.station = part[52 : 52 + int.from_bytes(part[50:52])]
        elif kind == 0x0102 and len(part) >= 14:
            said.frame_ids.append((int.from_bytes(part[:2]), int.from_bytes(part[12:14])))
        elif kind == 0x0104:
            said.modules += expected(part)
    return said


def expected(part: bytes) -> list[tuple[int, int, list[tuple[int, int]]]]:
    """Slots with their modules and submodules (ExpectedSubmoduleBlockReq)."""
    found: list[tuple[int, int, list[tuple[int, int]]]] = []
    if len(part) < 2:
        return found
    at = 2
    for _ in range(int.from_bytes(part[:2])):
        if at + 14 > len(part):
            break
        slot, ident, _, count = struct.unpack_from(">HIHH", part, at + 4)
        at += 14
        submodules = []
        for _ in range(count):
            if at + 8 > len(part):
                break
            subslot, submodule, properties = struct.unpack_from(">HIH", part, at)
            at += 8 + 6 * (2 if properties & 3 == 3 else 1)
            submodules.append((subslot, submodule))
        found.append((slot, ident, submodules))
    return found


def record(body: bytes, at: int, end: int, *, answer: bool) -> Record | None:
    """The header of a record (IODWriteReqHeader and its like); None where it is cut."""
    if min(end, len(body)) - at < 34:
        return None
    api, slot, subslot, _, index, length = struct.unpack_from(">IHHHHI", body, at + 18)
    status = int.from_bytes(body[at + 38 : at + 42]) if answer and min(end, len(body)) - at >= 42 else 0
    return Record(body[at + 2 : at + 18], api, slot << 16 | subslot, index, length, end, min(end + length, len(body)), status)


def inner(body: bytes, at: int, end: int) -> Iterator[Record]:
    """The records inside a write of several (index 0xE040), each padded to four bytes."""
    start = at
    while at + 6 <= end:
        kind, length = struct.unpack_from(">HH", body, at)
        close = at + 4 + length
        one = record(body, at + 6, close, answer=kind == 0x8008) if kind in (0x0008, 0x8008) else None
        if one is None:
            return
        if kind == 0x8008:
            one.end = one.at
        yield one
        at = one.end if kind == 0x0008 else close
        at += -(at - start) % 4


def command(part: bytes) -> int:
    """The command of a control block; -1 where it is cut."""
    return int.from_bytes(part[22:24]) if len(part) >= 24 else -1
