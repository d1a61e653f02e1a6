"""Facts of protocols in which hosts say who they are, again and again: a thing that is said again soon is no new fact."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

from otwatch.limits import Limits
from otwatch.protocols.spec import Fact
from otwatch.tables import Pdus

AGAIN_NS: Final = 600_000_000_000  # a fact is handed on again after so long, so that it is known when it was said last
_REMEMBERED: Final = 65_536  # facts; beyond it they may repeat

# Confidence in what is said of a host in plain traffic: below what a controller says when it is asked.
ADMINISTERED: Final = 0.9  # by the equipment itself, in a protocol of its administration
CLAIMED: Final = 0.6  # by the host, as anybody can
GIVEN: Final = 0.4  # by another host

Place = int | bytes  # interned address, or one that the message names (Fact.about)


class Claims:
    """Hands on what messages say, each fact once in ten minutes."""

    def __init__(self, limits: Limits) -> None:
        self._characters = limits.text_characters
        self._said: dict[tuple[Place, str, str | int, str, int], int] = {}  # fact -> when it was handed on

    def say(
        self, facts: list[Fact], pdus: Pdus, pdu: int, place: Place, kind: str, value: str | int, source: str, confidence: float = CLAIMED,
        *, kept: bool = True, peer: int = -1,
    ) -> None:
        """A fact of a PDU about `place`. A value without text is none; a number is an interned address. `peer`: who did it, of an act."""
        value = value.strip(" \0\t\r\n")[: self._characters] if isinstance(value, str) else value
        key = place, kind, value, source, peer
        now = int(pdus.timestamp_ns[pdu])
        before = self._said.get(key)
        if value == "" or (before is not None and 0 <= now - before < AGAIN_NS):
            return
        if len(self._said) >= _REMEMBERED:
            self._said.clear()
        self._said[key] = now
        facts.append(
            Fact(
                timestamp_ns=now,
                frame=int(pdus.frame[pdu]),
                flow=int(pdus.flow[pdu]),
                address=place if isinstance(place, int) else -1,
                about=place if isinstance(place, bytes) else b"",
                kind=kind,
                value=value if isinstance(value, str) else "",
                names=value if isinstance(value, int) else -1,
                source=source,
                confidence=confidence,
                kept=kept,
                peer=peer,
            )
        )


def text(octets: bytes) -> str:
    """A string of the wire, tolerantly: up to the first NUL."""
    return octets.partition(b"\0")[0].decode("utf-8", "replace").strip()


def is_public(address: bytes) -> bool:
    """Whether an address of 4 or 16 bytes is one of the internet."""
    return ip_address(address).is_global


def is_own(address: bytes) -> bool:
    """Whether an address of 4 or 16 bytes, or a MAC of 6, can be one host's: not unspecified, loopback, broadcast or a group's."""
    if not any(address) or address[0] == 0xFF:
        return False
    if len(address) == 4:
        return 0 < address[0] < 224 and address[0] != 127
    if len(address) == 16:
        return address != bytes(15) + b"\1"
    return len(address) == 6 and not address[0] & 1
