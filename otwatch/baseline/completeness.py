"""Whether a baseline was learned for long enough: what share of the traffic would still be unseen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_ENOUGH: Final = 0.05
_AT_LEAST_NS: Final = 600_000_000_000  # ten minutes: less has not seen the slow cycles of any plant
_WITHOUT_COMMANDS_NS: Final = 86_400_000_000_000  # a day without a command: then the first one is worth an alert


def kinds_unseen(times: Iterable[int]) -> float | None:
    """Good and Turing's estimate: the probability that the next message is of a kind that was never seen is the share of the messages whose kind was
    seen once. None of no messages."""
    counts = list(times)
    total = sum(counts)
    return sum(count == 1 for count in counts) / total if total else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """How far learning has come."""

    span_ns: int
    known: int
    new_in_last_fifth: int
    unseen_questions: float | None  # probability that the next question (read, browse, identify) is new
    unseen_commands: float | None  # probability that the next command is new

    @property
    def share_new(self) -> float:
        """How much of what is known appeared only in the last fifth of the time: 0 when nothing new came at the end."""
        return self.new_in_last_fifth / self.known if self.known else 1.0

    def missing(self, at_least_ns: int = _AT_LEAST_NS) -> list[str]:
        """What speaks against ending now, in words; empty when it was enough. `at_least_ns`: 0 where somebody else decides how long at least."""
        if not self.known:
            return ["there was nothing to learn: no request of an OT protocol was seen"]
        reasons = []
        if self.span_ns < at_least_ns:
            reasons.append(f"only {_duration(self.span_ns)} were seen")
        if self.share_new > _ENOUGH:
            reasons.append(f"{self.share_new:.0%} of the habits appeared in the last fifth of the time")
        if self.unseen_questions is not None and self.unseen_questions > _ENOUGH:
            reasons.append(f"about {self.unseen_questions:.0%} of the requests to come would be of a kind not seen yet")
        if self.unseen_commands is not None and self.unseen_commands > _ENOUGH:
            reasons.append(f"about {self.unseen_commands:.0%} of the commands to come would be of a kind not seen yet")
        if at_least_ns and self.unseen_commands is None and self.span_ns < _WITHOUT_COMMANDS_NS:
            reasons.append("no command was seen, so the first one will be reported")
        return reasons

    @property
    def enough(self) -> bool:
        """Whether little that is new has to be expected."""
        return not self.missing()


def _duration(span_ns: int) -> str:
    seconds = span_ns / 1e9
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
