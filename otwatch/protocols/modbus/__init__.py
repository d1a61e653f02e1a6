"""Modbus over TCP, UDP and serial-line converters, with Schneider's UMAS inside."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.modbus.framing import FRAMINGS
from otwatch.protocols.modbus.spec import (
    ANOMALIES,
    AREAS,
    FUNCTIONS,
    REFERENCES,
    function_name,
    is_answered,
    object_name,
    status_name,
    unit_name,
)
from otwatch.protocols.modbus.values import value
from otwatch.protocols.spec import Dissector, Port, ProtocolSpec


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.modbus.dissect import ModbusDissector  # noqa: PLC0415 - compiled modules load when they are used

    return ModbusDissector(protocol, limits)


def _reference() -> str:
    from otwatch.protocols.modbus.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="modbus",
    title="Modbus",
    ports=(Port(transport=6, number=502), Port(transport=17, number=502)),
    framings=FRAMINGS,
    dissector=_dissector,
    function_name=function_name,
    functions=FUNCTIONS,
    areas=AREAS,
    status_name=status_name,
    unit_name=unit_name,
    value=value,
    object_name=object_name,
    is_answered=is_answered,
    anomalies=ANOMALIES,
    references=REFERENCES,
    reference=_reference,
)
