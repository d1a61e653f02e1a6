# cython: boundscheck=True, wraparound=False, cdivision=True
"""Packets as captured -> the columns that decode fills: addresses, ports, flags, payload, through tags, tunnels and fragments.

One pass, one packet at a time: a header function says what follows it, this loop calls the next. Knows no application protocol.
What nearly all packets of a plant are (Ethernet, at most one tag, IPv4, TCP, nothing odd) takes a short way with the same outcome.
"""

from __future__ import annotations

import secrets

import cython
import numpy as np

from otwatch.addresses import Addresses
from otwatch.decode.anomalies import ANOMALIES
from otwatch.decode.duplicates import Duplicates
from otwatch.decode.fragments import NEVER, Datagram, Fragments
from otwatch.decode.frame import DONE, ETHERNET, FRAGMENT, IP, Frame
from otwatch.decode.links import Links
from otwatch.decode.recognise import Recognised
from otwatch.decode.unread import ETHERTYPES, IP_PROTOCOLS, Unread, control
from otwatch.limits import Limits
from otwatch.protocols.spec import ProtocolSpec
from otwatch.schemas import PACKETS
from otwatch.tables import Anomalies, Packets
from otwatch.vocabulary import Layer, PacketFlag, Tunnel

if not cython.compiled:  # compiled, decoder.pxd names them as C functions
    from otwatch.decode.bridged import etherip, fabricpath, nsh, pbb, trill
    from otwatch.decode.link import ethernet, link, tagged
    from otwatch.decode.network import arp, extension, ipv4, ipv6
    from otwatch.decode.overlays import l2tpv3
    from otwatch.decode.recognise import ip_inside
    from otwatch.decode.transport import icmp, tcp, udp
    from otwatch.decode.tunnels import gre, ip_in_ip, mpls, pppoe

_FIRST, _LAST = "mac_source", "flags"
_NAMES = [column.name for column in PACKETS.columns]
COLUMNS = PACKETS.columns[_NAMES.index(_FIRST):_NAMES.index(_LAST) + 1]  # the columns that decode fills
_SET_BY_SHORT_WAY = {"mac_source", "mac_destination", "ethertype", "source", "destination", "ip_protocol", "ttl", "source_port", "destination_port",
                     "tcp_flags", "tcp_sequence", "tcp_acknowledgement", "payload_at", "payload_length"}
_FILLED = tuple((column.name, column.default) for column in COLUMNS if column.name not in _SET_BY_SHORT_WAY)
_KINDS = 256  # different numbers of one field that are counted apart
_OTHERS = 1 << 62
_PAIRS = 4096  # recent pairs of addresses

