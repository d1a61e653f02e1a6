# cython: boundscheck=True, wraparound=False, cdivision=True
"""The beginnings of IT connections (`ProtocolSpec.head`): messages without their bodies, beside the search for OT protocols and apart from it.

Light on purpose: one reading, first bytes win, a hole is waited for by a few segments. Once a protocol has said what it has to say, the flow is
plain and costs one look at an array for each packet; the body of a message that is read on costs a subtraction.
"""

from __future__ import annotations

import cython
import numpy as np

from otwatch.copying import piece
from otwatch.limits import Limits
from otwatch.protocols.spec import WHOLE_FLOW, Head, ProtocolSpec, Verdict
from otwatch.streams.ledger import Ledger
from otwatch.tables import Pdus
from otwatch.vocabulary import DirectionHow, PduFlag

BEGIN_BYTES = 64  # of each side, in which a protocol is recognised
HELD_SEGMENTS = 16  # of one side, behind a hole
HELD_BYTES = 65_536
MESSAGE_BYTES = 16_384  # of a message before its cut is known
TRIES = 256  # segments of a connection joined in its middle, or after a hole, in which the beginning of a message is looked for

_M32 = cython.declare(cython.longlong, 0xFFFFFFFF)
_HALF = cython.declare(cython.longlong, 0x80000000)
_UNKNOWN = cython.declare(cython.int, 0)  # values of Heads.state
_READ = cython.declare(cython.int, 1)
_PLAIN = cython.declare(cython.int, 2)
_HANDSHAKE = cython.declare(cython.int, DirectionHow.HANDSHAKE)
_AFTER_GAP = cython.declare(cython.int, PduFlag.AFTER_GAP)


class Side:
    """One direction of a connection whose beginning is read."""

    def __init__(self) -> None:
        self.next = -1  # sequence number; -1: nothing seen
        self.skip = 0  # bytes of a body that are still to come
        self.pending = b""
        self.held = []  # (sequence number, bytes) behind a hole
        self.held_bytes = 0
        self.lost = True  # the beginning of a message is looked for
        self.done = False  # what comes is of no interest
        self.tries = 0
        self.messages = 0
        self.flags = 0


class Reader:
    """One connection: the protocols that it may be of, and its two sides."""

    def __init__(self, candidates: list[int], hinted: bool) -> None:
        self.candidates = candidates  # ids of protocols; one when it is known
        self.known = False
        self.hinted = hinted
        self.turned = False  # who serves was only guessed, and the bytes say otherwise
        self.sides = (Side(), Side())


