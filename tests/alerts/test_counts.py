"""How often something succeeded or failed: each request once, answers beside their requests not at all."""

from __future__ import annotations

from dataclasses import replace

from otwatch.alerts.incidents import gather
from otwatch.alerts.outcome import Items, Outcome
from otwatch.alerts.story import advice
from otwatch.outputs.view.build import _said
from otwatch.rules.fold import Folder
from tests.alerts.making import act, alert, burst


def test_a_partly_refused_act_succeeded_and_failed_as_often_as_it_did() -> None:
    partly = replace(act("RESTART", Outcome.PARTLY_REFUSED, count=3, function_name="restart", objects=()), items=Items(3, 2, 1), value=None)
    (incident,) = gather([alert("a", bursts=(burst(1, 0),), acts=(partly,))])
    assert _said(incident.succeeded, refused=False) == ("restart on 10.0.0.9, 2 times",)
    assert _said(incident.failed, refused=True) == ("restart on 10.0.0.9",)


def test_exceptions_are_not_counted_beside_the_requests_that_they_refuse() -> None:
    asked = act("CONFIGURE", Outcome.REFUSED, count=3, function_name="listen_only")
    said = replace(asked, is_answer=True, first_ns=asked.first_ns + 1)
    both = [alert("a", bursts=(burst(1, 0),), acts=(asked,)), alert("b", bursts=(burst(1, 0),), acts=(said,))]
    (incident,) = gather(both)
    assert len(incident.steps) == 2
    assert [step.count for step in incident.failed] == [3]
    (alone,) = gather(both[1:])
    assert [step.count for step in alone.failed] == [3]  # a tap that shows responses only


def test_a_device_of_the_plant_is_not_to_be_cut_off() -> None:
    one = alert("a", bursts=(burst(1, 0),))
    assert any("cut it off" in line for line in advice(one.src, one, (), ()))
    one.evidence.src_is_device = True
    lines = advice(one.src, one, (), ())
    assert not any("cut it off" in line for line in lines)
    assert any("replaced or taken over" in line for line in lines)


def test_a_burst_shows_its_own_acts_and_not_the_gravest_of_all() -> None:
    restart = act("RESTART", function_name="cold_restart", frames=(70,))
    stop = act("STOP", Outcome.NOT_OBSERVED, 5000, function_name="stop_application", frames=(174,))
    bursts = burst(1, 0, acts=(restart,)), burst(2, 5000, acts=(stop,))
    (incident,) = gather([alert("a", bursts=bursts, acts=(restart, stop))])
    assert [(step.act.function_name, step.frames) for step in incident.steps if step.act] == [("cold_restart", (70,)), ("stop_application", (174,))]


def test_advice_names_a_frame_that_was_confirmed() -> None:
    restart = act("RESTART", Outcome.PARTLY_REFUSED, function_name="restart", frames=(15, 17, 20), proof=17)
    one = alert("a", bursts=(burst(1, 0),), acts=(restart,))
    assert any("It was restarted (frame 17)" in line for line in advice(one.src, one, (restart,), ()))


def test_an_act_without_outcome_takes_it_from_the_alert_that_is_taken_in() -> None:
    opened = replace(act("WRITE", Outcome.NOT_OBSERVED), items=Items())
    top, taken_in = alert("a", acts=(opened,)), alert("b", acts=(act("WRITE"),))
    Folder._answered(top, taken_in)
    assert [one.outcome for one in top.evidence.acts] == [Outcome.CONFIRMED]
    assert top.items == Items(1, 1, 0)
