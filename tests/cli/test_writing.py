"""Output files that a user names."""

from __future__ import annotations

from pathlib import Path

import pytest

from otwatch.cli.writing import check_output
from otwatch.errors import CaptureError


def test_a_new_file_and_an_old_one_of_ours(tmp_path: Path) -> None:
    check_output(str(tmp_path / "new.txt"))
    (tmp_path / "old.txt").write_text("result of yesterday")
    check_output(str(tmp_path / "old.txt"))


@pytest.mark.parametrize("magic", ["d4c3b2a1", "a1b2c3d4", "4d3cb2a1", "a1b23c4d", "0a0d0d0a"])
def test_any_capture_is_evidence(magic: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes.fromhex(magic) + bytes(20))
    with pytest.raises(CaptureError, match="is a capture"):
        check_output(str(tmp_path / "x"))


def test_what_is_read_is_not_written_even_by_another_name(tmp_path: Path) -> None:
    (tmp_path / "x.pcap.gz").write_bytes(b"\x1f\x8b")
    (tmp_path / "link").symlink_to(tmp_path / "x.pcap.gz")
    with pytest.raises(CaptureError, match="is a capture"):
        check_output(str(tmp_path / "link"), [str(tmp_path / "x.pcap.gz")])


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="is a folder"):
        check_output(str(tmp_path))


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="no folder"):
        check_output(str(tmp_path / "no" / "x"))
