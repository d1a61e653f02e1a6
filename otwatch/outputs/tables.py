"""Whole tables to a file: JSON lines, CSV or, with duckdb, Parquet. The form follows the file's name; `-` is standard output as JSON lines."""

from __future__ import annotations

import csv
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from otwatch.errors import CaptureError
from otwatch.outputs.escape import cell
from otwatch.outputs.json_text import json_text
from otwatch.outputs.parquet import Columns, duckdb_module, to_parquet

FORMATS = (".jsonl", ".csv", ".parquet")


class TableWriter:
    """Writes records as they come. CSV columns are those of the first record; nested values are JSON in their cell.

    `header`: the columns of a CSV or Parquet file in which there is no record.
    """

    def __init__(self, output: str, header: Sequence[str] = ()) -> None:
        self.output = output
        self._header = header
        self.rows = 0
        suffix = ".jsonl" if output == "-" else Path(output).suffix.lower()
        if suffix not in FORMATS:
            raise CaptureError(f"{output}: unknown table format: name the output *.jsonl, *.csv or *.parquet")
        self._suffix = suffix
        self._fields: list[str] = []
        self._csv: Any = None
        self._scratch: Path | None = None
        self._columns = Columns()
        if suffix == ".parquet":
            duckdb_module()
            with tempfile.NamedTemporaryFile(prefix="otwatch-", suffix=".jsonl", delete=False) as scratch:
                self._scratch = Path(scratch.name)
        self._out: IO[str] = self._open()

    def _open(self) -> IO[str]:
        if self.output == "-":
            return sys.stdout
        try:
            return (self._scratch or Path(self.output)).open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise CaptureError(f"{self.output}: cannot be written: {error.strerror}") from error

    def write(self, records: Iterable[dict[str, Any]]) -> None:
        """Appends records."""
        for record in records:
            self.rows += 1
            if self._suffix == ".csv":
                self._write_csv(record)
            else:
                if self._scratch is not None:
                    self._columns.note(record)
                self._out.write(json_text(record) + "\n")

    def _write_csv(self, record: dict[str, Any]) -> None:
        if self._csv is None:
            self._fields = list(record)
            self._csv = csv.writer(self._out, lineterminator="\n")
            self._csv.writerow(self._fields)
        row = [record.get(name) for name in self._fields]
        self._csv.writerow([cell(json_text(value) if isinstance(value, dict | list) else value) for value in row])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._suffix == ".csv" and self._csv is None and self._header:
            csv.writer(self._out, lineterminator="\n").writerow(self._header)
        if self._out is not sys.stdout:
            self._out.close()
        if self._scratch is not None:
            try:
                if kind is None:
                    to_parquet(self._scratch, self.output, self._columns, self._header)
            finally:
                self._scratch.unlink()
