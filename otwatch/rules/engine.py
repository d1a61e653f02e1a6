"""The rules at work: every batch's tables in, findings out. On packet time only; nothing depends on how the packets were cut into batches.

Conditions on who, whom and what are judged once per new behaviour; what remains of a message is one look into `_wanted` by its behaviour
number, done for the whole batch at once. Only rows that are still wanted (first messages as evidence, rules that count in windows, follow
sequences or look at values) are visited one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from otwatch.addresses import Addresses
from otwatch.alerts.alert import Alert
from otwatch.alerts.book import IncidentEvent
from otwatch.alerts.coverage import Verdict
from otwatch.alerts.findings import Finding, Findings
from otwatch.alerts.incidents import Incident
from otwatch.batch import Batch
from otwatch.groups import distinct, grouped, rank_among_equals
from otwatch.limits import Limits
from otwatch.names import plain
from otwatch.rules.compile import Clause, clauses_of
from otwatch.rules.context import Context, Joined
from otwatch.rules.credits import Credits
from otwatch.rules.evaluability import NEEDS_BASELINE, NEEDS_INDICATORS, UNKNOWN_WITHOUT_SITE, Evaluability, Observed, spoken_in
from otwatch.rules.evidence import Evidence
from otwatch.rules.fields import TABLES, Stage
from otwatch.rules.flows import FlowRules
from otwatch.rules.following import Following
from otwatch.rules.kinds import Kind, Kinds, Told
from otwatch.rules.knowledge import Knowledge, Learning
from otwatch.rules.match import Matcher
from otwatch.rules.other_rows import OtherRows
from otwatch.rules.outcomes import Numbers
from otwatch.rules.refusals import REFUSED_BYTES, Refusals
from otwatch.rules.report import BehaviourRecord, Reporter
from otwatch.rules.requests import FIELDS as REQUEST_FIELDS
from otwatch.rules.requests import Requests
from otwatch.rules.results import Results
from otwatch.rules.rows import Row, hashable
from otwatch.rules.rule import Rule
from otwatch.rules.seams import HostView, Intelligence, Known, ProtocolNames, SitePolicy
from otwatch.tables import Behaviours
from otwatch.vocabulary import AnomalyKind

_SAMPLE: Final = 1  # bits of _wanted: another message is wanted as evidence
_ROWS: Final = 2  # every message is looked at
_COUNTED: Final = 4  # its times are followed for the bursts of alerts that count it by its behaviour
_FEW: Final = 64  # behaviours wanted as evidence, of which each is looked at
_CARDS: Final = frozenset({"other_card"})
_SIDES: Final = {"src": "source", "dst": "destination"}


class RuleEngine:
    """All rules over one observation.

    `site`, `baseline` and `intelligence` may be None. `layers` names the anomaly kinds below the protocols (layer -> code -> kind). `host` asks
    the inventory; `address_of` gives the IP address of a MAC.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        *,
        site: SitePolicy | None,
        baseline: Known | None,
        addresses: Addresses,
        protocols: Sequence[ProtocolNames],
        limits: Limits,
        layers: Mapping[int, Mapping[int, AnomalyKind]] | None = None,
        host: Callable[[int], HostView | None] = lambda _: None,
        address_of: Callable[[int], str] = lambda _: "",
        learning: Learning | None = None,
        intelligence: Intelligence | None = None,
    ) -> None:
        self.rules = tuple(rules)
        self.limits = limits
        self.knowledge = Knowledge(learning or Learning(), addresses)
        self.context = Context(
            site=site, baseline=baseline, addresses=addresses, protocols=protocols, layers=layers or {}, knowledge=self.knowledge, host=host,
            address_of=address_of, intelligence=intelligence,
        )
        self.findings = Findings(limits.alerts, limits.alerts_per_rule)
        clauses = [clause for index, rule in enumerate(self.rules) for clause in clauses_of(rule, index)]
        self.clauses = {(clause.index, clause.step): clause for clause in clauses}
        # Without a baseline or site file nothing is judged that asks what it knows, not even row by row.
        unknown = frozenset[str]().union(
            NEEDS_BASELINE if baseline is None else (),
            UNKNOWN_WITHOUT_SITE if site is None else (),
            NEEDS_INDICATORS if intelligence is None else (),
        )
        judged = [clause for clause in clauses if not unknown & clause.demands]
        self._matchers = {table: Matcher([clause for clause in judged if clause.table == table]) for table in TABLES}
        self._each_row = {clause.index: _by_row(clause) for clause in clauses}
        self.evidence = Evidence(self.context)
        self.following = Following(limits.burst_quiet_ns)
        self.reporter = Reporter(self.rules, clauses, self.context, self.evidence.points, self.following.ended, limits.burst_quiet_ns)
        self.credits = Credits(self.rules, clauses, self.findings, self.evidence, self.reporter, self.knowledge, limits, self._refresh)
        self.flows = FlowRules(
            self._matchers["flows"].clauses, self.context, self.credits.windows, self.credits.take, self.credits.counted,
            self.credits.only_counted, limits,
        )
        self.results = Results(self.rules, self.findings, self.reporter, limits)
        self._wanted = np.zeros(1024, np.uint8)
        self._kinds = Kinds(self._matchers["operations"], self._matchers["behaviours"], self.context)
        self._clauses_of = np.zeros(1024, np.int32)  # by behaviour: the set of clauses that it passed
        self._sets: list[tuple[Clause, ...]] = [()]
        self._number_of_set: dict[tuple[Clause, ...], int] = {}
        self._refusals = Refusals()
        self._batch: Batch | None = None
        self._batches = 0
        self.first_ns: int | None = None
        self.now_ns = 0
        self.others = OtherRows(self._matchers, self.context, self.reporter, limits, self.credits.take, self.credits.only_counted)
        self._requests = Requests()
        self._asks_requests = any(REQUEST_FIELDS & clause.row_fields for clause in judged)
        self._finished = False
        self._resumed: set[int] = set()

    # feeding

    def feed_known(self, batch: Batch, resumed: set[int]) -> None:
        """A batch in which all behaviours so far are new. Rules in `resumed` have followed them before: their windows need no row again."""
        self._resumed = resumed
        self.feed(batch)
        self._resumed = set()

    def feed(self, batch: Batch) -> None:
        """Takes the tables of one batch. Never raises on what the wire says."""
        self._batch = batch
        self._batches += 1
        self.credits.begin(batch, self._batches)
        self.evidence.begin()
        self.evidence.points.begin(batch)
        self.now_ns = max(self.now_ns, batch.now_ns)
        self._grow(batch.behaviours.rows)
        began = self.flows.feed(batch)
        self.flows.settle(batch.flows, self.now_ns, batch.closed)
        if began is not None:
            self._seen(began)
        self._new_behaviours(batch)
        if batch.operations.rows:
            self._operations(batch)
        self.others.feed(batch, self._batches)
        self.credits.follow()
        self.credits.release()
        self.evidence.answers(batch)
        self.evidence.points.remember(batch)
        if self._asks_requests:
            self._requests.remember(batch)
        if batch.closed:
            self.evidence.forget(batch.closed)

    def finish(self, now_ns: int) -> None:
        """The observation is over."""
        self.now_ns = max(self.now_ns, now_ns)
        self._finished = True
        if self._batch is not None:
            self.evidence.begin()
            self._refresh()
            self.flows.settle(self._batch.flows, self.now_ns, final=True)
            self.credits.follow()
            self.credits.release()

    # results

    def alerts(self) -> list[Alert]:
        """All alerts as far as they are known now, gravest first, then in order of time."""
        return self._judged().alerts()

    def incidents(self) -> list[Incident]:
        """The incidents that the alerts are, gravest first."""
        return self._judged().incidents()

    def take_changes(self) -> list[Alert]:
        """Alerts that are new, graver, otherwise answered or in another burst since the last call, or went on for another minute of packet time."""
        return self._judged().take_changes(self.now_ns, finished=self._finished)

    def take_incidents(self) -> list[IncidentEvent]:
        """News of incidents since the last call: openings, rises, bursts, ends, merges."""
        return self._judged().take_incidents(self.now_ns, finished=self._finished)

    def _judged(self) -> Results:
        moment = self._batches, self.now_ns, self._finished
        if not self.results.fresh(moment):
            self._refresh()
            self.results.judge(moment)
        return self.results

    def verdicts(
        self, packets: int, *, undecoded: Sequence[tuple[str, int]] = (), unrecognised: frozenset[str] = frozenset(), places_ot: bool = False
    ) -> dict[str, Verdict]:
        """Rule id -> how far it could be judged in this observation, of which the caller says how much was read and what was not decoded."""
        self._refresh()
        outcomes = self.flows.outcomes
        spoken, one_way_pairs = spoken_in(self._batch.behaviours if self._batch else None, self.context.protocol_name)
        observed = Observed(
            packets=packets,
            protocols=spoken,
            undecoded=undecoded,
            unrecognised=unrecognised,
            ports=frozenset(self.flows.ports),
            both_ways=outcomes.both_ways,
            one_way=outcomes.one_way,
            one_way_pairs=one_way_pairs,
            places_ot=places_ot,
            forgotten={self.rules[index].id: windows.forgotten for index, windows in self.credits.windows.items()},
        )
        return Evaluability(self.context, observed).verdicts(self.rules)

    def counted(self) -> list[int]:
        """Behaviours that alerts count by their table."""
        found: list[int] = np.flatnonzero(self._wanted & _COUNTED).tolist()
        return found

    @property
    def counters(self) -> dict[str, int]:
        """What the caps made the engine forget."""
        return {
            "findings_closed": self.findings.closed,
            "windows_forgotten": sum(windows.forgotten for windows in self.credits.windows.values()),
            "outcomes_undecided": self.flows.undecided,
            "sequences_forgotten": sum(sequences.forgotten for sequences in self.credits.sequences.values()),
        }

    def _refresh(self) -> None:
        self.knowledge.refresh(self._batch.behaviours if self._batch else None, self.first_ns or 0, self.now_ns, self._finished)
        self.reporter.refresh(self._batch.behaviours if self._batch else None, self._finished)

    # tables

    def _grow(self, rows: int) -> None:
        if rows > len(self._wanted):
            larger = np.zeros(max(rows, 2 * len(self._wanted)), np.uint8)
            larger[: len(self._wanted)] = self._wanted
            self._wanted = larger
            of = np.zeros(len(larger), np.int32)
            of[: len(self._clauses_of)] = self._clauses_of
            self._clauses_of = of

    def _seen(self, timestamp_ns: int) -> None:
        if self.first_ns is None or timestamp_ns < self.first_ns:
            self.first_ns = timestamp_ns

    def _new_behaviours(self, batch: Batch) -> None:
        table, known = batch.behaviours, batch.known_behaviours
        if table.rows == known:
            return
        self._seen(int(table.array("first_ns")[known:].min()))
        last = table.array("first_ns" if batch.operations.rows else "last_ns")  # without operations all that is known was seen before
        answered = table.array("answered")
        counted: dict[int, tuple[Finding, list[Numbers]]] = {}
        counting: dict[Clause, list[Kind]] = {}
        for kind in self._kinds.of(table, known):
            passing = list(kind.operations)
            for clause in kind.behaviours:
                if clause.rule.window or clause.rule.sequence:
                    if clause.index not in self._resumed:
                        counting.setdefault(clause, []).append(kind)
                elif clause.index not in self._resumed or not _by_row(clause):
                    passing.append(clause)
            if not passing:
                continue
            self._clauses_of[kind.rows] = self._number_of(tuple(passing))
            wants = 0
            for clause in passing:
                if self._each_row[clause.index]:
                    wants |= _ROWS
                else:
                    wants |= _SAMPLE | _COUNTED
                    finding = self.credits.finding(clause, kind.src, kind.dst, answered=bool(answered[kind.rows].any()))
                    counted.setdefault(id(finding), (finding, []))[1].append(kind.rows)
            self._wanted[kind.rows] |= wants
            if wants & _COUNTED:
                self.following.begin(kind.rows, last[kind.rows])
        for finding, rows in counted.values():
            finding.behaviours.frombytes(np.sort(np.concatenate(rows)).astype(np.int32).tobytes())
        for clause, kinds in counting.items():
            self._count_new(clause, kinds, batch)

    def _number_of(self, clauses: tuple[Clause, ...]) -> int:
        """The number of a set of clauses."""
        found = self._number_of_set.get(clauses)
        if found is None:
            found = self._number_of_set[clauses] = len(self._sets)
            self._sets.append(clauses)
        return found

    def _count_new(self, clause: Clause, kinds: Sequence[Kind], batch: Batch) -> None:
        """New behaviours to the window, or the sequence, of a rule that counts or follows behaviours, in their order."""
        table, window, windows = batch.behaviours, clause.rule.window, self.credits.windows.get(clause.index)
        numbers = np.concatenate([kind.rows for kind in kinds])
        of = np.repeat(np.arange(len(kinds)), [len(kind.rows) for kind in kinds])
        order = np.argsort(numbers, kind="stable")
        numbers, of = numbers[order], of[order]
        times, frames = table.array("first_ns")[numbers], table.array("first_frame")[numbers]
        keys = [tuple([hashable(kind.record.get(name)) for name in window.by]) for kind in kinds] if window else []
        told = Told(window.distinct, table, numbers) if window and window.distinct else None
        place = 0
        while place < len(numbers):
            kind = kinds[of[place]]
            end = place + 1
            if told is not None and windows is not None and told.is_one and len(kinds) == 1:
                end = len(numbers)
                if windows.is_far(keys[0], told.of(kind.record, place)) and bool((times[1:] >= times[:-1]).all()):
                    place = end - 1  # of those that tell the same, the last is all that will be remembered
            for at in range(place, end):
                number = int(numbers[at])
                record = BehaviourRecord(self.reporter, table, number)
                row = Row(int(times[at]), int(frames[at]), batch.file, kind.src, kind.dst, record, behaviour=number)
                row.protocol, row.batch = kind.protocol, self._batches
                if windows is None:
                    self.credits.take(clause, row, 1)
                else:
                    self.credits.into_window(clause, keys[of[at]], told.of(kinds[of[at]].record, at) if told else None, row)
            place = end

    def _operations(self, batch: Batch) -> None:
        operations = batch.operations
        behaviours = operations.array("behaviour")
        wanted = self._wanted
        rows = np.flatnonzero(wanted[behaviours])
        if not len(rows):
            return
        counted = rows[wanted[behaviours[rows]] & _COUNTED != 0]
        if len(counted):
            for number, now_ns in self.following.feed(batch, behaviours, counted):
                self._burst(batch, number, now_ns)
            rows = self._wanted_still(behaviours, rows)
        sources, targets = (batch.behaviours.array(name) for name in ("source", "destination"))
        rows = self._refusals.left(batch, rows, wanted[behaviours[rows]] & (_SAMPLE | _ROWS) == _ROWS)
        looked_at = self._without_full(batch, behaviours, rows)
        visited, apart = self._apart(behaviours, looked_at)
        for clause, own in apart.items():
            if self._is_lane(clause):
                self._lanes(clause, batch, behaviours, own)
        for index, behaviour in zip(visited.tolist(), behaviours[visited].tolist(), strict=True):
            wants = wanted.item(behaviour)
            if not wants & (_SAMPLE | _ROWS):
                continue  # enough of it was seen earlier in this batch
            still = 0
            refused = True
            for clause in self._sets[self._clauses_of[behaviour]]:
                if self._each_row[clause.index]:
                    still |= _ROWS
                    refused = clause not in apart and not self._row(clause, batch, index, behaviour) and refused
                elif wants & _SAMPLE:
                    finding = self.credits.finding(clause, sources.item(behaviour), targets.item(behaviour))
                    if finding.wants(behaviour, self.limits.alert_frames):
                        finding.keep(self.evidence.sample(batch, index, behaviour, finding.epoch))
                        still |= _SAMPLE
            if still != wants & ~_COUNTED:
                wanted[behaviour] = still | wants & _COUNTED
            if refused and still == _ROWS:
                self._refusals.remember(batch, index)

    def _without_full(self, batch: Batch, behaviours: Numbers, rows: Numbers) -> Numbers:
        """The rows less those that are wanted as evidence only, of findings that keep no more: of a flood most."""
        numbers = behaviours[rows]
        sampled = distinct(numbers[self._wanted[numbers] & _SAMPLE != 0])
        if len(sampled) <= _FEW:
            return rows
        sources, targets = (batch.behaviours.array(name)[sampled] for name in ("source", "destination"))
        first, which = grouped([self._clauses_of[sampled], sources, targets])
        full = np.zeros(len(first), np.bool_)
        for place, at in enumerate(first.tolist()):
            clauses = [clause for clause in self._sets[self._clauses_of[sampled[at]]] if not self._each_row[clause.index]]
            full[place] = all(self.credits.finding(clause, int(sources[at]), int(targets[at])).is_full for clause in clauses)
        self._wanted[sampled[full[which]]] &= ~_SAMPLE & 0xFF
        left: Numbers = rows[self._wanted[numbers] & (_SAMPLE | _ROWS) != 0]
        return left

    def _apart(self, behaviours: Numbers, rows: Numbers) -> tuple[Numbers, dict[Clause, Numbers]]:
        """(rows to be visited one by one; clauses that need no visit, each with its rows): those of windows that count messages are taken by
        column, and those of a later step of a sequence, of which no earlier step was seen, come to nothing."""
        sets = self._clauses_of[behaviours[rows]]
        numbers, which = np.unique(sets, return_inverse=True)
        which = which.reshape(-1)
        present = [self._sets[number] for number in numbers.tolist()]
        begun = {clause.index for clauses in present for clause in clauses if clause.rule.sequence and not self.credits.is_inert(clause)}
        apart: dict[Clause, list[Numbers]] = {}
        visit = np.zeros(len(present), np.bool_)
        own_cards = self._batch is not None and not self._batch.other_cards
        for place, clauses in enumerate(present):
            for clause in clauses:
                if self._is_lane(clause) or (clause.rule.sequence and clause.index not in begun) or (own_cards and clause.row_fields == _CARDS):
                    apart.setdefault(clause, []).append(np.flatnonzero(which == place))
                else:
                    visit[place] = True
        left = rows[visit[which] | (self._wanted[behaviours[rows]] & _SAMPLE != 0)]
        return left, {clause: rows[np.sort(np.concatenate(places))] for clause, places in apart.items()}

    def _is_lane(self, clause: Clause) -> bool:
        window = clause.rule.window
        return window is not None and window.distinct is None and clause.tests[Stage.ROW] is None and clause.table == "operations"

    def _lanes(self, clause: Clause, batch: Batch, behaviours: Numbers, rows: Numbers) -> None:
        """Messages of a clause that counts messages, in order."""
        operations, windows, window = batch.operations, self.credits.windows[clause.index], clause.rule.window
        assert window is not None
        table = batch.behaviours
        columns = (operations.array(name)[rows].tolist() for name in ("timestamp_ns", "frame", "flow"))
        for index, *message in zip(rows.tolist(), *columns, behaviours[rows].tolist(), strict=True):
            entry = tuple(message)
            lane = windows.lane(entry[3], lambda number=entry[3]: self._key(window.by, table, number))  # type: ignore[misc]
            for earlier in lane.add(entry[0], entry, window.for_ns):
                self.credits.counted(clause, self._row_of(batch, earlier, index if earlier is entry else -1), earlier[0])

    def _key(self, by: Sequence[str], table: Behaviours, number: int) -> tuple[Hashable, ...]:
        """What a window tells behaviours apart by."""
        values: list[Hashable] = []
        for name in by:
            if name in ("unit", "object"):
                values.append(plain(getattr(table, name)[number]))
            elif name in ("area", "start", "count"):
                values.append(found if (found := int(getattr(table, name)[number])) >= 0 else None)
            elif name in _SIDES:
                values.append(self.context.place(int(getattr(table, _SIDES[name])[number])).text)
            else:
                values.append(hashable(self.reporter.behaviour_record(table, number).get(name)))
        return tuple(values)

    def _wanted_still(self, behaviours: Numbers, rows: Numbers) -> Numbers:
        """The rows that are looked at: of behaviours of which only evidence is wanted no more than can be kept, and one to notice that."""
        wants = self._wanted[behaviours[rows]] & (_SAMPLE | _ROWS)
        rows, wants = rows[wants != 0], wants[wants != 0]
        sampled = rows[wants == _SAMPLE]
        if len(sampled) <= self.limits.alert_frames:
            return rows
        first = rank_among_equals(behaviours[sampled]) <= self.limits.alert_frames
        kept = np.concatenate([rows[wants != _SAMPLE], sampled[first]])
        kept.sort()
        return kept

    def _burst(self, batch: Batch, number: int, now_ns: int) -> None:
        """A counted behaviour came again after a quiet gap: evidence of the new burst is wanted."""
        self._wanted[number] |= _SAMPLE
        src, dst = int(batch.behaviours.source[number]), int(batch.behaviours.destination[number])
        for clause in self._sets[self._clauses_of[number]]:
            if not _by_row(clause):
                self.credits.finding(clause, src, dst).reopen(number, now_ns, self.limits.burst_quiet_ns)

    def _row(self, clause: Clause, batch: Batch, index: int, behaviour: int) -> bool:
        """One message of a clause that counts messages. False when its value alone says that it is none: it will never be."""
        operations = batch.operations
        record = self.reporter.behaviour_record(batch.behaviours, behaviour)
        test = clause.tests[Stage.ROW]
        if clause.row_fields:
            latency = int(operations.latency_ns[index])
            said: dict[str, Any] = {"value": self.evidence.value(batch, index), "latency_ms": latency / 1e6 if latency >= 0 else None}
            said["other_card"] = index in batch.other_cards
            if REQUEST_FIELDS & clause.row_fields:
                said |= self._asked(batch, index)
            record = Joined(said, record)
            if test is not None and not test(record):
                return not clause.row_fields <= {"value"} or int(operations.value_length[index]) > REFUSED_BYTES
        flow = int(operations.flow[index])
        card, claimant = batch.other_cards.get(index, (-1, -1))
        row = Row(
            int(operations.timestamp_ns[index]),
            int(operations.frame[index]),
            batch.file,
            int(batch.behaviours.source[behaviour]),
            int(batch.behaviours.destination[behaviour]),
            record,
            behaviour=behaviour,
            protocol=int(operations.protocol[index]),
            flow=flow,
            operation=index,
            batch=self._batches,
            card=card,
            claimant=claimant,
        )
        self.credits.take(clause, row, 1)
        return True

    def _asked(self, batch: Batch, index: int) -> dict[str, Any]:
        """What the request of a response asked."""
        behaviour = self._requests.behaviour(batch, index)
        if behaviour is None:
            return dict.fromkeys(REQUEST_FIELDS)
        request = self.reporter.behaviour_record(batch.behaviours, behaviour)
        return {"request_function": request.get("function"), "request_place": request.get("place")}

    def _row_of(self, batch: Batch, message: tuple[int, int, int, int], index: int) -> Row:
        """A message of a lane as a row; `index` is its operation when it is of this batch's moment, else -1."""
        time, frame, flow, behaviour = message
        record = self.reporter.behaviour_record(batch.behaviours, behaviour)
        source, target = int(batch.behaviours.source[behaviour]), int(batch.behaviours.destination[behaviour])
        return Row(
            time,
            frame,
            batch.file,
            source,
            target,
            record,
            behaviour=behaviour,
            protocol=int(batch.behaviours.protocol[behaviour]),
            flow=flow,
            operation=index,
            batch=self._batches if index >= 0 else -1,
        )


def _by_row(clause: Clause) -> bool:
    """Whether every message counts for itself, rather than by its behaviour."""
    rule = clause.rule
    return rule.window is not None or rule.sequence is not None or clause.tests[Stage.ROW] is not None
