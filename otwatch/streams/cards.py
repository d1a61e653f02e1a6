"""Which network card an address sends from, and when it sends from another: somebody who uses it beside its owner, or in its place.

Asked when a flow opens and when the card of a flow's side changes, never per packet. What an address sends from in its first ten seconds is its own:
a team of cards sends from each, and a tap at two points sees the owner's and the router's. Cards of one device (neighbouring numbers), virtual cards
of redundant routers, and what comes through a router (the other side is in another network, or the card carries several addresses) say nothing.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from otwatch.addresses import Addresses, is_group_mac
from otwatch.decode.bindings import is_virtual
from otwatch.limits import Limits
from otwatch.tables import Flows

LEARNING_NS: Final = 10_000_000_000
WINDOW_NS: Final = 600_000_000_000  # an address whose cards were silent for so long may have moved to another device
_INTERFACES: Final = 8  # cards of one device have neighbouring numbers
_CARDS: Final = 8  # of one address
_CARRIED: Final = 4  # addresses of one card; from so many on it is a router's
_FOREVER: Final = 0x7FFF_FFFF_FFFF_FFFF


class _Home:
    """The cards of an address, and when they were seen."""

    __slots__ = ("first_ns", "last_ns", "macs")

    def __init__(self, mac: int, first_ns: int, last_ns: int) -> None:
        self.macs = [mac]
        self.first_ns, self.last_ns = first_ns, last_ns


class Strange:
    """A card that used an address of another one, and from when until when."""

    __slots__ = ("known", "since_ns", "until_ns")

    def __init__(self, known: int, since_ns: int) -> None:
        self.known = known  # the card that the address had
        self.since_ns, self.until_ns = since_ns, _FOREVER


class Cards:
    """`strange`: (address, MAC) -> since when it is no card of the address. Bounded by `limits.assets`; what is beyond is counted in `refused`."""

    def __init__(self, addresses: Addresses, flows: Flows, limits: Limits) -> None:
        self._addresses = addresses
        self._flows = flows
        self._limit = limits.assets
        self._homes: dict[int, _Home] = {}
        self._carried: dict[int, set[int]] = {}  # MAC -> addresses that send from it, no more than tell a router
        self.strange: dict[tuple[int, int], Strange] = {}
        self.refused = 0

    def seen(self, address: int, other: int, mac: int, now_ns: int, before: int, since_ns: int) -> None:
        """An address sends to another from a card. `before`: the card that it sent from in this flow, `since_ns`; -1 if it had not sent."""
        home = self._homes.get(address)
        if home is None:
            if mac <= 0 or is_group_mac(mac):
                return
            if len(self._homes) >= self._limit:
                self.refused += 1
                return
            first = before if before > 0 else mac
            home = self._homes[address] = _Home(first, since_ns if before > 0 else now_ns, now_ns)
            self._carry(first, address)
        if home.macs[-1] == mac or mac in home.macs:
            home.last_ns = max(home.last_ns, now_ns)
        elif mac > 0:
            self._other(home, address, other, mac, now_ns)

    def _other(self, home: _Home, address: int, other: int, mac: int, now_ns: int) -> None:
        strange = self.strange.get((address, mac))
        if strange is None:
            known = home.macs
            if now_ns - home.first_ns < LEARNING_NS or is_virtual(mac) or any(is_virtual(card) or abs(mac - card) < _INTERFACES for card in known):
                if len(known) < _CARDS:
                    known.append(mac)
                    self._carry(mac, address)
                return
            if any(len(self._carried.get(card, ())) >= _CARRIED for card in known) or not _near(self._addresses, address, other):
                return
        elif strange.until_ns <= now_ns:
            return
        if self._is_silent(home, address, now_ns):
            self._homes[address] = _Home(mac, now_ns, now_ns)
            self._carry(mac, address)
            if strange is not None:
                strange.until_ns = now_ns
        elif strange is None and len(self.strange) < self._limit:
            self.strange[address, mac] = Strange(home.macs[0], now_ns)
        elif strange is None:
            self.refused += 1

    def _is_silent(self, home: _Home, address: int, now_ns: int) -> bool:
        """Whether the cards of an address sent nothing for long. Open flows are looked through once in that time, however many cards are forged."""
        if now_ns - home.last_ns <= WINDOW_NS:
            return False
        flows = self._flows
        for side, card in (("client", "mac_client"), ("server", "mac_server")):
            own = (flows.array(side) == address) & np.isin(flows.array(card), home.macs)
            if own.any():
                home.last_ns = max(home.last_ns, int(flows.array("last_ns")[own].max()))
        return now_ns - home.last_ns > WINDOW_NS

    def _carry(self, mac: int, address: int) -> None:
        carried = self._carried.setdefault(mac, set())
        if len(carried) < _CARRIED:
            carried.add(address)

    def state(self) -> list[list[list[int]]]:
        """Everything, of the types of JSON."""
        return [
            [[address, home.first_ns, home.last_ns, *home.macs] for address, home in self._homes.items()],
            [[*key, strange.known, strange.since_ns, strange.until_ns] for key, strange in self.strange.items()],
        ]

    def resume(self, stored: list[list[list[int]]]) -> None:
        """Goes on from `state`. ValueError or TypeError when it is none."""
        homes, stranges = stored
        for address, first_ns, last_ns, *macs in homes[: self._limit]:
            home = self._homes[int(address)] = _Home(int(macs[0]), int(first_ns), int(last_ns))
            home.macs = [int(mac) for mac in macs[:_CARDS]]
            for mac in home.macs:
                self._carry(mac, int(address))
        for address, mac, known, since_ns, until_ns in stranges[: self._limit]:
            strange = self.strange[int(address), int(mac)] = Strange(int(known), int(since_ns))
            strange.until_ns = int(until_ns)

    def keep(self, addresses: set[int]) -> None:
        """The other addresses are forgotten: their ids will be of others."""
        self._homes = {address: home for address, home in self._homes.items() if address in addresses}
        self.strange = {key: strange for key, strange in self.strange.items() if key[0] in addresses}
        self._carried = {}
        for address, home in self._homes.items():
            for mac in home.macs:
                self._carry(mac, address)


def _near(addresses: Addresses, one: int, other: int) -> bool:
    """Whether no router is between them, as far as their addresses tell: both are in one /24 or /64."""
    if one <= 0 or other <= 0:
        return False
    ip, peer = addresses.ip(one), addresses.ip(other)
    bits = 8 if ip.version == 4 else 64
    return ip.version == peer.version and int(ip) >> bits == int(peer) >> bits
