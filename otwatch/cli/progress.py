"""Progress of long reading, on stderr: one line where that is a terminal (files, name, bytes, rate, time), and a word when a pipe gives nothing."""

from __future__ import annotations

import os
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from otwatch.capture.files import STANDARD_INPUT
from otwatch.cli.failing import complain
from otwatch.outputs.escape import one_line

if TYPE_CHECKING:
    from rich.progress import Progress

_QUIET_SECONDS = 0.7  # short analyses show no bar
_PATIENCE_SECONDS = 1.0


class ReadingProgress:
    """`with ReadingProgress(paths) as progress: analysis.run(paths, on_progress=progress.report)`."""

    def __init__(self, paths: Sequence[str] = ()) -> None:
        self._progress: Progress | None = None
        self._files = len(paths)
        self._begun: dict[str, int] = {}  # path -> bytes read of it; the last one is being read
        self._sizes = [_size(path) for path in paths]
        self._since = time.monotonic()
        self._wanted = sys.stderr.isatty()
        pipes = [path for path in paths if _is_pipe(path)]
        self._waiting = threading.Timer(_PATIENCE_SECONDS, _tell_waiting, [pipes]) if pipes and len(pipes) == len(paths) else None

    def __enter__(self) -> Self:
        if self._waiting is not None:
            self._waiting.daemon = True
            self._waiting.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._something_came()
        if self._progress is not None:
            self._progress.stop()

    @property
    def report(self) -> Callable[[str, int, int | None], None] | None:
        """What the readers call; None when nobody would see it."""
        return self._report if self._wanted or self._waiting is not None else None

    def read(self, paths: Iterable[str]) -> None:
        """Captures that another process has read."""
        for path in paths:
            size = _size(path) or 0
            self._report(path, size, size)

    def _something_came(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _report(self, path: str, done: int, total: int | None) -> None:
        self._something_came()
        if not self._wanted:
            return
        if self._progress is None:
            if time.monotonic() - self._since < _QUIET_SECONDS:
                return
            self._progress = _bar()
            self._progress.start()
        self._begun[path] = done
        known = [size for size in self._sizes if size is not None]
        whole = sum(known) if len(known) == len(self._sizes) and self._files > 1 else total
        number = f"{len(self._begun):,} of {self._files:,}  " if self._files > 1 else ""
        if not self._progress.task_ids:
            self._progress.add_task("", total=whole)
        self._progress.update(
            self._progress.task_ids[0], description=f"{number}{one_line(path)[-40:]}", completed=sum(self._begun.values()), total=whole
        )


def _size(path: str) -> int | None:
    """Bytes of a capture, as far as it is a file that says so before it is read."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a path may be anything
    except (OSError, ValueError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _is_pipe(path: str) -> bool:
    try:
        return stat.S_ISFIFO((os.fstat(0) if path == STANDARD_INPUT else os.stat(path)).st_mode)  # noqa: PTH116 - a path may be anything
    except (OSError, ValueError):
        return False


def _tell_waiting(pipes: list[str]) -> None:
    names = ", ".join("standard input" if path == STANDARD_INPUT else path for path in pipes)
    complain(f"waiting for a capture from {names}: nothing has come yet (Ctrl-C ends)")


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
