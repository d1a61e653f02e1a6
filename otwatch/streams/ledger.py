# cython: boundscheck=True, wraparound=False, cdivision=True
"""What the room writes down: rows of PDUs, flow events and anomalies, the count of every byte, and the times at which a stream wants to be seen.

Every delivered byte is accounted for: delivered = framed + skipped + unidentified + waiting.
"""

from __future__ import annotations

import heapq

import cython

from otwatch.protocols.spec import ProtocolSpec
from otwatch.streams.table import FlowTable
from otwatch.tables import FlowEvents, Octets, Pdus
from otwatch.vocabulary import FlowEvent, Layer, ProtocolHow

_BY_CONTENT = cython.declare(cython.int, ProtocolHow.CONTENT)


class Ledger:
    """Owns the PDUs and their octets. `row`, `now`, `time` and `frame` are set by whoever feeds: the packet at hand, and the segment's own place."""

    def __init__(self, table: FlowTable, protocols: tuple[ProtocolSpec, ...]) -> None:
        self.table = table
        self.flows = table.flows
        self.events = FlowEvents(256)
        self.octets = Octets()
        self.pdus = [Pdus(self.octets, 16)] + [Pdus(self.octets) for _ in protocols]
        self.anomalies = None
        self.alarms = []  # heap of (time, count, Stream); entries may be stale, Stream.deadline and quiet are what counts
        self.read_by_head: set[int] = set()  # slots of flows whose beginning is that of an IT protocol (heads.py)
        self.alarm_ns = 0x7FFFFFFFFFFFFFFF
        self.alarm_count = 0
        self.most_alarms = 4096
        self.row = -1
        self.now = 0
        self.time = 0
        self.frame = 0
        self.delivered = self.framed = self.skipped = self.unidentified = self.waiting = 0
        self.apart = self.held = 0
        self.pending_caps = 0

    def add_row(self, pdus, framer, slot, direction, start, end, flags):  # type: ignore[no-untyped-def]
        """A row of pdus for octets[start:end]; `framer`: None of a protocol without framings."""
        flows = self.flows
        client: cython.int = flows.client[slot]
        server: cython.int = flows.server[slot]
        row: cython.Py_ssize_t = pdus.new_row()
        with cython.boundscheck(False):  # a new row is inside every column
            pdus.packet[row] = self.row
            pdus.timestamp_ns[row] = self.time
            pdus.frame[row] = self.frame
            pdus.flow[row] = slot
            pdus.direction[row] = direction
            pdus.source[row] = client if direction == 0 else server
            pdus.destination[row] = server if direction == 0 else client
            pdus.start[row] = start
            pdus.end[row] = end
            pdus.framing[row] = framer.index if framer is not None else 0
            pdus.flags[row] = flags
            pdus.sequence[row] = -1
            pdus.awaits[row] = -1
        return 0

    def confirm(self, slot, framer):  # type: ignore[no-untyped-def]
        """The first whole PDU decides."""
        self.flows.protocol[slot] = framer.protocol
        self.flows.protocol_how[slot] = _BY_CONTENT
        self.event(slot, FlowEvent.IDENTIFIED)
        return 0

    def pass_over(self, stream, length):  # type: ignore[no-untyped-def]
        """Bytes that belong to no PDU."""
        self.skipped += length
        stream.passed += length
        self.flows.skipped_bytes[stream.slot] += length
        return 0

    def place(self, marks, end):  # type: ignore[no-untyped-def]
        """Time and frame of the segment that holds the byte before `end`."""
        for stop, time, frame in marks:
            if stop >= end:
                self.time = time
                self.frame = frame
                return 0
        return 0

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
