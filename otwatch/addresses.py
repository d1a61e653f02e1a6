# cython: boundscheck=True, wraparound=False, cdivision=True
"""Addresses as small integers: every table holds ids, this one table holds what they stand for.

An address is 128 bits in two halves; IPv4 is mapped into IPv6 (RFC 4291 section 2.5.5.2). The ends of protocols straight over Ethernet are MACs: they
stand in 0:0:0:1::/64, which RFC 4291 section 2.4 reserves, and which no IP header may claim here. Ids count from 0 in order of appearance.
Id 0 is always `::`: what every address beyond the limit becomes (counted in `refused`), and what the id of a forgotten address reads as.

When the table fills up, `forget` makes room: its rows are used again, ids never. An id is a row number in its low bits, and above them how often
the row was used before; so an id that somebody kept too long stands for nothing, never for another address.
"""

from __future__ import annotations

import ipaddress
import secrets
from functools import lru_cache
from typing import Any

import cython
import numpy as np

_IPV4_MAPPED = 0xFFFF_0000_0000
LINK = 1  # the high half of what stands for a MAC
_MAC_OCTETS = 6
_MOST = 0x7FFFFFFF  # ids are columns of 32 bits
# Typed names, because the compiler takes literals over 31 bits for Python integers.
_LINK = cython.declare(cython.ulonglong, LINK)
_LOW64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
_PRIME_1 = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
_PRIME_2 = cython.declare(cython.ulonglong, 0xBF58476D1CE4E5B9)


