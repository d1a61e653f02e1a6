# cython: boundscheck=True, wraparound=False, cdivision=True
"""Two readings of one direction, while it is not known which of them the receiver took (the table `states.TRANSITIONS` says when).

Each reading is a Stream: both are cut into PDUs as their bytes come in order, nothing waits for an acknowledgement. What the receiver
acknowledges decides which one stays; where it is not on the tap, what the sender does next. There are never more than two: other bytes are
read apart, once, and reported. Everything here is for the rare case.
"""

from __future__ import annotations

import cython

from otwatch.limits import Limits
from otwatch.streams.anomalies import StreamAnomaly
from otwatch.streams.cutter import Cutter
from otwatch.streams.framing import Framer
from otwatch.streams.states import Reading
from otwatch.streams.stream import Stream
from otwatch.vocabulary import PduFlag

_BACK = cython.declare(cython.longlong, 64)
REMEMBERED = 16  # contradicting segments of a direction that are not read a second time

_M32 = cython.declare(cython.longlong, 0xFFFFFFFF)
_HALF = cython.declare(cython.longlong, 0x80000000)
_YES = cython.declare(cython.int, 1)
_QUIET_NS = cython.declare(cython.longlong, 200_000_000)
_AFTER_GAP = cython.declare(cython.int, PduFlag.AFTER_GAP)
_CONFLICT = cython.declare(cython.int, PduFlag.CONFLICT)
_FIRST = cython.declare(cython.int, Reading.FIRST)
_AHEAD = cython.declare(cython.int, Reading.AHEAD)
_BEFORE = cython.declare(cython.int, Reading.BEFORE)
_ELSEWHERE = cython.declare(cython.int, Reading.ELSEWHERE)
_OVER = cython.declare(cython.int, Reading.OVER)
_URGENT = cython.declare(cython.int, Reading.URGENT)
# What `route` says of a segment.
_OF_THE_FIRST = cython.declare(cython.int, 0)
_DONE = cython.declare(cython.int, 1)
_OF_THE_SECOND = cython.declare(cython.int, 2)


@cython.cfunc
@cython.inline
def _signed(difference: cython.longlong) -> cython.longlong:
    """A difference of two sequence numbers, in -2**31..2**31-1."""
    return ((difference + _HALF) & _M32) - _HALF


@cython.cfunc
def _clear(stream: Stream) -> cython.bint:
    """Whether it stands between two messages."""
    return stream.framer is not None and not stream.searching and stream.skip == 0 and (stream.pending is None or stream.pending.used == 0)


