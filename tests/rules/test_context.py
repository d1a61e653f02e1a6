"""Who is who: inferred from the traffic, told by a site file, learned in a baseline, and explained."""

from __future__ import annotations

import pytest

from otwatch.addresses import Addresses
from otwatch.alerts.alert import Severity
from otwatch.baseline.baseline import Baseline
from otwatch.protocols import protocols
from otwatch.rules.context import Context
from otwatch.rules.knowledge import Knowledge, Learning
from otwatch.site.load import parse_site
from tests.rules.hand import PROVER, alerts_of, rules_from

POLL = {"src": "10.0.0.5", "dst": "10.0.0.9", "protocol": "modbus", "function": 3, "action": "READ", "area": 4, "start": 0, "count": 10, "repeat": 20}
SITE = """version: 1
zones:
  - {name: cell, level: 1, networks: [10.0.0.0/24]}
  - {name: scada, level: 2, networks: [10.0.1.0/24]}
  - {name: office, level: 4, networks: [172.16.0.0/16]}
assets: [{name: plc, address: 10.0.0.9, role: controller}]
writers: [{who: 10.0.0.5, to: plc, protocols: [modbus], areas: [holding_register], ranges: [0-9]}]
engineering: [10.0.0.30]
conduits: [{from: scada, to: cell}]
"""


def write(src: str, **more: object) -> dict[str, object]:
    return {
        "src": src,
        "dst": "10.0.0.9",
        "protocol": "modbus",
        "function": 6,
        "action": "WRITE",
        "area": 4,
        "start": 1,
        "count": 1,
        "at": 15,
        **more,
    }


def value_of(tmp_path, field: str, words: list[str], rows: list[dict[str, object]], **options: object) -> str | None:
    """The word for which `field: word` holds on the last row."""
    last = rows[-1]
    for word in words:
        rules = rules_from(tmp_path, f"where: {{action: {last['action']}, src: {last['src']}, {field}: {word}}}\n")
        if alerts_of(rules, rows, **options):
            return word
    return None


WRITERS = ["permitted", "engineering", "denied", "learned", "polls", "polls_from_outside", "unknown"]


@pytest.mark.parametrize(
    ("rows", "writer"),
    [
        ([POLL, write("10.0.0.5")], "polls"),
        ([POLL, write("10.0.0.6")], "unknown"),
        ([{**POLL, "src": "10.0.7.5"}, write("10.0.7.5")], "polls_from_outside"),
        ([POLL, {**POLL, "src": "10.0.0.6", "at": 8}, write("10.0.0.6")], "polls"),  # in the cold start
        ([POLL, {**POLL, "src": "10.0.0.6", "at": 11}, write("10.0.0.6")], "unknown"),  # began to poll after normal was learned
        ([{**POLL, "repeat": 2}, write("10.0.0.5", at=1)], "unknown"),  # two questions are no polling
        ([POLL, {**write("10.0.0.5"), "repeat": 20}], "polls"),
        ([POLL, {**write("10.0.0.5"), "repeat": 2000}], "polls"),  # it is what it was before: a flood has rules of its own
    ],
)
def test_writers_are_inferred_from_polling(tmp_path, rows, writer):
    assert value_of(tmp_path, "writer", WRITERS, rows) == writer


@pytest.mark.parametrize(
    ("row", "writer"),
    [
        (write("10.0.0.5"), "permitted"),
        (write("10.0.0.5", start=9, count=2), "denied"),
        (write("10.0.0.5", area=1), "denied"),
        (write("10.0.0.6"), "denied"),
        (write("10.0.0.30"), "engineering"),
        (write("10.0.0.6", dst="10.0.0.10"), "unknown"),  # no writers are named for it
    ],
)
def test_writers_are_told_by_the_site_file(tmp_path, row, writer):
    assert value_of(tmp_path, "writer", WRITERS, [POLL, row], site=parse_site(SITE, "s")) == writer


def test_writers_are_learned_in_a_baseline(tmp_path):
    baseline = PROVER.baseline_of([write("10.0.0.6")])
    assert isinstance(baseline, Baseline)
    assert value_of(tmp_path, "writer", WRITERS, [POLL, write("10.0.0.6")], baseline=baseline) == "learned"
    assert value_of(tmp_path, "writer", WRITERS, [POLL, write("10.0.0.5")], baseline=baseline) == "unknown"


