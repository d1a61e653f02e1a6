"""Aggregation: what a rule saw between one actor and one target is one finding, however many messages it was.

An finding does not count the messages of behaviours; it holds the behaviours, whose counts stand in the behaviours table. What is counted row
by row (windows, values, flows, anomalies) is counted in its parts. Memory is bounded by `limits.alerts`: the least severe and
oldest finding is closed first and counted in `closed`. A rule with `limits.alerts_per_rule` findings puts what further sources do into one
for all of them: a flood of spoofed sources is one thing, not ten thousand. Who is answered has a finding of its own beyond that, up to twice as many:
a flood of senders that nobody answers does not hide who gets through.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from otwatch.alerts.bursts import Ended, Interval
from otwatch.alerts.severity import Severity

_PARTS = 4_096  # parts of one finding: a sweep of a /20; more are added to the last
_SAMPLES = 64  # messages kept per finding for frames, values and outcome
_SAMPLES_FIRST = 512  # of behaviours that have none yet
_SAMPLES_LATER = 8  # messages kept of each later burst
_SAMPLES_IN_ALL = 1_024  # beyond it, those of the oldest burst but the first go


@dataclass(slots=True)
class Part:
    """What was counted row by row of one behaviour, or of one pair of addresses."""

    src: int
    dst: int
    behaviour: int = -1
    count: int = 0
    first_ns: int = 0
    last_ns: int = 0
    record: Any = None  # what the rule's conditions saw
    table: str = ""
    signature: tuple[Any, ...] = ()  # with the table, what the record can be made from again
    flow: tuple[int, int] = (-1, 0)  # slot, number
    card: int = -1  # MAC of an address claimed by two: the one that held it
    ended: Ended | None = None  # bursts that are over; None while the first lasts

    def add(self, timestamp_ns: int, quiet_ns: int) -> bool:
        """One more row; True when it begins another burst than the first."""
        began = False
        if not self.count:
            self.first_ns = self.last_ns = timestamp_ns
        elif timestamp_ns - self.last_ns > quiet_ns:
            if self.ended is None:
                self.ended = Ended(began_ns=self.first_ns)
            self.ended.end(self.last_ns, self.count, timestamp_ns)
            began = True
        self.first_ns = min(self.first_ns, timestamp_ns)
        self.last_ns = max(self.last_ns, timestamp_ns)
        self.count += 1
        return began

    def bursts(self) -> list[Interval]:
        """Its bursts, the running one last."""
        return self.ended.all(self.last_ns, self.count) if self.ended is not None else [(self.first_ns, self.last_ns, self.count)]


@dataclass(slots=True)
class Sample:
    """One message of an finding, kept as evidence."""

    behaviour: int
    timestamp_ns: int
    frame: int
    file: str
    flow: int
    ports: tuple[int, int, int] = (-1, -1, -1)  # of who acted, of whom it hit; IP protocol
    macs: tuple[int, int] = (-1, -1)
    value: Any = None
    watched: bool = False  # whether answers to it were waited for
    answers: int = 0
    refusals: int = 0
    contradictions: int = 0
    epoch: int = 0  # of the finding, when it was kept
    item: int = -1  # its place in its message; -1 unknown: what is said to any item is said to it
    transaction: int = -1  # tells the requests of one packet apart
    before: Any = None  # what the point was before this command; None: not known
    before_frame: int = 0


@dataclass(slots=True)
class Finding:
    """One rule, one actor, one target (-1: several)."""

    rule: int
    src: int
    dst: int
    severity: Severity
    number: int
    behaviours: array[int] = field(default_factory=lambda: array("i"))  # counted by the behaviours table
    parts: dict[object, Part] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    sampled: dict[int, int] = field(default_factory=dict)  # behaviour -> samples
    entries: dict[int, list[Any]] = field(default_factory=dict)  # earlier step of a sequence -> the rows that fitted it
    epoch: int = 0  # grows with every burst of which messages were wanted
    epoch_ns: int = 0
    in_epoch: int = 0  # samples of the present one
    occurrences: int = 0  # bursts of what passed its late conditions, as last counted
    open: bool = True

    def part(self, key: object, src: int, dst: int) -> Part:
        """The part of a key; beyond the cap the last one takes everything."""
        found = self.parts.get(key)
        if found is None:
            if len(self.parts) >= _PARTS:
                return next(reversed(self.parts.values()))
            found = self.parts[key] = Part(src, dst)
        return found

    @property
    def last_part(self) -> Part | None:
        """The part that takes everything, once there are as many as can be."""
        return next(reversed(self.parts.values())) if len(self.parts) >= _PARTS else None

    @property
    def is_full(self) -> bool:
        """Whether no message is worth keeping any more, of whatever behaviour, until the next burst."""
        return self.in_epoch >= (2 * _SAMPLES_LATER if self.epoch else _SAMPLES_FIRST)

    def wants(self, behaviour: int, frames: int) -> bool:
        """Whether another message of the behaviour is worth keeping."""
        had = self.sampled.get(behaviour, 0)
        if self.epoch:
            return (had < frames and self.in_epoch < _SAMPLES_LATER) or (had == 0 and self.in_epoch < 2 * _SAMPLES_LATER)
        return (had < frames and self.in_epoch < _SAMPLES) or (had == 0 and self.in_epoch < _SAMPLES_FIRST)

    def keep(self, sample: Sample, counted: int | None = None) -> None:
        """Keeps a message that `wants` asked for; `counted` is what it asked for, where that is not the behaviour."""
        counted = sample.behaviour if counted is None else counted
        sample.epoch = self.epoch
        self.samples.append(sample)
        self.sampled[counted] = self.sampled.get(counted, 0) + 1
        self.in_epoch += 1

    def reopen(self, behaviour: int, timestamp_ns: int, quiet_ns: int) -> None:
        """A behaviour came again after a quiet gap: messages of the new burst are wanted, too."""
        self.sampled.pop(behaviour, None)
        if timestamp_ns - self.epoch_ns <= quiet_ns and self.epoch:
            return
        self.epoch, self.epoch_ns, self.in_epoch = self.epoch + 1, timestamp_ns, 0
        self.sampled.clear()
        if len(self.samples) > _SAMPLES_IN_ALL:
            oldest = next((sample.epoch for sample in self.samples if sample.epoch), 0)
            self.samples = [sample for sample in self.samples if sample.epoch != oldest]


class Findings:
    """All open findings by (rule, src, dst)."""

    def __init__(self, limit: int, limit_per_rule: int) -> None:
        self.limit = limit
        self.limit_per_rule = limit_per_rule
        self.closed = 0
        self.joined: dict[int, int] = {}  # rule -> how often something went to its collective finding
        self._of_rule: dict[int, int] = {}  # findings so far
        self._open: dict[tuple[int, int, int], Finding] = {}
        self._order: list[tuple[int, int, tuple[int, int, int]]] = []
        self._numbers = 0

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._open.values())

    def __len__(self) -> int:
        return len(self._open)

    def finding(self, rule: int, severity: Severity, src: int, dst: int, *, answered: bool = False) -> Finding:
        """The open finding of a key, or a new one; when the rule has too many, its collective finding (-1, -1)."""
        key = rule, src, dst
        found = self._open.get(key)
        if found is not None:
            return found
        if self._of_rule.get(rule, 0) >= (2 * self.limit_per_rule if answered else self.limit_per_rule):
            self.joined[rule] = self.joined.get(rule, 0) + 1
            key = rule, -1, -1
            found = self._open.get(key)
            if found is not None:
                return found
        return self.add(Finding(rule, key[1], key[2], severity, self._numbers))

    def add(self, finding: Finding) -> Finding:
        """Opens an finding, its number included; the least severe and oldest makes room."""
        key = finding.rule, finding.src, finding.dst
        self._open[key] = finding
        self._of_rule[finding.rule] = self._of_rule.get(finding.rule, 0) + 1
        heapq.heappush(self._order, (int(finding.severity), finding.number, key))
        self._numbers = max(self._numbers, finding.number + 1)
        if len(self._open) > self.limit:
            _, _, oldest = heapq.heappop(self._order)
            self._open.pop(oldest).open = False
            self._of_rule[oldest[0]] -= 1
            self.closed += 1
        return finding
