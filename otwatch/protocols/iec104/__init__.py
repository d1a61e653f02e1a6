"""IEC 60870-5-104: telecontrol over TCP."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.iec104.framing import APDUS
from otwatch.protocols.iec104.spec import ANOMALIES, AREAS, FUNCTIONS, REFERENCES, function_name, object_name, status_name, unit_name
from otwatch.protocols.iec104.values import value
from otwatch.protocols.spec import Dissector, Port, ProtocolSpec


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.iec104.dissect import Iec104Dissector  # noqa: PLC0415 - compiled modules load when they are used

    return Iec104Dissector(protocol, limits)


def _reference() -> str:
    from otwatch.protocols.iec104.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="iec104",
    title="IEC 60870-5-104",
    ports=(Port(transport=6, number=2404),),
    framings=(APDUS,),
    dissector=_dissector,
    function_name=function_name,
    functions=FUNCTIONS,
    serves_as="outstation",
    areas=AREAS,
    status_name=status_name,
    unit_name=unit_name,
    value=value,
    object_name=object_name,
    anomalies=ANOMALIES,
    references=REFERENCES,
    reference=_reference,
)
