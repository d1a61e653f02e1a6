"""Rules on flows: what happened to connections, judged by column. A flood of distinct connections costs a few look-ups each.

Events are sorted by their distinct signatures (event, transport, port, protocol, how the direction is known, VLAN), each judged once. Addresses are
looked at only where a rule that is still possible asks about them, rows become objects only when they belong to an incident. Events of rules that ask
what became of the connection wait for three seconds of packet time; then the outcome is the last part of their signature.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Final

import numpy as np

from otwatch.alerts.findings import Part
from otwatch.batch import Batch
from otwatch.groups import distinct, grouped
from otwatch.limits import Limits
from otwatch.rules.compile import Clause
from otwatch.rules.context import Context, Joined
from otwatch.rules.fields import TABLES, Stage
from otwatch.rules.match import Matcher
from otwatch.rules.outcomes import DECIDED_NS, Done, Numbers, Outcomes
from otwatch.rules.rows import Row, Windows, hashable
from otwatch.rules.rule import AllOf, Term
from otwatch.tables import Flows
from otwatch.vocabulary import FlowEvent

Signature = tuple[int, ...]
Seen = tuple[int, int, str, int, int, int, int, Signature]  # timestamp_ns, frame, file, slot, number, client, server, signature
Decided = dict[Clause, tuple[list[int], list[Seen]]]  # when each event counts, and the events

_AWAITED_NS: Final = 600_000_000_000  # what was open before a restart and is silent for so long after it is not met again
_WAITING: Final = 262_144  # events whose outcome is waited for: three seconds of a flood; beyond them the oldest are decided early
_WATCHED: Final = 16_384  # connections without data so far, of which rules want those with
_FOREVER: Final = 2**62
_ALL_YES: Final = 2 | 2 << 2 | 2 << 4


@dataclass(slots=True)
class _Waiting:
    """Events of one batch whose outcome is waited for, in order of time, and which clauses each may pass."""

    seen: list[Seen]
    due_ns: Numbers
    kinds: Numbers  # which of their distinct signatures each event has
    clauses: list[tuple[Clause, Numbers]]  # places in `seen`
    begin: int = 0


class FlowRules:
    """The flow rules of one engine. `take` receives the rows of rules without a window, `credit` those whose window has enough.

    `only_counted` gives the part of (clause, src, dst, port) in which another row of the same burst would be counted, and nothing else.
    """

    def __init__(
        self,
        clauses: Sequence[Clause],
        context: Context,
        windows: dict[int, Windows],
        take: Callable[[Clause, Row, int, int], None],
        credit: Callable[[Clause, Row, int], None],
        only_counted: Callable[[Clause, int, int, int | None], Part | None],
        limits: Limits,
    ) -> None:
        self.matcher = Matcher(clauses)
        self.context = context
        self.windows = windows
        self.take = take
        self.credit = credit
        self.only_counted = only_counted
        self.quiet_ns = limits.burst_quiet_ns
        self._most_waiting = min(_WAITING, limits.addresses // 4)  # what waits keeps the names of its hosts: they must not take all room from others
        self.outcomes = Outcomes(remembered=limits.addresses // 8)
        self.waiting: deque[_Waiting] = deque()
        self.watched: dict[int, tuple[int, list[tuple[Clause, Seen]]]] = {}  # number of a flow without data so far -> slot, events that want some
        self.ports: set[int] = set()  # of servers of which there were events
        self.undecided = 0  # events that were not waited for as long as they should have been
        # After a restart: flows that were open, by (client, server, ports, transport): number, last event told, what it had done.
        self.awaited: dict[tuple[int, int, int, int, int], tuple[int, int, Done]] = {}
        self.awaited_since_ns = 0
        self.before: dict[int, tuple[int, int, Done]] = {}  # number under which it goes on -> (old number, event told, what it had done) before
        self._over: list[int] = []  # numbers of flows that closed in the last batch
        self._kinds = np.array(sorted(set().union(*(_events(clause) for clause in clauses))), np.uint8)
        self.asks_outcome = any(clause.tests[Stage.OUTCOME] is not None for clause in clauses)

    def feed(self, batch: Batch) -> int | None:
        """Takes the events of a batch; gives the time of the first, or None."""
        events = batch.flow_events
        earliest = None
        if events.rows:
            if self.awaited:
                self._meet_again(batch)
            if self.asks_outcome:
                self.outcomes.feed(batch)
            earliest = int(events.array("timestamp_ns").min())
            self._events(batch)
        return earliest

    def _events(self, batch: Batch) -> None:
        events, flows = batch.flow_events, batch.flows
        chosen = np.flatnonzero(np.isin(events.array("kind"), self._kinds))
        if not len(chosen):
            return
        if self.before:  # what was told before the restart is not told again
            numbers = flows.array("number")[events.array("flow")[chosen]].tolist()
            told = [self.before[number][1] if number in self.before else 0 for number in numbers]
            chosen = chosen[events.array("kind")[chosen] > np.array(told, np.int64)]
        slots = events.array("flow")[chosen]
        signatures, which = self._signatures(events.array("kind")[chosen], flows, slots)
        self.ports.update(signature[2] for signature in signatures)
        judged = [self.matcher.signed(signature, self.context.flow)[0] for signature in signatures]
        possible = np.array([mask != 0 for mask in judged], np.bool_)[which]
        if not possible.any():
            return
        chosen, slots, which = chosen[possible], slots[possible], which[possible]
        seen: list[Seen] = list(
            zip(
                events.array("timestamp_ns")[chosen].tolist(),
                events.array("frame")[chosen].tolist(),
                repeat(batch.file),
                slots.tolist(),
                flows.array("number")[slots].tolist(),
                flows.array("client")[slots].tolist(),
                flows.array("server")[slots].tolist(),
                [signatures[number] for number in which.tolist()],
                strict=False,
            )
        )
        waiting = []
        alike: tuple[Numbers, Numbers] | None = None  # events of the same signature and pair are asked once: short connections repeat
        for bit, clause in enumerate(self.matcher.clauses):
            passing = np.array([bool(mask >> bit & 1) for mask in judged], np.bool_)
            if not passing.any():
                continue
            rows = np.flatnonzero(passing[which])
            if clause.tests[Stage.PAIR] is not None or clause.tests[Stage.REST] is not None:
                if alike is None:
                    alike = grouped([which, flows.array("client")[slots], flows.array("server")[slots]])
                first, group = alike
                asked = distinct(group[rows])
                fits = np.zeros(len(first), np.bool_)
                fits[asked] = [self._passes(clause, bit, seen[row]) for row in first[asked].tolist()]
                rows = rows[fits[group[rows]]]
            if not len(rows):
                continue
            if clause.tests[Stage.OUTCOME] is not None:
                if clause.rule.sequence is not None:  # what follows may come before the three seconds are over: watched for data from the start
                    rows = np.array([row for row in rows.tolist() if not self._await_data(clause, seen[row])], np.int64)
                if len(rows):
                    waiting.append((clause, rows))
            else:
                found = seen if len(rows) == len(seen) else [seen[row] for row in rows.tolist()]
                self._count(clause, found, [event[0] for event in found])
        if waiting:
            due = np.maximum.accumulate(events.array("timestamp_ns")[chosen]) + DECIDED_NS
            self.waiting.append(_Waiting(seen, due, which.astype(np.int64), waiting))

    def _signatures(self, kinds: Any, flows: Flows, slots: Any) -> tuple[list[tuple[int, ...]], Any]:
        """The distinct signatures, and which of them each event has."""
        # What is identified later in the same batch must not show in an earlier event: of the first answer, too, nothing is known yet.
        protocol = np.where(kinds > int(FlowEvent.ANSWERED), flows.array("protocol")[slots], 0)
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

    def _count(self, clause: Clause, found: list[Seen], times: Sequence[int]) -> None:
        """Events that pass every condition of a clause that is judged by now, in order of the times at which they count."""
        window = clause.rule.window
        if clause.rule.sequence is not None:
            for event, time in zip(found, times, strict=True):
                self.take(clause, self.row(event), 0, time)
            return
        if window is None:
            for event in self._crowded(clause, found):
                self.take(clause, self.row(event), 0, event[0])
            return

        def column(name: str) -> Iterable[Any]:
            if name in ("src", "dst"):  # addresses by their numbers
                at = 5 if name == "src" else 6
                return [event[at] for event in found]
            if TABLES["flows"][name].stage is Stage.SIGNATURE:
                told = {signature: hashable(self.matcher.signed(signature, self.context.flow)[1].get(name)) for signature in {e[7] for e in found}}
                return [told[event[7]] for event in found]
            of_pair = {pair: hashable(self.context.pair(pair).get(name)) for pair in {(event[5], event[6]) for event in found}}
            return [of_pair[event[5], event[6]] for event in found]

        keys = zip(*map(column, window.by), strict=True) if window.by else repeat(())
        values = column(window.distinct) if window.distinct else repeat(None)
        counting = self.windows[clause.index].feed(zip(keys, values, times, found, strict=False))
        if clause.late_fields:
            at = {id(event): time for event, time in zip(found, times, strict=True)}
            for event in counting:
                self.credit(clause, self.row(event), at.get(id(event), event[0]))
        else:
            for event in self._crowded(clause, counting):
                self.credit(clause, self.row(event), event[0])

    def _crowded(self, clause: Clause, found: Iterable[Seen]) -> Iterator[Seen]:
        """Counts rows of findings to which another shows nothing new, for they hold its like and as many messages as they keep, or all that they
        can; gives the others."""
        known: dict[tuple[int, int, int], Part] = {}
        for event in found:
            key = event[5], event[6], event[7][2]
            part = known.get(key)
            if part is None:
                part = self.only_counted(clause, *key)
                if part is not None:
                    known[key] = part
            if part is None or event[0] - part.last_ns > self.quiet_ns:  # another burst, or something new: what was known may change
                known.clear()
                yield event
            else:
                part.add(event[0], self.quiet_ns)

    def _passes(self, clause: Clause, bit: int, seen: Seen) -> bool:
        """Whether signature and addresses of an event pass a clause."""
        mask, signed, paired = self.matcher.candidates(seen[7], self.context.flow, (seen[5], seen[6]), self.context.pair)
        test = clause.tests[Stage.REST]
        return bool(mask >> bit & 1) and (test is None or test(self.context.flow_record(signed, paired)) is True)

    def record(self, signature: tuple[int, ...], src: int, dst: int) -> Joined:
        """SIGNATURE, PAIR and REST fields."""
        return self.context.flow_record(self.matcher.signed(signature, self.context.flow)[1], self.context.pair((src, dst)))

    def row(self, seen: Seen) -> Row:
        """An event as a row."""
        time, frame, file, slot, number, client, server, signature = seen
        record = self.record(signature, client, server)
        return Row(time, frame, file, client, server, record, "flows", signature, protocol=signature[3], flow=slot, flow_number=number)

    # what became of them

    def settle(self, flows: Flows, now_ns: int, closed: Sequence[int] = (), *, final: bool = False) -> None:
        """Decides what is old enough by now, or, at the end of what was seen, all that waits. Call it after `feed`."""
        if not self.asks_outcome:
            return
        if not final:  # the rows of flows that closed in the last batch are read once more at the end of what was seen
            for number in self._over:
                self.before.pop(number, None)
                self.outcomes.before.pop(number, None)
        self.outcomes.settle(flows, now_ns, final=final)
        decided: Decided = {}
        if self.watched:
            self._watch(flows, set(closed), now_ns, final, decided)
        late = set(decided)
        if self.waiting:
            self._decide(flows, now_ns, final, decided)
        for clause, (times, events) in decided.items():
            if clause in late:
                order = sorted(range(len(times)), key=times.__getitem__)
                times, events = [times[at] for at in order], [events[at] for at in order]
            self._count(clause, events, times)
        recent = np.fromiter(closed, np.int64, len(closed))  # an event that waits is of a flow that was seen in the last three seconds
        recent = recent[flows.array("last_ns")[recent] >= now_ns - 2 * DECIDED_NS]
        if len(recent) or self.outcomes.ended:
            waited_for = {event[4] for one in self.waiting for event in one.seen[one.begin :]}
            self.outcomes.close(flows, recent, waited_for, now_ns)
        self._over = flows.array("number")[np.fromiter(closed, np.int64, len(closed))].tolist() if self.before else []

    def _decide(self, flows: Flows, now_ns: int, final: bool, decided: Decided) -> None:
        """What has waited long enough."""
        ready: list[tuple[_Waiting, int, int]] = []
        crowd = sum(len(one.seen) - one.begin for one in self.waiting) - self._most_waiting
        for one in self.waiting:
            end = len(one.seen) if final else int(np.searchsorted(one.due_ns, now_ns))
            if crowd > 0:
                early = min(len(one.seen), one.begin + crowd)
                self.undecided += max(0, early - end)
                end = max(end, early)
                crowd -= end - one.begin
            if end == one.begin:
                break
            ready.append((one, one.begin, end))
        if not ready:
            return
        seen = [event for one, begin, end in ready for event in one.seen[begin:end]]
        due = np.concatenate([one.due_ns[begin:end] for one, begin, end in ready])
        codes = self.outcomes.decide(
            flows,
            np.array([event[3] for event in seen], np.int64),
            np.array([event[4] for event in seen], np.int64),
            np.array([event[5] for event in seen], np.int64),
            np.array([event[6] for event in seen], np.int64),
            [event[7][2] for event in seen],
            due,
            now_ns if final else _FOREVER,
        )
        shift = 0
        for one, begin, end in ready:
            for clause, rows in one.clauses:
                rows = rows[np.searchsorted(rows, begin) : np.searchsorted(rows, end)]
                if len(rows):
                    self._judge(clause, one, rows, codes[rows + (shift - begin)], final, decided)
            shift += end - begin
            one.begin = end
        while self.waiting and self.waiting[0].begin == len(self.waiting[0].seen):
            self.waiting.popleft()

    def _judge(self, clause: Clause, one: _Waiting, rows: Numbers, codes: Numbers, final: bool, decided: Decided) -> None:
        """Events with their outcomes, to their clause; those that only data could still make a yes are watched."""
        seen = one.seen
        if clause.outcome_alone:  # once for each distinct signature and outcome
            _, first, which = np.unique(one.kinds[rows] << 6 | codes, return_index=True, return_inverse=True)
            of_kind = [self._holds(clause, with_outcome(seen[rows[at]], int(codes[at]))) for at in first.tolist()]
            passing = np.array(of_kind, np.bool_)[which.reshape(-1)]
            hopeful = np.array([self._holds(clause, with_outcome(seen[rows[at]], _ALL_YES)) for at in first.tolist()], np.bool_)[which.reshape(-1)]
        else:
            pairs = list(zip(rows.tolist(), codes.tolist(), strict=True))
            passing = np.array([self._holds(clause, with_outcome(seen[row], code)) for row, code in pairs], np.bool_)
            hopeful = np.array([self._holds(clause, with_outcome(seen[row], _ALL_YES)) for row, _ in pairs], np.bool_)
        if passing.any():
            times, events = decided.setdefault(clause, ([], []))
            times += one.due_ns[rows[passing]].tolist()
            events += [with_outcome(seen[row], code) for row, code in zip(rows[passing].tolist(), codes[passing].tolist(), strict=True)]
        if not final:
            for row in rows[hopeful & ~passing].tolist():
                self._await_data(clause, seen[row])

    def _await_data(self, clause: Clause, event: Seen) -> bool:
        """Whether data both ways, whenever it comes, is what the clause still needs; then it is waited for."""
        if not self._holds(clause, with_outcome(event, _ALL_YES)):
            return False
        if event[4] in self.watched or len(self.watched) < _WATCHED:
            self.watched.setdefault(event[4], (event[3], []))[1].append((clause, event))
        else:
            self.undecided += 1
        return True

    def _holds(self, clause: Clause, event: Seen) -> bool:
        test = clause.tests[Stage.OUTCOME]
        if test is None:
            return True
        signed = self.matcher.signed(event[7], self.context.flow)[1]
        if not clause.outcome_alone:
            return test(self.context.flow_record(signed, self.context.pair((event[5], event[6])))) is True
        key = clause.index, clause.step
        found = signed.setdefault("holds", {})
        if key not in found:
            found[key] = test(signed) is True
        return bool(found[key])

    def _watch(self, flows: Flows, closed: set[int], now_ns: int, final: bool, decided: Decided) -> None:
        """Connections that were silent at first, and then carried data."""
        numbers = np.fromiter(self.watched, np.int64, len(self.watched))
        slots = np.array([slot for slot, _ in self.watched.values()], np.int64)
        rows = self.outcomes.rows(flows, slots, numbers)
        talking = (rows[:, 2] >= 0) & (rows[:, 3] >= 0)
        if not final:
            talking &= np.maximum(rows[:, 2], rows[:, 3]) < now_ns
        over = np.isin(slots, np.fromiter(closed, np.int64, len(closed))) | final
        for at in np.flatnonzero(talking | over).tolist():
            _, events = self.watched.pop(int(numbers[at]))
            if talking[at]:
                time = int(max(rows[at, 2], rows[at, 3]))
                for clause, event in events:
                    times, found = decided.setdefault(clause, ([], []))
                    times.append(time)
                    found.append(with_outcome(event, _ALL_YES))

    # a restart

    def wait(self, event: Seen, due_ns: int, clauses: list[Clause]) -> None:
        """An event that waited before the restart goes on waiting."""
        here = np.zeros(1, np.int64)
        self.waiting.append(_Waiting([event], np.array([due_ns], np.int64), here, [(clause, here) for clause in clauses]))

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
                if turned is not None:
                    number, event, (answered, refused, to_server, to_client, flags, how) = turned
                    old = number, event, (answered, refused, to_client, to_server, flags, how)
            if old is not None:
                self.goes_on(old, slot, flows.number[slot])

    def goes_on(self, old: tuple[int, int, Done], slot: int, number: int) -> None:
        """A flow from before a restart is this one now: what waits for it waits for this."""
        self.before[number] = old
        self.outcomes.before[number] = old[2]
        for one in self.waiting:
            one.seen = [(*event[:3], slot, number, *event[5:]) if event[4] == old[0] else event for event in one.seen]
        if old[0] in self.watched:
            events = [(clause, (*event[:3], slot, number, *event[5:])) for clause, event in self.watched.pop(old[0])[1]]
            self.watched[number] = slot, events


def with_outcome(event: Seen, code: int) -> Seen:
    """The event, its outcome decided."""
    return (*event[:7], (*event[7][:6], code))


def _events(clause: Clause) -> set[int]:
    """The kinds of events that can pass a clause."""
    where = clause.rule.sequence.steps[clause.step].where if clause.rule.sequence else clause.rule.where
    for part in where.parts if isinstance(where, AllOf) else (where,):
        if isinstance(part, Term) and part.name == "event" and part.operator == "in":
            return {int(FlowEvent[str(value).upper()]) for value in part.values}
    return {int(kind) for kind in FlowEvent}
