"""JSON lines that are rotated, moved away, and meet a full disk."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from otwatch.errors import CaptureError
from otwatch.outputs.rotating import RotatingLines


def test_it_rotates_at_its_size_and_keeps_what_it_is_told(tmp_path: Path) -> None:
    lines = RotatingLines(tmp_path / "a.jsonl", max_bytes=100, keep=2)
    for number in range(30):
        assert lines.write({"n": number, "pad": "x" * 20})
    lines.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "a.jsonl.1", "a.jsonl.2"]
    kept = [json.loads(line)["n"] for name in ("a.jsonl.2", "a.jsonl.1", "a.jsonl") for line in (tmp_path / name).read_text().splitlines()]
    assert kept == list(range(kept[0], 30))


def test_after_logrotate_it_writes_to_the_new_file(tmp_path: Path) -> None:
    lines = RotatingLines(tmp_path / "a.jsonl")
    lines.write({"n": 1})
    (tmp_path / "a.jsonl").rename(tmp_path / "moved")
    lines.write({"n": 2})
    lines.reopen()
    lines.write({"n": 3})
    assert (tmp_path / "moved").read_text() == '{"n":1}\n{"n":2}\n'
    assert (tmp_path / "a.jsonl").read_text() == '{"n":3}\n'


def test_a_full_disk_leaves_no_torn_line_and_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = RotatingLines(tmp_path / "a.jsonl")
    lines.write({"n": 1})
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
        assert not lines.write({"n": 2})
    assert lines.lost == 1
    lines.write({"n": 3})
    assert (tmp_path / "a.jsonl").read_text() == '{"n":1}\n{"n":3}\n'


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="cannot be written"):
        RotatingLines(tmp_path)
