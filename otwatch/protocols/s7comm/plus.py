"""S7comm-plus: rows of the protocol `s7comm-plus`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otwatch.limits import Limits

if TYPE_CHECKING:
    from otwatch.protocols.s7comm.state import Message


class Plus:
    """Reads what starts with 0x72, or TLS, on COTP."""

    def __init__(self, protocol: int, limits: Limits) -> None:
        self.protocol = protocol
        self.limits = limits

    def feed(self, message: Message, at: int, end: int) -> None:
        """One COTP message."""
