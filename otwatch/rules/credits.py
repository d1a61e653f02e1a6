"""Rows that passed a clause, on their way to findings: through the window that counts them, the sequence that follows them, or straight."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Final

import numpy as np

from otwatch.alerts.findings import Finding, Findings, Part, Sample
from otwatch.batch import Batch
from otwatch.limits import Limits
from otwatch.rules.compile import Clause
from otwatch.rules.evidence import Evidence
from otwatch.rules.fields import Stage
from otwatch.rules.gate import Gate
from otwatch.rules.knowledge import Knowledge
from otwatch.rules.report import Reporter
from otwatch.rules.rows import Row, Sequences, Windows, hashable, keep_chain
from otwatch.rules.rule import Rule

_WAITED: Final = -(1 << 30)  # what messages of a behaviour that waited in a window are counted under, as evidence


class Credits:
    """The windows, sequences and gates of one engine's rules, and the findings that they credit.

    `refresh` brings knowledge up to the batch at hand; it is called at most once a batch.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        clauses: Sequence[Clause],
        findings: Findings,
        evidence: Evidence,
        reporter: Reporter,
        knowledge: Knowledge,
        limits: Limits,
        refresh: Callable[[], None],
    ) -> None:
        self.windows = {index: Windows(rule.window) for index, rule in enumerate(rules) if rule.window}
        self.sequences = {index: Sequences(rule) for index, rule in enumerate(rules) if rule.sequence}
        self.gates = {clause.index: Gate(clause, self._judge_late, self._waits) for clause in clauses if clause.rule.window and clause.late_fields}
        self.findings = findings
        self.evidence = evidence
        self.reporter = reporter
        self.knowledge = knowledge
        self.limits = limits
        self._refresh = refresh
        self._steps: list[tuple[int, int, int, int, Clause, Row]] = []  # time at which it holds, frame, order of tables, of coming
        self._moving: set[int] = set()  # rules with rows in _steps
        self._batch: Batch | None = None
        self._number = 0  # of the batch at hand
        self._knows = 0  # the batch up to which `knowledge` was refreshed

    def begin(self, batch: Batch, number: int) -> None:
        """Rows of another batch follow."""
        self._batch, self._number = batch, number

    def take(self, clause: Clause, row: Row, order: int, time: int = -1) -> None:
        """A row that passed: to its window, its sequence or straight to its finding."""
        if clause.rule.sequence is not None:
            self._steps.append((time if time >= 0 else row.timestamp_ns, row.frame, order, len(self._steps), clause, row))
            self._moving.add(clause.index)
        elif clause.rule.window is not None:
            window = clause.rule.window
            key = tuple([hashable(row.record.get(name)) for name in window.by])
            self.into_window(clause, key, hashable(row.record.get(window.distinct)) if window.distinct else None, row)
        else:
            self._credit(clause, row)

    def into_window(self, clause: Clause, key: Hashable, value: Hashable, row: Row) -> None:
        """A row to the window of its clause, under a key, told from others there by a value."""
        for earlier in self.windows[clause.index].feed([(key, value, row.timestamp_ns, row)]):
            if earlier is not row:
                earlier.batch = -1  # its batch may be over: the same evidence whether it is or not
            self.counted(clause, earlier, earlier.timestamp_ns)

    def counted(self, clause: Clause, row: Row, time: int) -> None:
        """A row of a window that has enough of those that pass all but the late conditions; `time` is when it counts."""
        gate = self.gates.get(clause.index)
        if gate is None:
            self._credit(clause, row)
            return
        for passed in gate.offer(time, row):
            self._credit(clause, passed)

    def follow(self) -> None:
        """Gives the rows of sequences to them, in packet order."""
        if self._steps:
            for *_, clause, row in sorted(self._steps, key=lambda step: step[:4]):
                self.sequences[clause.index].feed(clause, row, self._credit)
            self._steps.clear()
            self._moving.clear()

    def release(self) -> None:
        """What waited for the end of the cold start."""
        for gate in self.gates.values():
            if gate.queue:
                for row in gate.release():
                    self._credit(gate.clause, row)

    def is_inert(self, clause: Clause) -> bool:
        """Whether rows of a step of a sequence come to nothing as long as no earlier step is seen: most commands of most plants."""
        return clause.index not in self._moving and not self.sequences[clause.index].waits_for(clause.step)

    def finding(self, clause: Clause, src: int, dst: int, *, answered: bool = False) -> Finding:
        """The finding of a rule about two addresses, or what the rule groups them by."""
        group, severity = clause.rule.group, clause.rule.severity
        return self.findings.finding(clause.index, severity, src if "src" in group else -1, dst if "dst" in group else -1, answered=answered)

    def only_counted(self, clause: Clause, src: int, dst: int, port: int | None, anomaly: str | None = None) -> Part | None:
        """The part in which another connection, or anomaly, would be counted, when none of its messages would be kept; None when it may show
        something new."""
        finding = self.finding(clause, src, dst)
        part = finding.parts.get((src, dst, anomaly, port))
        if part is None or finding.wants(-2 - len(finding.parts), self.limits.alert_frames):
            return finding.last_part
        return part

    def _judge_late(self, clause: Clause, row: Row) -> bool | None:
        if row.behaviour >= 0 and self.reporter.behaviours is not None and row.table != "surges":
            return self.reporter.late.verdict(clause, self.reporter.behaviours, row.behaviour, row.timestamp_ns)
        test = clause.tests[Stage.LATE]
        return test is None or test(self.reporter.late_row(row))

    def _waits(self, at_ns: int) -> bool:
        if self._knows != self._number:
            self._knows = self._number
            self._refresh()
        return self.knowledge.waits(at_ns)

    def _credit(self, clause: Clause, row: Row) -> None:
        answered = row.behaviour >= 0 and self._batch is not None and bool(self._batch.behaviours.answered[row.behaviour])
        finding = self.finding(clause, row.src, row.dst, answered=answered)
        part = finding.part(row.counted_under, row.src, row.dst)
        if not part.count:
            part.behaviour, part.record, part.flow = row.behaviour, row.record, (row.flow, row.flow_number)
            part.table, part.signature, part.card = row.table, row.signature, row.card
        if part.add(row.timestamp_ns, self.limits.burst_quiet_ns):
            finding.reopen(row.behaviour if row.behaviour >= 0 else -2 - len(finding.parts), row.timestamp_ns, self.limits.burst_quiet_ns)
        part.count += row.weight - 1
        keep_chain(finding, clause.step, row)
        known = row.behaviour if row.behaviour >= 0 else -2 - len(finding.parts)
        here = row.batch == self._number and self._batch is not None
        # Of what waited in a window the answer has passed: it takes no room from messages whose answer can still be waited for.
        sampled = known if here or row.behaviour < 0 else _WAITED - row.behaviour
        if finding.wants(sampled, self.limits.alert_frames):
            finding.keep(self._sample(finding, row, known, here=here), sampled)

    def _sample(self, finding: Finding, row: Row, known: int, *, here: bool) -> Sample:
        """A row as evidence; of the batch at hand (`here`) its message and the answer to it are still to be seen."""
        if here and self._batch is not None:
            index = row.operation if row.operation >= 0 else int(np.argmax(self._batch.operations.array("behaviour") == row.behaviour))
            return self.evidence.sample(self._batch, index, row.behaviour, finding.epoch)
        ports = self.evidence.ports(self._batch.flows, row.flow, row.src) if self._batch is not None else (-1, -1, -1)
        sample = Sample(known, row.timestamp_ns, row.frame, row.file, row.flow, ports=ports, macs=(row.claimant, -1))
        if row.record.get("role") == "response" and row.behaviour >= 0:
            sample.watched, sample.refusals = True, int(bool(row.record.get("status")))
            sample.answers = 1 - sample.refusals
        return sample
