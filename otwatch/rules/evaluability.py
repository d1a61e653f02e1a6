"""Whether a rule could be judged on this tap, derived from what its conditions need: nothing is stated by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from otwatch.actions import Role
from otwatch.alerts.coverage import JUDGED, How, Reason, Verdict, Why
from otwatch.groups import distinct
from otwatch.rules.context import Context
from otwatch.rules.explain import learned_from
from otwatch.rules.fields import OUTCOMES
from otwatch.rules.rule import AllOf, AnyOf, Condition, Rule, Term
from otwatch.tables import Behaviours

NEEDS_BASELINE: Final = frozenset(
    {"in_baseline", "function_in_baseline", "range_in_baseline", "habit_per_s", "src_known", "dst_known", "service_in_baseline", "quirk_in_baseline"}
)
NEEDS_INDICATORS: Final = frozenset({"src_indicator", "dst_indicator", "value_indicator"})
NEEDS_LEARNING: Final = frozenset({"new_talker", "new_verb", "src_unknown"})
NEEDS_SITE: Final = frozenset(
    {"permitted", "conduit", "src_zone", "dst_zone", "src_level", "dst_level", "jump_hosts_known", "vlan_of_zone", "src_jump_host", "src_engineering"}
)
UNKNOWN_WITHOUT_SITE: Final = NEEDS_SITE - {"jump_hosts_known", "src_jump_host", "src_engineering"}  # those are true or false in any case
NEEDS_OT_NETWORK: Final = frozenset({"dst_in_ot", "src_in_ot", "dst_is_controller"})
_MESSAGES: Final = frozenset({"operations", "behaviours", "silences"})  # tables made of messages of OT protocols
_MANY_TIMES: Final = 10
_PORTS_SHOWN: Final = 5
_SECOND: Final = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """Messages of one protocol."""

    requests: int = 0
    responses: int = 0
    asking: int = 0  # pairs of hosts of which requests were seen
    answering: int = 0

    def shows(self, role: str) -> tuple[int, int]:
        """Messages of that role, and pairs of hosts of which there were any."""
        return (self.requests, self.asking) if role == "request" else (self.responses, self.answering)


def spoken_in(table: Behaviours | None, name_of: Callable[[int], str]) -> tuple[dict[str, Spoken], int]:
    """What was said, by protocol, and of how many pairs of hosts no response was seen."""
    if table is None or not table.rows:
        return {}, 0
    protocols, roles, messages = table.array("protocol").astype(np.int64), table.array("role"), table.array("messages")
    source, target = table.array("source").astype(np.int64), table.array("destination").astype(np.int64)
    counts, pairs = [], []
    for role in (Role.REQUEST, Role.RESPONSE):
        which = roles == int(role)
        counts.append(np.bincount(protocols[which], messages[which], int(protocols.max()) + 1))
        talks = np.column_stack([protocols, source, target])[which & (target > 0)]
        pairs.append(set(map(tuple, np.unique(talks, axis=0, return_counts=True)[0].tolist())))
    found = {}
    for protocol in distinct(protocols).tolist():
        asking, answering = (sum(talk[0] == protocol for talk in talks) for talks in pairs)
        found[name_of(protocol)] = Spoken(
            requests=int(counts[0][protocol]), responses=int(counts[1][protocol]), asking=asking, answering=answering
        )
    return found, len(pairs[0] - pairs[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What was seen, as far as it decides whether rules could be judged."""

    packets: int
    protocols: Mapping[str, Spoken] = field(default_factory=dict)  # decoded
    undecoded: Sequence[tuple[str, int]] = ()  # OT protocols that are not decoded, with their packets, most first
    unrecognised: frozenset[str] = frozenset()  # protocols on whose port something else was said
    ports: frozenset[int] = frozenset()  # of servers
    both_ways: int = 0  # TCP connections of which both directions were seen
    one_way: int = 0
    one_way_pairs: int = 0  # pairs of hosts of which no response was seen
    places_ot: bool = False  # the site file has a zone of level 3 or below
    forgotten: Mapping[str, int] = field(default_factory=dict)  # rule -> windows that a limit made the engine forget


