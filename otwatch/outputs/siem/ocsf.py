"""The body `ocsf`: Open Cybersecurity Schema Framework 1.4, Detection Finding (class 2004), for Security Lake and what reads it."""

from __future__ import annotations

from typing import Any, Final

from otwatch.alerts.attack import TECHNIQUES, current
from otwatch.alerts.attack_table import VERSION
from otwatch.alerts.severity import Severity
from otwatch.outputs.json_text import json_text
from otwatch.outputs.siem.event import Event, Sensor
from otwatch.outputs.siem.fields import address, milliseconds, plain, present, succeeded
from otwatch.outputs.siem.story import story_of

_SEVERITY: Final = {Severity.INFO: 1, Severity.LOW: 2, Severity.MEDIUM: 3, Severity.HIGH: 4, Severity.CRITICAL: 5}
_CLASS: Final = 2004
_IP, _MAC = 2, 3  # type_id of observables


def ocsf(event: Event, sensor: Sensor) -> str:
    """One JSON object. The first event of an alert creates the finding, later ones update it."""
    text, record = event.text, event.record
    story = story_of(record)
    activity = 1 if record.get("count", 1) == 1 or record.get("occurrence", 1) == 1 else 2
    document = {
        "class_uid": _CLASS,
        "class_name": "Detection Finding",
        "category_uid": 2,
        "category_name": "Findings",
        "activity_id": activity,
        "activity_name": "Create" if activity == 1 else "Update",
        "type_uid": _CLASS * 100 + activity,
        "time": milliseconds(text("time")),
        "start_time": milliseconds(story.start),
        "end_time": milliseconds(story.end),
        "severity_id": _SEVERITY[event.severity],
        "severity": "Informational" if event.severity is Severity.INFO else event.severity.label.capitalize(),
        "status_id": 1,
        "status": "New",
        "status_detail": text("outcome"),
        "count": record.get("count"),
        "confidence_score": round(100 * record["confidence"]) if isinstance(record.get("confidence"), int | float) else None,
        "is_alert": text("type") in ("alert", "incident"),
        "message": plain(event, sensor),
        "metadata": {
            "version": "1.4.0",
            "product": {"name": "otwatch", "vendor_name": "otwatch", "version": sensor.version},
            "uid": f"{sensor.name}/{event.sequence}",
            "sequence": event.sequence,
            "logged_time": milliseconds(text("time")),
            "log_name": text("type"),
            "original_time": text("time"),
        },
        "finding_info": present(
            {
                "uid": text("id") or f"{sensor.name}/{event.sequence}",
                "title": text("title"),
                "desc": text("why"),
                "first_seen_time": milliseconds(text("first_seen")) or None,
                "last_seen_time": milliseconds(text("last_seen")) or None,
                "types": [text("protocol")] if text("protocol") else None,
                "analytic": {"type_id": 1, "type": "Rule", "uid": text("rule"), "name": text("rule")},
                "attacks": [_attack(str(number)) for number in event.items("attack")] or None,
                "related_events": [{"uid": text("incident")}] if text("incident") else None,
            }
        ),
        "evidences": [
            present(
                {
                    "src_endpoint": _endpoint(event, "src"),
                    "dst_endpoint": _endpoint(event, "dst"),
                    "connection_info": present({"protocol_name": story.transport, "community_uid": story.community_id, "direction_id": 0}),
                    "data": present(
                        {
                            "protocol": text("protocol"),
                            "action": text("action"),
                            "function": text("function_name"),
                            "unit": record.get("unit"),
                            "object": text("object"),
                            "value": event.field("value"),
                            "chain": story.chain,
                            "frames": event.field("frames"),
                        }
                    ),
                }
            )
        ],
        "observables": _observables(event),
        "device": {"hostname": sensor.name, "type_id": 99, "type": "Sensor", "interface_name": sensor.interface},
        "unmapped": present(
            {
                "occurrence": record.get("occurrence"),
                "entry_host": story.entry,
                "gravest": story.gravest,
                "succeeded": succeeded(event),
                "targets": list(story.targets),
                "targets_count": story.targets_count or None,
                "outcome": text("outcome"),
                "snoozed_until": text("snoozed_until"),
                "detail": story.detail[: event.characters],
            }
        ),
    }
    return json_text(present(event.short_texts(document)))


def _endpoint(event: Event, side: str) -> dict[str, Any] | None:
    ip, name = address(event, side)
    return (
        present(
            {
                "ip": ip,
                "port": event.record.get(f"{side}_port"),
                "mac": event.text(f"{side}_mac"),
                "name": name,
                "zone": event.text(f"{side}_zone"),
            }
        )
        or None
    )


def _attack(number: str) -> dict[str, Any]:
    known = TECHNIQUES.get(current(number))
    return {
        "version": VERSION,
        "technique": present({"uid": number, "name": known.name if known else ""}),
        "tactics": [{"name": tactic} for tactic in known.tactics] if known else [],
    }


def _observables(event: Event) -> list[dict[str, Any]]:
    found = []
    for side in ("src", "dst"):
        ip, _ = address(event, side)
        if ip:
            found.append({"name": f"evidences[].{side}_endpoint.ip", "type_id": _IP, "type": "IP Address", "value": ip})
        if event.text(f"{side}_mac"):
            found.append({"name": f"evidences[].{side}_endpoint.mac", "type_id": _MAC, "type": "MAC Address", "value": event.text(f"{side}_mac")})
    return found
