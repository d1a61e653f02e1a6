"""The alert record: a public contract (DESIGN section 6), the same in JSON lines, syslog, the report and the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any


class Severity(IntEnum):
    """Five steps, lowest first."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def label(self) -> str:
        """The lower-case word of the records."""
        return self.name.lower()


@dataclass(slots=True, kw_only=True)
class Alert:
    """One incident: one rule, one actor, one target. It is updated while it goes on; `sequence` changes with every update that is sent out."""

    id: str  # stable for the same packets: a hash of rule, actor, target and first_seen
    rule: str
    title: str
    severity: Severity
    confidence: float  # 0..1
    first_seen_ns: int
    last_seen_ns: int
    count: int  # messages (or flows, for rules on flows) that matched
    src: str  # who acted: address as text
    dst: str  # whom it hit
    src_port: int | None = None
    dst_port: int | None = None
    src_mac: str | None = None
    dst_mac: str | None = None
    src_name: str | None = None  # asset name where known
    dst_name: str | None = None
    src_zone: str | None = None
    dst_zone: str | None = None
    protocol: str = ""
    action: str = ""  # Action name
    function: int | None = None
    function_name: str = ""
    unit: int | None = None
    object: str = ""  # as people of the field write it
    value: Any = None
    outcome: str = "requested"  # requested | confirmed | refused | unanswered
    attack: tuple[str, ...] = ()  # ATT&CK for ICS technique ids
    file: str = ""  # capture file or interface
    frames: tuple[int, ...] = ()  # first frame numbers (in file)
    evidence: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    false_positives: tuple[str, ...] = ()
    evaluable: str = "yes"  # yes | partly: what this tap cannot show of it
    references: tuple[str, ...] = ()
