"""Who takes the rows of an exporter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from otwatch.outputs.operation_table import OperationTable


class Writer(Protocol):
    """Whoever takes the records: a file of a table, a store."""

    def write(self, records: Iterable[dict[str, Any]]) -> None:
        """Takes some; they are used up when this returns."""


@runtime_checkable
class ColumnWriter(Protocol):
    """Whoever takes operations by column, too."""

    def take(self, table: OperationTable) -> None:
        """Takes the rows; the table is overwritten by the next."""


@dataclass(frozen=True, slots=True)
class Taking:
    """A function as a writer."""

    take_records: Callable[[Iterable[dict[str, Any]]], None]

    def write(self, records: Iterable[dict[str, Any]]) -> None:
        """Gives them to the function."""
        self.take_records(records)
