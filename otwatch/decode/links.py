# cython: boundscheck=True, wraparound=False, cdivision=True
"""Which protocol takes a frame of the link layer: by EtherType, SNAP or LLC header, and its first two bytes."""

from __future__ import annotations

from collections.abc import Sequence

import cython
import numpy as np

from otwatch.protocols.spec import ProtocolSpec

_SHARED = cython.declare(cython.int, 255)  # in `types`: the first two bytes tell


class Links:
    """What the protocols take, as tables. A protocol's id is its place in the list, from 1; where two take the same, the first one has it."""

    def __init__(self, protocols: Sequence[ProtocolSpec]) -> None:
        types = np.zeros(0x10000, np.uint8)
        self.shared = {}  # EtherType -> id by the first two bytes
        self.snaps = {}
        self.llcs = {}
        for number, spec in enumerate(protocols, 1):
            for link in spec.links:
                if link.snap >= 0:
                    self.snaps.setdefault(link.snap, number)
                elif link.llc >= 0:
                    self.llcs.setdefault(link.llc, number)
                elif link.first or link.ethertype in self.shared:
                    owners = self.shared.setdefault(link.ethertype, np.full(0x10000, types[link.ethertype], np.uint8))
                    for low, high in link.first or ((0, 0xFFFF),):
                        owners[low:high + 1][owners[low:high + 1] == 0] = number
                    types[link.ethertype] = _SHARED
                elif types[link.ethertype] == 0:
                    types[link.ethertype] = number
        self.types = memoryview(types)

    def taker(self, ethertype, snap, data, at, end):  # type: ignore[no-untyped-def]
        """The protocol of a frame whose content is data[at:end], 0 if none takes it. `ethertype` as in the packets table."""
        owners: cython.const[cython.uchar][::1]
        number: cython.int
        if ethertype < -1:
            return self.snaps.get(snap, 0) if snap >= 0 else self.llcs.get(-2 - ethertype, 0)
        if ethertype < 0 or ethertype > 0xFFFF:
            return 0
        number = self.types[ethertype]
        if number != _SHARED:
            return number
        if end - at < 2:
            return 0
        owners = self.shared[ethertype]
        return owners[data[at] << 8 | data[at + 1]]
