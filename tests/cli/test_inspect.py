"""otwatch inspect: Wireshark's own words on a frame."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.calling import ATTACK, assert_one_line, otwatch, process

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is missing: apt install tshark")


def test_a_missing_file() -> None:
    assert_one_line(otwatch("inspect", "nowhere.pcap", "1"), "nowhere.pcap: no such file")


def test_a_frame_is_a_number_from_one() -> None:
    assert otwatch("inspect", ATTACK, "0").returncode == 2
    assert otwatch("inspect", ATTACK, "first").returncode == 2


def test_too_many_frames() -> None:
    assert_one_line(otwatch("inspect", ATTACK, *map(str, range(1, 300))), "at most 200")


def test_without_tshark_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyshark")
    monkeypatch.setenv("PATH", "/nowhere")
    assert_one_line(otwatch("inspect", ATTACK, "1"), "apt install tshark")


@pytest.mark.tshark
@needs_tshark
def test_the_frame_of_a_write() -> None:
    pytest.importorskip("pyshark")
    write = next(line for line in otwatch("export", "operations", ATTACK).stdout.splitlines() if '"action":"WRITE"' in line)
    frame = str(json.loads(write)["frame"])
    told = process("inspect", ATTACK, frame)
    assert told.returncode == 0, told.stderr
    assert f"Frame {frame}" in told.stdout
    assert "Function Code: Write Single Register (6)" in told.stdout


@pytest.mark.tshark
@needs_tshark
def test_a_frame_that_is_not_there(tmp_path: Path) -> None:
    pytest.importorskip("pyshark")
    assert_one_line(process("inspect", ATTACK, "100000"), "has no frame 100000")
