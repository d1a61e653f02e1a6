"""SNMP datagrams -> facts about agents. Plain Python: what an agent says of itself is asked for rarely, and of polls the names decide."""

from __future__ import annotations

from typing import Final

from otwatch.limits import Limits
from otwatch.protocols.kit.claims import ADMINISTERED, Claims, text
from otwatch.protocols.kit.descriptions import described
from otwatch.protocols.snmp.message import INFORM, OBJECT, REPORT, RESPONSE, SET, STRING, TRAP, TRAP_V1, Message, Variable, dotted, read
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus

_DEFAULTS: Final = frozenset({b"public", b"private"})
_SYSTEM: Final = bytes.fromhex("2b06010201" "01")  # 1.3.6.1.2.1.1
_ENTITY: Final = bytes.fromhex("2b06010201" "2f01010101")  # 1.3.6.1.2.1.47.1.1.1.1, columns of entPhysicalTable
_SYSTEM_KINDS: Final = {1: "description", 2: "object_id", 5: "name", 6: "location"}
_ENTITY_KINDS: Final = {8: "hardware", 9: "firmware", 10: "software", 11: "serial", 12: "vendor", 13: "model"}
_ENTERPRISES: Final = "1.3.6.1.4.1."
_MAKERS: Final = {  # numbers that IANA gave (private enterprise numbers)
    "9": "Cisco", "11": "Hewlett-Packard", "248": "Hirschmann", "318": "APC", "3833": "Schneider Electric", "4196": "Siemens", "4329": "Siemens",
    "4346": "Phoenix Contact", "8691": "Moxa", "15004": "RuggedCom",
}  # fmt: skip
_ERRORS: Final = {
    1: "tooBig", 2: "noSuchName", 3: "badValue", 4: "readOnly", 5: "genErr", 6: "noAccess", 7: "wrongType", 8: "wrongLength", 9: "wrongEncoding",
    10: "wrongValue", 11: "noCreation", 12: "inconsistentValue", 13: "resourceUnavailable", 14: "commitFailed", 15: "undoFailed",
    16: "authorizationError", 17: "notWritable", 18: "inconsistentName",
}  # fmt: skip
_SOURCE: Final = "snmp.agent"
_OBJECTS: Final = 4  # of a Set that are named
_WAITING: Final = 4_096  # Sets without their answers


class SnmpDissector:
    """Remembers what was said of late, and the Sets that wait for their answers."""

    def __init__(self, limits: Limits) -> None:
        self._claims = Claims(limits)
        self._sets: dict[tuple[int, int, bytes], str] = {}  # agent, manager, request id -> objects

    def feed(self, pdus: Pdus, _operations: Operations, _anomalies: Anomalies, facts: list[Fact]) -> None:
        """Appends the facts of a batch."""
        for pdu in range(pdus.rows):
            message = read(pdus.octets.tobytes(pdus.start[pdu], pdus.end[pdu]))
            if message is not None:
                self._message(message, pdus, pdu, facts)

    def forget(self, _flow: int) -> int:
        """Nothing is kept of a conversation."""
        return 0

    def _message(self, message: Message, pdus: Pdus, pdu: int, facts: list[Fact]) -> None:
        source, target = int(pdus.source[pdu]), int(pdus.destination[pdu])
        if message.pdu == SET:
            named = ", ".join(dotted(variable.name) for variable in message.variables[:_OBJECTS])
            more = len(message.variables) - _OBJECTS
            if len(self._sets) >= _WAITING:
                del self._sets[next(iter(self._sets))]
            self._sets[target, source, message.request] = named + (f" and {more} more" if more > 0 else "")
        by_agent = message.pdu in (RESPONSE, REPORT, TRAP_V1, TRAP) or (message.pdu == 0 and pdus.direction[pdu] == 1)
        if message.pdu == RESPONSE and (written := self._sets.pop((source, target, message.request), "")):
            kind, how = ("snmp_set", "") if message.error == 0 else ("snmp_set_refused", f" ({_ERRORS.get(message.error, message.error)})")
            self._claims.say(facts, pdus, pdu, source, kind, written + how, _SOURCE, ADMINISTERED, peer=target)
        if by_agent:
            self._claims.say(facts, pdus, pdu, source, "snmp_version", message.version, _SOURCE, ADMINISTERED)
            self._claims.say(facts, pdus, pdu, source, "snmp_engine_id", message.engine.hex(), _SOURCE, ADMINISTERED)
        if message.pdu == RESPONSE and message.version != "3":
            community = "default" if message.community in _DEFAULTS else "not a default"
            self._claims.say(facts, pdus, pdu, source, "snmp_community", community, _SOURCE, ADMINISTERED)
        if by_agent or message.pdu == INFORM:
            for variable in message.variables:
                for kind, value, named in _said(variable):
                    self._claims.say(facts, pdus, pdu, source, kind, value, named, ADMINISTERED)


def _said(variable: Variable) -> list[tuple[str, str, str]]:
    """(kind, value, source) of what a variable says of the agent."""
    name = variable.name
    if name.startswith(_SYSTEM) and len(name) == len(_SYSTEM) + 2 and name[-1] == 0:
        kind = _SYSTEM_KINDS.get(name[-2], "")
        if kind == "object_id" and variable.tag == OBJECT:
            number = dotted(variable.value)
            maker = _MAKERS.get(number.removeprefix(_ENTERPRISES).partition(".")[0], "") if number.startswith(_ENTERPRISES) else ""
            return [("object_id", number, "snmp.sysObjectID"), ("vendor", maker, "snmp.sysObjectID")]
        if kind in ("description", "name", "location") and variable.tag == STRING:
            value = " ".join(text(variable.value).split()) if kind == "description" else text(variable.value)
            source = {"description": "snmp.sysDescr", "name": "snmp.sysName"}.get(kind, "snmp.sysLocation")
            plain = described(value) if kind == "description" else []
            return [(kind, value, source), *((said_kind, shown, source) for said_kind, shown in plain)]
    if name.startswith(_ENTITY) and len(name) == len(_ENTITY) + 2 and name[-1] == 1 and variable.tag == STRING:
        return [(_ENTITY_KINDS[name[-2]], text(variable.value), "snmp.entity")] if name[-2] in _ENTITY_KINDS else []
    return []
