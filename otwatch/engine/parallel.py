"""Recordings in several processes at once: their results in order, each as our own saved bytes; no live object comes back.

A process that ends (killed, out of memory) costs the recording that it cannot read, which is named; the others are read. A child whose parent
is gone ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.synchronize import Event
from typing import Final

from otwatch.engine.detector import Policy
from otwatch.engine.observing import not_observed, observe
from otwatch.engine.state import Observed, Wanted
from otwatch.outputs.rows import Rows

_AHEAD: Final = 2  # recordings a process that may wait, read or unread: what bounds memory
_LOOK_SECONDS: Final = 0.2  # how often to look whether the end was asked for

Done = tuple[list[str], Observed]


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_parallel(
    recordings: Iterable[list[str]], jobs: int, policy: Policy | None, wanted: Wanted, *, stop: Callable[[], bool] = lambda: False
) -> Iterator[Done]:
    """The captures of each recording and what was observed of it, in the given order. When `stop` says so, what is being read ends at its next batch
    and is given, and no other is begun."""
    pool = _Pool(jobs, policy, wanted)
    waiting: deque[tuple[list[str], Future[bytes]]] = deque()
    try:
        for paths in recordings:
            if stop():
                break
            waiting.append((paths, pool.submit(paths)))
            while len(waiting) >= _AHEAD * jobs or (waiting and waiting[0][1].done()):
                yield from _next(pool, waiting, stop)
        while waiting:
            yield from _next(pool, waiting, stop)
    finally:
        pool.close(at_once=bool(waiting))


def _next(pool: _Pool, waiting: deque[tuple[list[str], Future[bytes]]], stop: Callable[[], bool]) -> Iterator[Done]:
    """The first of those that wait, unless it was not begun before the end was asked for."""
    paths, future = waiting[0]
    while not wait([future], timeout=_LOOK_SECONDS).done:
        if stop():
            pool.stopping.set()
            for _, one in waiting:
                one.cancel()
    waiting.popleft()
    if future.cancelled():
        return
    try:
        yield paths, Observed.load(future.result())
    except BrokenProcessPool:
        yield paths, pool.alone(paths)
        behind = [one for one, _ in waiting]
        waiting.clear()
        waiting.extend((one, pool.submit(one)) for one in behind)


class _Pool:
    """The processes; made again when one of them died."""

    def __init__(self, jobs: int, policy: Policy | None, wanted: Wanted) -> None:
        # a forked child has the rules already; elsewhere than on Linux, forking is not safe
        self._context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        self.stopping = self._context.Event()
        self._jobs = jobs
        self._begin = (policy, wanted, self.stopping)
        self._executor = self._made(jobs)

    def _made(self, jobs: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(jobs, self._context, initializer=_begin, initargs=self._begin)

    def submit(self, paths: list[str]) -> Future[bytes]:
        """Reads a recording when a process has time."""
        return self._executor.submit(_work, paths)

    def alone(self, paths: list[str]) -> Observed:
        """Reads a recording during which a process died, once more and by itself: so it is known whether it is to blame."""
        self._executor.shutdown(wait=True, cancel_futures=True)
        with self._made(1) as executor:
            try:
                observed = Observed.load(executor.submit(_work, paths).result())
            except BrokenProcessPool:
                observed = not_observed(paths, "the process that read it was killed (out of memory?); the other captures were read")
        self._executor = self._made(self._jobs)
        return observed

    def close(self, *, at_once: bool) -> None:
        """Ends the processes; `at_once`: what they are reading is of no use any more."""
        self.stopping.set()
        if at_once:
            for process in multiprocessing.active_children():
                process.terminate()
        self._executor.shutdown(wait=True, cancel_futures=True)


class _Here:
    """What a child process knows."""

    policy: Policy | None
    wanted: Wanted
    stopping: Event


def _begin(policy: Policy | None, wanted: Wanted, stopping: Event) -> None:
    """A child begins: Ctrl-C is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Here.policy, _Here.wanted, _Here.stopping = policy, wanted, stopping
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.join,), daemon=True).start()


def _end_with(joined: Callable[[], None]) -> None:
    joined()
    os._exit(1)


def _work(paths: Sequence[str]) -> bytes:
    """Reads a recording in a child; a fault of ours in one costs no other."""
    tables = {table: Rows() for table in _Here.wanted.tables}
    try:
        observed = observe(paths, _Here.policy, _Here.wanted, tables, stop=_Here.stopping.is_set)
    except Exception as error:  # noqa: BLE001 - named, like a capture that cannot be read
        observed = not_observed(paths, f"the analysis failed: {type(error).__name__}: {error}; please report it")
    observed.tables = tables
    return observed.save()
