"""DCE/RPC over TCP: Windows administration, WMI and OPC Classic. Which interfaces are used, and which calls change a host. No OT protocol."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.kit.rpc import HEADER, fragment_length, is_header
from otwatch.protocols.spec import Dissector, Head, ProtocolSpec, Verdict

_WHOLE = 8_192
_HEADS = 512


def begins(octets: bytes, _direction: int) -> Verdict:
    """A header of 16 bytes with plausible lengths."""
    if len(octets) < HEADER:
        return Verdict.UNSURE if octets[0] == 5 else Verdict.NO
    return Verdict.YES if is_header(octets) else Verdict.NO


def cut(octets: bytes, at: int, _direction: int, _number: int) -> tuple[int, int]:
    """See Head.cut: all of a small fragment, the beginning of a large one."""
    if len(octets) - at < HEADER:
        return (0, 0) if octets[at] == 5 else (-1, 0)
    if not is_header(octets, at):
        return -1, 0
    length = fragment_length(octets, at)
    return length if length <= _WHOLE else _HEADS, length


def _dissector(protocol: int, limits: Limits) -> Dissector:
    from otwatch.protocols.msrpc.dissect import MsrpcDissector  # noqa: PLC0415 - loaded when it is used

    return MsrpcDissector(protocol, limits)


def _reference() -> str:
    from otwatch.protocols.msrpc.reference import reference  # noqa: PLC0415 - only the reference pages ask

    return reference()


PROTOCOL = ProtocolSpec(
    name="msrpc",
    title="DCE/RPC over TCP",
    facts_only=True,
    head=Head(ports=(135,), begins=begins, cut=cut, first_bytes=frozenset({5})),
    dissector=_dissector,
    references=("C706: DCE 1.1 Remote Procedure Call, chapter 12", "MS-RPCE", "MS-SCMR, MS-TSCH, MS-WMI, MS-RRP, MS-SAMR, MS-DRSR"),
    reference=_reference,
)
