# cython: boundscheck=True, wraparound=False, cdivision=True
"""pcapng blocks to packet columns (draft-ietf-opsawg-pcapng): any number of sections and interfaces, each with its own byte order,
link type and time resolution. Blocks without packets (names, secrets, custom, unknown) are passed over by their length.
"""

from __future__ import annotations

from typing import Any

import cython
import numpy as np

from otwatch.capture.anomalies import CaptureAnomaly
from otwatch.capture.options import Options, interface_of, statistics_of
from otwatch.capture.report import Interface
from otwatch.capture.walk import Walk
from otwatch.limits import Limits
from otwatch.tables import Packets

MAGIC = b"\x0a\x0d\x0d\x0a"  # the same in both byte orders

_SECTION = cython.declare(cython.uint, 0x0A0D0D0A)
_BYTE_ORDER = cython.declare(cython.uint, 0x1A2B3C4D)
_INTERFACE = cython.declare(cython.uint, 1)
_PACKET = cython.declare(cython.uint, 2)  # obsolete
_SIMPLE = cython.declare(cython.uint, 3)
_STATISTICS = cython.declare(cython.uint, 5)
_ENHANCED = cython.declare(cython.uint, 6)
_JOURNAL = cython.declare(cython.uint, 9)

_BAD_BLOCK_LENGTH = cython.declare(cython.int, int(CaptureAnomaly.BAD_BLOCK_LENGTH))
_BLOCK_LENGTHS_DIFFER = cython.declare(cython.int, int(CaptureAnomaly.BLOCK_LENGTHS_DIFFER))
_BAD_OPTION = cython.declare(cython.int, int(CaptureAnomaly.BAD_OPTION))
_BAD_SECTION = cython.declare(cython.int, int(CaptureAnomaly.BAD_SECTION))
_UNKNOWN_INTERFACE = cython.declare(cython.int, int(CaptureAnomaly.UNKNOWN_INTERFACE))
_PACKET_OUTSIDE_BLOCK = cython.declare(cython.int, int(CaptureAnomaly.PACKET_OUTSIDE_BLOCK))
_LONGER_THAN_WIRE = cython.declare(cython.int, int(CaptureAnomaly.LONGER_THAN_WIRE))
_TIME_OUT_OF_RANGE = cython.declare(cython.int, int(CaptureAnomaly.TIME_OUT_OF_RANGE))
_TOO_MANY_INTERFACES = cython.declare(cython.int, int(CaptureAnomaly.TOO_MANY_INTERFACES))

_TOO_MANY_NAME = "too-many-interfaces"

# What the search for the next block believes in.
_LAST_KNOWN = cython.declare(cython.uint, 10)
_ORDINARY = cython.declare(cython.longlong, 1_048_576)

# How ticks of an interface become nanoseconds.
_MULTIPLY = cython.declare(cython.int, 0)
_DIVIDE = cython.declare(cython.int, 1)
_BINARY = cython.declare(cython.int, 2)  # factor is the exponent of two

_LATEST_NS = 4_294_967_295_999_999_999  # as in pcap: no time is later than 32 bits of seconds can say


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
@cython.boundscheck(False)
def _u32(data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, big: cython.bint) -> cython.uint:
    """Four bytes at `at`; the caller has made sure that they are there."""
    value: cython.uint
    if big:
        value = data[at]
        value = value << 8 | data[at + 1]
        value = value << 8 | data[at + 2]
        return value << 8 | data[at + 3]
    value = data[at + 3]
    value = value << 8 | data[at + 2]
    value = value << 8 | data[at + 1]
    return value << 8 | data[at]


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _least(kind: cython.uint) -> cython.int:
    """The least length of a block of this type."""
    if kind in (_ENHANCED, _PACKET):
        return 32
    if kind == _SECTION:
        return 28
    if kind == _INTERFACE:
        return 20
    if kind == _SIMPLE:
        return 16
    return 24 if kind == _STATISTICS else 12


