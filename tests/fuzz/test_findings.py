"""Every input that ever broke something, every seed, and a short blind search from the seeds: nothing raises."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.targets import TARGETS, findings, seeds


@pytest.mark.parametrize("name", TARGETS)
def test_findings_stay_mended(name: str) -> None:
    for path in findings(name):
        TARGETS[name](path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_damaged_seeds(name: str) -> None:
    first = list(seeds(name))
    assert first
    chance = random.Random(name)
    for seed in first:
        TARGETS[name](seed)
        for _ in range(5):
            damaged = bytearray(seed)
            for _ in range(chance.randrange(1, 12)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            cut = chance.randrange(len(damaged))
            TARGETS[name](bytes(damaged))
            TARGETS[name](bytes(damaged[:cut]) + bytes(damaged[cut + chance.randrange(8) :]))
