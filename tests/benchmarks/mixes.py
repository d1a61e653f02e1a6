"""What one more packet costs on every kind of traffic, beside copying it:  python tests/benchmarks/mixes.py [MIX…] [--repeat 3] [--packets 250000]

For each mix of `make_mix.py` (and `polling`, of `make_polling.py`) captures of three sizes are made. *One more packet* is the processor time of the
largest less that of the smallest, by the packets between them, of `otwatch analyze` and of `tcpdump -r FILE -w /dev/null` in turns, best of the
repeats. *Growth* is the cost of a packet in the second half against that in the first: 1 is linear. Attacks on the analyser are measured whole,
against a capture of polling of as many packets.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from make_mix import MIXES
from measuring import OTWATCH, Cost, run

HERE = Path(__file__).parent
ATTACK_PACKETS = 150_000
TCPDUMP = ["tcpdump", "-w", "/dev/null", "-r"]
ANALYZE = [*OTWATCH, "analyze", "--format", "jsonl", "--output", "/dev/null"]


def capture(folder: Path, mix: str, packets: int) -> Path:
    """Makes a capture, once."""
    path = folder / f"{mix}-{packets}.pcap"
    if not path.exists():
        script = ["make_polling.py"] if mix == "polling" else ["make_mix.py", mix]
        command = [sys.executable, str(HERE / script[0]), *script[1:], "--packets", str(packets), "--output", str(path)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return path


def best(costs: list[Cost]) -> Cost:
    """The least of each figure: noise only adds."""
    return Cost(min(cost.wall_s for cost in costs), min(cost.cpu_s for cost in costs), min(cost.memory_kb for cost in costs))


def measured(commands: dict[str, list[str]], repeat: int, folder: Path) -> dict[str, Cost]:
    """All commands in turns, so that what disturbs the machine disturbs each of them."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(repeat):
        for name, command in commands.items():
            costs[name].append(run(command, folder))
    return {name: best(found) for name, found in costs.items()}


def slope(mix: str, packets: int, repeat: int, folder: Path) -> str:
    """One row of the table of mixes."""
    sizes = [packets // 5, packets // 2, packets]
    paths = [str(capture(folder, mix, size)) for size in sizes]
    commands = {f"{tool}{i}": [*command, path] for i, path in enumerate(paths) for tool, command in (("ours", ANALYZE), ("copy", TCPDUMP))}
    cost = measured(commands, repeat, folder)

    def marginal(tool: str, low: int, high: int) -> float:
        return (cost[f"{tool}{high}"].cpu_s - cost[f"{tool}{low}"].cpu_s) / (sizes[high] - sizes[low]) * 1e9

    ours, copy = marginal("ours", 0, 2), max(marginal("copy", 0, 2), 1.0)
    growth = marginal("ours", 1, 2) / max(marginal("ours", 0, 1), 1.0)
    memory = [cost[f"ours{i}"].memory_kb / 1024 for i in (0, 2)]
    return f"| {mix} | {ours:.0f} ns | {copy:.0f} ns | **{ours / copy:.1f}** | {growth:.2f} | {memory[0]:.0f} → {memory[1]:.0f} MB |"


def attack(mix: str, packets: int, repeat: int, folder: Path) -> str:
    """One row of the table of attacks on the analyser."""
    paths = {"benign": capture(folder, "polling", packets), "half": capture(folder, mix, packets // 2), "whole": capture(folder, mix, packets)}
    cost = measured({name: [*ANALYZE, str(path)] for name, path in paths.items()}, repeat, folder)
    whole = cost["whole"]
    times, growth = whole.cpu_s / cost["benign"].cpu_s, whole.cpu_s / cost["half"].cpu_s
    return f"| {mix} | {whole.cpu_s:.2f} s | {times:.1f} | {growth:.1f} | {whole.memory_kb / 1024:.0f} MB |"


def main() -> None:
    """Prints two tables in Markdown."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("mixes", nargs="*", metavar="MIX", help=f"polling, {', '.join(MIXES)}; all when none is named")
    options.add_argument("--packets", type=int, default=250_000, help="of the larger capture of a mix")
    options.add_argument("--attack-packets", type=int, default=ATTACK_PACKETS)
    options.add_argument("--repeat", type=int, default=3)
    options.add_argument("--keep", type=Path, help="a folder for the captures, so that the next run need not make them")
    chosen = options.parse_args()
    known = ["polling", *MIXES]
    wanted = chosen.mixes or known
    if unknown := set(wanted) - set(known):
        options.error(f"no such mix: {', '.join(sorted(unknown))}")
    print(f"load average {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory(prefix="otwatch-bench-") as scratch:
        folder = chosen.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if mixes := [mix for mix in wanted if not mix.startswith("attack-")]:
            print("\n| mix | one more packet | copying it | ratio | growth | peak memory |\n| --- | --- | --- | --- | --- | --- |")
            for mix in mixes:
                print(slope(mix, chosen.packets, chosen.repeat, folder), flush=True)
        if attacks := [mix for mix in wanted if mix.startswith("attack-")]:
            print("\n| attack | processor time | times benign | twice the packets | peak memory |\n| --- | --- | --- | --- | --- |")
            for mix in attacks:
                print(attack(mix, chosen.attack_packets, chosen.repeat, folder), flush=True)


if __name__ == "__main__":
    main()
