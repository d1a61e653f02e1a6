"""CDP frames -> facts about their senders. Plain Python: a device sends one a minute."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final

from otwatch.limits import Limits
from otwatch.protocols.kit.claims import ADMINISTERED, CLAIMED, Claims, Place, is_own, text
from otwatch.protocols.kit.descriptions import described
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus

DEVICE, ADDRESSES, PORT, CAPABILITIES, VERSION, PLATFORM, MANAGEMENT = 1, 2, 3, 4, 5, 6, 0x16
_HEADER: Final = 4  # version, time to live, checksum
_MOST: Final = 64  # TLVs of a frame
_ROUTER, _SWITCH, _HOST, _TELEPHONE = 0x01, 0x08, 0x10, 0x80
_IPV4: Final = b"\x01\x01\xcc\x00\x04"  # NLPID of one byte, IP, an address of four
_MAKER: Final = "cisco "


def tlvs(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, value) of each TLV until one does not fit: two bytes of type, two of length, its own head included."""
    at = _HEADER
    for _ in range(_MOST):
        kind, size = int.from_bytes(octets[at : at + 2], "big"), int.from_bytes(octets[at + 2 : at + 4], "big")
        if size < 4 or at + size > len(octets):
            return
        yield kind, octets[at + 4 : at + size]
        at += size


def addresses(value: bytes) -> list[bytes]:
    """The IPv4 addresses of a list, each behind its protocol and lengths, until one is of another kind."""
    count, at = int.from_bytes(value[:4], "big"), 4
    found: list[bytes] = []
    while len(found) < min(count, 4) and value[at : at + 5] == _IPV4 and at + 9 <= len(value):
        found.append(value[at + 5 : at + 9])
        at += 9
    return found


class CdpDissector:
    """Keeps what was said of late, so that facts are not repeated with every frame."""

    def __init__(self, limits: Limits) -> None:
        self._claims = Claims(limits)

    def feed(self, pdus: Pdus, _operations: Operations, _anomalies: Anomalies, facts: list[Fact]) -> None:
        """Appends the facts of a batch."""
        for pdu in range(pdus.rows):
            octets = pdus.octets.tobytes(pdus.start[pdu], pdus.end[pdu])
            known = list(tlvs(octets)) if octets[:1] in (b"\x01", b"\x02") else []
            if known and known[0][0] == DEVICE:
                self._facts(known, pdus, pdu, facts)

    def forget(self, _flow: int) -> int:
        """Nothing is kept of a conversation."""
        return 0

    def _facts(self, known: list[tuple[int, bytes]], pdus: Pdus, pdu: int, facts: list[Fact]) -> None:
        source = int(pdus.source[pdu])
        whole: list[tuple[str, str]] = []  # of the device, not of its port
        managed: list[bytes] = []
        for kind, value in known:
            if kind == DEVICE:
                whole.append(("name", text(value)))
            elif kind == PORT:
                self._claims.say(facts, pdus, pdu, source, "port", text(value), "cdp", ADMINISTERED)
            elif kind == VERSION:
                whole += [("description", text(value)), *described(" ".join(text(value).split()))]
            elif kind == PLATFORM:
                whole += _platform(text(value))
            elif kind == CAPABILITIES:
                whole.append(("role", _role(value)))
            elif kind in (ADDRESSES, MANAGEMENT):
                managed += [address for address in addresses(value) if is_own(address)]
        places: list[tuple[Place, float]] = [(source, ADMINISTERED), *((address, CLAIMED) for address in dict.fromkeys(managed[:2]))]
        for address in dict.fromkeys(managed[:2]):
            self._claims.say(facts, pdus, pdu, source, "management_address", str(ip_address(address)), "cdp", ADMINISTERED)
        for place, confidence in places:
            for kind_of_fact, shown in whole:
                self._claims.say(facts, pdus, pdu, place, kind_of_fact, shown, "cdp", confidence)


def _platform(platform: str) -> list[tuple[str, str]]:
    """`cisco WS-C2960-24TT-L` names maker and model; of other makers the whole is the model."""
    if platform.lower().startswith(_MAKER):
        return [("vendor", "Cisco"), ("model", platform[len(_MAKER) :])]
    return [("model", platform)]


def _role(value: bytes) -> str:
    bits = int.from_bytes(value[:4], "big") if len(value) == 4 else 0
    if bits & (_HOST | _TELEPHONE):
        return ""
    return "network switch" if bits & _SWITCH else "network router" if bits & _ROUTER else ""
