# cython: boundscheck=True, wraparound=False, cdivision=True
"""The flow table: which flow a packet belongs to, who is client and who server, and which flow has been idle longest.

A flow is (addresses, ports, IP protocol), or (MACs, EtherType, protocol that takes the frame) where there is no IP. Slots are found by a hash
with chains; a secret seed keeps an attacker from filling one chain, and nothing that is shown depends on it. Each slot is also in one of six lists
ordered by last use, so that timeouts and eviction look at ends of lists only.
"""

from __future__ import annotations

import os

import cython
import numpy as np

from otwatch.addresses import Addresses
from otwatch.limits import Limits
from otwatch.ports import SERVICES
from otwatch.protocols.spec import ProtocolSpec
from otwatch.streams.states import MODES, Mode
from otwatch.tables import Flows
from otwatch.vocabulary import DirectionHow

# Numbers for the compiled loops: a literal beyond 31 bits, or a module's plain constant, would be a Python object there.
_M64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
_MIX_1 = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
_MIX_2 = cython.declare(cython.ulonglong, 0xBF58476D1CE4E5B9)
_MAC = cython.declare(cython.longlong, 0xFFFFFFFFFFFF)
_GROUP_MAC = cython.declare(cython.longlong, 0x010000000000)
_PLAIN = cython.declare(cython.int, 2)
_OTHER = cython.declare(cython.int, 1)

# The lists, in the order in which a full table takes victims: a flood of new flows must not push out the quiet sessions of the plant.
FINISHED = 0  # FIN both ways: kept a little for the last retransmissions
OTHER = 1  # not TCP
PLAIN = 2  # TCP without bytes being put in order
CANDIDATE = 3  # TCP, protocol not known yet
ATTACHED = 4  # TCP of a known protocol
DOUBTED = 5  # reset by one side, or replaced by a new connection on its ports: believed when the other side stays silent; taken after FINISHED
LISTS = 6

FINISHED_IDLE_NS = 10_000_000_000  # late segments of a closed connection; shorter than the 2 MSL of RFC 9293 to hold less in a scan
DOUBTED_IDLE_NS = 60_000_000_000  # longer than the period of nearly all polling
_NEVER = cython.declare(cython.longlong, 0x7FFFFFFFFFFFFFFF)
_MODES = cython.declare(cython.int, len(Mode))
_KNOWN_TCP = cython.declare(cython.int, 4)
_KNOWN_UDP = cython.declare(cython.int, 8)
_TCP = cython.declare(cython.int, 6)
_UDP = cython.declare(cython.int, 17)
_SYN = cython.declare(cython.int, 0x02)
_ACK = cython.declare(cython.int, 0x10)
_FIRST_SENDER = cython.declare(cython.int, DirectionHow.FIRST_SENDER)
_BY_PORT = cython.declare(cython.int, DirectionHow.PORT)
_BY_HANDSHAKE = cython.declare(cython.int, DirectionHow.HANDSHAKE)


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _mixed(a: cython.longlong, b: cython.longlong, seed: cython.ulonglong) -> cython.ulonglong:
    """Hash of a key."""
    mixed: cython.ulonglong = ((cython.cast(cython.ulonglong, a) ^ seed) * _MIX_1) & _M64
    mixed = (mixed ^ (mixed >> 32) ^ cython.cast(cython.ulonglong, b)) & _M64
    mixed = ((mixed ^ (mixed >> 29)) * (_MIX_2 ^ (seed << 1))) & _M64
    return mixed ^ (mixed >> 32)


