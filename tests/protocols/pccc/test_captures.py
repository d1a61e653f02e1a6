"""Whole captures: the project's own against what was played, the collection against tshark."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from otwatch.capture.files import open_capture
from otwatch.engine.pipeline import Pipeline
from otwatch.limits import Limits
from otwatch.protocols import protocol_id

ROOT = Path(__file__).parents[3]
PLANT = sorted((ROOT / "pcaps" / "plant").glob("pccc-*.pcap"))
COLLECTION = Path(os.environ.get("OTWATCH_CAPTURES", ROOT.parent / "shared" / "captures"))
FIELDS = (
    "frame.number",
    "cip.pccc.cmd.code",
    "cip.pccc.fnc.code_06",
    "cip.pccc.fnc.code_0f",
    "cip.pccc.tns.code",
    "cip.pccc.file.num",
    "cip.pccc.file.type",
    "cip.pccc.element.num",
)


def operations(path: Path) -> list[dict[str, Any]]:
    """The rows of PCCC of a capture."""
    pipeline = Pipeline(Limits())
    own = protocol_id("pccc")
    rows: list[dict[str, Any]] = []

    def take(batch: Any) -> None:
        rows.extend(batch.operations.row(int(index)) for index in (batch.operations.array("protocol") == own).nonzero()[0])

    with open_capture(str(path), Limits()) as reader:
        for packets in reader:
            take(pipeline.feed(packets))
    take(pipeline.finish())
    return rows


@pytest.mark.parametrize("path", PLANT, ids=lambda path: path.stem)
def test_what_was_played_is_found_once_with_its_result(path: Path) -> None:
    rows = operations(path)
    requests = [row for row in rows if row["role"] == 0]
    answers = {row["request_frame"]: row for row in rows if row["role"] == 1}
    for line in path.with_suffix(".operations.jsonl").read_text(encoding="utf-8").splitlines():
        operation = json.loads(line)
        for code in (code for protocol, code in operation.get("sent", ()) if protocol == "pccc"):
            span = operation["ts"] - 0.001, operation["ts_end"] + 0.5
            there = [row for row in requests if span[0] <= row["timestamp_ns"] / 1e9 <= span[1]]
            fitting = [row for row in there if (row["function"], row["subfunction"]) == divmod(code, 256)]
            assert fitting, operation
            requests.remove(fitting[0])
            assert (answers[fitting[0]["frame"]]["status"] == 0) == (operation["result"] == "ok")
    assert requests == []


@pytest.mark.tshark
@pytest.mark.captures
@pytest.mark.skipif(shutil.which("tshark") is None or not COLLECTION.is_dir(), reason="needs tshark and the capture collection")
def test_the_collection_gives_what_tshark_gives() -> None:
    path = COLLECTION / "ITI-ICS-Security-Tools" / "pcaps" / "CIP" / "cip_only.pcap"
    command = ["tshark", "-r", str(path), "-Y", "cip.pccc.cmd.code", "-T", "fields", "-E", "occurrence=a", "-E", "separator=|"]
    for field in FIELDS:
        command += ["-e", field]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    said = {tuple(line.split("|")) for line in lines}
    # tshark 4.0 does not read the address of a masked write (AB)
    ours = {
        (
            str(row["frame"]),
            f"{row['function']:#04x}",
            f"{row['subfunction']:#04x}" if row["function"] == 6 else "",
            f"{row['subfunction']:#04x}" if row["function"] == 15 else "",
            f"{row['transaction']:#06x}",
            *(f"{number & 0xFF:#04x}" if number >= 0 and row["subfunction"] != 0xAB else "" for number in (row["object"], row["area"], row["start"])),
        )
        for row in operations(path)
        if row["role"] == 0
    }
    assert len(said) > 9_000
    assert ours == said
