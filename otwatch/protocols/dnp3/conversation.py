# cython: boundscheck=True, wraparound=False, cdivision=True
"""What is remembered between the frames of a flow: fragments under way, requests that wait for their response, the select before an operate.

A flow carries many links (a serial line behind a gateway is multi-dropped), so state is kept per pair of link addresses and,
within it, per side that sends.
"""

from __future__ import annotations

import cython

from otwatch.protocols.kit.pairing import Pairing
from otwatch.tables import Octets


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
        self.queue = -1  # of its requests in the pairing; -1 before the first
        self.lost = 0  # requests whose sequence number came round before they were answered
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
        self.device = -1  # its number in kit.habits

    def gap(self) -> None:
        """Octets of this side were never captured: nothing can be concluded from what is missing."""
        self.sequence = -1
        self.messages = 0


class Link:
    """A pair of link addresses; `low` and `high` are the sides by address."""

    def __init__(self, key: cython.longlong) -> None:
        self.key = key
        self.requested = False  # a request was seen, and compared with the address of the connection's master
        self.low = Side()
        self.high = Side()


class Conversation:
    """The links of one flow."""

    def __init__(self, pairing: Pairing) -> None:
        self.pairing = pairing
        self.links: dict[int, Link] = {}
        self.newest: Link | None = None
        self.master = -1  # link address from which the first request came
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
        self.lost += self.give_back(oldest)
        self.forgotten += 1
        self.newest = None
        return 1

    def give_back(self, link: Link) -> cython.longlong:
        """The link is forgotten; returns how many of its requests got no response."""
        waiting: cython.longlong = link.low.lost + link.high.lost
        if link.low.queue >= 0:
            waiting += self.pairing.give_back(link.low.queue)
        if link.high.queue >= 0:
            waiting += self.pairing.give_back(link.high.queue)
        link.low.queue = link.high.queue = -1
        return waiting

    def close(self) -> cython.longlong:
        """The flow is over; returns how many of its requests got no response."""
        total: cython.longlong = self.lost
        link: Link
        for link in self.links.values():
            total += self.give_back(link)
        return total
