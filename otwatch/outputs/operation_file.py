"""Operations into one file by column. The form follows the file's name; `-` is standard output as JSON lines."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from otwatch.errors import CaptureError
from otwatch.outputs.operation_lines import CsvLines, JsonLines
from otwatch.outputs.operation_parquet import ParquetOperations
from otwatch.outputs.operation_table import OperationTable, Record
from otwatch.outputs.tables import FORMATS

_RECORDS_AT_ONCE: Final = 16_384


class OperationFile:
    """`rows` counts what was written. CaptureError when the file cannot be written, or its form is not known."""

    def __init__(self, output: str) -> None:
        suffix = ".jsonl" if output == "-" else Path(output).suffix.lower()
        if suffix not in FORMATS:
            raise CaptureError(f"{output}: unknown table format: name the output *.jsonl, *.csv or *.parquet")
        self.rows = 0
        self._out: IO[str] | None = None
        self._writer: ParquetOperations | JsonLines | CsvLines
        if suffix == ".parquet":
            self._writer = ParquetOperations(output)
            return
        self._out = sys.stdout if output == "-" else _opened(output)
        self._writer = CsvLines(self._out) if suffix == ".csv" else JsonLines(self._out)

    def take(self, table: OperationTable) -> None:
        """Appends the rows of a table."""
        self.rows += table.rows
        self._writer.write(table)

    def write(self, records: Iterable[Record]) -> None:
        """Appends records, as another process made them."""
        found = iter(records)
        while some := list(islice(found, _RECORDS_AT_ONCE)):
            self.rows += len(some)
            self._writer.write_records(some)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(self._writer, ParquetOperations):
            self._writer.close()
        elif self._out is not None and self._out is not sys.stdout:
            self._out.close()


def _opened(output: str) -> IO[str]:
    try:
        return Path(output).open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise CaptureError(f"{output}: cannot be written: {error.strerror}") from error
