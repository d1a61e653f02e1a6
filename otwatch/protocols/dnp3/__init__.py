"""DNP3 (IEEE 1815-2012) over TCP and UDP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from otwatch.limits import Limits
from otwatch.protocols.dnp3 import framing, spec
from otwatch.protocols.spec import Dissector, Port, ProtocolSpec


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.dnp3.dissect import Dnp3Dissector  # noqa: PLC0415 - the compiled modules load when the protocol is used

    return Dnp3Dissector(protocol, limits)


def _value(kind: int, octets: bytes, row: Mapping[str, int]) -> Any:
    from otwatch.protocols.dnp3.values import value  # noqa: PLC0415

    return value(kind, octets, row)


def _reference() -> str:
    from otwatch.protocols.dnp3.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="dnp3",
    title="DNP3",
    ports=(Port(transport=6, number=20000), Port(transport=17, number=20000)),
    framings=(framing.FRAMES,),
    dissector=_dissector,
    function_name=spec.function_name,
    functions=spec.FUNCTIONS,
    serves_as="outstation",
    status_name=spec.status_name,
    unit_name=spec.unit_name,
    value=_value,
    object_name=spec.object_name,
    point_place=spec.point_place,
    is_answered=spec.is_answered,
    anomalies=spec.ANOMALIES,
    reference=_reference,
    references=("IEEE Std 1815-2012", "IEEE Std 1815-2012/Cor 1-2013 (as far as public descriptions tell)"),
)
