"""Which of the things that traffic said of a device are weaknesses: each protocol names its own (`ProtocolSpec.weaknesses`)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from otwatch.inventory.asset import KnownFact
from otwatch.protocols import protocols
from otwatch.protocols.spec import Weakness


def weaknesses_of(facts: Iterable[KnownFact]) -> list[tuple[str, KnownFact]]:
    """(what was observed, the first fact that shows it), in the order of the facts; a text once."""
    known = _by_kind()
    found: dict[str, KnownFact] = {}
    for fact in facts:
        for weakness in known.get((fact.source.partition(".")[0], fact.kind), ()):
            if weakness.applies(fact.value):
                found.setdefault(weakness.text.replace("{value}", fact.value), fact)
    return list(found.items())


@cache
def _by_kind() -> dict[tuple[str, str], list[Weakness]]:
    """(protocol, kind of fact) -> its weaknesses."""
    known: dict[tuple[str, str], list[Weakness]] = {}
    for spec in protocols():
        for weakness in spec.weaknesses:
            known.setdefault((spec.name, weakness.kind), []).append(weakness)
    return known
