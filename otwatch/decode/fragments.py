"""IP fragments -> whole datagrams, in every reading that a receiver may make of them. Fragments are rare: plain Python.

Where fragments contradict each other (RFC 1858; RFC 5722), stacks differ in whose bytes they take, and a monitor cannot tell which of the
copies arrived. So nothing is decided here: the datagram is told once for each way of reading it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import numpy as np

from otwatch.decode.anomalies import NetworkAnomaly
from otwatch.limits import Limits

PIECE_COST = 128  # bytes of bookkeeping charged per fragment: many tiny ones must not go unnoticed
NEVER = 1 << 62
ENDS = 8  # different ends of one datagram that are believed

Piece = tuple[int, bytes]  # offset, content
# Whose bytes win, as the order in which fragments, numbered as they arrived, are painted over each other. Windows and Solaris keep the
# first copy, Cisco the last; BSD the one that starts further left, Linux likewise, but of two that start alike the last (Novak,
# "Target-Based Fragmentation Reassembly", 2005); HP JetDirect the one that starts further right.
_ORDERS: tuple[Callable[[tuple[int, Piece]], tuple[int, int]], ...] = (
    lambda numbered: (0, -numbered[0]),
    lambda numbered: (0, numbered[0]),
    lambda numbered: (-numbered[1][0], -numbered[0]),
    lambda numbered: (-numbered[1][0], numbered[0]),
    lambda numbered: (numbered[1][0], numbered[0]),
)


@dataclass(slots=True)
class Datagram:
    """What is known of a datagram: pieces in order, without overlap, of the first copy of each byte; and what contradicts them."""

    first_ns: int
    frame: int
    source: int
    destination: int
    protocol: int = -1  # of the fragment at offset 0
    addresses: bytes = b""  # as in the IP header
    ends: list[int] = field(default_factory=list)  # as last fragments said, the first of them first
    held: int = 0
    cost: int = 0
    reached: int = 0  # bytes without a hole from the start on
    starts: list[int] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    arrived: list[Piece] = field(default_factory=list)  # fragments as they came, but for repetitions
    disputed: list[Piece] = field(default_factory=list)  # those that differ from the first copy
    fresh: list[Piece] = field(default_factory=list)  # what was new of the last one

    @property
    def total(self) -> int:
        """Its length, as far as is known, else -1."""
        return self.ends[0] if self.ends else -1

    def place(self, start: int, content: bytes) -> tuple[int, bool]:
        """Puts in what is new of a fragment. Returns how many of its bytes were there already, and whether any of them differ."""
        end, at = start + len(content), start
        overlapping, differs = 0, False
        self.fresh = []
        index = max(0, bisect_right(self.starts, start) - 1)
        while at < end:
            if index < len(self.starts) and self.starts[index] <= at:
                here = self.contents[index]
                offset = at - self.starts[index]
                stop = min(end, self.starts[index] + len(here))
                if stop > at:
                    overlapping += stop - at
                    differs = differs or here[offset:offset + stop - at] != content[at - start:stop - start]
                    at = stop
            else:
                stop = end if index == len(self.starts) else min(end, self.starts[index])
                self.starts.insert(index, at)
                self.contents.insert(index, content[at - start:stop - start])
                self.fresh.append((at, self.contents[index]))
                self.held += stop - at
                self.cost += stop - at + PIECE_COST
                at = stop
            index += 1
        if differs:
            self.disputed.append((start, content))
        if differs or self.fresh:
            self.arrived.append((start, content))
            self.cost += len(content) + PIECE_COST if overlapping else 0
        index = bisect_right(self.starts, self.reached) - 1
        while 0 <= index < len(self.starts) and self.starts[index] <= self.reached:
            self.reached = max(self.reached, self.starts[index] + len(self.contents[index]))
            index += 1
        return overlapping, differs

    def ends_at(self, end: int) -> bool:
        """A last fragment says where the datagram ends. Returns whether that is new, and believed."""
        new = end not in self.ends and len(self.ends) < ENDS
        if new:
            self.ends.append(end)
        return new

    def readings(self) -> list[bytes]:
        """All that may be read, each once; those with the right checksum, which alone a receiver takes, come first."""
        ends = [end for end in self.ends if end <= self.reached]
        first = b"".join(self.contents)
        found = {first[:end]: None for end in ends}
        if self.disputed:
            for order in _ORDERS[1:]:
                found |= {_painted(self.arrived, order)[:end]: None for end in ends}
            for piece in self.disputed:
                alone = bytearray(first)
                _paint(alone, *piece)
                found |= {bytes(alone[:end]): None for end in ends}
        return sorted(found, key=lambda reading: not checksum_is_right(self.addresses, self.protocol, reading)) if len(found) > 1 else list(found)


def _painted(pieces: list[Piece], order: Callable[[tuple[int, Piece]], tuple[int, int]]) -> bytes:
    """The pieces over each other, the last on top. Holes are zeros: the caller looks only where there is none."""
    whole = bytearray()
    for _, (start, content) in sorted(enumerate(pieces), key=order):
        _paint(whole, start, content)
    return bytes(whole)


def _paint(whole: bytearray, start: int, content: bytes) -> None:
    """Puts content into its place; zeros before it, where nothing is yet."""
    whole.extend(bytes(max(0, start - len(whole))))
    whole[start:start + len(content)] = content


def checksum_is_right(addresses: bytes, protocol: int, payload: bytes) -> bool:
    """Whether a receiver would take the payload of an IP datagram: TCP, UDP (or no checksum at all), RFC 9293 section 3.1, RFC 768."""
    if protocol == 17 and len(payload) >= 8:
        if payload[6:8] == b"\0\0":
            return True
        payload = payload[:max(8, int.from_bytes(payload[4:6], "big"))]
    elif protocol != 6 or len(payload) < 20:
        return False
    words = np.frombuffer(addresses + payload + b"\0" * (len(payload) % 2), ">u2")
    return (int(words.sum(dtype=np.int64)) + protocol + len(payload)) % 0xFFFF == 0


@dataclass(slots=True)
class Whole:
    """A datagram that was complete: fragments that come later may be what its receiver took."""

    until_ns: int
    datagram: Datagram
    first: bytearray  # the reading that went first, and beyond its end the first copies
    latest: bytearray  # the last copy of every byte
    told: set[bytes]

    @property
    def cost(self) -> int:
        """Bytes that it holds."""
        return self.datagram.cost + len(self.first) + len(self.latest) + sum(map(len, self.told))

    def with_late(self, start: int, content: bytes, more: bool) -> list[bytes]:
        """New readings with a later fragment: over the first, and over all that came. Only those with the right checksum, for
        identifications are used again, and then nothing fits."""
        datagram, end = self.datagram, start + len(content)
        overlapping, differs = datagram.place(start, content)
        if not differs and overlapping == len(content) and (more or not datagram.ends_at(end)):
            return []
        if not more:
            datagram.ends_at(end)
        for place, octets in datagram.fresh:
            _paint(self.first, place, octets)
        _paint(self.latest, start, content)
        alone = bytearray(self.first)
        _paint(alone, start, content)
        found = []
        for size in datagram.ends:
            for reading in (bytes(alone[:size]), bytes(self.latest[:size])):
                if size <= datagram.reached and reading not in self.told and reading not in found and (
                        checksum_is_right(datagram.addresses, datagram.protocol, reading)):
                    found.append(reading)
        return found


class Fragments:
    """Datagrams in reassembly, oldest first; capped in number, bytes and packet time. So are those that were complete.

    `problems` holds (kind, needed, had) of the fragment added last, `others` (protocol, payload) of the further readings that came with
    it, `forgotten` (kind, datagram) of those that were given up since the caller emptied it. `due_ns` is the time at which `expire` has
    something to do.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.datagrams: dict[Hashable, Datagram] = {}
        self.complete: dict[Hashable, Whole] = {}
        self.cost = 0
        self.due_ns = NEVER
        self.repeated = 0
        self.unread = 0  # readings beyond the limit
        self.problems: list[tuple[int, int, int]] = []
        self.others: list[tuple[int, bytes]] = []
        self.forgotten: list[tuple[int, Datagram]] = []

    def add(self, key: Hashable, datagram: Datagram, offset: int, more: bool, content: bytes, length: int) -> bytes | None:
        """One fragment; `datagram` is how its datagram starts if it is the first of `key`, `length` the bytes it had on the wire.

        Returns the payload of the datagram when it is complete, and sets `datagram.protocol` to what it carries.
        """
        self.problems, self.others = [], []
        now_ns = datagram.first_ns
        if offset == 0 and more and length < (20 if datagram.protocol == 6 else 8):
            self.problems.append((NetworkAnomaly.FRAGMENT_TINY, 20 if datagram.protocol == 6 else 8, length))
        elif offset == 8 and datagram.protocol == 6:
            self.problems.append((NetworkAnomaly.FRAGMENT_TINY, 20, 8))
        if more and (length % 8 or length == 0):  # what hosts do: the odd bytes are cut off
            self.problems.append((NetworkAnomaly.FRAGMENT_LENGTH, 8, length))
            length &= ~7
            content = content[:length]
        known = self.datagrams.get(key)
        total = -1 if known is None else known.total
        end = offset + length
        furthest = known.starts[-1] + len(known.contents[-1]) if known is not None and known.starts else 0
        if end > self.limits.fragment_bytes or (total >= 0 and (end > total or (not more and end != total))) or (not more and end < furthest):
            self.problems.append((NetworkAnomaly.FRAGMENT_BEYOND_END, total if total >= 0 else self.limits.fragment_bytes, end))
        if end > self.limits.fragment_bytes or (more and length == 0):
            return None
        if known is None:
            known = self.datagrams[key] = Datagram(now_ns, datagram.frame, datagram.source, datagram.destination, addresses=datagram.addresses)
            self.due_ns = min(self.due_ns, now_ns + self.limits.fragment_timeout_ns + 1)
        cost = known.cost
        held = known.held
        overlapping, differs = known.place(offset, content)
        self.cost += known.cost - cost
        if differs:
            self.problems.append((NetworkAnomaly.FRAGMENT_CONFLICT, 0, overlapping))
        elif overlapping and known.held > held:
            self.problems.append((NetworkAnomaly.FRAGMENT_OVERLAP, 0, overlapping))
        elif overlapping:
            self.repeated += 1
        if offset == 0 and known.protocol < 0:
            known.protocol = datagram.protocol
        if not more:
            known.ends_at(end)
        if known.protocol >= 0 and known.ends and known.reached >= min(known.ends):
            datagram.protocol = known.protocol
            return self._completed(key, now_ns)
        if len(content) == length:
            self._late(key, now_ns, offset, more, content)
        self._keep_limits()
        return None

    def _completed(self, key: Hashable, now_ns: int) -> bytes:
        """The payload of a datagram that has all its bytes; further readings of it are in `others`."""
        datagram = self.datagrams.pop(key)
        readings = datagram.readings()
        self.unread += max(0, len(readings) - self.limits.fragment_readings)
        del readings[self.limits.fragment_readings:]
        self.others += [(datagram.protocol, reading) for reading in readings[1:]]
        first = readings[0]
        self._release(key)
        base = bytearray(first + (_painted(datagram.arrived, _ORDERS[0])[len(first):] if datagram.held > len(first) else b""))
        whole = Whole(now_ns + self.limits.fragment_timeout_ns, datagram, base, bytearray(base), set(readings))
        self.complete[key] = whole
        self.cost += whole.cost - datagram.cost
        self._set_due()
        self._keep_limits()
        return first

    def _late(self, key: Hashable, now_ns: int, offset: int, more: bool, content: bytes) -> None:
        """What the datagram that was complete under this key is with the fragment that came after it."""
        while self.complete and next(iter(self.complete.values())).until_ns <= now_ns:
            self._release(next(iter(self.complete)))
        whole = self.complete.get(key)
        if whole is None:
            return
        cost = whole.cost
        for reading in whole.with_late(offset, content, more):
            if len(whole.told) >= self.limits.fragment_readings:
                self.unread += 1
                continue
            whole.told.add(reading)
            self.problems.append((NetworkAnomaly.FRAGMENT_CONFLICT, 0, len(content)))
            self.others.append((whole.datagram.protocol, reading))
        self.cost += whole.cost - cost

    def expire(self, now_ns: int) -> None:
        """Gives up every datagram that waited too long, oldest first."""
        while self.datagrams and next(iter(self.datagrams.values())).first_ns + self.limits.fragment_timeout_ns < now_ns:
            self._forget(NetworkAnomaly.FRAGMENT_TIMEOUT)
        self._set_due()

    def finish(self) -> None:
        """Nothing more comes: gives up what is still incomplete."""
        while self.datagrams:
            self._forget(NetworkAnomaly.FRAGMENT_MISSING)

    def _keep_limits(self) -> None:
        """What was complete goes before what still waits."""
        while self.complete and (len(self.complete) > self.limits.fragments or self.cost > self.limits.fragment_total_bytes):
            self._release(next(iter(self.complete)))
        while self.datagrams and (len(self.datagrams) > self.limits.fragments or self.cost > self.limits.fragment_total_bytes):
            self._forget(NetworkAnomaly.FRAGMENT_EVICTED)

    def _release(self, key: Hashable) -> None:
        if key in self.complete:
            self.cost -= self.complete.pop(key).cost

    def _forget(self, kind: int) -> None:
        datagram = self.datagrams.pop(next(iter(self.datagrams)))
        self.cost -= datagram.cost
        self.forgotten.append((kind, datagram))
        self._set_due()

    def _set_due(self) -> None:
        oldest = next(iter(self.datagrams.values()), None)
        self.due_ns = NEVER if oldest is None else oldest.first_ns + self.limits.fragment_timeout_ns + 1

