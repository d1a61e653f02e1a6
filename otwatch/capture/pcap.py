# cython: boundscheck=True, wraparound=False, cdivision=True
"""pcap records to packet columns (draft-ietf-opsawg-pcap): both byte orders, micro- and nanoseconds, the Kuznetzov variant."""

from __future__ import annotations

import cython

from otwatch.capture.anomalies import CaptureAnomaly
from otwatch.capture.report import Interface
from otwatch.capture.walk import Walk
from otwatch.limits import Limits
from otwatch.tables import Packets

FILE_HEADER_BYTES = 24

# first four bytes -> (big endian, nanoseconds per unit of the fraction, bytes of a record header)
MAGIC: dict[bytes, tuple[bool, int, int]] = {
    b"\xd4\xc3\xb2\xa1": (False, 1000, 16),
    b"\xa1\xb2\xc3\xd4": (True, 1000, 16),
    b"\x4d\x3c\xb2\xa1": (False, 1, 16),
    b"\xa1\xb2\x3c\x4d": (True, 1, 16),
    b"\x34\xcd\xb2\xa1": (False, 1000, 24),  # Alexey Kuznetzov's patched libpcap: eight more bytes in each record header
    b"\xa1\xb2\xcd\x34": (True, 1000, 24),
}

# What a packet can have when the file gives no larger snap length; Wireshark's WTAP_MAX_PACKET_SIZE_STANDARD.
_PACKET_BYTES = cython.declare(cython.longlong, 262_144)
_DAY = cython.declare(cython.longlong, 86_400)  # no pause between two packets is longer, as far as the search is concerned
_HOLE = cython.declare(cython.int, 64)  # zeros where a record should be: four empty packets of 1970 in a row, which nobody sent

_BAD_RECORD = cython.declare(cython.int, int(CaptureAnomaly.BAD_RECORD))
_LONGER_THAN_WIRE = cython.declare(cython.int, int(CaptureAnomaly.LONGER_THAN_WIRE))
_TIME_OUT_OF_RANGE = cython.declare(cython.int, int(CaptureAnomaly.TIME_OUT_OF_RANGE))

