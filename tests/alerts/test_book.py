"""Incidents over time: ids that stay, and what is news."""

from __future__ import annotations

import json

import pytest

from otwatch.alerts.alert import Severity
from otwatch.alerts.book import Book
from otwatch.alerts.incidents import gather
from otwatch.alerts.outcome import Outcome
from otwatch.outputs.alert_records import incident_record
from otwatch.outputs.times import time_text
from tests.alerts.making import HOUR, MINUTE, S, act, alert, burst, hop


def step(book, alerts, now_s, *, finished=False):
    found = book.settle(gather(alerts), alerts)
    return [(event.reason, event.incident) for event in book.take(found, int(now_s * S), finished=finished)]


def test_an_incident_is_opened_once_and_sixty_targets_in_a_minute_are_two_events():
    book, alerts, events = Book(), [], []
    for number in range(60):
        alerts.append(alert(dst=f"10.0.1.{number}", at_s=number, acts=(act("WRITE", at_s=number, dst=f"10.0.1.{number}"),)))
        events += step(book, alerts, number)
    assert [reason for reason, _ in events] == ["opened"]
    assert {one.incident for one in alerts} == {events[0][1].id}


def test_rises_are_sent_at_most_once_a_minute():
    book, alerts = Book(), [alert(at_s=0, severity=Severity.MEDIUM)]
    assert [reason for reason, _ in step(book, alerts, 0)] == ["opened"]
    alerts.append(alert("x.write", at_s=5, severity=Severity.HIGH, acts=(act("WRITE", at_s=5),)))
    assert step(book, alerts, 5) == []
    ((reason, risen),) = step(book, alerts, 61)
    assert (reason, risen.severity) == ("risen", Severity.HIGH)
    assert step(book, alerts, 200) == []


def test_what_becomes_critical_is_sent_at_once():
    book, alerts = Book(), [alert(at_s=0, severity=Severity.MEDIUM)]
    step(book, alerts, 0)
    alerts.append(alert("x.write", at_s=5, severity=Severity.CRITICAL, acts=(act("WRITE", at_s=5),)))
    ((reason, risen),) = step(book, alerts, 5)
    assert (reason, risen.severity) == ("risen", Severity.CRITICAL)
    assert step(book, alerts, 6) == []


@pytest.mark.parametrize("action", ["STOP", "RESTART", "PROGRAM_DOWNLOAD", "PROGRAM_DELETE", "FIRMWARE", "FORCE"])
def test_a_further_controller_that_is_stopped_or_changed_does_not_wait(action):
    book, alerts = Book(), [alert("x.y", at_s=0, severity=Severity.CRITICAL, acts=(act(action, at_s=0),))]
    step(book, alerts, 0)
    alerts.append(alert("x.y", dst="10.0.1.2", at_s=5, severity=Severity.CRITICAL, acts=(act(action, Outcome.REFUSED, at_s=5, dst="10.0.1.2"),)))
    assert step(book, alerts, 5) == []
    alerts.append(alert("x.y", dst="10.0.1.3", at_s=7, severity=Severity.CRITICAL, acts=(act(action, at_s=7, dst="10.0.1.3"),)))
    assert [reason for reason, _ in step(book, alerts, 7)] == ["risen"]
    assert step(book, alerts, 8) == []


def test_sixty_controllers_that_are_stopped_are_ten_events_in_the_first_minute():
    book, alerts, events = Book(), [], []
    for number in range(60):
        target = f"10.0.1.{number}"
        alerts.append(alert(dst=target, at_s=number, severity=Severity.CRITICAL, acts=(act("STOP", at_s=number, dst=target),)))
        events += step(book, alerts, number)
    assert 2 < len(events) <= 10
    (last,) = step(book, alerts, 120)
    assert len({one.dst for one in last[1].steps}) == 60  # nothing is lost: it waits for the next


