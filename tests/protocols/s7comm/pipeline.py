"""Captures through the whole pipeline, and tshark beside it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from otwatch.capture.files import open_capture
from otwatch.engine.pipeline import Pipeline
from otwatch.limits import Limits
from otwatch.protocols import protocol_name, protocol_of

COLLECTION = Path(os.environ.get("OTWATCH_CAPTURES", Path(__file__).parents[4] / "shared" / "captures"))

_FIELDS = ("frame.number", "s7comm.header.rosctr", "s7comm.header.pduref", "s7comm.header.parlg", "s7comm.param.func",
           "s7comm.param.userdata.type", "s7comm.param.userdata.funcgroup", "s7comm.param.userdata.subfunc", "s7comm.param.modetrans.subfunc",
           "s7comm.param.item.area", "s7comm.param.item.db", "s7comm.param.item.address", "s7comm.param.item.length",
           "s7comm.param.item.dbread.db", "s7comm.data.returncode")


def tell(path: Path) -> tuple[list[dict[str, Any]], list[Any]]:
    """The rows of a capture of the protocols on TPKT, each with the names and the value a user sees; and the facts."""
    pipeline = Pipeline(Limits())
    rows: list[dict[str, Any]] = []
    facts: list[Any] = []

    def take(batch: Any) -> None:
        for index in range(batch.operations.rows):
            row = batch.operations.row(index)
            row["proto"] = protocol_name(row["protocol"])
            if row["proto"] not in ("s7comm", "s7comm-plus", "mms"):
                continue
            spec = protocol_of(row["protocol"])
            assert spec is not None
            row["bytes"] = batch.octets.tobytes(row["value_at"], row["value_at"] + row["value_length"])
            row["value"] = spec.value(row["value_kind"], row["bytes"], row)
            row["name"] = spec.function_name(row["function"], row["subfunction"])
            row["of"] = spec.object_name(row)
            row["from"] = pipeline.addresses.text(row["source"])
            row["to"] = pipeline.addresses.text(row["destination"])
            rows.append(row)
        facts.extend(batch.facts)

    with open_capture(str(path), Limits()) as reader:
        for packets in reader:
            take(pipeline.feed(packets))
    take(pipeline.finish())
    return rows, facts


def tshark(path: Path) -> Iterator[tuple[int, dict[str, list[int]]]]:
    """(frame, the numbers of each field in the order of the frame)."""
    command = ["tshark", "-r", str(path), "-Y", "s7comm", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=|"]
    for field in _FIELDS:
        command += ["-e", field]
    for line in subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines():  # a cut capture is an error to tshark
        frame, *texts = line.split("\t")
        yield int(frame), {name.removeprefix("s7comm."): [int(number, 0) for number in text.split("|") if number]
                           for name, text in zip(_FIELDS[1:], texts, strict=True)}
