"""Records to files and back."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from otwatch.errors import CaptureError
from otwatch.outputs.tables import TableWriter

RECORDS: list[dict[str, Any]] = [
    {"type": "fact", "time": "2026-11-22T02:36:00.123456789Z", "frame": 1, "value": None, "list": [], "ratio": 0.5, "big": 2**60 + 1},
    {"type": "fact", "time": "2026-11-22T02:36:01.000000000Z", "frame": 2, "value": "a\nb=c,\"d\" Ü \x1b", "list": [1, 2], "ratio": 1.0, "big": 1},
    {"type": "fact", "time": "2026-11-22T02:36:02.000000000Z", "frame": 3, "value": "=1+1", "list": [3], "ratio": 1.5, "big": 0},
]


def written(path: Path, records: list[dict[str, Any]]) -> TableWriter:
    with TableWriter(str(path)) as writer:
        writer.write(records[:1])
        writer.write(records[1:])
    return writer


def test_json_lines_come_back(tmp_path: Path) -> None:
    assert written(tmp_path / "x.jsonl", RECORDS).rows == 3
    text = (tmp_path / "x.jsonl").read_text(encoding="ascii")
    assert [json.loads(line) for line in text.splitlines()] == RECORDS


def test_csv_comes_back_escaped(tmp_path: Path) -> None:
    written(tmp_path / "x.csv", RECORDS)
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["frame"] for row in rows] == ["1", "2", "3"]
    assert [row["value"] for row in rows] == ["", 'a\\x0ab=c,"d" Ü \\x1b', "'=1+1"]
    assert [json.loads(row["list"]) for row in rows] == [[], [1, 2], [3]]
    assert rows[0]["big"] == str(2**60 + 1)


def test_parquet_comes_back(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    written(tmp_path / "it's.parquet", RECORDS)
    name = str(tmp_path / "it's.parquet").replace("'", "''")
    rows = duckdb.sql(f"SELECT frame, value, list, ratio, big FROM '{name}' ORDER BY frame").fetchall()
    assert rows == [tuple(record[name] for name in ("frame", "value", "list", "ratio", "big")) for record in RECORDS]
    assert [path.name for path in tmp_path.iterdir()] == ["it's.parquet"]


def test_parquet_of_nothing_can_be_read(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    written(tmp_path / "x.parquet", [])
    assert duckdb.sql(f"SELECT * FROM '{tmp_path}/x.parquet'").fetchall() == []


def test_values_of_many_shapes_in_one_column_are_parquet_all_the_same(tmp_path: Path) -> None:
    """The value of an operation is a number, a text, a list or an object: whatever the protocol says."""
    duckdb = pytest.importorskip("duckdb")
    values = [7, "text", [1, 2], {"state": "on", "flags": ["online"]}, None, True, [{"a": 1}, 2]]
    written(tmp_path / "x.parquet", [{"type": "operation", "value": value} for value in values])
    assert len(duckdb.sql(f"SELECT value FROM '{tmp_path}/x.parquet'").fetchall()) == len(values)


def test_nothing_is_an_empty_file(tmp_path: Path) -> None:
    written(tmp_path / "x.csv", [])
    assert (tmp_path / "x.csv").read_text() == ""


def test_an_unknown_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"\*\.jsonl"):
        TableWriter(str(tmp_path / "x.xml"))


def test_the_form_does_not_depend_on_case(tmp_path: Path) -> None:
    written(tmp_path / "X.CSV", RECORDS)
    assert (tmp_path / "X.CSV").read_text(encoding="utf-8").startswith("type,time,")


def test_without_duckdb_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(CaptureError, match="pip install duckdb"):
        TableWriter(str(tmp_path / "x.parquet"))


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="cannot be written"):
        TableWriter(str(tmp_path / "no" / "x.csv"))


def test_a_failure_leaves_no_scratch_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("duckdb")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def broken() -> Any:
        yield RECORDS[0]
        raise RuntimeError

    with TableWriter(str(tmp_path / "x.parquet")) as writer, pytest.raises(RuntimeError):
        writer.write(broken())
    (tmp_path / "x.parquet").unlink()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_without_records_keeps_its_header(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    with TableWriter(str(path), ("type", "time", "kind")):
        pass
    if suffix == "csv":
        assert path.read_text(encoding="utf-8") == "type,time,kind\n"
    else:
        duckdb = pytest.importorskip("duckdb")
        assert [column[0] for column in duckdb.sql(f"DESCRIBE SELECT * FROM '{path}'").fetchall()] == ["type", "time", "kind"]
