"""The results of an analysis on their way to the output.

Of records nothing is kept but their lines; what people see first depends on all recordings.
"""

from __future__ import annotations

import shutil
import tempfile
from itertools import chain
from typing import IO, TYPE_CHECKING, Final

from otwatch.engine.state import Observed, Shelf

if TYPE_CHECKING:
    from otwatch.alerts.alert import Severity
    from otwatch.intel.advisories import Library

_IN_MEMORY: Final = 4_000_000  # characters of records; what comes after is in a temporary file


class Records:
    """JSON lines, made as recordings come."""

    def __init__(self, least: Severity, library: Library | None) -> None:
        self._least, self._library = least, library
        self._lines = tempfile.SpooledTemporaryFile(_IN_MEMORY, "w+", encoding="ascii")  # noqa: SIM115 - it ends with the process

    def add(self, one: Observed) -> None:
        """The records of a recording."""
        from otwatch.outputs.advisories import advisory_records
        from otwatch.outputs.jsonl import line, records

        for record in chain(records(one.result, min_severity=self._least), one.anomalies, advisory_records(one.result, self._library)):
            self._lines.write(line(record) + "\n")

    def write(self, out: IO[str]) -> None:
        """Everything."""
        self._lines.seek(0)
        shutil.copyfileobj(self._lines, out)


class Pages:
    """Text for people: an overview where there are several recordings, then each."""

    def __init__(self, least: Severity, library: Library | None) -> None:
        self._least, self._library = least, library
        self._read = Shelf()

    def add(self, one: Observed) -> None:
        """Keeps a recording that had packets."""
        if one.result.packets:
            self._read.add(one)

    def write(self, out: IO[str]) -> None:
        """Everything."""
        from otwatch.cli.text import QuietConsole, show, show_recordings
        from otwatch.cli.view_text import width_of

        console = QuietConsole(file=out, highlight=False, width=width_of(out))
        several = len(self._read) > 1
        if several:
            show_recordings((one.result for one in self._read), console)
        for one in self._read:
            show(one.result, console, min_severity=self._least, title=several)
            if self._library is not None:
                from otwatch.cli.advisories_text import show_advisories

                show_advisories(one.result, self._library, console)
