# cython: boundscheck=True, wraparound=False, cdivision=True
"""Messages that come in parts, put together by key: COTP fragments, chunks, segments. Capped in bytes, each message and all together."""

from __future__ import annotations

import cython

from otwatch.tables import Octets

_KEPT = cython.declare(cython.Py_ssize_t, 4096)  # a larger buffer is given back when its message is whole


class Parts:
    """What has come of messages that are not whole yet."""

    def __init__(self, limit: cython.Py_ssize_t, limit_total: cython.Py_ssize_t) -> None:
        self.limit = limit
        self.limit_total = limit_total
        self.held = 0  # bytes, over all keys
        self.buffers: dict[int, Octets] = {}

    def size(self, key: cython.longlong) -> cython.Py_ssize_t:
        """Bytes held of a message."""
        part = self.buffers.get(key)
        return 0 if part is None else part.used

    def add(self, key: cython.longlong, source: Octets, at: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.bint:
        """The next part, source[at:end]; False over a cap: what was held of the message is dropped."""
        part: Octets = self.buffers.get(key)
        if part is None:
            part = self.buffers[key] = Octets(256)
        if part.used + end - at > self.limit or self.held + end - at > self.limit_total:
            self.drop(key)
            return False
        if end > at:
            part.append(source.data, at, end)
            self.held += end - at
        return True

    def take(self, key: cython.longlong, target: Octets) -> cython.Py_ssize_t:
        """The message is whole: its bytes go to the end of `target`; returns where they start."""
        part: Octets = self.buffers[key]
        at: cython.Py_ssize_t = target.append(part.data, 0, part.used)
        self.drop(key)
        return at

    def drop(self, key: cython.longlong) -> cython.Py_ssize_t:
        """The message will not be whole; returns how many bytes were held of it."""
        part: Octets = self.buffers.get(key)
        size: cython.Py_ssize_t
        if part is None:
            return 0
        size = part.used
        self.held -= size
        if part.data.shape[0] > _KEPT:
            del self.buffers[key]
        else:
            part.clear()
        return size

    def forget(self, key: cython.longlong) -> None:
        """The dialogue of a key is over."""
        self.drop(key)
        self.buffers.pop(key, None)
