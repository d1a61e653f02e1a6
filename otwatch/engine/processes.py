"""A pool of processes of this machine.

A process that ends (killed, out of memory) costs the recording that it cannot read, which is named; the others are read. A child whose parent
is gone ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.synchronize import Event
from typing import Final

from otwatch.engine.detector import Policy
from otwatch.engine.observing import not_observed
from otwatch.engine.parallel import saved
from otwatch.engine.state import Observed, Wanted

_AHEAD: Final = 2  # recordings a process
_LOOK_SECONDS: Final = 0.2  # how often to look whether the end was asked for


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Processes:
    """The pool; its processes are made again when one of them died."""

    def __init__(self, jobs: int, policy: Policy | None, wanted: Wanted) -> None:
        # a forked child has the rules already; elsewhere than on Linux, forking is not safe
        self._context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        self._stopping = self._context.Event()
        self._jobs = jobs
        self._begin = (policy, wanted, self._stopping)
        self._executor = self._made(jobs)
        self._open: list[_Recording] = []

    def _made(self, jobs: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(jobs, self._context, initializer=_begin, initargs=self._begin)

    def ahead(self) -> int:
        """Some for each process, so that none waits for the first of them."""
        return _AHEAD * self._jobs

    def submit(self, paths: list[str]) -> _Recording:
        """Reads a recording when a process has time."""
        recording = _Recording(self, paths, self._executor.submit(_work, paths))
        self._open.append(recording)
        return recording

    def end(self) -> None:
        """What is being read ends at its next batch; the others are not begun."""
        self._stopping.set()
        for recording in self._open:
            recording.future.cancel()

    def closed(self, recording: _Recording) -> None:
        """Its result is known."""
        self._open.remove(recording)

    def alone(self, paths: list[str]) -> Observed:
        """Reads a recording during which a process died, once more and by itself, so that it is known whether it is to blame; then the others."""
        self._executor.shutdown(wait=True, cancel_futures=True)
        with self._made(1) as executor:
            try:
                observed = Observed.load(executor.submit(_work, paths).result())
            except BrokenProcessPool:
                observed = not_observed(paths, "the process that read it was killed (out of memory?); the other captures were read")
        self._executor = self._made(self._jobs)
        for recording in self._open:
            recording.future = self._executor.submit(_work, recording.paths)
        return observed

    def close(self, *, at_once: bool) -> None:
        """Ends the processes, and what they are reading with them where it is of no use."""
        self._stopping.set()
        if at_once:
            for process in multiprocessing.active_children():
                process.terminate()
        self._executor.shutdown(wait=True, cancel_futures=True)


class _Recording:
    """A recording in the pool."""

    def __init__(self, pool: Processes, paths: list[str], future: Future[bytes]) -> None:
        self._pool = pool
        self.paths = paths
        self.future = future

    def done(self) -> bool:
        return self.future.done()

    def result(self, stop: Callable[[], bool]) -> Observed | None:
        while not wait([self.future], timeout=_LOOK_SECONDS).done:
            if stop():
                self._pool.end()
        self._pool.closed(self)
        if self.future.cancelled():
            return None
        try:
            return Observed.load(self.future.result())
        except BrokenProcessPool:
            return self._pool.alone(self.paths)


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


def _work(paths: list[str]) -> bytes:
    return saved(paths, _Here.policy, _Here.wanted, stop=_Here.stopping.is_set)
