# cython: boundscheck=True, wraparound=False, cdivision=True
"""Devices that answered and fall silent while they are asked: requests in, silences out, on packet time.

A pair is (client, device, protocol, unit). It is silent when at least `requests` of its requests in a row, over at least `for_ns`, have no response.
Nobody is called silent who was never heard to answer: on a tap that shows one direction only nothing is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cython
import numpy as np

from otwatch.actions import Action, Role
from otwatch.groups import grouped
from otwatch.tables import Behaviours, Operations

_ASKING: Final = frozenset({Action.READ, Action.IDENTIFY, Action.DIAGNOSE, Action.BROWSE, Action.WRITE})
_MAY_STAY_UNANSWERED: Final = ("no_ack", "confirm")  # in the names of functions that expect no response
_NOTHING = cython.declare(cython.int, 0)
_ASKS = cython.declare(cython.int, 1)
_ANSWERS = cython.declare(cython.int, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """One silence, at the request that made it one."""

    row: int  # in operations
    src: int
    dst: int
    protocol: int
    unit: int
    requests: int
    since_ns: int


class Silences:
    """The pairs of one observation. `function_name` (protocol, function, subfunction) names functions."""

    def __init__(self, requests: cython.int = 5, for_ns: cython.longlong = 30_000_000_000) -> None:
        self.requests = requests
        self.for_ns = for_ns
        self.pairs: dict[tuple[int, int, int, int], int] = {}
        self.keys: list[tuple[int, int, int, int]] = []
        self.kind = memoryview(np.zeros(1024, np.uint8))  # by behaviour
        self.pair = memoryview(np.zeros(1024, np.int32))
        self.waiting = memoryview(np.full(256, -1, np.int32))  # by pair: requests since the last response; -1: it never answered
        self.since_ns = memoryview(np.zeros(256, np.int64))
        self.last_frame = memoryview(np.zeros(256, np.int64))
        self.known = 0

    def learn(self, behaviours: Behaviours, function_name: Any) -> None:
        """Takes the behaviours that are new."""
        if behaviours.rows == self.known:
            return
        if behaviours.rows > len(self.kind):
            room = max(behaviours.rows, 2 * len(self.kind))
            self.kind, self.pair = _larger(self.kind, room, 0), _larger(self.pair, room, 0)
        names = ("source", "destination", "protocol", "unit", "role", "action", "function", "subfunction")
        columns = [behaviours.array(name)[self.known :] for name in names]
        first, which = grouped(columns)
        kept = [column[first].tolist() for column in columns]
        kinds, pairs = np.zeros(len(first), np.uint8), np.zeros(len(first), np.int32)
        for place, (src, dst, protocol, unit, role, action, function, subfunction) in enumerate(zip(*kept, strict=True)):
            if src < 0 or dst < 0 or protocol <= 0:
                continue
            if role == Role.REQUEST:
                if Action(action) not in _ASKING or any(word in function_name(protocol, function, subfunction) for word in _MAY_STAY_UNANSWERED):
                    continue
                kinds[place] = _ASKS
            else:
                kinds[place] = _ANSWERS
            pairs[place] = self._number((src, dst, protocol, unit))
        np.asarray(self.kind)[self.known : behaviours.rows] = kinds[which]
        np.asarray(self.pair)[self.known : behaviours.rows] = pairs[which]
        self.known = behaviours.rows

    def _number(self, key: tuple[int, int, int, int]) -> int:
        found = self.pairs.get(key)
        if found is None:
            found = self.pairs[key] = len(self.keys)
            self.keys.append(key)
            if found >= len(self.waiting):
                self.waiting = _larger(self.waiting, 2 * found, -1)
                self.since_ns, self.last_frame = _larger(self.since_ns, 2 * found, 0), _larger(self.last_frame, 2 * found, 0)
        return found

    def feed(self, operations: Operations) -> list[Silence]:
        """The silences that these operations make."""
        found: list[Silence] = []
        i: cython.Py_ssize_t
        number: cython.Py_ssize_t
        pair: cython.Py_ssize_t
        kind: cython.int
        now: cython.longlong
        kinds: cython.uchar[::1] = self.kind
        pairs: cython.int[::1] = self.pair
        waiting: cython.int[::1] = self.waiting
        since_ns: cython.longlong[::1] = self.since_ns
        last_frame: cython.longlong[::1] = self.last_frame
        behaviours: cython.int[::1] = operations.behaviour
        frames: cython.longlong[::1] = operations.frame
        times: cython.longlong[::1] = operations.timestamp_ns
        least: cython.int = self.requests
        for_ns: cython.longlong = self.for_ns
        for i in range(operations.rows):
            number = behaviours[i]
            kind = kinds[number]
            if kind == _NOTHING:
                continue
            pair = pairs[number]
            if kind == _ANSWERS:
                waiting[pair] = 0
                continue
            if waiting[pair] < 0 or last_frame[pair] == frames[i]:
                continue  # it never answered; or another item of the same message
            last_frame[pair] = frames[i]
            now = times[i]
            if waiting[pair] == 0:
                since_ns[pair] = now
            waiting[pair] += 1
            if waiting[pair] >= least and now - since_ns[pair] >= for_ns:
                found.append(Silence(row=i, **self._named(pair), requests=waiting[pair], since_ns=since_ns[pair]))
                waiting[pair] = -1  # said once; its next response begins anew
        return found

    def _named(self, pair: int) -> dict[str, int]:
        src, dst, protocol, unit = self.keys[pair]
        return {"src": src, "dst": dst, "protocol": protocol, "unit": unit}

    def state(self) -> list[list[int]]:
        """What a restart must not lose, as plain numbers: source, destination, protocol, unit, waiting, since."""
        return [[*key, self.waiting[at], self.since_ns[at]] for at, key in enumerate(self.keys) if self.waiting[at] >= 0]

    def resume(self, state: list[list[int]]) -> None:
        """Fills a fresh one."""
        for src, dst, protocol, unit, waiting, since_ns in state:
            at = self._number((src, dst, protocol, unit))
            self.waiting[at], self.since_ns[at] = waiting, since_ns


def _larger(column: Any, room: int, fill: int) -> Any:
    known = np.asarray(column)
    larger = np.full(room, fill, known.dtype)
    larger[: len(known)] = known
    return memoryview(larger)
