# cython: boundscheck=True, wraparound=False, cdivision=True
"""How devices deviate from their protocol in their answers: a habit (a quirk, a fact about the device), or something that began.

Many devices do not copy the transaction identifier, or add an octet to an echo, from the first answer to the last. That is a quirk of
theirs, bound to address, MAC and TTL, and no attack. The same deviation in a device that did not show it before is a replaced device, or
somebody who answers in its place.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cython
import numpy as np

from otwatch.protocols.spec import Fact
from otwatch.tables import Pdus

IDENTIFIER = 0  # the answer does not repeat the identifier of its request
LENGTH = 1  # the answer is longer than its fields
LOW = 2  # the answer repeats only the low octet of its request's identifier: nothing shows below 256
UNIT = 3  # the answer carries another unit than its request
KINDS = 4

HABIT = 0  # this device's answers deviate like that from the first
BEGAN = 1  # they did not before
ELSEWHERE = 2  # the same, or a habit, and this answer came from another MAC or with another TTL

_KINDS = cython.declare(cython.int, KINDS)
_SHARE = 95  # per cent of the answers that make a habit
_TOLD_AFTER = 3  # answers after which a habit is a fact
_DEVICES = 65_536
_PLACES = 8  # (MAC, TTL) of one device that are remembered


@dataclass(slots=True)
class Device:
    """What is remembered of one sender of answers."""

    address: int
    places: list[tuple[int, int]]  # MAC and TTL that its answers came with; empty where the capture does not show them
    deviations: list[int] = field(default_factory=lambda: [0] * KINDS)
    broken: list[bool] = field(default_factory=lambda: [False] * KINDS)  # the habit that there seemed to be was reported as ended


def _place(pdus: Pdus, pdu: int) -> list[tuple[int, int]]:
    """MAC and TTL of the packet in which a PDU ends, where it is at hand."""
    packets = pdus.packets
    row = int(pdus.packet[pdu])
    if packets is None or not 0 <= row < packets.rows:
        return []
    return [(int(packets.mac_source[row]), int(packets.ttl[row]))]


class Habits:
    """The devices that answer in one protocol. `good[KINDS * device + kind]` counts answers that conform: the usual path does only that."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.numbers: dict[int, int] = {}
        self.devices = [Device(-1, [])]  # 0 stands for all beyond the cap: nothing is a habit of theirs
        self.good = memoryview(np.zeros(64 * KINDS, np.int64))
        self.odd = memoryview(np.zeros(64, np.uint8))

    def device(self, pdus: Pdus, pdu: cython.Py_ssize_t) -> cython.int:
        """The number of the device that sent an answer."""
        address = int(pdus.source[pdu])
        number: cython.int = self.numbers.get(address, -1)
        if number >= 0:
            return number
        if len(self.devices) >= _DEVICES:
            return 0
        number = len(self.devices)
        self.numbers[address] = number
        self.devices.append(Device(address, _place(pdus, pdu)))
        if number == self.odd.shape[0]:
            for name, kinds, dtype in (("good", KINDS, np.int64), ("odd", 1, np.uint8)):
                larger = np.zeros(2 * number * kinds, dtype)
                larger[:number * kinds] = np.asarray(getattr(self, name))
                setattr(self, name, memoryview(larger))
        return number

    def is_habit(self, device: cython.int, kind: cython.int) -> cython.bint:
        """Whether one more deviation of that kind would be a habit."""
        bad = self.devices[device].deviations[kind] + 1
        return device > 0 and bad * 100 >= _SHARE * (bad + self.good[_KINDS * device + kind])

    def may_be(self, device: cython.int, doubtful: cython.bint) -> cython.bint:
        """Whether an early answer without a fitting identifier may be one of this device; where it is `doubtful`, only if others were before."""
        known = self.devices[device].deviations
        if doubtful and not (known[IDENTIFIER] or known[LOW]):
            return False
        return self.is_habit(device, IDENTIFIER) or self.is_habit(device, LOW)

    def deviates(self, device: cython.int, kind: cython.int, pdus: Pdus, pdu: cython.Py_ssize_t, text: str, facts: list[Fact]) -> cython.int:
        """An answer deviates: HABIT, BEGAN or ELSEWHERE. A habit becomes a fact, worded by `text`."""
        known = self.devices[device]
        habit = self.is_habit(device, kind)
        known.deviations[kind] += 1
        self.odd[device] = 1
        place = _place(pdus, pdu)
        moved = bool(place and known.places) and place[0] not in known.places
        if moved and len(known.places) < _PLACES:
            known.places += place
        if moved and (not habit or known.deviations[kind] > _TOLD_AFTER):
            return ELSEWHERE
        if not habit:
            return BEGAN
        if known.deviations[kind] == _TOLD_AFTER:
            facts.append(Fact(timestamp_ns=int(pdus.timestamp_ns[pdu]), frame=int(pdus.frame[pdu]), flow=int(pdus.flow[pdu]), address=known.address,
                              kind="quirk", value=text, source=self.source))
        return HABIT

    def is_proven(self, device: cython.int, kind: cython.int) -> cython.bint:
        """Whether a deviation of that kind has become a fact: then it speaks against no answer."""
        return self.devices[device].deviations[kind] >= _TOLD_AFTER and self.is_habit(device, kind)

    def ended(self, device: cython.int, kind: cython.int) -> cython.bint:
        """After an answer that conforms, of a device with deviations (`odd`): whether what seemed a habit is none. Said once."""
        known = self.devices[device]
        bad = known.deviations[kind]
        good = int(self.good[_KINDS * device + kind])
        if not bad or known.broken[kind] or bad * 100 >= _SHARE * (bad + good):
            return False
        known.broken[kind] = True
        return bad >= good  # the deviations came first; else each of them was reported when it came
