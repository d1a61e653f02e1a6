"""Datagrams of the NetBIOS name service -> facts about hosts and who answers for them. Clauses are of RFC 1002."""

from __future__ import annotations

from typing import Final

from otwatch.limits import Limits
from otwatch.protocols.kit.answered_names import AnsweredNames
from otwatch.protocols.kit.asked_names import AskedNames
from otwatch.protocols.kit.claims import Claims, Place, is_own
from otwatch.protocols.kit.domain_names import RESPONSE, Message, is_printable, labels_at, read
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus

_HEADER: Final = 12
_QUERY, _REGISTRATION, _REFRESH, _REFRESH_TOO, _MULTIHOMED = 0, 5, 8, 9, 15  # opcodes (4.2.1.1)
_CLAIMING: Final = frozenset({_REGISTRATION, _REFRESH, _REFRESH_TOO, _MULTIHOMED})
NB, STATUS = 0x20, 0x21  # types
_RECURSION_AVAILABLE: Final = 0x0080  # a name server answers for everybody, as it should
_GROUP: Final = 0x8000  # of a name
WORKSTATION, SERVER = 0x00, 0x20  # suffixes of unique names that are a host's
_STATUS_NAME: Final = 18  # bytes: name, suffix, flags
_MOST_NAMES: Final = 16  # of one status


def decoded(octets: bytes, at: int) -> tuple[str, int] | None:
    """A NetBIOS name and its suffix: each half of a byte is a letter from A on, blanks fill it (RFC 1001 14.1); None where it is none."""
    found = labels_at(octets, at)
    label = found[0][0] if found is not None and found[0] else b""
    if len(label) != 32 or not all(0x41 <= letter <= 0x50 for letter in label):
        return None
    plain = bytes((label[i] - 0x41) << 4 | (label[i + 1] - 0x41) for i in range(0, 32, 2))
    name = _text(plain[:15])
    return (name, plain[15]) if is_printable(name) else None


def _text(octets: bytes) -> str:
    return octets.rstrip(b" \0").decode("cp1252", "replace")


def _kind(suffix: int, flags: int) -> str:
    """What a name says of a host: name, workgroup, or nothing."""
    if flags & _GROUP:
        return "workgroup" if suffix == WORKSTATION else ""
    return "name" if suffix in (WORKSTATION, SERVER) else ""


class NbnsDissector:
    """Keeps what was said of late, and for which names each host answered."""

    def __init__(self, limits: Limits) -> None:
        self._claims = Claims(limits)
        self._asked = AskedNames(limits, "nbns.query")
        self._answered = AnsweredNames(limits, "nbns.answer")

    def feed(self, pdus: Pdus, _operations: Operations, _anomalies: Anomalies, facts: list[Fact]) -> None:
        """Appends the facts of a batch."""
        for pdu in range(pdus.rows):
            message = read(pdus.octets.tobytes(pdus.start[pdu], pdus.end[pdu]))
            if message is None:
                continue
            if message.flags & RESPONSE:
                if message.code == 0 and message.opcode == _QUERY:
                    self._answer(message, pdus, pdu, facts)
            elif message.opcode in _CLAIMING:
                self._named(message, "nbns.registration", pdus, pdu, facts)
            elif message.opcode == _QUERY and message.questions and message.questions[0][1] == NB and (asked := decoded(message.octets, _HEADER)):
                self._asked.ask(facts, pdus, pdu, asked[0])

    def forget(self, _flow: int) -> int:
        """Nothing is kept of a conversation."""
        return 0

    def _answer(self, message: Message, pdus: Pdus, pdu: int, facts: list[Fact]) -> None:
        for record in message.records[:1]:
            if record.type == STATUS:
                self._status(message.octets[record.start : record.end], pdus, pdu, facts)
            elif record.type == NB:
                name = self._named(message, "nbns.answer", pdus, pdu, facts)
                if name and not message.flags & _RECURSION_AVAILABLE:
                    self._answered.answer(facts, pdus, pdu, name)

    def _named(self, message: Message, source: str, pdus: Pdus, pdu: int, facts: list[Fact]) -> str:
        """Facts of the name that a message is about, and the addresses that have it; the name if it is unique."""
        record = next((one for one in message.records if one.type == NB), None)
        name = decoded(message.octets, _HEADER)  # of the question, or where there is none of the first record
        unique = ""
        if record is None or name is None:
            return unique
        data = message.octets[record.start : record.end]
        for at in range(0, min(len(data) - 5, 6 * _MOST_NAMES), 6):
            flags, address = int.from_bytes(data[at : at + 2], "big"), data[at + 2 : at + 6]
            kind = _kind(name[1], flags)
            if kind and is_own(address):
                self._claims.say(facts, pdus, pdu, address, kind, name[0], source)
                unique = name[0] if kind == "name" else unique
        return unique

    def _status(self, data: bytes, pdus: Pdus, pdu: int, facts: list[Fact]) -> None:
        """The names of who answers, and behind them its MAC (4.2.18)."""
        count = data[0] if data else 0
        end = 1 + count * _STATUS_NAME
        if end > len(data):
            return
        source: Place = int(pdus.source[pdu])
        for at in range(1, min(end, 1 + _MOST_NAMES * _STATUS_NAME), _STATUS_NAME):
            kind, name = _kind(data[at + 15], int.from_bytes(data[at + 16 : at + 18], "big")), _text(data[at : at + 15])
            if kind and is_printable(name):
                self._claims.say(facts, pdus, pdu, source, kind, name, "nbns.status")
        if is_own(data[end : end + 6]):
            self._claims.say(facts, pdus, pdu, source, "mac", ":".join(f"{byte:02x}" for byte in data[end : end + 6]), "nbns.status")
