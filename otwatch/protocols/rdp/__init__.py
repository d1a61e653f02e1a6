"""RDP: who asks for a desktop from which host, and what secures it. No OT protocol."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.rdp.framing import begins, cut
from otwatch.protocols.spec import Dissector, Head, ProtocolSpec, Weakness


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.rdp.dissect import RdpDissector  # noqa: PLC0415 - loaded when it is used

    return RdpDissector(protocol, limits)


def _reference() -> str:
    from otwatch.protocols.rdp.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="rdp",
    title="RDP",
    facts_only=True,
    head=Head(ports=(3389,), begins=begins, cut=cut, most=3),
    dissector=_dissector,
    weaknesses=(
        Weakness(kind="rdp_security", text="accepts RDP with its own encryption, without TLS", applies=lambda value: value.startswith("RDP")),
    ),
    references=("MS-RDPBCGR 2.2.1",),
    reference=_reference,
)
