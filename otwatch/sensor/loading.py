"""A policy that is read while packets go on being analysed: rules take seconds on a small box."""

from __future__ import annotations

import threading
from collections.abc import Callable

from otwatch.engine.detector import Policy


class Loading:
    """Starts at once; `result` waits for the end and raises what the loading raised."""

    def __init__(self, load: Callable[[], tuple[Policy, str]]) -> None:
        self._load = load
        self._result: tuple[Policy, str] | None = None
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="loading", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result = self._load()
        except Exception as error:  # noqa: BLE001 - it is raised by `result`
            self._error = error

    @property
    def done(self) -> bool:
        """Whether there is a result."""
        return not self._thread.is_alive()

    def result(self) -> tuple[Policy, str]:
        """The policy and its fingerprint."""
        self._thread.join()
        if self._result is None:
            raise self._error or RuntimeError("nothing was loaded")
        return self._result
