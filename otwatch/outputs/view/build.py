"""A result becomes a view: selection, order, cut-offs, units and wording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from otwatch.actions import Action
from otwatch.alerts.alert import Alert, Severity
from otwatch.alerts.attack import former, technique_text
from otwatch.alerts.evidence import Act, gravity
from otwatch.alerts.incidents import Incident, Party, Step
from otwatch.alerts.outcome import OPEN, SUCCEEDED, WORDS, Outcome
from otwatch.alerts.story import act_text, given_text, value_text
from otwatch.outputs.result import Check, Result
from otwatch.outputs.story import plural, span, time_of_day, who
from otwatch.outputs.view.model import Coverage, IncidentView, Level, NotJudged, StepRow, Text, Tone, Undecoded, Verdict, View

_ACTORS: Final = 3
_VALUED: Final = frozenset({Action.WRITE, Action.CONTROL, Action.FORCE})  # what a value before belongs to
_DEEDS: Final = 6
_HALF: Final = 0.5
_SHOWN_NS: Final = 1_000_000  # the length of shorter observations says nothing
TONES: Final = {
    Outcome.CONFIRMED: Tone.DANGER,
    Outcome.PARTLY_REFUSED: Tone.DANGER,
    Outcome.CONTRADICTED: Tone.WARN,
    Outcome.REFUSED: Tone.GOOD,
    Outcome.UNANSWERED: Tone.MUTED,
    Outcome.NOT_OBSERVED: Tone.MUTED,
}
# What a successful act is, said of its target.
_DEED_WORDS: Final = {
    "STOP": "stopped",
    "START": "started",
    "RESTART": "restarted",
    "PROGRAM_DOWNLOAD": "reprogrammed",
    "PROGRAM_DELETE": "cleared of program blocks",
    "FIRMWARE": "given other firmware",
    "FORCE": "forced",
    "CONTROL": "operated",
    "WRITE": "written to",
    "CONFIGURE": "reconfigured",
    "TIME_SET": "set to another time",
}


def view_of(result: Result, *, least: Severity = Severity.INFO) -> View:
    """Everything that is shown. `least` leaves out milder incidents and notes; the verdict counts all."""
    coverage = coverage_of(result)
    shown = [incident for incident in result.incidents if incident.severity >= least]
    graver = [incident for incident in shown if not incident.is_note]
    notes = [incident for incident in shown if incident.is_note]
    return View(
        verdict=verdict_of(result, coverage),
        coverage=coverage,
        incidents=tuple(_incident(number, incident) for number, incident in enumerate(graver, 1)),
        notes=tuple(_incident(number, incident) for number, incident in enumerate(notes, len(graver) + 1)),
        not_seen=tuple(Text(spot.text, Tone.WARN if spot.incomplete else Tone.MUTED, spot.kind) for spot in result.blind_spots),
        not_judged=_not_judged(result.checks),
        clean=tuple(check.title for check in result.checks if not check.alerts and check.evaluable == "yes"),
    )


def coverage_of(result: Result) -> Coverage:
    """How much was seen, decoded and judged."""
    undecoded = tuple(Undecoded(protocol=name, packets=count) for name, count in result.coverage.undecoded)
    spoken = [talk for talk in result.talks if talk.protocol]
    decoded = sum(talk.counts["packets_to_server"] + talk.counts["packets_to_client"] for talk in spoken)
    missing = sum(one.packets for one in undecoded)
    return Coverage(
        packets=result.packets,
        first_ns=result.first_ns,
        last_ns=result.last_ns,
        rules=result.coverage,
        decoded_share=decoded / (decoded + missing) if decoded + missing else None,
        undecoded=undecoded,
        one_way=sum(talk.one_way for talk in spoken),
        conversations=len(spoken),
        incomplete=tuple(spot.text for spot in result.blind_spots if spot.incomplete),
    )


def _ended(text: str) -> str:
    return text if text.endswith((".", "?")) else f"{text}."


def _observed(result: Result) -> str:
    packets, last_ns = plural(result.packets, "packet"), result.last_ns or 0
    return f"{packets} over {span(result.first_ns, result.last_ns)}" if last_ns - (result.first_ns or 0) >= _SHOWN_NS else packets


def verdict_of(result: Result, coverage: Coverage) -> Verdict:
    """One sentence for the person who asked whether the plant is all right, and how much it rests on."""
    incidents = [incident for incident in result.incidents if not incident.is_note]
    notes = len(result.incidents) - len(incidents)
    observed = _observed(result)
    worst = max((incident.severity for incident in result.incidents), default=None)
    beside = f"; {plural(notes, 'note')} beside" if notes and incidents else ""
    level = _level(result, coverage, incidents)
    if not result.packets:
        sentence = "Cannot judge: nothing was read."
    elif incidents:
        sentence = f"{plural(len(incidents), 'incident')} ({_severities(incidents)}): {_deeds(incidents)} in {observed}{beside}."
    elif level is Level.CANNOT_JUDGE and not _only_files_missing(result, coverage):
        sentence = _ended(f"Cannot judge {observed}: {_no_judgement(coverage)}")
    elif notes:
        sentence = f"No incident, {_notes(result.incidents)} in {observed}."
    elif result.unreadable:
        sentence = f"No incident and no note in {observed}, but {plural(len(result.unreadable), 'file')} could not be read."
    else:
        sentence = f"No incident and no note in {observed}: clean as far as it was judged."
    return Verdict(
        level=level,
        sentence=sentence,
        judged=_judged(coverage, sentence, files_missing=bool(result.unreadable)) if result.packets else "",
        incidents=len(incidents),
        notes=notes,
        severity=worst,
        operators="" if incidents else _taken_for_operators(result.alerts),
    )


def no_incident_sentence(notes: int, observed: str) -> str:
    """The sentence of a store without an incident: a store cannot say that anything is clean."""
    return f"No incident, {plural(notes, 'note')} in {observed}." if notes else f"No incident and no note in {observed}."


def _only_files_missing(result: Result, coverage: Coverage) -> bool:
    """Whether what was read could be judged, and files that could not be read are all that is missing."""
    return bool(result.unreadable) and not _unjudgeable(result, coverage)


def _unjudgeable(result: Result, coverage: Coverage) -> bool:
    nothing = not result.packets or (coverage.decoded_share is not None and coverage.decoded_share < _HALF)
    return nothing or (not result.operations and bool(coverage.incomplete))


def _level(result: Result, coverage: Coverage, incidents: Sequence[Incident]) -> Level:
    if any(one.severity is Severity.CRITICAL and one.outcome is not Outcome.REFUSED for one in incidents):
        return Level.ACT_NOW
    if incidents:
        return Level.LOOK_TODAY
    if _unjudgeable(result, coverage):
        return Level.CANNOT_JUDGE
    if result.incidents:
        return Level.NOTES_ONLY
    return Level.CANNOT_JUDGE if result.unreadable else Level.CLEAN


def _no_judgement(coverage: Coverage) -> str:
    if coverage.undecoded:
        named = ", ".join(f"{plural(one.packets, 'packet')} of {one.protocol}" for one in coverage.undecoded[:_ACTORS])
        return f"{named}, which this version does not decode"
    return coverage.incomplete[0].rstrip(".") if coverage.incomplete else "nothing of what was read is decoded"


def _judged(coverage: Coverage, sentence: str, *, files_missing: bool = False) -> str:
    """`Judged: 90 of 101 rules; 100 % of OT packets decoded; both directions seen.` What the sentence before it says is not said again."""
    parts = []
    rules = coverage.rules
    if rules.applicable:
        notes = [f"{rules.partly} in part"] if rules.partly else []
        if rules.share < _HALF and rules.reasons and rules.reasons[0][0].text not in sentence:
            notes.append(rules.reasons[0][0].text)
        parts.append(f"{rules.judged} of {plural(rules.applicable, 'rule')}" + (f" ({'; '.join(notes)})" if notes else ""))
    if coverage.decoded_share is None:
        parts.append("no OT traffic seen")
    else:
        share = 100 * coverage.decoded_share
        parts.append(f"{'100' if share == 100 else f'{min(share, 99.9):.3g}'} % of OT packets decoded")
        if coverage.conversations:
            parts.append(
                "both directions seen"
                if not coverage.one_way
                else f"{coverage.one_way:,} of {plural(coverage.conversations, 'OT conversation')} seen in one direction only"
            )
    if coverage.undecoded:
        parts.append("not decoded: " + ", ".join(f"{one.protocol} ({plural(one.packets, 'packet')})" for one in coverage.undecoded[:_ACTORS]))
    text = f"Judged: {'; '.join(parts)}."
    if coverage.incomplete and (files_missing or not coverage.undecoded) and coverage.incomplete[0].rstrip(".") not in sentence:
        text += f" Observation incomplete: {_ended(coverage.incomplete[0])}"
    return text


def _severities(incidents: Sequence[Incident]) -> str:
    counts = {severity: sum(one.severity is severity for one in incidents) for severity in reversed(Severity)}
    return ", ".join(f"{count} {severity.label}" if len(incidents) > 1 else severity.label for severity, count in counts.items() if count)


def _deeds(incidents: Sequence[Incident]) -> str:
    """`192.168.10.11 was stopped and reprogrammed by 172.16.5.66 through 192.168.10.30`."""
    first, *rest = sorted(incidents, key=_prominence)
    done: dict[str, list[str]] = {}
    for step in first.succeeded:
        word = _deed_word(step.act) if step.act is not None else ""
        if word and word not in done.setdefault(step.dst, []):
            done[step.dst].append(word)
    by = _by(first)
    if done:
        target, words = next(iter(done.items()))
        text = f"{target} was {' and '.join(words[:2])}{by}"
        others = len(done) - 1
        text += f", {plural(others, 'other device')} commanded" if others else ""
    else:
        target = (
            f" at {first.targets[0].address}"
            if first.targets_count == 1 and first.targets
            else f" at {first.targets_count} targets"
            if first.targets
            else ""
        )
        text = f"{first.title[:1].lower()}{first.title[1:]}{target}{by}" if not first.title[1:2].isupper() else f"{first.title}{target}{by}"
    actors = list(dict.fromkeys(one.actor for one in rest if one.actor not in ("", "-", first.actor)))
    if actors:
        text += f"; others by {', '.join(actors[:_ACTORS])}" + (f" and {len(actors) - _ACTORS} more" if len(actors) > _ACTORS else "")
    return text


def _deed_word(act: Act) -> str:
    if act.action == "FILE" and act.deletes:
        return "cleared of files"
    if act.action == "RESTART" and "communications" in act.function_name:
        return "made to restart its communications"
    return _DEED_WORDS.get(act.action, "")


def _prominence(incident: Incident) -> tuple[object, ...]:
    """What the verdict begins with: what changed something outweighs decoys, which raise as much and change nothing; then the graver."""
    done = incident.succeeded
    acts = [step.act for step in (done or incident.steps) if step.act is not None]
    grave = max((gravity(act.action) for act in acts), default=0)
    only_looks = not any(act.changing for act in acts) and incident.severity < Severity.CRITICAL
    leads = bool(done) and incident.severity >= Severity.HIGH
    return not leads, only_looks, -incident.severity, not done, -grave


def _by(incident: Incident) -> str:
    if incident.actor in ("", "-"):
        return ""
    way = [party.address for party in incident.path[1:]]
    return f" by {incident.actor}" + (f" through {', '.join(way)}" if way else "")


def _notes(incidents: Sequence[Incident]) -> str:
    low, info = (sum(one.severity is severity for one in incidents) for severity in (Severity.LOW, Severity.INFO))
    if low and info:
        return f"{plural(low + info, 'note')} ({low} low, {info} info)"
    return f"{plural(low, 'note')} of low severity" if low else f"{plural(info, 'note')} for information"


def _taken_for_operators(alerts: Sequence[Alert]) -> str:
    """Whose commands are shown as notes only because the source polls the device: the reader must confirm that, as nothing in the traffic can."""
    taken = sorted((alert for alert in alerts if alert.evidence.writer == "polls"), key=lambda alert: -alert.count)
    if not taken:
        return ""
    named = ", ".join(f"{alert.src} → {alert.dst} ({plural(alert.count, 'time')})" for alert in taken[:_ACTORS])
    more = f" and {len(taken) - _ACTORS} more" if len(taken) > _ACTORS else ""
    return f"Commands were given: {named}{more}. They are taken for the operator's, because the source polls the device; only you can confirm that."


def _not_judged(checks: Sequence[Check]) -> tuple[NotJudged, ...]:
    reasons: dict[tuple[bool, str], list[str]] = {}
    for check in checks:
        if check.evaluable in ("no", "partly") and not check.alerts:  # what was reported was judged
            reasons.setdefault((check.evaluable == "partly", check.reason or check.evaluable), []).append(check.rule)
    ordered = sorted(reasons.items(), key=lambda item: (item[0][0], -len(item[1]), item[0][1]))
    return tuple(NotJudged(reason=reason, rules=tuple(rules), partly=partly) for (partly, reason), rules in ordered)


def _incident(number: int, incident: Incident) -> IncidentView:
    return IncidentView(
        number=number,
        id=incident.id,
        severity=incident.severity,
        title=incident.title,
        confidence=incident.confidence,
        first_ns=incident.first_ns,
        last_ns=incident.last_ns,
        occurrence=incident.occurrence,
        path=path_text(incident),
        sources=incident.sources,
        targets=tuple(_party(party) for party in incident.targets),
        targets_count=incident.targets_count,
        succeeded=_said(incident.succeeded, refused=False),
        failed=_said(incident.failed, refused=True),
        steps=tuple(_step(step, incident.first_ns) for step in incident.steps),
        steps_count=incident.steps_count,
        why=incident.lead.why,
        next=incident.next,
        lines=incident.lines,
        false_positives=incident.lead.false_positives,
        techniques=tuple(Text(technique_text(one), Tone.PLAIN, former(one) if former(one) != one else "") for one in incident.techniques),
        evaluable=incident.lead.evaluable,
        file=incident.lead.file,
        frames=incident.gravest.frames if incident.gravest is not None else incident.lead.frames,
        rules=tuple(dict.fromkeys(step.rule for step in incident.steps)),
        follows=incident.follows,
    )


def path_text(incident: Incident) -> str:
    """`172.16.5.66 itpc (office) -> 192.168.10.30 eng (cell) -> plc-mb, rtu, plc-s7`."""
    way = [_party(party) for party in incident.path] or [_party(Party(address=incident.actor, name=incident.actor_name, zone=incident.actor_zone))]
    entered = {party.address for party in incident.path}
    targets = [_party(party) for party in incident.targets if party.address not in entered]
    if targets:
        more = incident.targets_count - len(entered & {party.address for party in incident.targets}) - min(len(targets), _DEEDS)
        way.append(", ".join(targets[:_DEEDS]) + (f" and {more} more" if more > 0 else ""))
    return " → ".join(part for part in way if part not in ("", "-"))


def _party(party: Party) -> str:
    return who(party.address, party.name, party.zone)


def _said(steps: Sequence[Step], *, refused: bool) -> tuple[str, ...]:
    """Acts in a few words, each once; many targets of the same act together."""
    groups: dict[tuple[str, str], list[Step]] = {}
    for step in steps:
        if step.act is not None:
            groups.setdefault((act_text(step.act), step.act.action), []).append(step)
    found = []
    for (what, _), same in groups.items():
        act = _together([step.act for step in same if step.act is not None])
        targets = list(dict.fromkeys(step.dst for step in same))
        shown = _change(act)
        sign = ": " if "→" in shown or len(act.objects) > 1 else " = "
        value = f"{sign}{shown}" if shown and len(targets) == 1 else ""
        on = ", ".join(targets[:2]) + (f" and {len(targets) - 2} more" if len(targets) > 2 else "")
        times = sum(_times(step, refused=refused) for step in same)
        found.append(f"{what}{value} on {on}" + (f", {times:,} times" if times > len(targets) else ""))
    return tuple(found)


def _together(acts: Sequence[Act]) -> Act:
    """The same act in several bursts: the values of all, the last one last."""
    first = min(acts, key=lambda act: act.first_ns)
    if len(acts) < 2 or len(first.objects) > 1:
        return max(acts, key=lambda act: act.last_ns)
    values: dict[str, Any] = {}
    for act in sorted(acts, key=lambda act: act.last_ns):
        for value in act.values or (() if act.value is None else (act.value,)):
            values.pop(repr(value), None)
            values[repr(value)] = value
    listed = tuple(values.values())
    return replace(first, values=listed, values_count=max(len(listed), *(act.values_count for act in acts)), value=listed[-1] if listed else None)


def _change(act: Act) -> str:
    """`455 -> 900`: from what to what; `unknown` where nothing told the value before."""
    new = given_text(act)
    if not new or act.is_answer or act.outcome is Outcome.REFUSED or not act.changing or Action[act.action] not in _VALUED:
        return new
    if len(act.objects) > 1:
        return new
    return f"{'unknown' if act.before is None else value_text(act.before)} → {new}"


def _times(step: Step, *, refused: bool) -> int:
    """How often it succeeded, or was refused: of a step that was partly refused, what is known of each of its requests."""
    if step.outcome is not Outcome.PARTLY_REFUSED or step.act is None:
        return step.count
    return min(step.count, step.act.items.refused if refused else step.act.items.confirmed)


def _step(step: Step, since_ns: int) -> StepRow:
    act = step.act
    tone = TONES[step.outcome] if act is not None and act.changing else Tone.PLAIN
    what = act_text(act) if act is not None else step.title
    if act is not None and act.is_answer:
        what = f"answer to {what}"
    shown = (step.outcome in SUCCEEDED or act is not None) and not (act is not None and act.is_answer and step.outcome in OPEN)
    return StepRow(
        time=time_of_day(step.first_ns, since_ns),
        time_ns=step.first_ns,
        source=step.src,
        target=step.dst,
        what=Text(what, tone, step.alert),
        value=_change(act) if act is not None else "",
        before_frame=act.before_frame if act is not None else 0,
        count=step.count,
        outcome=Text(WORDS[step.outcome] if shown else "", tone),
        frames=step.frames,
        rule=step.rule,
    )
