"""What is normal here: who speaks what to whom, which functions, which addresses are read and written, how often. Learned, kept, merged, compared.

Addresses are kept as text, protocols by name: a baseline outlives the analysis that made it. Merging is union, so that captures can be learned
one by one, in any order, by many sensors. Values are not in it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from otwatch.actions import VERBS, Action, Role
from otwatch.addresses import Addresses
from otwatch.baseline.completeness import Completeness, kinds_unseen
from otwatch.tables import Behaviours

VERSION: Final = 2
Talk = tuple[str, str, str]  # source, destination, protocol
Place = tuple[str, str, str, int, int, int]  # and unit, area, object
Range = tuple[int, int]  # first and last address
Quirk = tuple[str, str, str]  # device, protocol, what its responses do
Service = tuple[str, str, str, int]  # client, server, transport, port of the server; -1 where there are no ports
_DYNAMIC: Final = 49_152  # ports from here on are given out anew for every session (RFC 6335): they are one service
Places = dict[Place, dict[Range, int]]  # how often each range was asked for

COMMANDS: Final = frozenset({"write", "configure", "mode", "program"})  # verbs that change something
_PLACED: Final = frozenset({"read", "look"})  # verbs of which it is remembered where they went, beside writes
_RATED_NS: Final = 1_000_000_000  # conversations shorter than this have no rate


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
class Deviation:
    """Something that the baseline does not know. `kind`: talker, verb, function or range."""

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
    services: set[Service] = field(default_factory=set)  # conversations of every kind; empty in baselines that never learned them
    functions: dict[tuple[str, str, str, int, int], Seen] = field(default_factory=dict)  # talk, function and subfunction
    written: Places = field(default_factory=dict)
    asked: Places = field(default_factory=dict)  # read, browsed, identified
    quirks: set[Quirk] = field(default_factory=set)
    rates: dict[Talk, float] = field(default_factory=dict)  # requests a second, on the whole; of several captures the highest
    knows_reads: bool = True  # False when it was learned, in part at least, by a version that did not keep what is read
    knows_quirks: bool = True  # the same of quirks
    _joined: dict[tuple[str, Place], tuple[list[int], list[int]]] = field(default_factory=dict, repr=False, compare=False)

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
        quirks: Iterable[Quirk] = (),
    ) -> None:
        """Adds everything that these behaviours hold. `protocols`: names by id, from 1. `hosts`, `services`, `quirks`: all that was seen beside."""
        if source:
            self.sources.add(source)
        self.hosts.update(hosts)
        self.services.update((client, server, transport, _service(port)) for client, server, transport, port in services)
        self.quirks.update((device, protocol, _quirk(quirk)) for device, protocol, quirk in quirks)
        talks: dict[Talk, Seen] = {}
        for row in _requests(behaviours, addresses, protocols):
            if not self.verbs:
                self.first_ns, self.last_ns = row.first_ns, row.last_ns
            self.first_ns, self.last_ns = min(self.first_ns, row.first_ns), max(self.last_ns, row.last_ns)
            self.hosts.update((row.src, row.dst))
            seen = row.messages, row.first_ns, row.last_ns
            self.verbs.setdefault((row.src, row.dst, row.protocol, row.verb), Seen()).add(*seen)
            self.functions.setdefault((row.src, row.dst, row.protocol, row.function, row.subfunction), Seen()).add(*seen)
            talks.setdefault((row.src, row.dst, row.protocol), Seen()).add(*seen)
            places = self.written if row.verb == "write" else self.asked if row.verb in _PLACED else None
            if places is not None:
                _count(places, row.place, row.range, row.messages)
        for talk, all_of_it in talks.items():
            lasted = all_of_it.last_ns - all_of_it.first_ns
            if lasted >= _RATED_NS:
                self.rates[talk] = max(self.rates.get(talk, 0.0), round((all_of_it.messages - 1) / (lasted / 1e9), 3))
        self._joined.clear()

    def merge(self, other: Baseline) -> None:
        """Adds what another baseline knows."""
        if other.verbs:
            self.first_ns = min(self.first_ns, other.first_ns) if self.verbs else other.first_ns
            self.last_ns = max(self.last_ns, other.last_ns) if self.verbs else other.last_ns
        self.sources |= other.sources
        self.hosts |= other.hosts
        self.services |= other.services
        self.quirks |= other.quirks
        self.knows_reads = self.knows_reads and other.knows_reads
        self.knows_quirks = self.knows_quirks and other.knows_quirks
        for key, seen in other.verbs.items():
            self.verbs.setdefault(key, Seen()).add(seen.messages, seen.first_ns, seen.last_ns)
        for function, seen in other.functions.items():
            self.functions.setdefault(function, Seen()).add(seen.messages, seen.first_ns, seen.last_ns)
        for mine, theirs in ((self.written, other.written), (self.asked, other.asked)):
            for place, ranges in theirs.items():
                for span, times in ranges.items():
                    _count(mine, place, span, times)
        for talk, rate in other.rates.items():
            self.rates[talk] = max(self.rates.get(talk, 0.0), rate)
        self._joined.clear()

    # questions, as the rules ask them

    def talks(self, src: str, dst: str, protocol: str) -> bool:
        """Whether src spoke this protocol to dst."""
        return any((src, dst, protocol, verb) in self.verbs for verb in _ALL_VERBS)

    def does(self, src: str, dst: str, protocol: str, action: Action) -> bool:
        """Whether it did this kind of action."""
        return (src, dst, protocol, VERBS[action]) in self.verbs

    def sends(self, src: str, dst: str, protocol: str, function: int, subfunction: int) -> bool | None:
        """Whether it sent this function; None when the baseline did not keep functions."""
        return (src, dst, protocol, function, subfunction) in self.functions if self.knows_reads else None

    def covers(
        self, src: str, dst: str, protocol: str, *, action: Action, unit: int, area: int, object: int, start: int, count: int
    ) -> bool | None:
        """Whether it wrote, or asked for, all of these addresses; None for actions of which places are not kept."""
        verb = VERBS[action]
        if verb != "write" and (verb not in _PLACED or not self.knows_reads):
            return None
        lows, highs = self._ranges("write" if verb == "write" else "read", (src, dst, protocol, unit, area, object))
        low, high = _range(start, count)
        at = bisect_right(lows, low) - 1
        return at >= 0 and high <= highs[at]

    def repeats_per_s(self, src: str, dst: str, protocol: str, *, action: Action, unit: int, area: int, object: int, start: int, count: int) -> float:
        """How many times a second it wrote, or asked for, exactly these addresses, over the whole time."""
        places = self.written if VERBS[action] == "write" else self.asked
        times = places.get((src, dst, protocol, unit, area, object), {}).get(_range(start, count), 0)
        lasted = (self.last_ns - self.first_ns) / 1e9
        return times / lasted if lasted > 0 and times > 1 else 0.0

    def rate_per_s(self, src: str, dst: str, protocol: str) -> float | None:
        """How many requests a second it sent, on the whole."""
        return self.rates.get((src, dst, protocol))

    def uses(self, client: str, server: str, transport: str, port: int) -> bool | None:
        """Whether the client used this service of the server; None when services were never learned."""
        return (client, server, transport, _service(port)) in self.services if self.services else None

    def has_host(self, address: str) -> bool | None:
        """Whether the address was seen at all; None of a MAC where none was ever learned."""
        if _is_mac(address) and not any(map(_is_mac, self.hosts)):
            return None
        return address in self.hosts

    def has_quirk(self, device: str, protocol: str, quirk: str) -> bool | None:
        """Whether the device's responses had this quirk; None when quirks were not kept, or nobody asked the device in that protocol."""
        if not self.knows_quirks or not any(dst == device and name == protocol for _, dst, name, _ in self.verbs):
            return None
        return (device, protocol, _quirk(quirk)) in self.quirks

    def is_quirky(self, device: str, protocol: str) -> bool:
        """Whether it knows any quirk of the device."""
        return any(known[:2] == (device, protocol) for known in self.quirks)

    def ranges(self, verb: str, place: Place) -> list[Range]:
        """The addresses that were written ("write") or asked for ("read") in a place, in as few ranges as possible."""
        lows, highs = self._ranges(verb, place)
        return list(zip(lows, highs, strict=True))

    def _ranges(self, verb: str, place: Place) -> tuple[list[int], list[int]]:
        known = self._joined.get((verb, place))
        if known is None:
            joined = _joined((self.written if verb == "write" else self.asked).get(place, ()))
            known = self._joined[verb, place] = [low for low, _ in joined], [high for _, high in joined]
        return known

    def completeness(self) -> Completeness:
        """Whether learning was long enough."""
        border = self.last_ns - (self.last_ns - self.first_ns) // 5
        commands = [times for ranges in self.written.values() for times in ranges.values()]
        commands += [seen.messages for (*_, verb), seen in self.verbs.items() if verb in COMMANDS and verb != "write"]
        questions = [times for ranges in self.asked.values() for times in ranges.values()]
        return Completeness(
            span_ns=self.last_ns - self.first_ns,
            known=len(self.verbs),
            new_in_last_fifth=sum(seen.first_ns > border for seen in self.verbs.values()),
            unseen_questions=kinds_unseen(questions),
            unseen_commands=kinds_unseen(commands),
        )

    def compare(self, behaviours: Behaviours, addresses: Addresses, protocols: Sequence[str]) -> list[Deviation]:
        """What of these behaviours is not known: one deviation for each conversation, verb, function or place, in order of time."""
        found: dict[tuple[object, ...], Deviation] = {}
        for row in _requests(behaviours, addresses, protocols):
            detail = ""
            talk = row.src, row.dst, row.protocol
            key: tuple[object, ...]
            if not self.talks(*talk):
                kind, key = "talker", ("talker", *talk)
            elif (*talk, row.verb) not in self.verbs:
                kind, key = "verb", ("verb", *talk, row.verb)
            elif self.sends(*talk, row.function, row.subfunction) is False:
                detail = f"function {row.function}" + (f".{row.subfunction}" if row.subfunction >= 0 else "")
                kind, key = "function", ("function", *talk, detail)
            elif self._outside(row):
                detail = f"unit {row.place[3]} area {row.place[4]} object {row.place[5]} addresses {row.range[0]}-{row.range[1]}"
                kind, key = "range", ("range", *talk, row.verb, detail)
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

    def _outside(self, row: _Request) -> bool:
        if row.verb != "write" and not (row.verb in _PLACED and self.knows_reads):
            return False
        known = self.ranges("write" if row.verb == "write" else "read", row.place)
        return not any(low <= row.range[0] and row.range[1] <= high for low, high in known)


