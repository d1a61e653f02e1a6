"""Baselines that want to break the reader: one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from otwatch.cli import main


@pytest.mark.parametrize("text", ["[" * 100_000, '{"format":' + "9" * 6000 + "}", '{"format":NaN}', '{"a":', "null"])
def test_a_hostile_baseline_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    baseline = tmp_path / "plant.json"
    baseline.write_text(text)
    result = CliRunner().invoke(main, ["analyze", "any.pcap", "--baseline", str(baseline)])
    assert result.exit_code == 2, result.exception
    assert len(result.stderr.splitlines()) == 1, result.stderr
