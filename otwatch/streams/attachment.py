# cython: boundscheck=True, wraparound=False, cdivision=True
"""Which protocol a flow speaks: from its first bytes until it is known, and when it is given up."""

from __future__ import annotations

import cython

from otwatch.copying import piece
from otwatch.limits import Limits
from otwatch.protocols.spec import ProtocolSpec, Verdict
from otwatch.streams.anomalies import StreamAnomaly
from otwatch.streams.framing import MORE, PROBE_BYTES, WRONG, Framer
from otwatch.streams.identify import Identifier
from otwatch.streams.ledger import Ledger
from otwatch.streams.states import Mode
from otwatch.streams.stream import Room, Stream
from otwatch.streams.table import ATTACHED, PLAIN, FlowTable
from otwatch.vocabulary import DirectionHow, FlowEvent, PduFlag, ProtocolHow

LOOKS = 1024  # times that segments or datagrams of a flow of unknown protocol are probed, where they look like one of a protocol
LOOK_EVERY = 64  # packets of a flow for which there is one look more: what looks so by chance does it less often
SHORT_BYTES = 32  # segments below it may hold less than a header, or cut it: their bytes are sifted
SIFT_BYTES = 4096  # dropped by sifting before the flow is given up again
HEAR_NS = 200_000_000  # how long the other side of a flow on a foreign port is waited for, to hear whether it speaks the same protocol

_MORE = cython.declare(cython.longlong, 0)
_WRONG = cython.declare(cython.longlong, -1)
_LOOKS = cython.declare(cython.int, LOOKS)
_LOOK_EVERY = cython.declare(cython.int, LOOK_EVERY)
_SPENT = cython.declare(cython.int, -1)  # table.budget: no look is left, which was reported
_SHORT_BYTES = cython.declare(cython.Py_ssize_t, SHORT_BYTES)
_SIFT_BYTES = cython.declare(cython.longlong, SIFT_BYTES)
_PROBE_BYTES = cython.declare(cython.Py_ssize_t, PROBE_BYTES)
_WAIT = cython.declare(cython.int, 0)  # what `sift` says
_DECIDE = cython.declare(cython.int, 1)
_NOTHING = cython.declare(cython.int, 2)
_REPORTED = cython.declare(cython.int, 0x80)  # table.state: UNIDENTIFIED was reported
_BY_CONTENT = cython.declare(cython.int, ProtocolHow.CONTENT)
_BY_PORT = cython.declare(cython.int, ProtocolHow.PORT)
_DETACHED = cython.declare(cython.int, ProtocolHow.DETACHED)
_GIVEN_UP = cython.declare(cython.int, Mode.GIVEN_UP)
_ENDED = cython.declare(cython.int, PduFlag.ENDED)
_HANDSHAKE = cython.declare(cython.int, DirectionHow.HANDSHAKE)
_PORT_TOLD = cython.declare(cython.int, DirectionHow.PORT)
_CONTENT_TOLD = cython.declare(cython.int, DirectionHow.CONTENT)


