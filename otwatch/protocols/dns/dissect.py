"""DNS datagrams -> facts about who asks, who answers, and the addresses that have names."""

from __future__ import annotations

from typing import Final

from otwatch.limits import Limits
from otwatch.protocols.kit.asked_names import AskedNames
from otwatch.protocols.kit.claims import ADMINISTERED, GIVEN, Claims, is_own, is_public
from otwatch.protocols.kit.domain_names import PTR, RESPONSE, Message, is_printable, read, reverse
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus

_ANSWER: Final = 1  # section
_AUTHORITATIVE, _RECURSION_AVAILABLE = 0x0400, 0x0080
_MOST_ADDRESSES: Final = 16  # of one answer that are given its name


class DnsDissector:
    """Keeps what was said of late."""

    def __init__(self, limits: Limits) -> None:
        self._claims = Claims(limits)
        self._asked = AskedNames(limits, "dns.query")

    def feed(self, pdus: Pdus, _operations: Operations, _anomalies: Anomalies, facts: list[Fact]) -> None:
        """Appends the facts of a batch."""
        for pdu in range(pdus.rows):
            message = read(pdus.octets.tobytes(pdus.start[pdu], pdus.end[pdu]))
            if message is None or message.opcode != 0 or len(message.questions) != 1:
                continue
            if message.flags & RESPONSE:
                self._answer(message, pdus, pdu, facts)
            elif is_printable(message.questions[0][0]):
                self._asked.ask(facts, pdus, pdu, message.questions[0][0])

    def forget(self, _flow: int) -> int:
        """Nothing is kept of a conversation."""
        return 0

    def _answer(self, message: Message, pdus: Pdus, pdu: int, facts: list[Fact]) -> None:
        if message.flags & (_AUTHORITATIVE | _RECURSION_AVAILABLE):
            kind = "resolver" if message.flags & _RECURSION_AVAILABLE else "authoritative"
            self._claims.say(facts, pdus, pdu, int(pdus.source[pdu]), "dns_server", kind, "dns.server", ADMINISTERED)
        asked, kind_asked = message.questions[0]
        given = 0
        for record in message.records:
            if record.section != _ANSWER or given >= _MOST_ADDRESSES:
                continue
            address, name, source = message.address(record), asked, "dns.answer"
            if record.type == PTR and kind_asked == PTR:
                address, name, source = reverse(record.name), message.pointed(record), "dns.pointer"
            if is_own(address) and is_printable(name):
                given += 1
                self._claims.say(facts, pdus, pdu, address, "name", name, source, GIVEN)
                if source == "dns.answer" and is_public(address):
                    asker = int(pdus.destination[pdu])
                    self._claims.say(facts, pdus, pdu, asker, "resolves_outside", name, source, ADMINISTERED, kept=False)
