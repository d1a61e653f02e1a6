"""Control packets of MQTT -> facts: clients, user names, topics. Passwords and what is published go nowhere."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.kit.lines import text_of
from otwatch.protocols.kit.telling import Telling
from otwatch.protocols.mqtt.framing import CONNACK, CONNECT, KEPT, PUBLISH, SUBSCRIBE, length_at
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus

_USER, _PASSWORD, _WILL = 0x80, 0x40, 0x04  # of the flags of CONNECT
_VERSION_5 = 5
_TOPICS = 16  # of one SUBSCRIBE


class MqttDissector:
    """State: version of each connection, and whether its client gave a user name."""

    def __init__(self, _protocol: int, limits: Limits) -> None:
        self.telling = Telling("mqtt", limits)
        self._named: dict[int, tuple[int, bool]] = {}

    def feed(self, pdus: Pdus, _operations: Operations, _anomalies: Anomalies, facts: list[Fact]) -> None:
        """Appends the facts of a batch in PDU order."""
        telling = self.telling
        for pdu in range(pdus.rows):
            telling.begin(pdus, pdu, facts)
            octets, flow = pdus.octets.tobytes(pdus.start[pdu], pdus.end[pdu]), int(pdus.flow[pdu])
            size, length = length_at(octets, 0)
            if len(octets) < min(size + length, KEPT):
                continue
            kind, body = octets[0], octets[max(size, 0) :]
            version, named = self._named.get(flow, (0, True))
            if kind == CONNECT and not pdus.direction[pdu]:
                self._named[flow] = self._connect(body)
            elif kind == CONNACK and pdus.direction[pdu] and body[1:2] == b"\0" and not named:
                telling.say(telling.source, "anonymous_login", "MQTT", "connack")
            elif kind & 0xF0 == PUBLISH and not pdus.direction[pdu]:
                telling.say(telling.source, "mqtt_published", text_of(_field(body, 0)[0]), "publish")
            elif kind == SUBSCRIBE and not pdus.direction[pdu]:
                self._subscribe(body, version)

    def _connect(self, body: bytes) -> tuple[int, bool]:
        """(version, whether there is a user name); body: name, version, flags, keep alive, properties (5), client, will, user, password."""
        telling = self.telling
        _, at = _field(body, 0)
        version, flags = (body[at], body[at + 1]) if at + 1 < len(body) else (0, 0)
        at = _behind_properties(body, at + 4, version)
        client, at = _field(body, at)
        telling.say(telling.source, "mqtt_client_id", text_of(client), "connect")
        if flags & _WILL:
            at = _behind_properties(body, at, version)
            _, at = _field(body, at)
            _, at = _field(body, at)
        user = text_of(_field(body, at)[0]) if flags & _USER else ""
        telling.say(telling.source, "user", user, "connect")
        if flags & _PASSWORD:
            telling.clear_text("MQTT", user, "connect", server=telling.destination, client=telling.source)
        return version, bool(flags & _USER)

    def _subscribe(self, body: bytes, version: int) -> None:
        at = _behind_properties(body, 2, version)
        for _ in range(_TOPICS):
            topic, following = _field(body, at)
            if not topic:
                return
            self.telling.say(self.telling.source, "mqtt_subscribed", text_of(topic), "subscribe")
            at = following + 1

    def forget(self, flow: int) -> int:
        """The connection is over."""
        self._named.pop(flow, None)
        self.telling.forget(flow)
        return 0


def _field(body: bytes, at: int) -> tuple[bytes, int]:
    """A field with its length before it, and where the next one begins; empty where it is not whole."""
    size = int.from_bytes(body[at : at + 2])
    end = at + 2 + size
    return (body[at + 2 : end] if end <= len(body) else b""), end


def _behind_properties(body: bytes, at: int, version: int) -> int:
    """Where properties end, which version 5 has."""
    if version < _VERSION_5:
        return at
    size, length = length_at(body, at - 1)
    return at + max(size, 1) - 1 + length
