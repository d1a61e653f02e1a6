"""What the reference decoder reads from."""

from __future__ import annotations

from dataclasses import dataclass, replace


class Stopped(Exception):
    """Decoding of this packet is over."""


@dataclass(frozen=True)
class Part:
    """What is left of a packet: the bytes that are there, how many more were on the wire (None: nobody knows), where they stand."""

    raw: bytes
    missing: int | None
    at: int

    @property
    def wire(self) -> int:
        return len(self.raw) + (0x10000 if self.missing is None else self.missing)

    def skip(self, count: int) -> Part:
        return replace(self, raw=self.raw[count:], at=self.at + count)

    def clip(self, length: int) -> Part:
        raw = self.raw[:length]
        return replace(self, raw=raw, missing=length - len(raw))
