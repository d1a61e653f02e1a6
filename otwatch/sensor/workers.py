"""Several sensor processes that share the interfaces: started together, stopped together.

The parent opens and analyses nothing. One process that ends takes all with it, for the rest would pass for a whole sensor; whoever started them
(systemd) starts them again. A process whose parent is gone ends, too.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Final, NoReturn

Beat = Callable[[], bool]  # a worker calls it about once a second: False when its parent is gone

_POLL_MS: Final = 500
_STOP_SECONDS: Final = 25.0  # less than systemd's TimeoutStopSec in the unit


def run_workers(count: int, work: Callable[[int, Beat], None], *, begun: Callable[[], None], notify: Callable[[str], None]) -> list[str]:
    """Runs `work(number, beat)` in `count` forked processes until they end; what was wrong, in lines: nothing after a clean stop.

    `begun` is called here when all were started. SIGTERM, SIGINT and SIGHUP go to every worker. `notify` hears READY=1 when all of them work,
    and WATCHDOG=1 each time when all of them showed that they do.
    """
    workers: dict[int, int] = {}  # the pipe's end -> number
    processes: dict[int, int] = {}  # number -> process
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what a worker does until it can do better
    for number in range(1, count + 1):
        reading, writing = os.pipe()
        process = os.fork()
        if process == 0:
            for other in (reading, *workers):
                os.close(other)
            _worker(number, writing, work)
        os.close(writing)
        workers[reading], processes[number] = number, process
    asked = _passed_on(processes)
    try:
        begun()
        _watch(workers, notify, asked)
    finally:
        notify("STOPPING=1")
        for reading in workers:  # a worker that a signal cannot reach yet hears of the end from this
            os.close(reading)
        _signal_all(processes, signal.SIGTERM)
        told = _ends(processes)
    if asked:
        return [text for text in told if not text.endswith("SIGTERM")]  # one was so young that it died of it
    return told or ["the processes ended though nobody asked them to"]


def _worker(number: int, writing: int, work: Callable[[int, Beat], None]) -> NoReturn:
    """The child: does its work and never returns."""
    os.set_blocking(writing, False)

    def beat() -> bool:
        try:
            os.write(writing, b".")
        except BlockingIOError:  # the parent is late
            pass
        except BrokenPipeError:
            return False
        return True

    code = 1
    try:
        work(number, beat)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 - nothing above this may run in a child
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _passed_on(processes: dict[int, int]) -> list[int]:
    """Hands signals on to the workers; the answer grows by those that ask for the end."""
    asked: list[int] = []

    def ending(which: int, _: FrameType | None) -> None:
        asked.append(which)
        _signal_all(processes, signal.SIGTERM)

    signal.signal(signal.SIGTERM, ending)
    signal.signal(signal.SIGINT, ending)
    signal.signal(signal.SIGHUP, lambda *_: _signal_all(processes, signal.SIGHUP))
    return asked


def _signal_all(processes: dict[int, int], which: int) -> None:
    for process in processes.values():
        with suppress(ProcessLookupError, PermissionError):  # it has ended, or has not become the same user yet
            os.kill(process, which)


def _watch(workers: dict[int, int], notify: Callable[[str], None], asked: list[int]) -> None:
    """Until the first of them ends, or the end is asked for."""
    ready = False
    beaten: set[int] = set()
    poller = select.poll()
    for reading in workers:
        poller.register(reading, select.POLLIN)
    while not asked:
        for reading, _ in poller.poll(_POLL_MS):
            if not os.read(reading, 4096):
                return
            beaten.add(reading)
        if len(beaten) == len(workers):
            notify("WATCHDOG=1" if ready else "READY=1")
            ready = True
            beaten.clear()


def _ends(processes: dict[int, int]) -> list[str]:
    """Waits for all of them; one that does not end in time is killed. What was wrong with them."""
    told = []
    last = time.monotonic() + _STOP_SECONDS
    while processes:
        for number, process in list(processes.items()):
            done, status = os.waitpid(process, os.WNOHANG)
            if not done:
                continue
            del processes[number]
            code = os.waitstatus_to_exitcode(status)
            if code:
                told.append(f"process {number} ended: {f'killed by {signal.Signals(-code).name}' if code < 0 else f'exit code {code}'}")
        if time.monotonic() > last:
            _signal_all(processes, signal.SIGKILL)
        time.sleep(0.05)
    return told
