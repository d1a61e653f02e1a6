"""Telnet: banner, logins in clear text, shells that open. No OT protocol."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.kit.telling import CLEAR_TEXT
from otwatch.protocols.spec import Dissector, Head, ProtocolSpec
from otwatch.protocols.telnet.framing import begins, cut


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.telnet.dissect import TelnetDissector  # noqa: PLC0415 - loaded when it is used

    return TelnetDissector(protocol, limits)


def _reference() -> str:
    from otwatch.protocols.telnet.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="telnet",
    title="Telnet",
    facts_only=True,
    head=Head(ports=(23, 2323), begins=begins, cut=cut, most=64),
    dissector=_dissector,
    weaknesses=(CLEAR_TEXT,),
    references=("RFC 854, RFC 855",),
    reference=_reference,
)
