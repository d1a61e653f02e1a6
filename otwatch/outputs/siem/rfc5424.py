"""The syslog header and structured data of RFC 5424, and the framing of RFC 6587 (octet counting)."""

from __future__ import annotations

import re
from typing import Final

from otwatch.alerts.alert import Severity
from otwatch.outputs.escape import one_line
from otwatch.outputs.siem.bodies import Body
from otwatch.outputs.siem.event import Event, Sensor

_SYSLOG_SEVERITY: Final = {Severity.CRITICAL: 2, Severity.HIGH: 3, Severity.MEDIUM: 4, Severity.LOW: 5, Severity.INFO: 6}
_NOT_PRINTABLE = re.compile(r"[^\x21-\x7e]")
_SD_ID: Final = "otwatch@32473"  # 32473 is the enterprise number that RFC 5612 reserves for documentation; otwatch has none of its own
_SEQUENCE_MODULUS: Final = 2_147_483_647  # RFC 5424 section 7.3.1
_DATA_FIELDS: Final = ("id", "rule", "severity", "src", "dst", "protocol", "action", "function_name", "unit", "object", "value", "outcome", "count",
                       "src_zone", "dst_zone", "attack")
MAX_BYTES: Final = 8_000  # rsyslog's and syslog-ng's default limits are 8 KiB and more


def message(event: Event, sensor: Sensor, body: Body, *, facility: int = 16) -> bytes:
    """One RFC 5424 message, at most MAX_BYTES long; the body is cut, never the header. No BOM: receivers keep it in front of CEF and LEEF."""
    priority = facility * 8 + _SYSLOG_SEVERITY[event.severity]
    time = event.text("time")
    stamp = f"{time[:26]}Z" if len(time) == 30 else "-"  # RFC 5424 section 6.2.3: at most six digits
    header = f"<{priority}>1 {stamp} {_name(sensor.name, 255)} otwatch - {_name(event.text('type'), 32)} "
    parts = [f'sequenceId="{(event.sequence - 1) % _SEQUENCE_MODULUS + 1}"']
    fields = [f'seq="{event.sequence}"'] + [f'{name}="{_parameter(event.text(name))}"' for name in _DATA_FIELDS if event.text(name)]
    data = f"[meta {' '.join(parts)}][{_SD_ID} {' '.join(fields)}] "
    whole = (header + data + body(event, sensor)).encode("utf-8", "replace")
    return whole if len(whole) <= MAX_BYTES else whole[:MAX_BYTES].decode("utf-8", "ignore").encode()


def octet_counted(data: bytes) -> bytes:
    """RFC 6587 section 3.4.1; also RFC 5425 section 4.3."""
    return str(len(data)).encode() + b" " + data


def _name(text: str, length: int) -> str:
    return _NOT_PRINTABLE.sub("_", text)[:length] or "-"


def _parameter(text: str) -> str:
    return one_line(text).replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")
