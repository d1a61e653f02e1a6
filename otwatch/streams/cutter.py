# cython: boundscheck=True, wraparound=False, cdivision=True
"""Ordered bytes of a flow into PDUs: framing, what to do at a gap, and finding the next PDU after wrong bytes.

All decisions but one rest on the bytes alone, so that the result does not depend on how TCP cut them: while it searches, a place is taken when
its protocol's probe says yes or when another header follows. The exception is a pause of QUIET_NS, after which a PDU that ends exactly where
the bytes end is taken too. Knows nothing of sequence numbers.

Every delivered byte is accounted for: delivered = framed + skipped + unidentified + waiting.
"""

from __future__ import annotations

import heapq

import cython
import numpy as np

from otwatch.limits import Limits
from otwatch.protocols.spec import ProtocolSpec, Verdict
from otwatch.streams.anomalies import StreamAnomaly
from otwatch.copying import copy, same
from otwatch.streams.framing import PROBE_BYTES, Framer
from otwatch.streams.identify import Identifier
from otwatch.streams.stream import Stream
from otwatch.streams.table import ATTACHED, GIVEN_UP, PLAIN, FlowTable
from otwatch.tables import FlowEvents, Octets, Pdus
from otwatch.vocabulary import DirectionHow, FlowEvent, Layer, PduFlag, ProtocolHow

QUIET_NS = 200_000_000  # the least time before a TCP retransmission: what has not come by then belongs to another message
SEARCH_BYTES = 65_536  # searched for a first PDU on a protocol's port before the flow is given up

_MORE = cython.declare(cython.longlong, 0)
_YES = cython.declare(cython.int, 1)
_NO = cython.declare(cython.int, 0)
_UNDECIDED = cython.declare(cython.int, 2)
_REPORTED = cython.declare(cython.int, 0x80)  # table.state: UNIDENTIFIED was reported
_AFTER_GAP = cython.declare(cython.int, PduFlag.AFTER_GAP)
_CONFLICT = cython.declare(cython.int, PduFlag.CONFLICT)
_RESYNCHRONISED = cython.declare(cython.int, PduFlag.RESYNCHRONISED)
_CUT = cython.declare(cython.int, PduFlag.CUT)
_BY_CONTENT = cython.declare(cython.int, ProtocolHow.CONTENT)
_BY_PORT = cython.declare(cython.int, ProtocolHow.PORT)
_DETACHED = cython.declare(cython.int, ProtocolHow.DETACHED)
_HANDSHAKE = cython.declare(cython.int, DirectionHow.HANDSHAKE)
_PORT_TOLD = cython.declare(cython.int, DirectionHow.PORT)
_CONTENT_TOLD = cython.declare(cython.int, DirectionHow.CONTENT)


