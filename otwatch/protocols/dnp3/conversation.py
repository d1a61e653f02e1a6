# cython: boundscheck=True, wraparound=False, cdivision=True
"""What is remembered between the frames of a flow: fragments under way, requests that wait for their response, the select before an operate.

A flow carries many links (a serial line behind a gateway is multi-dropped), so state is kept per pair of link addresses and,
within it, per side that sends.
"""

from __future__ import annotations

import cython
import numpy as np

from otwatch.protocols.dnp3 import tables
from otwatch.tables import Octets

_PENDING = cython.declare(cython.Py_ssize_t, tables.PENDING)
_FRAME = cython.declare(cython.Py_ssize_t, tables.FRAME)
_TIME = cython.declare(cython.Py_ssize_t, tables.TIME)
_FUNCTION = cython.declare(cython.Py_ssize_t, tables.FUNCTION)
_AREA = cython.declare(cython.Py_ssize_t, tables.AREA)
_OBJECT = cython.declare(cython.Py_ssize_t, tables.OBJECT)
_START = cython.declare(cython.Py_ssize_t, tables.START)
_COUNT = cython.declare(cython.Py_ssize_t, tables.COUNT)
_FIELDS = cython.declare(cython.Py_ssize_t, tables.FIELDS)


class Side:
    """One end of a link as a sender."""

    def __init__(self) -> None:
        # transport: the fragment under way
        self.buffer = Octets(512)
        self.assembling = False
        self.sequence = -1  # of the last segment taken, -1 before the first, after a gap and within what is passed over
        self.segments = 0  # taken of that fragment
        self.last_length = 0  # octets of that segment, at the end of the buffer
        # application, as a master
        self.requests = np.zeros(16 * _FIELDS, np.int64).data
        self.messages = 0  # since the start or the last gap
        self.select = b""  # the objects of the select that an operate must repeat
        self.select_sequence = -1
        self.select_frame = -1
        self.select_ns = 0
        # application, as an outstation
        self.answering = -1  # sequence of the request whose answer is under way in several fragments
        self.answered = -1  # sequence of the newest of those fragments
        self.confirm_sequence = -1  # of the newest response that asks for a confirm
        self.confirm_frame = -1
        self.confirm_ns = 0
        self.unsolicited_sequence = -1  # the same for unsolicited responses
        self.unsolicited_frame = -1
        self.unsolicited_ns = 0
        self.indications = 0  # state bits when last told

    def gap(self) -> None:
        """Octets of this side were never captured: nothing can be concluded from what is missing."""
        self.sequence = -1
        self.messages = 0

    def ask(self, sequence: cython.int, frame: cython.longlong, time_ns: cython.longlong, function: cython.int) -> cython.int:
        """Remembers a request; returns 1 when that forgets an unanswered one of the same sequence number."""
        at: cython.Py_ssize_t = sequence * _FIELDS
        requests = self.requests
        lost: cython.int = 1 if requests[at + _PENDING] else 0
        requests[at + _PENDING] = 1
        requests[at + _FRAME] = frame
        requests[at + _TIME] = time_ns
        requests[at + _FUNCTION] = function
        requests[at + _AREA] = -1
        requests[at + _OBJECT] = -1
        requests[at + _START] = -1
        requests[at + _COUNT] = -1
        return lost

    def unanswered(self) -> cython.int:
        """Requests that still wait."""
        waiting: cython.int = 0
        sequence: cython.Py_ssize_t
        for sequence in range(16):
            if self.requests[sequence * _FIELDS + _PENDING]:
                waiting += 1
        return waiting


class Link:
    """A pair of link addresses; `low` and `high` are the sides by address."""

    def __init__(self, key: cython.longlong) -> None:
        self.key = key
        self.low = Side()
        self.high = Side()


class Conversation:
    """The links of one flow."""

    def __init__(self, limit: cython.Py_ssize_t) -> None:
        self.links: dict[int, Link] = {}
        self.newest: Link | None = None
        self.limit = limit
        self.lost = 0  # unanswered requests of forgotten or repeated sequence numbers
        self.forgotten = 0  # links dropped for the limit

    def link(self, key: cython.longlong) -> Link:
        """The link of a pair of addresses; the oldest of the flow makes room when there are too many."""
        newest: Link | None = self.newest
        if newest is not None and newest.key == key:
            return newest
        found = self.links.get(key)
        if found is None:
            if len(self.links) >= self.limit:
                oldest: Link = self.links.pop(next(iter(self.links)))
                self.lost += oldest.low.unanswered() + oldest.high.unanswered()
                self.forgotten += 1
            found = Link(key)
            self.links[key] = found
        self.newest = found
        return found

    def unanswered(self) -> cython.int:
        """Requests of the flow that got no response."""
        total: cython.int = self.lost
        link: Link
        for link in self.links.values():
            total += link.low.unanswered() + link.high.unanswered()
        return total
