"""The shipped rules: each proves itself, every anomaly kind has one, the plant's attack is found and its daily work is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from otwatch.alerts.alert import Alert, Severity
from otwatch.alerts.attack import TECHNIQUES
from otwatch.baseline.baseline import Baseline
from otwatch.engine.analysis import Analysis
from otwatch.engine.detector import Policy, RuleDetector, rules_of
from otwatch.engine.kinds import anomaly_kinds, layer_name
from otwatch.limits import Limits
from otwatch.outputs.alert_records import alert_record
from otwatch.protocols import protocols
from otwatch.rules.rule import terms_of
from otwatch.site.load import load_site
from otwatch.site.site import Site
from tests.rules.hand import PROVER

ROOT = Path(__file__).parents[2]
PLANT = ROOT / "pcaps" / "plant"
RULES = rules_of(drafts=True)
HMI, ENGINEERING, OFFICE = "192.168.10.20", "192.168.10.30", "172.16.5.66"


def alerts_of(capture: Path, *, site: Site | None = None, batch_packets: int = 8192) -> list[Alert]:
    analysis = Analysis(Limits(batch_packets=batch_packets))
    analysis.detector = RuleDetector(analysis.pipeline, Policy(rules=rules_of(), site=site))
    analysis.run([str(capture)])
    return analysis.finish().alerts


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_proves_itself(rule):
    assert [outcome for outcome in PROVER.prove(rule) if outcome.problem] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_stands_where_its_id_says_and_names_known_techniques(rule):
    folder, _, name = rule.id.partition(".")
    assert Path(rule.path).parts[-2:] == (folder, f"{name}.yaml")
    assert set(rule.attack) <= set(TECHNIQUES)
    assert rule.false_positives


_ARCHAIC = re.compile(r"\b(strangers?|told|tells|he|his|him|somebody|whom|asked for|anew|hence|thereupon)\b", re.IGNORECASE)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_speaks_plainly(rule):
    assert len(rule.title.split()) <= 7
    assert not rule.title.endswith(".")
    assert not _ARCHAIC.search(" ".join((rule.title, rule.why, *rule.false_positives)))


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.severity >= Severity.HIGH], ids=lambda rule: rule.id)
def test_a_grave_rule_has_a_capture_that_fires_and_one_that_must_not(rule):
    captures = [test for test in rule.tests if test.capture]
    assert any(test.alerts for test in captures)
    assert any(not test.alerts for test in captures)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.status != "draft"], ids=lambda rule: rule.id)
def test_the_status_is_earned_by_captures(rule):
    captures = [test for test in rule.tests if test.capture]
    proved = any(test.alerts for test in captures) and any(not test.alerts for test in captures)
    assert rule.status == ("stable" if proved else "test")


def test_every_anomaly_kind_has_a_rule():
    known = protocols()
    kinds = {f"{layer_name(layer, known)}.{kind.name}" for layer, named in anomaly_kinds(known).items() for kind in named.values()}
    covered = {
        value for rule in RULES if rule.table == "anomalies" for term in terms_of(rule.where) if term.name == "anomaly" for value in term.values
    }
    assert kinds - covered == set()


def test_the_first_set_of_the_catalogue_is_there():
    covered = {row for rule in RULES for row in rule.catalogue}
    wanted = {
        "MB-001",
        "MB-003",
        "MB-008",
        "MB-009",
        "MB-014",
        "MB-015",
        "MB-018",
        "UM-002",
        "UM-004",
        "S7-001",
        "S7-002",
        "S7-006",
        "S7-007",
        "S7-012",
        "S7-016",
        "S7-019",
        "S7-025",
        "DN-001",
        "DN-002",
        "DN-006",
        "DN-008",
        "DN-012",
        "DN-019",
        "NT-001",
        "NT-002",
        "NT-003",
        "NT-005",
        "NT-010",
        "NT-017",
        "SE-003",
    }
    assert wanted - covered == set()


@pytest.mark.parametrize("site", [None, "site.yaml"])
def test_the_attack_on_the_plant_is_found(site):
    alerts = alerts_of(PLANT / "plant-attack.pcap", site=load_site(PLANT / site) if site else None)
    found = {(alert.rule, alert.src, alert.dst) for alert in alerts if alert.severity >= Severity.HIGH}
    folded = {(also.rule, also.src, also.dst) for alert in alerts for also in alert.evidence.also}
    controllers = ("192.168.10.10", "192.168.10.11", "192.168.10.12")
    for controller in controllers:
        assert ("ot.unauthorized-write", OFFICE, controller) in folded
        assert ("lateral.direct-command", OFFICE, controller) in found
        assert ("lateral.pivot-command", ENGINEERING, controller) in found
        assert ("ot.new-talker", OFFICE, controller) in folded | {(alert.rule, alert.src, alert.dst) for alert in alerts}
    assert ("lateral.remote-access", OFFICE, ENGINEERING) in folded | {(alert.rule, alert.src, alert.dst) for alert in alerts}
    assert ("network.ot-port-sweep", OFFICE, controllers[0]) in found
    assert ("ot.stop-load-start", ENGINEERING, controllers[1]) in found | folded
    # stop, restart and download are reported always, whatever else reports them, and what is gravest leads
    assert {("ot.controller-stop", ENGINEERING, controllers[1]), ("ot.program-download", ENGINEERING, controllers[1])} <= found | folded
    assert ("ot.controller-stop", OFFICE, controllers[1]) in found | folded
    leads = {(alert.src, alert.dst, alert.action, alert.outcome) for alert in alerts if alert.severity is Severity.CRITICAL}
    assert {(who, controllers[1], "STOP", "confirmed") for who in (OFFICE, ENGINEERING)} <= leads
    assert {(ENGINEERING, controllers[2], "RESTART", "confirmed"), (OFFICE, controllers[2], "CONTROL", "confirmed")} <= leads
    assert ("dnp3.cold-restart", ENGINEERING, controllers[2]) in found | folded
    chain = next(alert for alert in alerts if alert.rule == "lateral.pivot-command").evidence.chain
    assert [(hop.src, hop.dst) for hop in chain] == [(OFFICE, ENGINEERING), (ENGINEERING, "192.168.10.10")]


@pytest.mark.parametrize("capture", ["plant-learn.pcap", "plant-attack.pcap"])
@pytest.mark.parametrize("site", [None, "site.yaml"])
def test_the_operator_is_not_blamed(capture, site):
    alerts = alerts_of(PLANT / capture, site=load_site(PLANT / site) if site else None)
    blamed = [(alert.rule, alert.dst) for alert in alerts if alert.src == HMI and alert.severity > Severity.INFO]
    assert blamed == []
    assert all(alert.severity <= Severity.MEDIUM for alert in alerts) or "attack" in capture
    inferred = [alert for alert in alerts if alert.rule == "ot.write-by-operator"]
    assert bool(inferred) == (site is None)
    assert all("Inferred" in alert.why and alert.confidence < 0.8 for alert in inferred)


def test_batches_of_any_size_give_the_same_alerts_of_a_capture():
    small, large = (list(map(alert_record, alerts_of(PLANT / "plant-attack.pcap", batch_packets=size))) for size in (13, 8192))
    assert small == large
    assert any(act["before"] is not None for record in large for act in record["evidence"].get("acts", ()))


def cut_alike(capture):
    small, large = (list(map(alert_record, alerts_of(capture, batch_packets=size))) for size in (7, 8192))
    assert small == large


@pytest.mark.parametrize("name", ["made/network.ot-protocol-to-internet.fires", "plant/s7comm-download", "made/ot.recon-then-command.fires"])
def test_small_batches_give_the_same_alerts(name):
    cut_alike(PLANT.parent / f"{name}.pcap")


@pytest.mark.extended
@pytest.mark.parametrize("capture", sorted([*PLANT.glob("*.pcap"), *(PLANT.parent / "made").glob("*.pcap")]), ids=lambda path: path.stem)
def test_small_batches_give_the_same_alerts_of_every_capture(capture):
    cut_alike(capture)


def test_a_tag_that_a_baseline_does_not_know_is_reported():
    learning = Analysis(Limits())
    learning.run([str(PLANT / "cip-write-operator.pcap")])
    baseline = Baseline()
    baseline.learn(learning.pipeline.behaviour_index.behaviours, learning.pipeline.addresses, [spec.name for spec in protocols()])
    for name, count in (("cip-write-new-tag", 1), ("cip-write-operator", 0)):
        analysis = Analysis(Limits())
        analysis.detector = RuleDetector(analysis.pipeline, Policy(rules=RULES, baseline=baseline))
        analysis.run([str(PLANT / f"{name}.pcap")])
        outside = [alert for alert in analysis.finish().alerts if alert.rule == "baseline.write-outside-range"]
        assert sum(alert.count for alert in outside) == count


@pytest.mark.parametrize(
    ("learned", "new", "dark"),
    [
        ("modbus-poll", {"192.168.10.1", "192.168.10.11", "192.168.10.12", ENGINEERING}, True),
        ("plant-learn", set(), False),
    ],
)
def test_hosts_that_a_baseline_does_not_know_are_told(learned, new, dark):
    learning = Analysis(Limits())
    learning.run([str(PLANT / f"{learned}.pcap")])
    hosts = [address for asset in learning.finish().assets for address in asset.addresses]
    baseline = Baseline()
    baseline.learn(learning.pipeline.behaviour_index.behaviours, learning.pipeline.addresses, [spec.name for spec in protocols()], hosts=hosts)
    analysis = Analysis(Limits())
    analysis.detector = RuleDetector(analysis.pipeline, Policy(rules=RULES, baseline=baseline))
    analysis.run([str(PLANT / "lateral-scan.pcap")])
    alerts = analysis.finish().alerts
    assert {alert.src for alert in alerts if alert.rule == "network.new-asset"} == new
    assert (OFFICE in {alert.src for alert in alerts if alert.rule == "network.dark-space"}) == dark
