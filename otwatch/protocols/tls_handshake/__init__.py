"""The handshake of TLS on any port of TCP: whom a client means, how it offers what (JA4), certificates up to TLS 1.2. No OT protocol."""

from __future__ import annotations

from typing import Final

from otwatch.limits import Limits
from otwatch.protocols.kit.tls import HANDSHAKE, PORTS
from otwatch.protocols.spec import Dissector, Head, ProtocolSpec, Weakness
from otwatch.protocols.tls_handshake.framing import begins, cut

_FORBIDDEN: Final = frozenset({"SSL 3.0", "TLS 1.0", "TLS 1.1"})  # RFC 7568, RFC 8996


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.tls_handshake.dissect import TlsHandshakeDissector  # noqa: PLC0415 - loaded when it is used

    return TlsHandshakeDissector(protocol, limits)


def _reference() -> str:
    from otwatch.protocols.tls_handshake.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="tls_handshake",
    title="TLS handshakes",
    facts_only=True,
    head=Head(ports=(443, 8443, *PORTS), begins=begins, cut=cut, first_bytes=frozenset({HANDSHAKE}), most=16),
    dissector=_dissector,
    weaknesses=(Weakness(kind="tls_version", text="accepts {value}, which RFC 8996 forbids", applies=_FORBIDDEN.__contains__),),
    references=("RFC 8446, RFC 5246", "RFC 6066 3 (server name)", "JA4: FoxIO"),
    reference=_reference,
)
