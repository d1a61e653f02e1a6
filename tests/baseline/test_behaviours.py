"""Operations to behaviours."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from otwatch.actions import Action, Role
from otwatch.baseline.behaviours import BehaviourIndex
from otwatch.limits import Limits
from otwatch.tables import Operations

HMI, PLC, STRANGER = 1, 2, 3
IDENTITY = ("source", "destination", "protocol", "role", "function", "subfunction", "action", "unit", "area", "object", "start", "count", "status")


def operation(**columns: int) -> dict[str, int]:
    """A row; what is not said is a read of one register by the HMI."""
    return {"source": HMI, "destination": PLC, "protocol": 1, "role": Role.REQUEST, "function": 3, "action": Action.READ, "unit": 1, "area": 4,
            "start": 100, "count": 1, "timestamp_ns": 1000, "frame": 1, **columns}


def table(rows: Sequence[dict[str, int]]) -> Operations:
    operations = Operations(max(1, len(rows)))
    for row in rows:
        index = operations.new_row()
        for column in operations.schema.columns:
            getattr(operations, column.name)[index] = row.get(column.name, column.default)
    return operations


def fed(rows: Sequence[dict[str, int]], *, batch: int = 10_000, limit: int = 200_000) -> tuple[BehaviourIndex, list[int]]:
    index = BehaviourIndex(replace(Limits(), behaviours=limit))
    ids: list[int] = []
    for start in range(0, len(rows), batch):
        operations = table(rows[start : start + batch])
        index.feed(operations)
        ids += operations.array("behaviour").tolist()
    return index, ids


def seen(index: BehaviourIndex) -> list[dict[str, int]]:
    return [index.behaviours.row(row) for row in range(index.behaviours.rows)]


def many(count: int, seed: int = 7) -> list[dict[str, int]]:
    """Operations of a plant: some repeated, some once."""
    draw = random.Random(seed)
    return [
        operation(
            source=draw.randrange(1, 6), destination=draw.randrange(1, 6), role=draw.randrange(3), function=draw.randrange(1, 9),
            action=draw.choice([Action.READ, Action.WRITE, Action.PROGRAM_DOWNLOAD]), direction=draw.randrange(2), start=draw.randrange(40) * 10**10,
            status=draw.choice([0, 0, 2]), timestamp_ns=10**18 + number, frame=number + 1,
        )
        for number in range(count)
    ]


def test_the_same_again_is_the_same_behaviour() -> None:
    index, ids = fed([operation(timestamp_ns=5, frame=1), operation(timestamp_ns=9, frame=4), operation(start=101, timestamp_ns=11, frame=5)])
    assert ids == [0, 0, 1]
    first = seen(index)[0]
    assert [first[name] for name in ("messages", "first_ns", "last_ns", "first_frame", "last_frame")] == [2, 5, 9, 1, 4]


@pytest.mark.parametrize("column", IDENTITY)
def test_every_identifying_column_tells_behaviours_apart(column: str) -> None:
    _, ids = fed([operation(), operation(**{column: 2 if operation().get(column) != 2 else 0})])
    assert ids == [0, 1]


@pytest.mark.parametrize("column", ["transaction", "item", "value_at", "latency_ns", "request_frame", "flow"])
def test_what_is_of_the_single_message_does_not(column: str) -> None:
    _, ids = fed([operation(), operation(**{column: 77})])
    assert ids == [0, 0]


def test_numbers_beyond_32_bits_stay_apart() -> None:
    _, ids = fed([operation(start=1), operation(start=1 + (1 << 32)), operation(unit=1 << 40), operation(unit=1 << 41)])
    assert ids == [0, 1, 2, 3]


def test_time_that_runs_backwards_widens_the_time_seen() -> None:
    index, _ = fed([operation(timestamp_ns=50), operation(timestamp_ns=20)])
    assert (seen(index)[0]["first_ns"], seen(index)[0]["last_ns"]) == (20, 50)


def test_who_acts_is_the_receiver_of_a_response() -> None:
    index, _ = fed([operation(), operation(role=Role.RESPONSE, source=PLC, destination=HMI, direction=1)])
    assert [(row["source"], row["destination"]) for row in seen(index)] == [(HMI, PLC), (HMI, PLC)]


def test_who_acts_in_an_event_is_the_device() -> None:
    index, _ = fed([operation(role=Role.EVENT, action=Action.REPORT, source=PLC, destination=HMI, direction=1)])
    assert (seen(index)[0]["source"], seen(index)[0]["destination"]) == (PLC, HMI)


def test_who_downloads_is_the_client_though_the_controller_asks_for_the_blocks() -> None:
    """S7: request download goes from client to controller, then the controller requests each block and the client answers."""
    download = {"action": Action.PROGRAM_DOWNLOAD}
    index, _ = fed([
        operation(**download, function=0x1A),
        operation(**download, function=0x1A, role=Role.RESPONSE, source=PLC, destination=HMI, direction=1),
        operation(**download, function=0x1B, source=PLC, destination=HMI, direction=1),
        operation(**download, function=0x1B, role=Role.RESPONSE, source=HMI, destination=PLC, direction=0),
    ])
    assert {(row["source"], row["destination"]) for row in seen(index)} == {(HMI, PLC)}


def test_feed_says_where_the_new_ones_begin() -> None:
    index = BehaviourIndex(Limits())
    assert index.feed(table([operation(), operation(start=7)])) == 0
    assert index.feed(table([operation(), operation(start=8)])) == 2
    assert index.feed(table([])) == 3


@pytest.mark.parametrize("batch", [1, 7, 999])
def test_batches_do_not_change_anything(batch: int) -> None:
    whole, ids = fed(many(3000))
    cut, cut_ids = fed(many(3000), batch=batch)
    assert cut_ids == ids
    assert seen(cut) == seen(whole)


def test_growth_keeps_every_behaviour() -> None:
    rows = [operation(start=number) for number in range(9000)]
    index, ids = fed(rows + rows)
    assert ids == [*range(9000), *range(9000)]
    assert {row["messages"] for row in seen(index)} == {2}


def test_beyond_the_limit_addresses_in_the_device_are_merged_and_counted() -> None:
    index, ids = fed([operation(start=number) for number in range(10)], limit=4)
    assert ids == [0, 1, 2, 3, 4, 4, 4, 4, 4, 4]
    merged = seen(index)[4]
    assert [merged[name] for name in ("source", "destination", "function", "start", "count", "unit")] == [HMI, PLC, 3, -1, -1, -1]
    assert merged["messages"] == 6
    assert index.merged == 6


def test_beyond_the_limit_the_known_ones_keep_their_detail() -> None:
    index, ids = fed([*(operation(start=number) for number in range(6)), operation(start=2)], limit=4)
    assert ids[-1] == 2
    assert seen(index)[2]["start"] == 2


def test_a_flood_cannot_hide_a_dangerous_function() -> None:
    flood = [operation(source=number, start=number) for number in range(10, 300)]
    index, ids = fed([*flood, operation(source=STRANGER, function=0x29, action=Action.STOP, start=-1, count=-1, unit=-1)], limit=40)
    last = seen(index)[ids[-1]]
    assert (last["function"], last["action"]) == (0x29, Action.STOP)
    assert last["messages"] == 1
    assert index.behaviours.rows <= 40 + 10 + 3


def test_a_flood_of_hosts_without_addresses_in_the_device_is_counted_too() -> None:
    bare = {"start": -1, "count": -1, "unit": -1, "area": -1}
    index, _ = fed([operation(source=number, **bare) for number in range(1, 61)], limit=40)
    assert index.behaviours.rows <= 51
    assert index.merged == 60 - 50
    assert sum(row["messages"] for row in seen(index)) == 60


def test_memory_is_bounded_whatever_the_codes_of_the_wire() -> None:
    rows = [operation(source=number % 50, function=number % 256, subfunction=number, start=number, status=number % 200) for number in range(3000)]
    index, ids = fed([*rows, operation(source=STRANGER, function=8, subfunction=4, action=Action.STOP)], limit=100)
    assert index.behaviours.rows < 160
    assert index.behaviours.row(ids[-1])["action"] == Action.STOP
    assert sum(row["messages"] for row in seen(index)) == 3001


def as_text(result: Any) -> str:
    index, ids = result
    return repr((ids, seen(index), index.merged))


_UNCOMPILED = """
import sys
sys.path.insert(0, sys.argv[1])
from tests.baseline.test_behaviours import as_text, fed, many
import otwatch
assert not otwatch.is_compiled()
print(as_text(fed(many(2000), batch=300)), as_text(fed(many(2000), limit=20)))
"""


def test_the_same_uncompiled() -> None:
    root = str(Path(__file__).parents[2])
    told = subprocess.run([sys.executable, "-c", _UNCOMPILED, root], capture_output=True, text=True, check=True,
                          env={**os.environ, "OTWATCH_UNCOMPILED": "1"}).stdout
    assert told == f"{as_text(fed(many(2000)))} {as_text(fed(many(2000), limit=20))}\n"
