"""Addresses and their network cards: who uses another's, and what only looks like it."""

from __future__ import annotations

import numpy as np
import pytest

from otwatch.addresses import Addresses
from otwatch.limits import Limits
from otwatch.streams.cards import Cards
from otwatch.tables import Flows

SECOND = 1_000_000_000
OWN, OTHER, THIRD = 0x00D0C90A1020, 0x00E04C0A1077, 0x3C5282112233
ROUTER = 0x000ADC100001


def used(*seen: tuple[float, int], address: str = "10.0.0.20", peer: str = "10.0.0.10") -> list[tuple[int, int, float, float]]:
    """(card known, card that is strange, since, until; seconds) of one address that sends from cards at times."""
    addresses = Addresses()
    cards = Cards(addresses, Flows(), Limits())
    one, other = addresses.intern_text(address), addresses.intern_text(peer)
    for seconds, mac in seen:
        cards.seen(one, other, mac, int(seconds * SECOND), -1, -1)
    return [(strange.known, mac, strange.since_ns / SECOND, strange.until_ns / SECOND) for (_, mac), strange in cards.strange.items()]


def test_another_card_beside_the_known_one_is_strange() -> None:
    found = used((0, OWN), (20, OWN), (30, OTHER), (31, OWN))
    assert [entry[:3] for entry in found] == [(OWN, OTHER, 30)]
    assert found[0][3] > 1e9


def test_both_cards_of_a_team_used_from_the_start_are_its_own() -> None:
    assert used((0, OWN), (1, OTHER), (30, OWN), (31, OTHER)) == []


@pytest.mark.parametrize("mac", [OWN + 1, 0x00005E000105, 0x00000C07AC01, 0x0007B4000102], ids=["team", "vrrp", "hsrp", "glbp"])
def test_neighbouring_and_virtual_cards_say_nothing(mac: int) -> None:
    assert used((0, OWN), (30, mac), (31, OWN)) == []


def test_what_comes_through_a_router_says_nothing() -> None:
    assert used((0, OWN), (30, OTHER), address="172.16.5.20") == []


def test_an_address_that_was_silent_for_long_has_moved() -> None:
    assert used((0, OWN), (20, OWN), (700, OTHER), (720, OTHER)) == []
    assert [entry[:3] for entry in used((0, OWN), (700, OTHER), (720, THIRD))] == [(OTHER, THIRD, 720)]


def test_a_replaced_device_becomes_the_owner_when_the_old_card_stays_away() -> None:
    assert used((0, OWN), (30, OTHER), (700, OTHER), (800, OTHER)) == [(OWN, OTHER, 30, 700)]


def test_behind_a_card_that_carries_many_addresses_anybody_may_be() -> None:
    addresses = Addresses()
    cards = Cards(addresses, Flows(), Limits())
    peer = addresses.intern_text("10.0.0.10")
    for last in range(130, 134):
        cards.seen(addresses.intern_text(f"10.0.0.{last}"), peer, ROUTER, 0, -1, -1)
    cards.seen(addresses.intern_text("10.0.0.130"), peer, ROUTER + 0x10000, 30 * SECOND, -1, -1)  # the second router of the two
    assert not cards.strange


def test_the_card_that_a_flow_had_counts_where_the_address_was_not_known() -> None:
    addresses = Addresses()
    cards = Cards(addresses, Flows(), Limits())
    one, other = addresses.intern_text("10.0.0.10"), addresses.intern_text("10.0.0.20")
    cards.seen(one, other, OTHER, 40 * SECOND, OWN, 0)
    assert [(key[1], strange.known) for key, strange in cards.strange.items()] == [(OTHER, OWN)]


def test_what_is_stored_goes_on() -> None:
    addresses = Addresses()
    cards, again = Cards(addresses, Flows(), Limits()), Cards(addresses, Flows(), Limits())
    one, other = addresses.intern_text("10.0.0.20"), addresses.intern_text("10.0.0.10")
    cards.seen(one, other, OWN, 0, -1, -1)
    cards.seen(one, other, OTHER, 30 * SECOND, -1, -1)
    again.resume(cards.state())
    assert again.state() == cards.state()
    again.seen(one, other, THIRD, 40 * SECOND, -1, -1)
    assert {mac for _, mac in again.strange} == {OTHER, THIRD}


def test_addresses_that_are_forgotten_take_their_cards_along() -> None:
    addresses = Addresses()
    cards = Cards(addresses, Flows(), Limits())
    one, other = addresses.intern_text("10.0.0.20"), addresses.intern_text("10.0.0.10")
    cards.seen(one, other, OWN, 0, -1, -1)
    cards.seen(one, other, OTHER, 30 * SECOND, -1, -1)
    cards.keep({other})
    assert cards.state() == [[], []]


def test_forged_cards_cost_one_look_at_the_flows(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    flows = Flows()
    monkeypatch.setattr(np, "isin", lambda *columns: looked.append(1) or np.zeros(len(columns[0]), np.bool_))
    addresses = Addresses()
    cards = Cards(addresses, flows, Limits())
    one, other = addresses.intern_text("10.0.0.20"), addresses.intern_text("10.0.0.10")
    for seconds, mac in ((0, OWN), (20, OWN), *((30 + number / 100, OTHER + 16 * number) for number in range(500))):
        cards.seen(one, other, mac, int(seconds * SECOND), -1, -1)
    assert len(cards.strange) == 500
    assert len(looked) <= 2
