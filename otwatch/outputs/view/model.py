"""The parts of the view: frozen, of plain text. Whoever shows them escapes them; text from the wire may stand in any of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from otwatch.alerts.coverage import Coverage as RuleCoverage
from otwatch.alerts.severity import Severity


class Tone(StrEnum):
    """How a cell is meant; never by colour alone."""

    PLAIN = "plain"
    GOOD = "good"
    WARN = "warn"
    DANGER = "danger"
    MUTED = "muted"


class Level(StrEnum):
    """The verdict in one word, the first that fits."""

    CANNOT_JUDGE = "Cannot judge"
    ACT_NOW = "Act now"
    LOOK_TODAY = "Look today"
    NOTES_ONLY = "Notes only"
    CLEAN = "Clean as far as judged"


@dataclass(frozen=True, slots=True)
class Text:
    """A cell."""

    words: str
    tone: Tone = Tone.PLAIN
    ref: str = ""  # what it leads to: an incident id, an address, a frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The first lines of every result."""

    level: Level
    sentence: str  # what was found, with the number of incidents
    judged: str  # how much was judged; "nothing found" never stands without it
    incidents: int
    notes: int
    severity: Severity | None
    operators: str = ""  # commands that are taken for the operator's, which only the reader can confirm

    @property
    def below_level(self) -> str:
        """The sentence where the words of the level already stand before it."""
        below = self.sentence.removeprefix(self.level.value).lstrip(": ")
        return below.replace(": clean as far as it was judged.", ".") if self.level is Level.CLEAN else below

    @property
    def line(self) -> str:
        """All of it in one line, as records have it."""
        return " ".join(part for part in (self.sentence, self.judged, self.operators) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecoded:
    """An OT protocol that was seen and is not decoded."""

    protocol: str
    packets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much was seen and judged."""

    packets: int
    first_ns: int | None
    last_ns: int | None
    rules: RuleCoverage  # of the rules that apply to what was seen
    decoded_share: float | None  # of the packets of OT protocols; None when there were none
    undecoded: tuple[Undecoded, ...]
    one_way: int  # OT conversations seen in one direction only
    conversations: int  # OT conversations
    incomplete: tuple[str, ...]  # what makes the absence of alerts meaningless


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """One step of a story."""

    time: str
    time_ns: int
    source: str
    target: str
    what: Text
    value: str  # from what to what
    count: int
    outcome: Text
    frames: tuple[int, ...]
    rule: str
    before_frame: int = 0  # frame of the message that told the value before


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentView:
    """One incident, in the order in which it is read."""

    number: int
    id: str
    severity: Severity
    title: str
    confidence: float
    first_ns: int
    last_ns: int
    occurrence: int
    path: str  # who, by which way, to whom
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    targets_count: int
    succeeded: tuple[str, ...]
    failed: tuple[str, ...]
    steps: tuple[StepRow, ...]
    steps_count: int
    why: str
    next: tuple[str, ...]
    lines: tuple[str, ...]
    false_positives: tuple[str, ...]
    techniques: tuple[Text, ...]  # id and name, with the id of version 18 as reference
    evaluable: str
    file: str
    frames: tuple[int, ...]
    rules: tuple[str, ...]
    follows: str

    @property
    def handle(self) -> str:
        """What people call it: `INC-9542e071`."""
        return f"INC-{self.id[:8]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotJudged:
    """Rules that could not be judged, or only in part, for one reason."""

    reason: str
    rules: tuple[str, ...]
    partly: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What every renderer lays out."""

    verdict: Verdict
    coverage: Coverage
    incidents: tuple[IncidentView, ...]
    notes: tuple[IncidentView, ...]
    not_seen: tuple[Text, ...]
    not_judged: tuple[NotJudged, ...]
    clean: tuple[str, ...] = field(default=())  # titles of rules that were judged and found nothing
