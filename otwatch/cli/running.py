"""From the options of a command to a finished analysis."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from otwatch.capture.files import expand
from otwatch.cli.failing import complain
from otwatch.cli.progress import ReadingProgress
from otwatch.engine.analysis import Analysis, Listener
from otwatch.engine.detector import Policy, RuleDetector, policy_of
from otwatch.engine.recordings import Recordings
from otwatch.limits import Limits
from otwatch.outputs.result import Result


def policy_from(options: Mapping[str, Any]) -> Policy:
    """The rules, site, baseline and threat intelligence that ANALYSIS_OPTIONS name. What of the latter cannot be used is said."""
    policy = policy_of(
        rules=options["rule_paths"],
        site=options["site"],
        baseline=options["baseline"],
        learn_until=options["learn_until"],
        intel=options.get("intel", ()),
    )
    intelligence = policy.intelligence
    if intelligence is not None and intelligence.refused_count:
        more = intelligence.refused_count - len(intelligence.refused)
        complain(
            f"threat intelligence: {intelligence.read:,} indicators read, {intelligence.refused_count:,} not used: "
            + "; ".join(intelligence.refused)
            + (f"; and {more:,} more" if more else "")
        )
    return policy


def finished_analysis(
    captures: Sequence[str], policy: Policy | None, *, listeners: Sequence[Callable[[Analysis], Listener]] = ()
) -> tuple[Analysis, Result]:
    """Reads every capture as one. Problems of single files are in `result.unreadable`; the others are analysed all the same."""
    analysis = _analysis(policy, listeners)
    paths = expand(captures)
    with ReadingProgress(paths) as progress, _interruptible() as stop:
        analysis.run(paths, on_progress=progress.report, stop=stop)
    return analysis, analysis.finish()


def finished_recordings(
    captures: Sequence[str], policy: Policy | None, *, listeners: Callable[[int, Analysis], Sequence[Listener]], merge: bool
) -> Iterator[tuple[int, Analysis, Result]]:
    """Reads captures that belong together as one, and every such recording for itself: its number, from 1, with its analysis and result, as soon
    as the next one begins. `listeners` are asked for when a recording begins; `merge`: all captures are one recording."""
    paths = expand(captures)
    together = Recordings(Limits())
    number, analysis = 1, _analysis(policy)
    analysis.listeners += listeners(number, analysis)
    with ReadingProgress(paths) as progress, _interruptible() as stop:
        for path in paths:
            if len(paths) > 1 and not merge and not together.belongs(path):
                yield number, analysis, analysis.finish()
                number, analysis = number + 1, _analysis(policy)
                analysis.listeners += listeners(number, analysis)
            analysis.run([path], on_progress=progress.report, stop=stop)
            together.read(analysis.last_ns)
            if analysis.stopped:
                break
        yield number, analysis, analysis.finish()


def _analysis(policy: Policy | None, listeners: Sequence[Callable[[Analysis], Listener]] = ()) -> Analysis:
    analysis = Analysis(Limits())
    if policy is not None:
        analysis.detector = RuleDetector(analysis.pipeline, policy, analysis.inventory)
        analysis.site = policy.site
    analysis.listeners += [listener(analysis) for listener in listeners]
    return analysis


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
