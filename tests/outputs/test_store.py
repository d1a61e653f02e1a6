"""The store: newest version of each alert, questions while it is written, bounds, hostile text."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from otwatch.errors import CaptureError
from otwatch.outputs.store import Store, StoreReader
from tests.outputs.siem.receivers import alert

ALL = ["info", "low", "medium", "high", "critical"]


def test_an_alert_that_goes_on_is_one_row(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.sqlite")
    store.alert(alert(count=1), 1)
    store.alert(alert(count=9, severity="critical"), 2)
    store.commit()
    found = list(StoreReader(tmp_path / "s.sqlite").alerts(severities=ALL))
    assert [(record["count"], record["severity"]) for record in found] == [(9, "critical")]


def test_questions_are_answered_while_it_is_written(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.sqlite")
    hostile = "x'; DROP TABLE alerts; --"
    store.alert(alert(id="1", rule="a.b", src=hostile, last_seen="2026-01-01"), 1)
    store.alert(alert(id="2", rule="lateral.x", dst="10.9.9.9", last_seen="2026-02-01", severity="low"), 2)
    store.commit()
    store.alert(alert(id="3"), 3)  # not committed
    reader = StoreReader(tmp_path / "s.sqlite")

    def ids(**question: object) -> list[str]:
        return [record["id"] for record in reader.alerts(**{"severities": ALL, **question})]  # type: ignore[arg-type]

    assert ids() == ["2", "1"]
    assert ids(address=hostile) == ["1"]
    assert ids(address="10.9.9.9") == ["2"]
    assert ids(rule="lateral.*") == ["2"]
    assert ids(since="2026-01-15") == ["2"]
    assert ids(severities=["high"]) == ["1"]
    assert ids(limit=1) == ["2"]


def test_assets_are_found_by_role_and_text(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.sqlite")
    base = {"type": "asset", "first_seen": "a", "last_seen": "b", "zone": ""}
    store.assets([{**base, "id": "10.0.0.1", "vendor": "Siemens", "name": "press", "roles": ["controller", "gateway"]},
                  {**base, "id": "10.0.0.2", "vendor": "Dell", "name": "hmi", "roles": ["hmi"]}])
    store.commit()
    reader = StoreReader(tmp_path / "s.sqlite")
    assert [record["id"] for record in reader.assets(role="gateway")] == ["10.0.0.1"]
    assert [record["id"] for record in reader.assets(text="siem")] == ["10.0.0.1"]
    assert [record["id"] for record in reader.assets()] == ["10.0.0.1", "10.0.0.2"]


def test_it_is_bounded(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.sqlite", keep_alerts=10, keep_flows=20)
    flow = {"first_seen": "a", "last_seen": "b", "client": "c", "server": "d", "server_port": 1, "service": "x"}
    for number in range(1200):
        store.alert(alert(id=str(number), last_seen=f"{number:06d}"), number)
    store.flows([flow] * 100)
    store.commit()
    connection = sqlite3.connect(tmp_path / "s.sqlite")
    assert connection.execute("SELECT count(*), min(last_seen) FROM alerts").fetchone() == (10, "001190")
    assert connection.execute("SELECT count(*) FROM flows").fetchone() == (20,)


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="no such store"):
        StoreReader(tmp_path / "none")
    (tmp_path / "text").write_text("hello, this is no database at all" * 100)
    with pytest.raises(CaptureError, match="not a store"):
        StoreReader(tmp_path / "text")
    with pytest.raises(CaptureError, match="cannot be used"):
        Store(tmp_path / "text")


def test_a_disk_that_takes_nothing_is_counted(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.sqlite")
    store._connection.execute("PRAGMA query_only=ON")
    store.alert(alert(), 1)
    store.commit()
    assert store.lost >= 1


def incident(**more: Any) -> dict[str, Any]:
    return {"id": "abc1", "first_seen": "2026", "last_seen": "2026", "severity": "high", "title": "t", "actor": "10.0.0.66",
            "targets": ["10.0.0.9", "10.0.0.10"], "merged_into": "", **more}


def test_incidents_are_kept_by_id_and_asked_for(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.sqlite")
    store.incident(incident(), 1)
    store.incident(incident(severity="critical"), 2)
    store.incident(incident(id="def2", actor="10.0.0.7", merged_into="abc1", severity="info"), 3)
    store.close()
    reader = StoreReader(tmp_path / "s.sqlite")
    every = ("info", "high", "critical")
    assert [(one["id"], one["severity"]) for one in reader.incidents(severities=("critical", "high"))] == [("abc1", "critical")]
    assert {one["id"] for one in reader.incidents(severities=every, address="10.0.0.10")} == {"abc1", "def2"}
    assert [one["id"] for one in reader.incidents(severities=every, incident="de")] == ["def2"]
    assert list(reader.incidents(severities=every, address="10.0.0.1")) == []


def test_a_store_of_version_1_gets_the_table_of_incidents(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.sqlite")
    store.alert(alert(), 1)
    store.close()
    connection = sqlite3.connect(tmp_path / "s.sqlite")
    connection.executescript("DROP TABLE incidents; PRAGMA user_version=1;")
    connection.close()
    assert list(StoreReader(tmp_path / "s.sqlite").incidents(severities=("high",))) == []
    store = Store(tmp_path / "s.sqlite")
    store.incident(incident(), 2)
    store.close()
    reader = StoreReader(tmp_path / "s.sqlite")
    assert len(list(reader.incidents(severities=("high",)))) == 1
    assert len(list(reader.alerts(severities=("info", "low", "medium", "high", "critical")))) == 1
    assert sqlite3.connect(tmp_path / "s.sqlite").execute("PRAGMA user_version").fetchone() == (2,)
