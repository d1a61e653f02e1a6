"""What OPC UA messages tell about servers and clients: applications, certificates, the build of the server. Called for the few that carry it.

A fact is made when it is new: a client that asks for the endpoints every minute does not repeat itself in the tables.
"""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.kit.certificates import read_certificate
from otwatch.protocols.opcua import spec
from otwatch.protocols.opcua.values import value as decoded
from otwatch.protocols.spec import Fact
from otwatch.tables import Pdus

_REMEMBERED = 65_536  # facts; beyond it they may repeat
_CERTIFICATES = 1_024


class Identity:
    """Makes facts; remembers which were made."""

    def __init__(self) -> None:
        self._characters = Limits().text_characters
        self._told: set[tuple[int, str, str]] = set()
        self._certificates: dict[bytes, tuple[tuple[str, str], ...] | None] = {}

    def add(self, pdus: Pdus, pdu: int, kind: str, value: str, source: str, facts: list[Fact]) -> None:
        """A fact about the sender of a PDU."""
        value = value[: self._characters]
        address = int(pdus.source[pdu])
        if not value or (address, kind, value) in self._told:
            return
        if len(self._told) >= _REMEMBERED:
            self._told.clear()
        self._told.add((address, kind, value))
        facts.append(
            Fact(
                timestamp_ns=int(pdus.timestamp_ns[pdu]),
                frame=int(pdus.frame[pdu]),
                flow=int(pdus.flow[pdu]),
                address=address,
                kind=kind,
                value=value,
                source=source,
            )
        )

    def certificate(self, octets: bytes) -> tuple[tuple[str, str], ...] | None:
        """Kinds and values of the facts of a certificate, the first of a chain; None where it is none."""
        if octets not in self._certificates:
            if len(self._certificates) >= _CERTIFICATES:
                self._certificates.clear()
            known = read_certificate(octets)
            self._certificates[octets] = None if known is None else known.facts()
        return self._certificates[octets]

    @staticmethod
    def build(number: int, octets: bytes) -> list[tuple[str, str]]:
        """Kinds and values of the facts in a DataValue of ServerStatus, BuildInfo, or one of its variables."""
        read = decoded(spec.VALUE_DATA, octets, {})
        if isinstance(read, str) and number in spec.IDENTITY:
            return [(spec.IDENTITY[number], read)]
        if isinstance(read, dict):
            fields = read if number == spec.BUILD_INFO else read.get("build_info")
            if isinstance(fields, dict):
                return [(kind, str(fields[kind])) for kind in spec.BUILD_FIELDS if fields.get(kind)]
        return []
