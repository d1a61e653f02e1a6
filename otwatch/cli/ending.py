"""How a command that read captures ends: what could not be read is named, and the exit code."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otwatch.cli.failing import EXIT_FAIL_ON, EXIT_INTERRUPTED, EXIT_UNUSABLE, complain, nothing_read
from otwatch.cli.options import severity

if TYPE_CHECKING:
    from otwatch.capture.report import CaptureReport
    from otwatch.outputs.result import Result


@dataclass(slots=True)
class Ending:
    """What the exit code is made of."""

    recordings: int = 0
    read: int = 0  # of them with packets
    complete: bool = True  # everything went where it was to go
    stopped: bool = False
    unreadable: list[str] = field(default_factory=list)
    empty: list[CaptureReport] = field(default_factory=list)  # while nothing else was read
    gravest: int = -1  # severity of an alert
    _named: int = 0  # of those that are unreadable

    def note(self, result: Result, *, stopped: bool = False) -> None:
        """One more recording."""
        self.recordings += 1
        self.read += bool(result.packets)
        self.stopped = stopped
        self.unreadable += result.unreadable
        self.empty = [] if self.read else [*self.empty, *result.captures]
        self.gravest = max([self.gravest, *(int(alert.severity) for alert in result.alerts)])

    def complain(self) -> None:
        """Names what could not be read, once."""
        for message in self.unreadable[self._named :]:
            complain(message)
        self._named = len(self.unreadable)

    def exit(self, fail_on: str | None = None) -> None:
        """Ends the process, but where all is well."""
        self.complain()
        if not self.recordings:
            sys.exit(EXIT_INTERRUPTED)
        if self.unreadable or not self.read:
            for message in [] if self.unreadable else nothing_read(self.empty):
                complain(message)
            sys.exit(EXIT_UNUSABLE)
        if self.stopped:
            sys.exit(EXIT_INTERRUPTED)
        if not self.complete:
            sys.exit(EXIT_UNUSABLE)
        if fail_on is not None and self.gravest >= severity(fail_on):
            sys.exit(EXIT_FAIL_ON)
