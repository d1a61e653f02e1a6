"""Which alert goes into the evidence of which."""

from __future__ import annotations

import pytest

from otwatch.alerts.alert import Alert, Severity
from otwatch.engine.detector import rules_of
from otwatch.errors import ConfigErrors
from otwatch.rules.fold import Folder
from tests.rules.hand import rules_from

TEXTS = (
    "supersedes: [test.rule-1]\nwhere: {action: STOP}\n",
    "supersedes: [test.rule-2]\nwhere: {action: WRITE}\n",
    "where: {action: READ}\n",
    "supersedes: [test.rule-2]\ngroup: [src]\nwhere: {action: START}\n",
)


def alert(number: int, dst: str = "b", severity: Severity = Severity.HIGH, **evidence: object) -> Alert:
    return Alert(id=f"{number}{dst}", rule=f"test.rule-{number}", title=f"Rule {number}", severity=severity, confidence=1.0, first_seen_ns=10**9,
                 last_seen_ns=2 * 10**9, count=number + 1, src="a", dst=dst, frames=(1, 2, 3, 4, 5, 6), attack=(f"T000{number}",), evidence=evidence)


@pytest.fixture
def folder(tmp_path):
    return Folder(rules_from(tmp_path, *TEXTS))


def shown(alerts):
    return [(alert.rule[-1], alert.dst, [also["rule"][-1] for also in alert.evidence.get("also", ())]) for alert in alerts]


def test_the_special_takes_the_general_with_its_name_count_and_frames(folder):
    (kept,) = folder.fold([alert(1), alert(0)])
    assert kept.rule == "test.rule-0"
    assert kept.attack == ("T0000", "T0001")
    (also,) = kept.evidence["also"]
    assert (also["rule"], also["title"], also["severity"], also["count"], also["frames"]) == ("test.rule-1", "Rule 1", "high", 2, [1, 2, 3, 4])


def test_what_the_device_said_stays_known(folder):
    answered, open_ = alert(1), alert(0)
    answered.outcome = "confirmed"
    assert [kept.outcome for kept in folder.fold([answered, open_])] == ["confirmed"]
    answered, refused = alert(1), alert(0)
    answered.outcome, refused.outcome = "confirmed", "refused"
    assert [kept.outcome for kept in folder.fold([answered, refused])] == ["refused"]


def test_a_chain_ends_at_its_top(folder):
    assert shown(folder.fold([alert(0), alert(1), alert(2)])) == [("0", "b", ["1", "2"])]


def test_other_hosts_and_graver_alerts_stay(folder):
    assert shown(folder.fold([alert(0), alert(1, "c")])) == [("0", "b", []), ("1", "c", [])]
    assert shown(folder.fold([alert(0), alert(1, severity=Severity.CRITICAL)])) == [("0", "b", []), ("1", "b", [])]


def test_an_alert_of_one_source_takes_those_of_its_targets(folder):
    found = folder.fold([alert(3, targets=["b", "c"], targets_count=2), alert(2, "b"), alert(2, "c"), alert(2, "d")])
    assert shown(found) == [("3", "b", ["2", "2"]), ("2", "d", [])]
    found = folder.fold([alert(3, targets=["b", "c"], targets_count=50), alert(2, "d")])
    assert shown(found) == [("3", "b", ["2"])], "not all targets are listed"


def test_rules_that_supersede_themselves_each_other_or_nothing_are_mistakes(tmp_path):
    with pytest.raises(ConfigErrors, match="no id of another rule"):
        rules_from(tmp_path, "supersedes: [test.rule-0]\nwhere: {action: STOP}\n")
    with pytest.raises(ConfigErrors, match="supersede each other"):
        rules_from(tmp_path, "supersedes: [test.rule-1]\nwhere: {action: STOP}\n", "supersedes: [test.rule-0]\nwhere: {action: STOP}\n")
    mine = tmp_path / "mine.yaml"
    mine.write_text("id: my.rule\ntitle: A\nstatus: draft\nseverity: low\nwhy: because\nsupersedes: [ot.controller-stopp]\nwhere: {action: STOP}\n")
    with pytest.raises(ConfigErrors, match=r'did you mean "ot\.controller-stop"'):
        rules_of([str(mine)], drafts=True)
