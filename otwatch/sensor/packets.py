"""Packets behind alerts: a ring of pcapng files on disk, and beside it one file for each incident with what its hosts sent and received around it.

The analysis only appends to a queue in memory; a thread of its own writes, and what it cannot keep up with is dropped here, counted, never there.
Names of files are times and incident ids, so that people find them. An incident's file has a manifest beside it: which of its frames are those that
the alerts name (those are counted by interface since the sensor started).
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Hashable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from otwatch.alerts.incidents import Incident
from otwatch.capture.cutting import AROUND_NS, cut_packets, needles_of
from otwatch.capture.pcapng_blocks import interface_block, packet_blocks, section_header
from otwatch.limits import Limits
from otwatch.tables import Packets

_QUEUE_BYTES: Final = 64 * 1024 * 1024  # in memory, before the disk
_SEGMENTS: Final = 16  # files of the ring
_INCIDENTS_SHARE: Final = 4  # a quarter of the room is for what was set aside
_INCIDENT_BYTES: Final = 64 * 1024 * 1024
_PENDING: Final = 256  # incidents that wait for the packets after them


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

    def positions(self, frames: set[tuple[str, int]]) -> dict[int, Hashable]:
        """Which packets of the file, counted from 1, are these (interface, frame)."""
        found: dict[int, Hashable] = {}
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
    addresses: set[str]
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
        with self._wake:
            if found is None:
                self._wanted[name] = _Wanted(first, last, addresses, set(frames))
            else:
                found.last_ns, found.addresses = last, addresses
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
            segments = [one for one in self._segments if one.last_ns >= wanted.first_ns and one.first_ns <= wanted.last_ns and one.path.exists()]
            cut = cut_packets(
                [(str(segment.path), segment.positions(wanted.frames)) for segment in segments],
                self.incidents / f"{name}.pcapng",
                first_ns=wanted.first_ns,
                last_ns=wanted.last_ns,
                needles=needles_of(wanted.addresses),
                most_bytes=min(_INCIDENT_BYTES, self._aside_bytes // 2),
                limits=self._limits,
            )
            frames = [{"interface": key[0], "sensor_frame": key[1], "frame": frame} for key, frame in cut.frames if isinstance(key, tuple)]
            manifest: dict[str, Any] = {
                "incident": name,
                "packets": cut.packets,
                "complete": cut.complete,
                "addresses": sorted(wanted.addresses),
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
