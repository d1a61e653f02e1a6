"""The body `otlp`: a log record of OpenTelemetry (OTLP 1.x in JSON, the logs data model), for the OTLP/HTTP receiver of a collector.

Send it to `https://COLLECTOR:4318/v1/logs?format=otlp`. Attributes are those of the semantic conventions where they have one, else `otwatch.*`.
"""

from __future__ import annotations

from typing import Any, Final

from otwatch.alerts.severity import Severity
from otwatch.outputs.json_text import json_text
from otwatch.outputs.siem.event import Event, Sensor
from otwatch.outputs.siem.fields import address, milliseconds, plain, succeeded
from otwatch.outputs.siem.story import story_of

# Severity numbers of the data model: INFO, WARN, ERROR, ERROR3, FATAL.
_SEVERITY: Final = {Severity.INFO: 9, Severity.LOW: 13, Severity.MEDIUM: 17, Severity.HIGH: 19, Severity.CRITICAL: 21}
_TEXT: Final = {9: "INFO", 13: "WARN", 17: "ERROR", 19: "ERROR", 21: "FATAL"}
_MILLISECOND_NS: Final = 1_000_000


def otlp(event: Event, sensor: Sensor) -> str:
    """One ExportLogsServiceRequest with one record."""
    text, record = event.text, event.record
    story = story_of(record)
    number = _SEVERITY[event.severity]
    attributes = {
        "event.name": f"otwatch.{text('type')}",
        "source.address": address(event, "src")[0] or text("src"),
        "source.port": record.get("src_port"),
        "destination.address": address(event, "dst")[0] or text("dst"),
        "destination.port": record.get("dst_port"),
        "network.transport": story.transport,
        "network.protocol.name": text("protocol"),
        "security_rule.uuid": text("rule"),
        "security_rule.name": text("title"),
        "security_rule.ruleset.name": "otwatch",
        "otwatch.id": text("id"),
        "otwatch.incident": text("incident"),
        "otwatch.sequence": event.sequence,
        "otwatch.occurrence": record.get("occurrence"),
        "otwatch.severity": event.severity.label,
        "otwatch.action": text("action"),
        "otwatch.function": text("function_name"),
        "otwatch.unit": record.get("unit"),
        "otwatch.object": text("object"),
        "otwatch.outcome": text("outcome"),
        "otwatch.count": record.get("count"),
        "otwatch.community_id": story.community_id,
        "otwatch.attack": [str(one) for one in event.items("attack")],
        "otwatch.succeeded": succeeded(event),
        "otwatch.targets": list(story.targets),
        "otwatch.entry_host": story.entry,
        "otwatch.why": text("why"),
        "otwatch.snoozed_until": text("snoozed_until"),
    }
    time_ns = str(milliseconds(text("time")) * _MILLISECOND_NS)  # 64-bit numbers are text in OTLP's JSON
    log = {
        "timeUnixNano": time_ns,
        "observedTimeUnixNano": time_ns,
        "severityNumber": number,
        "severityText": _TEXT[number],
        "body": {"stringValue": plain(event, sensor)},
        "attributes": _attributes(event.short_texts(attributes)),
    }
    resource = {"service.name": "otwatch", "service.version": sensor.version, "host.name": sensor.name, "network.interface.name": sensor.interface}
    scope = {"name": "otwatch", "version": sensor.version}
    return json_text({"resourceLogs": [{"resource": {"attributes": _attributes(resource)}, "scopeLogs": [{"scope": scope, "logRecords": [log]}]}]})


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items() if value is not None and value not in ("", [])]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list | tuple):
        return {"arrayValue": {"values": [_value(one) for one in value]}}
    return {"stringValue": str(value)}
