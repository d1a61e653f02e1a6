"""Which of the values that traffic gave are shown, and which contradict each other."""

from __future__ import annotations

import pytest

from otwatch.inventory.asset import KnownFact
from otwatch.inventory.identity import conflicts_of, identity_of, names_of


def fact(kind: str, value: str, at: int = 0, *, confidence: float = 1.0, source: str = "x") -> KnownFact:
    return KnownFact(kind=kind, value=value, source=source, confidence=confidence, frame=at, file="", first_ns=at, last_ns=at)


def shown(*facts: KnownFact) -> dict[str, str]:
    return {kind: found.value for kind, found in identity_of(facts).items()}


def test_confidence_comes_before_precision_before_recency() -> None:
    assert shown(fact("firmware", "V4.3", 2), fact("firmware", "V4.3.1", 1)) == {"firmware": "V4.3.1"}
    assert shown(fact("firmware", "V4.3.1", 1), fact("firmware", "V5.0", 2)) == {"firmware": "V5.0"}
    assert shown(fact("firmware", "V4.3.1", 1), fact("firmware", "V5.0", 2, confidence=0.5)) == {"firmware": "V4.3.1"}


def test_what_is_no_attribute_of_a_device_is_not_its_identity() -> None:
    assert shown(fact("state", "RUN"), fact("quirk", "swaps octets"), fact("serial", "S 1")) == {"serial": "S 1"}


@pytest.mark.parametrize(("kind", "values"), [
    ("firmware", ("V4.3", "V4.3.1")),
    ("order_number", ("6ES7 315-2EH14-0AB0", "6ES7315-2EH14-0AB0")),
    ("vendor", ("Siemens", "SIEMENS AG")),
    ("name", ("a", "b")),
    ("state", ("RUN", "STOP")),
])
def test_no_contradiction(kind: str, values: tuple[str, ...]) -> None:
    assert conflicts_of([fact(kind, value) for value in values]) == {}
    assert conflicts_of([fact(kind, value) for value in reversed(values)]) == {}


@pytest.mark.parametrize(("kind", "values"), [
    ("firmware", ("V4.3", "V14.3")),
    ("firmware", ("V1.1", "V1.10")),
    ("serial", ("S C-1", "S C-2")),
    ("model", ("CPU 315-2 PN/DP", "CPU 317-2 PN/DP")),
])
def test_contradictions(kind: str, values: tuple[str, ...]) -> None:
    assert conflicts_of([fact(kind, value) for value in values]) == {kind: list(values)}


def test_names_stand_by_their_source() -> None:
    told = [fact("name", "plc", source="a"), fact("name", "line 2", source="b"), fact("name", "other", source="a")]
    assert names_of(told) == {"a": "plc", "b": "line 2"}
