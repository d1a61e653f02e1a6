"""How grave: five steps."""

from __future__ import annotations

from enum import IntEnum


class Severity(IntEnum):
    """Five steps, lowest first."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def label(self) -> str:
        """The lower-case word of the records."""
        return self.name.lower()
