# cython: boundscheck=True, wraparound=False, cdivision=True
"""TCP segments into ordered bytes (RFC 9293 section 3.4): duplicates trimmed, later segments held, holes waited for and then skipped.

The first copy of a byte is the stream's; a copy that differs is reported and read as well, as a second reading (`readings`), and so are bytes
that lie before the stream, behind a hole that nobody acknowledged, or far outside the window: nothing that was captured goes unread.
Only a segment in its place is cheap; everything here beyond `segment` is for the rare case and may use Python objects.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left

import cython

from otwatch.limits import Limits
from otwatch.streams.anomalies import StreamAnomaly
from otwatch.streams.cutter import Cutter
from otwatch.streams.readings import Readings
from otwatch.streams.states import Reading
from otwatch.streams.stream import Stream
from otwatch.vocabulary import PduFlag

DISORDER_NS = 500_000  # packets of one mirror change places within less than this
GRACE_NS = 50_000_000  # a mirror delivers late by less than this: how long an acknowledged hole is waited for
WINDOW = 1_048_576  # a sequence number this far from the acknowledged one is not of this connection
HELD_OVERHEAD = 128  # what a held segment costs beside its bytes

_M32 = cython.declare(cython.longlong, 0xFFFFFFFF)
_HALF = cython.declare(cython.longlong, 0x80000000)
_NEVER = cython.declare(cython.longlong, 0x7FFFFFFFFFFFFFFF)
_AFTER_GAP = cython.declare(cython.int, PduFlag.AFTER_GAP)
_UNHEARD = cython.declare(cython.int, PduFlag.UNHEARD)
_BEFORE = cython.declare(cython.int, Reading.BEFORE)
_AHEAD = cython.declare(cython.int, Reading.AHEAD)
_ELSEWHERE = cython.declare(cython.int, Reading.ELSEWHERE)
_OVER = cython.declare(cython.int, Reading.OVER)
_DONE = cython.declare(cython.int, 1)  # what Readings.route says
_OF_THE_SECOND = cython.declare(cython.int, 2)


@cython.cfunc
@cython.inline
def _signed(difference: cython.longlong) -> cython.longlong:
    """A difference of two sequence numbers, in -2**31..2**31-1."""
    return ((difference + _HALF) & _M32) - _HALF


class Reassembler:
    """Puts the segments of every stream in order, for a Cutter."""

    def __init__(self, cutter: Cutter, limits: Limits) -> None:
        self.cutter = cutter
        self.readings = Readings(cutter, limits)
        self.gap_ns = limits.stream_gap_ns
        self.acknowledgement = -1  # of the segment at hand
        self.most_held = limits.stream_pending_bytes
        self.most_held_total = limits.stream_pending_total_bytes

    def segment(self, stream, data, at, length, missing, sequence, time, frame):  # type: ignore[no-untyped-def]
        """A segment with payload: `length` bytes that are there, then `missing` that the capture cut off."""
        if not stream.started:
            if length == 1 and missing == 0 and not stream.from_start and (stream.probe < 0 or stream.probe == sequence):
                stream.probe = sequence  # picked up midway, a lone byte may be a keep-alive probe's: not a stream's start
                stream.probe_octet = data[at]
                return 0
            stream.started = True
            stream.line_up()
            if not stream.from_start:
                stream.next = sequence
                stream.flags |= _UNHEARD  # what came before the capture may be what this answers
                other: Stream = self.cutter.by_slot[2 * stream.slot + 1 - stream.direction]
                if not other.started:
                    stream.awaits = self.acknowledgement
                if length == 1 and stream.probe >= 0 and ((stream.probe + 1) & _M32) == sequence:  # it is said octet by octet
                    stream.next = stream.probe
                    self.cutter.deliver(stream, bytes((stream.probe_octet,)), 0, 1, time, frame)
        self.cutter.time = time
        self.cutter.frame = frame
        if stream.rival is not None:
            return self.two_readings(stream, data, at, length, missing, sequence, time, frame)
        delta: cython.longlong = _signed(sequence - stream.next)
        if delta == 0 and missing == 0 and stream.held is None:
            return self.cutter.deliver(stream, data, at, length, time, frame)
        return self.out_of_line(stream, data, at, length, missing, delta, time, frame)

    def two_readings(self, stream, data, at, length, missing, sequence, time, frame):  # type: ignore[no-untyped-def]
        """A segment of a direction that has a second reading."""
        rival: Stream = stream.rival
        part: cython.Py_ssize_t
        if rival.why == _BEFORE and rival.next == sequence and rival.position + length > stream.base and rival.held is None:
            part = stream.base - rival.position  # up to where the first one began
            if part > 0:
                self.cutter.deliver(rival, data, at, part, time, frame)
            self.readings.drop(stream)
            return self.segment(stream, data, at + part, length - part, missing, (sequence + part) & _M32, time, frame)
        which: cython.int = self.readings.route(stream, data, at, length, missing, sequence, time, frame)
        rival = stream.rival
        if which == _DONE:
            return 0
        if which == _OF_THE_SECOND:
            self.out_of_line(rival, data, at, length, missing, _signed(sequence - rival.next), time, frame)
            if stream.rival is rival:
                self.readings.meet(stream)
            return 0
        return self.out_of_line(stream, data, at, length, missing, _signed(sequence - stream.next), time, frame)

    def in_place(self, stream, data, at, length, time, frame):  # type: ignore[no-untyped-def]
        """The next bytes of a stream, to both of its readings where they stand at the same place."""
        rival: Stream = stream.rival
        together: cython.bint = rival is not None and rival.next == stream.next and rival.held is None
        if rival is not None and rival.why == _AHEAD and stream.position + length > rival.base - 1:
            length = self.readings.join(stream, data, at, length)
            if length == 0:
                return 0
        self.cutter.deliver(stream, data, at, length, time, frame)
        if together and stream.rival is rival:
            self.cutter.deliver(rival, data, at, length, time, frame)
        return self.readings.meet(stream)

    def out_of_line(self, stream, data, at, length, missing, delta, time, frame):  # type: ignore[no-untyped-def]
        """Any other segment; it starts `delta` bytes after the stream's place."""
        cutter: Cutter = self.cutter
        position: cython.longlong = stream.position + delta
        if delta > WINDOW or (delta < -WINDOW and position < stream.base):
            cutter.report(stream.slot, stream.direction, StreamAnomaly.OUT_OF_WINDOW, WINDOW, delta)
            return self.readings.apart(stream, _ELSEWHERE, data, at, length, position)
        if position < stream.base and length > 0:  # before the stream: from before it was picked up, or of a hole that was given up
            before: cython.longlong = stream.base - position
            if before > length:
                before = length
            if delta == -1 and length == 1:
                return 0  # keep-alive
            cutter.report(stream.slot, stream.direction, StreamAnomaly.LATE, 0, before)
            if stream.from_start and stream.position == stream.base and length > before:  # no sender has bytes before its SYN
                return self.readings.apart(stream, _ELSEWHERE, data, at, length, position)
            self.readings.apart(stream, _BEFORE, data, at, before, position)
            at += before
            length -= before
            position += before
        if (position == stream.base and position < stream.position and length > 0 and missing == 0 and stream.held is None and stream.rival is None
                and (stream.made or self.is_made(stream, data, at, length))):
            stream.next = (stream.next + delta) & _M32
            stream.base = stream.position
            return cutter.deliver(stream, data, at, length, time, frame)
        if position < stream.position and length > 0:
            again: cython.longlong = stream.position - position
            if again >= length:
                again = length
                if missing == 0 and not (length == 1 and delta == -1):
                    cutter.flows.retransmissions[stream.slot] += 1
            # a keep-alive probe's byte is garbage (RFC 9293 section 3.8.4)
            if not (length == 1 and delta == -1) and self.repeated(stream, data, at, again, length, position):
                return 0  # what is new in a segment that contradicts is the second reading's, too
            at += again
            length -= again
            position += again
        if position < stream.position and missing > 0:
            missing -= min(missing, stream.position - position)
            position = stream.position
        if length == 0 and missing == 0:
            return 0
        if position == stream.position and length > 0:  # what is in its place counts before what is held
            self.in_place(stream, data, at, length, time, frame)
            if stream.closed:
                return 0
            if stream.held is None:
                if missing > 0:
                    self.cut_off(stream, missing)
                return 0
            if missing > 0:
                self.hold(stream, data, at, 0, missing, position + length, time, frame)
            self.drain(stream)
        elif stream.held is None and position == stream.position:
            self.cut_off(stream, missing)
            return 0
        else:
            self.hold(stream, data, at, length, missing, position, time, frame)
            self.drain(stream)
        if stream.held is not None:
            if stream.held_bytes > self.most_held or cutter.held > self.most_held_total:
                cutter.pending_caps += 1
                cutter.report(stream.slot, stream.direction, StreamAnomaly.PENDING_CAP, self.most_held, stream.held_bytes)
                self.give_up(stream)
            else:
                if stream.deadline == 0:
                    stream.deadline = cutter.now + self.gap_ns
                    cutter.wake(stream, stream.deadline)
                self.acknowledge(stream, stream.acknowledged)
        return 0

    def is_made(self, stream, data, at, length):  # type: ignore[no-untyped-def]
        """Whether a program made this: other bytes at the stream's first place, of which the other side, that answers, has acknowledged nothing."""
        cutter: Cutter = self.cutter
        other: Stream = cutter.by_slot[2 * stream.slot + 1 - stream.direction]
        if stream.from_start or other is None or not other.started or stream.acknowledged < 0 or stream.unacknowledged() > stream.base:
            return False
        if stream.oldest_kept() > stream.base or stream.differing(stream.base, data, at, min(length, stream.position - stream.base)) == 0:
            return False
        cutter.report(stream.slot, 0, StreamAnomaly.MADE, 0, 0)
        row: cython.Py_ssize_t = cutter.anomalies.rows - 1
        cutter.anomalies.source[row] = cutter.anomalies.destination[row] = -1
        stream.made = other.made = True
        return True

    def cut_off(self, stream, missing):  # type: ignore[no-untyped-def]
        """Bytes that the capture cut off a segment in its place."""
        self.cutter.report(stream.slot, stream.direction, StreamAnomaly.GAP, missing, 0)
        self.cutter.gap(stream, missing)
        return 0

    def repeated(self, stream, data, at, length, whole, position):  # type: ignore[no-untyped-def]
        """Bytes of places already delivered, the first `length` of the `whole` segment: compared as far back as the history reaches; older ones
        that the receiver lacks are read apart. Returns whether the segment is a second reading's now."""
        cutter: Cutter = self.cutter
        kept: cython.longlong = stream.oldest_kept()
        lost: cython.longlong = min(kept - position, length)
        if lost > 0:
            if position + lost > stream.unacknowledged():
                cutter.report(stream.slot, stream.direction, StreamAnomaly.HISTORY_CAP, lost, kept - position)
                self.readings.over(stream, data, at, whole, position, False)
                return True
            at += lost
            length -= lost
            whole -= lost
            position += lost
        if length <= 0:
            return False
        different: cython.longlong = stream.differing(position, data, at, length)
        if different == 0:
            return False
        cutter.flows.conflicts[stream.slot] += 1
        cutter.report(stream.slot, stream.direction, StreamAnomaly.CONFLICT, length, different)
        self.readings.over(stream, data, at, whole, position, True)
        return True

    def hold(self, stream, data, at, length, missing, position, time, frame):  # type: ignore[no-untyped-def]
        """Keeps a segment until the bytes before it are there; of bytes held already the first copy stays."""
        payload: bytes = bytes(memoryview(data)[at:at + length])
        if stream.held is None:
            stream.held = []
            stream.in_line = False
        held: list = stream.held
        index: cython.Py_ssize_t = bisect_left(held, (position,))
        if index > 0:
            index -= 1
        end: cython.longlong = position + length
        here: cython.longlong = position
        differs = False
        pieces: list = []
        while here < end or (here == end and not pieces and missing):
            while index < len(held) and held[index][0] + len(held[index][1]) + held[index][4] <= here:
                index += 1
            if index == len(held) or held[index][0] >= end:
                pieces.append((here, payload[here - position:], time, frame, missing if index == len(held) else 0))
                break
            there: cython.longlong = held[index][0]
            if there > here:
                pieces.append((here, payload[here - position:there - position], time, frame, 0))
                here = there
            stop: cython.longlong = min(end, there + len(held[index][1]))
            if here < stop and held[index][1][here - there:stop - there] != payload[here - position:stop - position]:
                differs = True
            here = max(here, stop, min(end, there + len(held[index][1]) + held[index][4]))
            index += 1
        for piece in pieces:
            held.insert(bisect_left(held, (piece[0],)), piece)
            stream.held_bytes += len(piece[1]) + HELD_OVERHEAD
            self.cutter.held += len(piece[1]) + HELD_OVERHEAD
        if differs:
            if stream.disputed is None:
                stream.disputed = []
            stream.disputed.append((position, payload, time, frame))
            stream.held_bytes += length + HELD_OVERHEAD
            self.cutter.held += length + HELD_OVERHEAD
        elif not pieces:
            self.cutter.flows.retransmissions[stream.slot] += 1
        return 0

    def drain(self, stream):  # type: ignore[no-untyped-def]
        """Delivers held segments that are in their place now; one that differs from what was delivered there meanwhile is a second reading's."""
        cutter: Cutter = self.cutter
        moved: cython.bint = False
        passed: cython.longlong
        payload: bytes
        while stream.held and stream.held[0][0] <= stream.position:
            place, payload, time, frame, missing = stream.held.pop(0)
            stream.held_bytes -= len(payload) + HELD_OVERHEAD
            cutter.held -= len(payload) + HELD_OVERHEAD
            moved = True
            passed = min(stream.position - place, len(payload))
            cutter.time = time
            cutter.frame = frame
            if passed > 0 and (place < stream.oldest_kept() or stream.differing(place, payload, 0, passed) > 0):
                cutter.flows.conflicts[stream.slot] += 1
                cutter.report(stream.slot, stream.direction, StreamAnomaly.CONFLICT, len(payload), passed)
                self.readings.over(stream, memoryview(payload), 0, len(payload), place, True)
                if stream.closed:
                    return 0
                continue
            if passed < len(payload):
                left: cython.Py_ssize_t = len(payload) - passed
                if stream.rival is not None and stream.rival.why == _AHEAD and stream.position + left >= stream.rival.base:
                    left = self.readings.join(stream, memoryview(payload), passed, left)
                if left > 0:
                    cutter.deliver(stream, memoryview(payload), passed, left, time, frame)
            if missing and not stream.closed and place + len(payload) + missing > stream.position:
                cutter.time = time
                cutter.frame = frame
                self.cut_off(stream, place + len(payload) + missing - stream.position)
        if stream.disputed:
            self.settle_disputes(stream)
        if not stream.held:
            if not stream.closed:
                stream.held = None
                stream.line_up()
            stream.deadline = 0
        elif moved:
            stream.deadline = 0  # another hole, another wait
        return 0

    def settle_disputes(self, stream):  # type: ignore[no-untyped-def]
        """Segments that differed from held ones, now that those are delivered."""
        cutter: Cutter = self.cutter
        left: list = []
        disputed = stream.disputed
        stream.disputed = None
        payload: bytes
        for place, payload, time, frame in disputed:
            if place + len(payload) > stream.position and stream.held:
                left.append((place, payload, time, frame))
                continue
            stream.held_bytes -= len(payload) + HELD_OVERHEAD
            cutter.held -= len(payload) + HELD_OVERHEAD
            cutter.time = time
            cutter.frame = frame
            start: cython.longlong = place if place > stream.base else stream.base
            length = min(place + len(payload), stream.position) - start
            self.repeated(stream, memoryview(payload), start - place, length, length, start)
        stream.disputed = left or None
        return 0

    def acknowledge(self, stream, acknowledgement):  # type: ignore[no-untyped-def]
        """What the other side has: which reading stays; a hole before data that it has will not be filled by a retransmission."""
        if stream.rival is not None and acknowledgement >= 0 and not stream.closed:
            stream.acknowledged = acknowledgement
            if stream.rival.held is not None:
                self.acknowledge(stream.rival, acknowledgement)
            self.readings.acknowledge(stream, acknowledgement)
            if stream.closed:
                return 0
        stream.acknowledged = acknowledgement
        if acknowledgement < 0 or not stream.held:
            return 0
        reached: cython.longlong = stream.position + _signed(acknowledgement - stream.next)
        if reached >= stream.held[0][0]:
            when: cython.longlong = self.cutter.now + GRACE_NS
            if when < stream.deadline:
                stream.deadline = when
                self.cutter.wake(stream, when)
        return 0

    def answered(self, stream, acknowledgement):  # type: ignore[no-untyped-def]
        """The other side says more, and has what lies behind the hole: after DISORDER_NS that is read, before the answer to it."""
        if stream.rival is not None:
            self.readings.answered(stream, acknowledgement)
            if stream.closed:
                return 0
        while stream.held and (stream.held[0][2] + DISORDER_NS <= self.cutter.now
                               and _signed(acknowledgement - stream.next) + stream.position > stream.held[0][0]):
            self.skip_hole(stream, StreamAnomaly.GAP)
        return 0

    def give_up(self, stream):  # type: ignore[no-untyped-def]
        """A hole was waited for long enough. What lies behind it is the stream only if the other side has it, or is not there to say so and the
        sender has gone on there; else it is a reading of its own."""
        if stream.acknowledged < 0:
            if stream.main is not None or self.chained(stream):
                return self.skip_hole(stream, StreamAnomaly.GAP)
        elif _signed(stream.acknowledged - stream.next) > 0:
            return self.skip_hole(stream, StreamAnomaly.GAP)
        if stream.main is not None:
            return self.skip_hole(stream, StreamAnomaly.GAP)
        if stream.rival is not None:
            self.take_back(stream)
        if stream.rival is not None:
            self.readings.drop(stream)
        self.readings.ahead(stream)
        rival: Stream = stream.rival
        self.drain(rival)
        if rival.held is not None and not rival.closed:
            rival.deadline = self.cutter.now + self.gap_ns
            self.cutter.wake(rival, rival.deadline)
        self.readings.meet(stream)
        return 0

    def take_back(self, stream):  # type: ignore[no-untyped-def]
        """What the reading ahead has, of which nothing was made yet, is held again: more has come before it."""
        rival: Stream = stream.rival
        size: cython.Py_ssize_t = rival.position - rival.base
        if rival.why != _AHEAD or rival.started_pdus or rival.oldest_kept() > rival.base or stream.held[0][0] > rival.base or not size:
            return 0
        part = memoryview(bytearray(size))
        rival.read(rival.history, part, 0, rival.base, size)
        self.hold(stream, part, 0, size, 0, rival.base, self.cutter.time, self.cutter.frame)
        for place, payload, time, frame, missing in rival.held or ():
            self.hold(stream, memoryview(payload), 0, len(payload), missing, place, time, frame)
        rival.why = _OVER  # dropped without a word
        self.cutter.held -= rival.held_bytes
        rival.held = rival.disputed = None
        rival.held_bytes = 0
        return self.readings.drop(stream)

    def chained(self, stream):  # type: ignore[no-untyped-def]
        """Whether two held segments follow on each other."""
        held: list = stream.held
        return len(held) > 1 and held[0][0] + len(held[0][1]) + held[0][4] == held[1][0]

    def skip_hole(self, stream, kind):  # type: ignore[no-untyped-def]
        """Goes on behind the hole."""
        cutter: Cutter = self.cutter
        place, payload, time, frame, _missing = stream.held[0]
        size: cython.longlong = place - stream.position
        cutter.time = time
        cutter.frame = frame
        cutter.report(stream.slot, stream.direction, kind, size, len(payload))
        cutter.gap(stream, size)
        self.drain(stream)
        if stream.held and not stream.closed:
            stream.deadline = cutter.now + self.gap_ns
            cutter.wake(stream, stream.deadline)
            self.acknowledge(stream, stream.acknowledged)
        return 0

    def alarm(self, now):  # type: ignore[no-untyped-def]
        """Acts on every deadline up to `now`."""
        cutter: Cutter = self.cutter
        alarms: list = cutter.alarms
        stream: Stream
        soonest: cython.longlong
        while alarms and alarms[0][0] <= now:
            stream = heapq.heappop(alarms)[2]
            if stream.closed:
                continue
            if stream.held and 0 < stream.deadline <= now:
                self.give_up(stream)
            if stream.quiet > 0 and not stream.closed:
                if stream.quiet <= now:
                    stream.quiet = 0
                    if stream.framer is None and stream.pending is not None and stream.pending.used > 0:
                        cutter.identify(stream, True)
                    if stream.stops is not None and not stream.searching:
                        cutter.patience_ends(stream)
                    if stream.main is not None and not stream.searching:
                        self.readings.patience_ends(stream)
                    elif not stream.closed:
                        self.settle(stream)
                else:
                    cutter.wake(stream, stream.quiet)
        soonest = alarms[0][0] if alarms else _NEVER
        cutter.alarm_ns = soonest
        return 0

    def settle(self, stream):  # type: ignore[no-untyped-def]
        """A search takes what it has."""
        main: Stream = stream.main
        self.cutter.settle(stream)
        if main is not None and not main.closed:
            self.readings.meet(main)
        return 0

    def end(self, stream):  # type: ignore[no-untyped-def]
        """Nothing more will come: what is held is read behind its holes, what is pending as far as it goes."""
        if stream.rival is not None and not stream.closed:
            if stream.rival.why == _AHEAD:
                self.cutter.report(stream.slot, stream.direction, StreamAnomaly.GAP_AT_END, stream.rival.base - stream.position,
                                   stream.rival.position - stream.rival.base)
            self.readings.complete(stream)
        while stream.held and not stream.closed:
            self.skip_hole(stream, StreamAnomaly.GAP_AT_END)
        if not stream.closed:
            self.cutter.end(stream)
        return 0
