"""Packets behind alerts: a ring of pcapng files on disk, and beside it one file for each incident with what its hosts sent and received around it.

The analysis only appends to a queue in memory; a thread of its own writes, and what it cannot keep up with is dropped here, counted, never there.
Names of files are times and incident ids, so that people find them. An incident's file has a manifest beside it: which of its frames are those that
the alerts name (those are counted by interface since the sensor started).
"""

from __future__ import annotations

import ipaddress
import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from otwatch.alerts.incidents import Incident
from otwatch.capture.files import open_capture
from otwatch.capture.pcapng_blocks import interface_block, packet_blocks, rows_between, section_header
from otwatch.limits import Limits
from otwatch.tables import Packets

AROUND_NS: Final = 30_000_000_000
_QUEUE_BYTES: Final = 64 * 1024 * 1024  # in memory, before the disk
_SEGMENTS: Final = 16  # files of the ring
_INCIDENTS_SHARE: Final = 4  # a quarter of the room is for what was set aside
_INCIDENT_BYTES: Final = 64 * 1024 * 1024
_PENDING: Final = 256  # incidents that wait for the packets after them
_ADDRESSES: Final = 32  # of an incident; with more, everything of that time is set aside


@dataclass(frozen=True, slots=True)
class _Run:
    """Packets of one batch in a segment: `rows` of them, numbered from `frame` by the interface."""

    interface: str
    frame: int
    rows: int


@dataclass(slots=True)
class _Segment:
    path: Path
    size: int = 0
    first_ns: int = 0x7FFF_FFFF_FFFF_FFFF
    last_ns: int = -1
    runs: list[_Run] = field(default_factory=list)

    def positions(self, frames: set[tuple[str, int]]) -> dict[int, tuple[str, int]]:
        """Which packets of the file, counted from 1, are these (interface, frame)."""
        found = {}
        before = 1
        for run in self.runs:
            for interface, frame in frames:
                if interface == run.interface and run.frame <= frame < run.frame + run.rows:
                    found[before + frame - run.frame] = interface, frame
            before += run.rows
        return found


@dataclass(slots=True)
class _Wanted:
    first_ns: int
    last_ns: int
    addresses: tuple[str, ...]
    frames: set[tuple[str, int]]


