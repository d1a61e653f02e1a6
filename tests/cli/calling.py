"""The command line, called as people call it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from otwatch.cli import main

ROOT = Path(__file__).parents[2]
PLANT = ROOT / "pcaps" / "plant"
ATTACK, LEARN, SITE = PLANT / "plant-attack.pcap", PLANT / "plant-learn.pcap", PLANT / "site.yaml"
SMALL = PLANT / "modbus-poll.pcap"


Told = subprocess.CompletedProcess[str]


def otwatch(*arguments: str | Path, stdin: bytes | None = None, **environment: str) -> Told:
    """The command in this process: quick. Nothing but SystemExit may leave it."""
    told = CliRunner().invoke(main, [str(part) for part in arguments], input=stdin, env=environment, prog_name="otwatch")
    if told.exception is not None and not isinstance(told.exception, SystemExit):
        raise told.exception
    return subprocess.CompletedProcess(arguments, told.exit_code, told.stdout, told.stderr)


def process(*arguments: str | Path, stdin: bytes | None = None, cwd: Path | None = None, **environment: str) -> Told:
    """The command in a process of its own, where streams, signals and imports matter."""
    command = [sys.executable, "-m", "otwatch", *map(str, arguments)]
    told = subprocess.run(command, input=stdin, capture_output=True, check=False, cwd=cwd, env={**os.environ, "PYTHONPATH": str(ROOT), **environment})
    return subprocess.CompletedProcess(command, told.returncode, told.stdout.decode(), told.stderr.decode())


def assert_one_line(told: Told, *words: str, lines: int = 1) -> None:
    """Exit code 2 and as many lines on stderr, each from otwatch, with these words in them."""
    assert told.returncode == 2, told.stderr
    assert len(told.stderr.splitlines()) == lines, told.stderr
    assert all(line.startswith("otwatch: ") for line in told.stderr.splitlines())
    for word in words:
        assert word in told.stderr
