# cython: boundscheck=True, wraparound=False, cdivision=True
"""UDP payload into PDUs: each datagram stands alone and may hold several."""

from __future__ import annotations

import cython
import numpy as np

from otwatch.copying import copy
from otwatch.limits import Limits
from otwatch.protocols.spec import ProtocolSpec
from otwatch.streams.anomalies import StreamAnomaly
from otwatch.streams.cutter import Cutter
from otwatch.streams.framing import PROBE_BYTES, Framer
from otwatch.streams.table import FlowTable
from otwatch.vocabulary import DirectionHow, FlowEvent, PduFlag, ProtocolHow

# FlowTable.mode of UDP flows
_NEW = cython.declare(cython.int, 0)
_ELSEWHERE = cython.declare(cython.int, 1)
_ON_PORT = cython.declare(cython.int, 2)
_UDP = cython.declare(cython.int, 17)
_YES = cython.declare(cython.int, 1)
_CONFLICT = cython.declare(cython.int, PduFlag.CONFLICT)
_DATAGRAM = cython.declare(cython.int, PduFlag.DATAGRAM)
_RESYNCHRONISED = cython.declare(cython.int, PduFlag.RESYNCHRONISED)
_CUT = cython.declare(cython.int, PduFlag.CUT)
_BY_CONTENT = cython.declare(cython.int, ProtocolHow.CONTENT)
_PORT_TOLD = cython.declare(cython.int, DirectionHow.PORT)
_CONTENT_TOLD = cython.declare(cython.int, DirectionHow.CONTENT)


