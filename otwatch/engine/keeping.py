"""What of the operations is worth keeping for years: what acts on the process row by row, what only looks as counts per five minutes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from otwatch.actions import Action
from otwatch.batch import Batch
from otwatch.engine.writers import ColumnWriter, Writer
from otwatch.outputs.operation_table import Array, Kind, OperationReader, OperationTable
from otwatch.outputs.times import time_text
from otwatch.tables import Operations

if TYPE_CHECKING:
    from otwatch.engine.analysis import Analysis

# Actions that look and do not act, and come all the time; with an error, or against their request, they are kept too
LOOKING: Final = frozenset(
    {Action.READ, Action.REPORT, Action.SUBSCRIBE, Action.IDENTIFY, Action.DIAGNOSE, Action.BROWSE, Action.CONNECT, Action.ENCRYPTED, Action.OTHER}
)
WINDOW_NS: Final = 300_000_000_000
_OPEN: Final = 65_536  # counts that wait for the end of their window; beyond it they are written, and the rest of the window makes further rows
_Key = tuple[int, Kind, str, str]


def acting(operations: Operations) -> Array:
    """Which rows are kept one by one."""
    looking = np.isin(operations.array("action"), [int(action) for action in LOOKING])
    chosen: Array = ~looking | (operations.array("status") != 0) | (operations.array("contradicts") != 0)
    return chosen


class CommandExporter:
    """The operations that act, or fail."""

    def __init__(self, analysis: Analysis, writer: Writer) -> None:
        self._reader = OperationReader(analysis.pipeline.addresses, analysis.pipeline.protocols)
        self._writer = writer

    def chosen(self, batch: Batch) -> Array:
        """The rows that are written."""
        return acting(batch.operations)

    def feed(self, batch: Batch) -> None:
        """Writes them."""
        rows = np.flatnonzero(self.chosen(batch))
        if not len(rows):
            return
        table = self._reader.read(batch, rows)
        if isinstance(self._writer, ColumnWriter):
            self._writer.take(table)
        else:
            self._writer.write(table.records())


class ReadExporter(CommandExporter):
    """The other operations, as they are."""

    def chosen(self, batch: Batch) -> Array:
        """The rows that are written."""
        return ~acting(batch.operations)


class BehaviourExporter:
    """The other operations as counts: one record for each kind of operation between two addresses in five minutes."""

    def __init__(self, analysis: Analysis, writer: Writer) -> None:
        self._reader = OperationReader(analysis.pipeline.addresses, analysis.pipeline.protocols)
        self._writer = writer
        self._open: dict[_Key, list[int]] = {}  # messages, first, last
        self._now = 0

    def feed(self, batch: Batch) -> None:
        """Counts a batch, and writes the windows that are over; all of them where a recording ends."""
        rows = np.flatnonzero(~acting(batch.operations))
        if len(rows):
            self._count(self._reader.read(batch, rows))
        window = batch.now_ns // WINDOW_NS
        if not batch.packets.rows or len(self._open) > _OPEN:
            self.flush()
        elif window != self._now:
            self._now = window
            self._write([key for key in self._open if key[0] < window - 1])  # packets may come out of order

    def flush(self) -> None:
        """Writes everything."""
        self._write(list(self._open))

    def _count(self, table: OperationTable) -> None:
        names = [(pair["src"], pair["dst"]) for pair in table.pairs]
        distinct = {name: number for number, name in enumerate(dict.fromkeys(names))}
        ends, places = list(distinct), np.array([distinct[name] for name in names])
        times = table.numbers["timestamp_ns"]
        windows, window = np.unique(times // WINDOW_NS, return_inverse=True)
        code = (window * len(table.kinds) + table.kind) * len(ends) + places[table.pair]
        order = np.lexsort((times, code))
        starts = np.flatnonzero(np.diff(code[order], prepend=-1))
        counts = np.diff(starts, append=len(code))
        first, last = times[order[starts]], times[order[starts + counts - 1]]
        for one, count, first_ns, last_ns in zip(code[order[starts]].tolist(), counts.tolist(), first.tolist(), last.tolist(), strict=True):
            rest, end = divmod(one, len(ends))
            at, kind = divmod(rest, len(table.kinds))
            key = (int(windows[at]), table.kinds[kind], *ends[end])
            known = self._open.get(key)
            if known is None:
                self._open[key] = [count, first_ns, last_ns]
            else:
                known[0] += count
                known[1], known[2] = min(known[1], first_ns), max(known[2], last_ns)

    def _write(self, keys: list[_Key]) -> None:
        if keys:
            self._writer.write(self._records(keys))

    def _records(self, keys: list[_Key]) -> Iterator[dict[str, Any]]:
        for key in keys:
            window, kind, src, dst = key
            messages, first_ns, last_ns = self._open.pop(key)
            yield {
                "type": "behaviour",
                "time": time_text(window * WINDOW_NS),
                "first_seen": time_text(first_ns),
                "last_seen": time_text(last_ns),
                "messages": messages,
                "src": src,
                "dst": dst,
                **kind.fields,
                "status": kind.status,
            }
