"""Which addresses are one device, which MAC is a router's, and who is nobody: a group, a broadcast, somebody who never answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Final

from otwatch.addresses import Addresses, is_group_mac, mac_text
from otwatch.groups import grouped
from otwatch.inventory.asset import KnownFact
from otwatch.inventory.hosts import Host, Hosts
from otwatch.inventory.roles import Doings, subnet

Facts = Mapping[int, Sequence[tuple[int, str, KnownFact]]]  # address -> (order, name of a child or empty, fact)
_IPV4 = 4
_PRIVATE: Final = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16")))
_ADDRESSES_OF_ONE_CARD = 8  # IPv4 addresses; a MAC with more carries those of others
_CARDS_OF_ONE_DEVICE = 4  # a serial number on more of them is one that a program or a vendor gives to all
_INTERFACES = 16  # MACs in a row that one router has
_BROADCAST_IPV4 = 0xFFFFFFFF
_MULTICAST_IPV4 = 0xE  # 224.0.0.0/4
_LOOPBACK_IPV4 = 127
_LAST_OF_A_NETWORK = 3  # the low bits of a directed broadcast address of a /30 or wider are ones


@dataclass(slots=True)
class Device:
    """Hosts that are one device; the first is the one that people know."""

    hosts: list[Host]
    merged_by: str = ""  # why, where they have several network cards


@dataclass(slots=True)
class Peers:
    """Who talks to whom, by address."""

    of: dict[int, set[int]] = field(default_factory=dict)
    networks: dict[int, str] = field(default_factory=dict)
    talk_within: set[int] = field(default_factory=set)  # addresses with a peer in their own network


class Grouping:
    """The devices of a tally of hosts."""

    def __init__(self, addresses: Addresses, hosts: Hosts) -> None:
        self.addresses = addresses
        self.hosts = hosts
        self.peers = self._peers()
        self.routers = self._routers()
        self._names = self._router_names()

    def devices(self, doings: Mapping[int, Doings], facts: Facts, name_of: Callable[[str], str] | None) -> list[Device]:
        """Every device: hosts of one MAC that is no router's and that nothing tells apart; then those of one serial number, or of one asset of
        the site file."""
        alone, by_mac = self._by_mac(doings)
        groups = [[host] for host in alone] + list(by_mac.values())
        for group in groups:
            group.sort(key=self._order)
        apart = [Device(part) for group in groups for part in self._told_apart(group, doings, facts)]
        apart.sort(key=lambda device: self._order(device.hosts[0]))
        apart = self._joined(apart, lambda device: _serial(device, facts), lambda serial: f"serial number {serial}", self.peers.of)
        apart = self._with_ports(apart, facts)
        if name_of is not None:
            apart = self._joined(apart, lambda device: self._listed(device, name_of), lambda name: f"the site file: {name}", None)
        return apart

    def router_name(self, mac: int) -> str:
        """The address of a router."""
        return self._names[mac]

    def _router_names(self) -> dict[int, str]:
        """The first address that ARP told for each of these MACs, else the MAC."""
        names = dict.fromkeys(self.routers, "")
        if names:
            for (address, _), host in self.hosts.hosts.items():
                for mac in host.arp_macs:
                    if address > 0 and names.get(mac) == "":
                        names[mac] = self.addresses.text(address)
        return {mac: name or mac_text(mac) for mac, name in names.items()}

    def _order(self, host: Host) -> tuple[bool, int, tuple[int, int]]:
        address = host.key[0]
        return address < 0, self.addresses.ip(address).version if address >= 0 else 0, host.key

    # ---- one card

    def _by_mac(self, doings: Mapping[int, Doings]) -> tuple[list[Host], dict[int, list[Host]]]:
        """Hosts that stand alone, and the others by their MAC."""
        alone: list[Host] = []
        by_mac: dict[int, list[Host]] = {}
        for key, host in self.hosts.hosts.items():
            did = doings.get(key[0]) or Doings()
            if key[0] >= 0 and not self.is_host(key[0], host) and not (did.speaks_ot and self.addresses.ip(key[0]).is_loopback):
                continue
            if key[0] < 0 and (key[1] < 0 or is_group_mac(key[1])):
                continue
            if key[0] >= 0 and not host.packets_sent and not host.arp_macs and not did.unheard:
                continue  # somebody asked for it; nobody was there
            mac = key[1] if key[0] < 0 else (max(host.macs, key=lambda mac: (host.macs[mac], mac)) if host.macs else -1)
            if key[0] >= 0 and (mac < 0 or (mac in self.routers and self._names[mac] != self.addresses.text(key[0]))):
                alone.append(host)
            else:
                by_mac.setdefault(mac if mac >= 0 else key[1], []).append(host)
        return alone, by_mac

    def _told_apart(self, group: list[Host], doings: Mapping[int, Doings], facts: Facts) -> list[list[Host]]:
        """The devices among hosts of one MAC. Behind a gateway, a firewall in the path or proxy ARP stand many, of one network even: who speaks an
        OT protocol under an address is a device of its own, unless it tells the same identity; quiet addresses are the device's, if it is one.
        Who talks with each other is not one device, whatever card the packets show."""
        own = {host.key[0] for host in group if host.key[0] > 0}
        if any(self.peers.of.get(address, set()) & own for address in own):
            return [[host] for host in group]
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

    # ---- several cards

    def _joined(
        self, devices: list[Device], mark: Callable[[Device], str], reason: Callable[[str], str], peers: Mapping[int, set[int]] | None
    ) -> list[Device]:
        """Devices with the same mark become one. With `peers`, a mark that many carry is no proof, and nobody is one device with whom it talks to."""
        by_mark: dict[str, list[Device]] = {}
        for device in devices:
            if found := mark(device):
                by_mark.setdefault(found, []).append(device)
        gone: set[int] = set()
        for found, same in by_mark.items():
            if len(same) < 2 or (peers is not None and (len(same) > _CARDS_OF_ONE_DEVICE or _talk(same, peers))):
                continue
            first = same[0]
            for other in same[1:]:
                first.hosts += other.hosts
                gone.add(id(other))
            first.merged_by = reason(found)
        return [device for device in devices if id(device) not in gone]

    def _with_ports(self, devices: list[Device], facts: Facts) -> list[Device]:
        """Ports of a switch or device, which have MACs of their own and are heard by LLDP or CDP alone, are of the device at the one management
        address that they tell, where a card of it has a MAC of the same maker."""
        of_address = {self.addresses.text(host.key[0]): device for device in devices for host in device.hosts if host.key[0] > 0}
        kept = []
        for device in devices:
            mac = device.hosts[0].key[1] if device.hosts[0].key[0] < 0 else -1
            said = facts.get(self.addresses.find_mac(mac), ()) if mac >= 0 else ()
            told = {fact.value for _, _, fact in said if fact.kind == "management_address"}
            owner = of_address.get(next(iter(told))) if len(told) == 1 else None
            if owner is None or len(device.hosts) > 1 or mac >> 24 not in {card >> 24 for host in owner.hosts for card in (*host.macs, host.key[1])}:
                kept.append(device)
                continue
            owner.hosts += device.hosts
            owner.merged_by = owner.merged_by or f"the management address that its ports tell: {next(iter(told))}"
        return kept

    def _listed(self, device: Device, name_of: Callable[[str], str]) -> str:
        return next((name for host in device.hosts if host.key[0] > 0 and (name := name_of(self.addresses.text(host.key[0])))), "")

    # ---- routers

    def _routers(self) -> dict[int, set[str]]:
        """MAC -> the networks whose addresses it carries, for MACs that carry more than their own."""
        carried: dict[int, set[str]] = {}
        cards: dict[str, set[int]] = {}  # network -> MACs that its addresses showed
        strays: list[tuple[str, int]] = []  # network and MAC of hosts that only reach other networks, and never told their MAC themselves
        for (address, _), host in self.hosts.hosts.items():
            if not self.is_host(address, host):
                continue
            ip = self.addresses.ip(address)
            if ip.version == _IPV4:  # link-local and several IPv6 prefixes on one card are normal
                for mac in host.macs:
                    carried.setdefault(mac, set()).add(subnet(ip))
                    cards.setdefault(subnet(ip), set()).add(mac)
            if self._only_reaches_other_networks(address) or self._is_public_among_private(address):
                strays += [(subnet(ip), mac) for mac in host.macs if mac not in host.arp_macs]
        lent = self._lent()
        for mac, shown in lent.items():
            if len(shown) > 1:
                carried.setdefault(mac, set()).update(f"lent to {address}" for address in shown)
        for network, mac in strays:
            if len(cards.get(network, ())) <= 1:  # hosts of one network with a card each stand behind no router
                carried.setdefault(mac, set()).add("others")
        routers = {mac: networks for mac, networks in carried.items() if len(networks) > 1}
        # The next numbers of a router's MAC are its other interfaces, where they stand beside a host's own.
        return routers | {mac: {"others"} for mac in lent if any(0 < abs(mac - known) < _INTERFACES for known in routers)}

    def _lent(self) -> dict[int, list[int]]:
        """MAC -> addresses that showed it beside another, their own: a tap on both sides of a router or firewall sees them with either."""
        shown: dict[int, list[int]] = {}
        for (address, _), host in self.hosts.hosts.items():
            if len(host.macs) > 1 and self.is_host(address, host):
                for mac in host.macs:
                    if mac not in host.arp_macs:
                        shown.setdefault(mac, []).append(address)
        return shown

    def _only_reaches_other_networks(self, address: int) -> bool:
        """Whether every peer of an IPv4 host is in another network, where some host of that network talks within it: then a router stands between."""
        own = self.addresses.ip(address)
        peers = self.peers.of.get(address, set())
        if own.version != _IPV4 or not peers or not subnet(own):
            return False
        networks = {self.peers.networks[peer] for peer in peers}
        return self.peers.networks[address] not in networks and any(peer in self.peers.talk_within for peer in peers)

    def _is_public_among_private(self, address: int) -> bool:
        """Whether a public IPv4 address talks with private ones only: no card of theirs is on its network."""
        peers = self.peers.of.get(address, set())
        return bool(peers) and not self._is_private(address) and all(self._is_private(peer) for peer in peers)

    def _is_private(self, address: int) -> bool:
        ip = self.addresses.ip(address)
        return ip.version != _IPV4 or any(ip in network for network in _PRIVATE)

    def _peers(self) -> Peers:
        peers = Peers()
        talks = self.hosts.tally.talks
        first, _ = grouped([talks.array("client"), talks.array("server")])
        for client, server in zip(talks.array("client")[first].tolist(), talks.array("server")[first].tolist(), strict=True):
            if client != server and self.is_host(client) and self.is_host(server):  # a gratuitous ARP goes from an address to itself
                peers.of.setdefault(client, set()).add(server)
                peers.of.setdefault(server, set()).add(client)
        networks = peers.networks = {address: subnet(self.addresses.ip(address)) for address in peers.of}
        peers.talk_within = {address for address, others in peers.of.items() if any(networks[address] == networks[other] for other in others)}
        return peers

    def is_host(self, address: int, host: Host | None = None) -> bool:
        """Whether an address can be a device's. `host`, where it is at hand, shows whether the address was sent to with a group's MAC."""
        if address <= 0:
            return False
        ip = self.addresses.ip(address)
        number = int(ip)
        if ip.version == _IPV4:
            if number >> 28 == _MULTICAST_IPV4 or number >> 24 == _LOOPBACK_IPV4 or number in (0, _BROADCAST_IPV4):
                return False
        elif ip.is_multicast or ip.is_unspecified or ip.is_loopback or number == _BROADCAST_IPV4:
            return False
        if host is None or not host.to_group or ip.version != _IPV4:
            return True
        if int(ip) & 0xFF == 0xFF:
            return False
        return bool(host.packets_sent) or int(ip) & _LAST_OF_A_NETWORK != _LAST_OF_A_NETWORK  # one packet to everybody must not hide a controller


def _serial(device: Device, facts: Facts) -> str:
    """The serial number that a device tells of itself; empty where there is none, or several: a gateway tells those behind it."""
    found = {fact.value for host in device.hosts for _, _, fact in facts.get(host.key[0], ()) if fact.kind == "serial"}
    return next(iter(found)) if len(found) == 1 else ""


def _serials(facts: Iterable[tuple[int, str, KnownFact]]) -> tuple[str, ...]:
    """What no two devices tell alike."""
    return tuple(sorted(fact.value for _, child, fact in facts if fact.kind == "serial" and not child))


def _talk(devices: Sequence[Device], peers: Mapping[int, set[int]]) -> bool:
    members = [{host.key[0] for host in device.hosts} for device in devices]
    return any(
        peers.get(address, set()) & other for place, mine in enumerate(members) for other in members[place + 1 :] for address in mine
    )
