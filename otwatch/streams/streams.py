# cython: boundscheck=True, wraparound=False, cdivision=True
"""Packets into flows and PDUs: the room's front door.

Each packet belongs to one flow. TCP payload goes through Reassembler and Cutter, UDP payload through Datagrams. Time is packet time.
"""

from __future__ import annotations

import cython

from otwatch.addresses import Addresses
from otwatch.limits import Limits
from otwatch.protocols.spec import ProtocolSpec, Verdict
from otwatch.streams.anomalies import StreamAnomaly
from otwatch.streams.cutter import Cutter
from otwatch.streams.datagrams import Datagrams
from otwatch.streams.framing import PROBE_BYTES, Framer
from otwatch.streams.reassembly import WINDOW, Reassembler
from otwatch.streams.stream import Stream
from otwatch.streams.table import ATTACHED, CANDIDATE, FINISHED, FRESH, GIVEN_UP, PLAIN, STREAMED, FlowTable
from otwatch.tables import Anomalies, Packets
from otwatch.vocabulary import DirectionHow, FlowEvent, PacketFlag, PduFlag

LOOKS = 32  # times that segments of a given-up flow are probed for a protocol, where they look like it
LOOKS_ON_PORT = 1024  # the same, on a protocol's port

_NEVER = cython.declare(cython.longlong, 0x7FFFFFFFFFFFFFFF)
_WINDOW = cython.declare(cython.longlong, WINDOW)
_UNHEARD = cython.declare(cython.int, PduFlag.UNHEARD)
_DUPLICATE = cython.declare(cython.int, PacketFlag.DUPLICATE)
_OTHER_READING = cython.declare(cython.int, PacketFlag.OTHER_READING)
_REASSEMBLED = cython.declare(cython.int, PacketFlag.REASSEMBLED)
_HANDSHAKE = cython.declare(cython.int, DirectionHow.HANDSHAKE)
_TCP = cython.declare(cython.int, 6)
_UDP = cython.declare(cython.int, 17)
_FIN = cython.declare(cython.int, 0x01)
_SYN = cython.declare(cython.int, 0x02)
_RST = cython.declare(cython.int, 0x04)
_ACK = cython.declare(cython.int, 0x10)
_MODE_STREAMED = cython.declare(cython.int, STREAMED)
_MODE_GIVEN_UP = cython.declare(cython.int, GIVEN_UP)
_MODE_FRESH = cython.declare(cython.int, FRESH)
_IN_PLAIN = cython.declare(cython.int, PLAIN)
_IN_FINISHED = cython.declare(cython.int, FINISHED)
_M32 = cython.declare(cython.longlong, 0xFFFFFFFF)
# bits of FlowTable.state
_SENT_0 = cython.declare(cython.int, 1)  # packets of direction 0 were seen; direction 1 is the next bit
_FIN_0 = cython.declare(cython.int, 4)  # likewise for FIN
_ANSWERED = cython.declare(cython.int, 16)
_RESET = cython.declare(cython.int, 32)


