"""What is shown to others: nothing of the plant stays in it, and the same is the same everywhere."""

from __future__ import annotations

import ipaddress
import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otwatch.errors import CaptureError
from otwatch.outputs.pseudonyms import Pseudonyms, load_pseudonyms
from tests.cli.calling import ATTACK, SITE, assert_one_line, otwatch

KEY = bytes(range(32))
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10")


def shared(*addresses: str) -> list[str]:
    """What stands for addresses."""
    names = Pseudonyms(KEY)
    return [names.text(address) for address in addresses]


def common(one: str, other: str) -> int:
    """Bits that two addresses begin with."""
    first, second = ipaddress.ip_address(one), ipaddress.ip_address(other)
    return first.max_prefixlen - (int(first) ^ int(second)).bit_length()


@given(st.lists(st.ip_addresses(v=4).map(str), min_size=2, max_size=8, unique=True))
def test_addresses_stay_apart_and_private_ones_private(addresses: list[str]) -> None:
    others = shared(*addresses)
    assert len(set(others)) == len(addresses)
    for one, other in zip(addresses, others, strict=True):
        assert [ipaddress.ip_address(one) in ipaddress.ip_network(net) for net in PRIVATE[:3]] == [
            ipaddress.ip_address(other) in ipaddress.ip_network(net) for net in PRIVATE[:3]
        ]


@given(st.integers(0, 2**16 - 1), st.integers(0, 2**16 - 1))
def test_networks_stay_networks(one: int, other: int) -> None:
    addresses = [f"10.20.{number >> 8}.{number & 255}" for number in (one, other)]
    assert common(*addresses) == common(*shared(*addresses))


@pytest.mark.parametrize(
    "text",
    ["05:34:09", "2026-11-22T05:34:09.123Z", "1.2.3.4.5", "V4.2.1", "255.255.255.255", "224.0.0.1", "ff02::1", "01:80:c2:00:00:0e", "999.1.1.1"]
)
def test_what_is_no_address_of_a_host_stays(text: str) -> None:
    assert shared(f"at {text}, seen") == [f"at {text}, seen"]


def test_addresses_in_running_text_are_the_same_as_alone() -> None:
    names = Pseudonyms(KEY)
    alone = names.text("192.168.10.30")
    assert names.text("Find out who used 192.168.10.30, and whether (fe80::1)") == f"Find out who used {alone}, and whether ({names.text('fe80::1')})"
    assert names.text("192.168.10.0/24") == str(ipaddress.ip_network(f"{alone}/24", strict=False))
    assert names.text("00:1b:1b:0a:10:11").startswith("02:")


def test_nothing_of_the_plant_is_left_in_anything_that_is_written(tmp_path: Path) -> None:
    key = tmp_path / "plant.key"
    written = []
    for form in ("text", "jsonl"):
        options = ["--report", tmp_path / f"{form}.html", "--graph", tmp_path / f"{form}.graphml", "--output", tmp_path / f"{form}.out"]
        told = otwatch("analyze", ATTACK, "--site", SITE, "--share", key, "--format", form, *options)
        assert told.returncode == 0, told.stderr
        written += [(tmp_path / f"{form}.{kind}").read_text() for kind in ("html", "graphml", "out")]
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    stands_for = json.loads(key.read_text())["stands_for"]
    plain = otwatch("analyze", ATTACK, "--site", SITE, "--format", "jsonl").stdout
    addresses = {address for line in plain.splitlines() if '"type":"asset"' in line for address in json.loads(line)["addresses"]}
    assert addresses <= set(stands_for.values())
    for text in written:
        assert [one for one in addresses if one in text.replace("192.168.10.10.", "")] == []
        assert [one for one in ("plant-attack", "plc-s7", "itpc", "00:1b:1b:0a:10:11", str(ATTACK.parent)) if one in text] == []
    alerts = [json.loads(line) for line in (tmp_path / "jsonl.out").read_text().splitlines() if '"type":"alert"' in line]
    back = [(alert["rule"], stands_for.get(alert["src"]), stands_for.get(alert["dst"])) for alert in alerts]
    assert back == [(one["rule"], one["src"], one["dst"]) for one in map(json.loads, plain.splitlines()) if one["type"] == "alert"]


def test_stores_are_not_shared(tmp_path: Path) -> None:
    assert_one_line(otwatch("analyze", ATTACK, "--share", tmp_path / "key", "--db", tmp_path / "a.sqlite"), "leave out --db")
    assert_one_line(otwatch("analyze", ATTACK, "--share", tmp_path / "key", "--lake", tmp_path / "lake"), "leave out --db, --lake")
    assert not (tmp_path / "lake").exists()
    assert not (tmp_path / "key").exists()


def test_a_file_that_is_no_key_is_refused_and_stays(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("dear diary")
    with pytest.raises(CaptureError, match="no key of --share"):
        load_pseudonyms(str(tmp_path / "notes.txt"))
    assert_one_line(otwatch("analyze", ATTACK, "--share", tmp_path / "notes.txt"), "no key of --share")
    assert (tmp_path / "notes.txt").read_text() == "dear diary"
