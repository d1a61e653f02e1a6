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
_LARGEST_HISTORY = cython.declare(cython.longlong, 65_536)  # what a receiver without window scaling can leave unacknowledged
_ORIGIN = cython.declare(cython.longlong, 1 << 40)  # where positions begin, so that those before it are numbers like others
_STARTS = cython.declare(cython.longlong, 64)  # PDU starts remembered, to read an altered retransmission from where its PDU began
_PENDING = cython.declare(cython.Py_ssize_t, 256)
_LARGE = cython.declare(cython.Py_ssize_t, 4096)
_SPARES = cython.declare(cython.Py_ssize_t, 256)  # buffers that are kept for the next streams


class Buffers:
    """What a stream with payload needs at least. Where every request has a connection of its own, making them is what a stream costs, so a stream
    that is over leaves them to the next; what they hold then is old, and nobody reads what he has not written."""

    def __init__(self) -> None:
        self.history = memoryview(bytearray(_SMALLEST_HISTORY))
        self.starts = memoryview(np.zeros(_STARTS, np.int64))
        self.pending = Octets(_PENDING)


class Room:
    """Bytes of history that all streams together may hold beyond the usual, and buffers without a stream."""

    def __init__(self, total: cython.longlong) -> None:
        self.left = total
        self.spare = []


