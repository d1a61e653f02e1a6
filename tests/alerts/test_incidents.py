"""Which alerts are one incident."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from otwatch.alerts.alert import Severity
from otwatch.alerts.evidence import Also, Evidence
from otwatch.alerts.incidents import gather
from otwatch.alerts.outcome import Outcome
from tests.alerts.making import S, act, alert, burst, hop

ATTACKER, ENGINEER, OPERATOR = "172.16.5.66", "10.0.0.30", "10.0.0.20"


def shown(incidents):
    return sorted((one.actor, one.severity.label, len(one.alerts)) for one in incidents)


def test_one_host_at_sixty_controllers_is_one_incident_with_the_list():
    (one,) = gather([alert(dst=f"10.0.1.{number}", at_s=number) for number in range(60)])
    assert (one.actor, one.targets_count, len(one.targets), one.steps_count) == ("10.0.0.66", 60, 60, 60)
    assert one.occurrence == 1


def test_two_attackers_without_a_chain_and_an_operator_beside_them_are_three():
    alerts = [
        alert(src=src, dst=f"10.0.1.{number}", at_s=number, severity=severity)
        for number in range(3)
        for src, severity in (("10.9.0.1", Severity.HIGH), ("10.9.0.2", Severity.HIGH), (OPERATOR, Severity.LOW))
    ]
    assert shown(gather(alerts)) == [("10.0.0.20", "low", 3), ("10.9.0.1", "high", 3), ("10.9.0.2", "high", 3)]


def test_what_an_entered_host_does_since_is_of_who_entered_it():
    chain = (hop(10, ATTACKER, ENGINEER), hop(20, ENGINEER, "10.0.0.9", "write"))
    pivot = alert("lateral.pivot", src=ENGINEER, at_s=20, severity=Severity.CRITICAL, chain=chain)
    before, after = alert("a.b", src=ENGINEER, at_s=5, severity=Severity.LOW), alert("a.b", src=ENGINEER, dst="10.0.0.8", at_s=25)
    scan = alert("network.scan", src=ATTACKER, dst=ENGINEER, at_s=8)
    (attack, own) = gather([pivot, before, after, scan])
    assert (attack.actor, len(attack.alerts), attack.title) == (ATTACKER, 3, "Title of lateral.pivot")
    assert [party.address for party in attack.path] == [ATTACKER, ENGINEER]
    assert (own.actor, own.alerts) == (ENGINEER, (before.id,))
    assert any("End the session from 172.16.5.66 to 10.0.0.30" in line for line in attack.next)


def test_chains_that_name_each_other_end():
    alerts = [alert("a.a", src="x", chain=(hop(1, "y", "x"), hop(2, "x", "z"))), alert("a.b", src="y", chain=(hop(1, "x", "y"), hop(2, "y", "z")))]
    assert sum(len(one.alerts) for one in gather(alerts)) == 2


def test_many_sources_that_do_one_thing_at_one_target_are_one_and_it_says_why():
    forged = [alert(src=f"91.4.{number}.1", src_mac="00:0c:29:5a:11:09", at_s=number, severity=Severity.MEDIUM) for number in range(70)]
    (one,) = gather([*forged, alert("b.c", src="10.0.0.5", severity=Severity.LOW)])[:1]
    assert (one.actor, one.sources_count, one.actor_mac) == ("70 sources", 70, "00:0c:29:5a:11:09")
    assert "70 source addresses came from one network card (00:0c:29:5a:11:09)" in one.forged
    assert one.lines[0] == one.forged
    assert len(gather([alert(src=f"91.4.{number}.1") for number in range(5)])) == 5, "a few are not many"
    assert len(gather([alert(src=f"91.4.{number}.1", dst=f"10.0.0.{number % 3}") for number in range(40)])) == 40, "one target"


def test_many_sources_whose_gravest_is_one_thing_are_one_though_each_opened_a_session_first():
    grave = [alert(src=f"91.4.{number}.1", src_mac="00:0c:29:5a:11:09", at_s=number, severity=Severity.CRITICAL) for number in range(70)]
    sessions = [alert("ot.new-talker", src=f"91.4.{number}.1", src_mac="00:0c:29:5a:11:09", at_s=number) for number in range(70)]
    (one,) = gather([*grave, *sessions])
    assert (one.actor, one.severity) == ("70 sources", Severity.CRITICAL)


def test_who_does_more_than_the_many_is_not_among_them():
    forged = [alert(src=f"91.4.{number}.1", at_s=number) for number in range(30)]
    other = alert("c.d", src="91.4.3.1", at_s=3)
    found = gather([*forged, other])
    assert sorted(len(one.alerts) for one in found) == [2, 29]


def test_neighbours_that_share_a_card_are_one_host():
    same = [alert(f"r.{number}", src=f"10.0.0.{number}", src_mac="02:00:00:00:00:01", neighbours=True) for number in range(100, 112)]
    (one,) = gather(same)
    assert "of their own network" in one.forged


def test_one_missing_conduit_is_one_incident():
    denied = [
        alert(
            "network.zone-policy",
            src=f"10.0.2.{number}",
            dst="10.0.9.1",
            src_zone="cells",
            dst_zone="scada",
            evidence=Evidence(matched={"conduit": "denied"}),
        )
        for number in range(60)
    ]
    attack = alert("ot.stop", src="10.0.2.7", acts=(act("STOP"),), severity=Severity.CRITICAL)
    found = gather([*denied, attack])
    assert sorted(len(one.alerts) for one in found) == [2, 59]
    assert "the site file has no conduit from zone cells to zone scada" in found[1].lines


def test_notes_of_one_rule_are_one_note():
    (one,) = gather([alert(src=f"10.0.0.{number}", severity=Severity.INFO) for number in range(9)])
    assert one.is_note
    assert one.sources_count == 9


def test_the_card_that_claims_two_addresses_is_who_acted():
    attacker, first, second = "08:00:27:43:73:bc", "02:00:00:00:00:01", "02:00:00:00:00:02"
    one = alert("network.address-conflict", src="-", dst="10.0.0.1", src_mac=first, evidence=Evidence(cards=(attacker, first)))
    other = alert("network.address-conflict", src="-", dst="10.0.0.2", src_mac=attacker, evidence=Evidence(cards=(second, attacker)))
    (incident,) = gather([one, other])
    assert (incident.actor, incident.actor_mac, incident.targets_count) == (attacker, attacker, 2)
    assert one.src_mac == other.src_mac == attacker


def test_the_gravest_act_that_succeeded_leads():
    acts = (act("STOP", Outcome.REFUSED, 1), act("WRITE", at_s=2), act("CONTROL", at_s=3))
    (one,) = gather([alert(acts=acts)])
    assert (one.gravest.act.action, one.outcome) == ("CONTROL", Outcome.CONFIRMED)
    assert [step.act.action for step in one.succeeded] == ["CONTROL", "WRITE"]
    assert [step.act.action for step in one.failed] == ["STOP"]


def test_a_day_of_silence_ends_an_incident_and_the_next_names_it():
    first, second = gather([alert(bursts=(burst(1, 0), burst(2, 20 * 3600), burst(3, 50 * 3600)))])
    assert (first.occurrence, second.occurrence, second.follows, first.follows) == (2, 1, first.id, "")
    assert second.first_ns == 50 * 3600 * S


def test_what_states_another_fact_stays_a_line():
    taken = Also(
        id="x",
        rule="site.policy",
        title="Policy broken",
        severity=Severity.MEDIUM,
        src="a",
        dst="b",
        count=1,
        first_ns=0,
        last_ns=0,
        frames=(),
        objects=(),
        reason="the site file does not permit it",
    )
    (one,) = gather([alert(evidence=Evidence(also=[taken]))])
    assert one.lines == ("Policy broken (site.policy): the site file does not permit it",)


HOSTS = [f"10.0.0.{number}" for number in range(1, 6)]
ALERTS = st.lists(
    st.builds(
        lambda rule, src, dst, at_s, severity: alert(f"r.{rule}", src=src, dst=dst, at_s=at_s, severity=severity),
        st.integers(0, 3),
        st.sampled_from(HOSTS),
        st.sampled_from(HOSTS),
        st.integers(0, 200_000),
        st.sampled_from(Severity),
    ),
    max_size=8,
    unique_by=lambda one: one.id,
)


@given(ALERTS, ALERTS)
def test_two_captures_in_one_give_the_incidents_of_both(one, other):
    moved = [
        replace(
            found,
            src=found.src.replace("10.0.0", "10.9.9"),
            dst=found.dst.replace("10.0.0", "10.9.9"),
            id=f"moved {found.id}",
            rule=f"moved.{found.rule}",
        )
        for found in other
    ]
    apart = shown(gather(one)) + shown(gather(moved))
    assert sorted(apart) == shown(gather([*one, *moved]))


@given(ALERTS)
def test_every_alert_is_in_an_incident_and_order_does_not_matter(alerts):
    found = gather(alerts)
    assert sorted(name for one in found for name in one.alerts) == sorted(one.id for one in alerts)
    assert [one.id for one in gather(alerts[::-1])] == [one.id for one in found]
    assert all(one.severity == max(found.severity for found in alerts if found.id in one.alerts) for one in found)
