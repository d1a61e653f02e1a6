"""otwatch export: whole tables in every form."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from otwatch.cli.export import TABLES
from tests.cli.calling import ATTACK, assert_one_line, otwatch

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "records.json").read_text(encoding="utf-8"))
_KIND = {"operations": "operation", "flows": "flow", "assets": "asset", "conversations": "conversation", "facts": "fact", "anomalies": "anomaly",
         "alerts": "alert", "incidents": "incident"}


@pytest.mark.parametrize("table", TABLES)
def test_every_table_as_json_lines(table: str) -> None:
    told = otwatch("export", table, ATTACK)
    assert (told.returncode, told.stderr) == (0, "")
    records = [json.loads(line) for line in told.stdout.splitlines()]
    assert {record["type"] for record in records} <= {_KIND[table]}
    assert all(sorted(record) == sorted(GOLDEN[_KIND[table]]) for record in records)
    assert records or table in ("anomalies", "facts")


@pytest.mark.parametrize("table", TABLES)
def test_every_table_as_csv_has_the_same_rows(table: str, tmp_path: Path) -> None:
    lines = otwatch("export", table, ATTACK).stdout.splitlines()
    told = otwatch("export", table, ATTACK, "--output", tmp_path / "x.csv")
    assert told.returncode == 0
    assert f"{len(lines)} row{'' if len(lines) == 1 else 's'} of {table} written to" in told.stderr
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(lines)
    if rows:
        assert list(rows[0]) == list(json.loads(lines[0]))


@pytest.mark.parametrize("table", TABLES)
def test_every_table_as_parquet(table: str, tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    lines = otwatch("export", table, ATTACK).stdout.splitlines()
    assert otwatch("export", table, ATTACK, "--output", tmp_path / "x.parquet").returncode == 0
    assert duckdb.sql(f"SELECT count(*) FROM '{tmp_path}/x.parquet'").fetchall() == [(len(lines),)]


def test_operations_are_those_of_the_contract() -> None:
    first = json.loads(otwatch("export", "operations", ATTACK).stdout.splitlines()[0])
    assert {"time", "frame", "src", "src_port", "dst", "dst_port", "protocol", "role", "function", "function_name", "subfunction", "action", "unit",
            "area", "object", "start", "count", "value", "status", "flow"} <= set(first)


def test_an_unknown_form_is_refused_before_the_work(tmp_path: Path) -> None:
    assert_one_line(otwatch("export", "flows", ATTACK, "--output", tmp_path / "x.xlsx"), "x.xlsx", "*.csv")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert_one_line(otwatch("export", "flows", ATTACK, "--output", tmp_path / "no" / "x.csv"), "cannot be written")


def test_the_others_are_written_all_the_same(tmp_path: Path) -> None:
    told = otwatch("export", "operations", "nowhere.pcap", ATTACK)
    assert_one_line(told, "nowhere.pcap")
    assert len(told.stdout.splitlines()) > 100


def test_an_unknown_table_is_wrong_use() -> None:
    assert otwatch("export", "packets", ATTACK).returncode == 2
