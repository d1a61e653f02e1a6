# cython: boundscheck=True, wraparound=False, cdivision=True
"""Packets as captured -> the columns that decode fills: addresses, ports, flags, payload, through tags, tunnels and fragments.

One pass, one packet at a time: a header function says what follows it, this loop calls the next. Knows no application protocol.
"""

from __future__ import annotations

import cython
import numpy as np

from otwatch.addresses import Addresses
from otwatch.decode.anomalies import ANOMALIES
from otwatch.decode.duplicates import Duplicates
from otwatch.decode.fragments import NEVER, Datagram, Fragments
from otwatch.decode.frame import DONE, ETHERNET, FRAGMENT, IP, Frame
from otwatch.limits import Limits
from otwatch.schemas import PACKETS
from otwatch.tables import Anomalies, Packets
from otwatch.vocabulary import Layer, PacketFlag, Tunnel

if not cython.compiled:  # compiled, decoder.pxd names them as C functions
    from otwatch.decode.link import ethernet, link
    from otwatch.decode.network import arp, extension, ipv4, ipv6
    from otwatch.decode.transport import icmp, tcp, udp
    from otwatch.decode.tunnels import gre, ip_in_ip, mpls, pppoe

_FIRST, _LAST = "mac_source", "flags"
_NAMES = [column.name for column in PACKETS.columns]
COLUMNS = PACKETS.columns[_NAMES.index(_FIRST):_NAMES.index(_LAST) + 1]  # the columns that decode fills

_DONE = cython.declare(cython.int, DONE)
_IP = cython.declare(cython.int, IP)
_ETHERNET = cython.declare(cython.int, ETHERNET)
_FRAGMENT = cython.declare(cython.int, FRAGMENT)
_NETWORK = cython.declare(cython.int, Layer.NETWORK)
_MALFORMED = cython.declare(cython.int, PacketFlag.MALFORMED)
_UNDECODED = cython.declare(cython.int, PacketFlag.UNDECODED)
_SNAPPED = cython.declare(cython.int, PacketFlag.SNAPPED)
_DUPLICATE = cython.declare(cython.int, PacketFlag.DUPLICATE)
_REASSEMBLED = cython.declare(cython.int, PacketFlag.REASSEMBLED)
_IS_FRAGMENT = cython.declare(cython.int, PacketFlag.FRAGMENT)


