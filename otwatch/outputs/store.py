"""The sensor's own memory of what it found: SQLite with a write-ahead log, so that people can ask while it writes.

The columns are for questions; `record` is the whole public record as JSON. Bounded: the oldest rows go.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from otwatch.errors import CaptureError
from otwatch.outputs.json_text import json_text

_VERSION: Final = 2  # 2: incidents; a store of version 1 gets their table
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS alerts (id TEXT PRIMARY KEY, first_seen TEXT, last_seen TEXT, rule TEXT, severity TEXT, src TEXT, dst TEXT, count INTEGER,
  sequence INTEGER, record TEXT);
CREATE INDEX IF NOT EXISTS alerts_last_seen ON alerts (last_seen);
CREATE TABLE IF NOT EXISTS incidents (id TEXT PRIMARY KEY, first_seen TEXT, last_seen TEXT, severity TEXT, title TEXT, actor TEXT, targets TEXT,
  merged_into TEXT, sequence INTEGER, record TEXT);
CREATE INDEX IF NOT EXISTS incidents_last_seen ON incidents (last_seen);
CREATE TABLE IF NOT EXISTS assets (id TEXT PRIMARY KEY, first_seen TEXT, last_seen TEXT, vendor TEXT, name TEXT, roles TEXT, zone TEXT, record TEXT);
CREATE TABLE IF NOT EXISTS flows (number INTEGER PRIMARY KEY AUTOINCREMENT, first_seen TEXT, last_seen TEXT, client TEXT, server TEXT,
  server_port INTEGER, service TEXT, record TEXT);
CREATE INDEX IF NOT EXISTS flows_last_seen ON flows (last_seen);
"""
_INSERT_FLOW: Final = "INSERT INTO flows (first_seen, last_seen, client, server, server_port, service, record) VALUES (?,?,?,?,?,?,?)"
_TRIM_EVERY: Final = 1000
_FLOWS_HELD: Final = 20_000  # rows of flows kept for the next try when the disk takes nothing
_DAMAGE: Final = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})


class DamagedStoreError(CaptureError):
    """The file is no store any more: moving it away is the only help."""