class FlowTable:
    """At most `limits.flows` live flows; a removed flow keeps its slot and row until `release`."""

    def __init__(self, limits: Limits, protocols: tuple[ProtocolSpec, ...], addresses: Addresses) -> None:
        self.addresses = addresses
        self.flows = Flows(1024)
        self.cap = max(1, limits.flows)
        self.idle_tcp = limits.flow_idle_tcp_ns
        self.idle_other = limits.flow_idle_udp_ns
        self.seed = int.from_bytes(os.urandom(8), "little") >> 1 | 1
        self.live = 0
        self.opened = 0
        self.used = 0
        self.free_count = 0
        self.low = self.tcp = self.udp = False
        self.a = 0
        self.b = 0
        self.newest = memoryview(np.full(LISTS, -1, np.int32))
        self.oldest = memoryview(np.full(LISTS, -1, np.int32))
        self.allowed = memoryview(np.array([to in MODES[mode] for mode in Mode for to in Mode], np.uint8))
        hints = np.zeros(65536, np.uint8)  # bit 0: a decoded protocol's TCP port, bit 1: UDP; bits 2 and 3: a known service's
        for transport, number in SERVICES:
            hints[number] |= _KNOWN_TCP if transport == 6 else _KNOWN_UDP
        for spec in protocols:
            for port in spec.ports:
                if 0 <= port.number <= 0xFFFF:
                    hints[port.number] |= 1 | _KNOWN_TCP if port.transport == 6 else 2 | _KNOWN_UDP
        self.hints = memoryview(hints)
        self.key_a = self.key_b = self.mac = self.start = self.octet = memoryview(np.zeros(0, np.int64))
        self.chain = self.newer = self.older = self.free = self.budget = memoryview(np.zeros(0, np.int32))
        self.state = memoryview(np.zeros(0, np.uint16))
        self.row_list = self.client_low = self.mode = memoryview(np.zeros(0, np.uint8))
        self.resize(self.flows.capacity)

    def resize(self, capacity: cython.Py_ssize_t) -> object:
        """Room for more slots, hashed anew."""
        def larger(old, size, dtype):  # type: ignore[no-untyped-def]
            new = np.zeros(size, dtype)
            new[:len(old)] = np.asarray(old)
            return memoryview(new)

        if capacity > self.flows.capacity:
            self.flows.grow(capacity)
        self.key_a = larger(self.key_a, capacity, np.int64)
        self.key_b = larger(self.key_b, capacity, np.int64)
        self.mac = larger(self.mac, 2 * capacity, np.int64)
        self.start = larger(self.start, 2 * capacity, np.int64)
        self.octet = larger(self.octet, 2 * capacity, np.int64)
        self.chain = larger(self.chain, capacity, np.int32)
        self.newer = larger(self.newer, capacity, np.int32)
        self.older = larger(self.older, capacity, np.int32)
        self.free = larger(self.free, capacity, np.int32)
        self.budget = larger(self.budget, capacity, np.int32)
        self.row_list = larger(self.row_list, capacity, np.uint8)
        self.client_low = larger(self.client_low, capacity, np.uint8)
        self.state = larger(self.state, capacity, np.uint16)
        self.mode = larger(self.mode, capacity, np.uint8)
        size = 1
        while size < 2 * capacity:
            size *= 2
        self.heads = memoryview(np.full(size, -1, np.int32))
        self.mask = size - 1
        slot: cython.int
        which: cython.Py_ssize_t
        at: cython.ulonglong
        for which in range(LISTS):
            slot = self.oldest[which]
            while slot >= 0:
                at = _mixed(self.key_a[slot], self.key_b[slot], self.seed) & self.mask
                self.chain[slot] = self.heads[at]
                self.heads[at] = slot
                slot = self.newer[slot]
        return None

    def find(self, packets, row):  # type: ignore[no-untyped-def]
        """Slot of the packet's flow, -1 if there is none yet. Leaves the key in a, b, in `low` whether the sender is its lower end, and in
        `tcp`, `udp` whether the packet is one of those, with its ports."""
        self.tcp = self.udp = False
        ip_protocol: cython.int = packets.ip_protocol[row]
        source: cython.longlong = packets.source[row]
        destination: cython.longlong = packets.destination[row]
        a: cython.longlong
        b: cython.longlong
        sender: cython.longlong
        receiver: cython.longlong
        if ip_protocol >= 0 and source >= 0 and destination >= 0:
            source_port: cython.longlong = 0
            destination_port: cython.longlong = 0
            if ip_protocol == _TCP or ip_protocol == _UDP or ip_protocol == 132:  # noqa: PLR1714, SIM109
                source_port = packets.source_port[row]
                destination_port = packets.destination_port[row]
                if destination_port >= 0:  # else a fragment, or cut before its ports: counted, no part of a stream
                    self.tcp = ip_protocol == _TCP
                    self.udp = ip_protocol == _UDP
                if source_port < 0 or destination_port < 0:  # the packet ends before its ports
                    source_port = destination_port = 0
            sender = source << 16 | source_port
            receiver = destination << 16 | destination_port
            self.low = sender <= receiver
            if not self.low:
                sender, receiver = receiver, sender
            a = sender >> 16 << 32 | receiver >> 16
            b = (sender & 0xFFFF) << 24 | (receiver & 0xFFFF) << 8 | (ip_protocol & 0xFF)
        else:
            kind: cython.longlong = (packets.ethertype[row] + 0x20000) & 0x3FFFF
            sender = packets.mac_source[row] & _MAC
            receiver = packets.mac_destination[row] & _MAC
            self.low = sender <= receiver
            if not self.low:
                sender, receiver = receiver, sender
            a = sender | (kind & 0x3FFF) << 48
            b = receiver | kind >> 14 << 48 | cython.cast(cython.longlong, packets.link_protocol[row]) << 52 | cython.cast(cython.longlong, 1) << 62
        self.a = a
        self.b = b
        slot: cython.int = self.heads[_mixed(a, b, self.seed) & self.mask]
        while slot >= 0:
            if self.key_a[slot] == a and self.key_b[slot] == b:
                return slot
            slot = self.chain[slot]
        return -1

    def open(self, packets, row):  # type: ignore[no-untyped-def]
        """A new flow for the key that `find` left, in the list it belongs to; the caller has made room below the cap."""
        slot: cython.int
        if self.free_count > 0:
            self.free_count -= 1
            slot = self.free[self.free_count]
        else:
            if self.used == self.key_a.shape[0]:
                self.resize(2 * self.used)
            slot = self.used
            self.used += 1
            self.flows.rows = self.used
        a: cython.longlong = self.a
        b: cython.longlong = self.b
        at: cython.ulonglong = _mixed(a, b, self.seed) & self.mask
        self.key_a[slot] = a
        self.key_b[slot] = b
        self.chain[slot] = self.heads[at]
        self.heads[at] = slot
        self.live += 1
        self.opened += 1
        ip_protocol: cython.int = packets.ip_protocol[row]
        link: cython.bint = b >> 62 != 0
        tcp: cython.bint = not link and ip_protocol == _TCP
        self.link(slot, _PLAIN if tcp else _OTHER)
        self.state[slot] = 0
        self.mode[slot] = 0
        self.budget[slot] = 0
        self.start[2 * slot] = -1
        self.start[2 * slot + 1] = -1
        self.octet[2 * slot] = self.octet[2 * slot + 1] = -1

        flows = self.flows
        source_port: cython.int = -1 if link else (b >> 24 if self.low else b >> 8) & 0xFFFF
        destination_port: cython.int = -1 if link else (b >> 8 if self.low else b >> 24) & 0xFFFF
        how: cython.int = _FIRST_SENDER
        backward: cython.bint = False  # the sender of this first packet is the server
        hint: cython.int
        if tcp and packets.tcp_flags[row] & _SYN:
            how = _BY_HANDSHAKE
            backward = packets.tcp_flags[row] & _ACK != 0
        elif not tcp and packets.mac_destination[row] >= 0 and packets.mac_destination[row] & _GROUP_MAC != 0:
            pass  # sent to everybody or to a group, which never asks, whatever the ports say
        elif tcp or (not link and ip_protocol == _UDP):
            hint = self.server_hint(ip_protocol, source_port, destination_port)
            if hint >= 0:
                how = _BY_PORT
                backward = hint == 0 and (tcp or not self.addresses.is_group(packets.destination[row]))
        self.client_low[slot] = self.low != backward
        client: cython.int = packets.source[row]
        server: cython.int = packets.destination[row]
        mac_client: cython.longlong = packets.mac_source[row]
        mac_server: cython.longlong = packets.mac_destination[row]
        if backward:
            client, server = server, client
            source_port, destination_port = destination_port, source_port
            mac_client, mac_server = mac_server, mac_client
        flows.number[slot] = self.opened
        flows.client[slot] = client
        flows.server[slot] = server
        flows.client_port[slot] = source_port
        flows.server_port[slot] = destination_port
        flows.ip_protocol[slot] = -1 if link else ip_protocol
        flows.ethertype[slot] = packets.ethertype[row]
        flows.mac_client[slot] = mac_client
        flows.mac_server[slot] = mac_server
        self.mac[2 * slot] = mac_client
        self.mac[2 * slot + 1] = mac_server
        flows.mac_changes[slot] = 0
        flows.vlan_outer[slot] = packets.vlan_outer[row]
        flows.vlan_inner[slot] = packets.vlan_inner[row]
        flows.tunnel[slot] = packets.tunnel[row]
        flows.tunnel_id[slot] = packets.tunnel_id[row]
        flows.first_ns[slot] = packets.timestamp_ns[row]
        flows.last_ns[slot] = packets.timestamp_ns[row]
        flows.first_frame[slot] = packets.frame[row]
        flows.last_frame[slot] = packets.frame[row]
        flows.packets_to_server[slot] = 0
        flows.packets_to_client[slot] = 0
        flows.bytes_to_server[slot] = 0
        flows.bytes_to_client[slot] = 0
        flows.payload_to_server[slot] = 0
        flows.payload_to_client[slot] = 0
        flows.answered_ns[slot] = -1
        flows.refused_ns[slot] = -1
        flows.data_to_server_ns[slot] = -1
        flows.data_to_client_ns[slot] = -1
        flows.tcp_flags_to_server[slot] = 0
        flows.tcp_flags_to_client[slot] = 0
        flows.direction_how[slot] = how
        flows.protocol[slot] = 0
        flows.protocol_how[slot] = 0
        flows.pdus[slot] = 0
        flows.violations[slot] = 0
        flows.gaps[slot] = 0
        flows.gap_bytes[slot] = 0
        flows.retransmissions[slot] = 0
        flows.conflicts[slot] = 0
        flows.skipped_bytes[slot] = 0
        flows.duplicates[slot] = 0
        return slot

    def server_hint(self, ip_protocol, source_port, destination_port):  # type: ignore[no-untyped-def]
        """By the ports: 1 the destination is the server, 0 the source is, -1 they do not tell."""
        bit: cython.int = 1 if ip_protocol == _TCP else 2
        source: cython.bint = self.hints[source_port] & bit != 0
        destination: cython.bint = self.hints[destination_port] & bit != 0
        if source == destination:
            bit = _KNOWN_TCP if ip_protocol == _TCP else _KNOWN_UDP
            source = self.hints[source_port] & bit != 0
            destination = self.hints[destination_port] & bit != 0
        if source == destination:
            source = source_port < 1024
            destination = destination_port < 1024
        if source == destination:
            source = source_port < destination_port
            destination = destination_port < source_port
        if source == destination:
            return -1
        return 1 if destination else 0

    def reverse(self, slot, how):  # type: ignore[no-untyped-def]
        """Client and server were mistaken for each other: swaps every column that tells them apart."""
        flows = self.flows
        self.client_low[slot] ^= 1
        flows.client[slot], flows.server[slot] = flows.server[slot], flows.client[slot]
        flows.client_port[slot], flows.server_port[slot] = flows.server_port[slot], flows.client_port[slot]
        flows.mac_client[slot], flows.mac_server[slot] = flows.mac_server[slot], flows.mac_client[slot]
        flows.packets_to_server[slot], flows.packets_to_client[slot] = flows.packets_to_client[slot], flows.packets_to_server[slot]
        flows.bytes_to_server[slot], flows.bytes_to_client[slot] = flows.bytes_to_client[slot], flows.bytes_to_server[slot]
        flows.payload_to_server[slot], flows.payload_to_client[slot] = flows.payload_to_client[slot], flows.payload_to_server[slot]
        flows.data_to_server_ns[slot], flows.data_to_client_ns[slot] = flows.data_to_client_ns[slot], flows.data_to_server_ns[slot]
        flows.tcp_flags_to_server[slot], flows.tcp_flags_to_client[slot] = flows.tcp_flags_to_client[slot], flows.tcp_flags_to_server[slot]
        self.start[2 * slot], self.start[2 * slot + 1] = self.start[2 * slot + 1], self.start[2 * slot]
        self.mac[2 * slot], self.mac[2 * slot + 1] = self.mac[2 * slot + 1], self.mac[2 * slot]
        flows.direction_how[slot] = how
        return 0

    def remove(self, slot):  # type: ignore[no-untyped-def]
        """Takes a flow out of hash and lists; its slot is not used again before `release`."""
        at: cython.ulonglong = _mixed(self.key_a[slot], self.key_b[slot], self.seed) & self.mask
        other: cython.int = self.heads[at]
        if other == slot:
            self.heads[at] = self.chain[slot]
        else:
            while self.chain[other] != slot:
                other = self.chain[other]
            self.chain[other] = self.chain[slot]
        self.unlink(slot)
        self.live -= 1
        return 0

    def release(self, slot):  # type: ignore[no-untyped-def]
        """The slot of a removed flow may be used again."""
        self.free[self.free_count] = slot
        self.free_count += 1
        return 0

    def unlink(self, slot):  # type: ignore[no-untyped-def]
        """Out of its list."""
        which: cython.int = self.row_list[slot]
        newer: cython.int = self.newer[slot]
        older: cython.int = self.older[slot]
        if newer >= 0:
            self.older[newer] = older
        else:
            self.newest[which] = older
        if older >= 0:
            self.newer[older] = newer
        else:
            self.oldest[which] = newer
        return 0

    def link(self, slot, to):  # type: ignore[no-untyped-def]
        """Into a list, as its newest."""
        head: cython.int = self.newest[to]
        self.row_list[slot] = to
        self.newer[slot] = -1
        self.older[slot] = head
        if head >= 0:
            self.newer[head] = slot
        else:
            self.oldest[to] = slot
        self.newest[to] = slot
        return 0

    def touch(self, slot):  # type: ignore[no-untyped-def]
        """The flow was just used."""
        which: cython.int = self.row_list[slot]
        head: cython.int = self.newest[which]
        if head == slot:
            return 0
        newer: cython.int = self.newer[slot]  # there is one, for it is not the newest
        older: cython.int = self.older[slot]
        self.older[newer] = older
        if older >= 0:
            self.newer[older] = newer
        else:
            self.oldest[which] = newer
        self.newer[slot] = -1
        self.older[slot] = head
        self.newer[head] = slot
        self.newest[which] = slot
        return 0

    def enter(self, slot, mode):  # type: ignore[no-untyped-def]
        """Another mode, as `states.MODES` allows it."""
        if not self.allowed[_MODES * self.mode[slot] + mode]:
            raise AssertionError(f"mode {mode} after {self.mode[slot]}")
        self.mode[slot] = mode
        return 0

    def move(self, slot, to):  # type: ignore[no-untyped-def]
        """Into another list."""
        if self.row_list[slot] != to:
            self.unlink(slot)
            self.link(slot, to)
        return 0

    def idle_longest(self):  # type: ignore[no-untyped-def]
        """The flow to give up for a new one: the longest idle of the first list that has one (see the order of the lists)."""
        victim: cython.int = self.oldest[FINISHED]
        if victim < 0:
            victim = self.oldest[DOUBTED]
        if victim >= 0:
            return victim
        other: cython.int = self.oldest[OTHER]
        victim = self.oldest[PLAIN]
        if victim < 0 or (other >= 0 and self.flows.last_ns[other] < self.flows.last_ns[victim]):
            victim = other
        if victim < 0:
            victim = self.oldest[CANDIDATE]
        return victim if victim >= 0 else self.oldest[ATTACHED]

    def due(self, now):  # type: ignore[no-untyped-def]
        """A flow that has been idle too long by `now`, -1 if there is none."""
        which: cython.Py_ssize_t
        slot: cython.int
        for which in range(LISTS):
            slot = self.oldest[which]
            if slot >= 0 and now - self.flows.last_ns[slot] >= self.idle_limit(which):
                return slot
        return -1

    def next_due(self):  # type: ignore[no-untyped-def]
        """The earliest time at which `due` can find something, as far as is known now."""
        which: cython.Py_ssize_t
        slot: cython.int
        soonest: cython.longlong = _NEVER
        for which in range(LISTS):
            slot = self.oldest[which]
            if slot >= 0 and self.flows.last_ns[slot] < soonest - self.idle_limit(which):
                soonest = self.flows.last_ns[slot] + self.idle_limit(which)
        return soonest

    def idle_limit(self, which):  # type: ignore[no-untyped-def]
        """How long a flow of a list may be idle, nanoseconds."""
        if which == FINISHED:
            return FINISHED_IDLE_NS
        if which == DOUBTED:
            return DOUBTED_IDLE_NS
        return self.idle_other if which == OTHER else self.idle_tcp
