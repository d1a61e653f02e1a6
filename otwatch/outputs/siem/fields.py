"""What the bodies have in common: times, addresses, and the sentence."""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime
from typing import Any, Final

from otwatch.outputs.escape import one_line
from otwatch.outputs.siem.event import Event, Sensor, cut
from otwatch.outputs.siem.story import story_of

_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z")


def milliseconds(record_time: str) -> int:
    """A time of the records as milliseconds since 1970; 0 when it is none."""
    found = _TIME.fullmatch(record_time)
    if not found:
        return 0
    return int(datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp()) * 1000 + int(found[2]) // 1_000_000


def address(event: Event, side: str) -> tuple[str, str]:
    """(IP address, name) of `src` or `dst`. What is no IP address, a sensor's name or a MAC, stands with the names: else receivers refuse it."""
    text, name = event.text(side), event.text(f"{side}_name")
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return "", name or text
    return text, name


def outcome(event: Event) -> str:
    """The record's outcome; what a sensor says about itself has none."""
    return "" if event.of_sensor else event.text("outcome")


def present(fields: dict[str, Any]) -> dict[str, Any]:
    """Without what is empty."""
    return {name: value for name, value in fields.items() if value not in (None, "", {}, [])}


def plain(event: Event, _sensor: Sensor) -> str:
    """One sentence for people who read the log itself."""
    text = event.text
    story = story_of(event.record)
    parts = [f"{event.severity.label.upper()} {text('title')}"]
    if event.of_sensor:
        if story.detail:
            parts.append(story.detail[: 4 * event.characters])
    else:
        who = " -> ".join(side for side in (_host(event, "src"), _host(event, "dst")) if side)
        more = f" ({story.targets_count} targets)" if story.targets_count > 1 else ""
        deed = " ".join(part for part in (text("protocol"), text("function_name") or text("action").lower(), text("object")) if part)
        count = _count(event.record)
        told = f" ({outcome(event).replace('_', ' ')})" if outcome(event) not in ("", "not_observed") else ""
        if who:
            parts.append(who + more)
        if deed or count or told:
            parts.append(f"{deed}{count}{told}".strip())
        if story.gravest and story.targets_count > 1:
            parts.append(f"gravest: {story.gravest}"[: event.characters])
        if story.chain:
            parts.append(f"by way of {story.chain}"[: event.characters])
    occurrence = event.record.get("occurrence", 1)
    again = f" (occurrence {occurrence})" if isinstance(occurrence, int) and occurrence > 1 else ""
    return one_line(f"{': '.join(parts)}{again} [{text('rule')}]")


def succeeded(event: Event) -> str:
    """What changed something and was confirmed, gravest first; as much as there is room for."""
    found = event.record.get("succeeded")
    told = list(dict.fromkeys(str(one) for one in found)) if isinstance(found, list | tuple) else []
    text = ""
    for place, one in enumerate(told):
        more = f"; and {len(told) - place} more"
        if len(text) + len(one) + len(more) + 2 > event.characters:
            return f"{text}{more}" if text else cut(one, event.characters)
        text += f"; {one}" if text else one
    return text


def _count(record: dict[str, Any]) -> str:
    """How often the act that is named was done, and how many messages there were in all."""
    count, gravest, steps = record.get("count", 1), record.get("gravest"), record.get("steps")
    own = count
    if isinstance(gravest, dict) and gravest.get("function_name") and isinstance(steps, list):
        same = [step for step in steps if all(step.get(name) == gravest.get(name) for name in ("dst", "action", "function_name", "outcome"))]
        own = sum(step.get("count", 0) for step in same)
    if own == count or not isinstance(own, int):
        return f" x{count}" if count != 1 else ""
    return f"{f' x{own}' if own != 1 else ''}, {count} messages in all"


def _host(event: Event, side: str) -> str:
    text, name, zone = event.text(side), event.text(f"{side}_name"), event.text(f"{side}_zone")
    about = ", ".join(part for part in (name if name != text else "", zone) if part)
    return f"{text} ({about})" if text and about else text
