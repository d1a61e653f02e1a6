"""MMS (IEC 61850, ICCP/TASE.2) on OSI session and TPKT: named, not dissected. Its rows are made by the dissector of s7comm."""

from __future__ import annotations

from otwatch.protocols.spec import ProtocolSpec


PROTOCOL = ProtocolSpec(
    name="mms",
    title="MMS on OSI session (IEC 61850, ICCP)",
    ports=(),
    framings=(),
    dissector=None,
    function_name=lambda function, _subfunction: f"function_{function:#04x}",
    functions={},
)
