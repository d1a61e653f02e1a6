"""Packets from the first moment: a thread takes them out of the kernel's ring into memory while the sensor reads its rules, site, baseline and state.

They are analysed and judged like all others once everything is there. Memory is bounded: beyond it packets wait in the ring, and what does not fit
there the kernel counts as dropped. The thread ends before privileges are given up, for it would keep its own.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Protocol, Self

import numpy as np

from otwatch.tables import Packets

KEPT_BYTES: Final = 128 * 1024 * 1024  # with the columns at most twice as much
_POLL_SECONDS: Final = 0.05


class Source(Protocol):
    """What is drained."""

    def poll(self, timeout_seconds: float) -> Iterator[tuple[str, Packets]]:
        """(interface, batch) for what is there; nothing after the timeout."""


class Drain:
    """Use it as a context while the source is left alone; afterwards `batches` gives what came meanwhile, in order, once."""

    def __init__(self, source: Source, *, kept_bytes: int = KEPT_BYTES) -> None:
        self._source = source
        self._room = kept_bytes
        self._kept: deque[tuple[str, Packets]] = deque()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drain", daemon=True)
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        if kind is None and self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            while not self._stop.is_set() and self._room > 0:
                for interface, packets in self._source.poll(_POLL_SECONDS):
                    self._keep(interface, packets)
                    if self._stop.is_set() or self._room <= 0:
                        break
        except BaseException as error:  # noqa: BLE001 - it is raised where the drain ends
            self.error = error

    def _keep(self, interface: str, packets: Packets) -> None:
        kept = copied(packets)
        self._room -= len(kept.data)
        self._kept.append((interface, kept))

    def batches(self) -> Iterator[tuple[str, Packets]]:
        """What was kept; each batch is forgotten when the next is asked for."""
        while self._kept:
            yield self._kept.popleft()


def copied(packets: Packets) -> Packets:
    """A batch with bytes of its own: those from its first packet to its last."""
    kept = Packets(max(1, packets.rows))
    for _ in range(packets.rows):
        kept.new_row()
    for column in packets.schema.columns:
        kept.array(column.name)[:] = packets.array(column.name)
    kept.file = packets.file
    if packets.rows:
        at = packets.array("at")
        start, end = int(at.min()), int((at + packets.array("captured_length")).max())
        kept.data = memoryview(bytes(memoryview(packets.data)[start:end]))
        np.subtract(kept.array("at"), start, out=kept.array("at"))
    return kept
