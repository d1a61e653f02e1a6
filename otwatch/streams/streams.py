# cython: boundscheck=True, wraparound=False, cdivision=True
"""Packets into flows and PDUs: the room's front door.

Each packet belongs to one flow. TCP payload goes through Reassembler and Cutter, UDP payload through Datagrams. Time is packet time.
"""

from __future__ import annotations

import cython

from otwatch.addresses import Addresses
from otwatch.copying import piece
from otwatch.limits import Limits
from otwatch.protocols.spec import ProtocolSpec, Verdict
from otwatch.streams.attachment import SHORT_BYTES
from otwatch.streams.cards import Cards
from otwatch.streams.connections import Connections
from otwatch.streams.cutter import Cutter
from otwatch.streams.frames import Frames
from otwatch.streams.framing import LAST_BIT, PROBE_BYTES, Framer, Openings
from otwatch.streams.lifetimes import Lifetimes
from otwatch.streams.reassembly import WINDOW
from otwatch.streams.states import Mode
from otwatch.streams.stream import Stream
from otwatch.streams.table import FlowTable
from otwatch.tables import Anomalies, Packets
from otwatch.vocabulary import FlowEvent, PacketFlag, PduFlag

_LAST_BIT = cython.declare(cython.int, LAST_BIT)
_WINDOW = cython.declare(cython.longlong, WINDOW)
_SHORT_BYTES = cython.declare(cython.Py_ssize_t, SHORT_BYTES)
_UNHEARD = cython.declare(cython.int, PduFlag.UNHEARD)
_DUPLICATE = cython.declare(cython.int, PacketFlag.DUPLICATE)
_OTHER_READING = cython.declare(cython.int, PacketFlag.OTHER_READING)
_REASSEMBLED = cython.declare(cython.int, PacketFlag.REASSEMBLED)
_UDP = cython.declare(cython.int, 17)
_SYN = cython.declare(cython.int, 0x02)
_RST = cython.declare(cython.int, 0x04)
_ACK = cython.declare(cython.int, 0x10)
_ENDS = cython.declare(cython.int, 0x07)  # SYN, FIN, RST: where a connection begins or ends
_URG = cython.declare(cython.int, 0x20)
_NOT_PLAIN = cython.declare(cython.int, 0x22)  # SYN, URG
_MODE_STREAMED = cython.declare(cython.int, Mode.STREAMED)
_MODE_GIVEN_UP = cython.declare(cython.int, Mode.GIVEN_UP)
_HEAD_PLAIN = cython.declare(cython.int, 2)  # Heads.state
_M32 = cython.declare(cython.longlong, 0xFFFFFFFF)
# bits of FlowTable.state
_SENT_0 = cython.declare(cython.int, 1)  # packets of direction 0 were seen; direction 1 is the next bit
_ANSWERED = cython.declare(cython.int, 16)
_TALKING = cython.declare(cython.int, 256)  # answered, and payload both ways: nothing happens for the first time any more
_RESET = cython.declare(cython.int, 32)
_SHARED = cython.declare(cython.int, 64)  # see Connections


