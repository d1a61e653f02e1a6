"""PROFINET IO: connections, records, alarms and cyclic data between controllers, devices and supervisors."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.pn_io.spec import (
    ANOMALIES,
    BELOW_DCP,
    ETHERTYPE,
    FUNCTIONS,
    INTERFACES,
    REFERENCES,
    function_name,
    is_answered,
    object_name,
    status_name,
)
from otwatch.protocols.pn_io.values import value
from otwatch.protocols.spec import Dissector, Link, ProtocolSpec, Ride


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.pn_io.dissect import PnIoDissector  # noqa: PLC0415 - compiled modules load when they are used

    return PnIoDissector(protocol, limits)


def _reference() -> str:
    from otwatch.protocols.pn_io.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="pn_io",
    title="PROFINET IO",
    ports=(),
    framings=(),
    links=(Link(ethertype=ETHERTYPE, first=((0x0000, BELOW_DCP), (0xFF00, 0xFFFF))),),
    ride=Ride(carrier="dcerpc", first_bytes=frozenset(), endpoint=INTERFACES.__contains__),
    dissector=_dissector,
    function_name=function_name,
    functions=FUNCTIONS,
    status_name=status_name,
    value=value,
    object_name=object_name,
    is_answered=is_answered,
    anomalies=ANOMALIES,
    references=REFERENCES,
    reference=_reference,
)
