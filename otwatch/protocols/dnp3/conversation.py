# cython: boundscheck=True, wraparound=False, cdivision=True
"""What is remembered between the frames of a flow: fragments under way, requests that wait for their response, the select before an operate.

A flow carries many links (a serial line behind a gateway is multi-dropped), so state is kept per pair of link addresses and,
within it, per side that sends.
"""

from __future__ import annotations

import cython
import numpy as np

from otwatch.tables import Octets

# One request that waits: the columns of `Side.requests`, for each of the 16 application sequence numbers.
PENDING = 0
FRAME = 1
TIME = 2
FUNCTION = 3
AREA = 4
OBJECT = 5
START = 6
COUNT = 7
FIELDS = 8


class Side:
    """One end of a link as a sender."""

    def __init__(self) -> None:
        # transport: the fragment under way
        self.buffer = Octets(512)
        self.assembling = False
        self.sequence = -1  # of the last segment taken, -1 before the first and after a gap
        self.last_length = 0  # octets of that segment, at the end of the buffer
        # application, as a master
        self.requests = memoryview(np.zeros(16 * FIELDS, np.int64))
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
        at: cython.Py_ssize_t = sequence * FIELDS
        requests = self.requests
        lost: cython.int = 1 if requests[at + PENDING] else 0
        requests[at + PENDING] = 1
        requests[at + FRAME] = frame
        requests[at + TIME] = time_ns
        requests[at + FUNCTION] = function
        requests[at + AREA] = -1
        requests[at + OBJECT] = -1
        requests[at + START] = -1
        requests[at + COUNT] = -1
        return lost

    def unanswered(self) -> cython.int:
        """Requests that still wait."""
        waiting: cython.int = 0
        sequence: cython.Py_ssize_t
        for sequence in range(16):
            if self.requests[sequence * FIELDS + PENDING]:
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
        self.newest = None
        self.limit = limit
        self.lost = 0  # unanswered requests of forgotten or repeated sequence numbers
        self.forgotten = 0  # links dropped for the limit

    def link(self, key: cython.longlong) -> Link:
        """The link of a pair of addresses; the oldest of the flow makes room when there are too many."""
        newest: Link = self.newest
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
