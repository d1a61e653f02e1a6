"""A baseline learns, merges, compares, and is the same file for the same knowledge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otwatch.actions import Action
from otwatch.addresses import Addresses
from otwatch.baseline.baseline import Baseline, Seen
from otwatch.baseline.behaviours import BehaviourIndex
from otwatch.baseline.store import baseline_text, load_baseline, save_baseline
from otwatch.engine.kinds import anomaly_kinds
from otwatch.errors import ConfigErrors
from otwatch.limits import Limits
from otwatch.protocols import protocols
from otwatch.rules.prove import HandMade
from otwatch.tables import Behaviours
from tests.rules.hand import OPERATION, PROVER

READ = {"src": "10.0.0.5", "dst": "10.0.0.9", "protocol": "modbus", "function": 3, "action": "READ", "area": 4, "unit": 1, "start": 0, "count": 10}
WRITE = {**READ, "function": 16, "action": "WRITE", "start": 100, "count": 5}
NAMES = [spec.name for spec in protocols()]


def behaviours_of(rows):
    made = HandMade(protocols(), anomaly_kinds(protocols()), PROVER.index())
    list(made.batches(rows, 1000))
    return made.index.behaviours, made.addresses


def learned(*rows) -> Baseline:
    baseline = Baseline()
    baseline.learn(*behaviours_of(rows), NAMES)
    return baseline


def test_what_was_seen_is_known_and_nothing_else():
    baseline = learned(READ, WRITE, {**WRITE, "start": 105, "count": 2}, {**READ, "role": "response", "src": "10.0.0.6"})
    assert baseline.talks("10.0.0.5", "10.0.0.9", "modbus")
    assert not baseline.talks("10.0.0.9", "10.0.0.5", "modbus")
    assert not baseline.talks("10.0.0.6", "10.0.0.9", "modbus")  # only asked-for: a response tells nothing of its own
    assert baseline.does("10.0.0.5", "10.0.0.9", "modbus", Action.CONTROL)  # the same verb as WRITE
    assert not baseline.does("10.0.0.5", "10.0.0.9", "modbus", Action.STOP)
    covers = {"action": Action.WRITE, "unit": 1, "area": 4, "object": -1}
    assert baseline.covers("10.0.0.5", "10.0.0.9", "modbus", **covers, start=103, count=4)  # two ranges side by side are one
    assert not baseline.covers("10.0.0.5", "10.0.0.9", "modbus", **covers, start=103, count=5)
    assert not baseline.covers("10.0.0.5", "10.0.0.9", "modbus", **{**covers, "unit": 2}, start=100, count=1)
    assert baseline.covers("10.0.0.5", "10.0.0.9", "modbus", **{**covers, "action": Action.READ}, start=2, count=8)
    assert baseline.covers("10.0.0.5", "10.0.0.9", "modbus", **{**covers, "action": Action.READ}, start=2, count=9) is False
    assert baseline.covers("10.0.0.5", "10.0.0.9", "modbus", **{**covers, "action": Action.STOP}, start=-1, count=-1) is None
    assert baseline.sends("10.0.0.5", "10.0.0.9", "modbus", 3, -1)
    assert baseline.sends("10.0.0.5", "10.0.0.9", "modbus", 4, -1) is False
    assert baseline.has_host("10.0.0.9")
    assert not baseline.has_host("10.0.0.6")


@settings(max_examples=30, deadline=None)
@given(st.lists(OPERATION, max_size=12), st.lists(OPERATION, max_size=12))
def test_merging_two_is_learning_both(first, second):
    merged, other, both = learned(*first), learned(*second), Baseline()
    merged.merge(other)
    for rows in (first, second):
        both.learn(*behaviours_of(rows), NAMES)
    assert baseline_text(merged) == baseline_text(both)
    other.merge(learned(*first))
    assert baseline_text(other) == baseline_text(merged)


@settings(max_examples=30, deadline=None)
@given(st.lists(OPERATION, max_size=12))
def test_what_was_learned_does_not_deviate(rows):
    assert learned(*rows).compare(*behaviours_of(rows), NAMES) == []


def test_deviations_name_talkers_verbs_functions_and_ranges():
    baseline = learned(READ, WRITE)
    asked = [READ, {**READ, "start": 90, "at": 4}, {**READ, "function": 4, "at": 5}]
    rows = [*asked, {**READ, "src": "10.0.0.6", "at": 1, "repeat": 3}, {**WRITE, "action": "STOP", "at": 2}, {**WRITE, "start": 104, "at": 3}]
    found = baseline.compare(*behaviours_of(rows), NAMES)
    assert [(deviation.kind, deviation.src, deviation.verb, deviation.messages) for deviation in found] == [
        ("talker", "10.0.0.6", "read", 3),
        ("verb", "10.0.0.5", "mode", 1),
        ("range", "10.0.0.5", "write", 1),
        ("range", "10.0.0.5", "read", 1),
        ("function", "10.0.0.5", "read", 1),
    ]
    assert found[2].detail == "unit 1 area 4 object -1 addresses 104-108"


TEN_MINUTES = {**READ, "repeat": 700}


@pytest.mark.parametrize(
    ("rows", "reasons"),
    [
        ([TEN_MINUTES, {**WRITE, "repeat": 40}], []),
        ([], ["there was nothing to learn"]),
        ([{**READ, "repeat": 19}, {**WRITE, "repeat": 19}], ["only 18 s were seen"]),
        ([TEN_MINUTES, {**WRITE, "repeat": 40}, {**READ, "action": "IDENTIFY", "at": 600}], ["33% of the habits"]),
        ([TEN_MINUTES, {**WRITE, "repeat": 9}, {**WRITE, "start": 7}], ["about 10% of the commands"]),  # one of ten was never seen before
        ([TEN_MINUTES, WRITE], ["about 100% of the commands"]),
        ([TEN_MINUTES], ["no command was seen"]),
        ([{**READ, "repeat": 30, "every": 3000}], []),  # a day without a command
        ([{**READ, "repeat": 90, "every": 10}, {**READ, "start": 50}, {**WRITE, "repeat": 40}], []),  # one question in ninety
        ([TEN_MINUTES, {**WRITE, "repeat": 40}, *({**READ, "start": 100 * number} for number in range(1, 60))], ["about 8% of the requests"]),
    ],
)
def test_learning_was_enough_when_little_is_unseen(rows, reasons):
    found = learned(*rows).completeness()
    assert [text[: len(reason)] for text, reason in zip(found.missing(), reasons, strict=True)] == reasons
    assert found.enough is not bool(reasons)


def test_a_baseline_of_version_1_knows_no_reads(tmp_path):
    document = json.loads(baseline_text(learned(READ, WRITE)))
    for name in ("functions", "rates", "asked", "knows_reads"):
        del document[name]
    document["version"] = 1
    for place in document["written"]:
        place["ranges"] = [[low, high] for low, high, _ in place["ranges"]]
    (tmp_path / "b.json").write_text(json.dumps(document))
    old = load_baseline(tmp_path / "b.json")
    pair = "10.0.0.5", "10.0.0.9", "modbus"
    assert (old.sends(*pair, 99, -1), old.rate_per_s(*pair)) == (None, None)
    assert old.covers(*pair, action=Action.READ, unit=1, area=4, object=-1, start=500, count=1) is None
    assert old.covers(*pair, action=Action.WRITE, unit=1, area=4, object=-1, start=100, count=5)


def test_a_file_gives_back_what_was_saved(tmp_path):
    baseline = learned(READ, WRITE)
    save_baseline(baseline, tmp_path / "b.json")
    assert load_baseline(tmp_path / "b.json") == baseline
    assert baseline_text(load_baseline(tmp_path / "b.json")) == (tmp_path / "b.json").read_text()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "b.json:1:2: is not JSON"),
        ("[]", "is no otwatch baseline"),
        ('{"format": "otwatch-baseline", "version": 9}', "version 9"),
        ('{"format": "otwatch-baseline", "version": 1}', "damaged"),
        ('{"format": "otwatch-baseline", "version": 2}', "damaged"),
    ],
)
def test_other_files_are_refused(tmp_path, text, complaint):
    (tmp_path / "b.json").write_text(text)
    with pytest.raises(ConfigErrors, match=complaint):
        load_baseline(tmp_path / "b.json")


def test_an_unknown_verb_is_refused_and_a_missing_file_too(tmp_path):
    document = json.loads(baseline_text(learned(READ)))
    document["conversations"][0]["verb"] = "dance"
    (tmp_path / "b.json").write_text(json.dumps(document))
    with pytest.raises(ConfigErrors, match="dance"):
        load_baseline(tmp_path / "b.json")
    with pytest.raises(ConfigErrors, match="cannot be read"):
        load_baseline(tmp_path / "missing.json")


def test_services_are_learned_kept_and_merged(tmp_path: Path) -> None:
    one, other = Baseline(), Baseline()
    one.services.add(("10.0.0.5", "10.0.0.9", "tcp", 22))
    learned = [("10.0.0.6", "10.0.0.9", "tcp", 51_000), ("10.0.0.6", "10.0.0.9", "icmp", -1)]
    other.learn(BehaviourIndex(Limits()).behaviours, Addresses(), [], services=learned)
    one.merge(other)
    save_baseline(one, tmp_path / "b.json")
    known = load_baseline(tmp_path / "b.json")
    assert known.services == one.services
    assert known.uses("10.0.0.5", "10.0.0.9", "tcp", 22)
    assert known.uses("10.0.0.6", "10.0.0.9", "tcp", 60_000), "ports that are given out anew are one service"
    assert known.uses("10.0.0.6", "10.0.0.9", "tcp", 49_151) is False
    assert known.uses("10.0.0.6", "10.0.0.9", "icmp", -1)
    assert known.uses("10.0.0.9", "10.0.0.5", "tcp", 22) is False, "the other way round is another service"


def test_a_baseline_of_before_services_says_nothing_of_them() -> None:
    assert Baseline().uses("10.0.0.5", "10.0.0.9", "tcp", 22) is None


def test_quirks_are_learned_kept_and_merged(tmp_path: Path) -> None:
    known = Baseline()
    known.verbs["10.0.0.5", "10.0.0.9", "modbus", "read"] = Seen(3, 1, 9)
    known.learn(Behaviours(1), Addresses(), [], quirks=[("10.0.0.9", "modbus", "identifiers are not copied (0)")])
    save_baseline(known, tmp_path / "known.json")
    read = load_baseline(tmp_path / "known.json")
    assert read == known
    assert read.has_quirk("10.0.0.9", "modbus", "identifiers are not copied (with its octets swapped)") is True
    assert read.has_quirk("10.0.0.9", "modbus", "one octet too long") is False
    assert read.has_quirk("10.0.0.8", "modbus", "one octet too long") is None  # nobody asked it
    assert (read.is_quirky("10.0.0.9", "modbus"), read.is_quirky("10.0.0.9", "dnp3")) == (True, False)
    both = Baseline()
    both.merge(read)
    assert both.quirks == known.quirks
    (tmp_path / "older.json").write_text((tmp_path / "known.json").read_text().replace('"knows_quirks": true', '"knows_quirks": false'))
    assert load_baseline(tmp_path / "older.json").has_quirk("10.0.0.9", "modbus", "one octet too long") is None
