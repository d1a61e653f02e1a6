"""What the verdict begins with, and how acts read."""

from __future__ import annotations

from typing import Any

import pytest

from otwatch.alerts.alert import Severity
from otwatch.alerts.evidence import Act
from otwatch.alerts.incidents import gather
from otwatch.alerts.outcome import Outcome
from otwatch.alerts.story import advice, given_text, objects_text, values_text
from otwatch.outputs.view.build import view_of
from tests.alerts.making import act, alert
from tests.outputs.view.test_build import result, verdict

WRITTEN = alert("a.write", src="10.0.0.66", severity=Severity.HIGH, acts=(act("WRITE", at_s=9),), at_s=9)


@pytest.mark.parametrize(
    "decoys",
    [
        [alert("a.read", src="10.0.0.1", acts=(act("READ"),))],
        [alert("a.scan", src="10.0.0.1", severity=Severity.CRITICAL)],
        [alert("a.forged", src=f"10.0.0.{number}", severity=Severity.CRITICAL, acts=(act("WRITE", Outcome.NOT_OBSERVED),)) for number in (1, 2)],
    ],
)
def test_what_was_confirmed_leads_the_verdict_before_decoys(decoys: list[Any]) -> None:
    assert ": 10.0.0.9 was written to by 10.0.0.66; others by 10.0.0.1" in verdict(result(*decoys, WRITTEN)).sentence


def test_an_attempted_stop_leads_before_what_a_milder_one_changed() -> None:
    stop = alert("a.stop", src="10.0.0.1", severity=Severity.CRITICAL, acts=(act("STOP", Outcome.UNANSWERED),))
    milder = alert("a.poller", src="10.0.0.2", severity=Severity.MEDIUM, acts=(act("WRITE"),))
    assert "title of a.stop at 10.0.0.9 by 10.0.0.1; others by 10.0.0.2" in verdict(result(milder, stop)).sentence


def test_nobody_is_named_twice() -> None:
    again = [alert("a.x", src="10.0.0.7", at_s=day * 200_000, bursts=()) for day in range(3)]
    again += [alert("a.y", src="10.0.0.66", at_s=day * 200_000) for day in (2, 4)]
    sentence = verdict(result(*again, WRITTEN)).sentence
    assert sentence.count("10.0.0.7") == 1
    assert sentence.count("10.0.0.66") == 1


@pytest.mark.parametrize("met", ["ot.new-talker", "ot.read"])
def test_an_incident_is_called_by_what_it_changed(met: str) -> None:
    looks = alert(met, severity=Severity.HIGH, acts=(act("READ" if met == "ot.read" else "RESTART"),))
    (incident,) = gather([looks, alert("ot.restart", severity=Severity.MEDIUM, acts=(act("RESTART"),))])
    assert (incident.title, incident.severity) == ("Title of ot.restart", Severity.HIGH)


def test_a_deleted_file_is_named_and_succeeded() -> None:
    value = {"name_offset": 26, "name_size": 16, "created": "1970-01-01", "name": "./helloworld.txt"}
    deleted = act("FILE", function_name="delete_file", objects=("g70v3",), value=value)
    found = result(alert("dnp3.file-deleted", acts=(deleted,)))
    assert "10.0.0.9 was cleared of files by 10.0.0.66" in verdict(found).sentence
    (shown,) = view_of(found).incidents
    assert shown.succeeded == ("delete_file g70v3 = name ./helloworld.txt, created 1970-01-01 on 10.0.0.9",)
    assert "Restore ./helloworld.txt of 10.0.0.9 from the archive: it was deleted (frame 1)." in shown.next


def test_communications_that_restart_are_no_restart_of_the_device() -> None:
    found = result(alert(acts=(act("RESTART", function_name="restart_communications_option"),)))
    assert "10.0.0.9 was made to restart its communications by" in verdict(found).sentence
    assert any("Its communications were restarted (frame 1)" in line for line in found.incidents[0].next)


def test_refused_is_refused() -> None:
    refused = act("STOP", Outcome.REFUSED, function_name="plc_stop")
    lines = advice("10.0.0.66", alert(acts=(refused,)), (refused,), ())
    assert lines[0] == "10.0.0.9 refused plc_stop: check that its state on site is what it should be."


@pytest.mark.parametrize(
    ("objects", "count", "text"),
    [
        ((), 0, ""),
        (("40101",), 1, "40101"),
        (("40140", "40101", "40102", "40103"), 4, "4 objects 40101-40103, 40140"),
        (("IOA 9", "IOA 10", "IOA 11"), 300, "300 objects IOA 9-11 …"),
        (("g60v2", "g60v3"), 2, "2 objects g60v2-g60v3"),
        (("A", "B", "C", "D", "E"), 5, "5 objects A, B, C, D …"),
    ],
)
def test_objects_in_a_few_words(objects: tuple[str, ...], count: int, text: str) -> None:
    assert objects_text(objects, count) == text


@pytest.mark.parametrize(
    ("values", "count", "text"),
    [
        ((7,), 1, "7"),
        ((True, False), 2, "true, then false"),
        ((9, 3, 5, 42), 4, "4 values 3 to 42, last 42"),
        (("a", "b", "c", "d"), 9, "9 values, last d"),
    ],
)
def test_values_in_a_few_words(values: tuple[Any, ...], count: int, text: str) -> None:
    assert values_text(values, count) == text


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (act("RESTART", function_name="pi_warm_start", value={"service": "P_PROGRAM", "means": "pi_warm_start"}), "service P_PROGRAM"),
        (act("STOP", function_name="set_variable", value={"opcode": "request", "session": "0x394", "data": "3100"}), "stop"),
        (act("WRITE", function_name="set_variable", value={"opcode": "request", "session": "0x394", "data": "3100"}), ""),
        (act("WRITE", value={"value": None, "priority": 8}), "value null, priority 8"),
        (act("WRITE", objects=("1", "2"), values=(5, 5)), "5"),
    ],
)
def test_values_say_what_the_function_does_not(made: Act, text: str) -> None:
    assert given_text(made) == text
