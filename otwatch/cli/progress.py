"""Progress of long reading, on stderr and only where that is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from otwatch.outputs.escape import one_line

if TYPE_CHECKING:
    from rich.progress import Progress

_QUIET_SECONDS = 0.7  # short analyses show no bar


class ReadingProgress:
    """`with ReadingProgress() as progress: analysis.run(paths, on_progress=progress.report)`."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._tasks: dict[str, int] = {}
        self._since = time.monotonic()
        self._wanted = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._progress is not None:
            self._progress.stop()

    @property
    def report(self) -> Callable[[str, int, int | None], None] | None:
        """What the readers call; None when nobody would see it."""
        return self._report if self._wanted else None

    def _report(self, path: str, done: int, total: int | None) -> None:
        if self._progress is None:
            if time.monotonic() - self._since < _QUIET_SECONDS:
                return
            self._progress = _bar()
            self._progress.start()
        task = self._tasks.get(path)
        if task is None:
            task = self._tasks[path] = self._progress.add_task(one_line(path)[-40:], total=total)
        self._progress.update(task, completed=done, total=total)  # type: ignore[arg-type]


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
