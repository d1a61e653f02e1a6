"""Aggregation and its caps."""

from __future__ import annotations

from otwatch.alerts.alert import Severity
from otwatch.alerts.findings import Findings, Sample


def test_one_incident_per_rule_actor_and_target():
    findings = Findings(10, 10)
    first = findings.finding(1, Severity.LOW, 2, 3)
    assert findings.finding(1, Severity.LOW, 2, 3) is first
    assert findings.finding(1, Severity.LOW, 2, 4) is not first
    assert len(findings) == 2


def test_the_least_severe_and_oldest_is_closed_first():
    findings = Findings(2, 10)
    findings.finding(1, Severity.LOW, 1, 1)
    findings.finding(2, Severity.HIGH, 1, 1)
    findings.finding(3, Severity.LOW, 1, 1)
    assert [finding.rule for finding in findings] == [2, 3]
    findings.finding(4, Severity.INFO, 1, 1)
    assert [finding.rule for finding in findings] == [2, 3]
    assert findings.closed == 2


def test_parts_of_one_incident_are_bounded():
    finding = Findings(1, 10).finding(1, Severity.LOW, 1, -1)
    for target in range(5_000):
        finding.part((1, target), 1, target).add(target, 10**9)
    assert len(finding.parts) == 4_096
    assert sum(part.count for part in finding.parts.values()) == 5_000


def test_evidence_is_kept_of_many_behaviours_rather_than_much_of_one():
    finding = Findings(1, 10).finding(1, Severity.LOW, 1, 2)
    for behaviour in range(1_000):
        while finding.wants(behaviour, 16):
            finding.keep(Sample(behaviour, 0, 1, "", 0))
    assert finding.sampled[0] == 16
    assert finding.sampled[500] == 1 if 500 in finding.sampled else True
    assert 64 <= len(finding.samples) <= 512
