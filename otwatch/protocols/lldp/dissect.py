"""LLDP frames -> facts about their senders. Plain Python: a device sends one in half a minute. Clauses are of IEEE 802.1AB-2016."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Final

from otwatch.limits import Limits
from otwatch.protocols.kit.claims import ADMINISTERED, CLAIMED, Claims, Place, is_own, text
from otwatch.protocols.kit.descriptions import described
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus

CHASSIS, PORT, TIME_TO_LIVE, PORT_DESCRIPTION, NAME, DESCRIPTION, CAPABILITIES, ADDRESS, ORGANIZATION = 1, 2, 3, 4, 5, 6, 7, 8, 127
_END: Final = 0
_OPENING: Final = [CHASSIS, PORT, TIME_TO_LIVE]  # 8.2: these stand first, in this order, once
_MOST: Final = 128  # TLVs of a frame: of 1,500 bytes few devices send twenty
_MAC, _NETWORK_ADDRESS = 4, 5  # chassis subtypes; those of ports are one lower
_BRIDGE, _ACCESS_POINT, _ROUTER, _TELEPHONE, _STATION = 0x04, 0x08, 0x10, 0x20, 0x80  # 8.5.8.1
_MED: Final = b"\x00\x12\xbb"
_INVENTORY: Final = {5: "hardware", 6: "firmware", 7: "software", 8: "serial", 9: "vendor", 10: "model", 11: "asset_id"}  # ANSI/TIA-1057 10.2.6
_SOURCE: Final = "lldp"


def tlvs(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, value) of each TLV up to the end of the LLDPDU, or the first that does not fit: 7 bits of type, 9 of length (8.4)."""
    at = 0
    for _ in range(_MOST):
        if at + 2 > len(octets):
            return
        head = int.from_bytes(octets[at : at + 2], "big")
        kind, end = head >> 9, at + 2 + (head & 0x1FF)
        if kind == _END or end > len(octets):
            return
        yield kind, octets[at + 2 : end]
        at = end


def identifier(value: bytes, lower: int) -> str:
    """A chassis or port id: `lower` 0 of a chassis, 1 of a port, whose subtypes of MAC and address are one lower (8.5.2.2, 8.5.3.2)."""
    kind, content = value[0] + lower if value else 0, value[1:]
    if kind == _MAC:
        return ":".join(f"{byte:02x}" for byte in content) if len(content) == 6 else ""
    if kind == _NETWORK_ADDRESS:
        return ".".join(map(str, content[1:])) if len(content) == 5 and content[0] == 1 else ""
    return text(content)


def management_address(value: bytes) -> bytes:
    """The IP address of a management address TLV (8.5.9); empty where it is of another kind or does not fit."""
    size = value[0] - 1 if value else -1
    if size not in (4, 16) or len(value) < size + 2 or value[1] != (1 if size == 4 else 2):
        return b""
    return value[2 : 2 + size]


class LldpDissector:
    """Keeps what was said of late, so that facts are not repeated with every frame."""

    def __init__(self, limits: Limits) -> None:
        self._claims = Claims(limits)

    def feed(self, pdus: Pdus, _operations: Operations, _anomalies: Anomalies, facts: list[Fact]) -> None:
        """Appends the facts of a batch."""
        for pdu in range(pdus.rows):
            known = list(tlvs(pdus.octets.tobytes(pdus.start[pdu], pdus.end[pdu])))
            if [kind for kind, _ in known[:3]] == _OPENING:
                self._facts(known, pdus, pdu, facts)

    def forget(self, _flow: int) -> int:
        """Nothing is kept of a conversation."""
        return 0

    def _facts(self, known: list[tuple[int, bytes]], pdus: Pdus, pdu: int, facts: list[Fact]) -> None:
        said: list[tuple[str, str]] = [("chassis_id", identifier(known[0][1], 0)), ("port", identifier(known[1][1], 1))]
        places: list[tuple[Place, float]] = [(int(pdus.source[pdu]), ADMINISTERED)]
        whole: list[tuple[str, str, str]] = []  # kind, value and source, of the device, not of its port
        for kind, value in known[3:]:
            if kind == PORT_DESCRIPTION:
                said.append(("port_description", text(value)))
            elif kind == NAME:
                whole.append(("name", text(value), _SOURCE))
            elif kind == DESCRIPTION:
                whole.append(("description", text(value), _SOURCE))
                whole += [(said_kind, shown, "lldp.description") for said_kind, shown in described(text(value))]
            elif kind == CAPABILITIES:
                whole.append(("role", _role(value), _SOURCE))
            elif kind == ADDRESS and is_own(address := management_address(value)):
                said.append(("management_address", str(ip_address(address))))
                if len(places) < 3:
                    places.append((address, CLAIMED))
            elif kind == ORGANIZATION and value[:3] == _MED and len(value) > 4 and value[3] in _INVENTORY:
                whole.append((_INVENTORY[value[3]], text(value[4:]), "lldp.inventory"))
        for kind_of_fact, shown in said:
            self._claims.say(facts, pdus, pdu, places[0][0], kind_of_fact, shown, _SOURCE, ADMINISTERED)
        for place, confidence in places:
            for kind_of_fact, shown, source in whole:
                self._claims.say(facts, pdus, pdu, place, kind_of_fact, shown, source, confidence)


def _role(value: bytes) -> str:
    """What the enabled capabilities make of a device: telephones, access points and stations forward frames, too."""
    enabled = int.from_bytes(value[2:4], "big") if len(value) >= 4 else 0
    if enabled & (_ACCESS_POINT | _TELEPHONE | _STATION):
        return ""
    return "network router" if enabled & _ROUTER else "network switch" if enabled & _BRIDGE else ""