class Streams:
    """`flows` by slot, `flow_events`, `octets`, `pdus` (index protocol id) and `closed` are of the last feed, tick or finish: each starts them anew.

    Slots in `closed` are used again only after the next one begins. Never raises on what packets hold.
    """

    def __init__(self, addresses: Addresses, limits: Limits, protocols: tuple[ProtocolSpec, ...]) -> None:  # noqa: ARG002
        self.table = FlowTable(limits, protocols)
        self.cutter = Cutter(self.table, limits, protocols)
        self.reassembler = Reassembler(self.cutter, limits)
        self.datagrams = Datagrams(self.cutter, limits)
        self.flows = self.table.flows
        self.flow_events = self.cutter.events
        self.octets = self.cutter.octets
        self.pdus = self.cutter.pdus
        self.closed = []
        self.framers = self.cutter.identifier.all
        self.alarm_ns = _NEVER
        self.history_bytes = limits.stream_history_bytes
        self.most_streams = max(2, 2 * limits.streams)
        self.packets = self.duplicates = self.flows_evicted = self.flows_idle = self.streams_evicted = 0

    @property
    def counters(self) -> dict[str, int]:
        """What went through and what was forgotten. stream_bytes = framed_bytes + skipped_bytes + unidentified_bytes + pending_bytes."""
        cutter = self.cutter
        return {
            "packets": self.packets, "duplicates": self.duplicates,
            "flows_opened": self.table.opened, "flows_live": self.table.live,
            "flows_evicted": self.flows_evicted, "flows_idle": self.flows_idle,
            "streams": cutter.streams // 2, "streams_evicted": self.streams_evicted,
            "stream_bytes": cutter.delivered, "framed_bytes": cutter.framed, "skipped_bytes": cutter.skipped,
            "unidentified_bytes": cutter.unidentified, "pending_bytes": cutter.waiting,
            "held_bytes": cutter.held, "apart_bytes": cutter.apart, "pending_caps": cutter.pending_caps,
            "alarms": len(cutter.alarms),
            "datagram_bytes": self.datagrams.bytes, "datagram_framed_bytes": self.datagrams.framed,
            "datagram_skipped_bytes": self.datagrams.skipped,
        }

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

    def feed(self, packets: Packets, anomalies: Anomalies, readings: Packets | None = None) -> object:
        """Fills flow and direction of every packet; anomalies are appended. `readings`: see Decoder; each follows its packet."""
        self.begin(anomalies)
        row: cython.Py_ssize_t
        reading: cython.Py_ssize_t = 0
        others: cython.Py_ssize_t = 0 if readings is None else readings.rows
        now: cython.longlong
        for row in range(packets.rows):
            now = packets.timestamp_ns[row]
            self.cutter.row = row
            if now >= self.alarm_ns or now >= self.cutter.alarm_ns:
                self.alarm(now)
            self.cutter.now = now
            self.packet(packets, row)
            while reading < others and readings.frame[reading] == packets.frame[row]:
                self.packet(readings, reading)
                reading += 1
        self.packets += packets.rows
        return None

    def tick(self, now_ns: int, anomalies: Anomalies) -> None:
        """Time passes without packets: a batch of none."""
        self.begin(anomalies)
        self.alarm(now_ns)

    def finish(self, anomalies: Anomalies) -> None:
        """The end: a last result, in which what was pending is read and every flow is closed, oldest first by list."""
        self.begin(anomalies)
        which: cython.Py_ssize_t
        for which in (FINISHED, PLAIN, CANDIDATE, ATTACHED, 1):
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

    def packet(self, packets, row):  # type: ignore[no-untyped-def]
        """One packet to its flow."""
        table: FlowTable = self.table
        flows = self.flows
        slot: cython.int = table.find(packets, row)
        ip_protocol: cython.int = packets.ip_protocol[row]
        flags: cython.int = packets.tcp_flags[row]
        whole: cython.bint = packets.destination_port[row] >= 0  # else a fragment, or cut before its ports: counted, no part of a stream
        tcp: cython.bint = whole and ip_protocol == _TCP and table.b >> 62 == 0
        if slot >= 0 and tcp and flags & (_SYN | _ACK) == _SYN and self.reopens(slot, packets, row):
            self.cutter.time = packets.timestamp_ns[row]
            self.cutter.frame = packets.frame[row]
            self.close(slot)
            slot = -1
        if slot < 0:
            slot = self.new_flow(packets, row)
        else:
            table.touch(slot)
        low: cython.bint = table.low
        direction: cython.int = 0 if low == (table.client_low[slot] != 0) else 1
        packets.flow[row] = slot
        packets.direction[row] = direction
        if packets.flags[row] & _DUPLICATE:
            flows.duplicates[slot] += 1
            self.duplicates += 1
            return 0
        flows.last_ns[slot] = packets.timestamp_ns[row]
        flows.last_frame[slot] = packets.frame[row]
        payload: cython.int = packets.payload_length[row]
        missing: cython.int = packets.payload_missing[row]
        if packets.flags[row] & _OTHER_READING:
            pass  # no packet: its bytes count with those read first
        elif direction == 0:
            flows.packets_to_server[slot] += 1
            flows.bytes_to_server[slot] += packets.wire_length[row]
            flows.payload_to_server[slot] += payload + missing
            flows.tcp_flags_to_server[slot] |= flags
        else:
            flows.packets_to_client[slot] += 1
            flows.bytes_to_client[slot] += packets.wire_length[row]
            flows.payload_to_client[slot] += payload + missing
            flows.tcp_flags_to_client[slot] |= flags
        mac: cython.longlong = packets.mac_source[row]
        if table.mac[2 * slot + direction] != mac:
            table.mac[2 * slot + direction] = mac
            flows.mac_changes[slot] += 1
        state: cython.int = table.state[slot]
        if state & _ANSWERED == 0:
            if state & (_SENT_0 << (1 - direction)) and flags & _RST == 0:
                state |= _ANSWERED
                self.cutter.time = packets.timestamp_ns[row]
                self.cutter.frame = packets.frame[row]
                self.cutter.event(slot, FlowEvent.ANSWERED)
            table.state[slot] = state | _SENT_0 << direction
        if tcp:
            self.tcp(packets, row, slot, direction)
            packets.direction[row] = 0 if low == (table.client_low[slot] != 0) else 1
        elif whole and ip_protocol == _UDP and payload > 0 and table.b >> 62 == 0:
            self.cutter.time = packets.timestamp_ns[row]
            self.cutter.frame = packets.frame[row]
            if packets.flags[row] & _REASSEMBLED:
                self.datagrams.other_reading = packets.flags[row] & _OTHER_READING != 0
                self.datagrams.feed(packets.side.data, packets.payload_at[row], payload, missing, slot, direction)
                self.datagrams.other_reading = False
            else:
                self.datagrams.feed(packets.data, packets.payload_at[row], payload, missing, slot, direction)
            packets.direction[row] = 0 if low == (table.client_low[slot] != 0) else 1
        return 0

    def reopens(self, slot, packets, row):  # type: ignore[no-untyped-def]
        """Whether a SYN without ACK opens a new connection on the ports of a known flow, and is not one seen already."""
        if packets.flags[row] & _DUPLICATE:
            return False
        table: FlowTable = self.table
        direction: cython.int = 0 if table.low == (table.client_low[slot] != 0) else 1
        start: cython.longlong = table.start[2 * slot + direction]
        if self.flows.direction_how[slot] != _HANDSHAKE and start < 0:
            return table.state[slot] & (_SENT_0 << direction) != 0 or table.mode[slot] != _MODE_FRESH
        if start != (packets.tcp_sequence[row] + 1) & _M32:
            return True
        # the same number again after both sides have talked is no retransmission: simple stacks start every connection alike
        return self.flows.payload_to_server[slot] > 0 and self.flows.payload_to_client[slot] > 0

    def new_flow(self, packets, row):  # type: ignore[no-untyped-def]
        """A flow for the key just looked for; at the cap one makes room."""
        table: FlowTable = self.table
        cutter: Cutter = self.cutter
        if table.live >= table.cap:
            low: cython.bint = table.low
            a: cython.longlong = table.a
            b: cython.longlong = table.b
            self.flows_evicted += 1
            self.close(table.idle_longest())
            table.low = low
            table.a = a
            table.b = b
        slot: cython.int = table.open(packets, row)
        self.flows = table.flows
        while len(cutter.by_slot) < 2 * table.key_a.shape[0]:
            cutter.by_slot.extend([None] * (2 * table.key_a.shape[0] - len(cutter.by_slot)))
        due: cython.longlong = packets.timestamp_ns[row] + table.idle_limit(table.row_list[slot])
        if due < self.alarm_ns:
            self.alarm_ns = due
        cutter.time = packets.timestamp_ns[row]
        cutter.frame = packets.frame[row]
        cutter.event(slot, FlowEvent.OPENED)
        return slot

    def tcp(self, packets, row, slot, direction):  # type: ignore[no-untyped-def]
        """State, acknowledgement and payload of a TCP packet."""
        table: FlowTable = self.table
        cutter: Cutter = self.cutter
        flags: cython.int = packets.tcp_flags[row]
        payload: cython.int = packets.payload_length[row]
        missing: cython.int = packets.payload_missing[row]
        acknowledgement: cython.longlong = packets.tcp_acknowledgement[row]
        if flags & (_SYN | _FIN | _RST):
            if flags & _SYN:
                table.start[2 * slot + direction] = (packets.tcp_sequence[row] + 1) & _M32
                if self.flows.direction_how[slot] != _HANDSHAKE and self.flows.pdus[slot] == 0 and table.mode[slot] == _MODE_FRESH:
                    if (direction == 0) == (flags & _ACK != 0):
                        table.reverse(slot, _HANDSHAKE)
                        direction = 1 - direction
                    else:
                        self.flows.direction_how[slot] = _HANDSHAKE
            self.tcp_state(slot, direction, flags)
        elif payload > 0 and table.state[slot] & _RESET:
            table.state[slot] &= ~_RESET  # data after a reset: it was forged, or refused
            table.move(slot, ATTACHED if table.mode[slot] == _MODE_STREAMED and self.flows.protocol[slot] else PLAIN)
        mode: cython.int = table.mode[slot]
        other: Stream
        stream: Stream
        if payload + missing > 0 and flags & _RST == 0:  # RFC 9293 section 3.5.3: a reset's payload is a message to people
            if mode == _MODE_STREAMED and acknowledgement >= 0:
                other = cutter.by_slot[2 * slot + 1 - direction]
                if other.started and 1 < ((acknowledgement - other.next) & _M32) <= _WINDOW:  # 1 may be a FIN
                    stream = cutter.by_slot[2 * slot + direction]
                    stream.flags |= _UNHEARD
                if other.held is not None:
                    self.reassembler.answered(other, acknowledgement)
            cutter.time = packets.timestamp_ns[row]
            cutter.frame = packets.frame[row]
            if packets.flags[row] & _REASSEMBLED:
                self.payload(packets, row, slot, direction, packets.side.data)
            else:
                self.payload(packets, row, slot, direction, packets.data)
            mode = table.mode[slot]
        if mode == _MODE_STREAMED and acknowledgement >= 0:
            direction = 0 if table.low == (table.client_low[slot] != 0) else 1  # the payload may have told that they are reversed
            other = cutter.by_slot[2 * slot + 1 - direction]
            other.acknowledged = acknowledgement
            if other.held is not None:
                self.reassembler.acknowledge(other, acknowledgement)
        return 0

    def tcp_state(self, slot, direction, flags):  # type: ignore[no-untyped-def]
        """FIN and RST: a finished flow stays a little for late segments."""
        table: FlowTable = self.table
        state: cython.int = table.state[slot]
        if flags & _RST:
            state |= _RESET
        if flags & _FIN:
            state |= _FIN_0 << direction
        table.state[slot] = state
        if state & _RESET or state & 3 * _FIN_0 == 3 * _FIN_0:
            table.move(slot, _IN_FINISHED)
            due: cython.longlong = self.cutter.now + table.idle_limit(_IN_FINISHED)
            if due < self.alarm_ns:
                self.alarm_ns = due
        return 0

    def payload(self, packets, row, slot, direction, data):  # type: ignore[no-untyped-def]
        """TCP payload, to the stream of its direction."""
        table: FlowTable = self.table
        cutter: Cutter = self.cutter
        at: cython.Py_ssize_t = packets.payload_at[row]
        length: cython.Py_ssize_t = packets.payload_length[row]
        mode: cython.int = table.mode[slot]
        if mode != _MODE_STREAMED:
            if mode == _MODE_GIVEN_UP and not self.worth_another_look(data, at, length, slot, direction):
                return 0
            self.open_streams(slot)
        stream: Stream = cutter.by_slot[2 * slot + direction]
        sequence: cython.longlong = packets.tcp_sequence[row]
        if packets.tcp_flags[row] & _SYN:
            sequence = (sequence + 1) & _M32
        self.reassembler.segment(stream, data, at, length, packets.payload_missing[row], sequence, packets.timestamp_ns[row], packets.frame[row])
        return 0

    def worth_another_look(self, data, at, length, slot, direction):  # type: ignore[no-untyped-def]
        """Whether a segment of a given-up flow starts like a PDU of some protocol; looks are counted."""
        i: cython.Py_ssize_t
        framer: Framer
        size: cython.longlong
        hinted: cython.bint = (self.table.hints[self.flows.server_port[slot]] | self.table.hints[self.flows.client_port[slot]]) & 1 != 0
        looks: cython.int = LOOKS_ON_PORT if hinted else LOOKS
        for i in range(len(self.framers)):
            framer = self.framers[i]
            if framer.cut_call is not None:
                continue
            size = framer.measure(data, at, at + length, direction)
            if size > 0 and self.table.budget[slot] < looks:
                self.table.budget[slot] += 1
                size = min(size, PROBE_BYTES, length)
                if framer.verdict(bytes(memoryview(data)[at:at + size]), direction) == Verdict.YES:
                    return True
        return False

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
            stream = Stream(slot, direction, self.history_bytes)
            if table.start[2 * slot + direction] >= 0 and not again:
                stream.from_start = True
                stream.started = True
                stream.next = table.start[2 * slot + direction]
            cutter.by_slot[2 * slot + direction] = stream
        cutter.streams += 2
        table.mode[slot] = STREAMED
        if table.row_list[slot] == _IN_PLAIN:
            table.move(slot, CANDIDATE)
        return 0

    def finished_with_streams(self):  # type: ignore[no-untyped-def]
        """The longest finished flow that still has streams."""
        slot: cython.int = self.table.oldest[FINISHED]
        while slot >= 0 and self.table.mode[slot] != _MODE_STREAMED:
            slot = self.table.newer[slot]
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
        if flows.ip_protocol[slot] == _TCP:
            cutter.forget(slot)
            if flows.pdus[slot] > 0 and (flows.packets_to_server[slot] == 0 or flows.packets_to_client[slot] == 0):
                cutter.report(slot, 0 if flows.packets_to_server[slot] else 1, StreamAnomaly.ONE_WAY, 0, 0)
        else:
            cutter.by_slot[2 * slot] = None
        cutter.event(slot, FlowEvent.CLOSED)
        self.table.remove(slot)
        self.closed.append(slot)
        return 0
