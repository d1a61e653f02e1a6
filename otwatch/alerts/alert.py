"""The alert record: a public contract (DESIGN section 6), the same in JSON lines, syslog, the report and the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from otwatch.alerts.bursts import Burst
from otwatch.alerts.evidence import Evidence
from otwatch.alerts.outcome import Items, Outcome
from otwatch.alerts.severity import Severity

__all__ = ["Alert", "Severity"]


@dataclass(slots=True, kw_only=True)
class Alert:
    """One rule, one actor, one target, in bursts. It is updated while it goes on, under the same id."""

    id: str  # stable for the same packets: a hash of rule, actor, target and first_seen
    rule: str
    title: str
    severity: Severity
    confidence: float  # 0..1
    first_seen_ns: int
    last_seen_ns: int
    count: int  # messages (or flows, for rules on flows) that matched
    src: str  # who acted: address as text; `-` when the rows name nobody
    dst: str  # whom it hit
    incident: str = ""  # id of the incident that it belongs to
    occurrence: int = 1  # bursts so far
    bursts: tuple[Burst, ...] = ()  # the newest 64
    src_port: int | None = None
    dst_port: int | None = None
    src_mac: str | None = None
    dst_mac: str | None = None
    src_name: str | None = None  # asset name where known
    dst_name: str | None = None
    src_zone: str | None = None
    dst_zone: str | None = None
    transport: str = ""  # tcp, udp; empty where there is none, or several
    protocol: str = ""
    action: str = ""  # Action name of the act that leads: the gravest that succeeded
    function: int | None = None
    function_name: str = ""
    unit: int | None = None
    object: str = ""  # as people of the field write it
    value: Any = None
    outcome: Outcome = Outcome.NOT_OBSERVED  # of the act that leads
    items: Items = field(default_factory=Items)  # requests that were followed to their answer, of all acts
    attack: tuple[str, ...] = ()  # ATT&CK for ICS technique ids
    file: str = ""  # capture file or interface
    frames: tuple[int, ...] = ()  # first frame numbers (in file)
    evidence: Evidence = field(default_factory=Evidence)
    why: str = ""
    false_positives: tuple[str, ...] = ()
    evaluable: str = "yes"  # yes | partly: what this tap cannot show of it
    references: tuple[str, ...] = ()
    neighbours: bool = False  # src and dst are in one network: the MAC of src is its own

    @property
    def has_actor(self) -> bool:
        """Whether the rows name who acted."""
        return self.src not in ("", "-")
