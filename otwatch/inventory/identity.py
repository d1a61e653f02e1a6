"""Which of the things that traffic said of a device are shown, and which contradict each other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from otwatch.inventory.asset import KnownFact

# Attributes of which a device has one value. Others (states, quirks, program blocks) stand in its facts.
IDENTITY: Final = (
    "vendor", "model", "order_number", "hardware", "firmware", "boot_loader", "software", "serial", "os", "os_version", "name", "device_instance",
)
# Two names are no contradiction: a plant names a station, a module and a host.
_CONTRADICTORY: Final = frozenset(IDENTITY) - {"name"}
GIVEN_IN: Final = ("dns.",)  # sources of names that another host gave
_TOKENS: Final = re.compile(r"[0-9]+|[^\W\d_]+")


def identity_of(facts: Iterable[KnownFact]) -> dict[str, KnownFact]:
    """Kind -> the fact that is shown: by confidence, then precision (`V4.3.1` says more than `V4.3`), then recency."""
    chosen: dict[str, KnownFact] = {}
    for fact in sorted(facts, key=lambda fact: fact.last_ns):  # stable: facts of one moment stay in order
        if fact.kind not in IDENTITY:
            continue
        known = chosen.get(fact.kind)
        if known is None or fact.confidence > known.confidence or (fact.confidence == known.confidence and not _refines(known.value, fact.value)):
            chosen[fact.kind] = fact
    return {kind: chosen[kind] for kind in IDENTITY if kind in chosen}


def conflicts_of(facts: Sequence[KnownFact]) -> dict[str, list[str]]:
    """Kind -> values of which none is a longer form of another, in the order in which they were said."""
    values: dict[str, list[str]] = {}
    for fact in facts:
        if fact.kind in _CONTRADICTORY:
            known = values.setdefault(fact.kind, [])
            if not any(_refines(other, fact.value) for other in known):
                known[:] = [other for other in known if not _refines(fact.value, other)]
                known.append(fact.value)
    return {kind: known for kind, known in values.items() if len(known) > 1}


def names_of(facts: Iterable[KnownFact]) -> dict[str, str]:
    """Source -> the first name that the device was given there; what is believed most stands first."""
    names: dict[str, str] = {}
    for fact in sorted(facts, key=lambda fact: -fact.confidence):
        if fact.kind == "name":
            names.setdefault(fact.source, fact.value)
    return names


def _refines(longer: str, shorter: str) -> bool:
    """Whether one value says what the other says, and perhaps more: blanks, case and punctuation do not count."""
    words, fewer = _TOKENS.findall(longer.casefold()), _TOKENS.findall(shorter.casefold())
    if words[: len(fewer)] == fewer:
        return True
    joined, inside = "".join(words), "".join(fewer)
    return joined == inside or (not any(map(str.isdigit, inside)) and inside in joined)  # "Siemens" of "Siemens AG"; never 4.3 of 14.31
