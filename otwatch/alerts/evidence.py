"""What an alert rests on, typed: matched fields, values, objects, targets, the hops of a chain, and the alerts that say the same of the same rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from otwatch.actions import CHANGING, Action
from otwatch.alerts.outcome import SUCCEEDED, Items, Outcome
from otwatch.alerts.severity import Severity

OBJECTS: Final = 64  # of one act that are named, and their values

# What an act does to the process, gravest first: what leads an alert or an incident. Others are as grave as each other.
_GRAVITY = {
    action: 100 - place
    for place, action in enumerate(
        (
            Action.FIRMWARE,
            Action.PROGRAM_DELETE,
            Action.STOP,
            Action.PROGRAM_DOWNLOAD,
            Action.RESTART,
            Action.FORCE,
            Action.CONTROL,
            Action.START,
            Action.WRITE,
            Action.TIME_SET,
            Action.CONFIGURE,
            Action.ALARM,
            Action.PROGRAM_UPLOAD,
            Action.FILE,
            Action.AUTHENTICATE,
        )
    )
}


def gravity(action: str) -> int:
    """How grave an action is for the process; 0 when it only looks."""
    return _GRAVITY.get(Action[action], 0) if action in Action.__members__ else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Requests of one function by the actor at the target, with one outcome: what was done, to what, and what became of it.

    What changes something is an act for each object; beyond a few objects, one act for all of them.
    """

    action: str  # Action name
    function: int | None
    function_name: str
    protocol: str
    objects: tuple[str, ...]  # as people of the field write them; the first OBJECTS
    value: Any  # of the first object: the last that was requested
    count: int
    first_ns: int
    last_ns: int
    frames: tuple[int, ...]
    outcome: Outcome
    items: Items
    unit: int | None = None
    target: str = ""
    proof: int | None = None  # frame of a request that was confirmed
    is_answer: bool = False  # responses matched: what was said to requests of this function
    before: Any = None  # what the point was before, where a message said it
    before_frame: int = 0
    objects_count: int = 0  # 0: as many as are named
    values: tuple[Any, ...] = ()  # of one object, its different values in order of time; of several, the last of each, in their order
    values_count: int = 0  # different values; 0: as many as are listed
    behaviours: tuple[int, ...] = field(default=(), compare=False)  # numbers of the rows: what acts of several alerts are compared by

    @property
    def changing(self) -> bool:
        """Whether it changes what a device does."""
        return Action[self.action] in CHANGING or self.deletes

    @property
    def deletes(self) -> bool:
        """Whether it takes something away, a file as well as a program."""
        return "delete" in self.function_name.split("_")

    @property
    def weight(self) -> tuple[bool, int]:
        """What succeeded outweighs what did not; then the gravity of the action."""
        grave = gravity(self.action)
        return self.outcome in SUCCEEDED and grave > 0, grave

    def points_record(self) -> dict[str, Any]:
        """Objects and values, as they stand in records."""
        return {
            "objects": list(self.objects),
            "objects_count": self.objects_count or len(self.objects),
            "value": self.value,
            "values": list(self.values),
            "values_count": self.values_count or len(self.values),
        }

    def record(self) -> dict[str, Any]:
        """As it stands in records."""
        return {
            "action": self.action,
            "function": self.function,
            "function_name": self.function_name,
            "target": self.target,
            **self.points_record(),
            "before": self.before,
            "before_frame": self.before_frame or None,
            "count": self.count,
            "outcome": self.outcome.value,
            "items": self.items.record(),
            "frames": list(self.frames),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One step of the chain that led to an alert."""

    time_ns: int
    frame: int | None
    src: str
    dst: str
    what: str


def entries(chain: Iterable[Hop]) -> list[tuple[str, int, str]]:
    """(host, when, from where) of the hosts that were entered by others before they acted in a chain."""
    return [(hop.dst, hop.time_ns, hop.src) for hop, then in pairwise(chain) if then.src == hop.dst != hop.src]


@dataclass(frozen=True, slots=True, kw_only=True)
class Also:
    """An alert of another rule on rows that the alert holds too."""

    id: str
    rule: str
    title: str
    severity: Severity
    src: str
    dst: str
    count: int
    first_ns: int
    last_ns: int
    frames: tuple[int, ...]
    objects: tuple[str, ...]
    reason: str  # what it states beside: a broken policy, a first contact; empty when it states nothing more
    ticket: str = ""


@dataclass(slots=True, kw_only=True)
class Evidence:
    """What is known of the rows of an alert."""

    matched: dict[str, Any] = field(default_factory=dict)  # fields of the rule's conditions, with the values that fitted
    acts: tuple[Act, ...] = ()  # gravest first
    values: tuple[Any, ...] = ()
    objects: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    targets_count: int = 0
    sources: tuple[str, ...] = ()
    sources_count: int = 0
    ports: tuple[int, ...] = ()
    anomalies: tuple[str, ...] = ()
    cards: tuple[str, ...] = ()  # of an address claimed by two: the MAC that held it, then those that claimed it
    refused: int = 0
    kind: str = ""  # of a fact: what it is about
    before: Any = None
    now: Any = None
    src_outside: bool = False
    src_unknown: bool = False  # nothing vouches for the source, at a device that has its master
    src_is_device: bool = False  # the source is known as a controller or outstation
    too_short_to_tell: bool = False  # the observation is too short to know roles
    permitted: str = ""
    ticket: str = ""
    accepted: str = ""
    chain: tuple[Hop, ...] = ()
    also: list[Also] = field(default_factory=list)
    per_second: float | None = None
    sensor: dict[str, Any] = field(default_factory=dict)  # of an alert about the sensor itself

    @property
    def writer(self) -> str:
        """What vouches for the source of commands, where the rule asked."""
        return str(self.matched.get("writer") or "")

    @property
    def over(self) -> bool:
        """Whether a condition of the sensor is over."""
        return bool(self.sensor.get("over"))
