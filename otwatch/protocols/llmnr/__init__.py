"""Link-local multicast name resolution: hosts of Windows ask their network for names, and any host may answer."""

from __future__ import annotations

from typing import Final

from otwatch.limits import Limits
from otwatch.protocols.kit.facts_page import facts_page
from otwatch.protocols.spec import Dissector, ProtocolSpec

_READ: Final = "Datagrams of port 5355 that are whole DNS messages with one question."
_FACTS: Final = (
    ("name", "of the address of an answer: the name that it answers for"),
    ("asks_for", "of the client: names; an asset keeps the first 32"),
    ("answers_for", "of a host that answers for several names: which. A host has one name; a program that lures hosts (responder) answers for any"),
)
_LEFT_OUT: Final = (
    ("LLMNR over TCP", "used for long answers, which name one host as well"),
)


def _dissector(_protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.llmnr.dissect import LlmnrDissector  # noqa: PLC0415 - loaded when it is used

    return LlmnrDissector(limits)


PROTOCOL = ProtocolSpec(
    name="llmnr",
    title="LLMNR",
    ports=(),
    framings=(),
    datagrams=(5355,),
    facts_only=True,
    dissector=_dissector,
    function_name=lambda function, _subfunction: f"function_{function}",
    functions={},
    references=("RFC 4795",),
    reference=lambda: facts_page(_READ, _FACTS, _LEFT_OUT),
)
