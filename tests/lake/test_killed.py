"""kill -9 at every file operation of writing, merging and deleting: no half file, nothing twice, nothing lost, and the manifest holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")


def test_killed_at_any_point(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(__file__).with_name("killed.py")), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    told = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert found["wrong"] == []
    assert found["kills"] > 40
