"""One recording from its captures to what is kept of it: the same work in this process, in another, and on another machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from otwatch.engine.activity import Recorder
from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import Policy, RuleDetector
from otwatch.engine.exporters import EXPORTERS
from otwatch.engine.state import NOTHING_MORE, Observed, Wanted
from otwatch.engine.writers import Writer
from otwatch.limits import Limits


def analysis_of(policy: Policy | None) -> Analysis:
    """A fresh analysis, with the rules and the site file of a policy where there is one."""
    analysis = Analysis(Limits())
    if policy is not None:
        analysis.detector = RuleDetector(analysis.pipeline, policy, analysis.inventory)
        analysis.site = policy.site
    return analysis


def observe(
    paths: Sequence[str],
    policy: Policy | None,
    wanted: Wanted,
    writers: Mapping[str, Writer],
    *,
    on_progress: Callable[[str, int, int | None], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Observed:
    """Reads the captures of one recording. `writers`: who takes the tables that are wanted, row by row as they come."""
    analysis = analysis_of(policy)
    recorder = Recorder(analysis) if wanted.activity else None
    analysis.listeners += [EXPORTERS[table](analysis, writers[table]) for table in wanted.tables]
    if recorder is not None:
        analysis.listeners.append(recorder)
    analysis.run(paths, on_progress=on_progress, stop=stop)
    return _observed(analysis, policy, recorder, wanted)


def not_observed(paths: Sequence[str], reason: str) -> Observed:
    """A recording that could not be read for a reason outside of its files: it counts like files that are unreadable."""
    analysis = Analysis(Limits())
    analysis.unreadable += [f"{path}: {reason}" for path in paths]
    return _observed(analysis, None, None, NOTHING_MORE)


def _observed(analysis: Analysis, policy: Policy | None, recorder: Recorder | None, wanted: Wanted) -> Observed:
    observed = Observed(result=analysis.finish(), stopped=analysis.stopped)
    if recorder is not None:
        observed.activity = recorder.activity(policy.site if policy is not None else None)
    if wanted.anomalies:
        observed.anomalies = list(analysis.anomaly_records())
    return observed
