"""Findings to alerts: what is late is judged now, counts are read from the behaviours table, evidence is put into words."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from otwatch.actions import CHANGING, Action
from otwatch.addresses import mac_text
from otwatch.alerts.alert import Alert, Severity
from otwatch.alerts.bursts import Ended, Interval
from otwatch.alerts.evidence import Hop
from otwatch.alerts.findings import Finding, Part, Sample
from otwatch.alerts.outcome import Items, Outcome
from otwatch.rules.compile import Clause
from otwatch.rules.context import Context, Joined, LateRecord
from otwatch.rules.describe import TARGETS, Describer, Found, RowKey, hop_of
from otwatch.rules.evaluability import NEEDS_LEARNING
from otwatch.rules.explain import explain, learned_from, too_short_to_tell
from otwatch.rules.fields import TABLES, Stage
from otwatch.rules.late import LateVerdicts
from otwatch.rules.points import Points
from otwatch.rules.rows import Row
from otwatch.rules.rule import Rule, terms_of
from otwatch.tables import Behaviours

Numbers = npt.NDArray[np.int32]
_RECORDS: Final = 8_192
_CONCLUDED: Final = "What the message does was concluded from the objects that it names: the protocol is not published."
_REFUSED: Final = (
    "The device refused {what} {times}: it had no effect. Find out who sent it and why: what is tried and refused may be tried again in another way."
)
_PLACED: Final = frozenset({"src_outside", "crosses_zone", "conduit", "src_internet"})  # rules whose severity has the source's place in it
_INFERRED: Final = frozenset(
    {
        *("writer", "steady", "src_outside", "crosses_zone", "dst_in_ot", "dst_is_controller", "new_talker", "new_verb", "src_role", "dst_role"),
        "src_unknown",
    }
)
# What is dangerous whoever does it: raised at once, and with its severity however little was seen.
_BY_NATURE: Final = frozenset(
    {Action.STOP, Action.START, Action.RESTART, Action.PROGRAM_DOWNLOAD, Action.PROGRAM_DELETE, Action.FIRMWARE, Action.FORCE}
)


@dataclass(slots=True)
class Reported:
    """An alert with what the fold and the incidents need of its finding."""

    alert: Alert
    rule: int
    number: int  # of the finding
    rows: dict[RowKey, list[Interval]]
_TRANSPORTS = {6: "tcp", 17: "udp"}


class BehaviourRecord:
    """The record of a behaviour, made when it is first asked for: of most rows of a flood nothing ever is."""

    __slots__ = ("number", "reporter", "table")

    def __init__(self, reporter: Reporter, table: Behaviours, number: int) -> None:
        self.reporter = reporter
        self.table = table
        self.number = number

    def get(self, name: str, default: Any = None, /) -> Any:
        """The value of a field; None when it is not known."""
        table, number = self.table, self.number
        if name == "src":  # what windows tell rows apart by is read straight from the table
            return self.reporter.context.place(table.source[number]).text
        if name == "dst":
            return self.reporter.context.place(table.destination[number]).text
        if name == "place":
            return f"{table.unit[number]}/{table.area[number]}/{table.object[number]}/{table.start[number]}"
        return self.reporter.behaviour_record(table, number).get(name, default)

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __contains__(self, name: str) -> bool:
        return name in self.reporter.behaviour_record(self.table, self.number)


class Reporter:
    """Makes the alerts of one engine."""

    def __init__(
        self, rules: Sequence[Rule], clauses: Sequence[Clause], context: Context, points: Points, ended: Mapping[int, Ended], quiet_ns: int
    ) -> None:
        self.rules = rules
        self.context = context
        self.ended = ended
        self.describer = Describer(context, points, quiet_ns)
        self._used = [used_by(rule) for rule in rules]
        self.clauses: dict[int, list[Clause]] = {}
        for clause in clauses:
            self.clauses.setdefault(clause.index, []).append(clause)
        self._matched = {index: _fields_shown(self.rules[index], own[-1].table) for index, own in self.clauses.items()}
        self.behaviours: Behaviours | None = None
        self.finished = False
        self._records: dict[int, Joined] = {}
        self.late = LateVerdicts(context, self._late)
        self._intervals: dict[int, list[Interval]] = {}  # of a behaviour: its bursts, once for all findings that count it

    def refresh(self, behaviours: Behaviours | None, finished: bool) -> None:
        """Before alerts are asked for."""
        self.behaviours = behaviours
        self.finished = finished
        self._intervals.clear()

    def behaviour_record(self, behaviours: Behaviours, number: int) -> Joined:
        """SIGNATURE, PAIR and REST fields of a behaviour."""
        record = self._records.get(number)
        if record is None:
            row = behaviours.row(number)
            context = self.context
            record = context.rest(
                Joined(
                    context.operation((row["protocol"], row["role"], row["function"], row["subfunction"], row["action"], row["status"])),
                    context.pair((row["source"], row["destination"])),
                ),
                protocol=row["protocol"],
                unit=row["unit"],
                area=row["area"],
                object_=row["object"],
                start=row["start"],
                count=row["count"],
            )
            if len(self._records) >= _RECORDS:
                self._records.clear()
            self._records[number] = record
        return record

    def _late(self, number: int, at_ns: int | None = None) -> LateRecord:
        """A behaviour as it was judged at a time: of its first message, where nothing else is said."""
        assert self.behaviours is not None
        table = self.behaviours
        return self.context.late(
            self.behaviour_record(table, number),
            int(table.source[number]),
            int(table.destination[number]),
            at_ns=int(table.first_ns[number]) if at_ns is None else at_ns,
            protocol=int(table.protocol[number]),
            behaviour=number,
        )

    def late_row(self, row: Part | Row) -> LateRecord:
        """A row with its LATE fields, as of its own time."""
        at_ns = row.first_ns if isinstance(row, Part) else row.timestamp_ns
        if row.behaviour >= 0 and self.behaviours is not None:
            return self._late(row.behaviour, at_ns)
        protocol = row.protocol if isinstance(row, Row) else 0
        return self.context.late(row.record, row.src, row.dst, at_ns=at_ns, protocol=protocol)

    def _judge(self, finding: Finding) -> Found | None:
        """What passes; None when nothing does."""
        clauses = self.clauses[finding.rule]
        for step, clause in enumerate(clauses[:-1]):
            test = clause.tests[Stage.LATE]
            if not any(test is None or test(self.late_row(row)) for row in finding.entries.get(step, ())):
                return None
        test = clauses[-1].tests[Stage.LATE]
        found = Found()
        if len(finding.behaviours) and self.behaviours is not None:
            numbers = self.late.passing(clauses[-1], self.behaviours, np.frombuffer(finding.behaviours, np.int32))
            if len(numbers):
                self._count(found, numbers)
        for part in finding.parts.values():
            record = self.late_row(part)
            if test is None or test(record):
                found.add(part.count, part.first_ns, part.last_ns, record, part.behaviour)
                found.parts.append(part)
                key: RowKey = part.behaviour
                if part.behaviour >= 0:
                    found.counts[part.behaviour] = found.counts.get(part.behaviour, 0) + part.count
                else:
                    own = part.record
                    key = part.table, part.src, part.dst, own.get("anomaly"), own.get("port"), own.get("kind")
                found.rows[key] = [*found.rows.get(key, ()), *part.bursts()]
        if len(found.counts) > 1 and self.behaviours is not None:
            self.describer.count_messages(found, self.behaviours, finding.samples)
        return found if found.count else None

    def _count(self, found: Found, numbers: npt.NDArray[Any]) -> None:
        """Behaviours that are counted by their table."""
        table = self.behaviours
        assert table is not None
        firsts, lasts = table.array("first_ns")[numbers], table.array("last_ns")[numbers]
        counts = table.array("messages")[numbers]
        place = int(np.argmin(firsts))
        earliest = int(numbers[place])
        found.add(int(counts.sum()), int(firsts[place]), int(lasts.max()), self._late(earliest), earliest)
        order = np.argsort(firsts, kind="stable")[:TARGETS]
        found.frames.update(table.array("first_frame")[numbers[order]].tolist())
        known, own = self._intervals, numbers.tolist()
        if fresh := [at for at, number in enumerate(own) if number not in known]:
            rows = zip(*(column[fresh].tolist() for column in (numbers, firsts, lasts, counts)), strict=True)
            for number, began, ended, count in rows:
                over = self.ended.get(number)
                known[number] = over.all(ended, count) if over is not None else [(began, ended, count)]
        found.counts.update(zip(own, counts.tolist(), strict=True))
        found.rows.update((number, known[number]) for number in own)

    def alert(self, finding: Finding, frames: int) -> Reported | None:
        """The alert of a finding; None when its late conditions do not hold, for now."""
        found = self._judge(finding)
        if found is None or found.first is None:
            return None
        rule, late = self.rules[finding.rule], found.first
        samples = [sample for sample in finding.samples if sample.behaviour < 0 or sample.behaviour in found.counts]
        on_operations = found.first_behaviour >= 0
        alert = Alert(
            id="",
            rule=rule.id,
            title=rule.title,
            severity=rule.severity,
            confidence=0.9,
            first_seen_ns=found.first_ns,
            last_seen_ns=found.last_ns,
            count=found.count,
            src=late.get("src"),
            dst=late.get("dst"),
            attack=rule.attack,
            protocol=late.get("protocol") or "",
            src_zone=late.get("src_zone"),
            dst_zone=late.get("dst_zone"),
            why=rule.why,
            false_positives=rule.false_positives,
            references=rule.references,
            neighbours=late.src >= 0 and late.dst >= 0 and self.context.place(late.src).network == self.context.place(late.dst).network,
        )
        alert.frames = tuple(sorted({sample.frame for sample in samples if not sample.epoch} | found.frames - {0})[:frames])
        self._name_hosts(alert, late)
        is_device = late.get("src_role") in ("controller", "outstation") or late.get("src_is_controller") is True
        src_is_device = late.src not in (-1, late.dst) and is_device
        if samples:
            self._from_sample(alert, samples[0])
        matched = {name: value for name in self._matched[finding.rule] if (value := late.get(name)) is not None}
        surge = next((part.record for part in found.parts if part.table == "surges"), None)
        if surge is not None:
            matched |= {name: surge.get(name) for name in ("surge", "requests", "habit", "compared")}
        alert.evidence = self.describer.evidence(finding, found, samples, matched, self.behaviours if found.counts else None)
        alert.evidence.src_is_device = src_is_device
        answers_seen = on_operations and self.finished and (late.src, late.dst) in self.context.knowledge.answering
        requests = on_operations and late.get("role") == "request"
        if on_operations:
            self._from_acts(alert, found, samples, late, answers_seen=answers_seen and requests)
        elif late.get("port") is not None:
            alert.dst_port = late.get("port")
        if alert.evidence.cards:
            alert.src_mac = alert.evidence.cards[-1] if len(alert.evidence.cards) < 2 else alert.evidence.cards[1]
        several = self.behaviours if len(alert.evidence.acts) > 1 else None
        alert.occurrence, alert.bursts = self.describer.bursts(
            found, finding, samples, several, requests=on_operations, answers_seen=answers_seen and requests
        )
        self._chain(alert, finding)
        self._weigh(alert, rule, late, self._used[finding.rule], on_operations)
        alert.id = hashlib.sha256(f"{alert.rule}|{alert.src}|{alert.dst}|{alert.first_seen_ns}".encode()).hexdigest()[:16]
        return Reported(alert, finding.rule, finding.number, found.rows)

    def _name_hosts(self, alert: Alert, late: LateRecord) -> None:
        site = self.context.site
        for side, address in (("src", late.src), ("dst", late.dst)):
            host = self.context.host(address) if address >= 0 else None
            name = (site.asset_name(getattr(alert, side)) if site else "") or (host.name if host else "")
            setattr(alert, f"{side}_name", name or None)
            setattr(alert, f"{side}_mac", host.mac if host else None)

    def _from_sample(self, alert: Alert, sample: Sample) -> None:
        alert.file = sample.file
        alert.src_port = sample.ports[0] if sample.ports[0] >= 0 else None
        alert.dst_port = sample.ports[1] if sample.ports[1] >= 0 else None
        alert.transport = _TRANSPORTS.get(sample.ports[2], "") if len(sample.ports) > 2 else ""  # an old checkpoint has two
        alert.src_mac = alert.src_mac or (mac_text(sample.macs[0]) if sample.macs[0] >= 0 else None)
        alert.dst_mac = alert.dst_mac or (mac_text(sample.macs[1]) if sample.macs[1] >= 0 else None)

    def _from_acts(self, alert: Alert, found: Found, samples: Sequence[Sample], late: LateRecord, *, answers_seen: bool) -> None:
        """What was done leads the alert: the gravest act that succeeded, with its own object, value and outcome."""
        assert self.behaviours is not None
        evidence = alert.evidence
        evidence.acts = acts = self.describer.acts(found, self.behaviours, samples, answers_seen=answers_seen)
        lead = acts[0]
        alert.action, alert.function, alert.function_name, alert.unit = lead.action, lead.function, lead.function_name, lead.unit
        alert.object, alert.value, alert.outcome = lead.objects[0] if lead.objects else "", lead.value, lead.outcome
        same = [act.outcome for act in acts if (act.action, act.function_name, act.target) == (lead.action, lead.function_name, lead.target)]
        if {Outcome.CONFIRMED, Outcome.REFUSED} <= set(same):
            alert.outcome = Outcome.PARTLY_REFUSED  # of the function; each act has its own
        alert.items = sum((act.items for act in acts), Items())
        if late.get("role") == "request":
            evidence.refused = sum(act.items.refused for act in acts)
            if (late.src, late.dst) not in self.context.knowledge.answering:
                alert.evaluable = "partly: no response of this device was captured, so whether it obeyed is not known"
        objects = list(dict.fromkeys(name for act in acts for name in act.objects))
        functions = sorted({act.function_name for act in acts})
        evidence.objects = tuple(objects[:TARGETS]) if len(objects) > 1 else ()
        evidence.functions = tuple(functions[:TARGETS]) if len(functions) > 1 else ()

    def _chain(self, alert: Alert, finding: Finding) -> None:
        clauses = self.clauses[finding.rule]
        if len(clauses) == 1:
            return
        chain = []
        for step, clause in enumerate(clauses[:-1]):
            test = clause.tests[Stage.LATE]
            fitting = [row for row in finding.entries.get(step, ()) if test is None or test(self.late_row(row))]
            before = [row for row in fitting if row.timestamp_ns <= alert.last_seen_ns] or fitting
            chain.append(hop_of(max(before, key=lambda row: row.timestamp_ns)))
        what = alert.function_name or alert.action
        frame = alert.frames[0] if alert.frames else None
        alert.evidence.chain = (*chain, Hop(time_ns=alert.first_seen_ns, frame=frame, src=alert.src, dst=alert.dst, what=what))
        alert.frames = tuple(dict.fromkeys([hop.frame for hop in chain if hop.frame is not None] + list(alert.frames)))

    def _weigh(self, alert: Alert, rule: Rule, late: LateRecord, used: frozenset[str], on_operations: bool) -> None:
        """Severity by place and permission, confidence and words by how things are known."""
        site, evidence, listed = self.context.site, alert.evidence, self.context.listed
        severity = int(rule.severity)
        if on_operations and not used & _PLACED and severity >= Severity.MEDIUM and late.src_outside():
            severity += 1
            evidence.src_outside = True
            used |= {"src_outside"}
        elif severity == Severity.MEDIUM and on_operations and late.get("role") == "request" and late.src_unknown():
            severity += 1  # what a known host may do by mistake, an unknown one does on purpose
            evidence.src_unknown = True
            used |= {"src_unknown"}
        action = Action[alert.action] if alert.action else None
        ticket = site.ticket(listed(alert.src), listed(alert.dst), action, alert.first_seen_ns, alert.last_seen_ns) if site else None
        if ticket:
            evidence.ticket = ticket
            severity -= 1
        elif on_operations and not used & _PLACED and late.get("permitted") in ("engineering", "permitted"):
            evidence.permitted = late.get("permitted")
            severity -= 1
        reason = site.accepted(alert.rule, listed(alert.src), listed(alert.dst), alert.last_seen_ns) if site else None
        if reason:
            evidence.accepted = reason
            severity = int(Severity.INFO)
        too_short = on_operations and action not in _BY_NATURE and _rests_on_a_role(late, used) and not self.context.knowledge.is_settled(late.at_ns)
        if too_short:
            severity = min(severity, int(Severity.MEDIUM if action in CHANGING or rule.window is not None else Severity.LOW))
        alert.severity = Severity(min(max(severity, 0), 4))
        sentence = explain(self.context, late, used)
        if alert.outcome is Outcome.REFUSED and evidence.refused:
            times = min(alert.count, evidence.refused)  # messages; what is refused counts by item
            alert.why = _REFUSED.format(what=alert.function_name or "this", times="once" if times == 1 else f"{times:,} times")
        if sentence:
            alert.why = f"{alert.why} {sentence}"
        if too_short:
            alert.why = f"{alert.why} {too_short_to_tell(self.context.knowledge)}"
            evidence.too_short_to_tell = True
        if used & _INFERRED and site is None and self.context.baseline is None:
            alert.confidence = 0.7
        if used & (NEEDS_LEARNING | {"writer"}) and self.context.baseline is None and self.context.knowledge.learning.until_ns is None:
            if used & NEEDS_LEARNING or late.get("permitted") is None:
                alert.confidence = 0.6
            if used & NEEDS_LEARNING:
                alert.evaluable = f"partly: {learned_from(self.context.knowledge, late.at_ns)}"
        if alert.outcome is Outcome.CONFIRMED:
            alert.confidence = round(min(0.99, alert.confidence + 0.09), 2)
        if isinstance(alert.value, dict) and alert.value.get("inferred"):  # an action that the dissector concluded, not read
            alert.confidence = min(alert.confidence, 0.7)
            alert.why = f"{alert.why} {_CONCLUDED}"


def _rests_on_a_role(late: LateRecord, used: Collection[str]) -> bool:
    """Whether the alert takes its source for unknown, or for one from outside, only because of what the traffic shows."""
    return ("writer" in used and late.get("writer") == "unknown" and late.context.baseline is None) or (
        "src_outside" in used and late.get("conduit") is None and not late.get("src_internet") and late.get("src_level") is None
    )


def used_by(rule: Rule) -> frozenset[str]:
    """The fields that a rule's conditions name."""
    return frozenset(
        term.name for where in ([step.where for step in rule.sequence.steps] if rule.sequence else [rule.where]) for term in terms_of(where)
    )


def _fields_shown(rule: Rule, table: str) -> list[str]:
    """The fields of the last step's conditions whose values stand in the evidence."""
    where = rule.sequence.steps[-1].where if rule.sequence else rule.where
    return list(dict.fromkeys(term.name for term in terms_of(where) if TABLES[table][term.name].stage is not Stage.ROW))
