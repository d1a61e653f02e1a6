"""Coverage-guided fuzzing with atheris, on the uncompiled sources: `python tests/fuzz/fuzz.py modbus --seconds 3600`.

What it finds is written to tests/fuzz/findings and from then on run by pytest (tests/fuzz/test_findings.py), compiled.
Needs `pip install atheris`. The corpus grows in --corpus (default: a folder under the user's cache).
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ["OTWATCH_UNCOMPILED"] = "1"
ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import atheris  # noqa: E402 - after the choice of sources

from otwatch.protocols import protocols  # noqa: E402
from tests.fuzz.targets import LIMITS, TARGETS, seeds  # noqa: E402


def main() -> None:
    """Fuzzes one target for a while."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("target", choices=TARGETS)
    options.add_argument("--seconds", type=int, default=3600)
    options.add_argument("--corpus", type=Path, default=Path.home() / ".cache" / "otwatch-fuzz")
    chosen = options.parse_args()
    corpus = chosen.corpus / chosen.target
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(chosen.target)):
        (corpus / f"seed-{number}").write_bytes(seed)
    for index, spec in enumerate(protocols(), 1):
        if spec.dissector is not None:
            spec.dissector(index, LIMITS)  # imports what is otherwise imported late
    kept = ROOT / "tests" / "fuzz" / "findings"
    kept.mkdir(exist_ok=True)  # of an empty folder a clone knows nothing
    atheris.instrument_all()
    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={chosen.seconds}",
            "-max_len=4096",
            "-timeout=20",
            "-rss_limit_mb=2048",
            "-print_final_stats=1",
            f"-artifact_prefix={kept}/{chosen.target}-",
            str(corpus),
        ],
        TARGETS[chosen.target],
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
