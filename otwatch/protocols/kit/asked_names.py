"""Which names hosts ask for: assets keep the first few of each host, for a browser asks for thousands; rules and exports see all."""

from __future__ import annotations

from otwatch.limits import Limits
from otwatch.protocols.kit.claims import GIVEN, Claims
from otwatch.protocols.spec import Fact
from otwatch.tables import Pdus

_NAMES = 32  # of one host that become facts of their own
_HOSTS = 8_192  # that are remembered


class AskedNames:
    """Facts `asks_for` about who asks; one that says how it goes on beyond the first names."""

    def __init__(self, limits: Limits, source: str) -> None:
        self._claims = Claims(limits)
        self._source = source
        self._of: dict[int, set[str]] = {}

    def ask(self, facts: list[Fact], pdus: Pdus, pdu: int, name: str) -> None:
        """A host asks for a name."""
        host = int(pdus.source[pdu])
        known = self._of.get(host)
        if known is None:
            if len(self._of) >= _HOSTS:
                self._of.clear()
            known = self._of[host] = set()
        lower = name.lower()
        if lower not in known and len(known) >= _NAMES:
            self._claims.say(facts, pdus, pdu, host, "asks_for", f"more than {_NAMES} names", self._source, GIVEN)
            self._claims.say(facts, pdus, pdu, host, "asks_for", name, self._source, GIVEN, kept=False)
            return
        known.add(lower)
        self._claims.say(facts, pdus, pdu, host, "asks_for", name, self._source, GIVEN)
