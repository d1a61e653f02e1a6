"""EtherNet/IP: the encapsulation of CIP on TCP and UDP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otwatch.protocols.enip.facts import value
from otwatch.protocols.enip.framing import CONNECTED_DATA, ENCAPSULATION
from otwatch.protocols.enip.spec import ANOMALIES, FUNCTIONS, IO_PORT, PORT, REFERENCES, function_name, status_name
from otwatch.protocols.spec import Dissector, Port, ProtocolSpec

if TYPE_CHECKING:
    from otwatch.limits import Limits


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols import riders_of  # noqa: PLC0415 - the list of protocols is made of this module
    from otwatch.protocols.enip.dissect import EnipDissector  # noqa: PLC0415 - compiled, loaded when used

    return EnipDissector(protocol, limits, riders_of("enip"))


def _reference() -> str:
    from otwatch.protocols.enip.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="enip",
    title="EtherNet/IP",
    ports=(Port(transport=6, number=PORT), Port(transport=17, number=PORT), Port(transport=17, number=IO_PORT)),
    framings=(ENCAPSULATION, CONNECTED_DATA),
    dissector=_dissector,
    function_name=function_name,
    functions=FUNCTIONS,
    status_name=status_name,
    unit_name=lambda _unit: "",
    object_name=lambda _row: "",
    value=value,
    is_answered=lambda row: row["function"] not in (0x00, 0x66),
    anomalies=ANOMALIES,
    references=REFERENCES,
    reference=_reference,
)
