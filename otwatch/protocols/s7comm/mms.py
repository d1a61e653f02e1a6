"""OSI session on COTP, hence MMS or ICCP: named, with a row per session connect, and not dissected further."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otwatch.protocols.s7comm.state import Message


class Mms:
    """Recognises ISO 8327 session PDUs."""

    def __init__(self, protocol: int) -> None:
        self.protocol = protocol

    def speaks(self, message: Message, at: int, end: int) -> bool:
        """Is it OSI session?"""
        return False

    def feed(self, message: Message, at: int, end: int) -> None:
        """One COTP message."""
