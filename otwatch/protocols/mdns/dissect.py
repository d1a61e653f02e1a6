"""mDNS datagrams -> facts about hosts and what they offer."""

from __future__ import annotations

from typing import Final

from otwatch.limits import Limits
from otwatch.protocols.kit.asked_names import AskedNames
from otwatch.protocols.kit.claims import Claims, is_own
from otwatch.protocols.kit.domain_names import HINFO, PTR, RESPONSE, SRV, TXT, Message, Record, is_printable, read, reverse
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus

_AUTHORITY: Final = 2  # section: in a query, what a host means to claim
_DEVICE_INFO: Final = "._device-info._tcp.local"
_MOST_FACTS: Final = 32  # of one message


class MdnsDissector:
    """Keeps what was said of late."""

    def __init__(self, limits: Limits) -> None:
        self._claims = Claims(limits)
        self._asked = AskedNames(limits, "mdns.query")

    def feed(self, pdus: Pdus, _operations: Operations, _anomalies: Anomalies, facts: list[Fact]) -> None:
        """Appends the facts of a batch."""
        for pdu in range(pdus.rows):
            message = read(pdus.octets.tobytes(pdus.start[pdu], pdus.end[pdu]))
            if message is None or message.opcode != 0:
                continue
            if message.flags & RESPONSE:
                self._announced(message, pdus, pdu, facts)
                continue
            for name, _ in message.questions[:_MOST_FACTS]:
                if is_printable(name):
                    self._asked.ask(facts, pdus, pdu, name)

    def forget(self, _flow: int) -> int:
        """Nothing is kept of a conversation."""
        return 0

    def _announced(self, message: Message, pdus: Pdus, pdu: int, facts: list[Fact]) -> None:
        source, before = int(pdus.source[pdu]), len(facts)
        for record in message.records:
            if record.section == _AUTHORITY or len(facts) - before >= _MOST_FACTS:
                continue
            address, name = message.address(record), record.name
            if record.type == PTR and (address := reverse(record.name)):
                name = message.pointed(record)
            if address:
                if is_own(address) and is_printable(name):
                    self._claims.say(facts, pdus, pdu, address, "name", name, "mdns.announcement")
                continue
            for kind, value in _of_sender(message, record):
                if is_printable(value):
                    self._claims.say(facts, pdus, pdu, source, kind, value, "mdns.announcement")


def _of_sender(message: Message, record: Record) -> list[tuple[str, str]]:
    """(kind, value) of what a record says of who sends it."""
    octets = message.octets[record.start : record.end]
    if record.type == SRV and len(octets) > 6 and message.pointed(record, 6):
        return [("service", f"{record.name} port {int.from_bytes(octets[4:6], 'big')}")]
    if record.type == HINFO and len(parts := _strings(octets)) == 2:
        return [("os", parts[1])]
    if record.type == TXT and record.name.endswith(_DEVICE_INFO):
        return [("device_info", part.removeprefix("model=")) for part in _strings(octets) if part.startswith("model=")]
    return []


def _strings(octets: bytes) -> list[str]:
    """Character strings, each behind its length (RFC 1035 3.3)."""
    found, at = [], 0
    while at < len(octets) and at + 1 + octets[at] <= len(octets):
        found.append(octets[at + 1 : at + 1 + octets[at]].decode("utf-8", "replace"))
        at += 1 + octets[at]
    return found
