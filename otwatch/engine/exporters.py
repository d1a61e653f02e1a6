"""Listeners that write a table of every batch while it is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from otwatch.batch import Batch
from otwatch.engine.keeping import BehaviourExporter, CommandExporter, ReadExporter
from otwatch.engine.writers import ColumnWriter, Writer
from otwatch.outputs.operation_table import OperationReader
from otwatch.outputs.records import fact_record, flow_record

if TYPE_CHECKING:
    from otwatch.engine.analysis import Analysis, Listener


class OperationExporter:
    """One record per operation, values decoded; by column to a writer that takes columns."""

    def __init__(self, analysis: Analysis, writer: Writer) -> None:
        self._reader = OperationReader(analysis.pipeline.addresses, analysis.pipeline.protocols)
        self._writer = writer

    def feed(self, batch: Batch) -> None:
        """Writes the operations of a batch."""
        if not batch.operations.rows:
            return
        table = self._reader.read(batch)
        if isinstance(self._writer, ColumnWriter):
            self._writer.take(table)
        else:
            self._writer.write(table.records())


class FlowExporter:
    """One record per flow, when it is closed."""

    def __init__(self, analysis: Analysis, writer: Writer) -> None:
        self._pipeline = analysis.pipeline
        self._writer = writer

    def feed(self, batch: Batch) -> None:
        """Writes the flows that were closed in a batch."""
        self._writer.write(
            flow_record(batch.flows.row(slot), batch.unanswered.get(slot, 0), self._pipeline.addresses, self._pipeline.protocols, batch.file)
            for slot in batch.closed
        )


class FactExporter:
    """One record per fact, each time a message told it."""

    def __init__(self, analysis: Analysis, writer: Writer) -> None:
        self._addresses = analysis.pipeline.addresses
        self._writer = writer

    def feed(self, batch: Batch) -> None:
        """Writes the facts of a batch."""
        self._writer.write(fact_record(fact, self._addresses, batch.file) for fact in batch.facts)


EXPORTERS: Final[Mapping[str, Callable[[Analysis, Writer], Listener]]] = {
    "operations": OperationExporter,
    "flows": FlowExporter,
    "facts": FactExporter,
    "commands": CommandExporter,  # of a lake, with "behaviours" in place of the rest, or "reads" beside
    "behaviours": BehaviourExporter,
    "reads": ReadExporter,
}
