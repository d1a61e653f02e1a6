"""One event on its way to a SIEM: an alert, a notice about the sensor's own health, or a heartbeat."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from otwatch.alerts.severity import Severity
from otwatch.outputs.json_text import json_text

FIELD_CHARACTERS = 512  # of one field; names on the wire can be 10 kB long
_OWN: Final = frozenset(
    {
        *("id", "incident", "rule", "type", "time", "first_seen", "last_seen", "src", "dst", "src_mac", "dst_mac", "action", "protocol"),
        *("outcome", "severity", "snoozed_until"),
    }
)  # words and addresses that otwatch writes itself: short by nature, never cut shorter
_OWN_CHARACTERS: Final = 64
_WORDS: Final = frozenset({"attack", "attack_v18"})  # lists of ids
_SEVERITIES: Final = {severity.label: severity for severity in Severity}


def cut(text: str, characters: int) -> str:
    """A text that says where it was cut."""
    return text if len(text) <= characters else text[: max(0, characters - 1)] + "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """Who sends: as every event says it."""

    name: str  # host name in the syslog header and observer.name
    version: str
    interface: str = ""
    process: str = ""  # PROCID of the syslog header: tells runs apart whose sequence numbers begin anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`record` is the alert record of the public contract; `sequence` is given by the spool, grows by one, and is never used twice.

    `characters` is how much of each field is said: a message that would be too long is made again with less of each, so that no long field can
    push another one out. `left_out` is how much of a record that is sent whole is not said: its steps go first, then lists of alerts and hosts.
    """

    sequence: int
    record: dict[str, Any]
    characters: int = FIELD_CHARACTERS
    left_out: int = 0

    @property
    def severity(self) -> Severity:
        """The record's severity; info when it has none."""
        return _SEVERITIES.get(str(self.record.get("severity", "")), Severity.INFO)

    @property
    def of_sensor(self) -> bool:
        """Whether it is about the sensor itself."""
        return str(self.record.get("rule", "")).startswith("sensor.")

    def text(self, name: str) -> str:
        """A field as capped text; empty when absent. Lists of words stand with commas, every other value is JSON."""
        value = self.record.get(name)
        room = max(self.characters, _OWN_CHARACTERS) if name in _OWN else self.characters
        if value is None:
            return ""
        if isinstance(value, str):
            return cut(value, room)
        if name in _WORDS and isinstance(value, list | tuple):
            return ",".join(str(item) for item in value[:64])[:room]
        return self._json(value, room)

    def _json(self, value: Any, room: int) -> str:
        """As much of a value as there is room for, and whole JSON all the same."""
        characters = room
        while characters >= 8:
            text = json_text(replace(self, characters=characters).short(value))
            if len(text) <= room:
                return text
            characters //= 2
        return json_text(json_text(value)[: max(1, room - 8)])[:room]

    def items(self, name: str) -> list[Any]:
        """A field that is a list; empty when it is none."""
        value = self.record.get(name)
        return list(value[:64]) if isinstance(value, list | tuple) else []

    def short_texts(self, value: Any) -> Any:
        """A document with its texts capped, all the way down, and nothing left out."""
        if isinstance(value, str):
            return cut(value, max(4 * self.characters, _OWN_CHARACTERS))
        if isinstance(value, list | tuple):
            return [self.short_texts(item) for item in value]
        if isinstance(value, dict):
            return {name: self.short_texts(item) for name, item in value.items()}
        return value

    def field(self, name: str) -> Any:
        """A field as a capped JSON value."""
        value = self.record.get(name)
        return self.text(name) if isinstance(value, str) else self.short(value)

    def short(self, value: Any) -> Any:
        """A JSON value with its texts, lists and mappings capped, all the way down."""
        items = max(1, self.characters // 8)
        if isinstance(value, str):
            return cut(value, self.characters)
        if isinstance(value, list | tuple):
            return [self.short(item) for item in value[:items]]
        if isinstance(value, dict):
            return {str(name)[: self.characters]: self.short(item) for name, item in list(value.items())[:items]}
        return value
