# cython: boundscheck=True, wraparound=False, cdivision=True
"""Ordered bytes of a flow into PDUs: framing, what to do at a gap, and finding the next PDU after wrong bytes.

All decisions but one rest on the bytes alone, so that the result does not depend on how TCP cut them: while it searches, a place is taken when
its protocol's probe says yes or when another header follows. The exception is a pause of QUIET_NS, after which a PDU that ends exactly where
the bytes end is taken too. Knows nothing of sequence numbers. What is written down is in `ledger`, which protocol it is in `attachment`.
"""

from __future__ import annotations

import cython
import numpy as np

from otwatch.copying import copy
from otwatch.limits import Limits
from otwatch.protocols.spec import ProtocolSpec
from otwatch.streams.anomalies import StreamAnomaly
from otwatch.streams.attachment import Attachment
from otwatch.streams.beside import Beside
from otwatch.streams.framing import Framer
from otwatch.streams.lengths import Lengths
from otwatch.streams.stream import Stream
from otwatch.streams.table import FlowTable
from otwatch.tables import Pdus
from otwatch.vocabulary import PduFlag, ProtocolHow

QUIET_NS = 200_000_000  # the least time before a TCP retransmission: what has not come by then belongs to another message
PATIENCE_NS = 1_000_000_000  # how long a PDU whose length is doubtful keeps what follows it waiting
SEARCH_BYTES = 65_536  # searched for a first PDU on a protocol's port before the flow is given up

_MORE_CAME = cython.declare(cython.int, 0)  # why a length is judged, see Lengths
_SPOKEN = cython.declare(cython.int, 1)
_SILENCE = cython.declare(cython.int, 2)
_MORE = cython.declare(cython.longlong, 0)
_YES = cython.declare(cython.int, 1)
_NO = cython.declare(cython.int, 0)
_UNDECIDED = cython.declare(cython.int, 2)
_AFTER_GAP = cython.declare(cython.int, PduFlag.AFTER_GAP)
_RESYNCHRONISED = cython.declare(cython.int, PduFlag.RESYNCHRONISED)
_CONFLICT = cython.declare(cython.int, PduFlag.CONFLICT)
_UNHEARD = cython.declare(cython.int, PduFlag.UNHEARD)
_M32 = cython.declare(cython.longlong, 0xFFFFFFFF)
_CUT = cython.declare(cython.int, PduFlag.CUT)
_BY_CONTENT = cython.declare(cython.int, ProtocolHow.CONTENT)


