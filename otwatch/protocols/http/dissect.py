"""Heads of HTTP -> facts: software of both sides, names that are asked for, logins that anybody can read. The password goes nowhere."""

from __future__ import annotations

from base64 import b64decode
from ipaddress import ip_address

from otwatch.limits import Limits
from otwatch.protocols.kit.lines import text_of
from otwatch.protocols.kit.telling import Telling
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus

_FIELDS = frozenset({"server", "user-agent", "host", "authorization", "www-authenticate"})


class HttpDissector:
    """State: none but what was said."""

    def __init__(self, _protocol: int, limits: Limits) -> None:
        self.telling = Telling("http", limits)

    def feed(self, pdus: Pdus, _operations: Operations, _anomalies: Anomalies, facts: list[Fact]) -> None:
        """Appends the facts of a batch in PDU order."""
        for pdu in range(pdus.rows):
            self.telling.begin(pdus, pdu, facts)
            fields = _fields(pdus.octets.tobytes(pdus.start[pdu], pdus.end[pdu]))
            if pdus.direction[pdu]:
                self._answer(fields)
            else:
                self._request(fields)

    def _request(self, fields: dict[str, str]) -> None:
        telling = self.telling
        telling.say(telling.source, "user_agent", fields.get("user-agent", ""), "request")
        host = fields.get("host", "")
        if host and not _is_address(host):
            telling.say(telling.destination, "http_host", host, "request")
        scheme, _, given = fields.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            telling.clear_text("HTTP", _user(given), "authorization", server=telling.destination, client=telling.source)

    def _answer(self, fields: dict[str, str]) -> None:
        telling = self.telling
        telling.say(telling.source, "http_server", fields.get("server", ""), "response")
        telling.say(telling.source, "http_login", fields.get("www-authenticate", "").partition(", nonce")[0], "response")

    def forget(self, flow: int) -> int:
        """The connection is over."""
        self.telling.forget(flow)
        return 0


def _fields(head: bytes) -> dict[str, str]:
    """Name -> value of those that are of interest, the first of each."""
    found: dict[str, str] = {}
    if not head.endswith(b"\r\n\r\n"):
        return found
    for line in head.split(b"\r\n")[1:]:
        name, colon, value = line.partition(b":")
        key = name.decode("latin-1").lower()
        if colon and key in _FIELDS:
            found.setdefault(key, text_of(value))
    return found


def _user(given: str) -> str:
    """The name before the colon; the rest is dropped here."""
    try:
        return text_of(b64decode(given[:1024], validate=True).partition(b":")[0])
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    """Whether a host is asked for by its address, with or without a port."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.rpartition(":")[0] if host.count(":") == 1 else host
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
