"""The asset inventory of an analysis: folds the tables of each batch, and answers with assets, conversations and their operations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

import numpy as np

from otwatch.actions import CHANGING, Action, Role
from otwatch.addresses import Addresses, is_group_mac, mac_text
from otwatch.batch import Batch
from otwatch.groups import grouped
from otwatch.inventory.asked import Asked
from otwatch.inventory.asset import Asset, Child, KnownFact
from otwatch.inventory.grouping import Device, Grouping
from otwatch.inventory.hosts import Conversation, Host, Hosts, Key
from otwatch.inventory.identity import conflicts_of, identity_of, names_of
from otwatch.inventory.levels import OT_DEVICES, level_of
from otwatch.inventory.neighbours import attach
from otwatch.inventory.oui import vendor_of
from otwatch.inventory.roles import ORDER, POLLED_NS, READING, Doings, roles_of, say_roles, subnet
from otwatch.inventory.services import OT_ETHERTYPES, service_name
from otwatch.limits import Limits
from otwatch.protocols.spec import Fact, ProtocolSpec
from otwatch.tables import Behaviours
from otwatch.vocabulary import TRANSPORTS

_NO_MAC: Key = (-1, -1)
_TCP = 6
_SIEMENS: Final = re.compile(r"6(ES|GK|AV|SL|AG|RA|EP|ED|DD|XV)\d ?\d{3}-")  # an order number (MLFB) names its maker
_UNNAMED: Final = ("tcp", "udp")  # both ports are of no service
_Children = dict[int, dict[tuple[int, int], Child]]  # address -> (protocol, unit) -> child
_Facts = dict[int, list[tuple[int, str, KnownFact]]]  # address -> (order, name of a child or empty, fact)


class Places(Protocol):
    """The part of a site that the inventory asks."""

    def zone(self, address: str) -> tuple[str, float | None] | None:
        """Name and Purdue level of the zone of an address."""

    def asset_name(self, address: str) -> str:
        """Its name; empty when it has none."""

    def role(self, address: str) -> str:
        """Its role; empty when it has none."""


@dataclass(slots=True)
class Talk:
    """One conversation as people read it."""

    client: str
    server: str
    service: str
    protocol: str  # empty when not decoded
    server_port: int | None
    first_seen_ns: int
    last_seen_ns: int
    flows: int
    counts: dict[str, int]
    actions: dict[str, int] = field(default_factory=dict)  # action -> requests and events
    one_way: bool = False
    accepted: bool = False  # the server took it: a connection, data, an answer
    unanswered_requests: int = 0
    vlan: int | None = None
    tunnel: int = 0
    recording: int = 1  # captures that belong together

    @property
    def took_place(self) -> bool:
        """Whether the server said something, or was asked in an OT protocol (a one-way tap shows no more). A probe is no conversation."""
        return bool(self.counts["payload_to_client"] or any(self.actions.values()))


class Inventory:
    """Feed it every batch; ask it at any time after flows were closed."""

    def __init__(self, addresses: Addresses, protocols: Sequence[ProtocolSpec], limits: Limits) -> None:
        self.addresses = addresses
        self.protocols = protocols
        numbers = {spec.name: number for number, spec in enumerate(protocols, 1)}
        self.units_of = {  # id of the protocol whose children the units of a protocol are
            number: numbers[spec.ride.carrier] if spec.ride is not None and spec.ride.shares_units and spec.ride.carrier in numbers else number
            for number, spec in enumerate(protocols, 1)
        }
        self.limits = limits
        self.hosts = Hosts(limits)
        self.asked = Asked()
        self.facts: dict[tuple[int, str, str, str], KnownFact] = {}
        self._facts_of: dict[tuple[int, bool], int] = {}  # (address, whether they are acts) -> how many are kept
        self._names: dict[int, str] = {}  # the first name of a device
        self.refused_facts = 0

    def feed(self, batch: Batch) -> None:
        """Takes closed flows, ARP and facts of one batch."""
        if batch.packets.rows:
            self.hosts.arp(batch.packets)
        self.asked.feed(batch.operations)
        self.hosts.fold(batch.flows, batch.closed, batch.unanswered)
        self.asked.close(batch.flows, batch.closed, self.hosts.tally)
        for fact in batch.facts:
            if fact.kept:
                self._learn(fact, batch.file)

    def _learn(self, fact: Fact, file: str) -> None:
        key = (fact.address, fact.child, fact.kind, fact.value)
        known = self.facts.get(key)
        if known is not None:
            known.count += 1
            known.last_ns = max(known.last_ns, fact.timestamp_ns)
            return
        act = fact.peer >= 0
        most = self.limits.acts_per_asset if act else self.limits.facts_per_asset
        if len(self.facts) >= self.limits.facts or self._facts_of.get((fact.address, act), 0) >= most:
            self.refused_facts += 1
            return
        known = KnownFact(
            kind=fact.kind,
            value=fact.value[: self.limits.text_characters],
            source=fact.source,
            confidence=fact.confidence,
            by=self.addresses.text(fact.peer) if act else "",
            frame=fact.frame,
            file=file,
            first_ns=fact.timestamp_ns,
            last_ns=fact.timestamp_ns,
        )
        self.remember(key, known)

    def remember(self, key: tuple[int, str, str, str], fact: KnownFact) -> None:
        """A fact under (address, child, kind, value), of a message or of a checkpoint."""
        place = key[0], bool(fact.by)
        self._facts_of[place] = self._facts_of.get(place, 0) + 1
        if key[2] == "name" and not key[1]:
            self._names.setdefault(key[0], fact.value)
        self.facts[key] = fact

    def addresses_named(self) -> list[np.ndarray[Any, Any]]:
        """Ids of all addresses in here, -1 among them."""
        tally = self.hosts.tally
        told = np.fromiter((address for address, _, _, _ in self.facts), np.int64, len(self.facts))
        return [tally.hosts.array("address"), tally.talks.array("client"), tally.talks.array("server"), told]

    def name_told(self, address: int) -> str:
        """The first name that the device at an address gave itself; empty when it gave none."""
        return self._names.get(address, "")

    def doings(self, behaviours: Behaviours) -> dict[int, Doings]:
        """Address -> what it did, from the behaviours and the services of its flows; hosts without IP address under a number of their MAC."""
        result: dict[int, Doings] = {}
        first_ns, second, third, last = (behaviours.array(name) for name in ("first_ns", "second_ns", "third_ns", "last_ns"))
        often = (third > 0) & (last - first_ns >= POLLED_NS)
        even = (third > 0) & (2 * np.abs(third - 2 * second + first_ns) <= np.maximum(second - first_ns, third - second))
        names = ("source", "destination", "protocol", "role", "action", "unit")
        columns = [*(behaviours.array(name) for name in names), behaviours.array("status") == 0, often, often & even]
        first, which = grouped(columns)
        counts = np.bincount(which, behaviours.array("messages"), len(first)).astype(np.int64)
        rows = zip(*(column[first].tolist() for column in columns), counts.tolist(), strict=True)
        for actor, target, protocol, role, action_number, unit, worked, is_often, is_cycle, count in rows:
            name = self.protocols[protocol - 1].name
            if role == Role.RESPONSE:
                served = result.setdefault(target, Doings())
                served.served[name] = served.served.get(name, 0) + count
                if unit >= 0 and worked:
                    served.units.add((name, unit))
            elif role == Role.EVENT:
                served = result.setdefault(actor, Doings())
                served.served[name] = served.served.get(name, 0) + count
                reports = result.setdefault(target, Doings()).reports
                reports[actor] = reports.get(actor, 0) + count
            else:
                asked = result.setdefault(actor, Doings())
                actions = asked.asked.setdefault(name, {})
                action = Action(action_number)
                actions[action] = actions.get(action, 0) + count
                asked.targets.add(target)
                if is_often and action in READING:
                    asked.polled.add(target)
                if is_cycle and action in CHANGING:
                    asked.cycles += count
        for conversation in self.hosts.conversations.values():
            if conversation.protocol == 0 and conversation.ip_protocol in (6, 17):
                service = service_name(conversation.ip_protocol, conversation.server_port, conversation.ethertype)
                if service in _UNNAMED:
                    continue
                if conversation.client[0] > 0 and conversation.served:
                    result.setdefault(conversation.client[0], Doings()).used.add(service)
                if conversation.server[0] > 0 and conversation.served:
                    result.setdefault(conversation.server[0], Doings()).services.add(service)
            elif conversation.protocol == 0 and conversation.ethertype in OT_ETHERTYPES:
                for key in (conversation.client, conversation.server) if conversation.answered else (conversation.client,):
                    result.setdefault(_layer2(key), Doings()).published.add(OT_ETHERTYPES[conversation.ethertype])
            elif conversation.protocol and conversation.ip_protocol == _TCP and not conversation.answered and conversation.server[0] > 0:
                unheard = result.setdefault(conversation.server[0], Doings()).unheard  # UDP may have been sent to nobody
                name = self.protocols[conversation.protocol - 1].name
                unheard[name] = unheard.get(name, 0) + conversation.counts["pdus"]
        return result

    def assets(self, behaviours: Behaviours, places: Places | None = None) -> list[Asset]:
        """Every device: one per IP address (quiet ones of a MAC that is no router's are one with what else it carries), one per MAC without IP."""
        doings = self.doings(behaviours)
        ot_subnets = {self._network(address) for address, did in doings.items() if address > 0 and (did.served or did.undecoded)} - {""}
        facts: _Facts = {}
        for number, ((address, child, _, _), fact) in enumerate(self.facts.items()):
            facts.setdefault(address, []).append((number, child, fact))
        grouping = Grouping(self.addresses, self.hosts)
        children = self._children(behaviours)
        assets = []
        devices = grouping.devices(doings, facts, places.asset_name if places is not None else None)
        for device in devices + self._only_named(devices, facts):
            asset = self._asset(device, grouping)
            self._identify(asset, device, children, facts)
            self._explain(asset, device, grouping.routers, doings, ot_subnets)
            self._place(asset, device, ot_subnets, places)
            assets.append(asset)
        attach(assets)
        return sorted(assets, key=lambda asset: (ORDER.index(asset.role), _sortable(asset.id)))

    def _only_named(self, devices: list[Device], facts: _Facts) -> list[Device]:
        """Cards that messages name and no address shows: a host that asks for an address by DHCP and is given none has none."""
        shown = {mac for device in devices for mac in _macs(device)}
        room, found = max(0, self.limits.assets - len(devices)), list[Device]()
        for address, known in facts.items():
            mac = self.addresses.mac(address)
            if mac > 0 and mac not in shown and not is_group_mac(mac) and len(found) < room:
                times = [time for _, _, fact in known for time in (fact.first_ns, fact.last_ns)]
                found.append(Device([Host((-1, mac), first_ns=min(times), last_ns=max(times))]))
        return found

    def _asset(self, device: Device, grouping: Grouping) -> Asset:
        """The addresses, cards and counters of a device."""
        members = device.hosts
        addresses = [self.addresses.text(host.key[0]) for host in members if host.key[0] > 0]
        macs = _macs(device)
        told = {mac for host in members for mac in ((host.key[1],) if host.key[0] < 0 else host.arp_macs)}  # by its own frames (LLDP, CDP, ARP)
        own_macs = [mac for mac in macs if not addresses or mac not in grouping.routers or mac in told]
        vendor = next((vendor for vendor in (vendor_of(mac) for mac in own_macs) if vendor), "")
        return Asset(
            id=addresses[0] if addresses else mac_text(members[0].key[1]),
            addresses=addresses,
            macs=[mac_text(mac) for mac in own_macs],
            merged_by=device.merged_by,
            vendor=vendor,
            vendor_source="oui" if vendor else "",
            behind=next((name for mac in macs if mac in grouping.routers and (name := grouping.router_name(mac)) not in addresses), "")
            if not own_macs
            else "",
            vlans=sorted({vlan for host in members for vlan in host.vlans}),
            first_seen_ns=min(host.first_ns for host in members),
            last_seen_ns=max(host.last_ns for host in members),
            packets_sent=sum(host.packets_sent for host in members),
            packets_received=sum(host.packets_received for host in members),
            bytes_sent=sum(host.bytes_sent for host in members),
            bytes_received=sum(host.bytes_received for host in members),
        )

    def _identify(self, asset: Asset, device: Device, children: _Children, facts: _Facts) -> None:
        """Facts of the device and of those behind it, and what they say it is."""
        own = [self.addresses.find_mac(mac) for mac in _macs(device) if mac_text(mac) in asset.macs]  # DHCP names MACs without a packet of their own
        ids = [address for address in dict.fromkeys([*(self._id(host.key) for host in device.hosts), *own]) if address > 0]
        in_order = sorted((entry for address in ids for entry in facts.get(address, ())), key=lambda entry: entry[0])
        asset.facts = _once(fact for _, child, fact in in_order if not child)
        asset.children = self._joined([children[address] for address in ids if address in children], [entry[1:] for entry in in_order])
        for alone in _alone(asset.children):  # one unit alone is the device itself
            asset.facts += alone.facts
            alone.facts = []
        asset.identity = identity_of(asset.facts)
        asset.conflicts = conflicts_of(asset.facts)
        asset.names = names_of(asset.facts)
        if asset.said("vendor"):
            asset.vendor, asset.vendor_source = asset.said("vendor"), "fact"
        elif _SIEMENS.match(asset.said("order_number")):
            asset.vendor, asset.vendor_source = "Siemens", "order number"
        if asset.names:
            asset.name_source, asset.name = next(iter(asset.names.items()))

    def _explain(self, asset: Asset, device: Device, routers: dict[int, set[str]], doings: dict[int, Doings], ot_subnets: set[str]) -> None:
        """Roles with their reasons, and the protocols of a device."""
        did = Doings()
        for host in device.hosts:
            for number in {_layer2(host.key), self._id(host.key)}:
                _join(did, doings.get(number, Doings()))
        own = subnet(self.addresses.ip(device.hosts[0].key[0])) if device.hosts[0].key[0] > 0 else ""
        targets = {self._network(target) or own for target in did.targets if target > 0}  # whom it reaches by MAC is in its own network
        reasons = roles_of(did, ot_subnets=ot_subnets, own_subnet=own, target_subnets=targets, routed=bool(asset.behind))
        say_roles(reasons, [(fact.value, fact.source) for fact in asset.facts if fact.kind == "role"], did)
        for mac in _macs(device):
            if mac in routers and (mac_text(mac) in asset.macs or not asset.addresses):
                reasons["router"] = "its MAC carries the addresses of other hosts"
                for role in ("host", "it_host"):
                    reasons.pop(role, None)
        asset.roles = sorted(reasons, key=ORDER.index)
        asset.role_reasons = reasons
        for name in did.asked:
            asset.protocols[name] = "client"
        for name in did.served | did.unheard:
            asset.protocols[name] = "both" if name in asset.protocols else "server"
        for name in sorted(did.used - self._port_names(did.asked)):
            asset.protocols.setdefault(name, "client")
        for name in sorted(did.services - self._port_names(did.served)):
            asset.protocols[name] = "both" if asset.protocols.get(name) == "client" else "server"
        for name in sorted(did.published):
            asset.protocols.setdefault(name, "both")

    def _place(self, asset: Asset, device: Device, ot_subnets: set[str], places: Places | None) -> None:
        """Name, role and zone of the site file, and the level that follows."""
        if places is not None:
            for text in asset.addresses:
                if name := places.asset_name(text):
                    asset.name, asset.name_source = name, "site"
                    asset.names = {"site": name, **asset.names}
                if role := places.role(text):
                    asset.roles = [role, *(other for other in asset.roles if other != role)]
                    asset.role_reasons[role] = "; ".join(filter(None, ("site file", asset.role_reasons.get(role, ""))))
                if name or role:
                    break
        placed = next((found for found in map(places.zone, asset.addresses) if found), None) if places is not None else None
        address = device.hosts[0].key[0]
        if placed:
            asset.zone, asset.zone_level = placed
            asset.zone_inferred = False
        elif address > 0 and (own := subnet(self.addresses.ip(address))):
            asset.zone = f"{own} ({'OT' if own in ot_subnets else 'IT'}, inferred)" if ot_subnets else own
        # Who stands on the wire with a card of its own is not on the internet, whatever its address.
        outside = asset.addresses if address > 0 and not asset.macs and subnet(self.addresses.ip(address)) not in ot_subnets else ()
        asset.level, asset.level_source = level_of(asset.role, outside, asset.zone_level)
        if asset.zone_inferred and asset.level_source == "public address":
            asset.zone = "internet"
        if asset.role in OT_DEVICES and not (asset.said("model") or asset.said("order_number")):
            spoken = [name for name, how in asset.protocols.items() if how != "client"]
            named = f" ({', '.join(spoken[:4])})" if spoken else ""
            asset.unidentified_reason = f"no message that names a model was seen{named}"

    def _network(self, address: int) -> str:
        """The network of an address; empty of a MAC, which is of none."""
        return "" if self.addresses.mac(address) >= 0 else subnet(self.addresses.ip(address))

    def _id(self, key: Key) -> int:
        """The id under which messages name a host: of its IP address, or of its MAC; -1 where none did."""
        return key[0] if key[0] >= 0 else self.addresses.find_mac(key[1])

    def _port_names(self, spoken: Iterable[str]) -> set[str]:
        """What the ports of these protocols would be guessed to be: nothing to add where the protocol itself was seen."""
        below = {spec.ride.carrier for spec in self.protocols if spec.name in spoken and spec.ride is not None}
        return {service_name(port.transport, port.number, -1) for spec in self.protocols if spec.name in below.union(spoken) for port in spec.ports}

    def _children(self, behaviours: Behaviours) -> _Children:
        """What was spoken to behind each address."""
        children: _Children = {}
        columns = [behaviours.array(name) for name in ("destination", "source", "protocol", "role", "unit")]
        columns.append(behaviours.array("status") == 0)
        first, which = grouped(columns)
        counts = np.bincount(which, behaviours.array("messages"), len(first)).astype(np.int64)
        rows = zip(*(column[first].tolist() for column in columns), counts.tolist(), strict=True)
        for destination, source, protocol, role, unit, worked, messages in rows:
            if unit < 0:
                continue
            own = children.setdefault(source if role == Role.EVENT else destination, {})
            protocol = self.units_of[protocol]
            child = own.get((protocol, unit))
            if child is None:
                spec = self.protocols[protocol - 1]
                child = own[protocol, unit] = Child(name=spec.unit_name(unit), protocol=spec.name, unit=unit, messages=0, answered=False)
            child.messages += messages
            child.answered |= role != Role.REQUEST and worked
        return children

    def _joined(self, behind: Iterable[dict[tuple[int, int], Child]], facts: Iterable[tuple[str, KnownFact]]) -> list[Child]:
        """The children behind all addresses of one device, with the facts that were told of them."""
        joined: dict[tuple[int, int], Child] = {}
        by_name: dict[str, list[Child]] = {}
        for place, child in ((place, child) for children in behind for place, child in children.items()):
            known = joined.get(place)
            if known is None:
                joined[place] = replace(child, facts=[])
                by_name.setdefault(child.name, []).append(joined[place])
            else:
                known.messages += child.messages
                known.answered |= child.answered
        for name, fact in facts:
            for child in by_name.get(name, ()) if name else ():
                child.facts.append(fact)
        return sorted(joined.values(), key=lambda child: (child.protocol, child.unit))[: self.limits.facts_per_asset]

    def services(self) -> list[tuple[str, str, str, int]]:
        """Every conversation between IP addresses: client, server, transport, port of the server (-1 where there are none)."""
        talks = self.hosts.tally.talks
        names = ("client", "server", "ip_protocol", "server_port")
        return [
            (self.addresses.text(client), self.addresses.text(server), TRANSPORTS.get(transport, str(transport)), port)
            for client, server, transport, port in zip(*(talks.array(name)[: talks.rows].tolist() for name in names), strict=True)
            if client >= 0 and server >= 0
        ]

    def quirks(self) -> list[tuple[str, str, str]]:
        """Device, protocol and quirk, of every device whose responses deviate by habit."""
        return [
            (self.addresses.text(address), fact.source.partition(".")[0], value)
            for (address, _, kind, value), fact in self.facts.items()
            if kind == "quirk"
        ]

    def talks(self) -> list[Talk]:
        """Every conversation, the busiest first, with what was done in it."""
        talks = [self._talk(conversation, self.asked.in_conversation(row)) for row, conversation in enumerate(self.hosts.conversations.values())]
        return sorted(
            talks, key=lambda talk: (-(talk.counts["packets_to_server"] + talk.counts["packets_to_client"]), talk.client, talk.server, talk.service)
        )

    def _talk(self, conversation: Conversation, asked: dict[str, int]) -> Talk:
        spec = self.protocols[conversation.protocol - 1] if conversation.protocol else None
        counts = conversation.counts
        return Talk(
            client=self.name(conversation.client),
            server=self.name(conversation.server),
            service=spec.name if spec else service_name(conversation.ip_protocol, conversation.server_port, conversation.ethertype),
            protocol=spec.name if spec else "",
            server_port=conversation.server_port if conversation.server_port >= 0 else None,
            first_seen_ns=conversation.first_ns,
            last_seen_ns=conversation.last_ns,
            flows=conversation.flows,
            counts=dict(counts),
            actions=asked,
            one_way=conversation.answered == 0,
            accepted=conversation.served,
            unanswered_requests=conversation.unanswered_requests,
            vlan=conversation.vlan if conversation.vlan >= 0 else None,
            tunnel=conversation.tunnel,
        )

    def name(self, key: Key) -> str:
        """A host as text: IP address, else MAC, else `other` for what was merged beyond the limit."""
        if key[0] >= 0:
            return self.addresses.text(key[0])
        return "other" if key == _NO_MAC else mac_text(key[1])


def _once(facts: Iterable[KnownFact]) -> list[KnownFact]:
    """Facts of several addresses of one device; what was said in one message about two of them stands once, where it is believed most."""
    found: dict[tuple[str, str, str], KnownFact] = {}
    for fact in facts:
        known = found.setdefault((fact.kind, fact.value, fact.source), fact)
        if known.confidence < fact.confidence:
            found[fact.kind, fact.value, fact.source] = fact
    return list(found.values())


def _alone(children: list[Child]) -> list[Child]:
    """The children that are the only one of their protocol to answer: asking for others that are not there makes no gateway."""
    answering: dict[str, list[Child]] = {}
    for child in children:
        if child.answered or child.facts:
            answering.setdefault(child.protocol, []).append(child)
    return [group[0] for group in answering.values() if len(group) == 1]


def _layer2(key: Key) -> int:
    """The number under which a host's doings stand: its address, or one below 0 that its MAC alone makes."""
    return key[0] if key[0] >= 0 else -2 - key[1]


def _macs(device: Device) -> list[int]:
    """The MACs of a device, those that it told by ARP and those of most flows first."""
    weights: dict[int, tuple[bool, int]] = {}
    for host in device.hosts:
        for mac, flows in (host.macs if host.key[0] >= 0 else {host.key[1]: 1}).items():
            told, known = weights.get(mac, (False, 0))
            weights[mac] = told or mac in host.arp_macs, known + flows
    return sorted((mac for mac in weights if mac), key=lambda mac: (not weights[mac][0], -weights[mac][1], mac))  # 0: a loopback


def _join(into: Doings, more: Doings) -> None:
    for name, count in more.served.items():
        into.served[name] = into.served.get(name, 0) + count
    for name, actions in more.asked.items():
        mine = into.asked.setdefault(name, {})
        for action, count in actions.items():
            mine[action] = mine.get(action, 0) + count
    for name, count in more.unheard.items():
        into.unheard[name] = into.unheard.get(name, 0) + count
    into.targets |= more.targets
    into.polled |= more.polled
    for device, count in more.reports.items():
        into.reports[device] = into.reports.get(device, 0) + count
    into.cycles += more.cycles
    into.units |= more.units
    into.services |= more.services
    into.published |= more.published
    into.used |= more.used


def _sortable(text: str) -> tuple[int, list[int] | str]:
    parts = text.split(".")
    return (0, [int(part) for part in parts]) if len(parts) == 4 and all(part.isdigit() for part in parts) else (1, text)
