"""What a lake holds of a time becomes the records of a report: assets, conversations, commands, requests over time, alerts and incidents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from otwatch.actions import Action
from otwatch.alerts.story import value_text
from otwatch.errors import CaptureError
from otwatch.lake.asking import Question, Span
from otwatch.lake.layout import Lake
from otwatch.lake.proof import monitoring_of
from otwatch.lake.questions import COMMANDS
from otwatch.outputs.times import time_text
from otwatch.outputs.view.activity import BINS, Activity, Command, FunctionLine
from otwatch.outputs.view.stored import Stored
from otwatch.protocols import protocols
from otwatch.site.site import Site

_POINT: Final = "actor, target, protocol, function_name, action, unit, area, object_name, start, count"
_POINTS: Final = 5_000
_FUNCTIONS: Final = 256
_TALKS: Final = 200_000
_ALERTS: Final = 10_000
_INCIDENTS: Final = 500
_BEHAVIOURS_NS: Final = 300_000_000_000  # requests that are only counted are counted in five minutes
_KEPT: Final = "A lake keeps commands one by one, and reads as counts of five minutes without the values that were read."

_SUMMED: Final = (
    "packets_to_server", "packets_to_client", "bytes_to_server", "bytes_to_client", "payload_to_client", "pdus", "violations", "gap_bytes",
)  # fmt: skip
_FLOWS: Final = f"""
SELECT client, server, service, server_port, max(protocol), epoch_ns(min(first_seen)), epoch_ns(max(last_seen)), count(*), bool_and(one_way),
  min(vlan), sum(unanswered_requests), {", ".join(f"sum({name})" for name in _SUMMED)}
FROM flows GROUP BY client, server, service, server_port ORDER BY sum(packets_to_server) + sum(packets_to_client) DESC LIMIT {_TALKS}
"""  # noqa: S608 - names of ours
_REQUESTED: Final = f"""
SELECT {_POINT}, argMax(value, time), count(*), epoch_ns(min(time)), epoch_ns(max(time)), argMin(frame, time)
FROM {COMMANDS} AS o WHERE role = 'request' GROUP BY {_POINT} ORDER BY count(*) DESC
"""  # noqa: S608
_ANSWERED: Final = f"""
SELECT {_POINT}, count(*) FILTER (status = 'ok'), count(*) FILTER (status <> 'ok') FROM {COMMANDS} AS o WHERE role = 'response' GROUP BY {_POINT}
"""  # noqa: S608
_SAID: Final = """(
  SELECT protocol, function_name, action, role, status, time, messages FROM behaviours
  UNION ALL SELECT protocol, function_name, action, role, status, time, 1 FROM operations)
