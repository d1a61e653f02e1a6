"""What Modbus messages tell about a device: device identification (43/14), report server id (17), UMAS identity.

Called by the dissector for the few messages that carry an identity. A fact is made when it is new or has changed: a master that asks
every second who is there does not repeat itself in the tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otwatch.limits import Limits
from otwatch.protocols.modbus.spec import unit_name
from otwatch.protocols.modbus.umas import controller_identity, project_name, station_name, umas_name
from otwatch.protocols.modbus.values import identification_objects, server_id, text
from otwatch.protocols.spec import Fact

if TYPE_CHECKING:
    from otwatch.protocols.modbus.message import Message

OBJECT_FACTS = {0: "vendor", 1: "order_number", 2: "firmware", 4: "name", 5: "model", 6: "plant"}
_REMEMBERED = 65_536  # (device, kind) pairs; beyond it facts may repeat
_PER_MESSAGE = 32  # a PDU has room for 84 empty objects


def identifier_quirk(asked: int, answered: int) -> str:
    """How a device that does not copy transaction identifiers makes its own."""
    how = "0" if answered == 0 else "with its octets swapped" if answered == (asked >> 8 | asked << 8 & 0xFF00) else "its low octet only" if (
        answered == asked & 0xFF) else "its own numbers"
    return f"transaction identifiers of requests are not copied into responses ({how})"


def unit_quirk(answered: int) -> str:
    """What a device that does not copy unit identifiers puts in their place."""
    return f"unit identifiers of requests are not copied into responses ({answered})"


class Identity:
    """Makes facts of responses; remembers what was said last."""

    def __init__(self, limits: Limits) -> None:
        self._characters = limits.text_characters
        self._said: dict[tuple[int, str, str, str], str] = {}

    def response(self, m: Message, row: int, facts: list[Fact]) -> None:
        """The facts of the response whose first row is `row`."""
        data = bytes(m.data[m.body:m.end])
        if m.function == 43 and m.subfunction == 14:
            found = self._identification(data)
            source = "modbus.read_device_identification"
        elif m.function == 17:
            found = self._server_id(data)
            source = "modbus.report_server_id"
        elif m.function == 90 and m.subfunction in (0x02, 0x03):
            found = self._umas(data, m.subfunction)
            source = f"modbus.{umas_name(m.subfunction)}"
        else:
            return
        for kind, value in found[:_PER_MESSAGE]:
            self._say(m, row, facts, kind, value, source)

    def request(self, m: Message, row: int, facts: list[Fact]) -> None:
        """A UMAS reservation says the name of the engineering station."""
        if m.subfunction == 0x10:
            self._say(m, row, facts, "name", station_name(bytes(m.data[m.body:m.end])), "modbus.umas_take_reservation", of_client=True)

    def _say(self, m: Message, row: int, facts: list[Fact], kind: str, value: str, source: str, *, of_client: bool = False) -> None:
        value = value[:self._characters].strip()
        if not value:
            return
        operations: Any = m.operations
        address = int(operations.source[row])
        child = "" if of_client else unit_name(int(operations.unit[row]))
        key = (address, child, kind, source)
        if self._said.get(key) == value:
            return
        if len(self._said) >= _REMEMBERED:
            self._said.clear()
        self._said[key] = value
        facts.append(Fact(timestamp_ns=int(operations.timestamp_ns[row]), frame=int(operations.frame[row]), flow=int(operations.flow[row]),
                          address=address, child=child, kind=kind, value=value, source=source))

    def _identification(self, data: bytes) -> list[tuple[str, str]]:
        return [(OBJECT_FACTS[number], text(value)) for number, value in identification_objects(data[1:]) if number in OBJECT_FACTS]

    def _umas(self, data: bytes, code: int) -> list[tuple[str, str]]:
        if code == 0x03:
            return [("plant", project_name(data))]
        model, firmware = controller_identity(data)
        return [("vendor", "Schneider Electric"), ("model", model), ("firmware", firmware)] if model else []

    def _server_id(self, data: bytes) -> list[tuple[str, str]]:
        said = server_id(data[1:1 + data[0]] if data else b"")
        return [("name", str(said["text"]))] if said["text"] else []
