"""Alerts as Sigma rules (sigmahq.io), for a SIEM that keeps its detections so: one for each rule of otwatch and each condition of the sensor."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from otwatch.alerts.severity import Severity

FIELDS: Final = {  # body of the events -> field of the rule's id
    "ecs": "rule.id",
    "json": "rule",
    "cef": "DeviceEventClassID",
    "leef": "EventID",
}
_LEVELS: Final = {
    Severity.INFO: "informational",
    Severity.LOW: "low",
    Severity.MEDIUM: "medium",
    Severity.HIGH: "high",
    Severity.CRITICAL: "critical",
}
_NAMESPACE: Final = uuid.UUID("a4f7a1f0-1f6b-5d0e-9a57-3f1c5c1d9f10")  # of otwatch's rules: ids stay the same over versions
_TITLE_CHARACTERS: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """What a Sigma rule is made of."""

    rule: str
    title: str
    severity: Severity
    description: str
    attack: Sequence[str] = ()
    false_positives: Sequence[str] = ()
    references: Sequence[str] = ()


def sigma_rule(detection: Detection, form: str) -> dict[str, Any]:
    """One Sigma rule as a document; `form` is the body that the SIEM gets."""
    document: dict[str, Any] = {
        "title": detection.title[:_TITLE_CHARACTERS],
        "id": str(uuid.uuid5(_NAMESPACE, detection.rule)),
        "status": "stable",
        "description": " ".join(detection.description.split()),
        "references": list(detection.references),
        "author": "otwatch",
        "tags": [f"attack.{technique.lower()}" for technique in detection.attack],
        "logsource": {"product": "otwatch", "service": "alert"},
        "detection": {"selection": {FIELDS[form]: detection.rule}, "condition": "selection"},
        "falsepositives": list(detection.false_positives) or ["Unknown"],
        "level": _LEVELS[detection.severity],
    }
    return {name: value for name, value in document.items() if value}


def sigma_documents(detections: Iterable[Detection], form: str) -> Iterator[str]:
    """Each as a YAML document."""
    for detection in detections:
        yield yaml.safe_dump(sigma_rule(detection, form), sort_keys=False, allow_unicode=False, width=1000)
