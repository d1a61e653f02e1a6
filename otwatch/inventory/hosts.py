"""Closed flows and ARP to hosts and conversations: the counted, mergeable raw material of the inventory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from otwatch.limits import Limits
from otwatch.tables import Flows, Packets

Key = tuple[int, int]  # (interned IP address or -1, MAC where there is no IP address, else -1)

_TCP = 6
_SYN = 0x02
_SUMMED = (
    "packets_to_server",
    "packets_to_client",
    "bytes_to_server",
    "bytes_to_client",
    "payload_to_server",
    "payload_to_client",
    "pdus",
    "violations",
    "gaps",
    "gap_bytes",
    "retransmissions",
    "conflicts",
    "duplicates",
    "skipped_bytes",
)


@dataclass(slots=True)
class Host:
    """One address on the network and what its packets showed."""

    key: Key
    macs: dict[int, int] = field(default_factory=dict)  # MAC -> flows that showed it
    first_ns: int = 0
    last_ns: int = 0
    packets_sent: int = 0
    packets_received: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    vlans: set[int] = field(default_factory=set)
    arp_macs: dict[int, int] = field(default_factory=dict)  # MAC -> times ARP said so

    def seen(self, first_ns: int, last_ns: int) -> None:
        """Widens the time in which the host was seen."""
        self.first_ns = min(self.first_ns, first_ns) if self.first_ns else first_ns
        self.last_ns = max(self.last_ns, last_ns)


@dataclass(slots=True)
class Conversation:
    """All flows of one client to one service of one server."""

    client: Key
    server: Key
    ip_protocol: int
    server_port: int  # -1 when merged beyond the limit or where there are no ports
    ethertype: int
    protocol: int  # protocol id, 0 unknown
    first_ns: int = 0
    last_ns: int = 0
    first_frame: int = 0
    flows: int = 0
    answered: int = 0  # flows with packets in both directions
    unanswered_requests: int = 0
    protocol_how: int = 0
    tcp_flags_to_client: int = 0
    vlan: int = -1
    tunnel: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_SUMMED, 0))

    @property
    def served(self) -> bool:
        """Whether somebody was at home: TCP accepted the connection or sent data, others answered. A reset is no service."""
        if self.ip_protocol == _TCP:
            return self.counts["payload_to_client"] > 0 or bool(self.tcp_flags_to_client & _SYN)
        return self.answered > 0


class Hosts:
    """Folds flows, once they are closed, into hosts and conversations. Counters add, times take the minimum and maximum."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.hosts: dict[Key, Host] = {}
        self.conversations: dict[tuple[Key, Key, int, int, int], Conversation] = {}
        self.merged_conversations = 0
        self.refused_hosts = 0

    def fold(self, flows: Flows, slots: Iterable[int], unanswered: dict[int, int]) -> None:
        """Adds the rows of closed flows."""
        chosen = list(slots)
        if not chosen:
            return
        columns = {column.name: np.asarray(getattr(flows, column.name))[chosen].tolist() for column in flows.schema.columns}
        for i, slot in enumerate(chosen):
            self._fold_one({name: values[i] for name, values in columns.items()}, unanswered.get(slot, 0))

    def _fold_one(self, flow: dict[str, int], unanswered: int) -> None:
        client: Key = (flow["client"], -1 if flow["client"] >= 0 else flow["mac_client"])
        server: Key = (flow["server"], -1 if flow["server"] >= 0 else flow["mac_server"])
        for key, mac, sent, received, bytes_sent, bytes_received in (
            (client, flow["mac_client"], flow["packets_to_server"], flow["packets_to_client"], flow["bytes_to_server"], flow["bytes_to_client"]),
            (server, flow["mac_server"], flow["packets_to_client"], flow["packets_to_server"], flow["bytes_to_client"], flow["bytes_to_server"]),
        ):
            host = self._host(key)
            if host is None:
                continue
            if mac >= 0 and (sent or key == client):
                host.macs[mac] = host.macs.get(mac, 0) + 1
            host.seen(flow["first_ns"], flow["last_ns"])
            host.packets_sent += sent
            host.packets_received += received
            host.bytes_sent += bytes_sent
            host.bytes_received += bytes_received
            if flow["vlan_outer"] >= 0:
                host.vlans.add(flow["vlan_outer"])
        self._conversation(client, server, flow, unanswered)

    def _host(self, key: Key) -> Host | None:
        host = self.hosts.get(key)
        if host is None:
            if len(self.hosts) >= self.limits.assets:
                self.refused_hosts += 1
                return None
            host = self.hosts[key] = Host(key)
        return host

    def _conversation(self, client: Key, server: Key, flow: dict[str, int], unanswered: int) -> None:
        port = flow["server_port"] if flow["ip_protocol"] in (6, 17) else -1
        place = (client, server, flow["ip_protocol"], port, flow["protocol"])
        conversation = self.conversations.get(place)
        if conversation is None:
            if len(self.conversations) >= self.limits.conversations:
                self.merged_conversations += 1
                place = ((-1, -1), server, flow["ip_protocol"], -1, flow["protocol"])
                conversation = self.conversations.get(place)
            if conversation is None:
                conversation = self.conversations[place] = Conversation(
                    place[0],
                    server,
                    flow["ip_protocol"],
                    place[3],
                    flow["ethertype"],
                    flow["protocol"],
                    first_ns=flow["first_ns"],
                    first_frame=flow["first_frame"],
                    vlan=flow["vlan_outer"],
                    tunnel=flow["tunnel"],
                )
        conversation.first_ns = min(conversation.first_ns, flow["first_ns"])
        conversation.last_ns = max(conversation.last_ns, flow["last_ns"])
        conversation.flows += 1
        conversation.answered += flow["packets_to_server"] > 0 and flow["packets_to_client"] > 0
        conversation.unanswered_requests += unanswered
        conversation.protocol_how = max(conversation.protocol_how, flow["protocol_how"])
        conversation.tcp_flags_to_client |= flow["tcp_flags_to_client"]
        for name in _SUMMED:
            conversation.counts[name] += flow[name]

    def arp(self, packets: Packets) -> None:
        """Who says which MAC has which address."""
        operations = packets.array("arp_operation")
        for row in np.flatnonzero(operations).tolist():
            address, mac = packets.source[row], packets.arp_mac[row]
            if address <= 0 or mac < 0:  # probes (RFC 5227) carry 0.0.0.0
                continue
            host = self._host((address, -1))
            if host is None:
                continue
            host.arp_macs[mac] = host.arp_macs.get(mac, 0) + 1
            host.seen(packets.timestamp_ns[row], packets.timestamp_ns[row])
