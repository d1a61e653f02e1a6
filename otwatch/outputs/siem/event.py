"""One event on its way to a SIEM: an alert, a notice about the sensor's own health, or a heartbeat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from otwatch.alerts.alert import Severity

FIELD_CHARACTERS = 512  # of one field; names on the wire can be 10 kB long


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """Who sends: as every event says it."""

    name: str  # host name in the syslog header and observer.name
    version: str
    interface: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`record` is the alert record of the public contract; `sequence` is given by the spool, grows by one, and is never used twice."""

    sequence: int
    record: dict[str, Any]

    @property
    def severity(self) -> Severity:
        """The record's severity; info when it has none."""
        return Severity[str(self.record.get("severity", "info")).upper()]

    def text(self, name: str) -> str:
        """A field as capped text; empty when absent."""
        value = self.record.get(name)
        if value is None:
            return ""
        if isinstance(value, list | tuple):
            value = ",".join(str(item) for item in value)
        return str(value)[:FIELD_CHARACTERS]
