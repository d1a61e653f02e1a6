"""Record captures of the lab:  sudo python pcaps/lab/record.py NAME... | all   (see pcaps/README.md)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="captures to record, a prefix with * at the end, or all"
    )
    parser.add_argument("--output", type=Path, default=HERE.parent / "plant", help="folder of the captures")
    parser.add_argument("--list", action="store_true", help="print the names and end")
    wanted = parser.parse_args()
    try:
        from net import Lab, LabError
        from recording import Recording
        from scenarios import SCENARIOS
    except ImportError as error:
        print(f"record.py: {error}; install the dependency group: pip install --group traffic", file=sys.stderr)
        return 2
    if wanted.list or not wanted.names:
        for name, scenario in SCENARIOS.items():
            print(f"{name:32} {scenario.shows}")
        return 0
    names = [
        name
        for name in SCENARIOS
        for pattern in wanted.names
        if pattern in (name, "all") or (pattern.endswith("*") and name.startswith(pattern[:-1]))
    ]
    if not names:
        print(f"record.py: no such capture: {' '.join(wanted.names)}; --list shows them", file=sys.stderr)
        return 2
    wanted.output.mkdir(parents=True, exist_ok=True)
    try:
        with Lab() as lab:
            for name in names:
                scenario = SCENARIOS[name]
                with Recording(
                    lab, wanted.output, name, scenario.shows, servers=scenario.servers, quirks=list(scenario.quirks)
                ) as recording:
                    scenario.play(recording)
                size = (wanted.output / f"{name}.pcap").stat().st_size
                print(f"{name}: {size} bytes, {len(recording.operations)} operations", flush=True)
    except LabError as error:
        print(f"record.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
