"""NTP: which clocks hosts follow, and how far these are from a reference."""

from __future__ import annotations

from typing import Final

from otwatch.limits import Limits
from otwatch.protocols.kit.facts_page import facts_page
from otwatch.protocols.spec import Dissector, ProtocolSpec

_READ: Final = "Datagrams of port 123 that are messages of NTP or SNTP version 1 to 4 between clients and servers, or broadcast."
_FACTS: Final = (
    ("ntp_server", "of who answers or broadcasts: `stratum N`, of stratum 1 with its reference clock"),
    ("time_from", "of who is answered: the address of the server that it asked"),
)
_LEFT_OUT: Final = (
    ("Control and private messages (modes 6 and 7)", "they identify nobody"),
    ("The server that a server follows", "the reference id is an address or a hash of one, and does not tell which"),
    ("Whether the time is right", "the clock of the capture is no reference"),
)


def _dissector(_protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.ntp.dissect import NtpDissector  # noqa: PLC0415 - loaded when it is used

    return NtpDissector(limits)


PROTOCOL = ProtocolSpec(
    name="ntp",
    title="NTP",
    ports=(),
    framings=(),
    datagrams=(123,),
    facts_only=True,
    dissector=_dissector,
    function_name=lambda function, _subfunction: f"function_{function}",
    functions={},
    references=("RFC 5905, 7.3 (packet header)",),
    reference=lambda: facts_page(_READ, _FACTS, _LEFT_OUT),
)
