"""The plant of pcaps/: the attack is told and the operator is left in peace, with and without what people know of the plant."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from otwatch.alerts.alert import Severity
from tests.engine.analysing import COLLECTION, PLANT, Analysed, analyse, learn

LEARN, ATTACK, SITE = PLANT / "plant-learn.pcap", PLANT / "plant-attack.pcap", PLANT / "site.yaml"
HMI, ENG, IT, ERP = "192.168.10.20", "192.168.10.30", "172.16.5.66", "172.16.5.20"
CONTROLLERS = {"192.168.10.10", "192.168.10.11", "192.168.10.12"}
WAYS = ("alone", "site", "baseline", "site and baseline")
HARMLESS = {"connect", "close", "startup_startup_integrity_poll"}  # attackers connect and read as well; what they change must be told
# python-snap7's server answers SZL 0x0011 with fewer bytes than it announces: malformed it is (pcaps/README.md, quirks of the stacks).
QUIRK = ("s7comm.malformed", "192.168.10.11")

each_way = pytest.mark.parametrize("way", WAYS)


@cache
def analysed(capture: Path, way: str) -> Analysed:
    return analyse(capture, site=SITE if "site" in way else None, baseline=learn(LEARN) if "baseline" in way else None)


def truth(expected: str) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in ATTACK.with_suffix(".operations.jsonl").read_text().splitlines()]
    return [row for row in rows if row["expected"] == expected]


def text(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S.%f}"


ATTACKS = [row for row in truth("attack") if row["op"] not in HARMLESS]


def test_there_is_an_attack_to_find() -> None:
    assert len(ATTACKS) > 25


@each_way
@pytest.mark.parametrize("row", [row for row in ATTACKS if "functions" in row], ids=lambda row: f"{row['src']}-{row['dst']}-{row['op']}")
def test_every_change_that_the_attacker_made_is_told(row: dict[str, Any], way: str) -> None:
    whole = analysed(ATTACK, way)
    asked = [one for one in whole.operations if one["role"] == "request" and (one["src"], one["dst"]) == (row["src_ip"], row["dst_ip"])
             and text(row["ts"] - 0.002) <= one["time"] <= text(row["ts_end"] + 0.002) and one["function"] in row["functions"]]
    assert asked, "the operation itself was not seen"
    assert all(whole.tells(one) for one in asked)


@each_way
def test_the_scan_is_told_with_who_scanned(way: str) -> None:
    scans = [alert for alert in analysed(ATTACK, way).alerts() if "sweep" in alert.rule or "scan" in alert.rule]
    assert {alert.src for alert in scans} == {IT}


@each_way
def test_the_remote_login_into_the_plant_is_told(way: str) -> None:
    found = [(one.src, one.dst, one.rule) for alert in analysed(ATTACK, way).alerts() for one in (alert, *alert.evidence.also)]
    assert any((src, dst) == (IT, ENG) and rule.startswith("lateral.") for src, dst, rule in found)


@each_way
@pytest.mark.parametrize("src", [ENG, IT])
def test_nothing_that_changes_is_left_out(src: str, way: str) -> None:
    whole = analysed(ATTACK, way)
    changing = whole.changing(src)
    assert len(changing) > 5
    assert [one for one in changing if not whole.tells(one)] == []


@each_way
@pytest.mark.parametrize("capture", [LEARN, ATTACK], ids=["learn", "attack"])
def test_the_operator_and_the_permitted_server_are_left_in_peace(capture: Path, way: str) -> None:
    assert [(alert.rule, alert.src, alert.dst) for alert in analysed(capture, way).alerts() if alert.src in (HMI, ERP)] == []


@each_way
@pytest.mark.parametrize("capture", [LEARN, ATTACK], ids=["learn", "attack"])
def test_no_controller_is_named_as_an_attacker(capture: Path, way: str) -> None:
    named = {(alert.rule, alert.src) for alert in analysed(capture, way).alerts() if alert.src in CONTROLLERS}
    assert named - {QUIRK} == set()


def test_the_quiet_plant_is_quiet_for_who_knows_it() -> None:
    told = {(alert.rule, alert.src) for alert in analysed(LEARN, "site and baseline").alerts()}
    assert told - {QUIRK} == set()


@each_way
def test_the_gravest_is_critical(way: str) -> None:
    assert max(alert.severity for alert in analysed(ATTACK, way).result.alerts) is Severity.CRITICAL


@each_way
def test_the_roles_of_the_plant_are_found(way: str) -> None:
    observed = {
        "192.168.10.10": "controller", "192.168.10.11": "controller", "192.168.10.12": "outstation", HMI: "scada_server", ENG: "engineering_station",
        IT: "it_host", ERP: "it_host", "192.168.10.1": "router",
    }
    stated = {HMI: "hmi", ERP: "server", "192.168.10.1": "firewall"} if "site" in way else {}  # what the site file says comes first
    assets = {asset.id: asset for asset in analysed(ATTACK, way).result.assets}
    assert {address: asset.role for address, asset in assets.items()} == observed | stated
    assert all(role in assets[address].roles for address, role in observed.items())


# Real stacks of the capture collection

REAL_HMI, REAL_IT = "10.10.1.20", "10.20.0.66"


@pytest.mark.captures
@pytest.mark.skipif(not (COLLECTION / "real-stacks").is_dir(), reason="no capture collection: set OTWATCH_CAPTURES")
@pytest.mark.parametrize("name", ["modbus", "dnp3", "s7comm"])
class TestRealStacks:
    def test_what_the_it_host_changed_is_told(self, name: str) -> None:
        whole = analysed(COLLECTION / "real-stacks" / f"{name}.pcap", "alone")
        changing = whole.changing(REAL_IT)
        assert len(changing) >= 2
        assert [one for one in changing if not whole.tells(one)] == []

    def test_what_it_scanned_is_told(self, name: str) -> None:
        scanned = {"modbus": "scan", "s7comm": "scan"}.get(name)
        if scanned is None:
            pytest.skip("nothing was scanned in it")
        whole = analysed(COLLECTION / "real-stacks" / f"{name}.pcap", "alone")
        assert [alert.rule for alert in whole.alerts() if alert.src == REAL_IT and scanned in alert.rule]

    def test_the_polling_of_the_hmi_is_not(self, name: str) -> None:
        whole = analysed(COLLECTION / "real-stacks" / f"{name}.pcap", "alone")
        assert any(one["src"] == REAL_HMI and one["action"] == "READ" for one in whole.operations)
        assert [(alert.rule, alert.src, alert.object) for alert in whole.alerts() if alert.src == REAL_HMI] == []
