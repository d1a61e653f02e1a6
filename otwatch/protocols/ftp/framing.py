"""Commands and replies of FTP (RFC 959 4.1, 4.2), a line each."""

from __future__ import annotations

from otwatch.protocols.kit.lines import cut_line
from otwatch.protocols.spec import WHOLE_FLOW, Verdict

_TLS = 0x16  # the first byte of a hello, after AUTH


def begins(octets: bytes, direction: int) -> Verdict:
    """Three digits of a server, the letters of a command of a client."""
    first = octets[:4]
    if direction:
        if len(first) < 4:
            return Verdict.UNSURE if first.isdigit() else Verdict.NO
        return Verdict.YES if first[:3].isdigit() and first[3:] in (b" ", b"-") else Verdict.NO
    return Verdict.NO if not first[:3].isalpha() or not first.isascii() else Verdict.YES if len(first) > 3 else Verdict.UNSURE


def cut(octets: bytes, at: int, _direction: int, _number: int) -> tuple[int, int]:
    """See Head.cut: a line; nothing once both sides encrypt."""
    return (0, WHOLE_FLOW) if octets[at] == _TLS else cut_line(octets, at)
