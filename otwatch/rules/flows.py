"""Rules on flows: what happened to connections, judged by column. A flood of distinct connections costs a few look-ups each.

Events are sorted by their distinct signatures (event, transport, port, protocol, how the direction is known, VLAN), each judged once. Addresses are
looked at only where a rule that is still possible asks about them, rows become objects only when they belong to an finding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, repeat
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from otwatch.alerts.findings import Part
from otwatch.batch import Batch
from otwatch.rules.compile import Clause
from otwatch.rules.context import Context, Joined
from otwatch.rules.fields import TABLES, Stage
from otwatch.rules.match import Matcher
from otwatch.rules.rows import Row, Windows, hashable
from otwatch.rules.rule import AllOf, Term
from otwatch.tables import Flows
from otwatch.vocabulary import FlowEvent

Seen = tuple[int, int, str, int, int, int, int, tuple[int, ...]]  # timestamp_ns, frame, file, slot, number, client, server, signature
Numbers = npt.NDArray[np.int64]

_YOUNG_FLOW_NS: Final = 5_000_000_000
_NOTHING: Final = (0, 0, 0)
_AWAITED_NS: Final = 600_000_000_000  # what was open before a restart and is silent for so long after it is not met again


class FlowRules:
    """The flow rules of one engine. `take` receives the rows of rules without a window, `credit` those that belong to an finding.

    `last_part` gives the part of (clause, src, dst) that takes everything when an finding has as many as it can hold.
    """

    def __init__(
        self,
        clauses: Sequence[Clause],
        context: Context,
        windows: dict[int, Windows],
        take: Callable[[Clause, Row, int], None],
        credit: Callable[[Clause, Row], None],
        last_part: Callable[[Clause, int, int], Part | None],
        remembered: int,
    ) -> None:
        self.matcher = Matcher(clauses)
        self.context = context
        self.windows = windows
        self.take = take
        self.credit = credit
        self.last_part = last_part
        self.remembered = remembered
        self.carrying: dict[int, None] = {}  # numbers of closed flows on which both sides sent data, where a rule asks about that
        # After a restart: flows that were open, by (client, server, ports, transport): number, last event told, whether either side had sent data.
        self.awaited: dict[tuple[int, int, int, int, int], tuple[int, int, int, int]] = {}
        self.awaited_since_ns = 0
        self.continued: dict[int, tuple[int, int]] = {}  # such a number -> (slot, number) under which the flow goes on
        self.before: dict[int, tuple[int, int, int]] = {}  # number under which it goes on -> (event, to server, to client) from before
        self._kinds = np.array(sorted(set().union(*(_events(clause) for clause in clauses))), np.uint8)
        self._asks_data = any("carried_data" in clause.late_fields for clause in clauses)

    def feed(self, batch: Batch) -> int | None:
        """Takes the events of a batch; gives the time of the first, or None."""
        events, flows = batch.flow_events, batch.flows
        if not events.rows:
            return None
        if self.awaited:
            self._meet_again(batch)
        times = events.array("timestamp_ns")
        earliest = int(times.min())
        chosen = np.flatnonzero(np.isin(events.array("kind"), self._kinds))
        if not len(chosen):
            return earliest
        if self.before:  # what was told before the restart is not told again
            told = [self.before.get(number, _NOTHING)[0] for number in flows.array("number")[events.array("flow")[chosen]].tolist()]
            chosen = chosen[events.array("kind")[chosen] > np.array(told, np.int64)]
        slots = events.array("flow")[chosen]
        signatures, which = self._signatures(events.array("kind")[chosen], flows, slots)
        judged = [self.matcher.signed(signature, self.context.flow)[0] for signature in signatures]
        possible = np.array([mask != 0 for mask in judged])[which]
        if not possible.any():
            return earliest
        chosen, slots, which = chosen[possible], slots[possible], which[possible]
        clients, servers = flows.array("client")[slots], flows.array("server")[slots]
        seen: list[Seen] = list(
            zip(
                times[chosen].tolist(),
                events.array("frame")[chosen].tolist(),
                repeat(batch.file),
                slots.tolist(),
                flows.array("number")[slots].tolist(),
                clients.tolist(),
                servers.tolist(),
                [signatures[number] for number in which.tolist()],
                strict=False,
            )
        )
        for bit, clause in enumerate(self.matcher.clauses):
            passing = np.array([bool(mask >> bit & 1) for mask in judged])
            if passing.any():
                self._clause(clause, bit, seen, np.flatnonzero(passing[which]), signatures, which)
        return earliest

    def _signatures(self, kinds: Any, flows: Flows, slots: Any) -> tuple[list[tuple[int, ...]], Any]:
        """The distinct signatures, and which of them each event has."""
        # What is identified later in the same batch must not show in an earlier event.
        protocol = np.where(kinds > int(FlowEvent.OPENED), flows.array("protocol")[slots], 0)
        names = ("direction_how", "ip_protocol", "server_port", "vlan_outer")
        how, transport, port, vlan = (flows.array(name)[slots].astype(np.int64) for name in names)
        packed = ((((kinds.astype(np.int64) << 8 | protocol) << 4 | how) << 16 | transport + 1) << 13 | vlan + 1) << 18 | port + 1
        distinct, which = np.unique(packed, return_inverse=True)
        return [
            (
                number >> 59,
                (number >> 31 & 0xFFFF) - 1,
                (number & 0x3FFFF) - 1,
                number >> 51 & 0xFF,
                number >> 47 & 0xF,
                (number >> 18 & 0x1FFF) - 1,
            )
            for number in distinct.tolist()
        ], which.reshape(-1)

    def _clause(self, clause: Clause, bit: int, seen: list[Seen], rows: Numbers, signatures: Sequence[tuple[int, ...]], which: Numbers) -> None:
        if clause.tests[Stage.PAIR] is not None or clause.tests[Stage.REST] is not None:
            rows = np.array([row for row in rows.tolist() if self._passes(clause, bit, seen[row])], np.int64)
        found = seen if len(rows) == len(seen) else [seen[row] for row in rows.tolist()]
        window = clause.rule.window
        if clause.rule.sequence is not None or window is None:
            for event in found:
                self.take(clause, self.row(event), 0)
            return

        def column(name: str) -> Iterable[Any]:
            if name in ("src", "dst"):  # addresses by their numbers
                at = 5 if name == "src" else 6
                return [event[at] for event in found]
            if TABLES["flows"][name].stage is Stage.SIGNATURE:
                values = [hashable(self.matcher.signed(signature, self.context.flow)[1].get(name)) for signature in signatures]
                return [values[number] for number in which[rows].tolist()]
            return [hashable(self.context.pair((event[5], event[6])).get(name)) for event in found]

        keys = zip(*map(column, window.by), strict=True) if window.by else repeat(())
        values = column(window.distinct) if window.distinct else repeat(None)
        times = [event[0] for event in found]
        counting = self.windows[clause.index].feed(zip(keys, values, times, found, strict=False))
        for event in counting if clause.late_fields else self._crowded(clause, counting):
            self.credit(clause, self.row(event))

    def _crowded(self, clause: Clause, found: Iterable[Seen]) -> Iterator[Seen]:
        """Counts rows of findings that hold so many that another shows nothing new; gives the others."""
        known: dict[tuple[int, int], Part] = {}
        by_src, by_dst = "src" in clause.rule.group, "dst" in clause.rule.group
        for event in found:
            key = event[5] if by_src else -1, event[6] if by_dst else -1
            part = known.get(key)
            if part is None:
                part = self.last_part(clause, event[5], event[6])
                if part is None:
                    yield event
                    continue
                known[key] = part
            part.add(event[0])

    def _passes(self, clause: Clause, bit: int, seen: Seen) -> bool:
        mask, signed, paired = self.matcher.candidates(seen[7], self.context.flow, (seen[5], seen[6]), self.context.pair)
        if not mask >> bit & 1:
            return False
        test = clause.tests[Stage.REST]
        return test is None or test(self.context.flow_record(signed, paired))

    def record(self, signature: tuple[int, ...], src: int, dst: int) -> Joined:
        """SIGNATURE, PAIR and REST fields."""
        return self.context.flow_record(self.matcher.signed(signature, self.context.flow)[1], self.context.pair((src, dst)))

    def row(self, seen: Seen) -> Row:
        """An event as a row."""
        time, frame, file, slot, number, client, server, signature = seen
        record = self.record(signature, client, server)
        return Row(time, frame, file, client, server, record, "flows", signature, protocol=signature[3], flow=slot, flow_number=number)

    # data

    def close(self, flows: Flows, closed: Sequence[int]) -> None:
        """Remembers of closed flows whether both sides sent data."""
        if not self._asks_data:
            return
        slots = np.fromiter(closed, np.int64, len(closed))
        both = (flows.array("payload_to_server")[slots] > 0) & (flows.array("payload_to_client")[slots] > 0)
        self.carrying.update(dict.fromkeys(flows.array("number")[slots[both]].tolist()))
        if self.before:
            met = [slot for slot in closed if flows.number[slot] in self.before]
            self.carrying.update(dict.fromkeys(flows.number[slot] for slot in met if self._both(flows, slot)))
        if len(self.carrying) > self.remembered:
            self.before.clear()
            for number in list(islice(self.carrying, len(self.carrying) // 2)):
                del self.carrying[number]

    def _meet_again(self, batch: Batch) -> None:
        """Flows that were open before a restart go on under new numbers."""
        if batch.now_ns - self.awaited_since_ns > _AWAITED_NS:
            self.awaited.clear()
            return
        events, flows = batch.flow_events, batch.flows
        for slot in events.array("flow")[events.array("kind") == int(FlowEvent.OPENED)].tolist():
            client, server, transport = flows.client[slot], flows.server[slot], flows.ip_protocol[slot]
            client_port, server_port = flows.client_port[slot], flows.server_port[slot]
            old = self.awaited.pop((client, server, client_port, server_port, transport), None)
            if old is None:
                turned = self.awaited.pop((server, client, server_port, client_port, transport), None)
                old = (*turned[:2], *turned[:1:-1]) if turned is not None else None
            if old is not None:
                self.continued[old[0]] = slot, flows.number[slot]
                self.before[flows.number[slot]] = old[1:]

    def _both(self, flows: Flows, slot: int) -> bool:
        _, there, back = self.before.get(flows.number[slot], _NOTHING)
        return bool((flows.payload_to_server[slot] or there) and (flows.payload_to_client[slot] or back))

    def carried(self, flows: Flows | None, slot: int, number: int, now_ns: int, finished: bool) -> bool:
        """Whether both sides of a flow sent data, now or, of a closed one, when it closed."""
        if flows is not None and 0 <= slot < flows.rows and flows.number[slot] == number:
            if self._both(flows, slot):
                return True
            # A flow that has just opened may still carry data: while the observation goes on, nobody is called a scanner for it.
            return not finished and now_ns - int(flows.first_ns[slot]) < _YOUNG_FLOW_NS
        if number < 0 and number in self.continued:
            return self.carried(flows, *self.continued[number], now_ns, finished)
        if number < 0 and not finished and now_ns - self.awaited_since_ns < _YOUNG_FLOW_NS and any(number == old[0] for old in self.awaited.values()):
            return True
        return number in self.carrying


def _events(clause: Clause) -> set[int]:
    """The kinds of events that can pass a clause."""
    where = clause.rule.sequence.steps[clause.step].where if clause.rule.sequence else clause.rule.where
    for part in where.parts if isinstance(where, AllOf) else (where,):
        if isinstance(part, Term) and part.name == "event" and part.operator == "in":
            return {int(FlowEvent[str(value).upper()]) for value in part.values}
    return {int(kind) for kind in FlowEvent}
