# cython: boundscheck=True, wraparound=False, cdivision=True
"""Which TCP connection a packet of known addresses and ports is of, and what opens, ends and replaces one (see `states.TRANSITIONS`).

A SYN inside a connection is a claim, no more: the connection is read on until the other side's packets acknowledge the claim's number, or data
come from there. Then a new flow begins, and the old one stays as its twin for a while: each packet goes to the one whose numbers it fits.
"""

from __future__ import annotations

import cython

from otwatch.streams.anomalies import StreamAnomaly
from otwatch.streams.cutter import Cutter
from otwatch.streams.lifetimes import Lifetimes
from otwatch.streams.states import Mode
from otwatch.streams.stream import Stream
from otwatch.streams.table import ATTACHED, DOUBTED, FINISHED, PLAIN, FlowTable
from otwatch.vocabulary import DirectionHow, PacketFlag

CLAIMS = 4  # numbers of SYNs remembered for one connection; older ones are forgotten, which hides nothing: their data are read all the same
WINDOW = 1_048_576

_M32 = cython.declare(cython.longlong, 0xFFFFFFFF)
_HALF = cython.declare(cython.longlong, 0x80000000)
_FAR = cython.declare(cython.longlong, 0x7FFFFFFFFFFF)
_WINDOW = cython.declare(cython.longlong, WINDOW)
_DUPLICATE = cython.declare(cython.int, PacketFlag.DUPLICATE)
_HANDSHAKE = cython.declare(cython.int, DirectionHow.HANDSHAKE)
_MODE_STREAMED = cython.declare(cython.int, Mode.STREAMED)
_MODE_FRESH = cython.declare(cython.int, Mode.FRESH)
_IN_FINISHED = cython.declare(cython.int, FINISHED)
_IN_DOUBTED = cython.declare(cython.int, DOUBTED)
_IN_PLAIN = cython.declare(cython.int, PLAIN)
_IN_ATTACHED = cython.declare(cython.int, ATTACHED)
_FIN = cython.declare(cython.int, 0x01)
_SYN = cython.declare(cython.int, 0x02)
_RST = cython.declare(cython.int, 0x04)
_ACK = cython.declare(cython.int, 0x10)
# bits of FlowTable.state
_SENT_0 = cython.declare(cython.int, 1)  # packets of direction 0 were seen; direction 1 is the next bit
_FIN_0 = cython.declare(cython.int, 4)  # likewise for FIN
_RESET = cython.declare(cython.int, 32)
_SHARED = cython.declare(cython.int, 64)  # its ports are claimed, or have another connection


@cython.cfunc
@cython.inline
def _signed(difference: cython.longlong) -> cython.longlong:
    """A difference of two sequence numbers, in -2**31..2**31-1."""
    return ((difference + _HALF) & _M32) - _HALF


