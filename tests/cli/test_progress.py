"""What reading tells on stderr: that a pipe gives nothing, and nothing at all when there is nothing to tell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.cli.calling import ROOT, SMALL, otwatch, process


def test_a_pipe_without_a_writer_says_what_it_waits_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    waiting = subprocess.Popen([sys.executable, "-m", "otwatch", "analyze", str(pipe)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               cwd=ROOT)
    assert waiting.stderr is not None
    assert waiting.stderr.readline() == f"otwatch: waiting for a capture from {pipe}: nothing has come yet (Ctrl-C ends)\n"
    with pipe.open("wb") as writer:
        writer.write(SMALL.read_bytes())
    told, more = waiting.communicate(timeout=60)
    assert (waiting.returncode, more) == (0, "")
    assert "in 105 packets" in told


def test_standard_input_that_is_silent_says_so() -> None:
    waiting = subprocess.Popen([sys.executable, "-m", "otwatch", "analyze", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, cwd=ROOT)
    assert waiting.stderr is not None
    assert b"from standard input" in waiting.stderr.readline()
    told, _ = waiting.communicate(SMALL.read_bytes(), timeout=60)
    assert waiting.returncode == 0
    assert b"in 105 packets" in told


def test_a_file_is_read_without_a_word() -> None:
    assert otwatch("analyze", SMALL).stderr == ""
    assert process("analyze", SMALL).stderr == ""


def test_a_folder_is_one_line_with_files_name_and_rate(tmp_path: Path) -> None:
    from otwatch.cli import progress as module

    paths = []
    for number in range(3):
        path = tmp_path / f"capture-{number}.pcap"
        path.write_bytes(bytes(1000))
        paths.append(str(path))
    progress = module.ReadingProgress(paths)
    progress._wanted, progress._since = True, progress._since - 60
    with progress:
        for path in paths:
            for done in (0, 500, 1000):
                progress._report(path, done, 1000)
        bar = progress._progress
        assert bar is not None
        assert [(task.description, task.completed, task.total) for task in bar.tasks] == [(f"3 of 3  {paths[2][-40:]}", 3000, 3000)]
