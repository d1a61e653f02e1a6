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
_NOTHING = np.zeros(0, np.int64).data


class Side:
    """One end of a link as a sender."""

    def __init__(self) -> None:
        # transport: the fragment under way
        self.buffer = Octets(16)  # most fragments are one frame and never come here
        self.assembling = False
        self.sequence = -1  # of the last segment taken, -1 before the first, after a gap and within what is passed over
        self.segments = 0  # taken of that fragment
        self.last_length = 0  # octets of that segment, at the end of the buffer
        # application, as a master
        self.asks = False
        self.requests = _NOTHING  # its own from the first request on
        self.lost = 0  # requests whose sequence number was used again before they were answered
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

    def ask(self, sequence: cython.int, frame: cython.longlong, time_ns: cython.longlong, function: cython.int) -> None:
        """Remembers a request; an unanswered one of the same sequence number stays unanswered."""
        at: cython.Py_ssize_t = sequence * _FIELDS
        if not self.asks:
            self.asks = True
            self.requests = np.zeros(16 * _FIELDS, np.int64).data
        requests = self.requests
        if requests[at + _PENDING]:
            self.lost += 1
        requests[at + _PENDING] = 1
        requests[at + _FRAME] = frame
        requests[at + _TIME] = time_ns
        requests[at + _FUNCTION] = function
        requests[at + _AREA] = -1
        requests[at + _OBJECT] = -1
        requests[at + _START] = -1
        requests[at + _COUNT] = -1

    def unanswered(self) -> cython.longlong:
        """Requests that got no response."""
        waiting: cython.longlong = self.lost
        sequence: cython.Py_ssize_t
        if not self.asks:
            return 0
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

    def __init__(self) -> None:
        self.links: dict[int, Link] = {}
        self.newest: Link | None = None
        self.lost = 0  # unanswered requests of links dropped for the limit
        self.forgotten = 0  # those links

    def find(self, key: cython.longlong) -> Link | None:
        """The link of a pair of addresses, if it is known."""
        newest: Link | None = self.newest
        if newest is not None and newest.key == key:
            return newest
        found = self.links.get(key)
        if found is not None:
            self.newest = found
        return found

    def add(self, key: cython.longlong) -> Link:
        """A new link."""
        found = Link(key)
        self.links[key] = found
        self.newest = found
        return found

    def drop(self) -> cython.int:
        """Makes room: forgets the oldest link, if there is one; returns how many."""
        if not self.links:
            return 0
        oldest: Link = self.links.pop(next(iter(self.links)))
        self.lost += oldest.low.unanswered() + oldest.high.unanswered()
        self.forgotten += 1
        self.newest = None
        return 1

    def unanswered(self) -> cython.longlong:
        """Requests of the flow that got no response."""
        total: cython.longlong = self.lost
        link: Link
        for link in self.links.values():
            total += link.low.unanswered() + link.high.unanswered()
        return total
