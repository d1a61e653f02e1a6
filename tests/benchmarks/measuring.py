"""What a command costs, as all benchmarks measure it: its processor time and peak memory, from the kernel's own account of the process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

OTWATCH = [sys.executable, "-c", "from otwatch.cli import main; main()"]


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one run of a command."""

    wall_s: float
    cpu_s: float  # user and system
    memory_kb: int  # peak


def run(command: list[str], folder: Path) -> Cost:
    """Runs a command to its end. Byte code is kept, as where otwatch is installed; SystemExit where the command fails."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"failed: {' '.join(command)}")
    return Cost(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
