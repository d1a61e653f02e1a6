"""From the options of a command to a finished analysis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from otwatch.capture.files import expand
from otwatch.cli.failing import complain
from otwatch.cli.progress import ReadingProgress
from otwatch.engine.analysis import Analysis, Listener
from otwatch.errors import CaptureError
from otwatch.limits import Limits
from otwatch.outputs.result import Result


def finished_analysis(captures: Sequence[str], options: Mapping[str, object], *,
                      listener: Callable[[Analysis], Listener] | None = None) -> tuple[Analysis, Result]:
    """Reads every capture with the rules, site and baseline of the options. Problems of single files are in `result.unreadable`."""
    analysis = Analysis(Limits())
    attach_detector(analysis, options)
    if listener is not None:
        analysis.listeners.append(listener(analysis))
    paths: list[str] = []
    for capture in captures:
        try:
            paths.extend(expand([capture]))
        except CaptureError as error:
            analysis.unreadable.append(str(error))
    with ReadingProgress() as progress:
        analysis.run(paths, on_progress=progress.report)
    return analysis, analysis.finish()


def attach_detector(analysis: Analysis, options: Mapping[str, object]) -> None:
    """Loads rules, site file and baseline."""
    if options:
        complain("rules are not wired yet")
