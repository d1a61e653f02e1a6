"""The store of an analysis: whole or not there, and never over anything but another of its kind."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from otwatch.errors import CaptureError
from otwatch.outputs.analysis_store import AnalysisStore
from otwatch.outputs.store import Store, StoreReader
from tests.outputs.siem.receivers import alert


def rules(path: Path) -> list[str]:
    reader = StoreReader(path)
    try:
        return [record["rule"] for record in reader.alerts(severities=["high"])]
    finally:
        reader.close()


def filled(path: Path, rule: str) -> None:
    with AnalysisStore(path) as store:
        store.alert(alert(rule=rule), 1)
        store.finish()


def test_it_is_one_file_that_the_next_analysis_replaces(tmp_path: Path) -> None:
    filled(tmp_path / "x.sqlite", "ot.first")
    assert rules(tmp_path / "x.sqlite") == ["ot.first"]
    filled(tmp_path / "x.sqlite", "ot.second")
    assert rules(tmp_path / "x.sqlite") == ["ot.second"]
    assert [path.name for path in tmp_path.iterdir()] == ["x.sqlite"]


def test_what_was_not_finished_leaves_the_old_one(tmp_path: Path) -> None:
    filled(tmp_path / "x.sqlite", "ot.first")
    with AnalysisStore(tmp_path / "x.sqlite") as store:
        store.alert(alert(rule="ot.second"), 1)
    assert rules(tmp_path / "x.sqlite") == ["ot.first"]
    assert [path.name for path in tmp_path.iterdir()] == ["x.sqlite"]


def test_a_sensor_s_store_is_not_replaced(tmp_path: Path) -> None:
    Store(tmp_path / "sensor.sqlite").close()
    with pytest.raises(CaptureError, match="not overwritten"):
        AnalysisStore(tmp_path / "sensor.sqlite")
    filled(tmp_path / "x.sqlite", "ot.first")
    Store(tmp_path / "x.sqlite").close()  # a sensor went on with it
    with pytest.raises(CaptureError, match="not overwritten"):
        AnalysisStore(tmp_path / "x.sqlite")
    assert rules(tmp_path / "x.sqlite") == ["ot.first"]


@pytest.mark.parametrize("content", [b"notes of the night shift", b"SQLite format 3\0 and then nonsense"])
def test_nor_is_anything_else(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "notes").write_bytes(content)
    with pytest.raises(CaptureError, match="not overwritten"):
        AnalysisStore(tmp_path / "notes")
    assert (tmp_path / "notes").read_bytes() == content


def test_a_file_name_may_be_anything(tmp_path: Path) -> None:
    path = tmp_path / "what? 100% #1.sqlite"
    filled(path, "ot.first")
    filled(path, "ot.second")
    assert rules(path) == ["ot.second"]


def test_a_disk_that_does_not_take_it_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    filled(tmp_path / "x.sqlite", "ot.first")
    with AnalysisStore(tmp_path / "x.sqlite") as store:
        store._connection.execute("PRAGMA max_page_count=12")
        store.flows({"first_seen": "", "last_seen": "", "client": "", "server": "", "server_port": 1, "service": "x" * 5000} for _ in range(50))
        with pytest.raises(CaptureError, match="full"):
            store.finish()
    assert rules(tmp_path / "x.sqlite") == ["ot.first"]
    assert [path.name for path in tmp_path.iterdir()] == ["x.sqlite"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_who_may_not_write_the_folder_can_still_read_it(tmp_path: Path) -> None:
    import tempfile

    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        filled(Path(made) / "x.sqlite", "ot.first")
        Path(made).chmod(0o755)
        (Path(made) / "x.sqlite").chmod(0o644)
        script = f"import os, sqlite3; os.setuid(65534); c = sqlite3.connect('file:{made}/x.sqlite?mode=ro', uri=True); " \
                 "print(c.execute('SELECT rule FROM alerts').fetchall())"
        told = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=False)
        if "ModuleNotFoundError" in told.stderr or "Permission denied" in told.stderr:
            pytest.skip("this Python is not readable for others")
        assert "ot.first" in told.stdout, told.stderr


def test_every_flow_is_kept(tmp_path: Path) -> None:
    with AnalysisStore(tmp_path / "x.sqlite") as store:
        store.write({"first_seen": "", "last_seen": "", "client": "", "server": "", "server_port": i, "service": ""} for i in range(3000))
        store.finish()
    connection = sqlite3.connect(tmp_path / "x.sqlite")
    assert connection.execute("SELECT count(*) FROM flows").fetchone() == (3000,)
    connection.close()
