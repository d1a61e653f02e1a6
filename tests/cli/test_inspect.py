"""otwatch inspect: Wireshark's own words on a frame."""

from __future__ import annotations

import json
import lzma
import shutil
from pathlib import Path

import pytest

from otwatch.cli.dissecting import _line
from tests.cli.calling import ATTACK, ROOT, SITE, assert_one_line, otwatch, process

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is missing: apt install tshark")


def test_a_missing_file() -> None:
    assert_one_line(otwatch("inspect", "nowhere.pcap", "1"), "nowhere.pcap: No such file")


def test_a_frame_is_a_number_from_one() -> None:
    assert otwatch("inspect", ATTACK, "0").returncode == 2
    assert otwatch("inspect", ATTACK, "first").returncode == 2


def test_too_many_frames() -> None:
    assert_one_line(otwatch("inspect", ATTACK, *map(str, range(1, 300))), "at most 200")


def test_an_absurd_frame_number() -> None:
    told = otwatch("inspect", ATTACK, str(10**30))
    assert told.returncode == 2
    assert "4294967295" in told.stderr


def test_no_frame_named() -> None:
    assert_one_line(otwatch("inspect", ATTACK), "say which frames")


def test_without_tshark_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert_one_line(otwatch("inspect", ATTACK, "1"), "apt install tshark")


@pytest.mark.tshark
@needs_tshark
@pytest.mark.parametrize("reader", ["pyshark", "tshark"])
def test_the_frame_of_a_write(reader: str, tmp_path: Path) -> None:
    if reader == "pyshark":
        pytest.importorskip("pyshark")
    else:  # as if pyshark was not installed
        (tmp_path / "pyshark.py").write_text("raise ImportError")
    write = next(line for line in otwatch("export", "operations", ATTACK).stdout.splitlines() if '"action":"WRITE"' in line)
    frame = str(json.loads(write)["frame"])
    packed = tmp_path / "attack.pcap.xz"
    packed.write_bytes(lzma.compress(ATTACK.read_bytes()))
    told = process("inspect", packed, frame, PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert told.returncode == 0, told.stderr
    assert f"Frame {frame}" in told.stdout
    assert "Function Code: Write Single Register (6)" in told.stdout


@pytest.mark.tshark
@needs_tshark
def test_the_frames_of_an_incident() -> None:
    told = otwatch("analyze", ATTACK, "--site", SITE, "--format", "jsonl").stdout.splitlines()
    alert = next(one for one in map(json.loads, told) if one["type"] == "alert" and one["action"] == "STOP")
    shown = process("inspect", ATTACK, "--alert", alert["id"][:10], "--site", SITE)
    assert shown.returncode == 0, shown.stderr
    assert [line.split(",")[0] for line in shown.stdout.splitlines() if line.startswith("Frame ")] == [f"Frame {n}" for n in sorted(alert["frames"])]
    assert_one_line(otwatch("inspect", ATTACK, "--alert", "ffffffff"), "no such alert or incident", "INC-")


@pytest.mark.tshark
@needs_tshark
def test_what_is_no_capture_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.pcap").write_text("what is this, it is no capture")
    (tmp_path / "pyshark.py").write_text("raise ImportError")
    assert_one_line(process("inspect", tmp_path / "text.pcap", "1", PYTHONPATH=f"{tmp_path}:{ROOT}"), "tshark could not dissect")


@pytest.mark.tshark
@needs_tshark
def test_a_frame_that_is_not_there(tmp_path: Path) -> None:
    assert_one_line(process("inspect", ATTACK, "100000"), "has no frame 100000")


def test_printable_octets_are_shown_as_text_too() -> None:
    assert _line("Object value: 53:69:65:6d", "53:69:65:6d", "5369656d") == 'Object value: 53:69:65:6d  "Siem"'
    assert _line("Name: Siem", "Siem", "5369656d") == "Name: Siem"
    assert _line("", "53:69:65", "536965") == "53:69:65"  # printable by chance
    assert _line("", "53:69:65:00", "53696500") == "53:69:65:00"
