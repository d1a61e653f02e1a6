"""What is kept of a recording goes through bytes unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from otwatch.engine.detector import policy_of
from otwatch.engine.observing import not_observed, observe
from otwatch.engine.state import Observed, Shelf, Wanted
from otwatch.outputs.rows import Rows

PLANT = Path(__file__).parents[2] / "pcaps" / "plant"
ATTACK = str(PLANT / "plant-attack.pcap")


@pytest.fixture(scope="module")
def attack() -> Observed:
    tables = {"flows": Rows(), "facts": Rows()}
    policy = policy_of(site=str(PLANT / "site.yaml"))
    observed = observe([ATTACK], policy, Wanted(activity=True, anomalies=True, tables=tuple(tables)), tables)
    observed.tables = tables
    return observed


def test_a_recording_is_the_same_after_its_journey(attack: Observed) -> None:
    found = Observed.load(attack.save())
    assert found.result == attack.result
    assert found.result.incidents
    assert found.activity.commands
    assert (found.activity, found.anomalies, found.stopped) == (attack.activity, attack.anomalies, attack.stopped)
    assert {name: list(rows) for name, rows in found.tables.items()} == {name: list(rows) for name, rows in attack.tables.items()}
    assert list(found.tables["flows"])


def test_what_is_no_recording_of_this_version_is_refused(attack: Observed) -> None:
    saved = attack.save()
    with pytest.raises(ValueError, match="another otwatch"):
        Observed.load(saved.replace(b" recording", b"9 recording", 1))
    for end in (0, 5, 40, len(saved) // 2, len(saved) - 1):
        with pytest.raises(ValueError, match="recording"):
            Observed.load(saved[:end])
    for place in range(30, 600, 7):
        changed = bytearray(saved)
        changed[place] ^= 0x55
        with pytest.raises(ValueError):  # noqa: PT011 - of any kind, and nothing else
            Observed.load(bytes(changed))


def test_a_shelf_gives_what_was_put_there(attack: Observed) -> None:
    shelf = Shelf()
    assert not list(shelf)
    shelf.add(attack)
    assert next(iter(shelf)) is attack
    shelf.add(not_observed(["x.pcap"], "gone"))
    for _ in range(2):
        first, second = shelf
        assert first.result == attack.result
        assert second.result.unreadable == ["x.pcap: gone"]
    assert len(shelf) == 2
