"""The maker of a network card."""

from __future__ import annotations

import pytest

from otwatch.addresses import is_group_mac, mac_text
from otwatch.inventory.oui import vendor_of


def number(text: str) -> int:
    return int(text.replace(":", ""), 16)


@pytest.mark.parametrize(("mac", "vendor"), [
    ("00:1b:1b:0a:10:11", "Siemens AG,"),
    ("00:80:f4:0a:10:10", "TELEMECANIQUE ELECTRIQUE"),
    ("00:30:a7:0a:10:12", "SCHWEITZER ENGINEERING"),
    ("00:00:0c:00:00:01", "Cisco Systems, Inc"),
])
def test_known_makers(mac: str, vendor: str) -> None:
    assert vendor_of(number(mac)) == vendor


@pytest.mark.parametrize("mac", ["02:00:00:00:00:01", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:fb", "33:33:00:00:00:01", "3e:52:82:05:00:66"])
def test_made_up_and_group_addresses_have_none(mac: str) -> None:
    assert vendor_of(number(mac)) == ""


def test_no_mac_has_none() -> None:
    assert vendor_of(-1) == ""
    assert mac_text(-1) == ""


def test_the_longest_assignment_wins() -> None:
    """70:B3:D5 is cut into 36-bit pieces (MA-S): the piece says who, not the whole."""
    assert vendor_of(number("70:b3:d5:7a:b0:01")) not in ("", "IEEE Registration Authority")
    assert vendor_of(number("70:b3:d5:7a:b0:01")) != vendor_of(number("70:b3:d5:00:10:01"))


def test_text_of_a_mac() -> None:
    assert mac_text(0x00D0C90A1020) == "00:d0:c9:0a:10:20"
    assert mac_text(0) == "00:00:00:00:00:00"


@pytest.mark.parametrize(("mac", "group"), [("01:80:c2:00:00:0e", True), ("ff:ff:ff:ff:ff:ff", True), ("00:80:f4:0a:10:10", False)])
def test_group_addresses(mac: str, group: bool) -> None:
    assert is_group_mac(number(mac)) is group


def test_no_mac_is_no_group() -> None:
    assert not is_group_mac(-1)