class Connections:
    """Works on the table and the flows of a Lifetimes."""

    def __init__(self, life: Lifetimes) -> None:
        self.life = life
        self.table = life.table
        self.cutter = life.cutter
        self.claims = life.claims
        self.twins = life.twins

    def direction(self, slot):  # type: ignore[no-untyped-def]
        """That of the packet just looked for."""
        return 0 if self.table.low == (self.table.client_low[slot] != 0) else 1

    # ---- a packet whose flow is known, where that is not the whole answer

    def syn(self, slot, packets, row):  # type: ignore[no-untyped-def]
        """The flow of a SYN or SYN-ACK, -1 if it opens a new one."""
        table: FlowTable = self.table
        life: Lifetimes = self.life
        flags: cython.int = packets.tcp_flags[row]
        if packets.flags[row] & _DUPLICATE:
            return slot
        direction: cython.int = self.direction(slot)
        start: cython.longlong = table.start[2 * slot + direction]
        number: cython.longlong = (packets.tcp_sequence[row] + 1) & _M32
        talked: cython.bint = life.flows.payload_to_server[slot] > 0 or life.flows.payload_to_client[slot] > 0
        both: cython.bint = life.flows.payload_to_server[slot] > 0 and life.flows.payload_to_client[slot] > 0
        if flags & _ACK:
            claim: tuple
            for claim in self.claims.get(slot, ()):
                if claim[0] != direction and claim[1] == packets.tcp_acknowledgement[row]:
                    return self.succeed(slot, claim, packets, row)
            if talked and start != number and not (start < 0 and table.start[2 * slot + 1 - direction] == packets.tcp_acknowledgement[row]):
                self.claim(slot, direction, number, packets.tcp_acknowledgement[row], packets, row)
            return slot
        if table.state[slot] & 3 * _FIN_0 == 3 * _FIN_0 and (start != number or both) and self.parted(slot, direction, -1):
            life.close(slot)
            return -1
        if not talked:
            if start < 0:
                fresh: cython.bint = table.state[slot] & (_SENT_0 << direction) == 0 and table.mode[slot] == _MODE_FRESH
                if fresh or life.flows.direction_how[slot] == _HANDSHAKE:
                    return slot  # the answer came first in the capture
            elif start == number:
                return slot
            if table.start[2 * slot + 1 - direction] < 0 or table.state[slot] & _RESET:
                life.close(slot)
                return -1
        # the same number again after both sides have talked is no retransmission: simple stacks start every connection alike
        if start != number or both:
            self.claim(slot, direction, number, -1, packets, row)
        return slot

    def claim(self, slot, direction, number, other, packets, row):  # type: ignore[no-untyped-def]
        """A number from which a side may want to begin anew; `other` is that of the other side, -1 not known."""
        cutter: Cutter = self.cutter
        claims: list = self.claims.setdefault(slot, [])
        made: tuple = (direction, number, other)
        cutter.time = packets.timestamp_ns[row]
        cutter.frame = packets.frame[row]
        if made not in claims:
            claims.append(made)
            cutter.report(slot, direction, StreamAnomaly.SYN_INSIDE, number, other)
            if len(claims) > CLAIMS:
                del claims[0]
        self.table.state[slot] |= _SHARED
        return 0

    def place(self, slot, packets, row):  # type: ignore[no-untyped-def]
        """The connection of a packet without SYN, where its ports are claimed or have two."""
        twin: object = self.twins.get(slot)
        claims: list = self.claims.get(slot)
        if twin is None and claims is None:
            self.table.state[slot] &= ~_SHARED
            return slot
        direction: cython.int = self.direction(slot)
        sequence: cython.longlong = packets.tcp_sequence[row]
        acknowledgement: cython.longlong = packets.tcp_acknowledgement[row]
        flags: cython.int = packets.tcp_flags[row]
        here: cython.longlong = abs(self.distance(slot, sequence))
        there: cython.longlong
        claim: tuple
        number: cython.longlong
        other: cython.longlong
        if packets.flags[row] & _DUPLICATE:
            claims = None
        if claims is not None and here != 0:
            for claim in claims:
                number = claim[1]
                other = claim[2]
                if claim[0] == direction:
                    if packets.payload_length[row] > 0 and sequence == number:
                        return self.succeed(slot, claim, packets, row)
                elif acknowledgement >= 0 and 0 <= _signed(acknowledgement - number) < _WINDOW and self.unlike(slot, 1 - direction, acknowledgement):
                    if flags & _RST:
                        claims.remove(claim)
                        break
                    if other < 0 or 0 <= _signed(sequence - other) < _WINDOW:
                        return self.succeed(slot, claim, packets, row)
        if twin is not None and here != 0:
            there = abs(self.distance(twin, sequence))
            if there < here:
                self.revive(twin, packets.payload_length[row])
                return twin
        return slot

    def distance(self, slot, sequence):  # type: ignore[no-untyped-def]
        """How far a sequence number is from where its side of a flow stands."""
        direction: cython.int = self.direction(slot)
        stream: Stream
        expected: cython.longlong = self.table.start[2 * slot + direction]
        if self.table.mode[slot] == _MODE_STREAMED:
            stream = self.cutter.by_slot[2 * slot + direction]
            if stream.started:
                expected = stream.next
        return _FAR if expected < 0 else _signed(sequence - expected)

    def unlike(self, slot, direction, acknowledgement):  # type: ignore[no-untyped-def]
        """Whether an acknowledgement is of nothing that the direction sent."""
        if self.table.mode[slot] != _MODE_STREAMED:
            return True
        stream: Stream = self.cutter.by_slot[2 * slot + direction]
        off: cython.longlong = _signed(acknowledgement - stream.next)
        return not stream.started or off > 0 or off < stream.base - stream.position

    def succeed(self, slot, claim, packets, row):  # type: ignore[no-untyped-def]
        """A new connection on the ports of a known one; returns its flow. The old one stays for as long as its own packets come."""
        table: FlowTable = self.table
        life: Lifetimes = self.life
        low: cython.bint = table.low
        by_low: cython.bint = (table.client_low[slot] != 0) == (claim[0] == 0)  # the claim's side is the lower end of the key
        client_low: cython.bint = by_low == (claim[2] < 0)
        from_claimant: cython.bint = by_low == low
        self.claims.pop(slot, None)
        older: object = self.twins.get(slot)
        if older is not None:
            self.cutter.report(older, 0, StreamAnomaly.CONNECTIONS_CAP, 2, 0)
            life.close(older)
        new: cython.int = life.new_flow(packets, row)
        table.low = low
        if (table.client_low[new] != 0) != client_low:
            table.reverse(new, _HANDSHAKE)
        life.flows.direction_how[new] = _HANDSHAKE
        side: cython.int = 0 if claim[2] < 0 else 1  # a SYN comes from the client
        other: cython.longlong = claim[2]
        if other < 0 and packets.tcp_flags[row] & _SYN == 0:  # its answer was not seen
            other = packets.tcp_acknowledgement[row] if from_claimant else packets.tcp_sequence[row]
        table.start[2 * new + side] = claim[1]
        table.start[2 * new + 1 - side] = other
        if table.live > 1 and life.flows.number[slot] != life.flows.number[new] and slot not in life.closed:
            self.twins[slot] = new
            self.twins[new] = slot
            table.state[slot] |= _SHARED | _RESET
            table.state[new] |= _SHARED
            self.doubt(slot)
        return new

    # ---- ends

    def doubt(self, slot):  # type: ignore[no-untyped-def]
        """One side has ended the connection, or opened another: believed when the other side stays silent."""
        self.table.move(slot, _IN_DOUBTED)
        due: cython.longlong = self.cutter.now + self.table.idle_limit(_IN_DOUBTED)
        if due < self.life.alarm_ns:
            self.life.alarm_ns = due
        return 0

    def revive(self, slot, payload):  # type: ignore[no-untyped-def]
        """Data after a reset: it was forged, or refused."""
        if payload > 0 and self.table.state[slot] & _RESET:
            self.table.state[slot] &= ~_RESET
            self.table.move(slot, _IN_ATTACHED if self.table.mode[slot] == _MODE_STREAMED and self.life.flows.protocol[slot] else _IN_PLAIN)
        return 0

    def opens_or_ends(self, packets, row, slot, direction):  # type: ignore[no-untyped-def]
        """SYN, FIN and RST of a packet; returns the direction, which a SYN may turn round."""
        table: FlowTable = self.table
        flags: cython.int = packets.tcp_flags[row]
        if flags & _SYN and table.mode[slot] == _MODE_FRESH and table.start[2 * slot + direction] < 0:
            table.start[2 * slot + direction] = (packets.tcp_sequence[row] + 1) & _M32
            if self.life.flows.direction_how[slot] != _HANDSHAKE and self.life.flows.pdus[slot] == 0:
                if (direction == 0) == (flags & _ACK != 0):
                    table.reverse(slot, _HANDSHAKE)
                    direction = 1 - direction
                else:
                    self.life.flows.direction_how[slot] = _HANDSHAKE
            other: cython.Py_ssize_t = 2 * slot + 1 - direction
            if flags & _ACK and table.start[other] >= 0 and table.start[other] != packets.tcp_acknowledgement[row]:
                table.start[other] = -1  # two numbers to begin with: what comes first decides
        self.ends(slot, direction, flags, packets.tcp_acknowledgement[row])
        return direction

    def parted(self, slot, direction, acknowledgement):  # type: ignore[no-untyped-def]
        """Whether a side has acknowledged the other's FIN, and no message is unfinished; `acknowledgement` is that of the packet at hand, of the
        direction, -1 if there is none."""
        stream: Stream
        which: cython.int
        number: cython.longlong
        if self.table.mode[slot] != _MODE_STREAMED:
            return True
        for which in range(2):
            stream = self.cutter.by_slot[2 * slot + which]
            if stream.framer is not None and stream.pending is not None and stream.pending.used > 0:
                return False
        for which in range(2):
            stream = self.cutter.by_slot[2 * slot + which]
            number = acknowledgement if which != direction and acknowledgement >= 0 else stream.acknowledged
            if not stream.started or (number >= 0 and 0 < _signed(number - stream.next) < _WINDOW):
                return True
        return False

    def ends(self, slot, direction, flags, acknowledgement):  # type: ignore[no-untyped-def]
        """FIN and RST: a finished flow stays a little for late segments. Two FIN of which none is acknowledged are doubted, like a reset."""
        table: FlowTable = self.table
        state: cython.int = table.state[slot]
        if flags & _RST:
            state |= _RESET
        if flags & _FIN:
            state |= _FIN_0 << direction
        forged: cython.bint = flags & _FIN != 0 and state & 3 * _FIN_0 == 3 * _FIN_0 and not self.parted(slot, direction, acknowledgement)
        if forged:
            state |= _RESET
        table.state[slot] = state
        if forged:
            self.doubt(slot)
        elif (flags & _FIN and state & 3 * _FIN_0 == 3 * _FIN_0) or (flags & _RST and table.mode[slot] == _MODE_FRESH):  # no payload: nothing to lose
            table.move(slot, _IN_FINISHED)
            due: cython.longlong = self.cutter.now + table.idle_limit(_IN_FINISHED)
            if due < self.life.alarm_ns:
                self.life.alarm_ns = due
        elif flags & _RST and table.mode[slot] != _MODE_FRESH:
            self.doubt(slot)
        return 0
