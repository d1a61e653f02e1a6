"""The options of pcapng blocks (draft-ietf-opsawg-pcapng section 3.5), read tolerantly. They are few, so this is plain Python."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from otwatch.capture.report import Interface

Order = Literal["little", "big"]

MULTIPLY, DIVIDE, BINARY = 0, 1, 2  # how ticks become nanoseconds: times, divided by, or two to the power of the factor

_IF_NAME, _IF_DESCRIPTION, _IF_RESOLUTION, _IF_FRAME_CHECK, _IF_OFFSET = 2, 3, 9, 13, 14
_RECEIVED, _INTERFACE_DROPS, _SYSTEM_DROPS = 4, 5, 7


class Options:
    """The options of one block, the first of each code; `damaged_at` is the offset of the one that reaches beyond the block, or -1."""

    def __init__(self, octets: bytes, order: Order) -> None:
        self.order: Order = order
        self.values: dict[int, bytes] = {}
        self.damaged_at = -1
        self.needed = 0
        self.had = 0
        at = 0
        while at < len(octets):
            left = len(octets) - at - 4
            code = int.from_bytes(octets[at:at + 2], order)
            length = int.from_bytes(octets[at + 2:at + 4], order)
            if code == 0 and left >= 0:
                break
            if length > left:
                self.damaged_at, self.needed, self.had = at, length, left
                break
            self.values.setdefault(code, octets[at + 4:at + 4 + length])
            at += 4 + (length + 3 & ~3)

    def text(self, code: int, limit: int) -> str:
        """An UTF-8 string, at most `limit` characters of it; empty when absent."""
        return self.values.get(code, b"")[:4 * limit].decode("utf-8", "replace").rstrip("\0")[:limit]

    def number(self, code: int, length: int, *, signed: bool = False) -> int | None:
        """An integer; None when absent or not of this length."""
        value = self.values.get(code, b"")
        return int.from_bytes(value, self.order, signed=signed) if len(value) == length else None

    def scale(self) -> tuple[int, int]:
        """if_tsresol as an operation and its factor."""
        resolution = self.number(_IF_RESOLUTION, 1)
        if resolution is None:
            return MULTIPLY, 1000
        if resolution & 0x80:
            return BINARY, resolution & 0x7F
        if resolution <= 9:
            return MULTIPLY, 10 ** (9 - resolution)
        if resolution <= 28:
            return DIVIDE, 10 ** (resolution - 9)
        return BINARY, 127  # all its ticks together are less than a nanosecond


def interface_of(block: bytes, options: Options, limit: int) -> Interface:
    """An interface description block (section 4.2) without its header; texts are cut to `limit` characters."""
    resolution = options.number(_IF_RESOLUTION, 1)
    resolution = 6 if resolution is None else resolution
    return Interface(
        link_type=int.from_bytes(block[:2], options.order),
        name=options.text(_IF_NAME, limit),
        description=options.text(_IF_DESCRIPTION, limit),
        resolution=f"2^-{resolution & 0x7F}" if resolution & 0x80 else f"10^-{resolution}",
        offset_seconds=options.number(_IF_OFFSET, 8, signed=True) or 0,
        snap_length=int.from_bytes(block[4:8], options.order),
        frame_check_bytes=options.number(_IF_FRAME_CHECK, 1),
    )


def statistics_of(interface: Interface, options: Options) -> Interface:
    """The interface with what an interface statistics block (section 4.6) says; its counters run from the start of the capture."""
    drops = [drop for drop in (options.number(_INTERFACE_DROPS, 8), options.number(_SYSTEM_DROPS, 8)) if drop is not None]
    received = options.number(_RECEIVED, 8)
    return replace(
        interface,
        received=interface.received if received is None else received,
        dropped=sum(drops) if drops else interface.dropped,
    )
