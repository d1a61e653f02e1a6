"""The line with which each side of SSH begins (RFC 4253 4.2)."""

from __future__ import annotations

from otwatch.protocols.kit.lines import cut_line
from otwatch.protocols.spec import Verdict


def begins(octets: bytes, _direction: int) -> Verdict:
    """`SSH-`."""
    return Verdict.NO if not b"SSH-".startswith(octets[:4]) else Verdict.YES if len(octets) >= 4 else Verdict.UNSURE


def cut(octets: bytes, at: int, _direction: int, _number: int) -> tuple[int, int]:
    """See Head.cut: the line."""
    return cut_line(octets, at)
