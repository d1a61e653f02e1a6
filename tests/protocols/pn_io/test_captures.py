"""The collection against tshark, call by call."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.protocols.pn_dcp.test_captures import duplicates, operations

COLLECTION = Path(os.environ.get("OTWATCH_CAPTURES", Path(__file__).parents[3].parent / "shared" / "captures"))
FIELDS = ("frame.number", "dcerpc.pkt_type", "dcerpc.opnum", "dcerpc.dg_seqnum", "pn_io.index", "dcerpc.dg_flags1_last_frag", "dcerpc.dg_flags1_frag")
CONTAINER = 0x80B0  # a record that holds others: tshark lists those inside, here it is one row


@pytest.mark.tshark
@pytest.mark.captures
@pytest.mark.skipif(shutil.which("tshark") is None or not COLLECTION.is_dir(), reason="needs tshark and the capture collection")
def test_the_collection_gives_what_tshark_gives() -> None:
    lines = (COLLECTION / "MANIFEST.tsv").read_text(encoding="utf-8").splitlines()
    calls, differ = 0, []
    for path in [COLLECTION / line.split("\t")[0] for line in lines if "profinet" in line.lower()]:
        shown = "dcerpc.ver == 4 && (dcerpc.pkt_type == 0 || dcerpc.pkt_type == 2)"
        command = ["tshark", "-r", str(path), "-Y", shown, "-T", "fields", *(word for field in FIELDS for word in ("-e", field))]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        ours, twice = (operations(path, "pn_io"), duplicates(path)) if said else ({}, set())
        for frame, kind, opnum, sequence, indexes, last, part in (line.split("\t") for line in said):
            if int(frame) in twice or (part == "1" and last == "0"):
                continue
            calls += 1
            rows = ours.get(int(frame), [])
            listed = [int(index, 0) for index in indexes.split(",") if index]
            if len(listed) > 1:
                listed = listed[1:]  # the first is that of the record that holds them
            fitting = [row for row in rows if (row["function"], row["transaction"]) == (int(opnum.split(",")[0]), int(sequence.split(",")[0]))]
            right = bool(fitting) and all((row["role"] == 1) == (kind == "2") or row["role"] == 2 for row in fitting)
            if not right or (listed and CONTAINER not in listed and [row["object"] for row in rows] != listed):
                differ.append((path.name, frame))
    assert calls > 1_300, calls
    assert differ == []
