# cython: boundscheck=True, wraparound=False, cdivision=True
"""How many requests a client sends a device, against its habit: requests in, surges out, on packet time.

Requests of a pair (client, device, protocol) are counted in five-second pieces of time, all of them and the commands among them. The habit of a pair
is the largest piece so far that was no surge. A pair that was there in the first ten seconds is compared with its own habit, once it has one; a pair
that came later with that of the other clients of the device, until it has a minute of its own. A surge is more than ten times that, and at least as
much as `least_requests` or `least_commands`. A steady rate from the first message on is a habit, however high.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cython
import numpy as np

from otwatch.actions import CHANGING, ENGINEERING, Action, Role
from otwatch.groups import grouped
from otwatch.tables import Behaviours, Operations

PIECE_NS: Final = 5_000_000_000
_PIECE_NS = cython.declare(cython.longlong, 5_000_000_000)
_COLD_START_NS: Final = 10_000_000_000
_SETTLED: Final = 2  # pieces after which a pair has a habit
_OWN: Final = 12  # pieces after which a pair that came later is compared with itself
_TIMES: Final = 10
_NEVER: Final = 0x7FFF_FFFF
_REQUEST = cython.declare(cython.int, int(Role.REQUEST))
_COMMANDS: Final = frozenset(CHANGING) | frozenset(ENGINEERING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surge:
    """One surge, at the request that made it one."""

    row: int  # in operations
    what: str  # requests, or commands
    requests: int  # so far in its piece of time
    habit: int  # of a piece of time
    compared: str  # own, others, or none


class Pace:
    """The pairs of one observation."""

    def __init__(self, least_requests: int = 100, least_commands: int = 50, least_alone: int = 100) -> None:
        self.least = (least_requests, least_commands)
        self.least_alone = least_alone  # commands of a newcomer to a device that nobody else asks
        self.pairs: dict[tuple[int, int, int], int] = {}
        self.keys: list[tuple[int, int, int]] = []
        self.clients: dict[tuple[int, int], list[int]] = {}  # pairs of a device and protocol
        self.first_ns = -1
        self.known = 0
        self.pair = memoryview(np.full(1024, -1, np.int32))  # by behaviour
        self.command = memoryview(np.zeros(1024, np.uint8))
        # by 2 * pair (+ 1: its commands alone)
        self.piece = memoryview(np.full(512, -1, np.int64))
        self.began = memoryview(np.full(512, -1, np.int64))  # its first piece
        self.count = memoryview(np.zeros(512, np.int32))
        self.limit = memoryview(np.zeros(512, np.int32))  # count that makes a surge
        self.habit = memoryview(np.zeros(512, np.int32))
        self.reference = memoryview(np.zeros(512, np.int32))
        self.late = memoryview(np.zeros(512, np.uint8))  # it came after the first ten seconds

    def learn(self, behaviours: Behaviours, function_name: Any) -> None:
        """Takes behaviours that are new. What writes by its `function_name` (protocol, function, subfunction) is a command, whatever it writes."""
        if behaviours.rows == self.known:
            return
        if behaviours.rows > len(self.pair):
            room = max(behaviours.rows, 2 * len(self.pair))
            self.pair, self.command = _larger(self.pair, room, -1), _larger(self.command, room, 0)
        names = ("source", "destination", "protocol", "role", "action", "function", "subfunction")
        columns = [behaviours.array(name)[self.known :] for name in names]
        first, which = grouped(columns)
        kept = [column[first].tolist() for column in columns]
        pairs, commands = np.full(len(first), -1, np.int32), np.zeros(len(first), np.uint8)
        for place, (src, dst, protocol, role, action, function, subfunction) in enumerate(zip(*kept, strict=True)):
            if role == Role.REQUEST and src >= 0 and dst >= 0 and protocol > 0:
                pairs[place] = self._number((src, dst, protocol))
                commands[place] = Action(action) in _COMMANDS or function_name(protocol, function, subfunction).startswith("write")
        np.asarray(self.pair)[self.known : behaviours.rows] = pairs[which]
        np.asarray(self.command)[self.known : behaviours.rows] = commands[which]
        self.known = behaviours.rows

    def _number(self, key: tuple[int, int, int]) -> int:
        found = self.pairs.get(key)
        if found is None:
            found = self.pairs[key] = len(self.keys)
            self.keys.append(key)
            self.clients.setdefault(key[1:], []).append(found)
            if 2 * found + 1 >= len(self.piece):
                room = 4 * (found + 1)
                self.piece, self.began = _larger(self.piece, room, -1), _larger(self.began, room, -1)
                self.count, self.limit, self.habit = (_larger(column, room, 0) for column in (self.count, self.limit, self.habit))
                self.reference, self.late = _larger(self.reference, room, 0), _larger(self.late, room, 0)
        return found

    def feed(self, operations: Operations) -> list[Surge]:
        """The surges that these operations make."""
        found: list[Surge] = []
        i: cython.Py_ssize_t
        number: cython.Py_ssize_t
        at: cython.Py_ssize_t
        last: cython.Py_ssize_t
        piece: cython.longlong
        pair: cython.int[::1] = self.pair
        command: cython.uchar[::1] = self.command
        pieces: cython.longlong[::1] = self.piece
        count: cython.int[::1] = self.count
        limit: cython.int[::1] = self.limit
        behaviours: cython.int[::1] = operations.behaviour
        roles: cython.uchar[::1] = operations.role
        items: cython.int[::1] = operations.item
        times: cython.longlong[::1] = operations.timestamp_ns
        for i in range(operations.rows):
            if roles[i] != _REQUEST or items[i] > 0:
                continue
            number = behaviours[i]
            if pair[number] < 0:
                continue
            piece = times[i] // _PIECE_NS
            at = 2 * pair[number]
            last = at + command[number]
            while at <= last:
                if piece > pieces[at]:
                    self._begin(at, piece, times[i])
                count[at] += 1
                if count[at] == limit[at]:
                    found.append(self._surge(i, at))
                at += 1
        return found

    def _begin(self, at: int, piece: int, now_ns: int) -> None:
        """A new piece of time: what the last one says of the habit, and what this one is measured by."""
        if self.first_ns < 0:
            self.first_ns = now_ns
        if self.began[at] < 0:
            self.began[at] = piece
            self.late[at] = self.late[at & ~1] if at & 1 else now_ns - self.first_ns >= _COLD_START_NS
        elif self.count[at] < self.limit[at]:
            self.habit[at] = max(self.habit[at], self.count[at])
        self.piece[at], self.count[at] = piece, 0
        self.reference[at], limit = self._measure(at, piece)
        self.limit[at] = min(limit, _NEVER)

    def _measure(self, at: int, piece: int) -> tuple[int, int]:
        """(habit that this piece is compared with, count that makes it a surge)."""
        least = self.least[at & 1]
        began = self.began[at & ~1]  # of the pair: its first commands are measured by what it did before
        if piece - began >= (_OWN if self.late[at] else _SETTLED):
            return self.habit[at], max(least, _TIMES * self.habit[at] + 1)
        if not self.late[at]:
            return 0, _NEVER
        others = [
            2 * other + (at & 1)
            for other in self.clients[self.keys[at >> 1][1:]]
            if other != at >> 1 and not self.late[2 * other] and 0 <= self.began[2 * other] <= piece - _SETTLED
        ]
        if not others:
            return 0, self.least_alone if at & 1 else _NEVER
        habit = max(self.habit[other] for other in others)
        return habit, max(least, _TIMES * habit + 1)

    def _surge(self, row: int, at: int) -> Surge:
        settled = self.piece[at] - self.began[at & ~1] >= (_OWN if self.late[at] else _SETTLED)
        compared = "own" if settled else "others" if self.reference[at] or len(self.clients[self.keys[at >> 1][1:]]) > 1 else "none"
        return Surge(row=row, what="commands" if at & 1 else "requests", requests=self.count[at], habit=self.reference[at], compared=compared)

    def state(self) -> dict[str, Any]:
        """What a restart must not lose, as plain numbers."""
        columns = (self.piece, self.began, self.count, self.limit, self.habit, self.reference, self.late)
        pairs = [[*key, *(int(column[2 * at + k]) for k in (0, 1) for column in columns)] for at, key in enumerate(self.keys)]
        return {"first_ns": self.first_ns, "pairs": pairs}

    def resume(self, state: dict[str, Any]) -> None:
        """Fills a fresh one."""
        self.first_ns = int(state["first_ns"])
        for src, dst, protocol, *numbers in state["pairs"]:
            at = 2 * self._number((int(src), int(dst), int(protocol)))
            columns = (self.piece, self.began, self.count, self.limit, self.habit, self.reference, self.late)
            for k in (0, 1):
                for column, number in zip(columns, numbers[k * len(columns) : (k + 1) * len(columns)], strict=True):
                    column[at + k] = int(number)


def _larger(column: Any, room: int, fill: int) -> Any:
    known = np.asarray(column)
    larger = np.full(room, fill, known.dtype)
    larger[: len(known)] = known
    return memoryview(larger)
