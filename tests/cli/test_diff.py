"""`otwatch diff`: what is new, gone and changed; what cannot be compared is said; nothing changes in the same capture."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from otwatch.outputs.changes import KINDS, Comparison, compare
from otwatch.outputs.snapshot import Device, Snapshot, Way
from tests.cli.calling import ATTACK, LEARN, assert_one_line, otwatch

SECOND = 1_000_000_000


def found(*arguments: str | Path) -> dict[str, Any]:
    done = otwatch("diff", *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def device(address: str, **fields: Any) -> Device:
    made = Device(
        id=address, label=address, addresses=frozenset({address}), macs=frozenset(), identity={}, roles=(), zone="", level=None, vlans=(),
        first_ns=1, last_ns=2,
    )
    return replace(made, **fields)


def snapshot(*devices: Device, **fields: Any) -> Snapshot:
    known = {one.id: one for one in devices}
    made = Snapshot(name="x", packets=1, first_ns=0, last_ns=3600 * SECOND, blind=(), devices=known, ways={}, points={}, incidents={})
    return replace(made, **fields)


def kinds(comparison: Comparison) -> list[tuple[str, str, str, str]]:
    return [(change.kind, change.subject, change.before, change.after) for change in comparison.changes]


def test_the_same_capture_has_not_changed() -> None:
    assert found(LEARN, LEARN)["changes"] == []
    assert found(ATTACK, ATTACK)["changes"] == []


def test_an_attack_is_new_writers_a_new_asset_and_new_values() -> None:
    changes = {(change["kind"], change["subject"]): change for change in found(LEARN, ATTACK)["changes"]}
    assert ("new-asset", "172.16.5.66") in changes
    assert changes["new-writer", "172.16.5.66 → 192.168.10.11 s7comm"]["after"] == "STOP, WRITE"
    assert (changes["value", "192.168.10.20 → 192.168.10.10 unit 1 40101"]["before"]) == "470"
    assert {kind for kind, _ in changes} <= set(KINDS)
    assert not any(subject.endswith("?") and kind == "new-conversation" and "172.16.5.66 → 192.168.10.10" in subject for kind, subject in changes)


def test_a_direction_and_its_mirror() -> None:
    forth, back = found(LEARN, ATTACK)["changes"], found(ATTACK, LEARN)["changes"]
    assert {c["subject"] for c in forth if c["kind"] == "new-incident"} == {c["subject"] for c in back if c["kind"] == "gone-incident"}
    values = {(c["subject"], c["before"], c["after"]) for c in forth if c["kind"] == "value"}
    assert {(c["subject"], c["after"], c["before"]) for c in back if c["kind"] == "value"} == values


def test_what_was_not_seen_long_enough_is_not_gone() -> None:
    plc = device("10.0.0.1", first_ns=1, last_ns=1800 * SECOND, roles=("controller",))
    long = compare(snapshot(plc), snapshot())
    assert kinds(long) == [("silent-asset", "10.0.0.1", "controller", "")]
    short = compare(snapshot(plc), snapshot(last_ns=600 * SECOND))
    assert kinds(short) == []
    assert "too short" in short.not_comparable[0]
    blind = compare(snapshot(plc), snapshot(blind=("half of it was encrypted",)))
    assert kinds(blind) == []
    assert any("encrypted" in text for text in blind.not_comparable)


def test_a_device_is_the_same_by_serial_then_address_then_card() -> None:
    serial = {"serial": ("S1", ""), "firmware": ("V1", "")}
    newer = {"serial": ("S1", ""), "firmware": ("V2", "frame 7 of b.pcap")}
    moved = compare(snapshot(device("10.0.0.1", identity=serial)), snapshot(device("10.0.0.9", identity=newer)))
    assert kinds(moved) == [("moved-asset", "10.0.0.9", "10.0.0.1", "10.0.0.9"), ("firmware", "10.0.0.9 firmware", "V1", "V2")]
    assert moved.changes[1].where == "frame 7 of b.pcap"
    one, other = frozenset({"02:00:00:00:00:01"}), frozenset({"02:00:00:00:00:02"})
    swapped = compare(snapshot(device("10.0.0.1", macs=one)), snapshot(device("10.0.0.1", macs=other)))
    assert kinds(swapped) == [("replaced-asset", "10.0.0.1", "02:00:00:00:00:01", "02:00:00:00:00:02")]


def test_a_role_that_was_not_observed_is_no_change() -> None:
    assert kinds(compare(snapshot(device("10.0.0.1", roles=("hmi",))), snapshot(device("10.0.0.1")))) == []
    assert kinds(compare(snapshot(device("10.0.0.1", roles=("hmi",))), snapshot(device("10.0.0.1", roles=("hmi", "router"))))) == [
        ("role", "10.0.0.1", "hmi", "hmi, router")
    ]


def test_a_writer_that_writes_no_more() -> None:
    key = ("10.0.0.2", "10.0.0.1", "modbus")
    old = snapshot(ways={key: Way(first_ns=0, last_ns=SECOND, actions={"READ", "WRITE"})})
    new = snapshot(ways={key: Way(first_ns=0, last_ns=SECOND, actions={"READ"})})
    assert kinds(compare(old, new)) == [("gone-writer", "10.0.0.2 → 10.0.0.1 modbus", "WRITE", "")]
    assert kinds(compare(new, old)) == [("new-writer", "10.0.0.2 → 10.0.0.1 modbus", "", "WRITE")]


def test_stores_are_compared_as_far_as_they_go(tmp_path: Path) -> None:
    for capture, name in ((LEARN, "a.sqlite"), (ATTACK, "b.sqlite")):
        otwatch("analyze", capture, "--db", tmp_path / name, "--output", tmp_path / "text")
    result = found(tmp_path / "a.sqlite", tmp_path / "b.sqlite")
    assert ("new-asset", "172.16.5.66") in {(change["kind"], change["subject"]) for change in result["changes"]}
    assert any("a store keeps no messages" in text for text in result["not_comparable"])
    assert found(tmp_path / "a.sqlite", tmp_path / "a.sqlite")["changes"] == []


def test_exit_codes_and_mistakes(tmp_path: Path) -> None:
    assert otwatch("diff", LEARN, ATTACK, "--fail-on", "new-asset,firmware").returncode == 3
    assert otwatch("diff", LEARN, LEARN, "--fail-on", "new-asset,firmware").returncode == 0
    assert_one_line(otwatch("diff", LEARN, ATTACK, "--fail-on", "new-writr"), 'did you mean "new-writer"')
    shutil.copy(LEARN, tmp_path / "x.txt")
    (tmp_path / "x.txt").write_text("hello")
    assert otwatch("diff", LEARN, tmp_path / "x.txt").returncode == 2
    text = otwatch("diff", LEARN, ATTACK, "--limit", "2").stdout
    assert "and 4 more: --limit 6" in text
