"""The live source: what this system has, or what was asked for."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Protocol, Self

from otwatch.capture.report import LiveStatistics
from otwatch.errors import CaptureError
from otwatch.limits import Limits
from otwatch.tables import Packets


class Live(Protocol):
    """What `ring.LiveSource` and `libpcap.PcapSource` have in common."""

    interfaces: tuple[str, ...]

    def filenos(self) -> list[int]:
        """The descriptors to wait for, one an interface."""

    def poll(self, timeout_seconds: float) -> Iterator[tuple[str, Packets]]:
        """(interface, batch), as many as are there; none when there are none within the time. A batch is void when the next is asked for."""

    def statistics(self) -> list[LiveStatistics]:
        """The counters of each interface, in the order of `interfaces`."""

    def close(self) -> None:
        """Gives everything back."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None: ...


def open_live(interfaces: Sequence[str], *, capture: str = "auto", snap_length: int = 262_144, block_bytes: int = 1 << 20, blocks: int = 64,
              bpf: str = "", hardware_time: bool = False, limits: Limits | None = None) -> Live:
    """The source that `capture` names: `ring`, `libpcap`, or `auto`: a ring where there are AF_PACKET sockets (Linux), else libpcap.

    CaptureError, in one line, when it cannot be.
    """
    if capture == "ring" or (capture == "auto" and hasattr(socket, "AF_PACKET")):
        from otwatch.capture.ring import LiveSource  # noqa: PLC0415 - of use on Linux only

        return LiveSource(interfaces, snap_length=snap_length, block_bytes=block_bytes, blocks=blocks, bpf=bpf, hardware_time=hardware_time,
                          limits=limits)
    from otwatch.capture.libpcap import PcapSource  # noqa: PLC0415 - of use elsewhere

    return PcapSource(interfaces, snap_length=snap_length, buffer_bytes=block_bytes * blocks, bpf=bpf, hardware_time=hardware_time, limits=limits)


def check_shared(capture: str) -> None:
    """CaptureError where several processes cannot share an interface."""
    if capture == "libpcap" or not hasattr(socket, "AF_PACKET"):
        raise CaptureError("several processes can share an interface only with AF_PACKET rings (Linux): sensor.capture = \"ring\"")


def open_shared(interfaces: Sequence[str], processes: int, *, capture: str = "auto", snap_length: int = 262_144, block_bytes: int = 1 << 20,
                blocks: int = 64, bpf: str = "", hardware_time: bool = False, limits: Limits | None = None) -> list[Live]:
    """As many rings, each with a buffer of its own, that share the interfaces between them, one for each process. CaptureError as above."""
    check_shared(capture)
    from otwatch.capture.ring import LiveSource  # noqa: PLC0415 - of use on Linux only

    sources: list[Live] = []
    try:
        for number in range(processes):
            sources.append(LiveSource(interfaces, snap_length=snap_length, block_bytes=block_bytes, blocks=blocks, bpf=bpf,
                                      share=(number, processes), hardware_time=hardware_time, limits=limits))
    except BaseException:
        for opened in sources:
            opened.close()
        raise
    return sources
