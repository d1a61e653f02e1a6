# cython: boundscheck=True, wraparound=False, cdivision=True
"""The packet under decoding: where the next header is, how far bytes go, and how a header says what it found.

One Frame serves all packets in turn. A header function reads at `at`, fills columns of `packets`, and says in `next` what follows:
an EtherType (0..0xFFFF), IP + protocol number, ETHERNET, FRAGMENT, or DONE.
"""

from __future__ import annotations

import cython
import numpy as np

from otwatch.addresses import Addresses
from otwatch.decode.anomalies import NetworkAnomaly
from otwatch.decode.unread import Unread
from otwatch.tables import Anomalies, Packets
from otwatch.vocabulary import Layer, PacketFlag, Tunnel

DONE = -1
IP = 0x10000  # + IP protocol number
ETHERNET = 0x20000
FRAGMENT = 0x20001

_DONE = cython.declare(cython.int, DONE)
_NETWORK = cython.declare(cython.int, Layer.NETWORK)
_TOO_DEEP = cython.declare(cython.int, NetworkAnomaly.TUNNEL_TOO_DEEP)
_SNAPPED = cython.declare(cython.int, PacketFlag.SNAPPED)
_MALFORMED = cython.declare(cython.int, PacketFlag.MALFORMED)
_UNDECODED = cython.declare(cython.int, PacketFlag.UNDECODED)