@pytest.mark.parametrize(
    ("src", "site", "outside"),
    [
        ("10.0.0.77", None, "false"),
        ("172.16.5.66", None, "true"),
        ("8.8.8.8", None, "true"),
        ("10.0.1.5", SITE, "false"),  # a conduit
        ("172.16.5.66", SITE, "true"),
        ("10.9.9.9", SITE, "true"),  # in no zone: inferred
        ("10.0.0.99", SITE, "false"),
    ],
)
def test_outside(tmp_path, src, site, outside):
    assert value_of(tmp_path, "src_outside", ["true", "false"], [POLL, write(src)], site=parse_site(site, "s") if site else None) == outside


def test_a_poller_of_another_network_is_not_outside(tmp_path):
    assert value_of(tmp_path, "src_outside", ["true", "false"], [{**POLL, "src": "10.0.7.5"}, write("10.0.7.5")]) == "false"


def test_new_talkers_need_a_learning_period(tmp_path):
    rules = rules_from(tmp_path, "where: {new_talker: true}\n")
    rows = [{**POLL, "repeat": 8}, write("10.0.0.6", at=7)]
    assert alerts_of(rules, rows) == []
    (alert,) = alerts_of(rules, rows, learning=Learning(until_ns=1_700_000_005_000_000_000))
    assert (alert.src, "learned until 2023-11-14T22:13:25Z" in alert.why, "learned" in alert.evaluable) == ("10.0.0.6", True, False)
    (alert,) = alerts_of(rules, [{**POLL, "repeat": 30}, write("10.0.0.6", at=20)])
    assert alert.evaluable == "partly: what is normal was learned only from the first 10.0 s in which OT protocols were seen"


@pytest.mark.parametrize(
    ("src", "at", "site", "unknown"),
    [
        ("10.0.0.77", 20, None, True),
        ("10.0.0.77", 4, None, False),  # of the cold start
        ("10.0.0.5", 20, None, False),
        ("10.0.0.77", 20, "version: 1\nengineering: [10.0.0.77]\n", False),
    ],
)
def test_a_host_that_nothing_vouches_for(tmp_path, src, at, site, unknown):
    medium = "id: test.medium\ntitle: A rule\nstatus: draft\nseverity: medium\nwhy: because\nwhere: {action: WRITE}\n"
    rows, policy = [{**POLL, "repeat": 60}, write(src, at=at)], parse_site(site, "s") if site else None
    assert bool(alerts_of(rules_from(tmp_path, "where: {src_unknown: true, action: WRITE}\n"), rows, site=policy)) == unknown
    (alert,) = alerts_of(rules_from(tmp_path, medium), rows, site=policy)
    assert (alert.severity is Severity.HIGH, "Nothing vouches for 10.0.0.77" in alert.why) == (unknown, unknown)


def test_where_nobody_polls_the_device_nobody_is_unknown(tmp_path):
    rules = rules_from(tmp_path, "where: {src_unknown: true}\n")
    assert alerts_of(rules, [{**POLL, "repeat": 60}, write("10.0.0.77", dst="10.0.0.10", at=20)]) == []


def test_new_verbs_within_one_observation(tmp_path):
    rules = rules_from(tmp_path, "where: {new_verb: true}\n")
    assert [alert.action for alert in alerts_of(rules, [{**POLL, "repeat": 60}, write("10.0.0.5", at=40)])] == ["WRITE"]
    assert alerts_of(rules, [{**POLL, "repeat": 60}, write("10.0.0.5", at=2), write("10.0.0.5", at=40)]) == []
    assert alerts_of(rules, [{**POLL, "repeat": 60}, write("10.0.0.6", at=40)]) == []


