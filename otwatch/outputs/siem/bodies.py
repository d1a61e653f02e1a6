"""The bodies of SIEM messages: plain text, CEF 0, LEEF 2.0, Elastic Common Schema, and otwatch's own JSON.

Everything from the wire passes through one of the escapes below; no value can end its field, its line or its event.
The field mapping is the table in docs/reference/siem.md.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from otwatch.alerts.alert import Severity
from otwatch.outputs.escape import one_line
from otwatch.outputs.json_text import json_text
from otwatch.outputs.siem.event import Event, Sensor
from otwatch.outputs.siem.fields import address, milliseconds, outcome, plain, present, succeeded
from otwatch.outputs.siem.ocsf import ocsf
from otwatch.outputs.siem.otlp import otlp
from otwatch.outputs.siem.story import story_of

Body = Callable[[Event, Sensor], str]

_CEF_SEVERITY: Final = {Severity.INFO: 1, Severity.LOW: 3, Severity.MEDIUM: 5, Severity.HIGH: 8, Severity.CRITICAL: 10}
_RISK: Final = {Severity.INFO: 5, Severity.LOW: 25, Severity.MEDIUM: 50, Severity.HIGH: 75, Severity.CRITICAL: 100}
_CHANGES: Final = frozenset(
    {"WRITE", "CONTROL", "START", "STOP", "RESTART", "PROGRAM_DOWNLOAD", "PROGRAM_DELETE", "FIRMWARE", "FORCE", "CONFIGURE", "TIME_SET"}
)
_LEFT_OUT: Final = (  # of a record that is too long, in this order; the gravest step, what succeeded and what is to be checked stay
    ("steps",),
    ("alerts", "targets", "sources", "chain", "lines", "bursts", "evidence", "false_positives"),
)
_FEW_STEPS: Final = 8
_OUTCOME: Final = {"confirmed": "success", "partly_refused": "success", "refused": "failure"}


def _cef_header(text: str) -> str:
    return one_line(text).replace("\\", "\\\\").replace("|", "\\|")


def _cef_value(text: str) -> str:
    # A newline may be said as \n in CEF, but one_line's \x0a cannot be mistaken for anything by anybody.
    # A pipe is not escaped here: only the header is split at pipes.
    return one_line(text).replace("\\", "\\\\").replace("=", "\\=")


def cef(event: Event, sensor: Sensor) -> str:
    """Common Event Format, version 0 (header escapes `|` and `\\`, extension escapes `=` and `\\`)."""
    text = event.text
    (source, source_name), (target, target_name) = address(event, "src"), address(event, "dst")
    story = story_of(event.record)
    header = ["CEF:0", "otwatch", "otwatch", sensor.version, text("rule"), text("title"), str(_CEF_SEVERITY[event.severity])]
    fields: list[tuple[str, str]] = [
        ("externalId", str(event.sequence)),
        ("rt", str(milliseconds(text("time")))),
        ("start", str(milliseconds(story.start))),
        ("end", str(milliseconds(story.end))),
        ("cat", text("type")),
        ("act", "alerted"),
        ("dvchost", sensor.name),
        ("deviceInboundInterface", _interface(event, sensor)),
        ("src", source),
        ("spt", text("src_port")),
        ("smac", text("src_mac")),
        ("shost", source_name),
        ("sourceZoneURI", text("src_zone")),
        ("dst", target),
        ("dpt", text("dst_port")),
        ("dmac", text("dst_mac")),
        ("dhost", target_name),
        ("destinationZoneURI", text("dst_zone")),
        ("proto", story.transport.upper()),
        ("app", text("protocol")),
        ("outcome", _OUTCOME.get(outcome(event), "")),
        ("cnt", text("count")),
        ("deviceFacility", text("action")),
    ]
    labelled = [
        ("cs1", "function", text("function_name")),
        ("cs2", "object", text("object")),
        ("cs3", "value", text("value")),
        ("cs4", "zones", f"{text('src_zone')}>{text('dst_zone')}" if text("src_zone") or text("dst_zone") else ""),
        ("cs5", "attackTechnique", story.techniques),
        ("cs6", "alertId", text("id")),
        ("cn1", "unitId", text("unit")),
        ("cn2", "firstFrame", _first(event.record.get("frames"))),
        ("cn3", "targets", str(story.targets_count) if story.targets_count else ""),
        ("flexString1", "chain", story.chain[: event.characters]),
        ("flexString2", "gravest", story.gravest[: event.characters]),
    ]
    for key, label, value in labelled:
        if value:
            fields += [(key, value), (f"{key}Label", label)]
    fields += [
        ("reason", (story.detail if event.of_sensor else text("why"))[: 2 * event.characters]),
        ("otwatchIncident", text("incident")),
        ("otwatchOccurrence", text("occurrence")),
        ("otwatchOutcome", outcome(event)),
        ("otwatchEntryHost", story.entry),
        ("otwatchSucceeded", succeeded(event)),
        ("otwatchTargets", ",".join(story.targets)[: event.characters]),
        ("otwatchCommunityId", story.community_id),
        ("otwatchSnoozedUntil", text("snoozed_until")),
        ("msg", plain(event, sensor)),
    ]
    return "|".join([*(_cef_header(part) for part in header), " ".join(f"{key}={_cef_value(value)}" for key, value in fields if value)])


def _leef_value(text: str) -> str:
    # The delimiter is a tab, which one_line turns into \x09; LEEF has no escape of its own, so values hold neither tab nor newline.
    return one_line(text)


def leef(event: Event, sensor: Sensor) -> str:
    """Log Event Extended Format 2.0, fields separated by a tab (written x09 in the header)."""
    text = event.text
    (source, source_name), (target, target_name) = address(event, "src"), address(event, "dst")
    story = story_of(event.record)
    stamp = milliseconds(text("time"))
    moment = datetime.fromtimestamp(stamp / 1000, UTC)
    header = ["LEEF:2.0", "otwatch", "otwatch", sensor.version, text("rule"), "x09"]
    fields = [
        ("devTime", f"{moment:%b %d %Y %H:%M:%S}.{stamp % 1000:03d} UTC"),
        ("devTimeFormat", "MMM dd yyyy HH:mm:ss.SSS z"),
        ("sev", str(_CEF_SEVERITY[event.severity])),
        ("cat", text("type")),
        ("identifier", str(event.sequence)),
        ("policy", text("title")),
        ("sensor", sensor.name),
        ("src", source),
        ("srcPort", text("src_port")),
        ("srcMAC", text("src_mac")),
        ("dst", target),
        ("dstPort", text("dst_port")),
        ("dstMAC", text("dst_mac")),
        ("proto", story.transport.upper()),
        ("app", text("protocol")),
        ("action", text("action")),
        ("function", text("function_name")),
        ("unitId", text("unit")),
        ("object", text("object")),
        ("value", text("value")),
        ("srcZone", text("src_zone")),
        ("dstZone", text("dst_zone")),
        ("srcName", source_name),
        ("dstName", target_name),
        ("attackTechnique", text("attack")),
        ("attackTechniqueName", ", ".join(story.technique_names)[: event.characters]),
        ("outcome", outcome(event)),
        ("cnt", text("count")),
        ("alertId", text("id")),
        ("incident", text("incident")),
        ("occurrence", text("occurrence")),
        ("firstSeen", story.start),
        ("lastSeen", story.end),
        ("entryHost", story.entry),
        ("chain", story.chain[: event.characters]),
        ("gravest", story.gravest[: event.characters]),
        ("succeeded", succeeded(event)),
        ("targetCount", str(story.targets_count) if story.targets_count else ""),
        ("targets", ",".join(story.targets)[: event.characters]),
        ("firstFrame", _first(event.record.get("frames"))),
        ("communityId", story.community_id),
        ("snoozedUntil", text("snoozed_until")),
        ("why", (story.detail if event.of_sensor else text("why"))[: 2 * event.characters]),
        ("msg", plain(event, sensor)),
    ]
    start = "|".join(one_line(part).replace("|", "/") for part in header)
    return start + "|" + "\t".join(f"{key}={_leef_value(value)}" for key, value in fields if value)


def ecs(event: Event, sensor: Sensor) -> str:
    """Elastic Common Schema 8, one JSON object; what ECS has no field for is under `otwatch`."""
    text, record = event.text, event.record
    story = story_of(record)

    def side(prefix: str) -> dict[str, Any]:
        return present(
            {
                "address": text(prefix),
                "ip": address(event, prefix)[0],
                "port": record.get(f"{prefix}_port"),
                "mac": text(f"{prefix}_mac").replace(":", "-").upper(),
                "domain": text(f"{prefix}_name"),
            }
        )

    changes = text("action") in _CHANGES
    document = {
        "@timestamp": text("time"),
        "ecs": {"version": "8.11.0"},
        "event": present(
            {
                "kind": "alert" if text("type") in ("alert", "incident") else "event",
                "category": ["intrusion_detection", "network"],
                "type": ["change"] if changes else ["info"],
                "id": text("id"),
                "code": text("rule"),
                "sequence": event.sequence,
                "action": "-".join(part for part in (text("protocol"), text("action").lower()) if part),
                "start": story.start,
                "end": story.end,
                "severity": int(event.severity),
                "risk_score": _RISK[event.severity],
                "outcome": _OUTCOME.get(outcome(event), "unknown"),
                "reason": story.detail[: 4 * event.characters],
                "module": "otwatch",
                "dataset": f"otwatch.{text('type')}",
            }
        ),
        "rule": present({"id": text("rule"), "name": text("title"), "ruleset": "otwatch"}),
        "observer": present(
            {
                "name": sensor.name,
                "vendor": "otwatch",
                "product": "otwatch",
                "type": "ids",
                "version": sensor.version,
                "ingress": {"interface": {"name": _interface(event, sensor)}} if sensor.interface else None,
            }
        ),
        "source": side("src"),
        "destination": side("dst"),
        "network": present({"protocol": text("protocol"), "transport": story.transport, "community_id": story.community_id}),
        "threat": present({"framework": "MITRE ATT&CK", "technique": present({"id": event.field("attack"), "name": list(story.technique_names)})})
        if record.get("attack")
        else None,
        "message": plain(event, sensor),
        "otwatch": present(
            {
                "ot": present(
                    {
                        "function": present({"code": record.get("function"), "name": text("function_name")}),
                        "unit": record.get("unit"),
                        "object": text("object"),
                        "value": text("value"),
                        "action": text("action"),
                    }
                ),
                "incident": text("incident"),
                "occurrence": record.get("occurrence"),
                "first_seen": text("first_seen"),
                "last_seen": text("last_seen"),
                "chain": story.chain[: event.characters],
                "entry": story.entry,
                "gravest": story.gravest[: event.characters],
                "succeeded": succeeded(event),
                "targets": present({"count": story.targets_count or None, "addresses": list(story.targets)}),
                "snoozed_until": text("snoozed_until"),
                "count": record.get("count"),
                "outcome": outcome(event),
                "confidence": record.get("confidence"),
                "why": text("why"),
                "source": present({"zone": text("src_zone")}),
                "destination": present({"zone": text("dst_zone")}),
                "file": text("file"),
                "frames": event.field("frames"),
            }
        ),
    }
    return json_text({name: value for name, value in document.items() if value not in (None, {})})


def own(event: Event, sensor: Sensor) -> str:
    """The record itself, with the sensor's name, the sequence number, and what is derived of it."""
    story = story_of(event.record)
    derived = {
        "chain": story.chain[: event.characters],
        "entry": story.entry,
        "gravest": story.gravest[: event.characters],
        "attack_names": list(story.technique_names),
        "transport": story.transport,
        "community_id": story.community_id,
    }
    record = {name: event.field(name) for name in event.record}
    left_out = _leave_out(event, record)
    return json_text({"sequence": event.sequence, "sensor": sensor.name, **present(derived), **record, **left_out})


def _leave_out(event: Event, record: dict[str, Any]) -> dict[str, Any]:
    """Takes from a record that is too long what can be missed, and names it."""
    steps = event.record.get("steps")
    if event.left_out == 1 and isinstance(steps, list):
        record["steps"] = event.short(steps[:_FEW_STEPS])
    gone = [name for level, names in enumerate(_LEFT_OUT, 2) if event.left_out >= level for name in names if record.pop(name, None)]
    return {"left_out": gone} if gone else {}


def _first(frames: Any) -> str:
    return str(frames[0]) if isinstance(frames, list | tuple) and frames else ""


def _interface(event: Event, sensor: Sensor) -> str:
    """The interface that saw it: an alert of a live sensor has its name as `file`."""
    name = event.text("file")
    return name if name in sensor.interface.split(",") else sensor.interface


BODIES: Final[dict[str, Body]] = {"text": plain, "cef": cef, "leef": leef, "ecs": ecs, "ocsf": ocsf, "otlp": otlp, "json": own}