class Frame:
    """`at` next header, `end` one past the bytes that are there, `wire_end` one past those that were on the wire (end <= wire_end).

    `side`: `data` is packets.side, else packets.data. `open_ended`: nobody knows where the packet ended on the wire. `compared`: it was
    looked up among the duplicates. `network_at`: its innermost IP header so far, -1 without one. `snap`, `ppp`: the protocol (with its OUI) that
    an undecoded SNAP or PPP header named. `datagram_at`: a UDP payload that was not unwrapped, else -1.
    """

    def __init__(self, addresses: Addresses, tunnel_depth: cython.int) -> None:
        self.addresses = addresses
        self.tunnel_depth = tunnel_depth
        self.counts: dict[tuple[int, int], int] = {}  # (layer, kind) -> anomalies
        self.tunnels = memoryview(np.zeros(len(Tunnel), np.int64))
        self.unread = memoryview(np.zeros(len(Unread), np.int64))  # packets by what is not read of them
        self.snap = self.ppp = self.datagram_at = -1
        self.ip_unread = memoryview(np.zeros(256, np.int64))  # packets by IP protocol that is not read
        self.data = memoryview(b"")
        self.side = False

    def begin(self, packets: Packets, anomalies: Anomalies) -> cython.int:
        """The packets of this table are next."""
        self.packets = packets
        self.anomalies = anomalies
        self.data = packets.data
        self.side = False
        return 0

    def open(self, row: cython.Py_ssize_t) -> cython.int:
        """Points at the first byte of a packet. Bytes that the table claims and its data does not have count as not captured."""
        packets = self.packets
        if self.side:
            self.data = packets.data
            self.side = False
        size: cython.Py_ssize_t = packets.data.shape[0]
        start: cython.Py_ssize_t = packets.at[row]
        length: cython.Py_ssize_t = packets.captured_length[row]
        wire: cython.Py_ssize_t = packets.wire_length[row]
        if start < 0 or start > size:
            start = size
        if length < 0:
            length = 0
        if wire < length:
            wire = length
        if length > size - start:
            length = size - start
        self.row = row
        self.start = start
        self.at = start
        self.end = start + length
        self.wire_end = start + wire
        self.flags = _SNAPPED if length < wire else 0
        self.depth = 0
        self.extensions = 0
        self.header_missing = False
        self.open_ended = False
        self.compared = False
        self.network_at = -1
        self.version = 0
        self.snap = -1
        self.ppp = -1
        self.datagram_at = -1
        self.outer_source = -1
        self.outer_destination = -1
        return 0

    def note(self, layer: cython.int, kind: cython.int, offset: cython.Py_ssize_t, needed: cython.longlong,
             had: cython.longlong) -> cython.int:
        """A row in anomalies. `offset` counts from the start of the header at fault; a tunnel's ends stand for addresses not known inside."""
        packets = self.packets
        table = self.anomalies
        row: cython.Py_ssize_t = table.new_row()
        table.packet[row] = self.row
        table.timestamp_ns[row] = packets.timestamp_ns[self.row]
        table.frame[row] = packets.frame[self.row]
        table.flow[row] = -1
        known: cython.bint = packets.source[self.row] >= 0
        table.source[row] = packets.source[self.row] if known else self.outer_source
        table.destination[row] = packets.destination[self.row] if known else self.outer_destination
        table.layer[row] = layer
        table.kind[row] = kind
        table.offset[row] = offset
        table.needed[row] = needed
        table.had[row] = had
        self.counts[layer, kind] = self.counts.get((layer, kind), 0) + 1
        return 0

    def fail(self, layer: cython.int, kind: cython.int, offset: cython.Py_ssize_t, needed: cython.longlong,
             had: cython.longlong) -> cython.int:
        """The header at `at` is wrong: nothing after it is decoded."""
        self.note(layer, kind, offset, needed, had)
        self.flags |= _MALFORMED
        self.next = _DONE
        return 0

    def lacks(self, layer: cython.int, kind: cython.int, start: cython.Py_ssize_t, needed: cython.Py_ssize_t) -> cython.int:
        """The header at `start` needs more bytes than are there: not captured, or malformed when the wire did not have them either."""
        if start + needed > self.wire_end:
            return self.fail(layer, kind, self.end - start, needed, self.end - start)
        self.header_missing = True
        self.next = _DONE
        return 0

    def bound(self, end: cython.Py_ssize_t) -> cython.int:
        """A length field ends the packet here; what follows is padding, checksum or trailer."""
        self.wire_end = end
        self.open_ended = False
        if self.end > end:
            self.end = end
        return 0

    def payload(self, at: cython.Py_ssize_t) -> cython.int:
        """Everything from `at` on is payload."""
        packets = self.packets
        packets.payload_at[self.row] = at
        packets.payload_length[self.row] = self.end - at
        packets.payload_missing[self.row] = 0 if self.open_ended else self.wire_end - self.end
        self.next = _DONE
        return 0

    def undecoded(self, ethertype: cython.int) -> cython.int:
        """What is at `at` is of a type that nobody here decodes: it becomes payload."""
        self.packets.ethertype[self.row] = ethertype
        self.flags |= _UNDECODED
        return self.payload(self.at)

    def carries_ethernet(self, at: cython.Py_ssize_t) -> cython.bint:
        """Whether an Ethernet header at `at` would name a usual EtherType."""
        if at < 0 or self.end - at < 14:
            return False
        kind: cython.int = self.data[at + 12] << 8 | self.data[at + 13]
        return (kind in {2048, 34525, 2054, 33024, 34984, 34887, 34916, 34962, 35000, 35020, 35110, 35135, 35081, 35045, 35047, 35151, 8947, 35075})

    def carries_ip(self, at: cython.Py_ssize_t, exact: cython.bint) -> cython.int:
        """The EtherType of an IP packet that may stand at `at` up to the end (`exact`) or before it; 0 if none does."""
        total: cython.Py_ssize_t
        if at < 0 or self.end - at < 20:
            return 0
        first: cython.int = self.data[at]
        if first >> 4 == 4 and first & 15 >= 5:
            total = self.data[at + 2] << 8 | self.data[at + 3]
            if total >= (first & 15) * 4 and (at + total == self.wire_end or (not exact and at + total < self.wire_end)):
                return 0x0800
        elif first >> 4 == 6 and self.end - at >= 40:
            total = 40 + (self.data[at + 4] << 8 | self.data[at + 5])
            if at + total == self.wire_end or (not exact and at + total < self.wire_end):
                return 0x86DD
        return 0

    def unwrap(self, tunnel: cython.int, tunnel_id: cython.longlong) -> cython.int:
        """One layer of encapsulation less: 1, and the columns of the layers inside are empty again; 0 when it is one too many."""
        packets = self.packets
        row: cython.Py_ssize_t = self.row
        if self.depth >= self.tunnel_depth:
            self.fail(_NETWORK, _TOO_DEEP, 0, self.depth + 1, self.tunnel_depth)
            return 0
        self.depth += 1
        self.extensions = 0
        self.tunnels[tunnel] += 1
        if packets.tunnel[row] == 0:
            packets.tunnel[row] = tunnel
            packets.tunnel_id[row] = tunnel_id
        self.network_at = -1
        if packets.source[row] >= 0:
            self.outer_source = packets.source[row]
            self.outer_destination = packets.destination[row]
        packets.ethertype[row] = -1
        packets.source[row] = -1
        packets.destination[row] = -1
        packets.ip_protocol[row] = -1
        packets.ttl[row] = -1
        packets.source_port[row] = -1
        packets.destination_port[row] = -1
        packets.payload_at[row] = 0
        packets.payload_length[row] = 0
        packets.payload_missing[row] = 0
        return 1
