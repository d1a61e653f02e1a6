"""What several processes on one interface cannot see: each has whole pairs of addresses, so a rule that counts over many of them counts a share."""

from __future__ import annotations

from collections.abc import Sequence

from otwatch.rules.rule import Rule


def weakened_rules(rules: Sequence[Rule]) -> list[str]:
    """The rules whose incidents are made of several pairs of addresses, in order. All others are as good as in one process."""
    return [rule.id for rule in rules if rule.sequence is not None or (rule.window is not None and not {"src", "dst"} <= set(rule.window.by))]
