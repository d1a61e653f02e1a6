# cython: boundscheck=True, wraparound=False, cdivision=True
"""Frames of the link layer as PDUs without ports: each frame that a protocol takes is one, between two MACs."""

from __future__ import annotations

import cython
import numpy as np

from otwatch.copying import copy
from otwatch.protocols.spec import ProtocolSpec
from otwatch.streams.cutter import Cutter
from otwatch.tables import Pdus
from otwatch.vocabulary import DirectionHow, FlowEvent, PduFlag, ProtocolHow

_LOOK = 64  # bytes of a conversation's first frame that tell who opened it
_NEW = cython.declare(cython.int, 0)  # FlowTable.mode
_OPEN = cython.declare(cython.int, 1)
_FRAME = cython.declare(cython.int, PduFlag.FRAME)
_CUT = cython.declare(cython.int, PduFlag.CUT)
_GROUP = cython.declare(cython.int, PduFlag.GROUP)
_BY_CONTENT = cython.declare(cython.int, ProtocolHow.CONTENT)
_CONTENT_TOLD = cython.declare(cython.int, DirectionHow.CONTENT)
_GROUP_MAC = cython.declare(cython.longlong, 0x010000000000)


class Frames:
    """Uses the Cutter's tables. Padding up to the shortest frame and whatever a switch put behind it are among a PDU's bytes."""

    def __init__(self, cutter: Cutter, protocols: tuple[ProtocolSpec, ...]) -> None:
        self.cutter = cutter
        self.links = [spec.links for spec in protocols]
        self.nameless = [spec.facts_only for spec in protocols]

    def feed(self, packets, row, data, slot, direction):  # type: ignore[no-untyped-def]
        """One frame, whose content lies in `data`. Returns its direction, now that the conversation is known."""
        cutter: Cutter = self.cutter
        flows = cutter.flows
        at: cython.Py_ssize_t = packets.payload_at[row]
        length: cython.Py_ssize_t = packets.payload_length[row]
        protocol: cython.int = packets.link_protocol[row]
        if cutter.table.mode[slot] == _NEW:
            cutter.table.mode[slot] = _OPEN
            if not self.nameless[protocol - 1]:
                flows.protocol[slot] = protocol
                flows.protocol_how[slot] = _BY_CONTENT
                cutter.event(slot, FlowEvent.IDENTIFIED)
            if packets.mac_destination[row] & _GROUP_MAC == 0 and self.answers(bytes(np.asarray(data)[at:at + min(length, _LOOK)]), protocol):
                cutter.table.reverse(slot, _CONTENT_TOLD)
                direction = 1 - direction
        octets = cutter.octets
        start: cython.Py_ssize_t = octets.reserve(length)
        copy(octets.data, start, data, at, length)
        pdus: Pdus = cutter.pdus[protocol]
        new: cython.Py_ssize_t = pdus.new_row()
        pdus.packet[new] = cutter.row
        pdus.timestamp_ns[new] = cutter.time
        pdus.frame[new] = cutter.frame
        pdus.flow[new] = slot
        pdus.direction[new] = direction
        pdus.source[new] = cutter.table.addresses.intern_mac(packets.mac_source[row])
        pdus.destination[new] = cutter.table.addresses.intern_mac(packets.mac_destination[row])
        pdus.start[new] = start
        pdus.end[new] = start + length
        pdus.framing[new] = 0
        pdus.flags[new] = _FRAME
        if packets.payload_missing[row] > 0:
            pdus.flags[new] |= _CUT
        if packets.mac_destination[row] >= 0 and packets.mac_destination[row] & _GROUP_MAC:
            pdus.flags[new] |= _GROUP
        if not self.nameless[protocol - 1]:
            flows.pdus[slot] += 1
        return direction

    def answers(self, first: bytes, protocol: int) -> bool:
        """Whether the first frame of a conversation is an answer in its protocol."""
        return any(link.is_answer is not None and link.is_answer(first) for link in self.links[protocol - 1])
