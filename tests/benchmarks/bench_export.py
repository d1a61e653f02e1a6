"""What an export of operations costs, beside `otwatch analyze` and `tshark -T fields` on the same capture.

    python tests/benchmarks/bench_export.py CAPTURE... [--repeat 2]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from measuring import OTWATCH, Cost, run

FIELDS = (
    "frame.time_epoch", "frame.number", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "mbtcp.trans_id", "modbus.func_code",
    "modbus.reference_num", "modbus.word_cnt", "modbus.regval_uint16", "s7comm.param.func", "s7comm.param.item.address", "dnp3.al.func",
)  # fmt: skip


def main() -> None:
    """Prints a table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("captures", nargs="+", type=Path)
    options.add_argument("--repeat", type=int, default=2)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for capture in given.captures:
            commands = {"analyze": [*OTWATCH, "analyze", str(capture), "--format", "jsonl", "--output", str(folder / "x.json")]}
            for suffix in ("parquet", "jsonl", "csv"):
                commands[f"export *.{suffix}"] = [*OTWATCH, "export", "operations", str(capture), "--output", str(folder / f"x.{suffix}")]
            commands["tshark -T fields"] = ["tshark", "-r", str(capture), "-T", "fields", *(part for field in FIELDS for part in ("-e", field))]
            best: dict[str, Cost] = {}
            for _ in range(given.repeat):
                for what, command in commands.items():
                    cost = run(command, folder)
                    best[what] = min(best.get(what, cost), cost, key=lambda one: one.cpu_s)
            base = best["analyze"].cpu_s
            for what, cost in best.items():
                print(f"{capture.name}: {what}: {cost.cpu_s:.2f} s of processor time, {cost.cpu_s / base:.2f} x analyze, {cost.memory_kb // 1024} MB")


if __name__ == "__main__":
    main()
