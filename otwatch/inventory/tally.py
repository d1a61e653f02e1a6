# cython: boundscheck=True, wraparound=False, cdivision=True
"""Closed flows and ARP added up by host and by conversation, in columns: a flood of strangers costs a row each until the limit, then a counter.

A host is (address, MAC): the MAC is -1 where there is an IP address, the address -1 where there is none. A conversation is all flows of one
client to one service of one server. What most of them have once (a MAC, a VLAN) is a column; what few have more of lies in small dicts by row.
"""

from __future__ import annotations

import secrets
from typing import Any

import cython
import numpy as np

from otwatch.limits import Limits
from otwatch.schemas import Column, Schema
from otwatch.tables import Table

SUMMED = (
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

HOSTS = Schema("hosts", (
    Column("address", "int32", "interned IP address"),
    Column("mac", "int64", "MAC of a host without IP address"),
    Column("shown_mac", "int64", "the first MAC that its packets carried"),
    Column("shown_times", "int64", "flows that carried it", 0),
    Column("told_mac", "int64", "the first MAC that ARP told"),
    Column("told_times", "int64", "times it was reported", 0),
    Column("vlan", "int32", "the first VLAN"),
    Column("first_ns", "int64", "when it was first seen", 0),
    Column("last_ns", "int64", "when it was last seen", 0),
    Column("packets_sent", "int64", "packets", 0),
    Column("packets_received", "int64", "packets", 0),
    Column("bytes_sent", "int64", "bytes on the wire", 0),
    Column("bytes_received", "int64", "bytes on the wire", 0),
    Column("to_group", "int64", "flows to it that carried a group's MAC", 0),
))

TALKS = Schema("conversations", (
    Column("client", "int32", "interned IP address"),
    Column("client_mac", "int64", "MAC of a client without IP address"),
    Column("server", "int32", "interned IP address"),
    Column("server_mac", "int64", "MAC of a server without IP address"),
    Column("ip_protocol", "int32", "IP protocol number"),
    Column("server_port", "int32", "-1 when merged beyond the limit or where there are no ports"),
    Column("protocol", "int32", "id of the application protocol, 0 unknown", 0),
    Column("ethertype", "int32", "EtherType"),
    Column("vlan", "int32", "VLAN of the first flow"),
    Column("tunnel", "int32", "Tunnel of the first flow", 0),
    Column("first_ns", "int64", "when it was first seen", 0),
    Column("last_ns", "int64", "when it was last seen", 0),
    Column("first_frame", "int64", "frame of its first packet", 0),
    Column("flows", "int64", "flows", 0),
    Column("answered", "int64", "flows with packets in both directions", 0),
    Column("unanswered_requests", "int64", "requests that stayed without a response", 0),
    Column("protocol_how", "int32", "ProtocolHow", 0),
    Column("tcp_flags_to_client", "int32", "all TCP flags seen from the server", 0),
    *(Column(name, "int64", f"sum over its flows: {name}", 0) for name in SUMMED),
))

_TCP = cython.declare(cython.int, 6)
_UDP = cython.declare(cython.int, 17)
_RECOGNISED = cython.declare(cython.int, 1)  # what shows that the ends of a flow are there: a protocol was recognised in it
_ANSWERED = cython.declare(cython.int, 2)  # packets were seen both ways
# Typed names, because the compiler takes literals over 31 bits for Python integers.
_LOW32 = cython.declare(cython.ulonglong, 0xFFFFFFFF)
_LOW64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
_PRIME = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)


class HostRows(Table):
    """One row per host, in order of appearance."""

    def __init__(self, capacity: cython.Py_ssize_t = 256) -> None:
        Table.__init__(self, HOSTS, capacity)


class TalkRows(Table):
    """One row per conversation, in order of appearance."""

    def __init__(self, capacity: cython.Py_ssize_t = 256) -> None:
        Table.__init__(self, TALKS, capacity)