class Decoder:
    """Keeps fragments and recent fingerprints from batch to batch; how the packets are cut into batches changes nothing."""

    def __init__(self, addresses: Addresses, limits: Limits) -> None:
        self.limits = limits
        self.frame = Frame(addresses, limits.tunnel_depth)
        self.recent = Duplicates(limits.duplicate_window_ns, limits.duplicate_ring)
        self.fragments = Fragments(limits)
        self.fragments_due_ns = NEVER
        self.decoded = 0
        self.undecoded = 0
        self.malformed = 0
        self.header_missing = 0
        self.snapped = 0
        self.duplicates = 0
        self.fragments_seen = 0
        self.reassembled = 0
        self.undecoded_ethertypes = memoryview(np.zeros(0x10000, np.int64))
        self.undecoded_links: dict[int, int] = {}  # by link type
        self.undecoded_llc = 0

    def feed(self, packets: Packets, anomalies: Anomalies) -> None:
        """Fills the columns of every row in place and appends to `anomalies`. Never raises on any bytes."""
        for column in COLUMNS:
            packets.array(column.name).fill(column.default)
        frame = self.frame
        frame.begin(packets, anomalies)
        row: cython.Py_ssize_t
        for row in range(packets.rows):
            frame.open(row)
            if packets.timestamp_ns[row] >= self.fragments_due_ns:
                self.give_up_fragments(packets.timestamp_ns[row])
            link(frame, packets.link_type[row])
            while frame.next != _DONE:
                self.one()
            if (not frame.compared and frame.end > frame.start and (frame.network_at >= 0 or packets.ethertype[row] != -1)
                    and self.recent.seen(frame)):
                frame.flags |= _DUPLICATE
            packets.flags[row] = frame.flags
            self.count(packets.link_type[row], packets.ethertype[row])

    def one(self) -> cython.int:
        """Decodes the header that comes next."""
        frame = self.frame
        kind: cython.int = frame.next
        if kind == 0x0800:
            return ipv4(frame)
        if kind == _IP + 6:
            return tcp(frame)
        if kind == _IP + 17:
            return udp(frame)
        if kind == 0x86DD:
            return ipv6(frame)
        if kind in {2054, 32821}:
            return arp(frame)
        if kind == _IP + 1 or kind == _IP + 58:
            return icmp(frame)
        if kind == _ETHERNET:
            return ethernet(frame)
        if kind == _FRAGMENT:
            return self.fragment()
        if kind in {34887, 34888}:
            return mpls(frame)
        if kind == 0x8864:
            return pppoe(frame)
        if kind < _IP:
            return frame.undecoded(kind)
        kind -= _IP
        if kind == 51 or (frame.version == 6 and (kind in {0, 43, 44, 60, 135, 139, 140})):
            return extension(frame, kind)
        if kind == 47:
            return gre(frame)
        if kind == 4:
            return ip_in_ip(frame, 0x0800)
        if kind == 41:
            return ip_in_ip(frame, 0x86DD)
        if kind == 137:
            return mpls(frame)
        return frame.payload(frame.at)

    def fragment(self) -> cython.int:
        """Hands a fragment in; with the one that completes a datagram, decoding goes on in the datagram's payload, in packets.side."""
        frame = self.frame
        packets = frame.packets
        row: cython.Py_ssize_t = frame.row
        self.fragments_seen += 1
        frame.flags |= _IS_FRAGMENT
        frame.payload(frame.at)
        if not frame.compared:
            frame.compared = True
            if self.recent.seen(frame):
                frame.flags |= _DUPLICATE
                return 0
        at: cython.Py_ssize_t = frame.network_at
        addresses = frame.data[at + 12:at + 20] if frame.version == 4 else frame.data[at + 8:at + 40]
        key = (frame.version, bytes(addresses), frame.fragment_protocol if frame.version == 4 else -1, frame.fragment_id,
               packets.tunnel[row], packets.tunnel_id[row])
        datagram = Datagram(packets.timestamp_ns[row], packets.frame[row], packets.source[row], packets.destination[row],
                            frame.fragment_protocol)
        fragments = self.fragments
        whole = fragments.add(key, datagram, frame.fragment_offset, frame.fragment_more, bytes(frame.data[frame.at:frame.end]),
                              frame.wire_end - frame.at)
        for kind, needed, had in fragments.problems:
            frame.note(_NETWORK, kind, frame.at - at, needed, had)
        self.report_forgotten(packets.timestamp_ns[row])
        if whole is None:
            return 0
        self.reassembled += 1
        frame.flags = frame.flags & ~_IS_FRAGMENT | _REASSEMBLED
        frame.at = packets.side.append(whole, 0, len(whole))
        frame.end = frame.wire_end = frame.at + len(whole)
        frame.data = packets.side.data
        frame.side = True
        frame.network_at = frame.at
        frame.next = _IP + datagram.protocol
        packets.ip_protocol[row] = datagram.protocol
        return 0

    def give_up_fragments(self, now_ns: int) -> None:
        """Reports the datagrams whose fragments did not come in time."""
        self.fragments.expire(now_ns)
        self.report_forgotten(now_ns)

    def report_forgotten(self, now_ns: int) -> None:
        """A row in anomalies, of no packet, for each datagram given up; its frame is that of the first fragment."""
        fragments = self.fragments
        frame = self.frame
        table = frame.anomalies
        self.fragments_due_ns = fragments.due_ns
        for kind, datagram in fragments.forgotten:
            frame.note(_NETWORK, kind, -1, datagram.total, datagram.held)
            row: cython.Py_ssize_t = table.rows - 1
            table.packet[row] = -1
            table.timestamp_ns[row] = now_ns
            table.frame[row] = datagram.frame
            table.source[row] = datagram.source
            table.destination[row] = datagram.destination
        fragments.forgotten.clear()

    def count(self, link_type: cython.int, ethertype: cython.int) -> cython.int:
        """Every packet counts in exactly one of decoded, undecoded, malformed, header_not_captured."""
        flags: cython.int = self.frame.flags
        if flags == 0:
            self.decoded += 1
            return 0
        if flags & _DUPLICATE:
            self.duplicates += 1
        if flags & _SNAPPED:
            self.snapped += 1
        if flags & _MALFORMED:
            self.malformed += 1
        elif flags & _UNDECODED:
            self.undecoded += 1
            if ethertype >= 0:
                self.undecoded_ethertypes[ethertype] += 1
            elif ethertype < -1:
                self.undecoded_llc += 1
            else:
                self.undecoded_links[link_type] = self.undecoded_links.get(link_type, 0) + 1
        elif self.frame.header_missing:
            self.header_missing += 1
        else:
            self.decoded += 1
        return 0

    @property
    def counters(self) -> dict[str, int]:
        """What happened since the start, by name. captured = decoded + undecoded + malformed + header_not_captured."""
        counters = {
            "captured": self.decoded + self.undecoded + self.malformed + self.header_missing,
            "decoded": self.decoded,
            "undecoded": self.undecoded,
            "malformed": self.malformed,
            "header_not_captured": self.header_missing,
            "snapped": self.snapped,
            "duplicates": self.duplicates,
            "fragments": self.fragments_seen,
            "fragments_repeated": self.fragments.repeated,
            "reassembled": self.reassembled,
        }
        for link_type, count in sorted(self.undecoded_links.items()):
            counters[f"undecoded.link_type.{link_type}"] = count
        if self.undecoded_llc:
            counters["undecoded.llc"] = self.undecoded_llc
        seen = np.asarray(self.undecoded_ethertypes)
        for ethertype in np.flatnonzero(seen):
            counters[f"undecoded.ethertype.0x{int(ethertype):04x}"] = int(seen[ethertype])
        names = {(layer, kind.code): f"anomaly.{layer.name.lower()}.{kind.name}" for layer, kinds in ANOMALIES.items() for kind in kinds}
        for key, count in sorted(self.frame.counts.items()):
            counters[names[Layer(key[0]), key[1]]] = count
        for tunnel in Tunnel:
            if self.frame.tunnels[tunnel]:
                counters[f"tunnel.{tunnel.name.lower()}"] = int(self.frame.tunnels[tunnel])
        return counters
