"""Outputs beside the spool: optional, set aside when damaged, caught up when the disk takes them again."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from otwatch.errors import CaptureError
from otwatch.outputs.siem.spool import Spool
from otwatch.outputs.store import Store
from otwatch.sensor import copies as module
from otwatch.sensor.copies import Copy, open_lines, open_store
from tests.outputs.siem.receivers import alert


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.0)


class Both:
    """A spool with both outputs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[str] = []
        self.spool = Spool(folder / "spool")
        self.lines = Copy("jsonl", folder / "out/a.jsonl", self.spool, lambda: open_lines(folder / "out/a.jsonl", max_bytes=10**9, keep=1))
        self.store = Copy("store", folder / "db/a.sqlite", self.spool, lambda: open_store(folder / "db/a.sqlite", self.told.append))

    def emit(self, count: int = 1, **changes: Any) -> None:
        for _ in range(count):
            record = alert(id=f"{self.spool.next_sequence:016x}", **changes)
            sequence = self.spool.append(record)
            for copy in (self.lines, self.store):
                copy.emit(sequence, record)

    def tick(self) -> None:
        self.lines.tick()
        self.store.tick()

    def close(self) -> None:
        self.lines.close()
        self.store.close()
        self.spool.close()

    def in_lines(self) -> list[int]:
        path = self.folder / "out/a.jsonl"
        return [json.loads(line)["sequence"] for line in path.read_text().splitlines()] if path.exists() else []

    def in_store(self) -> list[int]:
        connection = sqlite3.connect(self.folder / "db/a.sqlite")
        try:
            return [number for (number,) in connection.execute("SELECT sequence FROM alerts ORDER BY sequence")]
        finally:
            connection.close()


def test_what_is_reported_is_in_both(tmp_path: Path) -> None:
    both = Both(tmp_path)
    both.emit(3)
    both.tick()
    assert both.in_lines() == both.in_store() == [1, 2, 3]
    assert (both.lines.error, both.store.error) == ("", "")


def test_a_place_that_cannot_be_opened_is_tried_again_and_gets_everything(tmp_path: Path) -> None:
    for name in ("out", "db"):
        (tmp_path / name).write_text("in the way")
    both = Both(tmp_path)
    both.emit(5)
    both.tick()
    assert both.lines.error
    assert both.store.error
    for name in ("out", "db"):
        (tmp_path / name).unlink()
    both.tick()
    both.emit(2)
    both.tick()
    assert both.in_lines() == both.in_store() == [1, 2, 3, 4, 5, 6, 7]
    assert (both.lines.error, both.store.error) == ("", "")


def test_after_a_restart_it_goes_on_where_it_was(tmp_path: Path) -> None:
    first = Both(tmp_path)
    first.emit(3)
    first.tick()
    (tmp_path / "out").rename(tmp_path / "moved")
    (tmp_path / "out").write_text("in the way")
    first.lines.reopen()
    first.emit(2)
    first.close()
    (tmp_path / "out").unlink()
    again = Both(tmp_path)
    again.emit()
    again.tick()
    assert again.in_lines() == [4, 5, 6]
    assert again.in_store() == [1, 2, 3, 4, 5, 6]


def test_a_line_that_the_spool_lost_keeps_its_number(tmp_path: Path) -> None:
    first = Both(tmp_path)
    first.emit(3)
    first.close()
    for path in (tmp_path / "spool").iterdir():
        path.unlink()
    again = Both(tmp_path)
    again.emit()
    again.tick()
    assert again.in_lines() == [1, 2, 3, 4]


@pytest.mark.parametrize("content", [b"\0" * 4096, b"no store", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_store_is_set_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "db").mkdir()
    (tmp_path / "db/a.sqlite").write_bytes(content)
    both = Both(tmp_path)
    both.emit(2)
    both.tick()
    assert both.in_store() == [1, 2]
    kept = list((tmp_path / "db").glob("a.sqlite.damaged-*"))
    assert [path.read_bytes() for path in kept] == [content]
    assert str(kept[0]) in both.told[0]


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    """It holds what somebody wants: the sensor says so, writes none, and goes on."""
    (tmp_path / "db").mkdir()
    connection = sqlite3.connect(tmp_path / "db/a.sqlite")
    connection.execute("PRAGMA user_version=999")
    connection.close()
    both = Both(tmp_path)
    both.emit(2)
    both.tick()
    assert "version 999" in both.store.error
    assert both.in_lines() == [1, 2]
    assert not list((tmp_path / "db").glob("*.damaged-*"))


def test_a_commit_that_fails_is_made_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both = Both(tmp_path)
    both.emit(2)
    both.tick()
    both.emit(2)
    store = both.store.writer.store  # type: ignore[union-attr]
    store.flows([{"first_seen": "", "last_seen": "", "client": "a", "server": "b", "server_port": 1, "service": "s"}])
    with monkeypatch.context() as patch:
        patch.setattr(Store, "_committed", lambda self: self._refused(sqlite3.OperationalError("database or disk is full"), 1) or False)
        both.tick()
        assert "full" in both.store.error
    both.emit(1)
    both.tick()
    both.tick()
    assert both.in_store() == [1, 2, 3, 4, 5]
    assert both.store.error == ""
    assert sqlite3.connect(tmp_path / "db/a.sqlite").execute("SELECT count(*) FROM flows").fetchone() == (1,)


def test_a_torn_last_line_is_cut_off_at_the_next_start(tmp_path: Path) -> None:
    first = Both(tmp_path)
    first.emit(3)
    first.close()
    with (tmp_path / "out/a.jsonl").open("r+b") as lines:
        lines.truncate(lines.seek(0, 2) - 30)
    again = Both(tmp_path)
    again.tick()
    assert again.in_lines() == [1, 2, 3]


def test_one_state_is_one_sensor_s(tmp_path: Path) -> None:
    both = Both(tmp_path)
    with pytest.raises(CaptureError, match="in use"):
        Both(tmp_path)
    both.close()