class Cutter(Attachment):
    """Cuts streams whose protocol is known, or searches them for their next PDU."""

    def __init__(self, table: FlowTable, limits: Limits, protocols: tuple[ProtocolSpec, ...]) -> None:
        Attachment.__init__(self, table, limits, protocols)
        self.beside = Beside(self)
        self.lengths = Lengths()
        self.most_pending = limits.stream_pending_bytes
        self.most_waiting = limits.stream_pending_total_bytes

    # ---- bytes in order

    def deliver(self, stream, data, at, length, time, frame):  # type: ignore[no-untyped-def]
        """The next bytes of a stream, from the segment of that time and frame."""
        self.delivered += length
        stream.remember(data, at, length)
        self.time = time
        self.frame = frame
        if stream.skip > 0:
            part: cython.Py_ssize_t = length if length < stream.skip else stream.skip
            stream.skip -= part
            self.pass_over(stream, part)
            at += part
            length -= part
        if length == 0:
            return 0
        if stream.closed:
            self.unidentified += length
            return 0
        if stream.framer is None or stream.searching:
            return self.consider(stream, data, at, length)
        octets = self.octets
        start: cython.Py_ssize_t
        before: cython.Py_ssize_t = 0 if stream.pending is None else stream.pending.used
        if before == 0:
            start = octets.append(data, at, at + length)
            if stream.framer.measure(octets.data, start, start + length, stream.direction) == length:  # one segment, one PDU: nearly always
                return self.emit(stream, start, start + length, stream.position - length, 0)
        else:
            self.wait(stream, data, at, length)
            if stream.stops is not None:
                stream.stops.append((before + length, time, frame))
                if stream.doubt and self.shorten(stream, None, _MORE_CAME):
                    return 0
            if before + length < stream.needed:
                return 0 if self.waiting <= self.most_waiting else self.overflow(stream)
            if stream.stops is not None and not stream.doubt:
                self.doubt_whole(stream)
            start = self.take(stream)
        if self.cut(stream, start, None):
            self.drive(stream, False)
        return 0

    def wait(self, stream, data, at, length):  # type: ignore[no-untyped-def]
        """Bytes to pending."""
        stream.keep(data, at, length)
        self.waiting += length
        return 0

    def take(self, stream):  # type: ignore[no-untyped-def]
        """Everything pending, to octets; returns where it starts there."""
        size: cython.Py_ssize_t = stream.pending.used
        start: cython.Py_ssize_t = self.octets.reserve(size)
        copy(self.octets.data, start, stream.pending.data, 0, size)
        if stream.stops is not None:
            self.settled(stream)
        self.waiting -= size
        stream.drop(size)
        return start

    def cut(self, stream, start, marks):  # type: ignore[no-untyped-def]
        """PDUs of the octets from `start` to the end; the last incomplete one goes to pending. Returns 1 if the bytes went wrong: then
        the rest is in pending and the stream is searching. `marks` tell which segment a byte came from, None: the one at hand."""
        framer: Framer = stream.framer
        octets = self.octets
        end: cython.Py_ssize_t = octets.used
        base: cython.longlong = stream.position - (end - start)
        at: cython.Py_ssize_t = start
        length: cython.longlong = _MORE
        following: cython.longlong
        while at < end:
            length = framer.measure(octets.data, at, end, stream.direction)
            if length <= 0 or length > end - at:
                break
            if at + length < end and framer.framing_ends:
                following = framer.measure(octets.data, at + length, end, stream.direction)
                if following <= 0 or following > end - at - length:
                    length = self.not_so_long(stream, at, end, length)
            if marks is not None:
                self.place(marks, at + length - start)
            self.emit(stream, at, at + length, base + (at - start), 0)
            at += length
        if at == end:
            return 0
        self.wait(stream, octets.data, at, end - at)
        if octets.used == end:
            octets.used = at
        if length >= 0:
            stream.needed = length if length > 0 else (framer.header_bytes if framer.header_bytes > end - at else end - at + 1)
            if stream.needed > self.most_pending or self.waiting > self.most_waiting:
                self.overflow(stream)
            elif length > 0:
                return self.doubts(stream, marks, at - start)
            return 0
        if marks is not None:
            stream.marks = [(stop - (at - start), time, frame) for stop, time, frame in marks if stop > at - start]
        else:
            stream.marks = [(end - at, self.time, self.frame)]
        return self.astray(stream)

    # ---- lengths that are not believed

    def not_so_long(self, stream, at, end, length):  # type: ignore[no-untyped-def]
        """The length of a PDU behind which no whole one stands."""
        known: cython.longlong = self.lengths.astray(stream.framer, bytes(np.asarray(self.octets.data)[at:end]), stream.direction, length)
        if known == 0:
            return length
        self.report(stream.slot, stream.direction, StreamAnomaly.LENGTH_LIE, length, known)
        return known

    def doubts(self, stream, marks, passed):  # type: ignore[no-untyped-def]
        """A PDU begins to be waited for; `marks` as in `cut`, `passed` bytes of which are cut already."""
        framer: Framer = stream.framer
        size: cython.Py_ssize_t = stream.pending.used
        if framer.framing.ends is None:
            return 0
        if marks is None:
            stream.stops = [(size, self.time, self.frame)]
        else:
            stream.stops = [(stop - passed, time, frame) for stop, time, frame in marks if stop > passed]
        stream.heard = False
        stream.doubt = framer.framing.ends(bytes(np.asarray(stream.pending.data)[:size]), stream.direction, stream.needed) > 0
        if stream.doubt:
            if self.shorten(stream, None, _MORE_CAME):
                return 0
            stream.quiet = self.now + PATIENCE_NS
            self.wake(stream, stream.quiet)
        return 0

    def shorten(self, stream, said, why):  # type: ignore[no-untyped-def]
        """Ends the unfinished PDU where the evidence says so, and goes on behind it. Returns whether it did."""
        other: Stream = self.by_slot[2 * stream.slot + 1 - stream.direction]
        size: cython.Py_ssize_t = self.lengths.judge(stream, other, said, why)
        if size == 0:
            return False
        time: cython.longlong = self.time
        frame: cython.longlong = self.frame
        position: cython.longlong = stream.position - stream.pending.used
        rest: list = [(stop - size, when, where) for stop, when, where in stream.stops if stop > size]
        start: cython.Py_ssize_t = self.octets.reserve(size)
        copy(self.octets.data, start, stream.pending.data, 0, size)
        self.place(stream.stops, size)
        self.report(stream.slot, stream.direction, StreamAnomaly.LENGTH_LIE, stream.needed, size)
        self.settled(stream)
        self.waiting -= size
        stream.drop(size)
        self.emit(stream, start, start + size, position, 0)
        if stream.pending is not None and stream.pending.used > 0:
            start = self.take(stream)
            if self.cut(stream, start, rest):
                self.drive(stream, False)
        self.time = time
        self.frame = frame
        return True

    def settled(self, stream):  # type: ignore[no-untyped-def]
        """No PDU is waited for any more; a complete one may be suspected yet."""
        stream.stops = None if stream.suspected is None else []
        stream.doubt = False
        if not stream.searching:
            stream.quiet = 0
            if stream.suspected is not None:
                stream.quiet = self.now + PATIENCE_NS
                self.wake(stream, stream.quiet)
        return 0

    # ---- complete PDUs that may have swallowed others

    def doubt_whole(self, stream):  # type: ignore[no-untyped-def]
        """A PDU whose content does not tell its length is complete, and whole PDUs may stand in it: the next answers decide."""
        inner: cython.Py_ssize_t = self.lengths.inner(stream)
        if inner > 0:
            self.acquit(stream, True)
            stream.suspected = (bytes(np.asarray(stream.pending.data)[:stream.needed]), inner, self.time, self.frame)
        return 0

    def acquit(self, stream, doubted):  # type: ignore[no-untyped-def]
        """The suspected PDU is one; or, `doubted`, nothing has decided: that is said."""
        message: bytes
        if stream.suspected is not None:
            if doubted:
                message, inner, _time, _frame = stream.suspected
                self.report(stream.slot, stream.direction, StreamAnomaly.LENGTH_DOUBT, len(message), inner)
            stream.suspected = None
            if stream.stops is not None and len(stream.stops) == 0:
                stream.stops = None
        return 0

    def convict(self, stream, said):  # type: ignore[no-untyped-def]
        """The other side speaks: what it answers was a PDU of its own."""
        message: bytes
        reply: bytes
        now: cython.longlong = self.time
        here: cython.longlong = self.frame
        message, inner, time, frame = stream.suspected
        for reply in self.lengths.messages(stream, said):
            if stream.framer.framing.pairs(message, reply):
                return self.acquit(stream, False)
            if self.lengths.answers_one(stream, message, inner, reply):
                self.time = time
                self.frame = frame
                self.report(stream.slot, stream.direction, StreamAnomaly.LENGTH_LIE, len(message), inner)
                self.beside.read_apart(stream, memoryview(message), inner, len(message) - inner, stream.always)
                self.time = now
                self.frame = here
                return self.acquit(stream, False)
        return 0

    def spoken(self, stream, said):  # type: ignore[no-untyped-def]
        """The other side speaks, and has all that the unfinished PDU has."""
        if stream.suspected is not None:
            self.convict(stream, said)
        if stream.pending is None or stream.pending.used == 0 or self.shorten(stream, said, _SPOKEN):
            return 0
        if stream.quiet == 0 and stream.stops is not None:
            stream.quiet = self.now + PATIENCE_NS
            self.wake(stream, stream.quiet)
        stream.heard = True
        return 0

    def patience_ends(self, stream):  # type: ignore[no-untyped-def]
        """A PDU was waited for, for PATIENCE_NS: the waiting ends, and where nothing speaks against its length that is said."""
        self.acquit(stream, True)
        if stream.pending is None or stream.pending.used == 0:
            return 0
        if not self.shorten(stream, None, _SILENCE) and stream.heard:
            stream.heard = False
            self.report(stream.slot, stream.direction, StreamAnomaly.LENGTH_DOUBT, stream.needed, stream.pending.used)
        return 0

    def emit(self, stream, start, end, position, extra):  # type: ignore[no-untyped-def]
        """A PDU of the stream; it began at the position."""
        slot: cython.Py_ssize_t = stream.slot
        self.add_row(stream.pdus, stream.framer, slot, stream.direction, start, end, stream.flags | stream.always | extra)
        self.number(stream, position + end - start)
        stream.flags = 0
        stream.wrong = 0
        stream.passed = 0
        self.framed += end - start
        if extra & _CUT == 0:
            self.flows.pdus[slot] += 1
            if self.flows.protocol_how[slot] != _BY_CONTENT:
                self.confirm(slot, stream.framer)
        stream.start_of_pdu(position)
        if stream.always & _CONFLICT and not stream.reported:
            stream.reported = True
            self.report(slot, stream.direction, StreamAnomaly.CONTRADICTION, 0, end - start)
        return 0

    def number(self, stream, position):  # type: ignore[no-untyped-def]
        """Says of the last row, which ends at the position, where that is in its side's numbers, and up to where it acknowledges the other's."""
        pdus: Pdus = stream.pdus
        row: cython.Py_ssize_t = pdus.rows - 1
        with cython.boundscheck(False):  # the last row is inside every column
            pdus.sequence[row] = (stream.next - stream.position + position) & _M32
            if stream.flags & _UNHEARD:
                pdus.awaits[row] = stream.awaits
        return 0

    # ---- bytes not understood

    def consider(self, stream, data, at, length):  # type: ignore[no-untyped-def]
        """More bytes while the protocol or the next PDU is being looked for."""
        self.wait(stream, data, at, length)
        if stream.marks is None:
            stream.marks = []
        stream.marks.append((stream.pending.used, self.time, self.frame))
        if stream.framer is None:
            return self.identify(stream, False)
        return self.drive(stream, False)

    def drive(self, stream, final):  # type: ignore[no-untyped-def]
        """Searches and cuts what is pending, as far as it goes. `final`: no more bytes will come soon."""
        start: cython.Py_ssize_t
        marks: list
        time: cython.longlong = self.time
        frame: cython.longlong = self.frame
        while not stream.closed and stream.pending is not None and stream.pending.used > 0:
            if stream.searching and not self.search(stream, final):
                break
            marks = stream.marks
            start = self.take(stream)
            if not self.cut(stream, start, marks):
                break
        self.time = time
        self.frame = frame
        return 0

    def search(self, stream, final):  # type: ignore[no-untyped-def]
        """1 when pending now starts with a PDU; else drops what cannot start one, and what is left waits for more bytes or for quiet."""
        pending = stream.pending
        size: cython.Py_ssize_t = pending.used
        at: cython.Py_ssize_t = 0
        fit: cython.int = _NO
        if stream.flagged and stream.passed == 0:
            fit = self.stand_in(stream, final)
            if fit == _YES:
                return 1
            if fit == _UNDECIDED:
                return self.be_patient(stream)
        while at < size:
            fit = stream.framer.fits(pending.data, at, size, stream.direction, final)
            if fit != _NO:
                break
            at += 1
        if at > 0:
            self.waiting -= at
            self.pass_over(stream, at)
            stream.drop(at)
        if fit == _YES:
            if stream.flagged or stream.passed > 0:
                stream.flags |= _RESYNCHRONISED
                self.report(stream.slot, stream.direction, StreamAnomaly.RESYNCHRONISED, 0, stream.passed)
            stream.searching = False
            stream.flagged = False
            stream.passed = 0
            return 1
        if stream.main is not None:
            return 0 if final or at == size else self.be_patient(stream)  # what a second reading finds says nothing of the flow
        if stream.passed > SEARCH_BYTES or (self.flows.pdus[stream.slot] == 0 and self.flows.skipped_bytes[stream.slot] > SEARCH_BYTES):
            self.detach(stream)
            self.give_up(stream.slot)
        elif at < size and not final:
            return self.be_patient(stream)
        return 0

    def be_patient(self, stream):  # type: ignore[no-untyped-def]
        """More bytes may come, for QUIET_NS."""
        if stream.quiet == 0:
            self.wake(stream, self.now + QUIET_NS)
        stream.quiet = self.now + QUIET_NS
        return 0

    def stand_in(self, stream, final):  # type: ignore[no-untyped-def]
        """Where a PDU should start and does not, one of the protocol's stand-in framing may: then it is handed on, and the stream is where it
        should be. _YES, _NO or _UNDECIDED as `Framer.fits`."""
        framer: Framer = self.identifier.stand_in(stream.framer)
        if framer is None:
            return _NO
        pending = stream.pending
        fit: cython.int = framer.fits(pending.data, 0, pending.used, stream.direction, final)
        if fit != _YES:
            return fit
        length: cython.longlong = framer.measure(pending.data, 0, pending.used, stream.direction)
        base: cython.longlong = stream.position - pending.used
        start: cython.Py_ssize_t = self.octets.reserve(length)
        copy(self.octets.data, start, pending.data, 0, length)
        self.place(stream.marks, length)
        self.add_row(stream.pdus, framer, stream.slot, stream.direction, start, start + length, stream.flags | stream.always)
        self.number(stream, base + length)
        stream.start_of_pdu(base)
        self.framed += length
        self.waiting -= length
        self.flows.pdus[stream.slot] += 1
        stream.drop(length)
        stream.flags = stream.wrong = 0
        stream.searching = stream.flagged = False
        return _YES

    def astray(self, stream):  # type: ignore[no-untyped-def]
        """A PDU should start here and does not. Returns 1: search on."""
        slot: cython.Py_ssize_t = stream.slot
        stream.searching = True
        stream.flagged = True
        if stream.main is not None:
            return 1  # the other reading is the stream
        self.flows.violations[slot] += 1
        stream.wrong += 1
        self.report(slot, stream.direction, StreamAnomaly.WRONG_BYTES, stream.framer.header_bytes, stream.pending.used)
        if stream.wrong == self.most_wrong:
            self.detach(stream)
        return 1

    def overflow(self, stream):  # type: ignore[no-untyped-def]
        """Too much is waiting: the unfinished PDU is handed on as it is, its rest will be passed over."""
        self.pending_caps += 1
        self.report(stream.slot, stream.direction, StreamAnomaly.PENDING_CAP, stream.needed, stream.pending.used)
        self.cut_short(stream)
        return 0

    # ---- holes and ends

    def gap(self, stream, size):  # type: ignore[no-untyped-def]
        """The next `size` bytes were never captured; the stream's position moves over them."""
        self.flows.gaps[stream.slot] += 1
        self.flows.gap_bytes[stream.slot] += size
        self.end(stream)
        if not stream.flagged:
            stream.passed = 0
        stream.jump(size)
        stream.hole = size
        stream.from_start = False
        if stream.framer is not None:
            if stream.skip > size:
                stream.skip -= size  # the hole lies inside a PDU whose length is known
            elif stream.skip == size and size > 0:
                stream.skip = 0
            else:
                stream.skip = 0
                stream.searching = True
        stream.flags |= _AFTER_GAP
        return 0

    def cut_short(self, stream):  # type: ignore[no-untyped-def]
        """The unfinished PDU in pending ends here: a row if its header is whole; `skip` is what it still lacks."""
        framer: Framer = stream.framer
        had: cython.Py_ssize_t = stream.pending.used
        length: cython.longlong = framer.measure(stream.pending.data, 0, had, stream.direction)
        if length < 0:  # the part of a header that is there does not fit
            if stream.marks is None:
                stream.marks = [(had, self.time, self.frame)]
            self.astray(stream)
            self.settle(stream)
            if not stream.closed and stream.pending is not None and stream.pending.used > 0:
                self.cut_short(stream)
            return 0
        start: cython.Py_ssize_t = self.take(stream)
        if length > had:
            self.report(stream.slot, stream.direction, StreamAnomaly.CUT, length, had)
            self.emit(stream, start, start + had, stream.position - had, _CUT)
            stream.skip = length - had
        else:
            self.pass_over(stream, had)
            stream.searching = True
        return 0

    def settle(self, stream):  # type: ignore[no-untyped-def]
        """No more bytes will come soon: a search takes what it has; bytes that still start nothing are passed over."""
        if stream.closed or not stream.searching or stream.pending is None or stream.pending.used == 0:
            return 0
        stream.quiet = 0
        self.drive(stream, True)
        if not stream.closed and stream.searching and stream.pending is not None and stream.pending.used > 0:
            left: cython.Py_ssize_t = stream.pending.used
            self.waiting -= left
            self.pass_over(stream, left)
            stream.drop(left)
        return 0

    def end(self, stream):  # type: ignore[no-untyped-def]
        """What is pending goes as far as it can: what follows it is not there."""
        if stream.framer is None and not stream.closed and stream.pending is not None and stream.pending.used > 0:
            self.identify(stream, True)
        if stream.closed or stream.framer is None:
            return 0
        self.settle(stream)
        self.acquit(stream, True)
        while stream.stops is not None and not stream.closed and self.shorten(stream, None, _SILENCE):
            pass
        if not stream.closed and stream.pending is not None and stream.pending.used > 0:
            self.cut_short(stream)
        return 0
