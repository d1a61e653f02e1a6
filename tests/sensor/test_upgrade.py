"""The state folder of the version before: spool, cursors, store, baseline and a checkpoint that cannot be read."""

from __future__ import annotations

import json
import sqlite3
import zlib
from pathlib import Path

import pytest

from otwatch.limits import Limits
from otwatch.outputs.siem.reading import stored_events
from otwatch.outputs.store import StoreReader
from otwatch.sensor.config import read_config
from otwatch.sensor.replay import replay_batches
from otwatch.sensor.sensor import Sensor

PLANT = Path(__file__).parents[2] / "pcaps" / "plant"
# As 0.1.0 wrote it: two alerts of schema 1, the store's version 1, and numbers of twenty digits.
ALERT = {"type": "alert", "time": "2026-11-22T02:36:00.123456789Z", "first_seen": "2026-11-22T02:36:00.123456789Z",
         "last_seen": "2026-11-22T02:37:00.000000000Z", "id": "0123456789abcdef", "rule": "ot.unauthorized-write", "title": "Write by a stranger",
         "severity": "high", "confidence": 0.9, "count": 3, "src": "10.0.3.66", "dst": "10.0.1.10", "src_name": None, "dst_name": None,
         "protocol": "modbus", "action": "WRITE", "object": "40100", "value": 1450, "outcome": "requested", "attack": ["T0855"], "evidence": {}}
STORE = """
CREATE TABLE alerts (id TEXT PRIMARY KEY, first_seen TEXT, last_seen TEXT, rule TEXT, severity TEXT, src TEXT, dst TEXT, count INTEGER,
  sequence INTEGER, record TEXT);
CREATE TABLE assets (id TEXT PRIMARY KEY, first_seen TEXT, last_seen TEXT, vendor TEXT, name TEXT, roles TEXT, zone TEXT, record TEXT);
CREATE TABLE flows (number INTEGER PRIMARY KEY AUTOINCREMENT, first_seen TEXT, last_seen TEXT, client TEXT, server TEXT,
  server_port INTEGER, service TEXT, record TEXT);
PRAGMA user_version=1;
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    spool = tmp_path / "spool"
    spool.mkdir()
    lines = []
    for sequence in (1, 2):
        body = json.dumps({"sequence": sequence, "record": ALERT}, separators=(",", ":")).encode()
        lines.append(b"%08x %s\n" % (zlib.crc32(body), body))
    (spool / f"{1:020d}.events").write_bytes(b"".join(lines))
    (spool / "tcp_127.0.0.1_9__cef.cursor").write_bytes(b"%020d\n" % 1)
    (spool / "used").write_bytes(b"%020d\n" % 0)
    (spool / "lock").touch()
    (tmp_path / "checkpoint.npz").write_bytes(b"PK\x03\x04 of another version")
    store = sqlite3.connect(tmp_path / "otwatch.sqlite")
    store.executescript(STORE)
    row = [ALERT[name] for name in ("id", "first_seen", "last_seen", "rule", "severity", "src", "dst", "count")]
    store.execute("INSERT INTO alerts VALUES (?,?,?,?,?,?,?,?,?,?)", [*row, 2, json.dumps(ALERT)])
    store.commit()
    store.close()
    return tmp_path


def test_nothing_of_the_version_before_is_lost(state: Path) -> None:
    config = read_config(None, {"sensor.state": str(state), "outputs.database": str(state / "otwatch.sqlite"),
                                "outputs.jsonl": str(state / "alerts.jsonl"), "outputs.destinations": ["tcp://127.0.0.1:9"]})
    running = Sensor(config, (), packet_time=True)
    assert [delivery.state.delivered for delivery in running.reporting.deliveries] == [1], "the destination gets what it did not have"
    assert running.reporting.alerts_lost == 0
    assert [alert.rule for alert in running.health.take()] == ["sensor.checkpoint-damaged"]
    for name, packets in replay_batches([str(PLANT / "s7comm-stop.pcap")], Limits()):
        running.feed(name, packets)
    running._report_changes()
    running.close()
    numbers = [event.sequence for event in stored_events(state / "spool")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 2
    found = list(StoreReader(state / "otwatch.sqlite").alerts(severities=["high", "critical"]))
    assert {"ot.unauthorized-write", "ot.controller-stop"} <= {record["rule"] for record in found}
    assert not list(state.glob("*.damaged-*"))
