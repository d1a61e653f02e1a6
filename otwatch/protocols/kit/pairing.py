# cython: boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
"""Requests that wait for their response, and the last ones that had theirs: queues of all flows in one pool of columns.

A queue belongs to one side of one dialogue: `2 * flow + direction` of its requests, or a number of `new_queue` where a flow holds several dialogues.
An entry is one item of a request; the entries of a request follow each other, and all but the first have `item` above 0. Requests with one
identifier form a queue of their own within it: the oldest is answered first. Where the identifier of a response is useless (a habit of the
device, see habits.py), `in_order` finds what it answers. Bounded: at most `limit` waiting requests a queue (the oldest makes room) and
ANSWERED_KEPT answered ones, kept to know a second, different answer.
"""

from __future__ import annotations

import cython
import numpy as np

EXACT = 0
OTHER_FUNCTION = 1
OTHER_UNIT = 2
IN_ORDER = 3

_ANSWERED_KEPT = cython.declare(cython.int, 4)  # a forged answer comes right before or after the true one
_EXACT = cython.declare(cython.int, EXACT)
_OTHER_FUNCTION = cython.declare(cython.int, OTHER_FUNCTION)
_OTHER_UNIT = cython.declare(cython.int, OTHER_UNIT)
_IN_ORDER = cython.declare(cython.int, IN_ORDER)
_NONE = cython.declare(cython.int, IN_ORDER + 1)


