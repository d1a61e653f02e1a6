"""Alerts of which one holds all rows of another: they are reported as one.

What is compared are the rows, by behaviour (or what tells rows without behaviour apart) and by burst, never names of rules. An alert folds into one
that is at least as grave and holds all of its rows; of two with the same rows the graver leads, then a rule of the user's own, then the more special
one. Who entered the source before is never lost: the chain that says it goes along. What folds stands in `also` of the other with its id and its
reason; techniques unite. An alert that the plant accepts neither takes others in nor vanishes: the general alert stays then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from otwatch.alerts.alert import Alert
from otwatch.alerts.bursts import covers
from otwatch.alerts.evidence import Act, Also, entries
from otwatch.alerts.outcome import OPEN, Items, united
from otwatch.rules.report import Reported, used_by
from otwatch.rules.rule import AllOf, Condition, Not, Rule, Term, Unless

_FRAMES: Final = 4
_CANDIDATES: Final = 64  # alerts on one row that are compared
_OF_SITE: Final = frozenset({"permitted", "conduit", "vlan_of_zone"})  # stated where there is a site file
_OF_BASELINE: Final = frozenset({"in_baseline", "range_in_baseline", "src_known", "dst_known"})
# Fields whose condition states a fact of its own beside what was done: it is kept as a line, whoever takes the alert in.
_STATES: Final = {
    "permitted": "the site file does not permit it",
    "conduit": "the site file has no conduit between these zones",
    "in_baseline": "the baseline does not hold it",
    "range_in_baseline": "the baseline does not hold this range",
    "src_known": "the baseline does not know the source",
    "dst_known": "the baseline does not know the target",
    "new_talker": "first conversation of these two",
    "new_verb": "first action of this kind between these two",
    "value": "the value is out of its limits",
    "vlan_of_zone": "the VLAN is not one of the zone",
}


class Folder:
    """How special the rules of one engine are, and what they state."""

    def __init__(self, rules: Sequence[Rule], *, site: bool = True, baseline: bool = True) -> None:
        unknown = (frozenset() if site else _OF_SITE) | (frozenset() if baseline else _OF_BASELINE)
        self._special = [_special(rule) for rule in rules]
        self._own = [rule.is_own for rule in rules]
        self._grave = [rule.severity for rule in rules]
        # How many there were in so short a time is a fact of its own, and so is what others published.
        self._apart = [rule.table == "surges" or "indicator_valid" in used_by(rule) for rule in rules]
        self._states = ["; ".join(dict.fromkeys(_stated(rule, unknown))) for rule in rules]

    def fold(self, found: Sequence[Reported]) -> list[Reported]:
        """The alerts that stay, in their order; what was folded into them is in their evidence."""
        ranked = sorted(found, key=self._rank)
        leaders: dict[object, list[Reported]] = {}
        gone = set()
        for one in ranked:
            if one.alert.evidence.accepted or self._apart[one.rule]:
                continue
            leader = self._leader(one, leaders)
            if leader is not None:
                self._add(leader.alert, one)
                gone.add(one.number)
                continue
            for key in one.rows:
                leaders.setdefault(key, []).append(one)
        return [one for one in found if one.number not in gone]

    def _rank(self, one: Reported) -> tuple[object, ...]:
        """Who takes in whom: the graver first, then a rule that the user wrote, then the rule that is grave whoever acts, then who holds more rows,
        then the more special rule."""
        special = tuple(-part for part in self._special[one.rule])
        return -one.alert.severity, not self._own[one.rule], -self._grave[one.rule], -len(one.rows), *special, one.alert.rule, one.number

    @staticmethod
    def _leader(one: Reported, leaders: dict[object, list[Reported]]) -> Reported | None:
        rows = one.rows
        fewest: list[Reported] | None = None
        for key in rows:
            candidates = leaders.get(key)
            if not candidates:
                return None  # nobody holds this row
            if fewest is None or len(candidates) < len(fewest):
                fewest = candidates
        for candidate in (fewest or ())[:_CANDIDATES]:
            held = candidate.rows
            if len(held) >= len(rows) and rows.keys() <= held.keys() and all(held[key] is own or covers(held[key], own) for key, own in rows.items()):
                return candidate
        return None

    @staticmethod
    def _answered(top: Alert, alert: Alert) -> None:
        """What the device said to the same acts, where only the alert that is taken in knows it."""
        acts = []
        for act in top.evidence.acts:
            same = [one for one in alert.evidence.acts if _is_same(act, one)]
            acts.append(_told_before(_answered(act, same), same))
        if all(act is before for act, before in zip(acts, top.evidence.acts, strict=True)):
            return
        top.evidence.acts = tuple(acts)
        top.items = sum((act.items for act in acts), Items())

    def _add(self, top: Alert, one: Reported) -> None:
        alert = one.alert
        top.evidence.also.append(
            Also(
                id=alert.id,
                rule=alert.rule,
                title=alert.title,
                severity=alert.severity,
                src=alert.src,
                dst=alert.dst,
                count=alert.count,
                first_ns=alert.first_seen_ns,
                last_ns=alert.last_seen_ns,
                frames=alert.frames[:_FRAMES],
                objects=alert.evidence.objects or ((alert.object,) if alert.object else ()),
                reason=self._states[one.rule],
            )
        )
        if top.outcome in OPEN and alert.outcome not in OPEN and (alert.action, alert.function) == (top.action, top.function):
            top.outcome = alert.outcome  # the same messages: what the device said to them is known there
        self._answered(top, alert)
        if entries(alert.evidence.chain) and not entries(top.evidence.chain):
            top.evidence.chain = alert.evidence.chain
        if alert.evidence.cards and not top.evidence.cards:
            top.evidence.cards, top.src_mac = alert.evidence.cards, alert.src_mac
        top.attack = tuple(dict.fromkeys((*top.attack, *alert.attack)))


def _act_key(act: Act) -> tuple[object, ...]:
    return act.action, act.function, act.function_name, act.target, act.is_answer


def _is_same(act: Act, other: Act) -> bool:
    """Whether an act is of the same messages as another."""
    same = act.objects == other.objects or (bool(act.behaviours) and {*act.behaviours} <= {*other.behaviours})
    return same and _act_key(act) == _act_key(other)


def _answered(act: Act, same: Sequence[Act]) -> Act:
    known = [one for one in same if one.outcome not in OPEN]
    if act.outcome not in OPEN or not known:
        return act
    first = known[0]
    value, values = (first.value, first.values) if act.value is None else (act.value, act.values)
    items, outcome = sum((one.items for one in known), Items()), united(one.outcome for one in known)
    return replace(act, outcome=outcome, items=items, value=value, values=values, proof=first.proof)


def _told_before(act: Act, same: Sequence[Act]) -> Act:
    """What the point was before the first of the messages, which only one of the alerts may hold."""
    told = next((one for one in same if one.before is not None and one.first_ns <= act.first_ns), None)
    return replace(act, before=told.before, before_frame=told.before_frame) if told is not None and act.before is None else act


def _special(rule: Rule) -> tuple[int, int, int]:
    """A sequence says more than a window, a window more than a row, many conditions more than few."""
    wheres = [step.where for step in rule.sequence.steps] if rule.sequence else [rule.where]
    return int(rule.sequence is not None), int(rule.window is not None), sum(_size(where) for where in wheres)


def _size(condition: Condition) -> int:
    """How much a condition narrows: alternatives narrow as little as the least of them."""
    if isinstance(condition, Term):
        return 1
    if isinstance(condition, Not | Unless):
        return _size(condition.part)
    sizes = [_size(part) for part in condition.parts] or [0]
    return sum(sizes) if isinstance(condition, AllOf) else min(sizes)


def _stated(rule: Rule, unknown: frozenset[str]) -> list[str]:
    return [text for name, text in _STATES.items() if name in used_by(rule) and name not in unknown]
