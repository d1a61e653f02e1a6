"""The figures of docs/reference/performance.md, measured on this machine: `make bench`, or `python tests/benchmarks/run.py --long` with 20 million.

- Cost of the whole analysis per packet (all shipped rules), beside what `tcpdump -r FILE -w /dev/null` costs on the same file in the same run.
- Peak memory at 200 thousand, 2 million and 20 million packets.
- Time of `otwatch analyze` on a file of 100 packets, from prompt to prompt.
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
import time
from pathlib import Path

HERE = Path(__file__).parent
OTWATCH = [sys.executable, "-c", "from otwatch.cli import main; main()"]


def run(command: list[str]) -> tuple[float, float, int]:
    """(wall seconds, user + system seconds, peak memory in kilobytes) of a command."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"failed: {' '.join(command)}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


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
        small, large = capture(folder, 100), capture(folder, chosen.packets)
        start = min(run([*OTWATCH, "analyze", str(small)])[0] for _ in range(chosen.repeat))
        print(f"| analyze, 100 packets, prompt to prompt | {start:.2f} s |")
        floor = min(run([*OTWATCH, "analyze", str(small)])[1] for _ in range(chosen.repeat))
        whole = min(run([*OTWATCH, "analyze", str(large)])[1] for _ in range(chosen.repeat))
        ours = (whole - floor) / chosen.packets * 1e9
        print(f"| analyze, {chosen.packets:,} packets, marginal CPU | {ours:.0f} ns/packet |")
        if shutil.which("tcpdump"):
            copied = min(run(["tcpdump", "-r", str(large), "-w", "/dev/null"])[1] for _ in range(chosen.repeat)) / chosen.packets * 1e9
            print(f"| tcpdump -r x -w /dev/null, same file | {copied:.0f} ns/packet |")
            print(f"| ratio | {ours / copied:.2f} |")
        copies = more_rules(folder, 9)
        tenfold = min(run([*OTWATCH, "analyze", "--rules", str(copies), str(large)])[1] for _ in range(chosen.repeat))
        tenfold_floor = min(run([*OTWATCH, "analyze", "--rules", str(copies), str(small)])[1] for _ in range(chosen.repeat))
        print(f"| ten times the rules, marginal CPU | {(tenfold - tenfold_floor) / (whole - floor):.2f} times |")
        for packets in [200_000, 2_000_000, *([20_000_000] if chosen.long else [])]:
            path = capture(folder, packets)
            print(f"| peak memory, {packets:,} packets | {run([*OTWATCH, 'analyze', str(path)])[2] / 1024:.0f} MB |")
            path.unlink()
    print(f"(this process itself: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB)")


if __name__ == "__main__":
    main()
