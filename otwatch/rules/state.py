"""What the rules remember, as plain data: open windows, half-done sequences, running findings. So that a restart forgets nothing of them.

Behaviours are not in it: the behaviours table is kept elsewhere, and findings find theirs again when it is fed anew. Rules are known by their id
and the digest of their conditions: what was remembered for a rule that reads otherwise now is dropped. Records are made anew under the site file
and the baseline of today; what no longer passes is dropped, too. Flow numbers of another process become negative, so that they never meet a new
one; a flow that was open is met again by its addresses and ports.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Hashable, Iterable
from typing import Any

from otwatch.alerts.findings import Finding, Part, Sample
from otwatch.rules.compile import Clause, Record
from otwatch.rules.context import Joined
from otwatch.rules.engine import RuleEngine
from otwatch.rules.fields import Stage
from otwatch.rules.following import ended_of, ended_state
from otwatch.rules.outcomes import Done
from otwatch.rules.rows import Lane, Row, Sequences, Windows
from otwatch.rules.rule import Rule
from otwatch.tables import Behaviours, Flows
from otwatch.vocabulary import FlowEvent


def digest(rule: Rule) -> str:
    """What a rule looks for and what it makes one finding of, as a short text."""
    return hashlib.sha256(repr((rule.table, rule.where, rule.window, rule.sequence, rule.group)).encode()).hexdigest()[:16]


def saved(engine: RuleEngine, flows: Flows, open_flows: Iterable[int]) -> dict[str, Any]:
    """The state of an engine between two batches, of the types of JSON. `flows` is the flow table of its batches, `open_flows` slots in it."""
    writer = _Writer(engine, flows)
    for slot in open_flows:
        writer.flow(slot, int(flows.number[slot]))
    return writer.document()


def resumed(engine: RuleEngine, document: dict[str, Any], flows: Flows, behaviours: Behaviours) -> set[int]:
    """Fills a fresh engine; gives the rules (by index) that go on where they were.

    ValueError, KeyError, TypeError, IndexError or AttributeError when the document is not one: the engine must then not be used.
    """
    return _Reader(engine, document, flows, behaviours).read()


def addresses_in_use(engine: RuleEngine) -> set[int]:
    """The interned addresses that findings, windows and sequences refer to (those of behaviours stand in the behaviours table)."""
    rows: list[Any] = [entry for finding in engine.findings for entries in finding.entries.values() for entry in entries]
    rows += [entry for sequences in engine.credits.sequences.values() for step in sequences.armed for entries in step.values() for entry in entries]
    for windows in (*engine.credits.windows.values(), *(gate.windows for gate in engine.credits.gates.values())):
        for cells in windows.values.values():
            rows += [cells[3]] if isinstance(cells, tuple) else [cell[1] for cell in cells.values()]
        rows += [row for lane in windows.lanes.values() for _, row in lane.rows]
    rows += [row for gate in engine.credits.gates.values() for _, row in gate.queue]
    found = {address for row in rows if isinstance(row, Row) for address in (row.src, row.dst)}
    rows += [event for one in engine.flows.waiting for event in one.seen[one.begin :]] + [
        event for _, events in engine.flows.watched.values() for _, event in events
    ]
    found |= {address for row in rows if isinstance(row, tuple) and len(row) == 8 for address in row[5:7]}
    outcomes = engine.flows.outcomes
    found |= set(outcomes.answered_since) | {host for pair in outcomes.talked for host in pair} | set(outcomes.silent)
    found |= {server for targets in outcomes.silent.values() for server, _ in targets}
    for finding in engine.findings:
        found |= {finding.src, finding.dst} | {address for part in finding.parts.values() for address in (part.src, part.dst)}
    return found - {-1}


class _Writer:
    def __init__(self, engine: RuleEngine, flows: Flows) -> None:
        self.engine = engine
        self.flows = flows
        self.rows: list[list[Any]] = []
        self.places: dict[int, int] = {}  # id of a Row -> its place in rows
        self.open: dict[int, list[int]] = {}  # number of an open flow -> what it is met again by

    def document(self) -> dict[str, Any]:
        engine = self.engine
        ids = [rule.id for rule in engine.rules]
        found: dict[str, Any] = {
            "rules": {rule.id: digest(rule) for rule in engine.rules},
            "first_ns": engine.first_ns,
            "now_ns": engine.now_ns,
            "told": engine.others.told,
            "windows": {ids[index]: self._windows(windows) for index, windows in engine.credits.windows.items()},
            "gates": {
                ids[index]: {"windows": self._windows(gate.windows), "queue": [[time, self._row(row)] for time, row in gate.queue]}
                for index, gate in engine.credits.gates.items()
            },
            "sequences": {ids[index]: self._sequences(sequences) for index, sequences in engine.credits.sequences.items()},
            "findings": [self._finding(finding, ids[finding.rule]) for finding in sorted(engine.findings, key=lambda one: one.number)],
            "closed": engine.findings.closed,
            "joined": {ids[rule]: count for rule, count in engine.findings.joined.items()},
            "results": engine.results.state(),
            "following": engine.following.state(engine.counted()),
        }
        places: dict[int, list[tuple[int, int]]] = {}  # of a sample: the findings that keep it, and where
        for finding in engine.findings:
            for at, sample in enumerate(finding.samples):
                places.setdefault(id(sample), []).append((finding.number, at))
        found["watched"] = [
            [flow, self._number(flow), frame, *place]
            for (flow, frame), samples in engine.evidence.watched.items()
            for sample in samples
            for place in places.get(id(sample), ())
        ]
        found["flows"] = self._waiting()
        found["rows"] = self.rows
        found["open"] = [[number, *known] for number, known in self.open.items()]
        found["silences"] = engine.others.silences.state()
        found["pace"] = engine.others.pace.state()
        found["points"] = engine.evidence.points.state()
        return found

    def _waiting(self) -> dict[str, Any]:
        """Events whose outcome is waited for, and what is known of their flows."""
        rules, ids = self.engine.flows, [rule.id for rule in self.engine.rules]
        waiting = []
        for one in rules.waiting:
            asked: dict[int, list[list[Any]]] = {}
            for clause, rows in one.clauses:
                for row in rows.tolist():
                    asked.setdefault(row, []).append([ids[clause.index], clause.step])
            waiting += [[int(one.due_ns[row]), self._entry(one.seen[row]), asked[row]] for row in sorted(asked) if row >= one.begin]
        silent = [
            [self.flow(slot, number), [[ids[clause.index], clause.step, self._entry(event)] for clause, event in events]]
            for number, (slot, events) in rules.watched.items()
        ]
        waited_for = {event[4] for _, event, _ in waiting} | set(rules.watched)
        return {
            "waiting": waiting,
            "silent": silent,
            "outcomes": rules.outcomes.state(self.flows, waited_for),
            "undecided": rules.undecided,
            "before": [[number, old, event, *done] for number, (old, event, done) in rules.before.items()],
            "awaited": [[*known, number, event, *done] for known, (number, event, done) in rules.awaited.items()],
        }

    def _number(self, slot: int) -> int:
        return int(self.flows.number[slot]) if 0 <= slot < self.flows.rows else 0

    def flow(self, slot: int, number: int) -> list[int]:
        """A flow as it is written; what it can be met again by is kept while it is open."""
        flows = self.flows
        if number > 0 and number not in self.open and self._number(slot) == number:
            answered = flows.packets_to_server[slot] > 0 and flows.packets_to_client[slot] > 0
            event = FlowEvent.IDENTIFIED if flows.pdus[slot] else FlowEvent.ANSWERED if answered else FlowEvent.OPENED
            known = [int(getattr(flows, name)[slot]) for name in ("client", "server", "client_port", "server_port", "ip_protocol")]
            self.open[number] = [*known, int(event), *self.engine.flows.outcomes.done(flows, slot, number)]
        return [slot, number]

    def _windows(self, windows: Windows) -> dict[str, Any]:
        values = []
        for key, cells in windows.values.items():
            if isinstance(cells, tuple):
                values.append([key, [[cells[1], cells[2], self._entry(cells[3]), 0]]])
            else:
                values.append([key, [[value, time, self._entry(row), int(credited)] for value, (time, row, credited) in cells.items()]])
        lanes = [
            [key, lane.seen, lane.credited, lane.habit.state() if lane.habit else [], [[time, self._entry(row)] for time, row in lane.rows]]
            for key, lane in windows.lanes.items()
        ]
        return {"forgotten": windows.forgotten, "values": values, "lanes": lanes}

    def _entry(self, row: Any) -> Any:
        """A row of a window: a Row by its place, an event of a flow or a message as it is."""
        if isinstance(row, Row):
            return self._row(row)
        if len(row) == 8:
            self.flow(row[3], row[4])
        return [*row]

    def _row(self, row: Row) -> int:
        place = self.places.get(id(row))
        if place is None:
            before = [self._row(entry) for entry in row.before]
            known = [row.timestamp_ns, row.frame, row.file, row.src, row.dst, row.table, row.signature, row.behaviour, row.protocol]
            place = self.places[id(row)] = len(self.rows)
            self.rows.append([*known, *self.flow(row.flow, row.flow_number), before])
        return place

    def _sequences(self, sequences: Sequences) -> dict[str, Any]:
        armed = [[[key, [self._row(row) for row in rows]] for key, rows in step.items()] for step in sequences.armed]
        return {"forgotten": sequences.forgotten, "armed": armed}

    def _finding(self, finding: Finding, rule: str) -> dict[str, Any]:
        return {
            "rule": rule,
            "src": finding.src,
            "dst": finding.dst,
            "number": finding.number,
            "epoch": [finding.epoch, finding.epoch_ns, finding.in_epoch, finding.occurrences],
            "sampled": list(finding.sampled.items()),
            "parts": [
                [key, part.src, part.dst, part.behaviour, part.count, part.first_ns, part.last_ns, part.table, part.signature, *self.flow(*part.flow),
                 part.card, ended_state(part.ended) if part.ended is not None else None]
                for key, part in finding.parts.items()
            ],
            "samples": [
                [sample.behaviour, sample.timestamp_ns, sample.frame, sample.file, sample.flow, sample.ports, sample.macs, sample.value,
                 int(sample.watched), sample.answers, sample.refusals, sample.contradictions, sample.epoch,
                 sample.item, sample.transaction, sample.before, sample.before_frame]
                for sample in finding.samples
            ],
            "entries": [[step, [self._row(row) for row in rows]] for step, rows in finding.entries.items()],
        }


class _Reader:
    def __init__(self, engine: RuleEngine, document: dict[str, Any], flows: Flows, behaviours: Behaviours) -> None:
        self.engine = engine
        self.document = document
        self.flows = flows
        self.behaviours = behaviours
        self.addresses = engine.context.addresses.rows
        self.known = {rule.id: index for index, rule in enumerate(engine.rules) if document["rules"].get(rule.id) == digest(rule)}
        self.clauses: dict[tuple[int, int], Clause] = engine.clauses
        self.rows: list[Row] = []
        self.shift = 0
        self.live: set[int] = set()

    def read(self) -> set[int]:
        engine, document = self.engine, self.document
        engine.first_ns = None if document["first_ns"] is None else int(document["first_ns"])
        engine.now_ns = int(document["now_ns"])
        engine.others.told.update({str(key): str(value) for key, value in document["told"].items()})
        self._flows()
        for place, row in enumerate(document["rows"]):
            self.rows.append(self._row(row, place))
        for name, state in document["windows"].items():
            if name in self.known:
                self._windows(self.known[name], engine.credits.windows[self.known[name]], state)
        for name, state in document["gates"].items():
            if name in self.known and self.known[name] in engine.credits.gates:
                gate = engine.credits.gates[self.known[name]]
                self._windows(self.known[name], gate.windows, state["windows"])
                waiting = [(int(time), self._entry(gate.clause, int(place))) for time, place in state["queue"]]
                gate.queue.extend((time, row) for time, row in waiting if row is not None)
        for name, state in document["sequences"].items():
            if name in self.known:
                self._sequences(self.known[name], state)
        samples = {}
        for state in document["findings"]:
            if state["rule"] in self.known:
                finding = self._finding(self.known[state["rule"]], state)
                samples.update({(finding.number, at): sample for at, sample in enumerate(finding.samples)})
        engine.findings.closed = int(document["closed"])
        engine.findings.joined = {self.known[name]: int(count) for name, count in document["joined"].items() if name in self.known}
        engine.results.resume(document["results"])
        engine.following.resume(document["following"], self._behaviour)
        if "points" in document:  # a checkpoint of an older version has none
            engine.evidence.points.resume(document["points"], self._behaviour)
        for slot, number, frame, *place in document["watched"]:
            if number in self.live and tuple(place) in samples:
                engine.evidence.watch(int(slot), int(frame), samples[place[0], place[1]])
        return set(self.known.values())

    # flows

    def _flows(self) -> None:
        """Whose numbers are still those of the flow table, and how the others are met again."""
        document, rules = self.document, self.engine.flows
        state = document["flows"]
        numbers = [0, *(int(number) for number, *_ in document["open"])]
        numbers += [int(row[10]) for row in document["rows"]]
        numbers += [int(part[10]) for finding in document["findings"] for part in finding["parts"]]
        for window in document["windows"].values():
            events = [cell[2] for _, cells in window["values"] for cell in cells] + [row for *_, rows in window["lanes"] for _, row in rows]
            numbers += [int(event[4]) for event in events if isinstance(event, list) and len(event) == 8]
        numbers += [int(number) for _, number, *_ in document["watched"]]
        numbers += [int(event[4]) for _, event, _ in state["waiting"]] + [int(number) for (_, number), _ in state["silent"]]
        numbers += [int(number) for _, number in state["outcomes"]["opened"]] + [int(number) for number, *_ in state["outcomes"]["flows"]]
        self.shift = max(numbers) + 1
        slots = {int(number): slot for slot, number in enumerate(self.flows.array("number")[: self.flows.rows].tolist())}
        self.live = set(slots) & set(numbers) - {0}
        if self.live:  # the same process goes on, under other rules or in a test
            self.shift = 0
            for number, old, event, *done in state["before"]:
                rules.before[int(number)] = int(old), int(event), _done(done)
                rules.outcomes.before[int(number)] = _done(done)
        rules.awaited_since_ns = self.engine.now_ns
        for stored in document["open"]:
            number, client, server, client_port, server_port, transport, event, *done = map(int, stored)
            if self.shift:
                rules.awaited[client, server, client_port, server_port, transport] = self._renumbered(number), event, _done(done)
        pairs = [[self._address(src), self._address(dst), *rest] for src, dst, *rest in document["pace"]["pairs"]]
        self.engine.others.pace.resume({"first_ns": document["pace"]["first_ns"], "pairs": pairs})
        silences = [list(map(int, stored)) for stored in document["silences"]]
        self.engine.others.silences.resume([[self._address(src), self._address(dst), *rest] for src, dst, *rest in silences])
        for stored in state["awaited"]:
            client, server, client_port, server_port, transport, number, event, *done = map(int, stored)
            rules.awaited.setdefault((client, server, client_port, server_port, transport), (self._renumbered(number), event, _done(done)))
        rules.outcomes.resume(state["outcomes"], self._renumbered, slots if self.live else {})
        rules.undecided = int(state["undecided"])
        for due, stored, asked in state["waiting"]:
            clauses = [self.clauses[self.known[rule], int(step)] for rule, step in asked if rule in self.known]
            kept = [(clause, event) for clause in clauses if (event := self._entry(clause, stored)) is not None]
            if kept:
                rules.wait(kept[0][1], int(due), [clause for clause, _ in kept])
        for (slot, number), entries in state["silent"]:
            clauses_events = [
                (clause, event)
                for rule, step, stored in entries
                if rule in self.known and (event := self._entry(clause := self.clauses[self.known[rule], int(step)], stored)) is not None
            ]
            if clauses_events:
                rules.watched[self._renumbered(int(number))] = int(slot), clauses_events

    def _renumbered(self, number: int) -> int:
        return number - self.shift if number else 0

    # rows

    def _address(self, number: Any) -> int:
        if not isinstance(number, int) or not -1 <= number < self.addresses:
            raise ValueError(f"no address {number}")
        return number

    def _behaviour(self, number: Any) -> int:
        if not isinstance(number, int) or not -1 <= number < self.behaviours.rows:
            raise ValueError(f"no behaviour {number}")
        return number

    def _record(self, table: str, signature: tuple[Any, ...], src: int, dst: int, behaviour: int) -> Record:
        context, engine = self.engine.context, self.engine
        if behaviour >= 0:
            return engine.reporter.behaviour_record(self.behaviours, behaviour)
        pair = context.pair((src, dst))
        if table == "flows":
            return context.flow_record(context.flow(tuple(map(int, signature))), pair)
        if table == "anomalies":
            layer, kind = map(int, signature)
            return Joined(context.anomaly((layer, kind)), pair)
        if table == "facts":
            return Joined(dict(zip(("kind", "source", "value", "child", "before", "changed"), signature, strict=True)), pair)
        if table == "silences":
            protocol, unit, requests, seconds = map(int, signature)
            return Joined(context.silence((protocol, unit, requests, seconds)), pair)
        raise ValueError(f"a row of {table} without behaviour")

    def _row(self, stored: list[Any], place: int) -> Row:
        time, frame, file, src, dst, table, signature, behaviour, protocol, slot, number, before = stored
        if any(not 0 <= entry < place for entry in before):
            raise ValueError("a row before itself")
        src, dst, behaviour, signed = self._address(src), self._address(dst), self._behaviour(behaviour), tuple(signature)
        record = self._record(table, signed, src, dst, behaviour)
        row = Row(int(time), int(frame), str(file), src, dst, record, str(table), signed, behaviour, int(protocol))
        row.flow, row.flow_number = int(slot), self._renumbered(int(number))
        row.before = [self.rows[entry] for entry in before]
        return row

    def _passes(self, clause: Clause, record: Record) -> bool:
        """Whether the site file and the baseline of today still let a row through."""
        return all(test is None or test(record) for test in (clause.tests[Stage.SIGNATURE], clause.tests[Stage.PAIR], clause.tests[Stage.REST]))

    def _entry(self, clause: Clause, stored: Any) -> Any | None:
        """A row of a window; None when its rule would not take it any more."""
        if isinstance(stored, int):
            row = self.rows[stored]
            return row if self._passes(clause, row.record) else None
        if len(stored) == 8:
            time, frame, file, slot, number, client, server, signature = stored
            signed = tuple(map(int, signature))
            client, server = self._address(client), self._address(server)
            if not self._passes(clause, self._record("flows", signed, client, server, -1)):
                return None
            return int(time), int(frame), str(file), int(slot), self._renumbered(int(number)), client, server, signed
        time, frame, flow, behaviour = map(int, stored)
        if not self._passes(clause, self._record("operations", (), -1, -1, self._behaviour(behaviour))):
            return None
        return time, frame, flow, behaviour

    def _windows(self, index: int, windows: Windows, state: dict[str, Any]) -> None:
        clause = self.clauses[index, 0]
        windows.forgotten = int(state["forgotten"])
        for key, cells in state["values"]:
            rows: dict[Hashable, list[Any]] = {}
            for value, time, stored, credited in cells:
                row = self._entry(clause, stored)
                if row is not None:
                    rows[_key(value)] = [int(time), row, bool(credited)]
            if len(rows) == 1 and clause.rule.window is not None and clause.rule.window.at_least > 1:
                ((value, (time, row, _)),) = rows.items()
                windows.values[_key(key)] = _key(key), value, time, row
            elif rows:
                windows.values[_key(key)] = rows
        for key, seen, credited, habit, entries in state["lanes"]:
            found = [(int(time), self._entry(clause, row)) for time, row in entries]
            lane = windows.lanes[_key(key)] = Lane(windows.window.at_least, windows.window.times_habit)
            if lane.habit is not None and habit:
                lane.habit.resume(habit)
            lane.rows = [pair for pair in found if pair[1] is not None][-lane.at_least :]
            lane.seen, lane.credited = int(seen), int(credited)

    def _sequences(self, index: int, state: dict[str, Any]) -> None:
        sequences = self.engine.credits.sequences[index]
        sequences.forgotten = int(state["forgotten"])
        for number, (step, stored) in enumerate(zip(sequences.armed, state["armed"], strict=True)):
            for key, places in stored:
                rows = [self._entry(self.clauses[index, number], int(place)) for place in places]
                step[_key(key)] = deque((row for row in rows if row is not None), maxlen=8)

    def _finding(self, index: int, state: dict[str, Any]) -> Finding:
        rule = self.engine.rules[index]
        finding = Finding(index, self._address(state["src"]), self._address(state["dst"]), rule.severity, int(state["number"]))
        clause = self.clauses[index, len(rule.sequence.steps) - 1 if rule.sequence else 0]
        for key, src, dst, behaviour, count, first_ns, last_ns, table, signature, slot, number, card, ended in state["parts"]:
            record = self._record(table, tuple(signature), self._address(src), self._address(dst), self._behaviour(behaviour))
            if not self._passes(clause, record):
                continue
            flow = int(slot), self._renumbered(int(number))
            part = Part(src, dst, behaviour, int(count), int(first_ns), int(last_ns), record, str(table), tuple(signature), flow)
            part.card, part.ended = int(card), ended_of(ended) if ended is not None else None
            finding.parts[self._part_key(key)] = part
        for behaviour, time, frame, file, flow, ports, macs, value, watched, answers, refusals, contradictions, epoch, *place in state["samples"]:
            sample = Sample(int(behaviour), int(time), int(frame), str(file), int(flow), _ports(ports), _two(macs), value)
            sample.watched, sample.answers, sample.refusals = bool(watched), int(answers), int(refusals)
            sample.contradictions, sample.epoch = int(contradictions), int(epoch)
            if place:  # a checkpoint of an older version has none
                sample.item, sample.transaction = map(int, place[:2])
                sample.before, sample.before_frame = place[2:] if len(place) == 4 else (None, 0)
            finding.samples.append(sample)
        finding.epoch, finding.epoch_ns, finding.in_epoch, finding.occurrences = map(int, state["epoch"])
        finding.sampled = {int(behaviour): int(count) for behaviour, count in state["sampled"]}
        for step, places in state["entries"]:
            finding.entries[int(step)] = [self.rows[place] for place in places]
        return self.engine.findings.add(finding)

    def _part_key(self, key: Any) -> Hashable:
        """As the engine counts: a behaviour, or (src, dst, anomaly, port)."""
        return _key(key)


def _key(value: Any) -> Hashable:
    return tuple(map(_key, value)) if isinstance(value, list) else value


def _done(stored: list[int]) -> Done:
    """A state of before 1.0 says neither flags nor how the direction is known."""
    answered, refused, to_server, to_client, flags, how = map(int, [*stored, 0, 0] if len(stored) == 4 else stored)
    return answered, refused, to_server, to_client, flags, how


def _ports(stored: Any) -> tuple[int, int, int]:
    one, other, *transport = stored
    return int(one), int(other), int(transport[0]) if transport else -1


def _two(pair: list[Any]) -> tuple[int, int]:
    first, second = pair
    return int(first), int(second)
