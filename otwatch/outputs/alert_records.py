"""Alerts and incidents as public records."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from otwatch.alerts.alert import Alert
from otwatch.alerts.attack import former
from otwatch.alerts.book import IncidentEvent
from otwatch.alerts.bursts import Burst
from otwatch.alerts.evidence import Also, Evidence, Hop
from otwatch.alerts.incidents import Incident, Party, Step
from otwatch.alerts.story import act_text, given_text
from otwatch.outputs.siem.community_id import NUMBERS, community_id_of
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
    ports = alert.src_port, alert.dst_port
    return {
        **record,
        "community_id": community_id_of(NUMBERS.get(alert.transport, -1), str(alert.src), ports[0], str(alert.dst), ports[1]),
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
        "src_unknown",
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


def incident_record(incident: Incident, event: IncidentEvent | None = None) -> Record:
    """One incident. Beside its own fields it has those of the act that leads (`rule`, `action`, `object`, `outcome` ...), as an alert has them."""
    lead, gravest = incident.lead, incident.gravest
    act = gravest.act if gravest is not None else None
    actor = incident.lead.src if incident.actor.endswith(" sources") else incident.actor
    target = Party(address=lead.dst, name=lead.dst_name, zone=lead.dst_zone)
    if gravest is not None:
        target = next((one for one in incident.targets if one.address == gravest.dst), target)
    return {
        "type": "incident",
        "time": time_text(event.time_ns if event is not None else incident.time_ns),
        "first_seen": time_text(incident.first_ns),
        "last_seen": time_text(incident.last_ns),
        "id": incident.id,
        "incident": incident.id,
        "event": event.reason if event is not None else "",
        "occurrence": incident.occurrence,
        "follows": incident.follows,
        "merged_into": incident.merged_into,
        "ended": incident.ended,
        "title": incident.title,
        "severity": incident.severity.label,
        "confidence": incident.confidence,
        "actor": incident.actor,
        "path": [_party_record(party) for party in incident.path],
        "sources": list(incident.sources),
        "sources_count": incident.sources_count,
        "forged": incident.forged,
        "targets": [party.address for party in incident.targets],
        "targets_count": incident.targets_count,
        "steps": [_step_record(step) for step in incident.steps],
        "steps_count": incident.steps_count,
        "gravest": _step_record(gravest) if gravest is not None else None,
        "succeeded": list(dict.fromkeys(_deed(step) for step in incident.succeeded)),
        "failed": list(dict.fromkeys(_deed(step) for step in incident.failed)),
        "techniques": list(incident.techniques),
        "alerts": list(incident.alerts),
        "lines": list(incident.lines),
        "chain": [hop_record(hop) for hop in incident.chain],
        "next": list(incident.next),
        "rule": lead.rule,
        "src": actor,
        "src_mac": incident.actor_mac,
        "src_name": incident.actor_name,
        "src_zone": incident.actor_zone,
        "dst": target.address,
        "dst_name": target.name,
        "dst_zone": target.zone,
        "transport": lead.transport,
        "src_port": lead.src_port,
        "dst_port": lead.dst_port,
        "protocol": act.protocol if act is not None else lead.protocol,
        "action": act.action if act is not None else lead.action,
        "function": act.function if act is not None else lead.function,
        "function_name": act.function_name if act is not None else lead.function_name,
        "unit": act.unit if act is not None else lead.unit,
        "object": (act.objects[0] if act.objects else "") if act is not None else lead.object,
        "value": act.value if act is not None else lead.value,
        "outcome": incident.outcome.value,
        "items": incident.items.record(),
        "count": incident.count,
        "attack": list(incident.techniques),
        "attack_v18": [former(technique) for technique in incident.techniques],
        "file": lead.file,
        "frames": list(gravest.frames if gravest is not None else lead.frames),
        "why": lead.why,
        "false_positives": list(lead.false_positives),
        "evaluable": lead.evaluable,
    }


def _party_record(party: Party) -> Record:
    return {"address": party.address, "name": party.name, "zone": party.zone}


def _step_record(step: Step) -> Record:
    act = step.act
    return {
        "time": time_text(step.first_ns),
        "last_seen": time_text(step.last_ns),
        "src": step.src,
        "dst": step.dst,
        "title": step.title,
        "rule": step.rule,
        "alert": step.alert,
        "occurrence": step.occurrence,
        "severity": step.severity.label,
        "protocol": act.protocol if act is not None else "",
        "action": act.action if act is not None else "",
        "function_name": act.function_name if act is not None else "",
        **(act.points_record() if act is not None else {"objects": [], "objects_count": 0, "value": None, "values": [], "values_count": 0}),
        "before": act.before if act is not None else None,
        "before_frame": (act.before_frame or None) if act is not None else None,
        "count": step.count,
        "outcome": step.outcome.value,
        "frames": list(step.frames),
    }


def _deed(step: Step) -> str:
    """`192.168.10.11 plc_stop`: one act in a few words."""
    act = step.act
    if act is None:
        return f"{step.dst} {step.title}"
    value = given_text(act)
    return f"{step.dst} {act_text(act)}" + (f" = {value}" if value else "")
