"""BACnet over UDP: building automation, and the plants that share its wires."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.bacnet.framing import DATAGRAMS
from otwatch.protocols.bacnet.spec import ANOMALIES, FUNCTIONS, OBJECT_TYPES, PORT, REFERENCES, function_name, object_name, status_name, unit_name
from otwatch.protocols.bacnet.values import value
from otwatch.protocols.spec import Dissector, Port, ProtocolSpec


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.bacnet.dissect import BacnetDissector  # noqa: PLC0415 - compiled modules load when they are used

    return BacnetDissector(protocol, limits)


def _reference() -> str:
    from otwatch.protocols.bacnet.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="bacnet",
    title="BACnet/IP",
    ports=(Port(transport=17, number=PORT),),
    framings=(DATAGRAMS,),
    dissector=_dissector,
    function_name=function_name,
    functions=FUNCTIONS,
    serves_as="peer",
    areas=OBJECT_TYPES,
    status_name=status_name,
    unit_name=unit_name,
    value=value,
    object_name=object_name,
    anomalies=ANOMALIES,
    references=REFERENCES,
    reference=_reference,
)
