"""What the people of the plant say: zones, assets, who may command what, and when. Answers questions about addresses written as text.

Nothing here looks at traffic. A question that the file says nothing about is answered with None, so that others may infer instead.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from otwatch.actions import CHANGING, ENGINEERING, Action

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

COMMANDS: Final = CHANGING | ENGINEERING  # what a writers list is about


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A part of the plant. `level` is the Purdue level: 0 process, 1 control, 2 supervision, 3 site operations, 3.5 DMZ, 4 and 5 enterprise."""

    name: str
    level: float | None
    networks: tuple[Network, ...]
    vlans: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteAsset:
    """A device with a name."""

    name: str
    addresses: tuple[Address, ...]
    role: str = ""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Hosts:
    """Some hosts: networks that hold them (single addresses as /32 and /128)."""

    networks: tuple[Network, ...]

    def hold(self, address: Address) -> bool:
        """Whether an address is among them."""
        return any(address in network for network in self.networks if network.version == address.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who may command what. Empty tuples and None mean any."""

    who: Hosts
    to: Hosts
    protocols: tuple[str, ...] = ()
    actions: frozenset[Action] = frozenset({Action.WRITE, Action.CONTROL})
    units: tuple[int, ...] = ()
    areas: tuple[str, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()

    def permits(self, protocol: str, action: Action, unit: int, area: str, start: int, count: int) -> bool:
        """Whether it is about this command. Addresses that are not known (-1) fit any range."""
        if self.protocols and protocol not in self.protocols:
            return False
        if action not in self.actions or (self.units and unit not in self.units) or (self.areas and area not in self.areas):
            return False
        if not self.ranges or start < 0:
            return True
        end = start + max(count, 1) - 1
        return any(low <= start and end <= high for low, high in self.ranges)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduit:
    """An allowed way between two zones."""

    source: str
    destination: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """Announced work: for its time, its hosts and its actions, alerts are annotated and one step less severe."""

    id: str
    from_ns: int
    until_ns: int
    who: Hosts
    to: Hosts
    actions: frozenset[Action] = frozenset(Action)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """An alert that the plant knows and accepts, until a day, for a reason."""

    rule: str
    reason: str
    who: Hosts
    to: Hosts
    until_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The whole file."""

    name: str = ""
    zones: tuple[Zone, ...] = ()
    assets: tuple[SiteAsset, ...] = ()
    writers: tuple[Writer, ...] = ()
    engineering: Hosts = field(default_factory=lambda: Hosts(()))
    jump_hosts: Hosts = field(default_factory=lambda: Hosts(()))
    conduits: tuple[Conduit, ...] = ()
    tickets: tuple[Ticket, ...] = ()
    internet: Hosts = field(default_factory=lambda: Hosts(()))
    accepted_alerts: tuple[Accepted, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing stands in it: then it is as if there were no file."""
        return self == Site()

    def zone(self, address: str) -> tuple[str, float | None] | None:
        """Name and level of the zone of an address: that of its asset, else the zone with the narrowest network that holds it."""
        found = self.zone_of(address)
        return (found.name, found.level) if found else None

    def vlans(self, address: str) -> tuple[int, ...]:
        """The VLANs of the zone of an address, as far as the file lists any."""
        found = self.zone_of(address)
        return found.vlans if found else ()

    def zone_of(self, address: str) -> Zone | None:
        """The zone itself."""
        ip = _parsed(address)
        if ip is None:
            return None
        asset = self._asset(ip)
        if asset is not None and asset.zone:
            return next((zone for zone in self.zones if zone.name == asset.zone), None)
        best: tuple[int, Zone] | None = None
        for zone in self.zones:
            for network in zone.networks:
                if network.version == ip.version and ip in network and (best is None or network.prefixlen > best[0]):
                    best = network.prefixlen, zone
        return best[1] if best else None

    def _asset(self, ip: Address) -> SiteAsset | None:
        return next((asset for asset in self.assets if ip in asset.addresses), None)

    def knows(self, address: str) -> bool:
        """Whether a zone, an asset or an internet exception holds it."""
        ip = _parsed(address)
        return ip is not None and (self.zone_of(address) is not None or self._asset(ip) is not None or self.internet.hold(ip))

    def asset_name(self, address: str) -> str:
        """Name of the asset; empty when there is none."""
        ip = _parsed(address)
        asset = self._asset(ip) if ip else None
        return asset.name if asset else ""

    def role(self, address: str) -> str:
        """Role of the asset; empty when there is none."""
        ip = _parsed(address)
        asset = self._asset(ip) if ip else None
        return asset.role if asset else ""

    def is_engineering(self, address: str) -> bool:
        """Whether it is listed under engineering."""
        ip = _parsed(address)
        return ip is not None and self.engineering.hold(ip)

    def is_jump_host(self, address: str) -> bool:
        """Whether it is listed under jump_hosts."""
        ip = _parsed(address)
        return ip is not None and self.jump_hosts.hold(ip)

    @property
    def has_jump_hosts(self) -> bool:
        """Whether any is listed."""
        return bool(self.jump_hosts.networks)

    def conduit(self, src: str, dst: str) -> str | None:
        """allowed, denied or same (zone); None when it does not place both."""
        source, destination = self.zone_of(src), self.zone_of(dst)
        if source is None or destination is None:
            return None
        if source.name == destination.name:
            return "same"
        allowed = any(conduit.source == source.name and conduit.destination == destination.name for conduit in self.conduits)
        return "allowed" if allowed else "denied"

    def judge(self, src: str, dst: str, *, protocol: str, action: Action, unit: int, area: str, start: int, count: int) -> str | None:
        """permitted (a writers line), engineering (an engineering host), denied (writers are named for dst, and it is none of them).

        None: no command, or the file names no writers for dst.
        """
        if action not in COMMANDS:
            return None
        source, target = _parsed(src), _parsed(dst)
        if source is None or target is None:
            return None
        lines = [writer for writer in self.writers if writer.to.hold(target)]
        if any(writer.who.hold(source) and writer.permits(protocol, action, unit, area, start, count) for writer in lines):
            return "permitted"
        if self.engineering.hold(source):
            return "engineering"
        return "denied" if lines else None

    def ticket(self, src: str, dst: str, action: Action | None, first_ns: int, last_ns: int) -> str | None:
        """Id of the ticket that covers all of it."""
        source, target = _parsed(src), _parsed(dst)
        if source is None or target is None:
            return None
        for ticket in self.tickets:
            if (
                ticket.from_ns <= first_ns
                and last_ns <= ticket.until_ns
                and ticket.who.hold(source)
                and ticket.to.hold(target)
                and (action is None or action in ticket.actions)
            ):
                return ticket.id
        return None

    def accepted(self, rule: str, src: str, dst: str, now_ns: int) -> str | None:
        """The reason for which the plant accepts this alert."""
        source, target = _parsed(src), _parsed(dst)
        for entry in self.accepted_alerts:
            if entry.rule == rule and now_ns <= entry.until_ns and source and target and entry.who.hold(source) and entry.to.hold(target):
                return entry.reason
        return None


@lru_cache(maxsize=65_536)
def _parsed(address: str) -> Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None
