"""PROFINET IO messages made by slow code of their own: RPC calls with their blocks, alarms and cyclic frames (IEC 61158-6-10; C706 chapter 12)."""

from __future__ import annotations

import struct
from uuid import UUID

DEVICE, CONTROLLER = UUID("dea00001-6c97-11d1-8271-00a02442df7d"), UUID("dea00002-6c97-11d1-8271-00a02442df7d")
ACTIVITY = UUID("00000007-0000-1010-8001-001b1b13b947")
RELATION = UUID("506a8baa-2758-11b2-8000-df136039a401").bytes
CONNECT, RELEASE, READ, WRITE, CONTROL, READ_IMPLICIT = range(6)


def rpc(
    kind: int,
    opnum: int,
    body: bytes,
    *,
    sequence: int = 0,
    activity: UUID = ACTIVITY,
    interface: UUID = DEVICE,
    little: bool = True,
    flags: int = 0x20,
    fragment: int = 0,
) -> bytes:
    """A datagram of connectionless DCE/RPC, in either byte order."""
    order = "<" if little else ">"
    uuid = (lambda one: one.bytes_le) if little else (lambda one: one.bytes)
    return b"".join(
        (
            bytes((4, kind, flags, 0, 0x10 if little else 0, 0, 0, 0)),
            uuid(UUID(int=0x1234)),
            uuid(interface),
            uuid(activity),
            struct.pack(f"{order}IIIHHHHHBB", 0, 1, sequence, opnum, 0xFFFF, 0xFFFF, len(body), fragment, 0, 0),
            body,
        )
    )


def request(opnum: int, blocks: bytes, *, little: bool = True, **more: object) -> bytes:
    """A call with its blocks."""
    ndr = struct.pack("<5I" if little else ">5I", 4096, len(blocks), 4096, 0, len(blocks))
    return rpc(0, opnum, ndr + blocks, little=little, **more)  # type: ignore[arg-type]


def response(opnum: int, blocks: bytes, *, status: int = 0, little: bool = False, **more: object) -> bytes:
    """The answer of a device, big-endian as most are."""
    ndr = struct.pack("<5I" if little else ">5I", status, len(blocks), 4096, 0, len(blocks))
    return rpc(2, opnum, ndr + blocks, little=little, flags=0x0A, **more)  # type: ignore[arg-type]


def block(kind: int, content: bytes) -> bytes:
    """A block of version 1.0."""
    return struct.pack(">HHBB", kind, len(content) + 2, 1, 0) + content


def connect(
    *, station: bytes = b"plc-1", kind: int = 1, relation: bytes = RELATION, modules: tuple[tuple[int, int], ...] = ((0, 0x10), (1, 0x20))
) -> bytes:
    """The blocks of a connect: relation, input and output, modules, alarms."""
    ar = struct.pack(">H16sH6s16sIHHH", kind, relation, 1, bytes.fromhex("001b1b000001"), bytes(16), 0x11, 600, 0x8892, len(station)) + station
    iocr = b"".join(
        block(
            0x0102,
            struct.pack(
                ">HHHIHHHHHHIHHH6sH", direction, direction, 0x8892, 1, 40, 0x8000 + direction, 32, 32, 1, 0, 0xFFFFFFFF, 3, 3, 0xC000, bytes(6), 0
            ),
        )
        for direction in (1, 2)
    )
    slots = b"".join(
        block(0x0104, struct.pack(">HIHIHH", 1, 0, slot, ident, 0, 1) + struct.pack(">HIHHHBB", 1, ident + 1, 1, 1, 4, 1, 1))
        for slot, ident in modules
    )
    alarm = block(0x0103, struct.pack(">HHIHHHHHH", 1, 0x8892, 0, 1, 3, 1, 200, 0xC000, 0xA000))
    return block(0x0101, ar) + iocr + slots + alarm


def connected(*, relation: bytes = RELATION, name: bytes = b"pump-1") -> bytes:
    """The blocks of the answer."""
    ar = struct.pack(">H16sH6sH", 1, relation, 1, bytes.fromhex("001b1b000002"), 0x8892)
    server = struct.pack(">H", len(name)) + name + bytes(-(len(name) + 2) % 4)
    return block(0x8101, ar) + block(0x8102, struct.pack(">HHH", 1, 1, 0x8001)) + block(0x8106, server)


def control(command: int, *, kind: int = 0x0110, relation: bytes = RELATION) -> bytes:
    """End of parameters (0x0110), readiness (0x0112), release (0x0114)."""
    return block(kind, struct.pack(">H16sHHHH", 0, relation, 1, 0, command, 0))


def record(
    kind: int,
    index: int,
    data: bytes = b"",
    *,
    slot: int = 1,
    subslot: int = 1,
    length: int | None = None,
    relation: bytes = RELATION,
    status: int = 0,
) -> bytes:
    """The header of a record, and its bytes behind it."""
    size = len(data) if length is None else length
    head = struct.pack(">H16sIHHHHI", 1, relation, 0, slot, subslot, 0, index, size)
    return block(kind, head + (struct.pack(">HHI16x", 0, 0, status) if kind >= 0x8000 else bytes(24))) + data


def several(*records: bytes) -> bytes:
    """A write of several records."""
    padded = b"".join(one + bytes(-len(one) % 4) for one in records)
    return record(0x0008, 0xE040, padded, slot=0, subslot=0)


def im0(order: bytes = b"6ES7 155-6AU01-0BN0", serial: bytes = b"S C-123456", hardware: int = 3, software: bytes = b"V\4\2\0") -> bytes:
    """The record of I&M0."""
    return block(
        0x0020, b"\0\x2a" + order.ljust(20) + serial.ljust(16) + struct.pack(">H", hardware) + software + struct.pack(">HHHBBH", 0, 0, 0, 1, 1, 0x1E)
    )


def cyclic(frame_id: int, counter: int, *, status: int = 0x35, transfer: int = 0, data: bytes = bytes(40)) -> bytes:
    """A cyclic frame behind its EtherType."""
    return struct.pack(">H", frame_id) + data + struct.pack(">HBB", counter & 0xFFFF, status, transfer)


def alarm(kind: int = 1, *, high: bool = True, slot: int = 1, subslot: int = 1, sequence: int = 0, answer: bool = False) -> bytes:
    """An alarm, or its acknowledgement."""
    number = (0x0001 if high else 0x0002) | (0x8000 if answer else 0)
    content = struct.pack(">HIHH", kind, 0, slot, subslot) + (struct.pack(">HI", 0x800, 0) if answer else struct.pack(">IIH", 0x20, 0x21, 0x800))
    body = block(number, content)
    return struct.pack(">HHHBBHHH", 0xFC01 if high else 0xFE01, 1, 1, 0x11, 0x11, sequence, 0xFFFF, len(body)) + body


def abort(code1: int = 0xFD, code2: int = 4) -> bytes:
    """The end of a relation by error."""
    return struct.pack(">HHHBBHHH", 0xFE01, 1, 1, 0x14, 0x01, 1, 0xFFFF, 4) + bytes((0xCF, 0x81, code1, code2))
