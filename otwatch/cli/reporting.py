"""The report of `otwatch analyze --report`: listens while the captures are read, writes when they are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from otwatch.capture.report import CaptureReport
from otwatch.engine.activity import Recorder
from otwatch.errors import CaptureError
from otwatch.outputs.report.html import write_html
from otwatch.outputs.view.assemble import plant_view

if TYPE_CHECKING:
    from otwatch.engine.analysis import Analysis
    from otwatch.outputs.result import Result
    from otwatch.site.site import Site


class Reporter:
    """One report."""

    def __init__(self, path: str) -> None:
        if Path(path).suffix.lower() not in (".html", ".htm"):
            raise CaptureError(f"{path}: unknown report format: name it *.html")
        self._path = Path(path)
        self._recorder: Recorder | None = None

    def listen(self, analysis: Analysis) -> Recorder:
        """The listener that it needs."""
        self._recorder = Recorder(analysis)
        return self._recorder

    def write(self, result: Result, site: Site | None) -> None:
        """Writes the file."""
        assert self._recorder is not None
        write_html(plant_view(result, activity=self._recorder.activity(site), site=site, files=files_of(result.captures)), self._path)


def files_of(captures: Iterable[CaptureReport]) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 of the captures that are files and still there."""
    found = {}
    for capture in captures:
        with suppress(OSError):
            if Path(capture.path).is_file():
                with Path(capture.path).open("rb") as file:
                    found[capture.path] = Path(capture.path).stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()
    return found
