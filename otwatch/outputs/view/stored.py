"""What a store or a lake holds becomes the view of the plant: the report of a sensor, or of an earlier analysis.

A store keeps incidents, alerts, assets and flows, not messages: commands are those that alerts stand on, and there is no timeline. A lake keeps
commands, too, and requests as counts. How much was judged is the sensor's to say (`otwatch status`). The view says so wherever it matters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from otwatch.alerts.alert import Alert
from otwatch.alerts.attack import former, technique_text
from otwatch.alerts.coverage import NO_COVERAGE
from otwatch.alerts.evidence import Act, Also, Evidence
from otwatch.alerts.outcome import WORDS, Items, Outcome
from otwatch.alerts.severity import Severity
from otwatch.alerts.story import value_text
from otwatch.inventory.asset import Asset, Child, KnownFact
from otwatch.inventory.inventory import Talk
from otwatch.inventory.tally import SUMMED
from otwatch.outputs.result import Result
from otwatch.outputs.story import plural, span, time_of_day, who
from otwatch.outputs.view.activity import Activity, Command
from otwatch.outputs.view.assemble import plant_of
from otwatch.outputs.view.build import TONES, no_incident_sentence
from otwatch.outputs.view.model import Coverage, IncidentView, Level, StepRow, Text, Tone, Verdict, View
from otwatch.outputs.view.places import COMMAND_NAMES
from otwatch.outputs.view.plant import PlantView
from otwatch.site.site import Site

Record = Mapping[str, Any]
_COMMANDS: Final = 5_000
_NOT_KEPT: Final = "A store keeps no messages: commands are those that alerts stand on, and there is no timeline of requests."


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The records of a store or a lake, of the time that was asked for."""

    name: str  # of the store's file, without its folder, or of the plant
    source: str = "store"
    kept: str = _NOT_KEPT  # what it does not keep
    assets: Sequence[Record]
    flows: Iterable[Record]
    alerts: Sequence[Record]
    incidents: Sequence[Record]
    since: str = ""
    activity: Activity | None = None  # where messages are kept; else commands are those that alerts stand on
    protocols: Mapping[str, Any] = field(default_factory=dict)  # as in a result
    anomalies: Mapping[str, int] = field(default_factory=dict)
    monitoring: tuple[str, ...] = ()  # what proves that somebody listened all the time


def stored_view(stored: Stored, site: Site | None = None) -> PlantView:
    """The view of everything in it."""
    talks = talks_of(stored.flows)
    assets = [asset_of(record) for record in stored.assets]
    activity = _activity(stored.alerts) if stored.activity is None else stored.activity
    _note_commands(talks, activity.commands)
    alerts = [_alert(record) for record in stored.alerts]
    incidents = [one for one in stored.incidents if not one.get("merged_into")]
    incidents.sort(key=lambda one: (-_severity(one), one["first_seen"], one["id"]))
    graver = [one for one in incidents if _severity(one) >= Severity.MEDIUM]
    notes = [one for one in incidents if _severity(one) < Severity.MEDIUM]
    first_ns = min((talk.first_seen_ns for talk in talks), default=None)
    last_ns = max((talk.last_seen_ns for talk in talks), default=None)
    packets = sum(talk.counts["packets_to_server"] + talk.counts["packets_to_client"] for talk in talks)
    result = Result(
        captures=[], unreadable=[], packets=packets, wire_bytes=0, first_ns=first_ns, last_ns=last_ns, operations=0,
        protocols=dict(stored.protocols), assets=assets, talks=talks, alerts=alerts, anomalies=dict(stored.anomalies), blind_spots=[],
    )
    view = View(
        verdict=_verdict(stored, graver, notes, packets, first_ns, last_ns),
        coverage=Coverage(
            packets=packets, first_ns=first_ns, last_ns=last_ns, rules=NO_COVERAGE, decoded_share=None, undecoded=(), one_way=0,
            conversations=sum(bool(talk.protocol) for talk in talks), incomplete=(),
        ),
        incidents=tuple(_incident(number, record) for number, record in enumerate(graver, 1)),
        notes=tuple(_incident(number, record) for number, record in enumerate(notes, len(graver) + 1)),
        not_seen=(
            Text(stored.kept, Tone.MUTED, stored.source), *(Text(_gap(one), Tone.WARN, one["rule"]) for one in _open_conditions(stored.alerts)),
        ),
        not_judged=(),
    )
    return plant_of(
        result, view, activity=activity, site=site, title=stored.name, source=f"1 {stored.source}", monitoring=stored.monitoring
    )


