"""DNS over UDP: which names hosts ask for, and which names are given to addresses."""

from __future__ import annotations

from typing import Final

from otwatch.limits import Limits
from otwatch.protocols.kit.facts_page import facts_page
from otwatch.protocols.spec import Dissector, ProtocolSpec

_READ: Final = "Datagrams of port 53 of which every question and record that the header announces is there; pointers lead backwards only."
_FACTS: Final = (
    ("asks_for", "of the client: the name. An asset keeps the first 32 of its host; rules and exports see all"),
    ("resolves_outside", "of who is answered, for rules and exports: the name, where an address of the answer is one of the internet"),
    ("dns_server", "of who answers: `resolver` (it offers recursion) or `authoritative`"),
    ("name", "of an address in an answer: the name that was asked for (`dns.answer`), or that of the pointer (`dns.pointer`): given by another host"),
)
_LEFT_OUT: Final = (
    ("DNS over TCP, TLS and HTTPS", "TCP 53 is not read; the others are encrypted"),
    ("Records beyond A, AAAA and PTR, and dynamic updates", "they name no host of the plant"),
)


def _dissector(_protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.dns.dissect import DnsDissector  # noqa: PLC0415 - loaded when it is used

    return DnsDissector(limits)


PROTOCOL = ProtocolSpec(
    name="dns",
    title="DNS",
    ports=(),
    framings=(),
    datagrams=(53,),
    facts_only=True,
    dissector=_dissector,
    function_name=lambda function, _subfunction: f"function_{function}",
    functions={},
    references=("RFC 1034, RFC 1035", "RFC 3596 (AAAA, ip6.arpa)",),
    reference=lambda: facts_page(_READ, _FACTS, _LEFT_OUT),
)
