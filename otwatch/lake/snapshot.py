"""A day of a lake as an observation that `otwatch diff` compares."""

from __future__ import annotations

import json

from otwatch.alerts.alert import Severity
from otwatch.errors import CaptureError
from otwatch.inventory.levels import is_group
from otwatch.lake.asking import Question, Span, quoted
from otwatch.lake.layout import DAY_NS, Lake, day_ns, day_of
from otwatch.lake.manifest import hours_without
from otwatch.lake.questions import COMMANDS
from otwatch.outputs.snapshot import Points, Snapshot, Way, device_of


def of_lake(folder: str, day: str) -> Snapshot:
    """What all sensors of a lake saw on a day (`2026-11-22`, in UTC). CaptureError when there is nothing."""
    lake = Lake(folder)
    segments = [segment for place in lake.places() if day in place.days() for segment in place.segments(day)]
    if not segments:
        days = sorted({day for place in lake.places() for day in place.days()})
        raise CaptureError(f"{folder}@{day}: no such day; there are {', '.join(days[-10:]) or 'none'}")
    question = Question(lake, Span(since=day, until=day_of(day_ns(day) + DAY_NS)))
    try:
        ways: dict[tuple[str, str, str], Way] = {}
        flows = (
            "SELECT client, server, service, epoch_ns(min(first_seen)), epoch_ns(max(last_seen)), count(*) FROM flows "
            "WHERE payload_to_client > 0 GROUP BY client, server, service"
        )
        for client, server, service, first_ns, last_ns, count in question.ask(flows).rows:
            if not is_group(server):
                ways[client, server, service] = Way(first_ns=first_ns, last_ns=last_ns, flows=count)
        for table in ("operations", "behaviours"):
            asked = f"SELECT DISTINCT src, dst, protocol, action FROM {table} WHERE role = 'request'"  # noqa: S608 - names of ours
            for src, dst, protocol, action in question.ask(asked).rows:
                if (src, dst, protocol) in ways:
                    ways[src, dst, protocol].actions.add(action)
        points: Points = {}
        written = (
            "SELECT actor, target, function_name, coalesce(unit::VARCHAR, ''), coalesce(object_name, ''), argMax(coalesce(value, ''), time) "  # noqa: S608
            f"FROM {COMMANDS} AS o WHERE role <> 'response' GROUP BY ALL"
        )
        for src, dst, function, unit, point, value in question.ask(written).rows:
            points[src, dst, function, unit, point] = value
        assets = [json.loads(record) for (record,) in question.ask("SELECT record FROM assets").rows]
        grave = ", ".join(quoted(severity.label) for severity in Severity if severity >= Severity.MEDIUM)
        incidents = question.ask(f"SELECT id, severity, title FROM incidents WHERE severity IN ({grave})").rows  # noqa: S608 - literals are quoted
    finally:
        question.close()
    without = hours_without(segments, day)
    return Snapshot(
        name=f"{folder}@{day}",
        packets=sum(segment.about.get("packets", 0) for segment in segments),
        first_ns=min(segment.about["from_ns"] for segment in segments),
        last_ns=max(segment.about["until_ns"] for segment in segments),
        blind=(f"{len(without)} hours of {day} without a sensor",) if without else (),
        devices={device.id: device for device in (device_of(record, str(record["id"])) for record in assets if record["packets_sent"])},
        ways=ways,
        points=points,
        incidents={one: (severity, title) for one, severity, title in incidents},
    )