class Readings:
    """Begins, goes on with and ends second readings."""

    def __init__(self, cutter: Cutter, limits: Limits) -> None:
        self.cutter = cutter
        self.history_bytes = limits.stream_history_bytes
        self.gap_ns = limits.stream_gap_ns

    def begin(self, stream, why, position):  # type: ignore[no-untyped-def]
        """A second reading of the stream, from a position on."""
        rival: Stream = Stream(stream.slot, stream.direction, self.history_bytes, self.cutter.room)
        rival.started = True
        rival.why = why
        rival.main = stream
        rival.position = rival.base = rival.settled = rival.own = position
        rival.next = (stream.next + position - stream.position) & _M32
        rival.watch = stream.next
        rival.acknowledged = stream.acknowledged
        rival.framer = stream.framer
        rival.pdus = stream.pdus
        rival.searching = stream.framer is not None
        rival.always = _CONFLICT if why >= _OVER else 0
        rival.line_up()
        stream.rival = rival
        stream.line_up()
        return rival

    # ---- how a second reading begins

    def over(self, stream, data, at, length, position, proven):  # type: ignore[no-untyped-def]
        """Other bytes than the first copy's; not `proven`: such as can no longer be compared with it."""
        cutter: Cutter = self.cutter
        if self.read_before(stream, data, at, length, position):
            return 0
        if stream.rival is not None and self.before_rival(stream, position, length):
            return self.prepend(stream, data, at, length, position, proven)
        if stream.rival is not None or stream.main is not None:
            return self.third(stream, data, at, length)
        time: cython.longlong = cutter.time
        frame: cython.longlong = cutter.frame
        framer: Framer = stream.framer
        rival: Stream = self.begin(stream, _OVER, position)
        rival.reported = not proven
        start: cython.longlong
        before: cython.longlong
        if framer is not None:
            start = self.boundary(stream, position)
            if start >= 0 and (start, -1) in stream.read_apart:  # pieces of one message in two versions each: not every mixture is read
                cutter.report(stream.slot, stream.direction, StreamAnomaly.READINGS_CAP, 2, length)
            stream.read_apart.append((start, -1))  # no hash is -1
            if start < 0 or (start == position and framer.fits(memoryview(data), at, at + length, stream.direction, False) != _YES):
                before = self.earlier(stream, data, at, length, position)
                if before >= 0 or framer.measure(memoryview(data), at, at + length, stream.direction) < 0:
                    start = before
            if start == position or framer.fits(data, at, at + length, stream.direction, False) == _YES:
                rival.searching = False
            elif start >= 0 and self.continued(stream, start, data, at, length, position):  # they go on in the middle of a message
                rival.searching = False
                self.borrow_before(rival, stream, start)
        elif stream.pending is not None and stream.position - stream.pending.used >= stream.oldest_kept():
            start = stream.position - stream.pending.used  # all that is known of a flow whose protocol is not
            if start < position:
                self.borrow_before(rival, stream, start)
        cutter.deliver(rival, data, at, length, time, frame)
        self.be_patient(rival)
        return self.meet(stream)

    def boundary(self, stream, position):  # type: ignore[no-untyped-def]
        """Where the message that holds the position begins in the first reading, or its bytes that are none; -1 if that is no longer known."""
        framer: Framer = stream.framer
        start: cython.longlong = stream.boundary_before(position)
        length: cython.longlong
        while 0 <= start < position:
            head = memoryview(bytearray(min(framer.header_bytes, stream.position - start)))
            stream.read(stream.history, head, 0, start, len(head))
            length = framer.measure(head, 0, len(head), stream.direction)
            if length <= 0 or start + length > position:
                break
            start += length
        return start

    def earlier(self, stream, data, at, length, position):  # type: ignore[no-untyped-def]
        """A place a little before, from which the first reading's bytes and then these are just one message; -1 if there is none."""
        framer: Framer = stream.framer
        start: cython.longlong = position - 1
        least: cython.longlong = max(stream.oldest_kept(), position - _BACK)
        while start >= least:
            head = memoryview(bytearray(position - start))
            stream.read(stream.history, head, 0, start, len(head))
            whole = memoryview(bytes(head) + bytes(memoryview(data)[at:at + length]))
            if framer.measure(whole, 0, len(whole), stream.direction) == len(whole):
                return start
            start -= 1
        return -1

    def continued(self, stream, start, data, at, length, position):  # type: ignore[no-untyped-def]
        """Whether the first reading's bytes from `start` on, then these, can be a message."""
        framer: Framer = stream.framer
        before: cython.Py_ssize_t = position - start
        head = memoryview(bytearray(min(before, framer.header_bytes)))
        stream.read(stream.history, head, 0, start, len(head))
        whole: bytes = bytes(head) + bytes(memoryview(data)[at:at + min(length, max(0, framer.header_bytes - before))])
        return framer.measure(memoryview(whole), 0, len(whole), stream.direction) >= 0

    def before_rival(self, stream, position, length):  # type: ignore[no-untyped-def]
        """Whether the bytes end where a second reading begins of which nothing was made yet: its segments came in another order."""
        rival: Stream = stream.rival
        return rival.why == _OVER and position + length == rival.own and rival.started_pdus == 0 and rival.oldest_kept() <= rival.own

    def prepend(self, stream, data, at, length, position, proven):  # type: ignore[no-untyped-def]
        """The second reading begins earlier."""
        rival: Stream = stream.rival
        size: cython.Py_ssize_t = rival.position - rival.own
        whole = memoryview(bytearray(bytes(memoryview(data)[at:at + length]) + bytes(size)))
        rival.read(rival.history, whole, length, rival.own, size)
        self.drop(stream)
        return self.over(stream, whole, 0, length + size, position, proven)

    def read_before(self, stream, data, at, length, position):  # type: ignore[no-untyped-def]
        """Whether the same contradicting bytes came before for the same place."""
        key: tuple = (position, hash(bytes(memoryview(data)[at:at + length])))
        if stream.read_apart is None:
            stream.read_apart = []
        if key in stream.read_apart:
            return True
        stream.read_apart.append(key)
        if len(stream.read_apart) > REMEMBERED:
            del stream.read_apart[0]
        return False

    def third(self, stream, data, at, length):  # type: ignore[no-untyped-def]
        """Bytes that fit neither reading: read once, for themselves."""
        cutter: Cutter = self.cutter
        cutter.report(stream.slot, stream.direction, StreamAnomaly.READINGS_CAP, 2, length)
        cutter.report(stream.slot, stream.direction, StreamAnomaly.CONTRADICTION, 0, length)
        return cutter.beside.read_apart(stream, data, at, length, _CONFLICT)

    def apart(self, stream, why, data, at, length, position):  # type: ignore[no-untyped-def]
        """Bytes before the stream, or further away than a window."""
        cutter: Cutter = self.cutter
        if stream.rival is not None and _clear(stream.rival) and stream.main is None and stream.rival.why < _OVER:
            self.drop(stream)  # what was read there is read; a new place counts for more
        if stream.rival is not None or stream.main is not None:
            return self.third(stream, data, at, length)
        rival: Stream = self.begin(stream, why, position)
        rival.flags |= _AFTER_GAP
        cutter.deliver(rival, data, at, length, cutter.time, cutter.frame)
        return self.meet(stream)

    def ahead(self, stream):  # type: ignore[no-untyped-def]
        """What is held behind a hole that the other side does not acknowledge: a reading of its own, whose segments are still to be drained."""
        rival: Stream = self.begin(stream, _AHEAD, stream.held[0][0])
        rival.flags |= _AFTER_GAP
        rival.held = stream.held
        rival.held_bytes = stream.held_bytes
        rival.disputed = stream.disputed
        rival.line_up()
        stream.held = stream.disputed = None
        stream.held_bytes = stream.deadline = 0
        stream.line_up()
        return 0

    def urgent(self, stream, data, at, length, pointer):  # type: ignore[no-untyped-def]
        """A segment in its place with an urgent byte: BSD's receivers take it out of the stream, others leave it in (RFC 6093 section 3)."""
        cutter: Cutter = self.cutter
        cutter.report(stream.slot, stream.direction, StreamAnomaly.URGENT, pointer, length)
        whole: bytes = bytes(memoryview(data)[at:at + length])
        rest: bytes = whole[:pointer - 1] + whole[pointer:]
        other: bytes = whole[:pointer] + whole[pointer + 1:]  # the pointer of RFC 1122 is that of the byte itself
        framer: Framer = stream.framer
        rival: Stream
        if _clear(stream):
            if (len(other) == len(rest) and framer.measure(memoryview(rest), 0, length - 1, stream.direction) != length - 1
                    and framer.measure(memoryview(other), 0, length - 1, stream.direction) == length - 1):
                rest = other
            if (rest and framer.measure(memoryview(whole), 0, length, stream.direction) < 0
                    and framer.measure(memoryview(rest), 0, length - 1, stream.direction) >= 0):
                cutter.deliver(stream, memoryview(rest), 0, length - 1, cutter.time, cutter.frame)
                stream.position += 1  # only without it this is a message
                stream.next = (stream.next + 1) & _M32
                return 0
        rival = self.begin(stream, _URGENT, stream.position)
        rival.searching = stream.searching
        rival.skip = stream.skip
        rival.needed = stream.needed
        size: cython.Py_ssize_t = 0 if stream.pending is None else stream.pending.used
        if size > 0:
            cutter.delivered += size
            cutter.wait(rival, stream.pending.data, 0, size)
            rival.marks = None if stream.marks is None else list(stream.marks)
        cutter.deliver(stream, data, at, length, cutter.time, cutter.frame)
        if rest:
            cutter.deliver(rival, memoryview(rest), 0, length - 1, cutter.time, cutter.frame)
        rival.position += 1
        rival.next = (rival.next + 1) & _M32
        return self.meet(stream)

    # ---- segments

    def route(self, stream, data, at, length, missing, sequence, time, frame):  # type: ignore[no-untyped-def]
        """Which reading a segment is of, where there are two; the second's in its place are delivered here."""
        rival: Stream = stream.rival
        cutter: Cutter = self.cutter
        of_first: cython.longlong = _signed(sequence - stream.next)
        of_second: cython.longlong = _signed(sequence - rival.next)
        if of_first == 0:
            if of_second == 0 and missing == 0 and stream.held is None and rival.held is None:
                cutter.deliver(stream, data, at, length, time, frame)
                cutter.deliver(rival, data, at, length, time, frame)
                self.meet(stream)
                return _DONE
            self.moved_on(stream)
            return _OF_THE_FIRST
        if of_second == 0 and missing == 0 and rival.held is None:
            cutter.deliver(rival, data, at, length, time, frame)
            self.went_on(stream, _signed(stream.acknowledged - sequence))
            return _DONE
        if (rival.why < _OVER and rival.why != _BEFORE and abs(of_second) < abs(of_first)
                and not (rival.why == _AHEAD and of_first > 0 and rival.position + of_second < rival.base)):
            return _OF_THE_SECOND
        if (of_second < 0 and of_second + length <= 0 and rival.position + of_second >= rival.oldest_kept()
                and rival.differing(rival.position + of_second, data, at, length) == 0):
            cutter.flows.retransmissions[stream.slot] += 1
            return _DONE
        return _OF_THE_FIRST

    def went_on(self, stream, acknowledged):  # type: ignore[no-untyped-def]
        """A segment continued the second reading; before it the acknowledgements stood `acknowledged` bytes beyond its place."""
        rival: Stream = stream.rival
        if stream.acknowledged < 0:  # only the sender is seen
            if rival.why >= _OVER:
                if rival.position > stream.position and not rival.searching:
                    return self.promote(stream)
            elif not (rival.why == _BEFORE and rival.base >= stream.base - stream.hole):
                return self.promote(stream)
        elif rival.why >= _OVER:
            if acknowledged == 0 and not rival.searching:
                return self.promote(stream)
        elif acknowledged <= 0 and acknowledged > rival.base - rival.position:
            return self.promote(stream)
        return self.meet(stream)

    def moved_on(self, stream):  # type: ignore[no-untyped-def]
        """A segment is about to continue the first reading."""
        rival: Stream = stream.rival
        if rival.why >= _OVER:
            if stream.acknowledged < 0 or _signed(stream.acknowledged - rival.next) > 0:
                self.complete(stream)
        elif stream.acknowledged < 0 and rival.why != _AHEAD:
            self.drop(stream)
        return 0

    def join(self, stream, data, at, length):  # type: ignore[no-untyped-def]
        """Bytes in the place of the first reading that reach the one ahead of it: returns how many are still the first one's to read."""
        rival: Stream = stream.rival
        cutter: Cutter = self.cutter
        time: cython.longlong = cutter.time
        frame: cython.longlong = cutter.frame
        before: cython.longlong = rival.base - stream.position
        if length < before:
            return length
        both: cython.longlong = min(length - before, rival.position - rival.base)
        if rival.oldest_kept() > rival.base or rival.differing(rival.base, data, at + before, both) > 0:
            rival.why = _OVER
            rival.always = _CONFLICT
            cutter.flows.conflicts[stream.slot] += 1
            cutter.report(stream.slot, stream.direction, StreamAnomaly.CONFLICT, both, both)
            return length
        if before > 0:
            cutter.deliver(stream, data, at, before, time, frame)
        if rival.started_pdus == 0 and rival.oldest_kept() <= rival.base:  # nothing was made of it yet: as if it had just been held
            size: cython.Py_ssize_t = rival.position - rival.base
            part = memoryview(bytearray(size))
            rival.read(rival.history, part, 0, rival.base, size)
            rival.why = _OVER  # dropped without a word: its bytes are the first one's
            self.drop(stream)
            cutter.deliver(stream, part, 0, size, time, frame)
            if length > before + both:
                cutter.deliver(stream, data, at + before + both, length - before - both, time, frame)
            return 0
        self.finish(stream, rival)
        rival.why = _FIRST  # no gap after all
        self.promote(stream)
        if length > before + both:
            cutter.deliver(rival, data, at + before + both, length - before - both, time, frame)
        return 0

    # ---- what decides

    def acknowledge(self, stream, acknowledgement):  # type: ignore[no-untyped-def]
        """The receiver has everything before the number."""
        rival: Stream = stream.rival
        rival.acknowledged = acknowledgement
        to_first: cython.longlong = _signed(acknowledgement - stream.next)
        to_second: cython.longlong = _signed(acknowledgement - rival.next)
        has_first: cython.bint = to_first <= 0 and to_first >= stream.base - stream.position
        has_second: cython.bint = to_second <= 0 and to_second > rival.base - rival.position
        if rival.why < _OVER:
            if has_second and not has_first:
                self.promote(stream)
            elif has_first and rival.quiet == 0 and _signed(acknowledgement - rival.watch) > 0:
                self.drop(stream)
        elif has_second and to_first > 0:
            self.promote(stream)
        elif to_second > 0 and to_first <= 0:
            self.complete(stream)
        return 0

    def answered(self, stream, acknowledgement):  # type: ignore[no-untyped-def]
        """The other side speaks, and has what both readings have: one that stands in the middle of a message is not the receiver's."""
        rival: Stream = stream.rival
        if rival.why < _OVER or rival.next != stream.next or _signed(acknowledgement - rival.next) < 0:
            return 0
        if _clear(rival) and not _clear(stream):
            self.promote(stream)
        elif _clear(stream) and not _clear(rival):
            self.drop(stream)
        return 0

    def meet(self, stream):  # type: ignore[no-untyped-def]
        """After bytes for one of them: whether one has no more to say."""
        rival: Stream = stream.rival
        if rival is None:
            return 0
        if (rival.searching and rival.flagged) or (rival.why == _BEFORE and rival.position >= stream.base):
            self.drop(stream)
        elif rival.why >= _OVER:
            if stream.searching and stream.flagged and _clear(rival):
                self.promote(stream)
            elif rival.next == stream.next and _clear(rival) and _clear(stream):
                self.drop(stream)
        return 0

    def be_patient(self, rival):  # type: ignore[no-untyped-def]
        """What a contradicting segment leaves unfinished is finished with the first copy's bytes, when nothing else comes."""
        if rival.pending is not None and rival.pending.used > 0 and not rival.searching and rival.framer is not None:
            rival.quiet = self.cutter.now + _QUIET_NS
            self.cutter.wake(rival, rival.quiet)
        return 0

    def patience_ends(self, rival):  # type: ignore[no-untyped-def]
        """Nothing else came; where the receiver has exactly the second reading's bytes, more of those are to come."""
        stream: Stream = rival.main
        if rival.why < _OVER:
            self.drop(stream)  # it was the first one, and is no more
        elif rival.why == _OVER and stream.acknowledged != rival.next:
            self.complete(stream)
        return 0

    # ---- how it ends

    def borrow(self, stream, other, length):  # type: ignore[no-untyped-def]
        """The next bytes of a reading, from the history of the other one."""
        cutter: Cutter = self.cutter
        part = memoryview(bytearray(length))
        other.read(other.history, part, 0, stream.position, length)
        return cutter.deliver(stream, part, 0, length, cutter.time, cutter.frame)

    def borrow_before(self, rival, stream, start):  # type: ignore[no-untyped-def]
        """A second reading begins earlier, with the first one's bytes."""
        size: cython.longlong = rival.position - start
        rival.position = rival.base = rival.settled = start
        rival.next = (rival.next - size) & _M32
        return self.borrow(rival, stream, size)

    def finish(self, stream, other):  # type: ignore[no-untyped-def]
        """The message that a reading stands in, with the bytes of the other one."""
        wanted: cython.longlong
        while (not stream.closed and not stream.searching and stream.framer is not None and stream.pending is not None and stream.pending.used > 0
               and other.oldest_kept() <= stream.position < other.position):
            wanted = stream.needed - stream.pending.used
            self.borrow(stream, other, min(max(wanted, 1), other.position - stream.position))
        return 0

    def complete(self, stream):  # type: ignore[no-untyped-def]
        """The receiver has more than the second reading: its last message ends with the first one's bytes."""
        rival: Stream = stream.rival
        self.finish(rival, stream)
        return self.drop(stream)

    def drop(self, stream):  # type: ignore[no-untyped-def]
        """The first reading stays."""
        rival: Stream = stream.rival
        cutter: Cutter = self.cutter
        if rival.why < _OVER:
            self.read_held(rival)
            cutter.end(rival)
        stream.rival = None
        rival.main = None
        cutter.retire(rival)
        stream.line_up()
        return 0

    def promote(self, stream):  # type: ignore[no-untyped-def]
        """The second reading stays."""
        rival: Stream = stream.rival
        cutter: Cutter = self.cutter
        slot: cython.Py_ssize_t = stream.slot
        if rival.why == _AHEAD:
            cutter.report(slot, stream.direction, StreamAnomaly.GAP, rival.base - stream.position, rival.position - rival.base)
            cutter.flows.gap_bytes[slot] += rival.base - stream.position
            rival.hole = rival.base - stream.position
        stays: cython.bint = rival.why < _OVER and rival.why != _FIRST and _clear(stream)
        if rival.why < _OVER:
            cutter.flows.gaps[slot] += rival.why != _FIRST
            self.read_held(stream)
            if not stays:
                cutter.end(stream)
        elif stream.held is not None and rival.held is None:
            rival.held = stream.held
            rival.held_bytes = stream.held_bytes
            rival.deadline = stream.deadline
            rival.disputed = stream.disputed
            stream.held = stream.disputed = None
            stream.held_bytes = 0
            if rival.deadline > 0:
                cutter.wake(rival, rival.deadline)
        if rival.why >= _OVER:
            rival.flags |= _AFTER_GAP  # what dissectors have begun to join is the other reading's
        cutter.by_slot[2 * slot + stream.direction] = rival
        stream.rival = None
        rival.main = None
        rival.why = _FIRST
        rival.always = 0
        rival.acknowledged = stream.acknowledged
        rival.read_apart = stream.read_apart
        if stays:  # both may have been acknowledged: captures of several taps, ports used again
            stream.main = rival
            stream.why = _BEFORE if stream.position <= rival.base else _ELSEWHERE
            stream.watch = rival.next
            stream.deadline = 0
            stream.quiet = self.cutter.now + self.gap_ns
            cutter.wake(stream, stream.quiet)
            stream.line_up()
            rival.rival = stream
        else:
            cutter.retire(stream)
        rival.line_up()
        return 0

    def read_held(self, stream):  # type: ignore[no-untyped-def]
        """Segments behind a hole of a reading that ends."""
        cutter: Cutter = self.cutter
        payload: bytes
        if stream.held is not None:
            for _place, payload, time, frame, _missing in stream.held:
                cutter.time = time
                cutter.frame = frame
                cutter.beside.read_apart(stream, memoryview(payload), 0, len(payload), _AFTER_GAP | stream.always)
            cutter.held -= stream.held_bytes
            stream.held_bytes = 0
            stream.held = stream.disputed = None
        return 0
