"""The live source that this system has."""

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


def open_live(interfaces: Sequence[str], *, snap_length: int = 262_144, block_bytes: int = 1 << 20, blocks: int = 64, bpf: str = "",
              fanout: int | None = None, limits: Limits | None = None) -> Live:
    """A ring for each interface where there are AF_PACKET sockets (Linux), else libpcap. CaptureError, in one line, when it cannot be."""
    if hasattr(socket, "AF_PACKET"):
        from otwatch.capture.ring import LiveSource  # noqa: PLC0415 - of use on Linux only

        return LiveSource(interfaces, snap_length=snap_length, block_bytes=block_bytes, blocks=blocks, bpf=bpf, fanout=fanout, limits=limits)
    from otwatch.capture.libpcap import PcapSource  # noqa: PLC0415 - of use elsewhere

    if fanout is not None:
        raise CaptureError("sharing one interface between processes needs AF_PACKET sockets (Linux)")
    return PcapSource(interfaces, snap_length=snap_length, buffer_bytes=block_bytes * blocks, bpf=bpf, limits=limits)
