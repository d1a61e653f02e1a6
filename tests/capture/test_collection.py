"""Every capture of the collection is read, with the packet count that capinfos gives."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from otwatch.capture.files import expand, open_capture
from otwatch.limits import Limits

ROOT = Path(__file__).parents[2]
COLLECTION = Path(os.environ.get("OTWATCH_CAPTURES", ROOT.parent / "shared" / "captures"))

# Our packets, and why capinfos has another number.
EXCEPTIONS: dict[str, tuple[int, str]] = {
    "rarp.pcap": (2, "its section header says 48 bytes and has 44: capinfos refuses the file, we find the next block"),
}

pytestmark = [
    pytest.mark.captures,
    pytest.mark.skipif(not COLLECTION.is_dir(), reason="no capture collection: set OTWATCH_CAPTURES"),
]


@pytest.fixture(scope="module")
def captures() -> list[str]:
    return expand([str(COLLECTION)])


@pytest.mark.skipif(shutil.which("capinfos") is None, reason="capinfos is missing: install wireshark-common")
def test_packet_counts_are_those_of_capinfos(captures: list[str]) -> None:
    told = subprocess.run(["capinfos", "-T", "-r", "-c", *captures], capture_output=True, text=True, check=False).stdout
    expected = {path: int(count) for path, count in (line.split("\t") for line in told.splitlines())}
    wrong = {}
    for path in captures:
        with open_capture(path, Limits()) as reader:
            rows = sum(packets.rows for packets in reader)
            assert rows == reader.report.packets
        known = EXCEPTIONS.get(Path(path).name, (expected.get(path), ""))[0]
        if rows != known:
            wrong[path] = (rows, known)
    assert wrong == {}
    assert len(captures) > 100


def test_nothing_else_in_the_collection_is_taken_for_a_capture(captures: list[str]) -> None:
    """Logs, tables and notes lie beside the captures; each capture is listed in the collection's manifest or lies in real-stacks."""
    manifest = COLLECTION / "MANIFEST.tsv"
    if not manifest.is_file():
        pytest.skip("the collection has no MANIFEST.tsv")
    listed = {line.split("\t")[0] for line in manifest.read_text(encoding="utf-8").splitlines()[1:]}
    found = {str(Path(path).relative_to(COLLECTION)) for path in captures}
    assert {path for path in found - listed if not path.startswith("real-stacks")} == set()
    assert {path for path in listed - found if (COLLECTION / path).is_file()} == set()
