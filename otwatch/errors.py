"""The few errors of otwatch. Each is built on a builtin and says where it happened; the command line turns them into one line and exit code 2.

Bytes from the wire never raise: they make rows in `anomalies`.
"""

from __future__ import annotations


class CaptureError(OSError):
    """A capture that cannot be read at all: missing, empty, of an unknown format. The message names the file and what to do."""


class ConfigError(ValueError):
    """A file written by the user (site, baseline, rules, sensor configuration) that is wrong; the message starts with `path:line:column: `."""

    def __init__(self, message: str, *, path: str, line: int = 1, column: int = 1) -> None:
        super().__init__(f"{path}:{line}:{column}: {message}")
        self.message = message
        self.path = path
        self.line = line
        self.column = column


class ConfigErrors(ValueError):
    """Every problem of a user's files at once, in the order of the files."""

    def __init__(self, errors: list[ConfigError]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = errors
