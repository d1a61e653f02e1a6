"""TPKT and COTP (ISO transport on TCP, RFC 1006): the carrier of S7comm, S7comm-plus and MMS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otwatch.protocols.kit.cotp import COTP, COTP_NAMES
from otwatch.protocols.spec import Dissector, Port, ProtocolSpec
from otwatch.protocols.tpkt.framing import RESERVED, TPKT
from otwatch.protocols.tpkt.spec import ANOMALIES

if TYPE_CHECKING:
    from otwatch.limits import Limits


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols import riders_of  # noqa: PLC0415 - the list of protocols is made of this module
    from otwatch.protocols.tpkt.dissect import TpktDissector  # noqa: PLC0415 - compiled, loaded when used

    return TpktDissector(protocol, limits, riders_of("tpkt"))


def _function_name(function: int, subfunction: int) -> str:
    return COTP_NAMES.get(subfunction, "cotp") if function == COTP else f"function_{function}"  # type: ignore[call-overload]


def _reference() -> str:
    from otwatch.protocols.tpkt.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="tpkt",
    title="TPKT and COTP (ISO transport on TCP)",
    ports=(Port(transport=6, number=102),),
    framings=(TPKT, RESERVED),
    dissector=_dissector,
    function_name=_function_name,
    functions={},
    service="iso-tsap",
    anomalies=ANOMALIES,
    reference=_reference,
    references=("RFC 1006, ISO transport services on top of the TCP", "ITU-T X.224 | ISO 8073, COTP"),
)
