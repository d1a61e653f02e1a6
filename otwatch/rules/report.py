"""Findings to alerts: what is late is judged now, counts are read from the behaviours table, evidence is put into words."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from otwatch.actions import Action
from otwatch.alerts.alert import Alert, Severity
from otwatch.alerts.findings import Finding, Part, Sample
from otwatch.rules.compile import Clause
from otwatch.rules.context import Context, Joined, LateRecord
from otwatch.rules.explain import explain, learned_from, time_text, too_short_to_tell
from otwatch.rules.fields import TABLES, Stage
from otwatch.rules.rows import Row
from otwatch.rules.rule import Rule, terms_of
from otwatch.tables import Behaviours

_RECORDS: Final = 65_536
_TARGETS: Final = 32
_VALUES: Final = 8
_PLACED: Final = frozenset({"src_outside", "crosses_zone", "conduit", "src_internet"})  # rules whose severity has the source's place in it
_INFERRED: Final = frozenset(
    {"writer", "steady", "src_outside", "crosses_zone", "dst_in_ot", "dst_is_controller", "new_talker", "new_verb", "src_role", "dst_role"}
)
# What is dangerous whoever does it: raised at once, and with its severity however little was seen.
_BY_NATURE: Final = frozenset(
    {Action.STOP, Action.START, Action.RESTART, Action.PROGRAM_DOWNLOAD, Action.PROGRAM_DELETE, Action.FIRMWARE, Action.FORCE}
)
_NEEDS_LEARNING: Final = frozenset({"new_talker", "new_verb"})
NEEDS_BASELINE: Final = frozenset(
    {"in_baseline", "function_in_baseline", "range_in_baseline", "habit_per_s", "src_known", "dst_known", "service_in_baseline"}
)
_NEEDS_SITE: Final = frozenset({"permitted", "conduit", "src_zone", "dst_zone", "src_level", "dst_level", "jump_hosts_known", "vlan_of_zone"})
UNKNOWN_WITHOUT_SITE: Final = _NEEDS_SITE - {"jump_hosts_known"}  # those are true or false in any case


@dataclass(slots=True)
class _Found:
    """What of an finding passes its late conditions."""

    count: int = 0
    first_ns: int = 0
    last_ns: int = 0
    frames: set[int] = field(default_factory=set)
    behaviours: set[int] = field(default_factory=set)
    parts: list[Part] = field(default_factory=list)
    first: LateRecord | None = None
    first_behaviour: int = -1

    def add(self, count: int, first_ns: int, last_ns: int, record: LateRecord, behaviour: int) -> None:
        if self.first is None or first_ns < self.first_ns:
            self.first_ns, self.first, self.first_behaviour = first_ns, record, behaviour
        self.last_ns = max(self.last_ns, last_ns)
        self.count += count


class Reporter:
    """Makes the alerts of one engine."""

    def __init__(self, rules: Sequence[Rule], clauses: Sequence[Clause], context: Context) -> None:
        self.rules = rules
        self.context = context
        self.clauses: dict[int, list[Clause]] = {}
        for clause in clauses:
            self.clauses.setdefault(clause.index, []).append(clause)
        self.behaviours: Behaviours | None = None
        self.finished = False
        self._records: dict[int, Joined] = {}

    def refresh(self, behaviours: Behaviours | None, finished: bool) -> None:
        """Before alerts are asked for."""
        self.behaviours = behaviours
        self.finished = finished

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

    def _late_row(self, row: Part | Row) -> LateRecord:
        at_ns = row.first_ns if isinstance(row, Part) else row.timestamp_ns
        if row.behaviour >= 0 and self.behaviours is not None:
            return self._late(row.behaviour, at_ns)
        protocol = row.protocol if isinstance(row, Row) else 0
        return self.context.late(row.record, row.src, row.dst, at_ns=at_ns, protocol=protocol)

    def _judge(self, finding: Finding) -> _Found | None:
        """What passes; None when nothing does."""
        clauses = self.clauses[finding.rule]
        for step, clause in enumerate(clauses[:-1]):
            test = clause.tests[Stage.LATE]
            kept = [row for row in finding.entries.get(step, ()) if test is None or test(self._late_row(row))]
            if not kept:
                return None
        test = clauses[-1].tests[Stage.LATE]
        found = _Found()
        if len(finding.behaviours) and self.behaviours is not None:
            numbers = np.frombuffer(finding.behaviours, np.int32)
            if test is not None:
                numbers = np.array([number for number in numbers.tolist() if test(self._late(number))], np.int32)
            if len(numbers):
                table = self.behaviours
                first = table.array("first_ns")[numbers]
                earliest = int(numbers[int(first.argmin())])
                found.add(
                    int(table.array("messages")[numbers].sum()),
                    int(first.min()),
                    int(table.array("last_ns")[numbers].max()),
                    self._late(earliest),
                    earliest,
                )
                order = np.argsort(first, kind="stable")[:_TARGETS]
                found.frames.update(table.array("first_frame")[numbers[order]].tolist())
                found.behaviours.update(numbers.tolist())
        for part in finding.parts.values():
            record = self._late_row(part)
            if test is None or test(record):
                found.add(part.count, part.first_ns, part.last_ns, record, part.behaviour)
                found.parts.append(part)
                if part.behaviour >= 0:
                    found.behaviours.add(part.behaviour)
        return found if found.count else None

    def alert(self, finding: Finding, frames: int) -> Alert | None:
        """The alert of an finding; None when its late conditions do not hold, for now."""
        found = self._judge(finding)
        if found is None or found.first is None:
            return None
        rule, late = self.rules[finding.rule], found.first
        samples = [sample for sample in finding.samples if sample.behaviour < 0 or sample.behaviour in found.behaviours]
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
        )
        alert.frames = tuple(sorted({sample.frame for sample in samples} | found.frames - {0})[:frames])
        self._name_hosts(alert, late)
        if samples:
            self._from_sample(alert, samples[0])
        if on_operations:
            self._from_operation(alert, found, samples)
        elif late.get("port") is not None:
            alert.dst_port = late.get("port")
        alert.evidence.update(self._evidence(rule, finding, late, found, samples))
        self._chain(alert, finding, late)
        self._weigh(alert, rule, late, on_operations)
        alert.id = hashlib.sha256(f"{alert.rule}|{alert.src}|{alert.dst}|{alert.first_seen_ns}".encode()).hexdigest()[:16]
        return alert

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
        alert.src_mac = alert.src_mac or _mac(sample.macs[0])
        alert.dst_mac = alert.dst_mac or _mac(sample.macs[1])

    def _from_operation(self, alert: Alert, found: _Found, samples: Sequence[Sample]) -> None:
        assert self.behaviours is not None
        assert found.first is not None
        row, late = self.behaviours.row(found.first_behaviour), found.first
        alert.action, alert.function, alert.function_name = late.get("action"), late.get("function"), late.get("function_name")
        alert.unit = late.get("unit")
        names = self.context.protocols[row["protocol"] - 1] if 0 < row["protocol"] <= len(self.context.protocols) else None
        alert.object = names.object_name(row) if names else ""
        alert.value = next((sample.value for sample in samples if sample.value is not None and sample.behaviour == found.first_behaviour), None)
        answers, refusals = sum(sample.answers for sample in samples), sum(sample.refusals for sample in samples)
        seen = (late.src, late.dst) in self.context.knowledge.answering
        if late.get("role") == "request":
            alert.outcome = (
                "confirmed"
                if answers
                else "refused"
                if refusals
                else ("unanswered" if seen and self.finished and any(sample.watched for sample in samples) else "requested")
            )
            if refusals:
                alert.evidence["refused"] = refusals
            if not seen:
                alert.evaluable = "partly: no response of this device was captured, so whether it obeyed cannot be told"
        else:
            alert.outcome = "confirmed" if answers else "refused" if refusals else "requested"
        objects: dict[str, None] = {}
        for number in sorted(found.behaviours)[: 4 * _TARGETS]:
            if names:
                objects[names.object_name(self.behaviours.row(number))] = None
        if len(objects) > 1:
            alert.evidence["objects"] = [name for name in objects if name][:_TARGETS]
        functions = sorted({str(self.behaviour_record(self.behaviours, number)["function_name"]) for number in sorted(found.behaviours)[:1024]})
        if len(functions) > 1:
            alert.evidence["functions"] = functions[:_TARGETS]

    def _sources(self, found: _Found) -> Iterable[int]:
        """Who did the behaviours of an finding of several sources."""
        if self.behaviours is None or not found.behaviours:
            return ()
        sources: list[int] = np.unique(self.behaviours.array("source")[np.fromiter(found.behaviours, np.int64, len(found.behaviours))]).tolist()
        return sources

    def _evidence(self, rule: Rule, finding: Finding, late: LateRecord, found: _Found, samples: Sequence[Sample]) -> dict[str, Any]:
        evidence: dict[str, Any] = {}
        clause = self.clauses[self.rules.index(rule)][-1]
        where = rule.sequence.steps[-1].where if rule.sequence else rule.where
        for term in terms_of(where):
            if TABLES[clause.table][term.name].stage is not Stage.ROW and late.get(term.name) is not None:
                evidence[term.name] = late.get(term.name)
        values = [sample.value for sample in samples if sample.value is not None][:_VALUES]
        if values:
            evidence["values"] = values
        targets = sorted({part.dst for part in found.parts})
        if len(targets) > 1:
            evidence["targets"] = [self.context.addresses.text(target) for target in targets[:_TARGETS]]
            evidence["targets_count"] = len(targets)
        if finding.src < 0:
            sources = sorted({part.src for part in found.parts}.union(self._sources(found)))
            if len(sources) > 1:
                evidence["sources"] = [self.context.addresses.text(source) for source in sources[:_TARGETS]]
                evidence["sources_count"] = len(sources)
        for name in ("anomaly", "port"):
            seen = {part.record[name] for part in found.parts if part.record.get(name) is not None}
            if len(seen) > 1:
                evidence[f"{name}_list"] = sorted(seen)[:_TARGETS]
        if found.parts and "value" in found.parts[0].record and found.parts[0].behaviour < 0:
            evidence["value"] = found.parts[0].record["value"]
            if found.parts[0].record.get("before"):
                evidence["before"] = found.parts[0].record["before"]
        span = (found.last_ns - found.first_ns) / 1e9
        if found.count > 1 and span > 0:
            evidence["per_second"] = round(found.count / span, 3)
        return evidence

    def _chain(self, alert: Alert, finding: Finding, late: LateRecord) -> None:
        clauses = self.clauses[finding.rule]
        if len(clauses) == 1:
            return
        chain = []
        for step, clause in enumerate(clauses[:-1]):
            test = clause.tests[Stage.LATE]
            fitting = [row for row in finding.entries.get(step, ()) if test is None or test(self._late_row(row))]
            before = [row for row in fitting if row.timestamp_ns <= alert.last_seen_ns] or fitting
            chain.append(_link(max(before, key=lambda row: row.timestamp_ns)))
        chain.append(
            {
                "time": time_text(alert.first_seen_ns),
                "frame": alert.frames[0] if alert.frames else None,
                "src": alert.src,
                "dst": alert.dst,
                "what": alert.function_name or alert.action,
            }
        )
        alert.evidence["chain"] = chain
        alert.frames = tuple(dict.fromkeys([link["frame"] for link in chain[:-1]] + list(alert.frames)))
        del late

    def _weigh(self, alert: Alert, rule: Rule, late: LateRecord, on_operations: bool) -> None:
        """Severity by place and permission, confidence and words by how things are known."""
        site = self.context.site
        used = {term.name for where in ([step.where for step in rule.sequence.steps] if rule.sequence else [rule.where]) for term in terms_of(where)}
        severity = int(rule.severity)
        if on_operations and not used & _PLACED and severity >= Severity.MEDIUM and late.src_outside():
            severity += 1
            alert.evidence["src_outside"] = True
            used |= {"src_outside"}
        action = Action[alert.action] if alert.action else None
        ticket = site.ticket(alert.src, alert.dst, action, alert.first_seen_ns, alert.last_seen_ns) if site else None
        if ticket:
            alert.evidence["ticket"] = ticket
            severity -= 1
        elif on_operations and not used & _PLACED and late.get("permitted") in ("engineering", "permitted"):
            alert.evidence["permitted"] = late.get("permitted")
            severity -= 1
        reason = site.accepted(alert.rule, alert.src, alert.dst, alert.last_seen_ns) if site else None
        if reason:
            alert.evidence["accepted"] = reason
            severity = int(Severity.INFO)
        too_short = on_operations and action not in _BY_NATURE and _rests_on_a_role(late, used) and not self.context.knowledge.is_settled(late.at_ns)
        if too_short:
            severity = min(severity, int(Severity.MEDIUM))
        alert.severity = Severity(min(max(severity, 0), 4))
        sentence = explain(self.context, late, used)
        if sentence:
            alert.why = f"{alert.why} {sentence}"
        if too_short:
            alert.why = f"{alert.why} {too_short_to_tell(self.context.knowledge)}"
            alert.evidence["too_short_to_tell"] = True
        if used & _INFERRED and site is None and self.context.baseline is None:
            alert.confidence = 0.7
        if used & (_NEEDS_LEARNING | {"writer"}) and self.context.baseline is None and self.context.knowledge.learning.until_ns is None:
            if used & _NEEDS_LEARNING or late.get("permitted") is None:
                alert.confidence = 0.6
            if used & _NEEDS_LEARNING:
                alert.evaluable = f"partly: {learned_from(self.context.knowledge, late.at_ns)}"
        if alert.outcome == "confirmed":
            alert.confidence = round(min(0.99, alert.confidence + 0.09), 2)

    def evaluability(self) -> dict[str, str]:
        """Rule id -> what keeps it from being judged."""
        notes = {}
        knowledge = self.context.knowledge
        for rule in self.rules:
            used = {
                term.name for where in ([step.where for step in rule.sequence.steps] if rule.sequence else [rule.where]) for term in terms_of(where)
            }
            if used & NEEDS_BASELINE and self.context.baseline is None:
                notes[rule.id] = "not evaluable: needs a baseline (otwatch baseline learn)"
            elif used & _NEEDS_SITE and self.context.site is None:
                notes[rule.id] = "not evaluable: needs a site file (otwatch site init)"
            elif used & _NEEDS_LEARNING and self.context.baseline is None:
                notes[rule.id] = (
                    f"partly: {learned_from(knowledge, knowledge.now_ns)}"
                    if knowledge.usable
                    else "not evaluable: no baseline, and too short an observation to learn from "
                    f"({knowledge.span_ns / 1e9:.1f} s; needs {knowledge.learning.needs_ns / 1e9:.0f} s with polling from the start)"
                )
        return notes


def _rests_on_a_role(late: LateRecord, used: Collection[str]) -> bool:
    """Whether the alert takes its source for unknown, or for one from outside, only because of what the traffic shows."""
    return ("writer" in used and late.get("writer") == "stranger" and late.context.baseline is None) or (
        "src_outside" in used and late.get("conduit") is None and not late.get("src_internet") and late.get("src_level") is None
    )


def _link(row: Row) -> dict[str, Any]:
    record = row.record
    what = record.get("function_name") or (
        f"{record.get('transport')}/{record.get('port')}" if record.get("port") is not None else record.get("anomaly") or record.get("kind") or ""
    )
    return {"time": time_text(row.timestamp_ns), "frame": row.frame, "src": record.get("src"), "dst": record.get("dst"), "what": what}


def _mac(number: int) -> str | None:
    return ":".join(f"{number:012x}"[i : i + 2] for i in range(0, 12, 2)) if number >= 0 else None
