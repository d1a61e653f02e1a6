"""Answers that were captured before their requests are put behind them, before any dissector sees either.

Network cards with several queues, and captures merged from several files, deliver one direction of a connection ahead of the other. On TCP such an
answer acknowledges bytes of the client that were not captured yet (column `awaits`). It is held until they are there, for as long as a missing
segment is waited for; those of its side that come meanwhile stay behind it. Only what a server says is held, never a request. An answer that
acknowledges what never comes is handed on when the wait is over, when its side says something that awaits nothing, or when its flow is closed.
Capped in number and bytes for each protocol; what is over a cap is handed on at once. Datagrams: `otwatch.protocols.kit.early`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from otwatch.limits import Limits
from otwatch.tables import Pdus
from otwatch.vocabulary import PduFlag

_NEVER: Final = (1 << 63) - 1
_NEVER_HELD: Final = int(PduFlag.AFTER_GAP | PduFlag.CONFLICT | PduFlag.DATAGRAM)
_HALF, _RANGE = 1 << 31, 1 << 32  # sequence numbers wrap


@dataclass(slots=True)
class _Held:
    """A row that waits, with its bytes."""

    columns: dict[str, int]
    octets: bytes
    awaits: int  # -1: it only stays behind others
    deadline_ns: int


class Turns:
    """What waits of one protocol. `restored` answers came behind their requests, the latest by `largest_ns`; `full`: not held because of a cap."""

    def __init__(self, limits: Limits) -> None:
        self.most = limits.early_answers
        self.most_bytes = limits.stream_pending_bytes
        self.wait_ns = limits.stream_gap_ns
        self.flows: dict[int, deque[_Held]] = {}
        self.held_count = 0
        self.held_bytes = 0
        self.due_ns = _NEVER
        self.restored = 0
        self.largest_ns = 0
        self.full = 0

    def feed(self, pdus: Pdus, now_ns: int, closed: Sequence[int]) -> None:
        """Puts the rows of a batch in order, with those held before that are due; those that are to wait are taken out."""
        if not self.flows and not (pdus.array("awaits") >= 0).any():
            return
        rows = pdus.rows
        order: list[int] = []
        for row in range(rows):
            if self.due_ns <= pdus.timestamp_ns[row]:
                self._overdue(pdus, int(pdus.timestamp_ns[row]), int(pdus.packet[row]), order)
            self._row(pdus, row, order)
        last = int(pdus.packet[rows - 1]) if rows else 0
        for flow in self.flows.keys() & set(closed):
            self._all(pdus, flow, last, order)
        if self.due_ns <= now_ns:
            self._overdue(pdus, now_ns, last, order)
        places = np.array(order, np.int64)
        for column in pdus.schema.columns:
            values = pdus.array(column.name)[places]
            pdus.array(column.name)[: len(places)] = values
        pdus.rows = len(places)

    def _row(self, pdus: Pdus, row: int, order: list[int]) -> None:
        flow, flags, sequence, awaits = int(pdus.flow[row]), int(pdus.flags[row]), int(pdus.sequence[row]), int(pdus.awaits[row])
        held = self.flows.get(flow)
        if flags & PduFlag.ENDED:
            self._all(pdus, flow, int(pdus.packet[row]), order)
            order.append(row)
        elif flags & _NEVER_HELD and not flags & PduFlag.AFTER_GAP:
            order.append(row)
        elif not pdus.direction[row]:
            start = sequence - int(pdus.end[row] - pdus.start[row])
            while held and sequence >= 0 and _reaches(start, held[0].awaits):  # nothing is to come before it
                self._first(pdus, flow, row, order, satisfied=False)
            order.append(row)
            while held and sequence >= 0 and _reaches(sequence, held[0].awaits):
                self._first(pdus, flow, row, order, satisfied=True)
        else:
            if held and not self._stays_behind(held, int(pdus.frame[row]), awaits):
                self._all(pdus, flow, int(pdus.packet[row]), order)
                held = None
            if not held and (awaits < 0 or flags & _NEVER_HELD):
                order.append(row)
            elif not self._hold(pdus, row, awaits):
                self._all(pdus, flow, int(pdus.packet[row]), order)
                order.append(row)

    @staticmethod
    def _stays_behind(held: deque[_Held], frame: int, awaits: int) -> bool:
        """Whether a server's next PDU waits too: it acknowledges no less, as TCP does, or comes from the same segment."""
        return held[-1].columns["frame"] == frame or (awaits >= 0 and _reaches(awaits, held[0].awaits))

    def _hold(self, pdus: Pdus, row: int, awaits: int) -> bool:
        size = int(pdus.end[row] - pdus.start[row])
        if self.held_count >= self.most or self.held_bytes + size > self.most_bytes:
            self.full += 1
            return False
        held = _Held(pdus.row(row), pdus.octets.tobytes(pdus.start[row], pdus.end[row]), awaits, int(pdus.timestamp_ns[row]) + self.wait_ns)
        self.flows.setdefault(int(pdus.flow[row]), deque()).append(held)
        self.held_count += 1
        self.held_bytes += size
        self.due_ns = min(self.due_ns, held.deadline_ns)
        return True

    def _first(self, pdus: Pdus, flow: int, by: int, order: list[int], *, satisfied: bool) -> None:
        """The oldest that a flow holds is next, because of row `by`."""
        held = self.flows[flow][0]
        if satisfied and held.awaits >= 0:
            self.restored += 1
            self.largest_ns = max(self.largest_ns, int(pdus.timestamp_ns[by]) - held.columns["timestamp_ns"], 1)
        self._take(pdus, flow, int(pdus.packet[by]), order, satisfied=satisfied)

    def _take(self, pdus: Pdus, flow: int, packet: int, order: list[int], *, satisfied: bool) -> None:
        waiting = self.flows[flow]
        held = waiting.popleft()
        if not waiting:
            del self.flows[flow]
        self.held_count -= 1
        self.held_bytes -= len(held.octets)
        if not self.flows:
            self.due_ns = _NEVER
        row = pdus.new_row()
        for name, value in held.columns.items():
            getattr(pdus, name)[row] = value
        pdus.packet[row] = packet
        pdus.start[row] = pdus.octets.append(held.octets, 0, len(held.octets))
        pdus.end[row] = pdus.start[row] + len(held.octets)
        pdus.awaits[row] = -1
        if satisfied:
            pdus.flags[row] &= ~PduFlag.UNHEARD
        order.append(row)

    def _all(self, pdus: Pdus, flow: int, packet: int, order: list[int]) -> None:
        while flow in self.flows:
            self._take(pdus, flow, packet, order, satisfied=False)

    def _overdue(self, pdus: Pdus, now_ns: int, packet: int, order: list[int]) -> None:
        """What waited long enough. In a flow the oldest is due first."""
        for flow in list(self.flows):
            while flow in self.flows and self.flows[flow][0].deadline_ns <= now_ns:
                self._take(pdus, flow, packet, order, satisfied=False)
        self.due_ns = min((waiting[0].deadline_ns for waiting in self.flows.values()), default=_NEVER)


def _reaches(sequence: int, awaits: int) -> bool:
    """Whether a sequence number is at or behind another. What awaits nothing is reached by any."""
    return awaits < 0 or (sequence - awaits) % _RANGE < _HALF
