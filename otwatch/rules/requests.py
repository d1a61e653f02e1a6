"""The requests of the last moments: what a response answers is read there, whichever batch it came in.

DNP3 answers every function with 129, and some Modbus stacks answer what they do not know with 0x80: scans of functions and objects show in the
requests only. Looked up for single responses that a rule counts, never for all.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
import numpy.typing as npt

from otwatch.actions import Role
from otwatch.batch import Batch

_KEPT: Final = 65_536  # requests
FIELDS: Final = frozenset({"request_function", "request_place"})
Numbers = npt.NDArray[np.int64]


class Requests:
    """Flow, frame and behaviour of requests, the newest last."""

    def __init__(self) -> None:
        self._kept: deque[tuple[Numbers, Numbers]] = deque()  # (flow, frame) as one number, in order; behaviours
        self._rows = 0
        self._batch: Batch | None = None

    def remember(self, batch: Batch) -> None:
        """Keeps the requests of a batch; asked again for the same one, it does nothing."""
        if batch is self._batch:
            return
        self._batch = batch
        found = _requests(batch)
        if not len(found[0]):
            return
        self._kept.append(found)
        self._rows += len(found[0])
        while self._rows > _KEPT and len(self._kept) > 1:
            self._rows -= len(self._kept.popleft()[0])

    def behaviour(self, batch: Batch, index: int) -> int | None:
        """The behaviour of the request (of its first item) that a response answers; None when that was not seen."""
        self.remember(batch)
        operations = batch.operations
        frame = int(operations.request_frame[index])
        if frame < 0:
            return None
        key = (int(operations.flow[index]) & 0x7FFFF) << 43 | frame & (1 << 43) - 1
        for keys, behaviours in reversed(self._kept):
            at = int(np.searchsorted(keys, key))
            if at < len(keys) and keys[at] == key:
                return int(behaviours[at])
        return None


def _requests(batch: Batch) -> tuple[Numbers, Numbers]:
    operations = batch.operations
    rows = np.flatnonzero(operations.array("role") == int(Role.REQUEST))
    flows, frames = operations.array("flow")[rows].astype(np.int64), operations.array("frame")[rows].astype(np.int64)
    keys = (flows & 0x7FFFF) << 43 | frames & (1 << 43) - 1
    order = np.argsort(keys, kind="stable")
    return keys[order], operations.array("behaviour")[rows][order].astype(np.int64)
