"""Processes that start together and end together; real ones, each in a little program of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from otwatch.sensor.config import read_config
from tests.outputs.siem.receivers import wait_for

ROOT = Path(__file__).parents[2]
_PROGRAM = """
import os, signal, sys, time
from pathlib import Path
from otwatch.sensor.workers import run_workers
folder, what = Path(sys.argv[1]), sys.argv[2]

def work(number, beat):
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(1))
    signal.signal(signal.SIGHUP, lambda *_: (folder / f"hup{number}").touch())
    (folder / f"pid{number}").write_text(str(os.getpid()))
    while not stopping and beat():
        time.sleep(0.05)
        if number == 2 and what == "raise":
            raise ZeroDivisionError
        if number == 2 and what == "exit":
            sys.exit(2)
        if number == 2 and what == "return":
            return
    (folder / f"clean{number}").touch()

told = run_workers(3, work, begun=(folder / "begun").touch, notify=lambda text: print(text, flush=True))
print(told, flush=True)
"""


def started(folder: Path, what: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", _PROGRAM, str(folder), what], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "READY=1\n"
    assert process.stdout.readline() == "WATCHDOG=1\n"


def gone(folder: Path) -> bool:
    return not any(Path(f"/proc/{path.read_text()}").exists() for path in folder.glob("pid*"))


def test_a_signal_reaches_all_and_all_end_cleanly(tmp_path: Path) -> None:
    process = started(tmp_path)
    ready(process)
    process.send_signal(signal.SIGHUP)
    assert wait_for(lambda: len(list(tmp_path.glob("hup*"))) == 3)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert out.splitlines()[-2:] == ["STOPPING=1", "[]"]
    assert {path.name for path in tmp_path.glob("clean*")} == {"clean1", "clean2", "clean3"}
    assert (tmp_path / "begun").exists()


@pytest.mark.parametrize(("what", "words"), [("raise", "process 2 ended: exit code 1"), ("exit", "process 2 ended: exit code 2"),
                                             ("return", "though nobody asked"), ("kill", "process 2 ended: killed by SIGKILL")])
def test_one_that_ends_takes_all_with_it(tmp_path: Path, what: str, words: str) -> None:
    process = started(tmp_path, what)
    if what == "kill":
        ready(process)
        os.kill(int((tmp_path / "pid2").read_text()), signal.SIGKILL)
    out, err = process.communicate(timeout=60)
    assert words in out.splitlines()[-1]
    assert ("ZeroDivisionError" in err) == (what == "raise")
    assert gone(tmp_path)
    assert {"clean1", "clean3"} <= {path.name for path in tmp_path.glob("clean*")}


def test_workers_whose_parent_was_killed_end(tmp_path: Path) -> None:
    process = started(tmp_path)
    ready(process)
    process.kill()
    process.communicate(timeout=60)
    assert wait_for(lambda: gone(tmp_path))


def test_each_has_files_and_a_name_of_its_own(tmp_path: Path) -> None:
    config = read_config(None, {"sensor.name": "hall", "sensor.workers": 2, "sensor.state": str(tmp_path), "outputs.jsonl": "/x/alerts.jsonl",
                                "outputs.database": "/x/otwatch.sqlite", "outputs.metrics_port": 9100})
    one, other = config.of_worker(1), config.of_worker(2)
    assert (one.name, one.state, one["outputs.jsonl"], one["outputs.metrics_port"]) == ("hall/1", tmp_path / "1-of-2", "/x/alerts.1.jsonl", 9100)
    assert (other["outputs.database"], other["outputs.metrics_file"], other["outputs.metrics_port"]) == ("/x/otwatch.2.sqlite", "", 9101)
    assert (config.name, config.worker, other.worker) == ("hall", 0, 2)
