"""Live capture on Linux: an AF_PACKET socket with a TPACKET_V3 ring for each interface, read without copying.

A socket is made with protocol 0, gets its filter and its ring, and is bound last: no packet that the filter refuses slips in.
Nothing in here sends; `passive.py` makes sure that nothing can.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import select
import socket
import struct
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from otwatch.capture.bpf import AttachedFilter, compiled_filter
from otwatch.capture.report import LiveStatistics
from otwatch.capture.sharing import sharing_program
from otwatch.capture.tpacket import BLOCK_FIRST, BLOCK_PACKETS, BLOCK_STATUS, STATUS_KERNEL, STATUS_USER, BlockWalk
from otwatch.errors import CaptureError
from otwatch.limits import Limits
from otwatch.tables import Packets

# linux/if_packet.h, asm-generic/socket.h, linux/sockios.h, linux/if.h: what the socket module does not name
_SOL_PACKET = 263
_PACKET_ADD_MEMBERSHIP = 1
_PACKET_RX_RING = 5
_PACKET_STATISTICS = 6
_PACKET_VERSION = 10
_PACKET_TIMESTAMP = 17
_PACKET_IGNORE_OUTGOING = 23
_PACKET_MR_PROMISC = 1
_TPACKET_V3 = 2
_ETH_P_ALL = 3
_SO_ATTACH_FILTER = 26
_TIMESTAMPING_RAW_HARDWARE = 1 << 6
_SIOCGIFFLAGS = 0x8913
_SIOCGIFHWADDR = 0x8927
_UP = 0x41  # IFF_UP and IFF_RUNNING: set up, and with a carrier

# ARPHRD_ value of an interface -> LINKTYPE_ value of what a raw socket gives: Ethernet, loopback; tun, PPP, tunnels.
_LINK_TYPES = {1: 1, 772: 1, 65534: 101, 512: 101, 768: 101, 769: 101, 776: 101, 778: 101}

_FRAME_BYTES = 2048  # of no meaning to version 3 but that blocks are multiples of it
_RETIRE_MS = 50  # a block that is not full is handed over after this time
_RECHECK_MS = 200  # how often an interface that is away is looked for


class LiveSource:
    """Packets from several interfaces at once. CaptureError, in one line, when one cannot be opened.

    `poll` gives batches of one reused `Packets` table; `packets.data` is the ring itself. Rows and bytes are valid until the next batch
    is asked for: then the block goes back to the kernel. `packets.interface` is the index in `interfaces`, `packets.file` its name,
    `packets.frame` counts the packets of each interface. Interfaces that go down or away are waited for.

    `share`, (number, processes), takes one process's part of the packets only (sharing.py). An interface that is made anew under its name is
    taken up again.
    """

    def __init__(self, interfaces: Sequence[str], *, snap_length: int = 262_144, block_bytes: int = 1 << 20, blocks: int = 64,
                 bpf: str = "", share: tuple[int, int] | None = None, hardware_time: bool = False, limits: Limits | None = None) -> None:
        if not hasattr(socket, "AF_PACKET"):
            raise CaptureError("this system has no AF_PACKET sockets: use the libpcap source")
        if not interfaces or len(set(interfaces)) != len(interfaces):
            raise CaptureError("name each interface to listen on once")
        self.interfaces = tuple(interfaces)
        self._limits = limits or Limits()
        self._packets = Packets(self._limits.batch_packets)
        self._rings: list[Ring] = []
        self._poller = select.poll()
        try:
            for index, name in enumerate(self.interfaces):
                ring = Ring(name, index, snap_length=snap_length, block_bytes=block_bytes, blocks=blocks, bpf=bpf, share=share,
                            hardware_time=hardware_time)
                self._rings.append(ring)
                self._poller.register(ring.fileno(), select.POLLIN)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def filenos(self) -> list[int]:
        """The descriptors to wait for, one an interface."""
        return [ring.fileno() for ring in self._rings]

    def poll(self, timeout_seconds: float) -> Iterator[tuple[str, Packets]]:
        """The batches that are there, at most one round of each ring; nothing when there are none within the time.

        Leaving the loop early keeps what was not asked for in the ring.
        """
        self._wait(0 if any(ring.ready() for ring in self._rings) else timeout_seconds)
        for ring in self._rings:
            for packets in ring.batches(self._packets, self._limits.batch_packets):
                yield ring.name, packets

    def _wait(self, timeout_seconds: float) -> None:
        milliseconds = max(0, int(timeout_seconds * 1000))
        away = [ring for ring in self._rings if not ring.up]
        if away:
            milliseconds = min(milliseconds, _RECHECK_MS)
        events = dict(self._poller.poll(milliseconds))
        for ring in self._rings:
            if events.get(ring.fileno(), 0) & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
                ring.failed()
        for ring in away:
            ring.revive()

    def statistics(self) -> list[LiveStatistics]:
        """The counters of each interface, in the order of `interfaces`."""
        return [ring.statistics() for ring in self._rings]

    def close(self) -> None:
        """Gives everything back; the last batch is void."""
        self._packets.clear()
        self._packets.data = memoryview(b"")
        for ring in self._rings:
            with contextlib.suppress(KeyError):
                self._poller.unregister(ring.fileno())
            ring.close()
        self._rings = []


class Ring:
    """One interface: its socket, its ring, its counters."""

    def __init__(self, name: str, index: int, *, snap_length: int, block_bytes: int, blocks: int, bpf: str,
                 share: tuple[int, int] | None, hardware_time: bool) -> None:
        self.name = name
        self.up = True
        self._received = self._dropped = self._freezes = self._losses = 0
        self._block_bytes = block_bytes
        self._blocks = blocks
        self._next = 0  # the block that the kernel hands over next
        self._begun = False  # whether packets of that block were given out
        self._map: mmap.mmap | None = None
        try:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        except PermissionError:
            raise CaptureError(f"{name}: listening needs the capability CAP_NET_RAW: run as root, or let systemd give it "
                               "(AmbientCapabilities=CAP_NET_RAW)") from None
        try:
            self._number = self._exists()
            self._walk = BlockWalk(index, self._link_type())
            self._set_up(snap_length, bpf, share, hardware_time)
        except OSError as error:
            self.close()
            if isinstance(error, CaptureError):
                raise
            raise CaptureError(f"{name}: cannot be listened on: {error.strerror}{_advice(error)}") from error

    def _exists(self) -> int:
        try:
            return socket.if_nametoindex(self.name)
        except OSError:
            there = ", ".join(sorted(name for _, name in socket.if_nameindex()))
            raise CaptureError(f"{self.name}: no such interface; there are: {there}") from None

    def _link_type(self) -> int:
        """The LINKTYPE_ value of the packets."""
        hardware = struct.unpack_from("=H", self._ioctl(_SIOCGIFHWADDR), 16)[0]
        if hardware not in _LINK_TYPES:
            raise CaptureError(f"{self.name}: neither Ethernet nor IP (ARPHRD type {hardware}), it cannot be analysed")
        return _LINK_TYPES[hardware]

    def _ioctl(self, request: int) -> bytes:
        return fcntl.ioctl(self._socket, request, struct.pack("16s24x", self.name.encode()))

    def _set_up(self, snap_length: int, bpf: str, share: tuple[int, int] | None, hardware_time: bool) -> None:
        option = self._socket.setsockopt
        option(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V3)
        with contextlib.suppress(OSError):  # before Linux 4.20 the walk leaves them out
            option(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        if hardware_time:
            option(_SOL_PACKET, _PACKET_TIMESTAMP, _TIMESTAMPING_RAW_HARDWARE)
        accepted = compiled_filter(bpf, link_type=self._walk.link_type, snap_length=snap_length)
        program = AttachedFilter(sharing_program(*share, accepted) if share is not None else accepted)
        option(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program.octets)
        size = self._block_bytes * self._blocks
        option(_SOL_PACKET, _PACKET_RX_RING, struct.pack("=7I", self._block_bytes, self._blocks, _FRAME_BYTES, size // _FRAME_BYTES,
                                                         _RETIRE_MS, 0, 0))
        self._map = mmap.mmap(self._socket.fileno(), size, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        self._words = memoryview(self._map).cast("I")
        self._data = memoryview(self._map).toreadonly()
        self._bind()

    def _bind(self) -> None:
        self._socket.bind((self.name, _ETH_P_ALL))
        self._socket.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, struct.pack("=iHH8x", self._number, _PACKET_MR_PROMISC, 0))
        self.up = self._is_up()

    def _is_up(self) -> bool:
        return bool(struct.unpack_from("=H", self._ioctl(_SIOCGIFFLAGS), 16)[0] & _UP == _UP)

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def ready(self) -> bool:
        """Whether a block is there."""
        return bool(self._words[self._next * self._block_bytes // 4 + BLOCK_STATUS] & STATUS_USER)

    def batches(self, packets: Packets, capacity: int) -> Iterator[Packets]:
        """The blocks that are there, at most one round, each in batches of at most `capacity` rows."""
        for _ in range(self._blocks):
            if not self.ready():
                return
            start = self._next * self._block_bytes
            word = start // 4
            if not self._begun:
                self._walk.open(start, start + self._block_bytes, self._words[word + BLOCK_FIRST], self._words[word + BLOCK_PACKETS])
                self._begun = True
            left = self._walk.left
            while left:
                packets.clear()
                packets.side.clear()
                packets.data = self._data
                packets.file = self.name
                left = self._walk.walk(self._data, self._words, packets, capacity)
                if packets.rows:
                    yield packets
            self._words[word + BLOCK_STATUS] = STATUS_KERNEL
            self._next = (self._next + 1) % self._blocks
            self._begun = False

    def failed(self) -> None:
        """The socket has an error: usually the interface went down."""
        self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._lost()

    def _lost(self) -> None:
        if self.up:
            self._losses += 1
        self.up = False

    def revive(self) -> None:
        """Looks whether the interface is back; one that was made anew under its name is bound again."""
        try:
            number = socket.if_nametoindex(self.name)
            if number != self._number:
                self._number = number
                self._bind()
            self.up = self._is_up()
        except OSError:
            self._number = 0  # away, or away again: it is bound when it is there

    def statistics(self) -> LiveStatistics:
        """The kernel's own figures; it forgets them when they are read, so they are added up here."""
        with contextlib.suppress(OSError):
            if self.up and not self._is_up():  # a socket does not hear that a cable was pulled
                self._lost()
        octets = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 12)
        packets, dropped, freezes = struct.unpack("=3I", octets)
        self._received += packets - dropped
        self._dropped += dropped
        self._freezes += freezes
        return LiveStatistics(interface=self.name, received=self._received, dropped=self._dropped, freezes=self._freezes, up=self.up,
                              losses=self._losses)

    def close(self) -> None:
        """Gives the socket and the ring back."""
        if self._map is not None:
            self._words.release()
            self._data = memoryview(b"")
            with contextlib.suppress(BufferError):  # the reader of the last batch still holds a view
                self._map.close()
            self._map = None
        self._socket.close()


def _advice(error: OSError) -> str:
    if error.errno == errno.ENOMEM:
        return "; the ring is too large: fewer or smaller blocks"
    if error.errno == errno.EPERM:
        return "; run as root"
    if error.errno == errno.EINVAL:
        return f"; block sizes are multiples of {os.sysconf('SC_PAGE_SIZE')} bytes"
    return ""
