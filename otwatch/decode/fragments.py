"""IP fragments -> whole datagrams. The first copy of a byte wins; whatever contradicts it is reported. Fragments are rare: plain Python."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable
from dataclasses import dataclass, field

from otwatch.decode.anomalies import NetworkAnomaly
from otwatch.limits import Limits

PIECE_COST = 128  # bytes of bookkeeping charged per fragment: many tiny ones must not go unnoticed
NEVER = 1 << 62


@dataclass(slots=True)
class Datagram:
    """What is known of a datagram: pieces in order, without overlap."""

    first_ns: int
    frame: int
    source: int
    destination: int
    protocol: int = -1  # of the fragment at offset 0
    total: int = -1  # known once the last fragment was seen
    held: int = 0
    cost: int = 0
    starts: list[int] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)

    def place(self, start: int, content: bytes) -> tuple[int, bool]:
        """Puts in what is new of a fragment. Returns how many of its bytes were there already, and whether any of them differ."""
        end, at = start + len(content), start
        overlapping, differs = 0, False
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
                self.held += stop - at
                self.cost += stop - at + PIECE_COST
                at = stop
            index += 1
        return overlapping, differs


class Fragments:
    """Datagrams in reassembly, oldest first; capped in number, bytes and packet time.

    `problems` holds (kind, needed, had) of the fragment added last, `forgotten` (kind, datagram) of those that were given up since the
    caller emptied it. `due_ns` is the time at which `expire` has something to do.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.datagrams: dict[Hashable, Datagram] = {}
        self.cost = 0
        self.due_ns = NEVER
        self.repeated = 0
        self.reassembled = 0
        self.problems: list[tuple[int, int, int]] = []
        self.forgotten: list[tuple[int, Datagram]] = []

    def add(self, key: Hashable, datagram: Datagram, offset: int, more: bool, content: bytes, length: int) -> bytes | None:
        """One fragment; `datagram` is how its datagram starts if it is the first of `key`, `length` the bytes it had on the wire.

        Returns the payload of the datagram when it is complete, and sets `datagram.protocol` to what it carries.
        """
        self.problems = []
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
            return None
        if more and length == 0:
            return None
        if known is None:
            known = self.datagrams[key] = Datagram(datagram.first_ns, datagram.frame, datagram.source, datagram.destination)
            self.due_ns = min(self.due_ns, datagram.first_ns + self.limits.fragment_timeout_ns)
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
            known.total = end
        if known.total >= 0 and known.held == known.total and known.protocol >= 0:
            del self.datagrams[key]
            self.cost -= known.cost
            self.reassembled += 1
            datagram.protocol = known.protocol
            self._set_due()
            return b"".join(known.contents)
        while len(self.datagrams) > self.limits.fragments or (self.cost > self.limits.fragment_total_bytes and self.datagrams):
            self._forget(NetworkAnomaly.FRAGMENT_EVICTED)
        return None

    def expire(self, now_ns: int) -> None:
        """Gives up every datagram that waited too long, oldest first."""
        while self.datagrams and next(iter(self.datagrams.values())).first_ns + self.limits.fragment_timeout_ns <= now_ns:
            self._forget(NetworkAnomaly.FRAGMENT_TIMEOUT)
        self._set_due()

    def _forget(self, kind: int) -> None:
        datagram = self.datagrams.pop(next(iter(self.datagrams)))
        self.cost -= datagram.cost
        self.forgotten.append((kind, datagram))
        self._set_due()

    def _set_due(self) -> None:
        oldest = next(iter(self.datagrams.values()), None)
        self.due_ns = NEVER if oldest is None else oldest.first_ns + self.limits.fragment_timeout_ns
