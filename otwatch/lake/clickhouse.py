"""A lake in ClickHouse: the same tables for a fleet of sensors, filled file by file; what was pushed before is not pushed again.

A segment is pushed whole: what a push that was killed left of it is deleted first, and it counts when `pushed` names it. A merged segment whose parts
were all pushed before brings nothing new and is only noted.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlencode, urlsplit

from otwatch.errors import CaptureError
from otwatch.lake.asking import NEWEST, Answer, Span, moment, quoted
from otwatch.lake.layout import Lake, Place, Segment, day_of
from otwatch.lake.schema import TABLES, Field, LakeTable
from otwatch.outputs.times import time_text

_TYPES: Final = {
    "time": "DateTime64(9, 'UTC')", "name": "LowCardinality(Nullable(String))", "text": "Nullable(String)", "number": "Nullable(Int64)",
    "real": "Nullable(Float64)", "flag": "Nullable(Bool)", "json": "Nullable(String)",
}  # fmt: skip
_SECONDS: Final = 600
# Aliases that are named like columns, as DuckDB and the standard take them; NULL where a join finds nothing
SETTINGS: Final = {"prefer_column_name_to_alias": "1", "join_use_nulls": "1"}


class Engine(Protocol):
    """Whoever runs SQL: a server, or chdb in the tests. CaptureError when it refuses."""

    def ask(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a query; none of a statement."""

    def insert(self, table: str, columns: str, structure: str, segment: str, path: Path) -> None:
        """The rows of a Parquet file, with the name of their segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A ClickHouse server over HTTP, from a URL: `clickhouse://user:password@host:8123/database`, `clickhouses://` over TLS."""

    host: str
    port: int
    secure: bool
    user: str
    password: str
    database: str

    @classmethod
    def of(cls, url: str) -> Server:
        """CaptureError when it is no such URL."""
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError as error:
            raise CaptureError(f"{parts.scheme}://{parts.hostname}: the port is no number") from error
        if parts.scheme not in ("clickhouse", "clickhouses") or not parts.hostname:
            raise CaptureError(f"{parts.scheme or url}: no ClickHouse: write clickhouse://user:password@host:8123/database (clickhouses:// over TLS)")
        secure = parts.scheme == "clickhouses"
        return cls(
            host=parts.hostname,
            port=port or (8443 if secure else 8123),
            secure=secure,
            user=unquote(parts.username or "default"),
            password=unquote(parts.password or ""),
            database=parts.path.strip("/") or "default",
        )

    def ask(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a query; none of a statement."""
        reading = sql.lstrip().upper().startswith(("SELECT", "WITH"))
        text = self._post({"query": sql + (" FORMAT JSONEachRow" if reading else "")}, b"")
        return [json.loads(line) for line in text.splitlines()] if reading else []

    def insert(self, table: str, columns: str, structure: str, segment: str, path: Path) -> None:
        """The rows of a Parquet file, with the name of their segment."""
        query = f"INSERT INTO {table} ({columns}, segment) SELECT {columns}, {quoted(segment)} FROM input({quoted(structure)}) FORMAT Parquet"  # noqa: S608
        self._post({"query": query}, path.read_bytes())

    def _post(self, parameters: dict[str, str], body: bytes) -> str:
        name = f"{self.host}:{self.port}"
        if self.secure:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                self.host, self.port, timeout=_SECONDS, context=ssl.create_default_context()
            )
        else:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=_SECONDS)
        settings = {"database": self.database, **SETTINGS, "output_format_json_quote_64bit_integers": "0"}
        credentials = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        try:
            connection.request("POST", f"/?{urlencode({**settings, **parameters})}", body, {"Authorization": f"Basic {credentials}"})
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise CaptureError(f"{name}: ClickHouse cannot be reached: {error}") from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise CaptureError(f"{name}: ClickHouse refused: {text.splitlines()[0][:500] if text else answer.status}")
        return text


def statements() -> Iterator[str]:
    """What makes the tables and views, where they are not there yet."""
    for name, table in TABLES.items():
        columns = ", ".join(f"`{one.name}` {_type(one, table)}" for one in table.fields)
        stored = f"all_{name}" if name in NEWEST else name
        yield (
            f"CREATE TABLE IF NOT EXISTS {stored} ({columns}, `segment` String) ENGINE = MergeTree "
            f"PARTITION BY toYYYYMM({table.time}) ORDER BY (site, sensor, {table.time})"
        )
        if name in NEWEST:
            yield (
                f"CREATE VIEW IF NOT EXISTS {name} AS SELECT * FROM all_{name} "  # noqa: S608 - names of ours
                "ORDER BY last_seen DESC, length(record) DESC LIMIT 1 BY site, sensor, id"
            )
    yield (
        "CREATE TABLE IF NOT EXISTS pushed (site String, sensor String, day Date, segment String, rows UInt64, at DateTime DEFAULT now()) "
        "ENGINE = ReplacingMergeTree ORDER BY (site, sensor, day, segment)"
    )


def push(lake: Lake, engine: Engine, span: Span, *, say: Callable[[str], object] = lambda _: None) -> int:
    """Brings what is not there yet; returns the rows."""
    for statement in statements():
        engine.ask(statement)
    since, until = moment(span.since), moment(span.until)
    rows = 0
    for place in lake.places(span.site, span.sensor):
        found = engine.ask(f"SELECT DISTINCT toString(day) AS day, segment FROM pushed WHERE {_of(place)}")  # noqa: S608 - literals are quoted
        known = {(one["day"], one["segment"]) for one in found}
        for day in place.days():
            if (since is not None and day < day_of(since)) or (until is not None and day > day_of(until)):
                continue
            for segment in place.segments(day):
                if (day, segment.name) not in known:
                    rows += _push(place, day, segment, {name for of, name in known if of == day}, engine)
            say(f"{place.site}, {place.sensor}, {day}: there")
    return rows


def _push(place: Place, day: str, segment: Segment, known: set[str], engine: Engine) -> int:
    parts = {name for name in segment.replaces if not name.startswith("d-")}
    rows = 0
    if not parts or not parts <= known:
        gone = ", ".join(quoted(name) for name in sorted({segment.name, *segment.replaces}))
        for name, table in TABLES.items():
            stored = f"all_{name}" if name in NEWEST else name
            # of this day alone: the segments of a recording have one name on all its days
            where = f"{_of(place)} AND segment IN ({gone}) AND toDate({table.time}) = {quoted(day)}"
            if engine.ask(f"SELECT 1 AS found FROM {stored} WHERE {where} LIMIT 1"):  # noqa: S608 - literals are quoted
                engine.ask(f"ALTER TABLE {stored} DELETE WHERE {where} SETTINGS mutations_sync = 2")
            columns = ", ".join(f"`{one.name}`" for one in table.fields)
            structure = ", ".join(f"`{one.name}` {_type(one, table)}" for one in table.fields)
            for path in segment.files(name):
                engine.insert(stored, columns, structure, segment.name, path)
        rows = sum(segment.about.get("rows", {}).values())
    values = ", ".join(map(quoted, (place.site, place.sensor, day, segment.name)))
    engine.ask(f"INSERT INTO pushed (site, sensor, day, segment, rows) VALUES ({values}, {rows})")  # noqa: S608 - literals are quoted
    return rows


def answer(engine: Engine, sql: str, span: Span, database: str) -> Answer:
    """The rows of a query over a span."""
    rows = engine.ask(spanned(sql, span, database))
    return Answer(tuple(rows[0]) if rows else (), [tuple(row.values()) for row in rows])


def spanned(sql: str, span: Span, database: str) -> str:
    """The SQL of a question over a span: each of its tables is what falls into it."""
    limits = []
    for column, value in (("site", span.site), ("sensor", span.sensor)):
        if value is not None:
            limits.append(f"{column} = {quoted(value)}")
    bounds = [(">=", moment(span.since)), ("<", moment(span.until))]
    parts = []
    for name, table in TABLES.items():
        chosen = [*limits, *(f"{table.time} {sign} {_literal(at)}" for sign, at in bounds if at is not None)]
        if chosen:
            parts.append(f"{name} AS (SELECT * FROM {database}.{name} WHERE {' AND '.join(chosen)})")  # noqa: S608 - literals are quoted
    return f"WITH {', '.join(parts)} {sql}" if parts else sql


def _type(one: Field, table: LakeTable) -> str:
    if one.name in ("site", "sensor"):
        return "LowCardinality(String)"
    return f"Nullable({_TYPES['time']})" if one.kind == "time" and one.name != table.time else _TYPES[one.kind]


def _literal(time_ns: int) -> str:
    text = time_text(time_ns)[:-1].replace("T", " ")
    return f"toDateTime64({quoted(text)}, 9, 'UTC')"


def _of(place: Place) -> str:
    return f"site = {quoted(place.site)} AND sensor = {quoted(place.sensor)}"
