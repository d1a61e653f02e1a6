"""`--jobs`: several processes, the same output."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.calling import ROOT, otwatch, process
from tests.engine.network import Host, Wire, polls, writes
from tests.engine.test_recordings import capture


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plants")
    for number in range(2):
        capture(path / f"{number}.pcap", 1_000_000_000 + number, f"00:1b:{number:02x}")
    wire = Wire()
    wire.tcp(Host("192.168.7.20", "00:d0:c9:00:00:20"), Host("192.168.7.10", "00:0e:8c:00:00:10"), 502, [*polls(3), *writes(40)])
    wire.write(path / "attack.pcap")
    return path


def test_an_analysis_is_the_same_byte_for_byte(folder: Path, tmp_path: Path) -> None:
    outputs = []
    for jobs in ("1", "2"):
        place = tmp_path / jobs
        place.mkdir()
        named = [f"--{option}={place / name}" for option, name in (("db", "x.sqlite"), ("graph", "x.json"))]
        done = otwatch("analyze", folder, "--jobs", jobs, *named)
        outputs.append((done.returncode, done.stdout, {path.name: path.read_bytes() for path in place.iterdir()}))
    assert outputs[0] == outputs[1]
    assert outputs[0][0] == 0
    assert len(outputs[0][2]) == 6


def test_records_are_the_same_byte_for_byte(folder: Path) -> None:
    first, second = (otwatch("analyze", folder, "--jobs", jobs, "--format", "jsonl") for jobs in ("1", "0"))
    assert first.stdout == second.stdout
    assert first.stdout.count('"type":"summary"') == 3


@pytest.mark.parametrize(("table", "form"), [("operations", "csv"), ("operations", "jsonl"), ("flows", "csv"), ("alerts", "jsonl")])
def test_a_table_is_the_same_byte_for_byte(table: str, form: str, folder: Path, tmp_path: Path) -> None:
    found = []
    for jobs in ("1", "2"):
        assert otwatch("export", table, folder, "--jobs", jobs, "--output", tmp_path / f"x.{form}").returncode == 0
        found.append((tmp_path / f"x.{form}").read_bytes())
    assert found[0] == found[1]
    assert found[0].count(b"\n") >= 1 + 2 * (table == "operations")


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_kept(folder: Path, tmp_path: Path) -> None:
    told = [otwatch("analyze", folder, tmp_path / "absent.pcap", "--jobs", jobs) for jobs in ("1", "2")]
    assert told[0].returncode == told[1].returncode == 2
    assert told[0].stdout == told[1].stdout
    assert "3 recordings" in told[0].stdout
    assert told[0].stderr == told[1].stderr
    assert "absent.pcap" in told[0].stderr


def test_an_alert_of_one_recording_fails_the_run(folder: Path) -> None:
    assert otwatch("analyze", folder, "--jobs", "2", "--fail-on", "low").returncode == 3


def test_standard_input_is_read_here(folder: Path) -> None:
    done = process("analyze", "-", "--jobs", "2", stdin=(folder / "attack.pcap").read_bytes())
    assert done.returncode == 0, done.stderr


def test_ctrl_c_ends_cleanly(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "otwatch", "analyze", str(folder), str(tmp_path / "pipe"), "--jobs", "2"]
    os.mkfifo(tmp_path / "pipe")  # belongs to the last recording, which therefore does not end
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True)
    with (tmp_path / "pipe").open("wb") as pipe:  # opens when it is read
        pipe.write((folder / "attack.pcap").read_bytes())
        pipe.flush()
        time.sleep(0.5)
        running.send_signal(signal.SIGINT)
        time.sleep(0.5)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert "interrupted" in err
    assert "Traceback" not in err
    assert "recordings that share neither hosts nor time" in out
