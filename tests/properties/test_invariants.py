"""The invariants that hold for every protocol, on whole captures through the whole pipeline.

Segmentation: however TCP was cut, repeated or reordered, the same operations come out. Batching: however packets are grouped. Uncompiled: the
same bytes. Determinism: twice the same.
"""

from __future__ import annotations

import dataclasses
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from otwatch.engine.analysis import Analysis
from otwatch.engine.exporters import OperationExporter
from otwatch.limits import Limits
from tests.properties.recut import cut, frames_of, repeat, swap, write

ROOT = Path(__file__).parents[2]
CAPTURES = sorted((ROOT / "pcaps" / "plant").glob("*.pcap"))
# What depends on where a PDU ended and when, not on what it said.
_OF_THE_JOURNEY = ("time", "frame", "file", "request_frame", "latency_ns", "flow", "behaviour")


class Rows:
    """Collects what an exporter writes."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []

    def write(self, records: Any) -> None:
        self.records.extend(records)


def operations(path: Path, *, batch_packets: int = 8192) -> list[dict[str, Any]]:
    rows = Rows()
    analysis = Analysis(dataclasses.replace(Limits(), batch_packets=batch_packets))
    analysis.listeners.append(OperationExporter(analysis, rows))  # type: ignore[arg-type]
    analysis.run([str(path)])
    analysis.finish()
    return rows.records


def by_stream(records: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What was said, per flow and direction, in order: the order between streams is of the journey too."""
    streams: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        said = {name: value for name, value in record.items() if name not in _OF_THE_JOURNEY}
        key = "{protocol} {src}:{src_port} {dst}:{dst_port}".format(**record)
        streams.setdefault(key, []).append(said)
    return streams


@pytest.fixture(scope="module", params=CAPTURES, ids=lambda path: path.stem)
def capture(request: pytest.FixtureRequest) -> Path:
    return request.param  # type: ignore[no-any-return]


def test_there_are_captures() -> None:
    assert len(CAPTURES) >= 10


def test_segmentation_does_not_change_operations(capture: Path, tmp_path: Path) -> None:
    frames = frames_of(capture)
    expected = by_stream(operations(capture))
    sizes = random.Random(capture.stem)
    for name, changed in {
        "bytes": cut(frames, lambda: 1) if len(frames) < 300 else cut(frames, lambda: 3),
        "fives": cut(frames, lambda: 5),
        "random": cut(frames, lambda: sizes.randrange(1, 30)),
        "repeated": repeat(frames, 3),
        "swapped": swap(cut(frames, lambda: 7), 4),
    }.items():
        assert by_stream(operations(write(tmp_path / f"{name}.pcap", changed))) == expected, name


@pytest.mark.parametrize("batch_packets", [1, 7, 100])
def test_batches_do_not_change_anything(capture: Path, batch_packets: int) -> None:
    if batch_packets == 1 and capture.stat().st_size > 200_000:
        pytest.skip("too long one by one")
    assert operations(capture, batch_packets=batch_packets) == operations(capture)


_PRINT = """
import json, sys
sys.path.insert(0, sys.argv[1])
import otwatch
from pathlib import Path
from tests.properties.test_invariants import operations
print(json.dumps([otwatch.is_compiled(), [operations(Path(path)) for path in sys.argv[2:]]]))
"""


def test_uncompiled_code_gives_the_same() -> None:
    small = [path for path in CAPTURES if path.stat().st_size < 60_000]
    told = subprocess.run(
        [sys.executable, "-c", _PRINT, str(ROOT), *map(str, small)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OTWATCH_UNCOMPILED": "1"},
    ).stdout
    compiled, rows = json.loads(told)
    assert compiled is False
    for path, expected in zip(small, rows, strict=True):
        assert json.loads(json.dumps(operations(path))) == expected, path.stem


def test_twice_is_the_same(capture: Path) -> None:
    assert operations(capture) == operations(capture)
