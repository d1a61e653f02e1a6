# cython: boundscheck=True, wraparound=False, cdivision=True
"""Packets that the tap delivers twice: mirrored in two VLANs, before and after a router, by the same port in and out.

A fingerprint of all that stays the same on the way (IP header without time to live, class of service and checksum; everything after it to
the datagram's end) is looked up in a ring of the last packets. The sender's own repetitions are no duplicates: a host gives each its
own IP identification. Where there is none (IPv6, or IPv4 with 0) the copy must differ in time to live, MACs or VLAN, or follow within a
millisecond. Frames that are not IP must be the same in every byte, within a millisecond.
"""

from __future__ import annotations

import secrets
import sys

import cython
import numpy as np

from otwatch.decode.frame import Frame
from otwatch.tables import Packets

_SAME_PATH_NS = cython.declare(cython.longlong, 1_000_000)
_SEARCHED = cython.declare(cython.int, 16)  # entries of one bucket compared at most: made-up collisions must not cost time
_MASK = cython.declare(cython.ulonglong, 0xFFFFFFFFFFFFFFFF)  # C does it by itself
_LENGTHS = cython.declare(cython.ulonglong, 0xFFFF_FFFF_FFFF)
_LITTLE = cython.declare(cython.bint, sys.byteorder == "little")
_KEY = cython.declare(cython.ulonglong, secrets.randbits(63) | 1)  # without it a packet could be made that passes for a copy of another
_FACTOR = cython.declare(cython.ulonglong, 0x9E3779B97F4A7C15)


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _mix(state: cython.ulonglong, word: cython.ulonglong) -> cython.ulonglong:
    if not cython.compiled:
        word = word * _KEY & _MASK
        state = (state ^ word) * _FACTOR & _MASK
        return state ^ (state >> 29)
    state = (state ^ word * _KEY) * _FACTOR
    return state ^ (state >> 29)


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _word(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t) -> cython.ulonglong:
    """Eight bytes in the machine's order, in one load. The callers know that they are there."""
    if cython.compiled:
        with cython.boundscheck(False):
            return cython.cast(cython.p_ulonglong, cython.address(data[at]))[0]
    return int.from_bytes(data[at:at + 8], sys.byteorder)


@cython.cfunc
def _digest(state: cython.ulonglong, data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.ulonglong:
    """data[at:end] mixed into `state`: words of eight bytes in two lanes, the last word over the end of the one before."""
    if at < 0 or end > data.shape[0]:
        raise IndexError("digest outside the data")
    other: cython.ulonglong = end - at
    if end - at < 8:
        while at < end:
            state = _mix(state, data[at])
            at += 1
        return _mix(state, other)
    while end - at > 16:
        state = _mix(state, _word(data, at))
        other = _mix(other, _word(data, at + 8))
        at += 16
    if end - at > 8:
        state = _mix(state, _word(data, at))
    other = _mix(other, _word(data, end - 8))
    return _mix(state, other)


@cython.cfunc
@cython.inline
def _ipv4(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.ulonglong:
    """Fingerprint of the IPv4 packet at `at`, whose header of 20 bytes at least is there."""
    fingerprint: cython.ulonglong = _word(data, at + 2)  # total length, identification, fragment; then time to live and protocol
    fingerprint = fingerprint & _LENGTHS if _LITTLE else fingerprint >> 16
    fingerprint = _mix(fingerprint, data[at + 9])  # before the addresses: identifications must not cancel out against them
    fingerprint = _mix(fingerprint, _word(data, at + 12))
    return _digest(fingerprint, data, at + 20, end)


@cython.cfunc
@cython.inline
def _path(packets: Packets, row: cython.Py_ssize_t) -> cython.ulonglong:
    """What differs between copies taken at different places."""
    tags: cython.ulonglong = packets.vlan_outer[row] & 0xFFF
    tags = tags << 48 ^ (packets.vlan_inner[row] & 0xFFF)
    ttl: cython.ulonglong = packets.ttl[row] & 0xFF
    return _mix((packets.mac_source[row] & _LENGTHS) ^ ttl << 48, tags) ^ (packets.mac_destination[row] & _LENGTHS)


class Duplicates:
    """The last `ring` packets. Their numbers count from 1; chains of equal buckets end where a number has left the ring."""

    def __init__(self, window_ns: cython.longlong, ring: cython.longlong) -> None:
        size: cython.longlong = 16
        while size < ring:
            size *= 2
        self.window_ns = window_ns
        self.ring = size
        self.mask = size - 1
        self.count = 0
        self.fingerprints = memoryview(np.zeros(size, np.uint64))
        self.paths = memoryview(np.zeros(size, np.uint64))
        self.times = memoryview(np.zeros(size, np.int64))
        self.previous = memoryview(np.zeros(size, np.int64))
        self.heads = memoryview(np.zeros(size, np.int64))

    def seen(self, frame: Frame) -> cython.bint:
        """Whether the packet was there already; if not, it is remembered. To be asked once per packet, with `frame.data` as it came."""
        packets = frame.packets
        row: cython.Py_ssize_t = frame.row
        at: cython.Py_ssize_t = frame.network_at
        time: cython.longlong = packets.timestamp_ns[row]
        fingerprint: cython.ulonglong
        if at < 0:
            return self.known(_digest(1, frame.data, frame.start, frame.end), 0, time, False)
        if frame.version == 4:
            fingerprint = _ipv4(frame.data, at, frame.end)
            return self.known(fingerprint, _path(packets, row), time, frame.data[at + 4] != 0 or frame.data[at + 5] != 0)
        fingerprint = _mix(frame.data[at + 6] << 16 | frame.data[at + 4] << 8 | frame.data[at + 5], 6)
        fingerprint = _digest(fingerprint, frame.data, at + 8, frame.end)
        return self.known(fingerprint, _path(packets, row), time, False)

    def plain(self, packets: Packets, row: cython.Py_ssize_t, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.bint:
        """`seen` for an IPv4 packet whose header of 20 bytes is at `at` of packets.data, its end at `end`."""
        numbered: cython.bint = packets.data[at + 4] != 0 or packets.data[at + 5] != 0
        return self.known(_ipv4(packets.data, at, end), _path(packets, row), packets.timestamp_ns[row], numbered)

    def known(self, fingerprint: cython.ulonglong, path: cython.ulonglong, time: cython.longlong, numbered: cython.bint) -> cython.bint:
        """Looks a fingerprint up, newest first; enters it when it is new, so that copies are measured against the first."""
        bucket: cython.ulonglong = fingerprint & self.mask
        number: cython.longlong = self.heads[bucket]
        oldest: cython.longlong = self.count - self.ring + 1
        slot: cython.longlong
        newer: cython.longlong = -1  # slot of the entry before this one in the bucket
        age: cython.longlong
        steps: cython.int = 0
        while number >= oldest and number > 0 and steps < _SEARCHED:
            slot = number & self.mask
            if self.fingerprints[slot] == fingerprint:
                age = time - self.times[slot]
                if age < 0:
                    age = -age
                if age <= self.window_ns and (numbered or age < _SAME_PATH_NS or self.paths[slot] != path):
                    return True
                if newer < 0:  # the new entry takes its place: repetitions must not fill the bucket
                    self.heads[bucket] = self.previous[slot]
                else:
                    self.previous[newer] = self.previous[slot]
                break
            newer = slot
            number = self.previous[slot]
            steps += 1
        self.count += 1
        slot = self.count & self.mask
        self.fingerprints[slot] = fingerprint
        self.paths[slot] = path
        self.times[slot] = time
        self.previous[slot] = self.heads[bucket]
        self.heads[bucket] = self.count
        return False