class Evaluability:
    """The verdicts of one observation."""

    def __init__(self, context: Context, observed: Observed) -> None:
        self.context = context
        self.observed = observed
        self.known = [spec.name for spec in context.protocols]
        self.absent = self._absent()

    def verdict(self, rule: Rule) -> Verdict:
        """How far a rule could be judged."""
        if not self.observed.packets:
            return _no(Why.NOTHING_READ, "no packet was read")
        steps = [(step.table, step.where) for step in rule.sequence.steps] if rule.sequence else [(rule.table, rule.where)]
        asked = [(table, _demands(where)) for table, where in steps]
        if self.context.intelligence is None and any(term.name in NEEDS_INDICATORS for _, demands in asked for term in demands):
            return _verdict(How.NOT_APPLICABLE, Why.NO_INDICATORS, "no threat intelligence was given (--intel)")
        for checks in (self._applies, self._policy, self._shown):
            found = [verdict for table, demands in asked if (verdict := checks(rule, table, demands)) is not None]
            if found:
                return min(found, key=lambda verdict: _ORDER.index(verdict.how))
        return self._length(rule)

    def verdicts(self, rules: Sequence[Rule]) -> dict[str, Verdict]:
        """By id."""
        return {rule.id: self.verdict(rule) for rule in rules}

    # what applies

    def _absent(self) -> Verdict:
        """What is said of rules on messages of OT protocols where none was decoded."""
        observed = self.observed
        if observed.undecoded:
            (name, count), *others = observed.undecoded
            more = f" and {sum(number for _, number in others):,} of other OT protocols" if others else ""
            return _no(
                Why.UNDECODED, f"{count:,} of {observed.packets:,} packets are {name}, which this version does not decode{more and ','}{more}"
            )
        if observed.unrecognised:
            return _no(Why.UNRECOGNISED, f"what was sent on the port of {_listed(sorted(observed.unrecognised))} was not recognised")
        return _no(Why.NO_OT_TRAFFIC, "no message of an OT protocol was seen")

    def _applies(self, _: Rule, table: str, demands: Sequence[Term]) -> Verdict | None:
        observed = self.observed
        protocols = self._protocols(table, demands)
        if protocols is not None:
            if not any(name in observed.protocols for name in protocols):
                if not observed.protocols:
                    return self.absent
                if observed.unrecognised.intersection(protocols):
                    return _no(Why.UNRECOGNISED, f"what was sent on the port of {_listed(protocols)} was not recognised")
                return _verdict(How.NOT_APPLICABLE, Why.PROTOCOL_ABSENT, f"no message of {_listed(protocols)} was seen")
        elif table in _MESSAGES and not observed.protocols:
            return self.absent
        if table == "flows":
            needed = {term.name for term in demands}
            for term in demands:
                if term.name == "port" and term.operator == "in" and not observed.ports.intersection(term.values):
                    if needed & NEEDS_OT_NETWORK and not self._ot_network():
                        break
                    shown = ", ".join(map(str, term.values[:_PORTS_SHOWN])) + (", …" if len(term.values) > _PORTS_SHOWN else "")
                    return _verdict(How.NOT_APPLICABLE, Why.SERVICE_ABSENT, f"no connection to port {shown} was seen")
                if term.name in OUTCOMES and term.operator == "known" and not term.values[0] and observed.both_ways and not observed.one_way:
                    return _verdict(How.NOT_APPLICABLE, Why.SERVICE_ABSENT, "this tap shows both directions of every connection")
        return None

    def _protocols(self, table: str, demands: Sequence[Term]) -> tuple[str, ...] | None:
        """The decoded protocols that a clause is about; None when it is about any."""
        for term in demands:
            if term.operator not in ("in", "startswith", "contains"):
                continue
            if term.name == "protocol" and table != "flows":
                return tuple(str(value) for value in term.values)
            if table == "anomalies" and term.name in ("anomaly", "layer"):
                layers = {str(value).partition(".")[0] for value in term.values}
                if layers <= set(self.known):
                    return tuple(sorted(layers))
        return None

    # what is known

    def _policy(self, _: Rule, __: str, demands: Sequence[Term]) -> Verdict | None:
        needed = {term.name for term in demands if term.operator != "known"}
        context = self.context
        if needed & NEEDS_BASELINE and context.baseline is None:
            return _no(Why.NO_BASELINE, "needs a baseline (otwatch baseline learn)")
        if needed & NEEDS_SITE and context.site is None:
            return _no(Why.NO_SITE_FILE, "needs a site file (otwatch site init)")
        if needed & NEEDS_OT_NETWORK and not self._ot_network():
            return _no(Why.NO_OT_NETWORK, f"no OT network is known: no site file places one, and {_reason(self.absent)}")
        knowledge = context.knowledge
        if context.baseline is None and needed & (NEEDS_LEARNING | {"writer"}) and not knowledge.usable:
            if not self.observed.protocols:
                return self.absent
            span, needs = knowledge.span_ns / _SECOND, knowledge.learning.needs_ns / _SECOND
            reason = (
                Reason(Why.TOO_SHORT, f"no baseline, and too short an observation to learn from ({span:.1f} s; needs {needs:.0f} s)")
                if span < needs
                else Reason(Why.NOT_POLLED, "no baseline, and nobody was seen polling a device long enough to learn from")
            )
            return Verdict(How.NO if needed & NEEDS_LEARNING else How.PARTLY, reason)
        return None

    def _ot_network(self) -> bool:
        return bool(self.observed.protocols) or self.observed.places_ot

    # what this tap shows

    def _shown(self, rule: Rule, table: str, demands: Sequence[Term]) -> Verdict | None:
        observed = self.observed
        if observed.forgotten.get(rule.id):
            return _verdict(How.PARTLY, Why.LIMIT, "there was more to count than the limit on open windows allows")
        if table == "flows" and any(term.name in OUTCOMES and term.name != "sent_data" and term.operator != "known" for term in demands):
            if observed.one_way and not observed.both_ways:
                return _no(Why.ONE_DIRECTION, "this tap shows one direction of the connections only")
            if observed.one_way * _MANY_TIMES > observed.both_ways:
                return _verdict(How.PARTLY, Why.ONE_DIRECTION, f"of {observed.one_way:,} connections this tap shows one direction only")
        roles = {str(value) for term in demands if term.name == "role" and term.operator == "in" for value in term.values}
        if table in ("operations", "behaviours") and roles and "event" not in roles:
            protocols = self._protocols(table, demands) or tuple(observed.protocols)
            spoken = [observed.protocols[name] for name in protocols if name in observed.protocols]
            for role, other in (("response", "request"), ("request", "response")):
                (own, pairs), (others, other_pairs) = (_summed(spoken, kind) for kind in (role, other))
                # One question may have many answers: where most pairs show both, the tap does.
                if roles == {role} and own * _MANY_TIMES < others and pairs * _MANY_TIMES < other_pairs:
                    counted = f"{own:,} of {own + others:,} messages are {role}s"
                    return _no(Why.ONE_DIRECTION, f"{counted}: this tap shows one direction only")
            if roles == {"response"} and observed.one_way_pairs:
                return _verdict(How.PARTLY, Why.ONE_DIRECTION, f"of {observed.one_way_pairs:,} pairs of hosts no response was seen")
        needed = {term.name for term in demands}
        if needed & NEEDS_LEARNING and self.context.baseline is None:
            return _verdict(How.PARTLY, Why.LEARNED_HERE, learned_from(self.context.knowledge, self.context.knowledge.now_ns))
        return None

    def _length(self, rule: Rule) -> Verdict:
        window, span = rule.window, self.context.knowledge.span_ns
        if window is not None and span < window.for_ns:
            return _verdict(
                How.PARTLY, Why.TOO_SHORT, f"{span / _SECOND:.1f} s were seen, and the rule counts over {window.for_ns / _SECOND:.0f} s"
            )
        return JUDGED