class Datagrams:
    """Uses the Cutter's tables. bytes = framed + skipped, of flows of a known protocol. `other_reading`: as PacketFlag says, of the datagram fed."""

    def __init__(self, cutter: Cutter, limits: Limits, protocols: tuple[ProtocolSpec, ...]) -> None:
        self.cutter = cutter
        self.most_wrong = limits.protocol_violations
        self.framers = cutter.identifier.all
        takers = np.zeros(65536, np.uint8)
        for protocol, spec in enumerate(protocols, 1):
            takers[[port for port in spec.datagrams if 0 <= port <= 0xFFFF]] = protocol
        self.takers = memoryview(takers)
        self.bytes = self.framed = self.skipped = 0
        self.other_reading = False

    def feed(self, data, at, length, missing, slot, direction):  # type: ignore[no-untyped-def]
        """One datagram: `length` bytes that are there, then `missing` that the capture cut off."""
        cutter: Cutter = self.cutter
        flows = cutter.flows
        framer: Framer = cutter.by_slot[2 * slot]
        if framer is None:
            framer = self.identify(data, at, length, slot, direction)
            if framer is None:
                return self.hand_over(data, at, length, missing, slot, direction)
            if cutter.identifier.reversed(framer, bytes(np.asarray(data)[at:at + min(length, PROBE_BYTES)]), direction,
                                          by_port=flows.direction_how[slot] == _PORT_TOLD) and flows.pdus[slot] == 0 and \
                    not cutter.table.addresses.is_group(flows.server[slot]):  # whatever it says, a group asks nobody
                cutter.table.reverse(slot, _CONTENT_TOLD)
                direction = 1 - direction
            cutter.by_slot[2 * slot] = framer
        octets = cutter.octets
        here: cython.Py_ssize_t = octets.reserve(length)
        end: cython.Py_ssize_t = here + length
        copy(octets.data, here, data, at, length)
        self.bytes += length
        always: cython.int = _DATAGRAM | _CONFLICT if self.other_reading else _DATAGRAM
        flags: cython.int = always
        size: cython.longlong
        begin: cython.Py_ssize_t
        while here < end:
            size = framer.measure(octets.data, here, end, direction)
            if 0 < size <= end - here:
                cutter.add_row(cutter.pdus[framer.protocol], framer, slot, direction, here, here + size, flags)
                self.framed += size
                flows.pdus[slot] += 1
                cutter.table.budget[slot] = 0
                if flows.protocol_how[slot] != _BY_CONTENT:
                    cutter.confirm(slot, framer)
                here += size
                flags = always
                continue
            if size > 0:  # the datagram ends within the PDU
                flows.violations[slot] += missing == 0
                cutter.report(slot, direction, StreamAnomaly.CUT, size, end - here)
                cutter.add_row(cutter.pdus[framer.protocol], framer, slot, direction, here, end, flags | _CUT)
                self.framed += end - here
                break
            other = self.sibling(framer, octets.data, here, end, direction)
            if other is not None:  # the other side speaks the protocol's other form
                framer = cutter.by_slot[2 * slot] = other
                continue
            begin = here
            flows.violations[slot] += 1
            cutter.report(slot, direction, StreamAnomaly.WRONG_BYTES, framer.header_bytes, end - here)
            here += 1
            while here < end and framer.fits(octets.data, here, end, direction, True) != _YES:
                here += 1
            self.skipped += here - begin
            flows.skipped_bytes[slot] += here - begin
            flags = always | _RESYNCHRONISED
            if here < end:
                cutter.report(slot, direction, StreamAnomaly.RESYNCHRONISED, 0, here - begin)
            cutter.table.budget[slot] += 1
            if cutter.table.budget[slot] == self.most_wrong:
                flows.protocol_how[slot] = ProtocolHow.DETACHED
                cutter.event(slot, FlowEvent.DETACHED)
                cutter.report(slot, 0, StreamAnomaly.DETACHED, self.most_wrong, self.most_wrong)
                cutter.by_slot[2 * slot] = None
                self.skipped += end - here
                flows.skipped_bytes[slot] += end - here
                break
        return 0

    def hand_over(self, data, at, length, missing, slot, direction):  # type: ignore[no-untyped-def]
        """A datagram of no OT protocol, whole, to the protocol that takes what is on one of its ports; the server's says more than the client's."""
        cutter: Cutter = self.cutter
        flows = cutter.flows
        if flows.server_port[slot] < 0 or flows.client_port[slot] < 0:
            return 0
        protocol: cython.int = self.takers[flows.server_port[slot]]
        if protocol == 0:
            protocol = self.takers[flows.client_port[slot]]
        if protocol == 0:
            return 0
        start: cython.Py_ssize_t = cutter.octets.append(data, at, at + length)
        flags: cython.int = _DATAGRAM
        if self.other_reading:
            flags |= _CONFLICT
        if missing > 0:
            flags |= _CUT
        cutter.add_row(cutter.pdus[protocol], None, slot, direction, start, start + length, flags)
        return 0

    def sibling(self, framer, data, here, end, direction):  # type: ignore[no-untyped-def]
        """Another framing of the same protocol of which a whole PDU stands there, None if none does."""
        other: Framer
        size: cython.longlong
        i: cython.Py_ssize_t
        for i in range(len(self.framers)):
            other = self.framers[i]
            if other.protocol == framer.protocol and other is not framer:
                size = other.measure(data, here, end, direction)
                if 0 < size <= end - here and other.fits(data, here, end, direction, True) == _YES:
                    return other
        return None

    def identify(self, data, at, length, slot, direction):  # type: ignore[no-untyped-def]
        """The framer whose protocol the datagram is of, None if none; looks are counted."""
        cutter: Cutter = self.cutter
        flows = cutter.flows
        table: FlowTable = cutter.table
        if table.mode[slot] == _NEW:
            hinted = cutter.identifier.candidates(_UDP, flows.client_port[slot], flows.server_port[slot]).hinted
            table.mode[slot] = _ON_PORT if hinted else _ELSEWHERE
        if table.budget[slot] < 0:  # every look is spent
            return None
        framer: Framer
        likely: cython.bint = False
        i: cython.Py_ssize_t
        for i in range(len(self.framers)):  # what a look in Python would refuse anyway is refused here
            framer = self.framers[i]
            if (framer.cut_call is None or table.mode[slot] == _ON_PORT) and framer.measure(data, at, at + length, direction) > 0:
                likely = True
                break
        if not likely and table.mode[slot] == _ELSEWHERE:
            return None
        candidates = cutter.identifier.candidates(_UDP, flows.client_port[slot], flows.server_port[slot])
        if likely:
            if not cutter.look(slot, direction, length):
                return None
            found = cutter.identifier.decide(bytes(np.asarray(data)[at:at + min(length, PROBE_BYTES)]), direction, candidates, final=True)
            if isinstance(found, Framer) and (found.framing.answers is None or found in candidates.framers[:candidates.hinted]):
                table.budget[slot] = 0
                flows.protocol[slot] = found.protocol
                flows.protocol_how[slot] = ProtocolHow.PORT
                return found
        if candidates.hinted:
            cutter.suspect(slot, candidates.framers[0].protocol)
        return None
