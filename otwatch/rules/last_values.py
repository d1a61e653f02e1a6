# cython: boundscheck=True, wraparound=False, cdivision=True
"""The last value of each behaviour that is followed, as octets: whatever the plant polls, copied once a batch.

What is kept depends on the order of rows alone, not on how they were cut into batches.
"""

from __future__ import annotations

from typing import Any, Final

import cython
import numpy as np

from otwatch.copying import copy
from otwatch.tables import Octets, Operations

LONGEST: Final = 2_048  # octets of a value that is kept: no points are longer, files are
MOST: Final = 33_554_432  # octets of all values
_LONGEST = cython.declare(cython.int, 2_048)


class LastValues:
    """Feed it every batch. A behaviour has no value before its first, nor after one that was too long."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.dropped = 0  # values for which there was no room
        self.octets = Octets()
        self.follows = memoryview(np.zeros(1024, np.uint8))  # by behaviour, as all of these
        self.row = memoryview(np.full(1024, -1, np.int32))  # in the batch that is read
        self.kind = memoryview(np.zeros(1024, np.int32))  # 0: no value
        self.at = memoryview(np.zeros(1024, np.int64))
        self.room = memoryview(np.zeros(1024, np.int32))
        self.length = memoryview(np.zeros(1024, np.int32))
        self.frame = memoryview(np.zeros(1024, np.int64))
        self.timestamp_ns = memoryview(np.zeros(1024, np.int64))

    def grow(self, behaviours: int) -> None:
        """Room for so many behaviours."""
        if behaviours > len(self.follows):
            rows = max(behaviours, 2 * len(self.follows))
            for name in ("follows", "kind", "at", "room", "length", "frame", "timestamp_ns", "row"):
                known = np.asarray(getattr(self, name))
                larger = np.full(rows, -1 if name == "row" else 0, known.dtype)
                larger[: len(known)] = known
                setattr(self, name, memoryview(larger))

    def feed(self, operations: Operations, octets: Octets) -> None:
        """The last values of a batch."""
        i: cython.Py_ssize_t
        row: cython.Py_ssize_t
        number: cython.Py_ssize_t
        count: cython.Py_ssize_t = 0
        length: cython.int
        rows: cython.Py_ssize_t = operations.rows
        follows: cython.uchar[::1] = self.follows
        last: cython.int[::1] = self.row
        behaviours: cython.int[::1] = operations.behaviour
        kinds: cython.int[::1] = operations.value_kind
        known: cython.Py_ssize_t = follows.shape[0]
        touched: cython.int[::1] = memoryview(np.empty(min(rows, known) + 1, np.int32))
        for i in range(rows):
            number = behaviours[i]
            if kinds[i] == 0 or number < 0 or number >= known or follows[number] == 0:
                continue
            if last[number] < 0:
                touched[count] = cython.cast(cython.int, number)
                count += 1
            last[number] = cython.cast(cython.int, i)
        for i in range(count):
            number = touched[i]
            row = last[number]
            last[number] = -1
            self.kind[number] = 0
            length = operations.value_length[row]
            if length < 0 or length > _LONGEST:
                continue
            if length > self.room[number]:
                if self.octets.used + length > self.most:
                    self.dropped += 1
                    continue
                self.at[number] = self.octets.reserve(length)
                self.room[number] = length
            copy(self.octets.data, self.at[number], octets.data, operations.value_at[row], length)
            self.length[number] = length
            self.frame[number] = operations.frame[row]
            self.timestamp_ns[number] = operations.timestamp_ns[row]
            self.kind[number] = kinds[row]

    def value(self, number: int) -> bytes:
        """The octets of the value of a behaviour."""
        at = self.at[number]
        return self.octets.tobytes(at, at + self.length[number])

    def state(self) -> list[list[Any]]:
        """As plain data."""
        return [
            [number, self.timestamp_ns[number], self.frame[number], self.kind[number], self.value(number).hex()]
            for number in np.flatnonzero(np.asarray(self.kind)).tolist()
        ]

    def resume(self, state: list[list[Any]]) -> None:
        """Goes on from `state`."""
        for number, time, frame, kind, value in state:
            known = bytes.fromhex(value)
            if number < 0 or len(known) > LONGEST:
                raise ValueError("no value of a behaviour")
            self.grow(number + 1)
            at = self.octets.reserve(len(known))
            np.asarray(self.octets.data)[at : at + len(known)] = np.frombuffer(known, np.uint8)
            self.at[number], self.room[number], self.length[number] = at, len(known), len(known)
            self.timestamp_ns[number], self.frame[number], self.kind[number] = time, frame, kind