def _verdict(
    stored: Stored, graver: Sequence[Record], notes: Sequence[Record], packets: int, first_ns: int | None, last_ns: int | None
) -> Verdict:
    worst = max(map(_severity, (*graver, *notes)), default=None)
    observed = f"{plural(packets, 'packet')} of closed conversations" + (f" over {span(first_ns, last_ns)}" if packets else "")
    begin = f" since {stored.since[:16].replace('T', ' ')} UTC" if stored.since else ""
    if graver:
        act = any(_severity(one) is Severity.CRITICAL and one["outcome"] != Outcome.REFUSED.value for one in graver)
        level = Level.ACT_NOW if act else Level.LOOK_TODAY
        named = "; ".join(dict.fromkeys(f"{one['title']} ({one['actor']})" for one in graver[:3]))
        sentence = f"{plural(len(graver), 'incident')}{begin}: {named}{' and more' if len(graver) > 3 else ''}; {observed}."
    else:
        level = Level.NOTES_ONLY if notes else Level.CANNOT_JUDGE
        sentence = no_incident_sentence(len(notes), f"the {stored.source}{begin}; {observed}")
    return Verdict(
        level=level,
        sentence=sentence,
        judged=f"How much was judged is not in a {stored.source}: otwatch status says what the sensor sees, decodes and judges.",
        incidents=len(graver),
        notes=len(notes),
        severity=worst,
    )


def _open_conditions(alerts: Sequence[Record]) -> list[Record]:
    """What the sensor said of itself and that is not over."""
    return [record for record in alerts if str(record["rule"]).startswith("sensor.") and not record.get("evidence", {}).get("over")]


def _gap(record: Record) -> str:
    return f"{record['title']}: {record.get('evidence', {}).get('text', '')} ({record['last_seen'][:19].replace('T', ' ')} UTC)"


def _severity(record: Record) -> Severity:
    return next((one for one in Severity if one.label == record["severity"]), Severity.INFO)


