"""What became of what was requested: one vocabulary for alerts, incidents, texts and SIEM events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Outcome(StrEnum):
    """The answer of the device, as far as the tap shows it."""

    CONFIRMED = "confirmed"  # answered, and the answer fits in function, unit, object and value
    REFUSED = "refused"  # answered with an error
    PARTLY_REFUSED = "partly_refused"  # some items or requests confirmed, others refused
    CONTRADICTED = "contradicted"  # answered, but the answer or a later reading says another thing than the request
    UNANSWERED = "unanswered"  # the tap shows responses of this device, and none to this
    NOT_OBSERVED = "not_observed"  # this tap cannot show it, it is not known yet, or there is nothing to answer


SUCCEEDED: Final = frozenset({Outcome.CONFIRMED, Outcome.PARTLY_REFUSED})
OPEN: Final = frozenset({Outcome.UNANSWERED, Outcome.NOT_OBSERVED})
WORDS: Final = {
    Outcome.CONFIRMED: "confirmed by the device",
    Outcome.REFUSED: "refused by the device",
    Outcome.PARTLY_REFUSED: "partly refused by the device",
    Outcome.CONTRADICTED: "contradicted by the device's answer",
    Outcome.UNANSWERED: "never answered",
    Outcome.NOT_OBSERVED: "no answer seen",
}


@dataclass(frozen=True, slots=True)
class Items:
    """Requests that were followed to their answer: how many, and what was said to them."""

    requested: int = 0
    confirmed: int = 0
    refused: int = 0

    def __add__(self, other: Items) -> Items:
        return Items(self.requested + other.requested, self.confirmed + other.confirmed, self.refused + other.refused)

    def record(self) -> dict[str, int]:
        """As it stands in records."""
        return {"requested": self.requested, "confirmed": self.confirmed, "refused": self.refused}


def outcome_of(items: Items, *, contradicted: bool = False, answers_seen: bool = False) -> Outcome:
    """The outcome of requests of one kind. `answers_seen`: the tap shows responses of this device, and none can still come."""
    if contradicted:
        return Outcome.CONTRADICTED
    if items.confirmed and items.refused:
        return Outcome.PARTLY_REFUSED
    if items.confirmed:
        return Outcome.CONFIRMED
    if items.refused:
        return Outcome.REFUSED
    return Outcome.UNANSWERED if answers_seen else Outcome.NOT_OBSERVED


def united(outcomes: Iterable[Outcome]) -> Outcome:
    """One outcome for several: success and refusal together are partly refused."""
    found = set(outcomes)
    if not found:
        return Outcome.NOT_OBSERVED
    if Outcome.CONTRADICTED in found:
        return Outcome.CONTRADICTED
    if Outcome.PARTLY_REFUSED in found or {Outcome.CONFIRMED, Outcome.REFUSED} <= found:
        return Outcome.PARTLY_REFUSED
    return next(one for one in (Outcome.CONFIRMED, Outcome.REFUSED, Outcome.UNANSWERED, Outcome.NOT_OBSERVED) if one in found)
