"""Which alert folds into which: by the rows that they hold, never by names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from otwatch.alerts.alert import Alert, Severity
from otwatch.alerts.evidence import Hop
from otwatch.alerts.outcome import Outcome
from otwatch.rules.fold import Folder
from otwatch.rules.report import Reported
from tests.rules.hand import rules_from

TEXTS = (
    "where: {action: STOP}\n",
    "where: {action: [STOP, WRITE], permitted: denied}\n",
    "table: operations\nsequence: {within: 1m, steps: [{where: {action: READ}, key: src}, {where: {action: STOP}, key: src}]}\n",
)
ONE = (10, 20, 1)


def reported(rule: int, rows: dict, severity: Severity = Severity.HIGH, **fields: object) -> Reported:
    alert = Alert(id=f"{rule}", rule=f"test.rule-{rule}", title=f"Rule {rule}", severity=severity, confidence=1.0, first_seen_ns=10**9,
                  last_seen_ns=2 * 10**9, count=rule + 1, src="a", dst="b", frames=(1, 2, 3, 4, 5, 6), attack=(f"T000{rule}",), **fields)
    return Reported(alert, rule, rule, rows)


@pytest.fixture
def folder(tmp_path):
    return Folder(rules_from(tmp_path, *TEXTS))


def shown(found):
    return [(one.rule, [int(also.id) for also in one.alert.evidence.also]) for one in found]


def test_who_holds_all_rows_takes_the_alert_with_its_name_count_frames_and_reason(folder):
    (kept,) = folder.fold([reported(1, {7: [ONE]}), reported(0, {7: [ONE], 8: [ONE]})])
    assert (kept.rule, kept.alert.attack) == (0, ("T0000", "T0001"))
    (also,) = kept.alert.evidence.also
    assert (also.rule, also.title, also.severity, also.count, also.frames) == ("test.rule-1", "Rule 1", Severity.HIGH, 2, (1, 2, 3, 4))
    assert also.reason == "the site file does not permit it"


def test_of_two_with_the_same_rows_the_graver_leads_then_the_more_special(folder):
    rows = {7: [ONE], 8: [ONE]}
    assert shown(folder.fold([reported(0, rows), reported(1, rows), reported(2, rows)])) == [(2, [1, 0])]
    assert shown(folder.fold([reported(0, rows, Severity.CRITICAL), reported(2, rows)])) == [(0, [2])]


def test_a_rule_of_the_user_leads_unless_another_is_graver(tmp_path):
    shipped, own, special = rules_from(tmp_path, *TEXTS)
    folder = Folder([replace(shipped, is_own=False), own, replace(special, is_own=False)])
    rows = {7: [ONE], 8: [ONE]}
    assert shown(folder.fold([reported(0, rows), reported(1, rows), reported(2, rows)])) == [(1, [2, 0])]
    assert shown(folder.fold([reported(1, {7: [ONE]}), reported(2, rows)])) == [(1, []), (2, [])]
    assert shown(folder.fold([reported(1, rows), reported(2, rows, Severity.CRITICAL)])) == [(2, [1])]


def test_rows_of_its_own_keep_an_alert(folder):
    assert shown(folder.fold([reported(0, {7: [ONE], 9: [ONE]}), reported(1, {7: [ONE], 8: [ONE]})])) == [(0, []), (1, [])]


def test_a_burst_of_its_own_keeps_an_alert(folder):
    later = (9_000, 9_001, 1)
    assert shown(folder.fold([reported(0, {7: [ONE, later]}), reported(1, {7: [ONE], 8: [ONE]})])) == [(0, []), (1, [])]
    assert shown(folder.fold([reported(0, {7: [ONE]}), reported(1, {7: [ONE, later], 8: [ONE]})])) == [(1, [0])]
    assert shown(folder.fold([reported(0, {7: [(10, 20, 5)]}), reported(1, {7: [(10, 20, 4)], 8: [ONE]})])) == [(0, []), (1, [])]


def test_a_graver_alert_never_folds_into_a_milder_one(folder):
    assert shown(folder.fold([reported(0, {7: [ONE]}, Severity.CRITICAL), reported(1, {7: [ONE], 8: [ONE]})])) == [(0, []), (1, [])]


def test_an_accepted_special_alert_gives_the_general_one_back(folder):
    special, general = reported(2, {7: [ONE]}, Severity.INFO), reported(0, {7: [ONE]})
    special.alert.evidence.accepted = "commissioning"
    assert shown(folder.fold([special, general])) == [(2, []), (0, [])]


def test_what_the_device_said_to_the_same_messages_stays_known(folder):
    answered, waiting = reported(1, {7: [ONE]}, outcome=Outcome.CONFIRMED), reported(0, {7: [ONE], 8: [ONE]})
    assert [kept.alert.outcome for kept in folder.fold([answered, waiting])] == [Outcome.CONFIRMED]
    answered, refused = reported(1, {7: [ONE]}, outcome=Outcome.CONFIRMED), reported(0, {7: [ONE], 8: [ONE]}, outcome=Outcome.REFUSED)
    assert [kept.alert.outcome for kept in folder.fold([answered, refused])] == [Outcome.REFUSED]


def test_who_entered_the_source_is_known_whoever_takes_the_alert_in(folder):
    entered, wider = reported(1, {7: [ONE]}), reported(0, {7: [ONE], 8: [ONE]})
    hops = [Hop(time_ns=at, frame=at, src=src, dst=dst, what="") for at, src, dst in ((1, "172.16.5.66", "10.0.0.30"), (2, "10.0.0.30", "10.0.0.9"))]
    entered.alert.evidence.chain = tuple(hops)
    wider.alert.evidence.chain = (replace(hops[1], time_ns=0), hops[1])
    (kept,) = folder.fold([entered, wider])
    assert [hop.src for hop in kept.alert.evidence.chain] == ["172.16.5.66", "10.0.0.30"]
