"""Values that concern no rule: traffic repeats, and what a behaviour said just this before is not looked at again."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from otwatch.batch import Batch

Numbers = npt.NDArray[np.int64]
_KEPT: Final = 10_000
REFUSED_BYTES: Final = 8  # of longer ones the same seldom comes again


class Refusals:
    """What rows said that no clause of their behaviour wanted."""

    def __init__(self) -> None:
        self.known: set[tuple[int, ...]] = set()

    def remember(self, batch: Batch, row: int) -> None:
        """No clause wanted this row, for its value alone."""
        if len(self.known) >= _KEPT:
            self.known.clear()
        self.known.update(map(tuple, self._said(batch, np.array([row])).tolist()))

    def left(self, batch: Batch, rows: Numbers, by_value: npt.NDArray[np.bool_]) -> Numbers:
        """The rows less those `by_value`, looked at for their value alone, whose behaviour said just this before, when no clause wanted it."""
        if not self.known or not len(rows):
            return rows
        said, which = np.unique(self._said(batch, rows), axis=0, return_inverse=True)
        refused = np.array([tuple(one) in self.known for one in said.tolist()])[which.reshape(-1)]
        found: Numbers = rows[~(refused & by_value)]
        return found

    def _said(self, batch: Batch, rows: Numbers) -> Numbers:
        """(rows, 7): all that a test of the value of a row depends on, the value by its first 8 bytes."""
        operations = batch.operations
        names = ("behaviour", "value_kind", "start", "count", "status", "value_length")
        columns = [operations.array(name)[rows].astype(np.int64) for name in names]
        octets, place = np.asarray(batch.octets.data), np.arange(REFUSED_BYTES)
        at = operations.array("value_at")[rows].astype(np.int64)[:, None] + place
        there = (place < columns[5][:, None]) & (at >= 0) & (at < len(octets))
        raw = np.where(there, octets[np.where(there, at, 0)], 0)
        return np.column_stack([*columns, np.ascontiguousarray(raw, np.uint8).view("<i8").reshape(-1)])
