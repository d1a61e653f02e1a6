"""Reference for otwatch.decode.fragments: the readings of contradicting fragments, byte by byte from their definition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Known:
    """The fragments of a datagram that say something new, as they arrived; its readings come byte by byte from their definition."""

    protocol: int
    pieces: list[tuple[int, bytes]] = field(default_factory=list)
    disputed: list[tuple[int, bytes]] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    until: int = 0
    base: dict[int, int] = field(default_factory=dict)
    told: set[bytes] = field(default_factory=set)
    later: list[tuple[int, bytes]] = field(default_factory=list)

    def octets(self, choose: Callable[..., int], key: Callable[[int], object] | None = None) -> dict[int, int]:
        """Each byte from the fragment that `choose` takes among those that have it."""
        having: dict[int, list[int]] = {}
        for number, (start, content) in enumerate(self.pieces):
            for place in range(start, start + len(content)):
                having.setdefault(place, []).append(number)
        chosen = {place: choose(numbers, key=key) for place, numbers in having.items()}
        return {place: self.pieces[number][1][place - self.pieces[number][0]] for place, number in chosen.items()}

    def take(self, start: int, content: bytes) -> tuple[int, bool]:
        there = self.octets(min)
        old = [place for place in range(start, start + len(content)) if place in there]
        differs = any(there[place] != content[place - start] for place in old)
        if differs or len(old) < len(content):
            self.pieces.append((start, content))
        if differs:
            self.disputed.append((start, content))
        return len(old), differs

    def says_end(self, more: bool, end: int) -> bool:
        if more or end in self.ends or len(self.ends) >= 8:
            return False
        self.ends.append(end)
        return True

    def readings(self) -> list[bytes]:
        """First copy, last, BSD, Linux, rightmost; then each contradicting fragment alone over the first copies."""
        first = self.octets(min)
        ways = [first, self.octets(max), self.octets(min, lambda n: (self.pieces[n][0], n)), self.octets(min, lambda n: (self.pieces[n][0], -n)),
                self.octets(max, lambda n: (self.pieces[n][0], n))]
        if self.disputed:
            ways += [first | dict(enumerate(content, start)) for start, content in self.disputed]
        found = [bytes(way[place] for place in range(end)) for way in ways for end in self.ends if all(place in way for place in range(end))]
        return list(dict.fromkeys(found))

    def with_late(self, start: int, content: bytes, more: bool) -> list[bytes]:
        old, differs = self.take(start, content)
        if not self.says_end(more, start + len(content)) and not differs and old == len(content):
            return []
        self.later.append((start, content))
        self.base = self.octets(min) | self.base
        alone = self.base | dict(enumerate(content, start))
        latest = {**self.base}
        for at, octets in self.later:
            latest = latest | dict(enumerate(octets, at))
        covered = self.octets(min)
        found = [bytes(way[place] for place in range(end)) for end in self.ends if all(place in covered for place in range(end))
                 for way in (alone, latest) if all(place in way for place in range(end))]
        return [reading for reading in dict.fromkeys(found) if reading not in self.told]


def receivable(addresses: bytes, protocol: int, payload: bytes) -> bool:
    """Whether the TCP or UDP checksum is right, word by word (RFC 1071)."""
    if protocol == 17 and len(payload) >= 8:
        if payload[6:8] == b"\0\0":
            return True
        payload = payload[:max(8, payload[4] << 8 | payload[5])]
    elif protocol != 6 or len(payload) < 20:
        return False
    total = protocol + len(payload)
    padded = addresses + payload + bytes(len(payload) % 2)
    for at in range(0, len(padded), 2):
        total += padded[at] << 8 | padded[at + 1]
        total = (total & 0xFFFF) + (total >> 16)
    return total == 0xFFFF
