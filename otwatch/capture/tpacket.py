# cython: boundscheck=True, wraparound=False, cdivision=True
"""The packets of a TPACKET_V3 block (linux/if_packet.h, Documentation/networking/packet_mmap.rst) to packet columns.

A block starts with struct tpacket_block_desc; each packet with struct tpacket3_hdr and struct sockaddr_ll, in the machine's byte
order and aligned to 16 bytes. Their bytes stay where the kernel put them: columns hold offsets into the ring.
"""

from __future__ import annotations

import sys

import cython

from otwatch.tables import Packets

# struct tpacket_block_desc, as 32-bit words from its start
BLOCK_STATUS = 2
BLOCK_PACKETS = 3
BLOCK_FIRST = 4

STATUS_KERNEL = 0
STATUS_USER = 1

# struct tpacket3_hdr
_VLAN_VALID = cython.declare(cython.uint, 0x10)
_HEADER_BYTES = cython.declare(cython.Py_ssize_t, 48)
_PACKET_TYPE_AT = cython.declare(cython.Py_ssize_t, 58)  # sockaddr_ll.sll_pkttype
_OUTGOING = cython.declare(cython.int, 4)


class BlockWalk:
    """Goes over the packets of one interface's blocks; `frames` counts them from the start."""

    def __init__(self, interface: int, link_type: int) -> None:
        self.interface = interface
        self.link_type = link_type
        self.big = sys.byteorder == "big"
        self.at = 0
        self.end = 0
        self.left = 0
        self.frames = 0
        self.captured_bytes = 0
        self.wire_bytes = 0
        self.outgoing = 0  # packets that this machine sent, where the kernel cannot leave them out itself

    def open(self, start: int, end: int, first: int, count: int) -> None:
        """The block at ring offsets start to end is next: `count` packets, the first at `first` from its start."""
        self.at = start + first
        self.end = end
        self.left = count

    def walk(self, data: cython.const[cython.uchar][::1], words: cython.const[cython.uint][::1], packets: Packets,
             capacity: cython.Py_ssize_t) -> cython.Py_ssize_t:
        """Appends rows until `capacity` or the end of the block; `words` is `data` as 32-bit words. Returns how many packets are left."""
        at: cython.Py_ssize_t = self.at
        end: cython.Py_ssize_t = self.end
        left: cython.Py_ssize_t = self.left
        row: cython.Py_ssize_t = packets.rows
        frame: cython.longlong = self.frames
        captured_bytes: cython.longlong = 0
        wire_bytes: cython.longlong = 0
        second: cython.longlong
        captured: cython.longlong
        wire: cython.longlong
        mac: cython.Py_ssize_t
        word: cython.Py_ssize_t
        step: cython.Py_ssize_t
        interface: cython.int = self.interface
        link_type: cython.int = self.link_type
        timestamp_ns = packets.timestamp_ns
        frames = packets.frame
        ats = packets.at
        captured_length = packets.captured_length
        wire_length = packets.wire_length
        link_types = packets.link_type
        interfaces = packets.interface
        vlan_stripped = packets.vlan_stripped
        if end > data.shape[0]:
            raise IndexError("block outside its ring")
        while left > 0 and row < capacity:
            if at < 0 or at & 3 != 0 or at + _HEADER_BYTES + 16 > end:
                left = 0
                break
            word = at >> 2
            captured = words[word + 3]
            wire = words[word + 4]
            mac = words[word + 6]
            mac = mac >> 16 if self.big else mac & 0xFFFF
            if at + mac + captured > end:  # not ours to trust, though it is the kernel's
                left = 0
                break
            left -= 1
            step = words[word]
            if data[at + _PACKET_TYPE_AT] == _OUTGOING:
                self.outgoing += 1
            else:
                frame += 1
                second = words[word + 1]
                timestamp_ns[row] = second * 1_000_000_000 + words[word + 2]
                frames[row] = frame
                ats[row] = at + mac
                captured_length[row] = captured
                wire_length[row] = wire if wire < 0x7FFF_FFFF else 0x7FFF_FFFF
                link_types[row] = link_type
                interfaces[row] = interface
                vlan_stripped[row] = words[word + 8] & 0xFFFF if words[word + 5] & _VLAN_VALID != 0 else -1
                row += 1
                captured_bytes += captured
                wire_bytes += wire
            if step == 0:
                left = 0
                break
            at += step
        self.at = at
        self.left = left
        self.frames = frame
        self.captured_bytes += captured_bytes
        self.wire_bytes += wire_bytes
        packets.rows = row
        return left