def test_inference_is_said_in_words(tmp_path):
    rules = rules_from(tmp_path, "where: {writer: [unknown, denied, polls]}\n", "where: {src_outside: true}\n")
    said = {(alert.rule, alert.src): alert for alert in alerts_of(rules, [POLL, write("172.16.5.66"), write("10.0.0.5")])}
    assert "did not poll it while normal was learned" in said["test.rule-0", "172.16.5.66"].why
    assert "has polled it since the beginning" in said["test.rule-0", "10.0.0.5"].why
    assert "not in the network of 10.0.0.9" in said["test.rule-1", "172.16.5.66"].why
    (alert,) = alerts_of(rules, [write("172.16.5.66")], site=parse_site("version: 1\nwriters: [{who: 10.0.0.5, to: 10.0.0.9}]\n", "s"))[:1]
    assert "172.16.5.66 is not among them" in alert.why


@pytest.mark.parametrize(
    ("src", "dst", "fields"),
    [
        ("141.81.0.10", "141.81.0.86", []),  # public addresses used inside one network
        ("8.8.8.8", "141.81.0.86", ["src_internet", "src_outside", "dst_internet"]),
        ("8.8.8.8", "10.0.0.9", ["src_internet", "src_outside"]),
    ],
)
def test_a_public_address_of_the_same_network_is_not_the_internet(tmp_path, src, dst, fields):
    names = ["src_internet", "src_outside", "dst_internet"]
    rules = rules_from(tmp_path, *(f"where: {{{name}: true}}\n" for name in names))
    found = {alert.rule for alert in alerts_of(rules, [write(src, dst=dst)])}
    assert [name for number, name in enumerate(names) if f"test.rule-{number}" in found] == fields


@pytest.mark.parametrize(
    ("told", "changes"),
    [
        (["V4.3", "V4.3.1", "V4.3"], []),  # one message tells the version in more places than another
        (["V4.3.1", "V4.3", "V4.3.2"], ["V4.3.2"]),
        (["V4.3", "V4.31"], ["V4.31"]),
        (["V4.3", "V4.4"], ["V4.4"]),
    ],
)
def test_a_version_told_in_more_places_is_no_other_version(tmp_path, told, changes):
    rules = rules_from(tmp_path, "table: facts\nwhere: {kind: firmware, changed: true}\n")
    rows = [{"table": "facts", "src": "10.0.0.9", "kind": "firmware", "value": value, "source": "a", "at": at} for at, value in enumerate(told)]
    assert [alert.evidence.now for alert in alerts_of(rules, rows)] == changes


def test_a_poller_that_commands_is_named_with_what_speaks_for_and_against_it(tmp_path):
    rules = rules_from(tmp_path, "where: {action: WRITE, writer: polls}\n")
    (alone,) = alerts_of(rules, [POLL, write("10.0.0.5")])
    assert "It had polled for 15.0 s before its first command and no other host polls" in alone.why
    assert "an intruder who polls first looks the same" in alone.why
    (compared,) = alerts_of(rules, [POLL, {**POLL, "src": "10.0.0.6"}, write("10.0.0.5")])
    assert "no other host polls" not in compared.why


def test_a_public_address_and_none_at_all_make_a_pair(tmp_path):
    known = protocols()
    addresses = Addresses()
    context = Context(site=None, baseline=None, addresses=addresses, protocols=known, layers={}, knowledge=Knowledge(Learning(), addresses),
                      host=lambda _: None)
    public = addresses.intern_text("8.8.8.8")
    assert context.pair((public, -1)).get("src_internet") is True
    assert context.pair((-1, public)).get("dst_internet") is True
    assert context.pair((-1, -1)).get("src_internet") is False


def test_an_action_that_was_concluded_is_not_certain(tmp_path):
    rules = rules_from(tmp_path, "where: {role: request, action: PROGRAM_DOWNLOAD}\n")
    rows = [{"src": "10.0.0.7", "dst": "10.0.0.9", "protocol": "s7comm-plus", "function": 0x4CA, "action": "PROGRAM_DOWNLOAD", "at": 15}]
    (read,) = alerts_of(rules, [{**rows[0], "value": {"session": "0x1"}}, {**rows[0], "role": "response", "at": 15.1}])
    (concluded,) = alerts_of(rules, [{**rows[0], "value": {"inferred": True}}, {**rows[0], "role": "response", "at": 15.1}])
    assert (read.confidence, concluded.confidence) == (0.99, 0.7)
    assert "was concluded from the objects" in concluded.why
    assert "was concluded from the objects" not in read.why
