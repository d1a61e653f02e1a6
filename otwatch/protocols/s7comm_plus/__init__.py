"""S7comm-plus, the protocol of SIMATIC S7-1200 and S7-1500. Its rows are made by the dissector of s7comm, which shares TPKT with it."""

from __future__ import annotations

from otwatch.protocols.spec import ProtocolSpec


PROTOCOL = ProtocolSpec(
    name="s7comm-plus",
    title="S7comm-plus (SIMATIC S7-1200/1500)",
    ports=(),
    framings=(),
    dissector=None,
    function_name=lambda function, _subfunction: f"function_{function:#06x}",
    functions={},
)
