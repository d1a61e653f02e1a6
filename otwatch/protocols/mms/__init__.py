"""MMS (IEC 61850, ICCP/TASE.2) on OSI session and TPKT: named, not dissected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from otwatch.protocols.mms.ids import PDUS as PDU_ROLES
from otwatch.protocols.mms.ids import SESSION as SESSION_ROLES
from otwatch.protocols.mms.spec import COTP, COTP_NAMES, PDUS, SERVICES, SESSION, VALUE_TSAP
from otwatch.protocols.spec import Dissector, ProtocolSpec, Ride

if TYPE_CHECKING:
    from otwatch.limits import Limits

_CONFIRMED = frozenset({0xA0, 0xA1})


def _function_name(function: int, subfunction: int) -> str:
    """`session_connect`, `write_request`, `initiate_response`; connects of COTP by their TPDU type."""
    if function == COTP:
        return COTP_NAMES.get(subfunction, "cotp")
    if function in SESSION:
        return SESSION[function]
    if function in _CONFIRMED and subfunction in SERVICES:
        return f"{SERVICES[subfunction]}_{PDUS[function].removeprefix('confirmed_')}"
    return PDUS.get(function, f"function_{function:#04x}")


def _status_name(status: int) -> str:
    """MMS errors are not told apart; above them the reasons of COTP disconnects."""
    if status >= 0x10000:
        return f"disconnected:{status - 0x10000}"
    return "ok" if status == 0 else "refused"


def _value(kind: int, data: bytes, _row: Mapping[str, int]) -> Any:
    """The called TSAP of a connect, as hexadecimal digits."""
    return data.hex() if kind == VALUE_TSAP and data else None


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.mms.dissect import MmsDissector  # noqa: PLC0415 - compiled, loaded when used

    return MmsDissector(protocol, limits)


def _recognise(head: bytes, length: int, cut: bool) -> bool:
    from otwatch.protocols.mms.dissect import recognise  # noqa: PLC0415

    return recognise(head, length, cut)


def _endpoint(tsap: bytes) -> bool:
    """Selectors of OSI stacks: 00 01, 00 00 00 01."""
    return bool(tsap) and not any(tsap[:-1])


def _reference() -> str:
    from otwatch.protocols.mms.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="mms",
    title="MMS on OSI session (IEC 61850, ICCP)",
    ports=(),
    framings=(),
    dissector=_dissector,
    ride=Ride(carrier="tpkt", first_bytes=frozenset({*PDU_ROLES, *SESSION_ROLES}), recognise=_recognise, endpoint=_endpoint, value_kind=VALUE_TSAP),
    function_name=_function_name,
    functions={COTP: "cotp", **PDUS, **SESSION},
    serves_as="ied",
    status_name=_status_name,
    unit_name=lambda _unit: "",
    object_name=lambda _row: "",
    value=_value,
    reference=_reference,
    references=("ISO 8327-1, session protocol", "ISO 9506-2, MMS protocol"),
)
