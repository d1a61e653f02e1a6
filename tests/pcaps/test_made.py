"""The captures that are made packet by packet: the scripts still make them, byte for byte, and each says where it comes from."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from otwatch.engine.detector import rules_of

ROOT = Path(__file__).parents[2]
MADE = ROOT / "pcaps" / "made"
CAPTURES = sorted(MADE.glob("*.pcap*"))


def test_the_scripts_make_the_same_bytes_again() -> None:
    done = subprocess.run([sys.executable, str(MADE / "make.py"), "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name)
def test_a_capture_says_where_it_comes_from_and_is_used(capture: Path) -> None:
    rule, kind = capture.name.split(".pcap")[0].rsplit(".", 1)
    about = yaml.safe_load((MADE / f"{rule}.{kind}.yaml").read_text())
    assert about["sha256"] == hashlib.sha256(capture.read_bytes()).hexdigest()
    assert (about["rule"], about["fires"], about["capture"]) == (rule, kind == "fires", capture.name)
    (found,) = [known for known in rules_of(drafts=True) if known.id == rule]
    assert any(test.capture.endswith(f"made/{capture.name}") for test in found.tests)
    assert capture.stat().st_size < 64 * 1024
