"""TLS around OT protocols: Modbus/TCP Security, CIP Security, DNP3 over TLS. Who, with which certificate, and how much; never what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from otwatch.actions import Action
from otwatch.limits import Limits
from otwatch.protocols.kit.tls import ALERT, CHANGE_CIPHER, CLIENT_HELLO, DATA, HANDSHAKE, PORTS, SERVER_HELLO
from otwatch.protocols.spec import Dissector, Framing, Port, ProtocolSpec, Verdict

HELLO, ALERTED, ENCRYPTED = CLIENT_HELLO, ALERT, DATA  # functions
FUNCTIONS: Final[Mapping[int, tuple[str, Action]]] = {
    HELLO: ("hello", Action.CONNECT), ALERTED: ("alert", Action.OTHER), ENCRYPTED: ("encrypted_record", Action.ENCRYPTED),
}
_ALERTS: Final[Mapping[int, str]] = {
    10: "unexpected_message", 20: "bad_record_mac", 40: "handshake_failure", 42: "bad_certificate", 43: "unsupported_certificate",
    44: "certificate_revoked", 45: "certificate_expired", 46: "certificate_unknown", 48: "unknown_ca", 49: "access_denied", 50: "decode_error",
    51: "decrypt_error", 70: "protocol_version", 71: "insufficient_security", 80: "internal_error", 112: "unrecognized_name",
    116: "certificate_required",
}  # fmt: skip
_MOST: Final = 16_384 + 2_048 + 5  # RFC 5246 6.2.3


def probe(octets: bytes, _direction: int) -> Verdict:
    """Never YES: TLS is everywhere, and an OT protocol only where a port says so."""
    if len(octets) < 6 or octets[1] != 3:
        return Verdict.NO
    if octets[0] == HANDSHAKE:
        return Verdict.UNSURE if octets[5] in (CLIENT_HELLO, SERVER_HELLO) else Verdict.NO
    return Verdict.UNSURE if CHANGE_CIPHER <= octets[0] <= DATA and octets[2] == 3 else Verdict.NO


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.tls.dissect import TlsDissector  # noqa: PLC0415 - loaded when it is used

    return TlsDissector(protocol, limits)


def _reference() -> str:
    from otwatch.protocols.tls.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


def status_name(status: int) -> str:
    """The description of a fatal alert."""
    return "ok" if status == 0 else f"alert:{_ALERTS.get(status, status)}"


def value(kind: int, octets: bytes, _row: Mapping[str, int]) -> Any:
    """The name that a client asked for."""
    return octets.decode("ascii", "replace") if kind and octets else None


PROTOCOL = ProtocolSpec(
    name="tls",
    title="TLS on ports of OT protocols",
    ports=tuple(Port(transport=6, number=number) for number in PORTS),
    framings=(
        Framing(name="records", header_bytes=5, magic=((0, 0xFC, 0x14), (1, 0xFF, 3), (2, 0xFC, 0)), length_at=3, length_bytes=2, length_add=5,
                min_bytes=5, max_bytes=_MOST, probe=probe, on_port_only=True),
    ),
    dissector=_dissector,
    function_name=lambda function, _subfunction: FUNCTIONS[function][0] if function in FUNCTIONS else f"record_{function}",
    functions={number: name for number, (name, _) in FUNCTIONS.items()},
    status_name=status_name,
    object_name=lambda _row: "",
    value=value,
    is_answered=lambda row: row["function"] == HELLO,
    references=("RFC 8446, RFC 5246 (TLS)", "Modbus/TCP Security, MB-TCP-Security-v36", "JA4: FoxIO"),
    reference=_reference,
)
