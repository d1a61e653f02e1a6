"""What happened when, and who commanded what: folded while the capture is read, because the messages themselves are not kept."""

from __future__ import annotations

from dataclasses import dataclass, field

BINS = 120  # of a timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionLine:
    """Requests and unsolicited reports of one function over time."""

    protocol: str
    function: str
    action: str
    counts: tuple[int, ...]  # per bin

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Requests of one actor to one target for the same point: one behaviour that changes what the target does."""

    source: str
    target: str
    protocol: str
    function: str
    action: str
    unit: str
    point: str  # as people of the field write it
    value: str  # the last that was sent; empty where the request has none
    count: int
    first_ns: int
    last_ns: int
    first_frame: int
    allowed: str = ""  # what the site file says: permitted, engineering or denied
    accepted: int = 0  # responses without an error
    refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """The timeline and the commands of an analysis."""

    first_ns: int = 0
    bin_ns: int = 1
    packets: tuple[int, ...] = ()  # per bin
    requests: tuple[int, ...] = ()
    functions: tuple[FunctionLine, ...] = ()
    functions_left_out: int = 0
    commands: tuple[Command, ...] = field(default=())
    commands_left_out: int = 0


NO_ACTIVITY = Activity()
