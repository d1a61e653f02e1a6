"""S7comm on ISO-on-TCP (RFC 1006), the protocol of SIMATIC S7-300, S7-400 and, where enabled, S7-1200 and S7-1500."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otwatch.protocols.s7comm.names import FUNCTION_NAMES, function_name, object_name, point_place, status_name, unit_name
from otwatch.protocols.s7comm.spec import ANOMALIES, AREAS, Value
from otwatch.protocols.s7comm.values import value
from otwatch.protocols.spec import Dissector, ProtocolSpec, Ride, Weakness

if TYPE_CHECKING:
    from otwatch.limits import Limits


def _dissector(protocol: int, limits: Limits) -> Dissector:
    """The compiled dissector; it also makes the rows of S7comm-plus, which shares connections with it."""
    from otwatch.protocols import protocol_id  # noqa: PLC0415 - the list of protocols is made of this module
    from otwatch.protocols.s7comm.dissect import S7Dissector  # noqa: PLC0415 - compiled, loaded when used

    return S7Dissector(protocol, limits, protocol_id("s7comm-plus"))


def _endpoint(tsap: bytes) -> bool:
    """A called TSAP of S7: connection type, then rack and slot. Not narrowed to types 1 to 3: configured connections have others. Some MMS stacks
    call 02 00 as well: see opening.py of the carrier."""
    return len(tsap) == 2 and tsap[0] != 0


def _reference() -> str:
    from otwatch.protocols.s7comm.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="s7comm",
    title="S7comm (SIMATIC S7-300/400)",
    ports=(),
    framings=(),
    ride=Ride(carrier="tpkt", first_bytes=frozenset({0x32}), endpoint=_endpoint, unit=lambda tsap: tsap[1], value_kind=Value.TSAP, whole_value=True,
              usual=True),
    dissector=_dissector,
    function_name=function_name,
    functions=FUNCTION_NAMES,
    areas=AREAS,
    status_name=status_name,
    unit_name=unit_name,
    value=value,
    object_name=object_name,
    point_place=point_place,
    anomalies=ANOMALIES,
    weaknesses=(Weakness(kind="protection", text="protection level 1 of the CPU: no password protects its program", applies="level 1".__eq__),),
    reference=_reference,
    references=(
        "RFC 1006, ISO transport services on top of the TCP",
        "ITU-T X.224 | ISO 8073, COTP",
        "Siemens A5E02789976, System Software for S7-300/400, System and Standard Functions (SZL)",
    ),
)
