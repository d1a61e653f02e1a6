"""DHCP: what hosts call themselves when they ask for an address, and who gives them one."""

from __future__ import annotations

from typing import Final

from otwatch.limits import Limits
from otwatch.protocols.kit.facts_page import facts_page
from otwatch.protocols.spec import Dissector, ProtocolSpec

_READ: Final = "Datagrams of port 67 or 68 with the fixed header of BOOTP, the magic cookie, and options that fit up to the end option."
_FACTS: Final = (
    ("name", "of the client: its host name (option 12) or domain name (81); about its MAC, and about the address that it has or is given"),
    ("dhcp_vendor_class", "of the client: option 60, such as `MSFT 5.0`"),
    ("dhcp_fingerprint", "of the client: the options that it asks for (55), in its order: systems differ in it"),
    ("dhcp_server", "of the server (option 54): the gateway and the name servers that it gives"),
    ("dhcp_conflict", "of a server that gave a client another gateway or other name servers than another server gave that client within ten minutes"),
)
_LEFT_OUT: Final = (
    ("DHCPv6", "its messages are not read yet"),
    ("Options in the fields of the server's name and file (52)", "they hold nothing that names a host"),
    ("What is inside encapsulated vendor options (43, 125)", "each maker has its own"),
)


def _dissector(_protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.dhcp.dissect import DhcpDissector  # noqa: PLC0415 - loaded when it is used

    return DhcpDissector(limits)


PROTOCOL = ProtocolSpec(
    name="dhcp",
    title="DHCP",
    ports=(),
    framings=(),
    datagrams=(67, 68),
    facts_only=True,
    dissector=_dissector,
    function_name=lambda function, _subfunction: f"function_{function}",
    functions={},
    references=("RFC 2131, DHCP", "RFC 2132, options", "RFC 4702, option 81"),
    reference=lambda: facts_page(_READ, _FACTS, _LEFT_OUT),
)