def time_ns(text: str | None) -> int:
    """Nanoseconds of a time in a record; 0 for none."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", text or "")
    if match is None:
        return 0
    seconds = int(datetime.fromisoformat(match[1]).replace(tzinfo=UTC).timestamp())
    return seconds * 1_000_000_000 + int((match[2] or "0").ljust(9, "0"))


def asset_of(record: Record) -> Asset:
    """The asset of a record, also of one that an older version wrote."""
    given = {name: record[name] for name in Asset.__slots__ if name in record}
    given["first_seen_ns"], given["last_seen_ns"] = time_ns(record["first_seen"]), time_ns(record["last_seen"])
    given["facts"] = [_fact(fact) for fact in record.get("facts", ())]
    given["identity"] = {kind: _fact(fact) for kind, fact in record.get("identity", {}).items()}
    given["children"] = [Child(**{**child, "facts": [_fact(fact) for fact in child["facts"]]}) for child in record.get("children", ())]
    return Asset(**given)


def _fact(record: Record) -> KnownFact:
    given = {name: record[name] for name in KnownFact.__slots__ if name in record}
    return KnownFact(**given, first_ns=time_ns(record.get("first_seen")), last_ns=time_ns(record.get("last_seen")))


def talks_of(flows: Iterable[Record]) -> list[Talk]:
    """Closed flows as conversations, the busiest first."""
    talks: dict[tuple[str, str, str, int | None], Talk] = {}
    for flow in flows:
        key = flow["client"], flow["server"], flow["service"], flow["server_port"]
        talk = talks.get(key)
        first, last = time_ns(flow["first_seen"]), time_ns(flow["last_seen"])
        if talk is None:
            talk = talks[key] = Talk(
                client=flow["client"], server=flow["server"], service=flow["service"], protocol=flow["protocol"], server_port=flow["server_port"],
                first_seen_ns=first, last_seen_ns=last, flows=0, counts=dict.fromkeys(SUMMED, 0), one_way=True, vlan=flow["vlan"],
            )
        talk.flows += flow.get("flows", 1)  # a lake adds up those of a pair
        talk.first_seen_ns, talk.last_seen_ns = min(talk.first_seen_ns, first), max(talk.last_seen_ns, last)
        talk.one_way &= flow["one_way"]
        talk.accepted |= bool(flow["payload_to_client"] or (flow.get("tcp_flags_to_client") or 0) & 2)
        talk.unanswered_requests += flow["unanswered_requests"]
        for name in SUMMED:
            talk.counts[name] += flow.get(name, 0)
    return sorted(talks.values(), key=lambda talk: (-talk.counts["packets_to_server"] - talk.counts["packets_to_client"], talk.client, talk.server))


def _note_commands(talks: Iterable[Talk], commands: Iterable[Command]) -> None:
    """The commands of a pair in its conversation of that protocol."""
    known = {(talk.client, talk.server, talk.protocol): talk for talk in talks if talk.protocol}
    for command in commands:
        talk = known.get((command.source, command.target, command.protocol))
        if talk is not None:
            talk.actions[command.action] = talk.actions.get(command.action, 0) + command.count


def _acts(record: Record) -> list[Record]:
    return [act for act in record.get("evidence", {}).get("acts", ()) if act.get("target")]


def _activity(alerts: Sequence[Record]) -> Activity:
    """Commands that alerts stand on."""
    commands = [
        Command(
            source=record["src"],
            target=act["target"],
            protocol=record["protocol"],
            function=act["function_name"],
            action=act["action"],
            unit="",
            point=", ".join(act["objects"][:4]),
            value="" if act["value"] is None else value_text(act["value"]),
            count=act["count"],
            first_ns=time_ns(record["first_seen"]),
            last_ns=time_ns(record["last_seen"]),
            first_frame=act["frames"][0] if act["frames"] else 0,
            accepted=act["items"].get("confirmed", 0),
            refused=act["items"].get("refused", 0),
        )
        for record in alerts
        for act in _acts(record)
        if act["action"] in COMMAND_NAMES
    ]
    distinct = {(one.source, one.target, one.function, one.point, one.first_ns): one for one in commands}  # several alerts on the same rows
    return Activity(commands=tuple(list(distinct.values())[:_COMMANDS]), commands_left_out=max(0, len(distinct) - _COMMANDS))


def _alert(record: Record) -> Alert:
    """What views ask of an alert."""
    return Alert(
        id=record["id"], rule=record["rule"], title=record["title"], severity=_severity(record), confidence=record["confidence"],
        first_seen_ns=time_ns(record["first_seen"]), last_seen_ns=time_ns(record["last_seen"]), count=record["count"], src=record["src"],
        dst=record["dst"],
        evidence=Evidence(
            acts=tuple(_act(act, record["protocol"]) for act in record.get("evidence", {}).get("acts", ())),
            also=[_also(also) for also in record.get("evidence", {}).get("also", ())],
        ),
    )


def _act(record: Record, protocol: str) -> Act:
    return Act(
        action=record["action"], function=record["function"], function_name=record["function_name"], protocol=protocol,
        objects=tuple(record["objects"]), value=record["value"], count=record["count"], first_ns=0, last_ns=0, frames=tuple(record["frames"]),
        outcome=Outcome(record["outcome"]), items=Items(**record["items"]), target=record.get("target", ""), before=record.get("before"),
        before_frame=record.get("before_frame") or 0, objects_count=record.get("objects_count", 0), values=tuple(record.get("values", ())),
        values_count=record.get("values_count", 0),
    )


def _also(record: Record) -> Also:
    return Also(
        id=record["id"], rule=record["rule"], title=record["title"], severity=_severity(record), src=record["src"], dst=record["dst"],
        count=record["count"], first_ns=time_ns(record["first_seen"]), last_ns=time_ns(record["last_seen"]), frames=tuple(record["frames"]),
        objects=tuple(record["objects"]), reason=record["reason"],
    )


def _incident(number: int, record: Record) -> IncidentView:
    way = [who(party["address"], party["name"], party["zone"]) for party in record["path"]]
    entered = {party["address"] for party in record["path"]}
    targets = [address for address in record["targets"] if address not in entered]
    more = record["targets_count"] - len(record["targets"])
    way += [", ".join(targets[:6]) + (f" and {more + len(targets) - 6} more" if more + len(targets) > 6 else "")] if targets else []
    return IncidentView(
        number=number,
        id=record["id"],
        severity=_severity(record),
        title=record["title"],
        confidence=record["confidence"],
        first_ns=time_ns(record["first_seen"]),
        last_ns=time_ns(record["last_seen"]),
        occurrence=record["occurrence"],
        path=" → ".join(part for part in way if part not in ("", "-")),
        sources=tuple(record["sources"]),
        targets=tuple(record["targets"]),
        targets_count=record["targets_count"],
        succeeded=tuple(record["succeeded"]),
        failed=tuple(record["failed"]),
        steps=tuple(_step(step, time_ns(record["first_seen"])) for step in record["steps"]),
        steps_count=record["steps_count"],
        why=record["why"],
        next=tuple(record["next"]),
        lines=tuple(record["lines"]),
        false_positives=tuple(record["false_positives"]),
        techniques=tuple(Text(technique_text(name), Tone.PLAIN, "" if former(name) == name else former(name)) for name in record["techniques"]),
        evaluable=record["evaluable"],
        file=record["file"],
        frames=tuple(record["frames"]),
        rules=tuple(dict.fromkeys(step["rule"] for step in record["steps"])) or (record["rule"],),
        follows=record["follows"],
    )


def _step(record: Record, since_ns: int) -> StepRow:
    outcome = Outcome(record["outcome"])
    act = bool(record["action"])
    tone = TONES[outcome] if record["action"] in COMMAND_NAMES else Tone.PLAIN
    value = "" if record["value"] is None else value_text(record["value"])
    if value and record.get("before") is not None:
        value = f"{value_text(record['before'])} → {value}"
    what = " ".join([record["function_name"] or record["action"].lower(), *record["objects"][:1]]) if act else record["title"]
    return StepRow(
        time=time_of_day(time_ns(record["time"]), since_ns),
        time_ns=time_ns(record["time"]),
        source=record["src"],
        target=record["dst"],
        what=Text(what, tone, record["alert"]),
        value=value if value not in record["objects"][:1] else "",
        count=record["count"],
        outcome=Text(WORDS[outcome] if act else "", tone),
        frames=tuple(record["frames"]),
        rule=record["rule"],
        before_frame=record.get("before_frame") or 0,
    )
