"""Small lakes for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from otwatch.lake.layout import Lake, Place
from otwatch.lake.writing import LakeWriter

SITE, SENSOR = "Plant 1/north", "../tap"  # names that are no names of folders
DAY_NS = 86_400_000_000_000
START_NS = 1_795_305_600_000_000_000  # 2026-11-22


def fact(day: int, number: int) -> dict[str, Any]:
    """A fact of a day, counted from 2026-11-22."""
    time = f"2026-11-{22 + day:02}T{number % 24:02}:00:00.000000001Z"
    return {"type": "fact", "time": time, "file": "x.pcap", "frame": number, "address": "10.0.0.9", "child": "", "kind": "model",
            "value": f"=1+1 {number}", "source": "test", "confidence": 0.5}


def fill(root: Path, name: str = "r-1", days: int = 2, facts: int = 30) -> list[str]:
    """Writes a recording of some days; returns the days that are new."""
    writer = LakeWriter(Lake(root, new=True), SITE, SENSOR)
    for day in range(days):
        writer.records("facts", [fact(day, number) for number in range(facts)])
    return writer.commit(name, first_ns=START_NS, last_ns=START_NS + days * DAY_NS - 1, about={"packets": 5, "captures": ["x.pcap"]})


def place(root: Path) -> Place:
    """The only place of such a lake."""
    [one] = Lake(root).places()
    return one