class Tally:
    """Counters add, times take the minimum and maximum. Found by hashes with a secret seed; nothing that is shown depends on it.

    Those whom nobody answered find room up to `limits.assets_unanswered` and `limits.conversations_unanswered`, half more where a protocol was
    recognised; the others up to a quarter more than `limits.assets` and `limits.conversations`: a flood of spoofed senders costs little, and does
    not hide a device that comes after it. What finds no room is counted: hosts in `refused_hosts`; conversations
    in `merged_talks`, and added to those of all clients of the server, then of all servers of the client, at last of all.
    """

    def __init__(self, limits: Limits) -> None:
        self.hosts = HostRows()
        self.talks = TalkRows()
        self.shown = {}  # row of a host -> further MACs that its packets carried -> flows
        self.told = {}  # row of a host -> further MACs that ARP told -> times
        self.vlans = {}  # row of a host -> further VLANs -> flows
        self.refused_hosts = self.merged_talks = self.refused_macs = 0
        self.most_hosts = limits.assets
        self.most_talks = limits.conversations
        self.most_unanswered_hosts = limits.assets_unanswered
        self.most_unanswered_talks = limits.conversations_unanswered
        self.unanswered_hosts = self.unanswered_talks = 0
        self.most_macs = limits.macs_per_asset
        self.seed = secrets.randbits(63) | 1
        self.at = 0
        self.rehash()

    def copy(self, limits: Limits) -> Tally:
        """The same, apart: adding to one does not change the other."""
        other = Tally(limits)
        for mine, theirs in ((self.hosts, other.hosts), (self.talks, other.talks)):
            theirs.grow(mine.capacity)
            theirs.rows = mine.rows
            for column in mine.schema.columns:
                theirs.array(column.name)[:] = mine.array(column.name)
        for row, more in self.shown.items():
            other.shown[row] = dict(more)
        for row, more in self.told.items():
            other.told[row] = dict(more)
        for row, more in self.vlans.items():
            other.vlans[row] = dict(more)
        other.refused_hosts, other.merged_talks, other.refused_macs = self.refused_hosts, self.merged_talks, self.refused_macs
        other.unanswered_hosts, other.unanswered_talks = self.unanswered_hosts, self.unanswered_talks
        other.rehash()
        return other

    def recount(self) -> Any:
        """How many of the rows nobody answered, after all of them were set from outside."""
        hosts, talks = self.hosts, self.talks
        one_way = (hosts.array("packets_sent") == 0) | (hosts.array("packets_received") == 0)
        self.unanswered_hosts = int(one_way.sum())
        self.unanswered_talks = int((talks.array("answered") == 0).sum())
        return None

    # adding

    def fold(self, flows, slots, unanswered):  # type: ignore[no-untyped-def]
        """Adds flows by slot; `unanswered`: slot -> requests that stayed without a response."""
        i: cython.Py_ssize_t
        slot: cython.Py_ssize_t
        client: cython.int
        server: cython.int
        client_mac: cython.longlong
        server_mac: cython.longlong
        row: cython.int
        port: cython.int
        ip_protocol: cython.int
        answered: cython.bint
        proven: cython.int
        lost: cython.longlong
        some_unanswered: cython.bint = len(unanswered) > 0
        for i in range(slots.shape[0]):
            slot = slots[i]
            client = flows.client[slot]
            server = flows.server[slot]
            client_mac = -1 if client >= 0 else flows.mac_client[slot]
            server_mac = -1 if server >= 0 else flows.mac_server[slot]
            answered = flows.packets_to_server[slot] > 0 and flows.packets_to_client[slot] > 0
            proven = _ANSWERED if answered else _RECOGNISED if flows.pdus[slot] > 0 else 0
            row = self.host(client, client_mac, proven)
            if row >= 0:
                self.add_host(row, flows, slot, True)
            row = self.host(server, server_mac, proven)
            if row >= 0:
                self.add_host(row, flows, slot, False)
            ip_protocol = flows.ip_protocol[slot]
            port = flows.server_port[slot] if ip_protocol in (_TCP, _UDP) else -1
            row = self.talk(client, client_mac, server, server_mac, ip_protocol, port, flows.protocol[slot], proven)
            lost = 0
            if some_unanswered:
                lost = unanswered.get(slot, 0)
            self.add_talk(row, flows, slot, answered, lost)

    def add_host(self, row, flows, slot, is_client):  # type: ignore[no-untyped-def]
        """One flow to one of its ends."""
        hosts = self.hosts
        sent: cython.longlong
        mac: cython.longlong
        vlan: cython.int = flows.vlan_outer[slot]
        if is_client:
            mac = flows.mac_client[slot]
            sent = flows.packets_to_server[slot]
            hosts.packets_received[row] += flows.packets_to_client[slot]
            hosts.bytes_sent[row] += flows.bytes_to_server[slot]
            hosts.bytes_received[row] += flows.bytes_to_client[slot]
        else:
            mac = flows.mac_server[slot]
            sent = flows.packets_to_client[slot]
            hosts.packets_received[row] += flows.packets_to_server[slot]
            hosts.bytes_sent[row] += flows.bytes_to_client[slot]
            hosts.bytes_received[row] += flows.bytes_to_server[slot]
            if mac >= 0 and (mac >> 40) & 1 and flows.ip_protocol[slot] >= 0:  # ARP asks everybody for somebody
                hosts.to_group[row] += 1
        hosts.packets_sent[row] += sent
        if mac >= 0 and (is_client or sent > 0):
            if hosts.shown_mac[row] < 0:
                hosts.shown_mac[row] = mac
            if hosts.shown_mac[row] == mac:
                hosts.shown_times[row] += 1
            else:
                self.note(self.shown, row, mac)
        if vlan >= 0:
            if hosts.vlan[row] < 0:
                hosts.vlan[row] = vlan
            elif hosts.vlan[row] != vlan:
                self.note(self.vlans, row, vlan)
        if hosts.first_ns[row] == 0 or flows.first_ns[slot] < hosts.first_ns[row]:
            hosts.first_ns[row] = flows.first_ns[slot]
        if flows.last_ns[slot] > hosts.last_ns[row]:
            hosts.last_ns[row] = flows.last_ns[slot]
        return 0

    def add_talk(self, row, flows, slot, answered, unanswered):  # type: ignore[no-untyped-def]
        """One flow to its conversation."""
        talks = self.talks
        if talks.flows[row] == 0:
            talks.ethertype[row] = flows.ethertype[slot]
            talks.vlan[row] = flows.vlan_outer[slot]
            talks.tunnel[row] = flows.tunnel[slot]
            talks.first_ns[row] = flows.first_ns[slot]
            talks.first_frame[row] = flows.first_frame[slot]
        if flows.first_ns[slot] < talks.first_ns[row]:
            talks.first_ns[row] = flows.first_ns[slot]
        if flows.last_ns[slot] > talks.last_ns[row]:
            talks.last_ns[row] = flows.last_ns[slot]
        talks.flows[row] += 1
        talks.answered[row] += answered
        talks.unanswered_requests[row] += unanswered
        if flows.protocol_how[slot] > talks.protocol_how[row]:
            talks.protocol_how[row] = flows.protocol_how[slot]
        talks.tcp_flags_to_client[row] |= flows.tcp_flags_to_client[slot]
        talks.packets_to_server[row] += flows.packets_to_server[slot]
        talks.packets_to_client[row] += flows.packets_to_client[slot]
        talks.bytes_to_server[row] += flows.bytes_to_server[slot]
        talks.bytes_to_client[row] += flows.bytes_to_client[slot]
        talks.payload_to_server[row] += flows.payload_to_server[slot]
        talks.payload_to_client[row] += flows.payload_to_client[slot]
        talks.pdus[row] += flows.pdus[slot]
        talks.violations[row] += flows.violations[slot]
        talks.gaps[row] += flows.gaps[slot]
        talks.gap_bytes[row] += flows.gap_bytes[slot]
        talks.retransmissions[row] += flows.retransmissions[slot]
        talks.conflicts[row] += flows.conflicts[slot]
        talks.duplicates[row] += flows.duplicates[slot]
        talks.skipped_bytes[row] += flows.skipped_bytes[slot]
        return 0

    def arp(self, packets):  # type: ignore[no-untyped-def]
        """Who says which MAC has which address. Probes (RFC 5227) carry 0.0.0.0 and say nothing."""
        hosts = self.hosts
        i: cython.Py_ssize_t
        row: cython.int
        mac: cython.longlong
        now: cython.longlong
        for i in range(packets.rows):
            if packets.arp_operation[i] == 0:
                continue
            mac = packets.arp_mac[i]
            if packets.source[i] <= 0 or mac < 0:
                continue
            row = self.host(packets.source[i], -1, 0)
            if row < 0:
                continue
            if hosts.told_mac[row] < 0:
                hosts.told_mac[row] = mac
            if hosts.told_mac[row] == mac:
                hosts.told_times[row] += 1
            else:
                self.note(self.told, row, mac)
            now = packets.timestamp_ns[i]
            if hosts.first_ns[row] == 0 or now < hosts.first_ns[row]:
                hosts.first_ns[row] = now
            if now > hosts.last_ns[row]:
                hosts.last_ns[row] = now

    def note(self, more, row, mac):  # type: ignore[no-untyped-def]
        """Counts a further MAC or VLAN of a host, while there is room."""
        known = more.get(row)
        if known is None:
            known = more[row] = {}
        if mac in known:
            known[mac] += 1
        elif len(known) + 1 < self.most_macs:
            known[mac] = 1
        else:
            self.refused_macs += 1
        return 0

    # finding

    def find_host(self, address, mac):  # type: ignore[no-untyped-def]
        """Row of a host, -1 if it is not known. Leaves its place in `at`."""
        hosts = self.hosts
        slots = self.host_slots
        mask: cython.ulonglong = slots.shape[0] - 1
        at: cython.ulonglong = self.hash_host(address, mac) & mask
        row: cython.int = slots[at]
        while row >= 0:
            if hosts.address[row] == address and hosts.mac[row] == mac:
                break
            at = (at + 1) & mask
            row = slots[at]
        self.at = at
        return row

    def host(self, address, mac, proven):  # type: ignore[no-untyped-def]
        """Row of a host, a new one while there is room; -1 when there is none. `proven`: what shows that it is there, see `fold`."""
        hosts = self.hosts
        row: cython.int = self.find_host(address, mac)
        if row >= 0:
            return row
        room: cython.Py_ssize_t = self.most_unanswered_hosts
        most: cython.Py_ssize_t = self.most_hosts
        if proven == _RECOGNISED:
            room += room // 2
        if proven:
            most += most // 4
        if hosts.rows >= most or (proven != _ANSWERED and self.unanswered_hosts >= room):
            self.refused_hosts += 1
            return -1
        self.unanswered_hosts += proven != _ANSWERED
        row = hosts.new_row()
        hosts.address[row] = address
        hosts.mac[row] = mac
        hosts.shown_mac[row] = hosts.told_mac[row] = -1
        hosts.shown_times[row] = hosts.told_times[row] = 0
        hosts.vlan[row] = -1
        hosts.first_ns[row] = hosts.last_ns[row] = 0
        hosts.packets_sent[row] = hosts.packets_received[row] = 0
        hosts.bytes_sent[row] = hosts.bytes_received[row] = 0
        self.host_slots[self.at] = row
        if 2 * hosts.rows > self.host_slots.shape[0]:
            self.rehash()
        return row

    def find_talk(self, client, client_mac, server, server_mac, ip_protocol, port, protocol):  # type: ignore[no-untyped-def]
        """Row of a conversation, -1 if it is not known. Leaves its place in `at`."""
        talks = self.talks
        slots = self.talk_slots
        mask: cython.ulonglong = slots.shape[0] - 1
        at: cython.ulonglong = self.hash_talk(client, client_mac, server, server_mac, ip_protocol, port, protocol) & mask
        row: cython.int = slots[at]
        while row >= 0:
            if (
                talks.client[row] == client and talks.server[row] == server and talks.server_port[row] == port
                and talks.client_mac[row] == client_mac and talks.server_mac[row] == server_mac
                and talks.ip_protocol[row] == ip_protocol and talks.protocol[row] == protocol
            ):
                break
            at = (at + 1) & mask
            row = slots[at]
        self.at = at
        return row

    def talk(self, client, client_mac, server, server_mac, ip_protocol, port, protocol, proven):  # type: ignore[no-untyped-def]
        """Row of a conversation, a new one while there is room, else one that several share."""
        row: cython.int = self.find_talk(client, client_mac, server, server_mac, ip_protocol, port, protocol)
        if row >= 0:
            return row
        if self.has_room(proven, 1):
            return self.new_talk(client, client_mac, server, server_mac, ip_protocol, port, protocol)
        self.merged_talks += 1
        row = self.find_talk(-1, -1, server, server_mac, ip_protocol, -1, protocol)
        if row >= 0:
            return row
        if self.has_room(proven, 2):
            return self.new_talk(-1, -1, server, server_mac, ip_protocol, -1, protocol)
        row = self.find_talk(client, client_mac, -1, -1, ip_protocol, -1, protocol)
        if row >= 0:
            return row
        if self.has_room(proven, 3):
            return self.new_talk(client, client_mac, -1, -1, ip_protocol, -1, protocol)
        row = self.find_talk(-1, -1, -1, -1, ip_protocol, -1, protocol)
        return row if row >= 0 else self.new_talk(-1, -1, -1, -1, ip_protocol, -1, protocol)

    def has_room(self, proven, quarters):  # type: ignore[no-untyped-def]
        """Takes room for one more conversation, where there is some: of those that several share a quarter more is kept than of single ones."""
        room: cython.Py_ssize_t = self.most_unanswered_talks // 4 * (quarters + 3)
        most: cython.Py_ssize_t = self.most_talks
        if proven == _RECOGNISED:
            room += room // 2
        if proven or quarters > 1:
            most += most // 4 * quarters
        if self.talks.rows >= most or (proven != _ANSWERED and self.unanswered_talks >= room):
            return False
        self.unanswered_talks += proven != _ANSWERED
        return True

    def new_talk(self, client, client_mac, server, server_mac, ip_protocol, port, protocol):  # type: ignore[no-untyped-def]
        """A row at the place where it was just looked for."""
        talks = self.talks
        row: cython.int = talks.new_row()
        talks.client[row] = client
        talks.client_mac[row] = client_mac
        talks.server[row] = server
        talks.server_mac[row] = server_mac
        talks.ip_protocol[row] = ip_protocol
        talks.server_port[row] = port
        talks.protocol[row] = protocol
        talks.ethertype[row] = talks.vlan[row] = -1
        talks.tunnel[row] = talks.protocol_how[row] = talks.tcp_flags_to_client[row] = 0
        talks.first_ns[row] = talks.last_ns[row] = talks.first_frame[row] = 0
        talks.flows[row] = talks.answered[row] = talks.unanswered_requests[row] = 0
        talks.packets_to_server[row] = talks.packets_to_client[row] = 0
        talks.bytes_to_server[row] = talks.bytes_to_client[row] = 0
        talks.payload_to_server[row] = talks.payload_to_client[row] = 0
        talks.pdus[row] = talks.violations[row] = talks.gaps[row] = talks.gap_bytes[row] = 0
        talks.retransmissions[row] = talks.conflicts[row] = talks.duplicates[row] = talks.skipped_bytes[row] = 0
        self.talk_slots[self.at] = row
        if 2 * talks.rows > self.talk_slots.shape[0]:
            self.rehash()
        return row

    def hash_host(self, address, mac):  # type: ignore[no-untyped-def]
        """Of which the low bits are the place."""
        mixed: cython.ulonglong = _mix(_mix(self.seed, cython.cast(cython.ulonglong, address) & _LOW32), cython.cast(cython.ulonglong, mac) & _LOW64)
        return mixed ^ (mixed >> 32)

    def hash_talk(self, client, client_mac, server, server_mac, ip_protocol, port, protocol):  # type: ignore[no-untyped-def]
        """Of which the low bits are the place."""
        mixed: cython.ulonglong = _mix(self.seed, cython.cast(cython.ulonglong, client) & _LOW32)
        mixed = _mix(_mix(mixed, cython.cast(cython.ulonglong, server) & _LOW32), cython.cast(cython.ulonglong, client_mac) & _LOW64)
        mixed = _mix(_mix(mixed, cython.cast(cython.ulonglong, server_mac) & _LOW64), cython.cast(cython.ulonglong, port) & _LOW32)
        mixed = _mix(_mix(mixed, cython.cast(cython.ulonglong, ip_protocol) & _LOW32), cython.cast(cython.ulonglong, protocol) & _LOW32)
        return mixed ^ (mixed >> 32)

    def rehash(self) -> Any:
        """Room for twice the rows of either, found anew."""
        hosts = self.hosts
        talks = self.talks
        self.host_slots = memoryview(np.full(_places(hosts.rows), -1, np.int32))
        self.talk_slots = memoryview(np.full(_places(talks.rows), -1, np.int32))
        row: cython.int
        for row in range(hosts.rows):
            self.find_host(hosts.address[row], hosts.mac[row])
            self.host_slots[self.at] = row
        for row in range(talks.rows):
            self.find_talk(talks.client[row], talks.client_mac[row], talks.server[row], talks.server_mac[row], talks.ip_protocol[row],
                           talks.server_port[row], talks.protocol[row])
            self.talk_slots[self.at] = row
        return None


def _places(rows: int) -> int:
    """Slots of a hash table that may grow to twice these rows."""
    return max(512, 1 << (4 * rows - 1).bit_length()) if rows else 512


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _mix(a: cython.ulonglong, b: cython.ulonglong) -> cython.ulonglong:
    """One round of multiply and shift over two words."""
    a = ((a ^ b) * _PRIME) & _LOW64
    return a ^ (a >> 29)
