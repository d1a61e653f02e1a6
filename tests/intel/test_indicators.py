"""Threat intelligence from files: what is read, what is refused and said, and what is valid when."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from otwatch.errors import CaptureError
from otwatch.intel.indicators import Indicators, parse_indicators, read_indicators
from tests.cli.calling import ATTACK, PLANT, otwatch

DAY_NS = 86_400_000_000_000
JA4 = "t13d1516h2_8daaf6152771_02713d6af862"


def stix(*indicators: dict[str, Any], author: str = "ACME CERT") -> str:
    """A bundle of indicators by one author."""
    identity = {"type": "identity", "id": "identity--1", "name": author}
    made = [
        {"type": "indicator", "id": f"indicator--{number}", "created_by_ref": "identity--1", "pattern_type": "stix", **one}
        for number, one in enumerate(indicators)
    ]
    return json.dumps({"type": "bundle", "id": "bundle--1", "objects": [identity, *made]})


def parsed(text: str, name: str = "feed") -> Indicators:
    """What a text holds."""
    found = Indicators()
    parse_indicators(text, name, found)
    return found


def test_stix_alternatives_are_one_indicator_each_with_author_and_times() -> None:
    pattern = "[ipv4-addr:value = '203.0.113.7' OR ipv6-addr:value = '2001:db8::7'] OR [domain-name:value = 'C2.Example.net']"
    found = parsed(stix({"name": "Implant", "pattern": pattern, "created": "2026-01-01T00:00:00Z", "valid_until": "2026-02-01T00:00:00.000Z"}))
    (one,) = found.of_address("203.0.113.7")
    assert (one.name, one.source) == ("Implant", "ACME CERT")
    assert one.valid_until_ns is not None
    assert one.created_ns == one.valid_until_ns - 31 * DAY_NS
    assert found.of_address("2001:db8:0:0::7") or found.of_address("2001:db8::7")
    assert found.of_value("c2.example.net.")
    assert not found.of_value("example.net")
    assert found.read == 3


@pytest.mark.parametrize(
    "pattern",
    [
        "[ipv4-addr:value = '203.0.113.7' AND network-traffic:dst_port = 443]",
        "[ipv4-addr:value = '203.0.113.7'] FOLLOWEDBY [ipv4-addr:value = '203.0.113.8']",
        "[ipv4-addr:value = '203.0.113.7'] AND [ipv4-addr:value = '203.0.113.8']",
        "[ipv4-addr:value != '203.0.113.7']",
        "[ipv4-addr:value IN ('203.0.113.7', '203.0.113.8')]",
        "[NOT ipv4-addr:value = '203.0.113.7']",
        "[file:name = 'evil.exe']",
        "[ipv4-addr:value = '203.0.113.7'",
        "[ipv4-addr:value = '203.0.113.7'] WITHIN 300 SECONDS",
        "[ipv4-addr:value = '203.0.113.0/2']",
        "[ipv4-addr:value = 'nonsense']",
        "",
    ],
)  # fmt: skip
def test_what_says_no_single_value_is_refused_and_counted(pattern: str) -> None:
    found = parsed(stix({"pattern": pattern}, {"pattern": "[domain-name:value = 'c2.example.net']"}))
    assert (found.read, found.refused_count) == (1, 1)
    assert "indicator--0" in found.refused[0]
    assert not found.of_address("203.0.113.7")


def test_revoked_and_foreign_patterns_are_refused() -> None:
    found = parsed(
        stix({"pattern": "[ipv4-addr:value = '1.2.3.4']", "revoked": True}, {"pattern": "alert tcp any any -> any any", "pattern_type": "snort"})
    )
    assert (found.read, found.refused_count) == (0, 2)


def test_a_list_tells_kinds_apart_by_their_form() -> None:
    digest = "A" * 64
    found = parsed(f"# a feed\n203.0.113.7\n198.51.100.0/24   # a network\nc2.example.net\n{digest}\n{JA4}\nwhat is this\n")
    assert found.read == 5
    assert found.refused == ["feed, line 7: 'what is this' is no address, domain, hash or fingerprint"]
    assert found.of_address("198.51.100.200")
    assert not found.of_address("198.51.101.1")
    assert found.of_value("a" * 64)
    assert found.of_value(":".join(["aa"] * 32))  # as tools print thumbprints
    assert found.of_value(JA4)


def test_a_table_has_validity_by_line() -> None:
    found = parsed("type,value,description,valid_from,valid_until\nip-dst,203.0.113.7,Scanner,2026-01-01,2026-02-01\nip-dst,203.0.113.8,,never,\n")
    (one,) = found.of_address("203.0.113.7")
    assert one.name == "Scanner"
    since, until = one.valid_from_ns, one.valid_until_ns
    assert since is not None
    assert until is not None
    assert [one.holds_at(at) for at in (since - 1, since, until - 1, until)] == [False, True, True, False]
    assert found.refused == ["feed, line 3: 'never' is no time: write it as 2026-11-22T06:00:00Z"]


def test_networks_of_both_versions_hold_their_edges_only() -> None:
    found = parsed("198.51.100.128/25\n2001:db8:5::/48\n")
    inside = ["198.51.100.128", "198.51.100.255", "2001:db8:5::", "2001:db8:5:ffff:ffff:ffff:ffff:ffff"]
    outside = ["198.51.100.127", "198.51.101.0", "2001:db8:4:ffff::", "2001:db8:6::", "00:1b:1b:00:00:01", ""]
    assert all(found.of_address(text) for text in inside)
    assert not any(found.of_address(text) for text in outside)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{not json", "no JSON"),
        ('{"type": "bundle"}', "no list of objects"),
        ("address,name\n1.2.3.4,x\n", "no column `value`"),
        ("what is this\n", "no indicators there"),
        ("", "no indicators there"),
    ],
)
def test_a_file_without_indicators_is_an_error_that_says_what_to_name(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "feed.txt"
    path.write_text(text)
    with pytest.raises(CaptureError, match=problem):
        read_indicators([str(path)])


def test_a_missing_file_and_a_binary_one_are_errors(tmp_path: Path) -> None:
    (tmp_path / "feed.csv").write_bytes(b"\xff\xfe\x00\x00,")
    with pytest.raises(CaptureError, match="UTF-8"):
        read_indicators([str(tmp_path / "feed.csv")])
    with pytest.raises(CaptureError, match="No such file"):
        read_indicators([str(tmp_path / "absent.txt")])


def test_a_folder_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("203.0.113.7\n")
    (tmp_path / "b.csv").write_text("value,source\n203.0.113.7,ours\n")
    (tmp_path / "notes.md").write_text("203.0.113.9\n")
    found = read_indicators([str(tmp_path)])
    assert [one.source for one in found.of_address("203.0.113.7")] == ["a.txt", "ours"]
    assert found.sources == ["a.txt", "b.csv"]
    assert not found.of_address("203.0.113.9")


def test_analyze_names_the_source_and_says_what_it_did_not_use(tmp_path: Path) -> None:
    (tmp_path / "feed.txt").write_text("what is this\n")
    told = otwatch("analyze", ATTACK, "--intel", PLANT / "indicators.json", "--intel", tmp_path, "--format", "jsonl")
    alerts = [json.loads(line) for line in told.stdout.splitlines() if '"type":"alert"' in line]
    assert {(alert["rule"], alert["src"]) for alert in alerts if alert["rule"].startswith("intel.")} == {("intel.visitor", "172.16.5.66")}
    assert "Host of an intruder (example) (Example CERT, 386 days before this traffic, valid until 2035-11-01)" in told.stdout
    assert "1 not used: feed.txt, line 1" in told.stderr
