"""The figures of docs/reference/performance.md, measured on this machine: `make bench`, or `python tests/benchmarks/run.py --long` with 20 million.

- What one more packet costs the whole analysis (all shipped rules): processor time of the large capture less that of a tenth of it, in which
  every behaviour was seen already; the same for `tcpdump -r FILE -w /dev/null`, turn and turn about.
- Peak memory at 200 thousand, 2 million and 20 million packets.
- `otwatch analyze` on a file of 100 packets, from prompt to prompt: wall time, and the processor time in it.
- Ten times the rules.

Machines are noisy: every figure is the best of several runs, and the ratio is what counts.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from measuring import OTWATCH, run

HERE = Path(__file__).parent


def capture(folder: Path, packets: int) -> Path:
    """A generated capture of a polling plant."""
    path = folder / f"polling-{packets}.pcap"
    subprocess.run(
        [sys.executable, str(HERE / "make_polling.py"), "--packets", str(packets), "--output", str(path)], check=True, stdout=subprocess.DEVNULL
    )
    return path


def more_rules(folder: Path, times: int) -> Path:
    """The shipped rules again under other names, so many times."""
    from otwatch.engine.detector import shipped_rules

    copies = folder / "rules"
    for path in shipped_rules().rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        for number in range(times):
            copy = copies / f"{number}" / path.relative_to(shipped_rules())
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(
                "\n".join(f"{line}-copy{number}" if line.startswith(("id: ", "- id: ")) else line for line in text.splitlines()) + "\n",
                encoding="utf-8",
            )
    return copies


def main() -> None:
    """Prints a table in Markdown."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--packets", type=int, default=2_000_000, help="of the capture whose cost is measured")
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--long", action="store_true", help="memory at 20 million packets too")
    chosen = options.parse_args()
    print(f"load average {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory(prefix="otwatch-bench-") as scratch:
        folder = Path(scratch)
        tiny, small, large = (capture(folder, packets) for packets in (100, chosen.packets // 10, chosen.packets))
        starts = [run([*OTWATCH, "analyze", str(tiny)], folder) for _ in range(2 * chosen.repeat)]
        print(f"| analyze, 100 packets, prompt to prompt | {min(cost.wall_s for cost in starts):.2f} s |")
        print(f"| the same, processor time | {min(cost.cpu_s for cost in starts):.2f} s |")
        copies = more_rules(folder, 9)
        commands = {
            "whole analysis": lambda path: [*OTWATCH, "analyze", path],
            "whole analysis, ten times the rules": lambda path: [*OTWATCH, "analyze", "--rules", str(copies), path],
        }
        if shutil.which("tcpdump"):
            commands["tcpdump -r x -w /dev/null"] = lambda path: ["tcpdump", "-r", path, "-w", "/dev/null"]
        best: dict[tuple[str, Path], float] = {}
        for _ in range(chosen.repeat):
            for name, command in commands.items():
                for path in (small, large):
                    best[name, path] = min(best.get((name, path), float("inf")), run(command(str(path)), folder).cpu_s)
        each = {name: (best[name, large] - best[name, small]) / (chosen.packets - chosen.packets // 10) * 1e9 for name in commands}
        for name, nanoseconds in each.items():
            print(f"| {name}, one more packet | {nanoseconds:.0f} ns |")
        ours, tenfold = each["whole analysis"], each["whole analysis, ten times the rules"]
        if "tcpdump -r x -w /dev/null" in each:
            print(f"| ratio to tcpdump | {ours / each['tcpdump -r x -w /dev/null']:.1f} |")
        print(f"| ten times the rules | {tenfold / ours:.2f} times |")
        for packets in [200_000, 2_000_000, *([20_000_000] if chosen.long else [])]:
            path = capture(folder, packets)
            print(f"| peak memory, {packets:,} packets | {run([*OTWATCH, 'analyze', str(path)], folder).memory_kb / 1024:.0f} MB |", flush=True)
            path.unlink()
    print(f"(this process itself: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB)")


if __name__ == "__main__":
    main()
