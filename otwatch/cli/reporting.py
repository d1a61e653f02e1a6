"""The report of `otwatch analyze --report`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from otwatch.capture.report import CaptureReport
from otwatch.outputs.report.html import write_html
from otwatch.outputs.view.assemble import plant_view

if TYPE_CHECKING:
    from otwatch.engine.state import Observed
    from otwatch.intel.advisories import Library
    from otwatch.outputs.pseudonyms import Pseudonyms
    from otwatch.site.site import Site


def write_report(observed: Observed, path: Path, site: Site | None, names: Pseudonyms | None = None, library: Library | None = None) -> None:
    """Writes the file, with `names` in place of what identifies the plant, and what `library` says of its devices.

    CaptureError when that is not possible.
    """
    result = observed.result
    plant = plant_view(result, activity=observed.activity, site=site, files=files_of(result.captures), library=library)
    write_html(plant if names is None else names.of(plant), path)


def files_of(captures: Iterable[CaptureReport]) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 of the captures that are files and still there."""
    found = {}
    for capture in captures:
        with suppress(OSError):
            if Path(capture.path).is_file():
                with Path(capture.path).open("rb") as file:
                    found[capture.path] = Path(capture.path).stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()
    return found
