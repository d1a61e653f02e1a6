# cython: boundscheck=True, wraparound=False, cdivision=True
"""Packets as captured -> the columns that decode fills: addresses, ports, flags, payload, through tags, tunnels and fragments.

One pass, one packet at a time: a header function says what follows it, this loop calls the next. Knows no application protocol.
"""

from __future__ import annotations

import cython
import numpy as np

from otwatch.addresses import Addresses
from otwatch.decode.anomalies import ANOMALIES
from otwatch.decode.frame import DONE, ETHERNET, FRAGMENT, IP, Frame
from otwatch.limits import Limits
from otwatch.schemas import PACKETS
from otwatch.tables import Anomalies, Packets
from otwatch.vocabulary import Layer, PacketFlag, Tunnel

if not cython.compiled:  # compiled, decoder.pxd names them as C functions
    from otwatch.decode.link import ethernet, link, ppp
    from otwatch.decode.network import arp, extension, ipv4, ipv6
    from otwatch.decode.transport import icmp, tcp, udp

_FIRST, _LAST = "mac_source", "flags"
_NAMES = [column.name for column in PACKETS.columns]
COLUMNS = PACKETS.columns[_NAMES.index(_FIRST):_NAMES.index(_LAST) + 1]  # the columns that decode fills

_DONE = cython.declare(cython.int, DONE)
_IP = cython.declare(cython.int, IP)
_ETHERNET = cython.declare(cython.int, ETHERNET)
_FRAGMENT = cython.declare(cython.int, FRAGMENT)
_MALFORMED = cython.declare(cython.int, PacketFlag.MALFORMED)
_UNDECODED = cython.declare(cython.int, PacketFlag.UNDECODED)
_SNAPPED = cython.declare(cython.int, PacketFlag.SNAPPED)
_IS_FRAGMENT = cython.declare(cython.int, PacketFlag.FRAGMENT)


class Decoder:
    """Keeps fragments and recent fingerprints from batch to batch; how the packets are cut into batches changes nothing."""

    def __init__(self, addresses: Addresses, limits: Limits) -> None:
        self.limits = limits
        self.frame = Frame(addresses, limits.tunnel_depth)
        self.decoded = 0
        self.undecoded = 0
        self.malformed = 0
        self.header_missing = 0
        self.snapped = 0
        self.undecoded_ethertypes = memoryview(np.zeros(0x10000, np.int64))
        self.undecoded_links = {}
        self.undecoded_llc = 0

    def feed(self, packets: Packets, anomalies: Anomalies) -> None:
        """Fills the columns of every row in place and appends to `anomalies`. Never raises on any bytes."""
        for column in COLUMNS:
            packets.array(column.name).fill(column.default)
        frame = self.frame
        row: cython.Py_ssize_t
        for row in range(packets.rows):
            frame.open(packets, anomalies, row)
            frame.data = packets.data
            link(frame, packets.link_type[row])
            while frame.next != _DONE:
                self.one()
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
        if kind == 0x0806 or kind == 0x8035:
            return arp(frame)
        if kind == _IP + 1 or kind == _IP + 58:
            return icmp(frame)
        if kind == _ETHERNET:
            return ethernet(frame)
        if kind == _FRAGMENT:
            frame.flags |= _IS_FRAGMENT
            return frame.payload(frame.at)
        if kind < _IP:
            return frame.undecoded(kind)
        kind -= _IP
        if kind == 51 or (frame.version == 6 and (kind == 0 or kind == 43 or kind == 44 or kind == 60 or kind == 135 or kind == 139
                                                  or kind == 140)):
            return extension(frame, kind)
        return frame.payload(frame.at)

    def count(self, link_type: cython.int, ethertype: cython.int) -> cython.int:
        """Every packet counts in exactly one of decoded, undecoded, malformed, header_not_captured."""
        flags: cython.int = self.frame.flags
        if flags == 0:
            self.decoded += 1
            return 0
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
