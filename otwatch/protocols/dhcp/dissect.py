"""DHCP datagrams -> facts about clients and servers. Plain Python: a client asks once in hours."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any, Final

from otwatch.limits import Limits
from otwatch.protocols.kit.claims import ADMINISTERED, AGAIN_NS, CLAIMED, Claims, Place, is_own, text
from otwatch.protocols.kit.domain_names import is_printable, name_at
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus

REQUEST, REPLY = 1, 2
_FIXED: Final = 236  # bytes before the cookie (RFC 2131 2)
_COOKIE: Final = b"\x63\x82\x53\x63"
_PAD, _END = 0, 255
ROUTER, NAME_SERVER, HOST_NAME, TYPE, SERVER, PARAMETERS, VENDOR_CLASS, DOMAIN_NAME = 3, 6, 12, 53, 54, 55, 60, 81
OFFER, ACKNOWLEDGE = 2, 5
_ENCODED: Final = 0x04  # option 81: its name is written as in DNS (RFC 4702 2.1)
_REMEMBERED: Final = 8_192  # clients whose names wait for an address, or whose server is known


@dataclass(frozen=True, slots=True)
class Message:
    """The parts of a message that are read."""

    op: int
    client_address: bytes
    given_address: bytes
    client_mac: bytes  # empty where it is none of Ethernet
    options: dict[int, bytes]

    @property
    def type(self) -> int:
        """Option 53; 0 of BOOTP."""
        kind = self.options.get(TYPE, b"")
        return kind[0] if len(kind) == 1 else 0


def read(octets: bytes) -> Message | None:
    """The message, if it is one from its first byte to its end option; None otherwise. An option that comes in parts is put together (RFC 3396)."""
    if len(octets) <= _FIXED + 4 or octets[0] not in (REQUEST, REPLY) or octets[_FIXED : _FIXED + 4] != _COOKIE:
        return None
    options: dict[int, bytes] = {}
    at = _FIXED + 4
    while at < len(octets) and octets[at] != _END:
        if octets[at] == _PAD:
            at += 1
            continue
        end = at + 2 + octets[at + 1] if at + 1 < len(octets) else len(octets) + 1
        if end > len(octets):
            return None
        options[octets[at]] = options.get(octets[at], b"") + octets[at + 2 : end]
        at = end
    if at >= len(octets):
        return None
    mac = octets[28:34] if octets[1:3] == b"\x01\x06" else b""
    return Message(octets[0], octets[12:16], octets[16:20], mac, options)


def names(options: dict[int, bytes]) -> list[str]:
    """Host name, and domain name, that a client says it has."""
    domain = options.get(DOMAIN_NAME, b"")
    encoded = len(domain) > 3 and domain[0] & _ENCODED
    found = name_at(domain + b"\0", 3) if encoded else None
    full = (found[0] if found is not None else "") if encoded else text(domain[3:])
    return [name for name in dict.fromkeys((text(options.get(HOST_NAME, b"")), full)) if is_printable(name)]


def _addresses(octets: bytes) -> str:
    return " ".join(str(IPv4Address(octets[at : at + 4])) for at in range(0, min(len(octets) - 3, 16), 4))


class DhcpDissector:
    """Remembers what a client said until a server gives it an address, and what servers gave to clients."""

    def __init__(self, limits: Limits) -> None:
        self._claims = Claims(limits)
        self._said: dict[bytes, list[tuple[str, str]]] = {}  # MAC of a client -> what it said of itself
        self._given: dict[bytes, dict[bytes, tuple[int, str]]] = {}  # MAC of a client -> server -> when, gateway and name servers

    def feed(self, pdus: Pdus, _operations: Operations, _anomalies: Anomalies, facts: list[Fact]) -> None:
        """Appends the facts of a batch."""
        for pdu in range(pdus.rows):
            message = read(pdus.octets.tobytes(pdus.start[pdu], pdus.end[pdu]))
            if message is None or not is_own(message.client_mac):
                continue
            if message.op == REQUEST:
                self._client(message, pdus, pdu, facts)
            elif message.type in (OFFER, ACKNOWLEDGE):
                self._server(message, pdus, pdu, facts)

    def forget(self, _flow: int) -> int:
        """Nothing is kept of a conversation."""
        return 0

    def _client(self, message: Message, pdus: Pdus, pdu: int, facts: list[Fact]) -> None:
        said = [("name", name) for name in names(message.options)]
        said.append(("dhcp_vendor_class", text(message.options.get(VENDOR_CLASS, b""))))
        said.append(("dhcp_fingerprint", ",".join(map(str, message.options.get(PARAMETERS, b"")))))
        _make_room(self._said, message.client_mac)
        self._said[message.client_mac] = said
        places: list[Place] = [message.client_mac, *([message.client_address] if is_own(message.client_address) else [])]
        self._say(said, places, pdus, pdu, facts)

    def _server(self, message: Message, pdus: Pdus, pdu: int, facts: list[Fact]) -> None:
        address = message.given_address if is_own(message.given_address) else message.client_address
        if message.type == ACKNOWLEDGE and is_own(address):
            self._say(self._said.get(message.client_mac, []), [address], pdus, pdu, facts)
        server = message.options.get(SERVER, b"")
        if len(server) != 4 or not is_own(server):
            return
        gateway, name_servers = (_addresses(message.options.get(option, b"")) or "none" for option in (ROUTER, NAME_SERVER))
        gives = f"gateway {gateway}, name servers {name_servers}"
        self._claims.say(facts, pdus, pdu, server, "dhcp_server", gives, "dhcp.server", ADMINISTERED)
        _make_room(self._given, message.client_mac)
        given = self._given.setdefault(message.client_mac, {})
        now = int(pdus.timestamp_ns[pdu])
        for other, (when, gave) in given.items():
            if other != server and gave != gives and 0 <= now - when <= AGAIN_NS:
                conflict = f"{gives}; {IPv4Address(other)} gave {gave}"
                self._claims.say(facts, pdus, pdu, server, "dhcp_conflict", conflict, "dhcp.server", ADMINISTERED)
        if len(given) < 8 or server in given:
            given[server] = now, gives

    def _say(self, said: list[tuple[str, str]], places: list[Place], pdus: Pdus, pdu: int, facts: list[Fact]) -> None:
        for place in places:
            for kind, value in said:
                self._claims.say(facts, pdus, pdu, place, kind, value, "dhcp.client", CLAIMED)


def _make_room(known: dict[bytes, Any], key: bytes) -> None:
    """The oldest goes where there is no room."""
    if key not in known and len(known) >= _REMEMBERED:
        del known[next(iter(known))]
