"""Operations as Parquet, straight from the columns: names as dictionaries, numbers as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from otwatch.errors import CaptureError
from otwatch.outputs.json_text import json_text
from otwatch.outputs.operation_table import Array, OperationTable, Record

_ROW_GROUP: Final = 65_536
_NAME_BIT: Final = 62  # otwatch/names.py: such a number stands for a name
NAMES: Final = ("type", "file", "src", "dst", "community_id", "protocol", "role", "function_name", "action", "area", "object_name", "status")


def pyarrow_module() -> Any:
    """pyarrow; CaptureError that says how to install it."""
    try:
        import pyarrow  # noqa: PLC0415 - an extra
        import pyarrow.parquet  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise CaptureError("Parquet needs pyarrow and duckdb: pip install 'otwatch[parquet]'") from error
    return pyarrow


def operation_schema() -> Any:
    """The Arrow schema of operations: the fields of the record; `value` is JSON text, `area` text."""
    arrow = pyarrow_module()
    name, number = arrow.dictionary(arrow.int32(), arrow.string()), arrow.int64()
    return arrow.schema(
        {
            "type": name, "time": arrow.timestamp("ns", "UTC"), "file": name, "frame": number, "src": name, "src_port": arrow.int32(),
            "dst": name, "dst_port": arrow.int32(), "community_id": name,
            "protocol": name, "role": name, "function": arrow.int32(), "function_name": name,
            "subfunction": arrow.int32(), "action": name, "unit": number, "area": name, "object": number, "object_name": name, "start": number,
            "count": number, "value": arrow.json_(), "status": name, "transaction": number, "item": arrow.int32(), "request_frame": number,
            "latency_ns": number, "flow": number, "behaviour": arrow.int32(),
        }
    )  # fmt: skip


def arrow_table(table: OperationTable) -> Any:
    """The rows as an Arrow table of `operation_schema`."""
    arrow = pyarrow_module()
    kinds, pairs, numbers = table.kinds, table.pairs, table.numbers

    def names(texts: Sequence[Any], index: Array) -> Any:
        """A dictionary column; texts may repeat, None is null."""
        known: dict[str, int] = {}
        codes = np.array([-1 if text is None else known.setdefault(str(text), len(known)) for text in texts] or [-1], np.int32)
        codes = codes[index] if table.rows else np.zeros(0, np.int32)
        dictionary = arrow.array([text.encode("utf-8", "replace").decode() for text in known], arrow.string())
        return arrow.DictionaryArray.from_arrays(arrow.array(codes, mask=codes < 0), dictionary)

    def integers(column: Array, kind: Any) -> Any:
        missing = column < 0
        return arrow.array(column.astype(kind.to_pandas_dtype()), kind, mask=missing if missing.any() else None)

    def of_kinds(name: str) -> Any:
        return names([kind.fields[name] for kind in kinds], table.kind)

    def kind_numbers(name: str) -> Array:
        known = np.array([-1 if (number := kind.fields[name]) is None else number for kind in kinds], np.int64)
        return known[table.kind] if table.rows else known

    def pair_numbers(name: str) -> Array:
        known = np.array([-1 if (number := pair[name]) is None else number for pair in pairs], np.int64)
        return known[table.pair] if table.rows else known

    one = np.zeros(table.rows, np.int64)
    schema = operation_schema()
    make: dict[str, Callable[[], Any]] = {
        "type": lambda: names(["operation"], one),
        "time": lambda: arrow.array(numbers["timestamp_ns"], arrow.timestamp("ns", "UTC")),
        "file": lambda: names([table.file], one),
        "src": lambda: names([pair["src"] for pair in pairs], table.pair),
        "dst": lambda: names([pair["dst"] for pair in pairs], table.pair),
        "community_id": lambda: names([pair["community_id"] for pair in pairs], table.pair),
        "value": lambda: arrow.ExtensionArray.from_storage(arrow.json_(), arrow.array(table.value_texts(None), arrow.string())),
        "status": lambda: names([kind.status for kind in kinds], table.kind),
    }
    columns = []
    for column in schema:
        if column.name in make:
            columns.append(make[column.name]())
        elif column.name in NAMES:
            columns.append(of_kinds(column.name))
        elif column.name in ("src_port", "dst_port"):
            columns.append(integers(pair_numbers(column.name), column.type))
        elif column.name in numbers:
            columns.append(integers(numbers[column.name], column.type))
        else:
            columns.append(integers(kind_numbers(column.name), column.type))
    return arrow.Table.from_arrays(columns, schema=schema)


def arrow_records(records: Sequence[Record]) -> Any:
    """Records as an Arrow table of `operation_schema`."""
    arrow = pyarrow_module()
    times = np.array([record["time"].rstrip("Z") for record in records], "datetime64[ns]").astype(np.int64)
    columns = []
    for column in operation_schema():
        found = [record[column.name] for record in records]
        if column.name == "time":
            columns.append(arrow.array(times, column.type))
        elif column.name == "value":
            texts = [None if value is None else json_text(value) for value in found]
            columns.append(arrow.ExtensionArray.from_storage(column.type, arrow.array(texts, arrow.string())))
        elif column.name in NAMES:
            texts = [None if value is None else str(value).encode("utf-8", "replace").decode() for value in found]
            columns.append(arrow.array(texts, arrow.string()).dictionary_encode())
        else:
            columns.append(arrow.array(found, column.type))
    return arrow.Table.from_arrays(columns, schema=operation_schema())


class ParquetRows:
    """One Parquet file, written in groups of rows as they come."""

    def __init__(self, path: str, schema: Any) -> None:
        self._arrow = pyarrow_module()
        self._waiting: list[Any] = []
        self._rows = 0
        self._path = path
        try:
            self._writer = self._arrow.parquet.ParquetWriter(path, schema, compression="zstd")
        except OSError as error:
            raise CaptureError(f"{path}: cannot be written: {error.strerror or error}") from error

    def append(self, table: Any) -> None:
        """Takes an Arrow table of the schema."""
        self._waiting.append(table)
        self._rows += table.num_rows
        if self._rows >= _ROW_GROUP:
            self._flush()

    def close(self) -> None:
        """Writes what waits, and the footer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._waiting and self._rows:
            try:
                self._writer.write_table(self._arrow.concat_tables(self._waiting).unify_dictionaries(), row_group_size=2 * _ROW_GROUP)
            except OSError as error:
                raise CaptureError(f"{self._path}: cannot be written: {error.strerror or error}") from error
        self._waiting, self._rows = [], 0


class ParquetOperations:
    """Writes tables of operations into one Parquet file."""

    def __init__(self, path: str) -> None:
        self._rows = ParquetRows(path, operation_schema())

    def write(self, table: OperationTable) -> None:
        """Appends the rows."""
        self._rows.append(arrow_table(table))

    def write_records(self, records: Sequence[Record]) -> None:
        """Appends records."""
        self._rows.append(arrow_records(records))

    def close(self) -> None:
        """Ends the file."""
        self._rows.close()
