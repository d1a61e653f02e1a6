"""What a site answers."""

from __future__ import annotations

import pytest

from otwatch.actions import Action
from otwatch.site.load import parse_site

SITE = parse_site(
    """version: 1
zones:
  - {name: plant, level: 2, networks: [10.0.0.0/16, "fd00::/64"]}
  - {name: cell, level: 1, networks: [10.0.1.0/24]}
  - {name: office, level: 4, networks: [172.16.0.0/16]}
assets:
  - {name: plc, address: 10.0.1.9, role: controller}
  - {name: hmi, address: 10.0.0.5, role: hmi}
  - {name: far, address: 192.0.2.1, zone: cell}
writers:
  - {who: hmi, to: cell, protocols: [modbus], units: [1, 2], areas: [holding_register], ranges: [100-119, 200]}
  - {who: hmi, to: cell, protocols: [dnp3], actions: [CONTROL]}
engineering: [10.0.0.30]
jump_hosts: [10.0.0.40]
conduits: [{from: plant, to: cell}]
tickets: [{id: T1, from: 2026-01-01T00:00:00Z, until: 2026-01-01T01:00:00Z, who: 10.0.0.30, to: plc, actions: [STOP]}]
internet: [1.1.1.1]
accepted: [{rule: a.b, src: hmi, reason: known, until: 2026-01-02}]
""",
    "s",
)
HOUR = 3600 * 10**9
START = 1767225600 * 10**9


def test_the_narrowest_network_names_the_zone_and_an_asset_can_be_placed():
    assert SITE.zone("10.0.0.1") == ("plant", 2.0)
    assert SITE.zone("10.0.1.1") == ("cell", 1.0)
    assert SITE.zone("fd00::1") == ("plant", 2.0)
    assert SITE.zone("192.0.2.1") == ("cell", 1.0)
    assert SITE.zone("192.0.2.2") is None
    assert SITE.zone("-") is None


def test_conduits_have_a_direction():
    assert SITE.conduit("10.0.0.1", "10.0.1.1") == "allowed"
    assert SITE.conduit("10.0.1.1", "10.0.0.1") == "denied"
    assert SITE.conduit("10.0.1.1", "10.0.1.2") == "same"
    assert SITE.conduit("10.0.1.1", "8.8.8.8") is None


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, "permitted"),
        ({"start": 119, "count": 1}, "permitted"),
        ({"start": 119, "count": 2}, "denied"),
        ({"start": 200, "count": 0}, "permitted"),
        ({"unit": 3}, "denied"),
        ({"area": "coil"}, "denied"),
        ({"action": Action.STOP}, "denied"),
        ({"action": Action.READ}, None),
        ({"protocol": "dnp3", "action": Action.CONTROL, "start": 7}, "permitted"),
        ({"src": "10.0.0.6"}, "denied"),
        ({"src": "10.0.0.30", "action": Action.STOP}, "engineering"),
        ({"dst": "10.0.0.9"}, None),
    ],
)
def test_commands_are_judged(change, verdict):
    command = {
        "src": "10.0.0.5",
        "dst": "10.0.1.9",
        "protocol": "modbus",
        "action": Action.WRITE,
        "unit": 1,
        "area": "holding_register",
        "start": 100,
        "count": 20,
        **change,
    }
    assert SITE.judge(command.pop("src"), command.pop("dst"), **command) == verdict


def test_tickets_cover_their_time_hosts_and_actions():
    assert SITE.ticket("10.0.0.30", "10.0.1.9", Action.STOP, START, START + HOUR) == "T1"
    assert SITE.ticket("10.0.0.30", "10.0.1.9", Action.STOP, START, START + HOUR + 1) is None
    assert SITE.ticket("10.0.0.30", "10.0.1.9", Action.START, START, START) is None
    assert SITE.ticket("10.0.0.31", "10.0.1.9", Action.STOP, START, START) is None


def test_accepted_alerts_end():
    assert SITE.accepted("a.b", "10.0.0.5", "10.0.1.9", START) == "known"
    assert SITE.accepted("a.b", "10.0.0.5", "10.0.1.9", START + 25 * HOUR) is None
    assert SITE.accepted("a.c", "10.0.0.5", "10.0.1.9", START) is None


def test_who_is_who():
    assert (SITE.asset_name("10.0.1.9"), SITE.role("10.0.1.9"), SITE.role("10.0.1.8")) == ("plc", "controller", "")
    assert SITE.is_engineering("10.0.0.30")
    assert SITE.is_jump_host("10.0.0.40")
    assert SITE.has_jump_hosts
    assert SITE.knows("1.1.1.1")
    assert not SITE.knows("1.1.1.2")
