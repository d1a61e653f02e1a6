"""For which names hosts answer where everybody may: a host answers for its own name, a program that lures hosts (responder) for any."""

from __future__ import annotations

from typing import Final

from otwatch.limits import Limits
from otwatch.protocols.kit.claims import ADMINISTERED, Claims
from otwatch.protocols.spec import Fact
from otwatch.tables import Pdus

SEVERAL: Final = 3  # names of one host: its own, an old one, an alias
_SHOWN: Final = 8
_HOSTS: Final = 4_096  # that are remembered


class AnsweredNames:
    """Makes a fact `answers_for` about a host once it has answered for several names."""

    def __init__(self, limits: Limits, source: str) -> None:
        self._claims = Claims(limits)
        self._source = source
        self._of: dict[int, list[str]] = {}

    def answer(self, facts: list[Fact], pdus: Pdus, pdu: int, name: str) -> None:
        """A host answers for a name; of a domain name the host's part counts."""
        host, own = int(pdus.source[pdu]), name.partition(".")[0].lower()
        if host not in self._of and len(self._of) >= _HOSTS:
            self._of.clear()
        names = self._of.setdefault(host, [])
        if own in names or len(names) >= _SHOWN:
            return
        names.append(own)
        if len(names) >= SEVERAL:
            self._claims.say(facts, pdus, pdu, host, "answers_for", ", ".join(names), self._source, ADMINISTERED)