_ALL_VERBS: Final = tuple(sorted(set(VERBS.values())))


@dataclass(frozen=True, slots=True)
class _Request:
    src: str
    dst: str
    protocol: str
    verb: str
    function: int
    subfunction: int
    place: Place
    range: Range
    messages: int
    first_ns: int
    last_ns: int
    first_frame: int


_COLUMNS: Final = (
    "source", "destination", "protocol", "role", "action", "function", "subfunction", "unit", "area", "object", "start", "count", "messages",
    "first_ns", "last_ns", "first_frame",
)  # fmt: skip


def _requests(behaviours: Behaviours, addresses: Addresses, protocols: Sequence[str]) -> Iterator[_Request]:
    """The requests among the behaviours, with their numbers as words."""
    for src, dst, protocol, role, action, function, subfunction, unit, area, object_, start, count, messages, first_ns, last_ns, frame in zip(
        *(behaviours.array(name).tolist() for name in _COLUMNS), strict=True
    ):
        if role == Role.REQUEST and src >= 0 and 0 < protocol <= len(protocols):
            talk = addresses.text(src), addresses.text(dst), protocols[protocol - 1]
            yield _Request(
                *talk,
                VERBS[Action(action)],
                function,
                subfunction,
                (*talk, unit, area, object_),
                _range(start, count),
                messages,
                first_ns,
                last_ns,
                frame,
            )


def _is_mac(address: str) -> bool:
    return len(address) == 17 and address.count(":") == 5


def _quirk(text: str) -> str:
    """A quirk without what is said of it in brackets, which the number at hand may change."""
    return text.partition(" (")[0]


def _service(port: int) -> int:
    return min(port, _DYNAMIC)


def _count(places: Places, place: Place, span: Range, times: int) -> None:
    ranges = places.setdefault(place, {})
    ranges[span] = ranges.get(span, 0) + times


def _range(start: int, count: int) -> Range:
    return start, start + max(count, 1) - 1


def _joined(ranges: Iterable[Range] | Mapping[Range, int]) -> list[Range]:
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