"""


def stored_of(lake: Lake, span: Span, site: Site | None = None) -> Stored:
    """Everything of one plant. CaptureError when the lake holds several and none is chosen, or nothing of that time."""
    plants = sorted({place.site for place in lake.places(span.site, span.sensor) if place.days()})
    if not plants:
        raise CaptureError(f"{lake.root}: nothing of that site and sensor; `otwatch lake days --lake {lake.root}` lists what there is")
    if len(plants) > 1:
        raise CaptureError(f"{lake.root}: holds {len(plants)} plants: choose one with --lake-site: {', '.join(plants[:10])}")
    question = Question(lake, span)
    try:
        return Stored(
            name=plants[0],
            source="lake",
            kept=_KEPT,
            assets=list(_newest(question, "SELECT record FROM assets ORDER BY last_seen DESC")),
            flows=list(_flows(question)),
            alerts=list(_newest(question, "SELECT record FROM alerts ORDER BY last_seen DESC LIMIT ?", _ALERTS)),
            incidents=list(_newest(question, "SELECT record FROM incidents ORDER BY last_seen DESC LIMIT ?", _INCIDENTS)),
            since=span.since,
            activity=_activity(question, site),
            protocols=_protocols(question),
            anomalies=dict(question.ask("SELECT kind, count(*) FROM anomalies GROUP BY kind").rows),
            monitoring=monitoring_of(lake, span),
        )
    finally:
        question.close()


def _newest(question: Question, sql: str, *limit: int) -> Iterator[dict[str, Any]]:
    """The records, the first of each id: sensors of one plant see the same hosts."""
    known = set[str]()
    for (text,) in question.ask(sql, limit).rows:
        record = json.loads(text)
        if record["id"] not in known:
            known.add(record["id"])
            yield record


def _flows(question: Question) -> Iterator[dict[str, Any]]:
    for row in question.ask(_FLOWS).rows:
        client, server, service, port, protocol, first_ns, last_ns, flows, one_way, vlan, unanswered, *sums = row
        yield {
            "client": client, "server": server, "service": service, "server_port": port, "protocol": protocol or None,
            "first_seen": time_text(first_ns), "last_seen": time_text(last_ns), "flows": flows, "one_way": one_way, "vlan": vlan,
            "unanswered_requests": unanswered or 0,
            **{name: int(found or 0) for name, found in zip(_SUMMED, sums, strict=True)},
        }  # fmt: skip


def _activity(question: Question, site: Site | None) -> Activity:
    commands, left_out = _commands(question, site)
    [(first_ns, last_ns)] = question.ask(f"SELECT epoch_ns(min(time)), epoch_ns(max(time)) FROM {_SAID} WHERE role <> 'response'").rows  # noqa: S608
    if first_ns is None:
        return Activity(commands=commands, commands_left_out=left_out)
    origin = first_ns // _BEHAVIOURS_NS * _BEHAVIOURS_NS
    bin_ns = _BEHAVIOURS_NS * -(-(last_ns - origin + 1) // (_BEHAVIOURS_NS * BINS))
    bins = (last_ns - origin) // bin_ns + 1
    lines: dict[tuple[str, str, str], list[int]] = {}
    everything = [0] * bins
    rows = question.ask(
        f"SELECT protocol, function_name, action, (epoch_ns(time) - {origin}) // {bin_ns}, sum(messages)::BIGINT FROM {_SAID} "  # noqa: S608
        "WHERE role <> 'response' GROUP BY ALL"
    ).rows
    for protocol, function, action, place, messages in rows:
        lines.setdefault((protocol, function or "", action), [0] * bins)[place] += messages
        everything[place] += messages
    busiest = sorted(lines.items(), key=lambda item: (-sum(item[1]), item[0]))
    return Activity(
        first_ns=origin,
        bin_ns=bin_ns,
        requests=tuple(everything),
        functions=tuple(
            FunctionLine(protocol=protocol, function=function, action=action, counts=tuple(counts))
            for (protocol, function, action), counts in busiest[:_FUNCTIONS]
        ),
        functions_left_out=max(0, len(busiest) - _FUNCTIONS),
        commands=commands,
        commands_left_out=left_out,
    )


def _commands(question: Question, site: Site | None) -> tuple[tuple[Command, ...], int]:
    specs = {spec.name: spec for spec in protocols()}
    answers = {tuple(row[:10]): (row[10], row[11]) for row in question.ask(_ANSWERED).rows}
    rows = question.ask(_REQUESTED).rows
    found = []
    for row in rows[:_POINTS]:
        src, dst, protocol, function, action, unit, area, point, start, count, value, times, first_ns, last_ns, frame = row
        accepted, refused = answers.get(tuple(row[:10]), (0, 0))
        judged = site and site.judge(
            src, dst, protocol=protocol, action=Action[action], unit=_number(unit), area=area or "", start=_number(start), count=_number(count)
        )
        found.append(
            Command(
                source=src,
                target=dst,
                protocol=protocol,
                function=function or "",
                action=action,
                unit=specs[protocol].unit_name(unit) if unit is not None and protocol in specs else "",
                point=point or "",
                value="" if value is None else value_text(json.loads(value)),
                count=times,
                first_ns=first_ns,
                last_ns=last_ns,
                first_frame=frame or 0,
                allowed=judged or "",
                accepted=accepted,
                refused=refused,
            )
        )
    found.sort(key=lambda one: (one.source, one.target, one.protocol, one.function, one.first_ns, one.point))
    return tuple(found), len(rows) - len(found)


def _number(value: int | None) -> int:
    return -1 if value is None else value


def _protocols(question: Question) -> dict[str, dict[str, Any]]:
    """Counts as `Result.protocols` has them."""
    found: dict[str, dict[str, Any]] = {}
    sql = f"SELECT protocol, role, action, status = 'ok', sum(messages)::BIGINT FROM {_SAID} GROUP BY ALL ORDER BY ALL"  # noqa: S608
    for protocol, role, action, fine, messages in question.ask(sql).rows:
        counts = found.setdefault(protocol, {"requests": 0, "responses": 0, "events": 0, "errors": 0, "actions": {}})
        counts[f"{role}s"] += messages
        counts["errors"] += 0 if fine else messages
        if role != "response":
            counts["actions"][action] = counts["actions"].get(action, 0) + messages
    return found
