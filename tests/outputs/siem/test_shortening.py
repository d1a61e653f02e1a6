"""What goes first of a message that would be too long, and what a body says of several acts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otwatch.outputs.siem.bodies import BODIES
from otwatch.outputs.siem.event import Event, Sensor
from otwatch.outputs.siem.fields import plain, succeeded
from otwatch.outputs.siem.rfc5424 import MAX_BYTES, message

SENSOR = Sensor(name="sensor", version="1")
STEP = {"dst": "10.0.0.9", "action": "STOP", "function_name": "plc_stop", "objects": [], "count": 2, "outcome": "confirmed", "title": "Stop " * 9}
NEXT = [f"Is 10.0.0.{number} in RUN again, and is the process safe? It was stopped (frame {number})." for number in range(5)]


def record(steps: int, **more: Any) -> dict[str, Any]:
    return {
        "type": "incident", "rule": "ot.stop", "title": "Stop", "severity": "critical", "src": "10.0.0.66", "dst": "10.0.0.9", "count": 116,
        "protocol": "s7comm", "action": "STOP", "function_name": "plc_stop", "outcome": "confirmed", "steps": [dict(STEP) for _ in range(steps)],
        "gravest": dict(STEP), "succeeded": ["10.0.0.9 plc_stop", "10.0.0.9 cold_restart", "10.0.0.8 write_single_register 40101 = 9"],
        "next": NEXT, "alerts": [f"{number:016x}" for number in range(60)], "why": "Because it is so. " * 10, **more,
    }  # fmt: skip


def sent(one: dict[str, Any]) -> dict[str, Any]:
    text = message(Event(sequence=1, record=one), SENSOR, BODIES["json"])
    assert len(text) <= MAX_BYTES
    found: dict[str, Any] = json.loads(text[text.index(b"] {") + 2 :])
    return found


@pytest.mark.parametrize(("steps", "left", "left_out"), [(1, 1, []), (60, 8, [])])
def test_steps_go_first_and_what_is_to_be_checked_stays_whole(steps: int, left: int, left_out: list[str]) -> None:
    found = sent(record(steps))
    assert (len(found["steps"]), found.get("left_out", [])) == (left, left_out)
    assert (found["next"], found["gravest"], found["succeeded"]) == (NEXT, STEP, record(0)["succeeded"])


def test_then_lists_of_alerts_and_hosts_go() -> None:
    found = sent(record(64, lines=["fact " * 60] * 16, sources=["fd00:1:2:3:4:5:6:7"] * 64))
    assert found["left_out"] == ["steps", "alerts", "sources", "lines"]
    assert (found["next"], found["gravest"], found["succeeded"]) == (NEXT, STEP, record(0)["succeeded"])


def test_a_text_that_is_cut_says_so() -> None:
    found = sent(record(1, next=["a" * 600] * 5, why="b" * 9000))
    assert all(text.endswith("a…") for text in found["next"])
    assert found["why"].endswith("b…")


def test_the_count_is_of_the_act_that_is_named() -> None:
    assert "s7comm plc_stop x2, 116 messages in all (confirmed)" in plain(Event(sequence=1, record=record(1)), SENSOR)
    assert "plc_stop x6, 116 messages in all" in plain(Event(sequence=1, record=record(3)), SENSOR)
    assert "s7comm plc_stop x2 (confirmed)" in plain(Event(sequence=1, record=record(1, count=2)), SENSOR)


@pytest.mark.parametrize(
    ("body", "sign"),
    [("cef", "otwatchSucceeded="), ("leef", "succeeded="), ("ecs", '"succeeded":'), ("ocsf", '"succeeded":'), ("otlp", "otwatch.succeeded")],
)
def test_every_act_that_succeeded_is_named(body: str, sign: str) -> None:
    text = BODIES[body](Event(sequence=1, record=record(3)), SENSOR)
    told = text[text.index(sign) :]
    assert "plc_stop; 10.0.0.9 cold_restart; 10.0.0.8 write_single_register 40101" in told


def test_of_many_acts_the_others_are_counted() -> None:
    many = [f"10.0.0.9 write_single_register {40000 + number}" for number in range(100)]
    text = succeeded(Event(sequence=1, record=record(1, succeeded=many)))
    assert len(text) <= 512
    assert text.endswith("40012; and 87 more")
