"""The requests of the last moments: what a response answers is read there, whichever batch it came in."""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
import numpy.typing as npt

from otwatch.actions import Role
from otwatch.batch import Batch

_KEPT: Final = 65_536  # requests
Numbers = npt.NDArray[np.int64]


class Requests:
    """Flow, frame and function of requests, the newest last."""

    def __init__(self) -> None:
        self._kept: deque[tuple[Numbers, Numbers]] = deque()  # (flow, frame) as one number, in order; functions
        self._rows = 0

    def remember(self, batch: Batch) -> None:
        """Keeps the requests of a batch."""
        found = _requests(batch)
        if not len(found[0]):
            return
        self._kept.append(found)
        self._rows += len(found[0])
        while self._rows > _KEPT and len(self._kept) > 1:
            self._rows -= len(self._kept.popleft()[0])

    def function(self, batch: Batch, index: int) -> int | None:
        """The function of the request that a response answers; None when that was not seen."""
        operations = batch.operations
        frame = int(operations.request_frame[index])
        if frame < 0:
            return None
        key = _key(int(operations.flow[index]), frame)
        for keys, functions in (_requests(batch), *reversed(self._kept)):
            at = int(np.searchsorted(keys, key))
            if at < len(keys) and keys[at] == key:
                return int(functions[at])
        return None


def _key(flow: int, frame: int) -> int:
    return (flow & 0x7FFFF) << 43 | frame & (1 << 43) - 1


def _requests(batch: Batch) -> tuple[Numbers, Numbers]:
    operations = batch.operations
    rows = np.flatnonzero(operations.array("role") == int(Role.REQUEST))
    flows, frames = operations.array("flow")[rows].astype(np.int64), operations.array("frame")[rows].astype(np.int64)
    keys = (flows & 0x7FFFF) << 43 | frames & (1 << 43) - 1
    order = np.argsort(keys, kind="stable")
    return keys[order], operations.array("function")[rows][order].astype(np.int64)
