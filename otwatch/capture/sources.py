"""Where the bytes of a capture come from, as windows on a buffer: a mapped file, or blocks of a stream (pipe, decompressor).

A source has `data` (the buffer), `start` and `end` (the window in it), `base` (offset in the file of data[0]) and `final` (whether nothing
follows the window). `advance(position, needed)` gives up the bytes before `position`; unless `needed` is 0 it makes the window longer,
to that many bytes where there are as many, and may move the bytes, so that offsets into `data` are void.
"""

from __future__ import annotations

import mmap
import os
from contextlib import suppress
from typing import Protocol

from otwatch.capture.compressed import Stream

_RELEASE_BYTES = 8 << 20  # mapped pages behind the reader are given back in steps of this size
_WINDOW_BYTES = 16 << 20  # of a mapped file at a time: what a batch of large packets may hold in memory
_BLOCK_BYTES = 1 << 20


class Source(Protocol):
    """See the module's text."""

    data: memoryview
    start: int
    end: int
    base: int
    final: bool

    def advance(self, position: int, needed: int) -> None:
        """Gives up the bytes before `position`, gets more."""

    def close(self) -> None:
        """Gives everything back."""


class MappedFile:
    """A regular file, mapped whole as long as it is now; pages that were read are given back, so that memory does not grow with the file.

    A file that is cut while it is mapped would kill the process at the next access (SIGBUS), so its size is looked at before each step.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self._map = mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)
        self._descriptor = descriptor
        self._size = size
        self._released = 0
        self.data = memoryview(self._map)
        self.start = 0
        self.end = 0
        self.base = 0
        self.final = False
        with suppress(OSError):
            self._map.madvise(mmap.MADV_SEQUENTIAL)

    def advance(self, position: int, needed: int) -> None:
        self._size = min(self._size, os.fstat(self._descriptor).st_size)
        self.start = position
        self.end = max(position, min(self._size, position + max(_WINDOW_BYTES, needed)))
        self.final = self.end >= self._size
        done = position - position % _RELEASE_BYTES
        if done > self._released:
            with suppress(OSError):
                self._map.madvise(mmap.MADV_DONTNEED, self._released, done - self._released)
            self._released = done

    def close(self) -> None:
        self.data = memoryview(b"")
        with suppress(BufferError):  # a reader of the last batch still holds a view: it is unmapped with that
            self._map.close()


class Blocks:
    """A stream, read block by block into one buffer that is used again; it grows only as far as a record's bytes really arrive."""

    def __init__(self, stream: Stream, head: bytes, *, block_bytes: int = _BLOCK_BYTES) -> None:
        self._stream = stream
        self._buffer = bytearray(max(block_bytes, len(head), 1))
        self._buffer[:len(head)] = head
        self.data = memoryview(self._buffer)
        self.start = 0
        self.end = len(head)
        self.base = 0
        self.final = False

    def advance(self, position: int, needed: int) -> None:
        if not needed:
            self.start = position
            return
        left = self.end - position
        if left:  # bytes of one record at most: the walk goes on until no whole record is left
            self.data[:left] = bytes(self.data[position:self.end])
        self.base += position
        self.start, self.end = 0, left
        if left == len(self.data):
            self._grow()
        while not self.final:
            count = self._stream.readinto(self.data[self.end:])
            self.final = count == 0
            self.end += count
            if self.end >= needed:
                break
            if self.end == len(self.data):
                self._grow()

    def _grow(self) -> None:
        larger = bytearray(2 * len(self.data))
        larger[:self.end] = self.data[:self.end]
        self._buffer = larger
        self.data = memoryview(larger)

    def close(self) -> None:
        self.data = memoryview(b"")
