"""LLMNR datagrams -> facts about who asks for which names, and who answers. Clauses are of RFC 4795."""

from __future__ import annotations

from typing import Final

from otwatch.limits import Limits
from otwatch.protocols.kit.answered_names import AnsweredNames
from otwatch.protocols.kit.asked_names import AskedNames
from otwatch.protocols.kit.claims import Claims, is_own
from otwatch.protocols.kit.domain_names import RESPONSE, is_printable, read
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus

_MOST_ADDRESSES: Final = 8  # of one answer


class LlmnrDissector:
    """Keeps what was said of late, and for which names each host answered."""

    def __init__(self, limits: Limits) -> None:
        self._claims = Claims(limits)
        self._asked = AskedNames(limits, "llmnr.query")
        self._answered = AnsweredNames(limits, "llmnr.answer")

    def feed(self, pdus: Pdus, _operations: Operations, _anomalies: Anomalies, facts: list[Fact]) -> None:
        """Appends the facts of a batch."""
        for pdu in range(pdus.rows):
            message = read(pdus.octets.tobytes(pdus.start[pdu], pdus.end[pdu]))
            if message is None or message.opcode != 0 or len(message.questions) != 1 or not is_printable(message.questions[0][0]):  # 2.1.1
                continue
            name = message.questions[0][0]
            if not message.flags & RESPONSE:
                self._asked.ask(facts, pdus, pdu, name)
                continue
            addresses = [found for record in message.records if record.section == 1 and is_own(found := message.address(record))]
            for address in addresses[:_MOST_ADDRESSES]:
                self._claims.say(facts, pdus, pdu, address, "name", name, "llmnr.answer")
            if addresses:
                self._answered.answer(facts, pdus, pdu, name)

    def forget(self, _flow: int) -> int:
        """Nothing is kept of a conversation."""
        return 0
