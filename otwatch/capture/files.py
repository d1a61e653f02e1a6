"""Capture files: which there are, in which order, and their packets as batches of one reused table."""

from __future__ import annotations

import fcntl
import glob
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from otwatch.capture.anomalies import CaptureAnomaly
from otwatch.capture.compressed import DecompressedStream, RawStream, Stream, compression_of
from otwatch.capture.pcap import FILE_HEADER_BYTES, PcapWalk
from otwatch.capture.pcap import MAGIC as PCAP_MAGIC
from otwatch.capture.pcapng import MAGIC as PCAPNG_MAGIC
from otwatch.capture.pcapng import PcapngWalk
from otwatch.capture.report import CaptureReport
from otwatch.capture.sources import Blocks, MappedFile, Source
from otwatch.capture.walk import Walk
from otwatch.errors import CaptureError
from otwatch.limits import Limits
from otwatch.tables import Anomalies, Packets

STANDARD_INPUT = "-"
_PIPE_BYTES = 1 << 20  # what Linux allows everybody by default

_CAPTURE_NAME = re.compile(r"\.(pcap|pcapng|cap)\d*(\.(gz|zst|xz|bz2))?$", re.IGNORECASE)

Progress = Callable[[int, int | None], None]

# What people hand over by mistake, by first bytes, and what to do about it.
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a ZIP archive: unpack it first"),
    (b"snoop\0\0\0", "a snoop capture: convert it with `editcap -F pcapng IN OUT`"),
    (b"RTSS", "a Network Monitor capture: convert it with `editcap -F pcapng IN OUT`"),
    (b"GMBU", "a Network Monitor capture: convert it with `editcap -F pcapng IN OUT`"),
    (b"\x7fELF", "a program"),
)


def open_capture(path: str, limits: Limits, *, on_progress: Progress | None = None) -> CaptureReader:
    """A reader of the capture at `path` (`-`: standard input). CaptureError, in one line, when it cannot be read as one at all."""
    try:
        descriptor, status = _open(path)
    except OSError as error:
        raise _explained(path, error) from error
    except ValueError as error:  # a name with a NUL
        raise CaptureError(f"{path!r}: cannot be the name of a file") from error
    try:
        return _reader(path, descriptor, status, limits, on_progress)
    except BaseException:
        os.close(descriptor)
        raise