_LOW64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
_MAPPED = cython.declare(cython.ulonglong, 0xFFFF_0000_0000)  # IPv4 mapped into IPv6

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
_OTHER_READING = cython.declare(cython.int, PacketFlag.OTHER_READING)
_ETHERIP = cython.declare(cython.int, Tunnel.ETHERIP)
_IP_IN_CONTROL = cython.declare(cython.int, Unread.IP_IN_CONTROL)
_IS_FRAGMENT = cython.declare(cython.int, PacketFlag.FRAGMENT)


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
@cython.boundscheck(False)
def _u16(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.int:
    """Two bytes at `at`; here and below the caller has made sure that they are there."""
    return data[at] << 8 | data[at + 1]


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
@cython.boundscheck(False)
def _u32(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.ulonglong:
    value: cython.ulonglong = data[at]
    return value << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]


def _add(counts: dict[int, int], number: int) -> None:
    """One more of a number from the wire; those beyond the limit count together."""
    if number not in counts and len(counts) >= _KINDS:
        number = _OTHERS
    counts[number] = counts.get(number, 0) + 1


class Decoder:
    """Keeps fragments and recent fingerprints from batch to batch; how the packets are cut into batches changes nothing.

    `readings` is of the last feed: datagrams whose fragments contradict each other once more, as they may be read, too. A row there has the
    frame number of the packet that it goes with, no length on the wire, and its payload in that packet's table (`side`).
    """

    def __init__(self, addresses: Addresses, limits: Limits, protocols: tuple[ProtocolSpec, ...] = ()) -> None:
        self.limits = limits
        self.links = Links(protocols)
        self.frame = Frame(addresses, limits.tunnel_depth)
        self.recognised = Recognised(limits.tunnel_flows)
        self.recent = Duplicates(limits.duplicate_window_ns, limits.duplicate_ring)
        self.fragments = Fragments(limits)
        self.fragments_due_ns = NEVER
        self.readings = Packets(1)
        self.unread = []  # (row in readings, payload, protocol, IP version, depth, outer addresses): readings to decode yet
        self.pairs = memoryview(np.zeros(_PAIRS, np.uint64))
        self.factor = secrets.randbits(64) | 1  # addresses are the sender's choice, their places among the pairs are not
        self.pair_source = memoryview(np.zeros(_PAIRS, np.int32))
        self.pair_destination = memoryview(np.zeros(_PAIRS, np.int32))
        self.decoded = 0
        self.undecoded = 0
        self.malformed = 0
        self.header_missing = 0
        self.snapped = 0
        self.duplicates = 0
        self.fragments_seen = 0
        self.reassembled = 0
        self.undecoded_ethertypes = memoryview(np.zeros(0x10000, np.int64))
        self.control_ethertypes = control(ETHERTYPES, 0x10000)
        self.control_protocols = control(IP_PROTOCOLS, 0x100)
        self.undecoded_links: dict[int, int] = {}  # by link type
        self.undecoded_llc: dict[int, int] = {}  # by both service access points
        self.undecoded_snap: dict[int, int] = {}  # by OUI and protocol
        self.undecoded_ppp: dict[int, int] = {}  # by protocol

    def feed(self, packets: Packets, anomalies: Anomalies) -> None:
        """Fills the columns of every row in place and appends to `anomalies`. Never raises on any bytes."""
        for name, default in _FILLED:
            packets.array(name).fill(default)
        frame = self.frame
        frame.begin(packets, anomalies)
        self.readings.clear()
        self.readings.side = packets.side
        row: cython.Py_ssize_t
        at: cython.Py_ssize_t
        start: cython.Py_ssize_t
        end: cython.Py_ssize_t
        total: cython.int
        header: cython.int
        flags: cython.int
        kind: cython.int
        data = packets.data
        size: cython.Py_ssize_t = data.shape[0]
        timestamp_ns = packets.timestamp_ns
        link_type = packets.link_type
        ats = packets.at
        captured = packets.captured_length
        wire = packets.wire_length
        stripped = packets.vlan_stripped
        mac_source = packets.mac_source
        mac_destination = packets.mac_destination
        ethertype = packets.ethertype
        ip_protocol = packets.ip_protocol
        ttl = packets.ttl
        source_port = packets.source_port
        destination_port = packets.destination_port
        tcp_flags = packets.tcp_flags
        tcp_sequence = packets.tcp_sequence
        tcp_acknowledgement = packets.tcp_acknowledgement
        payload_at = packets.payload_at
        payload_length = packets.payload_length
        for row in range(packets.rows):
            if timestamp_ns[row] >= self.fragments_due_ns:
                frame.open(row)
                self.give_up_fragments(timestamp_ns[row])
            start = ats[row]
            end = captured[row]
            at = start + 14
            if link_type[row] == 1 and end >= 54 and start >= 0 and start <= size - end and wire[row] <= end and stripped[row] < 0:
                end += start
                kind = _u16(data, start + 12)
                if kind == 0x8100:
                    kind = _u16(data, at + 2)
                    at += 4
                total = _u16(data, at + 2)
                header = 0
                if kind == 0x0800 and data[at] == 0x45 and data[at + 9] == 6 and _u16(data, at + 6) & 0x3FFF == 0 and 40 <= total <= end - at:
                    flags = _u16(data, at + 32)
                    header = (flags >> 12) * 4
                if 20 <= header <= total - 20:
                    if at > start + 14:
                        packets.vlan_outer[row] = _u16(data, at - 4) & 0xFFF
                        packets.vlan_count[row] = 1
                    mac_destination[row] = _u32(data, start) << 16 | _u16(data, start + 4)
                    mac_source[row] = _u32(data, start + 6) << 16 | _u16(data, start + 10)
                    ethertype[row] = 0x0800
                    self.pair(packets, row, _u32(data, at + 12), _u32(data, at + 16))
                    ttl[row] = data[at + 8]
                    ip_protocol[row] = 6
                    source_port[row] = _u16(data, at + 20)
                    destination_port[row] = _u16(data, at + 22)
                    tcp_sequence[row] = _u32(data, at + 24)
                    tcp_flags[row] = flags & 0x1FF
                    tcp_acknowledgement[row] = _u32(data, at + 28) if flags & 0x10 else -1
                    payload_at[row] = at + 20 + header
                    payload_length[row] = total - 20 - header
                    if self.recent.plain(packets, row, at, at + total):
                        packets.flags[row] = _DUPLICATE
                        self.duplicates += 1
                    self.decoded += 1
                    continue
            self.any(packets, row)

    def forget_pairs(self) -> None:
        """Ids of addresses were forgotten: none is remembered here."""
        np.asarray(self.pair_source)[:] = 0

    def pair(self, packets: Packets, row: cython.Py_ssize_t, source: cython.ulonglong, destination: cython.ulonglong) -> cython.int:
        """The ids of two IPv4 addresses, from among the recent pairs where they are there."""
        key: cython.ulonglong = source << 32 | destination
        at: cython.ulonglong = ((key * self.factor) & _LOW64) >> 52
        if self.pairs[at] != key or self.pair_source[at] <= 0:
            addresses = self.frame.addresses
            packets.source[row] = addresses.intern(0, _MAPPED | source)
            packets.destination[row] = addresses.intern(0, _MAPPED | destination)
            if packets.source[row] > 0 and packets.destination[row] > 0:  # what is refused is to be counted each time
                self.pairs[at] = key
                self.pair_source[at] = packets.source[row]
                self.pair_destination[at] = packets.destination[row]
            return 0
        packets.source[row] = self.pair_source[at]
        packets.destination[row] = self.pair_destination[at]
        return 0

    def any(self, packets: Packets, row: cython.Py_ssize_t) -> cython.int:
        """A packet of any kind, header by header."""
        frame = self.frame
        packets.mac_source[row] = -1
        packets.mac_destination[row] = -1
        packets.ethertype[row] = -1
        packets.source[row] = -1
        packets.destination[row] = -1
        packets.ip_protocol[row] = -1
        packets.ttl[row] = -1
        packets.source_port[row] = -1
        packets.destination_port[row] = -1
        packets.tcp_flags[row] = 0
        packets.tcp_sequence[row] = -1
        packets.tcp_acknowledgement[row] = -1
        packets.payload_at[row] = 0
        packets.payload_length[row] = 0
        frame.open(row)
        link(frame, packets.link_type[row])
        while frame.next != _DONE:
            self.one()
        if (not frame.compared and frame.end > frame.start and (frame.network_at >= 0 or packets.ethertype[row] != -1)
                and self.recent.seen(frame)):
            frame.flags |= _DUPLICATE
        if frame.flags & _UNDECODED:
            self.take(packets, row)
        packets.flags[row] = frame.flags
        self.count(packets.link_type[row], packets.ethertype[row])
        if self.unread:
            self.read_again(packets, row)
        return 0

    def take(self, packets: Packets, row: cython.Py_ssize_t) -> cython.int:
        """A frame that is of no type decoded here, to the protocol that takes it whole, if one does."""
        frame = self.frame
        at: cython.Py_ssize_t = packets.payload_at[row]
        packets.link_protocol[row] = self.links.taker(packets.ethertype[row], frame.snap, frame.data, at, at + packets.payload_length[row])
        if packets.link_protocol[row] != 0:
            frame.flags &= ~_UNDECODED
        return 0

    def one(self) -> cython.int:
        """Decodes the header that comes next."""
        frame = self.frame
        kind: cython.int = frame.next
        if kind == 0x0800:
            return ipv4(frame)
        if kind == _IP + 6:
            return tcp(frame)
        if kind == _IP + 17:
            udp(frame)
            if frame.datagram_at >= 0:
                self.recognised.datagram(frame, frame.datagram_at, frame.packets.source_port[frame.row], frame.packets.destination_port[frame.row])
                frame.datagram_at = -1
            return 0
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
            if kind in {33024, 34984, 37120, 37376, 37632, 35119, 61889, 35110, 35135, 35081, 35045}:
                return tagged(frame, frame.packets.vlan_count[frame.row])
            if kind == 0x88E7:
                return pbb(frame)
            if kind == 0x894F:
                return nsh(frame)
            if kind == 0x22F3:
                return trill(frame)
            if kind == 0x8903:
                return fabricpath(frame)
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
        if kind == 97:
            return etherip(frame)
        if kind == 115:
            return l2tpv3(frame)
        if kind == 94:
            return ip_in_ip(frame, 0x0800)
        if kind == 143:
            if frame.unwrap(_ETHERIP, -1):
                frame.next = _ETHERNET
            return 0
        if self.control_protocols[kind & 0xFF] and ip_inside(frame, frame.at):
            frame.unread[_IP_IN_CONTROL] += 1
        else:
            frame.ip_unread[kind & 0xFF] += 1
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
                            frame.fragment_protocol, bytes(addresses))
        fragments = self.fragments
        whole = fragments.add(key, datagram, frame.fragment_offset, frame.fragment_more, bytes(frame.data[frame.at:frame.end]),
                              frame.wire_end - frame.at)
        for kind, needed, had in fragments.problems:
            frame.note(_NETWORK, kind, frame.at - at, needed, had)
        self.report_forgotten(packets.timestamp_ns[row])
        for protocol, reading in fragments.others:
            self.note_reading(packets, row, reading, protocol)
        if whole is None:
            return 0
        self.reassembled += 1
        frame.flags = frame.flags & ~_IS_FRAGMENT | _REASSEMBLED
        self.enter(whole, datagram.protocol)
        return 0

    def note_reading(self, packets: Packets, row: cython.Py_ssize_t, payload: bytes, protocol: cython.int) -> None:
        """A datagram to be decoded when the packet that it goes with is: all that lies around its payload is as there."""
        frame = self.frame
        readings = self.readings
        new: cython.Py_ssize_t = readings.new_row()
        for column in PACKETS.columns:
            getattr(readings, column.name)[new] = getattr(packets, column.name)[row]
        readings.wire_length[new] = 0
        self.unread.append((new, payload, protocol, frame.version, frame.depth, frame.outer_source, frame.outer_destination))

    def read_again(self, packets: Packets, row: cython.Py_ssize_t) -> None:
        """Decodes the further readings that came with a packet; what is wrong in them is told of the packet."""
        frame = self.frame
        readings = self.readings
        anomalies = frame.anomalies
        before: cython.Py_ssize_t = anomalies.rows
        frame.packets = readings
        while self.unread:
            new, payload, protocol, frame.version, frame.depth, frame.outer_source, frame.outer_destination = self.unread.pop(0)
            frame.row = new
            frame.flags = _REASSEMBLED | _OTHER_READING
            frame.extensions = 0
            frame.open_ended = False
            self.enter(payload, protocol)
            while frame.next != _DONE:
                self.one()
            readings.flags[frame.row] = frame.flags
        frame.packets = packets
        frame.row = row
        told: cython.Py_ssize_t
        for told in range(before, anomalies.rows):
            if anomalies.packet[told] >= 0:
                anomalies.packet[told] = row

    def enter(self, payload: bytes, protocol: cython.int) -> None:
        """What comes next is a datagram's payload, in packets.side."""
        frame = self.frame
        packets = frame.packets
        frame.at = packets.side.append(payload, 0, len(payload))
        frame.end = frame.wire_end = frame.at + len(payload)
        frame.data = packets.side.data
        frame.side = True
        frame.network_at = frame.at
        frame.next = _IP + protocol
        packets.ip_protocol[frame.row] = protocol

    def give_up_fragments(self, now_ns: int) -> None:
        """Reports the datagrams whose fragments did not come in time."""
        self.fragments.expire(now_ns)
        self.report_forgotten(now_ns)

    def finish(self, now_ns: int, anomalies: Anomalies) -> None:
        """The capture is over: datagrams of which fragments are missing are reported."""
        self.frame.anomalies = anomalies
        self.fragments.finish()
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
            if (ethertype < -1 or (ethertype >= 0 and self.control_ethertypes[ethertype])) and ip_inside(
                    self.frame, self.frame.packets.payload_at[self.frame.row]):
                self.frame.unread[_IP_IN_CONTROL] += 1
            elif self.frame.ppp >= 0 and ethertype == 0x880B:
                _add(self.undecoded_ppp, self.frame.ppp)
            elif ethertype >= 0:
                self.undecoded_ethertypes[ethertype] += 1
            elif ethertype < -1 and self.frame.snap >= 0:
                _add(self.undecoded_snap, self.frame.snap)
            elif ethertype < -1:
                _add(self.undecoded_llc, -ethertype - 2)
            else:
                _add(self.undecoded_links, link_type)
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
            "fragment_readings": self.fragments.unread,
        }
        for where, counts, digits in (("llc", self.undecoded_llc, 4), ("snap", self.undecoded_snap, 10), ("ppp", self.undecoded_ppp, 4),
                                      ("link_type", self.undecoded_links, 0)):
            for number, count in sorted(counts.items()):
                name = "others" if number == _OTHERS else f"{number:#0{digits + 2}x}" if digits else str(number)
                counters[f"undecoded.{where}.{name}"] = count
        seen = np.asarray(self.undecoded_ethertypes)
        for ethertype in np.flatnonzero(seen):
            counters[f"undecoded.ethertype.0x{int(ethertype):04x}"] = int(seen[ethertype])
        for protocol in np.flatnonzero(np.asarray(self.frame.ip_unread)):
            counters[f"not_read.ip_protocol.{int(protocol)}"] = int(self.frame.ip_unread[protocol])
        for unread in Unread:
            if self.frame.unread[unread]:
                counters[f"not_read.{unread.name.lower()}"] = int(self.frame.unread[unread])
        names = {(layer, kind.code): f"anomaly.{layer.name.lower()}.{kind.name}" for layer, kinds in ANOMALIES.items() for kind in kinds}
        for key, count in sorted(self.frame.counts.items()):
            counters[names[Layer(key[0]), key[1]]] = count
        for tunnel in Tunnel:
            if self.frame.tunnels[tunnel]:
                counters[f"tunnel.{tunnel.name.lower()}"] = int(self.frame.tunnels[tunnel])
        return counters
