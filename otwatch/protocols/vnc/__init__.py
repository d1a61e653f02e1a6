"""VNC (RFB): version, and whether it lets in without a password. No OT protocol."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.spec import Dissector, Head, ProtocolSpec, Weakness
from otwatch.protocols.vnc.framing import begins, cut


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.vnc.dissect import VncDissector  # noqa: PLC0415 - loaded when it is used

    return VncDissector(protocol, limits)


def _reference() -> str:
    from otwatch.protocols.vnc.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="vnc",
    title="VNC",
    facts_only=True,
    head=Head(ports=(5900, 5901, 5902, 5903, 5800), begins=begins, cut=cut, first_bytes=frozenset(b"R"), most=2),
    dissector=_dissector,
    weaknesses=(
        Weakness(kind="vnc_security", text="offers its desktop without authentication (VNC)", applies="none".__eq__),
        Weakness(kind="vnc_security", text="VNC is not encrypted, and its passwords have eight characters", applies="VNC password".__eq__),
    ),
    references=("RFC 6143",),
    reference=_reference,
)
