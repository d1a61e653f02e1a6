"""Rows of the tables beside operations and flows, to the clauses that they pass: anomalies, facts, silences, surges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from otwatch.alerts.findings import Part
from otwatch.batch import Batch
from otwatch.decode.anomalies import NetworkAnomaly
from otwatch.limits import Limits
from otwatch.rules.compile import Clause, Record
from otwatch.rules.context import Context, Joined
from otwatch.rules.fields import Stage
from otwatch.rules.match import Matcher
from otwatch.rules.pace import Pace
from otwatch.rules.report import Reporter
from otwatch.rules.rows import Row
from otwatch.rules.silence import Silences
from otwatch.vocabulary import Layer

# An address that two network cards claim: such a row names the card that held it and the one that claims it now.
_TWO_CARDS: Final = {(int(Layer.NETWORK), int(kind)) for kind in (NetworkAnomaly.ADDRESS_CONFLICT, NetworkAnomaly.OTHER_CARD)}

_AT_ONCE: Final = 4_096  # anomalies taken out of their columns: the last batch of a flood has as many as there were flows
_OWN_WORD: Final = 0.5  # confidence from which on a device speaks for itself; what others call it is not its identity, and changes


class OtherRows:
    """`take` receives what passes, with the order of its table among rows of one packet.

    `only_counted` gives the part of (clause, src, dst, no port, anomaly) in which another row of the same burst would be counted, and nothing else.
    """

    def __init__(
        self,
        matchers: Mapping[str, Matcher],
        context: Context,
        reporter: Reporter,
        limits: Limits,
        take: Callable[[Clause, Row, int], None],
        only_counted: Callable[[Clause, int, int, None, str], Part | None],
    ) -> None:
        self.matchers = matchers
        self.context = context
        self.reporter = reporter
        self.limits = limits
        self.take = take
        self.only_counted = only_counted
        self.told: dict[str, str] = {}  # what devices said about themselves
        self.silences = Silences()
        self.pace = Pace()

    def feed(self, batch: Batch, number: int) -> None:
        """The rows of a batch, the `number`-th."""
        if batch.anomalies.rows:
            self._anomalies(batch)
        for fact in batch.facts:
            self._fact(batch, fact)
        if self.matchers["silences"].clauses:
            self._silent(batch)
        if self.matchers["surges"].clauses:
            self._surging(batch, number)

    def _anomalies(self, batch: Batch) -> None:
        anomalies = batch.anomalies
        matcher = self.matchers["anomalies"]
        if not matcher.clauses:
            return
        packed = anomalies.array("layer").astype(np.int64) << 32 | anomalies.array("kind")
        distinct, which = np.unique(packed, return_inverse=True)
        which = which.reshape(-1)
        passing = [self._whoever(matcher, (number >> 32, number & 0xFFFFFFFF)) for number in distinct.tolist()]
        rows = np.flatnonzero(np.array([clauses is None or bool(clauses) for clauses in passing])[which])
        for begin in range(0, len(rows), _AT_ONCE):
            self._judge(batch, matcher, passing, which, rows[begin : begin + _AT_ONCE])

    def _judge(
        self,
        batch: Batch,
        matcher: Matcher,
        passing: Sequence[list[Clause] | None],
        which: npt.NDArray[np.int64],
        rows: npt.NDArray[np.int64],
    ) -> None:
        """Anomalies of a batch in order; `which` gives each its place in `passing`."""
        anomalies = batch.anomalies
        names = ("timestamp_ns", "frame", "flow", "source", "destination", "needed", "had", "layer", "kind")
        columns = (anomalies.array(name)[rows].tolist() for name in names)
        for number, time, frame, flow, src, dst, held, claims, *known in zip(which[rows].tolist(), *columns, strict=True):
            signature = (known[0], known[1])
            mask, signed = matcher.signed(signature, self.context.anomaly)
            found = passing[number]
            if found is not None:
                new = [clause for clause in found if not self._only_counts(clause, src, dst, signed["anomaly"], time)]
                if not new:
                    continue
                paired: Record = self.context.pair((src, dst))
            else:
                mask, signed, paired = matcher.candidates(signature, self.context.anomaly, (src, dst), self.context.pair)
            if not mask:
                continue
            record = Joined(self._quirk(src, signed["layer"]), signed, paired)
            cards = (held, claims) if signature in _TWO_CARDS else (-1, -1)
            for clause in matcher.passing(mask, record) if found is None else new:
                row = Row(time, frame, batch.file, src, dst, record, "anomalies", signature, flow=flow, card=cards[0], claimant=cards[1])
                self.take(clause, row, 2)

    def _whoever(self, matcher: Matcher, signature: tuple[int, int]) -> list[Clause] | None:
        """The clauses that an anomaly of a kind passes whoever its two ends are; None where that depends on them."""
        mask, signed = matcher.signed(signature, self.context.anomaly)
        asked = [clause for bit, clause in enumerate(matcher.clauses) if mask >> bit & 1]
        quirks_known = self.context.baseline is not None
        if any(clause.asks_pair or (quirks_known and clause.tests[Stage.REST] is not None) for clause in asked):
            return None
        return matcher.passing(mask, Joined({"known_quirk": False}, signed))

    def _only_counts(self, clause: Clause, src: int, dst: int, anomaly: str, time: int) -> bool:
        """Counts an anomaly of which its finding holds the like, and as many messages as it keeps."""
        if clause.rule.window is not None or clause.rule.sequence is not None:
            return False
        part = self.only_counted(clause, src, dst, None, anomaly)
        if part is None or time - part.last_ns > self.limits.burst_quiet_ns:
            return False
        part.add(time, self.limits.burst_quiet_ns)
        return True

    def _quirk(self, device: int, protocol: str) -> Mapping[str, bool]:
        baseline = self.context.baseline
        return {"known_quirk": baseline is not None and baseline.is_quirky(self.context.addresses.text(device), protocol)}

    def _fact(self, batch: Batch, fact: Any) -> None:
        key = f"{fact.address} {fact.child} {fact.kind} {fact.source}"  # two messages name one thing differently
        before = self.told.get(key)
        if fact.confidence >= _OWN_WORD and len(self.told) < self.limits.assets:
            self.told[key] = before if before is not None and _same_version(fact.value, before) else fact.value
        matcher = self.matchers["facts"]
        if not matcher.clauses:
            return
        actor = fact.peer if fact.peer >= 0 else fact.address
        mask, signed, paired = matcher.candidates(
            (fact.kind, fact.source), lambda pair: {"kind": pair[0], "source": pair[1]}, (actor, fact.address), self.context.pair
        )
        if mask:
            changed = before is not None and not _same_version(fact.value, before) and not _same_version(before, fact.value)
            rest = {"value": fact.value, "child": fact.child, "before": before, "changed": changed}
            if self.context.baseline is not None and fact.kind == "quirk":
                device = self.context.addresses.text(fact.address)
                rest["quirk_in_baseline"] = self.context.baseline.has_quirk(device, fact.source.partition(".")[0], fact.value)
            if self.context.intelligence is not None:
                rest["value_indicator"] = bool(self.context.intelligence.of_value(fact.value))
            record = Joined(signed, paired, rest)
            signature = fact.kind, fact.source, *rest.values()
            for clause in matcher.passing(mask, record):
                row = Row(fact.timestamp_ns, fact.frame, batch.file, actor, fact.address, record, "facts", signature, flow=fact.flow)
                self.take(clause, row, 3)

    def _silent(self, batch: Batch) -> None:
        self.silences.learn(batch.behaviours, self._function_name)
        matcher = self.matchers["silences"]
        for silence in self.silences.feed(batch.operations):
            time, frame = int(batch.operations.timestamp_ns[silence.row]), int(batch.operations.frame[silence.row])
            signature = silence.protocol, silence.unit, silence.requests, (time - silence.since_ns) // 1_000_000_000
            mask, signed, paired = matcher.candidates(signature, self.context.silence, (silence.src, silence.dst), self.context.pair)
            record = Joined(signed, paired)
            for clause in matcher.passing(mask, record):
                row = Row(time, frame, batch.file, silence.src, silence.dst, record, "silences", signature, protocol=silence.protocol)
                self.take(clause, row, 4)

    def _surging(self, batch: Batch, number: int) -> None:
        self.pace.learn(batch.behaviours, self._function_name)
        operations = batch.operations
        for surge in self.pace.feed(operations):
            behaviour, flow = int(operations.behaviour[surge.row]), int(operations.flow[surge.row])
            said = {"surge": surge.what, "requests": surge.requests, "habit": surge.habit, "compared": surge.compared}
            record = Joined(said, self.reporter.behaviour_record(batch.behaviours, behaviour))
            for clause in self.matchers["surges"].clauses:
                if all(test is None or test(record) for test in clause.tests[: Stage.ROW]):
                    row = Row(
                        int(operations.timestamp_ns[surge.row]),
                        int(operations.frame[surge.row]),
                        batch.file,
                        int(batch.behaviours.source[behaviour]),
                        int(batch.behaviours.destination[behaviour]),
                        record,
                        "surges",
                        behaviour=behaviour,
                        protocol=int(operations.protocol[surge.row]),
                        flow=flow,
                        operation=surge.row,
                        batch=number,
                        weight=surge.requests,
                    )
                    self.take(clause, row, 5)

    def _function_name(self, protocol: int, function: int, subfunction: int) -> str:
        names = self.context.protocols
        return names[protocol - 1].function_name(function, subfunction) if protocol <= len(names) else ""


def _same_version(short: str, long: str) -> bool:
    """Whether one says the same as the other, maybe in fewer places: V4.3 of V4.3.1."""
    return short == long or long.startswith(f"{short}.")