def test_an_answer_that_makes_it_graver_is_a_rise_and_at_the_end_nothing_waits():
    book = Book()
    step(book, [alert(acts=(act("STOP", Outcome.NOT_OBSERVED),))], 0)
    ((reason, _),) = step(book, [alert(acts=(act("STOP"),))], 1, finished=True)
    assert reason == "risen"


def test_a_burst_is_sent_with_its_own_time_and_an_end_after_a_day():
    book = Book()
    step(book, [alert(bursts=(burst(1, 0),))], 0)
    ((reason, incident),) = step(book, [alert(bursts=(burst(1, 0), burst(2, 3600)))], 3600)
    assert (reason, incident.occurrence) == ("burst", 2)
    assert step(book, [alert(bursts=(burst(1, 0), burst(2, 3600)))], 3700) == []
    ((reason, ended),) = step(book, [alert(bursts=(burst(1, 0), burst(2, 3600)))], 3600 + 24 * 3600 + 1)
    assert (reason, ended.ended) == ("ended", True)


def test_what_had_come_back_when_it_is_opened_has_the_time_of_the_last_burst():
    book, alerts = Book(), [alert(bursts=(burst(1, 0), burst(2, 3600)))]
    (event,) = book.take(book.settle(gather(alerts), alerts), 3600 * S)
    assert (event.reason, event.time_ns) == ("opened", alerts[0].bursts[1].first_ns)
    assert incident_record(event.incident)["time"] == time_text(event.time_ns)  # as `analyze` sends it
    assert incident_record(event.incident)["first_seen"] == time_text(alerts[0].first_seen_ns)


def test_a_burst_after_the_end_is_another_incident_that_names_the_first():
    book = Book()
    ((_, first),) = step(book, [alert(bursts=(burst(1, 0),))], 0)
    again = [alert(bursts=(burst(1, 0), burst(2, 30 * 3600)))]
    events = step(book, again, 30 * 3600)
    assert sorted(reason for reason, _ in events) == ["ended", "opened"]
    (second,) = [incident for reason, incident in events if reason == "opened"]
    assert second.follows == first.id != second.id
    assert again[0].incident == second.id


def test_two_that_are_one_keep_the_older_id_and_the_younger_is_sent_once_more():
    book = Book()
    attacker, engineer = "172.16.5.66", "10.0.0.30"
    scan = alert("network.scan", src=attacker, dst=engineer, at_s=1)
    write = alert("ot.write", src=engineer, at_s=20)
    opened = {incident.actor: incident.id for _, incident in step(book, [scan, write], 20)}
    pivot = alert(
        "lateral.pivot", src=engineer, at_s=21, severity=Severity.CRITICAL, chain=(hop(10, attacker, engineer), hop(21, engineer, "10.0.0.9"))
    )
    events = step(book, [scan, write, pivot], 100)
    merged = [incident for reason, incident in events if reason == "merged"]
    assert [(one.id, one.merged_into) for one in merged] == [(opened[engineer], opened[attacker])]
    assert {one.incident for one in (scan, write, pivot)} == {opened[attacker]}
    assert [reason for reason, _ in step(book, [scan, write, pivot], 300)] == []


def test_an_id_stays_when_an_earlier_alert_is_found_later():
    book = Book()
    ((_, first),) = step(book, [alert(at_s=50)], 50)
    step(book, [alert(at_s=50), alert("r.early", at_s=10)], 200)
    (later,) = book.settle(gather([alert(at_s=50), alert("r.early", at_s=10)]), [])
    assert later.id == first.id


def test_a_restart_goes_on_where_the_book_was():
    alerts = [alert(at_s=0), alert("x.y", src="10.0.0.7", at_s=1)]
    book = Book()
    alerts.append(alert("x.z", at_s=1, severity=Severity.CRITICAL, acts=(act("STOP", at_s=1),)))
    step(book, alerts, 1)
    again = Book()
    again.resume(json.loads(json.dumps(book.state())))
    assert step(again, alerts, 2) == []
    assert again.state() == book.state()
    assert HOUR > MINUTE
