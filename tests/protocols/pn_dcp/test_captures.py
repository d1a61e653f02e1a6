"""The collection against tshark, frame by frame."""

from __future__ import annotations

import os
import shutil
import subprocess
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from otwatch.capture.files import open_capture
from otwatch.engine.pipeline import Pipeline
from otwatch.limits import Limits
from otwatch.protocols import protocol_id

ROOT = Path(__file__).parents[3]
COLLECTION = Path(os.environ.get("OTWATCH_CAPTURES", ROOT.parent / "shared" / "captures"))
FIELDS = ("frame.number", "pn_dcp.service_id", "pn_dcp.service_type", "pn_dcp.xid")


def operations(path: Path, name: str = "pn_dcp") -> dict[int, list[dict[str, Any]]]:
    """The rows of a capture by frame."""
    pipeline = Pipeline(Limits())
    own = protocol_id(name)
    rows: dict[int, list[dict[str, Any]]] = {}
    with open_capture(str(path), Limits()) as reader:
        for batch in chain(map(pipeline.feed, reader), (pipeline.finish() for _ in range(1))):
            for index in (batch.operations.array("protocol") == own).nonzero()[0]:
                row = batch.operations.row(int(index))
                rows.setdefault(row["frame"], []).append(row)
    return rows


def duplicates(path: Path) -> set[int]:
    """Frames that the tap delivered twice."""
    pipeline = Pipeline(Limits())
    found: set[int] = set()
    with open_capture(str(path), Limits()) as reader:
        for packets in reader:
            pipeline.feed(packets)
            found.update(packets.array("frame")[packets.array("flags") & 2 != 0].tolist())
    return found


@pytest.mark.tshark
@pytest.mark.captures
@pytest.mark.skipif(shutil.which("tshark") is None or not COLLECTION.is_dir(), reason="needs tshark and the capture collection")
def test_the_collection_gives_what_tshark_gives() -> None:
    lines = (COLLECTION / "MANIFEST.tsv").read_text(encoding="utf-8").splitlines()
    frames, differ = 0, []
    for path in [COLLECTION / line.split("\t")[0] for line in lines if "profinet" in line.lower()]:
        command = ["tshark", "-r", str(path), "-Y", "pn_dcp", "-T", "fields", *(word for field in FIELDS for word in ("-e", field))]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        ours, twice = operations(path) if said else {}, duplicates(path) if said else set()
        for frame, service, kind, xid in (line.split("\t") for line in said):
            if int(frame) in twice:
                continue
            frames += 1
            expected = (int(service), int(xid, 0), int(kind) & 1)
            if not any((row["function"], row["transaction"], row["role"]) == expected for row in ours.get(int(frame), ())):
                differ.append((path.name, frame))
    assert frames >= 30
    assert differ == []
