"""What a capture was, apart from its packets: the figures that stand next to every result, so that a blind tap shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """One interface as the file describes it. Texts are the file's own: escape them before showing. None: the file does not say."""

    link_type: int  # LINKTYPE_ value
    name: str = ""
    description: str = ""
    resolution: str = "10^-6"  # of time stamps, in seconds
    offset_seconds: int = 0  # added to every time stamp
    snap_length: int = 0  # 0: no limit
    frame_check_bytes: int | None = None  # Ethernet FCS at the end of each packet
    packets: int = 0
    received: int | None = None  # packets that the interface says it got
    dropped: int | None = None  # packets that the interface or the system lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong with the file. `offset` counts bytes of the file, after decompression; `frame` is the last packet number given before it."""

    offset: int
    frame: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureReport:
    """The figures of one capture, complete when its reader is exhausted."""

    path: str
    format: str  # pcap, pcap-modified (Kuznetzov) or pcapng
    compression: str  # gzip, bzip2, xz, zstd or empty
    packets: int
    captured_bytes: int
    wire_bytes: int
    first_ns: int | None  # earliest and latest time stamp; None without packets
    last_ns: int | None
    link_types: dict[int, int]  # LINKTYPE_ value -> packets; -1: of an interface that was not described
    interfaces: tuple[Interface, ...]
    snapped: int  # packets cut by the snap length
    time_backwards: int  # packets with an earlier time than the packet before
    cut_short_at: int | None  # offset of the record in which the file ends
    skipped_bytes: int  # bytes passed over to find the next whole record
    problems: tuple[Problem, ...]  # the first limits.capture_problems
    problem_counts: dict[str, int]  # all, by kind
    squeezed: bool = False  # nanoseconds, all in the first thousandth of their second, over ten seconds and more
    step_back_ns: int = 0  # the furthest that the clock went back from one packet to the next


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveStatistics:
    """What one live interface has seen since it was opened; the counters only grow."""

    interface: str
    received: int  # packets handed to us by the kernel, also those still in the ring
    dropped: int  # packets that the kernel had no room for: received + dropped = what passed the filter
    freezes: int  # times the ring was full
    up: bool  # whether the interface is there and up
    losses: int  # times it went down or away
