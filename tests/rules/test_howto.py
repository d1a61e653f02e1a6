"""The rule that the how-to page shows can be copied as it stands."""

from __future__ import annotations

import re
from pathlib import Path

from otwatch.rules.load import load_rules
from tests.rules.hand import PROVER

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "write-a-rule.md"


def test_the_example_of_the_page_proves_itself(tmp_path):
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "example.yaml").write_text(example)
    (rule,) = load_rules([tmp_path])
    found = [len(PROVER.alerts_of(proof.rows, [rule])) for proof in rule.tests]
    assert found == [1, 0]
