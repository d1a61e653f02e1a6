"""Which MAC ARP says for which IP address, and when two say the same: a duplicate address, a failover, or somebody in the middle."""

from __future__ import annotations

from typing import Final

import numpy as np

from otwatch.decode.anomalies import NetworkAnomaly
from otwatch.limits import Limits
from otwatch.tables import Anomalies, Packets
from otwatch.vocabulary import Layer

_WINDOW_NS: Final = 600_000_000_000  # an address that is claimed again this late may have been leased to somebody else
# Virtual MACs of VRRP and CARP (RFC 5798 section 7.3; IPv6), HSRP and HSRP version 2, GLBP: an address moves to and from them by design.
_VIRTUAL: Final = ((0x00005E0001, 8), (0x00005E0002, 8), (0x00000C07AC, 8), (0x00000C9FF, 12), (0x0007B400, 16))


class Bindings:
    """Feed it every batch after decoding. Python per ARP packet: there are few, and a flood of them only costs time in its own batch."""

    def __init__(self, limits: Limits) -> None:
        self._limit = limits.assets
        self.owners: dict[int, tuple[int, int]] = {}  # IP id -> (MAC that said it first, last time that it did)
        self.first_ip: dict[int, int] = {}  # MAC -> the IP id that it owns
        self.refused = 0

    def feed(self, packets: Packets, anomalies: Anomalies) -> None:
        """Adds a row for every claim of an address that another MAC claimed within the last ten minutes.

        `source` is the other address of the claiming MAC where it has one, `destination` the address that is claimed.
        """
        for row in np.flatnonzero(packets.array("arp_operation")).tolist():
            address, mac, now = packets.source[row], packets.arp_mac[row], packets.timestamp_ns[row]
            if address <= 0 or mac <= 0 or is_virtual(mac):  # probes (RFC 5227 section 2.1.1) have no sender address
                continue
            owner = self.owners.get(address)
            if owner is None and len(self.owners) >= self._limit:
                self.refused += 1
            elif owner is None or owner[0] == mac or now - owner[1] > _WINDOW_NS:
                self.owners[address] = mac, now
                self.first_ip.setdefault(mac, address)
            else:
                self._tell(packets, row, anomalies, self.first_ip.get(mac, -1), owner[0])

    @staticmethod
    def _tell(packets: Packets, row: int, anomalies: Anomalies, claimant: int, known: int) -> None:
        new = anomalies.new_row()
        anomalies.packet[new] = row
        anomalies.timestamp_ns[new] = packets.timestamp_ns[row]
        anomalies.frame[new] = packets.frame[row]
        anomalies.flow[new] = -1
        anomalies.source[new] = claimant
        anomalies.destination[new] = packets.source[row]
        anomalies.layer[new] = Layer.NETWORK
        anomalies.kind[new] = NetworkAnomaly.ADDRESS_CONFLICT
        anomalies.offset[new] = 8
        anomalies.needed[new] = known
        anomalies.had[new] = packets.arp_mac[row]


def is_virtual(mac: int) -> bool:
    """Whether a MAC is one that redundant routers hand over to each other."""
    return any(mac >> bits == prefix for prefix, bits in _VIRTUAL)
