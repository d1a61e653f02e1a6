"""SQL over a lake, by DuckDB: a view for each table, of the days, site and sensor that are asked for. Nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from otwatch.errors import CaptureError
from otwatch.lake.layout import Lake, day_of
from otwatch.lake.schema import TABLES, LakeTable, time_ns
from otwatch.outputs.parquet import duckdb_module
from otwatch.outputs.times import time_text

_TYPES: Final = {
    "time": "TIMESTAMPTZ", "name": "VARCHAR", "text": "VARCHAR", "number": "BIGINT", "real": "DOUBLE", "flag": "BOOLEAN", "json": "VARCHAR",
}  # fmt: skip
NEWEST: Final = ("alerts", "incidents", "assets")  # of an id, the newest row counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What of a lake is asked about; times are RFC 3339 in UTC, or days."""

    since: str = ""
    until: str = ""
    site: str | None = None
    sensor: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows with the names of their columns."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


EVERYTHING: Final = Span()


class Question:
    """A connection with the views. CaptureError for SQL that is wrong. A view `all_alerts` has every row, `alerts` the newest of each id."""

    def __init__(self, lake: Lake, span: Span = EVERYTHING) -> None:
        self._duckdb = duckdb_module()
        since, until = moment(span.since), moment(span.until)
        files: dict[str, list[str]] = {name: [] for name in TABLES}
        for place in lake.places(span.site, span.sensor):
            for day in place.days():
                # a flow or an incident of this day may be asked for by its end: rows are chosen by time below
                if (since is not None and day < day_of(since)) or (until is not None and day > day_of(until)):
                    continue
                for segment in place.segments(day):
                    for path in segment.files():
                        files.get(path.name.partition(".")[0], []).append(str(path))
        self._connection = self._duckdb.connect()
        self._connection.execute("SET TimeZone = 'UTC'")
        for name, table in TABLES.items():
            self._connection.execute(_view(table, files[name], since, until))
            if name in NEWEST:
                self._connection.execute(
                    f"CREATE VIEW {name} AS SELECT * FROM all_{name} "  # noqa: S608 - names of ours
                    "QUALIFY row_number() OVER (PARTITION BY site, sensor, id ORDER BY last_seen DESC, length(record) DESC) = 1"
                )
        self._connection.execute(f"SET allowed_directories = [{quoted(str(lake.root.absolute()) + '/')}, {quoted(str(lake.root) + '/')}]")
        self._connection.execute("SET enable_external_access = false")  # a question reads this lake and nothing else
        self._connection.execute("SET lock_configuration = true")

    def ask(self, sql: str, parameters: Sequence[Any] = ()) -> Answer:
        """The rows of a query."""
        try:
            found = self._connection.execute(sql, list(parameters))
            return Answer(tuple(column[0] for column in found.description or ()), found.fetchall())
        except self._duckdb.Error as error:
            raise CaptureError(f"SQL: {str(error).splitlines()[0]}") from error

    def close(self) -> None:
        """Lets go."""
        self._connection.close()


def _view(table: LakeTable, files: list[str], since: int | None, until: int | None) -> str:
    name = f"all_{table.name}" if table.name in NEWEST else table.name
    if not files:
        columns = ", ".join(f'NULL::{_TYPES[one.kind]} AS "{one.name}"' for one in table.fields)
        return f"CREATE VIEW {name} AS SELECT {columns} WHERE false"
    columns = ", ".join(f'"{one.name}"::TIMESTAMPTZ AS "{one.name}"' if one.kind == "time" else f'"{one.name}"' for one in table.fields)
    listed = ", ".join(quoted(path) for path in files)
    limits = [f'"{table.time}" {sign} {_literal(number)}' for sign, number in ((">=", since), ("<", until)) if number is not None]
    where = f" WHERE {' AND '.join(limits)}" if limits else ""
    return f"CREATE VIEW {name} AS SELECT {columns} FROM read_parquet([{listed}], union_by_name = true, hive_partitioning = false){where}"  # noqa: S608


def _literal(number: int) -> str:
    return f"TIMESTAMPTZ '{time_text(number)[:26]}+00'"


def moment(text: str) -> int | None:
    """Nanoseconds of `2026-11-22`, `2026-11-22T06:00` or a whole time, in UTC; None of an empty text. CaptureError when it is none of them."""
    if not text:
        return None
    try:
        return time_ns(text)
    except ValueError as error:
        raise CaptureError(f'"{text}" is no time: write 2026-11-22 or 2026-11-22T06:00:00, in UTC') from error


def quoted(text: str) -> str:
    """A literal of SQL."""
    return "'" + text.replace("'", "''") + "'"