class Cutter:
    """Owns the PDUs and their octets. `row`, `now`, `time` and `frame` are set by whoever feeds: the packet at hand, and the segment's own place."""

    def __init__(self, table: FlowTable, limits: Limits, protocols: tuple[ProtocolSpec, ...]) -> None:
        self.table = table
        self.flows = table.flows
        self.events = FlowEvents(256)
        self.octets = Octets()
        self.pdus = [Pdus(self.octets, 16)] + [Pdus(self.octets) for _ in protocols]
        self.anomalies = None
        self.identifier = Identifier(protocols)
        self.by_slot = []  # [2 * slot + direction]: Stream or None; UDP flows: [2 * slot]: Framer or None
        self.alarms = []  # heap of (time, count, Stream); entries may be stale, Stream.deadline and quiet are what counts
        self.alarm_ns = 0x7FFFFFFFFFFFFFFF
        self.alarm_count = 0
        self.most_alarms = 4096
        self.row = -1
        self.now = 0
        self.time = 0
        self.frame = 0
        self.most_pending = limits.stream_pending_bytes
        self.most_waiting = limits.stream_pending_total_bytes
        self.most_wrong = limits.protocol_violations
        self.delivered = self.framed = self.skipped = self.unidentified = self.waiting = 0
        self.apart = self.held = 0
        self.pending_caps = 0
        self.streams = 0

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
            start = octets.reserve(length)
            copy(octets.data, start, data, at, length)
            if stream.framer.measure(octets.data, start, start + length, stream.direction) == length:  # one segment, one PDU: nearly always
                return self.emit(stream, start, start + length, stream.position - length, 0)
        else:
            self.wait(stream, data, at, length)
            if before + length < stream.needed:
                return 0 if self.waiting <= self.most_waiting else self.overflow(stream)
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
        while at < end:
            length = framer.measure(octets.data, at, end, stream.direction)
            if length <= 0 or length > end - at:
                break
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
            return 0
        if marks is not None:
            stream.marks = [(stop - (at - start), time, frame) for stop, time, frame in marks if stop > at - start]
        else:
            stream.marks = [(end - at, self.time, self.frame)]
        return self.astray(stream)

    def place(self, marks, end):  # type: ignore[no-untyped-def]
        """Time and frame of the segment that holds the byte before `end`."""
        for stop, time, frame in marks:
            if stop >= end:
                self.time = time
                self.frame = frame
                return 0
        return 0

    def emit(self, stream, start, end, position, extra):  # type: ignore[no-untyped-def]
        """A PDU of the stream; it began at the position."""
        slot: cython.Py_ssize_t = stream.slot
        self.add_row(stream.pdus, stream.framer, slot, stream.direction, start, end, stream.flags | extra)
        stream.flags = 0
        stream.wrong = 0
        stream.passed = 0
        self.framed += end - start
        if extra & _CUT == 0:
            self.flows.pdus[slot] += 1
            if self.flows.protocol_how[slot] != _BY_CONTENT:
                self.confirm(slot, stream.framer)
        stream.start_of_pdu(position)
        if stream.alternate is not None:
            self.alternatives(stream, position, position + (end - start), position, position + (end - start), True)
        return 0

    def add_row(self, pdus, framer, slot, direction, start, end, flags):  # type: ignore[no-untyped-def]
        """A row of pdus for octets[start:end]."""
        flows = self.flows
        row: cython.Py_ssize_t = pdus.new_row()
        pdus.packet[row] = self.row
        pdus.timestamp_ns[row] = self.time
        pdus.frame[row] = self.frame
        pdus.flow[row] = slot
        pdus.direction[row] = direction
        if direction == 0:
            pdus.source[row] = flows.client[slot]
            pdus.destination[row] = flows.server[slot]
        else:
            pdus.source[row] = flows.server[slot]
            pdus.destination[row] = flows.client[slot]
        pdus.start[row] = start
        pdus.end[row] = end
        pdus.framing[row] = framer.index
        pdus.flags[row] = flags
        return 0

    def confirm(self, slot, framer):  # type: ignore[no-untyped-def]
        """The first whole PDU decides."""
        self.flows.protocol[slot] = framer.protocol
        self.flows.protocol_how[slot] = _BY_CONTENT
        self.event(slot, FlowEvent.IDENTIFIED)
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
        while at < size:
            fit = self.fits(stream.framer, pending.data, at, size, stream.direction, final)
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
        if stream.passed > SEARCH_BYTES or (self.flows.pdus[stream.slot] == 0 and self.flows.skipped_bytes[stream.slot] > SEARCH_BYTES):
            self.detach(stream)
            self.give_up(stream.slot)
        elif at < size and not final:
            if stream.quiet == 0:
                self.wake(stream, self.now + QUIET_NS)
            stream.quiet = self.now + QUIET_NS
        return 0

    def fits(self, framer, data, at, end, direction, final):  # type: ignore[no-untyped-def]
        """Whether a PDU starts at `at`: _YES, _NO, or _UNDECIDED until there are more bytes (never if `final`)."""
        length: cython.longlong = framer.measure(data, at, end, direction)
        if length <= 0:
            return _UNDECIDED if length == _MORE and not final else _NO
        look: cython.longlong = length if length < PROBE_BYTES else PROBE_BYTES
        if look > end - at:
            if not final:
                return _UNDECIDED
            look = end - at
        verdict: cython.int = framer.verdict(bytes(np.asarray(data)[at:at + look]), direction)
        if verdict != Verdict.UNSURE:
            return _YES if verdict == Verdict.YES else _NO
        following: cython.longlong = at + length
        if following >= end:
            if not final:
                return _UNDECIDED
            return _YES if following == end else _NO
        length = framer.measure(data, following, end, direction)
        if length == _MORE and not final:
            return _UNDECIDED
        return _YES if length > 0 else _NO

    def astray(self, stream):  # type: ignore[no-untyped-def]
        """A PDU should start here and does not. Returns 1: search on."""
        slot: cython.Py_ssize_t = stream.slot
        self.flows.violations[slot] += 1
        stream.wrong += 1
        stream.searching = True
        stream.flagged = True
        self.report(slot, stream.direction, StreamAnomaly.WRONG_BYTES, stream.framer.header_bytes, stream.pending.used)
        if stream.wrong == self.most_wrong:
            self.detach(stream)
        return 1

    def detach(self, stream):  # type: ignore[no-untyped-def]
        """The flow broke its protocol too often or for too long. The search for its PDUs goes on all the same, until `give_up`."""
        slot: cython.Py_ssize_t = stream.slot
        if self.flows.protocol_how[slot] == _BY_CONTENT or self.flows.protocol_how[slot] == _BY_PORT:
            self.flows.protocol_how[slot] = _DETACHED
            self.event(slot, FlowEvent.DETACHED)
            self.report(slot, stream.direction, StreamAnomaly.DETACHED, self.most_wrong, stream.wrong)
        return 0

    def pass_over(self, stream, length):  # type: ignore[no-untyped-def]
        """Bytes that belong to no PDU."""
        self.skipped += length
        stream.passed += length
        self.flows.skipped_bytes[stream.slot] += length
        return 0

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
        if not stream.closed and stream.pending is not None and stream.pending.used > 0:
            self.cut_short(stream)
        return 0

    # ---- protocol of a flow

    def identify(self, stream, final):  # type: ignore[no-untyped-def]
        """Which protocol the first bytes are of; they stay pending while unknown."""
        flows = self.flows
        slot: cython.Py_ssize_t = stream.slot
        first = bytes(np.asarray(stream.pending.data)[:min(stream.pending.used, PROBE_BYTES)])
        candidates = self.identifier.candidates(6, flows.client_port[slot], flows.server_port[slot])
        found = self.identifier.decide(first, stream.direction, candidates, final=final)
        if isinstance(found, Framer):
            return self.attach(stream, found, first)
        if found == _MORE:
            return 0
        for framer in candidates.framers[:candidates.hinted]:
            if framer.framing.cut is None:
                self.suspect(slot, stream.direction, framer.protocol)
                return self.follow(stream, framer, False)
        return self.give_up(slot)

    def suspect(self, slot, direction, protocol):  # type: ignore[no-untyped-def]
        """Bytes on a protocol's port are not of that protocol: said once per flow."""
        if self.table.state[slot] & _REPORTED == 0:
            self.table.state[slot] |= _REPORTED
            self.report(slot, direction, StreamAnomaly.UNIDENTIFIED, protocol, 0)
        return 0

    def attach(self, stream, framer, first):  # type: ignore[no-untyped-def]
        """The flow speaks the framer's protocol."""
        flows = self.flows
        slot: cython.Py_ssize_t = stream.slot
        how: cython.int = flows.direction_how[slot]
        if how != _HANDSHAKE and flows.pdus[slot] == 0 and self.identifier.reversed(framer, first, stream.direction, by_port=how == _PORT_TOLD):
            self.table.reverse(slot, _CONTENT_TOLD)
            self.by_slot[2 * slot], self.by_slot[2 * slot + 1] = self.by_slot[2 * slot + 1], self.by_slot[2 * slot]
            stream.direction = 1 - stream.direction
            other: Stream = self.by_slot[2 * slot + 1 - stream.direction]
            other.direction = 1 - stream.direction
        flows.protocol[slot] = framer.protocol
        flows.protocol_how[slot] = _BY_PORT
        return self.follow(stream, framer, True)

    def follow(self, stream, framer, fitting):  # type: ignore[no-untyped-def]
        """Both directions are cut by the framer from now on; `fitting`: a PDU starts at the first byte of this one."""
        slot: cython.Py_ssize_t = stream.slot
        other: Stream = self.by_slot[2 * slot + 1 - stream.direction]
        self.table.move(slot, ATTACHED)
        stream.framer = other.framer = framer
        stream.pdus = other.pdus = self.pdus[framer.protocol]
        stream.searching = not fitting
        other.searching = not (fitting and other.from_start)
        if other.marks and stream.marks and other.marks[0][2] < stream.marks[0][2]:
            self.drive(other, False)
            self.drive(stream, False)
        else:
            self.drive(stream, False)
            self.drive(other, False)
        return 0

    def give_up(self, slot):  # type: ignore[no-untyped-def]
        """No protocol fits: the flow costs nothing more until a segment looks like the start of a PDU."""
        self.forget(slot)
        self.table.mode[slot] = GIVEN_UP
        self.table.move(slot, PLAIN)
        return 0

    def forget(self, slot):  # type: ignore[no-untyped-def]
        """Drops both streams of a TCP flow; what they had waiting stays unidentified or passed over."""
        which: cython.Py_ssize_t
        stream: Stream
        left: cython.Py_ssize_t
        for which in range(2 * slot, 2 * slot + 2):
            stream = self.by_slot[which]
            if stream is None:
                continue
            self.streams -= 1
            self.by_slot[which] = None
            stream.closed = True
            stream.deadline = stream.quiet = 0
            left = 0 if stream.pending is None else stream.pending.used
            if left > 0:
                self.waiting -= left
                if stream.framer is None:
                    self.unidentified += left
                else:
                    self.pass_over(stream, left)
                stream.drop(left)
            self.held -= stream.held_bytes
            stream.held = stream.disputed = None
            stream.held_bytes = 0
        return 0

    # ---- bytes beside the stream

    def alternatives(self, stream, start, end, first, last, whole):  # type: ignore[no-untyped-def]
        """PDUs of the alternative stream between two positions where it differs from the stream itself within first..last. `whole`: a PDU
        that reaches beyond `end` is cut there; else it is left for the time when the stream has its end."""
        kept: cython.longlong = stream.oldest_kept()
        if start < kept or end > stream.position or end <= start:
            return 0
        size: cython.longlong = end - start
        octets = self.octets
        at: cython.Py_ssize_t = octets.reserve(size)
        origin: cython.Py_ssize_t = at
        stop: cython.Py_ssize_t = at + size
        stream.read(stream.alternate, octets.data, at, start, size)
        main: cython.Py_ssize_t = octets.reserve(size)
        stream.read(stream.history, octets.data, main, start, size)
        octets.used = main
        length: cython.longlong
        flags: cython.int
        while at < stop and start + (at - origin) < last:
            flags = _CONFLICT
            length = stream.framer.measure(octets.data, at, stop, stream.direction)
            if length <= 0 or length > stop - at:
                if not whole or length < 0:
                    break
                length = stop - at
                flags |= _CUT
            if start + (at - origin) + length > first and not same(octets.data, at, octets.data, main + (at - origin), length):
                self.add_row(stream.pdus, stream.framer, stream.slot, stream.direction, at, at + length, flags)
                self.apart += length
            at += length
        return 0

    def read_apart(self, stream, data, at, length, flags):  # type: ignore[no-untyped-def]
        """PDUs of a segment that has no place in its stream."""
        self.apart += length
        framer: Framer = stream.framer
        if framer is None or length == 0:
            return 0
        octets = self.octets
        here: cython.Py_ssize_t = octets.reserve(length)
        end: cython.Py_ssize_t = here + length
        copy(octets.data, here, data, at, length)
        while here < end and self.fits(framer, octets.data, here, end, stream.direction, True) != _YES:
            here += 1
        size: cython.longlong
        while here < end:
            size = framer.measure(octets.data, here, end, stream.direction)
            if size <= 0:
                break
            if size > end - here:
                self.add_row(stream.pdus, framer, stream.slot, stream.direction, here, end, flags | _CUT)
                break
            self.add_row(stream.pdus, framer, stream.slot, stream.direction, here, here + size, flags)
            here += size
        return 0

    # ---- alarms and words

    def wake(self, stream, when):  # type: ignore[no-untyped-def]
        """Look at the stream's deadline and quiet at that time."""
        if len(self.alarms) > self.most_alarms:
            self.tidy_alarms()
        self.alarm_count += 1
        heapq.heappush(self.alarms, (when, self.alarm_count, stream))
        if when < self.alarm_ns:
            self.alarm_ns = when
        return 0

    def tidy_alarms(self):  # type: ignore[no-untyped-def]
        """Drops stale alarms, so that their number follows that of the streams even where packet time stands still."""
        waiting = {count: stream for _, count, stream in self.alarms if stream.alarm > 0}
        self.alarms = [(stream.alarm, count, stream) for count, stream in {id(stream): (count, stream) for count, stream in waiting.items()}.values()]
        heapq.heapify(self.alarms)
        self.most_alarms = 2 * len(self.alarms) + 4096
        return 0

    def report(self, slot, direction, kind, needed, had):  # type: ignore[no-untyped-def]
        """A row of anomalies, at the segment at hand."""
        anomalies = self.anomalies
        flows = self.flows
        row: cython.Py_ssize_t = anomalies.new_row()
        anomalies.packet[row] = self.row
        anomalies.timestamp_ns[row] = self.time
        anomalies.frame[row] = self.frame
        anomalies.flow[row] = slot
        anomalies.source[row] = flows.client[slot] if direction == 0 else flows.server[slot]
        anomalies.destination[row] = flows.server[slot] if direction == 0 else flows.client[slot]
        anomalies.layer[row] = Layer.STREAM
        anomalies.kind[row] = kind
        anomalies.offset[row] = 0
        anomalies.needed[row] = needed
        anomalies.had[row] = had
        return 0

    def event(self, slot, kind):  # type: ignore[no-untyped-def]
        """A row of flow_events, at the segment at hand."""
        events = self.events
        row: cython.Py_ssize_t = events.new_row()
        events.timestamp_ns[row] = self.time
        events.frame[row] = self.frame
        events.flow[row] = slot
        events.kind[row] = kind
        return 0
