"""`otwatch graph`: answers on the plant under attack, and on graphs made for the question."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otwatch.outputs.questions import Questions
from otwatch.outputs.snapshot import Device, Snapshot, Way
from tests.cli.calling import ATTACK, SITE, assert_one_line, otwatch


def answers(*words: str) -> list[dict[str, Any]]:
    done = otwatch("graph", ATTACK, *words, "--format", "jsonl")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def device(address: str, *roles: str, level: float | None = None) -> Device:
    return Device(
        id=address, label=address, addresses=frozenset({address}), macs=frozenset(), identity={}, roles=roles, zone="", level=level, vlans=(),
        first_ns=1, last_ns=2,
    )


def questions(devices: list[Device], ways: list[tuple[str, str, str]]) -> Questions:
    made = {way: Way(first_ns=0, last_ns=1, flows=1, actions=set()) for way in ways}
    known = {one.id: one for one in devices}
    return Questions(Snapshot(name="x", packets=1, first_ns=0, last_ns=1, blind=(), devices=known, ways=made, points={}, incidents={}))


def test_the_attacker_has_two_ways() -> None:
    found = answers("paths", "172.16.5.66", "192.168.10.11")
    assert [len(answer["hosts"]) for answer in found] == [2, 3]
    assert found[1]["services"] == ["ssh?", "s7comm (PROGRAM_DOWNLOAD, START, STOP)"]


def test_writers_and_who_reaches_them() -> None:
    found = {answer["hosts"][0].split()[0]: answer["remark"] for answer in answers("writers-of", "192.168.10.10")}
    assert found.keys() == {"172.16.5.66", "192.168.10.20", "192.168.10.30"}
    assert "172.16.5.66" in found["192.168.10.30"]


def test_names_and_zones_of_the_site_file() -> None:
    done = otwatch("graph", ATTACK, "crossings", "--site", SITE)
    assert "172.16.5.66 (itpc, it_host) → modbus (WRITE) → 192.168.10.10 (plc-mb, controller); zone office → zone cell" in done.stdout
    assert otwatch("graph", ATTACK, "writers-of", "plc-mb", "--site", SITE).stdout.count("→ 192.168.10.10 (plc-mb") == 3


def test_a_refused_probe_is_no_way() -> None:
    assert not [answer for answer in answers("reach-of", "172.16.5.66") if any("rdp" in service for service in answer["services"])]


def test_a_device_behind_one_host_hangs_on_it() -> None:
    asked = questions(
        [device("a", "hmi"), device("b", "gateway"), device("c", "controller"), device("d", "hmi")],
        [("a", "b", "modbus"), ("d", "b", "modbus"), ("a", "d", "http"), ("b", "c", "modbus")],
    )
    (answer,) = asked.single_points()
    assert answer.hosts == ("b (gateway)",)
    assert answer.remark == "without it 1 hosts are on their own: c (controller)"


def test_levels_stand_in_for_zones() -> None:
    asked = questions([device("a", level=4.0), device("b", level=1.0), device("c", level=1.0)], [("a", "b", "modbus"), ("b", "c", "modbus")])
    assert [answer.remark for answer in asked.crossings()] == ["level 4 → level 1"]


def test_a_circle_ends() -> None:
    asked = questions([device(name) for name in "abc"], [("a", "b", "x"), ("b", "c", "x"), ("c", "a", "x")])
    assert [answer.hosts for answer in asked.reach_of("a")] == [("a", "b"), ("a", "b", "c")]
    assert [answer.hosts for answer in asked.paths("a", "c")] == [("a", "b", "c")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("crossings",), "name the capture first"),
        ((str(ATTACK), "pahts", "a", "b"), 'did you mean "paths"'),
        ((str(ATTACK), "paths", "172.16.5.66"), "names 2 hosts, not 1"),
        ((str(ATTACK), "reach-of", "1.2.3.4"), "no such host was observed"),
        ((str(ATTACK),), "there is no question"),
    ],
)
def test_mistakes_say_what_to_do(words: tuple[str, ...], said: str) -> None:
    assert_one_line(otwatch("graph", *words), said)
