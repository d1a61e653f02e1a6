"""Recordings in several processes at once, here or on other machines.

Their results come in order, each as our own saved bytes; no live object comes back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from otwatch.engine.detector import Policy
from otwatch.engine.observing import not_observed, observe
from otwatch.engine.state import Observed, Wanted
from otwatch.outputs.rows import Rows

Done = tuple[list[str], Observed]


class Task(Protocol):
    """A recording that was handed to a pool."""

    @property
    def paths(self) -> list[str]:
        """Its captures."""

    def done(self) -> bool:
        """Whether its result can be had without waiting."""

    def result(self, stop: Callable[[], bool]) -> Observed | None:
        """What was observed, after waiting for it: also where it failed, with the reason. None: not begun before `stop` said so."""


class Pool(Protocol):
    """Where recordings are read."""

    def ahead(self) -> int:
        """Recordings that may be read or wait at one time: what bounds memory."""

    def submit(self, paths: list[str]) -> Task:
        """Reads a recording when there is room."""

    def close(self, *, at_once: bool) -> None:
        """Ends it; `at_once`: what is being read is of no use any more."""


def in_order(recordings: Iterable[list[str]], pool: Pool, *, stop: Callable[[], bool] = lambda: False) -> Iterator[Done]:
    """The captures of each recording and what was observed of it, in the given order. When `stop` says so, no other is begun. The pool is closed."""
    waiting: deque[Task] = deque()
    try:
        for paths in recordings:
            if stop():
                break
            waiting.append(pool.submit(paths))
            while len(waiting) >= pool.ahead() or (waiting and waiting[0].done()):
                yield from _first(waiting, stop)
        while waiting:
            yield from _first(waiting, stop)
    finally:
        pool.close(at_once=bool(waiting))


def _first(waiting: deque[Task], stop: Callable[[], bool]) -> Iterator[Done]:
    observed = waiting[0].result(stop)
    task = waiting.popleft()
    if observed is not None:
        yield task.paths, observed


def saved(paths: Sequence[str], policy: Policy | None, wanted: Wanted, *, stop: Callable[[], bool] = lambda: False) -> bytes:
    """Reads a recording where the work is done, saved. A fault of ours in one costs no other: it is named like a capture that cannot be read."""
    tables = {table: Rows() for table in wanted.tables}
    try:
        observed = observe(paths, policy, wanted, tables, stop=stop)
    except Exception as error:  # noqa: BLE001 - whatever it is
        observed = not_observed(paths, f"the analysis failed: {type(error).__name__}: {error}; please report it")
    observed.tables = tables
    return observed.save()
