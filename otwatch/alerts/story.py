"""What an incident's alerts state beside what was done, and what to check next: plain sentences, the process first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from otwatch.alerts.alert import Alert
from otwatch.alerts.evidence import Act
from otwatch.alerts.outcome import SUCCEEDED, WORDS, Outcome

_ADVICE: Final = 5
_VALUE_CHARACTERS: Final = 90


_RUN = 3  # equal values in a row that are counted instead of listed


def value_text(value: Any) -> str:
    """A decoded value in a few words."""
    if isinstance(value, dict):
        value = _named_first(value)
        value = ", ".join(f"{name} {value_text(item)}" for name, item in value.items() if name == "value" or item not in (None, False, "", 0))
    elif isinstance(value, list | tuple) and len(value) > _RUN and all(item == value[0] for item in value):
        value = f"{len(value)} × {value_text(value[0])}"
    elif isinstance(value, list | tuple):
        value = ", ".join(value_text(item) for item in value[:8]) + (" …" if len(value) > 8 else "")
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= _VALUE_CHARACTERS else text[:_VALUE_CHARACTERS] + "…"


_RUNS = 4  # runs of objects that are named
_VALUES = 3  # values that are named one by one
_NUMBERED = re.compile(r"(.*?)(\d{1,18})(\D{0,8})")


_FRAMING: Final = {"name": ("name_offset", "name_size"), "opcode": ("opcode", "session", "data")}  # of a message, not of what it asks for


def _named_first(value: dict[str, Any]) -> dict[str, Any]:
    """A value without what only frames it, a name first."""
    dropped = [name for sign, names in _FRAMING.items() if sign in value for name in names]
    left = {name: item for name, item in value.items() if name not in dropped}
    return {"name": left.pop("name"), **left} if isinstance(left.get("name"), str) else left


def objects_text(objects: Sequence[str], count: int = 0) -> str:
    """Objects in a few words: `40101`, `39 objects 40101-40120, 40122-40140`."""
    count = max(count, len(objects))
    if count < 2:
        return objects[0] if objects else ""
    runs: list[list[str]] = []
    before: tuple[str, int, str] | None = None
    for name in sorted(objects, key=_parts):
        parts = _parts(name)
        if before is not None and (parts[0], parts[2]) == (before[0], before[2]) and parts[1] == before[1] + 1:
            runs[-1][1:] = [name]
        else:
            runs.append([name])
        before = parts
    named = [run[0] if len(run) < 2 else f"{run[0]}-{_shorter(run[0], run[1])}" for run in runs]
    left = count > len(objects) or len(named) > _RUNS
    return f"{count:,} objects {', '.join(named[:_RUNS])}{' …' if left else ''}"


def _parts(name: str) -> tuple[str, int, str]:
    found = _NUMBERED.fullmatch(name)
    return (found[1], int(found[2]), found[3]) if found else (name, -1, "")


def _shorter(first: str, last: str) -> str:
    """`IOA 101-103`, not `IOA 101-IOA 103`."""
    prefix = _parts(first)[0]
    return last[len(prefix) :] if prefix.endswith(" ") else last


def values_text(values: Sequence[Any], count: int = 0) -> str:
    """The values that were given, the last one last: `1000`, `True, then False`, `20 values, last 42`."""
    count = max(count, len(values))
    if count > _VALUES:
        return f"{count:,} values{_range(values)}, last {value_text(values[-1])}"
    return ", then ".join(value_text(value) for value in values)


def _range(values: Sequence[Any]) -> str:
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return f" {min(numbers)} to {max(numbers)}" if numbers and len(numbers) == len(values) else ""


def given_text(act: Act) -> str:
    """The values of an act; empty where they say no more than the names of its function and object."""
    given = [_new(act, value) for value in act.values]
    act = replace(act, value=_new(act, act.value), values=tuple(value for value in given if value is not None))
    if len(act.objects) > 1:
        different = list(dict.fromkeys(value_text(value) for value in act.values if value is not None))
        count = max(act.values_count, len(different))
        if act.objects_count > len(act.objects):  # of those that are not named the values are not known here
            return "different values" if count > 1 else ""
        return f"{count:,} values{_range(act.values)}" if count > _VALUES else ", ".join(different)
    text = values_text(act.values, act.values_count) if act.values else "" if act.value is None else value_text(act.value)
    return "" if text in act.objects[:1] else text


def _new(act: Act, value: Any) -> Any:
    """Of a value what the name of the function does not say; where it was concluded what the message does, that."""
    if not isinstance(value, dict):
        return value
    left = {name: item for name, item in _named_first(value).items() if name != "inferred" and (name != "means" or item != act.function_name)}
    return left or (act.action.lower().replace("_", " ") if act.action not in _PLAIN else None)


_PLAIN: Final = frozenset({"WRITE", "READ", "CONTROL", "OTHER"})  # of which the function says as much


def act_text(act: Act) -> str:
    """`write_single_register 40101`: what was asked, of what."""
    return " ".join(part for part in (act.function_name or act.action.lower(), objects_text(act.objects, act.objects_count)) if part)


def stated(alert: Alert) -> Iterable[str]:
    """Facts that must not vanish when alerts become one incident: of the alert itself and of those that it took in."""
    evidence = alert.evidence
    if evidence.before is not None:
        yield f"{evidence.kind or 'value'} of {alert.dst}: {evidence.before} before, now {evidence.now}"
    if evidence.matched.get("permitted") == "denied":
        yield f"the site file does not permit {alert.src} to command {alert.dst}"
    if evidence.matched.get("conduit") == "denied":
        yield f"the site file has no conduit from zone {alert.src_zone} to zone {alert.dst_zone}"
    if evidence.ticket:
        yield f"maintenance ticket {evidence.ticket} covers {alert.title.lower()} ({alert.src} to {alert.dst})"
    if evidence.accepted:
        yield f"accepted by the site file: {evidence.accepted} ({alert.rule}, {alert.src} to {alert.dst})"
    if len(evidence.cards) > 1:
        yield f"network card {evidence.cards[0]} before, now {', '.join(evidence.cards[1:])}"
    for also in evidence.also:
        yield f"{also.title} ({also.rule}){': ' + also.reason if also.reason else ''}"


def advice(actor: str, lead: Alert, acts: Sequence[Act], path: Sequence[str]) -> list[str]:
    """At most five things to check, the process first. `acts` are gravest first."""
    found: dict[str, None] = {}
    done = [act for act in acts if act.outcome in SUCCEEDED and act.changing]
    tried = [act for act in acts if act.outcome not in SUCCEEDED and act.changing]
    said: dict[tuple[str, str], Act] = {}
    for act in done:
        said.setdefault((act.action, act.target), act)
    for act in list(said.values())[: _ADVICE - 2]:
        found[_of_act(act)] = None
    if tried and not done:
        act = tried[0]
        if act.outcome is Outcome.REFUSED:
            found[f"{act.target} refused {act.function_name}: check that its state on site is what it should be."] = None
        else:
            found[f"Whether {act.target} took {act.function_name} is not confirmed ({WORDS[act.outcome]}): check its state on site."] = None
    for entered in path[1:]:
        found[f"End the session from {path[0]} to {entered}, and find out whose account it used."] = None
    if actor not in ("", "-"):
        if lead.evidence.src_is_device and lead.src == actor:
            found[f"{actor} is itself a device of the plant: check whether it was replaced or taken over, and whether this was ordered."] = None
        else:
            found[f"Find out who used {actor}, and whether this was ordered; cut it off if nobody knows."] = None
    if lead.false_positives:
        found[f"Known harmless causes: {lead.false_positives[0]}."] = None
    return list(found)[:_ADVICE]


def _of_act(act: Act) -> str:
    frame = act.proof or next(iter(act.frames), None)
    place = f"frame {frame}" if frame else "see the frames"
    what = objects_text(act.objects, act.objects_count) or act.function_name
    was = "they were" if len(act.objects) > 1 else "it was"
    match act.action:
        case "STOP":
            return f"Is {act.target} in RUN again, and is the process safe? It was stopped ({place})."
        case "RESTART" if "communications" in act.function_name:
            return f"Does {act.target} answer its master again? Its communications were restarted ({place})."
        case "START" | "RESTART":
            return f"Is {act.target} in the mode it should be in? It was {'restarted' if act.action == 'RESTART' else 'started'} ({place})."
        case "PROGRAM_DOWNLOAD" | "PROGRAM_DELETE" | "FIRMWARE":
            return f"Compare program and firmware of {act.target} with the engineering copy ({act.function_name} {what}, {place})."
        case "CONTROL" | "FORCE":
            return f"Look at {what} of {act.target} on site: {was} operated{_to(act)} ({place})."
        case "WRITE":
            return f"Read {what} of {act.target} at the panel: {was} written{_to(act)} ({place})."
        case _ if act.deletes:
            name = act.value.get("name") if isinstance(act.value, dict) else None
            return f"Restore {name or what} of {act.target} from the archive: {was} deleted ({place})."
        case "TIME_SET":
            return f"Check the clock of {act.target}: it was set ({place})."
        case _:
            return f"Check {what} of {act.target}: {act.function_name} was confirmed ({place})."


def _to(act: Act) -> str:
    given = given_text(act)
    if not given or act.value is None:
        return ""
    if len(act.objects) > 1:
        return f" with {given}"
    before = f"; it was {value_text(act.before)} in frame {act.before_frame}" if act.before is not None else ""
    return f" with {given}{before}"
