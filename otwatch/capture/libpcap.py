"""Live capture where there are no AF_PACKET sockets (macOS, BSD), by libpcap: the same manners as ring.LiveSource, some microseconds a packet.

It works on Linux, too (`sensor.capture = "libpcap"`): there its descriptor is a packet socket, and `passive.confine` holds it like the ring's own.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from otwatch.capture.bpf import Program, libpcap
from otwatch.capture.report import LiveStatistics
from otwatch.errors import CaptureError
from otwatch.limits import Limits
from otwatch.tables import Packets

_ERROR_BYTES = 256
_READ_MS = 50
_BATCH_BYTES = 1 << 20  # a batch ends when this many bytes have come together
_NANOSECONDS = 1  # PCAP_TSTAMP_PRECISION_NANO
_INCOMING = 1  # PCAP_D_IN
_CARD_TIME = 4  # PCAP_TSTAMP_ADAPTER_UNSYNCED
_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, _PACKET_IGNORE_OUTGOING, _PACKET_MR_PROMISC, _ETH_P_ALL = 263, 1, 23, 1, 3  # linux/if_packet.h
_SIOCGIFFLAGS = 0x8913 if sys.platform == "linux" else 0xC020_6911
_UP = 0x41  # IFF_UP and IFF_RUNNING: set up, and with a carrier
_RECHECK_SECONDS = 0.2  # how often an interface is looked at
_LINK_TYPES = {12: 101, 14: 101}  # DLT_ values of raw IP that are not LINKTYPE_ values


class _Header(ctypes.Structure):
    """struct pcap_pkthdr"""

    _fields_ = (("seconds", ctypes.c_long), ("fraction", ctypes.c_int if sys.platform == "darwin" else ctypes.c_long),
                ("captured", ctypes.c_uint), ("wire", ctypes.c_uint))


class _Statistics(ctypes.Structure):
    """struct pcap_stat"""

    _fields_ = (("received", ctypes.c_uint), ("dropped", ctypes.c_uint), ("interface_dropped", ctypes.c_uint))


class PcapSource:
    """Packets from several interfaces at once. CaptureError, in one line, when one cannot be opened. See ring.LiveSource for the rest."""

    def __init__(self, interfaces: Sequence[str], *, snap_length: int = 262_144, buffer_bytes: int = 64 << 20, bpf: str = "",
                 hardware_time: bool = False, limits: Limits | None = None) -> None:
        if not interfaces or len(set(interfaces)) != len(interfaces):
            raise CaptureError("name each interface to listen on once")
        self.interfaces = tuple(interfaces)
        self._limits = limits or Limits()
        self._packets = Packets(self._limits.batch_packets)
        self._handles: list[_Handle] = []
        self._poller = select.poll()
        try:
            for index, name in enumerate(self.interfaces):
                handle = _Handle(name, index, snap_length, buffer_bytes, bpf, hardware_time)
                self._handles.append(handle)
                self._poller.register(handle.descriptor, select.POLLIN)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def filenos(self) -> list[int]:
        """The descriptors to wait for, one an interface."""
        return [handle.descriptor for handle in self._handles]

    def poll(self, timeout_seconds: float) -> Iterator[tuple[str, Packets]]:
        """At most one batch of each interface; nothing when there are no packets within the time."""
        events = dict(self._poller.poll(max(0, int(timeout_seconds * 1000))))
        for handle in self._handles:
            handle.look(failed=bool(events.get(handle.descriptor, 0) & ~select.POLLIN))
            self._packets.clear()
            self._packets.side.clear()
            self._packets.file = handle.name
            handle.read(self._packets, self._limits.batch_packets)
            if self._packets.rows:
                yield handle.name, self._packets

    def statistics(self) -> list[LiveStatistics]:
        """The counters of each interface, in the order of `interfaces`."""
        return [handle.statistics() for handle in self._handles]

    def close(self) -> None:
        """Gives everything back; the last batch is void."""
        self._packets.clear()
        self._packets.data = memoryview(b"")
        for handle in self._handles:
            with contextlib.suppress(KeyError):
                self._poller.unregister(handle.descriptor)
            handle.close()
        self._handles = []


class _Handle:
    """One interface."""

    def __init__(self, name: str, index: int, snap_length: int, buffer_bytes: int, bpf: str, hardware_time: bool) -> None:
        self.name = name
        self.up = True
        self._looked = 0.0
        self._losses = self._frames = self._received = self._dropped = 0
        self._asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # for ioctl; it is never connected and never sends
        self._number = 0
        self._same: socket.socket | None = None  # libpcap's own packet socket (Linux)
        self._last = _Statistics()
        self._index = index
        self._library = _library()
        problem = ctypes.create_string_buffer(_ERROR_BYTES)
        self._handle = ctypes.c_void_p(self._library.pcap_create(name.encode(), problem))
        try:
            self._activate(snap_length, buffer_bytes, bpf, hardware_time, _line(problem.value))
        except BaseException:
            self.close()
            raise
        self.descriptor: int = self._library.pcap_get_selectable_fd(self._handle)
        kind: int = self._library.pcap_datalink(self._handle)
        self._link_type = _LINK_TYPES.get(kind, kind)
        self._buffer = (ctypes.c_ubyte * (_BATCH_BYTES + snap_length))()

    def _activate(self, snap_length: int, buffer_bytes: int, bpf: str, hardware_time: bool, refusal: str) -> None:
        library, handle = self._library, self._handle
        if not handle:
            raise CaptureError(f"{self.name}: cannot be listened on: {refusal}")
        library.pcap_set_snaplen(handle, snap_length)
        library.pcap_set_promisc(handle, 1)
        library.pcap_set_timeout(handle, _READ_MS)
        library.pcap_set_buffer_size(handle, buffer_bytes)
        if hardware_time:
            library.pcap_set_tstamp_type(handle, _CARD_TIME)  # a card without a clock of its own leaves it as it is
        self._unit_ns = 1 if library.pcap_set_tstamp_precision(handle, _NANOSECONDS) == 0 else 1000
        if library.pcap_activate(handle) < 0:
            raise CaptureError(f"{self.name}: cannot be listened on: {self._problem()}; it needs root, or access to the capture devices")
        library.pcap_setdirection(handle, _INCOMING)  # where the system cannot tell, its own packets are seen, too
        if sys.platform == "linux":
            self._same = socket.socket(fileno=os.dup(library.pcap_get_selectable_fd(handle)))
            with contextlib.suppress(OSError):  # libpcap drops them itself, after it has counted them
                self._same.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        self._number = socket.if_nametoindex(self.name)
        if bpf.strip():
            program = Program()
            if library.pcap_compile(handle, ctypes.byref(program), bpf.encode(), 1, ctypes.c_uint(0xFFFFFFFF)):
                raise CaptureError(f"capture filter {bpf!r}: {self._problem()}; see `man pcap-filter`")
            done = library.pcap_setfilter(handle, ctypes.byref(program))
            library.pcap_freecode(ctypes.byref(program))
            if done:
                raise CaptureError(f"capture filter {bpf!r}: {self._problem()}")
        problem = ctypes.create_string_buffer(_ERROR_BYTES)
        library.pcap_setnonblock(handle, 1, problem)

    def _problem(self) -> str:
        return _line(self._library.pcap_geterr(self._handle))

    def look(self, *, failed: bool = False) -> None:
        """Whether the interface is up. One that is made anew under its name is bound again on Linux; elsewhere only a restart can open it."""
        if not failed and time.monotonic() < self._looked + _RECHECK_SECONDS:
            return
        self._looked = time.monotonic()
        up = False
        with contextlib.suppress(OSError):
            flags = struct.unpack_from("=H", fcntl.ioctl(self._asking, _SIOCGIFFLAGS, struct.pack("16s24x", self.name.encode())), 16)[0]
            self._bind_again(socket.if_nametoindex(self.name))
            up = flags & _UP == _UP and socket.if_nametoindex(self.name) == self._number
        if self.up and (failed or not up):
            self._losses += 1
        self.up = up

    def _bind_again(self, number: int) -> None:
        """To the interface of that number, when it is another one than before; OSError when that fails."""
        if number == self._number or self._same is None:
            return
        self._same.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._same.bind((self.name, _ETH_P_ALL))
        self._same.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, struct.pack("=iHH8x", number, _PACKET_MR_PROMISC, 0))
        self._number = number

    def read(self, packets: Packets, capacity: int) -> None:
        """Copies what is there into rows, at most a batch of it."""
        header = ctypes.POINTER(_Header)()
        octets = ctypes.c_void_p()
        start = ctypes.addressof(self._buffer)
        used = 0
        while packets.rows < capacity and used < _BATCH_BYTES:
            told = self._library.pcap_next_ex(self._handle, ctypes.byref(header), ctypes.byref(octets))
            if told != 1:
                if told < 0:
                    self.look(failed=True)
                break
            self._frames += 1
            head = header.contents
            ctypes.memmove(start + used, octets, head.captured)
            row = packets.new_row()
            packets.timestamp_ns[row] = min(max(0, head.seconds), 0xFFFF_FFFF) * 1_000_000_000 + head.fraction * self._unit_ns
            packets.frame[row] = self._frames
            packets.at[row] = used
            packets.captured_length[row] = head.captured
            packets.wire_length[row] = max(head.captured, min(head.wire, 0x7FFF_FFFF))
            packets.link_type[row] = self._link_type
            packets.interface[row] = self._index
            packets.vlan_stripped[row] = -1  # libpcap has put tags back
            used += head.captured
        packets.data = memoryview(self._buffer).cast("B").toreadonly()

    def statistics(self) -> LiveStatistics:
        """libpcap's figures, whose 32 bits may go round. On Linux it counts what was dropped as received, too; elsewhere also what the
        filter refused, so that there the packets that came count as received."""
        now = _Statistics()
        if self._library.pcap_stats(self._handle, ctypes.byref(now)) == 0:
            self._received += now.received - self._last.received & 0xFFFF_FFFF
            self._dropped += now.dropped - self._last.dropped & 0xFFFF_FFFF
            self._last = now
        received = self._received - self._dropped if sys.platform == "linux" else self._frames
        return LiveStatistics(interface=self.name, received=received, dropped=self._dropped, freezes=0, up=self.up, losses=self._losses)

    def close(self) -> None:
        """Gives the handle back."""
        if self._handle:
            self._library.pcap_close(self._handle)
            self._handle = ctypes.c_void_p()
        if self._same is not None:
            self._same.close()
            self._same = None
        self._asking.close()


def _library() -> Any:
    library = libpcap()
    library.pcap_create.restype = ctypes.c_void_p
    library.pcap_geterr.restype = ctypes.c_char_p
    return library


def _line(text: bytes) -> str:
    return text.decode("utf-8", "replace").strip().replace("\n", " ")
