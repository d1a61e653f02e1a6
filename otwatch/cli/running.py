"""From the options of a command to a finished analysis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from otwatch.capture.files import expand
from otwatch.cli.progress import ReadingProgress
from otwatch.engine.analysis import Analysis, Listener
from otwatch.engine.detector import Policy, RuleDetector, policy_of
from otwatch.limits import Limits
from otwatch.outputs.result import Result


def policy_from(options: Mapping[str, Any]) -> Policy:
    """The rules, site and baseline that ANALYSIS_OPTIONS name."""
    return policy_of(rules=options["rule_paths"], site=options["site"], baseline=options["baseline"], learn_until=options["learn_until"])


def finished_analysis(
    captures: Sequence[str], policy: Policy | None, *, listener: Callable[[Analysis], Listener] | None = None
) -> tuple[Analysis, Result]:
    """Reads every capture. Problems of single files are in `result.unreadable`; the others are analysed all the same."""
    analysis = Analysis(Limits())
    if policy is not None:
        analysis.detector = RuleDetector(analysis.pipeline, policy, analysis.inventory)
        analysis.site = policy.site
    if listener is not None:
        analysis.listeners.append(listener(analysis))
    paths = expand(captures)
    with ReadingProgress(paths) as progress:
        analysis.run(paths, on_progress=progress.report)
    return analysis, analysis.finish()