class Heads:
    """Cuts into the tables of `ledger`. `state` by slot: 0 nothing was looked at, 1 is read, 2 plain."""

    def __init__(self, ledger: Ledger, limits: Limits, protocols: tuple[ProtocolSpec, ...]) -> None:
        self.ledger = ledger
        self.most = limits.heads
        self.refused = 0
        self.heads: list[Head | None] = [None, *(spec.head for spec in protocols)]
        self.by_port: dict[int, list[int]] = {}
        self.by_first: list[list[int]] = [[] for _ in range(256)]
        for number, spec in enumerate(protocols, 1):
            for port in spec.head.ports if spec.head is not None else ():
                self.by_port.setdefault(port, []).append(number)
            for first in spec.head.first_bytes if spec.head is not None else ():
                self.by_first[first].append(number)
        self.readers: dict[int, Reader] = {}
        self.state = memoryview(np.zeros(1024, np.uint8))

    def segment(self, slot, direction, start, sequence, data, at, length, missing):  # type: ignore[no-untyped-def]
        """TCP payload of a connection that is not plain. `start`: the number of the first byte of that side, -1 where its SYN was not seen."""
        if slot >= self.state.shape[0]:
            larger = np.zeros(2 * slot + 2, np.uint8)
            larger[:self.state.shape[0]] = np.asarray(self.state)
            self.state = memoryview(larger)
        reader: Reader
        if self.state[slot] == _UNKNOWN:
            reader = self.opened(slot, direction, piece(data, at, at + min(length, BEGIN_BYTES)),
                                 missing == 0 and (start < 0 or start == sequence))
            if reader is None:
                self.state[slot] = _PLAIN
                return 0
            self.readers[slot] = reader
            self.state[slot] = _READ
        else:
            reader = self.readers[slot]
        side: Side = reader.sides[direction]
        if side.done:
            return 0
        if side.next < 0:
            side.next = start if start >= 0 else sequence
            side.lost = start < 0
        ahead: cython.longlong = (sequence - side.next + _HALF & _M32) - _HALF
        if ahead < 0:
            if -ahead >= length:
                return 0
            at -= ahead
            length += ahead
            ahead = 0
        if ahead > 0:
            if ahead > side.skip:
                return self.hold(slot, reader, side, direction, sequence, piece(data, at, at + length), missing)
            side.skip -= ahead  # of a body, of which nothing is wanted
            side.next = sequence
        self.deliver(slot, reader, side, direction, data, at, length)
        if missing > 0 and self.state[slot] == _READ:
            self.hole(side, missing)
        if side.held and self.state[slot] == _READ:
            self.release(slot, reader, side, direction, False)
        return 0

    def opened(self, slot, direction, first, begins):  # type: ignore[no-untyped-def]
        """What a connection may be: by the port of its server, else by its first bytes; None: nothing that is read. `begins`: nothing came before."""
        candidates: list = self.by_port.get(self.ledger.flows.server_port[slot])
        hinted: cython.bint = candidates is not None
        if not hinted:
            candidates = self.by_first[first[0]] if first else []
        if not candidates:
            return None
        if len(self.readers) >= self.most:
            self.refused += 1
            return None
        if begins and not hinted and not self.may_begin(slot, direction, first, candidates):
            return None
        return Reader(list(candidates), hinted)

    def may_begin(self, slot, direction, first, candidates):  # type: ignore[no-untyped-def]
        """Whether one of the protocols may begin so, as `recognise` would find."""
        for number in candidates:
            begins = self.heads[number].begins
            verdict = begins(first, direction)
            if verdict == Verdict.YES or (verdict == Verdict.UNSURE and len(first) < BEGIN_BYTES):
                return True
            if verdict == Verdict.NO and self.ledger.flows.direction_how[slot] != _HANDSHAKE and begins(first, 1 - direction) == Verdict.YES:
                return True
        return False

    def hold(self, slot, reader, side, direction, sequence, octets, missing):  # type: ignore[no-untyped-def]
        """A segment behind a hole."""
        if missing == 0 and (sequence, octets) not in side.held:
            side.held.append((sequence, octets))
            side.held_bytes += len(octets)
        if missing > 0 or len(side.held) > HELD_SEGMENTS or side.held_bytes > HELD_BYTES:
            self.release(slot, reader, side, direction, True)
        return 0

    def release(self, slot, reader, side, direction, final):  # type: ignore[no-untyped-def]
        """Reads held segments that are in their place; `final`: the hole before the first of them will not be filled."""
        octets: bytes
        ahead: cython.longlong
        size: cython.Py_ssize_t
        while side.held and self.state[slot] == _READ and not side.done:
            origin = side.next
            side.held.sort(key=lambda one: (one[0] - origin + 0x80000000 & 0xFFFFFFFF))
            sequence, octets = side.held[0]
            size = len(octets)
            ahead = (sequence - side.next + _HALF & _M32) - _HALF
            if ahead > side.skip and not final:
                return 0
            del side.held[0]
            side.held_bytes -= size
            if ahead > 0:
                self.hole(side, ahead)
                final = False
                ahead = 0
            if -ahead < size:
                self.deliver(slot, reader, side, direction, octets, -ahead, size + ahead)
        return 0

    def hole(self, side, size):  # type: ignore[no-untyped-def]
        """Bytes that were not captured: none are missed of a body."""
        side.next = (side.next + size) & _M32
        if size <= side.skip:
            side.skip -= size
            return 0
        side.skip = 0
        side.pending = b""
        side.lost = True
        side.flags |= _AFTER_GAP
        return 0

    def deliver(self, slot, reader, side, direction, data, at, length):  # type: ignore[no-untyped-def]
        """The next bytes of a side."""
        side.next = (side.next + length) & _M32
        if side.skip >= length:
            side.skip -= length
            return 0
        if side.skip > 0:
            at += side.skip
            length -= side.skip
            side.skip = 0
        segment: bytes = piece(data, at, at + length)
        side.pending = side.pending + segment if side.pending else segment
        if not reader.known or side.lost:
            self.recognise(slot, reader, side, direction)
        elif not side.done:
            self.cut(slot, reader, side, direction)
        return 0

    def recognise(self, slot, reader, side, direction):  # type: ignore[no-untyped-def]
        """Whether the bytes begin a message, and of which protocol."""
        first: bytes = side.pending[:BEGIN_BYTES]
        left: list = []
        for number in reader.candidates:
            head = self.heads[number]
            verdict = head.begins(first, direction ^ reader.turned)
            if verdict == Verdict.NO and not reader.known and self.ledger.flows.direction_how[slot] != _HANDSHAKE and (
                    head.begins(first, 1 - direction) == Verdict.YES):
                reader.turned = True
                verdict = Verdict.YES
            if verdict == Verdict.YES:
                reader.candidates = [number]
                reader.known = True
                self.ledger.read_by_head.add(slot)
                side.lost = False
                self.cut(slot, reader, side, direction)
                if self.state[slot] == _READ:
                    other: Side = reader.sides[1 - direction]
                    if other.pending and other.lost:
                        self.recognise(slot, reader, other, 1 - direction)
                    elif other.pending and not other.done:
                        self.cut(slot, reader, other, 1 - direction)
                return 0
            if verdict == Verdict.UNSURE and len(first) < BEGIN_BYTES:
                left.append(number)
        if left:
            if not reader.known:
                reader.candidates = left
            return 0
        side.pending = b""
        side.tries += 1
        if not side.lost or not reader.hinted or side.tries > TRIES:
            self.plain(slot)  # its first bytes are of nothing that is read, or it was not found again
        return 0

    def cut(self, slot, reader, side, direction):  # type: ignore[no-untyped-def]
        """The messages that are there."""
        ledger: Ledger = self.ledger
        number = reader.candidates[0]
        head = self.heads[number]
        octets: bytes = side.pending
        at: cython.Py_ssize_t = 0
        end: cython.Py_ssize_t = len(octets)
        keep: cython.longlong
        total: cython.longlong
        start: cython.Py_ssize_t
        pdus: Pdus
        while at < end:
            keep, total = head.cut(octets, at, direction ^ reader.turned, side.messages)
            if keep < 0 or (keep == 0 and total == 0 and end - at > MESSAGE_BYTES):  # no message begins here
                side.pending = b""
                side.lost = True
                side.flags |= _AFTER_GAP
                side.tries += 1
                if side.tries > TRIES:
                    self.plain(slot)
                return 0
            if (keep == 0 and total == 0) or at + keep > end:
                break
            if keep > 0:
                start = ledger.octets.append(octets, at, at + keep)
                pdus = ledger.pdus[number]
                ledger.add_row(pdus, None, slot, direction, start, start + keep, side.flags)
                pdus.direction[pdus.rows - 1] = direction ^ reader.turned
                side.flags = 0
                side.messages += 1
            if total == WHOLE_FLOW or (head.most and side.messages >= head.most):
                side.done = True
                other: Side = reader.sides[1 - direction]
                if total == WHOLE_FLOW or other.done:
                    self.plain(slot)
                side.pending = b""
                return 0
            at += total
        if at >= end:
            side.skip = at - end
            side.pending = b""
        elif at > 0:
            side.pending = octets[at:]
        return 0

    def plain(self, slot):  # type: ignore[no-untyped-def]
        """Nothing more of the connection is read."""
        self.state[slot] = _PLAIN
        self.readers.pop(slot, None)
        return 0

    def close(self, slot):  # type: ignore[no-untyped-def]
        """The flow is over: what was held is read, and its slot is free."""
        if slot >= self.state.shape[0]:
            return 0
        reader: Reader
        if self.state[slot] == _READ:
            reader = self.readers[slot]
            for direction in range(2):
                side: Side = reader.sides[direction]
                while side.held and self.state[slot] == _READ and not side.done:
                    self.release(slot, reader, side, direction, True)
            self.readers.pop(slot, None)
        self.ledger.read_by_head.discard(slot)
        self.state[slot] = _UNKNOWN
        return 0
