"""How time and memory grow with assets and behaviours, as a table and a picture:  python tests/benchmarks/growth.py [--picture FILE.svg]

Captures in which everything is new: every seven packets another controller, or every packet something that was not said before. Beyond the caps of
`otwatch/limits.py` what is new is merged and counted, and the cost of a packet falls.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from measuring import run
from mixes import ANALYZE, capture

ASSETS = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
BEHAVIOURS = (10_000, 30_000, 100_000, 200_000, 500_000, 1_000_000)
PACKETS_OF_ONE = {"assets": 7, "behaviours": 1}
_WIDTH, _HEIGHT, _EDGE = 560, 320, 56
_COLOURS = {"assets": "#0b6bcb", "behaviours": "#b3261e"}


@dataclass(frozen=True, slots=True)
class Point:
    """One capture."""

    count: int  # assets or behaviours
    cpu_s: float
    memory_mb: float


def measured(mix: str, counts: tuple[int, ...], folder: Path) -> list[Point]:
    """One run of each size."""
    found = []
    for count in counts:
        path = capture(folder, mix, count * PACKETS_OF_ONE[mix])
        cost = run([*ANALYZE, str(path)], folder)
        found.append(Point(count, cost.cpu_s, cost.memory_kb / 1024))
        print(f"| {mix} | {count:,} | {cost.cpu_s:.2f} s | {cost.cpu_s / count * 1e6:.1f} us | {cost.memory_kb / 1024:.0f} MB |", flush=True)
    return found


def picture(lines: dict[str, list[Point]]) -> str:
    """Processor time by count, both logarithmic: a slope of 1 is linear, and drawn in grey."""
    points = [point for line in lines.values() for point in line]
    low, high = (f(math.log10(point.count) for point in points) for f in (min, max))
    below, above = (f(math.log10(point.cpu_s) for point in points) for f in (min, max))
    below, above = math.floor(below), math.ceil(above)

    def place(count: float, seconds: float) -> tuple[float, float]:
        across = (math.log10(count) - low) / (high - low) * (_WIDTH - 2 * _EDGE) + _EDGE
        up = (math.log10(seconds) - below) / (above - below) * (_HEIGHT - 2 * _EDGE) + _EDGE
        return round(across, 1), round(_HEIGHT - up, 1)

    drawn = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12">']
    drawn.append(f'<title>Processor time of otwatch analyze by assets and behaviours</title><rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>')
    for power in range(below, above + 1):
        (x, y), (right, _) = place(10**low, 10**power), place(10**high, 10**power)
        drawn.append(f'<path d="M{x} {y}H{right}" stroke="#ddd"/><text x="{x - 6}" y="{y + 4}" text-anchor="end">{10.0**power:g} s</text>')
    for power in range(math.ceil(low), math.floor(high) + 1):
        x, y = place(10**power, 10**below)
        drawn.append(f'<text x="{x}" y="{y + 18}" text-anchor="middle">{10**power:,}</text>')
    for number, (name, line) in enumerate(lines.items()):
        path = "L".join(f"{x} {y}" for x, y in (place(point.count, point.cpu_s) for point in line))
        first, last = line[0], line[-1]
        start, end = place(first.count, first.cpu_s), place(last.count, min(first.cpu_s * last.count / first.count, 10.0**above))
        drawn.append(f'<path d="M{start[0]} {start[1]}L{end[0]} {end[1]}" stroke="#bbb" stroke-dasharray="3 3"/>')
        drawn.append(f'<path d="M{path}" fill="none" stroke="{_COLOURS[name]}" stroke-width="2"/>')
        drawn.append(f'<text x="{_EDGE + 8}" y="{_EDGE - 20 + 16 * number}" fill="{_COLOURS[name]}">{name}</text>')
    return "\n".join([*drawn, "</svg>", ""])


def main() -> None:
    """Prints the table; writes the picture where one is asked for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--picture", type=Path)
    options.add_argument("--keep", type=Path, help="a folder for the captures, so that the next run need not make them")
    chosen = options.parse_args()
    print(f"load average {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores, Python {sys.version.split()[0]}")
    print("\n| what is new | how many | processor time | each | peak memory |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="otwatch-growth-") as scratch:
        folder = chosen.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        lines = {"assets": measured("assets", ASSETS, folder), "behaviours": measured("behaviours", BEHAVIOURS, folder)}
    if chosen.picture:
        chosen.picture.write_text(picture(lines))


if __name__ == "__main__":
    main()