class PacketRing:
    """Keeps at most `max_bytes` in `folder`. All methods but those of its thread return at once; `error` says why the disk does not take packets."""

    def __init__(self, folder: Path, max_bytes: int, limits: Limits) -> None:
        self.folder = folder
        self.incidents = folder / "incidents"
        self.dropped = 0  # packets that were analysed and not kept
        self.kept = 0
        self.lost_incidents = 0  # incidents whose packets were not set aside
        self.error = ""
        self._limits = limits
        self._ring_bytes = max_bytes - max_bytes // _INCIDENTS_SHARE
        self._aside_bytes = max_bytes // _INCIDENTS_SHARE
        self._queue: deque[tuple[_Run, int, int, int, bytearray]] = deque()
        self._queued = 0
        self._links: dict[str, int] = {}  # link type of each interface, in the order of the blocks
        self._wanted: dict[str, _Wanted] = {}
        self._segments: list[_Segment] = []
        self._file: BinaryIO | None = None
        self._described = 0  # interfaces that the open file knows
        self._now_ns = 0
        self._wake = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="packets", daemon=True)

    # from the analysis

    def start(self) -> None:
        """Starts the thread; call it after privileges were dropped."""
        self._thread.start()

    def take(self, interface: str, packets: Packets) -> None:
        """Takes the packets of one interface in; they are copied."""
        count = packets.rows
        if not count or not interface:
            return
        times = packets.array("timestamp_ns")
        self._now_ns = max(self._now_ns, int(times[-1]))
        if self._queued > _QUEUE_BYTES or self._stopping:
            self.dropped += count
            return
        if interface not in self._links:
            self._links[interface] = int(packets.array("link_type")[0])
        number = list(self._links).index(interface)
        octets = packet_blocks(packets, np.arange(count, dtype=np.int64), np.full(count, number, dtype=np.int32))
        run = _Run(interface, int(packets.array("frame")[0]), count)
        with self._wake:
            self._queue.append((run, number, int(times.min()), int(times.max()), octets))
            self._queued += len(octets)
            self._wake.notify()

    def set_aside(self, incident: Incident, frames: Iterator[tuple[str, int]]) -> None:
        """Keeps what the hosts of this incident exchange from 30 s before it to 30 s after its news; later news makes the span longer."""
        addresses = {party.address for party in (*incident.path, *incident.targets)} | set(incident.sources)
        name = f"INC-{incident.id[:8]}"  # as people see it
        found = self._wanted.get(name)
        if found is None and len(self._wanted) >= _PENDING:
            self.lost_incidents += 1
            return
        first, last = incident.first_ns - AROUND_NS, self._now_ns + AROUND_NS
        kept = tuple(sorted(addresses)) if len(addresses) <= _ADDRESSES else ()
        with self._wake:
            if found is None:
                self._wanted[name] = _Wanted(first, last, kept, set(frames))
            else:
                found.last_ns, found.addresses = last, kept
                found.frames.update(frames)

    def close(self) -> None:
        """Writes what is queued and what is pending."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join()

    # the thread

    def _run(self) -> None:
        try:
            self._adopt()
        except OSError as error:
            self.error = error.strerror or str(error)
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._queue or self._stopping, timeout=1.0)
                items = list(self._queue)
                self._queue.clear()
                self._queued = 0
                stopping = self._stopping
            for item in items:
                try:
                    self._write(*item)
                except Exception as error:  # noqa: BLE001 - a fault of ours must not end what keeps the next packets
                    self.error = f"{type(error).__name__}: {error}"
                    self.dropped += item[0].rows
            for name in [name for name, wanted in self._wanted.items() if stopping or wanted.last_ns < self._now_ns]:
                self._cut(name, self._wanted.pop(name))
            if stopping:
                self._end_file()
                return

    def _adopt(self) -> None:
        """Files of an earlier run are part of the ring; their times are read when they are needed."""
        self.incidents.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.chmod(0o700)
        for path in sorted(self.folder.glob("*.pcapng")):
            self._segments.append(_Segment(path, path.stat().st_size, 0, int(path.stat().st_mtime_ns)))

    def _write(self, run: _Run, number: int, first_ns: int, last_ns: int, octets: bytearray) -> None:
        try:
            file = self._opened(first_ns)
            segment = self._segments[-1]
            while self._described <= number:
                name, link_type = list(self._links.items())[self._described]
                segment.size += file.write(interface_block(name, link_type))
                self._described += 1
            segment.size += file.write(octets)
            file.flush()
        except OSError as error:
            self.error = error.strerror or str(error)
            self.dropped += run.rows
            self._end_file()
            return
        self.error = ""
        self.kept += run.rows
        segment.runs.append(run)
        segment.first_ns, segment.last_ns = min(segment.first_ns, first_ns), max(segment.last_ns, last_ns)
        if segment.size > self._ring_bytes // _SEGMENTS:
            self._end_file()

    def _opened(self, time_ns: int) -> BinaryIO:
        if self._file is None:
            while self._segments and sum(segment.size for segment in self._segments) > self._ring_bytes * (_SEGMENTS - 1) // _SEGMENTS:
                self._segments.pop(0).path.unlink(missing_ok=True)
            path = self.folder / f"{np.datetime64(time_ns, 'ns')}Z.pcapng".replace(":", "")
            self._file = path.open("wb")
            self._described = 0
            self._segments.append(_Segment(path, self._file.write(section_header())))
        return self._file

    def _end_file(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
        self._file = None

    # incidents

    def _cut(self, name: str, wanted: _Wanted) -> None:
        try:
            self._make_room()
            packets, frames = self._copy(name, wanted)
            manifest: dict[str, Any] = {
                "incident": name,
                "packets": packets,
                "addresses": list(wanted.addresses),
                "first": f"{np.datetime64(wanted.first_ns, 'ns')}Z",
                "last": f"{np.datetime64(wanted.last_ns, 'ns')}Z",
                "frames": frames,
            }
            (self.incidents / f"{name}.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        except Exception as error:  # noqa: BLE001 - the packets of one incident are lost, not those of the next
            self.lost_incidents += 1
            self.error = f"packets of {name}: {error}"

    def _make_room(self) -> None:
        files = sorted(self.incidents.glob("*.pcapng"), key=lambda path: path.stat().st_mtime_ns)
        size = sum(path.stat().st_size for path in files)
        while files and size > self._aside_bytes - min(_INCIDENT_BYTES, self._aside_bytes // 2):
            path = files.pop(0)
            size -= path.stat().st_size
            path.unlink(missing_ok=True)
            path.with_suffix(".json").unlink(missing_ok=True)

    def _copy(self, name: str, wanted: _Wanted) -> tuple[int, list[dict[str, Any]]]:
        """Writes the packets; how many, and which of them are the frames that were asked for."""
        room = min(_INCIDENT_BYTES, self._aside_bytes // 2)
        count = 0
        frames: list[dict[str, Any]] = []
        links: dict[tuple[str, int], int] = {}
        with (self.incidents / f"{name}.pcapng").open("wb") as file:
            room -= file.write(section_header())
            for segment, packets, rows, of in self._chosen(wanted):
                for link in dict.fromkeys(of):
                    if link not in links:
                        links[link] = len(links)
                        room -= file.write(interface_block(*link))
                room -= file.write(packet_blocks(packets, rows, np.array([links[link] for link in of], dtype=np.int32)))
                positions = segment.positions(wanted.frames)
                for number, at in enumerate(packets.array("frame")[rows].tolist() if positions else (), count + 1):
                    if at in positions:
                        interface, frame = positions[at]
                        frames.append({"interface": interface, "sensor_frame": frame, "frame": number})
                count += len(rows)
                if room < 0:
                    break
        return count, frames

    def _chosen(self, wanted: _Wanted) -> Iterator[tuple[_Segment, Packets, np.ndarray[Any, np.dtype[np.int64]], list[tuple[str, int]]]]:
        """(segment, batch, rows, interface and link type of each row) of what is wanted; a batch is valid until the next."""
        needles = [_octets(address) for address in wanted.addresses]
        for segment in list(self._segments):
            if segment.last_ns < wanted.first_ns or segment.first_ns > wanted.last_ns or not segment.path.exists():
                continue
            with open_capture(str(segment.path), self._limits) as reader:
                for packets in reader:
                    rows = np.empty(packets.rows, dtype=np.int64)
                    rows = rows[: rows_between(packets, wanted.first_ns, wanted.last_ns, needles, rows)]
                    if len(rows):
                        names = [interface.name for interface in reader.report.interfaces]
                        pairs = zip(packets.array("interface")[rows].tolist(), packets.array("link_type")[rows].tolist(), strict=True)
                        yield segment, packets, rows, [(names[interface], link_type) for interface, link_type in pairs]


def _octets(address: str) -> bytes:
    try:
        return ipaddress.ip_address(address).packed
    except ValueError:
        return bytes.fromhex(address.replace(":", ""))
