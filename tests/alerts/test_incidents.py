"""Aggregation and its caps."""

from __future__ import annotations

from otwatch.alerts.alert import Severity
from otwatch.alerts.incidents import Incidents, Sample


def test_one_incident_per_rule_actor_and_target():
    incidents = Incidents(10, 10)
    first = incidents.incident(1, Severity.LOW, 2, 3)
    assert incidents.incident(1, Severity.LOW, 2, 3) is first
    assert incidents.incident(1, Severity.LOW, 2, 4) is not first
    assert len(incidents) == 2


def test_the_least_severe_and_oldest_is_closed_first():
    incidents = Incidents(2, 10)
    incidents.incident(1, Severity.LOW, 1, 1)
    incidents.incident(2, Severity.HIGH, 1, 1)
    incidents.incident(3, Severity.LOW, 1, 1)
    assert [incident.rule for incident in incidents] == [2, 3]
    incidents.incident(4, Severity.INFO, 1, 1)
    assert [incident.rule for incident in incidents] == [2, 3]
    assert incidents.closed == 2


def test_parts_of_one_incident_are_bounded():
    incident = Incidents(1, 10).incident(1, Severity.LOW, 1, -1)
    for target in range(5_000):
        incident.part((1, target), 1, target).add(
            target,
        )
    assert len(incident.parts) == 4_096
    assert sum(part.count for part in incident.parts.values()) == 5_000


def test_evidence_is_kept_of_many_behaviours_rather_than_much_of_one():
    incident = Incidents(1, 10).incident(1, Severity.LOW, 1, 2)
    for behaviour in range(1_000):
        while incident.wants(behaviour, 16):
            incident.keep(Sample(behaviour, 0, 1, "", 0))
    assert incident.sampled[0] == 16
    assert incident.sampled[500] == 1 if 500 in incident.sampled else True
    assert 64 <= len(incident.samples) <= 512
