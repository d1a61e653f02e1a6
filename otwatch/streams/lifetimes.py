# cython: boundscheck=True, wraparound=False, cdivision=True
"""When flows and their streams begin and end, and how much of them there is: caps, idle times, the last result."""

from __future__ import annotations

import cython
import numpy as np

from otwatch.addresses import Addresses
from otwatch.limits import Limits
from otwatch.protocols.spec import ProtocolSpec
from otwatch.streams.anomalies import StreamAnomaly
from otwatch.streams.cutter import Cutter
from otwatch.streams.datagrams import Datagrams
from otwatch.streams.heads import Heads
from otwatch.streams.reassembly import Reassembler
from otwatch.streams.states import Mode
from otwatch.streams.stream import Stream
from otwatch.streams.table import ATTACHED, CANDIDATE, DOUBTED, FINISHED, OTHER, PLAIN, FlowTable
from otwatch.tables import Anomalies
from otwatch.vocabulary import FlowEvent

_NEVER = cython.declare(cython.longlong, 0x7FFFFFFFFFFFFFFF)
_TCP = cython.declare(cython.int, 6)
_FEW = cython.declare(cython.int, 4)  # a SYN and its repetitions; what one side goes on sending is a tap that shows one direction
_MODE_STREAMED = cython.declare(cython.int, Mode.STREAMED)
_MODE_GIVEN_UP = cython.declare(cython.int, Mode.GIVEN_UP)
_IN_PLAIN = cython.declare(cython.int, PLAIN)


