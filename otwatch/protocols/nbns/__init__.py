"""NetBIOS name service: names that hosts of Windows register and ask for."""

from __future__ import annotations

from typing import Final

from otwatch.limits import Limits
from otwatch.protocols.kit.facts_page import facts_page
from otwatch.protocols.spec import Dissector, ProtocolSpec

_READ: Final = "Datagrams of port 137 that are whole messages with NetBIOS names (32 letters A to P)."
_FACTS: Final = (
    ("name", "of the address of a registration, a refresh or an answer, or of who answers a status request: unique names of suffix 00 and 20"),
    ("workgroup", "the same: the group name of suffix 00"),
    ("asks_for", "of the client: names; an asset keeps the first 32"),
    ("answers_for", "of a host that answers broadcast requests for several names: which. A program that lures hosts (responder) answers for any"),
    ("mac", "of who answers a status request: the MAC that it tells"),
)
_LEFT_OUT: Final = (
    ("The datagram service (port 138)", "what it says of hosts is said here as well"),
)


def _dissector(_protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.nbns.dissect import NbnsDissector  # noqa: PLC0415 - loaded when it is used

    return NbnsDissector(limits)


PROTOCOL = ProtocolSpec(
    name="nbns",
    title="NetBIOS name service",
    ports=(),
    framings=(),
    datagrams=(137,),
    facts_only=True,
    dissector=_dissector,
    function_name=lambda function, _subfunction: f"function_{function}",
    functions={},
    references=("RFC 1001, RFC 1002",),
    reference=lambda: facts_page(_READ, _FACTS, _LEFT_OUT),
)
