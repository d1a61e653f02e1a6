# cython: boundscheck=True, wraparound=False, cdivision=True
"""IP addresses as small integers: every table holds ids, this one table holds what they stand for.

An address is 128 bits in two halves; IPv4 is mapped into IPv6 (RFC 4291 section 2.5.5.2). Ids count from 0 in order of appearance
and are never reused. Id 0 is always `::`: what every address beyond the limit becomes (counted in `refused`).
"""

from __future__ import annotations

import ipaddress
from typing import Any

import cython
import numpy as np

_IPV4_MAPPED = 0xFFFF_0000_0000
# Typed names, because the compiler takes literals over 31 bits for Python integers.
_LOW64 = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)
_PRIME_1 = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)
_PRIME_2 = cython.declare(cython.ulonglong, 0xBF58476D1CE4E5B9)


class Addresses:
    """Open addressing with linear probing; the table is at most half full."""

    def __init__(self, limit: cython.Py_ssize_t = 1_000_000) -> None:
        self.rows = 0
        self.limit = limit
        self.refused = 0
        self.high = memoryview(np.zeros(512, np.uint64))
        self.low = memoryview(np.zeros(512, np.uint64))
        self.slots = memoryview(np.full(1024, -1, np.int32))
        self.mask = 1023
        self.intern(0, 0)

    def intern(self, high: cython.ulonglong, low: cython.ulonglong) -> cython.int:
        """The id of the address; a new one if it was never seen."""
        mixed: cython.ulonglong = (high ^ (low * _PRIME_1)) & _LOW64
        mixed = ((mixed ^ (mixed >> 29)) * _PRIME_2) & _LOW64
        at: cython.ulonglong = (mixed ^ (mixed >> 32)) & self.mask
        slot: cython.int = self.slots[at]
        while slot >= 0:
            if self.low[slot] == low and self.high[slot] == high:
                return slot
            at = (at + 1) & self.mask
            slot = self.slots[at]
        if self.rows >= self.limit:
            self.refused += 1
            return 0
        slot = self.rows
        if slot == self.low.shape[0]:
            self.grow()
            return self.intern(high, low)
        self.high[slot] = high
        self.low[slot] = low
        self.slots[at] = slot
        self.rows = slot + 1
        return slot

    def grow(self) -> object:
        """Twice the room, hashed anew."""
        size: cython.Py_ssize_t = 2 * self.low.shape[0]
        high = np.zeros(size, np.uint64)
        low = np.zeros(size, np.uint64)
        high[:self.rows] = np.asarray(self.high)[:self.rows]
        low[:self.rows] = np.asarray(self.low)[:self.rows]
        known: cython.Py_ssize_t = self.rows
        self.high = memoryview(high)
        self.low = memoryview(low)
        self.slots = memoryview(np.full(2 * size, -1, np.int32))
        self.mask = 2 * size - 1
        self.rows = 0
        i: cython.Py_ssize_t
        for i in range(known):
            self.intern(self.high[i], self.low[i])
        return None

    def intern_text(self, text: str) -> int:
        """The id of an address written as text; ValueError if it is none."""
        address = ipaddress.ip_address(text)
        number = int(address)
        if address.version == 4:
            return int(self.intern(0, _IPV4_MAPPED | number))
        return int(self.intern(number >> 64, number & 0xFFFFFFFFFFFFFFFF))

    def halves(self) -> tuple[np.ndarray[Any, np.dtype[np.uint64]], np.ndarray[Any, np.dtype[np.uint64]]]:
        """The upper and the lower halves of all addresses, by id: views, valid until the next address."""
        return np.asarray(self.high)[:self.rows], np.asarray(self.low)[:self.rows]

    def ip(self, index: int) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        """The address of an id."""
        high, low = int(self.high[index]), int(self.low[index])
        if high == 0 and low >> 32 == 0xFFFF:
            return ipaddress.IPv4Address(low & 0xFFFFFFFF)
        return ipaddress.IPv6Address(high << 64 | low)

    def text(self, index: int) -> str:
        """The usual way to write the address of an id; `-` for -1, which is no address."""
        return "-" if index < 0 else str(self.ip(index))
