"""Site files: the template is one, and every mistake has its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import otwatch.site
from otwatch.errors import ConfigErrors
from otwatch.site.load import load_site, parse_site

TEMPLATE = Path(otwatch.site.__file__).parent / "template.yaml"


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        parse_site(text, "s.yaml")
    return [str(error) for error in caught.value.errors]


def test_the_template_is_a_site_file():
    assert load_site(TEMPLATE).is_empty
    site = parse_site(re.sub(r"^#(?! \S)", "", TEMPLATE.read_text(encoding="utf-8"), flags=re.MULTILINE), "s.yaml")  # every example made active
    assert not site.is_empty
    assert site.zone("192.168.10.10") == ("cell-1", 1.0)
    assert site.asset_name("192.168.10.20") == "hmi-1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version: 2\n", "s.yaml:1:10: version 2 is not known; this otwatch reads version 1"),
        ("version: 1\nzone: []\n", 's.yaml:2:7: a site file has no "zone", did you mean "zones"?'),
        ("version: 1\nzones: [{name: a, networks: [10.0.0.1/24]}]\n", "s.yaml:2:30: 10.0.0.1/24 has host bits set"),
        ("version: 1\nzones: [{name: a, level: 7, networks: [10.0.0.0/24]}]\n", '"level" is a Purdue level'),
        ("version: 1\nzones: [{name: a, networks: [10.0.0.0/24]}, {name: b, networks: [10.0.0.0/24]}]\n", 'in the zone "a" already'),
        ("version: 1\nzones: [{name: a}]\n", "has no networks"),
        ("version: 1\nzones: [{name: a, networks: [10.0.0.0/24], vlans: [5000]}]\n", "a VLAN id is a number from 1 to 4094"),
        ("version: 1\nassets: [{name: a, address: 10.0.0.300}]\n", "does not appear to be"),
        ("version: 1\nassets: [{name: a, address: 10.0.0.3, role: plc}]\n", '"plc" is no role'),
        ("version: 1\nassets: [{name: a, address: 10.0.0.3, zone: b}]\n", 'there is no zone "b"'),
        ("version: 1\nassets: [{name: a, address: 10.0.0.3}, {name: b, address: 10.0.0.3}]\n", 'is the asset "a" already'),
        (
            "version: 1\nassets: [{name: hmi, address: 10.0.0.3}]\nwriters: [{who: hmj, to: 10.0.0.9}]\n",
            's.yaml:3:17: "hmj" is no asset, zone, address',
        ),
        ("version: 1\nwriters: [{who: any}]\n", 'a writers line needs "to"'),
        ("version: 1\nwriters: [{who: any, to: any, actions: [WRTE]}]\n", '"WRTE" is no action, did you mean "WRITE"?'),
        ("version: 1\nwriters: [{who: any, to: any, ranges: [9-1]}]\n", '"9-1" is no range'),
        ("version: 1\nwriters: [{who: any, to: any, units: [x]}]\n", "a unit is a number"),
        ("version: 1\nconduits: [{from: a, to: b}]\n", 'there is no zone "a"'),
        ("version: 1\ntickets: [{id: x, from: yesterday, until: 2026-01-01, who: any}]\n", '"yesterday" is no time'),
        ("version: 1\ntickets: [{id: x, from: '2026-01-01T08:00', until: 2026-01-02, who: any}]\n", "has no time zone"),
        ("version: 1\ntickets: [{id: x, from: 2026-01-03, until: 2026-01-02, who: any}]\n", "ends before it begins"),
        ("version: 1\naccepted: [{rule: a.b}]\n", 'needs "reason"'),
    ],
)
def test_mistakes_have_their_place(text, expected):
    assert any(expected in mistake for mistake in mistakes(text)), mistakes(text)
