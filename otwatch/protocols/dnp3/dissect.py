# cython: boundscheck=True, wraparound=False, cdivision=True
"""Link frames into fragments (IEEE 1815-2012 clauses 8 and 9): link header, block CRCs checked and taken out, transport reassembly.

What fragments mean is `application`'s part. A frame with a wrong block CRC is ignored whole, as a device does. The octets of a fragment are
appended to `pdus.octets`; what is incomplete is kept per link and side until the next batch.
"""

from __future__ import annotations

import cython
import numpy as np

from otwatch.actions import Action
from otwatch.copying import copy, same
from otwatch.limits import Limits
from otwatch.protocols.dnp3 import spec, tables
from otwatch.protocols.dnp3.application import Application
from otwatch.protocols.dnp3.conversation import Conversation, Link, Side
from otwatch.protocols.kit.early import Early, Held
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Octets, Operations, Pdus
from otwatch.vocabulary import PduFlag

_AFTER_GAP = cython.declare(cython.int, int(PduFlag.AFTER_GAP))
_ENDED = cython.declare(cython.int, int(PduFlag.ENDED))
_CUT = cython.declare(cython.int, int(PduFlag.CUT))
_HEADER = cython.declare(cython.Py_ssize_t, 10)
_BLOCK = cython.declare(cython.Py_ssize_t, 16)

# 9.2.4.1.3: bits of the control octet
_DIR = cython.declare(cython.int, 0x80)
_PRM = cython.declare(cython.int, 0x40)
_FCV = cython.declare(cython.int, 0x10)  # from a secondary station: data flow control
_LINK_FUNCTION = cython.declare(cython.int, 0x4F)

_DIAGNOSE = 16