class Store:
    """Writes are collected and committed by `commit`, all of them or none. Errors of the disk are counted in `lost`, never raised after opening.

    What a commit could not write must be given again, but for flows, which are kept here for the next one, as far as there is room.
    """

    def __init__(self, path: Path, *, keep_alerts: int = 100_000, keep_flows: int = 500_000) -> None:
        self.path = path
        self.keep_alerts = keep_alerts
        self.keep_flows = keep_flows
        self.lost = 0
        self.last_error = ""
        self.damaged = False  # the file was found to be damaged: everything from here on fails
        self._writes = 0
        self._failed = False  # something of the open transaction was refused
        self._held: list[tuple[Any, ...]] = []  # flows of the open transaction
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=2.0, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if not 0 <= version <= _VERSION:
                raise CaptureError(f"{path}: a store of version {version}; this otwatch writes {_VERSION}: move it away or name another")
            self._connection.executescript(_TABLES)
            self._connection.execute(f"PRAGMA user_version={_VERSION}")
            self._connection.execute("PRAGMA application_id=0")  # an analysis that was pointed here must not replace it any more
        except (OSError, sqlite3.Error) as error:
            if isinstance(error, CaptureError):
                raise
            kind = DamagedStoreError if _is_damage(error) else CaptureError
            raise kind(f"{path}: cannot be used as a store: {error}") from error

    def last_sequence(self) -> int:
        """The highest sequence number of an alert that is there; 0 when there is none, or it cannot be read."""
        try:
            return int(self._connection.execute("SELECT max(sequence) FROM alerts").fetchone()[0] or 0)
        except (sqlite3.Error, ValueError):
            return 0

    def alert(self, record: dict[str, Any], sequence: int) -> bool:
        """An alert, or its newer version; False when the disk does not take it."""
        return self._write(
            "INSERT INTO alerts VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET last_seen=excluded.last_seen, "
            "severity=excluded.severity, count=excluded.count, sequence=excluded.sequence, record=excluded.record",
            [
                (
                    record["id"],
                    record["first_seen"],
                    record["last_seen"],
                    record["rule"],
                    record["severity"],
                    record["src"],
                    record["dst"],
                    record["count"],
                    sequence,
                    json_text(record),
                )
            ],
        )

    def incident(self, record: dict[str, Any], sequence: int) -> bool:
        """An incident, or its newer version; False when the disk does not take it."""
        return self._write(
            "INSERT INTO incidents VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET last_seen=excluded.last_seen, "
            "severity=excluded.severity, title=excluded.title, actor=excluded.actor, targets=excluded.targets, merged_into=excluded.merged_into, "
            "sequence=excluded.sequence, record=excluded.record",
            [
                (
                    record["id"],
                    record["first_seen"],
                    record["last_seen"],
                    record["severity"],
                    record["title"],
                    record["actor"],
                    ",".join(record["targets"]),
                    record["merged_into"],
                    sequence,
                    json_text(record),
                )
            ],
        )

    def assets(self, records: Iterable[dict[str, Any]]) -> None:
        """The inventory as it is now; assets that are not in it any more stay."""
        self._write(
            "INSERT OR REPLACE INTO assets VALUES (?,?,?,?,?,?,?,?)",
            [
                (
                    record["id"],
                    record["first_seen"],
                    record["last_seen"],
                    record["vendor"],
                    record["name"],
                    ",".join(record["roles"]),
                    record["zone"],
                    json_text(record),
                )
                for record in records
            ],
        )

    def flows(self, records: Iterable[dict[str, Any]]) -> None:
        """Closed flows."""
        rows = [
            (
                record["first_seen"],
                record["last_seen"],
                record["client"],
                record["server"],
                record["server_port"],
                record["service"],
                json_text(record),
            )
            for record in records
        ]
        self._held += rows[: max(0, _FLOWS_HELD - len(self._held))]
        self._write(_INSERT_FLOW, rows)

    def _write(self, statement: str, rows: list[tuple[Any, ...]]) -> bool:
        if not rows or self._failed:
            return not self._failed
        try:
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN")
            self._connection.executemany(statement, rows)
            self._writes += len(rows)
        except sqlite3.Error as error:
            self._refused(error, len(rows))
            return False
        return True

    def _refused(self, error: sqlite3.Error, rows: int) -> None:
        self.lost += rows
        self.last_error = str(error)
        self.damaged = self.damaged or _is_damage(error)
        self._failed = True

    def commit(self) -> bool:
        """Makes everything written since the last commit visible to others; now and then drops what is too old. False: nothing of it is there."""
        if not self._failed and self._committed():
            self._held.clear()
            return True
        self._failed = False
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        self._write(_INSERT_FLOW, self._held)
        return False

    def _committed(self) -> bool:
        try:
            if self._writes >= _TRIM_EVERY:
                self._writes = 0
                self._connection.execute("DELETE FROM flows WHERE number <= (SELECT max(number) FROM flows) - ?", (self.keep_flows,))
                self._connection.execute(
                    "DELETE FROM alerts WHERE id IN (SELECT id FROM alerts ORDER BY last_seen DESC LIMIT -1 OFFSET ?)", (self.keep_alerts,)
                )
                self._connection.execute(
                    "DELETE FROM incidents WHERE id IN (SELECT id FROM incidents ORDER BY last_seen DESC LIMIT -1 OFFSET ?)", (self.keep_alerts,)
                )
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._refused(error, 1)
            return False
        return True

    def close(self) -> None:
        """Commits and lets go."""
        self.commit()
        with suppress(sqlite3.Error):
            self._connection.close()


def _is_damage(error: Exception) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def set_aside(path: Path, moment: str) -> Path:
    """Moves a damaged store and its companions out of the way; where it is now. OSError when it cannot be moved."""
    place = path.with_name(f"{path.name}.damaged-{moment}")
    path.replace(place)
    for suffix in ("-wal", "-shm", "-journal"):
        with suppress(OSError):
            path.with_name(path.name + suffix).replace(place.with_name(place.name + suffix))
    return place


