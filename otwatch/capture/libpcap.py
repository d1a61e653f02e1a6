"""Live capture where there are no AF_PACKET sockets (macOS, BSD), by libpcap: the same manners as ring.LiveSource, some microseconds a packet."""

from __future__ import annotations

import contextlib
import ctypes
import select
import sys
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
                 limits: Limits | None = None) -> None:
        if not interfaces or len(set(interfaces)) != len(interfaces):
            raise CaptureError("name each interface to listen on once")
        self.interfaces = tuple(interfaces)
        self._limits = limits or Limits()
        self._packets = Packets(self._limits.batch_packets)
        self._handles: list[_Handle] = []
        self._poller = select.poll()
        try:
            for index, name in enumerate(self.interfaces):
                handle = _Handle(name, index, snap_length, buffer_bytes, bpf)
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
        self._poller.poll(max(0, int(timeout_seconds * 1000)))
        for handle in self._handles:
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

    def __init__(self, name: str, index: int, snap_length: int, buffer_bytes: int, bpf: str) -> None:
        self.name = name
        self.up = True
        self._losses = self._frames = self._received = self._dropped = 0
        self._last = _Statistics()
        self._index = index
        self._library = _library()
        problem = ctypes.create_string_buffer(_ERROR_BYTES)
        self._handle = ctypes.c_void_p(self._library.pcap_create(name.encode(), problem))
        if not self._handle:
            raise CaptureError(f"{name}: cannot be listened on: {_line(problem.value)}")
        try:
            self._activate(snap_length, buffer_bytes, bpf)
        except BaseException:
            self.close()
            raise
        self.descriptor: int = self._library.pcap_get_selectable_fd(self._handle)
        kind: int = self._library.pcap_datalink(self._handle)
        self._link_type = _LINK_TYPES.get(kind, kind)
        self._buffer = (ctypes.c_ubyte * (_BATCH_BYTES + snap_length))()

    def _activate(self, snap_length: int, buffer_bytes: int, bpf: str) -> None:
        library, handle = self._library, self._handle
        library.pcap_set_snaplen(handle, snap_length)
        library.pcap_set_promisc(handle, 1)
        library.pcap_set_timeout(handle, _READ_MS)
        library.pcap_set_buffer_size(handle, buffer_bytes)
        self._unit_ns = 1 if library.pcap_set_tstamp_precision(handle, _NANOSECONDS) == 0 else 1000
        if library.pcap_activate(handle) < 0:
            raise CaptureError(f"{self.name}: cannot be listened on: {self._problem()}; it needs root, or access to the capture devices")
        library.pcap_setdirection(handle, _INCOMING)  # where the system cannot tell, its own packets are seen, too
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

    def read(self, packets: Packets, capacity: int) -> None:
        """Copies what is there into rows, at most a batch of it."""
        header = ctypes.POINTER(_Header)()
        octets = ctypes.c_void_p()
        start = ctypes.addressof(self._buffer)
        used = 0
        while packets.rows < capacity and used < _BATCH_BYTES:
            told = self._library.pcap_next_ex(self._handle, ctypes.byref(header), ctypes.byref(octets))
            if told != 1:
                if told < 0 and self.up:
                    self.up = False
                    self._losses += 1
                break
            self.up = True
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
        """libpcap's figures, whose 32 bits may go round."""
        now = _Statistics()
        if self._library.pcap_stats(self._handle, ctypes.byref(now)) == 0:
            self._received += now.received - self._last.received & 0xFFFF_FFFF
            self._dropped += now.dropped - self._last.dropped & 0xFFFF_FFFF
            self._last = now
        return LiveStatistics(interface=self.name, received=self._received, dropped=self._dropped, freezes=0, up=self.up, losses=self._losses)

    def close(self) -> None:
        """Gives the handle back."""
        if self._handle:
            self._library.pcap_close(self._handle)
            self._handle = ctypes.c_void_p()


def _library() -> Any:
    library = libpcap()
    library.pcap_create.restype = ctypes.c_void_p
    library.pcap_geterr.restype = ctypes.c_char_p
    return library


def _line(text: bytes) -> str:
    return text.decode("utf-8", "replace").strip().replace("\n", " ")
