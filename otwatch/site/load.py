"""A site file to a Site: strict, every mistake with file, line and column."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from otwatch.actions import Action
from otwatch.documents import Complaints, Mapping, Value, nearest, parse_document, read_document
from otwatch.site.site import Accepted, Address, Conduit, Hosts, Network, Site, SiteAsset, Ticket, Writer, Zone

ROLES: Final = (
    "controller",
    "outstation",
    "gateway",
    "ied",
    "sis",
    "drive",
    "hmi",
    "scada_server",
    "historian",
    "engineering_station",
    "jump_host",
    "it_host",
    "router",
    "firewall",
    "switch",
    "scanner",
    "server",
    "host",
)
_FOREVER_NS: Final = 2**63 - 1
_ANY: Final = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


def load_site(path: Path) -> Site:
    """The site of a file. ConfigErrors with every mistake at once."""
    return _read(read_document(path))


def parse_site(text: str, path: str) -> Site:
    """The site of a text; `path` is the name used in errors."""
    return _read(parse_document(text, path))


def _read(document: Value) -> Site:
    complaints = Complaints()
    site = _Reader(complaints).site(document)
    complaints.raise_if_any()
    return site


class _Reader:
    def __init__(self, complaints: Complaints) -> None:
        self.complaints = complaints
        self.zones: dict[str, Zone] = {}
        self.assets: dict[str, SiteAsset] = {}

    def site(self, document: Value) -> Site:
        reader = Mapping(document, self.complaints, "a site file")
        version = reader.number("version", 1)
        if version != 1:
            self.complaints.add(reader.raw["version"], f"version {version} is not known; this otwatch reads version 1")
        name = reader.text("name", "")
        for item in reader.items("zones"):
            self._zone(item)
        for item in reader.items("assets"):
            self._asset(item)
        writers = tuple(self._writer(item) for item in reader.items("writers"))
        conduits = tuple(conduit for item in reader.items("conduits") for conduit in self._conduits(item))
        site = Site(
            name=name,
            zones=tuple(self.zones.values()),
            assets=tuple(self.assets.values()),
            writers=writers,
            engineering=self._hosts(reader, "engineering", default_any=False),
            jump_hosts=self._hosts(reader, "jump_hosts", default_any=False),
            conduits=conduits,
            tickets=tuple(self._ticket(item) for item in reader.items("tickets")),
            internet=self._hosts(reader, "internet", default_any=False),
            accepted_alerts=tuple(self._accepted(item) for item in reader.items("accepted")),
        )
        reader.done()
        return site

    def _zone(self, value: Value) -> None:
        reader = Mapping(value, self.complaints, "a zone")
        name = reader.text("name")
        level_value = reader.get("level")
        level: float | None = None
        if level_value is not None:
            if isinstance(level_value.raw, int | float) and not isinstance(level_value.raw, bool) and 0 <= level_value.raw <= 5:
                level = float(level_value.raw)
            else:
                self.complaints.add(level_value, '"level" is a Purdue level from 0 to 5 (3.5 for a DMZ)')
        networks = tuple(network for item in [*reader.items("networks"), *reader.items("addresses")] for network in self._network(item))
        vlans = []
        for item in reader.items("vlans"):
            if isinstance(item.raw, int) and not isinstance(item.raw, bool) and 0 < item.raw < 4095:
                vlans.append(item.raw)
            else:
                self.complaints.add(item, "a VLAN id is a number from 1 to 4094")
        reader.done()
        if name in self.zones:
            self.complaints.add(value, f'the zone "{name}" stands here twice')
        for other in self.zones.values():
            for network in set(networks) & set(other.networks):
                self.complaints.add(value, f'{network} is in the zone "{other.name}" already')
        if not networks:
            self.complaints.add(value, f'the zone "{name}" has no networks and no addresses')
        self.zones[name] = Zone(name=name, level=level, networks=networks, vlans=tuple(vlans))

    def _network(self, value: Value) -> Iterator[Network]:
        try:
            yield ipaddress.ip_network(str(value.raw), strict=True)
        except ValueError as error:
            self.complaints.add(value, f"{error}")

    def _asset(self, value: Value) -> None:
        reader = Mapping(value, self.complaints, "an asset")
        name = reader.text("name")
        addresses: list[Address] = []
        for item in [*reader.items("address"), *reader.items("addresses")]:
            try:
                addresses.append(ipaddress.ip_address(str(item.raw)))
            except ValueError as error:
                self.complaints.add(item, str(error))
        if not addresses:
            self.complaints.add(value, 'an asset needs "address"')
        role = reader.word("role", ROLES, "")
        zone = reader.text("zone", "")
        if zone and zone not in self.zones:
            self.complaints.add(reader.raw["zone"], f'there is no zone "{zone}"{nearest(zone, self.zones)}')
        reader.done()
        if name in self.assets:
            self.complaints.add(value, f'the asset "{name}" stands here twice')
        for other in self.assets.values():
            for address in set(addresses) & set(other.addresses):
                self.complaints.add(value, f'{address} is the asset "{other.name}" already')
        self.assets[name] = SiteAsset(name=name, addresses=tuple(addresses), role=role, zone=zone)

    def _hosts(self, reader: Mapping, key: str, *, default_any: bool) -> Hosts:
        """Names of assets and zones, addresses and networks."""
        networks: list[Network] = []
        given = False
        for item in reader.items(key):
            given = True
            text = str(item.raw)
            if text == "any":
                networks.extend(_ANY)
            elif text in self.assets:
                networks.extend(ipaddress.ip_network(address) for address in self.assets[text].addresses)
            elif text in self.zones:
                networks.extend(self.zones[text].networks)
                networks.extend(ipaddress.ip_network(address) for asset in self.assets.values() if asset.zone == text for address in asset.addresses)
            else:
                try:
                    networks.append(ipaddress.ip_network(text))
                except ValueError:
                    known = [*self.assets, *self.zones]
                    self.complaints.add(item, f'"{text}" is no asset, zone, address or network{nearest(text, known)}')
        if not given and default_any:
            return Hosts(_ANY)
        return Hosts(tuple(networks))

    def _required_hosts(self, reader: Mapping, key: str, value: Value) -> Hosts:
        hosts = self._hosts(reader, key, default_any=False)
        if key not in reader.raw:
            self.complaints.add(value, f'{reader.what} needs "{key}"')
        return hosts

    def _actions(self, reader: Mapping, default: frozenset[Action]) -> frozenset[Action]:
        found = set()
        for item in reader.items("actions"):
            word = str(item.raw).upper()
            if word in Action.__members__:
                found.add(Action[word])
            else:
                self.complaints.add(item, f'"{item.raw}" is no action{nearest(word, Action.__members__)}')
        return frozenset(found) or default

    def _writer(self, value: Value) -> Writer:
        reader = Mapping(value, self.complaints, "a writers line")
        who, to = self._required_hosts(reader, "who", value), self._required_hosts(reader, "to", value)
        protocols = reader.texts("protocols")
        actions = self._actions(reader, frozenset({Action.WRITE, Action.CONTROL}))
        units = []
        for item in reader.items("units"):
            if isinstance(item.raw, int) and not isinstance(item.raw, bool):
                units.append(item.raw)
            else:
                self.complaints.add(item, "a unit is a number")
        areas = reader.texts("areas")
        ranges = tuple(found for item in reader.items("ranges") for found in self._range(item))
        reader.done()
        return Writer(who=who, to=to, protocols=protocols, actions=actions, units=tuple(units), areas=areas, ranges=ranges)

    def _range(self, value: Value) -> Iterator[tuple[int, int]]:
        """`100` or `100-119`."""
        low, _, high = str(value.raw).partition("-")
        if low.strip().isdigit() and (not high or high.strip().isdigit()) and int(high or low) >= int(low):
            yield int(low), int(high or low)
        else:
            self.complaints.add(value, f'"{value.raw}" is no range: write 100 or 100-119')

    def _conduits(self, value: Value) -> Iterator[Conduit]:
        reader = Mapping(value, self.complaints, "a conduit")
        sides = []
        for key in ("from", "to"):
            names = reader.texts(key)
            if not names:
                self.complaints.add(value, f'a conduit needs "{key}"')
            for name in names:
                if name not in self.zones:
                    self.complaints.add(reader.raw[key], f'there is no zone "{name}"{nearest(name, self.zones)}')
            sides.append(names)
        reader.done()
        yield from (Conduit(source=source, destination=destination) for source in sides[0] for destination in sides[1])

    def _time(self, reader: Mapping, key: str, default: int | None = None) -> int:
        text = reader.text(key, None if default is None else "")
        if not text:
            return default or 0
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.complaints.add(reader.raw[key], f'"{text}" is no time: write 2026-11-22T08:00:00+01:00')
            return default or 0
        if moment.tzinfo is None:
            if len(text) > 10:
                self.complaints.add(reader.raw[key], f'"{text}" has no time zone: add Z or +01:00')
            moment = moment.replace(tzinfo=UTC)
        return int(moment.timestamp()) * 10**9

    def _ticket(self, value: Value) -> Ticket:
        reader = Mapping(value, self.complaints, "a ticket")
        ticket = Ticket(
            id=reader.text("id"),
            from_ns=self._time(reader, "from"),
            until_ns=self._time(reader, "until"),
            who=self._required_hosts(reader, "who", value),
            to=self._hosts(reader, "to", default_any=True),
            actions=self._actions(reader, frozenset(Action)),
        )
        if ticket.until_ns < ticket.from_ns:
            self.complaints.add(value, "the ticket ends before it begins")
        reader.done()
        return ticket

    def _accepted(self, value: Value) -> Accepted:
        reader = Mapping(value, self.complaints, "an accepted alert")
        accepted = Accepted(
            rule=reader.text("rule"),
            reason=reader.text("reason"),
            who=self._hosts(reader, "src", default_any=True),
            to=self._hosts(reader, "dst", default_any=True),
            until_ns=self._time(reader, "until", _FOREVER_NS),
        )
        reader.done()
        return accepted
