"""DCP frames made and read by slow code of their own (IEC 61158-6-10, 4.3): what rows a frame must give."""

from __future__ import annotations

import struct
from typing import Any

GET, SET, IDENTIFY, HELLO = 3, 4, 5, 6
FRAME_IDS = {(GET, 0): 0xFEFD, (GET, 1): 0xFEFD, (SET, 0): 0xFEFD, (SET, 1): 0xFEFD, (IDENTIFY, 0): 0xFEFE, (IDENTIFY, 1): 0xFEFF, (HELLO, 0): 0xFEFC}


def block(option: int, suboption: int, content: bytes) -> bytes:
    """One block, padded to an even length."""
    return struct.pack(">BBH", option, suboption, len(content)) + content + b"\0" * (len(content) & 1)


def frame(service: int, kind: int, xid: int, blocks: bytes, *, frame_id: int | None = None, length: int | None = None) -> bytes:
    """A frame behind its EtherType, without Ethernet padding."""
    number = FRAME_IDS.get((service, kind & 1), 0xFEFD) if frame_id is None else frame_id
    return struct.pack(">HBBIHH", number, service, kind, xid, 0, len(blocks) if length is None else length) + blocks


def set_name(xid: int, name: bytes, qualifier: int = 1) -> bytes:
    return frame(SET, 0, xid, block(2, 2, struct.pack(">H", qualifier) + name))


def set_answer(xid: int, option: int, suboption: int, error: int = 0) -> bytes:
    return frame(SET, 1, xid, block(5, 4, bytes((option, suboption, error))))


def identify_all(xid: int) -> bytes:
    return frame(IDENTIFY, 0, xid, block(255, 255, b""))


def ip(address: str, mask: str = "255.255.255.0", gateway: str = "0.0.0.0") -> bytes:
    return b"".join(bytes(map(int, text.split("."))) for text in (address, mask, gateway))


def identity(name: bytes = b"pump-1", address: str = "10.0.0.7", info: int = 1, role: int = 1) -> bytes:
    """What a device says of itself."""
    return b"".join(
        (
            block(2, 1, b"\0\0ET200SP"),
            block(2, 2, b"\0\0" + name),
            block(2, 3, b"\0\0\0\x2a\x03\x13"),
            block(2, 4, bytes((0, 0, role, 0))),
            block(2, 7, b"\0\0\0\x64"),
            block(1, 2, struct.pack(">H", info) + ip(address)),
        )
    )


def rows(data: bytes) -> list[dict[str, Any]] | None:
    """(service, subfunction, status, role) of each row that a frame without faults must give; None of one with faults."""
    if len(data) < 12:
        return None
    _, service, kind, xid, _, length = struct.unpack(">HBBIHH", data[:12])
    if service not in (3, 4, 5, 6) or kind not in (0, 1, 5) or length > len(data) - 12:
        return None
    body, at, found = data[12 : 12 + length], 0, []
    while at < len(body):
        if service == GET and kind == 0:
            if at + 2 > len(body):
                return None
            found.append((body[at] << 8 | body[at + 1], 0, b""))
            at += 2
            continue
        if at + 4 > len(body):
            return None
        option, suboption, size = struct.unpack(">BBH", body[at : at + 4])
        content = body[at + 4 : at + 4 + size]
        if len(content) < size or ((kind != 0 or service == HELLO) and size < 2):
            return None
        if kind and service != IDENTIFY and (option, suboption) == (5, 4):
            if size < 3:
                return None
            found.append((content[0] << 8 | content[1], content[2], b""))
        else:
            found.append((option << 8 | suboption, 0, content))
        at += 4 + size + (size & 1)
    role = 2 if service == HELLO else 1 if kind else 0
    if (service == IDENTIFY and kind) or service == HELLO:
        return [{"function": service, "role": role, "transaction": xid}]
    if not found:
        return [{"function": service, "role": role, "transaction": xid}]
    return [
        {
            "function": service,
            "role": role,
            "transaction": xid,
            "subfunction": number,
            "area": number >> 8,
            "object": number & 255,
            "status": status,
            "item": item,
        }
        for item, (number, status, _) in enumerate(found)
    ]
