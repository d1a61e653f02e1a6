"""CIP, the Common Industrial Protocol, on EtherNet/IP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otwatch.protocols.cip.spec import ANOMALIES, CLASSES, FUNCTIONS, IO_DATA, REFERENCES
from otwatch.protocols.cip.values import value
from otwatch.protocols.cip.words import function_name, object_name, status_name, unit_name
from otwatch.protocols.spec import Dissector, ProtocolSpec, Ride

if TYPE_CHECKING:
    from otwatch.limits import Limits


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols import riders_of  # noqa: PLC0415 - the list of protocols is made of this module
    from otwatch.protocols.cip.dissect import CipDissector  # noqa: PLC0415 - compiled, loaded when used

    return CipDissector(protocol, limits, riders_of("cip"))


def _reference() -> str:
    from otwatch.protocols.cip.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="cip",
    title="CIP",
    ports=(),
    framings=(),
    ride=Ride(carrier="enip", first_bytes=frozenset(range(256))),
    dissector=_dissector,
    function_name=function_name,
    functions=FUNCTIONS,
    areas=CLASSES,
    status_name=status_name,
    unit_name=unit_name,
    value=value,
    object_name=object_name,
    is_answered=lambda row: row["function"] != IO_DATA,
    anomalies=ANOMALIES,
    references=REFERENCES,
    reference=_reference,
)
