"""How long the report of a plant takes to make and how large it is: `python -m tests.benchmarks.report`. Process seconds, best of three."""

from __future__ import annotations

import time

from otwatch.outputs.report.html import html_text
from otwatch.outputs.view.assemble import plant_view
from tests.outputs.report.plants import plant

SIZES = ((250, 1_250), (500, 2_500), (1_000, 5_000), (2_000, 10_000), (4_000, 20_000))


def main() -> None:
    """A table in Markdown."""
    print("| assets | conversations | view, s | HTML, s | file, MB | symbols | lines |\n|---:|---:|---:|---:|---:|---:|---:|")
    for assets, conversations in SIZES:
        result = plant(assets, conversations)
        best = None
        for _ in range(3):
            start = time.process_time()
            view = plant_view(result)
            middle = time.process_time()
            text = html_text(view)
            took = middle - start, time.process_time() - middle
            best = took if best is None else min(best, took, key=sum)
        assert best is not None
        size = len(text.encode()) / 1e6
        drawn = f"{len(view.map.symbols)} | {len(view.map.lines)}"
        print(f"| {assets:,} | {conversations:,} | {best[0]:.2f} | {best[1]:.2f} | {size:.1f} | {drawn} |")


if __name__ == "__main__":
    main()