class Pairing:
    """See the module. -1 is "no entry" and the end of every chain."""

    def __init__(self, limit: cython.int) -> None:
        self.limit = limit
        self.dropped = 0
        self.match = _EXACT
        self.before = -1
        self.free = -1
        self.entries = 0
        self.payload = []  # by entry, where a protocol keeps more of a request than the columns hold; grown by `keep`
        self.unused = []  # queues that were given back
        self.given = 0
        self._make_entries(64)
        self.queues = 0
        self._make_queues(64)

    def _make_entries(self, capacity: cython.Py_ssize_t) -> object:
        for name, dtype in (("transaction", np.int32), ("unit", np.int32), ("function", np.int32), ("subfunction", np.int32),
                            ("area", np.int32), ("object", np.int64), ("start", np.int64), ("count", np.int64), ("item", np.int32),
                            ("action", np.uint8), ("digest", np.uint32), ("value", np.uint32), ("frame", np.int64),
                            ("timestamp_ns", np.int64), ("next", np.int32)):
            larger = np.full(capacity, 0, dtype)
            if self.entries:
                larger[:self.entries] = np.asarray(getattr(self, name))[:self.entries]
            setattr(self, name, memoryview(larger))
        return None

    def _make_queues(self, capacity: cython.Py_ssize_t) -> object:
        for name, dtype, empty in (("first", np.int32, -1), ("last", np.int32, -1), ("waiting", np.int32, 0), ("done_first", np.int32, -1),
                                   ("done_last", np.int32, -1), ("done", np.int32, 0)):
            larger = np.full(capacity, empty, dtype)
            if self.queues:
                larger[:self.queues] = np.asarray(getattr(self, name))[:self.queues]
            setattr(self, name, memoryview(larger))
        self.queues = capacity
        return None

    def make_room(self, queue: cython.Py_ssize_t) -> object:
        """Queue numbers up to this one can be used."""
        if queue >= self.queues:
            self._make_queues(max(queue + 1, 2 * self.queues))
        return None

    def new_queue(self) -> cython.int:
        """The number of a queue that nobody uses, for dialogues that are not one a flow and direction."""
        if self.unused:
            return int(self.unused.pop())
        self.given += 1
        self.make_room(self.given - 1)
        return self.given - 1

    def give_back(self, queue: cython.int) -> cython.int:
        """The dialogue of a `new_queue` is over; returns how many requests were waiting in it."""
        waiting: cython.int = self.forget(queue)
        self.unused.append(queue)
        return waiting

    def keep(self, entry: cython.int, payload: object) -> object:
        """Keeps an object with a request."""
        while len(self.payload) <= entry:
            self.payload.append(None)
        self.payload[entry] = payload
        return None

    def ask(self, queue: cython.Py_ssize_t, item: cython.int) -> cython.int:
        """A new entry at the end of a queue; the caller sets its columns."""
        entry: cython.int = self.free
        if entry >= 0:
            self.free = self.next[entry]
        else:
            if self.entries == self.next.shape[0]:
                self._make_entries(2 * self.entries)
            entry = self.entries
            self.entries += 1
        self.item[entry] = item
        self.next[entry] = -1
        if self.last[queue] >= 0:
            self.next[self.last[queue]] = entry
        else:
            self.first[queue] = entry
        self.last[queue] = entry
        if item == 0:
            self.waiting[queue] += 1
        return entry

    def drop_oldest(self, queue: cython.Py_ssize_t) -> object:
        """Forgets the oldest waiting request of a queue; counted."""
        self.before = -1
        self.free_run(self.take(queue, self.first[queue]))
        self.dropped += 1
        return None

    def find(self, queue: cython.Py_ssize_t, transaction: cython.int, unit: cython.int, function: cython.int, newest: cython.bint) -> cython.int:
        """The waiting request that a response answers, or -1. `match` says how well; `before` is what stands before it in the queue.

        The oldest (after a gap, the `newest`) with the same transaction, unit and function; else with another function; else with
        another unit. transaction -1: a serial line, where only unit and function tell. function -1: the response names none, any is exact.
        """
        entry: cython.int = self.first[queue]
        before: cython.int = -1
        found: cython.int = -1
        found_before: cython.int = -1
        level: cython.int
        best: cython.int = _NONE
        while entry >= 0:
            if self.item[entry] == 0 and self.transaction[entry] == transaction:
                if self.unit[entry] == unit:
                    level = _EXACT if function < 0 or self.function[entry] == function else _OTHER_FUNCTION
                elif transaction >= 0 and self.function[entry] == function:
                    level = _OTHER_UNIT
                else:
                    level = _NONE
                if level < best or (newest and level == best and level <= _OTHER_UNIT):
                    best = level
                    found = entry
                    found_before = before
                    if level == _EXACT and not newest:
                        break
            before = entry
            entry = self.next[entry]
        self.match = best
        self.before = found_before
        return found

    def in_order(self, queue: cython.Py_ssize_t, unit: cython.int, function: cython.int, newest: cython.bint) -> cython.int:
        """The oldest (or `newest`) waiting request of a unit and function (-1 any), whatever its identifier; -1 if none. Sets `match`, `before`."""
        entry: cython.int = self.first[queue]
        before: cython.int = -1
        found: cython.int = -1
        while entry >= 0:
            if self.item[entry] == 0 and self.unit[entry] == unit and (function < 0 or self.function[entry] == function):
                found = entry
                self.before = before
                if not newest:
                    break
            before = entry
            entry = self.next[entry]
        self.match = _IN_ORDER if found >= 0 else _NONE
        return found

    def take(self, queue: cython.Py_ssize_t, entry: cython.int) -> cython.int:
        """Takes a request (found last, `before` still true) out of its queue; returns it, its items still chained to it."""
        before: cython.int = self.before
        end: cython.int = entry
        after: cython.int = self.next[entry]
        while after >= 0 and self.item[after] > 0:
            end = after
            after = self.next[after]
        self.next[end] = -1
        if before >= 0:
            self.next[before] = after
        else:
            self.first[queue] = after
        if after < 0:
            self.last[queue] = before
        self.waiting[queue] -= 1
        return entry

    def keep_answered(self, queue: cython.Py_ssize_t, entry: cython.int, digest: cython.uint) -> object:
        """Remembers a request taken as answered, with its items: a second answer names the same places."""
        oldest: cython.int
        end: cython.int = entry
        while self.next[end] >= 0:
            end = self.next[end]
        self.digest[entry] = digest
        if self.done_last[queue] >= 0:
            self.next[self.done_last[queue]] = entry
        else:
            self.done_first[queue] = entry
        self.done_last[queue] = end
        if self.done[queue] < _ANSWERED_KEPT:
            self.done[queue] += 1
            return None
        while True:  # the oldest, with its items
            oldest = self.done_first[queue]
            self.done_first[queue] = self.next[oldest]
            self.next[oldest] = self.free
            self.free = oldest
            if self.item[self.done_first[queue]] == 0:
                return None

    def find_answered(self, queue: cython.Py_ssize_t, transaction: cython.int, unit: cython.int) -> cython.int:
        """The newest answered request of a transaction, or -1."""
        found: cython.int = -1
        entry: cython.int = self.done_first[queue]
        while entry >= 0:
            if self.item[entry] == 0 and self.transaction[entry] == transaction and self.unit[entry] == unit:
                found = entry
            entry = self.next[entry]
        return found

    def free_run(self, entry: cython.int) -> object:
        """Lets a chain of entries go."""
        following: cython.int
        while entry >= 0:
            following = self.next[entry]
            self.next[entry] = self.free
            self.free = entry
            entry = following
        return None

    def forget(self, queue: cython.Py_ssize_t) -> cython.int:
        """Empties a queue; returns how many requests were waiting in it."""
        waiting: cython.int
        if queue < 0 or queue >= self.queues:
            return 0
        waiting = self.waiting[queue]
        self.free_run(self.first[queue])
        self.free_run(self.done_first[queue])
        self.first[queue] = self.last[queue] = self.done_first[queue] = self.done_last[queue] = -1
        self.waiting[queue] = self.done[queue] = 0
        return waiting
