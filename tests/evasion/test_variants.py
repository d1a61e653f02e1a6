"""Every act in every variant: reported once with the right author, or the result says what was not read. Nothing is missed in silence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from otwatch.engine.analysis import Analysis
from otwatch.engine.exporters import OperationExporter
from otwatch.limits import Limits
from otwatch.outputs.result import Result
from tests.evasion import variants_below, variants_said, variants_tcp
from tests.evasion.acts import ACTS, Act
from tests.evasion.variants import Variant, unique

VARIANTS = unique(variants_tcp.VARIANTS, variants_below.VARIANTS, variants_said.VARIANTS)
# What a result says of operations that it may lack. That answers were not seen, or packets came twice, is no such thing.
LACKS = frozenset({"parts-not-decoded", "undecoded-traffic", "undecoded-protocol", "headers-not-decoded", "fragments", "stream-gaps",
                   "unidentified-on-ot-port", "cut-by-snap-length", "requests-not-seen"})


class _Rows:
    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []

    def write(self, records: Any) -> None:
        self.records.extend(records)


def analysed(path: Path) -> tuple[list[dict[str, Any]], Result]:
    """Operations and result of a capture."""
    rows = _Rows()
    analysis = Analysis(Limits())
    analysis.listeners.append(OperationExporter(analysis, rows))  # type: ignore[arg-type]
    analysis.run([str(path)])
    return rows.records, analysis.finish()


def verdict(variant: Variant, act: Act, folder: Path) -> str:
    """told, incomplete, silent, or what is wrong about what was told."""
    operations, result = analysed(variant.capture(act).write(folder / "variant.pcap"))
    found = [row for row in operations if row["role"] == variant.role and all(row[name] == value for name, value in act.seen.items())]
    who = "dst" if variant.role == "response" else "src"
    said = sorted({spot.kind for spot in result.blind_spots} & LACKS)
    if len(found) > variant.most:
        return f"told {len(found)} times"
    if found and {row[who] for row in found} != {variant.source}:
        return f"told of {found[0][who]}"
    return "told" if found else f"incomplete: {', '.join(said)}" if said else "silent"


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=lambda variant: variant.name)
def test_nothing_is_missed_in_silence(variant: Variant, tmp_path: Path) -> None:
    verdicts = {act.name: verdict(variant, act, tmp_path) for act in ACTS if variant.suits(act)}
    assert verdicts
    right = ("told",) if variant.shown else ("told", "incomplete")
    assert {name: said for name, said in verdicts.items() if not said.startswith(right) or said.startswith("told ")} == {}
