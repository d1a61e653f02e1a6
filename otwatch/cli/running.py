"""From the options of a command to a finished analysis."""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from otwatch.capture.files import STANDARD_INPUT, expand
from otwatch.cli.failing import complain
from otwatch.cli.progress import ReadingProgress
from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import Policy, policy_of
from otwatch.engine.observing import analysis_of, observe
from otwatch.engine.recordings import recordings
from otwatch.engine.state import NOTHING_MORE, Observed, Wanted
from otwatch.engine.writers import Writer
from otwatch.errors import CaptureError
from otwatch.limits import Limits
from otwatch.outputs.result import Result

if TYPE_CHECKING:
    from otwatch.engine.parallel import Pool

Writers = Callable[[int], Mapping[str, Writer]]

_ROWS: Final = 1_000  # handed on at a time


def _no_writers(_number: int) -> Mapping[str, Writer]:
    return {}


def _named(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "rules": options["rule_paths"],
        "site": options["site"],
        "baseline": options["baseline"],
        "learn_until": options["learn_until"],
        "intel": options.get("intel", ()),
    }


def policy_from(options: Mapping[str, Any]) -> Policy:
    """The rules, site, baseline and threat intelligence that ANALYSIS_OPTIONS name. What of the latter cannot be used is said."""
    policy = policy_of(**_named(options))
    intelligence = policy.intelligence
    if intelligence is not None and intelligence.refused_count:
        more = intelligence.refused_count - len(intelligence.refused)
        complain(
            f"threat intelligence: {intelligence.read:,} indicators read, {intelligence.refused_count:,} not used: "
            + "; ".join(intelligence.refused)
            + (f"; and {more:,} more" if more else "")
        )
    if not gc.get_freeze_count():
        gc.freeze()  # modules and rules stay to the end: a collection that looks at them takes as long as a hundred thousand packets
    return policy


def analysed_recordings(captures: Sequence[str], *, merge: bool) -> Iterator[tuple[Analysis, Result]]:
    """Reads captures that belong together as one, without rules: for what needs the behaviours themselves."""
    paths = expand(captures)
    with ReadingProgress(paths) as progress, _interruptible() as stop:
        for recording in recordings(paths, Limits(), merge=merge):
            analysis = analysis_of(None)
            analysis.run(recording, on_progress=progress.report, stop=stop)
            yield analysis, analysis.finish()
            if analysis.stopped:
                break


def observed_recordings(
    captures: Sequence[str],
    policy: Policy | None,
    wanted: Wanted = NOTHING_MORE,
    *,
    writers: Writers = _no_writers,
    merge: bool = False,
    jobs: int = 1,
) -> Iterator[Observed]:
    """Reads captures that belong together as one, and every such recording for itself, with its number, from 1, as soon as it is read.

    `writers` is asked for the number of a recording, once, before it is given, and takes the rows of the tables that are wanted. `merge`: all
    captures are one recording. `jobs`: processes that read recordings, 0 for as many as there are cores; the order is the same.
    """
    paths = expand(captures)
    found = recordings(paths, Limits(), merge=merge)
    with ReadingProgress(paths) as progress, _interruptible() as stop:
        first = next(found)
        second = next(found, None) if jobs != 1 and STANDARD_INPUT not in paths else None
        ahead = chain([first], [] if second is None else [second], found)
        if second is None:
            yield from _here(ahead, policy, wanted, writers, progress, stop)
        else:
            from otwatch.engine.processes import Processes, cores

            yield from _elsewhere(ahead, Processes(jobs or cores(), policy, wanted), writers, progress, stop)


def recordings_of_cluster(
    captures: Sequence[str],
    options: Mapping[str, Any],
    wanted: Wanted,
    *,
    scheduler: str,
    writers: Writers = _no_writers,
    merge: bool = False,
) -> Iterator[Observed]:
    """The same as `observed_recordings`, read by the workers of a Dask cluster. `options`: ANALYSIS_OPTIONS, whose files they open themselves."""
    from otwatch.engine.cluster import Cluster

    paths = expand(captures)
    if STANDARD_INPUT in paths:
        raise CaptureError("standard input is not read by a cluster: write it to a file that the workers can open")
    with ReadingProgress(paths) as progress, _interruptible() as stop:
        yield from _elsewhere(recordings(paths, Limits(), merge=merge), Cluster(scheduler, _named(options), wanted), writers, progress, stop)


def _here(
    found: Iterable[list[str]], policy: Policy | None, wanted: Wanted, writers: Writers, progress: ReadingProgress, stop: Callable[[], bool]
) -> Iterator[Observed]:
    for number, paths in enumerate(found, 1):
        observed = observe(paths, policy, wanted, writers(number), on_progress=progress.report, stop=stop)
        observed.result.number(number)
        yield observed
        if observed.stopped:
            break


def _elsewhere(
    found: Iterable[list[str]], pool: Pool, writers: Writers, progress: ReadingProgress, stop: Callable[[], bool]
) -> Iterator[Observed]:
    from otwatch.engine.parallel import in_order

    last: Observed | None = None  # it says whether the reading was interrupted
    for number, (paths, observed) in enumerate(in_order(found, pool, stop=stop), 1):
        if last is not None:
            yield last
        for table, writer in writers(number).items():
            rows = iter(observed.tables.pop(table, ()))
            while some := list(islice(rows, _ROWS)):
                writer.write(some)
        observed.result.number(number)
        progress.read(paths)
        last = observed
    if last is not None:
        last.stopped |= stop()
        yield last


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Ctrl-C ends the reading at the next batch, and what was read so far is the result; a second Ctrl-C ends everything."""
    asked: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        complain("interrupted: the result of what was read so far follows; Ctrl-C again ends at once")

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)
