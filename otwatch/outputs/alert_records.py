"""Alerts and incidents as public records."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from otwatch.alerts.alert import Alert
from otwatch.alerts.attack import former
from otwatch.alerts.bursts import Burst
from otwatch.alerts.evidence import Also, Evidence, Hop
from otwatch.outputs.times import time_text

Record = dict[str, Any]


def alert_record(alert: Alert, *, live: bool = False) -> Record:
    """One alert, with the field names of the contract first. `live`: `time` is that of the newest burst, else of the first."""
    newest = alert.bursts[-1].first_ns if alert.bursts else alert.first_seen_ns
    record = {
        "type": "alert",
        "time": time_text(newest if live else alert.first_seen_ns),
        "first_seen": time_text(alert.first_seen_ns),
        "last_seen": time_text(alert.last_seen_ns),
        "id": alert.id,
        "incident": alert.incident,
        "occurrence": alert.occurrence,
        "rule": alert.rule,
        "title": alert.title,
        "severity": alert.severity.label,
        "confidence": alert.confidence,
        "count": alert.count,
    }
    for name in (
        *("src", "dst", "src_port", "dst_port", "src_mac", "dst_mac", "src_name", "dst_name", "src_zone", "dst_zone"),
        *("transport", "protocol", "action", "function", "function_name", "unit", "object", "value"),
    ):
        record[name] = getattr(alert, name)
    return {
        **record,
        "outcome": alert.outcome.value,
        "items": alert.items.record(),
        "attack": list(alert.attack),
        "attack_v18": [former(technique) for technique in alert.attack],
        "file": alert.file,
        "frames": list(alert.frames),
        "bursts": [burst_record(burst) for burst in alert.bursts],
        "evidence": evidence_record(alert.evidence),
        "why": alert.why,
        "false_positives": list(alert.false_positives),
        "evaluable": alert.evaluable,
        "references": list(alert.references),
    }


def burst_record(burst: Burst) -> Record:
    """One burst."""
    return {
        "occurrence": burst.occurrence,
        "first_seen": time_text(burst.first_ns),
        "last_seen": time_text(burst.last_ns),
        "count": burst.count,
        "frames": list(burst.frames),
        "outcome": burst.outcome.value,
    }


def evidence_record(evidence: Evidence) -> Record:
    """What is there of the evidence, the matched fields first; what is empty is left out."""
    found: Record = {**evidence.matched, **evidence.sensor}
    for name in ("values", "objects", "functions", "targets", "sources", "anomalies", "cards"):
        if getattr(evidence, name):
            found[name] = list(getattr(evidence, name))
    for name in (
        "targets_count",
        "sources_count",
        "refused",
        "kind",
        "before",
        "src_outside",
        "too_short_to_tell",
        "permitted",
        "ticket",
        "accepted",
        "per_second",
    ):
        if getattr(evidence, name):
            found[name] = getattr(evidence, name)
    if evidence.now is not None:
        found["value"] = evidence.now
    if evidence.ports:
        found["port_list"] = list(evidence.ports)
    if evidence.acts:
        found["acts"] = [act.record() for act in evidence.acts]
    if evidence.chain:
        found["chain"] = [hop_record(hop) for hop in evidence.chain]
    if evidence.also:
        found["also"] = [_also_record(also) for also in evidence.also]
    return found


def hop_record(hop: Hop) -> Record:
    """One hop of a chain."""
    return {"time": time_text(hop.time_ns), "frame": hop.frame, "src": hop.src, "dst": hop.dst, "what": hop.what}


def _also_record(also: Also) -> Record:
    record = asdict(also)
    first, last, ticket = record.pop("first_ns"), record.pop("last_ns"), record.pop("ticket")
    record |= {"severity": also.severity.label, "first_seen": time_text(first), "last_seen": time_text(last)}
    return record | ({"ticket": ticket} if ticket else {})
