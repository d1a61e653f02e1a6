"""PROFINET DCP: who is there, and what it is called; names, addresses and factory settings are given with it."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.pn_dcp.spec import (
    ANOMALIES,
    ANSWER_FRAME,
    ETHERTYPE,
    FUNCTIONS,
    HELLO_FRAME,
    OPTIONS,
    REFERENCES,
    function_name,
    is_answer,
    is_answered,
    object_name,
    status_name,
)
from otwatch.protocols.pn_dcp.values import value
from otwatch.protocols.spec import Dissector, Link, ProtocolSpec


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.pn_dcp.dissect import DcpDissector  # noqa: PLC0415 - compiled modules load when they are used

    return DcpDissector(protocol, limits)


def _reference() -> str:
    from otwatch.protocols.pn_dcp.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="pn_dcp",
    title="PROFINET DCP",
    ports=(),
    framings=(),
    links=(Link(ethertype=ETHERTYPE, first=((HELLO_FRAME, ANSWER_FRAME),), is_answer=is_answer),),
    dissector=_dissector,
    function_name=function_name,
    functions=FUNCTIONS,
    areas=OPTIONS,
    status_name=status_name,
    value=value,
    object_name=object_name,
    is_answered=is_answered,
    anomalies=ANOMALIES,
    references=REFERENCES,
    reference=_reference,
)
