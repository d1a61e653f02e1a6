# cython: boundscheck=True, wraparound=False, cdivision=True
"""What is known of one direction of a TCP flow: where it stands, what waits, and the last bytes it delivered.

`position` counts delivered bytes as a 64-bit number from where the stream was picked up; `next` is the 32-bit sequence number of that place.
Every other place in the stream is a position, so that sequence numbers wrap in one line of `reassembly` only.
"""

from __future__ import annotations

import cython
import numpy as np

from otwatch.copying import copy
from otwatch.tables import Octets

_M32 = cython.declare(cython.longlong, 0xFFFFFFFF)
_SMALLEST_HISTORY = cython.declare(cython.longlong, 64)
_STARTS = cython.declare(cython.longlong, 64)  # PDU starts remembered, to read an altered retransmission from where its PDU began


class Stream:
    """One direction. The bytes in `pending` are the start of a PDU, or (searching, or no framer yet) bytes not understood so far."""

    def __init__(self, slot: cython.Py_ssize_t, direction: cython.int, history_bytes: cython.longlong) -> None:
        self.slot = slot
        self.direction = direction
        self.framer = None
        self.pdus = None
        self.started = False
        self.from_start = False  # picked up at its SYN: the first byte starts a PDU
        self.probe = -1  # sequence number of what may be a keep-alive probe
        self.next = 0
        self.position = 0
        self.base = 0  # bytes before it were never delivered in order
        self.acknowledged = -1  # by the other side, 32 bits
        self.held = None  # segments beyond a hole: [(position, bytes, timestamp_ns, frame, missing)], in order, not overlapping
        self.disputed = None  # segments that differ from held ones: [(position, bytes, timestamp_ns, frame)]
        self.held_bytes = 0
        self.deadline = 0  # when the hole before `held` is given up; 0 there is none
        self.quiet = 0  # when a search takes what it has; 0 never
        self.pending = None
        self.needed = 0  # bytes that pending must have before it is looked at again
        self.marks = None  # [(end in pending, timestamp_ns, frame)] while pending holds more than one segment's bytes, not cut yet
        self.searching = False
        self.flagged = False  # the search began with wrong bytes
        self.closed = False
        self.skip = 0  # bytes that belong to a PDU already delivered as cut
        self.flags = 0  # PduFlag bits of the next PDU
        self.wrong = 0  # violations since the last good PDU
        self.passed = 0  # bytes passed over in this search
        self.history = None  # ring: the byte at position p is at p & history_mask
        self.history_mask = 0
        size: cython.longlong = 1
        while 2 * size <= history_bytes:
            size *= 2
        self.history_cap = size
        self.alternate = None  # the same ring, with the other bytes of conflicting retransmissions laid over it
        self.starts = None  # ring of the positions at which PDUs began
        self.started_pdus = 0

    @property
    def alarm(self) -> int:
        """The sooner of deadline and quiet, 0 when there is neither."""
        return min(self.deadline or self.quiet, self.quiet or self.deadline)

    def remember(self, data, at, length):  # type: ignore[no-untyped-def]
        """Delivered bytes: into the history, and on with the position."""
        position: cython.longlong = self.position
        size: cython.longlong = self.history_mask + 1
        if self.history is None or (size < self.history_cap and position + length - self.base > size):
            self.grow_history(position + length - self.base)
        to: cython.longlong = position & self.history_mask
        if to + length <= self.history_mask + 1:
            copy(self.history, to, data, at, length)
        else:
            self.write(self.history, data, at, length, position)
        if self.alternate is not None:
            self.write(self.alternate, data, at, length, position)
        self.position = position + length
        self.next = (self.next + length) & _M32
        return 0

    def write(self, ring, data, at, length, position):  # type: ignore[no-untyped-def]
        """Into a ring, the last bytes where there are more than it holds."""
        size: cython.longlong = self.history_mask + 1
        if length > size:
            at += length - size
            position += length - size
            length = size
        to: cython.Py_ssize_t = position & self.history_mask
        first: cython.Py_ssize_t = size - to
        if first >= length:
            copy(ring, to, data, at, length)
        else:
            copy(ring, to, data, at, first)
            copy(ring, 0, data, at + first, length - first)
        return 0

    def read(self, ring, target, to, position, length):  # type: ignore[no-untyped-def]
        """Out of a ring; all of the range must lie in the history."""
        at: cython.Py_ssize_t = position & self.history_mask
        first: cython.Py_ssize_t = self.history_mask + 1 - at
        if first >= length:
            copy(target, to, ring, at, length)
        else:
            copy(target, to, ring, at, first)
            copy(target, to + first, ring, 0, length - first)
        return 0

    def grow_history(self, wanted: cython.longlong) -> object:
        """A larger ring with the same bytes; small streams stay small."""
        size: cython.longlong = _SMALLEST_HISTORY
        while size < wanted and size < self.history_cap:
            size *= 4
        if size > self.history_cap:
            size = self.history_cap
        kept: cython.longlong = self.oldest_kept()
        history = self.larger(self.history, size, kept)
        self.alternate = None if self.alternate is None else self.larger(self.alternate, size, kept)
        self.history = history
        self.history_mask = size - 1
        return None

    def larger(self, ring, size, kept):  # type: ignore[no-untyped-def]
        """A ring of that size with the bytes of `ring` from position `kept` on."""
        new = memoryview(bytearray(size))
        at: cython.longlong = kept
        run: cython.longlong
        while ring is not None and at < self.position:
            run = min(self.position - at, self.history_mask + 1 - (at & self.history_mask), size - (at & (size - 1)))
            copy(new, at & (size - 1), ring, at & self.history_mask, run)
            at += run
        return new

    def oldest_kept(self):  # type: ignore[no-untyped-def]
        """Position of the oldest byte in the history."""
        if self.history is None:
            return self.position
        kept: cython.longlong = self.position - self.history_mask - 1
        return kept if kept > self.base else self.base

    def jump(self, distance):  # type: ignore[no-untyped-def]
        """Over bytes that are missing."""
        self.position += distance
        self.next = (self.next + distance) & _M32
        self.base = self.position
        self.started_pdus = 0
        return 0

    def differing(self, position, data, at, length):  # type: ignore[no-untyped-def]
        """How many bytes differ from those delivered at their place; all of the range must lie in the history."""
        ring = self.history
        mask: cython.longlong = self.history_mask
        count: cython.longlong = 0
        i: cython.Py_ssize_t
        for i in range(length):
            if ring[(position + i) & mask] != data[at + i]:
                count += 1
        return count

    def alternates_equal(self, position, data, at, length):  # type: ignore[no-untyped-def]
        """Whether the alternative stream has these bytes already."""
        ring = self.alternate
        i: cython.Py_ssize_t
        for i in range(length):  # noqa: SIM110 (a generator would be slow)
            if ring[(position + i) & self.history_mask] != data[at + i]:
                return False
        return True

    def overlay(self, position, data, at, length):  # type: ignore[no-untyped-def]
        """Other bytes for a range of the history: the alternative stream."""
        if self.alternate is None:
            self.alternate = memoryview(bytearray(self.history))
        self.write(self.alternate, data, at, length, position)
        return 0

    def keep(self, data, at, length):  # type: ignore[no-untyped-def]
        """At the end of pending."""
        if self.pending is None:
            self.pending = Octets(256)
        to: cython.Py_ssize_t = self.pending.reserve(length)
        copy(self.pending.data, to, data, at, length)
        return 0

    def drop(self, length):  # type: ignore[no-untyped-def]
        """The first bytes of pending, and their marks."""
        pending = self.pending
        rest: cython.Py_ssize_t = pending.used - length
        if rest <= 0:
            self.marks = None
            if pending.data.shape[0] > 4096:  # one large message must not cost its room for the life of the flow
                self.pending = None
            else:
                pending.clear()
            return 0
        if length > 0:
            pending.data[:rest] = pending.data[length:pending.used].copy() if cython.compiled else bytes(pending.data[length:pending.used])
            pending.used = rest
            if self.marks is not None:
                self.marks = [(end - length, time, frame) for end, time, frame in self.marks if end > length]
        return 0

    def start_of_pdu(self, position):  # type: ignore[no-untyped-def]
        """A PDU began at the position."""
        if self.starts is None:
            self.starts = memoryview(np.zeros(_STARTS, np.int64))
        self.starts[self.started_pdus & (_STARTS - 1)] = position
        self.started_pdus += 1
        return 0

    def boundary_before(self, position):  # type: ignore[no-untyped-def]
        """Where the PDU that holds the position began, -1 if that is no longer known."""
        at: cython.longlong = self.started_pdus - 1
        oldest: cython.longlong = self.started_pdus - _STARTS
        kept: cython.longlong = self.oldest_kept()
        start: cython.longlong
        while at >= 0 and at >= oldest:
            start = self.starts[at & (_STARTS - 1)]
            if start < kept:
                return -1
            if start <= position:
                return start
            at -= 1
        return -1
