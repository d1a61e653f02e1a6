# cython: boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
"""Frames of PROFINET IO -> rows: alarms and aborts each, cyclic data when a relation begins and when what it says of itself changes.

Cyclic frames come by thousands a second: each is counted against its relation (who, whom, frame id), and none has a row of its own.
"""

from __future__ import annotations

import cython

from otwatch.actions import Action, Role
from otwatch.limits import Limits
from otwatch.protocols.pn_io import spec
from otwatch.protocols.pn_io.spec import Anomaly
from otwatch.tables import Anomalies, Operations, Pdus
from otwatch.vocabulary import FIRST_PROTOCOL_LAYER, PduFlag

_EVENT = cython.declare(cython.int, Role.EVENT)
_REPORT = cython.declare(cython.int, Action.REPORT)
_ALARMED = cython.declare(cython.int, Action.ALARM)
_OTHER = cython.declare(cython.int, Action.OTHER)
_CUT = cython.declare(cython.int, PduFlag.CUT)
_ALARM = cython.declare(cython.int, spec.ALARM)
_ALARM_ACK = cython.declare(cython.int, spec.ALARM_ACK)
_ABORT = cython.declare(cython.int, spec.ABORT)
_CYCLIC = cython.declare(cython.int, spec.CYCLIC)
_STATUS = cython.declare(cython.int, spec.STATUS)
_CLOCK = cython.declare(cython.int, spec.CLOCK)
_MACHINE = cython.declare(cython.int, spec.MACHINE)
_WORKS = cython.declare(cython.int, spec.VALID | spec.RUN)
_TOLD = cython.declare(cython.int, spec.PRIMARY | spec.VALID | spec.RUN | spec.NO_PROBLEM)
_LOST = cython.declare(cython.int, spec.LOST_CYCLES)
_LIFE = cython.declare(cython.longlong, 1_000_000_000)  # a provider that is silent so long may be another one's successor; counters wrap in 2 s
_AGAIN = cython.declare(cython.longlong, 10_000_000_000)  # what is wrong with a relation is told so often at most
_MOST = cython.declare(cython.Py_ssize_t, 16384)  # relations that are followed

_TRUNCATED = cython.declare(cython.int, Anomaly.TRUNCATED)
_BLOCK = cython.declare(cython.int, Anomaly.BLOCK)
_FOREIGN = cython.declare(cython.int, Anomaly.FOREIGN_PROVIDER)
_CYCLES_LOST = cython.declare(cython.int, Anomaly.CYCLES_LOST)
_CYCLE_ORDER = cython.declare(cython.int, Anomaly.CYCLE_ORDER)
_UNKNOWN_FRAME = cython.declare(cython.int, Anomaly.UNKNOWN_FRAME_ID)
_TRANSFER = cython.declare(cython.int, Anomaly.TRANSFER_STATUS)
_STREAMS_CAP = cython.declare(cython.int, Anomaly.STREAMS_CAP)


class Stream:
    """One relation: who sends whom cyclic data under which frame id."""

    def __init__(self) -> None:
        self.provider = -1
        self.last_ns = 0
        self.counter = -1
        self.step = 0
        self.status = -1
        self.frames = 0
        self.lost_ns = self.order_ns = self.foreign_ns = self.transfer_ns = -_AGAIN


