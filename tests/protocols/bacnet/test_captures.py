"""Whole captures: the project's own against what was played, the collection against tshark."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from otwatch.capture.files import open_capture
from otwatch.engine.pipeline import Pipeline
from otwatch.limits import Limits
from otwatch.protocols import protocol_id

ROOT = Path(__file__).parents[3]
PLANT = sorted((ROOT / "pcaps" / "plant").glob("bacnet-*.pcap"))
COLLECTION = Path(os.environ.get("OTWATCH_CAPTURES", ROOT.parent / "shared" / "captures"))
FIELDS = (
    "frame.number",
    "bvlc.function",
    "bacnet.mesgtyp",
    "bacapp.type",
    "bacapp.confirmed_service",
    "bacapp.unconfirmed_service",
    "bacapp.property_identifier",
)


def operations(path: Path) -> dict[int, list[dict[str, Any]]]:
    """The rows of a capture by frame."""
    pipeline = Pipeline(Limits())
    own = protocol_id("bacnet")
    rows: dict[int, list[dict[str, Any]]] = defaultdict(list)

    def take(batch: Any) -> None:
        for index in (batch.operations.array("protocol") == own).nonzero()[0]:
            row = batch.operations.row(int(index))
            rows[row["frame"]].append(row)

    with open_capture(str(path), Limits()) as reader:
        for packets in reader:
            take(pipeline.feed(packets))
    take(pipeline.finish())
    return rows


@pytest.mark.parametrize("path", PLANT, ids=lambda path: path.stem)
def test_what_was_played_is_found_once(path: Path) -> None:
    played = [json.loads(line) for line in path.with_suffix(".operations.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = [row for found in operations(path).values() for row in found if row["role"] == 0]
    for operation in played:
        for function in operation.get("functions", ()):
            span = operation["ts"] - 0.001, operation["ts_end"] + 0.5
            fitting = [
                row
                for row in rows
                if row["function"] == function
                and span[0] <= row["timestamp_ns"] / 1e9 <= span[1]
                and (
                    operation.get("area") is None
                    or (row["area"], row["object"], row["start"]) == tuple(operation[name] for name in ("area", "object", "start"))
                )
            ]
            assert fitting, operation
            rows.remove(fitting[0])
    assert rows == []


def said(path: Path) -> dict[int, list[str]]:
    """The fields of tshark by frame."""
    command = ["tshark", "-r", str(path), "-Y", "bvlc", "-T", "fields", "-E", "occurrence=a", "-E", "separator=|"]
    for field in FIELDS:
        command += ["-e", field]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return {int(line.split("|")[0]): line.split("|") for line in lines}


def function_of(fields: list[str]) -> int:
    """Our function from what tshark shows."""
    _, bvlc, network, _, confirmed, unconfirmed, _ = fields
    if confirmed:
        return int(confirmed.split(",")[0])
    if unconfirmed:
        return 0x100 + int(unconfirmed.split(",")[0])
    return 0x200 + int(network, 0) if network else 0x300 + int(bvlc, 0)


@pytest.mark.tshark
@pytest.mark.captures
@pytest.mark.skipif(shutil.which("tshark") is None or not COLLECTION.is_dir(), reason="needs tshark and the capture collection")
def test_the_collection_gives_what_tshark_gives() -> None:
    lines = (COLLECTION / "MANIFEST.tsv").read_text(encoding="utf-8").splitlines()
    frames, differ = 0, []
    for path in [COLLECTION / line.split("\t")[0] for line in lines if "bacnet" in line.lower()]:
        ours = operations(path)
        for frame, fields in said(path).items():
            if fields[3].startswith("4"):
                continue  # a segment's acknowledgement makes no row
            frames += 1
            rows = ours.get(frame, [])
            named = fields[4] or fields[5] or not fields[3]  # rejects and aborts name no service
            if not rows or (named and rows[0]["function"] != function_of(fields)):
                differ.append((path.name, frame))
                continue
            listed = rows[0]["role"] == 0 and rows[0]["function"] in (12, 14, 15, 16) and fields[6]
            if listed and Counter(str(row["start"]) for row in rows) != Counter(listed.split(",")):
                differ.append((path.name, frame))
    print(f"\nbacnet against tshark: {frames} datagrams, {len(differ)} differ")
    assert frames > 12_000
    # a reject and an abort of nothing, and the first of two segments: what it means is in the second
    assert differ == [("bacnet_error_reject_abort.pcap", 44), ("bacnet_error_reject_abort.pcap", 45), ("bacnet_services.pcap", 279)]
