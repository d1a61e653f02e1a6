"""Advisories as text: what is published about the devices that were observed."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from otwatch.intel.advisories import Library
from otwatch.outputs.advisories import findings_of, library_line
from otwatch.outputs.escape import one_line
from otwatch.outputs.result import Result
from otwatch.outputs.times import time_text

_SHOWN = 50


def show_advisories(result: Result, library: Library, console: Console) -> None:
    """Affected, then possible; what is outside of the versions is a number."""
    findings = findings_of(result, library)
    now = time_text(result.last_ns or 0)
    told = [finding for finding in findings if finding.result != "outside"]
    console.print()
    console.print(Text(f"Advisories ({len(told)})", style="bold underline"))
    console.print(Text(one_line(f"{library_line(library, now)}. An advisory that is not here may exist all the same."), style="dim"))
    for finding in told[:_SHOWN]:
        style = "bold red" if finding.result == "affected" else "yellow"
        score = f" (CVSS {finding.score:g})" if finding.score is not None else ""
        cves = ", ".join(finding.cves[:6]) + (f" and {len(finding.cves) - 6} more" if len(finding.cves) > 6 else "")
        twins = f", also {', '.join(finding.twins)}" if finding.twins else ""
        console.print(Text.assemble((f"{finding.result}", style), one_line(f"  {finding.subject}  {finding.advisory}{twins}: {cves}{score}")))
        fix = f"; the advisory offers: {', '.join(remedy.replace('_', ' ') for remedy in finding.remedies)}" if finding.remedies else ""
        product = f"{finding.product}, {finding.version or 'no version named'}"
        text = f"{product}; {finding.reason}; confidence {finding.confidence:.0%}{fix}; {finding.url}"
        console.print(Padding(Text(one_line(text)), (0, 0, 0, 10)))
    if len(told) > _SHOWN:
        console.print(f"and {len(told) - _SHOWN} more: --format jsonl")
    outside = len(findings) - len(told)
    if outside:
        console.print(f"{outside} advisories name a device of these, and not its version.")
