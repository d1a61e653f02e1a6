# cython: boundscheck=True, wraparound=False, cdivision=True
"""How long the rest of a PDU is waited for: a length field is evidence, not proof.

While a PDU is incomplete, what the other side says, what follows, where segments end and silence are held against its length. The shorter
reading wins where the PDU's own content ends earlier, and the answer to it or two further headers in chain say so too; where the content does
not tell its length, only where an answer to it came and a segment ends there. So data that look like messages make no rows, and a slow line
has its time.
"""

from __future__ import annotations

import cython
import numpy as np

from otwatch.streams.framing import Framer

LOOK_BYTES = 8_192  # of an unfinished PDU
MESSAGES = 4  # of the other side that are held against it
STOPS = 16  # ends of segments within a complete PDU from which others are looked for

# Why it is asked.
_SPOKEN = cython.declare(cython.int, 1)  # the other side says something and has acknowledged all of it
_SILENCE = cython.declare(cython.int, 2)  # nothing came for a while, or nothing will


class Lengths:
    """Judges; the Cutter acts."""

    def judge(self, stream, other, said, why):  # type: ignore[no-untyped-def]
        """Where the unfinished PDU in pending ends before its length is reached, 0 where nothing says so."""
        framer: Framer = stream.framer
        ends = framer.framing.ends
        if ends is None:
            return 0
        data: bytes = bytes(np.asarray(stream.pending.data)[:min(stream.pending.used, LOOK_BYTES)])
        size: cython.Py_ssize_t = len(data)
        stops: list = [stop for stop, _time, _frame in stream.stops]
        known: cython.longlong = 0
        for stop in stops:
            known = ends(data[:stop], stream.direction, stream.needed)
            if known != 0:
                break
        if known < 0 or known > size:
            return 0
        if known == 0:
            return self.answered_at(stream, stops, data, said) if why == _SPOKEN else 0
        at_stop: cython.bint = known in stops
        headers: cython.int = 0
        at: cython.longlong = known
        length: cython.longlong = 0
        while at < size and headers < 2:
            length = framer.measure(memoryview(data), at, size, stream.direction)
            if length <= 0:
                break
            headers += 1
            at += length
        if headers == 0 and length < 0:
            return 0
        if at_stop and (headers == 2 or (headers > 0 and at == stream.needed)):  # further headers in chain, or whole PDUs to the very end of it
            return known
        if (at_stop or headers > 0) and self.paired(stream, other, data[:known], said):
            return known
        if why == _SILENCE:
            return known if at_stop else 0
        if stream.needed < size and headers > 0 and framer.measure(memoryview(data), stream.needed, size, stream.direction) < 0:
            return known  # the longer reading goes astray
        return 0

    def answered_at(self, stream, stops, data, said):  # type: ignore[no-untyped-def]
        """The end of the segment with which a PDU ended, where its content does not tell: the other side answers it, or one behind it."""
        framer: Framer = stream.framer
        message: bytes
        stop: cython.Py_ssize_t
        size: cython.Py_ssize_t = len(data)
        for message in self.messages(stream, said):
            for stop in stops:
                if framer.framing.pairs(data[:stop], message):
                    if stop == size or framer.measure(memoryview(data), stop, size, stream.direction) >= 0:
                        return stop
                elif self.answers_one(stream, data, stop, message):
                    return stop
        return 0

    def answers_one(self, stream, data, at, reply):  # type: ignore[no-untyped-def]
        """Whether a message of the other side answers one of the whole PDUs from `at` on."""
        framer: Framer = stream.framer
        length: cython.longlong
        while at < len(data):
            length = framer.measure(memoryview(data), at, len(data), stream.direction)
            if length <= 0 or length > len(data) - at:
                return False
            if framer.framing.pairs(data[at:at + length], reply):
                return True
            at += length
        return False

    def inner(self, stream):  # type: ignore[no-untyped-def]
        """A PDU whose content does not tell its length is complete: the end of a segment within it from which whole PDUs reach its end, 0 none."""
        framer: Framer = stream.framer
        size: cython.Py_ssize_t = stream.needed
        data: bytes = bytes(np.asarray(stream.pending.data)[:min(size, stream.pending.used, LOOK_BYTES)])
        at: cython.Py_ssize_t
        length: cython.longlong
        if len(data) < size or framer.framing.ends(data, stream.direction, size) != 0:
            return 0
        for stop, _time, _frame in stream.stops[:STOPS]:
            at = stop
            while at < size:
                length = framer.measure(memoryview(data), at, size, stream.direction)
                if length <= 0:
                    break
                at += length
            if stop < at == size:
                return stop
        return 0

    def paired(self, stream, other, message, said):  # type: ignore[no-untyped-def]
        """Whether the other side answers the message, or it answers one of the other side's last ones."""
        pairs = stream.framer.framing.pairs
        reply: bytes
        for reply in self.messages(stream, said):
            if pairs(message, reply):
                return True
        return any(pairs(asked, message) for asked in self.recent(other))

    def messages(self, stream, said):  # type: ignore[no-untyped-def]
        """The first whole messages of what is said at the moment."""
        found: list = []
        framer: Framer = stream.framer
        at: cython.Py_ssize_t = 0
        length: cython.longlong
        if said is not None:
            while at < len(said) and len(found) < MESSAGES:
                length = framer.measure(memoryview(said), at, len(said), 1 - stream.direction)
                if length <= 0:
                    break
                found.append(said[at:at + length])
                at += length
        return found

    def recent(self, other):  # type: ignore[no-untyped-def]
        """The beginnings of the other side's last messages, from its history."""
        found: list = []
        if other is None or other.starts is None or other.history is None:
            return found
        number: cython.longlong
        start: cython.longlong
        length: cython.longlong
        for number in range(max(0, other.started_pdus - MESSAGES), other.started_pdus):
            start = other.starts[number & (len(other.starts) - 1)]
            length = min(64, other.position - start)
            if start >= other.oldest_kept() and length > 0:
                part = memoryview(bytearray(length))
                other.read(other.history, part, 0, start, length)
                found.append(bytes(part))
        return found

    def astray(self, framer, data, direction, length):  # type: ignore[no-untyped-def]
        """A PDU of `length` is followed by bytes that are no whole one: where it ends by its content, if a whole one stands there, else 0."""
        known: cython.longlong = framer.framing.ends(data, direction, length)
        if 0 < known < length and 0 < framer.measure(memoryview(data), known, len(data), direction) <= len(data) - known:
            return known
        return 0