class Dnp3Dissector:
    """See `otwatch.protocols.spec.Dissector`."""

    def __init__(self, protocol: cython.int, limits: Limits) -> None:
        self.protocol = protocol
        self.limit = limits.application_fragment_bytes
        self.links = limits.streams
        self.live_links = 0
        self.application = Application(protocol, limits)
        self.forgotten_links = 0  # pairs of addresses that made room for others within their flow (limit streams)
        self.conversations: list[Conversation | None] = []
        self.crc = tables.block_crc().data
        actions = np.full(256, -1, np.int16)
        for function in spec.LINK_FUNCTIONS:
            actions[function] = spec.LINK_ACTIONS.get(function, Action.DIAGNOSE)
        self.link_actions = actions.data

    def feed(self, pdus: Pdus, operations: Operations, anomalies: Anomalies, facts: list[Fact]) -> None:
        """Appends the rows of a batch in PDU order. Never raises on any bytes."""
        application: Application = self.application
        application.start_batch(pdus, operations, anomalies, facts)
        early: Early = application.early
        pdu: cython.Py_ssize_t
        for pdu in range(pdus.rows):
            if early.deadline_ns <= pdus.timestamp_ns[pdu]:
                for held in early.due(pdus.timestamp_ns[pdu]):
                    self.late(held, pdus, pdu, held.extra[5])
            application.request_frame = -1
            if pdus.flags[pdu] & _ENDED == 0:
                application.pdu = pdu
                self.frame(pdus, pdu)
            if early.held_count > 0:
                self.came(pdus, pdu)

    def late(self, held: Held, pdus: Pdus, pdu: cython.Py_ssize_t, unasked: cython.bint) -> None:
        """Dissects a response that was held, behind PDU `pdu` of the batch. `unasked`: when it came nobody had asked yet, so what did lies before."""
        application: Application = self.application
        one: Pdus = application.early.again(held, pdus, pdu)
        frames, source, destination, from_master, _, _ = held.extra
        link: Link = self.link(one.flow[0], cython.cast(cython.longlong, min(source, destination)) << 16 | max(source, destination))
        upper: cython.bint = source > destination or (source == destination and from_master)
        application.start_batch(one, application.operations, application.anomalies, application.facts)
        application.pdu = 0
        application.released = True
        application.unasked = unasked
        application.message(one.start[0], one.end[0], frames, source, destination, from_master, link.high if upper else link.low,
                            link.low if upper else link.high, False)
        application.released = application.unasked = False
        application.start_batch(pdus, application.operations, application.anomalies, application.facts)
        application.pdu = pdu

    def came(self, pdus: Pdus, pdu: cython.Py_ssize_t) -> None:
        """Which of the responses that the flow holds have their request now. At its end all are dissected."""
        early: Early = self.application.early
        flow = int(pdus.flow[pdu])
        ended: cython.bint = pdus.flags[pdu] & _ENDED != 0
        entry: cython.int
        receiver: Side
        for held in early.of(flow):
            if not ended:
                _, source, destination, from_master, sequence, _ = held.extra
                link: Link = self.link(flow, cython.cast(cython.longlong, min(source, destination)) << 16 | max(source, destination))
                receiver = link.low if source > destination or (source == destination and from_master) else link.high
                if receiver.queue < 0:
                    continue
                entry = self.application.pairing.find(receiver.queue, sequence, 0, -1, False)
                if entry < 0:
                    continue
                early.came(held, self.application.pairing.timestamp_ns[entry])
            early.take(flow, held)
            self.late(held, pdus, pdu, ended and held.extra[5])

    @property
    def early(self) -> Early:
        """Responses that wait for their requests."""
        return self.application.early

    def forget(self, flow: cython.Py_ssize_t) -> cython.longlong:
        """The flow is over: drops its state; returns how many requests stayed unanswered."""
        if flow < 0 or flow >= len(self.conversations):
            return 0
        conversation: Conversation = self.conversations[flow]
        if conversation is None:
            return 0
        self.conversations[flow] = None
        self.forgotten_links += conversation.forgotten
        self.live_links -= len(conversation.links)
        return conversation.close()

    def conversation(self, flow: cython.Py_ssize_t) -> Conversation:
        """The state of a flow."""
        while flow >= len(self.conversations):
            self.conversations.extend([None] * max(64, len(self.conversations)))
        found: Conversation = self.conversations[flow]
        if found is None:
            found = Conversation(self.application.pairing)
            self.conversations[flow] = found
        return found

    def link(self, flow: cython.Py_ssize_t, key: cython.longlong) -> Link:
        """The state of a pair of addresses of a flow; where there are too many in all, the oldest of the flow makes room."""
        conversation: Conversation = self.conversation(flow)
        found: Link | None = conversation.find(key)
        if found is None:
            if self.live_links >= self.links:
                self.live_links -= conversation.drop()
            found = conversation.add(key)
            self.live_links += 1
        return found

    def frame(self, pdus: Pdus, pdu: cython.Py_ssize_t) -> None:
        """One link frame."""
        application: Application = self.application
        octets: Octets = pdus.octets
        data = octets.data
        at: cython.Py_ssize_t = pdus.start[pdu]
        end: cython.Py_ssize_t = pdus.end[pdu]
        cut: cython.bint = (pdus.flags[pdu] & _CUT) != 0
        if end - at < _HEADER:
            if not cut and end - at > 2:
                application.report(spec.LENGTH_BELOW_MINIMUM, 2, 5, data[at + 2])
            return
        size: cython.int = data[at + 2] - 5
        control: cython.int = data[at + 3]
        destination: cython.int = data[at + 4] | data[at + 5] << 8
        source: cython.int = data[at + 6] | data[at + 7] << 8
        if size < 0:
            application.report(spec.LENGTH_BELOW_MINIMUM, 2, 5, size + 5)
            return
        if destination >= 0xFFF0 and destination < 0xFFFC:
            application.report(spec.RESERVED_ADDRESS, 4, 0, destination)
        if source >= 0xFFF0:
            application.report(spec.RESERVED_ADDRESS, 6, 0, source)
        function: cython.int = control & _LINK_FUNCTION
        if function not in (0x43, 0x44):
            self.link_only(pdus, pdu, control, destination, source, size)
            return
        if ((control & _FCV) != 0) != (function == 0x43):
            application.report(spec.LINK_CONTROL, 3, _FCV if function == 0x43 else 0, control)
        if size == 0:
            application.report(spec.LINK_USER_DATA, 2, 1, 0)
            return
        begin: cython.Py_ssize_t = octets.reserve(size)
        got: cython.Py_ssize_t = self.strip(octets, at + _HEADER, end, begin, size)
        if got <= 0:
            octets.used = begin
            if got < 0:
                application.report(spec.BLOCK_CRC, _HEADER + (-1 - got) * (_BLOCK + 2), 0, -1 - got)
            return
        link: Link = self.link(pdus.flow[pdu], cython.cast(cython.longlong, min(source, destination)) << 16 | max(source, destination))
        sender: Side = link.low
        receiver: Side = link.high
        # FIR: the function code stands in this frame
        if control & _DIR and not link.requested and got > 2 and octets.data[begin] & 0x40 and octets.data[begin + 2] < 129:
            link.requested = True
            self.from_master(pdus.flow[pdu], source)
        # a pair of equal addresses is told apart by direction alone
        if source > destination or (source == destination and control & _DIR):
            sender = link.high
            receiver = link.low
        self.segment(pdus, pdu, begin, begin + got, control, destination, source, sender, receiver, got < size)

    def from_master(self, flow: cython.Py_ssize_t, source: cython.int) -> None:
        """The first request of a pair of addresses: a connection has one master, however many outstations are behind it."""
        conversation: Conversation = self.conversation(flow)
        if conversation.master < 0:
            conversation.master = source
        elif conversation.master != source:
            self.application.report(spec.MASTER_ADDRESS, 6, conversation.master, source)

    def strip(self, octets: Octets, at: cython.Py_ssize_t, end: cython.Py_ssize_t, target: cython.Py_ssize_t,
              size: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Copies the `size` octets of user data in octets[at:end] to octets[target:], without CRCs.

        Returns how many there were, less than `size` when the frame is cut; -1 - block when the CRC of that block is wrong.
        """
        data = octets.data
        table: cython.ushort[::1] = self.crc
        done: cython.Py_ssize_t = 0
        block: cython.Py_ssize_t = 0
        i: cython.Py_ssize_t
        octet: cython.uchar
        if at < 0 or target < 0 or end > data.shape[0] or target + size > data.shape[0]:
            return 0
        while done < size:
            length: cython.Py_ssize_t = min(_BLOCK, size - done)
            if end - at < length + 2:  # cut: the octets that are there, unchecked
                length = min(length, end - at)
                for i in range(length):
                    data[target + done + i] = data[at + i]
                return done + length
            check: cython.uint = 0xFFFF
            with cython.boundscheck(False):  # both ranges were checked above, the table has 16 * 256 entries
                for i in range(length):
                    octet = data[at + i]
                    check ^= table[(length - 1 - i) << 8 | octet]
                    data[target + done + i] = octet
            if data[at + length] != (check & 0xFF) or data[at + length + 1] != check >> 8:
                return -1 - block
            at += length + 2
            done += length
            block += 1
        return done

    def link_only(self, pdus: Pdus, pdu: cython.Py_ssize_t, control: cython.int, destination: cython.int, source: cython.int,
                  size: cython.int) -> None:
        """A frame without user data."""
        application: Application = self.application
        function: cython.int = control & _LINK_FUNCTION
        action: cython.int = self.link_actions[function]
        if action < 0:
            application.report(spec.RESERVED_LINK_FUNCTION, 3, 0, control)
            action = _DIAGNOSE
        elif control & _PRM and ((control & _FCV) != 0) != (function == 0x42):
            application.report(spec.LINK_CONTROL, 3, _FCV if function == 0x42 else 0, control)
        if size:
            application.report(spec.LINK_USER_DATA, 2, 0, size)
        operations: Operations = application.operations
        # 9.2.4.1.3: DIR says which side speaks. A master that acknowledges answers no request, an outstation that keeps the link asks for nothing.
        role: cython.int = 0 if control & _DIR else 2 if control & _PRM else 1
        row: cython.Py_ssize_t = operations.add(pdus, pdu, role, self.protocol, -1, action)
        operations.subfunction[row] = function
        operations.unit[row] = destination if control & _DIR else source
        if not control & _PRM and control & _FCV:
            operations.status[row] = spec.STATUS_LINK << 16 | 1

    def segment(self, pdus: Pdus, pdu: cython.Py_ssize_t, at: cython.Py_ssize_t, end: cython.Py_ssize_t, control: cython.int,
                destination: cython.int, source: cython.int, sender: Side, receiver: Side, cut: cython.bint) -> None:
        """One transport segment, octets[at:end] with its header (8.2): the fragment that it completes, if any."""
        application: Application = self.application
        octets: Octets = pdus.octets
        header: cython.int = octets.data[at]
        final: cython.bint = (header & 0x80) != 0
        first: cython.bint = (header & 0x40) != 0
        sequence: cython.int = header & 0x3F
        from_master: cython.bint = (control & _DIR) != 0
        at += 1
        if pdus.flags[pdu] & _AFTER_GAP:
            if sender.assembling:  # its end was never captured: what is there tells what was asked for
                self.deliver(pdus, destination, source, from_master, sender, receiver, True)
            sender.gap()
        if first:
            if sender.assembling:
                if sequence == sender.sequence and sender.buffer.used == end - at and self.repeats(octets, at, end, sender):
                    return
                application.report(spec.TRANSPORT_UNFINISHED, _HEADER, sender.buffer.used, sequence)
            sender.assembling = False
            sender.sequence = sequence
            if final or cut:
                application.message(at, end, 1, source, destination, from_master, sender, receiver, cut)
                return
            sender.buffer.clear()
            sender.segments = 0
            sender.assembling = True
        elif not sender.assembling:
            if sender.sequence >= 0:
                application.report(spec.TRANSPORT_SEQUENCE, _HEADER, -1, sequence)
            sender.sequence = -1  # said once; the rest of that fragment is passed over
            return
        elif sequence == sender.sequence and self.repeats(octets, at, end, sender):
            return
        elif sequence != ((sender.sequence + 1) & 0x3F):
            application.report(spec.TRANSPORT_SEQUENCE, _HEADER, (sender.sequence + 1) & 0x3F, sequence)
            sender.assembling = False
            sender.sequence = -1
            return
        sender.sequence = sequence
        if sender.buffer.used + end - at > self.limit:
            application.report(spec.FRAGMENT_TOO_LONG, _HEADER, self.limit, sender.buffer.used + end - at)
            sender.assembling = False
            sender.sequence = -1
            return
        kept: cython.Py_ssize_t = sender.buffer.reserve(end - at)
        copy(sender.buffer.data, kept, octets.data, at, end - at)
        sender.segments += 1
        sender.last_length = end - at
        if final or cut:
            self.deliver(pdus, destination, source, from_master, sender, receiver, cut)

    def repeats(self, octets: Octets, at: cython.Py_ssize_t, end: cython.Py_ssize_t, sender: Side) -> cython.bint:
        """Whether a segment is the one before it again, as a confirmed link repeats it."""
        length: cython.Py_ssize_t = end - at
        return length == sender.last_length and same(sender.buffer.data, sender.buffer.used - length, octets.data, at, length)

    def deliver(self, pdus: Pdus, destination: cython.int, source: cython.int, from_master: cython.bint, sender: Side, receiver: Side,
                cut: cython.bint) -> None:
        """The assembled fragment: its octets move to the batch."""
        octets: Octets = pdus.octets
        length: cython.Py_ssize_t = sender.buffer.used
        begin: cython.Py_ssize_t = octets.reserve(length)
        copy(octets.data, begin, sender.buffer.data, 0, length)
        sender.assembling = False
        self.application.message(begin, begin + length, sender.segments, source, destination, from_master, sender, receiver, cut)
