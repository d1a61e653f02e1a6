"""Operations by column: what the lines, the CSV and the Parquet file say is what the records say."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from otwatch.engine.analysis import Analysis
from otwatch.limits import Limits
from otwatch.outputs.json_text import json_text
from otwatch.outputs.operation_file import OperationFile
from otwatch.outputs.operation_lines import CsvLines, JsonLines
from otwatch.outputs.operation_table import KIND_COLUMNS, OperationReader, OperationTable
from otwatch.outputs.tables import TableWriter
from tests.cli.calling import PLANT

_CAPTURES = ("plant-attack", "bacnet-walk", "cip-parameters", "dnp3-poll", "iec104-poll", "opcua-walk", "pccc-walk", "s7comm-identify")


class Tables:
    """Takes every batch as a table, and as the records of a reader of its own."""

    def __init__(self, path: Path, *, limit: int = 32_768) -> None:
        self.lines, self.csv = io.StringIO(), io.StringIO()
        self.records: list[dict[str, Any]] = []
        self.tables = 0
        self._analysis = Analysis(Limits(), listeners=[self])
        self._writers = JsonLines(self.lines), CsvLines(self.csv)
        pipeline = self._analysis.pipeline
        self._reader = OperationReader(pipeline.addresses, pipeline.protocols, limit=limit)
        self._analysis.run([str(path)])
        self._analysis.finish()

    def feed(self, batch: Any) -> None:
        pipeline = self._analysis.pipeline
        self.records += OperationReader(pipeline.addresses, pipeline.protocols).read(batch).records()
        table = self._reader.read(batch)
        for writer in self._writers:
            writer.write(table)
        self.tables += 1


@pytest.mark.parametrize("name", _CAPTURES)
def test_lines_are_the_records(name: str, tmp_path: Path) -> None:
    told = Tables(PLANT / f"{name}.pcap")
    assert told.records
    assert told.lines.getvalue().splitlines() == [json_text(record) for record in told.records]
    with TableWriter(str(tmp_path / "x.csv")) as writer:
        writer.write(told.records)
    assert told.csv.getvalue() == (tmp_path / "x.csv").read_text(encoding="utf-8")


def test_names_that_are_not_kept_are_made_again() -> None:
    """The cap on kinds costs time, never content."""
    path = PLANT / "plant-attack.pcap"
    assert Tables(path, limit=1).lines.getvalue() == Tables(path).lines.getvalue()


def test_parquet_is_the_records(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    for name in ("plant-attack", "opcua-walk"):
        told = Tables(PLANT / f"{name}.pcap")
        analysis = Analysis(Limits())
        reader = OperationReader(analysis.pipeline.addresses, analysis.pipeline.protocols)
        with OperationFile(str(tmp_path / "x.parquet")) as file:
            analysis.listeners.append(_Each(lambda batch, file=file, reader=reader: file.take(reader.read(batch))))  # type: ignore[misc]
            analysis.run([str(PLANT / f"{name}.pcap")])
            analysis.finish()
        table = parquet.read_table(tmp_path / "x.parquet")
        assert file.rows == table.num_rows == len(told.records)
        for column in table.schema:
            found = table[column.name]
            wanted = [record[column.name] for record in told.records]
            if column.name == "time":
                found = found.cast("int64").to_pylist()
                wanted = [_ns(text) for text in wanted]
            elif column.name == "value":
                found = [None if text is None else json.loads(text) for text in found.to_pylist()]
                wanted = json.loads(json.dumps(wanted))
            elif column.name == "area":
                found, wanted = found.to_pylist(), [None if area is None else str(area) for area in wanted]
            else:
                found = found.to_pylist()
            assert found == wanted, (name, column.name)


def _ns(text: str) -> int:
    return int(np.datetime64(text.rstrip("Z"), "ns").astype(np.int64))


class _Each:
    def __init__(self, take: Any) -> None:
        self.feed = take


def test_parquet_of_nothing_has_its_columns(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    with OperationFile(str(tmp_path / "x.parquet")):
        pass
    assert parquet.read_table(tmp_path / "x.parquet").schema.names[:4] == ["type", "time", "file", "frame"]


def test_what_is_hostile_stays_in_its_cell() -> None:
    """A file's name with what a template, a line or a formula would take for its own."""
    kind = _kind('=1+1,"x"\n%s')
    lines, cells = io.StringIO(), io.StringIO()
    table = _table(kind, file='=%d%s",\n\x7f.pcap')
    JsonLines(lines).write(table)
    CsvLines(cells).write(table)
    record = json.loads(lines.getvalue())
    assert (record["file"], record["value"], record["object_name"]) == ('=%d%s",\n\x7f.pcap', '=1+1,"x"\n%s', '=1+1,"x"\n%s')
    [row] = csv.DictReader(io.StringIO(cells.getvalue()))
    assert (row["file"], row["value"]) == ("'=%d%s\",\\x0a\\x7f.pcap", "'=1+1,\"x\"\\x0a%s")
    assert (row["frame"], row["transaction"], row["src"]) == ("7", "", "a")


def _kind(text: str) -> Any:
    from otwatch.outputs.operation_table import Kind
    from otwatch.protocols import protocols

    fields = dict.fromkeys(("protocol", "role", "function", "function_name", "subfunction", "action", "unit", "area", "object"), None)

    class Spec:
        @staticmethod
        def value(*_: Any) -> str:
            return text

    assert protocols()
    return Kind(dict.fromkeys(KIND_COLUMNS, 1), Spec, {**fields, "object_name": text, "start": None, "count": 1}, "ok")  # type: ignore[arg-type]


def _table(kind: Any, *, file: str) -> OperationTable:
    from otwatch.tables import Octets

    numbers = {name: np.array([-1]) for name in ("transaction", "request_frame", "latency_ns")}
    numbers |= {name: np.array([0]) for name in ("timestamp_ns", "item", "behaviour", "flow", "value_at", "value_length")}
    pair = {"src": "a", "src_port": 1, "dst": "b", "dst_port": None, "community_id": None}
    zero = np.array([0])
    return OperationTable(file, 1, {**numbers, "frame": np.array([7])}, [kind], zero, [pair], zero, Octets(16), {})


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_records_of_another_process_make_the_same_file(suffix: str, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    one, other = tmp_path / f"one.{suffix}", tmp_path / f"other.{suffix}"
    told = Tables(PLANT / "opcua-walk.pcap")
    analysis = Analysis(Limits())
    pipeline = analysis.pipeline
    reader = OperationReader(pipeline.addresses, pipeline.protocols)
    with OperationFile(str(one)) as file:
        analysis.listeners.append(_Each(lambda batch: file.take(reader.read(batch))))
        analysis.run([str(PLANT / "opcua-walk.pcap")])
        analysis.finish()
    with OperationFile(str(other)) as file:
        file.write(told.records)
    if suffix == "parquet":
        assert parquet.read_table(one).to_pylist() == parquet.read_table(other).to_pylist()
    else:
        assert one.read_bytes() == other.read_bytes()
