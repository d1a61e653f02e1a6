"""Numbers survive Parquet with every digit, whatever stands beside them in their column."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otwatch.errors import CaptureError
from otwatch.outputs.tables import TableWriter

duckdb = pytest.importorskip("duckdb")

BIG = 2**53 + 1


def through(folder: Path, values: list[Any]) -> tuple[str, list[Any]]:
    """(type of the column, values read back; those of a JSON column parsed)."""
    with TableWriter(str(folder / "x.parquet")) as writer:
        writer.write({"type": "operation", "value": value} for value in values)
    with duckdb.connect() as database:
        kind = database.execute(f"DESCRIBE SELECT value FROM '{folder}/x.parquet'").fetchone()[1]
        rows = [row[0] for row in database.execute(f"SELECT value FROM '{folder}/x.parquet'").fetchall()]
    return kind, [json.loads(row) if kind == "JSON" and row is not None else row for row in rows]


@pytest.mark.parametrize(("values", "kind"), [
    ([1, 2, None], "BIGINT"),
    ([1, 2.5], "DOUBLE"),
    ([BIG, 2.5, -1], "JSON"),
    ([2**64 - 1, 3], "UBIGINT"),
    ([2**64 - 1, -3], "JSON"),
    ([2**70, 1], "JSON"),
    ([2**64 - 1, "text"], "JSON"),
    ([[BIG, 1], [1.5]], "JSON"),
    ([{"total": 2**64 - 1}, {"total": 1}], "JSON"),
    ([[1, 2], [3]], "BIGINT[]"),
    ([True, False], "BOOLEAN"),
])
def test_no_digit_is_lost(tmp_path: Path, values: list[Any], kind: str) -> None:
    assert through(tmp_path, values) == (kind, values)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(-(2**80), 2**80) | st.floats(allow_nan=False, allow_infinity=False) | st.none(), min_size=1))
def test_any_mixture_of_numbers(tmp_path_factory: pytest.TempPathFactory, values: list[Any]) -> None:
    _, read = through(tmp_path_factory.mktemp("parquet"), values)
    assert read == values


def test_what_is_not_finite_is_there(tmp_path: Path) -> None:
    kind, values = through(tmp_path, [1.5, math.nan, math.inf])
    assert [str(value) for value in values] == ["1.5", "nan", "inf"], kind


def test_an_output_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").mkdir()
    with pytest.raises(CaptureError, match="cannot be written"):
        through(tmp_path, [1])


def test_half_a_pair_in_a_file_name_is_no_obstacle(tmp_path: Path) -> None:
    _, values = through(tmp_path, ["caf\udce9.pcap"])
    assert values == ["caf\ufffd.pcap"]