class PcapngWalk(Walk):
    """The walk over one pcapng file, from its first section header on."""

    def __init__(self, limits: Limits) -> None:
        Walk.__init__(self, limits)
        self.format = "pcapng"
        self.big = False
        self.section_first = 0  # index in `interfaces` of the section's interface 0
        self.known = 0  # interfaces kept
        self.most = limits.capture_block_bytes
        self.link_types = memoryview(np.zeros(0, np.int32))
        self.scales = memoryview(np.zeros(0, np.uint8))
        self.factors = memoryview(np.zeros(0, np.uint64))
        self.offsets_ns = memoryview(np.zeros(0, np.int64))
        self.snap_lengths = memoryview(np.zeros(0, np.uint32))
        self.counts = memoryview(np.zeros(0, np.int64))
        self.make_room()

    def packets_per_interface(self) -> list[int]:
        return [int(self.counts[index]) for index in range(len(self.interfaces))]

    def make_room(self) -> object:
        """Twice the room for interfaces."""
        size: cython.Py_ssize_t = max(8, 2 * self.counts.shape[0])
        self.link_types = memoryview(_larger(np.asarray(self.link_types), size))
        self.scales = memoryview(_larger(np.asarray(self.scales), size))
        self.factors = memoryview(_larger(np.asarray(self.factors), size))
        self.offsets_ns = memoryview(_larger(np.asarray(self.offsets_ns), size))
        self.snap_lengths = memoryview(_larger(np.asarray(self.snap_lengths), size))
        self.counts = memoryview(_larger(np.asarray(self.counts), size))
        return None

    def time(self, interface: cython.Py_ssize_t, ticks: cython.ulonglong) -> cython.longlong:
        """Nanoseconds since 1970 of a time stamp of an interface; -1 when that is before 1970 or after 2106."""
        latest: cython.longlong = 4_294_967_295_999_999_999
        most: cython.ulonglong = 4_294_967_295_999_999_999
        last_second: cython.ulonglong = 4_294_967_295
        scale: cython.int = self.scales[interface]
        factor: cython.ulonglong = self.factors[interface]
        time: cython.ulonglong
        fraction: cython.ulonglong
        result: cython.longlong
        if scale == _MULTIPLY:
            if ticks > most // factor:
                return -1
            time = ticks * factor
        elif scale == _DIVIDE:
            time = ticks // factor
        elif factor < 64:
            if (ticks >> factor) > last_second:
                return -1
            fraction = ticks - ((ticks >> factor) << factor)
            if factor > 34:  # so that the product below fits 64 bits; what is lost is less than a tenth of a nanosecond
                fraction = fraction >> (factor - 34)
                factor = 34
            time = (ticks >> self.factors[interface]) * 1_000_000_000 + ((fraction * 1_000_000_000) >> factor)
        else:
            fraction = 0 if factor - 34 > 63 else ticks >> (factor - 34)
            time = (fraction * 1_000_000_000) >> 34
        if time > most:
            return -1
        result = time
        result += self.offsets_ns[interface]
        return -1 if result < 0 or result > latest else result

    def walk(self, data: cython.const[cython.uchar][::1], start: cython.Py_ssize_t, end: cython.Py_ssize_t, final: cython.bint,
             packets: Packets, capacity: cython.Py_ssize_t) -> cython.Py_ssize_t:
        big: cython.bint = self.big
        at: cython.Py_ssize_t = start
        row: cython.Py_ssize_t = packets.rows
        before: cython.Py_ssize_t = row
        length: cython.longlong
        trailer: cython.longlong
        kind: cython.uint
        interface: cython.longlong
        index: cython.Py_ssize_t
        captured: cython.longlong
        wire: cython.longlong
        room: cython.longlong
        body: cython.Py_ssize_t
        header: cython.int
        ticks: cython.ulonglong
        time: cython.longlong
        previous: cython.longlong = self.previous_ns
        first: cython.longlong = self.first_ns
        last: cython.longlong = self.last_ns
        frame: cython.longlong = self.frames
        captured_bytes: cython.longlong = 0
        wire_bytes: cython.longlong = 0
        backwards: cython.longlong = 0
        snapped: cython.longlong = 0
        timestamp_ns = packets.timestamp_ns
        frames = packets.frame
        ats = packets.at
        captured_length = packets.captured_length
        wire_length = packets.wire_length
        link_types = packets.link_type
        interfaces = packets.interface
        vlan_stripped = packets.vlan_stripped
        most_interfaces: cython.Py_ssize_t = self.limits.capture_interfaces
        too_many: cython.longlong = 0
        too_many_told: cython.bint = _TOO_MANY_NAME in self.problem_counts
        self.needed = 0
        if start < 0 or end > data.shape[0]:
            raise IndexError("window outside its data")
        while row < capacity and self.anomalies.rows < capacity:
            if self.lost_at >= 0:
                at = self.search(data, at, end, final)
                if self.needed:
                    break
                self.found(at, frame, previous)
            if end - at < 12:
                if not final:
                    self.needed = 12
                elif at < end:
                    self.cut(at, 12, end - at, frame, previous)
                else:
                    self.ended = True
                break
            kind = _u32(data, at, big)
            if kind == _SECTION:
                if _u32(data, at + 8, False) == _BYTE_ORDER:
                    big = False
                elif _u32(data, at + 8, True) == _BYTE_ORDER:
                    big = True
                else:
                    self.lose(_BAD_SECTION, at, 8, _BYTE_ORDER, _u32(data, at + 8, big), frame, previous)
                    at += 1
                    continue
                self.big = big
                self.section_first = self.known
            length = _u32(data, at + 4, big)
            header = _least(kind)
            if length < header or length > self.most or length & 3 != 0:
                self.lose(_BAD_BLOCK_LENGTH, at, 4, self.most if length > self.most else header, length, frame, previous)
                at += 1
                continue
            if end - at < length:
                if not final:
                    self.needed = length
                    break
                self.search(data, at + 1, end, True)
                if self.ended:
                    self.cut(at, length, end - at, frame, previous)
                    break
                self.lose(_BAD_BLOCK_LENGTH, at, 4, end - at, length, frame, previous)  # whole blocks follow
                at += 1
                continue
            trailer = _u32(data, at + length - 4, big)
            if trailer != length:
                self.lose(_BLOCK_LENGTHS_DIFFER, at, length - 4, length, trailer, frame, previous)
                at += 1
                continue
            if kind not in (_ENHANCED, _SIMPLE, _PACKET):
                if kind == _INTERFACE and self.known >= most_interfaces and too_many_told:
                    too_many += 1  # by the million, they are counted and no more
                elif kind == _SECTION and (data[at + 12] if big else data[at + 13]) == 0 and (data[at + 13] if big else data[at + 12]) == 1:
                    pass  # nothing to say of it
                elif kind in (_SECTION, _INTERFACE, _STATISTICS):
                    self.frames = frame
                    self.previous_ns = previous
                    self.describe(kind, data, at, length)
                    too_many_told = self.known >= most_interfaces and _TOO_MANY_NAME in self.problem_counts
                elif kind == _JOURNAL:  # tshark numbers these, too
                    frame += 1
                at += length
                continue

            frame += 1
            room = length - header
            body = at + header - 4
            if kind == _SIMPLE:  # section 4.4: of the first interface, without a time
                interface = 0
                wire = _u32(data, at + 8, big)
                captured = wire if wire < room else room
                ticks = 0
            else:
                interface = _u32(data, at + 8, big)
                if kind == _PACKET:
                    interface = interface >> 16 if big else interface & 0xFFFF
                ticks = _u32(data, at + 12, big)
                ticks = ticks << 32 | _u32(data, at + 16, big)
                captured = _u32(data, at + 20, big)
                wire = _u32(data, at + 24, big)
            time = previous
            if interface < self.known - self.section_first:
                index = self.section_first + interface
                link_types[row] = self.link_types[index]
                interfaces[row] = index
                self.counts[index] += 1
                if kind == _SIMPLE:
                    if 0 < self.snap_lengths[index] < captured:
                        captured = self.snap_lengths[index]
                else:
                    time = self.time(index, ticks)
                    if time < 0:
                        time = previous
                        self.note(_TIME_OUT_OF_RANGE, at, 12, _LATEST_NS, ticks & 0x7FFF_FFFF_FFFF_FFFF, row, frame, time)
            else:
                link_types[row] = -1
                interfaces[row] = -1
                self.note(_UNKNOWN_INTERFACE, at, 8, self.known - self.section_first, interface, row, frame, time)
            if captured > room:
                self.note(_PACKET_OUTSIDE_BLOCK, at, 20, captured, room, row, frame, time)
                captured = room
            if captured > wire:
                self.note(_LONGER_THAN_WIRE, at, 24, captured, wire, row, frame, time)
                wire = captured
            elif captured < wire:
                snapped += 1
                if wire > 0x7FFF_FFFF:
                    wire = 0x7FFF_FFFF
            timestamp_ns[row] = time
            frames[row] = frame
            ats[row] = body
            captured_length[row] = captured
            wire_length[row] = wire
            vlan_stripped[row] = -1
            row += 1
            captured_bytes += captured
            wire_bytes += wire
            if time < previous:
                backwards += 1
                if previous - time > self.step_back_ns:
                    self.step_back_ns = previous - time
            if time < first:
                first = time
            if time > last:
                last = time
            previous = time
            at += length
        self.frames = frame
        self.packets += row - before
        self.previous_ns = previous
        self.first_ns = first
        self.last_ns = last
        self.captured_bytes += captured_bytes
        self.wire_bytes += wire_bytes
        self.backwards += backwards
        self.snapped += snapped
        if too_many:
            self.problem_counts[_TOO_MANY_NAME] += too_many
        packets.rows = row
        return at

    def search(self, data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, end: cython.Py_ssize_t,
               final: cython.bint) -> cython.Py_ssize_t:
        """The next place with a block of a known type and an ordinary length that also stands at its end.

        Sets `needed` when that cannot be told before more bytes are there, `ended` at the end.
        """
        kind: cython.uint
        length: cython.longlong
        big: cython.bint
        if at < 0 or end > data.shape[0]:
            raise IndexError("window outside its data")
        while end - at >= 12:
            big = self.big
            kind = _u32(data, at, big)
            if kind == _SECTION:
                big = _u32(data, at + 8, True) == _BYTE_ORDER
            if (kind == _SECTION and (big or _u32(data, at + 8, False) == _BYTE_ORDER)) or (0 < kind <= _LAST_KNOWN):
                length = _u32(data, at + 4, big)
                if _least(kind) <= length <= _ORDINARY and length & 3 == 0:
                    if length <= end - at:
                        if _u32(data, at + length - 4, big) == length:
                            return at
                    elif not final:
                        self.needed = length
                        return at
            at += 1
        if not final:
            self.needed = 12
            return at
        self.ended = True
        return end

    def describe(self, kind: cython.uint, data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t,
                 length: cython.Py_ssize_t) -> object:
        """A section header, an interface description or interface statistics: rare, so in plain Python."""
        frame, time = self.frames, self.previous_ns
        order = "big" if self.big else "little"
        block = bytes(data[at + 8:at + length - 4])
        if kind == _SECTION:
            major = int.from_bytes(block[4:6], order)
            if major != 1:
                self.note(_BAD_SECTION, at, 12, 1, major, -1, frame, time)
            return None
        options = Options(block[8:] if kind == _INTERFACE else block[12:], order)
        if kind == _STATISTICS:
            number = int.from_bytes(block[:4], order)
            index = self.section_first + number
            if index < self.known:
                self.interfaces[index] = statistics_of(self.interfaces[index], options)
            else:
                self.note(_UNKNOWN_INTERFACE, at, 8, self.known - self.section_first, number, -1, frame, time)
        elif self.known >= self.limits.capture_interfaces:
            self.note(_TOO_MANY_INTERFACES, at, 0, self.limits.capture_interfaces, self.known + 1, -1, frame, time)
        else:
            self.add_interface(interface_of(block, options, self.limits.text_characters), options)
        if options.damaged_at >= 0:
            header = 16 if kind == _INTERFACE else 20
            self.note(_BAD_OPTION, at, header + options.damaged_at, options.needed, options.had, -1, frame, time)
        return None

    def add_interface(self, interface: Interface, options: Options) -> None:
        """One more interface, with its time resolution prepared for the loop."""
        index: cython.Py_ssize_t = self.known
        if index == self.counts.shape[0]:
            self.make_room()
        scale, factor = options.scale()
        self.interfaces.append(interface)
        self.link_types[index] = interface.link_type
        self.scales[index] = scale
        self.factors[index] = factor
        limit = 1 << 32
        self.offsets_ns[index] = max(-limit, min(limit, interface.offset_seconds)) * 1_000_000_000
        self.snap_lengths[index] = interface.snap_length
        self.counts[index] = 0
        self.known = index + 1


def _larger(old: np.ndarray[Any, Any], size: int) -> np.ndarray[Any, Any]:
    new = np.zeros(size, old.dtype)
    new[:old.size] = old
    return new
