"""The tests of the shipped rules notice when a rule is changed: a sample of mutants, and what a mutant is."""

from __future__ import annotations

import pytest

from otwatch.rules.load import load_rules
from tests.rules.mutate import mutants, sample, survives

RULE = """
id: test.one
title: One
status: draft
severity: low
where: {protocol: modbus, role: request, function: [5, 6], start|ge: 10, not: {unit: 7}}
window: {by: [src], for: 10s, at_least: 3, distinct: start}
why: because
"""


def test_every_part_of_a_rule_is_changed_once(tmp_path):
    (tmp_path / "one.yaml").write_text(RULE)
    (rule,) = load_rules([tmp_path], drafts=True)
    changes = [text for text, _ in mutants(rule)]
    assert changes == [
        "without protocol: modbus",
        "protocol modbusx for modbus",
        "without role: request",
        "role requestx for request",
        "without function: [5, 6]",
        "function without 5",
        "function without 6",
        "without start|ge: 10",
        "start 10 less one",
        "start 11 for 10",
        "without Not",
        "unit 8 for 7",
        "at_least less one",
        "at_least and one more",
        "for twice as long",
        "for half as long",
        "without distinct",
    ]
    assert all(mutant != rule for _, mutant in mutants(rule))


@pytest.mark.parametrize("drawn", sample(30, seed=8), ids=lambda drawn: f"{drawn[0]}: {drawn[1]}")
def test_a_mutant_is_caught(drawn):
    assert not survives(drawn[2])
