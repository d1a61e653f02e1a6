"""Whether a rule could be judged, and how much of all of them could: typed, with the reason, never a sentence to be read back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class How(StrEnum):
    """How far a rule could be judged. The values are those of the records."""

    YES = "yes"
    PARTLY = "partly"
    NO = "no"
    NOT_APPLICABLE = "n/a"  # its protocol or service does not occur, on a tap that would show it


class Why(StrEnum):
    """What kept a rule from being judged."""

    NOTHING_READ = "nothing-read"
    NO_BASELINE = "no-baseline"
    NO_SITE_FILE = "no-site-file"
    UNDECODED = "undecoded"  # an OT protocol that this version does not decode
    UNRECOGNISED = "unrecognised"  # on the protocol's port something was not recognised
    NO_OT_TRAFFIC = "no-ot-traffic"
    NO_OT_NETWORK = "no-ot-network"
    ONE_DIRECTION = "one-direction"
    NOT_POLLED = "not-polled"  # nobody was seen polling a device
    TOO_SHORT = "too-short"
    LEARNED_HERE = "learned-here"  # what is normal was learned only from this observation
    LIMIT = "limit"
    NO_INDICATORS = "no-indicators"
    PROTOCOL_ABSENT = "protocol-absent"
    SERVICE_ABSENT = "service-absent"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: its kind for programs, its words for people."""

    why: Why
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule: how far it could be judged, and what kept it from more."""

    how: How = How.YES
    reason: Reason | None = None

    def __str__(self) -> str:
        return f"{self.how}: {self.reason.text}" if self.reason else str(self.how)


JUDGED = Verdict()


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much was judged: of the rules that apply, of the packets that were read."""

    judged: int = 0  # rules, those judged in part included
    partly: int = 0
    not_judged: int = 0
    not_applicable: int = 0
    reasons: tuple[tuple[Reason, int], ...] = ()  # of rules not judged, then of those judged in part: the most frequent first, with their number
    packets: int = 0
    undecoded: tuple[tuple[str, int], ...] = field(default=())  # OT protocols that are not decoded, as people write them, with their packets

    @property
    def applicable(self) -> int:
        """Rules that apply to what was seen."""
        return self.judged + self.not_judged

    @property
    def share(self) -> float:
        """Of the rules that apply, how many could be judged; 1 where none applies."""
        return self.judged / self.applicable if self.applicable else 1.0


NO_COVERAGE = Coverage()


def coverage(verdicts: Iterable[Verdict], *, packets: int = 0, undecoded: Iterable[tuple[str, int]] = ()) -> Coverage:
    """The verdicts of all rules as figures."""
    hows: Counter[How] = Counter()
    reasons: dict[How, Counter[Reason]] = {How.NO: Counter(), How.PARTLY: Counter()}
    for verdict in verdicts:
        hows[verdict.how] += 1
        if verdict.reason is not None and verdict.how in reasons:
            reasons[verdict.how][verdict.reason] += 1
    return Coverage(
        judged=hows[How.YES] + hows[How.PARTLY],
        partly=hows[How.PARTLY],
        not_judged=hows[How.NO],
        not_applicable=hows[How.NOT_APPLICABLE],
        reasons=tuple(pair for counted in reasons.values() for pair in counted.most_common()),
        packets=packets,
        undecoded=tuple(undecoded),
    )
