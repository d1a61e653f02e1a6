"""HTTP: who serves and who asks; passwords in clear text (Basic). No OT protocol."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.http.framing import begins, cut
from otwatch.protocols.kit.telling import CLEAR_TEXT
from otwatch.protocols.spec import Dissector, Head, ProtocolSpec, Weakness


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.http.dissect import HttpDissector  # noqa: PLC0415 - loaded when it is used

    return HttpDissector(protocol, limits)


def _reference() -> str:
    from otwatch.protocols.http.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="http",
    title="HTTP",
    facts_only=True,
    head=Head(ports=(80, 8080, 8000, 8008, 81), begins=begins, cut=cut, first_bytes=frozenset(b"GPHODC"), most=8),
    dissector=_dissector,
    weaknesses=(
        CLEAR_TEXT,
        Weakness(kind="http_login", text="asks for passwords in clear text (HTTP {value})", applies=lambda value: value.lower().startswith("basic")),
    ),
    references=("RFC 9110, RFC 9112", "RFC 7617 (Basic)"),
    reference=_reference,
)