class CaptureReader:
    """The packets of one capture. Iterating gives one and the same `Packets` table again and again, with the next rows in it.

    Rows and bytes of a batch are valid until the next one is asked for. A batch has at most limits.batch_packets rows; it may have
    none when there is only an anomaly to tell. `anomalies` holds those of the current batch (Layer.CAPTURE); `report` is complete when
    the iteration has ended. `on_progress(bytes done, bytes in all or None)` is called after each batch, in bytes of the file itself.
    """

    def __init__(self, path: str, descriptor: int, source: Source, walk: Walk, limits: Limits, *, total: int | None,
                 compression: str = "", stream: Stream | None = None, on_progress: Progress | None = None) -> None:
        self.path = path
        self._descriptor = descriptor
        self._source = source
        self._walk = walk
        self._limits = limits
        self._total = total
        self._compression = compression
        self._stream = stream
        self._on_progress = on_progress
        self.at_once = limits.batch_packets  # packets of the next batch: fewer where each makes many rows
        self._packets = Packets(limits.batch_packets)
        self._packets.file = path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Gives the file back; the last batch is void."""
        if self._descriptor >= 0:
            self._packets.clear()
            self._packets.data = memoryview(b"")
            self._source.close()
            os.close(self._descriptor)
            self._descriptor = -1

    @property
    def anomalies(self) -> Anomalies:
        """What was wrong with the file itself in the current batch."""
        return self._walk.anomalies

    def __iter__(self) -> Iterator[Packets]:
        source, walk, packets = self._source, self._walk, self._packets
        while self._descriptor >= 0 and not walk.ended:
            packets.clear()
            packets.side.clear()
            packets.data = source.data
            walk.anomalies.clear()
            walk.base = source.base
            position = walk.walk(source.data, source.start, source.end, source.final, packets, min(self.at_once, self._limits.batch_packets))
            if walk.ended and self._stream is not None and self._stream.damage:
                walk.note(CaptureAnomaly.DAMAGED_COMPRESSION, position, 0, 0, self._stream.position, -1, walk.frames, walk.previous_ns)
            if packets.rows or walk.anomalies.rows:
                yield packets
                if self._on_progress:
                    self._on_progress(self._done(position), self._total)
            if self._descriptor >= 0 and not walk.ended:
                packets.data = memoryview(b"")
                source.advance(position, walk.needed)

    def _done(self, position: int) -> int:
        return self._stream.position if self._stream is not None else self._source.base + position

    @property
    def report(self) -> CaptureReport:
        """The figures so far."""
        walk = self._walk
        link_types: dict[int, int] = {}
        interfaces = []
        for interface, count in zip(walk.interfaces, walk.packets_per_interface(), strict=True):
            interfaces.append(replace(interface, packets=count))
            link_types[interface.link_type] = link_types.get(interface.link_type, 0) + count
        unknown = walk.packets - sum(link_types.values())
        if unknown:
            link_types[-1] = unknown
        return CaptureReport(
            path=self.path, format=walk.format, compression=self._compression, packets=walk.packets,
            captured_bytes=walk.captured_bytes, wire_bytes=walk.wire_bytes, first_ns=walk.first_ns if walk.packets else None,
            last_ns=walk.last_ns if walk.packets else None, link_types=link_types, interfaces=tuple(interfaces), snapped=walk.snapped,
            time_backwards=walk.backwards, step_back_ns=walk.step_back_ns,
            squeezed=0 < walk.most_fraction < 1_000_000 and walk.last_ns - walk.first_ns > 10_000_000_000,
            cut_short_at=walk.cut_at if walk.cut_at >= 0 else None, skipped_bytes=walk.skipped,
            problems=tuple(walk.problems), problem_counts=dict(walk.problem_counts),
        )


def _open(path: str) -> tuple[int, os.stat_result]:
    descriptor = os.dup(0) if path == STANDARD_INPUT else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    return descriptor, os.fstat(descriptor)


def _explained(path: str, error: OSError) -> CaptureError:
    """What to do about a file that cannot be opened."""
    if isinstance(error, FileNotFoundError) and os.path.islink(path):  # noqa: PTH114
        return CaptureError(f"{path}: a link that leads nowhere; check what it should lead to")
    if isinstance(error, FileNotFoundError):
        return CaptureError(f"{path}: no such file or folder, and no file matches it as a pattern; check the path")
    if isinstance(error, PermissionError):
        return CaptureError(f"{path}: permission denied; run as a user who may read it, or change its permissions")
    return CaptureError(f"{path}: cannot be read: {error.strerror or error}")


def _reader(path: str, descriptor: int, status: os.stat_result, limits: Limits, on_progress: Progress | None) -> CaptureReader:
    name = "standard input" if path == STANDARD_INPUT else path
    if stat.S_ISDIR(status.st_mode):
        raise CaptureError(f"{name}: a folder in which no capture was found; name one that holds pcap or pcapng files")
    if os.isatty(descriptor):
        raise CaptureError(f"{name}: a terminal; pipe a capture into it, as in `tcpdump -w - | otwatch analyze -`")
    regular = stat.S_ISREG(status.st_mode)
    begin = os.lseek(descriptor, 0, os.SEEK_CUR) if regular else 0  # standard input may have been read in part
    if stat.S_ISFIFO(status.st_mode):
        with suppress(OSError):  # fewer and larger reads; more than the system allows is refused
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    stream: Stream = RawStream(descriptor)
    head = _head(stream)
    compression = compression_of(head)
    if compression:
        try:
            stream = DecompressedStream(RawStream(descriptor, head), compression)
        except CaptureError as error:
            raise CaptureError(f"{name}: {error}") from None
        head = _head(stream)
    if not head:
        raise CaptureError(f"{name}: {stream.damage or 'empty, nothing was captured in it'}; check how it was recorded and copied")
    walk, at = _walk(name, head, limits)
    source: Source | None = None
    if regular and not compression:
        with suppress(OSError):  # there are file systems that cannot map
            source = MappedFile(descriptor, status.st_size)
            at += begin
    if source is None:
        source = Blocks(stream, head)
    source.advance(at, 0)
    return CaptureReader(path, descriptor, source, walk, limits, total=status.st_size if regular else None, compression=compression,
                         stream=stream if isinstance(source, Blocks) else None, on_progress=on_progress)


def _head(stream: Stream) -> bytes:
    """The first bytes, enough to know the format; fewer where there are fewer."""
    head = bytearray(FILE_HEADER_BYTES)
    have = 0
    while have < len(head):
        count = stream.readinto(memoryview(head)[have:])
        if not count:
            break
        have += count
    return bytes(head[:have])


def _walk(name: str, head: bytes, limits: Limits) -> tuple[Walk, int]:
    """The walk for this format, and the offset of its first record."""
    if head[:4] in PCAP_MAGIC:
        if len(head) < FILE_HEADER_BYTES:
            raise CaptureError(f"{name}: cut short within its file header, no packet is in it; get the file again")
        return PcapWalk(head, limits), FILE_HEADER_BYTES
    if head.startswith(PCAPNG_MAGIC) and head[8:12] in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"):
        return PcapngWalk(limits), 0
    for magic, what in _OTHERS:
        if head.startswith(magic):
            raise CaptureError(f"{name}: not a pcap or pcapng capture but {what}")
    raise CaptureError(f"{name}: not a pcap or pcapng capture (it starts with {head[:8].hex(' ')}); "
                       "other capture formats can be converted with `editcap -F pcapng IN OUT`")


def expand(paths: Sequence[str], *, skipped: list[str] | None = None) -> list[str]:
    """The captures that the arguments name, each file once, in the order of their first packets.

    A folder stands for the captures in and below it, a pattern for what it matches; what is no capture in there is passed over, and
    appended to `skipped` with the reason. Whatever is named itself stays, so that `open_capture` says what is wrong with it: also a
    missing file, a pattern without match and a folder without captures. So does what might be a capture and cannot be read: its name
    says that it is one, or it may not be looked at. Standard input, and what has no time, comes last, in the order given.
    """
    seen: set[str] = set()
    timed: list[tuple[int, str]] = []
    untimed: list[str] = []
    for path in paths:
        candidates, itself = _candidates(path)
        captures = 0
        for candidate in candidates:
            real = os.path.realpath(candidate)
            captures += real in seen
            if real in seen:
                continue
            try:
                timed.append((first_ns(candidate), candidate))
            except CaptureError as error:
                if not itself and not _might_be_one(candidate):
                    if skipped is not None:
                        skipped.append(str(error))
                    continue
                untimed.append(candidate)
            seen.add(real)
            captures += 1
        if not captures:
            untimed.append(path)
    timed.sort(key=lambda item: item[0])
    return [path for _, path in timed] + untimed


def first_ns(path: str) -> int:
    """Time of the first packet; the largest integer when there is none. CaptureError when it is no capture."""
    with open_capture(path, Limits(batch_packets=1)) as reader:
        for packets in reader:
            if packets.rows:
                return int(packets.timestamp_ns[0])
    return sys.maxsize


def _candidates(path: str) -> tuple[list[str], bool]:
    """The regular files that an argument may mean, by name, and whether it names one itself. None for pipes: looking would take from them.

    os.path, not pathlib: what may not be looked at, or cannot be a name at all, is no file and no error here.
    """
    if path == STANDARD_INPUT or "\0" in path:
        return [], True
    if os.path.isdir(path):  # noqa: PTH112
        return _below(path), False
    if os.path.exists(path):  # noqa: PTH110
        return [path] if os.path.isfile(path) else [], True  # noqa: PTH113
    if not glob.has_magic(path):
        return [path], True
    matches: list[str] = []
    for match in sorted(glob.glob(path, recursive=True)):  # noqa: PTH207 - Path.glob takes no absolute pattern
        matches += _candidates(f"./{match}" if match == STANDARD_INPUT else match)[0]
    return matches, False


def _below(folder: str) -> list[str]:
    """The files in and below a folder, by name; links that lead nowhere and folders that may not be looked into stay among them."""
    found: list[str] = []

    def not_to_be_seen(error: OSError) -> None:
        found.append(error.filename)

    for place, _, names in os.walk(folder, onerror=not_to_be_seen):
        found += [str(Path(place, name)) for name in names]
    return sorted(path for path in found if os.path.isfile(path) or not os.access(path, os.R_OK))  # noqa: PTH113


def _might_be_one(path: str) -> bool:
    """Whether something that could not be read as a capture may be one all the same."""
    if _CAPTURE_NAME.search(path):
        return True
    return os.path.exists(path) and not os.access(path, os.R_OK)  # noqa: PTH110
