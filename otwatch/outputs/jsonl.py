"""The result of an analysis as JSON lines: a summary, then assets, conversations, alerts and anomalies, one record a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import otwatch
from otwatch.alerts.alert import Severity
from otwatch.outputs.alert_records import alert_record, incident_record
from otwatch.outputs.json_text import json_text
from otwatch.outputs.records import SCHEMA_VERSION, asset_record, talk_record
from otwatch.outputs.result import Result
from otwatch.outputs.times import time_text
from otwatch.outputs.view.build import coverage_of, verdict_of


def summary_record(result: Result) -> dict[str, Any]:
    """The first line: what was read, what was seen, what could not be seen."""
    decoded = {"decode_undecoded"}
    return {
        "type": "summary",
        "schema": SCHEMA_VERSION,
        "otwatch": otwatch.__version__,
        "recording": result.recording,
        "verdict": verdict_of(result, coverage_of(result)).line,
        "packets": result.packets,
        "bytes": result.wire_bytes,
        "first": time_text(result.first_ns) if result.first_ns is not None else None,
        "last": time_text(result.last_ns) if result.last_ns is not None else None,
        "link_types": _link_types(result),
        "operations": result.operations,
        "protocols": result.protocols,
        "undecoded": {
            "packets": sum(result.counters.get(name, 0) for name in decoded),
            "services": sorted({talk.service for talk in result.talks if not talk.protocol})[:100],
        },
        "visibility": {"complete": not result.incomplete, "blind_spots": [asdict(spot) for spot in result.blind_spots]},
        "alerts": {severity.label: sum(alert.severity is severity for alert in result.alerts) for severity in Severity},
        "incidents": {severity.label: sum(incident.severity is severity for incident in result.incidents) for severity in Severity},
        "anomalies": result.anomalies,
        "checks": [asdict(check) for check in result.checks],
        "files": [
            {
                "path": report.path,
                "format": report.format,
                "packets": report.packets,
                "bytes": report.captured_bytes,
                "cut_short_at": report.cut_short_at,
                "problems": report.problem_counts,
            }
            for report in result.captures
        ],
        "unreadable": result.unreadable,
        "counters": result.counters,
    }


def _link_types(result: Result) -> dict[str, int]:
    counts: dict[str, int] = {}
    for report in result.captures:
        for link_type, packets in report.link_types.items():
            counts[str(link_type)] = counts.get(str(link_type), 0) + packets
    return counts


def records(result: Result, *, min_severity: Severity = Severity.INFO) -> Iterator[dict[str, Any]]:
    """Every record of the result, in a fixed order; anomalies are added by the caller, who has their rows."""
    yield summary_record(result)
    yield from (asset_record(asset) for asset in result.assets)
    yield from (talk_record(talk) for talk in result.talks)
    yield from (incident_record(incident) for incident in result.incidents if incident.severity >= min_severity)
    yield from (alert_record(alert) for alert in result.alerts if alert.severity >= min_severity)


def line(record: dict[str, Any]) -> str:
    """One record as one line: ASCII only, so that nothing in it can act on a terminal or break the line."""
    return json_text(record)