_AS_WRITTEN = cython.declare(cython.int, 0)
_SWAPPED = cython.declare(cython.int, 1)  # version 2.0 to 2.2 wrote the length on the wire first
_PERHAPS_SWAPPED = cython.declare(cython.int, 2)  # version 2.3 was written both ways


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
def _zeros(data: cython.const[cython.uchar][::1], start: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.bint:
    """Whether these bytes, which are there, are all zero."""
    i: cython.Py_ssize_t
    found: cython.int = 0
    for i in range(start, end):
        found |= data[i]
    return found == 0


class PcapWalk(Walk):
    """The walk over one pcap file; `header` are its first FILE_HEADER_BYTES."""

    def __init__(self, header: bytes, limits: Limits) -> None:
        Walk.__init__(self, limits)
        self.big, self.unit_ns, self.header_bytes = MAGIC[header[:4]]
        order = "big" if self.big else "little"
        self.format = "pcap" if self.header_bytes == 16 else "pcap-modified"
        minor = int.from_bytes(header[6:8], order)
        snap_length = int.from_bytes(header[16:20], order)
        network = int.from_bytes(header[20:24], order)
        self.lengths = 1 if minor < 3 else 2 if minor == 3 else 0
        self.link_type = network & 0x03FF_FFFF  # section 4: the upper bits tell about the frame check sequence
        self.most = min(limits.capture_block_bytes, max(_PACKET_BYTES, snap_length))
        self.interfaces = [Interface(
            link_type=self.link_type, resolution="10^-9" if self.unit_ns == 1 else "10^-6", snap_length=snap_length,
            frame_check_bytes=2 * (network >> 28) if network & 0x0400_0000 else None,
        )]

    def packets_per_interface(self) -> list[int]:
        return [int(self.packets)]

    def walk(self, data: cython.const[cython.uchar][::1], start: cython.Py_ssize_t, end: cython.Py_ssize_t, final: cython.bint,
             packets: Packets, capacity: cython.Py_ssize_t) -> cython.Py_ssize_t:
        big: cython.bint = self.big
        header: cython.Py_ssize_t = self.header_bytes
        unit: cython.longlong = self.unit_ns
        per_second: cython.longlong = 1_000_000_000 // unit
        most: cython.longlong = self.most
        lengths: cython.int = self.lengths
        link_type: cython.int = self.link_type
        latest: cython.longlong = 4_294_967_295_999_999_999
        frame: cython.longlong = self.frames
        previous: cython.longlong = self.previous_ns
        first: cython.longlong = self.first_ns
        last: cython.longlong = self.last_ns
        captured_bytes: cython.longlong = 0
        wire_bytes: cython.longlong = 0
        backwards: cython.longlong = 0
        snapped: cython.longlong = 0
        most_fraction: cython.longlong = self.most_fraction
        at: cython.Py_ssize_t = start
        row: cython.Py_ssize_t = packets.rows
        before: cython.Py_ssize_t = row
        seconds: cython.longlong
        fraction: cython.longlong
        captured: cython.longlong
        wire: cython.longlong
        swap: cython.longlong
        time: cython.longlong
        timestamp_ns = packets.timestamp_ns
        frames = packets.frame
        ats = packets.at
        captured_length = packets.captured_length
        wire_length = packets.wire_length
        link_types = packets.link_type
        interface = packets.interface
        vlan_stripped = packets.vlan_stripped
        self.needed = 0
        if start < 0 or end > data.shape[0]:
            raise IndexError("window outside its data")
        while row < capacity and self.anomalies.rows < capacity:
            if self.lost_at >= 0:
                at = self.search(data, at, end, final)
                if self.needed:
                    break
                self.found(at, frame, previous)
            if end - at < header:
                if not final:
                    self.needed = header
                elif at < end:
                    self.cut(at, header, end - at, frame, previous)
                else:
                    self.ended = True
                break
            seconds = _u32(data, at, big)
            fraction = _u32(data, at + 4, big)
            captured = _u32(data, at + 8, big)
            wire = _u32(data, at + 12, big)
            if lengths != 0 and (lengths == _SWAPPED or captured > wire):
                swap = captured
                captured = wire
                wire = swap
            if captured == 0 and _u32(data, at, big) == 0 and fraction == 0 and wire == 0:
                if not final and end - at < _HOLE:
                    self.needed = _HOLE
                    break
                if end - at >= _HOLE and _zeros(data, at, at + _HOLE):  # a hole in the file, which would read as millions of empty packets
                    self.lose(_BAD_RECORD, at, 8, header, 0, frame, previous)
                    at += 1
                    continue
            if captured > most:
                self.lose(_BAD_RECORD, at, 8, most, captured, frame, previous)
                at += 1
                continue
            if end - at - header < captured:
                if not final:
                    self.needed = header + captured
                    break
                self.search(data, at + 1, end, True)
                if self.ended:
                    self.cut(at, header + captured, end - at, frame, previous)
                    break
                self.lose(_BAD_RECORD, at, 8, end - at - header, captured, frame, previous)  # whole records follow
                at += 1
                continue
            frame += 1
            time = seconds * 1_000_000_000 + fraction * unit
            if unit == 1 and fraction > most_fraction:
                most_fraction = fraction
            if fraction >= per_second:
                if time > latest:
                    time = latest
                self.note(_TIME_OUT_OF_RANGE, at, 4, per_second, fraction, row, frame, time)
            if captured > wire:
                self.note(_LONGER_THAN_WIRE, at, 12, captured, wire, row, frame, time)
                wire = captured
            elif captured < wire:
                snapped += 1
                if wire > 0x7FFF_FFFF:
                    wire = 0x7FFF_FFFF
            timestamp_ns[row] = time
            frames[row] = frame
            ats[row] = at + header
            captured_length[row] = captured
            wire_length[row] = wire
            link_types[row] = link_type
            interface[row] = 0
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
            at += header + captured
        self.frames = frame
        self.packets += row - before
        self.previous_ns = previous
        self.first_ns = first
        self.last_ns = last
        self.captured_bytes += captured_bytes
        self.wire_bytes += wire_bytes
        self.backwards += backwards
        self.snapped += snapped
        self.most_fraction = most_fraction
        packets.rows = row
        return at

    def search(self, data: cython.const[cython.uchar][::1], at: cython.Py_ssize_t, end: cython.Py_ssize_t,
               final: cython.bint) -> cython.Py_ssize_t:
        """The next place where three believable records follow each other, or fewer up to the end of the file.

        Sets `needed` when that cannot be told before more bytes are there, `ended` at the end.
        """
        header: cython.Py_ssize_t = self.header_bytes
        per_second: cython.longlong = 1_000_000_000 // self.unit_ns
        captured: cython.longlong
        wire: cython.longlong
        swap: cython.longlong
        seconds: cython.longlong
        before: cython.longlong
        next_at: cython.Py_ssize_t
        links: cython.int
        if at < 0 or end > data.shape[0]:
            raise IndexError("window outside its data")
        while True:
            next_at = at
            before = -1
            links = 0
            while links < 3 and (links == 0 or not final or next_at < end):
                if end - next_at < header:
                    break
                seconds = _u32(data, next_at, self.big)
                captured = _u32(data, next_at + 8, self.big)
                wire = _u32(data, next_at + 12, self.big)
                if self.lengths != 0 and (self.lengths == _SWAPPED or captured > wire):
                    swap = captured
                    captured = wire
                    wire = swap
                if (captured == 0 or captured > wire or wire > _PACKET_BYTES or _u32(data, next_at + 4, self.big) >= per_second
                        or (before >= 0 and (seconds > before + _DAY or before > seconds + _DAY))):
                    links = -1
                    break
                before = seconds
                links += 1
                next_at += header + captured
            if links == 3 or (final and links > 0 and next_at == end):
                return at
            if links >= 0 and not final:  # believable as far as it goes
                self.needed = next_at - at + header
                return at
            if end - at <= header and final:
                self.ended = True
                return end
            at += 1
