"""What Telnet shows until somebody is logged in: lines, and prompts, after which no line ends (RFC 854)."""

from __future__ import annotations

import re

from otwatch.protocols.kit.lines import LONGEST
from otwatch.protocols.spec import Verdict

IAC = 0xFF
_END = re.compile(rb"[\r\n]|(?i:login|user ?name|user|password|passcode) ?:")
_PLAIN = frozenset({0, 7, 8, 9, 10, 13, 27, IAC, *range(0x20, 0x7F)})


def begins(octets: bytes, _direction: int) -> Verdict:
    """Options of Telnet, or text."""
    return Verdict.YES if all(octet in _PLAIN or octets[0] == IAC for octet in octets[:8]) else Verdict.NO


def cut(octets: bytes, at: int, direction: int, _number: int) -> tuple[int, int]:
    """See Head.cut: up to the end of a line; of a server's text also up to a prompt."""
    for found in _END.finditer(octets, at, at + LONGEST):
        if direction or len(found[0]) == 1:
            return found.end() - at, found.end() - at
    return (LONGEST, LONGEST) if len(octets) - at >= LONGEST else (0, 0)
