"""The asset record: a public contract, the same in JSON lines, the report and the store."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class KnownFact:
    """One thing that traffic said of an asset, where, when, and how often."""

    kind: str
    value: str
    source: str
    confidence: float
    frame: int
    file: str
    by: str = ""  # address of who did it, of an act; another one may have done the same later
    count: int = 1
    first_ns: int = 0
    last_ns: int = 0


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

    id: str  # its first IP address, or its MAC: unique within a recording
    recording: int = 1  # captures that belong together
    addresses: list[str]
    macs: list[str]
    merged_by: str = ""  # why addresses of several network cards are one device
    vendor: str = ""
    vendor_source: str = ""  # fact: self-reported | order number: a maker's own | oui: maker of the network card
    name: str = ""
    name_source: str = ""  # site: the site file | else the message in which the device named itself
    names: dict[str, str] = field(default_factory=dict)  # source -> name
    identity: dict[str, KnownFact] = field(default_factory=dict)  # kind -> the value that is shown
    conflicts: dict[str, list[str]] = field(default_factory=dict)  # kind -> values that contradict each other
    unidentified_reason: str = ""  # what would reveal model and firmware; only of OT devices
    roles: list[str] = field(default_factory=list)  # the site file's, then the most telling first
    role_reasons: dict[str, str] = field(default_factory=dict)
    behind: str = ""  # the router whose MAC its packets carry
    zone: str = ""
    zone_inferred: bool = True
    zone_level: float | None = None  # of its zone in the site file
    level: float | None = None  # Purdue level of the asset itself
    level_source: str = ""  # role | zone | public address; empty: not known
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

    def said(self, kind: str) -> str:
        """The value of an identity attribute; empty where nothing said it."""
        fact = self.identity.get(kind)
        return fact.value if fact is not None else ""

    @property
    def role(self) -> str:
        """The role that decides shape and level."""
        return self.roles[0] if self.roles else "host"

    @property
    def label(self) -> str:
        """What people call it: the name in the site file, else the address. A name that a host chose itself never stands in for its address."""
        return self.name if self.name and self.name_source == "site" else self.id
