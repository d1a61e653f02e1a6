"""Rows into a lake: gathered in a scratch folder, and shown all at once, day by day, by the renaming of a folder.

Whoever is killed on the way leaves a scratch folder, which the next writer removes, and no half file. What is written again under the name that
it had (a recording that was read a second time) is there once.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np

import otwatch
from otwatch.errors import CaptureError
from otwatch.lake.layout import DAY_NS, SCRATCH, SEGMENT, Lake, Place, day_ns, day_of, sync
from otwatch.lake.schema import TABLES, arrow_rows, arrow_schema
from otwatch.outputs.operation_parquet import arrow_table, pyarrow_module
from otwatch.outputs.operation_table import OperationTable

_ROWS: Final = 65_536  # that wait in memory
_DAYS: Final = 400  # of one recording; a clock that jumps about must not make a million folders
_FACTS: Final = 65_536  # facts that are known to have been written in this hour
_RECORDS_AT_ONCE: Final = 8_192

Record = dict[str, Any]


class LakeWriter:
    """Rows of one recording, or of five minutes of a sensor. `lost` counts rows of more days than a recording may have."""

    def __init__(self, lake: Lake, site: str, sensor: str) -> None:
        self.place = Place(lake.root, site, sensor)
        self.lost = 0
        self.rows = 0
        self._arrow = pyarrow_module()
        self._waiting: dict[tuple[str, str], list[Any]] = {}  # by day and table
        self._waiting_rows = 0
        self._parts: dict[tuple[str, str], int] = {}
        self._row_counts: dict[tuple[str, str], int] = {}
        self._told: set[tuple[Any, ...]] = set()
        try:
            self._scratch = Scratch(lake.root / SCRATCH)
        except OSError as error:
            raise CaptureError(f"{lake.root}: cannot be written: {error.strerror or error}") from error

    def table(self, name: str) -> TableOfLake:
        """Who takes the rows of one table."""
        return TableOfLake(self, name)

    def records(self, name: str, records: Iterable[Record]) -> None:
        """Takes public records of one table."""
        found = iter(records)
        while some := list(islice(found, _RECORDS_AT_ONCE)):
            if name == "facts":
                some = [record for record in some if self._is_news(record)]
            if some:
                self._add(name, arrow_rows(name, some, self.place.site, self.place.sensor))

    def operations(self, name: str, table: OperationTable) -> None:
        """Takes operations by column."""
        arrow, found, columns = self._arrow, arrow_table(table), []
        schema = arrow_schema(name)
        zero = arrow.array(np.zeros(table.rows, np.int32))
        for column in schema:
            if column.name in ("site", "sensor"):
                text = arrow.array([self.place.site if column.name == "site" else self.place.sensor])
                columns.append(arrow.DictionaryArray.from_arrays(zero, text))
            elif column.name == "value":
                columns.append(found[column.name].combine_chunks().storage)
            else:
                columns.append(found[column.name].cast(column.type))
        self._add(name, arrow.Table.from_arrays(columns, schema=schema))

    def _is_news(self, record: Record) -> bool:
        if len(self._told) >= _FACTS:
            self._told.clear()
        key = (record["time"][:13], *(record[name] for name in ("address", "child", "kind", "value", "source")))
        if key in self._told:
            return False
        self._told.add(key)
        return True

    def _add(self, name: str, rows: Any) -> None:
        times = rows[TABLES[name].time].cast("int64").to_numpy()
        numbers, which = np.unique(times // DAY_NS, return_inverse=True)
        for index, number in enumerate(numbers.tolist()):
            day = day_of(number * DAY_NS)
            if (day, name) not in self._parts and len({known for known, _ in self._parts} | {day}) > _DAYS:
                self.lost += int((which == index).sum())
                continue
            self._parts.setdefault((day, name), 0)
            part = rows if len(numbers) == 1 else rows.filter(self._arrow.array(which == index))
            self._waiting.setdefault((day, name), []).append(part)
            self._waiting_rows += part.num_rows
            self.rows += part.num_rows
            self._row_counts[day, name] = self._row_counts.get((day, name), 0) + part.num_rows
        if self._waiting_rows >= _ROWS:
            self._spill()

    def _spill(self) -> None:
        waiting, self._waiting, self._waiting_rows = self._waiting, {}, 0
        for (day, name), tables in waiting.items():
            self._parts[day, name] += 1
            folder = self._scratch.path / day
            folder.mkdir(exist_ok=True)
            path = folder / f"{name}.{self._parts[day, name]:04}.parquet"
            self._arrow.parquet.write_table(self._arrow.concat_tables(tables).unify_dictionaries(), path, compression="zstd")

    def commit(self, name: str, *, first_ns: int, last_ns: int, about: Record) -> list[str]:
        """Shows everything as segment `name` of each day from the first time to the last; returns the days that had not been there.

        CaptureError when the disk does not take it.
        """
        try:
            self._spill()
            days = [day_of(at) for at in range(first_ns // DAY_NS * DAY_NS, last_ns + 1, DAY_NS)[:_DAYS]]
            written = [day for day in sorted({*days, *(day for day, _ in self._parts)}) if self._show(day, name, first_ns, last_ns, about)]
        except OSError as error:
            raise CaptureError(f"{self.place.root}: cannot be written: {error.strerror or error}") from error
        finally:
            self.close()
        return written

    def _show(self, day: str, name: str, first_ns: int, last_ns: int, about: Record) -> bool:
        if self.place.has(day, name):
            return False
        folder = self._scratch.path / day
        folder.mkdir(exist_ok=True)
        start = day_ns(day)
        rows = {table: count for (of, table), count in sorted(self._row_counts.items()) if of == day}
        seen = {"from_ns": max(first_ns, start), "until_ns": min(last_ns, start + DAY_NS - 1)}
        show(folder, self.place.day(day) / name, {"otwatch": otwatch.__version__, **seen, **about, "rows": rows, "replaces": []})
        return True

    def close(self) -> None:
        """Removes what was not shown."""
        self._scratch.close()


class TableOfLake:
    """One table of a writer, for an exporter."""

    def __init__(self, writer: LakeWriter, name: str) -> None:
        self._writer, self._name = writer, name

    def write(self, records: Iterable[Record]) -> None:
        """Takes public records."""
        self._writer.records(self._name, records)


class OperationsOfLake(TableOfLake):
    """The same for operations, which come by column."""

    def take(self, table: OperationTable) -> None:
        """Takes the rows."""
        self._writer.operations(self._name, table)


def show(folder: Path, place: Path, about: Record) -> None:
    """Makes a finished folder a segment: on the disk first, then by name."""
    (folder / SEGMENT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    for path in folder.iterdir():
        sync(path)
    sync(folder)
    place.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(place)
    sync(place.parent)


class Scratch:
    """A folder of one writer's own; those of writers that are gone are removed."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        for lock in root.glob("*.lock"):
            with suppress(OSError):
                _remove_if_left(lock)
        self.path = root / uuid.uuid4().hex
        self._lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.path.mkdir()
        self._open = True

    def close(self) -> None:
        """Removes it, with what is still in it."""
        if self._open:
            self._open = False
            shutil.rmtree(self.path, ignore_errors=True)
            self.path.with_suffix(".lock").unlink(missing_ok=True)
            os.close(self._lock)


def _remove_if_left(lock: Path) -> None:
    descriptor = os.open(lock, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # OSError while its writer lives
        shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
        lock.unlink(missing_ok=True)
    finally:
        os.close(descriptor)
