"""Captures through the whole pipeline, and tshark beside it."""

from __future__ import annotations

import os
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from otwatch.capture.files import open_capture
from otwatch.engine.pipeline import Pipeline
from otwatch.limits import Limits
from otwatch.protocols import protocol_id
from otwatch.protocols.modbus import PROTOCOL
from otwatch.vocabulary import FIRST_PROTOCOL_LAYER

COLLECTION = Path(os.environ.get("OTWATCH_CAPTURES", Path(__file__).parents[4] / "shared" / "captures"))

_FIELDS = ("frame.number", "_ws.col.Info", "mbtcp.trans_id",
           "mbtcp.unit_id", "modbus.func_code", "modbus.reference_num", "modbus.read_reference_num", "modbus.write_reference_num",
           "modbus.bit_cnt", "modbus.word_cnt", "modbus.read_word_cnt", "modbus.write_word_cnt", "modbus.exception_code")


def operations(path: Path) -> tuple[list[dict[str, Any]], list[Any]]:
    """The Modbus rows of a capture, each with its value bytes and the anomalies of its frame (`odd`), and the facts."""
    pipeline = Pipeline(Limits())
    modbus = protocol_id("modbus")
    rows: list[dict[str, Any]] = []
    facts: list[Any] = []

    def take(batch: Any) -> None:
        odd: dict[int, set[str]] = defaultdict(set)
        for index in range(batch.anomalies.rows):
            if batch.anomalies.layer[index] == FIRST_PROTOCOL_LAYER + modbus:
                odd[batch.anomalies.frame[index]].add(PROTOCOL.anomalies[batch.anomalies.kind[index] - 1].name)
        found = (batch.operations.array("protocol") == modbus).nonzero()[0]
        for index in found:
            row = batch.operations.row(int(index))
            row["value"] = batch.octets.tobytes(row["value_at"], row["value_at"] + row["value_length"])
            row["odd"] = odd[row["frame"]]
            row["from"] = pipeline.addresses.text(row["source"])
            rows.append(row)
        facts.extend((pipeline.addresses.text(fact.address), fact) for fact in batch.facts)

    with open_capture(str(path), Limits()) as reader:
        for packets in reader:
            take(pipeline.feed(packets))
    take(pipeline.finish())
    return rows, facts


def tshark(path: Path) -> Iterator[tuple[int, list[dict[str, int]]]]:
    """(frame, its Modbus/TCP messages as tshark tells them)."""
    command = ["tshark", "-r", str(path), "-Y", "modbus && mbtcp", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=|"]
    for field in _FIELDS:
        command += ["-e", field]
    for line in subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines():  # a cut capture is an error to tshark
        frame, info, *numbers = line.split("\t")
        waiting = {name: [int(number, 0) for number in text.split("|") if number] for name, text in zip(_FIELDS[2:], numbers, strict=True)}
        units, functions = waiting["mbtcp.unit_id"], waiting["modbus.func_code"]
        messages = []
        for index, transaction in enumerate(waiting["mbtcp.trans_id"]):
            message = {"transaction": transaction}
            if "Query: " in info or "Response: " in info:  # of the last message of the frame; all of one frame go one way
                message["role"] = int("Response: " in info)
            if len(units) == len(functions) == len(waiting["mbtcp.trans_id"]):
                message.update(unit=units[index], function=functions[index])
            messages.append(message)
        if all("function" in message and "role" in message for message in messages):
            _places(messages, waiting)
        yield int(frame), messages


def _places(messages: list[dict[str, int]], waiting: dict[str, list[int]]) -> None:
    """Gives each message its address fields, in order; none at all where their number does not come out even."""
    taken = defaultdict(int)
    places: list[dict[str, int]] = []
    refused = len(waiting["modbus.exception_code"])
    if refused and len(messages) > 1:
        return  # it cannot be told which of them is the exception
    for message in messages:
        function, place = message["function"], {}
        if refused or (message["role"] and function in (1, 2, 3, 4, 23, 24)):
            wanted = {}
        elif function == 23:
            wanted = {"start": "modbus.read_reference_num", "count": "modbus.read_word_cnt", "start_1": "modbus.write_reference_num",
                      "count_1": "modbus.write_word_cnt"}
        else:
            wanted = {"start": "modbus.reference_num"} if function in (1, 2, 3, 4, 5, 6, 15, 16, 22, 24) else {}
            if function in (1, 2, 15):
                wanted["count"] = "modbus.bit_cnt"
            elif function in (3, 4, 16):
                wanted["count"] = "modbus.word_cnt"
        for name, field in wanted.items():
            if taken[field] >= len(waiting[field]):
                return
            place[name] = waiting[field][taken[field]]
            taken[field] += 1
        places.append(place)
    if any(taken[field] != len(waiting[field]) for field in taken):
        return
    for message, place in zip(messages, places, strict=True):
        message.update(place)
    if refused:
        messages[0]["status"] = waiting["modbus.exception_code"][0]
