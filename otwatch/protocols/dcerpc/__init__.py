"""Connectionless DCE/RPC: the carrier of PROFINET's connection management, over UDP."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.dcerpc.framing import BIG, LITTLE
from otwatch.protocols.dcerpc.spec import ANOMALIES, INTERFACES, PORT, function_name, object_name, status_name
from otwatch.protocols.spec import Dissector, Port, ProtocolSpec


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols import riders_of  # noqa: PLC0415 - the list of protocols is made of this module
    from otwatch.protocols.dcerpc.dissect import DcerpcDissector  # noqa: PLC0415 - loaded when used

    return DcerpcDissector(protocol, limits, riders_of("dcerpc"))


def _reference() -> str:
    from otwatch.protocols.dcerpc.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="dcerpc",
    title="DCE/RPC over UDP",
    ports=(Port(transport=17, number=PORT),),
    framings=(LITTLE, BIG),
    dissector=_dissector,
    function_name=function_name,
    functions={},
    areas={number: name for number, (name, _) in INTERFACES.items()},
    status_name=status_name,
    object_name=object_name,
    anomalies=ANOMALIES,
    references=("C706: DCE 1.1 Remote Procedure Call, chapter 12",),
    reference=_reference,
)