class Addresses:
    """Open addressing with linear probing; the table is at most half full. `rows`: one more than the highest id; `live`: addresses that are known."""

    def __init__(self, limit: cython.Py_ssize_t = 1_000_000) -> None:
        self.limit = max(1, limit)
        self.bits = int(self.limit).bit_length()
        self.seed = secrets.randbits(63) | 1  # an IPv6 sender chooses 64 bits and more of its address: it must not choose its place
        self.rows = self.live = self.used = self.free_count = 0
        self.refused = self.forgotten = 0
        self.high = memoryview(np.zeros(512, np.uint64))
        self.low = memoryview(np.zeros(512, np.uint64))
        self.ids = memoryview(np.arange(512, dtype=np.int32))
        self.free = memoryview(np.zeros(1, np.int32))
        self.slots = memoryview(np.full(1024, -1, np.int32))
        self.mask = 1023
        self.intern(0, 0)

    def place(self, high, low):  # type: ignore[no-untyped-def]
        """Hash of an address, of which the low bits are its place."""
        mixed: cython.ulonglong = ((low ^ self.seed) * _PRIME_1) & _LOW64
        mixed = ((mixed ^ (mixed >> 29) ^ high) * (_PRIME_2 ^ (self.seed << 1))) & _LOW64
        return mixed ^ (mixed >> 32)

    def intern(self, high: cython.ulonglong, low: cython.ulonglong) -> cython.int:
        """The id of the address; a new one if it is not known."""
        at: cython.ulonglong = self.place(high, low) & self.mask
        row: cython.int = self.slots[at]
        while row >= 0:
            if self.low[row] == low and self.high[row] == high:
                return self.ids[row]
            at = (at + 1) & self.mask
            row = self.slots[at]
        if self.free_count > 0:
            self.free_count -= 1
            row = self.free[self.free_count]
        elif self.used >= self.limit:
            self.refused += 1
            return 0
        elif self.used == self.low.shape[0]:
            self.grow()
            return self.intern(high, low)
        else:
            row = self.used
            self.used += 1
        self.high[row] = high
        self.low[row] = low
        self.slots[at] = row
        self.live += 1
        if self.ids[row] >= self.rows:
            self.rows = self.ids[row] + 1
        return self.ids[row]

    def intern_ipv6(self, high: cython.ulonglong, low: cython.ulonglong) -> cython.int:
        """The id of an address from an IPv6 header; one in the range of MACs reads as `::`."""
        return self.intern(0, 0) if high == _LINK else self.intern(high, low)

    def intern_mac(self, mac: cython.longlong) -> cython.int:
        """The id of a MAC; -1 for -1, none."""
        return -1 if mac < 0 else self.intern(_LINK, mac)

    def find_mac(self, mac: int) -> int:
        """The id of a MAC that is known; -1 if it is not."""
        at: cython.ulonglong = self.place(_LINK, mac) & self.mask
        row: cython.int = self.slots[at]
        while row >= 0:
            if self.low[row] == mac and self.high[row] == _LINK:
                return int(self.ids[row])
            at = (at + 1) & self.mask
            row = self.slots[at]
        return -1

    def mac(self, index: int) -> int:
        """The MAC that an id stands for; -1 where it is an IP address, or was forgotten."""
        row = index & ((1 << self.bits) - 1)
        if index < 0 or row >= self.used or int(self.ids[row]) != index or int(self.high[row]) != LINK:
            return -1
        return int(self.low[row])

    def grow(self) -> object:
        """Twice the room, hashed anew."""
        size: cython.Py_ssize_t = 2 * self.low.shape[0]
        high = np.zeros(size, np.uint64)
        low = np.zeros(size, np.uint64)
        ids = np.arange(size, dtype=np.int32)
        high[:self.used] = np.asarray(self.high)[:self.used]
        low[:self.used] = np.asarray(self.low)[:self.used]
        ids[:self.used] = np.asarray(self.ids)[:self.used]
        self.high = memoryview(high)
        self.low = memoryview(low)
        self.ids = memoryview(ids)
        return self.rehash()

    def rehash(self) -> object:
        """Finds every row anew that is not free."""
        taken = memoryview(self._taken().view(np.uint8))
        self.slots = memoryview(np.full(2 * self.low.shape[0], -1, np.int32))
        self.mask = self.slots.shape[0] - 1
        row: cython.Py_ssize_t
        at: cython.ulonglong
        used: cython.const[cython.uchar][::1] = taken
        for row in range(self.used):
            if used[row] != 0:
                at = self.place(self.high[row], self.low[row]) & self.mask
                while self.slots[at] >= 0:
                    at = (at + 1) & self.mask
                self.slots[at] = row
        return None

    def _taken(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which rows hold an address."""
        taken = np.asarray(self.ids)[:self.used] >= 0
        taken[np.asarray(self.free)[:self.free_count]] = False
        return taken

    @property
    def filling(self) -> bool:
        """Whether it is time to forget: an eighth of the room is left."""
        return bool(self.live * 8 >= self.limit * 7)

    def forget(self, kept: np.ndarray[Any, Any]) -> int:
        """Makes room: forgets every address whose id is not among `kept` (any integers; -1 and ids of forgotten addresses do no harm). How many."""
        ids = np.asarray(self.ids)[:self.used]
        rows = kept[(kept >= 0) & (kept & ((1 << self.bits) - 1) < self.used)].astype(np.int64)
        rows = rows[ids[rows & ((1 << self.bits) - 1)] == rows] & ((1 << self.bits) - 1)
        taken = np.zeros(self.used, np.bool_)
        taken[rows] = True
        taken[0] = True
        taken &= self._taken()
        gone = np.flatnonzero(self._taken() & ~taken)
        later = ids[gone].astype(np.int64) + (1 << self.bits)
        ids[gone] = np.where(later < _MOST, later, -1)  # a row that was used as often as can be told apart is not used again
        self.forgotten += len(gone)
        self._free(taken)
        return len(gone)

    def _free(self, taken: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
        """The rows that are not taken may be used, the lowest first."""
        free = np.flatnonzero(~taken & (np.asarray(self.ids)[:self.used] >= 0))[::-1]
        self.free = memoryview(np.ascontiguousarray(free if len(free) else np.zeros(1), np.int32))
        self.free_count = len(free)
        self.live = int(taken.sum())
        self.rehash()

    def intern_text(self, text: str) -> int:
        """The id of an address, or a MAC with colons, written as text; ValueError if it is none."""
        octets = text.split(":")
        if len(octets) == _MAC_OCTETS and all(len(octet) == 2 for octet in octets):
            return int(self.intern_mac(int("".join(octets), 16)))
        address = ipaddress.ip_address(text)
        number = int(address)
        if address.version == 4:
            return int(self.intern(0, _IPV4_MAPPED | number))
        return int(self.intern(number >> 64, number & 0xFFFFFFFFFFFFFFFF))

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """Everything, by row: halves, ids, and whether there is an address. Views, valid until the next address."""
        return {"high": np.asarray(self.high)[:self.used], "low": np.asarray(self.low)[:self.used], "ids": np.asarray(self.ids)[:self.used],
                "taken": self._taken()}

    def restore(self, high: np.ndarray[Any, Any], low: np.ndarray[Any, Any], ids: np.ndarray[Any, Any], taken: np.ndarray[Any, Any]) -> None:
        """What `arrays` gave, into a table that is empty. ValueError when it does not fit together, or not into the limit."""
        used = len(high)
        if not 1 <= used <= self.limit or {len(low), len(ids), len(taken)} != {used} or high[0] or low[0] or ids[0] or not taken[0]:
            raise ValueError("no table of addresses")
        if taken.dtype != np.bool_ or ((ids >= 0) & (ids & ((1 << self.bits) - 1) != np.arange(used))).any() or (ids[taken] < 0).any():
            raise ValueError("ids of addresses that were not given")
        if len(set(zip(high[taken].tolist(), low[taken].tolist(), strict=True))) != int(taken.sum()):
            raise ValueError("an address stands there twice")
        self.used = 0
        while self.low.shape[0] < used:
            self.grow()
        for column, stored in ((self.high, high), (self.low, low), (self.ids, ids)):
            np.asarray(column)[:used] = stored
        self.used, self.rows = used, int(ids.max()) + 1
        self._free(taken)

    def ip(self, index: int) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        """The IP address of an id; `::` when it was forgotten, or is a MAC, which has none."""
        if index < 0:
            raise IndexError("no address")
        row = index & ((1 << self.bits) - 1)
        if row >= self.used or int(self.ids[row]) != index:
            return ipaddress.IPv6Address(0)
        high, low = int(self.high[row]), int(self.low[row])
        if high == LINK:
            return ipaddress.IPv6Address(0)
        if high == 0 and low >> 32 == 0xFFFF:
            return _ipv4(low & 0xFFFFFFFF)
        return ipaddress.IPv6Address(high << 64 | low)

    def is_group(self, index: int) -> bool:
        """Whether it is a broadcast or multicast address: nobody's own, so that nothing comes from it (RFC 1122 section 3.2.1.3)."""
        if index < 0:
            return False
        mac = self.mac(index)
        if mac >= 0:
            return is_group_mac(mac)
        ip = self.ip(index)
        return ip.is_multicast or (ip.version == 4 and int(ip) & 0xFF == 0xFF)

    def text(self, index: int) -> str:
        """The usual way to write the address of an id; `-` for -1, which is no address."""
        if index < 0:
            return "-"
        mac = self.mac(index)
        return mac_text(mac) if mac >= 0 else str(self.ip(index))


def mac_text(mac: int) -> str:
    """aa:bb:cc:dd:ee:ff; empty for -1, none."""
    return "" if mac < 0 else ":".join(f"{mac:012x}"[i:i + 2] for i in range(0, 12, 2))


def is_group_mac(mac: int) -> bool:
    """Whether it is a broadcast or multicast address (IEEE 802 clause 8.2): nobody's own."""
    return mac >= 0 and bool(mac >> 40 & 1)


@lru_cache(maxsize=32_768)
def _ipv4(number: int) -> ipaddress.IPv4Address:
    """An address as an object, kept: the same few are asked for again and again."""
    return ipaddress.IPv4Address(number)
