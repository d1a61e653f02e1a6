"""The rows of a finding as typed evidence: acts with their outcome, objects, targets, sources, and the chain that led to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from otwatch.addresses import mac_text
from otwatch.alerts.bursts import KEPT, Burst, Interval, merged
from otwatch.alerts.evidence import Act, Evidence, Hop
from otwatch.alerts.findings import Finding, Part, Sample
from otwatch.alerts.outcome import Outcome
from otwatch.groups import distinct
from otwatch.rules.acts import ActMaker, outcome_of_samples
from otwatch.rules.context import Context, LateRecord
from otwatch.rules.points import Points
from otwatch.rules.rows import Row
from otwatch.tables import Behaviours

TARGETS: Final = 32
_VALUES: Final = 8
_DESCRIBED: Final = 1_024  # behaviours of one finding that are put into words; all are counted
_BURST_FRAMES: Final = 8

RowKey = int | tuple[Any, ...]  # a behaviour's number, or what tells rows without behaviour apart


@dataclass(slots=True)
class Found:
    """What of a finding passes its late conditions."""

    count: int = 0
    first_ns: int = 0
    last_ns: int = 0
    frames: set[int] = field(default_factory=set)
    rows: dict[RowKey, list[Interval]] = field(default_factory=dict)  # with their bursts: what alerts are compared by
    counts: dict[int, int] = field(default_factory=dict)  # rows of each behaviour
    parts: list[Part] = field(default_factory=list)
    first: LateRecord | None = None
    first_behaviour: int = -1

    def add(self, count: int, first_ns: int, last_ns: int, record: LateRecord, behaviour: int) -> None:
        """More rows, of which the first has this record."""
        if self.first is None or first_ns < self.first_ns:
            self.first_ns, self.first, self.first_behaviour = first_ns, record, behaviour
        self.last_ns = max(self.last_ns, last_ns)
        self.count += count


class Describer:
    """Puts the findings of one engine into words."""

    def __init__(self, context: Context, points: Points, quiet_ns: int) -> None:
        self.context = context
        self.acts = ActMaker(context, points).acts
        self.quiet_ns = quiet_ns

    def _acts_within(
        self, first_ns: int, last_ns: int, found: Found, behaviours: Behaviours, samples: Sequence[Sample], *, answers_seen: bool
    ) -> tuple[Act, ...]:
        """The acts of one burst: a frame never stands beside the name of another function."""
        within = Found()
        for number in sorted(found.counts)[:_DESCRIBED]:
            own = [one for one in found.rows[number] if first_ns <= one[0] and one[1] <= last_ns]
            if own:
                within.rows[number], within.counts[number] = own, sum(one[2] for one in own)
        return self.acts(within, behaviours, samples, answers_seen=answers_seen)

    def bursts(
        self, found: Found, finding: Finding, samples: Sequence[Sample], behaviours: Behaviours | None, *, requests: bool, answers_seen: bool
    ) -> tuple[int, tuple[Burst, ...]]:
        """How many bursts there were, and the newest of them, each with its own frames, outcome and, given `behaviours`, acts."""
        dropped = max((part.ended.dropped for part in found.parts if part.ended is not None), default=0)
        whole = merged((one for intervals in found.rows.values() for one in intervals), self.quiet_ns)
        finding.occurrences = max(finding.occurrences, dropped + len(whole))
        number = finding.occurrences - len(whole)
        bursts = []
        for place, (first, last, count) in enumerate(whole[-KEPT:], max(0, len(whole) - KEPT)):
            own = [sample for sample in samples if first <= sample.timestamp_ns <= last]
            bursts.append(
                Burst(
                    occurrence=number + place + 1,
                    first_ns=first,
                    last_ns=last,
                    count=count,
                    frames=tuple(sorted({sample.frame for sample in own} - {0})[:_BURST_FRAMES]),
                    outcome=outcome_of_samples(own, answers_seen=answers_seen) if requests else Outcome.NOT_OBSERVED,
                    acts=self._acts_within(first, last, found, behaviours, own, answers_seen=answers_seen) if behaviours and len(whole) > 1 else (),
                )
            )
        return finding.occurrences, tuple(bursts)

    @staticmethod
    def count_messages(found: Found, behaviours: Behaviours, samples: Iterable[Sample]) -> None:
        """Rows that are further items of messages that are counted by another item do not count again."""

        def kind(number: int) -> tuple[int, ...]:
            return behaviours.protocol[number], behaviours.function[number], behaviours.subfunction[number], behaviours.action[number]

        own = [sample for sample in samples if sample.behaviour in found.counts and sample.item >= 0]
        leading = {sample.behaviour for sample in own if not sample.item}
        heads = {(sample.file, sample.frame, sample.flow, sample.transaction, kind(sample.behaviour)) for sample in own if not sample.item}
        for sample in own:
            number = sample.behaviour
            if number in leading or (sample.file, sample.frame, sample.flow, sample.transaction, kind(number)) not in heads:
                continue
            leading.add(number)
            found.count -= found.counts[number]
            found.counts[number] = 0
            found.rows[number] = [(first, last, 0) for first, last, _ in found.rows[number]]

    def evidence(
        self, finding: Finding, found: Found, samples: Sequence[Sample], matched: Mapping[str, Any], behaviours: Behaviours | None
    ) -> Evidence:
        """Everything but acts, chain and judgement."""
        text = self.context.addresses.text
        evidence = Evidence(matched=dict(matched))
        evidence.values = tuple([sample.value for sample in samples if sample.value is not None][:_VALUES])
        targets = sorted({part.dst for part in found.parts})  # -1: of those beyond the limit of pairs
        if finding.dst < 0 and behaviours is not None and found.counts:
            targets = sorted({*targets, *self._column(behaviours, "destination", found.counts)})
        targets = [target for target in targets if target >= 0]
        if len(targets) > 1:
            evidence.targets, evidence.targets_count = tuple(text(target) for target in targets[:TARGETS]), len(targets)
        if finding.src < 0:
            sources = sorted({part.src for part in found.parts}.union(self._column(behaviours, "source", found.counts) if behaviours else ()))
            sources = [source for source in sources if source >= 0]
            if len(sources) > 1:
                evidence.sources, evidence.sources_count = tuple(text(source) for source in sources[:TARGETS]), len(sources)
        evidence.ports = tuple(self._several(found.parts, "port"))
        evidence.anomalies = tuple(self._several(found.parts, "anomaly"))
        held = [part.card for part in found.parts if part.card >= 0]
        if held:
            claims = [sample.macs[0] for sample in samples if sample.macs[0] >= 0]
            evidence.cards = tuple(dict.fromkeys(mac_text(card) for card in (*held[:1], *claims)))
        if found.parts and "value" in found.parts[0].record and found.parts[0].behaviour < 0:
            record = found.parts[0].record
            evidence.kind, evidence.now, evidence.before = str(record.get("kind") or ""), record["value"], record.get("before") or None
        span = (found.last_ns - found.first_ns) / 1e9
        if found.count > 2 and span > 0:
            evidence.per_second = round(found.count / span, 3)
        return evidence

    @staticmethod
    def _several(parts: Iterable[Part], name: str) -> list[Any]:
        seen = {part.record[name] for part in parts if part.record.get(name) is not None}
        return sorted(seen)[:TARGETS] if len(seen) > 1 else []

    @staticmethod
    def _column(behaviours: Behaviours, name: str, numbers: Collection[int]) -> list[int]:
        if not numbers:
            return []
        found: list[int] = distinct(behaviours.array(name)[np.fromiter(numbers, np.int64, len(numbers))]).tolist()
        return found


def hop_of(row: Row) -> Hop:
    """A row of an earlier step of a sequence."""
    record = row.record
    what = record.get("function_name") or (
        f"{record.get('transport')}/{record.get('port')}" if record.get("port") is not None else record.get("anomaly") or record.get("kind") or ""
    )
    return Hop(time_ns=row.timestamp_ns, frame=row.frame, src=str(record.get("src")), dst=str(record.get("dst")), what=str(what))
