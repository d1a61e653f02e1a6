# cython: boundscheck=True, wraparound=False, cdivision=True
"""Datagrams that answer and were captured before their requests: held until the request comes, for as long as the capture's disorder allows.

Network cards with several queues, and captures merged from several files, deliver one direction ahead of the other. On TCP acknowledgements say
which answer came too early, and `otwatch.engine.turns` puts it in its place; on UDP it may be any answer without a request. It is held as the bytes
and columns of its PDU, and dissected behind the request, with its own time and frame. Without a request it is dissected when the wait is over, or
its flow is. Only answers are held, never requests. Capped in number over all flows; what is over the cap is dissected at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cython

from otwatch.limits import Limits
from otwatch.tables import Octets, Pdus
from otwatch.vocabulary import PduFlag

_NEVER = cython.declare(cython.longlong, 0x7FFF_FFFF_FFFF_FFFF)
_AFTER_GAP = cython.declare(cython.int, PduFlag.AFTER_GAP)
_CONFLICT = cython.declare(cython.int, PduFlag.CONFLICT)
_DATAGRAM = cython.declare(cython.int, PduFlag.DATAGRAM)
_MEASURED = 32  # answers in order on TCP after which the disorder seen there bounds that on UDP
_COLUMNS = ("timestamp_ns", "frame", "flow", "direction", "source", "destination", "framing", "flags")


class Held:
    """One answer that waits for its request: its octets, its columns of Pdus, and whatever its dissector wants to know of it."""

    __slots__ = ("columns", "deadline_ns", "direction", "extra", "octets", "time_ns")

    def __init__(self, octets: bytes, columns: tuple[int, ...], deadline_ns: int, extra: Any) -> None:
        self.octets = octets
        self.columns = columns
        self.time_ns = columns[0]
        self.direction = columns[3]
        self.deadline_ns = deadline_ns
        self.extra = extra


class Early:
    """What one dissector holds. `held_count` and `deadline_ns` are all that the usual path looks at. `largest_tcp_ns`: the disorder seen on TCP."""

    def __init__(self, limits: Limits) -> None:
        self.most = limits.early_answers
        self.most_bytes = limits.stream_pending_bytes
        self.udp_ns = limits.disorder_ns
        self.held_count = 0
        self.held_bytes = 0
        self.deadline_ns = _NEVER
        self.tcp_answers = 0  # paired in order
        self.paired = 0  # early answers whose request came
        self.largest_ns = 0  # the longest that a request came behind its answer, by the times of the capture
        self.largest_tcp_ns = 0
        self.full = 0  # answers that were not held because of the cap
        self.flows: dict[int, list[Held]] = {}
        self.pdus = Pdus(Octets(1), 1)

    def may_come(self, flags: cython.int) -> cython.bint:
        """Whether the request of an answer without one may still come."""
        if flags & (_AFTER_GAP | _CONFLICT | _DATAGRAM) != _DATAGRAM:
            return False
        return self.tcp_answers < _MEASURED or self.largest_tcp_ns > 0

    def hold(self, pdus: Pdus, pdu: cython.Py_ssize_t, start: cython.Py_ssize_t, end: cython.Py_ssize_t, extra: object) -> cython.bint:
        """Holds octets[start:end] of a PDU; False where there is no room."""
        wait: cython.longlong = self.udp_ns
        if self.held_count >= self.most or self.held_bytes + end - start > self.most_bytes:
            self.full += 1
            return False
        if self.tcp_answers >= _MEASURED:
            wait = min(wait, self.largest_tcp_ns)
        columns = tuple([int(getattr(pdus, name)[pdu]) for name in _COLUMNS])
        deadline: cython.longlong = pdus.timestamp_ns[pdu] + wait
        self.flows.setdefault(int(pdus.flow[pdu]), []).append(Held(pdus.octets.tobytes(start, end), columns, deadline, extra))
        self.held_count += 1
        self.held_bytes += end - start
        if deadline < self.deadline_ns:
            self.deadline_ns = deadline
        return True

    def of(self, flow: int) -> Sequence[Held]:
        """What a flow holds, oldest first: a copy."""
        return tuple(self.flows.get(flow, ()))

    def due(self, now: int) -> list[Held]:
        """Takes out what waited long enough, oldest first."""
        over = []
        soonest = _NEVER
        for flow in list(self.flows):
            for held in tuple(self.flows[flow]):
                if held.deadline_ns <= now:
                    over.append(held)
                    self.take(flow, held)
                else:
                    soonest = min(soonest, held.deadline_ns)
        self.deadline_ns = soonest
        return sorted(over, key=lambda held: (held.time_ns, held.columns[1]))

    def take(self, flow: int, held: Held) -> None:
        """This one is dissected now."""
        waiting = self.flows[flow]
        waiting.remove(held)
        if not waiting:
            del self.flows[flow]
        self.held_count -= 1
        self.held_bytes -= len(held.octets)
        if not self.held_count:
            self.deadline_ns = _NEVER

    def came(self, held: Held, request_ns: int) -> None:
        """Its request came: the disorder is measured."""
        behind = max(0, request_ns - held.time_ns)
        self.paired += 1
        self.largest_ns = max(self.largest_ns, behind)

    def again(self, held: Held, pdus: Pdus, pdu: cython.Py_ssize_t) -> Pdus:
        """The answer as row 0 of a table; its octets are appended to those of the batch. It stands at the packet of what decided, `pdu` of `pdus`."""
        one: Pdus = self.pdus
        one.octets = pdus.octets
        one.clear()
        one.new_row()
        one.packet[0] = pdus.packet[pdu]
        for name, number in zip(_COLUMNS, held.columns, strict=True):
            getattr(one, name)[0] = number
        one.start[0] = pdus.octets.append(held.octets, 0, len(held.octets))
        one.end[0] = one.start[0] + len(held.octets)
        return one
