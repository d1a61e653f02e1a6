"""Writes the captures of the evasion suite to a folder: `python tests/evasion/make.py FOLDER [NAME...]`. The same bytes at every run."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.evasion import layer2, packets, protocols, segments
from tests.evasion.case import Case

CASES: dict[str, Case] = {case.name: case for case in (*segments.CASES, *packets.CASES, *protocols.CASES, *layer2.CASES)}


def make(folder: Path, *names: str) -> list[Path]:
    """The named captures, or all."""
    folder.mkdir(parents=True, exist_ok=True)
    return [CASES[name].make().write(folder / f"{name}.pcap") for name in names or CASES]


if __name__ == "__main__":
    if len(sys.argv) < 2 or any(name not in CASES for name in sys.argv[2:]):
        sys.exit(f"{__doc__}\nnames: {', '.join(CASES)}")
    for path in make(Path(sys.argv[1]), *sys.argv[2:]):
        print(path)