class StoreReader:
    """Questions to a store, also while a sensor writes to it. CaptureError when the file is none."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise CaptureError(f"{path}: no such store; `otwatch sensor` and `otwatch analyze --db FILE` write one: name it with --db")
        try:
            self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)
            self._connection.execute("SELECT count(*) FROM alerts").fetchone()
        except sqlite3.Error as error:
            if not os.access(path, os.R_OK):
                raise CaptureError(f"{path}: permission denied; run as a user who may read it, or change its permissions") from error
            raise CaptureError(f"{path}: not a store of otwatch: {error}") from error

    def alerts(
        self, *, severities: Iterable[str], rule: str = "", also: bool = False, address: str = "", since: str = "", limit: int = 100
    ) -> Iterator[dict[str, Any]]:
        """Alerts, newest first. `address` is source or destination, `since` a time of the records, `rule` may hold `*`; with `also` the
        alerts of other rules count whose `evidence.also` names the rule."""
        wanted = list(severities)
        conditions, values = [f"severity IN ({','.join('?' * len(wanted))})"], list[Any](wanted)
        if rule and also:
            conditions.append(
                "(rule GLOB ? OR EXISTS (SELECT 1 FROM json_each(record, '$.evidence.also') WHERE json_extract(value, '$.rule') GLOB ?))"
            )
            values += [rule, rule]
        elif rule:
            conditions.append("rule GLOB ?")
            values.append(rule)
        if address:
            conditions.append("(src = ? OR dst = ?)")
            values += [address, address]
        if since:
            conditions.append("last_seen >= ?")
            values.append(since)
        statement = f"SELECT record FROM alerts WHERE {' AND '.join(conditions)} ORDER BY last_seen DESC LIMIT ?"  # noqa: S608 - constant parts only
        for (record,) in self._connection.execute(statement, [*values, limit]):
            yield json.loads(record)

    def incidents(
        self, *, severities: Iterable[str], address: str = "", since: str = "", incident: str = "", limit: int = 100
    ) -> Iterator[dict[str, Any]]:
        """Incidents, newest first. `address` is the actor or a target, `incident` the beginning of an id. None in a store of version 1."""
        wanted = list(severities)
        conditions, values = [f"severity IN ({','.join('?' * len(wanted))})"], list[Any](wanted)
        if address:
            conditions.append("(actor = ? OR ',' || targets || ',' LIKE '%,' || ? || ',%')")
            values += [address, address]
        if since:
            conditions.append("last_seen >= ?")
            values.append(since)
        if incident:
            conditions.append("substr(id, 1, ?) = ?")
            values += [len(incident), incident]
        if not self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'incidents'").fetchone():
            return
        statement = f"SELECT record FROM incidents WHERE {' AND '.join(conditions)} ORDER BY last_seen DESC LIMIT ?"  # noqa: S608 - constant parts only
        for (record,) in self._connection.execute(statement, [*values, limit]):
            yield json.loads(record)

    def identified(self, beginning: str) -> list[dict[str, Any]]:
        """Incidents and alerts whose id begins so; at most ten. An incident of that very id comes alone."""
        found: list[dict[str, Any]] = []
        for table in ("incidents", "alerts"):
            statement = f"SELECT record FROM {table} WHERE substr(id, 1, ?) = ? LIMIT 10"  # noqa: S608 - constant parts only
            try:
                found += [json.loads(record) for (record,) in self._connection.execute(statement, (len(beginning), beginning))]
            except sqlite3.Error:  # a store of before there were incidents
                continue
            if any(record["id"] == beginning for record in found):
                return [record for record in found if record["id"] == beginning][:1]
        return found[:10]

    def assets(self, *, role: str = "", text: str = "") -> Iterator[dict[str, Any]]:
        """Assets by role, or by a piece of their name, vendor or address."""
        pattern = f"%{text}%"
        rows = self._connection.execute(
            "SELECT record FROM assets WHERE (? = '' OR ',' || roles || ',' LIKE '%,' || ? || ',%') "
            "AND (id LIKE ? OR name LIKE ? OR vendor LIKE ?) ORDER BY id",
            (role, role, pattern, pattern, pattern),
        )
        for (record,) in rows:
            yield json.loads(record)

    def flows(self, *, since: str = "") -> Iterator[dict[str, Any]]:
        """Flows that are over, oldest first; `since` a time of the records."""
        for (record,) in self._connection.execute("SELECT record FROM flows WHERE last_seen >= ? ORDER BY number", (since,)):
            yield json.loads(record)

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()