_ORDER: Final = (How.NOT_APPLICABLE, How.NO, How.PARTLY, How.YES)


def _demands(where: Condition) -> tuple[Term, ...]:
    """The terms that must hold for a condition to hold: those of its AND, and what every alternative of an `any` asks of the same field."""
    return tuple(_conjuncts(where))


def _conjuncts(where: Condition) -> Iterator[Term]:
    if isinstance(where, Term):
        yield where
    elif isinstance(where, AllOf):
        for part in where.parts:
            yield from _conjuncts(part)
    elif isinstance(where, AnyOf):
        alternatives = [{(term.name, term.operator): term for term in _conjuncts(part)} for part in where.parts]
        for key in alternatives[0]:
            if all(key in one for one in alternatives):
                yield Term(key[0], key[1], tuple(dict.fromkeys(value for one in alternatives for value in one[key].values)))


def _summed(spoken: Sequence[Spoken], role: str) -> tuple[int, int]:
    messages, pairs = zip(*(one.shows(role) for one in spoken), strict=True) if spoken else ((), ())
    return sum(messages), sum(pairs)


def _no(why: Why, text: str) -> Verdict:
    return _verdict(How.NO, why, text)


def _verdict(how: How, why: Why, text: str) -> Verdict:
    return Verdict(how, Reason(why, text))


def _reason(verdict: Verdict) -> str:
    return verdict.reason.text if verdict.reason else ""


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]

