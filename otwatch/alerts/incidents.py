"""Incidents: alerts that are one thing. By causal chain first, then by actor, then, where the sources are many or forged, by target or cause.

`gather` is a function of the alerts alone, so that a capture and a sensor that saw the same packets say the same. Identity over time (ids that never
change, what was sent, merges) is kept in `book.py`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from otwatch.alerts.alert import Alert
from otwatch.alerts.bursts import QUIET_NS, Burst, Interval, merged
from otwatch.alerts.evidence import Act, Hop, entries
from otwatch.alerts.outcome import OPEN, SUCCEEDED, Items, Outcome, united
from otwatch.alerts.severity import Severity
from otwatch.alerts.story import advice, stated

DAY_NS: Final = 86_400_000_000_000
STEPS: Final = 64  # rows of one story; all are counted
LISTED: Final = 256  # targets and sources by name; all are counted
_LINES: Final = 16
_MANY: Final = 16  # sources whose gravest alerts are of one rule and one target
_MANY_ONE_CARD: Final = 8  # the same, behind one network card
_CAUSE: Final = 3  # sources of one missing conduit, or of one note
_HOPS: Final = 8
_MET: Final = "ot.new-talker"
_OPEN_OR_MIXED: Final = OPEN | {Outcome.PARTLY_REFUSED}

Node = tuple[str, ...]
Rows = Mapping[Any, Sequence[Interval]]  # what was counted, with its bursts
Stroke = tuple[Alert, Burst]


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A host of an incident."""

    address: str
    name: str | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One row of the story: what was done to whom, and what became of it."""

    first_ns: int
    last_ns: int
    src: str
    dst: str
    title: str  # of the alert's rule
    rule: str
    alert: str  # id
    occurrence: int
    count: int
    outcome: Outcome
    frames: tuple[int, ...]
    severity: Severity
    act: Act | None = None  # None: no request of an OT protocol


@dataclass(slots=True, kw_only=True)
class Incident:
    """Alerts of one chain, one actor or one cause."""

    id: str
    key: str  # what its alerts have in common; the same for the incidents that follow it
    title: str
    severity: Severity
    confidence: float
    actor: str
    actor_name: str | None = None
    actor_zone: str | None = None
    actor_mac: str | None = None
    sources: tuple[str, ...] = ()  # where there are several
    sources_count: int = 0
    forged: str = ""  # why the sources are held to be forged, or one
    path: tuple[Party, ...] = ()  # the actor, then every host that was entered on the way
    targets: tuple[Party, ...] = ()
    targets_count: int = 0
    first_ns: int
    last_ns: int
    occurrence: int = 1  # bursts so far
    count: int = 0
    steps: tuple[Step, ...] = ()
    steps_count: int = 0
    gravest: Step | None = None
    outcome: Outcome = Outcome.NOT_OBSERVED  # of the gravest
    items: Items = field(default_factory=Items)
    techniques: tuple[str, ...] = ()
    lead: Alert
    alerts: tuple[str, ...] = ()  # ids, gravest first
    lines: tuple[str, ...] = ()  # facts that alerts state beside what was done
    chain: tuple[Hop, ...] = ()
    next: tuple[str, ...] = ()
    follows: str = ""  # id of the incident that had ended before
    merged_into: str = ""
    ended: bool = False

    @property
    def is_note(self) -> bool:
        """Whether it is only for information: below medium."""
        return self.severity < Severity.MEDIUM

    @property
    def time_ns(self) -> int:
        """When it happened: of what came back, the last time that something began."""
        return self.first_ns if self.occurrence == 1 else max((step.first_ns for step in self.steps), default=self.last_ns)

    @property
    def succeeded(self) -> tuple[Step, ...]:
        """Steps that changed something and were confirmed, gravest first."""
        return tuple(sorted((step for step in self._acting if step.outcome in SUCCEEDED), key=_by_weight))

    @property
    def failed(self) -> tuple[Step, ...]:
        """Steps that would have changed something and were refused or contradicted."""
        failed = Outcome.REFUSED, Outcome.CONTRADICTED, Outcome.PARTLY_REFUSED
        return tuple(sorted((step for step in self._acting if step.outcome in failed), key=_by_weight))

    @property
    def _acting(self) -> Iterable[Step]:
        asked = {_what(step) for step in self.steps if step.act is not None and not step.act.is_answer}
        return (step for step in self.steps if step.act is not None and step.act.changing and not (step.act.is_answer and _what(step) in asked))


def _what(step: Step) -> tuple[str, str, str]:
    return step.src, step.dst, step.act.function_name if step.act is not None else ""


def gather(
    alerts: Sequence[Alert], *, quiet_ns: int = QUIET_NS, ends_ns: int = DAY_NS, rows: Mapping[str, Rows] | None = None
) -> list[Incident]:
    """The incidents of these alerts, gravest first, then in order of time. `rows`: of alerts, by id; what several hold counts once."""
    _name_cards(alerts)
    strokes = [(alert, burst) for alert in alerts for burst in alert.bursts]
    entered = _entries(alerts)
    groups: dict[Node, list[Stroke]] = {}
    for alert, burst in strokes:
        groups.setdefault(_root(_node(alert), burst.first_ns, entered), []).append((alert, burst))
    incidents = []
    for node, members in _united(groups).items():
        before = ""
        for part in _parts(members, ends_ns):
            incident = _incident(node, part, quiet_ns, rows or {})
            incident.follows, before = before, incident.id
            incidents.append(incident)
    return sorted(incidents, key=lambda one: (-one.severity, one.first_ns, one.id))


# who acted


def _name_cards(alerts: Sequence[Alert]) -> None:
    """Of an address that two network cards claim, the actor is the card that claims several; else the one that came later."""
    claims: dict[str, set[str]] = {}
    for alert in alerts:
        for card in alert.evidence.cards:
            claims.setdefault(card, set()).add(alert.dst)
    for alert in alerts:
        several = [card for card in alert.evidence.cards if len(claims[card]) > 1]
        if several:
            alert.src_mac = max(several, key=lambda card: (len(claims[card]), card))


def _node(alert: Alert) -> Node:
    """What an alert is gathered by, for itself."""
    if alert.evidence.cards and alert.src_mac:
        return "card", alert.src_mac
    if alert.evidence.sources_count > 1:
        return "many", alert.rule, "" if alert.evidence.targets_count > 1 else alert.dst
    return ("host", alert.src) if alert.has_actor else ("cause", alert.rule)


def _entries(alerts: Sequence[Alert]) -> dict[str, list[tuple[int, str]]]:
    """Host -> when it was entered, and from where: what it did since then is of who entered it."""
    found: dict[str, list[tuple[int, str]]] = {}
    for alert in alerts:
        for host, time_ns, source in entries(alert.evidence.chain):
            found.setdefault(host, []).append((time_ns, source))
    return found


def _root(node: Node, at_ns: int, entered: dict[str, list[tuple[int, str]]]) -> Node:
    """Who stands at the beginning of the chain that led to what this host did."""
    seen = set()
    for _ in range(_HOPS):
        if node[0] != "host" or node in seen:
            break
        seen.add(node)
        before = [entry for entry in entered.get(node[1], ()) if entry[0] <= at_ns]
        if not before:
            break
        at_ns, source = max(before)
        node = "host", source
    return node


def _united(groups: dict[Node, list[Stroke]]) -> dict[Node, list[Stroke]]:
    """Sources whose gravest is one thing, many of them: one cause or one forger, not one incident for each."""
    groups = _notes_apart(groups)
    wanted: dict[Node, list[Node]] = {}
    cards: dict[str, set[str]] = {}
    for node, members in groups.items():
        if node[0] != "host":
            continue
        for alert, _ in members:
            if alert.neighbours and alert.src_mac:
                cards.setdefault(alert.src_mac, set()).add(alert.src)
    for node, members in groups.items():
        for common in _common(node, members, cards):
            wanted.setdefault(common, []).append(node)
    into: dict[Node, Node] = {}
    for common, nodes in wanted.items():
        free = [node for node in nodes if node not in into]
        if common in groups or len(free) >= _ENOUGH[common[0]]:
            into.update(dict.fromkeys(free, common))
    found: dict[Node, list[Stroke]] = {}
    for node, members in groups.items():
        found.setdefault(into.get(node, node), []).extend(members)
    return found


def _notes_apart(groups: dict[Node, list[Stroke]]) -> dict[Node, list[Stroke]]:
    """What many hosts raise that raise nothing grave is one note for each rule: four masters at work are not four things to read."""
    hosts: dict[str, set[Node]] = {}
    for node, members in groups.items():
        if node[0] == "host" and all(alert.severity < Severity.MEDIUM for alert, _ in members):
            for alert, _ in members:
                hosts.setdefault(alert.rule, set()).add(node)
    found: dict[Node, list[Stroke]] = {}
    for node, members in groups.items():
        for alert, burst in members:
            sharing = hosts.get(alert.rule, ())
            apart = node in sharing and len(sharing) >= _CAUSE
            found.setdefault(("note", alert.rule) if apart else node, []).append((alert, burst))
    return found


_ENOUGH: Final = {"card": 1, "spoofed": _MANY_ONE_CARD, "many": _MANY, "conduit": _CAUSE}


def _common(node: Node, members: Sequence[Stroke], cards: dict[str, set[str]]) -> Iterable[Node]:
    """What a source may share with others, the surest first."""
    if node[0] != "host":
        return
    alerts = [alert for alert, _ in members]
    card = next((alert.src_mac for alert in alerts if alert.neighbours and alert.src_mac), None)
    if card is not None and len(cards[card]) >= _MANY_ONE_CARD:
        yield "card", card  # neighbours that share a network card are one host
    worst = max(alert.severity for alert in alerts)
    grave = [alert for alert in alerts if alert.severity >= min(worst, Severity.MEDIUM)]
    rules = {alert.rule for alert in alerts if alert.severity == worst}  # a session that is opened first is another alert of the same attack
    zones = {(alert.src_zone or "", alert.dst_zone or "") for alert in grave}
    if len(zones) == 1 and all(_conduit_missing(alert) for alert in grave) and not any(_changes(alert) for alert in grave):
        yield "conduit", *next(iter(zones))
    if len(rules) > 1:
        return
    targets, macs = {alert.dst for alert in grave}, {alert.src_mac for alert in grave}
    if len(targets) == 1:
        if len(macs) == 1 and (mac := next(iter(macs))):
            yield "spoofed", *rules, *targets, mac
        yield "many", *rules, *targets


def _conduit_missing(alert: Alert) -> bool:
    return alert.evidence.matched.get("conduit") == "denied"


def _changes(alert: Alert) -> bool:
    return any(act.changing for act in alert.evidence.acts)


# one incident


def _parts(members: list[Stroke], ends_ns: int) -> Iterable[list[Stroke]]:
    """A day of silence ends an incident."""
    part: list[Stroke] = []
    last_ns = 0
    for stroke in sorted(members, key=lambda one: (one[1].first_ns, one[1].last_ns, one[0].id)):
        if part and stroke[1].first_ns - last_ns > ends_ns:
            yield part
            part = []
        part.append(stroke)
        last_ns = max(last_ns, stroke[1].last_ns)
    yield part


def _incident(node: Node, members: list[Stroke], quiet_ns: int, rows: Mapping[str, Rows]) -> Incident:
    first_ns, last_ns = members[0][1].first_ns, max(burst.last_ns for _, burst in members)
    alerts = sorted({alert.id: alert for alert, _ in members}.values(), key=_leading)
    lead = _lead(alerts)
    steps = _steps(members)
    grave = sorted(steps, key=_by_weight)
    if len(steps) > STEPS:
        kept = {id(step) for step in grave[:STEPS]}
        shown = tuple(step for step in steps if id(step) in kept)
    else:
        shown = tuple(steps)
    gravest = grave[0] if grave else None
    incident = Incident(
        id=hashlib.sha256("|".join(("incident", *node, str(first_ns))).encode()).hexdigest()[:16],
        key="|".join(node),
        title=lead.title,
        severity=max(alert.severity for alert in alerts),
        confidence=max(alert.confidence for alert in alerts if alert.severity is lead.severity),
        actor=lead.src,
        first_ns=first_ns,
        last_ns=last_ns,
        occurrence=len(merged(((burst.first_ns, burst.last_ns, burst.count) for _, burst in members), quiet_ns)),
        count=_count(members, rows),
        steps=shown,
        steps_count=len(steps),
        gravest=gravest,
        outcome=gravest.outcome if gravest is not None and gravest.act is not None else united(alert.outcome for alert in alerts),
        items=sum((alert.items for alert in alerts), Items()),
        techniques=tuple(dict.fromkeys(technique for alert in alerts for technique in alert.attack)),
        lead=lead,
        alerts=tuple(alert.id for alert in alerts),
        chain=next((alert.evidence.chain for alert in alerts if alert.evidence.chain), ()),
    )
    _name_parties(incident, node, alerts)
    incident.lines = tuple(dict.fromkeys(([incident.forged] if incident.forged else []) + [line for alert in alerts for line in stated(alert)]))[
        :_LINES
    ]
    incident.next = tuple(
        advice(incident.actor, lead, [step.act for step in grave if step.act is not None], [party.address for party in incident.path])
    )
    return incident


def _count(members: Sequence[Stroke], rows: Mapping[str, Rows]) -> int:
    """Messages: those that several alerts hold once."""
    if len({alert.id for alert, _ in members}) < 2:
        return sum(burst.count for _, burst in members)
    alone, counts = 0, Counter[tuple[Any, str]]()
    for alert, burst in members:
        own = rows.get(alert.id)
        if own is None:
            alone += burst.count
        else:
            for key, intervals in own.items():
                counts[key, alert.id] += sum(count for first, last, count in intervals if burst.first_ns <= first and last <= burst.last_ns)
    most = Counter[Any]()
    for (key, _), count in counts.items():
        most[key] = max(most[key], count)
    return alone + most.total()


def _leading(alert: Alert) -> tuple[object, ...]:
    """What leads: the gravest, then what succeeded, then what has a chain, then the earliest."""
    acts = alert.evidence.acts
    done, grave = acts[0].weight if acts else (False, 0)
    return -alert.severity, bool(alert.evidence.accepted), not done, -grave, not alert.evidence.chain, alert.first_seen_ns, alert.rule, alert.dst


def _lead(alerts: Sequence[Alert]) -> Alert:
    """The first of them; where it only looks, or only says that they met, the gravest of those that changed something."""
    acts = alerts[0].evidence.acts
    if alerts[0].rule != _MET and (not acts or acts[0].weight[1]):
        return alerts[0]
    changed = [alert for alert in alerts if alert.severity >= Severity.MEDIUM and alert.evidence.acts and alert.evidence.acts[0].weight[0]]
    return next((alert for alert in changed if alert.rule != _MET), alerts[0])


def _by_weight(step: Step) -> tuple[object, ...]:
    done, grave = step.act.weight if step.act is not None else (False, 0)
    return not (done and step.outcome in SUCCEEDED), -grave, -step.severity, step.first_ns


def _steps(members: Iterable[Stroke]) -> list[Step]:
    """The story in order of time: a row for each act, or for each burst of what came again; the same rows of several alerts once."""
    found: dict[tuple[object, ...], list[Step]] = {}
    for alert, burst in sorted(members, key=lambda one: (-one[0].severity, one[0].id, one[1].first_ns)):
        acts: Sequence[Act | None] = alert.evidence.acts if alert.occurrence == 1 and alert.evidence.acts else [*alert.evidence.acts[:1]] or [None]
        for act in burst.acts or acts:
            said: Act | Burst = burst if act is None or (alert.occurrence > 1 and not burst.acts) else act
            step = Step(
                first_ns=said.first_ns,
                last_ns=said.last_ns,
                src=alert.src if alert.has_actor or not alert.src_mac else alert.src_mac,
                dst=act.target if act is not None and act.target else alert.dst,
                title=alert.title,
                rule=alert.rule,
                alert=alert.id,
                occurrence=burst.occurrence,
                count=said.count,
                outcome=said.outcome,
                frames=said.frames or (alert.frames[:8] if said is burst else ()),
                severity=alert.severity,
                act=act,
            )
            same = found.setdefault((alert.src, step.dst, act.function_name if act else alert.rule), [])
            place = next((place for place, other in enumerate(same) if _is_of_same_rows(other, step)), -1)
            if place < 0:
                same.append(step)
            else:
                same[place] = _wider(same[place], step)
    return sorted((step for steps in found.values() for step in steps), key=lambda step: (step.first_ns, step.src, step.dst, step.rule))


def _is_of_same_rows(one: Step, other: Step) -> bool:
    """Whether one of two steps of the same function holds all that the other does."""
    if one.act is None or other.act is None or not (one.act.behaviours and other.act.behaviours):
        return one.first_ns == other.first_ns and (one.act is None or other.act is None or one.act.objects == other.act.objects)
    if one.outcome is not other.outcome and not {one.outcome, other.outcome} & _OPEN_OR_MIXED:
        return False
    if one.last_ns < other.first_ns or other.last_ns < one.first_ns:
        return False
    rows, others = set(one.act.behaviours), set(other.act.behaviours)
    return rows <= others or others <= rows


def _wider(first: Step, other: Step) -> Step:
    """Of two steps of the same rows the one that holds more, under the title of the first, which is graver."""
    if first.act is None or other.act is None:
        return replace(first, outcome=other.outcome if first.outcome in OPEN else first.outcome)
    wide, narrow = (first, first.act), (other, other.act)
    if (len(narrow[1].behaviours), other.count) > (len(wide[1].behaviours), first.count):
        wide, narrow = narrow, wide
    (step, act), (_, beside) = wide, narrow
    if act.objects == beside.objects and act.value is None:
        act = replace(act, value=beside.value, values=beside.values, values_count=beside.values_count)
    if act.objects == beside.objects and act.before is None and beside.first_ns <= act.first_ns:
        act = replace(act, before=beside.before, before_frame=beside.before_frame)
    outcome = narrow[0].outcome if step.outcome in OPEN else step.outcome
    return replace(
        step, act=act, title=first.title, rule=first.rule, alert=first.alert, severity=first.severity, occurrence=first.occurrence, outcome=outcome
    )


def _name_parties(incident: Incident, node: Node, alerts: Sequence[Alert]) -> None:
    """Who acted, by which way, on whom."""
    parties: dict[str, Party] = {}
    for alert in alerts:
        parties.setdefault(alert.dst, Party(address=alert.dst, name=alert.dst_name, zone=alert.dst_zone))
        parties.setdefault(alert.src, Party(address=alert.src, name=alert.src_name, zone=alert.src_zone))
    sources = dict.fromkeys(source for alert in alerts for source in (alert.evidence.sources or ((alert.src,) if alert.has_actor else ())))
    if node[0] == "host":
        incident.actor = node[1]
        incident.path = _path(node[1], alerts, parties)
    elif node[0] == "card":
        incident.actor, incident.actor_mac = next(iter(sources), node[1]), node[1]
        if len(sources) > 1:
            incident.forged = (
                f"{len(sources)} source addresses came from one network card ({node[1]}) of their own network: "
                "they are forged, or one host has them all"
            )
    elif len(sources) > 1:
        counted = max(len(sources), *(alert.evidence.sources_count for alert in alerts))
        incident.actor = f"{counted} sources"
        if node[0] == "spoofed":
            incident.actor_mac = node[-1]
            incident.forged = (
                f"{counted} source addresses came from one network card ({node[-1]}), and each did only this: "
                "they are forged, or one router passes them on"
            )
        elif node[0] == "many":
            incident.forged = f"{counted} source addresses did only this, and nothing else of them was seen to matter: they may be forged"
    else:
        incident.actor = next(iter(sources), "") or (alerts[0].src_mac or "-")
    known = parties.get(incident.actor)
    if known is not None:
        incident.actor_name, incident.actor_zone = known.name, known.zone
    if incident.actor_mac is None and node[0] == "host":
        incident.actor_mac = next((alert.src_mac for alert in alerts if alert.src == incident.actor and alert.src_mac), None)
    if len(sources) > 1 and node[0] != "host":  # the hosts of a chain are its path
        incident.sources = tuple(sources)[:LISTED]
        incident.sources_count = max(len(sources), *(alert.evidence.sources_count for alert in alerts))
    targets = dict.fromkeys(target for alert in alerts for target in (alert.evidence.targets or (alert.dst,)) if target not in ("", "-"))
    for hop in incident.path[1:]:
        targets.setdefault(hop.address)
    incident.targets = tuple(parties.get(target) or Party(address=target) for target in list(targets)[:LISTED])
    incident.targets_count = max(len(targets), *(alert.evidence.targets_count for alert in alerts))


def _path(actor: str, alerts: Sequence[Alert], parties: dict[str, Party]) -> tuple[Party, ...]:
    """The actor and the hosts that were entered, in the order of the longest chain."""
    longest: list[str] = [actor]
    for alert in alerts:
        own = [hop.src for hop in alert.evidence.chain]
        way = list(dict.fromkeys(own))
        if way and way[0] == actor and len(way) > len(longest):
            longest = way
    return tuple(parties.get(address) or Party(address=address) for address in longest)
