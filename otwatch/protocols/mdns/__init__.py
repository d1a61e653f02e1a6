"""Multicast DNS: names and services that hosts announce to their network."""

from __future__ import annotations

from typing import Final

from otwatch.limits import Limits
from otwatch.protocols.kit.facts_page import facts_page
from otwatch.protocols.spec import Dissector, ProtocolSpec

_READ: Final = "Datagrams of port 5353 that are whole DNS messages; answers, additional records and what is announced unasked."
_FACTS: Final = (
    ("name", "of the address of an A or AAAA record, and of an address below in-addr.arpa: as a rule that of who announces it"),
    ("service", "of who announces it: an instance of a service (SRV) with its port"),
    ("os, device_info", "of who announces it: HINFO, and `model` of `_device-info._tcp`"),
    ("asks_for", "of the client: services and names; an asset keeps the first 32"),
)
_LEFT_OUT: Final = (
    ("Other texts of services (TXT)", "they hold what each maker wants"),
    ("Announcements that a reflector forwards from another network", "the name stands with the address of its record, not with who forwards it"),
)


def _dissector(_protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.mdns.dissect import MdnsDissector  # noqa: PLC0415 - loaded when it is used

    return MdnsDissector(limits)


PROTOCOL = ProtocolSpec(
    name="mdns",
    title="mDNS",
    ports=(),
    framings=(),
    datagrams=(5353,),
    facts_only=True,
    dissector=_dissector,
    function_name=lambda function, _subfunction: f"function_{function}",
    functions={},
    references=("RFC 6762, multicast DNS", "RFC 6763, DNS-based service discovery",),
    reference=lambda: facts_page(_READ, _FACTS, _LEFT_OUT),
)
