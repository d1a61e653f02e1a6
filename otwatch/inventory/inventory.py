"""The asset inventory of an analysis: folds the tables of each batch, and answers with assets, conversations and their operations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from typing import Any, Final

import numpy as np

from otwatch.actions import CHANGING, Action, Role
from otwatch.addresses import Addresses
from otwatch.batch import Batch
from otwatch.inventory.asked import Asked
from otwatch.inventory.asset import Asset, Child, KnownFact
from otwatch.inventory.hosts import Conversation, Host, Hosts, Key
from otwatch.inventory.oui import is_group_mac, mac_text, vendor_of
from otwatch.inventory.roles import ORDER, POLLED_NS, READING, Doings, roles_of, subnet
from otwatch.inventory.services import service_name
from otwatch.limits import Limits
from otwatch.protocols.spec import Fact, ProtocolSpec
from otwatch.tables import Behaviours
from otwatch.vocabulary import TRANSPORTS

_NO_MAC: Key = (-1, -1)
_TCP = 6
_IPV4 = 4
_PRIVATE: Final = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16")))
_ADDRESSES_OF_ONE_CARD = 8  # IPv4 addresses; a MAC with more carries those of others
_BROADCAST_IPV4 = 0xFFFFFFFF
_Children = dict[int, dict[tuple[int, int], Child]]  # address -> (protocol, unit) -> child
_Facts = dict[int, list[tuple[int, str, KnownFact]]]  # address -> (order, name of a child or empty, fact)


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
    unanswered_requests: int = 0
    vlan: int | None = None
    tunnel: int = 0


class Inventory:
    """Feed it every batch; ask it at any time after flows were closed."""

    def __init__(self, addresses: Addresses, protocols: Sequence[ProtocolSpec], limits: Limits) -> None:
        self.addresses = addresses
        self.protocols = protocols
        self.limits = limits
        self.hosts = Hosts(limits)
        self.asked = Asked()
        self.facts: dict[tuple[int, str, str, str], KnownFact] = {}
        self._facts_of: dict[int, int] = {}
        self.refused_facts = 0

    def feed(self, batch: Batch) -> None:
        """Takes closed flows, ARP and facts of one batch."""
        if batch.packets.rows:
            self.hosts.arp(batch.packets)
        self.asked.feed(batch.operations)
        self.hosts.fold(batch.flows, batch.closed, batch.unanswered)
        self.asked.close(batch.flows, batch.closed, self.hosts.tally)
        for fact in batch.facts:
            self._learn(fact, batch.file)

    def _learn(self, fact: Fact, file: str) -> None:
        key = (fact.address, fact.child, fact.kind, fact.value)
        known = self.facts.get(key)
        if known is not None:
            known.count += 1
            return
        if self._facts_of.get(fact.address, 0) >= self.limits.facts_per_asset:
            self.refused_facts += 1
            return
        known = KnownFact(
            kind=fact.kind,
            value=fact.value[: self.limits.text_characters],
            source=fact.source,
            confidence=fact.confidence,
            frame=fact.frame,
            file=file,
        )
        self.remember(key, known)

    def remember(self, key: tuple[int, str, str, str], fact: KnownFact) -> None:
        """A fact under (address, child, kind, value), of a message or of a checkpoint."""
        self._facts_of[key[0]] = self._facts_of.get(key[0], 0) + 1
        self.facts[key] = fact

    def addresses_named(self) -> list[np.ndarray[Any, Any]]:
        """Ids of all addresses in here, -1 among them."""
        tally = self.hosts.tally
        told = np.fromiter((address for address, _, _, _ in self.facts), np.int64, len(self.facts))
        return [tally.hosts.array("address"), tally.talks.array("client"), tally.talks.array("server"), told]

    def name_told(self, address: int) -> str:
        """The first name that the device at an address gave itself; empty when it gave none."""
        return next((fact.value for (known, child, kind, _), fact in self.facts.items() if known == address and kind == "name" and not child), "")

    def routers(self) -> dict[int, set[str]]:
        """MAC -> the networks whose addresses it carries, for MACs that carry more than their own."""
        self._find_peers()
        carried: dict[int, set[str]] = {}
        cards: dict[str, set[int]] = {}  # network -> MACs that its addresses showed
        strays: list[tuple[str, int]] = []  # network and MAC of hosts that only reach other networks, and never told their MAC themselves
        for (address, _), host in self.hosts.hosts.items():
            if not self._is_host_address(address):
                continue
            ip = self.addresses.ip(address)
            if ip.version == 4:  # link-local and several IPv6 prefixes on one card are normal
                for mac in host.macs:
                    carried.setdefault(mac, set()).add(subnet(ip))
                    cards.setdefault(subnet(ip), set()).add(mac)
            if self._only_reaches_other_networks(address) or self._is_public_among_private(address):
                strays += [(subnet(ip), mac) for mac in host.macs if mac not in host.arp_macs]
        for network, mac in strays:
            if len(cards.get(network, ())) <= 1:  # hosts of one network with a card each stand behind no router
                carried.setdefault(mac, set()).add("others")
        return {mac: networks for mac, networks in carried.items() if len(networks) > 1}

    def _only_reaches_other_networks(self, address: int) -> bool:
        """Whether every peer of an IPv4 host is in another network, where some host of that network talks within it: then a router stands between."""
        own = self.addresses.ip(address)
        peers = self._peers.get(address, set())
        if own.version != 4 or not peers or not subnet(own):
            return False
        networks = {self._networks[peer] for peer in peers}
        return self._networks[address] not in networks and any(peer in self._talk_within for peer in peers)

    def _is_public_among_private(self, address: int) -> bool:
        """Whether a public IPv4 address talks with private ones only: no card of theirs is on its network."""
        peers = self._peers.get(address, set())
        return bool(peers) and not self._is_private(address) and all(self._is_private(peer) for peer in peers)

    def _is_private(self, address: int) -> bool:
        ip = self.addresses.ip(address)
        return ip.version != _IPV4 or any(ip in network for network in _PRIVATE)

    def _find_peers(self) -> None:
        self._peers: dict[int, set[int]] = {}
        for conversation in self.hosts.conversations.values():
            client, server = conversation.client[0], conversation.server[0]
            if self._is_host_address(client) and self._is_host_address(server):
                self._peers.setdefault(client, set()).add(server)
                self._peers.setdefault(server, set()).add(client)
        self._networks = {address: subnet(self.addresses.ip(address)) for address in self._peers}
        networks = self._networks
        self._talk_within = {address for address, peers in self._peers.items() if any(networks[address] == networks[peer] for peer in peers)}

    def _is_host_address(self, address: int) -> bool:
        if address <= 0:
            return False
        ip = self.addresses.ip(address)
        return not (ip.is_multicast or ip.is_unspecified or ip.is_loopback or int(ip) == _BROADCAST_IPV4)

    def doings(self, behaviours: Behaviours) -> dict[int, Doings]:
        """Address -> what it did, from the behaviours and the services of its flows."""
        result: dict[int, Doings] = {}
        columns = {
            name: behaviours.array(name).tolist() for name in ("source", "destination", "protocol", "role", "action", "unit", "messages", "status")
        }
        first, second, third, last = (behaviours.array(name) for name in ("first_ns", "second_ns", "third_ns", "last_ns"))
        often = (third > 0) & (last - first >= POLLED_NS)
        even = (third > 0) & (2 * np.abs(third - 2 * second + first) <= np.maximum(second - first, third - second))
        for i in range(behaviours.rows):
            actor, target = columns["source"][i], columns["destination"][i]
            name = self.protocols[columns["protocol"][i] - 1].name
            count = columns["messages"][i]
            role = columns["role"][i]
            if role == Role.RESPONSE:
                served = result.setdefault(target, Doings())
                served.served[name] = served.served.get(name, 0) + count
                if columns["unit"][i] >= 0 and columns["status"][i] == 0:
                    served.units.add((name, columns["unit"][i]))
            elif role == Role.EVENT:
                served = result.setdefault(actor, Doings())
                served.served[name] = served.served.get(name, 0) + count
                reports = result.setdefault(target, Doings()).reports
                reports[actor] = reports.get(actor, 0) + count
            else:
                asked = result.setdefault(actor, Doings())
                actions = asked.asked.setdefault(name, {})
                action = Action(columns["action"][i])
                actions[action] = actions.get(action, 0) + count
                asked.targets.add(target)
                if often[i] and action in READING:
                    asked.polled.add(target)
                if often[i] and even[i] and action in CHANGING:
                    asked.cycles += count
        for conversation in self.hosts.conversations.values():
            if conversation.protocol == 0 and conversation.ip_protocol in (6, 17):
                service = service_name(conversation.ip_protocol, conversation.server_port, conversation.ethertype)
                if conversation.client[0] > 0 and conversation.served:
                    result.setdefault(conversation.client[0], Doings()).used.add(service)
                if conversation.server[0] > 0 and conversation.served:
                    result.setdefault(conversation.server[0], Doings()).services.add(service)
            elif conversation.protocol and conversation.ip_protocol == _TCP and not conversation.answered and conversation.server[0] > 0:
                unheard = result.setdefault(conversation.server[0], Doings()).unheard  # UDP may have been sent to nobody
                name = self.protocols[conversation.protocol - 1].name
                unheard[name] = unheard.get(name, 0) + conversation.counts["pdus"]
        return result

    def assets(
        self,
        behaviours: Behaviours,
        *,
        zone_of: Callable[[str], tuple[str, float | None] | None] | None = None,
        name_of: Callable[[str], str] | None = None,
    ) -> list[Asset]:
        """Every device: one per IP address (quiet ones of a MAC that is no router's are one with what else it carries), one per MAC without IP."""
        routers = self.routers()
        doings = self.doings(behaviours)
        ot_subnets = {subnet(self.addresses.ip(address)) for address, did in doings.items() if address > 0 and did.served}
        facts: _Facts = {}
        for number, ((address, child, _, _), fact) in enumerate(self.facts.items()):
            facts.setdefault(address, []).append((number, child, fact))
        groups = self._groups(routers, doings, facts)
        router_names = self._router_names(routers)
        children = self._children(behaviours)
        assets = []
        for members in groups:
            asset = self._asset(members, routers, router_names, doings, ot_subnets, children, facts)
            if name_of is not None:
                asset.name = name_of(asset.id) or asset.name
            placed = next((found for found in (zone_of(text) for text in asset.addresses) if found), None) if zone_of else None
            if placed:
                asset.zone, asset.level = placed
                asset.zone_inferred = False
            elif members[0].key[0] > 0:
                own = subnet(self.addresses.ip(members[0].key[0]))
                if own:
                    asset.zone = f"{own} ({'OT' if own in ot_subnets else 'IT'}, inferred)" if ot_subnets else own
            assets.append(asset)
        return sorted(assets, key=lambda asset: (ORDER.index(asset.roles[0]) if asset.roles else len(ORDER), _sortable(asset.id)))

    def _groups(self, routers: dict[int, set[str]], doings: dict[int, Doings], facts: _Facts) -> list[list[Host]]:
        """Hosts that are one device: the same MAC, where no router stands between and nothing tells them apart."""
        by_mac: dict[int, list[Host]] = {}
        groups: list[list[Host]] = []
        for key, host in self.hosts.hosts.items():
            did = doings.get(key[0]) or Doings()
            if key[0] >= 0 and not self._is_host_address(key[0]) and not (did.speaks_ot and self.addresses.ip(key[0]).is_loopback):
                continue
            if key[0] < 0 and (key[1] < 0 or is_group_mac(key[1])):
                continue
            if key[0] >= 0 and not host.packets_sent and not host.arp_macs and not did.unheard:
                continue  # somebody asked for it; nobody was there
            mac = key[1] if key[0] < 0 else (max(host.macs, key=lambda mac: (host.macs[mac], mac)) if host.macs else -1)
            if mac < 0 or mac in routers:
                if key[0] >= 0:
                    groups.append([host])
                    continue
                mac = key[1]
            known = by_mac.get(mac)
            if known is None:
                by_mac[mac] = [host]
                groups.append(by_mac[mac])
            else:
                known.append(host)
        for group in groups:
            group.sort(key=lambda host: (host.key[0] < 0, host.key[0] >= 0 and self.addresses.ip(host.key[0]).version, host.key))
        return [apart for group in groups for apart in self._told_apart(group, doings, facts)]

    def _told_apart(self, group: list[Host], doings: dict[int, Doings], facts: _Facts) -> list[list[Host]]:
        """The devices among hosts of one MAC. Behind a gateway, a firewall in the path or proxy ARP stand many, of one network even: who speaks an
        OT protocol under an address is a device of its own, unless it tells the same identity; quiet addresses are the device's, if it is one."""
        speaking: dict[tuple[str, ...], list[Host]] = {}
        quiet: list[Host] = []
        for host in group:
            address = host.key[0]
            if address > 0 and address in doings and doings[address].speaks_ot:
                speaking.setdefault(_serials(facts.get(address, ())) or (str(address),), []).append(host)
            else:
                quiet.append(host)
        addresses = sum(host.key[0] > 0 and self.addresses.ip(host.key[0]).version == _IPV4 for host in group)
        if len(speaking) <= 1 and addresses <= _ADDRESSES_OF_ONE_CARD:
            return [group]
        return [*speaking.values(), *([host] for host in quiet)]

    def _router_names(self, routers: Iterable[int]) -> dict[int, str]:
        """The first address that ARP told for each of these MACs, else the MAC."""
        names = dict.fromkeys(routers, "")
        if names:
            for (address, _), host in self.hosts.hosts.items():
                for mac in host.arp_macs:
                    if address > 0 and names.get(mac) == "":
                        names[mac] = self.addresses.text(address)
        return {mac: name or mac_text(mac) for mac, name in names.items()}

    def _asset(
        self,
        members: list[Host],
        routers: dict[int, set[str]],
        router_names: dict[int, str],
        doings: dict[int, Doings],
        ot_subnets: set[str],
        children: _Children,
        facts: _Facts,
    ) -> Asset:
        main = members[0]
        ids = [host.key[0] for host in members if host.key[0] > 0]
        addresses = [self.addresses.text(address) for address in ids]
        macs = sorted({mac for host in members for mac in (host.macs if host.key[0] >= 0 else {host.key[1]: 1}) if mac})  # 0: a loopback
        own_macs = [mac for mac in macs if mac not in routers or any(mac in host.arp_macs for host in members)]
        behind = next((router_names[mac] for mac in macs if mac in routers and router_names[mac] not in addresses), "")
        asset = Asset(
            id=addresses[0] if addresses else mac_text(main.key[1]),
            addresses=addresses,
            macs=[mac_text(mac) for mac in own_macs],
            behind=behind,
            vlans=sorted({vlan for host in members for vlan in host.vlans}),
            first_seen_ns=min(host.first_ns for host in members),
            last_seen_ns=max(host.last_ns for host in members),
            packets_sent=sum(host.packets_sent for host in members),
            packets_received=sum(host.packets_received for host in members),
            bytes_sent=sum(host.bytes_sent for host in members),
            bytes_received=sum(host.bytes_received for host in members),
        )
        in_order = sorted((entry for address in ids for entry in facts.get(address, ())), key=lambda entry: entry[0])
        told_of = [(child, fact) for _, child, fact in in_order]
        asset.facts = [fact for child, fact in told_of if not child]
        asset.children = self._joined([children[address] for address in ids if address in children], told_of)
        for alone in _alone(asset.children):  # one unit alone is the device itself
            asset.facts += alone.facts
            alone.facts = []
        told = {fact.kind: fact.value for fact in reversed(asset.facts)}
        asset.name = told.get("name", "")
        if "vendor" in told:
            asset.vendor, asset.vendor_source = told["vendor"], "fact"
        else:
            asset.vendor = next((vendor for vendor in (vendor_of(mac) for mac in own_macs) if vendor), "")
            asset.vendor_source = "oui" if asset.vendor else ""
        did = Doings()
        for address in ids:
            _join(did, doings.get(address, Doings()))
        own = subnet(self.addresses.ip(ids[0])) if ids else ""
        targets = {subnet(self.addresses.ip(target)) for target in did.targets if target > 0}
        reasons = roles_of(did, ot_subnets=ot_subnets, own_subnet=own, target_subnets=targets, routed=bool(behind))
        for mac in macs:
            if mac in routers and (mac in own_macs or not ids):
                reasons["router"] = "its MAC carries the addresses of other networks"
                reasons.pop("host", None)
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
        return asset

    def _port_names(self, spoken: Iterable[str]) -> set[str]:
        """What the ports of these protocols would be guessed to be: nothing to add where the protocol itself was seen."""
        below = {spec.ride.carrier for spec in self.protocols if spec.name in spoken and spec.ride is not None}
        return {service_name(port.transport, port.number, -1) for spec in self.protocols if spec.name in below.union(spoken) for port in spec.ports}

    def _children(self, behaviours: Behaviours) -> _Children:
        """What was spoken to behind each address."""
        children: _Children = {}
        names = ("destination", "source", "protocol", "role", "unit", "messages", "status")
        for destination, source, protocol, role, unit, messages, status in zip(*(behaviours.array(name).tolist() for name in names), strict=True):
            if unit < 0:
                continue
            own = children.setdefault(source if role == Role.EVENT else destination, {})
            child = own.get((protocol, unit))
            if child is None:
                spec = self.protocols[protocol - 1]
                child = own[protocol, unit] = Child(name=spec.unit_name(unit), protocol=spec.name, unit=unit, messages=0, answered=False)
            child.messages += messages
            child.answered |= role != Role.REQUEST and status == 0
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
            unanswered_requests=conversation.unanswered_requests,
            vlan=conversation.vlan if conversation.vlan >= 0 else None,
            tunnel=conversation.tunnel,
        )

    def name(self, key: Key) -> str:
        """A host as text: IP address, else MAC, else `other` for what was merged beyond the limit."""
        if key[0] >= 0:
            return self.addresses.text(key[0])
        return "other" if key == _NO_MAC else mac_text(key[1])


def _alone(children: list[Child]) -> list[Child]:
    """The children that are the only one of their protocol to answer: asking for others that are not there makes no gateway."""
    answering: dict[str, list[Child]] = {}
    for child in children:
        if child.answered or child.facts:
            answering.setdefault(child.protocol, []).append(child)
    return [group[0] for group in answering.values() if len(group) == 1]


def _serials(facts: Iterable[tuple[int, str, KnownFact]]) -> tuple[str, ...]:
    """What no two devices tell alike."""
    return tuple(sorted(fact.value for _, child, fact in facts if fact.kind == "serial" and not child))


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
    into.used |= more.used


def _sortable(text: str) -> tuple[int, list[int] | str]:
    parts = text.split(".")
    return (0, [int(part) for part in parts]) if len(parts) == 4 and all(part.isdigit() for part in parts) else (1, text)
