"""What an analyst who has only the event must read in it, derived from the record: the way in, the gravest act that succeeded, targets, techniques.

The same words in every body; bodies only choose the field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from otwatch.alerts.attack import TECHNIQUES, current
from otwatch.alerts.evidence import gravity
from otwatch.alerts.outcome import SUCCEEDED
from otwatch.alerts.story import objects_text, values_text
from otwatch.outputs.siem.community_id import community_id

_HOPS: Final = 16
_TARGETS: Final = 32
_SHORT: Final = 64  # characters of a time, an address or a word


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Texts; empty where the record has nothing to say."""

    start: str  # of this occurrence
    end: str
    chain: str  # `10.0.9.9 > 10.0.1.5 (tcp/22) > 10.0.1.10 (write_single_register)`
    entry: str  # the host that the chain begins with
    gravest: str  # `WRITE write_single_register 40101 = 900 at 10.0.1.10 (confirmed)`
    targets: tuple[str, ...]
    targets_count: int
    technique_names: tuple[str, ...]
    techniques: str  # `T1692.001 Unauthorized Message: Command Message`, several with commas
    transport: str
    community_id: str
    detail: str  # what the sensor's own alerts say


def story_of(record: dict[str, Any]) -> Story:
    """The story of a record; a record that is not shaped like an alert has none."""
    found = record.get("evidence")
    evidence = found if isinstance(found, dict) else {}
    bursts = [burst for burst in _list(record.get("bursts")) if isinstance(burst, dict)]
    newest = bursts[-1] if bursts else record
    whole = record if record.get("type") == "incident" else evidence  # where the story stands
    chain = [hop for hop in _list(whole.get("chain")) if isinstance(hop, dict)]
    targets = tuple(str(target)[:_SHORT] for target in _list(whole.get("targets")))[:_TARGETS]
    count = whole.get("targets_count") or len(targets)
    if whole is record and record.get("event"):
        newest = {"first_seen": record.get("time"), "last_seen": record.get("last_seen")}
    attack = [str(number) for number in _list(record.get("attack"))]
    transport = str(record.get("transport") or "").lower()[:_SHORT]
    return Story(
        start=str(newest.get("first_seen") or record.get("first_seen") or record.get("time") or "")[:_SHORT],
        end=str(newest.get("last_seen") or record.get("last_seen") or record.get("time") or "")[:_SHORT],
        chain=_chain(chain),
        entry=str(chain[0].get("src", ""))[:_SHORT] if chain else "",
        gravest=_gravest(_acts(record, evidence), str(record.get("dst") or "")),
        targets=targets,
        targets_count=count if isinstance(count, int) else len(targets),
        technique_names=tuple(_name(number) for number in attack if _name(number)),
        techniques=", ".join(f"{number} {_name(number)}".strip() for number in attack),
        transport=transport,
        community_id=_community_id(record, transport),
        detail=str(evidence.get("text") or "") if str(record.get("rule", "")).startswith("sensor.") else "",
    )


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _name(number: str) -> str:
    known = TECHNIQUES.get(current(number))
    return known.name if known else ""


def _chain(hops: list[dict[str, Any]]) -> str:
    if not hops:
        return ""
    steps = [str(hops[0].get("src", ""))]
    for hop in hops[:_HOPS]:
        what = f" ({hop['what']})" if hop.get("what") else ""
        steps.append(f"{hop.get('dst', '')}{what}")
    return " > ".join(steps)


def _acts(record: dict[str, Any], evidence: dict[str, Any]) -> list[dict[str, Any]]:
    leading = record.get("gravest")
    acts = [{**leading, "target": leading.get("dst")}] if isinstance(leading, dict) else _list(evidence.get("acts"))
    return [act for act in acts if isinstance(act, dict)]


def _gravest(acts: list[dict[str, Any]], target: str) -> str:
    """Of the acts that the device confirmed; acts that only look are none."""
    acts = [act for act in acts if act.get("outcome") in SUCCEEDED and gravity(str(act.get("action", ""))) > 0]
    if not acts:
        return ""
    act = max(acts, key=lambda one: gravity(str(one.get("action", ""))))
    objects = objects_text([str(item) for item in _list(act.get("objects"))], _number(act.get("objects_count")))
    value, count = act.get("value"), _number(act.get("values_count"))
    if count > 1:
        value = f"{count} values" if _number(act.get("objects_count")) > 1 else values_text(_list(act.get("values")) or [value], count)
    parts = [str(act.get("action", "")), str(act.get("function_name") or ""), objects, f"= {value}" if isinstance(value, str | int | float) else ""]
    where = str(act.get("target") or target)
    return f"{' '.join(part for part in parts if part)}{f' at {where}' if where else ''} ({act['outcome']})"


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _community_id(record: dict[str, Any], transport: str) -> str:
    ports = record.get("src_port"), record.get("dst_port")
    if not (isinstance(ports[0], int) and isinstance(ports[1], int)):
        return ""
    return community_id(transport, str(record.get("src", "")), ports[0], str(record.get("dst", "")), ports[1])
