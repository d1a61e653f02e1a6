"""MMS (IEC 61850, ICCP/TASE.2) on OSI session and TPKT: named, not dissected. Its rows are made by the dissector of s7comm."""

from __future__ import annotations

from otwatch.protocols.spec import Dissector, ProtocolSpec


def _no_dissector(protocol: int, limits: object) -> Dissector:  # noqa: ARG001 - the signature of ProtocolSpec
    raise NotImplementedError("rows of mms come from the dissector of s7comm")


PROTOCOL = ProtocolSpec(
    name="mms",
    title="MMS on OSI session (IEC 61850, ICCP)",
    ports=(),
    framings=(),
    dissector=_no_dissector,
    function_name=lambda function, _subfunction: f"function_{function:#04x}",
    functions={},
)
