"""The syslog header and structured data of RFC 5424, and the framing of RFC 6587 (octet counting)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from otwatch.alerts.alert import Severity
from otwatch.outputs.escape import one_line
from otwatch.outputs.siem.bodies import Body
from otwatch.outputs.siem.event import Event, Sensor
from otwatch.outputs.siem.fields import outcome
from otwatch.outputs.siem.story import story_of

_SYSLOG_SEVERITY: Final = {Severity.CRITICAL: 2, Severity.HIGH: 3, Severity.MEDIUM: 4, Severity.LOW: 5, Severity.INFO: 6}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")
_NOT_PRINTABLE = re.compile(r"[^\x21-\x7e]")
_SD_ID: Final = "otwatch@32473"  # 32473 is the enterprise number that RFC 5612 reserves for documentation; otwatch has none of its own
_SEQUENCE_MODULUS: Final = 2_147_483_647  # RFC 5424 section 7.3.1
_DATA_FIELDS: Final = (
    "id",
    "rule",
    "severity",
    "src",
    "dst",
    "protocol",
    "action",
    "function_name",
    "unit",
    "object",
    "value",
    "outcome",
    "count",
    "src_name",
    "dst_name",
    "src_zone",
    "dst_zone",
    "attack",
    "incident",
    "occurrence",
    "snoozed_until",
)
MAX_BYTES: Final = 8_000  # rsyslog's and syslog-ng's default limits are 8 KiB and more
_SHORTER: Final = ((512, 0), (512, 1), (512, 2), (512, 3), (256, 3), (128, 3), (32, 3), (8, 3))  # characters of each field, how much is left out


def message(event: Event, sensor: Sensor, body: Body, *, facility: int = 16) -> bytes:
    """One RFC 5424 message, at most MAX_BYTES long: when it would be longer, every field says less. No BOM: receivers keep it before CEF and LEEF."""
    for characters, left_out in _SHORTER:
        whole = _whole(replace(event, characters=min(characters, event.characters), left_out=left_out), sensor, body, facility)
        if len(whole) <= MAX_BYTES:
            return whole
    return whole[:MAX_BYTES].decode("utf-8", "ignore").encode()  # cannot be reached with the fields that there are


def _whole(event: Event, sensor: Sensor, body: Body, facility: int) -> bytes:
    priority = facility * 8 + _SYSLOG_SEVERITY[event.severity]
    time = event.record.get("time")
    stamp = f"{time[:26]}Z" if isinstance(time, str) and _TIME.fullmatch(time) else "-"  # RFC 5424 section 6.2.3: at most six digits
    header = f"<{priority}>1 {stamp} {_name(sensor.name, 255)} otwatch {_name(sensor.process, 128)} {_name(event.text('type'), 32)} "
    story = story_of(event.record)
    values = {name: outcome(event) if name == "outcome" else event.text(name) for name in _DATA_FIELDS}
    values |= {
        "attack_names": ", ".join(story.technique_names)[: event.characters],
        "targets": str(story.targets_count or ""),
        "entry": story.entry,
        "chain": story.chain[: event.characters],
        "gravest": story.gravest[: event.characters],
        "community_id": story.community_id,
        "why": (story.detail if event.of_sensor else event.text("why"))[: event.characters],
    }
    fields = [f'seq="{event.sequence}"'] + [f'{name}="{_parameter(value)}"' for name, value in values.items() if value]
    data = f'[meta sequenceId="{(event.sequence - 1) % _SEQUENCE_MODULUS + 1}"][{_SD_ID} {" ".join(fields)}] '
    return (header + data + body(event, sensor)).encode("utf-8", "replace")


def octet_counted(data: bytes) -> bytes:
    """RFC 6587 section 3.4.1; also RFC 5425 section 4.3."""
    return str(len(data)).encode() + b" " + data


def newline_ended(data: bytes) -> bytes:
    """RFC 6587 section 3.4.2, non-transparent framing: what readers of lines take. A message holds no newline of its own."""
    return data.replace(b"\n", b" ") + b"\n"


FRAMINGS: Final = {"octets": octet_counted, "lf": newline_ended}


def _name(text: str, length: int) -> str:
    return _NOT_PRINTABLE.sub("_", text)[:length] or "-"


def _parameter(text: str) -> str:
    return one_line(text).replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")
