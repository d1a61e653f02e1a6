"""OPC UA over TCP (opc.tcp): data servers of controllers and SCADA, and their clients."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.opcua.framing import CHUNKS
from otwatch.protocols.opcua.spec import ANOMALIES, CLOSE_CHANNEL, ENCRYPTED, FUNCTIONS, PORT, REFERENCES, function_name, object_name, status_name
from otwatch.protocols.opcua.values import value
from otwatch.protocols.spec import Dissector, Port, ProtocolSpec, Weakness


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.opcua.dissect import OpcuaDissector  # noqa: PLC0415 - compiled modules load when they are used

    return OpcuaDissector(protocol, limits)


def _reference() -> str:
    from otwatch.protocols.opcua.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="opcua",
    title="OPC UA",
    ports=(Port(transport=6, number=PORT),),
    framings=(CHUNKS,),
    dissector=_dissector,
    function_name=function_name,
    functions=FUNCTIONS,
    areas={},
    status_name=status_name,
    value=value,
    object_name=object_name,
    is_answered=lambda row: row["function"] not in (CLOSE_CHANNEL, ENCRYPTED),
    anomalies=ANOMALIES,
    weaknesses=(
        Weakness(kind="clear_text_credentials", text="sent the {value} in clear text"),
        Weakness(kind="security_offered", text="offers OPC UA without security (policy None)", applies=lambda value: value.startswith("None ")),
    ),
    references=REFERENCES,
    reference=_reference,
)
