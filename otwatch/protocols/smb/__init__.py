"""SMB (Windows file sharing) with NTLM logins and the pipes of Windows administration: identities, and what is done to a host. No OT protocol."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.smb.framing import REQUEST, SESSION, begins, cut
from otwatch.protocols.spec import Dissector, Head, ProtocolSpec, Weakness


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.smb.dissect import SmbDissector  # noqa: PLC0415 - loaded when it is used

    return SmbDissector(protocol, limits)


def _reference() -> str:
    from otwatch.protocols.smb.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="smb",
    title="SMB",
    facts_only=True,
    head=Head(ports=(445, 139), begins=begins, cut=cut, first_bytes=frozenset({SESSION, REQUEST})),
    dissector=_dissector,
    weaknesses=(
        Weakness(kind="smb_dialect", text="accepts {value}, which Microsoft withdrew", applies=lambda value: value.startswith("SMB 1")),
        Weakness(kind="ntlm_version", text="logs in with {value}, whose answers are easily broken"),
    ),
    references=("MS-SMB2", "MS-SMB, MS-CIFS", "MS-NLMP", "RFC 1002 4.3"),
    reference=_reference,
)
