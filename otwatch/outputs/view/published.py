"""Advisories beside the assets, as the report shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from otwatch.intel.advisories import Library
from otwatch.outputs.advisories import findings_of, library_line
from otwatch.outputs.result import Result
from otwatch.outputs.times import time_text
from otwatch.outputs.view.plant import Advisories, AdvisoryRow, AssetRow

_SHOWN: Final = 500
_CVES: Final = 6


def advisories_of(result: Result, library: Library, assets: Sequence[AssetRow]) -> Advisories:
    """What is published about the devices of a result, the certain first."""
    findings = findings_of(result, library)
    named = [finding for finding in findings if finding.result != "outside"]
    numbers = {row.label: row.number for row in reversed(assets)}
    rows = []
    for finding in named[:_SHOWN]:
        more = f" and {len(finding.cves) - _CVES} more" if len(finding.cves) > _CVES else ""
        device = next((label for label in (finding.subject, finding.subject.split(" ")[0]) if label in numbers), "")
        twins = f" (also {', '.join(finding.twins)})" if finding.twins else ""
        rows.append(
            AdvisoryRow(
                asset=numbers.get(device, -1),
                device=finding.subject,
                result=finding.result,
                confidence=f"{finding.confidence:.0%}",
                advisory=finding.advisory + twins,
                title=finding.title,
                cves=", ".join(finding.cves[:_CVES]) + more,
                score=f"{finding.score:g}" if finding.score is not None else "",
                product=f"{finding.product}, {finding.version or 'no version named'}",
                reason=finding.reason,
                remedies=", ".join(remedy.replace("_", " ") for remedy in finding.remedies),
                released=finding.released,
                url=finding.url,
            )
        )
    return Advisories(
        line=library_line(library, time_text(result.last_ns or 0)),
        rows=tuple(rows),
        left_out=len(named) - len(rows),
        outside=len(findings) - len(named),
    )
