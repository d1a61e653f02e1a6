"""Numbers of connectionless DCE/RPC (C706, chapter 12) and what can be wrong with it, whatever interface is called."""

from __future__ import annotations

from enum import IntEnum
from typing import Final
from uuid import UUID

from otwatch.actions import Action
from otwatch.vocabulary import AnomalyKind

PORT: Final = 34964  # of PROFINET; other ports are negotiated
HEADER: Final = 80
VERSION: Final = 4
REQUEST, PING, RESPONSE, FAULT, WORKING, NOCALL, REJECT, ACK, CANCEL, FACK, CANCEL_ACK = range(11)
LAST_FRAGMENT, FRAGMENT = 0x02, 0x04  # of flags 1
MESSAGES: Final = frozenset({REQUEST, RESPONSE, FAULT, REJECT})  # what a rider is given; the others keep a call alive

ENDPOINT_MAPPER: Final = UUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa")
INTERFACES: Final = {1: ("epm", ENDPOINT_MAPPER)}  # area -> interfaces that are named here, not read
_OPNUMS: Final = {1: ("insert", "delete", "lookup", "map", "lookup_handle_free", "inq_object", "mgmt_delete")}
FAILED: Final = 1  # a fault or reject, whose code is in the value


def function_name(function: int, _subfunction: int) -> str:
    """`call_3`: operations of interfaces that nobody here reads."""
    return f"call_{function}"


def status_name(status: int) -> str:
    """`ok`, or that the call failed."""
    return "ok" if status == 0 else "error:fault"


def object_name(row: dict[str, int] | object) -> str:
    """Name of the operation of an interface that is named here."""
    area, function = row["area"], row["function"]  # type: ignore[index]
    known = INTERFACES.get(area)
    if known is None:
        return ""
    names = _OPNUMS[area]
    return f"{known[0]}.{names[function] if function < len(names) else function}"


def action_of(area: int) -> Action:
    """What a call of an interface that is named here does."""
    return Action.BROWSE if area == 1 else Action.OTHER


class Anomaly(IntEnum):
    """Codes of ANOMALIES."""

    LENGTH = 1
    FRAGMENT_LOST = 2
    FRAGMENTS_TOO_LARGE = 3
    TYPE = 4


ANOMALIES: Final[tuple[AnomalyKind, ...]] = (
    AnomalyKind(code=Anomaly.LENGTH, name="length", clause="C706 12.5.1", hides=True, doc="A body longer than its datagram: it was not decoded."),
    AnomalyKind(code=Anomaly.FRAGMENT_LOST, name="fragment-lost", clause="C706 12.5.2", hides=True,
                doc="A message of which fragments are missing, or that came twice in different fragments: it was not decoded."),
    AnomalyKind(code=Anomaly.FRAGMENTS_TOO_LARGE, name="fragments-too-large", clause="C706 12.5.2", hides=True,
                doc="A message larger than what is put together: it was not decoded."),
    AnomalyKind(code=Anomaly.TYPE, name="type", clause="C706 12.5.1", doc="A type of message that is not defined."),
)
