"""FTP: banner, logins in clear text, files that are stored and fetched. No OT protocol."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.ftp.framing import begins, cut
from otwatch.protocols.kit.telling import CLEAR_TEXT
from otwatch.protocols.spec import Dissector, Head, ProtocolSpec, Weakness


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.ftp.dissect import FtpDissector  # noqa: PLC0415 - loaded when it is used

    return FtpDissector(protocol, limits)


def _reference() -> str:
    from otwatch.protocols.ftp.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="ftp",
    title="FTP",
    facts_only=True,
    head=Head(ports=(21, 2121), begins=begins, cut=cut, most=8_192),
    dissector=_dissector,
    weaknesses=(CLEAR_TEXT, Weakness(kind="anonymous_login", text="accepts FTP logins without a password")),
    references=("RFC 959", "RFC 4217"),
    reference=_reference,
)
