"""Recordings on a Dask cluster that is there already: one task each. The workers open the captures, site file, baseline and rules themselves, by the
same paths; to them go paths, back come our own saved bytes.

A recording whose worker dies is given to another; one that outlives none is named, and the others are kept.
"""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from otwatch.engine.detector import Policy, policy_of
from otwatch.engine.observing import not_observed
from otwatch.engine.parallel import saved
from otwatch.engine.state import Observed, Wanted
from otwatch.errors import CaptureError, ConfigError, ConfigErrors

_CONNECT_SECONDS: Final = 10
_LOOK_SECONDS: Final = 0.2  # how often to look whether the end was asked for
_AHEAD: Final = 3  # recordings a thread of a worker
_LEAST_AHEAD: Final = 16  # also while workers are still coming
_RETRIES: Final = 2

Names = tuple[tuple[str, Any], ...]  # of policy_of's arguments: paths and a time


class Cluster:
    """The pool. CaptureError when Dask is not installed or no scheduler answers."""

    def __init__(self, scheduler: str, policy: Mapping[str, Any], wanted: Wanted) -> None:
        try:
            self._client = distributed_module().Client(scheduler, timeout=_CONNECT_SECONDS, name="otwatch")
        except (OSError, ValueError, TypeError) as error:
            raise CaptureError(f"{scheduler}: no Dask scheduler answers ({type(error).__name__}); name it as in tcp://scheduler:8786") from error
        names: Names = tuple((name, _absolute(name, value)) for name, value in policy.items())
        run = secrets.token_hex(8)  # a worker lives longer, and its files may be others the next time
        self._arguments = names, run, (wanted.activity, wanted.anomalies, wanted.tables)

    def ahead(self) -> int:
        """Some for each thread of the workers that there are now."""
        threads: int = sum(self._client.nthreads().values())
        return max(_LEAST_AHEAD, _AHEAD * threads)

    def submit(self, paths: list[str]) -> _Recording:
        """Reads a recording when a worker has time."""
        absolute = [str(Path(path).absolute()) for path in paths]
        return _Recording(paths, self._client.submit(work, absolute, *self._arguments, pure=False, retries=_RETRIES))

    def close(self, *, at_once: bool) -> None:
        """Leaves the cluster; what was not begun, and is of no use any more, never is."""
        del at_once  # tasks without a client are dropped by the scheduler
        self._client.close()


def distributed_module() -> Any:
    """Dask's distributed; CaptureError that says how to install it."""
    try:
        import distributed  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise CaptureError("--dask needs Dask: pip install 'otwatch[dask]'") from error
    return distributed


class _Recording:
    """A recording on the cluster."""

    def __init__(self, paths: list[str], future: Any) -> None:
        self.paths = paths
        self._future = future

    def done(self) -> bool:
        return bool(self._future.done())

    def result(self, stop: Callable[[], bool]) -> Observed | None:
        while not self._future.done():
            if stop():
                self._future.cancel()
                return None
            try:
                distributed_module().wait(self._future, timeout=_LOOK_SECONDS)
            except TimeoutError:
                continue
        try:
            return Observed.load(self._future.result())
        except Exception as error:  # noqa: BLE001 - whatever a worker or the way to it raises
            return not_observed(self.paths, f"not read on the cluster: {type(error).__name__}: {error}")
        finally:
            self._future.release()


def _absolute(name: str, value: Any) -> Any:
    """Paths of the options as the workers open them."""
    if name == "learn_until" or value is None:
        return value
    return str(Path(value).absolute()) if isinstance(value, str) else tuple(str(Path(one).absolute()) for one in value)


# --- on a worker ---

_ONE_AT_A_TIME: Final = threading.Lock()  # what names stand for is known to a process, not to a thread


def work(paths: Sequence[str], names: Names, run: str, wanted: tuple[bool, bool, tuple[str, ...]]) -> bytes:
    """One recording, on a worker. What cannot be opened there is named, with the worker."""
    with _ONE_AT_A_TIME:
        try:
            policy = _policy(names, run)
        except (CaptureError, ConfigError, ConfigErrors) as error:
            return not_observed(paths, f"not read on {socket.gethostname()}: {error}").save()
        activity, anomalies, tables = wanted
        return saved(paths, policy, Wanted(activity=activity, anomalies=anomalies, tables=tables))


@lru_cache(maxsize=1)
def _policy(names: Names, run: str) -> Policy:
    del run  # what is kept is kept for one
    return policy_of(**dict(names))