class Streams:
    """`flows` by slot, `flow_events`, `octets`, `pdus` (index protocol id) and `closed` are of the last feed, tick or finish: each starts them anew.

    Slots in `closed` are used again only after the next one begins. Never raises on what packets hold.
    """

    def __init__(self, addresses: Addresses, limits: Limits, protocols: tuple[ProtocolSpec, ...]) -> None:
        self.life = Lifetimes(limits, protocols, addresses)
        self.connections = Connections(self.life)
        self.table = self.life.table
        self.cutter = self.life.cutter
        self.reassembler = self.life.reassembler
        self.datagrams = self.life.datagrams
        self.frames = Frames(self.cutter, protocols)
        self.heads = self.life.heads
        self.flows = self.table.flows
        self.cards = Cards(addresses, self.flows, limits)
        self.flow_events = self.cutter.events
        self.octets = self.cutter.octets
        self.pdus = self.cutter.pdus
        self.closed = self.life.closed
        self.framers = self.cutter.identifier.all
        self.openings = Openings(self.framers)
        self.packets = self.duplicates = 0

    @property
    def counters(self) -> dict[str, int]:
        """What went through and what was forgotten. stream_bytes = framed_bytes + skipped_bytes + unidentified_bytes + pending_bytes."""
        cutter, life = self.cutter, self.life
        return {
            "packets": self.packets, "duplicates": self.duplicates,
            "flows_opened": self.table.opened, "flows_live": self.table.live,
            "flows_evicted": life.flows_evicted, "flows_idle": life.flows_idle,
            "streams": cutter.streams // 2, "streams_evicted": life.streams_evicted,
            "stream_bytes": cutter.delivered, "framed_bytes": cutter.framed, "skipped_bytes": cutter.skipped,
            "unidentified_bytes": cutter.unidentified, "pending_bytes": cutter.waiting,
            "held_bytes": cutter.held, "apart_bytes": cutter.apart, "pending_caps": cutter.pending_caps,
            "alarms": len(cutter.alarms), "history_room": cutter.room.left,
            "datagram_bytes": self.datagrams.bytes, "datagram_framed_bytes": self.datagrams.framed,
            "datagram_skipped_bytes": self.datagrams.skipped, "sealed_over": cutter.identifier.sealed_over,
            "heads_refused": life.heads.refused, "cards_refused": self.cards.refused,
        }

    @property
    def sealed(self) -> dict:  # type: ignore[type-arg]
        """See Identifier.sealed."""
        return self.cutter.identifier.sealed

    def tick(self, now_ns: int, anomalies: Anomalies) -> None:
        """Time passes without packets: a batch of none."""
        self.life.begin(anomalies)
        self.life.alarm(now_ns)

    def finish(self, anomalies: Anomalies) -> None:
        """The end: a last result, in which what was pending is read and every flow is closed, oldest first by list."""
        self.life.finish(anomalies)

    def feed(self, packets: Packets, anomalies: Anomalies, readings: Packets | None = None) -> object:
        """Fills flow and direction of every packet; anomalies are appended. `readings`: see Decoder; each follows its packet."""
        life: Lifetimes = self.life
        life.begin(anomalies)
        cutter: Cutter = self.cutter
        row: cython.Py_ssize_t
        reading: cython.Py_ssize_t = 0
        others: cython.Py_ssize_t = 0 if readings is None else readings.rows
        now: cython.longlong
        for row in range(packets.rows):
            now = packets.timestamp_ns[row]
            cutter.row = row
            if now >= life.alarm_ns or now >= cutter.alarm_ns:
                life.alarm(now)
            cutter.now = now
            self.packet(packets, row)
            while reading < others and readings.frame[reading] == packets.frame[row]:
                self.packet(readings, reading)
                reading += 1
        self.packets += packets.rows
        return None

    def packet(self, packets, row):  # type: ignore[no-untyped-def]
        """One packet to its flow."""
        table: FlowTable = self.table
        flows = self.flows
        cutter: Cutter = self.cutter
        slot: cython.int = table.find(packets, row)
        flags: cython.int = packets.tcp_flags[row]
        tcp: cython.bint = table.tcp
        now: cython.longlong = packets.timestamp_ns[row]
        frame: cython.longlong = packets.frame[row]
        if slot >= 0 and tcp:
            if flags & _SYN:
                slot = self.connections.syn(slot, packets, row)
            elif table.state[slot] & _SHARED:
                slot = self.connections.place(slot, packets, row)
        if slot < 0:
            slot = self.life.new_flow(packets, row)
            if packets.ip_protocol[row] >= 0 and packets.flags[row] & _DUPLICATE == 0:
                self.cards.seen(packets.source[row], packets.destination[row], packets.mac_source[row], now, -1, -1)
        elif table.newest[table.row_list[slot]] != slot:
            table.touch(slot)
        direction: cython.int = 0 if table.low == (table.client_low[slot] != 0) else 1
        packets.flow[row] = slot
        packets.direction[row] = direction
        marks: cython.int = packets.flags[row]
        if marks & _DUPLICATE:
            flows.duplicates[slot] += 1
            self.duplicates += 1
            return 0
        flows.last_ns[slot] = now
        flows.last_frame[slot] = frame
        payload: cython.int = packets.payload_length[row]
        missing: cython.int = packets.payload_missing[row]
        if marks & _OTHER_READING:
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
            if packets.ip_protocol[row] >= 0:
                self.cards.seen(packets.source[row], packets.destination[row], mac, now,
                                table.mac[2 * slot + direction] if table.state[slot] & _SENT_0 << direction else -1, flows.first_ns[slot])
            table.mac[2 * slot + direction] = mac
            flows.mac_changes[slot] += 1
        state: cython.int = table.state[slot]
        if state & _TALKING == 0:
            self.note_first(slot, state, direction, flags, payload + missing, now, frame)
        if tcp:
            self.tcp(packets, row, slot, direction, payload, missing)
        elif table.udp and payload > 0:
            cutter.time = now
            cutter.frame = frame
            if marks & _REASSEMBLED:
                self.datagrams.other_reading = marks & _OTHER_READING != 0
                self.datagrams.feed(packets.side.data, packets.payload_at[row], payload, missing, slot, direction)
                self.datagrams.other_reading = False
            else:
                self.datagrams.feed(packets.data, packets.payload_at[row], payload, missing, slot, direction)
        elif packets.link_protocol[row] != 0:
            cutter.time = now
            cutter.frame = frame
            if marks & _REASSEMBLED:
                packets.direction[row] = self.frames.feed(packets, row, packets.side.data, slot, direction)
            else:
                packets.direction[row] = self.frames.feed(packets, row, packets.data, slot, direction)
            return 0
        else:
            return 0
        packets.direction[row] = 0 if table.low == (table.client_low[slot] != 0) else 1
        return 0

    def note_first(self, slot, state, direction, flags, payload, now, frame):  # type: ignore[no-untyped-def]
        """What happens in a flow for the first time: an answer, a refusal, data of either side."""
        flows = self.flows
        cutter: Cutter = self.cutter
        if state & _ANSWERED == 0 and state & (_SENT_0 << (1 - direction)):
            if flags & _RST == 0:
                state |= _ANSWERED
                flows.answered_ns[slot] = now
                cutter.time = now
                cutter.frame = frame
                cutter.event(slot, FlowEvent.ANSWERED)
            elif flows.refused_ns[slot] < 0:
                flows.refused_ns[slot] = now
        if payload > 0 and flags & _RST == 0:
            if direction == 0 and flows.data_to_server_ns[slot] < 0:
                flows.data_to_server_ns[slot] = now
            elif direction == 1 and flows.data_to_client_ns[slot] < 0:
                flows.data_to_client_ns[slot] = now
            if flows.data_to_server_ns[slot] >= 0 and flows.data_to_client_ns[slot] >= 0:
                state |= _TALKING
        self.table.state[slot] = state | _SENT_0 << direction
        return 0

    def tcp(self, packets, row, slot, direction, payload, missing):  # type: ignore[no-untyped-def]
        """State, acknowledgement and payload of a TCP packet. Of a segment in its place nothing is asked that `Reassembler.segment` would ask."""
        table: FlowTable = self.table
        cutter: Cutter = self.cutter
        flags: cython.int = packets.tcp_flags[row]
        acknowledgement: cython.longlong = packets.tcp_acknowledgement[row]
        stream: Stream
        other: Stream = None
        if flags & _ENDS:
            direction = self.connections.opens_or_ends(packets, row, slot, direction)
        elif payload > 0 and table.state[slot] & _RESET:
            self.connections.revive(slot, payload)
        if acknowledgement >= 0 and table.mode[slot] == _MODE_STREAMED:
            other = cutter.by_slot[2 * slot + 1 - direction]
        if payload + missing > 0 and flags & _RST == 0:  # RFC 9293 section 3.5.3: a reset's payload is a message to people
            cutter.time = packets.timestamp_ns[row]
            cutter.frame = packets.frame[row]
            if (slot >= self.heads.state.shape[0] or self.heads.state[slot] != _HEAD_PLAIN) and packets.flags[row] & _OTHER_READING == 0:
                self.head(packets, row, slot, direction, payload, missing)
            if other is not None:
                if other.started and 1 < ((acknowledgement - other.next) & _M32) <= _WINDOW:  # 1 may be a FIN
                    stream = cutter.by_slot[2 * slot + direction]
                    stream.flags |= _UNHEARD
                    stream.awaits = acknowledgement
                if other.stops is not None and missing == 0 and ((acknowledgement - other.next) & _M32) <= _WINDOW:
                    self.spoken(other, packets, row, slot, direction)
                if not other.in_line:
                    self.reassembler.answered(other, acknowledgement)
                    cutter.time = packets.timestamp_ns[row]
                    cutter.frame = packets.frame[row]
                    if other.closed and table.mode[slot] == _MODE_STREAMED:
                        other = cutter.by_slot[2 * slot + 1 - direction]
            if other is None or other.closed:
                self.payload(packets, row, slot, direction)
            else:
                stream = cutter.by_slot[2 * slot + direction]
                if (stream.next == packets.tcp_sequence[row] and stream.in_line and missing == 0 and flags & _NOT_PLAIN == 0
                        and packets.flags[row] & _REASSEMBLED == 0):
                    cutter.deliver(stream, packets.data, packets.payload_at[row], payload, cutter.time, cutter.frame)
                else:
                    self.payload(packets, row, slot, direction)
        if acknowledgement >= 0 and table.mode[slot] == _MODE_STREAMED:
            if other is None or other.closed:  # the payload has opened them, or told that they are reversed
                direction = 0 if table.low == (table.client_low[slot] != 0) else 1
                other = cutter.by_slot[2 * slot + 1 - direction]
            other.acknowledged = acknowledgement
            if not other.in_line:
                cutter.time = packets.timestamp_ns[row]
                cutter.frame = packets.frame[row]
                self.reassembler.acknowledge(other, acknowledgement)
        return 0

    def head(self, packets, row, slot, direction, payload, missing):  # type: ignore[no-untyped-def]
        """TCP payload of a connection whose beginning may be of an IT protocol."""
        data = packets.side.data if packets.flags[row] & _REASSEMBLED else packets.data
        sequence: cython.longlong = packets.tcp_sequence[row]
        if packets.tcp_flags[row] & _SYN:
            sequence = (sequence + 1) & _M32
        return self.heads.segment(slot, direction, self.table.start[2 * slot + direction], sequence, data, packets.payload_at[row], payload, missing)

    def payload(self, packets, row, slot, direction):  # type: ignore[no-untyped-def]
        """TCP payload, to the stream of its direction."""
        if packets.flags[row] & _REASSEMBLED:
            return self.payload_in(packets.side.data, packets, row, slot, direction)
        return self.payload_in(packets.data, packets, row, slot, direction)

    def payload_in(self, data, packets, row, slot, direction):  # type: ignore[no-untyped-def]
        """The same, where it lies in `data`."""
        table: FlowTable = self.table
        cutter: Cutter = self.cutter
        at: cython.Py_ssize_t = packets.payload_at[row]
        length: cython.Py_ssize_t = packets.payload_length[row]
        mode: cython.int = table.mode[slot]
        before: cython.longlong = -1
        if mode != _MODE_STREAMED:
            if mode == _MODE_GIVEN_UP:
                before = table.octet[2 * slot + direction]
                if not self.worth_another_look(data, at, length, slot, direction, packets.tcp_sequence[row]):
                    return 0
                if before >> 8 != packets.tcp_sequence[row]:
                    before = -1
            self.life.open_streams(slot)
        stream: Stream = cutter.by_slot[2 * slot + direction]
        if before >= 0:
            stream.probe = (packets.tcp_sequence[row] - 1) & _M32
            stream.probe_octet = before & 0xFF
        if mode != _MODE_STREAMED:
            other: Stream = cutter.by_slot[2 * slot + 1 - direction]
            acknowledgement: cython.longlong = packets.tcp_acknowledgement[row]
            if other.started and acknowledgement >= 0 and 1 < ((acknowledgement - other.next) & _M32) <= _WINDOW:
                stream.flags |= _UNHEARD  # the first data of a flow answer a request that was not captured yet
                stream.awaits = acknowledgement
        if not stream.started:
            self.reassembler.acknowledgement = packets.tcp_acknowledgement[row]
        sequence: cython.longlong = packets.tcp_sequence[row]
        pointer: cython.int
        if packets.tcp_flags[row] & _SYN:
            sequence = (sequence + 1) & _M32
        elif packets.tcp_flags[row] & _URG and stream.in_line and stream.next == sequence and packets.payload_missing[row] == 0:
            pointer = self.urgent_pointer(data, at, sequence)
            if 0 < pointer <= length:
                cutter.time = packets.timestamp_ns[row]
                cutter.frame = packets.frame[row]
                return self.reassembler.readings.urgent(stream, data, at, length, pointer)
        self.reassembler.segment(stream, data, at, length, packets.payload_missing[row], sequence, packets.timestamp_ns[row], packets.frame[row])
        return 0

    def spoken(self, other, packets, row, slot, direction):  # type: ignore[no-untyped-def]
        """The other side speaks while a PDU of this one is unfinished: what it says bounds the waiting."""
        stream: Stream = self.cutter.by_slot[2 * slot + direction]
        at: cython.Py_ssize_t = packets.payload_at[row]
        data = packets.side.data if packets.flags[row] & _REASSEMBLED else packets.data
        said: bytes = piece(data, at, at + min(packets.payload_length[row], PROBE_BYTES))
        if stream.pending is not None and stream.pending.used > 0 and not stream.searching:
            said = piece(stream.pending.data, 0, min(stream.pending.used, PROBE_BYTES)) + said
        return self.cutter.spoken(other, said)

    def urgent_pointer(self, data, at, sequence):  # type: ignore[no-untyped-def]
        """The field of the TCP header before a payload, 0 where none is found: its length is tried, for it is in no column."""
        size: cython.Py_ssize_t
        here: cython.Py_ssize_t
        for size in range(20, 64, 4):
            here = at - size
            if here < 0:
                break
            if data[here + 12] >> 4 == size // 4 and (data[here + 4] << 24 | data[here + 5] << 16 | data[here + 6] << 8 | data[here + 7]) == sequence:
                return data[here + 18] << 8 | data[here + 19]
        return 0

    def worth_another_look(self, data, at, length, slot, direction, sequence):  # type: ignore[no-untyped-def]
        """Whether a segment of a given-up flow starts like a PDU of some protocol, or is too short to tell; looks are counted. A single octet, which
        may be a keep-alive probe, is kept until another segment follows it."""
        table: FlowTable = self.table
        i: cython.Py_ssize_t
        framer: Framer
        size: cython.longlong
        hinted: cython.bint = (table.hints[self.flows.server_port[slot]] | table.hints[self.flows.client_port[slot]]) & 1 != 0
        possible: cython.ulonglong = self.openings.possible(data, at, length, hinted)
        for i in range(len(self.framers) if possible else 0):
            if possible >> (i if i < _LAST_BIT else _LAST_BIT) & 1 == 0:
                continue
            framer = self.framers[i]
            size = framer.measure(data, at, at + length, direction)
            if size > 0 and self.cutter.look(slot, direction, length):
                least: cython.int = Verdict.UNSURE if hinted and size == length else Verdict.YES  # one whole PDU on its port
                size = min(size, PROBE_BYTES, length)
                if framer.verdict(piece(data, at, at + size), direction) >= least:
                    return True
        if length >= _SHORT_BYTES:
            return False
        before: cython.longlong = table.octet[2 * slot + direction]
        table.octet[2 * slot + direction] = -1
        if length == 1 and before >> 8 != sequence:
            table.octet[2 * slot + direction] = ((sequence + 1) & _M32) << 8 | data[at]
            return False
        return self.cutter.look(slot, direction, length)
