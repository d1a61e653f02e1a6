"""The sensor's own memory of what it found: SQLite with a write-ahead log, so that people can ask while it writes.

The columns are for questions; `record` is the whole public record as JSON. Bounded: the oldest rows go.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from otwatch.errors import CaptureError
from otwatch.outputs.json_text import json_text

_VERSION: Final = 1
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS alerts (id TEXT PRIMARY KEY, first_seen TEXT, last_seen TEXT, rule TEXT, severity TEXT, src TEXT, dst TEXT, count INTEGER,
  sequence INTEGER, record TEXT);
CREATE INDEX IF NOT EXISTS alerts_last_seen ON alerts (last_seen);
CREATE TABLE IF NOT EXISTS assets (id TEXT PRIMARY KEY, first_seen TEXT, last_seen TEXT, vendor TEXT, name TEXT, roles TEXT, zone TEXT, record TEXT);
CREATE TABLE IF NOT EXISTS flows (number INTEGER PRIMARY KEY AUTOINCREMENT, first_seen TEXT, last_seen TEXT, client TEXT, server TEXT,
  server_port INTEGER, service TEXT, record TEXT);
CREATE INDEX IF NOT EXISTS flows_last_seen ON flows (last_seen);
"""
_TRIM_EVERY: Final = 1000


class Store:
    """Writes are collected and committed by `commit`. Errors of the disk are counted in `lost`, never raised after opening."""

    def __init__(self, path: Path, *, keep_alerts: int = 100_000, keep_flows: int = 500_000) -> None:
        self.path = path
        self.keep_alerts = keep_alerts
        self.keep_flows = keep_flows
        self.lost = 0
        self.last_error = ""
        self._writes = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=2.0, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, _VERSION):
                raise CaptureError(f"{path}: a store of version {version}; this otwatch writes {_VERSION}: move it away or name another")
            self._connection.executescript(_TABLES)
            self._connection.execute(f"PRAGMA user_version={_VERSION}")
            self._connection.execute("PRAGMA application_id=0")  # an analysis that was pointed here must not replace it any more
        except (OSError, sqlite3.Error) as error:
            if isinstance(error, CaptureError):
                raise
            raise CaptureError(f"{path}: cannot be used as a store: {error}") from error

    def alert(self, record: dict[str, Any], sequence: int) -> None:
        """An alert, or its newer version."""
        self._write(
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
        self._write(
            "INSERT INTO flows (first_seen, last_seen, client, server, server_port, service, record) VALUES (?,?,?,?,?,?,?)",
            [
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
            ],
        )

    def _write(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        if not rows:
            return
        try:
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN")
            self._connection.executemany(statement, rows)
            self._writes += len(rows)
        except sqlite3.Error as error:
            self.lost += len(rows)
            self.last_error = str(error)

    def commit(self) -> None:
        """Makes everything written since the last commit visible to others; now and then drops what is too old."""
        try:
            if self._writes >= _TRIM_EVERY:
                self._writes = 0
                self._connection.execute("DELETE FROM flows WHERE number <= (SELECT max(number) FROM flows) - ?", (self.keep_flows,))
                self._connection.execute(
                    "DELETE FROM alerts WHERE id IN (SELECT id FROM alerts ORDER BY last_seen DESC LIMIT -1 OFFSET ?)", (self.keep_alerts,)
                )
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self.lost += 1
            self.last_error = str(error)

    def close(self) -> None:
        """Commits and lets go."""
        self.commit()
        self._connection.close()


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

    def alerts(self, *, severities: Iterable[str], rule: str = "", address: str = "", since: str = "", limit: int = 100) -> Iterator[dict[str, Any]]:
        """Alerts, newest first. `address` is source or destination, `since` a time of the records, `rule` may end in `*`."""
        wanted = list(severities)
        conditions, values = [f"severity IN ({','.join('?' * len(wanted))})"], list[Any](wanted)
        if rule:
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

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()
