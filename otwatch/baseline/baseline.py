"""What is normal here: who speaks what to whom, which kinds of action, which addresses are written. Learned, kept, merged, compared.

Addresses are kept as text, protocols by name: a baseline outlives the analysis that made it. Merging is union, so that captures can be learned
one by one, in any order, by many sensors.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from otwatch.actions import VERBS, Action, Role
from otwatch.addresses import Addresses
from otwatch.tables import Behaviours

VERSION: Final = 1
Talk = tuple[str, str, str]  # source, destination, protocol
Place = tuple[str, str, str, int, int, int]  # and unit, area, object
Range = tuple[int, int]  # first and last address
Service = tuple[str, str, str, int]  # client, server, transport, port of the server; -1 where there are no ports
_DYNAMIC: Final = 49_152  # ports from here on are given out anew for every session (RFC 6335): they are one service


@dataclass(slots=True)
class Seen:
    """How often and when."""

    messages: int = 0
    first_ns: int = 0
    last_ns: int = 0

    def add(self, messages: int, first_ns: int, last_ns: int) -> None:
        """More of the same."""
        self.first_ns = min(self.first_ns, first_ns) if self.messages else first_ns
        self.last_ns = max(self.last_ns, last_ns) if self.messages else last_ns
        self.messages += messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """Whether learning was long enough: how much of what is known appeared only in the last fifth of the time."""

    span_ns: int
    known: int
    new_in_last_fifth: int

    @property
    def share_new(self) -> float:
        """0 when nothing new came at the end."""
        return self.new_in_last_fifth / self.known if self.known else 1.0

    @property
    def enough(self) -> bool:
        """At most one in twenty was new at the end."""
        return self.known > 0 and self.span_ns > 0 and self.share_new <= 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """Something that the baseline does not know. `kind`: talker, verb or range."""

    kind: str
    src: str
    dst: str
    protocol: str
    verb: str
    detail: str
    first_ns: int
    first_frame: int
    messages: int


@dataclass(slots=True)
class Baseline:
    """Everything learned."""

    first_ns: int = 0
    last_ns: int = 0
    sources: set[str] = field(default_factory=set)  # names of captures or sensors
    hosts: set[str] = field(default_factory=set)
    verbs: dict[tuple[str, str, str, str], Seen] = field(default_factory=dict)  # talk and verb
    written: dict[Place, list[Range]] = field(default_factory=dict)
    services: set[Service] = field(default_factory=set)  # conversations of every kind; empty in baselines that never learned them

    # learning

    def learn(
        self,
        behaviours: Behaviours,
        addresses: Addresses,
        protocols: Sequence[str],
        *,
        source: str = "",
        hosts: Iterable[str] = (),
        services: Iterable[Service] = (),
    ) -> None:
        """Adds everything that these behaviours hold. `protocols`: names by id, from 1. `hosts`, `services`: all that was seen beside."""
        if source:
            self.sources.add(source)
        self.hosts.update(hosts)
        self.services.update((client, server, transport, _service(port)) for client, server, transport, port in services)
        for row in _requests(behaviours, addresses, protocols):
            if not self.verbs:
                self.first_ns, self.last_ns = row.first_ns, row.last_ns
            self.first_ns, self.last_ns = min(self.first_ns, row.first_ns), max(self.last_ns, row.last_ns)
            self.hosts.update((row.src, row.dst))
            self.verbs.setdefault((row.src, row.dst, row.protocol, row.verb), Seen()).add(row.messages, row.first_ns, row.last_ns)
            if row.verb == "write":
                place = row.src, row.dst, row.protocol, row.unit, row.area, row.object
                self.written[place] = _joined([*self.written.get(place, []), row.range])

    def merge(self, other: Baseline) -> None:
        """Adds what another baseline knows."""
        if other.verbs:
            self.first_ns = min(self.first_ns, other.first_ns) if self.verbs else other.first_ns
            self.last_ns = max(self.last_ns, other.last_ns) if self.verbs else other.last_ns
        self.sources |= other.sources
        self.hosts |= other.hosts
        self.services |= other.services
        for key, seen in other.verbs.items():
            self.verbs.setdefault(key, Seen()).add(seen.messages, seen.first_ns, seen.last_ns)
        for place, ranges in other.written.items():
            self.written[place] = _joined([*self.written.get(place, []), *ranges])

    # questions, as the rules ask them

    def talks(self, src: str, dst: str, protocol: str) -> bool:
        """Whether src spoke this protocol to dst."""
        return any((src, dst, protocol, verb) in self.verbs for verb in _ALL_VERBS)

    def does(self, src: str, dst: str, protocol: str, action: Action) -> bool:
        """Whether it did this kind of action."""
        return (src, dst, protocol, VERBS[action]) in self.verbs

    def covers(self, src: str, dst: str, protocol: str, *, unit: int, area: int, object: int, start: int, count: int) -> bool:
        """Whether it wrote all of these addresses."""
        known = self.written.get((src, dst, protocol, unit, area, object))
        if known is None:
            return False
        low, high = _range(start, count)
        return any(first <= low and high <= last for first, last in known)

    def uses(self, client: str, server: str, transport: str, port: int) -> bool | None:
        """Whether the client used this service of the server; None when services were never learned."""
        return (client, server, transport, _service(port)) in self.services if self.services else None

    def has_host(self, address: str) -> bool:
        """Whether the address was seen at all."""
        return address in self.hosts

    def completeness(self) -> Completeness:
        """Whether learning was long enough."""
        border = self.last_ns - (self.last_ns - self.first_ns) // 5
        return Completeness(
            span_ns=self.last_ns - self.first_ns, known=len(self.verbs), new_in_last_fifth=sum(seen.first_ns > border for seen in self.verbs.values())
        )

    def compare(self, behaviours: Behaviours, addresses: Addresses, protocols: Sequence[str]) -> list[Deviation]:
        """What of these behaviours is not known: one deviation for each conversation, verb or written place, in order of time."""
        found: dict[tuple[object, ...], Deviation] = {}
        for row in _requests(behaviours, addresses, protocols):
            detail = ""
            key: tuple[object, ...]
            if not self.talks(row.src, row.dst, row.protocol):
                kind, key = "talker", ("talker", row.src, row.dst, row.protocol)
            elif (row.src, row.dst, row.protocol, row.verb) not in self.verbs:
                kind, key = "verb", ("verb", row.src, row.dst, row.protocol, row.verb)
            elif row.verb == "write" and not self.covers(
                row.src,
                row.dst,
                row.protocol,
                unit=row.unit,
                area=row.area,
                object=row.object,
                start=row.range[0],
                count=row.range[1] - row.range[0] + 1,
            ):
                detail = f"unit {row.unit} area {row.area} object {row.object} addresses {row.range[0]}-{row.range[1]}"
                kind, key = "range", ("range", row.src, row.dst, row.protocol, detail)
            else:
                continue
            before = found.get(key)
            if before is None or row.first_ns < before.first_ns:
                found[key] = Deviation(
                    kind=kind,
                    src=row.src,
                    dst=row.dst,
                    protocol=row.protocol,
                    verb=row.verb,
                    detail=detail,
                    first_ns=row.first_ns,
                    first_frame=row.first_frame,
                    messages=row.messages + (before.messages if before else 0),
                )
            else:
                found[key] = Deviation(**{**_fields(before), "messages": before.messages + row.messages})
        return sorted(found.values(), key=lambda deviation: (deviation.first_ns, deviation.first_frame, deviation.kind, deviation.detail))


_ALL_VERBS: Final = tuple(sorted(set(VERBS.values())))


@dataclass(frozen=True, slots=True)
class _Request:
    src: str
    dst: str
    protocol: str
    verb: str
    unit: int
    area: int
    object: int
    range: Range
    messages: int
    first_ns: int
    last_ns: int
    first_frame: int


def _requests(behaviours: Behaviours, addresses: Addresses, protocols: Sequence[str]) -> Iterable[_Request]:
    """The requests among the behaviours, with their numbers as words."""
    names = (
        "source",
        "destination",
        "protocol",
        "role",
        "action",
        "unit",
        "area",
        "object",
        "start",
        "count",
        "messages",
        "first_ns",
        "last_ns",
        "first_frame",
    )
    for src, dst, protocol, role, action, unit, area, object_, start, count, messages, first_ns, last_ns, frame in zip(
        *(behaviours.array(name).tolist() for name in names), strict=True
    ):
        if role == Role.REQUEST and src >= 0 and 0 < protocol <= len(protocols):
            yield _Request(
                addresses.text(src),
                addresses.text(dst),
                protocols[protocol - 1],
                VERBS[Action(action)],
                unit,
                area,
                object_,
                _range(start, count),
                messages,
                first_ns,
                last_ns,
                frame,
            )


def _service(port: int) -> int:
    return min(port, _DYNAMIC)


def _range(start: int, count: int) -> Range:
    return start, start + max(count, 1) - 1


def _joined(ranges: Iterable[Range]) -> list[Range]:
    """The same addresses in as few ranges as possible, sorted."""
    joined: list[Range] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(joined[-1][1], high)
        else:
            joined.append((low, high))
    return joined


def _fields(deviation: Deviation) -> dict[str, Any]:
    return {name: getattr(deviation, name) for name in Deviation.__slots__}