class Stream:
    """One direction. The bytes in `pending` are the start of a PDU, or (searching, or no framer yet) bytes not understood so far."""

    def __init__(self, slot: cython.Py_ssize_t, direction: cython.int, history_bytes: cython.longlong, room: Room) -> None:
        self.slot = slot
        self.direction = direction
        self.framer = None
        self.pdus = None
        self.started = False
        self.in_line = False  # nothing but the next byte is waited for: started, no hole, no second reading
        self.rival = None  # the second reading of this direction, while it is not known which one the receiver took
        self.main = None  # of a second reading: the first
        self.why = 0  # of a second reading: a Reading
        self.watch = 0  # of a second reading: where the first one stood when it began, 32 bits
        self.own = _ORIGIN  # of a second reading: where its own bytes begin; those before are the first one's
        self.reported = False  # of a second reading: that it holds another message
        self.always = 0  # PduFlag bits of every PDU
        self.read_apart = None  # [(position, hash)] of the last contradicting segments that were read
        self.from_start = False  # picked up at its SYN: the first byte starts a PDU
        self.probe = -1  # sequence number of what may be a keep-alive probe
        self.probe_octet = 0  # its byte
        self.next = 0
        self.position = _ORIGIN
        self.base = _ORIGIN  # bytes before it were never delivered in order
        self.acknowledged = -1  # by the other side, 32 bits
        self.held = None  # segments beyond a hole: [(position, bytes, timestamp_ns, frame, missing)], in order, not overlapping
        self.disputed = None  # segments that differ from held ones: [(position, bytes, timestamp_ns, frame)]
        self.held_bytes = 0
        self.hole = 0  # the size of the last one that was given up
        self.deadline = 0  # when the hole before `held` is given up; 0 there is none
        self.quiet = 0  # when a search takes what it has; 0 never
        self.pending = None
        self.needed = 0  # bytes that pending must have before it is looked at again
        self.marks = None  # [(end in pending, timestamp_ns, frame)] while pending holds more than one segment's bytes, not cut yet
        self.stops = None  # [(end in pending, timestamp_ns, frame)] of the segments of an unfinished PDU
        self.suspected = None  # (a complete PDU, where whole ones begin in it, time, frame), until answers decide
        self.doubt = False  # its content says that it ends before its length
        self.heard = False  # the other side has spoken since
        self.searching = False
        self.flagged = False  # the search began with wrong bytes
        self.made = False  # every segment has the same sequence number
        self.closed = False
        self.skip = 0  # bytes that belong to a PDU already delivered as cut
        self.flags = 0  # PduFlag bits of the next PDU
        self.awaits = -1  # what its segment acknowledges, where flags has UNHEARD and that is known
        self.wrong = 0  # violations since the last good PDU
        self.passed = 0  # bytes passed over in this search
        self.history = None  # ring: the byte at position p is at p & history_mask
        self.history_mask = -1
        self.settled = _ORIGIN  # bytes from here on stay in the history while there is room for them
        self.room = room
        self.buffers = None
        size: cython.longlong = 1
        while 2 * size <= history_bytes:
            size *= 2
        self.history_cap = size
        self.starts = None  # ring of the positions at which PDUs began
        self.started_pdus = 0

    @property
    def alarm(self) -> int:
        """The sooner of deadline and quiet, 0 when there is neither."""
        return min(self.deadline or self.quiet, self.quiet or self.deadline)

    def line_up(self):  # type: ignore[no-untyped-def]
        """After a change of what `in_line` is made of."""
        self.in_line = self.started and self.held is None and self.rival is None and not self.closed
        return 0

    def remember(self, data, at, length):  # type: ignore[no-untyped-def]
        """Delivered bytes: into the history, and on with the position."""
        position: cython.longlong = self.position
        if position + length - self.settled > self.history_mask + 1:
            self.make_room(length)
        to: cython.longlong = position & self.history_mask
        if to + length <= self.history_mask + 1:
            copy(self.history, to, data, at, length)
        else:
            self.write(self.history, data, at, length, position)
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

    def make_room(self, length: cython.longlong) -> object:
        """Before `length` more bytes: a larger history while the stream is young, or where its receiver has not acknowledged what would be lost."""
        end: cython.longlong = self.position + length
        size: cython.longlong = 0 if self.history is None else self.history_mask + 1
        wanted: cython.longlong = _SMALLEST_HISTORY
        least: cython.longlong = min(end - self.base, self.history_cap)
        while wanted < least:
            wanted *= 4
        wanted = max(size, min(wanted, self.history_cap))
        floor: cython.longlong = self.unacknowledged()
        if end - floor > wanted and self.room.left > 0 and wanted < _LARGEST_HISTORY:
            while wanted < end - floor and wanted < _LARGEST_HISTORY and 2 * wanted - size <= self.room.left:
                wanted *= 2
        if wanted > size:
            if wanted > self.history_cap:
                self.room.left -= wanted - max(size, self.history_cap)
            self.history = self.larger(self.history, wanted, self.oldest_kept())
            self.history_mask = wanted - 1
        self.settled = max(floor, end - wanted)
        return None

    def unacknowledged(self):  # type: ignore[no-untyped-def]
        """The position up to which the other side has acknowledged, `base` where it has not."""
        if self.acknowledged < 0:
            return self.base
        behind: cython.longlong = ((self.next - self.acknowledged + 0x80000000) & _M32) - 0x80000000
        floor: cython.longlong = self.position - behind if behind > 0 else self.position
        return floor if floor > self.base else self.base

    def give_back(self):  # type: ignore[no-untyped-def]
        """The stream is over: its part of the shared room."""
        if self.history is not None and self.history_mask + 1 > self.history_cap:
            self.room.left += self.history_mask + 1 - self.history_cap
        if self.buffers is not None and len(self.room.spare) < _SPARES:
            if self.buffers.pending.data.shape[0] <= _LARGE:
                self.buffers.pending.clear()
                self.room.spare.append(self.buffers)
            self.pending = None
            self.starts = None
            self.started_pdus = 0
        self.buffers = None
        self.history = None
        self.history_mask = -1
        self.base = self.settled = self.position
        return 0

    def larger(self, ring, size, kept):  # type: ignore[no-untyped-def]
        """A ring of that size with the bytes of `ring` from position `kept` on."""
        new = self.equipment().history if size == _SMALLEST_HISTORY else memoryview(bytearray(size))
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
        self.settled = self.position
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

    def equipment(self):  # type: ignore[no-untyped-def]
        """Its buffers, taken when the first is needed."""
        if self.buffers is None:
            self.buffers = self.room.spare.pop() if self.room.spare else Buffers()
        return self.buffers

    def keep(self, data, at, length):  # type: ignore[no-untyped-def]
        """At the end of pending."""
        if self.pending is None:
            if self.equipment().pending.data.shape[0] > _LARGE:
                self.buffers.pending = Octets(_PENDING)
            self.pending = self.buffers.pending
        to: cython.Py_ssize_t = self.pending.reserve(length)
        copy(self.pending.data, to, data, at, length)
        return 0

    def drop(self, length):  # type: ignore[no-untyped-def]
        """The first bytes of pending, and their marks."""
        pending = self.pending
        rest: cython.Py_ssize_t = pending.used - length
        if rest <= 0:
            self.marks = None
            if pending.data.shape[0] > _LARGE:  # one large message must not cost its room for the life of the flow
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
            self.starts = self.equipment().starts
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
        if self.from_start and oldest <= 0 and kept == self.base:  # before the first PDU: the first byte starts one
            return self.base
        return -1
