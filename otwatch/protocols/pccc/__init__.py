"""PCCC, the commands of PLC-5, SLC 500 and MicroLogix, inside CIP: data files, modes, programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otwatch.protocols.pccc import spec
from otwatch.protocols.pccc.values import value
from otwatch.protocols.spec import Dissector, ProtocolSpec, Ride

if TYPE_CHECKING:
    from otwatch.limits import Limits


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.pccc.dissect import PcccDissector  # noqa: PLC0415 - compiled, loaded when used

    return PcccDissector(protocol, limits)


def _reference() -> str:
    from otwatch.protocols.pccc.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="pccc",
    title="PCCC in CIP (PLC-5, SLC 500, MicroLogix)",
    ports=(),
    framings=(),
    dissector=_dissector,
    ride=Ride(carrier="cip", first_bytes=frozenset(range(256)), shares_units=True),
    function_name=spec.function_name,
    functions={**{code: name for code, (name, _) in spec.COMMANDS.items()}, **spec.GROUPS},
    areas=spec.AREAS,
    status_name=spec.status_name,
    unit_name=spec.unit_name,
    value=value,
    object_name=spec.object_name,
    anomalies=spec.ANOMALIES,
    references=spec.REFERENCES,
    reference=_reference,
)
