"""The store of one analysis: the tables of the sensor's store, whole or not there at all."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from otwatch.errors import CaptureError
from otwatch.outputs.store import Store

_OF_ANALYSIS: Final = 0x6F74_616E  # SQLite's application_id: says that an analysis wrote the file and another may replace it


class AnalysisStore(Store):
    """Written beside `path` and put in its place by `finish`; a `with` block removes what was not finished.

    The store of another analysis is replaced; anything else never is. CaptureError then, and when it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        check_replaceable(path)
        self.place = path
        scratch = path.with_name(f"{path.name}.new")
        self._remove(scratch)
        super().__init__(scratch, keep_alerts=sys.maxsize, keep_flows=sys.maxsize)
        try:
            self._connection.execute("PRAGMA journal_mode=DELETE")  # one file, which can be read where it cannot be written
            self._connection.execute("PRAGMA synchronous=OFF")  # until it is whole, nobody wants it
            self._connection.execute(f"PRAGMA application_id={_OF_ANALYSIS}")
        except sqlite3.Error as error:
            raise CaptureError(f"{path}: cannot be written: {error}") from error

    def write(self, records: Iterable[dict[str, Any]]) -> None:
        """Flows, as an exporter gives them."""
        self.flows(records)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with suppress(sqlite3.Error):
            self._connection.close()
        self._remove(self.path)

    def finish(self) -> None:
        """Puts the store in its place. CaptureError when the disk did not take all of it: then there is none."""
        self.close()
        if self.lost:
            raise CaptureError(f"{self.place}: cannot be written: {self.last_error}")
        try:
            self.path.replace(self.place)
        except OSError as error:
            raise CaptureError(f"{self.place}: cannot be written: {error.strerror}") from error

    @staticmethod
    def _remove(scratch: Path) -> None:
        for suffix in ("", "-journal", "-wal", "-shm"):
            with suppress(OSError):
                scratch.with_name(scratch.name + suffix).unlink()


def check_replaceable(path: Path) -> None:
    """CaptureError when there is something else than the store of an analysis."""
    if not path.exists() or not path.stat().st_size:
        return
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            found = connection.execute("PRAGMA application_id").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.Error:
        found = 0
    if found != _OF_ANALYSIS:
        raise CaptureError(f"{path}: is not the store of an earlier analysis (of a sensor, perhaps) and is not overwritten: name another file")
