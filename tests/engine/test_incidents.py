"""From packets to incidents: one attack is one incident, live too."""

from __future__ import annotations

from pathlib import Path

import pytest

from otwatch.alerts.alert import Severity
from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import RuleDetector, policy_of
from otwatch.limits import Limits
from otwatch.outputs.result import Result

PLANT = Path(__file__).parents[2] / "pcaps" / "plant"
OFFICE, ENGINEERING = "172.16.5.66", "192.168.10.30"


def analysed(capture: str, site: str | None) -> Result:
    policy = policy_of(site=str(PLANT / site) if site else None)
    analysis = Analysis(Limits())
    analysis.detector = RuleDetector(analysis.pipeline, policy, analysis.inventory)
    analysis.run([str(PLANT / capture)])
    return analysis.finish()


@pytest.mark.parametrize("site", [None, "site.yaml"])
def test_the_attack_on_the_plant_is_one_incident(site: str | None) -> None:
    result = analysed("plant-attack.pcap", site)
    (incident,) = [one for one in result.incidents if not one.is_note]
    assert len(result.incidents) - 1 <= 3
    assert {alert.id for alert in result.alerts if alert.severity >= Severity.HIGH} <= set(incident.alerts)
    assert [party.address for party in incident.path] == [OFFICE, ENGINEERING]
    assert incident.gravest is not None
    assert incident.gravest.act is not None
    assert (incident.gravest.act.action, incident.outcome) == ("STOP", "confirmed")
    assert {step.act.action for step in incident.succeeded if step.act} >= {"STOP", "PROGRAM_DOWNLOAD", "RESTART", "CONTROL", "WRITE"}
    assert {step.act.function_name for step in incident.failed if step.act} >= {"disable_unsolicited"}
    assert all(alert.incident for alert in result.alerts)


@pytest.mark.parametrize("size", [3, 40])
def test_a_sensor_sends_few_events_of_it_and_ends_where_analyze_ends(size: int) -> None:
    from otwatch.capture.files import open_capture

    policy = policy_of(site=str(PLANT / "site.yaml"))
    analysis = Analysis(Limits())
    detector = analysis.detector = RuleDetector(analysis.pipeline, policy, analysis.inventory)
    events = []
    with open_capture(str(PLANT / "plant-attack.pcap"), Limits(batch_packets=size) if hasattr(Limits(), "batch_packets") else Limits()) as reader:
        for packets in reader:
            analysis.take(analysis.pipeline.feed(packets, file="x"))
            events += detector.engine.take_incidents()
    analysis.finish()
    events += detector.engine.take_incidents()
    graver = [event for event in events if not event.incident.is_note]
    assert len(graver) <= 10
    assert [one.id for one in detector.incidents() if not one.is_note] == [graver[0].incident.id]


def test_commands_that_a_window_counts_have_their_outcome() -> None:
    (alert,) = [one for one in analysed("modbus-brute-force.pcap", None).alerts if one.rule == "ot.brute-force"]
    assert alert.outcome == "confirmed"
    (act,) = alert.evidence.acts
    assert act.count == alert.count >= 20
    assert 0 < act.items.confirmed == act.items.requested <= act.count
    assert act.value is not None
