"""SSH: the version that each side names. What follows is encrypted. No OT protocol."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.spec import Dissector, Head, ProtocolSpec, Weakness
from otwatch.protocols.ssh.framing import begins, cut


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.ssh.dissect import SshDissector  # noqa: PLC0415 - loaded when it is used

    return SshDissector(protocol, limits)


def _reference() -> str:
    from otwatch.protocols.ssh.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="ssh",
    title="SSH",
    facts_only=True,
    head=Head(ports=(22, 2222), begins=begins, cut=cut, first_bytes=frozenset(b"S"), most=1),
    dissector=_dissector,
    weaknesses=(
        Weakness(kind="ssh_version", text="uses SSH 1 ({value})", applies=lambda value: value.startswith(("SSH-1.3", "SSH-1.5"))),
    ),
    references=("RFC 4253",),
    reference=_reference,
)
