"""Tables of columns, and the two files of column types that are written from the schemas."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from otwatch import tables
from otwatch.schemas import SCHEMAS, Schema
from otwatch.tables import Anomalies, Flows, Octets, Operations, Packets, Pdus

ROOT = Path(__file__).parents[1]


def test_column_types_for_compiler_and_type_checker_are_those_of_the_schemas() -> None:
    script = ROOT / "docs" / "reference" / "declare_tables.py"
    told = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.name)
def test_every_column_is_there_with_its_type_and_default(schema: Schema) -> None:
    kind = getattr(tables, "".join(word.capitalize() for word in schema.name.split("_")))
    table = kind(Octets(), 3) if kind is Pdus else kind(3)
    for column in schema.columns:
        assert np.asarray(getattr(table, column.name)).dtype == np.dtype(column.dtype), column.name
        assert np.asarray(getattr(table, column.name)).tolist() == [column.default] * 3, column.name


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.name)
def test_every_column_says_what_it_means(schema: Schema) -> None:
    assert all(column.doc for column in schema.columns)
    assert len({column.name for column in schema.columns}) == len(schema.columns)


def test_growth_keeps_rows() -> None:
    flows = Flows(1)
    for number in range(100):
        row = flows.new_row()
        flows.number[row] = number
        flows.gap_bytes[row] = -number
    assert flows.rows == 100
    assert flows.capacity >= 100
    assert flows.array("number").tolist() == list(range(100))
    assert flows.array("gap_bytes").tolist() == [-number for number in range(100)]


def test_clearing_keeps_the_room() -> None:
    flows = Flows(4)
    for _ in range(9):
        flows.new_row()
    room = flows.capacity
    flows.clear()
    assert (flows.rows, flows.capacity) == (0, room)
    assert flows.array("number").tolist() == []


def test_array_is_a_view_of_the_rows_in_use() -> None:
    flows = Flows(8)
    flows.new_row()
    flows.array("pdus")[0] = 7
    assert flows.pdus[0] == 7
    assert flows.row(0)["pdus"] == 7


def test_a_table_of_no_rows_can_be_asked_for() -> None:
    assert Flows(0).capacity == 1


def a_pdu() -> Pdus:
    pdus = Pdus(Octets())
    row = pdus.new_row()
    values = {"packet": 3, "timestamp_ns": 10**18, "frame": 9, "flow": 2, "direction": 1, "source": 4, "destination": 5}
    for column in pdus.schema.columns:
        getattr(pdus, column.name)[row] = values.get(column.name, 0)
    return pdus


def test_an_operation_takes_its_place_from_the_pdu_and_defaults_from_the_schema() -> None:
    operations = Operations(1)
    for column in operations.schema.columns:
        operations.new_row()
        getattr(operations, column.name)[0] = 1  # rubbish of an earlier batch
        operations.clear()
    row = operations.row(operations.add(a_pdu(), 0, 1, 2, 3, 4))
    given = {"packet": 3, "timestamp_ns": 10**18, "frame": 9, "flow": 2, "direction": 1, "source": 4, "destination": 5, "role": 1, "protocol": 2,
             "function": 3, "action": 4}
    assert row == {column.name: given.get(column.name, column.default) for column in operations.schema.columns}


def test_an_anomaly_takes_its_place_from_the_pdu() -> None:
    anomalies = Anomalies(1)
    anomalies.add(a_pdu(), 0, 33, 2, 7, 8, 1 << 40)
    assert anomalies.row(0) == {"packet": 3, "timestamp_ns": 10**18, "frame": 9, "flow": 2, "source": 4, "destination": 5, "layer": 33, "kind": 2,
                                "offset": 7, "needed": 8, "had": 1 << 40}


def test_octets_keep_their_offsets_when_they_grow() -> None:
    octets = Octets(4)
    places = [octets.append(bytes([number]) * 3, 0, 3) for number in range(50)]
    assert places == [3 * number for number in range(50)]
    assert octets.tobytes(places[40], places[40] + 3) == b"\x28\x28\x28"


def test_octets_take_part_of_a_source() -> None:
    octets = Octets()
    at = octets.append(b"abcdef", 2, 4)
    assert octets.tobytes(at, octets.used) == b"cd"
    octets.clear()
    assert octets.used == 0


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (0, 7), (5, 9)])
def test_octets_refuse_bytes_outside_their_source(start: int, end: int) -> None:
    with pytest.raises(IndexError):
        Octets().append(b"abcdef", start, end)


def test_packets_own_their_side_bytes() -> None:
    assert Packets(1).side is not Packets(1).side


_UNCOMPILED = """
from otwatch.tables import Flows, Octets
import otwatch
assert not otwatch.is_compiled()
flows = Flows(1)
for number in range(9):
    row = flows.new_row()
    flows.number[row] = number
octets = Octets(2)
octets.append(b"abcdef", 1, 5)
print(flows.array("number").tolist(), octets.tobytes(0, 4))
"""


def test_the_same_uncompiled() -> None:
    told = subprocess.run([sys.executable, "-c", _UNCOMPILED], capture_output=True, text=True, check=True,
                          env={**os.environ, "OTWATCH_UNCOMPILED": "1"}).stdout
    assert told == f"{list(range(9))} {b'bcde'}\n"


def test_rows_are_put_into_another_order_in_every_column() -> None:
    operations = Operations(2)
    for row in range(5):
        operations.new_row()
        for number, column in enumerate(operations.schema.columns):
            getattr(operations, column.name)[row] = 10 * row + number % 10
    operations.reorder(np.array([3, 0, 4, 1, 2]))
    for number, column in enumerate(operations.schema.columns):
        assert [value // 10 for value in operations.array(column.name)] == [3, 0, 4, 1, 2], column.name
        assert {value % 10 for value in operations.array(column.name)} == {number % 10}


@pytest.mark.parametrize("order", [[0, 1], [0, 1, 3], [0, -1, 2]])
def test_an_order_that_is_none_is_refused(order: list[int]) -> None:
    operations = Operations(8)
    for _ in range(3):
        operations.new_row()
    with pytest.raises((ValueError, IndexError)):
        operations.reorder(np.array(order))
