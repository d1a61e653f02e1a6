"""Program blocks: their names, the header of their bytes, and the fact that is told when one was moved.

The layout of a block's header and footer is that of STEP 7 (known from Snap7's TS7CompactBlockInfo and TS7BlockFooter and from the
block info answer of the wire): 36 bytes of header, code, interface, segment table, 36 bytes of footer.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from otwatch.protocols.s7comm.spec import BLOCK_TYPES
from otwatch.protocols.spec import Fact

if TYPE_CHECKING:
    from otwatch.protocols.s7comm.state import Message

HEADER_BYTES = 36
FOOTER_BYTES = 36
LANGUAGES = {
    0: "undefined", 1: "STL", 2: "LAD", 3: "FBD", 4: "SCL", 5: "DB", 6: "GRAPH", 7: "SDB", 8: "CPU-DB", 0x11: "SDB", 0x12: "SDB-routing",
    0x29: "encrypted",
}
_EPOCH = datetime(1984, 1, 1)  # noqa: DTZ001 - the PLC's clock has no zone
_TIMES = slice(16, 28)  # of code and interface: they differ between two downloads of the same program


@dataclass(slots=True)
class Transfer:
    """A block on its way. `area` is its type, `announced` the bytes that were promised (-1 unknown), `by` the client's address."""

    area: int
    number: int
    announced: int
    down: bool
    content: bytearray = field(default_factory=bytearray)
    by: int = -1
    told: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What the bytes of a block say about themselves."""

    kind: int
    number: int
    language: int
    linked: bool
    load_bytes: int
    protection: int
    code_time: str
    interface_time: str
    interface_bytes: int
    segment_bytes: int
    local_bytes: int
    code_bytes: int
    author: str
    family: str
    name: str
    version: str
    checksum: int


def parse_name(name: bytes) -> tuple[int, int]:
    """(block type, number) of eight characters `0800001P`; (-1, -1) if it is none."""
    if len(name) < 7 or name[:1] != b"0" or not name[2:7].isdigit():
        return -1, -1
    kind = b"0123456789ABCDEF".find(name[1:2].upper())
    return (kind, int(name[2:7])) if kind in BLOCK_TYPES else (-1, -1)


def block_name(kind: int, number: int) -> str:
    """`OB1`."""
    return f"{BLOCK_TYPES.get(kind, f'block type {kind} ')}{number}"


def plain(text: bytes) -> str:
    """Characters of the wire, up to the first zero, without the filling; nothing where they are no characters."""
    found = text.split(b"\x00")[0].decode("latin-1").strip()
    return found if found.isprintable() else ""


def block_time(text: bytes) -> str:
    """Six bytes: milliseconds of the day, days since 1984."""
    moment = _EPOCH + timedelta(days=int.from_bytes(text[4:6], "big"), milliseconds=int.from_bytes(text[:4], "big"))
    return moment.isoformat(timespec="milliseconds")


def parse_block(content: bytes) -> Block | None:
    """Reads header and, where it is there, footer; None if the bytes do not start with `pp`."""
    if len(content) < HEADER_BYTES or content[:2] != b"pp":
        return None
    size = int.from_bytes(content[8:12], "big")
    foot = content[size - FOOTER_BYTES:size] if HEADER_BYTES + FOOTER_BYTES <= size <= len(content) else b""
    return Block(
        kind=content[5], number=int.from_bytes(content[6:8], "big"), language=content[4], linked=bool(content[3] & 1),
        load_bytes=size, protection=int.from_bytes(content[12:16], "big"), code_time=block_time(content[16:22]),
        interface_time=block_time(content[22:28]), interface_bytes=int.from_bytes(content[28:30], "big"),
        segment_bytes=int.from_bytes(content[30:32], "big"), local_bytes=int.from_bytes(content[32:34], "big"),
        code_bytes=int.from_bytes(content[34:36], "big"), author=plain(foot[:8]), family=plain(foot[8:16]), name=plain(foot[16:24]),
        version=f"{foot[24] >> 4}.{foot[24] & 15}" if foot else "", checksum=int.from_bytes(foot[26:28], "big") if foot else -1,
    )


def block_digest(content: bytes) -> str:
    """SHA-256 of a block without its two dates: the same program downloaded twice has the same digest."""
    body = bytearray(content)
    if body[:2] == b"pp" and len(body) >= HEADER_BYTES:
        body[_TIMES] = bytes(_TIMES.stop - _TIMES.start)
    return hashlib.sha256(body).hexdigest()


def block_text(content: bytes, kind: int, number: int) -> str:
    """One line about a block's bytes: name, digest, then what its header says."""
    parts = [f"sha256={block_digest(content)}", f"bytes={len(content)}"]
    block = parse_block(content)
    if block is not None:
        kind, number = block.kind, block.number
        parts += [f"language={LANGUAGES.get(block.language, block.language)}", f"code={block.code_bytes}", f"changed={block.code_time}"]
        parts += [f"{label}={text}" for label, text in
                  (("author", block.author), ("family", block.family), ("name", block.name), ("version", block.version)) if text]
        if block.checksum >= 0:
            parts.append(f"checksum={block.checksum:#06x}")
        if block.protection:
            parts.append("know-how-protected")
    return " ".join([block_name(kind, number), *parts])


def block_fact(message: Message, transfer: Transfer) -> None:
    """Tells what block was moved: a fact about the PLC, which is the one that is not `transfer.by`."""
    pdus, pdu = message.pdus, message.pdu
    transfer.told = True
    ends = (int(pdus.source[pdu]), int(pdus.destination[pdu]))
    text = block_text(bytes(transfer.content), transfer.area, transfer.number)
    message.facts.append(Fact(
        timestamp_ns=int(pdus.timestamp_ns[pdu]), frame=int(pdus.frame[pdu]), flow=int(pdus.flow[pdu]),
        address=ends[1] if ends[0] == transfer.by else ends[0], child=child_name(message.conversation.unit), kind="program_block",
        value=text[:256], source="s7comm.download" if transfer.down else "s7comm.upload",
    ))


def child_name(unit: int) -> str:
    """How a station behind an address is called; empty when the connection's TSAP was not seen."""
    return f"rack {unit >> 5} slot {unit & 31}" if unit >= 0 else ""
