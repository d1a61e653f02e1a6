"""The asset record: a public contract, the same in JSON lines, the report and the store."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class KnownFact:
    """One thing that traffic said of an asset, where, and how often."""

    kind: str
    value: str
    source: str
    confidence: float
    frame: int
    file: str
    count: int = 1


@dataclass(slots=True, kw_only=True)
class Child:
    """A device behind a gateway: a Modbus unit, a DNP3 outstation, a rack and slot."""

    name: str
    protocol: str
    unit: int
    messages: int
    answered: bool
    facts: list[KnownFact] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Asset:
    """A device on the network."""

    id: str  # its first IP address, or its MAC
    addresses: list[str]
    macs: list[str]
    vendor: str = ""
    vendor_source: str = ""  # fact | oui
    name: str = ""
    roles: list[str] = field(default_factory=list)  # most telling first
    role_reasons: dict[str, str] = field(default_factory=dict)
    behind: str = ""  # the router whose MAC its packets carry
    zone: str = ""
    zone_inferred: bool = True
    level: float | None = None
    vlans: list[int] = field(default_factory=list)
    first_seen_ns: int = 0
    last_seen_ns: int = 0
    packets_sent: int = 0
    packets_received: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    protocols: dict[str, str] = field(default_factory=dict)  # protocol or service -> client | server | both
    facts: list[KnownFact] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)
