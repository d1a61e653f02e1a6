"""NTP datagrams -> facts about servers and who follows them. Clauses are of RFC 5905."""

from __future__ import annotations

from typing import Final

from otwatch.limits import Limits
from otwatch.protocols.kit.claims import ADMINISTERED, Claims
from otwatch.protocols.spec import Fact
from otwatch.tables import Anomalies, Operations, Pdus

_HEADER: Final = 48  # 7.3
_SERVER, _BROADCAST = 4, 5  # modes
_VERSIONS: Final = range(1, 5)
_STRATA: Final = range(1, 16)  # 0: kiss o' death, 16: not synchronised
_UNSYNCHRONISED: Final = 3  # leap indicator


class NtpDissector:
    """Keeps what was said of late."""

    def __init__(self, limits: Limits) -> None:
        self._claims = Claims(limits)

    def feed(self, pdus: Pdus, _operations: Operations, _anomalies: Anomalies, facts: list[Fact]) -> None:
        """Appends the facts of a batch."""
        for pdu in range(pdus.rows):
            octets = pdus.octets.tobytes(pdus.start[pdu], pdus.end[pdu])
            if len(octets) >= _HEADER and any(octets[40:48]):  # a server has a time to give
                self._message(octets, pdus, pdu, facts)

    def forget(self, _flow: int) -> int:
        """Nothing is kept of a conversation."""
        return 0

    def _message(self, octets: bytes, pdus: Pdus, pdu: int, facts: list[Fact]) -> None:
        leap, version, mode, stratum = octets[0] >> 6, octets[0] >> 3 & 7, octets[0] & 7, octets[1]
        if mode not in (_SERVER, _BROADCAST) or version not in _VERSIONS or stratum not in _STRATA or leap == _UNSYNCHRONISED:
            return
        server, reference = int(pdus.source[pdu]), octets[12:16]
        clock = reference.rstrip(b"\0").decode("ascii", "replace")
        named = f" ({clock})" if stratum == 1 and clock.isprintable() and clock and "\ufffd" not in clock else ""
        self._claims.say(facts, pdus, pdu, server, "ntp_server", f"stratum {stratum}{named}", "ntp.server", ADMINISTERED)
        if mode == _SERVER:
            self._claims.say(facts, pdus, pdu, int(pdus.destination[pdu]), "time_from", server, "ntp.server", ADMINISTERED)