class Lifetimes:
    """The room's result (`flows`, `flow_events`, `octets`, `pdus`, `closed`), its parts, and the flows' beginnings and ends.

    `claims` and `twins` are those of `Connections`, by slot.
    """

    def __init__(self, limits: Limits, protocols: tuple[ProtocolSpec, ...], addresses: Addresses) -> None:
        self.table = FlowTable(limits, protocols, addresses)
        self.cutter = Cutter(self.table, limits, protocols)
        self.reassembler = Reassembler(self.cutter, limits)
        self.datagrams = Datagrams(self.cutter, limits, protocols)
        self.heads = Heads(self.cutter, limits, protocols)
        self.flows = self.table.flows
        self.flow_events = self.cutter.events
        self.octets = self.cutter.octets
        self.pdus = self.cutter.pdus
        self.closed = []
        self.claims = {}
        self.twins = {}
        self.framers = self.cutter.identifier.all
        self.alarm_ns = _NEVER
        self.history_bytes = limits.stream_history_bytes
        self.most_streams = max(2, 2 * limits.streams)
        self.flows_evicted = self.flows_idle = self.streams_evicted = 0
        self.turn = 0  # flows opened so far
        self.one_way = memoryview(np.full(max(1, limits.flows_unanswered), -1, np.int32))  # the slots opened last, in a ring
        self.turn_of = memoryview(np.zeros(0, np.int64))  # by slot: when it was opened; -1 it is closed

    def begin(self, anomalies: Anomalies) -> cython.int:
        """A new result."""
        for slot in self.closed:
            self.table.release(slot)
        self.closed.clear()
        self.flow_events.clear()
        self.octets.clear()
        for pdus in self.pdus:
            pdus.clear()
        self.cutter.anomalies = anomalies
        self.cutter.row = -1
        return 0

    def tick(self, now_ns: int, anomalies: Anomalies) -> None:
        """Time passes without packets: a batch of none."""
        self.begin(anomalies)
        self.alarm(now_ns)

    def finish(self, anomalies: Anomalies) -> None:
        """The end: a last result, in which what was pending is read and every flow is closed, oldest first by list."""
        self.begin(anomalies)
        which: cython.Py_ssize_t
        for which in (FINISHED, DOUBTED, PLAIN, CANDIDATE, ATTACHED, OTHER):
            while self.table.oldest[which] >= 0:
                self.close(self.table.oldest[which])

    def alarm(self, now):  # type: ignore[no-untyped-def]
        """Deadlines of streams, then idle flows."""
        self.cutter.now = now
        if now >= self.cutter.alarm_ns:
            self.reassembler.alarm(now)
        slot: cython.int
        if now >= self.alarm_ns:
            slot = self.table.due(now)
            while slot >= 0:
                self.flows_idle += 1
                self.close(slot)
                slot = self.table.due(now)
            self.alarm_ns = self.table.next_due()
        return 0

    def new_flow(self, packets, row):  # type: ignore[no-untyped-def]
        """A flow for the key just looked for; at the cap one makes room."""
        table: FlowTable = self.table
        cutter: Cutter = self.cutter
        at: cython.Py_ssize_t = self.turn % self.one_way.shape[0]
        victim: cython.int = self.one_way[at]
        if victim >= 0 and self.turn_of[victim] == self.turn - self.one_way.shape[0] and self.is_unanswered(victim):
            self.evict(victim, packets, row)
        if table.live >= table.cap:
            self.evict(table.idle_longest(), packets, row)
        slot: cython.int = table.open(packets, row)
        self.flows = table.flows
        if table.key_a.shape[0] > self.turn_of.shape[0]:
            turns = np.full(table.key_a.shape[0], -1, np.int64)
            turns[: self.turn_of.shape[0]] = np.asarray(self.turn_of)
            self.turn_of = memoryview(turns)
        self.one_way[at] = slot
        self.turn_of[slot] = self.turn
        self.turn += 1
        while len(cutter.by_slot) < 2 * table.key_a.shape[0]:
            cutter.by_slot.extend([None] * (2 * table.key_a.shape[0] - len(cutter.by_slot)))
        due: cython.longlong = packets.timestamp_ns[row] + table.idle_limit(table.row_list[slot])
        if due < self.alarm_ns:
            self.alarm_ns = due
        cutter.time = packets.timestamp_ns[row]
        cutter.frame = packets.frame[row]
        cutter.event(slot, FlowEvent.OPENED)
        return slot

    def is_unanswered(self, slot):  # type: ignore[no-untyped-def]
        """Whether a flow is a few packets of one side: a scan, a flood, noise."""
        to_server: cython.longlong = self.flows.packets_to_server[slot]
        to_client: cython.longlong = self.flows.packets_to_client[slot]
        return (to_server == 0 or to_client == 0) and to_server + to_client <= _FEW

    def evict(self, victim, packets, row):  # type: ignore[no-untyped-def]
        """Closes a flow to make room for the key just looked for."""
        table: FlowTable = self.table
        low: cython.bint = table.low
        a: cython.longlong = table.a
        b: cython.longlong = table.b
        self.flows_evicted += 1
        if table.row_list[victim] == CANDIDATE or table.row_list[victim] == ATTACHED:
            self.cutter.time = packets.timestamp_ns[row]
            self.cutter.frame = packets.frame[row]
            self.cutter.report(victim, 0, StreamAnomaly.STREAMS_CAP, 0, 0)
        self.close(victim)
        table.low = low
        table.a = a
        table.b = b
        return 0

    def open_streams(self, slot):  # type: ignore[no-untyped-def]
        """The two streams of a flow; at the cap the longest idle flow loses its own, those of unknown protocol first."""
        table: FlowTable = self.table
        cutter: Cutter = self.cutter
        if cutter.streams + 2 > self.most_streams:
            victim: cython.int = table.oldest[CANDIDATE]
            if victim < 0:
                victim = table.oldest[ATTACHED]
            if victim < 0:
                victim = self.finished_with_streams()
            if victim >= 0:
                self.streams_evicted += 1
                cutter.report(victim, 0, StreamAnomaly.STREAMS_CAP, 0, 0)
                self.end_streams(victim)
                cutter.give_up(victim)
        direction: cython.int
        stream: Stream
        again: cython.bint = table.mode[slot] == _MODE_GIVEN_UP
        for direction in range(2):
            stream = Stream(slot, direction, self.history_bytes, cutter.room)
            if table.start[2 * slot + direction] >= 0 and not again:
                stream.from_start = True
                stream.started = True
                stream.next = table.start[2 * slot + direction]
                stream.line_up()
            cutter.by_slot[2 * slot + direction] = stream
        cutter.streams += 2
        table.enter(slot, _MODE_STREAMED)
        if table.row_list[slot] == _IN_PLAIN:
            table.move(slot, CANDIDATE)
        return 0

    def finished_with_streams(self):  # type: ignore[no-untyped-def]
        """The longest finished flow that still has streams."""
        which: cython.Py_ssize_t
        slot: cython.int = -1
        for which in (FINISHED, DOUBTED):
            slot = self.table.oldest[which]
            while slot >= 0 and self.table.mode[slot] != _MODE_STREAMED:
                slot = self.table.newer[slot]
            if slot >= 0:
                break
        return slot

    def end_streams(self, slot):  # type: ignore[no-untyped-def]
        """Reads what both directions still hold."""
        direction: cython.Py_ssize_t
        stream: Stream
        if self.table.mode[slot] == _MODE_STREAMED and self.flows.ip_protocol[slot] == _TCP:
            for direction in range(2):
                stream = self.cutter.by_slot[2 * slot + direction]
                if stream is not None:
                    self.reassembler.end(stream)
        return 0

    def close(self, slot):  # type: ignore[no-untyped-def]
        """The flow is over: its row is final."""
        cutter: Cutter = self.cutter
        flows = self.flows
        cutter.time = flows.last_ns[slot]
        cutter.frame = flows.last_frame[slot]
        self.end_streams(slot)
        cutter.time = flows.last_ns[slot]
        cutter.frame = flows.last_frame[slot]
        cutter.tell_end(slot)
        self.heads.close(slot)
        if flows.ip_protocol[slot] == _TCP:
            cutter.forget(slot)
            if flows.pdus[slot] > 0 and (flows.packets_to_server[slot] == 0 or flows.packets_to_client[slot] == 0):
                cutter.report(slot, 0 if flows.packets_to_server[slot] else 1, StreamAnomaly.ONE_WAY, 0, 0)
        else:
            cutter.by_slot[2 * slot] = None
        cutter.event(slot, FlowEvent.CLOSED)
        self.claims.pop(slot, None)
        twin: object = self.twins.pop(slot, None)
        if twin is not None:
            self.twins.pop(twin, None)
        self.table.remove(slot)
        self.turn_of[slot] = -1
        self.closed.append(slot)
        return 0