class Attachment(Ledger):
    """Streams find their framer here, and lose it. Who cuts them (`drive`) comes above."""

    def __init__(self, table: FlowTable, limits: Limits, protocols: tuple[ProtocolSpec, ...]) -> None:
        Ledger.__init__(self, table, protocols)
        self.identifier = Identifier(protocols)
        self.by_slot = []  # [2 * slot + direction]: Stream or None; UDP flows: [2 * slot]: Framer or None
        self.streams = 0
        self.room = Room(limits.stream_history_total_bytes)
        self.most_wrong = limits.protocol_violations
        self.lasting = self.identifier.lasting
        carriers = {spec.name: group for spec, group in zip(protocols, self.identifier.framers, strict=True)}
        cut_by = [carriers.get(spec.ride.carrier, []) if spec.ride is not None else group
                  for spec, group in zip(protocols, self.identifier.framers, strict=True)]
        self.told_ends = [None] + [group[0] if group and group[0].framing.tells_end else None for group in cut_by]

    def drive(self, stream, final):  # type: ignore[no-untyped-def]
        """Searches and cuts what is pending: the Cutter's."""
        raise NotImplementedError

    def identify(self, stream, final):  # type: ignore[no-untyped-def]
        """Which protocol the first bytes are of; they stay pending while unknown."""
        flows = self.flows
        slot: cython.Py_ssize_t = stream.slot
        if stream.passed > 0 and not final and self.sift(stream, 0) == _WAIT:
            return 0
        candidates = self.identifier.candidates(6, flows.client_port[slot], flows.server_port[slot])
        sifted: cython.int = _DECIDE
        known: cython.bint
        while sifted == _DECIDE:
            first = piece(stream.pending.data, 0, min(stream.pending.used, _PROBE_BYTES))
            found = self.found(stream, candidates, first, final)
            if isinstance(found, Framer):
                return self.attach(stream, found, first)
            if found == _MORE:
                return 0
            if stream.main is not None:
                stream.searching = stream.flagged = True  # a second reading that is nothing
                return 0
            known = stream.passed == 0 and self.identifier.seal(first, flows.client[slot], flows.server[slot], flows.server_port[slot])
            for framer in candidates.framers[:candidates.hinted]:
                if framer.framing.cut is None:
                    if stream.from_start:  # else the bytes may be the inside of a message
                        self.suspect(slot, framer.protocol)
                    return self.follow(stream, framer, False)
            if known:
                break
            sifted = self.sift(stream, 1)
            if sifted == _WAIT and final and stream.pending.used > 0:
                sifted = _DECIDE
        return self.give_up(slot) if sifted != _WAIT else 0

    def found(self, stream, candidates, first, final):  # type: ignore[no-untyped-def]
        """The framer that fits these first bytes and what the other side says, MORE or WRONG."""
        found = self.identifier.decide(first, stream.direction, candidates, final=final)
        if isinstance(found, Framer) and found.framing.answers is not None and found not in candidates.framers[:candidates.hinted]:
            found = self.corroborated(stream, found, first, final)
        elif not isinstance(found, Framer) and found == MORE:
            found = self.paired(stream, candidates, first)
        elif isinstance(found, Framer) and found.framing.both_sides and found not in candidates.framers[:candidates.hinted]:
            found = self.borne_out(stream, found, first, final)
        return found

    def sift(self, stream, at):  # type: ignore[no-untyped-def]
        """Of short segments, whose starts tell nothing: drops the bytes before the first one, from `at` on, with which a protocol's header may
        start. _DECIDE where a whole PDU may stand there, _WAIT for more bytes, _NOTHING where the flow is not worth it: also where its beginning is
        that of an IT protocol, for among the zeros of such traffic headers are found by chance."""
        pending = stream.pending
        size: cython.Py_ssize_t = pending.used
        if stream.slot in self.read_by_head:
            return _NOTHING
        if stream.passed > _SIFT_BYTES or size >= _SHORT_BYTES * len(stream.marks):
            return _NOTHING
        says: cython.int = _WAIT
        possible: cython.bint = False
        length: cython.longlong
        i: cython.Py_ssize_t
        framer: Framer
        while at < size and not possible:
            for i in range(len(self.lasting)):
                framer = self.lasting[i]
                length = framer.measure(pending.data, at, size, stream.direction)
                possible = possible or length != _WRONG
                if length > 0 and (length <= size - at or size - at >= _PROBE_BYTES):
                    says = _DECIDE
            if not possible:
                at += 1
        self.waiting -= at
        self.unidentified += at
        stream.passed += at
        stream.from_start = False
        stream.drop(at)
        return says

    def look(self, slot, direction, length):  # type: ignore[no-untyped-def]
        """Counts a look at what may be a message in a flow of unknown protocol. False when there were too many, which is reported once."""
        looks: cython.int = self.table.budget[slot]
        if looks == _SPENT:
            return False
        if looks >= _LOOKS + (self.flows.packets_to_server[slot] + self.flows.packets_to_client[slot]) // _LOOK_EVERY:
            self.table.budget[slot] = _SPENT
            self.report(slot, direction, StreamAnomaly.LOOKS_CAP, looks, length)
            return False
        self.table.budget[slot] = looks + 1
        return True

    def corroborated(self, stream, framer, first, final):  # type: ignore[no-untyped-def]
        """The framer if the other side answers (or asks) in it, MORE while it is to be heard, WRONG if it speaks otherwise. Where the other side
        cannot be heard, many PDUs must do."""
        other: Stream = self.by_slot[2 * stream.slot + 1 - stream.direction]
        if other.pending is None or other.pending.used == 0:
            return framer if len(first) == PROBE_BYTES else (WRONG if final else MORE)
        said = piece(other.pending.data, 0, min(other.pending.used, _PROBE_BYTES))
        fit = self.identifier.conversation(framer, first, stream.direction, said)
        if fit == Verdict.YES:
            return framer
        return WRONG if fit == Verdict.NO or final or len(first) == PROBE_BYTES == len(said) else MORE

    def borne_out(self, stream, framer, first, final):  # type: ignore[no-untyped-def]
        """The framer unless the other side speaks otherwise; MORE while it is to be heard."""
        said = self.said(stream)
        if not said:
            if final or len(first) == PROBE_BYTES:
                return framer
            if stream.quiet == 0:
                stream.quiet = self.now + HEAR_NS
                self.wake(stream, stream.quiet)
            return MORE
        length: cython.longlong = framer.measure(memoryview(said), 0, len(said), 1 - stream.direction)
        if length == _MORE and not final:
            return MORE
        if length >= 0 and framer.verdict(said[:max(1, length)], 1 - stream.direction) != Verdict.NO:
            return framer
        other: Stream = self.by_slot[2 * stream.slot + 1 - stream.direction]
        if other.from_start:
            return WRONG
        at: cython.Py_ssize_t
        for at in range(1, len(said)):  # the tap may have come in the middle of one
            length = framer.measure(memoryview(said), at, len(said), 1 - stream.direction)
            if 0 < length <= len(said) - at and framer.verdict(said[at:at + length], 1 - stream.direction) == Verdict.YES:
                return framer
        return WRONG if final or len(said) == PROBE_BYTES else MORE

    def paired(self, stream, candidates, first):  # type: ignore[no-untyped-def]
        """The framer in which one side answers the other though neither says enough by itself, MORE if there is none."""
        said = self.said(stream)
        framer: Framer
        if said:
            for framer in candidates.framers:
                if framer.framing.both_sides and framer.framing.pairs is not None:
                    here = framer.measure(memoryview(first), 0, len(first), stream.direction)
                    there = framer.measure(memoryview(said), 0, len(said), 1 - stream.direction)
                    if 0 < here <= len(first) and 0 < there <= len(said) and framer.framing.pairs(first[:here], said[:there]):
                        return framer
        return MORE

    def said(self, stream):  # type: ignore[no-untyped-def]
        """The first bytes of the other side, as far as they wait to be identified too."""
        other: Stream = self.by_slot[2 * stream.slot + 1 - stream.direction]
        if other.pending is None or other.pending.used == 0:
            return b""
        return piece(other.pending.data, 0, min(other.pending.used, _PROBE_BYTES))

    def suspect(self, slot, protocol):  # type: ignore[no-untyped-def]
        """Bytes on a protocol's port are not of that protocol: said once per flow."""
        if self.table.state[slot] & _REPORTED == 0:
            self.table.state[slot] |= _REPORTED
            self.report(slot, 0, StreamAnomaly.UNIDENTIFIED, protocol, 0)  # who connects brings what is spoken
        return 0

    def attach(self, stream, framer, first):  # type: ignore[no-untyped-def]
        """The flow speaks the framer's protocol."""
        flows = self.flows
        slot: cython.Py_ssize_t = stream.slot
        how: cython.int = flows.direction_how[slot]
        if how != _HANDSHAKE and flows.pdus[slot] == 0 and self.identifier.reversed(framer, first, stream.direction, by_port=how == _PORT_TOLD):
            self.table.reverse(slot, _CONTENT_TOLD)
            self.turn_round(slot)
        flows.protocol[slot] = framer.protocol
        flows.protocol_how[slot] = _BY_PORT
        return self.follow(stream, framer, True)

    def turn_round(self, slot):  # type: ignore[no-untyped-def]
        """Client and server were mistaken for each other."""
        which: cython.Py_ssize_t
        stream: Stream
        self.by_slot[2 * slot], self.by_slot[2 * slot + 1] = self.by_slot[2 * slot + 1], self.by_slot[2 * slot]
        for which in range(2):
            stream = self.by_slot[2 * slot + which]
            stream.direction = which
            if stream.rival is not None:
                stream.rival.direction = which
        return 0

    def follow(self, stream, framer, fitting):  # type: ignore[no-untyped-def]
        """Both directions are cut by the framer from now on; `fitting`: a PDU starts at the first byte of this one."""
        slot: cython.Py_ssize_t = stream.slot
        other: Stream = self.by_slot[2 * slot + 1 - stream.direction]
        second: Stream = stream.rival if stream.main is None else stream.main
        self.table.move(slot, ATTACHED)
        stream.framer = other.framer = framer
        stream.pdus = other.pdus = self.pdus[framer.protocol]
        stream.passed = other.passed = 0
        stream.searching = not fitting
        other.searching = not (fitting and other.from_start)
        if other.rival is not None:
            other.rival.framer = framer
            other.rival.pdus = other.pdus
            other.rival.searching = True
        if second is not None:  # the other reading of the same direction
            second.framer = framer
            second.pdus = stream.pdus
            second.searching = not (stream.from_start if stream.main is None else second.from_start)
            self.drive(second, False)
        if other.marks and stream.marks and other.marks[0][2] < stream.marks[0][2]:
            self.drive(other, False)
            self.drive(stream, False)
        else:
            self.drive(stream, False)
            self.drive(other, False)
        return 0

    def detach(self, stream):  # type: ignore[no-untyped-def]
        """The flow broke its protocol too often or for too long. The search for its PDUs goes on all the same, until `give_up`."""
        slot: cython.Py_ssize_t = stream.slot
        if self.flows.protocol_how[slot] == _BY_CONTENT or self.flows.protocol_how[slot] == _BY_PORT:
            self.flows.protocol_how[slot] = _DETACHED
            self.event(slot, FlowEvent.DETACHED)
            self.report(slot, 0, StreamAnomaly.DETACHED, self.most_wrong, stream.wrong)
        return 0

    def give_up(self, slot):  # type: ignore[no-untyped-def]
        """No protocol fits: the flow costs nothing more until a segment looks like the start of a PDU."""
        self.forget(slot)
        self.table.enter(slot, _GIVEN_UP)
        self.table.move(slot, PLAIN)
        return 0

    def tell_end(self, slot):  # type: ignore[no-untyped-def]
        """The flow is over: a PDU without bytes for a dissector that asks for it."""
        framer = self.told_ends[self.flows.protocol[slot]]
        if framer is not None:
            self.add_row(self.pdus[framer.protocol], framer, slot, 0, self.octets.used, self.octets.used, _ENDED)
        return 0

    def forget(self, slot):  # type: ignore[no-untyped-def]
        """Drops both streams of a TCP flow; what they had waiting stays unidentified or passed over."""
        which: cython.Py_ssize_t
        stream: Stream
        for which in range(2 * slot, 2 * slot + 2):
            stream = self.by_slot[which]
            if stream is None:
                continue
            self.streams -= 1
            self.by_slot[which] = None
            if stream.rival is not None:
                stream.rival.main = None
                self.retire(stream.rival)
                stream.rival = None
            self.retire(stream)
        return 0

    def retire(self, stream):  # type: ignore[no-untyped-def]
        """A reading is over."""
        stream.closed = True
        stream.in_line = False
        stream.deadline = stream.quiet = 0
        left: cython.Py_ssize_t = 0 if stream.pending is None else stream.pending.used
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
        stream.give_back()
        return 0