class Frames:
    """State: the relations, by receiver and frame id."""

    def __init__(self, protocol: int, limits: Limits) -> None:
        self.protocol = protocol
        self.layer = FIRST_PROTOCOL_LAYER + protocol
        self.streams = {}
        self.others = {}  # (who, frame id) of frames that have no cycle -> when last told
        self.most = min(_MOST, limits.flows)
        self.capped = False

    def feed(self, pdus: Pdus, operations: Operations, anomalies: Anomalies) -> object:
        """Appends rows in PDU order."""
        pdu: cython.Py_ssize_t
        at: cython.Py_ssize_t
        kind: cython.int
        self.pdus = pdus
        self.operations = operations
        self.anomalies = anomalies
        data = pdus.octets.data
        for pdu in range(pdus.rows):
            self.pdu = pdu
            at = pdus.start[pdu]
            if pdus.end[pdu] - at < 2:
                continue
            kind = data[at] << 8 | data[at + 1]
            if 0x8000 <= kind <= 0xBFFF or 0x0100 <= kind <= 0x7FFF:
                self._cyclic(kind)
            elif kind in (0xFC01, 0xFE01):
                self._alarm(kind)
            elif kind < 0x0100 or 0xFF00 <= kind <= 0xFF43:
                self._once(kind, _CLOCK, _OTHER)
            elif not 0xFF80 <= kind <= 0xFF8F and not 0xC000 <= kind <= 0xFBFF and self._is_new(kind):
                self._report(_UNKNOWN_FRAME, 0, -1, kind)
        return None

    def _report(self, kind: cython.int, offset: cython.int, needed: cython.longlong, had: cython.longlong) -> object:
        self.anomalies.add(self.pdus, self.pdu, self.layer, kind, offset, needed, had)
        return None

    def _row(self, function: cython.int, sub: cython.int, action: cython.int, number: cython.longlong) -> cython.Py_ssize_t:
        row: cython.Py_ssize_t = self.operations.add(self.pdus, self.pdu, _EVENT, self.protocol, function, action)
        self.operations.subfunction[row] = sub
        self.operations.object[row] = number
        return row

    def _is_new(self, kind: cython.int) -> cython.bint:
        """Whether this sender's frames with this id were not told of in the last ten seconds."""
        key = self.pdus.source[self.pdu], kind
        now: cython.longlong = self.pdus.timestamp_ns[self.pdu]
        known = self.others.get(key)
        if known is not None:
            return False
        if len(self.others) >= self.most:
            return False
        self.others[key] = now
        return True

    def _once(self, kind: cython.int, function: cython.int, action: cython.int) -> object:
        if self._is_new(kind):
            self._row(function, -1, action, kind)
        return None

    # ---- cyclic data

    def _cyclic(self, kind: cython.int) -> object:
        pdus = self.pdus
        pdu: cython.Py_ssize_t = self.pdu
        data = pdus.octets.data
        start: cython.Py_ssize_t = pdus.start[pdu]
        end: cython.Py_ssize_t = pdus.end[pdu]
        now: cython.longlong = pdus.timestamp_ns[pdu]
        source: cython.int = pdus.source[pdu]
        key: cython.longlong = cython.cast(cython.longlong, pdus.destination[pdu]) << 16 | kind
        counter: cython.int
        status: cython.int
        stream: Stream
        if end - start < 6 or pdus.flags[pdu] & _CUT:
            if pdus.flags[pdu] & _CUT == 0:
                self._report(_TRUNCATED, end - start, 6, end - start)
            return None
        counter = data[end - 4] << 8 | data[end - 3]
        status = data[end - 2]
        stream = self.streams.get(key)
        if stream is None:
            if len(self.streams) >= self.most:
                if not self.capped:
                    self.capped = True
                    self._report(_STREAMS_CAP, 0, self.most, self.most + 1)
                return None
            stream = self.streams[key] = Stream()
        if stream.provider != source:
            if stream.provider >= 0 and now - stream.last_ns < _LIFE:
                if now - stream.foreign_ns >= _AGAIN:
                    stream.foreign_ns = now
                    self._report(_FOREIGN, 0, stream.provider, source)
                    self._row(_CYCLIC, status, _REPORT, kind)
                return None  # the relation is that of the one who was there
            stream.provider = source
            stream.counter = -1
            stream.step = 0
            stream.status = status
            self._row(_CYCLIC, status, _REPORT if status & _WORKS == _WORKS else _ALARMED, kind)
        elif (status ^ stream.status) & _TOLD:
            stream.status = status
            self._row(_STATUS, status, _REPORT if status & _WORKS == _WORKS else _ALARMED, kind)
        if data[end - 1] != 0 and now - stream.transfer_ns >= _AGAIN:
            stream.transfer_ns = now
            self._report(_TRANSFER, end - 1 - start, 0, data[end - 1])
        self._counted(stream, counter, now, start, end)
        return None

    def _counted(self, stream: Stream, counter: cython.int, now: cython.longlong, start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> object:
        """The cycle counter against the one before: in units of 31.25 us, it wraps after two seconds."""
        step: cython.int
        lost: cython.int
        if stream.counter >= 0 and now - stream.last_ns < _LIFE:
            step = counter - stream.counter & 0xFFFF
            if step == 0 or step >= 0x8000:
                if now - stream.order_ns >= _AGAIN:
                    stream.order_ns = now
                    self._report(_CYCLE_ORDER, end - 4 - start, stream.counter, counter)
                if step != 0:
                    stream.last_ns = now
                    stream.frames += 1
                    return None  # the counter of the relation goes on from where it was
            elif stream.step == 0 or step < stream.step:
                stream.step = step
            elif stream.frames > 3:
                lost = step // stream.step - 1
                if lost >= _LOST and now - stream.lost_ns >= _AGAIN:
                    stream.lost_ns = now
                    self._report(_CYCLES_LOST, end - 4 - start, stream.step, step)
        stream.counter = counter
        stream.last_ns = now
        stream.frames += 1
        return None

    # ---- alarms

    def _alarm(self, kind: cython.int) -> object:
        """RTA (4.8): end points, type, flags, sequence numbers, length; then an alarm, its acknowledgement, or an error that ends the relation."""
        pdus = self.pdus
        data = pdus.octets.data
        at: cython.Py_ssize_t = pdus.start[self.pdu]
        end: cython.Py_ssize_t = pdus.end[self.pdu]
        size: cython.int
        block: cython.int
        row: cython.Py_ssize_t
        cut: cython.bint = pdus.flags[self.pdu] & _CUT != 0
        if end - at < 14:
            if not cut:
                self._report(_TRUNCATED, end - at, 14, end - at)
            return None
        kind = data[at + 6] & 0x0F
        size = data[at + 12] << 8 | data[at + 13]
        if size > end - at - 14 and not cut:
            self._report(_TRUNCATED, 12, size, end - at - 14)
        elif size <= end - at - 14:
            end = at + 14 + size
        if kind == 4 and end - at >= 18:
            row = self._row(_ABORT, -1, _ALARMED, -1)
            self.operations.status[row] = (data[at + 16] << 8 | data[at + 17]) | (_MACHINE if data[at + 15] == 0x81 else 0)
            self.operations.transaction[row] = data[at + 8] << 8 | data[at + 9]
            if self.operations.status[row] == 0:
                self.operations.status[row] = _MACHINE
            return None
        if kind != 1:
            return None
        if end - at < 30:
            if not cut:
                self._report(_BLOCK, 14, 30, end - at)
            return None
        block = data[at + 14] << 8 | data[at + 15]
        if block not in (0x0001, 0x0002, 0x8001, 0x8002):
            self._report(_BLOCK, 14, 1, block)
            return None
        row = self._row(_ALARM_ACK if block >= 0x8000 else _ALARM, data[at + 20] << 8 | data[at + 21], _ALARMED, -1)
        self.operations.area[row] = block & 3
        self.operations.start[row] = (data[at + 26] << 8 | data[at + 27]) << 16 | data[at + 28] << 8 | data[at + 29]
        self.operations.transaction[row] = data[at + 8] << 8 | data[at + 9]
        if block >= 0x8000 and end - at >= 36:
            self.operations.status[row] = (data[at + 34] << 8 | data[at + 35]) | (_MACHINE if data[at + 33] == 0x81 else 0)
        return None
