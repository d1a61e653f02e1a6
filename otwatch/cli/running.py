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
from otwatch.limits import Limits
from otwatch.outputs.result import Result


def policy_from(options: Mapping[str, Any]) -> Policy:
    """The rules, site and baseline that ANALYSIS_OPTIONS name."""
    return policy_of(rules=options["rule_paths"], site=options["site"], baseline=options["baseline"], learn_until=options["learn_until"])


def finished_analysis(
    captures: Sequence[str], policy: Policy | None, *, listeners: Sequence[Callable[[Analysis], Listener]] = ()
) -> tuple[Analysis, Result]:
    """Reads every capture. Problems of single files are in `result.unreadable`; the others are analysed all the same."""
    analysis = Analysis(Limits())
    if policy is not None:
        analysis.detector = RuleDetector(analysis.pipeline, policy, analysis.inventory)
        analysis.site = policy.site
    analysis.listeners += [listener(analysis) for listener in listeners]
    paths = expand(captures)
    with ReadingProgress(paths) as progress, _interruptible() as stop:
        analysis.run(paths, on_progress=progress.report, stop=stop)
    return analysis, analysis.finish()


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
