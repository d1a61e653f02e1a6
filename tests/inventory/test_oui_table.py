"""The table of makers is made from the registries."""

from __future__ import annotations

import gzip
from pathlib import Path

from click.testing import CliRunner

from otwatch.inventory.oui_table import main

_REGISTRY = """Registry,Assignment,Organization Name,Organization Address
MA-L,00D0C9,"ADVANTECH  CO., LTD.",Taipei
MA-L,AABBCC,Private,
MA-L,001b1b,Siemens AG,Munich
"""


def test_one_line_per_assignment_sorted_without_private_ones(tmp_path: Path) -> None:
    registry, table = tmp_path / "oui.csv", tmp_path / "oui.tsv.gz"
    registry.write_text(_REGISTRY)
    told = CliRunner().invoke(main, [str(registry), "--output", str(table)])
    assert told.exit_code == 0, told.output
    assert gzip.decompress(table.read_bytes()).decode() == "\n001B1B\tSiemens AG\n00D0C9\tADVANTECH CO., LTD.\n"
